"""Frame number -> the frame, read again from the evidence file.

With the index of an earlier reading, a plain file is entered at the nearest block; without one, or in a
compressed file, everything before the frame is read again (but not hashed).

**Known limitations**: the evidence file is trusted to be the one that was read before: compare its SHA-256
first.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import CaptureError
from .block import Block, IndexEntry
from .reader import BLOCK_BYTES, CaptureReader


class Frame(NamedTuple):
    """One captured record."""

    frame_no: int
    ts_ns: int
    link_type: int
    captured_bytes: bytes
    wire_bytes: int
    stream_offset: int
    """Position of the frame's first byte in the capture stream."""
    interface: int
    is_unpacked: bool = False
    """True if that is a place in what a compressed file unpacks to."""


def find_frame(
    path: str | os.PathLike[str],
    frame_no: int,
    *,
    index: Sequence[IndexEntry] = (),
    block_bytes: int = BLOCK_BYTES,
) -> Frame:
    """Return one frame of a capture file.

    Raises:
        CaptureError: the file holds no frame of this number.
    """
    return find_frames(path, [frame_no], index=index, block_bytes=block_bytes)[0]


def find_frames(
    path: str | os.PathLike[str],
    frame_numbers: Iterable[int],
    *,
    index: Sequence[IndexEntry] = (),
    block_bytes: int = BLOCK_BYTES,
) -> list[Frame]:
    """Return frames of a capture file in the order of their numbers, each once; the file is read at most once.

    Raises:
        CaptureError: the file holds no frame of one of these numbers.
    """
    wanted = sorted(set(frame_numbers))
    if not wanted:
        return []
    if wanted[0] < 1:
        raise CaptureError(f"frames are counted from 1, asked for frame {wanted[0]}", path=os.fspath(path))
    found: list[Frame] = []
    with CaptureReader(path, block_bytes=block_bytes, hash_thread=False, hashing=False) as capture:
        entry = _entry_before(index, wanted[0])
        if entry:
            capture.start_at(entry)
        for block in capture:
            while len(found) < len(wanted) and wanted[len(found)] < block.first_frame + block.count:
                found.append(_frame(block, wanted[len(found)] - block.first_frame, is_unpacked=capture.is_compressed))
            if len(found) == len(wanted):
                return found
        missing = wanted[len(found)]
        raise CaptureError(f"there is no frame {missing}: the file holds {capture.frames}", path=os.fspath(path))


def _entry_before(index: Sequence[IndexEntry], frame_no: int) -> IndexEntry | None:
    place = bisect.bisect_right(index, frame_no, key=lambda entry: entry.first_frame)
    return index[place - 1] if place else None


def _frame(block: Block, row: int, *, is_unpacked: bool) -> Frame:
    start = int(block.record_at[row])
    return Frame(
        block.first_frame + row,
        int(block.ts_ns[row]),
        int(block.link_type[row]),
        block.data[start : start + int(block.captured_bytes[row])].tobytes(),
        int(block.wire_bytes[row]),
        block.stream_offset + start,
        int(block.interface[row]),
        is_unpacked,
    )
