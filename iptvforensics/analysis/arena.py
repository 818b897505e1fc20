"""Memory that two processes share: arrays in an anonymous file, named by their places in it.

One process makes arrays, the other looks at them. A page takes memory when it is first written to, so that room which
is given out and never used costs nothing.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAGE = mmap.ALLOCATIONGRANULARITY


class Place(NamedTuple):
    """Where an array lies: offset of its room in the file, bytes of the room, and the array in it."""

    room: int
    room_bytes: int
    offset: int
    length: int
    dtype: str


class Arena:
    """The shared file; only one of the processes may make arrays in it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._end = 0
        self._made: list[tuple[int, int, int]] = []  # address, bytes, offset in the file
        self._seen: dict[int, NDArray[np.uint8]] = {}

    def zeros(self, length: int, dtype: type) -> NDArray[Any]:
        """Return a new one-dimensional array of zeros."""
        size = max(1, -(-length * np.dtype(dtype).itemsize // PAGE)) * PAGE
        os.ftruncate(self._fd, self._end + size)
        room = np.frombuffer(mmap.mmap(self._fd, size, offset=self._end), np.uint8)
        self._made.append((room.ctypes.data, size, self._end))
        self._end += size
        return room[: length * np.dtype(dtype).itemsize].view(dtype)

    def place(self, array: NDArray[Any]) -> Place:
        """Return where an array lies that was made here, or a part of one."""
        address: int = array.__array_interface__["data"][0]
        # The latest first: addresses of rooms that were given back may have been given out again.
        for begin, size, room in reversed(self._made):
            if begin <= address < begin + size:
                return Place(room, size, address - begin, len(array), array.dtype.str)
        raise ValueError("the array does not lie in the shared memory")

    def let_go(self) -> dict[int, NDArray[np.uint8]]:
        """Return the rooms that were seen: each is given back when neither the answer nor an array holds it."""
        seen, self._seen = self._seen, {}
        return seen

    def at(self, place: Place) -> NDArray[Any]:
        """Return the array at a place that the other process has named."""
        room = self._seen.get(place.room)
        if room is None:
            room = np.frombuffer(mmap.mmap(self._fd, place.room_bytes, offset=place.room), np.uint8)
            self._seen[place.room] = room
        dtype = np.dtype(place.dtype)
        return room[place.offset : place.offset + place.length * dtype.itemsize].view(dtype)
