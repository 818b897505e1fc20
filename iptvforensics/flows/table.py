"""Which flow a packet belongs to: an open-addressed table over address pairs, ports and transport.

Both directions of a flow share one entry. A later connection with the same addresses and ports gets an
entry of its own; the earlier one stays in the list of flows and is no longer found.
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline
from . import layout as L

TCP, UDP = 6, 17
FIN, SYN, RST, ACK = 1, 2, 4, 16


@inline
def signed32(value: int) -> int:
    """Return the difference of two sequence numbers as a signed 32-bit number."""
    value &= 0xFFFFFFFF
    return value - 0x100000000 if value >= 0x80000000 else value


@inline
def endpoint_hash(st: Any, hi: int, lo: int, port: int) -> int:
    """Return an odd number of 31 bits for an address and port, which nobody can tell without the keys of the table."""
    total: int = (lo & 0xFFFFFFFF) * st[L.KEY] + ((lo >> 32) & 0xFFFFFFFF) * st[L.KEY + 1] + port * st[L.KEY + 2]
    total += (hi & 0xFFFFFFFF) * st[L.KEY + 3] + ((hi >> 32) & 0xFFFFFFFF) * st[L.KEY + 4]
    return ((total ^ (total >> 31)) & 0x7FFFFFFF) | 1


@inline
def slot_of(st: Any, s_hi: int, s_lo: int, s_port: int, d_hi: int, d_lo: int, d_port: int, transport: int) -> int:
    """Return the table slot at which a search begins, the same for both directions.

    Whoever sends packets must not choose flows that begin at one slot: looking for one would mean looking at all. A
    product, as ports that make up the same sum would give the same sum.
    """
    product = endpoint_hash(st, s_hi, s_lo, s_port) * endpoint_hash(st, d_hi, d_lo, d_port)
    slot: int = ((product >> 16) ^ (product >> 37) ^ transport) & st[L.TABLE_MASK]
    return slot


@inline
def note(flow: Any, f: int, letter: int, from_resp: int) -> None:
    """Append a letter to the history of a flow if it is not there yet."""
    code = letter * 2 + from_resp
    at = f * L.FLOW_WIDTH
    seen = flow[at + L.HISTORY_SEEN]
    if (seen >> code) & 1:
        return
    flow[at + L.HISTORY_SEEN] = seen | (1 << code)
    count = 0
    while seen > 0:
        count += seen & 1
        seen >>= 1
    if count < 15:
        flow[at + L.HISTORY] = flow[at + L.HISTORY] | ((code + 1) << (4 * count))


@inline
def find_flow(
    st: Any, table: Any, flow: Any, s_hi: int, s_lo: int, d_hi: int, d_lo: int, s_port: int, d_port: int, proto: int
) -> int:
    """Return the table slot that holds the flow of a packet, or the empty slot where it would go."""
    slot = slot_of(st, s_hi, s_lo, s_port, d_hi, d_lo, d_port, proto)
    while table[slot] != 0:
        at = (table[slot] - 1) * L.FLOW_WIDTH
        if flow[at + L.TRANSPORT] == proto:
            if (
                flow[at + L.ORIG_LO] == s_lo
                and flow[at + L.RESP_LO] == d_lo
                and flow[at + L.ORIG_PORT] == s_port
                and flow[at + L.RESP_PORT] == d_port
                and flow[at + L.ORIG_HI] == s_hi
                and flow[at + L.RESP_HI] == d_hi
            ):
                break
            if (
                flow[at + L.ORIG_LO] == d_lo
                and flow[at + L.RESP_LO] == s_lo
                and flow[at + L.ORIG_PORT] == d_port
                and flow[at + L.RESP_PORT] == s_port
                and flow[at + L.ORIG_HI] == d_hi
                and flow[at + L.RESP_HI] == s_hi
            ):
                break
        slot = (slot + 1) & st[L.TABLE_MASK]
    return slot


@inline
def is_group(hi: int, lo: int) -> int:
    """Return 1 if an address is a multicast group or the broadcast address: nobody sends from there."""
    if hi == 0 and lo >> 32 == 0xFFFF:
        return 1 if lo & 0xF0000000 == 0xE0000000 or lo & 0xFFFFFFFF == 0xFFFFFFFF else 0
    return 1 if (hi >> 56) & 0xFF == 0xFF else 0


@inline
def sent_by_responder(proto: int, flags: int, s_port: int, d_port: int, d_hi: int, d_lo: int) -> int:
    """Return how the sender of a flow's first packet is known: basis * 2, plus 1 if it is the responder."""
    if proto == TCP and flags & SYN:
        return L.BASIS_SYN_ACK * 2 + 1 if flags & ACK else L.BASIS_SYN * 2
    if proto == TCP:
        if (s_port < 1024 <= d_port) or (1024 <= s_port < 32768 <= d_port):
            return L.BASIS_PORT * 2 + 1
        if (d_port < 1024 <= s_port) or (1024 <= d_port < 32768 <= s_port):
            return L.BASIS_PORT * 2
    elif proto == UDP and 0 < s_port < 1024 <= d_port and not is_group(d_hi, d_lo):
        return L.BASIS_PORT * 2 + 1
    return L.BASIS_FIRST_PACKET * 2


@inline
def open_flow(
    st: Any,
    flow: Any,
    dirs: Any,
    from_resp: int,
    s_hi: int,
    s_lo: int,
    d_hi: int,
    d_lo: int,
    s_port: int,
    d_port: int,
    proto: int,
) -> int:
    """Return the number of a new flow with its addresses set and everything else zero."""
    f = int(st[L.N_FLOWS])
    st[L.N_FLOWS] = f + 1
    at = f * L.FLOW_WIDTH
    for i in range(L.FLOW_WIDTH):
        flow[at + i] = 0
    for i in range(2 * L.DIRECTION_WIDTH):
        dirs[2 * f * L.DIRECTION_WIDTH + i] = 0
    for d in range(2 * f, 2 * f + 2):
        dirs[d * L.DIRECTION_WIDTH + L.FIN_OFFSET] = -1
        dirs[d * L.DIRECTION_WIDTH + L.ISN] = -1
        dirs[d * L.DIRECTION_WIDTH + L.PEER_ACK] = -1
    flow[at + L.TRANSPORT] = proto
    if from_resp:
        flow[at + L.ORIG_HI], flow[at + L.ORIG_LO], flow[at + L.ORIG_PORT] = d_hi, d_lo, d_port
        flow[at + L.RESP_HI], flow[at + L.RESP_LO], flow[at + L.RESP_PORT] = s_hi, s_lo, s_port
    else:
        flow[at + L.ORIG_HI], flow[at + L.ORIG_LO], flow[at + L.ORIG_PORT] = s_hi, s_lo, s_port
        flow[at + L.RESP_HI], flow[at + L.RESP_LO], flow[at + L.RESP_PORT] = d_hi, d_lo, d_port
    return f
