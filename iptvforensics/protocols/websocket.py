"""WebSocket frames behind an HTTP Upgrade: one direction to one row, and to the bytes of its binary messages.

RFC 6455 sections 5 (frames, masking, fragments, control frames) and 7.4 (status codes), RFC 7692 (permessage-deflate,
first reserved bit). The payloads of binary messages are handed on one after another, as players of FLV and transport
streams read them: frames are not aligned with tags or packets.

**Known limitations**: compressed messages and texts are counted, not read. Behind bytes that were not captured the
frames are found again only if the gap lies within the payload of one; else the rest of the direction is left out.
"""

from __future__ import annotations

from typing import Any

from ..errors import DecodeError
from ..protocol import (
    Anomaly,
    At,
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentGap,
    ContentInfo,
    Event,
    Mark,
    Opening,
    Protocol,
    Row,
)
from ..schema import LAST_FRAME_NO, LAST_NS, Column, message_table

MAX_CONTROL_BYTES = 125
"""RFC 6455 section 5.5."""
MAX_HEAD_BYTES = 14
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_OPCODES = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))

TABLE = message_table(
    "websocket",
    "direction of a WebSocket connection: what was sent in it, and how it was closed",
    (
        Column("url", "text", "URL under which the connection was asked for, as the HTTP request names it."),
        Column("binary_messages", "int", "Number of binary messages that began."),
        Column("text_messages", "int", "Number of text messages that began."),
        Column("pings", "int", "Number of pings that were sent."),
        Column("pongs", "int", "Number of pongs that were sent."),
        Column("payload_bytes", "int", "Payload bytes of binary and text messages that were captured."),
        Column("is_masked", "bool", "True if payloads are masked, as those of clients must be."),
        Column("is_compressed", "bool", "True if messages are compressed (permessage-deflate); they are not read."),
        Column("close_code", "int", "Status code of the close frame; null without one."),
        Column("close_reason", "text", "Reason that the close frame gives."),
        Column(
            "media_body_offset",
            "int",
            "Stream offset at which the first binary message that was handed on begins; null if none was.",
        ),
        LAST_NS,
        LAST_FRAME_NO,
    ),
    endpoints=True,
)


class WebSocketParser:
    """The state of one direction: the frame that is being read."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._url = opening.info.name
        self._offset = 0
        self._head = bytearray()
        self._left = 0
        """Payload bytes of the frame that are to come."""
        self._mask = b""
        self._read = 0
        """Payload bytes of the frame that have come: where the mask stands."""
        self._opcode = CONTINUATION
        self._is_media = False
        self._control = bytearray()
        self._counts = dict.fromkeys((TEXT, BINARY, PING, PONG), 0)
        self._bytes = 0
        self._is_masked = self._is_compressed = False
        self._close: tuple[int | None, str | None] = (None, None)
        self._begin: int | None = None
        self._is_whole = True
        self._is_lost = False
        self._portion = bytearray()
        self._starts: list[int] = []
        self._places: list[int] = []

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what the next bytes say."""
        events: list[Event] = []
        if not self._offset and len(data):
            events.append(Mark(from_orig, 0))
        at, end = 0, len(data)
        while at < end and not self._is_lost:
            if self._left:
                size = min(self._left, end - at)
                self._payload(data[at : at + size], self._offset + at, from_orig, events)
                at += size
                continue
            self._head.append(data[at])
            at += 1
            if len(self._head) >= 2 and len(self._head) == _head_bytes(self._head):
                self._frame(self._offset + at - len(self._head))
        self._offset += end
        self._hand_on(events)
        return events

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return the gap in what is carried, if it lies within one frame."""
        if self._is_lost:
            return []
        size = max(length, 0)
        self._is_whole = False
        self._offset += size
        if 0 < size <= self._left and not self._control and self._opcode not in (CLOSE, PING, PONG):
            self._left -= size
            self._read += size
            return [ContentGap(0, size)] if self._is_media else []
        self._is_lost = True
        detail = "the frames behind a gap cannot be told; the rest of the direction is not read"
        return [Anomaly("WEBSOCKET_frames_lost", from_orig, max(self._offset - size - 1, 0), detail)]

    def end(self, from_orig: bool) -> list[Event]:
        """Return the row of the direction."""
        if not self._offset:
            return []
        events: list[Event] = []
        if self._begin is not None:
            whole = self._is_whole and not self._left and not self._is_lost
            events.append(ContentEnd(0, complete=whole))
        last = At(from_orig, max(self._offset - 1, 0))
        values: dict[str, Any] = {
            "url": self._url,
            "binary_messages": self._counts[BINARY],
            "text_messages": self._counts[TEXT],
            "pings": self._counts[PING],
            "pongs": self._counts[PONG],
            "payload_bytes": self._bytes,
            "is_masked": self._is_masked,
            "is_compressed": self._is_compressed,
            "close_code": self._close[0],
            "close_reason": self._close[1],
            "media_body_offset": At(from_orig, self._begin) if self._begin is not None else None,
            "last_ns": last,
            "last_frame_no": last,
        }
        events.append(Row("websocket", from_orig, 0, values))
        if self._is_compressed:
            detail = "messages are compressed, nothing in them was read"
            events.append(Anomaly("WEBSOCKET_compressed", from_orig, 0, detail))
        self._offset = 0
        return events

    def _frame(self, offset: int) -> None:
        """Take the head of a frame."""
        head, self._head = self._head, bytearray()
        opcode, size = head[0] & 15, head[1] & 127
        if size > 125:
            size = int.from_bytes(head[2 : 4 if size == 126 else 10], "big")
        if opcode not in _OPCODES or size >> 63 or head[0] & 0x30:
            raise DecodeError(f"no frame begins with {bytes(head[:2])!r}", offset=offset)
        if opcode >= CLOSE and (size > MAX_CONTROL_BYTES or not head[0] & 0x80):
            raise DecodeError("a control frame is too long or in parts", offset=offset)
        self._mask = bytes(head[-4:]) if head[1] & 128 else b""
        self._is_masked |= bool(self._mask)
        self._left, self._read, self._opcode = size, 0, opcode
        if opcode in (TEXT, BINARY):
            compressed = bool(head[0] & 0x40)
            self._is_compressed |= compressed
            self._is_media = opcode == BINARY and not compressed
        if opcode in self._counts:
            self._counts[opcode] += 1

    def _payload(self, data: memoryview, offset: int, from_orig: bool, events: list[Event]) -> None:
        self._left -= len(data)
        plain: memoryview | bytes = data
        if self._mask:
            plain = _unmasked(data, self._mask, self._read)
        self._read += len(data)
        if self._opcode >= CLOSE:
            self._control += plain
            if not self._left:
                self._end_control()
            return
        self._bytes += len(data)
        if not self._is_media:
            return
        if self._begin is None:
            self._begin = offset
            events.append(ContentBegin(0, from_orig, offset, ContentInfo(name=self._url)))
        self._starts.append(len(self._portion))
        self._places.append(offset)
        self._portion += plain

    def _end_control(self) -> None:
        control, self._control = bytes(self._control), bytearray()
        if self._opcode == CLOSE and len(control) >= 2:
            reason = control[2:].decode("utf-8", "backslashreplace") or None
            self._close = int.from_bytes(control[:2], "big"), reason

    def _hand_on(self, events: list[Event]) -> None:
        """Hand on the payloads that came in one piece of the stream."""
        if self._portion:
            data, places = bytes(self._portion), (self._starts, self._places)
            events.append(ContentData(0, self._places[0], data, places))
            self._portion = bytearray()
            self._starts, self._places = [], []


def _head_bytes(head: bytearray) -> int:
    size = head[1] & 127
    return 2 + (2 if size == 126 else 8 if size == 127 else 0) + (4 if head[1] & 128 else 0)


def _unmasked(data: memoryview, mask: bytes, position: int) -> bytes:
    """Return payload without its mask; `position` is where it stands in the frame."""
    turn = position % 4
    key = (mask[turn:] + mask[:turn]) * (len(data) // 4 + 1)
    size = len(data)
    return (int.from_bytes(data, "big") ^ int.from_bytes(key[:size], "big")).to_bytes(size, "big")


def detect(opening: Opening) -> float | None:
    """Return how sure it is that what follows an Upgrade is WebSocket: by what its carrier says."""
    upgrade = str(opening.info.extra.get("upgrade") or "").lower()
    return 0.95 if opening.info.role == "tunnel" and "websocket" in upgrade else 0.0


PROTOCOL = Protocol(
    name="websocket",
    title="WebSocket: messages of both directions; binary ones are read as one stream",
    specification="RFC 6455, 7692",
    carriers=("content",),
    tables=(TABLE,),
    detect=detect,
    parser=WebSocketParser,
    limits="Compressed messages and texts are counted, not read.",
)
