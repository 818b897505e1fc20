"""The arrays in which the loops over a transport stream keep its state, new or left by a stream that has ended.

A segment of a few hundred kilobytes is read in less time than the system takes to hand out the memory of these
arrays, so those of ended streams are kept for the next ones.
"""

from __future__ import annotations

import numpy as np

from ..kernel import Pinned
from . import _mpegts_kernel as K

SECTION_BUDGET = 1 << 16
FIRST_SLOTS = 16
FIRST_ENTRIES = 96
FIRST_ARENA = 1 << 14
MAX_SPARE = 16
"""Sets of arrays that are kept, of some 120 KB each."""

SECTION_PIDS = (0x00, 0x01, 0x10, 0x11, 0x14)
"""PIDs whose sections are asked for in every stream: PAT, CAT, NIT, SDT, TDT."""

_NEW_TABLE = np.zeros(0x2000, np.int32)
_NEW_TABLE[[*SECTION_PIDS]] = K.ASSEMBLE
_NEW_STATE = np.zeros(K.SLOT0 + FIRST_SLOTS * K.SLOT_WIDTH, np.int64)
_NEW_STATE[[K.SLOT_ROOM, K.BUDGET]] = FIRST_SLOTS, SECTION_BUDGET

Arrays = tuple[Pinned, Pinned, Pinned, Pinned]
"""Table of PIDs, state, directory of sections, and their bytes, as `_mpegts_kernel` describes them."""

_spare: list[Arrays] = []


def first_arrays() -> Arrays:
    """Return arrays for a stream that begins."""
    if _spare:
        return _spare.pop()
    # Entries and bytes of sections are written before they are read.
    directory, store = np.empty(FIRST_ENTRIES * K.ENTRY_WIDTH, np.int64), np.empty(K.ARENA + FIRST_ARENA, np.uint8)
    return Pinned(_NEW_TABLE.copy()), Pinned(_NEW_STATE.copy()), Pinned(directory), Pinned(store)


_FIRST_LENGTHS = [pinned.length for pinned in first_arrays()]


def give_back(arrays: Arrays) -> None:
    """Leave the arrays of a stream that has ended to the next one, unless they have grown."""
    if len(_spare) < MAX_SPARE and [pinned.length for pinned in arrays] == _FIRST_LENGTHS:
        _make_new(arrays[0], arrays[1])
        _spare.append(arrays)


def _make_new(table: Pinned, state: Pinned) -> None:
    """Undo what a stream has written: mostly the places of a few PIDs."""
    entries, numbers = table.view, state.view
    used = K.SLOT0 + numbers[K.SLOTS] * K.SLOT_WIDTH
    maps = numbers[K.MAPS]
    for pid in numbers[K.SLOT0 + K.PID : used : K.SLOT_WIDTH].tolist():
        if entries[pid] >= K.ASSEMBLE and pid not in SECTION_PIDS:
            maps -= 1
        entries[pid] = 0
    if maps:  # some were named that never came
        table.array[:] = 0
    for pid in SECTION_PIDS:
        entries[pid] = K.ASSEMBLE
    state.array[:used] = _NEW_STATE[:used]
