"""The loop over the packets of a transport stream on a known grid.

See `_mpegts_kernel` for the layout of the arrays and for clocks and counters, `_mpegts_sections` for tables.

References: ISO/IEC 13818-1 sections 2.4.3.2 to 2.4.3.5.

**Known limitations**: a packet with the transport error indicator is counted and not looked into.
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline, kernel, prefetch
from . import _mpegts_kernel as K
from ._mpegts_kernel import bad_sync, note_continuity, note_pcr, note_pes
from ._mpegts_sections import drop_section, note_sections

AHEAD = 24
"""Packets that lie between the one that is read and the one that is fetched from memory meanwhile."""


@inline
def has_room(state: Any, table: Any, pid: int, directory: Any, store: Any) -> int:
    """Return 0 if an array has to grow before a packet of this PID can be taken."""
    entry = table[pid]
    if (entry & K.SLOT_MASK) == 0:
        room = state[K.SLOT_ROOM]
        if state[K.SLOTS] >= room and room < K.MAX_SLOTS:
            return 0
    if (entry & K.ASSEMBLE) != 0:
        if state[K.ENTRIES] + K.ENTRIES_PER_PACKET > len(directory) // K.ENTRY_WIDTH:
            return 0
        if K.ARENA + state[K.ARENA_USED] + K.ARENA_PER_PACKET > len(store):
            return 0
    return 1


@inline
def open_slot(state: Any, table: Any, pid: int, offset: int) -> int:
    """Return the slot number of a PID, 1 or more; 0 if all are taken."""
    slot: int = table[pid] & K.SLOT_MASK
    if slot == 0:
        if state[K.SLOTS] >= state[K.SLOT_ROOM]:
            state[K.OVERFLOW] += 1
            return 0
        state[K.SLOTS] += 1
        slot = state[K.SLOTS]
        table[pid] = table[pid] | slot
        at = K.SLOT0 + (slot - 1) * K.SLOT_WIDTH
        state[at + K.PID] = pid
        state[at + K.FIRST_OFFSET] = offset
        state[at + K.LAST_CC] = -1
    return slot


@inline
def note_adaptation(data: Any, pos: int, state: Any, at: int, offset: int) -> int:
    """Return `2 * (first byte of payload) + discontinuity_indicator`; follow the PCR."""
    length: int = data[pos + 4] & 0xFF
    payload: int = pos + 5 + length
    if payload > pos + K.PACKET:
        state[K.BAD_ADAPTATION] += 1
        return 2 * (pos + K.PACKET)
    if length == 0:
        return 2 * payload
    flags: int = data[pos + 5] & 0xFF
    announced = flags >> 7
    if announced == 1:
        state[at + K.DISCONTINUITIES] += 1
        if state[at + K.PCR_MODE] != K.MODE_NONE:
            state[at + K.PCR_MODE] = K.MODE_ANEW
        if state[at + K.PTS_MODE] != K.MODE_NONE:
            state[at + K.PTS_MODE] = K.MODE_ANEW
    if (flags & 0x10) != 0 and length >= 7:
        note_pcr(data, pos + 6, state, at, offset)
    return 2 * payload + announced


@inline
def note_packet(
    data: Any, pos: int, offset: int, slot: int, table: Any, state: Any, directory: Any, store: Any
) -> None:
    """Take one packet whose PID has a slot."""
    at = K.SLOT0 + (slot - 1) * K.SLOT_WIDTH
    flags = data[pos + 3] & 0xFF
    state[at + K.N_PACKETS] += 1
    if (flags & 0xC0) != 0:
        state[K.SCRAMBLED] += 1
        state[at + K.N_SCRAMBLED] += 1
    has_payload = (flags >> 4) & 1
    payload = pos + 4
    announced = 0
    if (flags & 0x20) != 0:
        packed = note_adaptation(data, pos, state, at, offset)
        payload = packed >> 1
        announced = packed & 1
    order = note_continuity(state, at, flags & 0x0F, has_payload, announced)
    if order == 2:
        drop_section(state, at)
    end = pos + K.PACKET
    if has_payload == 0 or order == 1 or payload >= end:
        return
    state[at + K.PAYLOAD_BYTES] += end - payload
    if (flags & 0xC0) != 0:
        return
    starts = ((data[pos + 1] & 0xFF) >> 6) & 1
    if (table[state[at + K.PID]] & K.ASSEMBLE) != 0:
        note_sections(data, payload, end, starts, table, state, at, offset, directory, store)
    elif starts == 1:
        note_pes(data, payload, end, state, at)


@inline
def follows_simply(state: Any, at: int, flags: int) -> int:
    """Return 1 after counting a clear packet that is all payload and comes next in order; else 0."""
    cc = flags & 0x0F
    last = state[at + K.LAST_CC]
    if (flags & 0xF0) != 0x10 or last < 0 or cc != ((last + 1) & 15):
        return 0
    state[at + K.LAST_CC] = cc
    state[at + K.DUPLICATE] = 0
    state[at + K.N_PACKETS] += 1
    state[at + K.PAYLOAD_BYTES] += K.PACKET - 4
    return 1


@inline
def take_packet(data: Any, pos: int, offset: int, table: Any, state: Any, directory: Any, store: Any) -> int:
    """Return 1 after taking a packet, 0 if an array has to grow first."""
    if (data[pos + 1] & 0x80) != 0:
        state[K.TRANSPORT_ERRORS] += 1
        return 1
    pid = (data[pos + 1] & 0x1F) << 8 | (data[pos + 2] & 0xFF)
    if has_room(state, table, pid, directory, store) == 0:
        return 0
    slot = open_slot(state, table, pid, offset)
    if pid == K.NULL_PID:
        state[K.NULLS] += 1
        if slot > 0:
            state[K.SLOT0 + (slot - 1) * K.SLOT_WIDTH + K.N_PACKETS] += 1
    elif slot > 0:
        note_packet(data, pos, offset, slot, table, state, directory, store)
    return 1


@kernel("B[] q q q q i[] q[] q[] B[]")
def walk(
    data: Any, start: int, end: int, base: int, final: int, table: Any, state: Any, directory: Any, store: Any
) -> int:
    """Return `OUTCOMES * position of the next packet + NEWS + why the loop stopped`, NEWS if there are any.

    `base` is the stream offset of `data[0]`; `final` is 1 when no more bytes follow.
    """
    end = min(end, len(data))
    stride: int = state[K.STRIDE]
    pos = start
    packets = 0
    last = -1
    slots = state[K.SLOTS]
    entries = state[K.ENTRIES]
    reason = K.NEED_BYTES
    while pos + K.PACKET <= end:
        prefetch(data, pos + AHEAD * stride)
        if data[pos] != K.SYNC:
            verdict = bad_sync(data, pos, end, stride, final)
            if verdict != 1:
                reason = K.LOST_SYNC if verdict == 2 else K.NEED_BYTES
                break
            state[K.SYNC_BYTE_ERRORS] += 1
            pos += stride
            continue
        simple = 0
        if (data[pos + 1] & 0xC0) == 0:
            pid = (data[pos + 1] & 0x1F) << 8 | (data[pos + 2] & 0xFF)
            slot = table[pid]
            if slot > 0 and slot < K.ASSEMBLE and pid != K.NULL_PID:
                simple = follows_simply(state, K.SLOT0 + (slot - 1) * K.SLOT_WIDTH, data[pos + 3] & 0xFF)
        if simple == 0 and take_packet(data, pos, base + pos, table, state, directory, store) == 0:
            reason = K.NEED_ROOM
            break
        packets += 1
        last = pos
        pos += stride
    if packets > 0:
        state[K.PACKETS] += packets
        state[K.LAST_PACKET] = base + last
    if state[K.SLOTS] != slots or state[K.ENTRIES] != entries:
        reason += K.NEWS
    return pos * K.OUTCOMES + reason
