"""HTTP CONNECT: both directions of a tunnel that carries TLS or HTTP, read as the connection that they are.

Specification: RFC 9110 section 9.3.6 (CONNECT). What the client asked the proxy for is a row of `http`; the name that
it asks the server for, inside of the tunnel, is a row of `tls`. With secrets, what is inside of that is read, too.
Plain HTTP comes through tunnels where a client is told to make one for everything.

**Known limitations**: tunnels that carry anything but TLS or HTTP/1 are bodies in `objects` and not read. One whose
beginning was not captured is not recognised. The address of the server is not known: rows of what is inside name none.
"""

from __future__ import annotations

import re

from ..protocol import OPENING_BYTES, ContentInfo, Event, Opening, Protocol, Tunnel
from ..tls.messages import CLIENT_HELLO, SERVER_HELLO

_HANDSHAKE, _MAJOR, _LAST_MINOR = 22, 3, 4
_NEEDED_BYTES = 6
_LETTERS = bytes(range(ord("A"), ord("Z") + 1))
_START_LINE = re.compile(rb"(?:[A-Z]{3,16} +[^\r\n]+ HTTP/1\.[01]|HTTP/1\.[01] +[1-5]\d\d(?: [^\r\n]*)?)\r?\n")
_ROLE = "tunnel"
_KEY = "connect"
"""A connection has one tunnel at most: after CONNECT was granted, nothing else follows."""


class ConnectParser:
    """Reads nothing: every body that is recognised is a direction of the inner connection."""

    client_is_orig = True

    def __init__(self, opening: Opening) -> None:
        pass

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return nothing."""
        return []

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing."""
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return nothing."""
        return []


def tunnel(info: ContentInfo) -> Tunnel | None:
    """Return the connection that a direction of a tunnel belongs to."""
    return Tunnel(_KEY, 0, is_last=True, is_proxied=True) if info.role == _ROLE else None


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a tunnel carries TLS or HTTP: it begins with a hello or a start line."""
    first = opening.orig
    if opening.info.role != _ROLE or opening.midstream:
        return 0.0
    return _begins_http(first) if first[:1].isupper() else _begins_tls(first)


def _begins_http(first: bytes) -> float | None:
    if b"\n" in first:
        return 1.0 if _START_LINE.match(first) else 0.0
    return None if len(first) < OPENING_BYTES else 0.0


def _begins_tls(first: bytes) -> float | None:
    if first[:1] not in (b"", bytes([_HANDSHAKE])) or first[1:2] not in (b"", bytes([_MAJOR])):
        return 0.0
    if len(first) < _NEEDED_BYTES:
        return None
    return 1.0 if first[2] <= _LAST_MINOR and first[5] in (CLIENT_HELLO, SERVER_HELLO) else 0.0


PROTOCOL = Protocol(
    name="connect",
    title="TLS or HTTP in the tunnel that HTTP CONNECT makes through a proxy",
    specification="RFC 9110 section 9.3.6",
    carriers=("content",),
    tables=(),
    detect=detect,
    parser=ConnectParser,
    begins=bytes([_HANDSHAKE]) + _LETTERS,
    limits="Tunnels that carry anything but TLS or HTTP/1, or whose beginning was not captured, are not read.",
    tunnel=tunnel,
    inner=("tls", "http"),
)
