"""Records of one direction -> what they hold, with the keys of one phase after another.

From TLS 1.3 on, a direction changes its keys at the end of its handshake, whenever it likes (KeyUpdate), and once more
at the beginning when the client sends early data. Records are numbered, not on the wire: where some are missing, the
number of the next one is found by trying. As every record is authenticated, none is opened with a wrong number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..tls.keylog import CLIENT_HANDSHAKE, SERVER_HANDSHAKE, Secret
from ..tls.protection import Opener, Opener13

MAX_WINDOW = 4096
"""Records in a row that may be missing."""
MAX_TRIALS = 1 << 16
"""Trials per direction; then the rest of it stays closed."""
_SMALLEST_RECORD = 22
_HEADER_BYTES = 5


class Phase:
    """The time in which one secret protects a direction."""

    __slots__ = ("bytes", "first_offset", "number", "opener", "others", "records", "secret", "sha256", "updates")

    def __init__(self, secret: Secret, opener: Opener, others: Sequence[Phase] = ()) -> None:
        self.secret = secret
        self.others = others
        """Phases of other secrets that the key log gives for the same: one of them may be the right one."""
        self.sha256 = secret.sha256
        self.opener = opener
        self.number = 0
        """Sequence number of the next record."""
        self.records = 0
        self.bytes = 0
        self.updates = 0
        self.first_offset: int | None = None
        """Stream offset of the first record that was opened."""


class Opened(NamedTuple):
    """The content of a record."""

    kind: int
    content: memoryview | bytes
    offset: int
    """Stream offset of the content's first byte."""
    missing: int | None
    """Bytes of content that are missing before it: 0 for none, -1 if their number is not known."""
    phase: Phase


_Candidate = tuple[int, Phase, Opener, int, int]
"""Place among the phases, phase, opener, first number and how many of them."""


class Cipher:
    """Opens the records of one direction."""

    def __init__(self, phases: list[Phase], early: Phase | None = None, *, has_handshake: bool = False) -> None:
        self.phases = phases
        self.early = early
        self.unopened = 0
        """Records that could not be opened."""
        self.first_unopened: int | None = None
        self.has_gaps = False
        """True if records are missing, or were not opened."""
        self._at = 0
        self._has_handshake = has_handshake
        self._is_closed = False
        self._early_is_over = early is None
        self._window = 0
        self._trials = 0
        self._end: int | None = None
        """Stream offset behind the last opened record."""
        self._is_padded = False
        self._has_crossed = False
        """True if keys changed among missing records."""

    @property
    def phase(self) -> Phase:
        """Return the present phase."""
        return self.phases[self._at]

    @property
    def is_past_handshake(self) -> bool:
        """Return True once what is opened is application data."""
        return not self._has_handshake or self._is_closed or self._at > 0

    @property
    def opens_data(self) -> bool:
        """Return True if there is a secret for what comes behind the handshake."""
        return self.phases[-1].secret.label not in (CLIENT_HANDSHAKE, SERVER_HANDSHAKE)

    def open(self, kind: int, version: int, offset: int, body: memoryview) -> Opened | None:
        """Return the content of a record; `offset` is that of its header."""
        phase = self.phases[self._at]
        number = phase.number
        if self._is_closed:
            self._failed(offset)
            return None
        found = phase.opener.open(number, kind, version, body)
        if found is None:
            return self._search(kind, version, offset, body)
        self._early_is_over = True
        return self._take(phase, number, found, offset, body)

    def lost(self, count: int | None, length: int) -> None:
        """Take note of missing records: one, or (None) as many as fit into so many bytes (-1: nobody knows)."""
        self.has_gaps = True
        self._skipped(memoryview(b""))
        more = MAX_WINDOW if length < 0 else length // _SMALLEST_RECORD + 2
        self._window = min(self._window + (more if count is None else count), MAX_WINDOW)

    def advance(self) -> None:
        """Begin with the next secret: the handshake is over in this direction."""
        if self._at < len(self.phases) - 1:
            self._at += 1
        else:
            self.close()

    def close(self) -> None:
        """Open nothing more: there is no secret for what follows."""
        self._is_closed = True

    def update(self) -> None:
        """Begin with the next keys of the same secret (KeyUpdate)."""
        phase = self.phase
        if isinstance(phase.opener, Opener13):
            phase.opener = phase.opener.next()
            phase.number = 0
            phase.updates += 1

    def used(self) -> list[Phase]:
        """Return the phases in which records were opened."""
        early = [] if self.early is None else [self.early]
        return [phase for phase in (*early, *self.phases) if phase.records]

    # --- where records are missing ------------------------------------------------------------------------

    def _search(self, kind: int, version: int, offset: int, body: memoryview) -> Opened | None:
        """Return the content of a record that is not the expected one."""
        if not self._early_is_over and self.early is not None:
            found = self.early.opener.open(self.early.number, kind, version, body)
            if found is not None:
                return self._take(self.early, self.early.number, found, offset, body)
        if self._trials < MAX_TRIALS:
            for at, phase, opener, start, count in self._candidates():
                for number in range(start, start + count):
                    self._trials += 1
                    found = opener.open(number, kind, version, body)
                    if found is not None:
                        self._has_crossed = at != self._at or opener is not phase.opener
                        self._at, self.phases[at] = at, phase
                        if opener is not phase.opener:
                            phase.opener, phase.number = opener, 0
                            phase.updates += 1
                        return self._take(phase, number, found, offset, body)
        self._skipped(body)
        self._window = min(self._window + 1, MAX_WINDOW)
        self._failed(offset)
        return None

    def _failed(self, offset: int) -> None:
        self.has_gaps = True
        self.unopened += 1
        if self.first_unopened is None:
            self.first_unopened = offset

    def _skipped(self, body: memoryview) -> None:
        phase = self.phase
        for each in (phase, *(phase.others if not phase.records else ())):
            each.opener.skipped(body)

    def _candidates(self) -> list[_Candidate]:
        """Return what may have protected the record."""
        at, phase, window = self._at, self.phase, self._window
        found: list[_Candidate] = []
        if not phase.records:
            found += [(at, other, other.opener, 0, window + 1) for other in phase.others]
        found.append((at, phase, phase.opener, phase.number + 1, window))
        if at + 1 < len(self.phases):
            later = self.phases[at + 1]
            found += [(at + 1, each, each.opener, 0, window + 1) for each in (later, *later.others)]
        elif window and isinstance(phase.opener, Opener13) and self.is_past_handshake:
            found.append((at, phase, phase.opener.next(), 0, window))
        return found

    def _take(
        self, phase: Phase, number: int, found: tuple[int, memoryview | bytes], offset: int, body: memoryview
    ) -> Opened:
        kind, content = found
        overhead = len(body) - len(content)
        missing = 0
        if self._end != offset:
            missing = self._missing(phase, number, offset)
        self._is_padded |= overhead != phase.opener.overhead
        self._end = offset + _HEADER_BYTES + len(body)
        self._window = 0
        phase.number = number + 1
        phase.records += 1
        phase.bytes += len(content)
        if phase.first_offset is None:
            phase.first_offset = offset
        return Opened(kind, content, offset + _HEADER_BYTES + phase.opener.content_at, missing, phase)

    def _missing(self, phase: Phase, number: int, offset: int) -> int:
        """Return how many bytes of content lie between the last opened record and this one.

        The number of records between them is known by the numbers, and each adds the same to its content, unless
        their sender fills them up (padding).
        """
        crossed, self._has_crossed = self._has_crossed, False
        if self._end is None:
            return 0 if number == 0 else -1
        if crossed or not phase.records or phase.opener.overhead is None or self._is_padded:
            return -1
        between = offset - self._end
        size = between - (number - phase.number) * (_HEADER_BYTES + phase.opener.overhead)
        return size if between and size >= 0 else -1
