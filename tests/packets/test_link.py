"""Each link layer around the same UDP packet."""

import struct

import pytest

from iptvforensics.capture.block import NO_PACKET_LINK
from iptvforensics.packets import Status, Tunnel

MACS = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
SRC_MAC = 0x020000000002


def ipv4(body: bytes = b"hello", src: int = 1, protocol: int = 17) -> bytes:
    udp = struct.pack(">HHHH", 1000, 2000, 8 + len(body), 0) + body
    return (
        struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, protocol, 0, b"\xc0\0\2" + bytes([src]), b"\xc0\0\2\2"
        )
        + udp
    )


def ipv6(body: bytes = b"hello") -> bytes:
    udp = struct.pack(">HHHH", 1000, 2000, 8 + len(body), 0) + body
    address = b"\x20\x01\x0d\xb8" + bytes(11)
    return struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + address + b"\1" + address + b"\2" + udp


V4, V6 = ipv4(), ipv6()
SNAP = b"\xaa\xaa\x03\0\0\0"


def sll(kind: int, body: bytes, hardware: int = 1) -> bytes:
    return struct.pack(">HHH8sH", 0, hardware, 6, b"\2\0\0\0\0\2\0\0", kind) + body


def sll2(kind: int, body: bytes) -> bytes:
    return struct.pack(">HHIHBB8s", kind, 0, 3, 1, 0, 6, b"\2\0\0\0\0\2\0\0") + body


def nflog(body: bytes, order: str) -> bytes:
    prefix = struct.pack(order + "HH", 5, 10) + b"\0" + bytes(3)
    return b"\2\0\0\x05" + prefix + struct.pack(order + "HH", 4 + len(body), 9) + body


def vlans(*ids: int, kind: int = 0x8100) -> bytes:
    return b"".join(struct.pack(">HH", kind, 0x2000 | number) for number in ids)


LLC_V4 = SNAP + b"\x08\0" + V4
MPLS_LABELS = struct.pack(">II", 16 << 12 | 64, 17 << 12 | 0x100 | 64)
CARRIED = {
    "ethernet ipv4": (1, MACS + b"\x08\0" + V4),
    "ethernet ipv6": (1, MACS + b"\x86\xdd" + V6),
    "ethernet padded": (1, MACS + b"\x08\0" + V4 + bytes(30)),
    "vlan": (1, MACS + vlans(7) + b"\x08\0" + V4),
    "vlan stack of eight": (1, MACS + vlans(*range(7, 15)) + b"\x08\0" + V4),
    "vlan 802.1ad": (1, MACS + vlans(7, kind=0x88A8) + vlans(9) + b"\x86\xdd" + V6),
    "vlan 0x9100": (1, MACS + vlans(7, kind=0x9100) + b"\x08\0" + V4),
    "vlan 0x9200": (1, MACS + vlans(7, kind=0x9200) + b"\x08\0" + V4),
    "802.3 snap": (1, MACS + struct.pack(">H", len(LLC_V4)) + LLC_V4),
    "802.3 snap in vlan": (1, MACS + vlans(7) + struct.pack(">H", len(LLC_V4)) + LLC_V4),
    "802.2 ip": (1, MACS + struct.pack(">H", len(V4) + 3) + b"\x06\x06\x03" + V4),
    "jumbo llc": (1, MACS + b"\x88\x70" + LLC_V4),
    "802.1ah": (1, MACS + b"\x88\xe7" + bytes(4) + MACS + b"\x08\0" + V4),
    "mpls": (1, MACS + b"\x88\x47" + MPLS_LABELS + V4),
    "mpls ipv6": (1, MACS + b"\x88\x47" + MPLS_LABELS + V6),
    "mpls pseudowire": (1, MACS + b"\x88\x47" + MPLS_LABELS + MACS + b"\x08\0" + V4),
    "mpls pseudowire, address starts with 4": (
        1,
        MACS + b"\x88\x47" + MPLS_LABELS + b"\x44" + MACS[1:] + b"\x08\0" + V4,
    ),
    "mpls pseudowire with control word": (1, MACS + b"\x88\x48" + MPLS_LABELS + bytes(4) + MACS + b"\x08\0" + V4),
    "mpls pseudowire of pppoe": (
        1,
        MACS
        + b"\x88\x47"
        + MPLS_LABELS
        + MACS
        + b"\x88\x64\x11\0\0\1"
        + struct.pack(">H", len(V4) + 2)
        + b"\0\x21"
        + V4,
    ),
    "ppp with direction": (204, b"\0\xff\x03\0\x21" + V4),
    "pktap": (258, struct.pack("<III", 108, 1, 1) + bytes(96) + MACS + b"\x08\0" + V4),
    "pppoe": (1, MACS + b"\x88\x64\x11\0\0\x01" + struct.pack(">H", len(V4) + 2) + b"\0\x21" + V4 + bytes(9)),
    "pppoe ipv6": (1, MACS + b"\x88\x64\x11\0\0\x01" + struct.pack(">H", len(V6) + 2) + b"\0\x57" + V6),
    "pppoe link type": (51, b"\x11\0\0\x01" + struct.pack(">H", len(V4) + 2) + b"\0\x21" + V4),
    "sll": (113, sll(0x0800, V4)),
    "sll vlan": (113, sll(0x8100, b"\0\x07\x08\0" + V4)),
    "sll vlan kept behind the type": (113, sll(0x0800, b"\x81\0\0\x07\x08\0" + V4)),
    "sll llc": (113, sll(4, LLC_V4)),
    "sll2": (276, sll2(0x86DD, V6)),
    "sll2 vlan kept behind the type": (276, sll2(0x0800, b"\x81\0\0\x07\x08\0" + V4)),
    "raw 12": (12, V4),
    "raw 14": (14, V6),
    "raw 101": (101, V6),
    "ipv4 228": (228, V4),
    "ipv6 229": (229, V6),
    "null little-endian": (0, b"\2\0\0\0" + V4),
    "null big-endian ipv6": (0, b"\0\0\0\x1e" + V6),
    "null that is hdlc": (0, b"\x0f\0\x08\0" + V4),
    "loop": (108, b"\0\0\0\x02" + V4),
    "loop windows ipv6": (108, b"\0\0\0\x17" + V6),
    "ppp": (9, b"\xff\x03\0\x21" + V4),
    "ppp compressed": (9, b"\x21" + V4),
    "ppp ipv6": (50, b"\0\x57" + V6),
    "ppp mpls": (9, b"\xff\x03\x02\x81" + MPLS_LABELS + V4),
    "ppp as hdlc": (50, b"\x0f\0\x08\0" + V4),
    "c-hdlc": (104, b"\x0f\0\x86\xdd" + V6),
    "rfc 1483": (100, LLC_V4),
    "rfc 1483 bridged": (100, b"\xaa\xaa\x03\0\x80\xc2\0\x07\0\0" + MACS + b"\x08\0" + V4),
    "nflog": (239, nflog(V4, "<")),
    "nflog big-endian": (239, nflog(V4, ">")),
}


@pytest.mark.parametrize("name", CARRIED)
def test_the_packet_is_found(decode, name):
    link_type, frame = CARRIED[name]
    (row,) = decode([frame], link_type).rows
    assert row["status"] == 0
    assert (row["src"], row["dst"]) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")]
    assert (row["transport"], row["src_port"], row["dst_port"]) == (17, 1000, 2000)
    assert row["payload"] == b"hello"
    assert row["payload_wire_bytes"] == 5
    assert row["vlan"] == (7 if "vlan" in name else -1)


def test_all_speeds_agree(decode, kernel_speed):
    frames = [frame for _, frame in CARRIED.values()]
    rows = decode(frames, [link for link, _ in CARRIED.values()]).rows
    assert [row["payload"] for row in rows] == [b"hello"] * len(CARRIED)
    assert [row["record"] for row in rows] == list(range(len(CARRIED)))


def test_hardware_addresses(decode):
    (row,) = decode([CARRIED["ethernet ipv4"][1]]).rows
    assert (row["dst_mac"], row["src_mac"]) == (0x020000000001, SRC_MAC)
    (row,) = decode([CARRIED["sll"][1]], 113).rows
    assert (row["dst_mac"], row["src_mac"]) == (-1, SRC_MAC)
    (row,) = decode([V4], 101).rows
    assert (row["dst_mac"], row["src_mac"]) == (-1, -1)


@pytest.mark.parametrize(("name", "tunnel"), [("mpls", Tunnel.MPLS), ("pppoe", Tunnel.PPPOE), ("vlan", Tunnel(0))])
def test_encapsulations_are_named(decode, name, tunnel):
    assert decode([CARRIED[name][1]]).rows[0]["tunnel"] == tunnel


NOTHING = {
    "arp": (1, MACS + b"\x08\x06" + bytes(46), Status.ARP),
    "arp in vlan": (1, MACS + vlans(7) + b"\x08\x06" + bytes(46), Status.ARP),
    "lldp": (1, MACS + b"\x88\xcc" + bytes(46), Status.NOT_IP),
    "spanning tree": (1, MACS + b"\0\x26\x42\x42\x03" + bytes(43), Status.NOT_IP),
    "snap of another maker": (1, MACS + b"\0\x10\xaa\xaa\x03\0\0\x0c\x20\0" + bytes(38), Status.NOT_IP),
    "type between length and EtherType": (1, MACS + b"\x05\xe0" + bytes(46), Status.NOT_IP),
    "nine vlan tags": (1, MACS + vlans(*range(9)) + b"\x08\0" + V4, Status.TUNNEL_TOO_DEEP),
    "endless labels": (1, MACS + b"\x88\x47" + bytes(4 * 40), Status.TUNNEL_TOO_DEEP),
    "pseudowire of something else": (1, MACS + b"\x88\x47" + MPLS_LABELS + b"\x10" + bytes(40), Status.NOT_IP),
    "pppoe discovery": (1, MACS + b"\x88\x64\x11\x09\0\0\0\0" + bytes(40), Status.NOT_IP),
    "pppoe of another version": (1, MACS + b"\x88\x64\x21\0\0\0\0\0" + bytes(40), Status.MALFORMED_LINK),
    "ppp lcp": (9, b"\xff\x03\xc0\x21" + bytes(20), Status.NOT_IP),
    "netlink": (113, sll(0x0800, V4, hardware=824), Status.NOT_IP),
    "appletalk loopback": (0, b"\x10\0\0\0" + bytes(20), Status.NOT_IP),
    "nflog without packet": (239, b"\2\0\0\0" + struct.pack("<HH", 4, 1), Status.NOT_IP),
    "nflog with a length of zero": (239, b"\2\0\0\0" + bytes(8), Status.MALFORMED_LINK),
    "slow serial keepalive": (104, b"\x8f\0\0\x01" + bytes(20), Status.NOT_IP),
    "usb": (189, bytes(64), Status.UNSUPPORTED_LINK_TYPE),
    "link type beyond the table": (70000, V4, Status.UNSUPPORTED_LINK_TYPE),
    "negative link type": (-5, V4, Status.UNSUPPORTED_LINK_TYPE),
    "frame that carries no packet": (NO_PACKET_LINK, bytes(40), Status.NO_PACKET),
    "empty frame": (1, b"", Status.MALFORMED_LINK),
}


@pytest.mark.parametrize("name", NOTHING)
def test_the_reason_is_told(decode, name):
    link_type, frame, reason = NOTHING[name]
    decoded = decode([V4, frame], [101, link_type])
    assert decoded.rows[1]["status"] == reason
    assert decoded.rows[1]["src_lo"] == 0
    # What ARP says of addresses is read later from where its row points.
    assert (decoded.rows[1]["payload_bytes"] > 0) == (reason is Status.ARP)
    assert decoded.ledger == {reason.name: 1}
    assert decoded.decoder.ledger[reason.name].first_frame == 2


def test_a_frame_cut_in_its_link_header(decode):
    frame = CARRIED["vlan"][1]
    (row,) = decode([(frame[:15], len(frame))]).rows
    assert row["status"] == Status.CUT_SHORT
    assert row["src_mac"] == SRC_MAC
