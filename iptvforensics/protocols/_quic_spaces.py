"""Protected packets of one direction -> payloads: numbers, key phases, and which of several keys is the right one.

Specification: RFC 9000 section 12.3 (packet number spaces) and appendix A, RFC 9001 section 6 (key update).

A key log gives the secret, not the cipher suite: that is in the server's hello, which may be missing or come later than
the client's packets do. As every packet is authenticated, the first one that opens shows suite and version.
"""

from __future__ import annotations

from typing import NamedTuple

from ..tls.keylog import Secret
from ..tls.names import suite_name
from ..tls.suites import Suite, suite_of
from ._quic_crypto import KEY_PHASE, Header, Keys, full_number

MAX_TRIALS = 1 << 16
"""Failed trials per space; then what is not protected as expected stays closed."""
_MORE_NUMBERS = 8
"""How often the window of a shortened number is moved on: packets may be missing."""
_SUITES = {32: (0x1301, 0x1303, 0x1304), 48: (0x1302,)}
"""Suites by the length of their secrets (RFC 8446 appendix B.4; RFC 9001 section 5.3 leaves CCM_8 out)."""


class Phase:
    """The use of one secret of a key log."""

    __slots__ = ("bytes", "first_offset", "packets", "secret", "sha256", "suite", "updates")

    def __init__(self, secret: Secret) -> None:
        self.secret = secret
        self.sha256 = secret.sha256
        self.packets = 0
        self.bytes = 0
        self.updates = 0
        self.suite: str | None = None
        self.first_offset: int | None = None
        """Stream offset of the first packet that was opened."""

    def note(self, payload: bytes, offset: int) -> None:
        """Count a packet that was opened."""
        self.packets += 1
        self.bytes += len(payload)
        if self.first_offset is None:
            self.first_offset = offset


class Opened(NamedTuple):
    """The payload of a packet."""

    payload: bytes
    at: int
    """Where it begins in the packet: encryption keeps the places of the bytes."""


class Space:
    """Packets of one direction and one packet number space."""

    __slots__ = ("_candidates", "_generations", "_largest", "_present", "_trials", "phase")

    def __init__(self, candidates: list[tuple[str | None, Keys, Phase | None]]) -> None:
        self.phase = candidates[0][2] if candidates else None
        self._candidates = candidates
        self._generations: dict[int, Keys] = {}
        """Keys by the number of key updates before them, once the right ones are known."""
        self._present = 0
        self._largest = -1
        self._trials = 0

    @classmethod
    def of_secrets(cls, secrets: list[Secret], versions: list[int], suite: int | None) -> Space:
        """Return the space whose packets one of these secrets protects; the likeliest version comes first."""
        candidates: list[tuple[str | None, Keys, Phase | None]] = []
        for secret in secrets:
            numbers = _SUITES.get(len(secret.value), ()) if suite is None else (suite,)
            suites: list[tuple[str, Suite]] = [(suite_name(n), found) for n in numbers if (found := suite_of(n))]
            phase = Phase(secret)
            candidates += [
                (name, Keys(version, found, secret.value), phase) for version in versions for name, found in suites
            ]
        return cls(candidates)

    @property
    def version(self) -> int | None:
        """Return the version of the packets, None before one was opened."""
        return next(iter(self._generations.values())).version if self._generations else None

    def open(self, packet: bytes, number_at: int, offset: int) -> Opened | None:
        """Return the payload of a packet, None if the keys do not fit; `offset` is that of the packet."""
        if self._generations:
            found = self._open(packet, number_at)
        else:
            found = self._first(packet, number_at)
        if found is not None and self.phase is not None:
            self.phase.note(found.payload, offset)
        return found

    def open_expected(self, packet: bytes, number_at: int, offset: int) -> Opened | None:
        """Return the payload of a packet with a short header that is protected like the last one; None: `open` tells.

        Nothing is changed by a packet that is not.
        """
        keys = self._generations.get(self._present)
        if keys is None:
            return None
        found = keys.open_short(packet, number_at, self._largest, self._present & 1)
        if found is None:
            return None
        payload, at, number = found
        if number > self._largest:
            self._largest = number
        if self.phase is not None:
            self.phase.note(payload, offset)
        return Opened(payload, at)

    def _first(self, packet: bytes, number_at: int) -> Opened | None:
        """Return the payload of the first packet: it shows which keys are the right ones."""
        for name, keys, phase in self._candidates:
            self._generations = {0: keys}
            found = self._open(packet, number_at)
            if found is not None:
                self.phase = phase
                if phase is not None:
                    phase.suite = name
                return found
        self._generations = {}
        return None

    def _open(self, packet: bytes, number_at: int) -> Opened | None:
        present = self._present
        header = self._generations[present].header(packet, number_at)
        if header is None:
            return None
        number = full_number(self._largest, header.truncated, header.bits)
        is_long = packet[0] & 0x80
        is_expected = is_long or (header.data[0] & KEY_PHASE != 0) == present % 2
        if is_expected:
            payload = self._generations[present].open(packet, header, number)
            if payload is not None:
                return self._take(payload, header, number)
        return self._search(packet, header, number, present, is_long=bool(is_long))

    def _search(self, packet: bytes, header: Header, number: int, present: int, *, is_long: bool) -> Opened | None:
        """Return the payload of a packet that is not protected as expected: keys were renewed, or many are missing."""
        wanted = [present] if is_long else self._phases(present, bool(header.data[0] & KEY_PHASE))
        for generation in wanted:
            if self._trials >= MAX_TRIALS:
                return None
            keys = self._generation(generation)
            for more in range(_MORE_NUMBERS):
                self._trials += 1
                payload = keys.open(packet, header, number + (more << header.bits))
                if payload is not None:
                    self._trials -= more + 1
                    if generation > present:
                        self._renew(generation, keys, generation - present)
                    return self._take(payload, header, number + (more << header.bits))
        return None

    def _phases(self, present: int, bit: bool) -> list[int]:
        """Return the key phases that a bit may mean, the likeliest first."""
        near = (present + 1, present - 1, present + 3) if bit != present % 2 else (present, present + 2)
        return [generation for generation in near if generation >= present - 1 and generation >= 0]

    def _generation(self, number: int) -> Keys:
        """Return the keys after so many updates."""
        known = self._generations.get(number)
        if known is not None:
            return known
        keys = self._generations[self._present]
        for _ in range(number - self._present):
            keys = keys.renewed()
        return keys

    def _renew(self, generation: int, keys: Keys, steps: int) -> None:
        """Go on with later keys; the ones before stay for packets that come late."""
        before = self._generation(generation - 1)
        self._generations, self._present = {generation - 1: before, generation: keys}, generation
        if self.phase is not None:
            self.phase.updates += steps

    def _take(self, payload: bytes, header: Header, number: int) -> Opened:
        self._largest = max(self._largest, number)
        return Opened(payload, len(header.data))
