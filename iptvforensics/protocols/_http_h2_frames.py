"""Bytes of one direction of HTTP/2 -> frames (RFC 9113 sections 4 and 6); bodies are handed on while they come."""

from __future__ import annotations

from typing import Protocol as Interface

DATA, HEADERS, RST_STREAM, PUSH_PROMISE, CONTINUATION = 0, 1, 3, 5, 9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 0x1, 0x4, 0x8, 0x20
HEADER_BYTES = 9
MAX_FRAME = 1 << 18
"""Longest frame that is kept whole (headers, settings); longer ones are stepped over."""
MAX_BLOCK = 1 << 18
"""Longest block of compressed headers, over all its frames."""
_WANTED = frozenset({HEADERS, RST_STREAM, PUSH_PROMISE, CONTINUATION})


class FrameSink(Interface):
    """Who reads the frames of a direction."""

    def may_read(self, stream: int) -> bool:
        """Return False if headers of this stream have to wait for the other direction."""

    def on_headers(self, stream: int, block: bytes | None, offset: int, *, ends: bool, promised: bool) -> None:
        """Take a block of compressed headers, None if it is too long or broken."""

    def on_data(self, stream: int, data: memoryview, offset: int) -> None:
        """Take bytes of a body."""

    def on_missing(self, stream: int, length: int, offset: int) -> None:
        """Take note of bytes of a body that were not captured."""

    def on_end(self, stream: int, *, is_reset: bool) -> None:
        """Take note of the end of a stream in this direction."""


class FrameReader:
    """Cuts one direction into frames."""

    __slots__ = (
        "_block", "_data_left", "_ends", "_first", "_pad_left", "_pending", "_sink", "_skip", "_start", "_stream",
        "is_lost", "offset",
    )  # fmt: skip

    def __init__(self, sink: FrameSink) -> None:
        self._sink = sink
        self._pending = bytearray()
        self._start = 0
        self._stream = 0
        self._data_left = self._pad_left = self._skip = 0
        self._ends = False
        self._block = bytearray()
        self._first: tuple[int, int, bool, bool] | None = None
        """Stream, offset, end of stream and promise of the headers that go on in CONTINUATION frames."""
        self.is_lost = False
        """True once it is not known where frames begin."""
        self.offset = 0

    def feed(self, view: memoryview) -> int:
        """Return how many bytes were used: fewer than given if the next frame has to wait."""
        at = 0
        while at < len(view) and not self.is_lost:
            if self._data_left:
                step = min(self._data_left, len(view) - at)
                self._sink.on_data(self._stream, view[at : at + step], self.offset)
                self._data_left -= step
                self._end_data(step)
            elif self._pad_left or self._skip:
                step = min(self._pad_left + self._skip, len(view) - at)
                padding = min(self._pad_left, step)
                self._pad_left -= padding
                self._skip -= step - padding
                self._end_data(padding)
            else:
                step, waits = self._collect(view[at:])
                if waits:
                    return at
            at += step
            self.offset += step
        return len(view) if self.is_lost else at

    def gap(self, length: int) -> None:
        """Step over bytes that were not captured; outside of a body the frames are lost."""
        if self.is_lost:
            return
        if 0 <= length <= self._data_left:
            self._sink.on_missing(self._stream, length, self.offset)
            self._data_left -= length
            self.offset += length
            self._end_data(length)
        elif 0 <= length <= self._pad_left + self._skip and not self._data_left:
            padding = min(self._pad_left, length)
            self._pad_left -= padding
            self._skip -= length - padding
            self.offset += length
            self._end_data(padding)
        else:
            self.is_lost = True

    def _end_data(self, step: int) -> None:
        """End the stream behind the last byte of its last frame."""
        if step and not self._data_left and not self._pad_left and self._ends:
            self._ends = False
            self._sink.on_end(self._stream, is_reset=False)

    def _collect(self, view: memoryview) -> tuple[int, bool]:
        """Return how many bytes were used for the beginning of a frame, and True if it has to wait."""
        pending = self._pending
        if not pending:
            self._start = self.offset
        need = self._needed(pending)
        step = min(need - len(pending), len(view))
        pending += view[:step]
        if len(pending) < HEADER_BYTES or len(pending) < self._needed(pending):
            return step, False
        kind, stream = pending[3], int.from_bytes(pending[5:9]) & 0x7FFF_FFFF
        if kind == HEADERS and not self._sink.may_read(stream):
            del pending[len(pending) - step :]
            return 0, True
        frame = bytes(pending)
        pending.clear()
        self._frame(frame, stream)
        return step, False

    def _needed(self, pending: bytearray) -> int:
        """Return how many bytes of a frame are kept before it is read."""
        if len(pending) < HEADER_BYTES:
            return HEADER_BYTES
        size, kind = int.from_bytes(pending[:3]), pending[3]
        if kind == DATA:
            return HEADER_BYTES + min(size, 1 if pending[4] & PADDED else 0)
        return HEADER_BYTES + (size if kind in _WANTED and size <= MAX_FRAME else 0)

    def _frame(self, frame: bytes, stream: int) -> None:
        size, kind, flags = int.from_bytes(frame[:3]), frame[3], frame[4]
        payload = frame[HEADER_BYTES:]
        if kind == DATA:
            padding = payload[0] if payload else 0
            self._stream, self._ends = stream, bool(flags & END_STREAM)
            self._data_left = max(size - len(payload) - padding, 0)
            self._pad_left = size - len(payload) - self._data_left
            if not self._data_left and not self._pad_left and self._ends:
                self._end_data(1)
        elif len(payload) < size:  # not wanted, or too long
            self._skip = size
            if kind in (HEADERS, CONTINUATION, PUSH_PROMISE):
                self._first = None
                self._sink.on_headers(stream, None, self._start, ends=bool(flags & END_STREAM), promised=False)
        elif kind in (HEADERS, PUSH_PROMISE):
            self._headers(kind, flags, stream, payload)
        elif kind == CONTINUATION and self._first is not None:
            self._block += payload
            self._close_block(flags)
        elif kind == RST_STREAM:
            self._sink.on_end(stream, is_reset=True)

    def _headers(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        padding = payload[0] if flags & PADDED and payload else 0
        at = (1 if flags & PADDED else 0) + (4 if kind == PUSH_PROMISE else 5 if flags & PRIORITY else 0)
        self._first = stream, self._start, kind == HEADERS and bool(flags & END_STREAM), kind == PUSH_PROMISE
        self._block = bytearray(payload[at : max(len(payload) - padding, at)])
        self._close_block(flags)

    def _close_block(self, flags: int) -> None:
        if self._first is None:
            return
        stream, offset, ends, promised = self._first
        if len(self._block) > MAX_BLOCK:
            self._first = None
            self._sink.on_headers(stream, None, offset, ends=ends, promised=promised)
        elif flags & END_HEADERS:
            self._first = None
            self._sink.on_headers(stream, bytes(self._block), offset, ends=ends, promised=promised)
            self._block.clear()
