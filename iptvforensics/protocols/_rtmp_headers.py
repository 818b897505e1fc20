"""RTMP chunk headers as parts of a kernel: the four types, extended timestamps, and the slots that remember them.

Specification: Adobe RTMP 1.0 section 5.3.1.
Known limitations: a type 3 header that opens a message adds the last time difference; after a type 0 header
this is the timestamp itself as the specification says, unless that exceeds ten seconds (senders disagree).
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline
from . import _rtmp_layout as L
from ._rtmp_bytes import be24, be32, le32
from ._rtmp_plausible import plausible_payload, plausible_type

REPEATED_TIME_MS = 10_000


@inline
def find_slot(csid: int, state: Any, slots: Any) -> int:
    """Return the slot of a chunk stream, -1 if it has none."""
    if csid < L.NEAR_SLOTS:
        return csid
    for i in range(L.NEAR_SLOTS, L.NEAR_SLOTS + state[L.WIDE_SLOTS]):
        if slots[i * L.SLOT_WIDTH + L.CSID] == csid:
            return i
    return -1


@inline
def put(kind: int, slot: int, end: int, value: int, state: Any, slots: Any, out: Any) -> None:
    """Report something about the message in a slot."""
    at = slot * L.SLOT_WIDTH
    to = state[L.RECORDS] * L.RECORD_WIDTH
    out[to + L.R_KIND] = kind
    out[to + L.R_SLOT] = slot
    out[to + L.R_TYPE] = slots[at + L.TYPE]
    out[to + L.R_CSID] = slots[at + L.CSID]
    out[to + L.R_MSID] = slots[at + L.MSID]
    out[to + L.R_TIME] = slots[at + L.TIME]
    out[to + L.R_TIME_KNOWN] = slots[at + L.TIME_KNOWN]
    out[to + L.R_LENGTH] = slots[at + L.LENGTH]
    out[to + L.R_BEGIN] = slots[at + L.BEGIN]
    out[to + L.R_END] = end
    out[to + L.R_FROM] = 0
    out[to + L.R_VALUE] = value
    state[L.RECORDS] += 1


@inline
def open_slot(csid: int, state: Any, slots: Any, out: Any) -> int:
    """Return a slot for a chunk stream that has none: a free one, or the one replaced in turn."""
    if state[L.WIDE_SLOTS] < L.FAR_SLOTS:
        slot: int = L.NEAR_SLOTS + state[L.WIDE_SLOTS]
        state[L.WIDE_SLOTS] += 1
    else:
        slot = L.NEAR_SLOTS + state[L.WIDE_TURN]
        state[L.WIDE_TURN] = (state[L.WIDE_TURN] + 1) % L.FAR_SLOTS
        put(L.DROP, slot, 0, L.DROP_EVICTED, state, slots, out)
    for i in range(L.SLOT_WIDTH):
        slots[slot * L.SLOT_WIDTH + i] = 0
    slots[slot * L.SLOT_WIDTH + L.CSID] = csid
    return slot


@inline
def begin_message(slot: int, offset: int, state: Any, slots: Any, out: Any) -> None:
    """Start the message whose header is in the slot."""
    at = slot * L.SLOT_WIDTH
    length = slots[at + L.LENGTH]
    kind = slots[at + L.TYPE]
    slots[at + L.REMAINING] = length
    slots[at + L.BEGIN] = offset
    slots[at + L.HEAD] = 0
    slots[at + L.LOST] = 0
    slots[at + L.TOLD] = 0
    mode = L.MODE_SKIP
    if kind == L.AUDIO or kind == L.VIDEO or kind == L.SET_CHUNK_SIZE or kind == L.ABORT:
        mode = L.MODE_HEAD
    elif kind == L.USER_CONTROL or (L.DATA_AMF3 <= kind <= L.COMMAND_AMF0) or kind == L.AGGREGATE:
        mode = L.MODE_KEEP
        if length > L.KEPT_LIMIT:
            mode = L.MODE_SKIP
            put(L.DROP, slot, 0, L.DROP_TOO_LARGE, state, slots, out)
    elif kind == 0 or kind > L.PEER_BANDWIDTH:
        state[L.UNKNOWN_TYPES] += 1
    slots[at + L.MODE] = mode


@inline
def start_chunk(slot: int, state: Any, slots: Any) -> None:
    """Make the payload of a chunk what comes next."""
    state[L.CURRENT] = slot
    state[L.CHUNK_LEFT] = min(state[L.CHUNK_SIZE], slots[slot * L.SLOT_WIDTH + L.REMAINING])
    state[L.HEADERS] += 1


@inline
def read_short_header(
    data: Any, position: int, p: int, length: int, base: int, final: int, slot: int, state: Any, slots: Any, out: Any
) -> int:
    """Return the size of a type 3 header whose basic header ends at `p`; 0: more bytes needed; -1: impossible."""
    if slot < 0 or slots[slot * L.SLOT_WIDTH + L.SEEN] != 1:
        return -1
    at = slot * L.SLOT_WIDTH
    if slots[at + L.EXTENDED] == 1:
        if p + 4 > length:
            if final == 0:
                return 0
        elif be32(data, p) == slots[at + L.EXTENDED_VALUE]:
            p += 4  # most senders repeat it; equal bytes cannot be told from a repetition and hardly occur
    if slots[at + L.REMAINING] > 0:
        state[L.CONTINUATIONS] += 1
    else:
        if state[L.TRUSTED] == 0 and slots[at + L.LENGTH] > 0:
            seen = min(slots[at + L.LENGTH], 2)
            if p + seen > length and final == 0:
                return 0
            if plausible_payload(data, p, min(p + seen, length), slots[at + L.TYPE]) == 0:
                return -1
        if slots[at + L.ABSOLUTE] == 0 or slots[at + L.DELTA] <= REPEATED_TIME_MS:
            slots[at + L.TIME] = (slots[at + L.TIME] + slots[at + L.DELTA]) & 0xFFFFFFFF
        begin_message(slot, base + position, state, slots, out)
    start_chunk(slot, state, slots)
    return p - position


@inline
def note_stream(msid: int, state: Any, media: Any) -> None:
    """Take the message stream that a header names after lost bytes: the only one has what was counted for none."""
    if state[L.ONLY_STREAM] == L.NONE:
        state[L.ONLY_STREAM] = msid
    elif state[L.ONLY_STREAM] != msid:
        state[L.ONLY_STREAM] = L.SEVERAL
        return
    unknown = -1
    for i in range(state[L.MEDIA_USED]):
        if media[i * L.MEDIA_WIDTH + L.M_MSID] == msid:
            return
        if media[i * L.MEDIA_WIDTH + L.M_MSID] == -1:
            unknown = i
    if unknown >= 0:
        media[unknown * L.MEDIA_WIDTH + L.M_MSID] = msid
        state[L.ADOPTED] = msid


@inline
def keep_header(
    slot: int, fmt: int, field: int, extended: int, size: int, kind: int, msid: int, state: Any, slots: Any, media: Any
) -> None:
    """Remember a header of type 0, 1 or 2 in its slot."""
    at = slot * L.SLOT_WIDTH
    slots[at + L.EXTENDED] = extended
    slots[at + L.EXTENDED_VALUE] = field
    slots[at + L.DELTA] = field
    slots[at + L.ABSOLUTE] = 1 if fmt == 0 else 0
    if fmt == 0:
        slots[at + L.TIME] = field
        slots[at + L.TIME_KNOWN] = L.SENT
        slots[at + L.MSID] = msid
        if state[L.TRUSTED] == 0 and msid > 0:
            note_stream(msid, state, media)
    else:
        slots[at + L.TIME] = (slots[at + L.TIME] + field) & 0xFFFFFFFF
        if slots[at + L.SEEN] == 0 or slots[at + L.MSID] < 0:
            control = kind <= L.PEER_BANDWIDTH
            slots[at + L.MSID] = 0 if state[L.TRUSTED] == 1 or control else max(state[L.ONLY_STREAM], -1)
    slots[at + L.LENGTH] = size
    slots[at + L.TYPE] = kind
    slots[at + L.SEEN] = 1


@inline
def judge_header(
    data: Any,
    end: int,
    length: int,
    final: int,
    kind: int,
    size: int,
    csid: int,
    msid: int,
    known: int,
    fmt: int,
    unfinished: int,
    state: Any,
) -> int:
    """Return 1 if a header of type 0, 1 or 2 that ends at `end` is to be believed; 0: wait; -1: no."""
    if state[L.TRUSTED] == 0:
        if unfinished == 1 or plausible_type(kind, size, csid, msid) == 0:
            return -1
        seen = min(size, 2)
        if end + seen > length and final == 0:
            return 0
        return 1 if plausible_payload(data, end, min(end + seen, length), kind) == 1 else -1
    if known == 0 and fmt == 1 and plausible_type(kind, size, csid, 0) == 0:
        return -1
    return 1


@inline
def read_header(
    data: Any, position: int, length: int, base: int, final: int, state: Any, slots: Any, media: Any, out: Any
) -> int:
    """Return the size of the chunk header at a position; 0: more bytes are needed; -1: it cannot be one."""
    if position >= length:
        return 0
    fmt = (data[position] & 0xFF) >> 6
    csid = data[position] & 63
    p = position + 1
    if csid < 2:
        p += 1 + csid
        if p > length:
            return 0
        csid = 64 + data[position + 1] + (data[position + 2] * 256 if csid == 1 else 0)
    slot = find_slot(csid, state, slots)
    if fmt == 3:
        return read_short_header(data, position, p, length, base, final, slot, state, slots, out)
    end = p + (11 if fmt == 0 else 7 if fmt == 1 else 3)
    if end > length:
        return 0
    known = slots[slot * L.SLOT_WIDTH + L.SEEN] if slot >= 0 else 0
    field = be24(data, p)
    extended = 0
    if field == 0xFFFFFF:
        if end + 4 > length:
            return 0
        extended = 1
        field = be32(data, end)
    msid = 0
    if fmt < 2:
        size = be24(data, p + 3)
        kind = data[p + 6] & 0xFF
        if fmt == 0:
            msid = le32(data, p + 7)
    elif known == 1:
        size = slots[slot * L.SLOT_WIDTH + L.LENGTH]
        kind = slots[slot * L.SLOT_WIDTH + L.TYPE]
    else:
        return -1
    end += 4 * extended
    unfinished = 1 if known == 1 and slots[slot * L.SLOT_WIDTH + L.REMAINING] > 0 else 0
    verdict = judge_header(data, end, length, final, kind, size, csid, msid, known, fmt, unfinished, state)
    if verdict <= 0:
        return verdict
    if slot < 0:
        slot = open_slot(csid, state, slots, out)
    slots[slot * L.SLOT_WIDTH + L.CSID] = csid
    if unfinished == 1:
        put(L.DROP, slot, base + position, L.DROP_CUT, state, slots, out)
    keep_header(slot, fmt, field, extended, size, kind, msid, state, slots, media)
    begin_message(slot, base + position, state, slots, out)
    start_chunk(slot, state, slots)
    return end - position
