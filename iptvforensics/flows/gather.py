"""Kernels that turn a block's pieces, in capture order, into one contiguous buffer per direction."""

from __future__ import annotations

from typing import Any

from ..kernel import copy_bytes, kernel
from . import layout as L


@kernel("q q[] q[] q[] q[]")
def count_pieces(pieces_count: int, st: Any, pieces: Any, dirs: Any, active: Any) -> int:
    """Return how many directions got pieces; their numbers are in `active`, in order of first appearance."""
    found = 0
    for i in range(pieces_count):
        piece = i * L.PIECE_WIDTH
        at = pieces[piece + L.PIECE_DIRECTION] * L.DIRECTION_WIDTH
        if dirs[at + L.BLOCK_PIECES] == 0:
            active[found] = pieces[piece + L.PIECE_DIRECTION]
            found += 1
            dirs[at + L.BLOCK_BYTES] = 0
            dirs[at + L.BLOCK_SPECIALS] = 0
        dirs[at + L.BLOCK_PIECES] += 1
        if pieces[piece + L.PIECE_SOURCE] <= L.SOURCE_GAP:
            dirs[at + L.BLOCK_SPECIALS] += 1
        else:
            dirs[at + L.BLOCK_BYTES] += pieces[piece + L.PIECE_LENGTH]
    st[L.N_ACTIVE] = found
    return found


@kernel("q q[] q[] q[] q[] B[] B[] B[] q[] q[] q[] q[] q[]")
def gather(
    pieces_count: int,
    st: Any,
    pieces: Any,
    dirs: Any,
    active: Any,
    block: Any,
    arena: Any,
    out: Any,
    out_offset: Any,
    out_length: Any,
    out_frame: Any,
    out_ns: Any,
    out_kind: Any,
) -> int:
    """Return the number of bytes gathered; `active` is sorted, the out arrays are grouped by direction."""
    piece_at = 0
    byte_at = 0
    for i in range(st[L.N_ACTIVE]):
        at = active[i] * L.DIRECTION_WIDTH
        dirs[at + L.BLOCK_PIECE_AT] = piece_at
        dirs[at + L.BLOCK_BYTE_AT] = byte_at
        piece_at += dirs[at + L.BLOCK_PIECES]
        byte_at += dirs[at + L.BLOCK_BYTES]
        dirs[at + L.BLOCK_PIECES] = 0
        dirs[at + L.BLOCK_BYTES] = 0
    if byte_at > len(out):
        return -1
    for i in range(pieces_count):
        piece = i * L.PIECE_WIDTH
        at = pieces[piece + L.PIECE_DIRECTION] * L.DIRECTION_WIDTH
        source = pieces[piece + L.PIECE_SOURCE]
        length = pieces[piece + L.PIECE_LENGTH]
        to = dirs[at + L.BLOCK_PIECE_AT] + dirs[at + L.BLOCK_PIECES]
        out_offset[to] = pieces[piece + L.PIECE_OFFSET]
        out_length[to] = length
        out_frame[to] = pieces[piece + L.PIECE_FRAME]
        out_ns[to] = pieces[piece + L.PIECE_NS]
        if source == L.SOURCE_GAP:
            out_kind[to] = 1
        elif source == L.SOURCE_END:
            out_kind[to] = 2
        else:
            out_kind[to] = 0
            position = dirs[at + L.BLOCK_BYTE_AT] + dirs[at + L.BLOCK_BYTES]
            if source >= 0:
                copy_bytes(block, source, out, position, length)
            else:
                copy_bytes(arena, -source - 1, out, position, length)
            dirs[at + L.BLOCK_BYTES] += length
        dirs[at + L.BLOCK_PIECES] += 1
    return byte_at


@kernel("q[] q[] q[]")
def forget_block(st: Any, dirs: Any, active: Any) -> int:
    """Reset the per-block counts of the active directions; return their number."""
    for i in range(st[L.N_ACTIVE]):
        at = active[i] * L.DIRECTION_WIDTH
        dirs[at + L.BLOCK_PIECES] = 0
        dirs[at + L.BLOCK_BYTES] = 0
        dirs[at + L.BLOCK_SPECIALS] = 0
    return int(st[L.N_ACTIVE])


@kernel("q[] q[] q[] B[] B[] B[]")
def keep_waiting(st: Any, dirs: Any, pend: Any, block: Any, arena: Any, new_arena: Any) -> int:
    """Return the bytes of all waiting TCP segments, copied to a new arena before the block is reused."""
    used = 0
    for d in range(2 * st[L.N_FLOWS]):
        entry = dirs[d * L.DIRECTION_WIDTH + L.PENDING_HEAD]
        while entry != 0:
            p = (entry - 1) * L.PENDING_WIDTH
            length = pend[p + L.P_LENGTH]
            source = pend[p + L.P_SOURCE]
            if used + length > len(new_arena):
                return -1
            if source >= 0:
                copy_bytes(block, source, new_arena, used, length)
            else:
                copy_bytes(arena, -source - 1, new_arena, used, length)
            pend[p + L.P_SOURCE] = -used - 1
            used += length
            entry = pend[p + L.P_NEXT]
    return used


@kernel("q q q q q[] q[] q[] q[] B[] B[] B[] B[]")
def first_difference(
    offset: int,
    length: int,
    source: int,
    start: int,
    piece_offset: Any,
    piece_length: Any,
    piece_kind: Any,
    piece_byte: Any,
    block: Any,
    arena: Any,
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
        again = block[source + i] if source >= 0 else arena[-source - 1 + i]
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
