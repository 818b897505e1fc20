"""Numbers that the kernels and the Python side of this room share: columns, state slots, layers, reasons.

Row `r` of column `c` stands at `table[c * capacity + r]`. While a frame is decoded its row lies in the
first `COLUMNS + FRAGMENT_COLUMNS` slots of the state array, in the same order; working values and the
table of link types follow.

Everything here is a plain integer because kernels freeze them. The readers stand in this file so that
the cached machine code of a kernel depends on it: a number changed here makes the code anew.
"""

from __future__ import annotations

from ..kernel import inline

# Columns of a row. The first COLUMNS are public.
RECORD, SUB, STATUS, SRC_HI, SRC_LO, DST_HI, DST_LO, TRANSPORT, SRC_PORT, DST_PORT = range(10)
TCP_SEQ, TCP_ACK, TCP_FLAGS, TCP_WINDOW, PAYLOAD_AT, PAYLOAD_BYTES, PAYLOAD_WIRE_BYTES = range(10, 17)
IP_ID, TTL, SRC_MAC, DST_MAC, VLAN, TUNNEL, NOTES = range(17, 24)
COLUMNS = 24
# Of meaning only in rows that are fragments; the fragment's bytes are the row's payload.
FRAGMENT_OFFSET, FRAGMENT_MORE, IP_AT, IP_HEADER_BYTES, DEPTH = range(24, 29)
ALL_COLUMNS = 29

# Working values of the frame being decoded.
AT, END, WIRE_END, NEXT, VERSION = range(29, 34)
"""Where the next header starts, where the captured bytes and the bytes on the wire end, what kind comes next."""
FOUND = 34
"""0: no IP header yet; 1: the row holds the last IP header; 2: it does, and a tunnel was entered below it."""
NOW_TUNNEL, NOW_SRC_MAC, NOW_DST_MAC, NOW_VLAN, VLAN_TAGS = range(35, 40)
"""Passed so far on the way in; copied to the row at each IP header."""
MORE_AT, MORE_END, MORE_WIRE_END = range(40, 43)
"""Where the next A-MSDU subframe of the frame starts, 0 if there is none."""
NEXT_ROW, NEXT_RECORD, NOTES_SEEN = range(43, 46)
MORE_TUNNEL, MORE_VLAN = 46, 47
"""What was passed before the A-MSDU."""
LINKS = 48
LINK_TYPES = 300
STATE_SLOTS = LINKS + LINK_TYPES

# Layers: what a step function decodes next. A step returns the next layer, 0 when done, or minus a reason.
IPV4, IPV6, IP_ANY, UPPER, TCP, UDP, OTHER = range(1, 8)
ETHERNET, ETHERTYPE, LLC, PPP, CHDLC, PPPOE, MPLS, SLL, SLL2, LOOPBACK, NFLOG, PPP_DIRECTION = range(10, 22)
WLAN, AMSDU, RADIOTAP, PPI, PRISM, AVS, PKTAP = range(30, 37)
GRE, ERSPAN, ERSPAN3, ETHERIP = range(40, 44)

# Reasons why a row is no decoded packet (0: it is one).
NOT_IP, ARP, CUT_SHORT, MALFORMED_LINK, MALFORMED_IPV4, MALFORMED_IPV6, MALFORMED_TRANSPORT = range(1, 8)
FRAGMENT_PENDING, FRAGMENT_DUPLICATE, FRAGMENT_MALFORMED, FRAGMENT_NO_ROOM = range(8, 12)
ESP, TUNNEL_TOO_DEEP, UNSUPPORTED_LINK_TYPE, BAD_RECORD = range(12, 16)
WLAN_PROTECTED, WLAN_MANAGEMENT, WLAN_CONTROL, WLAN_NO_DATA, WLAN_FRAGMENT = range(16, 21)
NO_PACKET = 21

# Notes (bits): what was odd about a row.
LENGTH_ZERO, SNAPLEN_CUT, BEYOND_FRAME, UDP_BEYOND_IP, CONTENT_UNREAD, REASSEMBLED = 1, 2, 4, 8, 16, 32

# Tunnels (bits).
VIA_GRE, VIA_ERSPAN, VIA_IP, VIA_VXLAN, VIA_GENEVE, VIA_GTPU, VIA_TEREDO, VIA_L2TP = 1, 2, 4, 8, 16, 32, 64, 128
VIA_MPLS, VIA_PPPOE, VIA_ETHERIP = 256, 512, 1024

MAX_DEPTH = 8
"""IP headers inside one another; more is an attack on the decoder, not traffic."""
MAX_VLAN_TAGS = 8
MAX_STEPS = 96
"""Headers of any kind in one frame."""
NO_PACKET_LINK = -2
"""Link type under which the reader of captures gives a frame that carries no packet."""
REASSEMBLED_LINK = -1
"""Link type under which the kernel gets a packet put together from fragments."""
IPV4_MAPPED = 0xFFFF00000000
"""Low half of ::ffff:0.0.0.0."""

LINK_LAYERS = {
    0: LOOPBACK,  # NULL
    1: ETHERNET,
    9: PPP,
    11: LLC,  # RFC 1483 on BSD
    12: IP_ANY,
    14: IP_ANY,
    50: PPP,  # in HDLC-like framing
    51: PPPOE,
    100: LLC,  # RFC 1483
    101: IP_ANY,
    104: CHDLC,
    105: WLAN,
    108: LOOPBACK,  # LOOP
    113: SLL,
    119: PRISM,
    127: RADIOTAP,
    163: AVS,
    192: PPI,
    204: PPP_DIRECTION,
    228: IPV4,
    229: IPV6,
    239: NFLOG,
    258: PKTAP,
    276: SLL2,
}
"""Link type (LINKTYPE_ registry of the pcap formats) to the layer that stands first."""


# A product, not a shift: shifting an unsigned byte would make an unsigned 64-bit number in machine code.
@inline
def be16(data: memoryview, at: int) -> int:
    """Return two bytes in network order as a number."""
    return data[at] * 256 + data[at + 1]


@inline
def be32(data: memoryview, at: int) -> int:
    """Return four bytes in network order as a number."""
    return data[at] * 16777216 + data[at + 1] * 65536 + data[at + 2] * 256 + data[at + 3]


@inline
def be64(data: memoryview, at: int) -> int:
    """Return eight bytes in network order as a signed number."""
    high = data[at] * 16777216 + data[at + 1] * 65536 + data[at + 2] * 256 + data[at + 3]
    if high >= 2147483648:
        high -= 4294967296
    return high * 4294967296 + (data[at + 4] * 16777216 + data[at + 5] * 65536 + data[at + 6] * 256 + data[at + 7])


@inline
def mac(data: memoryview, at: int) -> int:
    """Return a 48-bit hardware address as a number."""
    return (data[at] * 256 + data[at + 1]) * 4294967296 + (
        data[at + 2] * 16777216 + data[at + 3] * 65536 + data[at + 4] * 256 + data[at + 5]
    )


@inline
def le16(data: memoryview, at: int) -> int:
    """Return two bytes in little-endian order as a number."""
    return data[at + 1] * 256 + data[at]


@inline
def le32(data: memoryview, at: int) -> int:
    """Return four bytes in little-endian order as a number."""
    return data[at + 3] * 16777216 + data[at + 2] * 65536 + data[at + 1] * 256 + data[at]


@inline
def lacks(state: memoryview, need: int, malformed: int) -> int:
    """Return 0 if `need` bytes of the next header were captured, else the reason why not, negative.

    Cut short if the wire had them and the capture has not; malformed if the wire did not have them.
    """
    at = state[AT]
    if state[END] - at >= need:
        return 0
    return -CUT_SHORT if state[WIRE_END] - at >= need else -malformed


@inline
def limit(state: memoryview, end: int) -> int:
    """Return 0 after ending the current layer at `end` if it went beyond (padding, trailers)."""
    if end < state[WIRE_END]:
        state[WIRE_END] = end
    if end < state[END]:
        state[END] = end
    return 0


@inline
def latch(state: memoryview) -> int:
    """Return 0 after copying to the row what was passed on the way in."""
    state[TUNNEL] = state[NOW_TUNNEL]
    state[SRC_MAC] = state[NOW_SRC_MAC]
    state[DST_MAC] = state[NOW_DST_MAC]
    state[VLAN] = state[NOW_VLAN]
    return 0


@inline
def take_payload(state: memoryview) -> int:
    """Return 0 after making the row's payload what stands from here to the end of the layer."""
    at = state[AT]
    end = state[END]
    if at > end:
        at = end
    state[PAYLOAD_AT] = at
    state[PAYLOAD_BYTES] = end - at
    state[PAYLOAD_WIRE_BYTES] = max(state[WIRE_END] - state[AT], end - at)
    return 0


@inline
def enter(state: memoryview, tunnel: int, at: int, layer: int) -> int:
    """Return `layer` after noting that a tunnel is entered whose content starts at `at`.

    The row keeps the outer packet with the tunnel's header as its payload, in case no IP packet is inside.
    """
    take_payload(state)
    state[NOW_TUNNEL] |= tunnel
    if state[FOUND] != 0:
        state[FOUND] = 2
    state[AT] = at
    return layer
