"""Payload of transport packets -> complete sections, each kept once.

Sections of the PIDs that carry tables are cut out or put together, compared with those that the same PID
has shown before, and entered in a directory if they are new; Python takes them from there. The PIDs of
program maps are taken from the PAT here, so that the maps behind it are caught in the same pass.

References: ISO/IEC 13818-1 sections 2.4.4.1 (pointer field, section header), 2.4.4.3 (PAT), Annex A (CRC).

**Known limitations**: a section that takes more than 1 MiB of stream, or a 17th section that is in the
making at the same time, is given up and counted.
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline
from . import _mpegts_kernel as K


@inline
def is_entry(src: Any, q: int, length: int, directory: Any, entry: int, store: Any) -> int:
    """Return 1 if the section at `q` is the one that a directory entry holds."""
    if directory[entry * K.ENTRY_WIDTH + K.E_LENGTH] != length:
        return 0
    kept = directory[entry * K.ENTRY_WIDTH + K.E_AT]
    for i in range(length):
        if src[q + i] != store[kept + i]:
            return 0
    return 1


@inline
def crc_remainder(src: Any, q: int, length: int) -> int:
    """Return the remainder of the CRC-32/MPEG-2 over a section: 0 if it is right."""
    crc = 0xFFFFFFFF
    for i in range(length):
        crc ^= (src[q + i] & 0xFF) << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7) & 0xFFFFFFFF if crc & 0x80000000 else (crc << 1) & 0xFFFFFFFF
    return crc


@inline
def watch_program_maps(src: Any, q: int, length: int, state: Any, table: Any) -> None:
    """Ask for the sections of the PIDs that a PAT names; a wrong one counts until a right one is seen."""
    if length < 12 or src[q] != 0 or (src[q + 1] & 0x80) == 0 or (src[q + 5] & 1) == 0:
        return
    right = 1 if crc_remainder(src, q, length) == 0 else 0
    if right == 0 and state[K.PAT_IS_RIGHT] == 1:
        return
    state[K.PAT_IS_RIGHT] = right
    for i in range(8, length - 7, 4):
        if src[q + i] != 0 or src[q + i + 1] != 0:
            pid = (src[q + i + 2] & 0x1F) << 8 | (src[q + i + 3] & 0xFF)
            if (table[pid] & K.ASSEMBLE) == 0:
                table[pid] = table[pid] | K.ASSEMBLE
                state[K.MAPS] += 1


@inline
def take_section(
    src: Any, q: int, length: int, table: Any, state: Any, at: int, offset: int, directory: Any, store: Any
) -> None:
    """Enter a complete section in the directory unless this K.PID has shown it before."""
    last = state[at + K.LAST_ENTRY]
    if last > 0 and is_entry(src, q, length, directory, last - 1, store) == 1:
        return
    pid = state[at + K.PID]
    mixed = pid
    for i in range(length):
        mixed = (mixed * 31 + (src[q + i] & 0xFF)) & 0xFFFFFFFF
    head = K.HEADS + mixed % K.N_HEADS
    link = state[head]
    while link > 0:
        e = (link - 1) * K.ENTRY_WIDTH
        same = directory[e + K.E_HASH] == mixed and directory[e + K.E_PID] == pid
        if same and is_entry(src, q, length, directory, link - 1, store) == 1:
            state[at + K.LAST_ENTRY] = link
            return
        link = directory[e + K.E_NEXT]
    if state[K.BUDGET] <= 0:
        state[K.SECTIONS_DROPPED] += 1
        return
    state[K.BUDGET] -= 1
    kept = K.ARENA + state[K.ARENA_USED]
    for i in range(length):
        store[kept + i] = src[q + i]
    entry = state[K.ENTRIES]
    e = entry * K.ENTRY_WIDTH
    directory[e + K.E_HASH] = mixed
    directory[e + K.E_AT] = kept
    directory[e + K.E_LENGTH] = length
    directory[e + K.E_PID] = pid
    directory[e + K.E_NEXT] = state[head]
    directory[e + K.E_OFFSET] = offset
    state[head] = entry + 1
    state[at + K.LAST_ENTRY] = entry + 1
    state[K.ENTRIES] = entry + 1
    state[K.ARENA_USED] += length
    if pid == 0:
        watch_program_maps(src, q, length, state, table)


@inline
def drop_section(state: Any, at: int) -> None:
    """Give up the section in the making and its buffer."""
    if state[at + K.WORK] > 0:
        state[K.WORK_TAKEN] &= ~(1 << (state[at + K.WORK] - 1))
        state[at + K.WORK] = 0


@inline
def begin_section(state: Any, at: int, offset: int) -> int:
    """Return 1 after giving the K.PID a buffer for a section that goes on in later packets, 0 if none is free."""
    for i in range(K.N_WORKS):
        if (state[K.WORK_TAKEN] >> i) & 1 == 0:
            state[K.WORK_TAKEN] |= 1 << i
            state[at + K.WORK] = i + 1
            state[at + K.HAVE] = 0
            state[at + K.TOTAL] = K.SECTION_LIMIT + 1
            state[at + K.SECTION_OFFSET] = offset
            return 1
    state[K.SECTIONS_DROPPED] += 1
    return 0


@inline
def extend_section(
    data: Any, q: int, e: int, table: Any, state: Any, at: int, offset: int, directory: Any, store: Any
) -> None:
    """Add bytes to the section in the making; enter it when it is complete."""
    if offset - state[at + K.SECTION_OFFSET] > K.MAX_SECTION_SPREAD:
        state[K.BAD_SECTIONS] += 1
        drop_section(state, at)
        return
    buffer = (state[at + K.WORK] - 1) * K.SECTION_LIMIT
    have = state[at + K.HAVE]
    total = state[at + K.TOTAL]
    while q < e and have < total:
        store[buffer + have] = data[q]
        have += 1
        q += 1
        if have == 3:
            total = 3 + ((store[buffer + 1] & 0x0F) << 8 | (store[buffer + 2] & 0xFF))
            if total > K.SECTION_LIMIT:
                state[K.BAD_SECTIONS] += 1
                drop_section(state, at)
                return
    state[at + K.HAVE] = have
    state[at + K.TOTAL] = total
    if have == total:
        take_section(store, buffer, total, table, state, at, state[at + K.SECTION_OFFSET], directory, store)
        drop_section(state, at)


@inline
def note_sections(
    data: Any,
    q: int,
    e: int,
    starts: int,
    table: Any,
    state: Any,
    at: int,
    offset: int,
    directory: Any,
    store: Any,
) -> None:
    """Cut the payload of a packet into sections (ISO/IEC 13818-1 section 2.4.4.1)."""
    if starts == 0:
        if state[at + K.WORK] > 0:
            extend_section(data, q, e, table, state, at, offset, directory, store)
        return
    first = q + 1 + (data[q] & 0xFF)
    if first > e:
        state[K.BAD_SECTIONS] += 1
        drop_section(state, at)
        return
    if state[at + K.WORK] > 0:
        extend_section(data, q + 1, first, table, state, at, offset, directory, store)
        drop_section(state, at)
    q = first
    while q < e and data[q] != 0xFF:
        length = K.SECTION_LIMIT
        if e - q >= 3:
            length = 3 + ((data[q + 1] & 0x0F) << 8 | (data[q + 2] & 0xFF))
        if length <= e - q:
            take_section(data, q, length, table, state, at, offset, directory, store)
        elif begin_section(state, at, offset) == 1:
            extend_section(data, q, e, table, state, at, offset, directory, store)
        q += length
