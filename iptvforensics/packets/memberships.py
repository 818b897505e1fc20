"""Packet columns to multicast memberships: which host asked the network for which group, and who asked for members.

IGMP version 1 (RFC 1112), 2 (RFC 2236) and 3 (RFC 3376); MLD version 1 (RFC 2710) and 2 (RFC 3810).

**Known limitations**: checksums are not verified; of a report 64 groups and 64 sources each are read; after
`MAX_MEMBERSHIPS` further ones are only counted. A switch that snoops keeps other hosts' reports from the capture.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple, Protocol

import numpy as np

from .columns import Int64s, Packets, Status, address_text

IGMP, ICMPV6 = 2, 58
MAX_MEMBERSHIPS = 100_000
MAX_GROUPS = MAX_SOURCES = 64
_RECORDS = {1: "is include", 2: "is exclude", 3: "to include", 4: "to exclude", 5: "allow", 6: "block"}
_MLD_QUERY, _MLD_REPORT, _MLD_DONE, _MLD2_REPORT = 130, 131, 132, 143


class MembershipBlock(Protocol):
    """What is needed of a block of whole records."""

    data: Any
    first_frame: int
    ts_ns: Int64s


class Membership(NamedTuple):
    """One group that a message names, or a query for all of them."""

    ns: int
    frame_no: int
    host: str
    protocol: str
    kind: str
    """`join`, `leave`, `query`, or a change of the sources that is none of these."""
    group: str | None
    record: str | None
    sources: tuple[str, ...]
    mac: int
    vlan: int


Said = tuple[str, str, str | None, str | None, tuple[str, ...]]
"""Protocol, kind, group, record type, sources."""


def _address(data: bytes) -> str:
    return str(IPv4Address(data) if len(data) == 4 else IPv6Address(data))


def _sources(data: bytes, at: int, count: int, width: int) -> tuple[str, ...]:
    room = (len(data) - at) // width
    return tuple(_address(data[at + i * width : at + (i + 1) * width]) for i in range(min(count, room, MAX_SOURCES)))


def _kind(record: int, sources: tuple[str, ...]) -> str:
    """Return what a record of a version 3 report means: without sources, include is nobody and exclude everybody."""
    if record in (1, 3):
        return "join" if sources else "leave"
    if record in (2, 4):
        return "join"
    return "join" if record == 5 else "change"


def _records(data: bytes, protocol: str, width: int) -> list[Said]:
    """Return the group records of an IGMPv3 or MLDv2 report."""
    found: list[Said] = []
    at = 8
    for _ in range(min(int.from_bytes(data[6:8], "big"), MAX_GROUPS)):
        if at + 4 + width > len(data):
            break
        kind, auxiliary, count = data[at], data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        sources = _sources(data, at + 4 + width, count, width)
        name = _RECORDS.get(kind) or f"type {kind}"
        found.append((protocol, _kind(kind, sources), _address(data[at + 4 : at + 4 + width]), name, sources))
        at += 4 + width + count * width + auxiliary * 4
    return found


def read_igmp(data: bytes) -> list[Said]:
    """Return what an IGMP message says; nothing if it is not one of those above."""
    if len(data) < 8:
        return []
    kind = data[0]
    if kind == 0x22:
        return _records(data, "IGMPv3", 4)
    group = _address(data[4:8]) if any(data[4:8]) else None
    if kind == 0x11:
        sources = _sources(data, 12, int.from_bytes(data[10:12], "big"), 4) if len(data) >= 12 else ()
        version = "IGMPv3" if len(data) >= 12 else "IGMPv2" if data[1] else "IGMPv1"
        return [(version, "query", group, None, sources)]
    names = {0x12: ("IGMPv1", "join"), 0x16: ("IGMPv2", "join"), 0x17: ("IGMPv2", "leave")}
    return [(*names[kind], group, None, ())] if kind in names and group else []


def read_mld(data: bytes) -> list[Said]:
    """Return what an MLD message says; nothing if the ICMPv6 message is another one."""
    if len(data) < 8 or data[0] not in (_MLD_QUERY, _MLD_REPORT, _MLD_DONE, _MLD2_REPORT):
        return []
    if data[0] == _MLD2_REPORT:
        return _records(data, "MLDv2", 16)
    if len(data) < 24:
        return []
    group = _address(data[8:24]) if any(data[8:24]) else None
    if data[0] == _MLD_QUERY:
        sources = _sources(data, 28, int.from_bytes(data[26:28], "big"), 16) if len(data) >= 28 else ()
        return [("MLDv2" if len(data) >= 28 else "MLDv1", "query", group, None, sources)]
    return [("MLDv1", "join" if data[0] == _MLD_REPORT else "leave", group, None, ())] if group else []


class Memberships:
    """The memberships of one capture, in its order."""

    def __init__(self) -> None:
        self._found: list[Membership] = []
        self.left_out = 0
        """Messages that came after the limit was reached."""

    def add(self, block: MembershipBlock, packets: Packets, direction: Int64s) -> None:
        """Take the packets of a batch, while its block still holds them.

        `direction` is that of each packet in its flow; -1: it is a copy, which counts no second time.
        """
        transport = packets.transport[: packets.count]
        rows = np.flatnonzero(((transport == IGMP) | (transport == ICMPV6)) & (direction[: packets.count] >= 0))
        data = memoryview(block.data).cast("B")
        for row in rows.tolist():
            if packets.status[row] != Status.DECODED:
                continue
            at, size = int(packets.payload_at[row]), int(packets.payload_bytes[row])
            read = read_igmp if packets.transport[row] == IGMP else read_mld
            said = read(bytes(data[at : at + min(size, 9000)]))
            if not said:
                continue
            if len(self._found) >= MAX_MEMBERSHIPS:
                self.left_out += 1
                continue
            record = int(packets.record[row])
            host = address_text(int(packets.src_hi[row]), int(packets.src_lo[row]))
            ns, frame = int(block.ts_ns[record]), block.first_frame + record
            mac, vlan = int(packets.src_mac[row]), int(packets.vlan[row])
            for protocol, kind, group, name, sources in said:
                self._found.append(Membership(ns, frame, host, protocol, kind, group, name, sources, mac, vlan))

    def __iter__(self) -> Iterator[Membership]:
        """Yield the memberships in the order of the capture."""
        return iter(self._found)
