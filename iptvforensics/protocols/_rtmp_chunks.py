"""The RTMP chunk layer as a kernel: bytes of one direction turned into whole messages and media counts.

Specification: Adobe RTMP 1.0 sections 5.3 and 5.4 (protocol control). Headers are read by `_rtmp_headers`.
"""

from __future__ import annotations

from typing import Any

from ..kernel import copy_bytes, inline, kernel
from . import _rtmp_layout as L
from ._flv_tag import KIND_CONFIG, count_message, describe_tag, find_media, kind_of
from ._rtmp_bytes import be32
from ._rtmp_headers import find_slot, put, read_header

UNBROKEN_HEADERS = 12
"""So many headers without a continuation end a trial: the chunk size cannot be told from them."""


@inline
def put_piece(slot: int, data: Any, at: int, length: int, state: Any, slots: Any, out: Any, side: Any) -> None:
    """Copy bytes of a kept message into `side`; the caller has made sure that they fit."""
    used = state[L.SIDE_USED]
    copy_bytes(data, at, side, used, length)
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
def judge_head(slot: int, data: Any, begin: int, want: int, state: Any, slots: Any, out: Any, side: Any) -> None:
    """Decide from the first bytes of an audio or video message whether it is kept: only configurations are."""
    at = slot * L.SLOT_WIDTH
    told = describe_tag(data, begin, want, slots[at + L.TYPE] - L.AUDIO)
    slots[at + L.TOLD] = told
    if kind_of(told) == KIND_CONFIG and slots[at + L.LENGTH] <= L.CONFIG_LIMIT:
        slots[at + L.MODE] = L.MODE_KEEP
        put_piece(slot, data, begin, want, state, slots, out, side)


@inline
def take_head(
    slot: int, data: Any, position: int, take: int, state: Any, slots: Any, heads: Any, out: Any, side: Any
) -> int:
    """Return how many of `take` bytes belong to the first bytes of a message, and judge these once they are whole."""
    at = slot * L.SLOT_WIDTH
    is_media = slots[at + L.TYPE] >= L.AUDIO
    head = slots[at + L.HEAD]
    want = min(L.HEAD_BYTES, slots[at + L.LENGTH])
    done: int = min(take, want - head)
    slots[at + L.HEAD] = head + done
    in_one_piece = done == want and is_media  # nearly always: then nothing is copied
    if not in_one_piece:
        to = slot * L.HEAD_BYTES + head
        for i in range(done):
            heads[to + i] = data[position + i]
    if head + done == want:
        slots[at + L.MODE] = L.MODE_SKIP
        if in_one_piece:
            judge_head(slot, data, position, want, state, slots, out, side)
        elif is_media:
            judge_head(slot, heads, slot * L.HEAD_BYTES, want, state, slots, out, side)
    return done


@inline
def take_payload(data: Any, position: int, length: int, state: Any, slots: Any, heads: Any, out: Any, side: Any) -> int:
    """Return the position after the bytes of the current chunk that could be taken."""
    slot: int = state[L.CURRENT]
    at = slot * L.SLOT_WIDTH
    take: int = min(state[L.CHUNK_LEFT], length - position)
    mode = slots[at + L.MODE]
    done = 0
    if mode == L.MODE_HEAD:
        done = take_head(slot, data, position, take, state, slots, heads, out, side)
        mode = slots[at + L.MODE]
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
        told = slots[at + L.TOLD]
        head = slots[at + L.HEAD]
        if told == 0 and head > 0:  # bytes are missing: what there is must do
            told = describe_tag(heads, slot * L.HEAD_BYTES, head, kind - L.AUDIO)
        count_message(
            media, state, slots[at + L.MSID], kind, slots[at + L.LENGTH], slots[at + L.LOST], slots[at + L.TIME],
            slots[at + L.TIME_KNOWN], slots[at + L.BEGIN], end, told,
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
def is_proved(state: Any) -> int:
    """Return 1 if a trial has read enough headers to tell whether the chunk size is right."""
    if state[L.TRIAL] == 0 or state[L.HEADERS] < state[L.TRIAL]:
        return 0
    return 1 if state[L.CONTINUATIONS] > 0 or state[L.HEADERS] >= UNBROKEN_HEADERS else 0


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
        size = read_header(data, position, length, base, final, state, slots, media, out)
        if size <= 0:
            if size < 0:
                state[L.REASON] = L.BAD_HEADER
            return position
        position += size
