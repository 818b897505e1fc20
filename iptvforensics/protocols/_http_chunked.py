"""Chunked transfer coding (RFC 9112 section 7.1): framed bytes in, data bytes out, one kernel call per feed.

A live stream in 1 KiB chunks has a million chunk lines per gigabyte: the kernel walks them and gathers the data
between them into one buffer, so that no Python runs per chunk.

**Known limitations.** Chunk extensions and trailer fields are passed over, not kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernel import copy_bytes, inline, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_CHUNK_BYTES = 4
"""A chunk of one byte with its shortest lines: `1`, LF, the byte, LF."""
MAX_LINE_BYTES = 4096
"""Longest chunk-size line with its extensions."""
MAX_TRAILER_BYTES = 64 << 10
MAX_CHUNK_BYTES = 1 << 48
MAX_BLANKS = 8
"""Blanks before a chunk size: some servers pad the line."""

SIZE, EXTENSION, DATA, DATA_END, DATA_END_LF, TRAILER, TRAILER_LINE, TRAILER_LF, DONE, BROKEN = range(10)
PHASE, REMAINING, LINE_BYTES, DIGITS, CONSUMED, FIRST, LF_ONLY, RUNS = range(8)

FIRST_SIZE_BYTES = 24
_FIRST_SIZE = re.compile(rb"[ \t]{0,4}[0-9a-fA-F]{1,16}[ \t]{0,2}(?:[;\r\n])")
_FIRST_SIZE_BEGUN = re.compile(rb"[ \t]{0,4}[0-9a-fA-F]{0,16}[ \t]{0,2}\Z")
_NEXT_CHUNK = re.compile(rb"\r\n[0-9a-fA-F]{1,8}[ \t]{0,8}(?:;[^\r\n]{0,256})?\r\n")
_NEXT_CHUNK_REACH = 300


@inline
def hex_digit(c: int) -> int:
    """Return the value of a hexadecimal digit, or -1."""
    if 48 <= c <= 57:
        return c - 48
    if 65 <= c <= 70:
        return c - 55
    if 97 <= c <= 102:
        return c - 87
    return -1


@inline
def after_size_byte(c: int, line: int, digits: int, size: int) -> int:
    """Return the phase after a byte of the chunk-size line that is no digit."""
    if digits == 0:
        return SIZE if c in (32, 9) and line <= MAX_BLANKS else BROKEN
    if c == 10:
        return DATA if size > 0 else TRAILER
    return EXTENSION if c in (13, 59, 32, 9) else BROKEN


@inline
def after_line_byte(phase: int, c: int, size: int) -> int:
    """Return the phase after a byte of an extension, of the line end behind the data, or of the trailer."""
    if phase == EXTENSION:
        if c != 10:
            return EXTENSION
        return DATA if size > 0 else TRAILER
    if phase == DATA_END:
        return DATA_END_LF if c == 13 else SIZE if c == 10 else BROKEN
    if phase == DATA_END_LF:
        return SIZE if c == 10 else BROKEN
    if c == 10:
        return TRAILER if phase == TRAILER_LINE else DONE
    return TRAILER_LF if phase == TRAILER and c == 13 else TRAILER_LINE


@kernel("B[] q B[] q[] q[] q[]")
def dechunk(data: Any, length: int, out: Any, state: Any, run_at: Any, run_place: Any) -> int:
    """Return how many bytes of chunk data were gathered into `out` (at least `length` long).

    `state` is kept between calls: phase, bytes left of the chunk, bytes of the line, digits of the size. It also
    tells of this call: bytes consumed, place of the first data byte (-1: none), whether a line ended with a bare LF,
    and the number of runs of data, whose places in `out` and in `data` are in `run_at` and `run_place`.
    """
    phase = state[PHASE]
    remaining = state[REMAINING]
    line = state[LINE_BYTES]
    digits = state[DIGITS]
    first = -1
    runs = 0
    written = 0
    i = 0
    while i < length and phase < DONE:
        if phase == DATA:
            piece = min(length - i, remaining)
            if first < 0:
                first = i
            if runs < len(run_at):
                run_at[runs] = written
                run_place[runs] = i
                runs += 1
            copy_bytes(data, i, out, written, piece)
            written += piece
            remaining -= piece
            i += piece
            if remaining == 0:
                phase = DATA_END
            continue
        before = phase
        c = int(data[i])
        i += 1
        line += 1
        if phase == SIZE:
            digit = hex_digit(c)
            if digit >= 0:
                digits += 1
                remaining = remaining * 16 + digit
            else:
                phase = after_size_byte(c, line, digits, remaining)
        else:
            phase = after_line_byte(phase, c, remaining)
        if c == 10 and before in (SIZE, DATA_END):
            state[LF_ONLY] = 1
        if phase == DATA or (phase == SIZE and before != SIZE) or (phase == TRAILER and before < TRAILER):
            line = 0
            digits = 0
        limit = MAX_TRAILER_BYTES if phase >= TRAILER else MAX_LINE_BYTES
        if remaining > MAX_CHUNK_BYTES or line > limit:
            phase = BROKEN
        if phase == BROKEN:
            i -= 1
    state[PHASE], state[REMAINING], state[LINE_BYTES], state[DIGITS] = phase, remaining, line, digits
    state[CONSUMED], state[FIRST], state[RUNS] = i, first, runs
    return written


class ChunkReader:
    """The chunked coding of one body."""

    __slots__ = ("_state", "phase", "remaining", "runs")

    def __init__(self) -> None:
        self._state: NDArray[np.int64] = np.zeros(8, np.int64)
        self.phase = SIZE
        self.remaining = 0
        self.runs: tuple[list[int], list[int]] = ([], [])
        """Where the data of the last read stood: places in them, and in what was read."""

    @property
    def lf_only(self) -> bool:
        """Return True if a chunk line ended with a bare line feed."""
        return bool(self._state[LF_ONLY])

    def read(self, view: memoryview) -> tuple[memoryview, int, int]:
        """Return data bytes, place of the first of them in `view`, and how many bytes were consumed."""
        if self.phase == DATA and self.remaining >= len(view):
            self.skip(len(view))
            self.runs = ([0], [0])
            return view, 0, len(view)
        out = np.empty(len(view), np.uint8)
        run_at = np.empty(len(view) // MIN_CHUNK_BYTES + 2, np.int64)
        run_place = np.empty_like(run_at)
        written = dechunk(view, len(view), out, self._state, run_at, run_place)
        runs = int(self._state[RUNS])
        self.runs = (run_at[:runs].tolist(), run_place[:runs].tolist())
        self.phase, self.remaining = int(self._state[PHASE]), int(self._state[REMAINING])
        return out.data[:written], int(self._state[FIRST]), int(self._state[CONSUMED])

    def skip(self, length: int) -> None:
        """Pass over bytes that lie within the data of the current chunk."""
        self.remaining -= length
        if self.remaining == 0:
            self.phase = DATA_END
        self._state[PHASE], self._state[REMAINING] = self.phase, self.remaining

    def restart(self) -> None:
        """Expect a chunk-size line next."""
        self._state[:LF_ONLY] = 0
        self.phase, self.remaining = SIZE, 0


def starts_chunked(window: bytes) -> bool | None:
    """Return whether a body starts with a chunk-size line; None: more bytes are needed."""
    if _FIRST_SIZE.match(window):
        return True
    return None if len(window) < FIRST_SIZE_BYTES and _FIRST_SIZE_BEGUN.match(window) else False


def find_chunk(window: bytes) -> tuple[int, int]:
    """Return where the line end before a chunk-size line stands (-1: nowhere), and how many bytes precede any."""
    match = _NEXT_CHUNK.search(window)
    if match:
        return match.start(), match.start()
    keep = window.rfind(b"\r\n", max(len(window) - _NEXT_CHUNK_REACH, 0))
    if keep < 0:
        keep = len(window) - 1 if window.endswith(b"\r") else len(window)
    return -1, keep
