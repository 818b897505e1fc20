"""One direction of a decrypted QUIC connection, as its parser hands it on -> pieces of its streams.

What comes are STREAM and RESET_STREAM frames (RFC 9000 sections 19.8 and 19.4), written anew with their lengths; those
of one stream are in order and never come twice.
"""

from __future__ import annotations

from typing import Protocol as Interface

from .wire import read_number

RESET_STREAM, STREAM, LAST_STREAM = 0x04, 0x0E, 0x0F


class PieceSink(Interface):
    """Who reads the pieces of streams."""

    def on_piece(self, stream: int, position: int, data: memoryview, offset: int) -> None:
        """Take bytes of a stream: their place in it, and their offset in the direction."""

    def on_last(self, stream: int, position: int, offset: int) -> None:
        """Take note of the end of a stream."""

    def on_reset(self, stream: int) -> None:
        """Take note that a stream was given up."""

    def on_disorder(self, offset: int) -> None:
        """Take note of a place where a frame should begin and none does."""


class PieceReader:
    """Cuts one direction of a connection into pieces of its streams."""

    __slots__ = ("_is_last", "_left", "_pending", "_position", "_sink", "_stream", "is_lost", "offset")

    def __init__(self, sink: PieceSink) -> None:
        self._sink = sink
        self._pending = bytearray()
        self._stream = self._position = self._left = 0
        self._is_last = False
        self.is_lost = False
        self.offset = 0

    def feed(self, view: memoryview) -> None:
        """Read on."""
        at = 0
        while at < len(view) and not self.is_lost:
            if self._left:
                step = min(self._left, len(view) - at)
                self._sink.on_piece(self._stream, self._position, view[at : at + step], self.offset)
                self._left -= step
                self._position += step
            else:
                step = 1
                self._pending.append(view[at])
                self._begin()
            at += step
            self.offset += step
            if self._is_last and not self._left:
                self._is_last = False
                self._sink.on_last(self._stream, self._position, self.offset - 1)

    def _begin(self) -> None:
        """Begin with the data of a frame, if its header has come."""
        kind = self._pending[0]
        if kind not in (RESET_STREAM, STREAM, LAST_STREAM):
            self.is_lost = True
            self._sink.on_disorder(self.offset)
            return
        numbers, at = [], 1
        for _ in range(3):
            number, at = read_number(self._pending, at)
            numbers.append(number)
        if at < 0:
            return
        self._pending.clear()
        if kind == RESET_STREAM:
            self._sink.on_reset(numbers[0])
            return
        self._stream, self._position, self._left = numbers
        self._is_last = kind == LAST_STREAM
