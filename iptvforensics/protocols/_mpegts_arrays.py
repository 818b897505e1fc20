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

_NEW_TABLE = np.zeros(0x2000, np.int32)
_NEW_TABLE[[0x00, 0x01, 0x10, 0x11, 0x14]] = K.ASSEMBLE
_NEW_STATE = np.zeros(K.SLOT0 + FIRST_SLOTS * K.SLOT_WIDTH, np.int64)
_NEW_STATE[[K.SLOT_ROOM, K.BUDGET]] = FIRST_SLOTS, SECTION_BUDGET

Arrays = tuple[Pinned, Pinned, Pinned, Pinned]
"""Table of PIDs, state, directory of sections, and their bytes, as `_mpegts_kernel` describes them."""

_spare: list[Arrays] = []


def first_arrays() -> Arrays:
    """Return arrays for a stream that begins."""
    try:
        arrays = _spare.pop()
    except IndexError:
        directory = np.empty(FIRST_ENTRIES * K.ENTRY_WIDTH, np.int64)
        store = np.empty(K.ARENA + FIRST_ARENA, np.uint8)
        arrays = Pinned(np.empty_like(_NEW_TABLE)), Pinned(np.empty_like(_NEW_STATE)), Pinned(directory), Pinned(store)
    # Bytes of sections are written before they are read: what the last stream left there does not matter.
    table, state, directory, _ = (pinned.array for pinned in arrays)
    table[:] = _NEW_TABLE
    state[:] = _NEW_STATE
    directory[:] = 0
    return arrays


def give_back(arrays: Arrays) -> None:
    """Leave the arrays of a stream that has ended to the next one, unless they have grown."""
    if len(_spare) < MAX_SPARE and [pinned.length for pinned in arrays] == _FIRST_LENGTHS:
        _spare.append(arrays)


_FIRST_LENGTHS = [pinned.length for pinned in first_arrays()]
