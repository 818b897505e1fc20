"""Datagrams -> QUIC packets with a long header, and the frames of an Initial packet.

Specification: RFC 9000 sections 12.4, 16, 17.2 and 19; RFC 9369 section 3.2 (version 2 numbers the types differently).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

INITIAL, ZERO_RTT, HANDSHAKE, RETRY = "initial", "0-rtt", "handshake", "retry"
VERSION_1, VERSION_2 = 0x00000001, 0x6B3343CF
DRAFTS = frozenset(0xFF000000 + number for number in range(29, 35))
VERSIONS = frozenset({VERSION_1, VERSION_2}) | DRAFTS
NEGOTIATION = 0
MAX_ID_BYTES = 20
_TYPES = (INITIAL, ZERO_RTT, HANDSHAKE, RETRY)
_TYPES_2 = (RETRY, INITIAL, ZERO_RTT, HANDSHAKE)
_LONG, _FIXED = 0x80, 0x40

_PADDING, _PING, _ACK, _ACK_ECN, _CRYPTO, _CLOSE = 0, 1, 2, 3, 6, 0x1C


class Packet(NamedTuple):
    """A packet with a long header, still protected."""

    kind: str
    version: int
    destination: bytes
    """Connection identifier of the receiver."""
    source: bytes
    token: bytes
    data: bytes
    """The packet from its first byte to its last."""
    number_at: int
    """Where the protected packet number begins."""


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
    """Yield the packets with long headers at the beginning of a datagram; damage ends them."""
    at = 0
    while is_long_header(datagram[at : at + 7]):
        found = _packet(datagram[at:])
        if found is None:
            return
        yield found
        at += len(found.data)


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


def _packet(data: bytes) -> Packet | None:
    version = int.from_bytes(data[1:5])
    kind = kind_of(data[0], version)
    at = 6 + data[5]
    destination = data[6:at]
    if at >= len(data) or data[at] > MAX_ID_BYTES:
        return None
    end = at + 1 + data[at]
    source = data[at + 1 : end]
    if kind == RETRY:
        return Packet(kind, version, destination, source, data[end:-16], data, len(data))
    token = b""
    if kind == INITIAL:
        size, at = read_number(data, end)
        end = at + size
        token = data[at:end]
    size, at = read_number(data, end)
    if at < 0 or at + size > len(data):
        return None
    return Packet(kind, version, destination, source, token, data[: at + size], at)


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length and where it ends; -1 for the place if it does not fit.

    Example:
        >>> read_number(bytes.fromhex("7bbd"), 0)
        (15293, 2)
    """
    if not 0 <= at < len(data):
        return 0, -1
    end = at + (1 << (data[at] >> 6))
    if end > len(data):
        return 0, -1
    return int.from_bytes(data[at:end]) & (1 << 8 * (end - at) - 2) - 1, end


def crypto_frames(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield offset and bytes of the CRYPTO frames in the payload of an Initial packet; an unknown frame ends them."""
    at = 0
    while 0 <= at < len(payload):
        kind = payload[at]
        at += 1
        if kind in (_PADDING, _PING):
            continue
        if kind == _CRYPTO:
            offset, at = read_number(payload, at)
            size, at = read_number(payload, at)
            if at < 0 or at + size > len(payload):
                return
            yield offset, payload[at : at + size]
            at += size
        elif kind in (_ACK, _ACK_ECN):
            at = _behind_ack(payload, at, 3 if kind == _ACK_ECN else 0)
        else:  # CONNECTION_CLOSE, and what may not stand here
            return


def _behind_ack(payload: bytes, at: int, counts: int) -> int:
    _, at = read_number(payload, at)  # largest acknowledged
    _, at = read_number(payload, at)  # delay
    ranges, at = read_number(payload, at)
    for _ in range(2 * min(ranges, len(payload)) + 1 + counts):
        _, at = read_number(payload, at)
        if at < 0:
            return at
    return at
