"""The kernel that looks at each packet once, in capture order, and says what it adds to which stream."""

from __future__ import annotations

from typing import Any

from ..kernel import inline, kernel
from . import layout as L
from .connection import MAX_AHEAD, connection_of, follow
from .copies import is_copy, path_of, sample, signature_of
from .ending import acknowledge, end_silent, note_end
from .reassembly import deliver, give_up_hole, put_overlap, release, wait
from .table import (
    ACK,
    FIN,
    RST,
    SYN,
    TCP,
    UDP,
    find_flow,
    note,
    open_flow,
    sent_by_responder,
    signed32,
)

MAX_LATE = 1 << 30  # sequence numbers further away than this belong to no byte that we can place


@inline
def count_packet(flow: Any, dirs: Any, f: int, d: int, ns: int, frame: int, wire: int) -> None:
    """Update what the flow and the direction say of their packets."""
    at = f * L.FLOW_WIDTH
    flow[at + L.FLOW_FIRST_NS] = min(flow[at + L.FLOW_FIRST_NS], ns)
    flow[at + L.FLOW_LAST_NS] = max(flow[at + L.FLOW_LAST_NS], ns)
    flow[at + L.FLOW_LAST_FRAME] = frame
    at = d * L.DIRECTION_WIDTH
    if dirs[at + L.PACKETS] == 0:
        dirs[at + L.DIRECTION_FIRST_NS] = ns
    dirs[at + L.DIRECTION_LAST_NS] = ns
    dirs[at + L.PACKETS] += 1
    dirs[at + L.PAYLOAD_BYTES] += wire


@inline
def describe_flow(
    flow: Any, f: int, basis: int, frame: int, sub: int, ns: int, tunnel: int, vlan: int, src_mac: int, dst_mac: int
) -> None:
    """Set what the first packet of a flow says of it."""
    at = f * L.FLOW_WIDTH
    flow[at + L.ORIG_BASIS] = basis >> 1
    flow[at + L.FLOW_ID] = frame + (sub << 40)
    flow[at + L.FLOW_FIRST_NS] = ns
    flow[at + L.FLOW_LAST_NS] = ns
    flow[at + L.FLOW_FIRST_FRAME] = frame
    flow[at + L.FLOW_TUNNEL] = tunnel
    flow[at + L.FLOW_VLAN] = vlan
    flow[at + L.ORIG_MAC] = dst_mac if basis & 1 else src_mac
    flow[at + L.RESP_MAC] = src_mac if basis & 1 else dst_mac


@inline
def start_stream(dirs: Any, d: int, seq: int, ack: int, flags: int) -> None:
    """Set the first sequence number of a direction from the first packet that tells it."""
    at = d * L.DIRECTION_WIDTH
    if flags & SYN and dirs[at + L.ISN] < 0:
        dirs[at + L.ISN] = seq
        if dirs[at + L.STARTED] == 0:
            dirs[at + L.NEXT_SEQ] = (seq + 1) & 0xFFFFFFFF
            dirs[at + L.STARTED] = 1
        dirs[at + L.MIDSTREAM] = 0
    elif dirs[at + L.STARTED] == 0 and not flags & RST:
        dirs[at + L.NEXT_SEQ] = seq
        dirs[at + L.STARTED] = 1
        dirs[at + L.MIDSTREAM] = 1
    other = (d ^ 1) * L.DIRECTION_WIDTH
    if flags & ACK and flags & SYN and dirs[other + L.STARTED] == 0:
        dirs[other + L.NEXT_SEQ] = ack  # the SYN was not captured; its answer says what it was
        dirs[other + L.STARTED] = 1


@inline
def hole_is_lost(st: Any, dirs: Any, d: int, ns: int) -> int:
    """Return 1 if the hole before the waiting bytes of a direction is to be given up now."""
    at = d * L.DIRECTION_WIDTH
    if dirs[at + L.PENDING_HEAD] == 0:
        return 0
    if dirs[at + L.PENDING_BYTES] > st[L.MAX_PENDING_BYTES] or dirs[at + L.PENDING_COUNT] > st[L.MAX_PENDING_COUNT]:
        return 1
    if st[L.PENDING_TOTAL_BYTES] > st[L.MAX_PENDING_TOTAL]:
        return 1
    age = ns - dirs[at + L.HOLE_NS]
    if age > st[L.HOLE_NS_LIMIT]:
        return 1
    return 1 if dirs[at + L.PEER_ACK] > dirs[at + L.NEXT_OFFSET] and age > st[L.HOLE_ACKED_NS] else 0


@inline
def repeat(
    st: Any, dirs: Any, overlaps: Any, d: int, frame: int, offset: int, source: int, length: int, again: int
) -> int:
    """Count bytes that the stream has passed, and note them to be compared; return 1 if some were there before."""
    at = d * L.DIRECTION_WIDTH
    unknown = max(0, min(-offset, again))
    dirs[at + L.BEFORE_START_BYTES] += unknown
    first = max(unknown, dirs[at + L.NEXT_OFFSET] - offset - L.COMPARE_WINDOW)
    if length > first:
        put_overlap(st, overlaps, d, offset + first, length - first, source + first, frame)
    if again == unknown:
        return 0
    dirs[at + L.RETRANSMITTED] += 1
    dirs[at + L.RETRANSMITTED_BYTES] += again - unknown
    return 1


@inline
def add_payload(
    st: Any,
    dirs: Any,
    pend: Any,
    pieces: Any,
    overlaps: Any,
    block: Any,
    arena: Any,
    d: int,
    frame: int,
    ns: int,
    seq: int,
    source: int,
    length: int,
    wire: int,
) -> int:
    """Place the payload of a TCP segment in its stream; return 1 if it had been there before."""
    at = d * L.DIRECTION_WIDTH
    late = signed32(seq - dirs[at + L.NEXT_SEQ])
    offset = dirs[at + L.NEXT_OFFSET] + late
    if late > MAX_LATE or late < -MAX_AHEAD:
        dirs[at + L.DROPPED_BYTES] += length
        return 0
    if late >= 0 and dirs[at + L.CLOSED]:
        dirs[at + L.AFTER_CLOSE_BYTES] += wire
        return 0
    if late == 0 and dirs[at + L.PENDING_HEAD] == 0:
        deliver(st, dirs, pieces, d, frame, ns, source, length, wire)
        return 0
    again = 0
    if late < 0:
        if late == -1 and wire <= 1:
            dirs[at + L.KEEPALIVES] += 1
            return 0
        again = min(-late, wire)
        is_repeat = repeat(st, dirs, overlaps, d, frame, offset, source, min(again, length), again)
        if again == wire:
            return is_repeat
        if dirs[at + L.CLOSED]:
            dirs[at + L.AFTER_CLOSE_BYTES] += wire - again
            return 1
        offset += again
        source += again
        length = max(length - again, 0)
        wire -= again
    if offset == dirs[at + L.NEXT_OFFSET] and dirs[at + L.PENDING_HEAD] == 0:
        deliver(st, dirs, pieces, d, frame, ns, source, length, wire)
        return again > 0
    if dirs[at + L.PENDING_HEAD] == 0:
        dirs[at + L.HOLE_NS] = ns
    if offset > dirs[at + L.NEXT_OFFSET]:
        dirs[at + L.OUT_OF_ORDER] += 1
    wait(st, dirs, pend, overlaps, block, arena, d, offset, length, wire, source, frame, ns)
    before = dirs[at + L.NEXT_OFFSET]
    release(st, dirs, pend, pieces, d)
    if dirs[at + L.NEXT_OFFSET] != before:
        dirs[at + L.HOLE_NS] = ns
    return again > 0


@inline
def note_history(flow: Any, f: int, from_resp: int, flags: int, wire: int, again: int) -> None:
    """Append what this packet shows to the history of its flow."""
    if flags & SYN:
        note(flow, f, L.LETTER_SYN_ACK if flags & ACK else L.LETTER_SYN, from_resp)
    elif wire > 0:
        note(flow, f, L.LETTER_AGAIN if again else L.LETTER_DATA, from_resp)
    elif flags & ACK and not flags & (FIN | RST):
        note(flow, f, L.LETTER_ACK, from_resp)
    if flags & FIN:
        note(flow, f, L.LETTER_FIN, from_resp)
    if flags & RST:
        note(flow, f, L.LETTER_RST, from_resp)


@inline
def add_tcp(
    st: Any,
    flow: Any,
    dirs: Any,
    pend: Any,
    pieces: Any,
    overlaps: Any,
    block: Any,
    arena: Any,
    f: int,
    d: int,
    frame: int,
    ns: int,
    seq: int,
    ack: int,
    flags: int,
    source: int,
    length: int,
    wire: int,
) -> None:
    """Take one TCP segment into its flow."""
    at = d * L.DIRECTION_WIDTH
    is_over = flow[f * L.FLOW_WIDTH + L.OVER]
    start_stream(dirs, d, seq, ack, flags)
    if flags & ACK and not flags & RST and not is_over:
        acknowledge(dirs, d, ack)
    if flags & SYN:
        seq = (seq + 1) & 0xFFFFFFFF
    again = 0
    if wire > 0 and flags & RST:
        dirs[at + L.RESET_BYTES] += wire  # at best a text that says why (RFC 9293 section 3.5.3): no part of the stream
    elif wire > 0:
        again = add_payload(st, dirs, pend, pieces, overlaps, block, arena, d, frame, ns, seq, source, length, wire)
    note_history(flow, f, d & 1, flags, wire, again)
    if flags & FIN and dirs[at + L.FIN_OFFSET] < 0 and dirs[at + L.STARTED] and not is_over:
        note_end(dirs, pend, d, seq + wire)
    if dirs[at + L.PENDING_HEAD] != 0:
        if hole_is_lost(st, dirs, d, ns):
            give_up_hole(st, dirs, pend, pieces, d, ns)
    elif dirs[at + L.FIN_OFFSET] >= 0 and dirs[at + L.CLOSED] == 0:
        release(st, dirs, pend, pieces, d)


@kernel(
    "q q q B[] B[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] "
    "q[] q[] q[] q[] q[] q[] q[] q[]"
)
def route(
    first_row: int,
    rows: int,
    first_frame: int,
    data: Any,
    arena: Any,
    ts_ns: Any,
    record: Any,
    sub: Any,
    status: Any,
    src_hi: Any,
    src_lo: Any,
    dst_hi: Any,
    dst_lo: Any,
    transport: Any,
    src_port: Any,
    dst_port: Any,
    tcp_seq: Any,
    tcp_ack: Any,
    tcp_flags: Any,
    payload_at: Any,
    payload_bytes: Any,
    payload_wire_bytes: Any,
    ip_id: Any,
    src_mac: Any,
    dst_mac: Any,
    vlan: Any,
    tunnel: Any,
    st: Any,
    table: Any,
    flow: Any,
    dirs: Any,
    pend: Any,
    pieces: Any,
    overlaps: Any,
    recent: Any,
    packet_flow: Any,
) -> int:
    """Return the first row that was not taken: `rows`, or where an array was full (see `STOPPED_FOR`)."""
    st[L.STOPPED_FOR] = 0
    at_hand = first_frame + (record[0] if rows > 0 else 0)  # contents of packets before are gone, or may be
    for i in range(first_row, rows):
        packet_flow[i] = -1
        if status[i] != 0:
            continue
        if st[L.N_FLOWS] >= st[L.FLOW_LIMIT]:
            st[L.STOPPED_FOR] = L.STOP_FLOWS
            return i
        if st[L.N_PIECES] + 2 * st[L.PENDING_USED] + 16 > st[L.PIECE_LIMIT]:
            st[L.STOPPED_FOR] = L.STOP_PIECES
            return i
        if st[L.PENDING_USED] + 8 > st[L.PENDING_LIMIT] and st[L.PENDING_FREE] == 0:
            st[L.STOPPED_FOR] = L.STOP_PENDING
            return i
        s_hi, s_lo, d_hi, d_lo = src_hi[i], src_lo[i], dst_hi[i], dst_lo[i]
        s_port, d_port, proto, flags = src_port[i], dst_port[i], transport[i], tcp_flags[i]
        ns = ts_ns[record[i]]
        frame = first_frame + record[i]
        wire = payload_wire_bytes[i]
        slot = find_flow(st, table, flow, s_hi, s_lo, d_hi, d_lo, s_port, d_port, proto)
        f = table[slot] - 1
        d = 0
        if f >= 0:
            at = f * L.FLOW_WIDTH
            same = flow[at + L.ORIG_LO] == s_lo and flow[at + L.ORIG_PORT] == s_port and flow[at + L.ORIG_HI] == s_hi
            d = 2 * f if same else 2 * f + 1
            if proto == TCP:
                end_silent(st, flow, dirs, pend, pieces, f, ns)
                d = connection_of(st, flow, dirs, d, tcp_seq[i], tcp_ack[i], flags, wire, ns)
                f = d >> 1
        if f < 0:
            basis = sent_by_responder(proto, flags, s_port, d_port, d_hi, d_lo)
            f = open_flow(st, flow, dirs, basis & 1, s_hi, s_lo, d_hi, d_lo, s_port, d_port, proto)
            if table[slot] != 0:
                follow(flow, dirs, f, table[slot] - 1)
            table[slot] = f + 1
            d = 2 * f + (basis & 1)
            describe_flow(flow, f, basis, frame, sub[i], ns, tunnel[i], vlan[i], src_mac[i], dst_mac[i])
        content = sample(data, proto, ip_id[i], payload_at[i], payload_bytes[i])
        signature = signature_of(d, ip_id[i], tcp_seq[i], tcp_ack[i], flags, wire, content)
        path = path_of(src_mac[i], dst_mac[i], vlan[i], tunnel[i])
        source, length = payload_at[i], payload_bytes[i]
        if is_copy(
            st, data, recent, dirs, d, proto, ip_id[i], signature, path, at_hand, frame, ns, source, length, wire
        ):
            dirs[d * L.DIRECTION_WIDTH + L.DUPLICATES] += 1
            continue
        packet_flow[i] = d
        count_packet(flow, dirs, f, d, ns, frame, wire)
        if proto == TCP:
            add_tcp(
                st,
                flow,
                dirs,
                pend,
                pieces,
                overlaps,
                data,
                arena,
                f,
                d,
                frame,
                ns,
                tcp_seq[i],
                tcp_ack[i],
                flags,
                source,
                length,
                wire,
            )
        elif proto == UDP and wire > 0:
            note(flow, f, L.LETTER_DATA, d & 1)
            deliver(st, dirs, pieces, d, frame, ns, source, length, wire)
    return rows


@kernel("q[] q[] q[]")
def rebuild_table(st: Any, table: Any, flow: Any) -> int:
    """Return the number of flows put into an empty, larger table."""
    put = 0
    for f in range(st[L.N_FLOWS]):
        at = f * L.FLOW_WIDTH
        if flow[at + L.REPLACED]:
            continue
        slot = find_flow(
            st,
            table,
            flow,
            flow[at + L.ORIG_HI],
            flow[at + L.ORIG_LO],
            flow[at + L.RESP_HI],
            flow[at + L.RESP_LO],
            flow[at + L.ORIG_PORT],
            flow[at + L.RESP_PORT],
            flow[at + L.TRANSPORT],
        )
        table[slot] = f + 1
        put += 1
    return put
