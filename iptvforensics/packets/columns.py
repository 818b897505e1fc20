"""The rows that this room hands on, as columns; the names of reasons, notes and tunnels; addresses as text.

**Known limitations**: an IPv6 packet that uses IPv4-mapped addresses reads like an IPv4 one in the address
columns; `ttl` and `ip_id` are those of the innermost packet only.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import numpy as np
import numpy.typing as npt

from . import layout

Int64s = npt.NDArray[np.int64]

COLUMN_NAMES = (
    *("record", "sub", "status", "src_hi", "src_lo", "dst_hi", "dst_lo", "transport", "src_port", "dst_port"),
    *("tcp_seq", "tcp_ack", "tcp_flags", "tcp_window", "payload_at", "payload_bytes", "payload_wire_bytes"),
    *("ip_id", "ttl", "src_mac", "dst_mac", "vlan", "tunnel", "notes"),
)
"""In the order of the slots in `layout`."""


class Status(IntEnum):
    """Why a row is, or is not, a packet decoded down to its transport layer."""

    DECODED = 0
    NOT_IP = layout.NOT_IP
    ARP = layout.ARP
    CUT_SHORT = layout.CUT_SHORT
    """The capture kept too few bytes of the frame to read a header; ports are set if they were kept."""
    MALFORMED_LINK = layout.MALFORMED_LINK
    MALFORMED_IPV4 = layout.MALFORMED_IPV4
    MALFORMED_IPV6 = layout.MALFORMED_IPV6
    MALFORMED_TRANSPORT = layout.MALFORMED_TRANSPORT
    FRAGMENT_PENDING = layout.FRAGMENT_PENDING
    """Part of a packet that stands in the row of the frame that completed it, or that never was completed."""
    FRAGMENT_DUPLICATE = layout.FRAGMENT_DUPLICATE
    FRAGMENT_MALFORMED = layout.FRAGMENT_MALFORMED
    FRAGMENT_NO_ROOM = layout.FRAGMENT_NO_ROOM
    """Completes a packet for which the block has no room left (see `PacketDecoder.batches`)."""
    ESP = layout.ESP
    TUNNEL_TOO_DEEP = layout.TUNNEL_TOO_DEEP
    UNSUPPORTED_LINK_TYPE = layout.UNSUPPORTED_LINK_TYPE
    BAD_RECORD = layout.BAD_RECORD
    """The record points outside the block: a defect of the reader, not of the evidence."""
    WLAN_PROTECTED = layout.WLAN_PROTECTED
    WLAN_MANAGEMENT = layout.WLAN_MANAGEMENT
    WLAN_CONTROL = layout.WLAN_CONTROL
    WLAN_NO_DATA = layout.WLAN_NO_DATA
    WLAN_FRAGMENT = layout.WLAN_FRAGMENT
    NO_PACKET = layout.NO_PACKET
    """The file counts something else as a frame: a custom block, a journal entry, an event of the system."""


class Note(IntFlag):
    """What was odd about a row."""

    LENGTH_ZERO = layout.LENGTH_ZERO
    """IP length 0 (left to the network card): the length of the frame was taken."""
    SNAPLEN_CUT = layout.SNAPLEN_CUT
    BEYOND_FRAME = layout.BEYOND_FRAME
    """The IP length says more than the frame had on the wire."""
    UDP_BEYOND_IP = layout.UDP_BEYOND_IP
    CONTENT_UNREAD = layout.CONTENT_UNREAD
    """A tunnel in which no IP packet could be read: the row is the packet that carries it."""
    REASSEMBLED = layout.REASSEMBLED
    """Put together from fragments; the row is that of the frame that completed it."""


class Tunnel(IntFlag):
    """Encapsulations passed on the way to the innermost packet."""

    GRE = layout.VIA_GRE
    ERSPAN = layout.VIA_ERSPAN
    IP_IN_IP = layout.VIA_IP
    VXLAN = layout.VIA_VXLAN
    GENEVE = layout.VIA_GENEVE
    GTPU = layout.VIA_GTPU
    TEREDO = layout.VIA_TEREDO
    L2TP = layout.VIA_L2TP
    MPLS = layout.VIA_MPLS
    PPPOE = layout.VIA_PPPOE
    ETHERIP = layout.VIA_ETHERIP


class Packets:
    """One row per IP packet found, and one with a reason per frame that gave none; in frame order.

    All columns are int64 arrays of equal length of which the first `count` rows are valid. They are used
    again for the next block.
    """

    record: Int64s
    """Index of the frame's record in the block."""
    sub: Int64s
    """0 for the first packet of a frame, k for the k-th further one (802.11 A-MSDU)."""
    status: Int64s
    """A `Status`."""
    src_hi: Int64s
    src_lo: Int64s
    dst_hi: Int64s
    dst_lo: Int64s
    """Halves of the 128-bit addresses as signed numbers; IPv4 as ::ffff:a.b.c.d."""
    transport: Int64s
    """IP protocol number."""
    src_port: Int64s
    dst_port: Int64s
    """0 if there is none."""
    tcp_seq: Int64s
    tcp_ack: Int64s
    tcp_flags: Int64s
    """The nine flag bits, NS the highest."""
    tcp_window: Int64s
    payload_at: Int64s
    """Where the payload starts in the block's data; may lie behind the block's length."""
    payload_bytes: Int64s
    """Payload bytes captured."""
    payload_wire_bytes: Int64s
    """Payload bytes by the lengths in the headers, never less than `payload_bytes`."""
    ip_id: Int64s
    """-1 for IPv6 without a fragment header."""
    ttl: Int64s
    src_mac: Int64s
    dst_mac: Int64s
    """48-bit addresses nearest to the packet, -1 if there is none."""
    vlan: Int64s
    """Outermost VLAN id, -1 if untagged."""
    tunnel: Int64s
    """`Tunnel` bits, 0 for none."""
    notes: Int64s
    """`Note` bits, 0 for none."""

    def __init__(self) -> None:
        self.count = 0
        self.capacity = 0
        self.table: Int64s = np.zeros(0, np.int64)
        self.reserve(1024, keep=0)

    def reserve(self, rows: int, *, keep: int) -> None:
        """Make room for `rows` rows, keeping the first `keep` of the present ones."""
        if rows <= self.capacity:
            return
        # Columns a power of two apart would fall into the same lines of the processor's cache.
        capacity = (rows + 1023) // 1024 * 1024 + 40
        table = np.zeros(capacity * layout.ALL_COLUMNS, np.int64)
        for column in range(layout.ALL_COLUMNS):
            old = self.table[column * self.capacity : column * self.capacity + keep]
            table[column * capacity : column * capacity + keep] = old
        self.table = table
        self.capacity = capacity
        for column, name in enumerate(COLUMN_NAMES):
            setattr(self, name, table[column * capacity : (column + 1) * capacity])

    def hidden(self, column: int) -> Int64s:
        """Return a column of `layout` that only fragments have."""
        return self.table[column * self.capacity : (column + 1) * self.capacity]

    def row(self, index: int) -> dict[str, Any]:
        """Return one row by column names, for looking at; loops use the columns."""
        return {name: int(getattr(self, name)[index]) for name in COLUMN_NAMES}


@lru_cache(maxsize=1 << 16)
def address_text(hi: int, lo: int) -> str:
    """Return an address column pair as text: dotted for IPv4, RFC 5952 for IPv6.

    Example:
        >>> address_text(0, 0xFFFF_C000_0201)
        '192.0.2.1'
        >>> address_text(0x2001_0DB8_0000_0000, 1)
        '2001:db8::1'
    """
    hi, lo = int(hi), int(lo)
    if hi == 0 and lo >> 32 == 0xFFFF:
        return str(IPv4Address(lo & 0xFFFFFFFF))
    return str(IPv6Address((hi & 0xFFFFFFFFFFFFFFFF) << 64 | lo & 0xFFFFFFFFFFFFFFFF))
