"""The RTMP chunk layer as a kernel: bytes of one direction turned into whole messages and media counts.

Specification: Adobe RTMP 1.0 section 5.3 (chunk headers, extended timestamps) and 5.4 (protocol control).
Known limitations: a type 3 header that opens a message adds the last time difference; after a type 0 header
this is the timestamp itself as the specification says, unless that exceeds ten seconds (senders disagree).
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline, kernel
from . import _rtmp_layout as L
from ._flv_tag import KIND_CONFIG, count_message, describe_tag, find_media, kind_of
from ._rtmp_bytes import be24, be32, le32
from ._rtmp_plausible import plausible_payload, plausible_type

REPEATED_TIME_MS = 10_000
PROOF_HEADERS, PROOF_HEADERS_UNBROKEN = 4, 12


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
def put_piece(slot: int, data: Any, at: int, length: int, state: Any, slots: Any, out: Any, side: Any) -> None:
    """Copy bytes of a kept message into `side`; the caller has made sure that they fit."""
    used = state[L.SIDE_USED]
    side[used : used + length] = data[at : at + length]
    state[L.SIDE_USED] = used + length
    last = (state[L.RECORDS] - 1) * L.RECORD_WIDTH
    if last >= 0 and out[last + L.R_KIND] == L.PIECE and out[last + L.R_SLOT] == slot:
        out[last + L.R_LENGTH] += length
        return
    put(L.PIECE, slot, 0, 0, state, slots, out)
    last += L.RECORD_WIDTH
    out[last + L.R_FROM] = used
    out[last + L.R_LENGTH] = length


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
def take_payload(data: Any, position: int, length: int, state: Any, slots: Any, heads: Any, out: Any, side: Any) -> int:
    """Return the position after the bytes of the current chunk that could be taken."""
    slot: int = state[L.CURRENT]
    at = slot * L.SLOT_WIDTH
    take: int = min(state[L.CHUNK_LEFT], length - position)
    mode = slots[at + L.MODE]
    done = 0
    if mode == L.MODE_HEAD:
        head = slots[at + L.HEAD]
        want = min(L.HEAD_BYTES, slots[at + L.LENGTH])
        done = min(take, want - head)
        to = slot * L.HEAD_BYTES + head
        for i in range(done):
            heads[to + i] = data[position + i]
        head += done
        slots[at + L.HEAD] = head
        if head == want:
            mode = L.MODE_SKIP
            kind = slots[at + L.TYPE]
            if kind >= L.AUDIO and slots[at + L.LENGTH] <= L.CONFIG_LIMIT:
                told = describe_tag(heads, slot * L.HEAD_BYTES, head, kind - L.AUDIO)
                if kind_of(told) == KIND_CONFIG:
                    mode = L.MODE_KEEP
                    put_piece(slot, heads, slot * L.HEAD_BYTES, head, state, slots, out, side)
            slots[at + L.MODE] = mode
    if mode == L.MODE_KEEP:
        free = L.SIDE_LIMIT - state[L.SIDE_USED]
        more = min(take - done, free)
        if more > 0:
            put_piece(slot, data, position + done, more, state, slots, out, side)
        take = done + more
    slots[at + L.REMAINING] -= take
    state[L.CHUNK_LEFT] -= take
    return position + take


@inline
def skip_chunks(data: Any, position: int, length: int, slot: int, state: Any, slots: Any) -> int:
    """Return the position after the whole chunks that continue a message of which nothing more must be read.

    This is where nearly all chunks of a stream end: at 128 bytes per chunk, eight million per gigabyte.
    """
    at = slot * L.SLOT_WIDTH
    if slots[at + L.MODE] != L.MODE_SKIP or slots[at + L.EXTENDED] != 0 or slot >= L.NEAR_SLOTS:
        return position
    mark = 192 + slot
    size = state[L.CHUNK_SIZE]
    remaining = slots[at + L.REMAINING]
    found = 0
    while remaining > 0:
        step = min(size, remaining)
        if position + step >= length or data[position] != mark:
            break
        position += 1 + step
        remaining -= step
        found += 1
    slots[at + L.REMAINING] = remaining
    state[L.HEADERS] += found
    state[L.CONTINUATIONS] += found
    return position


@inline
def abort_message(csid: int, end: int, state: Any, slots: Any, out: Any) -> None:
    """Give up the unfinished message of a chunk stream (Abort Message)."""
    slot = find_slot(csid, state, slots)
    if slot >= 0 and slots[slot * L.SLOT_WIDTH + L.REMAINING] > 0:
        slots[slot * L.SLOT_WIDTH + L.REMAINING] = 0
        put(L.DROP, slot, end, L.DROP_ABORTED, state, slots, out)


@inline
def finish_message(slot: int, end: int, state: Any, slots: Any, heads: Any, media: Any, out: Any) -> int:
    """Return 1 if the message that is whole now must be read before the next byte is looked at."""
    at = slot * L.SLOT_WIDTH
    kind = slots[at + L.TYPE]
    if kind == L.AUDIO or kind == L.VIDEO:
        head = slots[at + L.HEAD]
        count_message(
            media, state, slots[at + L.MSID], kind, slots[at + L.LENGTH], slots[at + L.LOST], slots[at + L.TIME],
            slots[at + L.TIME_KNOWN], slots[at + L.BEGIN], end, heads, slot * L.HEAD_BYTES, head,
        )  # fmt: skip
    elif kind == L.SET_CHUNK_SIZE or kind == L.ABORT:
        if slots[at + L.HEAD] >= 4 and slots[at + L.LOST] == 0:
            h = slot * L.HEAD_BYTES
            value = be32(heads, h)
            if kind == L.ABORT:
                abort_message(value, end, state, slots, out)
            else:
                if (value & 0x7FFFFFFF) > 0:
                    state[L.CHUNK_SIZE] = value & 0x7FFFFFFF
                put(L.DONE, slot, end, value, state, slots, out)
        return 0
    elif kind == L.DATA_AMF0 or kind == L.DATA_AMF3:
        entry = find_media(media, state, slots[at + L.MSID])
        if entry >= 0:
            media[entry + L.M_DATA] += 1
    if slots[at + L.MODE] == L.MODE_KEEP:
        put(L.DONE, slot, end, 0, state, slots, out)
        return 1 if kind == L.COMMAND_AMF0 or kind == L.COMMAND_AMF3 or kind == L.AGGREGATE else 0
    return 0


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
def keep_header(
    slot: int, fmt: int, field: int, extended: int, size: int, kind: int, msid: int, state: Any, slots: Any
) -> None:
    """Remember a header of type 0, 1 or 2 in its slot."""
    at = slot * L.SLOT_WIDTH
    slots[at + L.EXTENDED] = extended
    slots[at + L.EXTENDED_VALUE] = field
    slots[at + L.DELTA] = field
    slots[at + L.ABSOLUTE] = 1 if fmt == 0 else 0
    if fmt == 0:
        slots[at + L.TIME] = field
        slots[at + L.TIME_KNOWN] = 1
        slots[at + L.MSID] = msid
    else:
        slots[at + L.TIME] = (slots[at + L.TIME] + field) & 0xFFFFFFFF
        if slots[at + L.SEEN] == 0:
            control = kind <= L.PEER_BANDWIDTH
            slots[at + L.MSID] = 0 if state[L.TRUSTED] == 1 or control else -1
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
def read_header(data: Any, position: int, length: int, base: int, final: int, state: Any, slots: Any, out: Any) -> int:
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
    keep_header(slot, fmt, field, extended, size, kind, msid, state, slots)
    begin_message(slot, base + position, state, slots, out)
    start_chunk(slot, state, slots)
    return end - position


@inline
def is_proved(state: Any) -> int:
    """Return 1 if a trial has read enough headers to tell whether the chunk size is right."""
    if state[L.TRIAL] == 0 or state[L.HEADERS] < PROOF_HEADERS:
        return 0
    return 1 if state[L.CONTINUATIONS] > 0 or state[L.HEADERS] >= PROOF_HEADERS_UNBROKEN else 0


@kernel("B[] q q q q q[] q[] B[] q[] q[] B[]")
def walk_chunks(
    data: Any, position: int, length: int, base: int, final: int,
    state: Any, slots: Any, heads: Any, media: Any, out: Any, side: Any,
) -> int:  # fmt: skip
    """Return the position up to which chunks were read; `state[REASON]` says why the walk ended there.

    `base` is the stream offset of `data[0]`. With `final` set no more bytes will come. A header that is not
    yet whole is left unread: the caller presents its bytes again, followed by more.
    """
    state[L.RECORDS] = 0
    state[L.SIDE_USED] = 0
    state[L.REASON] = L.NEED_MORE
    while True:
        if state[L.RECORDS] + 6 > L.RECORD_LIMIT or state[L.SIDE_USED] + L.HEAD_BYTES > L.SIDE_LIMIT:
            state[L.REASON] = L.OUT_FULL
            return position
        slot = state[L.CURRENT]
        if slot >= 0:
            position = take_payload(data, position, length, state, slots, heads, out, side)
            if state[L.CHUNK_LEFT] > 0:
                if position < length:
                    state[L.REASON] = L.OUT_FULL
                return position
            state[L.CURRENT] = -1
            position = skip_chunks(data, position, length, slot, state, slots)
            if slots[slot * L.SLOT_WIDTH + L.REMAINING] == 0 and finish_message(
                slot, base + position, state, slots, heads, media, out
            ):
                state[L.REASON] = L.HAND_OVER
                return position
        if is_proved(state) == 1:
            state[L.REASON] = L.PROVED
            return position
        size = read_header(data, position, length, base, final, state, slots, out)
        if size <= 0:
            if size < 0:
                state[L.REASON] = L.BAD_HEADER
            return position
        position += size
