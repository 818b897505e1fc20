"""Tunnels: from the header that carries one to the packet inside.

GRE (RFC 2784, 2890; PPTP's version 1, RFC 2637), ERSPAN I to III, EtherIP (RFC 3378); over UDP: VXLAN
(RFC 7348), Geneve (RFC 8926), GTP-U (3GPP TS 29.281), Teredo (RFC 4380), L2TP (RFC 2661), GRE and MPLS
(RFC 8086, 7510).

A UDP tunnel is entered only if its port (VXLAN: any port), its header and the packet inside fit, because a
mistake would hide a real UDP flow. If nothing readable is inside, the row stays that of the outer packet.

**Known limitations**: L2TP version 3, VXLAN without an Ethernet frame, compressed or encrypted PPP and
GRE source routes are not entered; nor is a UDP tunnel whose inner packet has no length (segmentation offload).
"""

from __future__ import annotations

from ..kernel import inline
from .layout import (
    AT,
    DST_PORT,
    END,
    ERSPAN,
    ERSPAN3,
    ETHERIP,
    ETHERNET,
    ETHERTYPE,
    GRE,
    IP_ANY,
    MALFORMED_LINK,
    MPLS,
    NEXT,
    NOT_IP,
    NOW_TUNNEL,
    PPP,
    SRC_PORT,
    VIA_ERSPAN,
    VIA_ETHERIP,
    VIA_GENEVE,
    VIA_GRE,
    VIA_GTPU,
    VIA_L2TP,
    VIA_TEREDO,
    VIA_VXLAN,
    WIRE_END,
    WLAN,
    be16,
    be32,
    enter,
    lacks,
    limit,
)
from .plausible import is_ethernet, is_ip


@inline
def gre(data: memoryview, state: memoryview) -> int:
    """Return the layer inside GRE."""
    at = state[AT]
    enter(state, VIA_GRE, at, GRE)
    short = lacks(state, 4, MALFORMED_LINK)
    if short != 0:
        return short
    flags = be16(data, at)
    kind = be16(data, at + 2)
    version = flags & 7
    if version > 1 or flags & 0x4000 != 0:
        return -NOT_IP
    size = 4
    if flags & 0x8000 != 0:
        size += 4
    if flags & 0x2000 != 0:
        size += 4
    if flags & 0x1000 != 0:
        size += 4
    if version == 1 and flags & 0x0080 != 0:
        size += 4
    short = lacks(state, size, MALFORMED_LINK)
    if short != 0:
        return short
    if version == 1 and flags & 0x2000 != 0:  # the key of version 1 begins with the length of the payload
        limit(state, at + size + be16(data, at + 4))
    state[AT] = at + size
    if kind == 0x88BE:  # type I has no sequence number and no header of its own
        return ERSPAN if flags & 0x1000 != 0 else enter(state, VIA_ERSPAN, at + size, ETHERNET)
    if kind == 0x22EB:
        return ERSPAN3
    if kind == 0x883E:  # WCCP: version 2 puts a redirect header in front
        if state[END] - state[AT] > 4 and data[at + size] // 16 != 4:
            state[AT] += 4
        return IP_ANY
    if kind & 0xFE0F == 0x8200:  # an access point hands on the frame as it was in the air
        return WLAN
    state[NEXT] = kind
    return ETHERTYPE if kind > 1500 else -NOT_IP


@inline
def erspan(data: memoryview, state: memoryview, layer: int) -> int:
    """Return the Ethernet layer inside ERSPAN II (8 bytes) or III (12, and 8 more with a platform header)."""
    size = 8 if layer == ERSPAN else 12
    short = lacks(state, size, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT]
    if layer == ERSPAN3 and data[at + 11] & 1 == 1:
        size = 20
    state[NOW_TUNNEL] |= VIA_ERSPAN
    state[AT] = at + size
    return ETHERNET


@inline
def etherip(data: memoryview, state: memoryview) -> int:
    """Return the Ethernet layer inside EtherIP."""
    at = state[AT]
    enter(state, VIA_ETHERIP, at, ETHERIP)
    short = lacks(state, 2, MALFORMED_LINK)
    if short != 0:
        return short
    if data[at] // 16 != 3:
        return -NOT_IP
    state[AT] = at + 2
    return ETHERNET


@inline
def udp_content(data: memoryview, state: memoryview) -> int:
    """Return the layer of a tunnel inside a UDP datagram, or 0: the datagram is what counts."""
    at = state[AT]
    if state[END] - at < 28:  # no tunnel header leaves room for an IP header in less
        return 0
    low = state[SRC_PORT]
    high = state[DST_PORT]
    known = 1 if high == 4789 or high == 4790 or high == 8472 else 0
    if known != 0 or data[at] == 8:
        layer = vxlan(data, state, known)
        if layer != 0:
            return layer
    if high == 6081:
        return geneve(data, state)
    if high == 2152 or low == 2152:
        return gtpu(data, state)
    if high == 3544 or low == 3544:
        return teredo(data, state)
    if high == 1701 or low == 1701:
        return l2tp(data, state)
    if high == 4754:
        return gre_in_udp(data, state)
    return mpls_in_udp(data, state) if high == 6635 else 0


@inline
def gre_in_udp(data: memoryview, state: memoryview) -> int:
    """Return the GRE layer inside a datagram (RFC 8086) if an IP packet fills what is behind its header."""
    at = state[AT]
    flags = be16(data, at)
    kind = be16(data, at + 2)
    if flags & 0x4FFF != 0:
        return 0
    inner = at + 4
    for bit in (0x8000, 0x2000, 0x1000):
        if flags & bit != 0:
            inner += 4
    if kind != 0x0800 and kind != 0x86DD:
        return 0
    return 0 if is_ip(data, inner, state[END], state[WIRE_END], 1) == 0 else enter(state, 0, at, GRE)


@inline
def mpls_in_udp(data: memoryview, state: memoryview) -> int:
    """Return the MPLS layer inside a datagram (RFC 7510) if an IP packet fills what is behind the labels."""
    at = state[AT]
    inner = at
    for _ in range(16):
        if inner + 4 > state[END]:
            return 0
        inner += 4
        if data[inner - 2] & 1 == 1:
            break
    return 0 if is_ip(data, inner, state[END], state[WIRE_END], 1) == 0 else enter(state, 0, at, MPLS)


@inline
def vxlan(data: memoryview, state: memoryview, known_port: int) -> int:
    """Return the Ethernet layer inside VXLAN; on its own ports the extensions' flags are allowed."""
    at = state[AT]
    if data[at] & 8 == 0 or data[at + 7] != 0:
        return 0
    if known_port == 0 and be32(data, at) != 0x08000000:
        return 0
    if is_ethernet(data, at + 8, state[END], state[WIRE_END], 1 - known_port) == 0:
        return 0
    return enter(state, VIA_VXLAN, at + 8, ETHERNET)


@inline
def geneve(data: memoryview, state: memoryview) -> int:
    """Return the layer inside Geneve."""
    at = state[AT]
    if data[at] >= 64 or data[at + 1] & 0x3F != 0 or data[at + 7] != 0:
        return 0
    kind = be16(data, at + 2)
    inner = at + 8 + (data[at] & 0x3F) * 4
    end = state[END]
    wire_end = state[WIRE_END]
    if kind == 0x6558 and is_ethernet(data, inner, end, wire_end, 0) != 0:
        return enter(state, VIA_GENEVE, inner, ETHERNET)
    if (kind == 0x0800 or kind == 0x86DD) and is_ip(data, inner, end, wire_end, 1) != 0:
        return enter(state, VIA_GENEVE, inner, IP_ANY)
    return 0


@inline
def gtpu(data: memoryview, state: memoryview) -> int:
    """Return the IP layer inside a GTP-U data message, after its extension headers."""
    at = state[AT]
    end = state[END]
    if data[at] // 16 != 3 or data[at + 1] != 255:
        return 0
    if at + 8 + be16(data, at + 2) != state[WIRE_END]:
        return 0
    inner = at + 8
    if data[at] & 7 != 0:
        inner += 4
        if data[at] & 4 != 0:
            for _ in range(16):
                if data[inner - 1] == 0:
                    break
                if inner >= end or data[inner] == 0:
                    return 0
                inner += data[inner] * 4
                if inner > end:
                    return 0
    if is_ip(data, inner, end, state[WIRE_END], 1) == 0:
        return 0
    return enter(state, VIA_GTPU, inner, IP_ANY)


@inline
def teredo(data: memoryview, state: memoryview) -> int:
    """Return the IPv6 layer inside Teredo, after authentication and origin headers."""
    at = state[AT]
    end = state[END]
    inner = at
    if data[inner] == 0 and data[inner + 1] == 1:
        inner += 13 + data[inner + 2] + data[inner + 3]
    if inner + 8 <= end and data[inner] == 0 and data[inner + 1] == 0:
        inner += 8
    if is_ip(data, inner, end, state[WIRE_END], 0) != 6:
        return 0
    # Trailers may follow, so the length alone does not tell; the prefix of Teredo does.
    ours = be32(data, inner + 8) == 0x20010000 or be32(data, inner + 24) == 0x20010000
    if not ours and is_ip(data, inner, end, state[WIRE_END], 1) != 6:
        return 0
    return enter(state, VIA_TEREDO, inner, IP_ANY)


@inline
def l2tp(data: memoryview, state: memoryview) -> int:
    """Return the PPP layer inside an L2TP version 2 data message."""
    at = state[AT]
    flags = be16(data, at)
    if flags & 0x800F != 0x0002:
        return 0
    inner = at + 6
    if flags & 0x4000 != 0:
        if at + be16(data, at + 2) != state[WIRE_END]:
            return 0
        inner += 2
    if flags & 0x0800 != 0:
        inner += 4
    if flags & 0x0200 != 0:
        inner += 2 + be16(data, inner)
    packet = inner
    end = state[END]
    if packet + 4 > end:
        return 0
    if data[packet] == 0xFF and data[packet + 1] == 0x03:
        packet += 2
    packet += 1 if data[packet] & 1 == 1 else 2
    if is_ip(data, packet, end, state[WIRE_END], 1) == 0:
        return 0
    return enter(state, VIA_L2TP, inner, PPP)


@inline
def tunnel_step(data: memoryview, state: memoryview, layer: int) -> int:
    """Return what follows one tunnel header."""
    if layer == GRE:
        return gre(data, state)
    if layer == ETHERIP:
        return etherip(data, state)
    return erspan(data, state, layer)
