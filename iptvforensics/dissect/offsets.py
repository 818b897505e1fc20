"""Positions in a body or an inner stream to offsets in the stream that carries it."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

MAP_LIMIT = 1 << 16
"""Runs that are kept; the older half of them is forgotten when there are more (the first run stays)."""

_NOWHERE = -1


class OffsetMap:
    """Runs of bytes that stand one after another in the carrying stream as well."""

    __slots__ = ("_first_end", "_from", "_to")

    def __init__(self) -> None:
        self._from = array("q")
        self._to = array("q")
        self._first_end = 0

    def add(self, position: int, offset: int | None) -> None:
        """Note that from `position` on, bytes stand from `offset` on in the carrying stream (None: nowhere)."""
        begins, places = self._from, self._to
        if offset is None:
            offset = _NOWHERE
        if begins:
            continued = places[-1] if places[-1] < 0 else places[-1] + position - begins[-1]
            if continued == offset:
                return
            if len(begins) >= MAP_LIMIT:
                self._first_end = self._first_end or begins[1]
                del begins[1 : MAP_LIMIT // 2], places[1 : MAP_LIMIT // 2]
        begins.append(position)
        places.append(offset)

    def at(self, position: int) -> int | None:
        """Return the offset of a position; None if it was never known, or has been forgotten."""
        index = bisect_right(self._from, position) - 1
        if index < 0 or (index == 0 and self._first_end and position >= self._first_end):
            return None
        place = self._to[index]
        return None if place < 0 else place + position - self._from[index]

    def runs(self, position: int, length: int) -> tuple[list[int], list[int | None]]:
        """Return where the runs of some bytes begin, counted from the first of them, and their offsets."""
        first, last = bisect_right(self._from, position), bisect_left(self._from, position + length)
        begins = [position, *self._from[first:last]]
        return [begin - position for begin in begins], [self.at(begin) for begin in begins]
