"""IGMP and MLD messages to joins, leaves and queries."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import numpy as np
import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6MLDMultAddrRec,
    ICMPv6MLDone,
    ICMPv6MLQuery,
    ICMPv6MLReport,
    ICMPv6MLReport2,
    IPv6,
)
from scapy.layers.l2 import Ether

from iptvforensics.packets import Memberships, PacketDecoder, memberships
from iptvforensics.packets.memberships import read_igmp, read_mld

from .conftest import block_of

GROUP = IPv4Address("239.10.0.8").packed
SENDER = IPv4Address("192.168.1.70").packed
IGMP2_JOIN = b"\x16\0\0\0" + GROUP


def report3(kind: int, *sources: bytes, auxiliary: int = 0) -> bytes:
    record = bytes((kind, auxiliary, 0, len(sources))) + GROUP + b"".join(sources) + bytes(auxiliary * 4)
    return b"\x22\0\0\0\0\0\0\1" + record


def found_in(frames):
    found = Memberships()
    block = block_of(frames)
    for packets in PacketDecoder().batches(block):
        found.add(block, packets, packets.status * 0)
    return found


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"\x16\0\0\0" + GROUP, [("IGMPv2", "join", "239.10.0.8", None, ())]),
        (b"\x12\0\0\0" + GROUP, [("IGMPv1", "join", "239.10.0.8", None, ())]),
        (b"\x17\0\0\0" + GROUP, [("IGMPv2", "leave", "239.10.0.8", None, ())]),
        (b"\x11\x64\0\0" + bytes(4), [("IGMPv2", "query", None, None, ())]),
        (b"\x11\0\0\0" + bytes(4), [("IGMPv1", "query", None, None, ())]),
        (b"\x11\x64\0\0" + GROUP + b"\2\x7d\0\1" + SENDER,
         [("IGMPv3", "query", "239.10.0.8", None, ("192.168.1.70",))]),
        (report3(4), [("IGMPv3", "join", "239.10.0.8", "to exclude", ())]),
        (report3(3), [("IGMPv3", "leave", "239.10.0.8", "to include", ())]),
        (report3(3, SENDER), [("IGMPv3", "join", "239.10.0.8", "to include", ("192.168.1.70",))]),
        (report3(5, SENDER, auxiliary=2), [("IGMPv3", "join", "239.10.0.8", "allow", ("192.168.1.70",))]),
        (report3(6, SENDER), [("IGMPv3", "change", "239.10.0.8", "block", ("192.168.1.70",))]),
        (report3(9), [("IGMPv3", "change", "239.10.0.8", "type 9", ())]),
        (report3(3, SENDER)[:-2], [("IGMPv3", "leave", "239.10.0.8", "to include", ())]),
        (b"\x22\0\0\0\0\0\xff\xff" + GROUP, []),
        (b"\x16\0\0\0" + bytes(4), []),
        (b"\x99\0\0\0" + GROUP, []),
        (b"\x16\0\0", []),
    ],
)  # fmt: skip
def test_igmp(message: bytes, said: list) -> None:
    assert read_igmp(message) == said


def test_reports_are_read_up_to_a_limit() -> None:
    record = b"\4\0\0\0" + GROUP
    assert len(read_igmp(b"\x22\0\0\0\0\0\xff\xff" + record * 5000)) == memberships.MAX_GROUPS


def test_mld() -> None:
    group = IPv6Address("ff15::8").packed
    assert read_mld(b"\x83\0\0\0\0\0\0\0" + group) == [("MLDv1", "join", "ff15::8", None, ())]
    assert read_mld(b"\x84\0\0\0\0\0\0\0" + group) == [("MLDv1", "leave", "ff15::8", None, ())]
    assert read_mld(b"\x82\0\0\0\0\0\0\0" + bytes(16) + b"\2\x7d\0\0") == [("MLDv2", "query", None, None, ())]
    record = b"\4\0\0\0" + group
    assert read_mld(b"\x8f\0\0\0\0\0\0\1" + record) == [("MLDv2", "join", "ff15::8", "to exclude", ())]
    assert read_mld(b"\x83\0\0\0\0\0\0\0" + group[:4]) == []
    assert read_mld(b"\x80\0\0\0\0\0\0\0") == []


def test_packets_of_a_block() -> None:
    ether = Ether(src="02:00:5e:10:01:47")
    host = IPv6(src="fe80::47", dst="ff02::16", hlim=1)
    frames = [
        bytes(ether / IP(src="192.168.1.71", dst="239.10.0.8", ttl=1, proto=2) / IGMP2_JOIN),
        bytes(ether / host / ICMPv6EchoRequest()),
        bytes(ether / host / ICMPv6MLReport(mladdr="ff15::8")),
        bytes(ether / host / ICMPv6MLDone(mladdr="ff15::8")),
        bytes(ether / host / ICMPv6MLQuery(mladdr="::")),
        bytes(ether / host / ICMPv6MLReport2(records=[ICMPv6MLDMultAddrRec(rtype=4, dst="ff15::9")])),
    ]
    found = [(one.frame_no, one.host, one.protocol, one.kind, one.group) for one in found_in(frames)]
    assert found == [
        (1, "192.168.1.71", "IGMPv2", "join", "239.10.0.8"), (3, "fe80::47", "MLDv1", "join", "ff15::8"),
        (4, "fe80::47", "MLDv1", "leave", "ff15::8"), (5, "fe80::47", "MLDv1", "query", None),
        (6, "fe80::47", "MLDv2", "join", "ff15::9"),
    ]  # fmt: skip
    assert {one.mac for one in found_in(frames)} == {0x02005E100147}


def test_messages_beyond_the_limit_are_counted(monkeypatch) -> None:
    monkeypatch.setattr(memberships, "MAX_MEMBERSHIPS", 2)
    frame = bytes(Ether() / IP(src="192.168.1.71", dst="239.10.0.8", proto=2) / IGMP2_JOIN)
    found = found_in([frame] * 5)
    assert (len(list(found)), found.left_out) == (2, 3)
    assert np.all(np.diff([one.ns for one in found]) > 0)
