"""Windows of a file, laid over memory: what is looked at is the system's own copy of the file, no further one.

**Known limitations**: Linux on 64 bits only; elsewhere nothing is laid. Where the file is cut or its medium fails while
a window is looked at, the system ends the process with SIGBUS: this is for processes that may end. What is written to
the file meanwhile is seen at once.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

import numpy as np

from .block import Bytes

_FIXED, _POPULATE, _ANONYMOUS = 0x10, 0x8000, 0x20
_IS_POSSIBLE = sys.platform == "linux" and sys.maxsize > 1 << 32


def _system_mmap() -> Any:
    """Return the C library's `mmap`: Python's own chooses the place itself."""
    function = ctypes.CDLL(None).mmap
    function.restype = ctypes.c_void_p
    size, number = ctypes.c_size_t, ctypes.c_int
    function.argtypes = (ctypes.c_void_p, size, number, number, number, ctypes.c_int64)
    return function


class Room:
    """Memory over parts of which windows of a file can be laid; it begins at a page."""

    def __init__(self, size: int) -> None:
        self.data: Bytes = np.frombuffer(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | _ANONYMOUS), np.uint8)
        self._address: int = self.data.__array_interface__["data"][0]
        self._mmap = _system_mmap() if _IS_POSSIBLE else None
        self._laid: set[tuple[int, int]] = set()

    def lay(self, at: int, length: int, fd: int, offset: int) -> bool:
        """Return True if the bytes of a file lie at a place now; whoever writes to them ends the process.

        All numbers are whole pages. False: this file or system cannot do it; what lay there may be gone.
        """
        if self._mmap is None or at % mmap.PAGESIZE or length % mmap.PAGESIZE or offset % mmap.PAGESIZE:
            return False
        # What is there is fetched at once: a page at a time would cost more than the copy that is saved.
        if not self._put(at, length, mmap.PROT_READ, mmap.MAP_PRIVATE | _POPULATE, fd, offset):
            self._put_memory(at, length)  # the system may have taken away what lay there before it refused
            return False
        self._laid.add((at, length))
        return True

    def lift(self) -> None:
        """Have plain memory everywhere again."""
        for at, length in self._laid:
            self._put_memory(at, length)
        self._laid.clear()

    def _put_memory(self, at: int, length: int) -> None:
        self._put(at, length, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | _ANONYMOUS, -1, 0)

    def _put(self, at: int, length: int, access: int, flags: int, fd: int, offset: int) -> bool:
        if not 0 <= at <= at + length <= len(self.data):
            raise ValueError(f"{length} bytes at {at} do not lie in a room of {len(self.data)}")
        place = self._address + at
        return self._mmap is not None and self._mmap(place, length, access, flags | _FIXED, fd, offset) == place
