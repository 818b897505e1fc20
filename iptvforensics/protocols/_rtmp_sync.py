"""Where chunks begin again after lost bytes, and how large they are.

A plausible header of type 0 or 1 is tried with each chunk size in question: the chunk kernel walks on from it
and must meet consistent headers. The answer depends on the bytes only, not on how they arrive.
Known limitations: chunk streams with ids of 64 and more, and headers of type 2 and 3, start nothing; a chunk size
is proved only by a message longer than it, otherwise a usual size is taken.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..kernel import Pinned
from . import _rtmp_layout as L
from ._rtmp_chunks import walk_chunks
from ._rtmp_plausible import HEADER_WINDOW, find_candidate

USUAL_SIZES = (
    128, 256, 512, 1000, 1024, 1400, 2000, 2048, 4000, 4096, 5000, 8192, 10000, 10240, 12800, 16384, 20000, 20480,
    30000, 32768, 40960, 50000, 60000, 65535, 65536, 100000, 128000, 131072,
)  # fmt: skip
UNPROVED_ORDER = (4096, 60000, 65536, 128)
SPACING_LIMIT = 131072
PROOF_HEADERS, PROOF_HEADERS_SPACED = 4, 7
"""Consistent headers that prove a usual chunk size, and one that was read off the bytes themselves."""
PATIENCE = 8192
"""Trials that may fail one after the other before the search begins to leap (only made-up bytes come so far)."""
LEAP_BYTES, LEAP_LIMIT = 4096, 1 << 20
SPACINGS = 512
"""Chunk sizes read off the spacing of continuation headers that are tried per candidate."""
_FAILED, _WAIT, _UNPROVED, _PROVED = range(4)


class Found(NamedTuple):
    """Where chunks begin and how large they are."""

    place: int
    chunk_size: int
    proved: bool


class Arrays:
    """The flat arrays of one direction."""

    def __init__(self) -> None:
        self.state = np.zeros(L.STATE_WIDTH, np.int64)
        self.slots = np.zeros(L.SLOTS * L.SLOT_WIDTH, np.int64)
        self.heads = np.zeros(L.SLOTS * L.HEAD_BYTES, np.uint8)
        self.media = np.zeros(L.MEDIA_ENTRIES * L.MEDIA_WIDTH, np.int64)
        # What the kernel reports is written before it is read.
        self.out = np.empty(L.RECORD_LIMIT * L.RECORD_WIDTH, np.int64)
        self.side = np.empty(L.SIDE_LIMIT, np.uint8)
        self._pinned = [Pinned(a) for a in (self.state, self.slots, self.heads, self.media, self.out, self.side)]
        self.state[L.CHUNK_SIZE] = 128
        self.state[L.CURRENT] = -1
        self.state[L.TRUSTED] = 1
        self.state[L.ONLY_STREAM] = L.NONE

    def forget_messages(self) -> None:
        """Drop what lost bytes make uncertain: unfinished messages, lengths, types, and times that differences made."""
        self.state[L.CURRENT] = -1
        self.state[L.CHUNK_LEFT] = 0
        self.state[L.TRUSTED] = 0
        seen = self.slots[L.SEEN :: L.SLOT_WIDTH]
        seen[seen == 1] = 2
        self.slots[L.REMAINING :: L.SLOT_WIDTH] = 0
        for times in (self.slots[L.TIME_KNOWN :: L.SLOT_WIDTH], self.media[L.M_LAST_KNOWN :: L.MEDIA_WIDTH]):
            times[times == L.SENT] = L.STALE

    def walk(self, data: Any, position: int, length: int, base: int, final: int) -> int:
        """Return how far the chunk kernel read."""
        data = data if length else b"\0"  # kernels take no empty arrays
        return walk_chunks(data, position, length, base, final, *self._pinned)


class Synchroniser:
    """The search for the next chunk header in bytes whose place in the chunk layer is unknown."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.buffer = bytearray()
        self.base = 0
        """Stream offset of the first byte in `buffer`."""
        self.known_size: int | None = None
        self._trial: Arrays | None = None
        self._failures = 0
        self._leap = 0
        self._next_leap = LEAP_BYTES
        self._restart()

    def _restart(self) -> None:
        self._sizes: list[int] = []
        self._next_size = 0
        self._spaced = False
        self._unproved: list[int] = []
        self._wait_until = 0
        self._at_candidate = False

    def start(self, rest: bytes, base: int) -> None:
        """Begin a search; `rest` are bytes already seen, `base` is the stream offset of the first one."""
        self.buffer[:] = rest
        self.base = base
        self._leap = 0
        self._restart()

    def _advance(self, count: int) -> None:
        del self.buffer[:count]
        self.base += count
        self._restart()

    def find(self, final: bool) -> Found | None:
        """Return the next place where chunks begin, or None if more bytes are needed.

        The buffer begins at that place, or with what must be looked at again. With `final` no more bytes will come.
        """
        while True:
            if self._leap:
                step = min(self._leap, len(self.buffer))
                self._leap -= step
                self._advance(step)
            if len(self.buffer) < HEADER_WINDOW:
                return None
            if not self._at_candidate:
                place = find_candidate(bytes(self.buffer), 0, len(self.buffer))
                self._advance(place)
                if len(self.buffer) < HEADER_WINDOW:
                    return None
                self._at_candidate = True
                self._sizes = [self.known_size] if self.known_size else []
                self._sizes += [size for size in USUAL_SIZES if size != self.known_size]
            if not final and len(self.buffer) < self._wait_until:
                return None
            found = self._judge(final)
            if found is not None:
                self._failures = 0
                self._next_leap = LEAP_BYTES
                return found
            if self._at_candidate:
                return None

    def _judge(self, final: bool) -> Found | None:
        """Return the verdict on the candidate at the start of the buffer; a failed one is left behind."""
        data = bytes(self.buffer)
        while True:
            while self._next_size < len(self._sizes):
                size = self._sizes[self._next_size]
                verdict = self._try(data, size, final)
                if verdict == _WAIT:
                    return None
                if verdict == _PROVED:
                    return Found(self.base, size, True)
                if verdict == _UNPROVED and not self._spaced:
                    self._unproved.append(size)
                self._next_size += 1
            if self._unproved:
                usual = [s for s in (self.known_size, *UNPROVED_ORDER, *self._unproved) if s in self._unproved]
                return Found(self.base, int(usual[0] or 0), False)
            if self._spaced or not self._look_at_spacing(data, final):
                break
        if self._at_candidate and self._spaced:
            self._leap = 1
            if self._failures > PATIENCE:
                self._leap = self._next_leap
                self._next_leap = min(2 * self._next_leap, LEAP_LIMIT)
            self._restart()
        return None

    def _look_at_spacing(self, data: bytes, final: bool) -> bool:
        """Return True if chunk sizes were found at which this message seems to continue; False: wait, or none."""
        header = 12 if data[0] >> 6 == 0 else 8
        if data[1:4] == b"\xff\xff\xff":
            header += 4
        length = min(int.from_bytes(data[4:7], "big"), SPACING_LIMIT)
        if len(data) < header + length and not final:
            self._wait_until = header + length
            return False
        mark = 0xC0 | (data[0] & 63)
        tried = set(self._sizes)
        sizes: list[int] = []
        place = data.find(mark, header + 1, header + length)
        while place >= 0:
            size = place - header
            again = place + 1 + size
            continues = again >= min(header + length, len(data)) or data[again] == mark
            if size not in tried and continues:
                sizes.append(size)
            place = data.find(mark, place + 1, header + length)
        self._sizes = sizes[:SPACINGS]
        self._next_size = 0
        self._spaced = True
        return True

    def _try(self, data: bytes, size: int, final: bool) -> int:
        """Return whether chunks of this size explain the bytes from the candidate on."""
        if self._trial is None:
            self._trial = Arrays()
        trial = self._trial
        trial.state[:] = self.arrays.state
        trial.slots[:] = self.arrays.slots
        trial.state[L.CHUNK_SIZE] = size
        needed = PROOF_HEADERS_SPACED if self._spaced else PROOF_HEADERS
        trial.state[L.TRIAL] = needed
        trial.state[L.HEADERS] = trial.state[L.CONTINUATIONS] = trial.state[L.MEDIA_USED] = 0
        position = 0
        while True:
            position = trial.walk(data, position, len(data), 0, int(final))
            reason = trial.state[L.REASON]
            if reason not in (L.OUT_FULL, L.HAND_OVER):
                break
        proved = _PROVED if trial.state[L.CONTINUATIONS] else _UNPROVED
        if reason == L.BAD_HEADER:
            self._failures += 1
            return _FAILED
        if reason == L.PROVED:
            return proved
        if final:
            return proved if trial.state[L.HEADERS] >= needed - 1 else _FAILED
        self._wait_until = position + int(trial.state[L.CHUNK_LEFT]) + 1
        return _WAIT
