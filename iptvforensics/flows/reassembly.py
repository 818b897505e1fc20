"""What one TCP segment does to the stream of its direction: deliver, wait, repeat, or leave a gap.

In-order bytes become a piece at once. Bytes beyond a hole wait in a list per direction, sorted by stream
offset; where two TCP segments claim the same bytes, the first one seen wins and the later one is noted, to
be compared. A hole is given up (and becomes a gap) when too much waits behind it, when the receiver has
acknowledged it and some time has passed, or when it has stood open too long. An acknowledgment alone never
makes a gap: mirror ports reorder.
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline
from . import layout as L


@inline
def put_piece(st: Any, pieces: Any, d: int, frame: int, ns: int, source: int, offset: int, length: int) -> None:
    """Append a piece; the caller has made sure that there is room."""
    at = st[L.N_PIECES] * L.PIECE_WIDTH
    pieces[at + L.PIECE_DIRECTION] = d
    pieces[at + L.PIECE_FRAME] = frame
    pieces[at + L.PIECE_NS] = ns
    pieces[at + L.PIECE_SOURCE] = source
    pieces[at + L.PIECE_OFFSET] = offset
    pieces[at + L.PIECE_LENGTH] = length
    st[L.N_PIECES] += 1


@inline
def put_overlap(st: Any, overlaps: Any, d: int, offset: int, length: int, source: int, frame: int) -> None:
    """Note bytes that were seen again, to be compared when the batch is gathered (not beyond the limit).

    A length of 0 says that the comparison was made already, and that the byte at `offset` differs.
    """
    if length < 0 or st[L.N_OVERLAPS] >= st[L.OVERLAP_LIMIT]:
        return
    at = st[L.N_OVERLAPS] * L.OVERLAP_WIDTH
    overlaps[at + L.OVERLAP_DIRECTION] = d
    overlaps[at + L.OVERLAP_OFFSET] = offset
    overlaps[at + L.OVERLAP_LENGTH] = length
    overlaps[at + L.OVERLAP_SOURCE] = source
    overlaps[at + L.OVERLAP_FRAME] = frame
    overlaps[at + L.OVERLAP_PIECES] = st[L.N_PIECES]
    st[L.N_OVERLAPS] += 1


@inline
def deliver(st: Any, dirs: Any, pieces: Any, d: int, frame: int, ns: int, source: int, length: int, wire: int) -> None:
    """Add bytes that begin exactly at the next offset; the part that was not captured becomes a gap."""
    at = d * L.DIRECTION_WIDTH
    offset = dirs[at + L.NEXT_OFFSET]
    if length > 0:
        put_piece(st, pieces, d, frame, ns, source, offset, length)
        dirs[at + L.STREAM_BYTES] += length
    if wire > length:
        put_piece(st, pieces, d, frame, ns, L.SOURCE_GAP, offset + length, wire - length)
        dirs[at + L.CUT_BYTES] += wire - length
        dirs[at + L.MISSING_BYTES] += wire - length
    dirs[at + L.NEXT_OFFSET] = offset + wire
    dirs[at + L.NEXT_SEQ] = (dirs[at + L.NEXT_SEQ] + wire) & 0xFFFFFFFF


@inline
def release(st: Any, dirs: Any, pend: Any, pieces: Any, d: int) -> None:
    """Deliver waiting TCP segments that have become next in order."""
    at = d * L.DIRECTION_WIDTH
    head = dirs[at + L.PENDING_HEAD]
    while head != 0:
        p = (head - 1) * L.PENDING_WIDTH
        if pend[p + L.P_OFFSET] != dirs[at + L.NEXT_OFFSET]:
            break
        source, length, wire = pend[p + L.P_SOURCE], pend[p + L.P_LENGTH], pend[p + L.P_WIRE]
        deliver(st, dirs, pieces, d, pend[p + L.P_FRAME], pend[p + L.P_NS], source, length, wire)
        dirs[at + L.PENDING_BYTES] -= pend[p + L.P_LENGTH]
        dirs[at + L.PENDING_COUNT] -= 1
        st[L.PENDING_TOTAL_BYTES] -= pend[p + L.P_LENGTH]
        following = pend[p + L.P_NEXT]
        pend[p + L.P_NEXT] = st[L.PENDING_FREE]
        pend[p + L.P_WAITS] = 0
        st[L.PENDING_FREE] = head
        head = following
    dirs[at + L.PENDING_HEAD] = head
    if head == 0:
        dirs[at + L.PENDING_TAIL] = 0
    if (
        dirs[at + L.FIN_OFFSET] >= 0
        and dirs[at + L.CLOSED] == 0
        and dirs[at + L.NEXT_OFFSET] >= dirs[at + L.FIN_OFFSET]
    ):
        dirs[at + L.CLOSED] = 1
        put_piece(st, pieces, d, 0, dirs[at + L.DIRECTION_LAST_NS], L.SOURCE_END, dirs[at + L.NEXT_OFFSET], 0)


@inline
def give_up_hole(st: Any, dirs: Any, pend: Any, pieces: Any, d: int, ns: int) -> None:
    """Turn the hole before the first waiting TCP segment into a gap and deliver what follows."""
    at = d * L.DIRECTION_WIDTH
    p = (dirs[at + L.PENDING_HEAD] - 1) * L.PENDING_WIDTH
    hole = pend[p + L.P_OFFSET] - dirs[at + L.NEXT_OFFSET]
    put_piece(st, pieces, d, pend[p + L.P_FRAME], pend[p + L.P_NS], L.SOURCE_GAP, dirs[at + L.NEXT_OFFSET], hole)
    dirs[at + L.MISSING_BYTES] += hole
    dirs[at + L.NEXT_OFFSET] += hole
    dirs[at + L.NEXT_SEQ] = (dirs[at + L.NEXT_SEQ] + hole) & 0xFFFFFFFF
    dirs[at + L.HOLE_NS] = ns
    release(st, dirs, pend, pieces, d)


@inline
def new_pending(
    st: Any, pend: Any, offset: int, length: int, wire: int, source: int, frame: int, ns: int, following: int
) -> int:
    """Return the index + 1 of a filled entry of the waiting list, 0 if there is no room."""
    index = int(st[L.PENDING_FREE])
    if index != 0:
        st[L.PENDING_FREE] = pend[(index - 1) * L.PENDING_WIDTH + L.P_NEXT]
    else:
        if st[L.PENDING_USED] >= st[L.PENDING_LIMIT]:
            return 0
        st[L.PENDING_USED] += 1
        index = int(st[L.PENDING_USED])
    p = (index - 1) * L.PENDING_WIDTH
    pend[p + L.P_OFFSET] = offset
    pend[p + L.P_LENGTH] = length
    pend[p + L.P_WIRE] = wire
    pend[p + L.P_SOURCE] = source
    pend[p + L.P_FRAME] = frame
    pend[p + L.P_NS] = ns
    pend[p + L.P_NEXT] = following
    pend[p + L.P_WAITS] = 1
    return index


@inline
def byte_at(block: Any, arena: Any, source: int, i: int) -> int:
    """Return byte `i` of what starts at `source` in the block or in the arena of waiting bytes."""
    if source >= 0:
        return int(block[source + i])
    return int(arena[i - source - 1])


@inline
def moved(source: int, by: int) -> int:
    """Return the place `by` bytes behind `source`, in the block or in the arena."""
    return source + by if source >= 0 else source - by


@inline
def compare_waiting(
    st: Any,
    pend: Any,
    overlaps: Any,
    block: Any,
    arena: Any,
    d: int,
    p: int,
    offset: int,
    length: int,
    source: int,
    frame: int,
) -> None:
    """Note the first byte that differs from what waits already at the same place."""
    first = offset - pend[p + L.P_OFFSET]
    for i in range(min(length, pend[p + L.P_LENGTH] - first)):
        if byte_at(block, arena, source, i) != byte_at(block, arena, pend[p + L.P_SOURCE], first + i):
            put_overlap(st, overlaps, d, offset + i, 0, source, frame)
            return


@inline
def wait(
    st: Any,
    dirs: Any,
    pend: Any,
    overlaps: Any,
    block: Any,
    arena: Any,
    d: int,
    offset: int,
    length: int,
    wire: int,
    source: int,
    frame: int,
    ns: int,
) -> None:
    """Put bytes beyond a hole into the waiting list; where bytes wait already, the first ones stay."""
    at = d * L.DIRECTION_WIDTH
    end = offset + wire
    before = 0  # index + 1 of the entry after which the next part goes
    tail = dirs[at + L.PENDING_TAIL]
    if tail != 0 and pend[(tail - 1) * L.PENDING_WIDTH + L.P_OFFSET] <= offset:
        before = tail
    else:
        head = dirs[at + L.PENDING_HEAD]
        while head != 0 and pend[(head - 1) * L.PENDING_WIDTH + L.P_OFFSET] <= offset:
            before = head
            head = pend[(head - 1) * L.PENDING_WIDTH + L.P_NEXT]
    while offset < end:
        if before != 0:
            p = (before - 1) * L.PENDING_WIDTH
            taken = pend[p + L.P_OFFSET] + pend[p + L.P_WIRE]
            if taken > offset:
                again = min(taken, end) - offset
                compare_waiting(st, pend, overlaps, block, arena, d, p, offset, min(again, length), source, frame)
                offset += again
                source = moved(source, again)
                length = max(length - again, 0)
                if offset >= end:
                    break
            following = pend[p + L.P_NEXT]
        else:
            following = dirs[at + L.PENDING_HEAD]
        stop = end
        if following != 0:
            stop = min(end, pend[(following - 1) * L.PENDING_WIDTH + L.P_OFFSET])
        if stop > offset:
            part = stop - offset
            kept = min(length, part)
            index = new_pending(st, pend, offset, kept, part, source, frame, ns, following)
            if index == 0:
                dirs[at + L.DROPPED_BYTES] += kept
                return
            if before != 0:
                pend[(before - 1) * L.PENDING_WIDTH + L.P_NEXT] = index
            else:
                dirs[at + L.PENDING_HEAD] = index
            if following == 0:
                dirs[at + L.PENDING_TAIL] = index
            dirs[at + L.PENDING_BYTES] += kept
            dirs[at + L.PENDING_COUNT] += 1
            st[L.PENDING_TOTAL_BYTES] += kept
            offset = stop
            source = moved(source, part)
            length = max(length - part, 0)
        before = following
