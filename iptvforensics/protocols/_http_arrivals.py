"""What arrives in one direction, in order: read at once, or kept while the other direction has to go first."""

from __future__ import annotations

from collections import deque

_PIECE = 4096
"""Bytes added at a time to a part that could not be read alone."""
HELD_PER_GAP = 64


class Arrivals:
    """Keeps the order of bytes, gaps and the end of one direction."""

    HELD_BYTES: int
    """How much is kept while blocked, before `overflow` decides."""

    def __init__(self) -> None:
        self.blocked = False
        """True while the other direction has to go first."""
        self._rest = bytearray()
        self._backlog: deque[bytearray | int] = deque()
        self._held = 0
        self._end_held = False
        self._ended = False

    def read(self, view: memoryview) -> int:
        """Return how many bytes could be read; the others are kept and given again with more."""
        raise NotImplementedError

    @property
    def reads_little(self) -> bool:
        """Return True if a few more bytes are probably enough: saves copying the rest."""
        raise NotImplementedError

    def is_worth_reading(self, added: int) -> bool:
        """Return False if the kept bytes surely cannot be read yet, though the last ones are new."""
        raise NotImplementedError

    def read_gap(self, length: int) -> None:
        """Account for missing bytes, or give them back with `gap_must_wait`."""
        raise NotImplementedError

    def read_end(self) -> None:
        """Account for the end, or become blocked."""
        raise NotImplementedError

    def overflow(self) -> None:
        """Decide without the other direction: too much is being kept."""
        raise NotImplementedError

    def feed(self, data: memoryview) -> None:
        """Read the next bytes, or keep them."""
        if self._ended:
            return
        if self.blocked or self._backlog:
            self._hold(data)
        else:
            self._take(data)

    @property
    def holds_too_much(self) -> bool:
        """Return True if more is kept than is worth waiting for."""
        return self.blocked and self._held + len(self._rest) > self.HELD_BYTES

    def gap(self, length: int) -> None:
        """Take note of bytes that were not captured, or remember to."""
        if length <= 0 or self._ended:
            return
        if self.blocked or self._backlog:
            self._backlog.append(length)
            self._held += HELD_PER_GAP
        else:
            self.read_gap(length)

    def end(self) -> None:
        """Take note of the end, or remember to."""
        self._end_held = True
        self.resume()

    def resume(self) -> None:
        """Read on what was kept."""
        self.blocked = False
        if self._rest:
            self.read_rest()
        while self._backlog and not self.blocked:
            item = self._backlog.popleft()
            if isinstance(item, int):
                self._held -= HELD_PER_GAP
                self.read_gap(item)
            else:
                self._held -= len(item)
                self._take(memoryview(bytes(item)))
        if self._end_held and not self.blocked and not self._ended:
            self.read_end()

    def _hold(self, data: memoryview) -> None:
        if not (self._backlog and isinstance(self._backlog[-1], bytearray)):
            self._backlog.append(bytearray())
        last = self._backlog[-1]
        if isinstance(last, bytearray):
            last += data
        self._held += len(data)

    def _take(self, data: memoryview) -> None:
        length = len(data)
        position = 0
        while self._rest and position < length and not self.blocked:
            piece = data[position : position + (_PIECE if self.reads_little else length)]
            position += len(piece)
            self._rest += piece
            if self.is_worth_reading(len(piece)):
                self.read_rest()
        if position == length:
            return
        view = data[position:] if position else data
        consumed = 0 if self.blocked else self.read(view)
        if consumed < len(view):
            self._rest += view[consumed:]

    def read_rest(self) -> None:
        """Read the kept bytes as far as possible."""
        kept = bytes(self._rest)
        self._rest.clear()
        consumed = self.read(memoryview(kept))
        if consumed < len(kept):
            self._rest += kept[consumed:]

    def gap_must_wait(self, length: int) -> None:
        """Keep a gap that came to be read too early."""
        self._backlog.appendleft(length)
        self._held += HELD_PER_GAP

    def take_rest(self) -> bytes:
        """Return the bytes kept because they could not be read alone, and forget them."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest

    def kept_start(self, length: int) -> bytes:
        """Return the first bytes that are kept while blocked."""
        if not self._rest and self._backlog and isinstance(self._backlog[0], bytearray):
            return bytes(self._backlog[0][:length])
        return bytes(self._rest[:length])
