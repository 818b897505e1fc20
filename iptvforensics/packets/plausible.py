"""Does an IP packet or an Ethernet frame stand here? Asked where a header in front does not say.

`strict` asks that the packet fills the room exactly, as it does inside a tunnel: a wrong yes would hide
a real flow behind an invented one.

**Known limitations**: a packet whose length field is 0 (segmentation offload) is not recognised here.
"""

from __future__ import annotations

from ..kernel import inline
from .layout import be16


@inline
def is_vlan(kind: int) -> int:
    """Return 1 if the EtherType is that of a VLAN tag (802.1Q, 802.1ad, and two older ones)."""
    return 1 if kind == 0x8100 or kind == 0x88A8 or kind == 0x9100 or kind == 0x9200 else 0


@inline
def is_ip(data: memoryview, at: int, end: int, wire_end: int, strict: int) -> int:
    """Return 4 or 6 if a plausible IP header stands at `at`, else 0."""
    if at < 0 or at + 20 > end:
        return 0
    room = wire_end - at
    if data[at] // 16 == 4:
        total = be16(data, at + 2)
        header = (data[at] & 15) * 4
        if header < 20 or total < header or total > room or (strict != 0 and total != room):
            return 0
        # Reserved flag set, or a life of no hops: not seen in sound packets.
        return 0 if data[at + 6] >= 128 or data[at + 8] == 0 else 4
    if data[at] // 16 == 6 and at + 40 <= end:
        total = be16(data, at + 4) + 40
        if total > room or (strict != 0 and total != room):
            return 0
        # No hops left and yet something to deliver; the bubbles of Teredo (next header 59) have none.
        return 0 if data[at + 7] == 0 and data[at + 6] != 59 else 6
    return 0


@inline
def ppp_kind(protocol: int) -> int:
    """Return the EtherType of what a PPP protocol number names, 0 if it is not IP."""
    if protocol == 0x21:
        return 0x0800
    return 0x86DD if protocol == 0x57 else 0


@inline
def is_ethernet(data: memoryview, at: int, end: int, wire_end: int, strict: int) -> int:
    """Return 4 or 6 if an Ethernet frame with a plausible IP packet (in PPPoE or MPLS, too) stands at `at`, else 0."""
    if at < 0 or at + 14 > end:
        return 0
    kind = be16(data, at + 12)
    inner = at + 14
    for _ in range(4):
        if is_vlan(kind) == 0 or inner + 4 > end:
            break
        kind = be16(data, inner + 2)
        inner += 4
    if kind == 0x8864 and inner + 8 <= end and data[inner] == 0x11 and data[inner + 1] == 0:  # PPPoE
        kind = ppp_kind(be16(data, inner + 6))
        inner += 8
    elif kind == 0x8847:
        for _ in range(4):
            if inner + 4 >= end:
                return 0
            inner += 4
            if data[inner - 2] & 1 == 1:
                break
        kind = 0x0800 if data[inner] // 16 == 4 else 0x86DD
    if kind != 0x0800 and kind != 0x86DD:
        return 0
    if strict != 0 and wire_end - at <= 60:  # the sender may have padded it
        strict = 0
    version = is_ip(data, inner, end, wire_end, strict)
    if version == 4 and kind != 0x0800:
        return 0
    if version == 6 and kind != 0x86DD:
        return 0
    return version
