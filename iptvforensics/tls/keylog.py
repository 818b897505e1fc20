"""Key logs -> the secrets of connections, found by the client's random.

Format: draft-ietf-tls-keylogfile, as NSS, OpenSSL and browsers write it (`SSLKEYLOGFILE`): a label, the client's random
and a secret per line. The same text stands in Decryption Secrets Blocks of pcapng files.

**Known limitations**: lines with the label `RSA` (an encrypted premaster secret) are not used.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

MASTER = "CLIENT_RANDOM"
CLIENT_EARLY = "CLIENT_EARLY_TRAFFIC_SECRET"
CLIENT_HANDSHAKE, SERVER_HANDSHAKE = "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_TRAFFIC, SERVER_TRAFFIC = "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"
LABELS = frozenset({MASTER, CLIENT_EARLY, CLIENT_HANDSHAKE, SERVER_HANDSHAKE, CLIENT_TRAFFIC, SERVER_TRAFFIC})

MAX_SECRETS = 1 << 21
MAX_SECRET_BYTES = 64
MAX_SESSIONS = 1 << 16
"""Sessions that may be resumed and are remembered; the oldest gives way."""
_RANDOM_BYTES = 32


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
        self._count = 0
        self._sessions: dict[bytes, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def add(self, log: bytes) -> int:
        """Add the lines of a key log; return how many of them hold a secret that may be used."""
        found = 0
        for line in log.splitlines():
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
                self._known.setdefault(random, {}).setdefault(label, value)
                self._count += 1
                found += 1
        return found

    def find(self, label: str, random: bytes) -> Secret | None:
        """Return a secret of the connection whose client sent this random."""
        value = self._known.get(random, {}).get(label)
        return None if value is None else Secret(label, value)

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
