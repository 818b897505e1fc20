"""Stream offset to frame and time: the bridge from what a parser says to the evidence."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..flows.batch import DirectionPieces

KEPT_BYTES = 1 << 20
"""How far back a row may point without a `Mark` (rule 3 of the parser contract)."""


class Place(NamedTuple):
    """Frame and capture time of a byte of a stream."""

    frame_no: int | None
    ns: int | None


NOWHERE = Place(None, None)

Spot = tuple[int | None, Place]
"""Offset in the stream of the flow, and what was captured there."""
MARKS_LIMIT = 1 << 16

_NO_NUMBERS = memoryview(b"").cast("q")
_NO_END = 1 << 63


class Marks:
    """Places that a parser asked to remember, by direction and offset as the parser counts."""

    __slots__ = ("_spots",)

    def __init__(self) -> None:
        self._spots: tuple[dict[tuple[bool, int], Spot], dict[tuple[bool, int], Spot]] | None = None
        """Those that no row has used yet, and the others; most flows and bodies have none."""

    def add(self, from_orig: bool, offset: int, spot: Spot) -> None:
        """Remember a place."""
        if self._spots is None:
            self._spots = {}, {}
        unused = self._spots[0]
        if len(unused) >= MARKS_LIMIT:
            del unused[next(iter(unused))]
        unused[from_orig, offset] = spot

    def find(self, from_orig: bool, offset: int) -> Spot | None:
        """Return a place that is remembered, None if it is not."""
        if self._spots is None:
            return None
        unused, used = self._spots
        key = from_orig, offset
        return unused.get(key) or used.get(key)

    def use(self, from_orig: bool, offset: int) -> Spot | None:
        """Return a place for a row: from now on it gives way to places that no row has used yet."""
        if self._spots is None:
            return None
        unused, used = self._spots
        key = from_orig, offset
        spot = unused.pop(key, None)
        if spot is None:
            return used.get(key)
        if len(used) >= MARKS_LIMIT:
            del used[next(iter(used))]
        used[key] = spot
        return spot


class Places:
    """Where the bytes of one direction were captured: the pieces of the present batch, and some before it."""

    __slots__ = (
        "_first",
        "_frame",
        "_held_from",
        "_last",
        "_latest",
        "_latest_end",
        "_latest_from",
        "_ns",
        "_offset",
        "_old",
    )

    def __init__(self) -> None:
        self._old: list[tuple[int, bytes]] = []
        """Pieces of earlier batches: where the first one begins; offsets, frames and times, one after another."""
        self._offset = self._frame = self._ns = _NO_NUMBERS
        self._first = self._last = 0
        self._held_from: int | None = None
        self._latest = NOWHERE
        """The place that was asked for last, and the offsets of the batch that lie there."""
        self._latest_from = self._latest_end = 0

    def hold(self, offset: int | None) -> None:
        """Forget nothing from an offset on, until told otherwise (None)."""
        self._held_from = offset

    def begin(self, entry: DirectionPieces, offset: memoryview, frame: memoryview, ns: memoryview) -> None:
        """Take over the pieces of a batch (views, valid until `keep`)."""
        self._offset, self._frame, self._ns = offset, frame, ns
        self._first, self._last = entry.first, entry.first + entry.pieces
        self._latest_end = 0

    def at(self, offset: int) -> Place:
        """Return where the byte at a stream offset was captured (in a gap: the byte before it)."""
        if self._latest_from <= offset < self._latest_end:  # many rows come from one frame
            return self._latest
        offsets, frames, first, last = self._offset, self._frame, self._first, self._last
        index = after = bisect_right(offsets, offset, first, last)
        while index > first:
            index -= 1
            if frame := frames[index]:  # the end of a stream has no frame of its own
                self._latest_from = offsets[index]
                self._latest_end = offsets[after] if after < last else _NO_END
                self._latest = Place(frame, self._ns[index])
                return self._latest
        return self._earlier(offset)

    def _earlier(self, offset: int) -> Place:
        """Return the same from what was kept of earlier batches."""
        for _, kept in reversed(self._old):
            numbers = memoryview(kept).cast("q")
            count = len(numbers) // 3
            index = bisect_right(numbers, offset, 0, count)
            while index:
                index -= 1
                if frame := numbers[count + index]:
                    return Place(frame, numbers[2 * count + index])
        return NOWHERE

    def forget(self) -> None:
        """Let go of all pieces: the flow is not read any more."""
        self._old.clear()
        self._offset = self._frame = self._ns = _NO_NUMBERS
        self._first = self._last = self._latest_end = 0

    def keep(self) -> None:
        """Copy the last pieces: the batch will be reused."""
        offsets, first, last = self._offset, self._first, self._last
        if first == last:
            return
        oldest = offsets[last - 1] - KEPT_BYTES
        if self._held_from is not None:
            oldest = min(oldest, self._held_from)
        if offsets[first] < oldest:
            first = bisect_right(offsets, oldest, first, last) - 1
        columns = offsets[first:last], self._frame[first:last], self._ns[first:last]
        self._old.append((offsets[first], b"".join(columns)))
        while len(self._old) > 1 and self._old[1][0] <= oldest:
            self._old.pop(0)
        self._offset = self._frame = self._ns = _NO_NUMBERS
        self._first = self._last = self._latest_end = 0
        self._latest = NOWHERE
