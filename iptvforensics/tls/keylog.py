"""Key logs -> the secrets of connections, found by the client's random.

Format: draft-ietf-tls-keylogfile, as NSS, OpenSSL and browsers write it (`SSLKEYLOGFILE`): a label, the client's random
and a secret per line. The same text stands in Decryption Secrets Blocks of pcapng files. Files in UTF-16 (as shells of
Windows write them) and with a byte order mark are read, too. Where lines of one label and random differ, all count.

**Known limitations**: lines with the label `RSA` (an encrypted premaster secret) are not used.
"""

from __future__ import annotations

import codecs
import hashlib
from typing import NamedTuple

MASTER = "CLIENT_RANDOM"
CLIENT_EARLY = "CLIENT_EARLY_TRAFFIC_SECRET"
CLIENT_HANDSHAKE, SERVER_HANDSHAKE = "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_TRAFFIC, SERVER_TRAFFIC = "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"
LABELS = frozenset({MASTER, CLIENT_EARLY, CLIENT_HANDSHAKE, SERVER_HANDSHAKE, CLIENT_TRAFFIC, SERVER_TRAFFIC})

MAX_SECRETS = 1 << 21
MAX_OTHERS = 4
"""Further secrets of one label and connection that are kept."""
MAX_SECRET_BYTES = 64
MAX_SESSIONS = 1 << 16
"""Sessions that may be resumed, and identifiers of connections, that are remembered; the oldest gives way."""
MIN_OWNED_BYTES = 4
"""A shorter identifier would be met by chance."""
_RANDOM_BYTES = 32


_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _as_ascii(log: bytes) -> bytes:
    """Return a key log without its byte order mark, one byte per character."""
    if log.startswith(_UTF16_MARKS):
        return log.decode("utf-16", "replace").encode("ascii", "replace")
    return log.removeprefix(codecs.BOM_UTF8)


class Secret(NamedTuple):
    """One secret, and under which label it was given."""

    label: str
    value: bytes

    @property
    def sha256(self) -> str:
        """Return the digest by which results name the secret."""
        return hashlib.sha256(self.value).hexdigest()


class Secrets:
    """The secrets of all connections of an analysis."""

    def __init__(self) -> None:
        self._known: dict[bytes, dict[str, bytes]] = {}
        self._others: dict[tuple[bytes, str], list[bytes]] = {}
        """Secrets that another line gives for the same."""
        self._count = 0
        self._sessions: dict[bytes, bytes] = {}
        self._owners: dict[bytes, bytes] = {}
        self._owner_sizes: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._known)

    def __len__(self) -> int:
        return self._count

    def add(self, log: bytes) -> int:
        """Add the lines of a key log; return how many of them hold a secret that may be used."""
        found = 0
        for line in _as_ascii(log).splitlines():
            parts = line.split()
            if len(parts) != 3 or self._count >= MAX_SECRETS:
                continue
            label = parts[0].decode("ascii", "replace")
            if label not in LABELS:
                continue
            try:
                random, value = bytes.fromhex(parts[1].decode("ascii")), bytes.fromhex(parts[2].decode("ascii"))
            except ValueError:
                continue
            if len(random) == _RANDOM_BYTES and 0 < len(value) <= MAX_SECRET_BYTES:
                if self._known.setdefault(random, {}).setdefault(label, value) != value:
                    self._add_other(random, label, value)
                self._count += 1
                found += 1
        return found

    def find(self, label: str, random: bytes) -> Secret | None:
        """Return a secret of the connection whose client sent this random."""
        value = self._known.get(random, {}).get(label)
        return None if value is None else Secret(label, value)

    def _add_other(self, random: bytes, label: str, value: bytes) -> None:
        others = self._others.setdefault((random, label), [])
        if value not in others and len(others) < MAX_OTHERS:
            others.append(value)

    def find_all(self, label: str, random: bytes) -> list[Secret]:
        """Return the secrets that lines of this label give for a connection, in their order: one of them opens it."""
        first = self.find(label, random)
        others = self._others.get((random, label), ())
        return [] if first is None else [first, *(Secret(label, value) for value in others)]

    def knows(self, random: bytes) -> bool:
        """Return True if there is any secret of the connection whose client sent this random."""
        return random in self._known

    # --- sessions that are resumed without a line of their own (up to TLS 1.2) ----------------------------

    def remember(self, session: bytes, master: bytes) -> None:
        """Remember the master secret under a session identifier or a ticket."""
        if session:
            if len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[session] = master

    def resumed(self, session: bytes) -> Secret | None:
        """Return the master secret of a session that was seen before."""
        master = self._sessions.get(session)
        return None if master is None else Secret(MASTER, master)

    # --- connections of QUIC that go on at other addresses -------------------------------------------------

    def own(self, identifier: bytes, random: bytes) -> None:
        """Remember that an identifier belongs to the connection whose client sent this random."""
        if len(identifier) >= MIN_OWNED_BYTES and identifier not in self._owners:
            if len(self._owners) >= MAX_SESSIONS:
                del self._owners[next(iter(self._owners))]
            self._owners[identifier] = random
            self._owner_sizes.add(len(identifier))

    def owner(self, datagram: bytes) -> bytes | None:
        """Return the client's random of the connection to which a datagram with a short header goes, if it is known."""
        names = (datagram[1 : 1 + size] for size in sorted(self._owner_sizes))
        return next((self._owners[name] for name in names if name in self._owners), None)
