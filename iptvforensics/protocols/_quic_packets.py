"""Datagrams -> QUIC packets, still protected.

Specification: RFC 9000 sections 12.2, 16 and 17; RFC 9369 section 3.2 (version 2 numbers the types differently).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..tls.wire import read_number

INITIAL, ZERO_RTT, HANDSHAKE, RETRY, ONE_RTT = "initial", "0-rtt", "handshake", "retry", "1-rtt"
VERSION_1, VERSION_2 = 0x00000001, 0x6B3343CF
DRAFTS = frozenset(0xFF000000 + number for number in range(29, 35))
VERSIONS = frozenset({VERSION_1, VERSION_2}) | DRAFTS
MAX_ID_BYTES = 20
_TYPES = (INITIAL, ZERO_RTT, HANDSHAKE, RETRY)
_TYPES_2 = (RETRY, INITIAL, ZERO_RTT, HANDSHAKE)
_LONG, _FIXED = 0x80, 0x40


class Packet(NamedTuple):
    """A packet, still protected. A short header says neither its version nor how long the identifier in it is."""

    kind: str
    version: int
    destination: bytes
    """Connection identifier of the receiver."""
    source: bytes
    token: bytes
    data: bytes
    """The packet from its first byte to its last."""
    number_at: int
    """Where the protected packet number begins; short header: where the identifier does."""
    at: int = 0
    """Where it begins in the datagram."""


def is_long_header(data: bytes | memoryview) -> bool:
    """Return True for bytes that begin with the header of a packet of a known version."""
    return (
        len(data) >= 7
        and data[0] & _LONG != 0
        and (data[0] & _FIXED != 0)
        and int.from_bytes(data[1:5]) in VERSIONS
        and data[5] <= MAX_ID_BYTES
    )


def kind_of(first: int, version: int) -> str:
    """Return the type of a packet with a long header."""
    return (_TYPES_2 if version == VERSION_2 else _TYPES)[first >> 4 & 3]


def packets(datagram: bytes) -> Iterator[Packet]:
    """Yield the packets of a datagram; damage ends them. One with a short header is the last one."""
    at = 0
    while is_long_header(datagram[at : at + 7]):
        found = _packet(datagram[at:], at)
        if found is None:
            return
        yield found
        at += len(found.data)
    if at < len(datagram) and datagram[at] & (_LONG | _FIXED) == _FIXED:
        yield Packet(ONE_RTT, 0, b"", b"", b"", datagram[at:], 1, at)


def negotiated(datagram: bytes) -> list[int] | None:
    """Return the versions in a version negotiation packet, None if it is none."""
    if len(datagram) < 7 or not datagram[0] & _LONG or datagram[1:5] != bytes(4):
        return None
    at = 6 + datagram[5]
    if datagram[5] > MAX_ID_BYTES or at >= len(datagram) or datagram[at] > MAX_ID_BYTES:
        return None
    at += 1 + datagram[at]
    listed = datagram[at:]
    if not listed or len(listed) % 4:
        return None
    return [int.from_bytes(listed[i : i + 4]) for i in range(0, len(listed), 4)]


def _packet(data: bytes, place: int) -> Packet | None:
    version = int.from_bytes(data[1:5])
    kind = kind_of(data[0], version)
    at = 6 + data[5]
    destination = data[6:at]
    if at >= len(data) or data[at] > MAX_ID_BYTES:
        return None
    end = at + 1 + data[at]
    source = data[at + 1 : end]
    if kind == RETRY:
        return Packet(kind, version, destination, source, data[end:-16], data, len(data), place)
    token = b""
    if kind == INITIAL:
        size, at = read_number(data, end)
        end = at + size
        token = data[at:end]
    size, at = read_number(data, end)
    if at < 0 or at + size > len(data):
        return None
    return Packet(kind, version, destination, source, token, data[: at + size], at, place)
