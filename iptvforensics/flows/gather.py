"""Kernels that turn pieces of blocks, in capture order, into contiguous bytes per direction.

Bytes are copied while their block is in the processor's cache, block by block, into rooms of a buffer that a
batch of many blocks shares: each direction gets a room, and a further one when it is full. Where a batch ends,
the pieces are grouped by direction, and each room that was used becomes a run.
"""

from __future__ import annotations

from typing import Any

from ..kernel import copy_bytes, inline, kernel, prefetch
from . import layout as L

FEW_BYTES, MANY_BYTES = 1 << 12, 1 << 17
"""First room of a direction of which nothing is known: by whether its first bytes fill a packet."""
FULL_PACKET_BYTES = 1000
LARGEST_EXTENT_BYTES = 1 << 20
PIECES_AHEAD = 2
"""Pieces that are copied while the room of the one behind them comes from the cache of the parsers' core."""
FETCHED_BYTES = 1 << 11
CACHE_LINE_BYTES = 64


@inline
def new_extent(st: Any, dirs: Any, at: int, length: int, room: int) -> int:
    """Return 1 after giving a direction room for at least `length` bytes, 0 if the buffer has none.

    How much it gets is a guess from the batch before; after that, three times what it has used already.
    """
    guess = dirs[at + L.LAST_BYTES] + dirs[at + L.LAST_BYTES] // 8
    guess = max(guess, MANY_BYTES if length >= FULL_PACKET_BYTES else FEW_BYTES)
    guess = max(guess, 3 * dirs[at + L.BATCH_BYTES])
    size = min(max(min(guess, LARGEST_EXTENT_BYTES), length), room - st[L.OUT_USED])
    if size < length:
        return 0
    dirs[at + L.EXTENT_AT] = st[L.OUT_USED]
    dirs[at + L.EXTENT_END] = st[L.OUT_USED] + size
    st[L.OUT_USED] += size
    st[L.N_EXTENTS] += 1
    return 1


@inline
def fetch_room(pieces: Any, dirs: Any, out: Any, piece: int) -> None:
    """Have the place fetched to which a piece will be copied, unless another one of its direction comes before it."""
    if pieces[piece + L.PIECE_SOURCE] > L.SOURCE_GAP:
        to = dirs[pieces[piece + L.PIECE_DIRECTION] * L.DIRECTION_WIDTH + L.EXTENT_AT]
        for line in range(to, to + min(pieces[piece + L.PIECE_LENGTH], FETCHED_BYTES), CACHE_LINE_BYTES):
            prefetch(out, line)


@kernel("q[] q[] q[] q[] B[] B[] B[]")
def gather(st: Any, pieces: Any, dirs: Any, active: Any, block: Any, arena: Any, out: Any) -> int:
    """Copy the bytes of new pieces to rooms of their directions; return how many pieces are left for want of room.

    `active` gets the numbers of directions in order of first appearance in the batch.
    """
    first = st[L.N_GATHERED]
    last = st[L.N_PIECES]
    for i in range(first, last):
        piece = i * L.PIECE_WIDTH
        if i + PIECES_AHEAD < last:
            fetch_room(pieces, dirs, out, piece + PIECES_AHEAD * L.PIECE_WIDTH)
        d = pieces[piece + L.PIECE_DIRECTION]
        at = d * L.DIRECTION_WIDTH
        source = pieces[piece + L.PIECE_SOURCE]
        if source > L.SOURCE_GAP:
            length = pieces[piece + L.PIECE_LENGTH]
            has_room = dirs[at + L.EXTENT_AT] + length <= dirs[at + L.EXTENT_END]
            if not has_room and new_extent(st, dirs, at, length, len(out)) == 0:
                st[L.N_GATHERED] = i
                return int(last - i)
            to = dirs[at + L.EXTENT_AT]
            if source >= 0:
                copy_bytes(block, source, out, to, length)
            else:
                copy_bytes(arena, -source - 1, out, to, length)
            pieces[piece + L.PIECE_SOURCE] = to
            dirs[at + L.EXTENT_AT] = to + length
            dirs[at + L.BATCH_BYTES] += length
            st[L.OUT_BYTES] += length
        if dirs[at + L.BATCH_PIECES] == 0:
            active[st[L.N_ACTIVE]] = d
            st[L.N_ACTIVE] += 1
        dirs[at + L.BATCH_PIECES] += 1
    st[L.N_GATHERED] = last
    return 0


@kernel("q[] q[] q[] q[] q[] q[] q[] q[] q[] q[]")
def group(
    st: Any,
    pieces: Any,
    dirs: Any,
    active: Any,
    out_offset: Any,
    out_length: Any,
    out_frame: Any,
    out_ns: Any,
    out_kind: Any,
    out_byte: Any,
) -> int:
    """Return the number of pieces; `active` is sorted, and the out arrays become grouped by direction."""
    piece_at = 0
    for i in range(st[L.N_ACTIVE]):
        at = active[i] * L.DIRECTION_WIDTH
        dirs[at + L.BATCH_PIECE_AT] = piece_at
        piece_at += dirs[at + L.BATCH_PIECES]
    for i in range(st[L.N_GATHERED]):
        piece = i * L.PIECE_WIDTH
        at = pieces[piece + L.PIECE_DIRECTION] * L.DIRECTION_WIDTH
        source = pieces[piece + L.PIECE_SOURCE]
        to = dirs[at + L.BATCH_PIECE_AT]
        dirs[at + L.BATCH_PIECE_AT] = to + 1
        out_offset[to] = pieces[piece + L.PIECE_OFFSET]
        out_length[to] = pieces[piece + L.PIECE_LENGTH]
        out_frame[to] = pieces[piece + L.PIECE_FRAME]
        out_ns[to] = pieces[piece + L.PIECE_NS]
        out_kind[to] = 0
        out_byte[to] = source
        if source == L.SOURCE_GAP:
            out_kind[to] = 1
        elif source == L.SOURCE_END:
            out_kind[to] = 2
    return piece_at


@kernel("q[] q[] q[] q[] q[] q[] q[]")
def find_runs(st: Any, dirs: Any, active: Any, out_length: Any, out_kind: Any, out_byte: Any, runs: Any) -> int:
    """Return the number of runs: pieces of one direction whose bytes stand together."""
    found = 0
    piece_at = 0
    for i in range(st[L.N_ACTIVE]):
        end = piece_at + dirs[active[i] * L.DIRECTION_WIDTH + L.BATCH_PIECES]
        run = -1
        for k in range(piece_at, end):
            has_bytes = out_kind[k] == 0
            starts = run < 0
            if has_bytes and not starts and runs[run + L.RUN_BYTES] > 0:
                starts = out_byte[k] != runs[run + L.RUN_BYTE] + runs[run + L.RUN_BYTES]
            if starts:
                run = found * L.RUN_WIDTH
                found += 1
                runs[run + L.RUN_DIRECTION] = active[i]
                runs[run + L.RUN_FIRST] = k
                runs[run + L.RUN_PIECES] = 0
                runs[run + L.RUN_BYTE] = 0
                runs[run + L.RUN_BYTES] = 0
                runs[run + L.RUN_SPECIALS] = 0
            runs[run + L.RUN_PIECES] += 1
            if not has_bytes:
                runs[run + L.RUN_SPECIALS] += 1
            else:
                if runs[run + L.RUN_BYTES] == 0:
                    runs[run + L.RUN_BYTE] = out_byte[k]
                runs[run + L.RUN_BYTES] += out_length[k]
        piece_at = end
    return found


@kernel("q[] q[] q[] q[] q[]")
def begin_batch(st: Any, pieces: Any, dirs: Any, active: Any, overlaps: Any) -> int:
    """Reset what the batch counted; pieces that found no room come first in the next one. Return their number.

    So do bytes that were seen again behind the first of these pieces.
    """
    for i in range(st[L.N_ACTIVE]):
        at = active[i] * L.DIRECTION_WIDTH
        dirs[at + L.LAST_BYTES] = dirs[at + L.BATCH_BYTES]
        dirs[at + L.BATCH_PIECES] = 0
        dirs[at + L.BATCH_BYTES] = 0
        dirs[at + L.EXTENT_AT] = 0
        dirs[at + L.EXTENT_END] = 0
    left = st[L.N_PIECES] - st[L.N_GATHERED]
    first = st[L.N_GATHERED] * L.PIECE_WIDTH
    for i in range(left * L.PIECE_WIDTH):
        pieces[i] = pieces[first + i]
    kept = 0
    for i in range(st[L.N_OVERLAPS]):
        at = i * L.OVERLAP_WIDTH
        if overlaps[at + L.OVERLAP_PIECES] > st[L.N_GATHERED]:
            to = kept * L.OVERLAP_WIDTH
            for k in range(L.OVERLAP_WIDTH):
                overlaps[to + k] = overlaps[at + k]
            overlaps[to + L.OVERLAP_PIECES] -= st[L.N_GATHERED]
            kept += 1
    st[L.N_PIECES] = left
    st[L.N_GATHERED] = 0
    st[L.N_ACTIVE] = 0
    st[L.N_EXTENTS] = 0
    st[L.OUT_USED] = 0
    st[L.OUT_BYTES] = 0
    st[L.N_OVERLAPS] = kept
    st[L.N_KEPT_OVERLAPS] = kept
    if kept == 0:
        st[L.REPEATS_USED] = 0
    return int(left)


@kernel("q[] q[] B[] B[]")
def keep_waiting(st: Any, pend: Any, block: Any, arena: Any) -> int:
    """Copy waiting TCP segments out of a block that will be reused; return 1, or 0 if the arena is full."""
    for i in range(st[L.PENDING_USED]):
        p = i * L.PENDING_WIDTH
        if pend[p + L.P_WAITS] == 0 or pend[p + L.P_SOURCE] < 0:
            continue
        used = st[L.ARENA_USED]
        length = pend[p + L.P_LENGTH]
        if used + length > len(arena):
            return 0
        copy_bytes(block, pend[p + L.P_SOURCE], arena, used, length)
        pend[p + L.P_SOURCE] = -used - 1
        st[L.ARENA_USED] = used + length
    return 1


@kernel("q[] q[] B[] B[]")
def move_waiting(st: Any, pend: Any, arena: Any, new_arena: Any) -> int:
    """Copy what still waits in the arena to another one; return the bytes copied."""
    used = 0
    for i in range(st[L.PENDING_USED]):
        p = i * L.PENDING_WIDTH
        length = pend[p + L.P_LENGTH]
        if pend[p + L.P_WAITS] == 0 or pend[p + L.P_SOURCE] >= 0 or used + length > len(new_arena):
            continue
        copy_bytes(arena, -pend[p + L.P_SOURCE] - 1, new_arena, used, length)
        pend[p + L.P_SOURCE] = -used - 1
        used += length
    st[L.ARENA_USED] = used
    return used


@kernel("q[] q[] B[] B[] B[]")
def keep_repeats(st: Any, overlaps: Any, block: Any, arena: Any, repeats: Any) -> int:
    """Copy bytes that were seen again, for the comparison; return 1, or 0 if `repeats` is full."""
    for i in range(st[L.N_KEPT_OVERLAPS], st[L.N_OVERLAPS]):
        at = i * L.OVERLAP_WIDTH
        length = overlaps[at + L.OVERLAP_LENGTH]
        source = overlaps[at + L.OVERLAP_SOURCE]
        used = st[L.REPEATS_USED]
        if used + length > len(repeats):
            return 0
        if source >= 0:
            copy_bytes(block, source, repeats, used, length)
        elif length > 0:
            copy_bytes(arena, -source - 1, repeats, used, length)
        overlaps[at + L.OVERLAP_SOURCE] = used
        st[L.REPEATS_USED] = used + length
        st[L.N_KEPT_OVERLAPS] = i + 1
    return 1


@kernel("q q q q q[] q[] q[] q[] B[] B[] B[]")
def first_difference(
    offset: int,
    length: int,
    source: int,
    start: int,
    piece_offset: Any,
    piece_length: Any,
    piece_kind: Any,
    piece_byte: Any,
    repeats: Any,
    delivered: Any,
    history: Any,
) -> int:
    """Return the first stream offset at which repeated bytes differ from those delivered before, -1: none.

    `history` holds the bytes delivered just before `start`, the pieces what came from there on; offsets
    that are in neither are not compared.
    """
    n = len(piece_offset)
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if piece_offset[middle] + piece_length[middle] <= offset:
            low = middle + 1
        else:
            high = middle
    for i in range(length):
        x = offset + i
        again = repeats[source + i]
        if x < start:
            h = len(history) - (start - x)
            if h >= 0 and history[h] != again:
                return x
            continue
        while low < n and piece_offset[low] + piece_length[low] <= x:
            low += 1
        if low >= n:
            return -1
        if piece_kind[low] != 0 or piece_offset[low] > x:
            continue
        if delivered[piece_byte[low] + x - piece_offset[low]] != again:
            return x
    return -1
