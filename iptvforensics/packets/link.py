"""Link layers except 802.11: from the first byte of a frame to the first byte of its network packet.

Ethernet II and 802.3 with LLC/SNAP (IEEE 802.3, 802.2), VLAN stacks (802.1Q, 802.1ad), Linux cooked
captures 1 and 2, BSD loopback, PPP (RFC 1661, 1662), Cisco HDLC, PPPoE (RFC 2516), MPLS (RFC 3032, 4448),
NFLOG. Each step moves `state[AT]` past its header and returns the layer that follows.

**Known limitations**: PPP with header compression (VJ, multilink, MPPE) is `NOT_IP`; MPLS does not say
what it carries, so the first bytes decide; LLC without SNAP is `NOT_IP` unless it names IP.
"""

from __future__ import annotations

from ..kernel import inline
from .layout import (
    ARP,
    AT,
    CHDLC,
    DEPTH,
    END,
    ETHERNET,
    ETHERTYPE,
    IP_ANY,
    IPV4,
    IPV6,
    LLC,
    LOOPBACK,
    MALFORMED_LINK,
    MAX_VLAN_TAGS,
    MPLS,
    NEXT,
    NFLOG,
    NOT_IP,
    NOW_DST_MAC,
    NOW_SRC_MAC,
    NOW_TUNNEL,
    NOW_VLAN,
    PPP,
    PPP_DIRECTION,
    PPPOE,
    SLL,
    TUNNEL_TOO_DEEP,
    VIA_MPLS,
    VIA_PPPOE,
    VLAN_TAGS,
    WIRE_END,
    be16,
    be32,
    lacks,
    le16,
    limit,
    mac,
    take_payload,
)
from .plausible import is_ethernet, is_ip, is_vlan


@inline
def ethernet(data: memoryview, state: memoryview) -> int:
    """Return the layer after an Ethernet header: Ethernet II above 1535, 802.3 length up to 1500."""
    short = lacks(state, 14, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT]
    state[NOW_DST_MAC] = mac(data, at)
    state[NOW_SRC_MAC] = mac(data, at + 6)
    state[NEXT] = be16(data, at + 12)
    state[AT] = at + 14
    return ETHERTYPE


@inline
def ethertype(data: memoryview, state: memoryview) -> int:
    """Return the layer that an EtherType (or an 802.3 length in its place) announces."""
    kind = state[NEXT]
    if kind == 0x0800:
        return IPV4
    if kind == 0x86DD:
        return IPV6
    if kind <= 1500:
        limit(state, state[AT] + kind)
        return LLC
    if is_vlan(kind) != 0:
        return vlan_tag(data, state)
    if kind == 0x0806 or kind == 0x8035:
        if state[DEPTH] == 0:  # in a tunnel the row stays that of the packet which carries it
            take_payload(state)
        return -ARP
    if kind == 0x8864:
        return PPPOE
    if kind == 0x8847 or kind == 0x8848:
        return MPLS
    if kind == 0x880B:
        return PPP
    if kind == 0x8870:  # LLC in a jumbo frame
        return LLC
    if kind == 0x6558:
        return ETHERNET
    if kind == 0x88E7:  # 802.1ah: four bytes of service tag, then the customer's frame
        state[AT] += 4
        return ETHERNET
    return -NOT_IP


@inline
def vlan_tag(data: memoryview, state: memoryview) -> int:
    """Return the next EtherType step after one VLAN tag; the row keeps the outermost id."""
    short = lacks(state, 4, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT]
    if state[NOW_VLAN] < 0:
        state[NOW_VLAN] = be16(data, at) & 0xFFF
    state[VLAN_TAGS] += 1
    if state[VLAN_TAGS] > MAX_VLAN_TAGS:
        return -TUNNEL_TOO_DEEP
    state[NEXT] = be16(data, at + 2)
    state[AT] = at + 4
    return ETHERTYPE


@inline
def llc(data: memoryview, state: memoryview) -> int:
    """Return the layer after an 802.2 header; SNAP with the OUI of Ethernet or of bridging is followed."""
    if lacks(state, 3, NOT_IP) != 0:
        return lacks(state, 3, NOT_IP)
    at = state[AT]
    if data[at] == 0x06 and data[at + 1] == 0x06 and data[at + 2] == 0x03:
        state[AT] = at + 3
        return IP_ANY
    if data[at] != 0xAA or data[at + 1] != 0xAA or data[at + 2] != 0x03:
        return -NOT_IP
    if lacks(state, 8, MALFORMED_LINK) != 0:
        return lacks(state, 8, MALFORMED_LINK)
    oui = data[at + 3] * 65536 + be16(data, at + 4)
    kind = be16(data, at + 6)
    state[AT] = at + 8
    if oui == 0x0080C2 and (kind == 1 or kind == 7):  # RFC 2684 bridged Ethernet: two bytes of padding
        state[AT] = at + 10
        return ETHERNET
    if (oui != 0 and oui != 0x0000F8) or kind <= 1500:
        return -NOT_IP
    state[NEXT] = kind
    return ETHERTYPE


@inline
def ppp(data: memoryview, state: memoryview) -> int:
    """Return the layer after a PPP header, with or without address, control and a shortened protocol."""
    short = lacks(state, 2, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT]
    if data[at + 1] == 0 and (data[at] == 0x0F or data[at] == 0x8F):
        return CHDLC
    if data[at] == 0xFF and data[at + 1] == 0x03:
        at += 2
        state[AT] = at
        short = lacks(state, 2, MALFORMED_LINK)
        if short != 0:
            return short
    if data[at] & 1 == 1:
        protocol = data[at] + 0
        state[AT] = at + 1
    else:
        protocol = be16(data, at)
        state[AT] = at + 2
    if protocol == 0x21:
        return IPV4
    if protocol == 0x57:
        return IPV6
    return MPLS if protocol == 0x281 or protocol == 0x283 else -NOT_IP


@inline
def pppoe(data: memoryview, state: memoryview) -> int:
    """Return the layer after a PPPoE session header."""
    short = lacks(state, 6, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT]
    if data[at] != 0x11:
        return -MALFORMED_LINK
    if data[at + 1] != 0:  # discovery
        return -NOT_IP
    limit(state, at + 6 + be16(data, at + 4))
    state[NOW_TUNNEL] |= VIA_PPPOE
    state[AT] = at + 6
    return PPP


@inline
def chdlc(data: memoryview, state: memoryview) -> int:
    """Return the layer after a Cisco HDLC header."""
    short = lacks(state, 4, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT]
    state[NEXT] = be16(data, at + 2)
    state[AT] = at + 4
    return ETHERTYPE if state[NEXT] > 1500 else -NOT_IP


@inline
def mpls(data: memoryview, state: memoryview) -> int:
    """Return the layer below a stack of MPLS labels: IP, or an Ethernet pseudowire."""
    at = state[AT]
    for _ in range(16):
        state[AT] = at
        short = lacks(state, 4, MALFORMED_LINK)
        if short != 0:
            return short
        at += 4
        if data[at - 2] & 1 == 1:
            break
    else:
        return -TUNNEL_TOO_DEEP
    state[NOW_TUNNEL] |= VIA_MPLS
    state[AT] = at
    short = lacks(state, 1, MALFORMED_LINK)
    if short != 0:
        return short
    end = state[END]
    wire_end = state[WIRE_END]
    if is_ip(data, at, end, wire_end, 0) != 0:
        return IP_ANY
    if is_ethernet(data, at, end, wire_end, 0) != 0:
        return ETHERNET
    if data[at] // 16 == 0 and is_ethernet(data, at + 4, end, wire_end, 0) != 0:  # control word, RFC 4448
        state[AT] = at + 4
        return ETHERNET
    return IP_ANY if data[at] // 16 == 4 or data[at] // 16 == 6 else -NOT_IP


@inline
def cooked(data: memoryview, state: memoryview, layer: int) -> int:
    """Return the layer after a Linux cooked header (SLL 16 bytes, SLL2 20 bytes)."""
    header = 16 if layer == SLL else 20
    short = lacks(state, header, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT]
    if layer == SLL:
        kind = be16(data, at + 14)
        hardware = be16(data, at + 2)
        address_bytes = be16(data, at + 4)
        address_at = at + 6
    else:
        kind = be16(data, at)
        hardware = be16(data, at + 8)
        address_bytes = data[at + 11] + 0
        address_at = at + 12
    if address_bytes == 6:
        state[NOW_SRC_MAC] = mac(data, address_at)
    at += header
    state[AT] = at
    if hardware == 824:  # netlink: the protocol is a netlink family
        return -NOT_IP
    if (kind == 0x0800 or kind == 0x86DD) and state[END] - at >= 5 and is_vlan(be16(data, at)) != 0:
        # Some captures keep the tag in the payload and name what stands behind it: no IP version starts with 8 or 9.
        state[AT] = at + 2
        return vlan_tag(data, state)
    if kind == 4:
        return LLC
    state[NEXT] = kind
    return ETHERTYPE if kind > 1500 else -NOT_IP


@inline
def loopback(data: memoryview, state: memoryview) -> int:
    """Return the layer after a BSD loopback header: an address family in either byte order."""
    short = lacks(state, 4, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT]
    if data[at + 1] == 0 and (data[at] == 0x0F or data[at] == 0x8F):  # HDLC under the wrong name is not rare
        return CHDLC
    family = be32(data, at)
    if family > 0xFFFF:
        family = data[at + 1] * 256 + data[at]
    state[AT] = at + 4
    if family == 2:
        return IPV4
    # IPv6 on NetBSD and OpenBSD, FreeBSD, macOS; Linux; Windows.
    if family == 24 or family == 28 or family == 30 or family == 10 or family == 23:
        return IPV6
    state[NEXT] = family
    return ETHERTYPE if family > 1500 else -NOT_IP


@inline
def nflog(data: memoryview, state: memoryview) -> int:
    """Return the IP layer of a netfilter log message: attribute 9 is the packet."""
    short = lacks(state, 4, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT] + 4
    end = state[END]
    for _ in range(64):
        if at + 4 > end:
            break
        size = le16(data, at)
        kind = le16(data, at + 2)
        if size < 4 or kind > 0xFF:  # written on a big-endian machine
            size = be16(data, at)
            kind = be16(data, at + 2)
        if size < 4:
            return -MALFORMED_LINK
        if kind & 0x7FFF == 9:
            limit(state, at + size)
            state[AT] = at + 4
            return IP_ANY
        at += (size + 3) // 4 * 4
    return -NOT_IP


@inline
def link_step(data: memoryview, state: memoryview, layer: int) -> int:
    """Return what follows one link layer header."""
    if layer == ETHERNET:
        return ethernet(data, state)
    if layer == ETHERTYPE:
        return ethertype(data, state)
    if layer == LLC:
        return llc(data, state)
    if layer == PPP:
        return ppp(data, state)
    if layer == CHDLC:
        return chdlc(data, state)
    if layer == PPPOE:
        return pppoe(data, state)
    if layer == MPLS:
        return mpls(data, state)
    if layer == LOOPBACK:
        return loopback(data, state)
    if layer == NFLOG:
        return nflog(data, state)
    if layer == PPP_DIRECTION:  # a byte that says who sent the frame
        state[AT] += 1
        return PPP
    return cooked(data, state, layer)
