"""IPv4 (RFC 791) and IPv6 (RFC 8200) headers, with options and extension headers, to the upper layer.

A length field of 0 means that segmentation was left to the network card: the frame's own length counts
then. Otherwise the IP length decides, so padding and trailers of the link never become payload.
Checksums decide nothing. Fragments stop here; `fragments` puts them together.

**Known limitations**: ESP (RFC 4303) is not looked into; a routing header does not change the addresses.
"""

from __future__ import annotations

from ..kernel import inline
from .layout import (
    AT,
    BEYOND_FRAME,
    CUT_SHORT,
    DEPTH,
    DST_HI,
    DST_LO,
    DST_PORT,
    END,
    ESP,
    ETHERIP,
    FOUND,
    FRAGMENT_MORE,
    FRAGMENT_OFFSET,
    FRAGMENT_PENDING,
    GRE,
    IP_ANY,
    IP_AT,
    IP_HEADER_BYTES,
    IP_ID,
    IPV4,
    IPV4_MAPPED,
    IPV6,
    LENGTH_ZERO,
    MALFORMED_IPV4,
    MALFORMED_IPV6,
    MAX_DEPTH,
    MPLS,
    NEXT,
    NOT_IP,
    NOTES,
    OTHER,
    SRC_HI,
    SRC_LO,
    SRC_PORT,
    TCP,
    TRANSPORT,
    TTL,
    TUNNEL_TOO_DEEP,
    UDP,
    UPPER,
    VERSION,
    VIA_IP,
    WIRE_END,
    be16,
    be32,
    be64,
    enter,
    lacks,
    latch,
    limit,
    take_payload,
)


@inline
def begin_ip(state: memoryview, version: int, total: int) -> int:
    """Return 0, or minus the reason, after making the row that of the IP header at `state[AT]`."""
    state[DEPTH] += 1
    if state[DEPTH] > MAX_DEPTH:
        return -TUNNEL_TOO_DEEP
    latch(state)
    at = state[AT]
    state[FOUND] = 1
    state[VERSION] = version
    state[IP_AT] = at
    state[SRC_PORT] = 0
    state[DST_PORT] = 0
    state[NOTES] = 0
    if total == 0:
        state[NOTES] = LENGTH_ZERO
        return 0
    if at + total > state[WIRE_END]:
        state[NOTES] = BEYOND_FRAME
        state[WIRE_END] = at + total
    limit(state, at + total)
    return 0


@inline
def fragment(state: memoryview, at: int, offset: int, more: int) -> int:
    """Return the reason of a fragment whose bytes start at `at`, with what is needed to put it together."""
    state[FRAGMENT_OFFSET] = offset
    state[FRAGMENT_MORE] = more
    state[AT] = at
    take_payload(state)
    return -FRAGMENT_PENDING


@inline
def ipv4(data: memoryview, state: memoryview) -> int:
    """Return the layer after an IPv4 header."""
    at = state[AT]
    short = lacks(state, 20, MALFORMED_IPV4)
    if short != 0:
        return short
    header = (data[at] & 15) * 4
    total = be16(data, at + 2)
    room = state[WIRE_END] - at
    if data[at] // 16 != 4 or header < 20 or (total if total != 0 else room) < header:
        return -MALFORMED_IPV4
    failed = begin_ip(state, 4, total)
    if failed != 0:
        return failed
    state[SRC_HI] = 0
    state[SRC_LO] = IPV4_MAPPED + be32(data, at + 12)
    state[DST_HI] = 0
    state[DST_LO] = IPV4_MAPPED + be32(data, at + 16)
    state[IP_ID] = be16(data, at + 4)
    state[TTL] = data[at + 8]
    state[TRANSPORT] = data[at + 9]
    state[NEXT] = data[at + 9]
    state[IP_HEADER_BYTES] = header
    if state[END] - at < header:
        return -CUT_SHORT
    flags = be16(data, at + 6)
    if flags & 0x3FFF != 0:
        return fragment(state, at + header, (flags & 0x1FFF) * 8, flags // 8192 & 1)
    state[AT] = at + header
    return UPPER


@inline
def ipv6(data: memoryview, state: memoryview) -> int:
    """Return the layer after an IPv6 header, its extension headers not yet read."""
    at = state[AT]
    short = lacks(state, 40, MALFORMED_IPV6)
    if short != 0:
        return short
    if data[at] // 16 != 6:
        return -MALFORMED_IPV6
    size = be16(data, at + 4)
    kind = data[at + 6] + 0
    total = size + 40
    # Without a length: a jumbogram (RFC 2675), or TCP or UDP that the card was to cut.
    if size == 0 and (kind == 0 or kind == 6 or kind == 17):
        total = 0
    failed = begin_ip(state, 6, total)
    if failed != 0:
        return failed
    state[SRC_HI] = be64(data, at + 8)
    state[SRC_LO] = be64(data, at + 16)
    state[DST_HI] = be64(data, at + 24)
    state[DST_LO] = be64(data, at + 32)
    state[IP_ID] = -1
    state[TTL] = data[at + 7]
    state[TRANSPORT] = kind
    state[NEXT] = kind
    state[IP_HEADER_BYTES] = 40
    state[AT] = at + 40
    return UPPER


@inline
def ip_any(data: memoryview, state: memoryview) -> int:
    """Return the IP layer that the version nibble names."""
    short = lacks(state, 1, NOT_IP)
    if short != 0:
        return short
    version = data[state[AT]] // 16
    if version == 4:
        return IPV4
    return IPV6 if version == 6 else -NOT_IP


@inline
def extension_bytes(data: memoryview, at: int, kind: int, version: int) -> int:
    """Return the length of the extension header `kind` at `at`, or 0 if `kind` is none."""
    if kind == 51:
        return (data[at + 1] + 2) * 4
    if version == 4:
        return 0
    if kind == 0 or kind == 43 or kind == 60 or kind == 135 or kind == 139 or kind == 140:
        return (data[at + 1] + 1) * 8
    return 8 if kind == 44 else 0


@inline
def is_extension(kind: int, version: int) -> int:
    """Return 1 if an extension header is announced (authentication is one for IPv4 too)."""
    if kind == 51:
        return 1
    if version == 4:
        return 0
    if kind == 0 or kind == 43 or kind == 44 or kind == 60:
        return 1
    return 1 if kind == 135 or kind == 139 or kind == 140 else 0


@inline
def upper(data: memoryview, state: memoryview) -> int:
    """Return the layer above IP, after the extension headers."""
    malformed = MALFORMED_IPV4 if state[VERSION] == 4 else MALFORMED_IPV6
    for _ in range(32):
        kind = state[NEXT]
        if is_extension(kind, state[VERSION]) == 0:
            return protocol(state)
        state[TRANSPORT] = kind
        short = lacks(state, 8, malformed)
        if short != 0:
            return short
        at = state[AT]
        size = extension_bytes(data, at, kind, state[VERSION])
        short = lacks(state, size, malformed)
        if short != 0:
            return short
        state[NEXT] = data[at]
        state[AT] = at + size
        if kind == 44:
            state[IP_ID] = be32(data, at + 4)
            where = be16(data, at + 2)
            if where & 0xFFF9 != 0:
                state[TRANSPORT] = state[NEXT]
                return fragment(state, at + 8, where & 0xFFF8, where & 1)
    return -malformed


@inline
def protocol(state: memoryview) -> int:
    """Return the layer that an IP protocol number names."""
    kind = state[NEXT]
    state[TRANSPORT] = kind
    if kind == 6:
        return TCP
    if kind == 17:
        return UDP
    at = state[AT]
    if kind == 4 or kind == 41:
        return enter(state, VIA_IP, at, IP_ANY)
    if kind == 47:
        return GRE
    if kind == 97:
        return ETHERIP
    if kind == 137:
        return enter(state, 0, at, MPLS)
    take_payload(state)
    if kind == 50:
        return -ESP
    return OTHER


@inline
def network_step(data: memoryview, state: memoryview, layer: int) -> int:
    """Return what follows one network layer header."""
    if layer == IPV4:
        return ipv4(data, state)
    if layer == IPV6:
        return ipv6(data, state)
    if layer == IP_ANY:
        return ip_any(data, state)
    return upper(data, state)
