"""How far a direction of a flow went, by its end and by the acknowledgments, and what of it was not captured.

An end (FIN) says where the last byte of its direction stood, an acknowledgment that bytes before it had arrived.
Where no bytes wait behind it, such a hole is only known when the capture is over, or a flow that was reset has fallen
silent: until then they may still come.
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline, kernel
from . import layout as L
from .connection import MAX_AHEAD, RESET_SEEN, RESET_SILENCE_NS
from .reassembly import give_up_hole, put_piece, release
from .table import TCP, signed32

MANY_LOWER_ACKS = 8
"""Acknowledgments in a row that are lower than one before: networks hardly exchange so many."""


@inline
def acknowledge(dirs: Any, d: int, ack: int) -> None:
    """Note how far the other direction has been acknowledged; this alone never makes a gap.

    Acknowledgments never go back: one that several later ones fall behind of was forged or damaged.
    """
    other = (d ^ 1) * L.DIRECTION_WIDTH
    if dirs[other + L.STARTED] == 0:
        return
    offset = dirs[other + L.NEXT_OFFSET] + signed32(ack - dirs[other + L.NEXT_SEQ])
    if offset >= dirs[other + L.PEER_ACK]:
        dirs[other + L.LOWER_ACKS] = 0
    elif dirs[other + L.PEER_ACK] > dirs[other + L.NEXT_OFFSET]:
        dirs[other + L.LOWER_ACKS] += 1
        if dirs[other + L.LOWER_ACKS] >= MANY_LOWER_ACKS:
            dirs[other + L.PEER_ACK] = offset
            dirs[other + L.LOWER_ACKS] = 0
            dirs[other + L.FAR_NUMBERS] += 1
    if offset > dirs[other + L.PEER_ACK]:
        if offset - max(dirs[other + L.NEXT_OFFSET], dirs[other + L.PEER_ACK]) <= MAX_AHEAD:
            dirs[other + L.PEER_ACK] = offset
        else:
            dirs[other + L.FAR_NUMBERS] += 1


@inline
def note_end(dirs: Any, pend: Any, d: int, seq: int) -> None:
    """Note where a direction ends; an end before bytes that were delivered already is none."""
    at = d * L.DIRECTION_WIDTH
    seen = dirs[at + L.NEXT_OFFSET]
    end = seen + signed32(seq - dirs[at + L.NEXT_SEQ])
    if end < seen:
        return
    seen = max(seen, dirs[at + L.PEER_ACK])
    if dirs[at + L.PENDING_TAIL] != 0:
        p = (dirs[at + L.PENDING_TAIL] - 1) * L.PENDING_WIDTH
        seen = max(seen, pend[p + L.P_OFFSET] + pend[p + L.P_WIRE])
    if end - seen <= MAX_AHEAD:
        dirs[at + L.FIN_OFFSET] = end
    else:
        dirs[at + L.FAR_NUMBERS] += 1


@inline
def lose_tail(st: Any, flow: Any, dirs: Any, pieces: Any, d: int) -> int:
    """Return how many bytes at the end of a direction were sent and not captured, after making them a gap.

    An end that was not captured is acknowledged as if it were a byte, so the last number may stand for it.
    """
    at = d * L.DIRECTION_WIDTH
    if dirs[at + L.PACKETS] == 0:
        return 0  # the capture saw one side only
    lost = dirs[at + L.FIN_OFFSET] - dirs[at + L.NEXT_OFFSET]
    if dirs[at + L.FIN_OFFSET] < 0:
        lost = dirs[at + L.PEER_ACK] - dirs[at + L.NEXT_OFFSET]
        if lost == 1 or dirs[(d ^ 1) * L.DIRECTION_WIDTH + L.FIN_OFFSET] >= 0:
            lost -= 1
    if lost <= 0:
        return 0
    ended = (d >> 1) * L.FLOW_WIDTH
    frame, ns = flow[ended + L.FLOW_LAST_FRAME], dirs[at + L.DIRECTION_LAST_NS]
    put_piece(st, pieces, d, frame, ns, L.SOURCE_GAP, dirs[at + L.NEXT_OFFSET], lost)
    dirs[at + L.MISSING_BYTES] += lost
    dirs[at + L.NEXT_OFFSET] += lost
    dirs[at + L.NEXT_SEQ] = (dirs[at + L.NEXT_SEQ] + lost) & 0xFFFFFFFF
    return int(lost)


@inline
def end_direction(st: Any, flow: Any, dirs: Any, pend: Any, pieces: Any, d: int) -> None:
    """Deliver what waited in a direction, and make what is known to have followed a gap."""
    at = d * L.DIRECTION_WIDTH
    while dirs[at + L.PENDING_HEAD] != 0:
        give_up_hole(st, dirs, pend, pieces, d, 0)
    is_open = flow[(d >> 1) * L.FLOW_WIDTH + L.TRANSPORT] == TCP and dirs[at + L.CLOSED] == 0
    if is_open and lose_tail(st, flow, dirs, pieces, d) > 0:
        release(st, dirs, pend, pieces, d)


@inline
def end_if_silent(st: Any, flow: Any, dirs: Any, pend: Any, pieces: Any, f: int, ns: int) -> None:
    """End a connection if it was reset and a packet of its addresses and ports comes after a long silence."""
    at = f * L.FLOW_WIDTH
    is_silent = flow[at + L.HISTORY_SEEN] & RESET_SEEN and ns - flow[at + L.FLOW_LAST_NS] > RESET_SILENCE_NS
    if is_silent and flow[at + L.OVER] == 0:
        flow[at + L.OVER] = 1
        end_direction(st, flow, dirs, pend, pieces, 2 * f)
        end_direction(st, flow, dirs, pend, pieces, 2 * f + 1)


@inline
def end_silent(st: Any, flow: Any, dirs: Any, pend: Any, pieces: Any, f: int, ns: int) -> None:
    """End the connections that a packet could belong to where they were reset and silent.

    Whether the end of a batch ends them or this packet, the streams are the same.
    """
    end_if_silent(st, flow, dirs, pend, pieces, f, ns)
    before = flow[f * L.FLOW_WIDTH + L.BEFORE] - 1
    if before >= 0:
        end_if_silent(st, flow, dirs, pend, pieces, before, ns)


@kernel("q q q[] q[] q[] q[] q[]")
def flush(first: int, last: int, st: Any, flow: Any, dirs: Any, pend: Any, pieces: Any) -> int:
    """Return the first direction that was not flushed because pieces are full: nothing more is to come in these.

    What waited is delivered, and what is known to have followed becomes a gap.
    """
    for d in range(first, last):
        at = d * L.DIRECTION_WIDTH
        if st[L.N_PIECES] + 2 * dirs[at + L.PENDING_COUNT] + 8 > st[L.PIECE_LIMIT]:
            return d
        end_direction(st, flow, dirs, pend, pieces, d)
    return int(last)
