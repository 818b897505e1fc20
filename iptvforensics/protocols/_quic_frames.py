"""Payload of a packet -> its frames (RFC 9000 section 19; DATAGRAM: RFC 9221)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..tls.wire import read_number
from ._quic_packets import MAX_ID_BYTES

PADDING, ACK, ACK_ECN, RESET_STREAM, CRYPTO, NEW_TOKEN = 0x00, 0x02, 0x03, 0x04, 0x06, 0x07
STREAM, NEW_CONNECTION_ID, PATH_CHALLENGE = 0x08, 0x18, 0x1A
CLOSE, CLOSE_APPLICATION, DATAGRAM = 0x1C, 0x1D, 0x30
BROKEN = -1
"""Stands for a frame that is not known or does not fit: what follows it in the packet cannot be read."""
_LAST_STREAM = 0x0F
_OFFSET, _LENGTH, _LAST = 0x04, 0x02, 0x01
_DATAGRAM_LENGTH = 0x31
_RESET_TOKEN_BYTES = 16
_PATH_BYTES = 8
_NUMBERS = {
    0x01: 0, 0x05: 2, 0x10: 1, 0x11: 2, 0x12: 1, 0x13: 1, 0x14: 1, 0x15: 2, 0x16: 1, 0x17: 1, 0x19: 1, 0x1E: 0,
}  # fmt: skip
"""Frames of numbers alone, and how many they have: PING, STOP_SENDING, the limits, RETIRE_CONNECTION_ID, ..."""


class Frame(NamedTuple):
    """One frame that says something: of STREAM and DATAGRAM all variants have the same kind."""

    kind: int
    stream: int = 0
    """STREAM, RESET_STREAM: identifier of the stream."""
    offset: int = 0
    """CRYPTO, STREAM: offset of the data; RESET_STREAM: how long the stream was; CLOSE: code of the error."""
    start: int = 0
    """Where data, identifier or reason begin in the payload."""
    end: int = 0
    is_last: bool = False
    """True if a stream ends with this frame."""


def read_frames(payload: bytes) -> Iterator[Frame]:
    """Yield the frames of a payload; a broken one is the last."""
    at, size = 0, len(payload)
    while at < size:
        kind = payload[at]
        if STREAM <= kind <= _LAST_STREAM:
            frame = _stream(payload, kind, at + 1)
        elif kind == PADDING:
            at = size - len(payload[at:].lstrip(b"\0"))
            continue
        elif kind == CRYPTO:
            offset, start = read_number(payload, at + 1)
            length, start = read_number(payload, start)
            frame = Frame(CRYPTO, 0, offset, start, start + length) if start >= 0 else Frame(BROKEN)
        else:
            frame = _other(payload, kind, at + 1)
        if frame.end > size or frame.kind == BROKEN:
            yield Frame(BROKEN, 0, 0, at)
            return
        at = frame.end
        yield frame


def _stream(payload: bytes, kind: int, at: int) -> Frame:
    offset, end = 0, len(payload)
    stream, at = read_number(payload, at)
    if kind & _OFFSET:
        offset, at = read_number(payload, at)
    if kind & _LENGTH:
        length, at = read_number(payload, at)
        end = at + length
    return Frame(STREAM, stream, offset, at, end, bool(kind & _LAST)) if at >= 0 else Frame(BROKEN)


def _other(payload: bytes, kind: int, at: int) -> Frame:
    """Return any other frame."""
    if kind in _NUMBERS:
        at = _behind_numbers(payload, at, _NUMBERS[kind])
        return Frame(kind, 0, 0, at, at) if at >= 0 else Frame(BROKEN)
    if kind in (ACK, ACK_ECN):
        at = _behind_ack(payload, at, 3 if kind == ACK_ECN else 0)
        return Frame(kind, 0, 0, at, at) if at >= 0 else Frame(BROKEN)
    if kind == RESET_STREAM:
        stream, at = read_number(payload, at)
        _, at = read_number(payload, at)  # code of the error
        final, at = read_number(payload, at)
        return Frame(kind, stream, final, at, at) if at >= 0 else Frame(BROKEN)
    if kind == NEW_CONNECTION_ID:
        at = _behind_numbers(payload, at, 2)
        if not 0 <= at < len(payload) or not 0 < payload[at] <= MAX_ID_BYTES:
            return Frame(BROKEN)
        end = at + 1 + payload[at]
        fits = end + _RESET_TOKEN_BYTES <= len(payload)
        return Frame(kind, end, 0, at + 1, end + _RESET_TOKEN_BYTES) if fits else Frame(BROKEN)
    if kind in (PATH_CHALLENGE, PATH_CHALLENGE + 1):
        return Frame(kind, 0, 0, at, at + _PATH_BYTES)
    return _with_length(payload, kind, at)


def _with_length(payload: bytes, kind: int, at: int) -> Frame:
    """Return a frame whose last part has a length."""
    code = 0
    if kind in (CLOSE, CLOSE_APPLICATION):
        code, at = read_number(payload, at)
        if kind == CLOSE:
            _, at = read_number(payload, at)  # type of the frame that caused it
    elif kind == DATAGRAM:
        return Frame(DATAGRAM, 0, 0, at, len(payload))
    elif kind not in (NEW_TOKEN, _DATAGRAM_LENGTH):
        return Frame(BROKEN)
    length, at = read_number(payload, at)
    kind = DATAGRAM if kind == _DATAGRAM_LENGTH else kind
    return Frame(kind, 0, code, at, at + length) if at >= 0 else Frame(BROKEN)


def _behind_numbers(payload: bytes, at: int, count: int) -> int:
    for _ in range(count):
        _, at = read_number(payload, at)
    return at


def _behind_ack(payload: bytes, at: int, counts: int) -> int:
    at = _behind_numbers(payload, at, 2)  # largest acknowledged, delay
    ranges, at = read_number(payload, at)
    if at < 0 or ranges > len(payload):
        return -1
    return _behind_numbers(payload, at, 2 * ranges + 1 + counts)
