"""Packet columns to pairs of link-layer and IP address: which address on the link sent as which IP address.

Ethernet, Linux cooked and 802.11 source addresses with the source of the IP packet in the same frame, and what ARP
(RFC 826) senders say of themselves. One pass of a kernel per batch; pairs stand in a table of bounded size.

**Known limitations**: behind a router all addresses share that of the router; a packet put together from fragments
counts once, with the frame that completed it. IPv6 neighbour discovery is seen as packets, its options are not read.
After `MAX_PAIRS` pairs further ones are only counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..kernel import inline, kernel
from .columns import Int64s, Packets
from .layout import (
    ARP,
    IPV4_MAPPED,
    PAYLOAD_AT,
    PAYLOAD_BYTES,
    RECORD,
    SRC_HI,
    SRC_LO,
    SRC_MAC,
    STATUS,
    TTL,
    TUNNEL,
    VLAN,
    be16,
    be32,
    mac,
)

MAX_PAIRS = 1 << 16
"""A home has dozens; a server behind one router sees thousands of addresses."""
INDEX_SLOTS = MAX_PAIRS * 2
MAX_PROBES = 64
"""Slots looked at for one pair: addresses chosen to collide must not cost more."""

# Columns of a pair: what makes it, then what was counted.
P_MAC, P_HI, P_LO, P_VLAN, P_TUNNEL, P_INTERFACE, P_ARP = range(7)
P_PACKETS, P_TTL_MIN, P_TTL_MAX, P_FIRST_NS, P_LAST_NS, P_FIRST_FRAME, P_LAST_FRAME = range(7, 14)
PAIR_WIDTH = 14
# Slots of the state.
S_PAIRS, S_LEFT_OUT, S_LEFT_OUT_FRAME = range(3)


class LinkBlock(Protocol):
    """What is needed of a block of whole records."""

    data: Any
    first_frame: int
    ts_ns: Int64s
    interface: Any


class Neighbour(NamedTuple):
    """A link-layer address that was seen to send as an IP address."""

    mac: int
    hi: int
    lo: int
    vlan: int
    tunnel: int
    interface: int
    is_arp: bool
    packets: int
    ttl_min: int
    ttl_max: int
    first_ns: int
    last_ns: int
    first_frame: int
    last_frame: int


@inline
def is_arp_sender(data: memoryview, at: int, size: int) -> int:
    """Return 1 if an ARP request or reply for IPv4 over Ethernet stands at `at`, whose sender has an address."""
    if size < 28 or at < 0 or at + 28 > len(data):
        return 0
    if be16(data, at) != 1 or be16(data, at + 2) != 0x0800 or data[at + 4] != 6 or data[at + 5] != 4:
        return 0
    operation = be16(data, at + 6)
    if operation != 1 and operation != 2:
        return 0
    return 1 if be32(data, at + 14) != 0 else 0


@inline
def pair_slot(hi: int, lo: int, address: int, vlan: int, tunnel: int, interface: int, arp: int) -> int:
    """Return the slot of the index at which the search for a pair begins."""
    mixed = (lo & 0xFFFFFFFF) * 40503 ^ (lo >> 32 & 0xFFFFFFFF) * 60493
    mixed ^= (hi & 0xFFFFFFFF) * 50021 ^ (hi >> 32 & 0xFFFFFFFF) * 40093
    mixed ^= (address & 0xFFFFFFFF) * 48271 ^ (address >> 32 & 0xFFFF) * 69621
    mixed ^= (vlan + 1) * 31357 ^ tunnel * 25717 ^ interface * 19937 ^ arp
    return (mixed ^ mixed >> 15 ^ mixed >> 29) & (INDEX_SLOTS - 1)


@inline
def is_pair(
    pairs: memoryview, at: int, hi: int, lo: int, address: int, vlan: int, tunnel: int, interface: int, arp: int
) -> int:
    """Return 1 if this pair stands at `at`."""
    if pairs[at + P_LO] != lo or pairs[at + P_MAC] != address or pairs[at + P_HI] != hi:
        return 0
    if pairs[at + P_VLAN] != vlan or pairs[at + P_TUNNEL] != tunnel:
        return 0
    return 1 if pairs[at + P_INTERFACE] == interface and pairs[at + P_ARP] == arp else 0


@inline
def find_pair(
    index: memoryview,
    pairs: memoryview,
    state: memoryview,
    hi: int,
    lo: int,
    address: int,
    vlan: int,
    tunnel: int,
    interface: int,
    arp: int,
) -> int:
    """Return where a pair stands in the table, a new one if need be; -1 if there is no room."""
    slot = pair_slot(hi, lo, address, vlan, tunnel, interface, arp)
    for _ in range(MAX_PROBES):
        number = index[slot]
        if number == 0:
            number = state[S_PAIRS]
            if number >= MAX_PAIRS:
                return -1
            state[S_PAIRS] = number + 1
            index[slot] = number + 1
            at = number * PAIR_WIDTH
            pairs[at + P_MAC] = address
            pairs[at + P_HI] = hi
            pairs[at + P_LO] = lo
            pairs[at + P_VLAN] = vlan
            pairs[at + P_TUNNEL] = tunnel
            pairs[at + P_INTERFACE] = interface
            pairs[at + P_ARP] = arp
            return at
        at = (number - 1) * PAIR_WIDTH
        if is_pair(pairs, at, hi, lo, address, vlan, tunnel, interface, arp) != 0:
            return at
        slot = (slot + 1) & (INDEX_SLOTS - 1)
    return -1


@inline
def count_pair(pairs: memoryview, at: int, ttl: int, ns: int, frame: int) -> int:
    """Return 0 after adding a packet to a pair."""
    if pairs[at + P_PACKETS] == 0:
        pairs[at + P_TTL_MIN] = ttl
        pairs[at + P_TTL_MAX] = ttl
        pairs[at + P_FIRST_NS] = ns
        pairs[at + P_FIRST_FRAME] = frame
    pairs[at + P_PACKETS] += 1
    if ttl < pairs[at + P_TTL_MIN]:
        pairs[at + P_TTL_MIN] = ttl
    if ttl > pairs[at + P_TTL_MAX]:
        pairs[at + P_TTL_MAX] = ttl
    pairs[at + P_LAST_NS] = ns
    pairs[at + P_LAST_FRAME] = frame
    return 0


@kernel("B[] q[] q q q q[] i[] q[] q[] q[]")
def note_pairs(
    data: memoryview,
    table: memoryview,
    capacity: int,
    count: int,
    first_frame: int,
    ts_ns: memoryview,
    interfaces: memoryview,
    index: memoryview,
    pairs: memoryview,
    state: memoryview,
) -> int:
    """Return the number of pairs after adding those of the first `count` packets."""
    latest = 0
    before = 0
    for row in range(count):
        address = table[SRC_MAC * capacity + row]
        status = table[STATUS * capacity + row]
        if address <= 0 or (status != 0 and status != ARP):
            continue
        hi = table[SRC_HI * capacity + row]
        lo = table[SRC_LO * capacity + row]
        arp = 0
        ttl = table[TTL * capacity + row]
        if status == ARP:
            at = table[PAYLOAD_AT * capacity + row]
            if is_arp_sender(data, at, table[PAYLOAD_BYTES * capacity + row]) == 0:
                continue
            address = mac(data, at + 8)
            hi = 0
            lo = IPV4_MAPPED + be32(data, at + 14)
            arp = 1
            ttl = -1
        record = table[RECORD * capacity + row]
        vlan = table[VLAN * capacity + row]
        tunnel = table[TUNNEL * capacity + row]
        interface = interfaces[record]
        # Most packets come from one of the two ends that sent last.
        found = latest
        if is_pair(pairs, latest, hi, lo, address, vlan, tunnel, interface, arp) == 0:
            found = before
            if is_pair(pairs, before, hi, lo, address, vlan, tunnel, interface, arp) == 0:
                found = find_pair(index, pairs, state, hi, lo, address, vlan, tunnel, interface, arp)
        if found >= 0:
            if found != latest:
                before = latest
                latest = found
            count_pair(pairs, found, ttl, ts_ns[record], first_frame + record)
            continue
        if state[S_LEFT_OUT] == 0:
            state[S_LEFT_OUT_FRAME] = first_frame + record
        state[S_LEFT_OUT] += 1
    return state[S_PAIRS]


class Neighbours:
    """The pairs of one capture."""

    def __init__(self) -> None:
        # Zeros that nobody has written to take no memory.
        self._index = np.zeros(INDEX_SLOTS, np.int64)
        self._pairs = np.zeros(MAX_PAIRS * PAIR_WIDTH, np.int64)
        self._state = np.zeros(3, np.int64)

    def add(self, block: LinkBlock, packets: Packets) -> None:
        """Take the packets of a batch, while its block still holds them."""
        note_pairs(
            *(block.data, packets.table, packets.capacity, packets.count, block.first_frame, block.ts_ns),
            *(block.interface, self._index, self._pairs, self._state),
        )

    @property
    def left_out(self) -> tuple[int, int]:
        """Return how many packets belong to pairs for which there was no room, and the first frame of them."""
        return int(self._state[S_LEFT_OUT]), int(self._state[S_LEFT_OUT_FRAME])

    def __iter__(self) -> Iterator[Neighbour]:
        """Yield the pairs in the order in which they were first seen."""
        rows = self._pairs[: int(self._state[S_PAIRS]) * PAIR_WIDTH].reshape(-1, PAIR_WIDTH).tolist()
        for row in rows:
            row[P_ARP] = bool(row[P_ARP])
            yield Neighbour._make(row)
