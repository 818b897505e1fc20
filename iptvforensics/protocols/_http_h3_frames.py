"""STREAM frames of a decrypted QUIC connection -> frames of HTTP/3; bodies are handed on while they come.

Specification: RFC 9000 sections 2 and 19.8 (streams), RFC 9114 sections 6 and 7 (their types and frames).
"""

from __future__ import annotations

from typing import Protocol as Interface

from ..tls.pieces import LAST_STREAM, STREAM
from ..tls.wire import read_number

CONTROL, PUSH, ENCODER, DECODER = 0, 1, 2, 3
DATA, HEADERS, SETTINGS, PUSH_PROMISE = 0, 1, 4, 5
REQUEST = -1
"""Stands for the type of a stream that carries a request or its response."""
_ONE_WAY, _BY_SERVER = 2, 1
MAX_BLOCK = 1 << 18
"""Longest frame that is kept whole (headers, settings); longer ones are stepped over."""
MAX_STREAMS = 1024
_NUMBER_BYTES = 8
_WANTED = {CONTROL: frozenset({SETTINGS}), REQUEST: frozenset({HEADERS, PUSH_PROMISE})}


class FrameSink(Interface):
    """Who reads the frames of a direction."""

    def on_headers(self, stream: int, block: bytes | None, offset: int) -> bool:
        """Take a block of compressed headers, None if it is too long; return False if it has to wait."""

    def on_data(self, stream: int, data: memoryview | bytes, offset: int) -> None:
        """Take bytes of a body."""

    def on_missing(self, stream: int, length: int, offset: int) -> None:
        """Take note of bytes of a body that were not captured."""

    def on_end(self, stream: int, trouble: str | None) -> None:
        """Take note of the end of a request or response, and of what is wrong with it."""

    def on_lost(self, stream: int, kind: int, offset: int) -> None:
        """Take note that a stream cannot be read on: bytes between bodies are missing."""

    def on_encoder(self, data: bytes) -> None:
        """Take bytes for the table of the headers' compression."""

    def on_settings(self, settings: dict[int, int]) -> None:
        """Take what the side says of itself."""

    def on_promise(self, offset: int) -> None:
        """Take note of a response that nobody asked for."""


class StreamReader:
    """Cuts one direction of one stream into frames."""

    __slots__ = (
        "_kind", "_left", "_number", "_pending", "_position", "_sink", "_skip", "_start", "has_ended", "held",
        "held_bytes", "is_lost", "waits",
    )  # fmt: skip

    def __init__(self, number: int, sink: FrameSink) -> None:
        self._number = number
        self._sink = sink
        self._kind: int | None = None if number & _ONE_WAY else REQUEST
        self._position = 0
        self._pending = bytearray()
        self._start = 0
        self._left = self._skip = 0
        self.has_ended = False
        self.is_lost = False
        self.waits = False
        """True while headers wait for the table that they need."""
        self.held: list[tuple[bytes | int, int]] = []
        """What came meanwhile: bytes or the length of a gap, and the offset."""
        self.held_bytes = 0

    def piece(self, position: int, data: memoryview, offset: int) -> None:
        """Read the next bytes of the stream."""
        if position > self._position:
            self._take(position - self._position, offset)
        self._position = max(self._position, position + len(data))
        self._take(data, offset)

    def last(self, position: int, offset: int) -> None:
        """Take note of the end of the stream."""
        if position > self._position:
            self._take(position - self._position, offset)
        self.has_ended = True
        self._end()

    def resume(self) -> None:
        """Read what came while headers had to wait."""
        self.waits = False
        held, self.held, self.held_bytes = self.held, [], 0
        for what, offset in held:
            self._take(what if isinstance(what, int) else memoryview(what), offset)
        self._end()

    def _end(self) -> None:
        if self.has_ended and not self.waits and not self.is_lost and self._kind == REQUEST:
            is_whole = not (self._left or self._skip or self._pending)
            self._sink.on_end(self._number, None if is_whole else "ended early")

    def _take(self, what: memoryview | int, offset: int) -> None:
        if self.waits:
            self.held.append((what if isinstance(what, int) else bytes(what), offset))
            self.held_bytes += 1 if isinstance(what, int) else len(what)
        elif isinstance(what, int):
            self._gap(what, offset)
        else:
            self._feed(what, offset)

    def _feed(self, view: memoryview, offset: int) -> None:
        at = 0
        while at < len(view) and not self.is_lost:
            if self.waits:
                self._take(view[at:], offset + at)
                return
            if self._kind == ENCODER:
                self._sink.on_encoder(bytes(view[at:]))
                return
            if self._left:
                step = min(self._left, len(view) - at)
                self._sink.on_data(self._number, view[at : at + step], offset + at)
                self._left -= step
            elif self._skip:
                step = min(self._skip, len(view) - at)
                self._skip -= step
            elif self._kind is None:
                step = self._read_kind(view[at], offset + at)
            elif self._kind in _WANTED:
                step = self._collect(view[at:], offset + at)
            else:
                return  # nothing in it is read
            at += step

    def _gap(self, length: int, offset: int) -> None:
        """Step over bytes that were not captured; outside of a body the frames are lost."""
        if self.is_lost:
            return
        if length <= self._left:
            self._sink.on_missing(self._number, length, offset)
            self._left -= length
        elif length <= self._skip:
            self._skip -= length
        elif self._kind in (None, CONTROL, ENCODER, REQUEST):
            self.is_lost = True
            kind = DECODER if self._kind is None else self._kind
            self._sink.on_lost(self._number, kind, offset)

    def _read_kind(self, byte: int, offset: int) -> int:
        self._pending.append(byte)
        kind, end = read_number(self._pending, 0)
        if end > 0:
            self._pending.clear()
            self._kind = kind
            if kind == PUSH:
                self._sink.on_promise(offset)
        return 1

    def _collect(self, view: memoryview, offset: int) -> int:
        """Return how many bytes were used for the beginning of a frame, or for a whole one that is wanted."""
        pending = self._pending
        if not pending:
            self._start = offset
        needed, size, is_whole = self._needed()
        step = min(needed - len(pending), len(view))
        pending += view[:step]
        if len(pending) < needed or not is_whole:
            needed, size, is_whole = self._needed()
            if len(pending) < needed or not is_whole:
                return step
        kind, at = read_number(pending, 0)
        _, at = read_number(pending, at)
        body = bytes(pending[at:])
        pending.clear()
        self._frame(kind, size, body)
        return step

    def _needed(self) -> tuple[int, int, bool]:
        """Return how many bytes of a frame are kept, its length, and True if then it can be read."""
        kind, at = read_number(self._pending, 0)
        size, end = read_number(self._pending, at)
        if end < 0:
            return len(self._pending) + 1, 0, False
        is_kept = kind in _WANTED[self._kind if self._kind is not None else REQUEST] and size <= MAX_BLOCK
        return end + (size if is_kept else 0), size, True

    def _frame(self, kind: int, size: int, body: bytes) -> None:
        if len(body) < size and not (kind == DATA and self._kind == REQUEST):
            self._skip = size
            if kind == HEADERS and self._kind == REQUEST:
                self._sink.on_headers(self._number, None, self._start)
        elif self._kind == CONTROL:
            if kind == SETTINGS:
                self._sink.on_settings(_settings(body))
        elif kind == DATA:
            self._left = size
        elif kind == HEADERS:
            self.waits = not self._sink.on_headers(self._number, body, self._start)
        elif kind == PUSH_PROMISE:
            self._sink.on_promise(self._start)


def _settings(body: bytes) -> dict[int, int]:
    """Return the numbers in a SETTINGS frame, up to the first that does not fit."""
    found: dict[int, int] = {}
    at = 0
    while at < len(body):
        name, at = read_number(body, at)
        value, at = read_number(body, at)
        if at < 0:
            break
        found[name] = value
    return found


def looks_like_http(data: bytes) -> float | None:
    """Return how surely one direction of a QUIC connection is HTTP/3: by how its first streams begin."""
    at, best = 0, None
    while at < len(data) and data[at] in (STREAM, LAST_STREAM):
        stream, at = read_number(data, at + 1)
        position, at = read_number(data, at)
        size, at = read_number(data, at)
        if at < 0:
            return best
        begin = data[at : at + min(size, _NUMBER_BYTES)]
        at += size
        if position or not begin:
            continue
        if stream & _ONE_WAY:
            score = 1.0 if begin[:2] == bytes((CONTROL, SETTINGS)) else 0.9 if begin[0] in (ENCODER, DECODER) else 0.0
        else:
            score = 0.9 if begin[0] == HEADERS and not stream & _BY_SERVER else 0.0
        best = max(score, best or 0.0)
    return best if best is not None or at >= len(data) else 0.0
