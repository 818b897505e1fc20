"""The loop over the frames of a block: each frame goes through its layers and leaves its rows.

Nearly all frames of a bulk capture are plain Ethernet, IPv4 without options, TCP: those are decoded by one
function without going through the layers. It decides nothing by itself: whatever it does not like, it leaves.
"""

from __future__ import annotations

from ..kernel import inline, kernel, prefetch
from .layout import (
    ALL_COLUMNS,
    AMSDU,
    AT,
    BAD_RECORD,
    BEYOND_FRAME,
    CONTENT_UNREAD,
    DEPTH,
    DST_HI,
    DST_LO,
    DST_MAC,
    DST_PORT,
    END,
    ETHERNET,
    FOUND,
    GRE,
    IP_ANY,
    IP_ID,
    IPV4_MAPPED,
    LINK_TYPES,
    LINKS,
    MAX_STEPS,
    MORE_AT,
    MORE_TUNNEL,
    MORE_VLAN,
    NEXT_RECORD,
    NEXT_ROW,
    NO_PACKET,
    NO_PACKET_LINK,
    NOTES,
    NOTES_SEEN,
    NOW_DST_MAC,
    NOW_SRC_MAC,
    NOW_TUNNEL,
    NOW_VLAN,
    PAYLOAD_AT,
    PAYLOAD_BYTES,
    PAYLOAD_WIRE_BYTES,
    REASSEMBLED_LINK,
    RECORD,
    SNAPLEN_CUT,
    SRC_HI,
    SRC_LO,
    SRC_MAC,
    SRC_PORT,
    STATUS,
    SUB,
    TCP_ACK,
    TCP_FLAGS,
    TCP_SEQ,
    TCP_WINDOW,
    TRANSPORT,
    TTL,
    TUNNEL,
    TUNNEL_TOO_DEEP,
    UNSUPPORTED_LINK_TYPE,
    UPPER,
    VLAN,
    VLAN_TAGS,
    WIRE_END,
    WLAN,
    be16,
    be32,
    latch,
    mac,
)
from .link import link_step
from .network import network_step
from .transport import transport_step
from .tunnels import tunnel_step
from .wlan import wlan_step

AHEAD = 8
"""Frames that lie between the one that is decoded and the one whose headers are fetched from memory meanwhile."""
HEADERS_MIDDLE = 32
"""A place between the beginning of the IP header and that of the TCP header of a plain frame."""


@inline
def plain_tcp(data: memoryview, at: int, captured: int, record: int, table: memoryview, capacity: int, row: int) -> int:
    """Return 1 after writing the row of a whole frame of Ethernet II, IPv4 without options, TCP; else 0."""
    if captured < 54 or at < 0 or at + captured > len(data):
        return 0
    if data[at + 12] != 8 or data[at + 13] != 0 or data[at + 14] != 0x45 or data[at + 23] != 6:
        return 0
    if data[at + 20] & 0x3F != 0 or data[at + 21] != 0:
        return 0
    total = be16(data, at + 16)
    header = data[at + 46] // 16 * 4
    payload = total - 20 - header
    if header < 20 or payload < 0 or 14 + total > captured:
        return 0
    table[RECORD * capacity + row] = record
    table[SUB * capacity + row] = 0
    table[STATUS * capacity + row] = 0
    table[SRC_HI * capacity + row] = 0
    table[SRC_LO * capacity + row] = IPV4_MAPPED + be32(data, at + 26)
    table[DST_HI * capacity + row] = 0
    table[DST_LO * capacity + row] = IPV4_MAPPED + be32(data, at + 30)
    table[TRANSPORT * capacity + row] = 6
    table[SRC_PORT * capacity + row] = be16(data, at + 34)
    table[DST_PORT * capacity + row] = be16(data, at + 36)
    table[TCP_SEQ * capacity + row] = be32(data, at + 38)
    table[TCP_ACK * capacity + row] = be32(data, at + 42)
    table[TCP_FLAGS * capacity + row] = be16(data, at + 46) & 0x1FF
    table[TCP_WINDOW * capacity + row] = be16(data, at + 48)
    table[PAYLOAD_AT * capacity + row] = at + 34 + header
    table[PAYLOAD_BYTES * capacity + row] = payload
    table[PAYLOAD_WIRE_BYTES * capacity + row] = payload
    table[IP_ID * capacity + row] = be16(data, at + 18)
    table[TTL * capacity + row] = data[at + 22]
    table[SRC_MAC * capacity + row] = mac(data, at + 6)
    table[DST_MAC * capacity + row] = mac(data, at)
    table[VLAN * capacity + row] = -1
    table[TUNNEL * capacity + row] = 0
    table[NOTES * capacity + row] = 0
    return 1


@inline
def clear_row(state: memoryview) -> int:
    """Return 0 after emptying the row in the state, its record and number within the frame kept."""
    for slot in range(STATUS, ALL_COLUMNS):
        state[slot] = 0
    state[IP_ID] = -1
    state[FOUND] = 0
    state[VLAN_TAGS] = 0
    return 0


@inline
def begin_frame(data: memoryview, state: memoryview, at: int, captured: int, wire: int, link: int) -> int:
    """Return the first layer of a frame, or minus the reason why it has none."""
    depth = state[DEPTH]
    clear_row(state)
    if link == REASSEMBLED_LINK:
        state[DEPTH] = depth  # and what was passed on the way in: the caller has set it
    else:
        state[NOW_TUNNEL] = 0
        state[NOW_SRC_MAC] = -1
        state[NOW_DST_MAC] = -1
        state[NOW_VLAN] = -1
    if at < 0 or captured < 0 or at + captured > len(data):
        return -BAD_RECORD
    state[AT] = at
    state[END] = at + captured
    state[WIRE_END] = at + max(wire, captured)
    if link == REASSEMBLED_LINK:
        return IP_ANY
    if link < 0 or link >= LINK_TYPES:
        return -NO_PACKET if link == NO_PACKET_LINK else -UNSUPPORTED_LINK_TYPE
    return state[LINKS + link]


@inline
def walk(data: memoryview, state: memoryview, layer: int) -> int:
    """Return why the walk through the layers ended: 0 if the transport layer was decoded."""
    for _ in range(MAX_STEPS):
        if layer <= 0:
            return -layer
        if layer <= UPPER:
            layer = network_step(data, state, layer)
        elif layer < ETHERNET:
            layer = transport_step(data, state, layer)
        elif layer < WLAN:
            layer = link_step(data, state, layer)
        elif layer < GRE:
            layer = wlan_step(data, state, layer)
        else:
            layer = tunnel_step(data, state, layer)
    return TUNNEL_TOO_DEEP


@inline
def finish_row(state: memoryview, table: memoryview, capacity: int, row: int, status: int) -> int:
    """Return 0 after copying the row from the state to the table."""
    if status != 0 and state[FOUND] == 2 and status != TUNNEL_TOO_DEEP:
        # A tunnel without a readable packet: the innermost packet found is the one that carries the tunnel.
        status = 0
        state[NOTES] |= CONTENT_UNREAD
    if state[FOUND] == 0:
        latch(state)
    elif status == 0 and state[PAYLOAD_BYTES] < state[PAYLOAD_WIRE_BYTES] and state[NOTES] & BEYOND_FRAME == 0:
        state[NOTES] |= SNAPLEN_CUT
    state[STATUS] = status
    for column in range(ALL_COLUMNS):
        table[column * capacity + row] = state[column]
    state[NOTES_SEEN] |= state[NOTES]
    return 0


@kernel("B[] q q q[] q[] q[] i[] q[] q q[]")
def decode_frames(
    data: memoryview,
    first: int,
    last: int,
    record_at: memoryview,
    captured_bytes: memoryview,
    wire_bytes: memoryview,
    link_type: memoryview,
    table: memoryview,
    capacity: int,
    state: memoryview,
) -> int:
    """Return the number of rows after decoding records `first` to `last` (excluded).

    Rows are written from `state[NEXT_ROW]` on. If the table is full before the end, `state[NEXT_RECORD]` and
    `state[MORE_AT]` say where to go on: call again with a larger table.
    """
    row = state[NEXT_ROW]
    record = first
    while row < capacity:
        if state[MORE_AT] != 0:
            state[SUB] += 1
            clear_row(state)
            state[NOW_TUNNEL] = state[MORE_TUNNEL]
            state[NOW_VLAN] = state[MORE_VLAN]
            layer = AMSDU
        else:
            if record >= last:
                break
            if record + AHEAD < last:
                prefetch(data, record_at[record + AHEAD] + HEADERS_MIDDLE)
            at = record_at[record]
            captured = captured_bytes[record]
            link = link_type[record]
            if link == 1 and plain_tcp(data, at, captured, record, table, capacity, row) != 0:
                row += 1
                record += 1
                continue
            state[RECORD] = record
            state[SUB] = 0
            layer = begin_frame(data, state, at, captured, wire_bytes[record], link)
        status = walk(data, state, layer)
        finish_row(state, table, capacity, row, status)
        row += 1
        if state[MORE_AT] == 0:
            record += 1
    state[NEXT_ROW] = row
    state[NEXT_RECORD] = record
    return row
