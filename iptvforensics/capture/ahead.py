"""Source -> filled buffers, read and hashed ahead on a thread of their own.

Reading and hashing release the interpreter lock, so they run beside the analysis. A few buffers go round:
one is being analysed, one is being filled, the others are full. Each has room in front of the place where the file
is read to, so that a record cut by the end of one buffer can be put before the beginning of the next.

Where the process may end with the file (`windows`), whole buffers are not read but laid over the file.

**Known limitations**: a cut record longer than that room costs one more buffer for as long as it takes.
"""

from __future__ import annotations

import queue
import threading

import numpy as np

from .block import SPARE_BYTES, Bytes, view_of
from .source import Source
from .windows import Room

PAGE_BYTES = 4096
FRONT_BYTES = (256 << 10) + PAGE_BYTES
"""Room before the place where the file is read to: the largest usual record and a header; whole pages."""
THREAD_FROM_BYTES = 2 << 20
"""Smaller files are read in turn: nothing is won by a thread."""
BUFFERS = 8


class Filled:
    """A buffer that holds the next `length` bytes of the stream from `FRONT_BYTES` on."""

    def __init__(self, room: int, *, maps: bool = False) -> None:
        size = FRONT_BYTES + room + SPARE_BYTES
        self._room = Room(size) if maps else None
        if self._room is not None:
            self.data = self._room.data
        else:
            # Some processors copy at half speed to addresses a few bytes behind the beginning of a page.
            memory: Bytes = np.empty(size + PAGE_BYTES, np.uint8)
            self.data = memory[-memory.ctypes.data % PAGE_BYTES :]
        self.view = view_of(self.data)[FRONT_BYTES : FRONT_BYTES + room]
        self.length = 0
        self.is_last = False

    def fill(self, source: Source) -> None:
        """Take the next bytes of a source."""
        if self._room is not None and source.lay(self._room, FRONT_BYTES, self.view):
            self.length = len(self.view)
            return
        if self._room is not None:
            self._room.lift()
        self.length = source.fill(self.view)
        self.is_last = self.length < len(self.view)


class Ahead:
    """The buffers of a source, one after the other."""

    def __init__(self, source: Source, block_bytes: int, *, threaded: bool, maps: bool = False) -> None:
        self._source = source
        size = source.stream_size
        self._room = block_bytes if size is None else min(block_bytes, size + 1)
        self._threaded = threaded and (size is None or size > THREAD_FROM_BYTES)
        self._maps = maps
        self._free: list[Filled] = []
        self._made = 0
        self._thread: threading.Thread | None = None
        self._full: queue.SimpleQueue[Filled | BaseException] = queue.SimpleQueue()
        self._empty: queue.SimpleQueue[Filled | None] = queue.SimpleQueue()

    def start(self) -> None:
        """Begin to read ahead (without a thread: nothing happens before `next`)."""
        if not self._threaded or self._thread:
            return
        self._thread = threading.Thread(target=self._run, name="evidence-reader", daemon=True)
        while self._made < BUFFERS:
            self._empty.put(self._make())
        self._thread.start()

    def next(self) -> Filled:
        """Return the next buffer; it is the caller's until given back with `release`."""
        if self._thread is None:
            buffer = self._free.pop() if self._free else self._make()
            buffer.fill(self._source)
            return buffer
        got = self._full.get()
        if isinstance(got, BaseException):
            raise got
        return got

    def release(self, buffer: Filled) -> None:
        """Give a buffer back to be filled again."""
        if self._thread is None:
            self._free.append(buffer)
        else:
            self._empty.put(buffer)

    def close(self) -> None:
        """Stop reading; returns when the thread has ended."""
        if self._thread is not None:
            self._empty.put(None)
            while self._thread.is_alive():
                self._drop_free()
                self._thread.join(0.01)

    def _drop_free(self) -> None:
        """Take the empty buffers away, so that the thread finds the order to stop next."""
        try:
            while True:
                self._empty.get_nowait()
        except queue.Empty:
            self._empty.put(None)

    def _make(self) -> Filled:
        self._made += 1
        return Filled(self._room, maps=self._maps)

    def _run(self) -> None:
        try:
            while (buffer := self._empty.get()) is not None:
                buffer.fill(self._source)
                self._full.put(buffer)
                if buffer.is_last:
                    return
        except BaseException as error:
            self._full.put(error)
