"""802.11 frames, with or without a capture header in front: to the LLC header of their data.

IEEE 802.11-2020 section 9 (data frames, QoS, A-MSDU); radiotap, PPI, Prism, AVS and PKTAP capture headers are
skipped by their length. An A-MSDU gives one row per subframe. Retries are rows like any other.

**Known limitations**: protected frames are counted, not decrypted; frames that the radio cut in fragments
are counted, not put together; a mesh control field is not skipped.
"""

from __future__ import annotations

from ..kernel import inline
from .layout import (
    AMSDU,
    AT,
    AVS,
    END,
    LINK_TYPES,
    LINKS,
    LLC,
    MALFORMED_LINK,
    MORE_AT,
    MORE_END,
    MORE_TUNNEL,
    MORE_VLAN,
    MORE_WIRE_END,
    NOT_IP,
    NOW_DST_MAC,
    NOW_SRC_MAC,
    NOW_TUNNEL,
    NOW_VLAN,
    PKTAP,
    PPI,
    RADIOTAP,
    UNSUPPORTED_LINK_TYPE,
    WIRE_END,
    WLAN,
    WLAN_CONTROL,
    WLAN_FRAGMENT,
    WLAN_MANAGEMENT,
    WLAN_NO_DATA,
    WLAN_PROTECTED,
    be16,
    be32,
    lacks,
    le16,
    le32,
    limit,
    mac,
)


@inline
def is_snap(data: memoryview, at: int, end: int) -> int:
    """Return 1 if an LLC/SNAP header stands at `at`."""
    if at + 8 > end:
        return 0
    return 1 if data[at] == 0xAA and data[at + 1] == 0xAA and data[at + 2] == 0x03 else 0


@inline
def wlan_addresses(data: memoryview, state: memoryview, flags: int) -> int:
    """Return 0 after setting the hardware addresses: which field holds them depends on the two DS bits."""
    at = state[AT]
    to_ds = flags & 1
    from_ds = flags & 2
    state[NOW_DST_MAC] = mac(data, at + 16) if to_ds != 0 else mac(data, at + 4)
    if from_ds == 0:
        state[NOW_SRC_MAC] = mac(data, at + 10)
    elif to_ds == 0:
        state[NOW_SRC_MAC] = mac(data, at + 16)
    else:
        state[NOW_SRC_MAC] = mac(data, at + 24)
    return 0


@inline
def wlan(data: memoryview, state: memoryview) -> int:
    """Return the layer after an 802.11 header: LLC, an A-MSDU, or the reason why there is no data."""
    short = lacks(state, 2, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT]
    kind = data[at] // 4 & 3
    subtype = data[at] // 16
    flags = data[at + 1] + 0
    if kind != 2:
        return -WLAN_MANAGEMENT if kind == 0 else (-WLAN_CONTROL if kind == 1 else -NOT_IP)
    header = 30 if flags & 3 == 3 else 24
    if subtype & 8 != 0:
        header += 6 if flags & 0x80 != 0 else 2
    short = lacks(state, header, MALFORMED_LINK)
    if short != 0:
        return short
    wlan_addresses(data, state, flags)
    if subtype & 4 != 0:
        return -WLAN_NO_DATA
    if flags & 4 != 0 or data[at + 22] & 15 != 0:
        return -WLAN_FRAGMENT
    qos_at = at + (30 if flags & 3 == 3 else 24)
    aggregated = subtype & 8 != 0 and data[qos_at] & 0x80 != 0
    at += header
    end = state[END]
    # Some cards pad the header to four bytes; some decrypt and leave the protection bit as it was.
    snap_at = at + 14 if aggregated else at
    if header % 4 != 0 and is_snap(data, snap_at, end) == 0 and is_snap(data, snap_at + 2, end) != 0:
        at += 2
        snap_at += 2
    if flags & 0x40 != 0 and is_snap(data, snap_at, end) == 0:
        return -WLAN_PROTECTED
    state[AT] = at
    if not aggregated:
        return LLC
    state[MORE_AT] = at
    state[MORE_END] = end
    state[MORE_WIRE_END] = state[WIRE_END]
    state[MORE_TUNNEL] = state[NOW_TUNNEL]
    state[MORE_VLAN] = state[NOW_VLAN]
    return AMSDU


@inline
def amsdu(data: memoryview, state: memoryview) -> int:
    """Return the LLC layer of the A-MSDU subframe at `state[MORE_AT]`, and move that to the next one."""
    at = state[MORE_AT]
    state[MORE_AT] = 0
    state[AT] = at
    state[END] = state[MORE_END]
    state[WIRE_END] = state[MORE_WIRE_END]
    short = lacks(state, 14, MALFORMED_LINK)
    if short != 0:
        return short
    state[NOW_DST_MAC] = mac(data, at)
    state[NOW_SRC_MAC] = mac(data, at + 6)
    size = be16(data, at + 12)
    after = at + (14 + size + 3) // 4 * 4
    # A real subframe holds at least an LLC/SNAP header; less is a trailer or garbage, and ends the walk.
    if size >= 8 and after + 22 <= state[MORE_END]:
        state[MORE_AT] = after
    limit(state, at + 14 + size)
    state[AT] = at + 14
    return LLC


@inline
def link_layer(state: memoryview, link: int) -> int:
    """Return the layer of a link type that a capture header names; no such header stands in another one."""
    layer = state[LINKS + link] if link < LINK_TYPES else -UNSUPPORTED_LINK_TYPE
    return -MALFORMED_LINK if layer in (PPI, PKTAP) else layer


@inline
def capture_header(data: memoryview, state: memoryview, layer: int) -> int:
    """Return the layer after a radiotap, PPI, Prism, AVS or PKTAP (macOS) header."""
    short = lacks(state, 8, MALFORMED_LINK)
    if short != 0:
        return short
    at = state[AT]
    follows = WLAN
    if layer == RADIOTAP:
        size = le16(data, at + 2)
    elif layer == PPI:
        size = le16(data, at + 2)
        follows = link_layer(state, le32(data, at + 4))
    elif layer == PKTAP:
        short = lacks(state, 12, MALFORMED_LINK)
        if short != 0:
            return short
        size = le32(data, at)
        follows = link_layer(state, le32(data, at + 8))
    elif layer == AVS or be32(data, at) & 0xFFFFF000 == 0x80211000:
        size = be32(data, at + 4)
    else:
        size = be32(data, at + 4)
        if size > 0xFFFF:
            size = le16(data, at + 4)
    if size < 8:
        return -MALFORMED_LINK
    short = lacks(state, size, MALFORMED_LINK)
    if short != 0:
        return short
    state[AT] = at + size
    return follows


@inline
def wlan_step(data: memoryview, state: memoryview, layer: int) -> int:
    """Return what follows one header of a wireless capture."""
    if layer == WLAN:
        return wlan(data, state)
    if layer == AMSDU:
        return amsdu(data, state)
    return capture_header(data, state, layer)
