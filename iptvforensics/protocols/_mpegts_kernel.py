"""Transport stream packets -> packet grid, continuity and clocks; and the layout of the arrays that hold them.

`find_sync` looks for sync bytes at a constant distance; the other functions are the parts of the loop in
`_mpegts_walk` that follow counters and clocks. All state lies in the caller's arrays: a header, heads of
hash chains, and one slot per PID, declared here together with the arrays of `_mpegts_sections`.

References: ISO/IEC 13818-1 sections 2.4.3.2 (packet), 2.4.3.4 (adaptation field), 2.4.3.6 (PES packet).

**Known limitations**: a PES header that does not fit into its first packet gives no PTS.
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline, kernel

SYNC = 0x47
PACKET = 188
NULL_PID = 0x1FFF

STRIDE_M2TS = 192
STRIDE_RS = 204
SYNC_RUN = 5
"""Sync bytes in a row that make a grid; the chance in random bytes is 2**-40 per position."""
SYNC_RUN_SHORT = 3
"""The same at the end of short input, where all that is left must fit."""

# Header of the state array.
MAPS, STRIDE, PACKETS, NULLS, SCRAMBLED, TRANSPORT_ERRORS, CONTINUITY_ERRORS, SYNC_BYTE_ERRORS = range(8)
LAST_PACKET, SLOTS, SLOT_ROOM, OVERFLOW, ENTRIES, ARENA_USED, WORK_TAKEN, BUDGET = range(8, 16)
SECTIONS_DROPPED, BAD_SECTIONS, BAD_ADAPTATION, PAT_IS_RIGHT = range(16, 20)
HEADS = 32
N_HEADS = 64
SLOT0 = HEADS + N_HEADS

# Why `walk` came back, as the lowest bits of what it returns; NEWS is added if PIDs or sections were seen first.
NEED_BYTES, LOST_SYNC, NEED_ROOM = range(3)
REASON = 3
NEWS = 4
OUTCOMES = 8

# One slot per PID.
PID, N_PACKETS, N_SCRAMBLED, N_CC_ERRORS, LAST_CC, DUPLICATE, FIRST_OFFSET, PAYLOAD_BYTES = range(8)
PCR_COUNT, PCR_FIRST, PCR_LAST, PCR_MODE, PCR_OFFSET, PCR_SPAN, PCR_BYTES, PCR_JUMPS = range(8, 16)
PTS_COUNT, PTS_FIRST, PTS_LAST, PTS_MODE, PTS_REF, PTS_MIN, PTS_MAX, PTS_SPAN = range(16, 24)
PTS_WRAPS, PTS_JUMPS, DTS_COUNT, DTS_FIRST, DTS_LAST, DISCONTINUITIES, STREAM_ID, LAST_ENTRY = range(24, 32)
WORK, HAVE, TOTAL, SECTION_OFFSET = range(32, 36)
SLOT_WIDTH = 36
MAX_SLOTS = 256

# The table pid -> slot + 1, and a flag for PIDs whose sections are wanted; MAPS counts those that a PAT has named.
ASSEMBLE = 0x10000
SLOT_MASK = 0xFFFF

# Directory of sections seen: one entry each; links are entry number + 1.
E_HASH, E_AT, E_LENGTH, E_PID, E_NEXT, E_OFFSET = range(6)
ENTRY_WIDTH = 6

# The byte store: buffers for sections in the making, then the arena of sections seen.
SECTION_LIMIT = 4096
N_WORKS = 16
ARENA = N_WORKS * SECTION_LIMIT
ENTRIES_PER_PACKET = 64
ARENA_PER_PACKET = SECTION_LIMIT + PACKET
MAX_SECTION_SPREAD = 1 << 20
"""A section that takes more bytes of stream than this is given up, so that its row is never late."""

# Time: what the next value of a clock may be compared with.
MODE_NONE, MODE_FOLLOW, MODE_AFTER_GAP, MODE_ANEW = range(4)
PTS_MODULUS = 1 << 33
PCR_MODULUS = (1 << 33) * 300
PTS_FORWARD = 10 * 90_000
PTS_BACKWARD = 2 * 90_000
"""Pictures are sent out of order by less than a second; a larger step back is a break."""
PCR_FORWARD = 10 * 27_000_000


@inline
def stride_of(index: int) -> int:
    """Return the packet distance by number: 188, 192, 204."""
    if index == 0:
        return PACKET
    if index == 1:
        return STRIDE_M2TS
    return STRIDE_RS


@inline
def run_fits(data: Any, pos: int, end: int, stride: int, final: int) -> int:
    """Return 1 if sync bytes stand at `pos` and on at the stride, as many as are asked for."""
    seen = 0
    while seen < SYNC_RUN:
        at = pos + seen * stride
        if at >= end:
            break
        if data[at] != SYNC:
            return 0
        seen += 1
    if seen == SYNC_RUN or (final == 1 and seen >= SYNC_RUN_SHORT):
        return 1
    return 0


@kernel("B[] q q q")
def find_sync(data: Any, start: int, end: int, final: int) -> int:
    """Return `4 * position + stride number` of the first packet grid, or `-1 - position` to go on from.

    A position is decided only when all strides can be, so that the result does not depend on how the
    bytes were cut; `final` is 1 when no more bytes follow.
    """
    end = min(end, len(data))
    pos = start
    while pos < end:
        if data[pos] == SYNC:
            if final == 0 and pos + (SYNC_RUN - 1) * STRIDE_RS >= end:
                return -1 - pos
            for index in range(3):
                if run_fits(data, pos, end, stride_of(index), final) == 1:
                    return 4 * pos + index
        pos += 1
    return -1 - pos


@inline
def bad_sync(data: Any, pos: int, end: int, stride: int, final: int) -> int:
    """Return 0 (more bytes needed), 1 (only this sync byte is wrong) or 2 (the grid is lost)."""
    if final == 0 and pos + 2 * stride >= end:
        return 0
    if pos + stride >= end or data[pos + stride] != SYNC:
        return 2
    if pos + 2 * stride < end and data[pos + 2 * stride] != SYNC:
        return 2
    return 1


@inline
def note_pcr(data: Any, q: int, state: Any, at: int, offset: int) -> None:
    """Follow the program clock of a PID; `q` is where its six bytes stand."""
    pcr = (data[q] & 0xFF) << 25 | (data[q + 1] & 0xFF) << 17 | (data[q + 2] & 0xFF) << 9
    pcr |= (data[q + 3] & 0xFF) << 1 | (data[q + 4] & 0xFF) >> 7
    pcr = pcr * 300 + ((data[q + 4] & 1) << 8 | (data[q + 5] & 0xFF))
    mode = state[at + PCR_MODE]
    if mode == MODE_NONE:
        state[at + PCR_FIRST] = pcr
    elif mode != MODE_ANEW:
        delta = pcr - state[at + PCR_LAST]
        if delta < 0:
            delta += PCR_MODULUS
        if delta <= PCR_FORWARD:
            state[at + PCR_SPAN] += delta
            state[at + PCR_BYTES] += offset - state[at + PCR_OFFSET]
        elif mode == MODE_FOLLOW:
            state[at + PCR_JUMPS] += 1
    state[at + PCR_COUNT] += 1
    state[at + PCR_LAST] = pcr
    state[at + PCR_OFFSET] = offset
    state[at + PCR_MODE] = MODE_FOLLOW


@inline
def read_stamp(data: Any, q: int) -> int:
    """Return a PTS or DTS, or -1 if a marker bit is wrong."""
    if (data[q] & data[q + 2] & data[q + 4] & 1) == 0:
        return -1
    high = ((data[q] >> 1) & 7) << 30 | (data[q + 1] & 0xFF) << 22 | ((data[q + 2] & 0xFF) >> 1) << 15
    stamp: int = high | (data[q + 3] & 0xFF) << 7 | (data[q + 4] & 0xFF) >> 1
    return stamp


@inline
def note_pts(state: Any, at: int, pts: int) -> None:
    """Follow the presentation times of a PID across wraps and breaks."""
    mode = state[at + PTS_MODE]
    last = state[at + PTS_LAST]
    delta = (pts - last) & (PTS_MODULUS - 1)
    if delta >= PTS_MODULUS // 2:
        delta -= PTS_MODULUS
    far = delta > PTS_FORWARD or delta < -PTS_BACKWARD
    if mode in (MODE_NONE, MODE_ANEW) or far:
        if mode == MODE_NONE:
            state[at + PTS_FIRST] = pts
        else:
            state[at + PTS_SPAN] += state[at + PTS_MAX] - state[at + PTS_MIN]
            if mode == MODE_FOLLOW:
                state[at + PTS_JUMPS] += 1
        state[at + PTS_REF] = pts
        state[at + PTS_MIN] = pts
        state[at + PTS_MAX] = pts
    else:
        if delta > 0 and pts < last:
            state[at + PTS_WRAPS] += 1
        if delta < 0 and pts > last:
            state[at + PTS_WRAPS] -= 1
        ref = state[at + PTS_REF] + delta
        state[at + PTS_REF] = ref
        state[at + PTS_MIN] = min(state[at + PTS_MIN], ref)
        state[at + PTS_MAX] = max(state[at + PTS_MAX], ref)
    state[at + PTS_COUNT] += 1
    state[at + PTS_LAST] = pts
    state[at + PTS_MODE] = MODE_FOLLOW


@inline
def note_pes(data: Any, q: int, e: int, state: Any, at: int) -> None:
    """Read stream id, PTS and DTS of a PES header that starts at `q`."""
    if e - q < 14 or data[q] != 0 or data[q + 1] != 0 or data[q + 2] != 1:
        return
    sid = data[q + 3] & 0xFF
    if sid < 0xBD or (data[q + 6] & 0xC0) != 0x80:
        return
    # These carry no optional header (ISO/IEC 13818-1 table 2-21).
    if sid == 0xBE or sid == 0xBF or sid == 0xF0 or sid == 0xF1 or sid == 0xF2 or sid == 0xF8 or sid == 0xFF:
        return
    if state[at + STREAM_ID] == 0:
        state[at + STREAM_ID] = sid
    flags = data[q + 7] & 0xFF
    length = data[q + 8] & 0xFF
    if (flags & 0x80) == 0 or length < 5:
        return
    pts = read_stamp(data, q + 9)
    if pts < 0:
        return
    note_pts(state, at, pts)
    dts = pts
    if (flags & 0x40) != 0 and length >= 10 and e - q >= 19:
        dts = read_stamp(data, q + 14)
    if dts >= 0:
        if state[at + DTS_COUNT] == 0:
            state[at + DTS_FIRST] = dts
        state[at + DTS_COUNT] += 1
        state[at + DTS_LAST] = dts


@inline
def note_continuity(state: Any, at: int, cc: int, has_payload: int, announced: int) -> int:
    """Return 1 if the packet repeats the last one (allowed once), 2 if packets are missing before it, else 0."""
    if has_payload == 0:
        return 0
    last = state[at + LAST_CC]
    state[at + LAST_CC] = cc
    if last < 0 or announced == 1:
        state[at + DUPLICATE] = 0
        return 0 if last < 0 else 2
    if cc == last and state[at + DUPLICATE] == 0:
        state[at + DUPLICATE] = 1
        return 1
    state[at + DUPLICATE] = 0
    if cc == ((last + 1) & 15):
        return 0
    state[at + N_CC_ERRORS] += 1
    state[CONTINUITY_ERRORS] += 1
    return 2
