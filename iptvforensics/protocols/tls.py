"""TLS: records of a TCP connection turned into what its handshake says.

Specification: RFC 8446 (TLS 1.3), RFC 5246, 4346, 2246 (TLS 1.2 to 1.0), RFC 6101 (SSL 3). A hello may be spread over
any number of records and TCP segments. One row tells of both sides, or of the one that was captured.

**Known limitations**

* Without secrets nothing of the application data is seen; from TLS 1.3 on, neither are the certificates and the
  application protocol that the server chose. An anomaly says so for each connection.
* A connection that was captured from its middle on gives no row, as its hellos are missing.
* Hellos of SSL 2, DTLS, and TLS that begins inside of another protocol (STARTTLS, HTTP CONNECT) are not read.
* Certificates are read, not verified. A hidden hello (ECH) cannot be told from an imitation of one (GREASE).
"""

from __future__ import annotations

import weakref

from ..protocol import Anomaly, Event, Mark, Opening, Protocol
from ..tls.messages import Message
from ._tls_detect import begins_with_hello, detect
from ._tls_direction import Direction
from ._tls_handshake import TABLE, Handshake

_DNS_PORT, _DNS_ALPN = 853, "dot"
_DNS = "DNS over TLS: names that are looked up here are not visible"
_NO_HANDSHAKE = "the beginning of the connection was not captured: server name and certificates are not known"
_NOT_OPENED = "what follows is encrypted, and no secret for it was given"


class TlsParser:
    """The state of one TLS connection."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        listener = weakref.proxy(self)  # no cycle: what is kept is freed with the parser
        self._directions = {
            side: Direction(side, listener, midstream=_begins_late(opening, first))
            for side, first in ((True, opening.orig), (False, opening.resp))
        }
        self._handshake = Handshake()
        self._ports = (opening.orig_port, opening.resp_port)
        self._first_encrypted: dict[bool, int] = {}
        self._is_told = False
        self._ended: set[bool] = set()
        self._events: list[Event] = []

    # --- what the engine calls ----------------------------------------------------------------------

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what the next bytes of one direction say."""
        self._directions[from_orig].reader.feed(data)
        return self._collect()

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what follows from bytes that were not captured."""
        self._directions[from_orig].reader.gap(length)
        return self._collect()

    def end(self, from_orig: bool) -> list[Event]:
        """Return what is pending; the row of a handshake that was not finished comes with the second end."""
        self._ended.add(from_orig)
        if len(self._ended) == len(self._directions):
            self._tell()
        return self._collect()

    def _collect(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    # --- what a direction tells ----------------------------------------------------------------------

    def on_message(self, side: bool, message: Message) -> None:
        """Read a handshake message."""
        self._events += self._handshake.take(message, side)
        self.client_is_orig = self._handshake.client_side is not False

    def on_alert(self, side: bool, level: int, description: int) -> None:
        """Take note of an alert in clear."""
        self._handshake.alert(side, level, description)

    def on_trouble(self, side: bool, offset: int, name: str, detail: str) -> None:
        """Pass on what broke a rule."""
        self._events.append(Anomaly(name, side, offset, detail))

    def on_encrypted(self, side: bool, offset: int) -> None:
        """Make the row once both sides have begun to encrypt."""
        self._first_encrypted.setdefault(side, offset)
        self._events.append(Mark(side, offset))
        if len(self._first_encrypted) == len(self._directions):
            self._tell()

    def _tell(self) -> None:
        """Make the row, and say what cannot be seen."""
        if self._is_told:
            return
        self._is_told = True
        handshake = self._handshake
        self._events += handshake.row()
        if not self._first_encrypted:
            return
        side = max(self._first_encrypted)
        offset = self._first_encrypted[side]
        if not handshake.is_seen:
            self._events.append(Anomaly("TLS_handshake_not_captured", side, offset, _NO_HANDSHAKE))
        elif self._carries_dns():
            self._events.append(Anomaly("TLS_dns_not_seen", side, offset, _DNS))
        self._events.append(Anomaly("TLS_not_opened", side, offset, _NOT_OPENED))

    def _carries_dns(self) -> bool:
        """Return True for DNS over TLS (RFC 7858): by its port, or because nothing else was offered."""
        client = self._handshake.client
        offered = client.alpn if client is not None else None
        server_port = self._ports[self.client_is_orig]
        return offered == [_DNS_ALPN] if offered else server_port == _DNS_PORT


def _begins_late(opening: Opening, first: bytes) -> bool:
    """Return True for a direction whose first bytes may lie anywhere in a record."""
    return opening.midstream and not begins_with_hello(first)


PROTOCOL = Protocol(
    name="tls",
    title="TLS: what hellos, certificates and alerts say",
    specification="RFC 8446, RFC 5246, RFC 6066, RFC 7301",
    carriers=("tcp",),
    tables=(TABLE,),
    detect=detect,
    parser=TlsParser,
    limits="Application data stay encrypted. From TLS 1.3 on, certificates and the chosen application protocol are "
    "encrypted, too. Hellos of SSL 2, DTLS and TLS inside of another protocol (STARTTLS, HTTP CONNECT) are not read.",
)
