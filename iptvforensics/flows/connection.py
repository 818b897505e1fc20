"""Which of the connections that used the same addresses and ports a TCP segment belongs to.

A SYN with another initial sequence number opens a connection. Where it was not captured, a connection is known by its
numbers: both sequence number and acknowledgment lie where the last connection, which was over, never was. The one
before is kept in mind: segments that fit it better than its successor are its own, so that a forged or stray SYN takes
nothing from it.
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline
from . import layout as L
from .table import ACK, RST, SYN, signed32

FAR = 256 << 10
"""Sequence numbers of one connection hardly jump further in both directions at once, whatever was not captured."""
MAX_AHEAD = 64 << 20
"""Receivers offer smaller windows than this: a number further ahead of all that was seen is no proof of bytes."""
UNKNOWN = 1 << 40
RESET_SILENCE_NS = 10_000_000_000
"""A connection that was reset and then silent for this long is not waited for: its parser is let go."""
RESET_SEEN = 3 << (2 * L.LETTER_RST)
FINS_SEEN = 3 << (2 * L.LETTER_FIN)
"""Bits of `HISTORY_SEEN` for what either side sent."""


@inline
def is_new_connection(flow: Any, dirs: Any, f: int, d: int, seq: int, flags: int) -> int:
    """Return 1 if a SYN on known addresses and ports opens another connection (its ISN differs)."""
    at = d * L.DIRECTION_WIDTH
    isn = dirs[at + L.ISN]
    if isn >= 0:
        return 1 if isn != seq else 0
    if dirs[at + L.STARTED] == 0:
        # Nothing seen from this side yet: a SYN-ACK answers the SYN; a bare SYN after the other side's data is new.
        other = (d ^ 1) * L.DIRECTION_WIDTH
        return 1 if not flags & ACK and dirs[other + L.ISN] < 0 and dirs[other + L.STREAM_BYTES] > 0 else 0
    # Data came first: the SYN is late if the data follow it, else it is another connection.
    return 1 if signed32(dirs[at + L.NEXT_SEQ] - dirs[at + L.NEXT_OFFSET] - seq - 1) != 0 else 0


@inline
def ahead(dirs: Any, d: int, seq: int) -> int:
    """Return how far a number lies before (negative) or behind the next one of a direction, `UNKNOWN` if none is."""
    at = d * L.DIRECTION_WIDTH
    return signed32(seq - dirs[at + L.NEXT_SEQ]) if dirs[at + L.STARTED] else UNKNOWN


@inline
def outside(dirs: Any, d: int, seq: int) -> int:
    """Return how far a number lies outside of what a direction has sent, `UNKNOWN` if that is not known."""
    by = ahead(dirs, d, seq)
    if by >= 0:
        return by
    return max(0, -by - int(dirs[d * L.DIRECTION_WIDTH + L.NEXT_OFFSET]))


@inline
def misfit(dirs: Any, d: int, seq: int, ack: int, flags: int) -> int:
    """Return how far the numbers of a segment lie outside of a connection, `UNKNOWN` if none can be compared."""
    by = outside(dirs, d, seq)
    acknowledged = outside(dirs, d ^ 1, ack) if flags & ACK else UNKNOWN
    if by == UNKNOWN:
        return acknowledged
    return by if acknowledged == UNKNOWN else by + acknowledged


@inline
def is_over(flow: Any, f: int) -> int:
    """Return 1 if a connection was reset, or both sides ended it."""
    seen = flow[f * L.FLOW_WIDTH + L.HISTORY_SEEN]
    return 1 if seen & RESET_SEEN or seen & FINS_SEEN == FINS_SEEN else 0


@inline
def fits_before(flow: Any, dirs: Any, earlier: int, d: int, seq: int, ack: int, flags: int) -> int:
    """Return 1 if a segment belongs rather to a direction of the connection before than to `d`.

    What lies before the first byte of that direction would be lost there.
    """
    if not flags & SYN:
        if ahead(dirs, earlier, seq) < -dirs[earlier * L.DIRECTION_WIDTH + L.NEXT_OFFSET]:
            return 0
        by = misfit(dirs, earlier, seq, ack, flags)
        return 1 if by <= MAX_AHEAD and by < misfit(dirs, d, seq, ack, flags) else 0
    if dirs[earlier * L.DIRECTION_WIDTH + L.ISN] != seq or is_over(flow, earlier >> 1):
        return 0
    return 1 if not flags & ACK or outside(dirs, earlier ^ 1, ack) < outside(dirs, d ^ 1, ack) else 0


@inline
def begins_unseen(st: Any, flow: Any, dirs: Any, d: int, seq: int, ack: int, flags: int, wire: int, ns: int) -> int:
    """Return 1 if a segment that is no SYN belongs to a connection of which no SYN was captured.

    The one before was over (reset, or both ends seen): then the numbers need only be far from its own. Else it was
    silent for long, and one of them went back, or further ahead than any window.
    """
    if flags & RST:
        return 0  # anybody can send one, with any number
    by = ahead(dirs, d, seq)
    acknowledged = ahead(dirs, d ^ 1, ack) if flags & ACK else UNKNOWN
    if -FAR <= by <= FAR or -FAR <= acknowledged <= FAR:
        return 0
    both = by != UNKNOWN and acknowledged != UNKNOWN
    if is_over(flow, d >> 1):
        return 1 if both or (wire > 0 and (by != UNKNOWN or acknowledged != UNKNOWN)) else 0
    if not both or ns - flow[(d >> 1) * L.FLOW_WIDTH + L.FLOW_LAST_NS] <= st[L.HOLE_NS_LIMIT]:
        return 0
    return 1 if by < 0 or acknowledged < 0 or by > MAX_AHEAD or acknowledged > MAX_AHEAD else 0


@inline
def best_fit(st: Any, flow: Any, dirs: Any, d: int, seq: int, ack: int, flags: int, wire: int, ns: int) -> int:
    """Return the direction that a TCP segment fits best: `d`, one of the connection before, or -1: none of them."""
    if not flags & SYN and seq == dirs[d * L.DIRECTION_WIDTH + L.NEXT_SEQ]:
        return d  # in order, as nearly all are
    f = d >> 1
    before = int(flow[f * L.FLOW_WIDTH + L.BEFORE]) - 1
    if before >= 0:
        turned = flow[f * L.FLOW_WIDTH + L.ORIG_PORT] != flow[before * L.FLOW_WIDTH + L.ORIG_PORT]
        turned = turned or flow[f * L.FLOW_WIDTH + L.ORIG_LO] != flow[before * L.FLOW_WIDTH + L.ORIG_LO]
        turned = turned or flow[f * L.FLOW_WIDTH + L.ORIG_HI] != flow[before * L.FLOW_WIDTH + L.ORIG_HI]
        earlier = 2 * before + ((d & 1) ^ (1 if turned else 0))
        if fits_before(flow, dirs, earlier, d, seq, ack, flags):
            return earlier
    if flags & SYN:
        return -1 if is_new_connection(flow, dirs, f, d, seq, flags) else d
    return -1 if begins_unseen(st, flow, dirs, d, seq, ack, flags, wire, ns) else d


@inline
def is_another(flow: Any, dirs: Any, d: int, seq: int, flags: int, wire: int) -> int:
    """Return 1 if a segment would add to a connection that is over: it is read as one of another connection.

    What adds nothing (resets, repeats, bare acknowledgments and ends) stays with it.
    """
    if flow[(d >> 1) * L.FLOW_WIDTH + L.OVER] == 0 or flags & RST:
        return 0
    if flags & SYN:
        return 1
    return 1 if wire > 0 and ahead(dirs, d, seq) + wire > 0 else 0


@inline
def connection_of(st: Any, flow: Any, dirs: Any, d: int, seq: int, ack: int, flags: int, wire: int, ns: int) -> int:
    """Return the direction that a TCP segment belongs to: `d`, one of the connection before, or -1: a new one."""
    fit = best_fit(st, flow, dirs, d, seq, ack, flags, wire, ns)
    return -1 if fit >= 0 and is_another(flow, dirs, fit, seq, flags, wire) else fit


@inline
def follow(flow: Any, dirs: Any, f: int, replaced: int) -> None:
    """Note which connection a new one replaces; one that brought no byte yields to the one before it."""
    at = replaced * L.FLOW_WIDTH
    flow[at + L.REPLACED] = 1
    orig, resp = 2 * replaced * L.DIRECTION_WIDTH, (2 * replaced + 1) * L.DIRECTION_WIDTH
    is_empty = dirs[orig + L.PAYLOAD_BYTES] == 0 and dirs[resp + L.PAYLOAD_BYTES] == 0
    has_before = flow[at + L.BEFORE] != 0
    flow[f * L.FLOW_WIDTH + L.BEFORE] = flow[at + L.BEFORE] if is_empty and has_before else replaced + 1
