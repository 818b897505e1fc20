"""Bytes of a body, cut anywhere, to whole lines with their places.

A line ends with LF, CRLF or the body; in a body whose first line ends with CR alone, with each CR. A line that a gap
cuts is dropped, both parts of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

MAX_LINE_BYTES = 64 << 10
"""Of a longer line this much is kept, the rest is skipped and counted."""

Line = tuple[int, bytes]
"""Offset in the body, and the line without its end."""


class Lines:
    """Cuts a body into lines."""

    def __init__(self, *, in_step: bool = True) -> None:
        self.offset = 0
        """Offset of the next byte."""
        self.cut = 0
        """Lines that were longer than the limit."""
        self.dropped = 0
        """Lines that a gap cut."""
        self._pending = bytearray()
        self._start = 0
        self._is_long = False
        self._in_step = in_step
        self._ends: bytes | None = None
        """What ends lines; None before the first end."""
        self._held = b""
        """A CR of which the next byte tells whether it is an end by itself."""

    def feed(self, data: memoryview | bytes) -> Iterator[Line]:
        """Yield the lines that are complete now."""
        piece = bytes(data)
        if self._ends is None:
            piece = self._told(piece)
        elif self._ends == b"\r":
            piece = piece.replace(b"\r", b"\n")
        start, self.offset = self.offset, self.offset + len(piece)
        first = piece.find(b"\n")
        if first < 0:
            self._keep(piece, start)
            return
        self._keep(piece[:first], start)
        yield from self._take()
        last = piece.rfind(b"\n") + 1
        at = start + first + 1
        if last > first + 1:
            lines = piece[first + 1 : last - 1].split(b"\n")
            sizes = list(map(len, lines))
            if max(sizes) > MAX_LINE_BYTES:
                lines = list(map(self._clip, lines))
            elif b"\r" in piece:
                lines = [line.removesuffix(b"\r") for line in lines]
            yield from zip(accumulate((size + 1 for size in sizes), initial=at), lines, strict=False)
            at += sum(sizes) + len(sizes)
        self._start = at
        self._keep(piece[last:], at)

    def _told(self, piece: bytes) -> bytes:
        """Return the bytes that can be read once it is told, or not yet, what ends lines."""
        piece, self._held = self._held + piece, b""
        at, feed = piece.find(b"\r"), piece.find(b"\n")
        if at < 0 or 0 <= feed < at:
            self._ends = b"\n" if feed >= 0 else None
        elif at + 1 == len(piece):
            piece, self._held = piece[:at], piece[at:]
        elif feed == at + 1:
            self._ends = b"\n"
        else:
            self._ends = b"\r"
            piece = piece.replace(b"\r", b"\n")
        return piece

    def gap(self, length: int) -> None:
        """Drop the line that is pending, and what is left of it behind the gap."""
        self.dropped += self._in_step
        self.offset += len(self._held) + max(length, 0)
        self._held = b""
        self._pending.clear()
        self._is_long = False
        self._in_step = False

    def end(self) -> Iterator[Line]:
        """Yield the last line if the body did not end with a line end."""
        if self._pending:
            yield from self._take()

    def _keep(self, piece: bytes, start: int) -> None:
        if not self._in_step:
            return
        if not self._pending:
            self._start = start
        room = MAX_LINE_BYTES - len(self._pending)
        if len(piece) > room:
            self._is_long = True
        self._pending += piece[:room]

    def _take(self) -> Iterator[Line]:
        """Yield the pending line; behind a gap there is only the rest of one, which is dropped."""
        if self._in_step:
            line = bytes(self._pending)
            self.cut += self._is_long
            yield self._start, line.removesuffix(b"\r")
        self._in_step = True
        self._is_long = False
        self._pending.clear()

    def _clip(self, line: bytes) -> bytes:
        if len(line) > MAX_LINE_BYTES:
            self.cut += 1
            return line[:MAX_LINE_BYTES]
        return line.removesuffix(b"\r")
