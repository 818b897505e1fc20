"""TCP (RFC 9293), UDP (RFC 768) and the ports of SCTP, DCCP and UDP-Lite.

The payload is what the IP length and the UDP length leave, the smaller of the two; `payload_bytes` of it
were captured. A TCP header whose options were cut away still gives a row: its wire length is known.

**Known limitations**: SCTP, DCCP and UDP-Lite are given as ports and everything behind their first header;
TCP options are not read.
"""

from __future__ import annotations

from ..kernel import inline
from .layout import (
    AT,
    CUT_SHORT,
    DST_PORT,
    END,
    MALFORMED_TRANSPORT,
    NEXT,
    NOTES,
    SRC_PORT,
    TCP,
    TCP_ACK,
    TCP_FLAGS,
    TCP_SEQ,
    TCP_WINDOW,
    UDP,
    UDP_BEYOND_IP,
    WIRE_END,
    be16,
    be32,
    limit,
    take_payload,
)
from .tunnels import udp_content


@inline
def ports(data: memoryview, state: memoryview, need: int) -> int:
    """Return 0 with the ports read, or the reason if fewer than `need` bytes of the header are there."""
    at = state[AT]
    captured = state[END] - at
    if captured >= 4:
        state[SRC_PORT] = be16(data, at)
        state[DST_PORT] = be16(data, at + 2)
    if captured >= need:
        return 0
    take_payload(state)
    return -CUT_SHORT if state[WIRE_END] - at >= need else -MALFORMED_TRANSPORT


@inline
def tcp(data: memoryview, state: memoryview) -> int:
    """Return 0 after a TCP header, or the reason why it cannot be read."""
    short = ports(data, state, 20)
    if short != 0:
        return short
    at = state[AT]
    state[TCP_SEQ] = be32(data, at + 4)
    state[TCP_ACK] = be32(data, at + 8)
    state[TCP_FLAGS] = be16(data, at + 12) & 0x1FF
    state[TCP_WINDOW] = be16(data, at + 14)
    header = data[at + 12] // 16 * 4
    if header < 20 or at + header > state[WIRE_END]:
        take_payload(state)
        return -MALFORMED_TRANSPORT
    state[AT] = at + header
    take_payload(state)
    return 0


@inline
def udp(data: memoryview, state: memoryview) -> int:
    """Return 0 after a UDP header, the layer of a tunnel inside it, or the reason why it cannot be read."""
    short = ports(data, state, 8)
    if short != 0:
        return short
    at = state[AT]
    size = be16(data, at + 4)
    # 0: a jumbogram, or left to the network card; the IP length counts.
    if size != 0 and size < 8:
        take_payload(state)
        return -MALFORMED_TRANSPORT
    if size != 0:
        if at + size > state[WIRE_END]:
            state[NOTES] |= UDP_BEYOND_IP
        limit(state, at + size)
    state[AT] = at + 8
    take_payload(state)
    return udp_content(data, state)


@inline
def other(data: memoryview, state: memoryview) -> int:
    """Return 0 after reading the ports of SCTP, DCCP and UDP-Lite; all other protocols are payload as they are."""
    kind = state[NEXT]
    if kind == 132 or kind == 33 or kind == 136:
        header = 8 if kind == 136 else 12
        short = ports(data, state, header)
        if short != 0:
            return short
        state[AT] += header
    take_payload(state)
    return 0


@inline
def transport_step(data: memoryview, state: memoryview, layer: int) -> int:
    """Return what follows one transport layer header."""
    if layer == TCP:
        return tcp(data, state)
    if layer == UDP:
        return udp(data, state)
    return other(data, state)
