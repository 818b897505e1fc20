import struct

import pytest

from iptvforensics.packets import Note, Status, Tunnel

MACS = b"\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b"
S6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\1"
D6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\2"


def udp(body, port=2000, source=1000):
    return struct.pack(">HHHH", source, port, 8 + len(body), 0) + body


def ipv4(body, protocol=17, net=b"\xc6\x33\x64"):
    fields = (0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0, net + b"\1", net + b"\2")
    return struct.pack(">BBHHHBBH4s4s", *fields) + body


def ipv6(body, kind=17):
    return struct.pack(">IHBB", 6 << 28, len(body), kind, 64) + S6 + D6 + body


def gre(kind, body, flags=0, extra=b""):
    return ipv4(struct.pack(">HH", flags, kind) + extra + body, 47)


IN4 = ipv4(udp(b"hello" * 9), net=b"\xc0\0\2")
IN6 = ipv6(udp(b"hello" * 9))
ETH4 = MACS + b"\x08\0" + IN4
ETH6 = MACS + b"\x86\xdd" + IN6
VXLAN = b"\x08\0\0\0\0\0\x07\0"
GENEVE = b"\x02\0\x65\x58\0\0\x07\0" + bytes(8)
GTPU = b"\x30\xff" + struct.pack(">HI", len(IN4), 7)
GTPU_EXTENDED = b"\x36\xff" + struct.pack(">HI", len(IN4) + 8, 7) + b"\0\1\0\x85" + b"\1\0\0\0"
L2TP = struct.pack(">HHHH", 0x4002, 8 + 4 + len(IN4), 1, 2)
WLAN_HEADER = b"\x08\1\0\0" + b"\2\0\0\0\0\1" * 3 + bytes(2)
CARRIED = {
    "ip in ip": (ipv4(IN4, 4), Tunnel.IP_IN_IP),
    "ipv6 in ip": (ipv4(IN6, 41), Tunnel.IP_IN_IP),
    "ip in ipv6": (ipv6(IN4, 4), Tunnel.IP_IN_IP),
    "gre": (gre(0x0800, IN4), Tunnel.GRE),
    "gre ipv6": (gre(0x86DD, IN6), Tunnel.GRE),
    "gre with checksum, key and number": (gre(0x0800, IN4, 0xB000, bytes(12)), Tunnel.GRE),
    "gre ethernet": (gre(0x6558, ETH4, 0x2000, bytes(4)), Tunnel.GRE),
    "gre pptp": (gre(0x880B, b"\xff\x03\0\x21" + IN4, 0x3081, struct.pack(">HHII", len(IN4) + 4, 7, 1, 1)), Tunnel.GRE),
    "gre mpls": (gre(0x8847, struct.pack(">I", 16 << 12 | 0x140) + IN4), Tunnel.GRE | Tunnel.MPLS),
    "gre wccp": (gre(0x883E, bytes(4) + IN4), Tunnel.GRE),
    "gre wccp version 1": (gre(0x883E, IN4), Tunnel.GRE),
    "erspan 1": (gre(0x88BE, ETH4), Tunnel.GRE | Tunnel.ERSPAN),
    "erspan 2": (gre(0x88BE, b"\x10\7" + bytes(6) + ETH6, 0x1000, bytes(4)), Tunnel.GRE | Tunnel.ERSPAN),
    "erspan 3": (gre(0x22EB, b"\x20\7" + bytes(10) + ETH4, 0x1000, bytes(4)), Tunnel.GRE | Tunnel.ERSPAN),
    "erspan 3 platform": (gre(0x22EB, b"\x20\7" + bytes(9) + b"\1" + bytes(8) + ETH4, 0x1000, bytes(4)), Tunnel(3)),
    "etherip": (ipv4(b"\x30\0" + ETH4, 97), Tunnel.ETHERIP),
    "mpls in ip": (ipv4(struct.pack(">I", 16 << 12 | 0x140) + IN4, 137), Tunnel.MPLS),
    "vxlan": (ipv4(udp(VXLAN + ETH4, 4789)), Tunnel.VXLAN),
    "vxlan old port": (ipv4(udp(VXLAN + ETH6, 8472)), Tunnel.VXLAN),
    "vxlan with policy": (ipv4(udp(b"\x88\0\0\7\0\0\7\0" + ETH4, 4789)), Tunnel.VXLAN),
    "vxlan of mpls": (
        ipv4(udp(VXLAN + MACS + b"\x88\x47\0\0\x10\x40\0\0\x21\x40" + IN4, 4789)),
        Tunnel.VXLAN | Tunnel.MPLS,
    ),
    "vxlan odd port": (ipv4(udp(VXLAN + ETH4, 12345)), Tunnel.VXLAN),
    "vxlan in ipv6": (ipv6(udp(VXLAN + MACS + b"\x81\0\0\7\x08\0" + IN4, 4789)), Tunnel.VXLAN),
    "geneve": (ipv4(udp(GENEVE + ETH4, 6081)), Tunnel.GENEVE),
    "geneve ip": (ipv4(udp(b"\0\0\x08\0\0\0\7\0" + IN4, 6081)), Tunnel.GENEVE),
    "gtp-u": (ipv4(udp(GTPU + IN4, 2152, 2152)), Tunnel.GTPU),
    "gtp-u with extension": (ipv4(udp(GTPU_EXTENDED[:12] + b"\1\0\0\0" + IN4, 2152)), Tunnel.GTPU),
    "teredo": (ipv4(udp(IN6, 3544)), Tunnel.TEREDO),
    "teredo with origin": (ipv4(udp(bytes(8) + IN6, 40000, 3544)), Tunnel.TEREDO),
    "teredo with authentication": (ipv4(udp(b"\0\1\0\0" + bytes(9) + bytes(8) + IN6, 3544)), Tunnel.TEREDO),
    "teredo with a trailer": (
        ipv4(udp(IN6[:8] + b"\x20\1\0\0" + bytes(11) + b"\1" + IN6[24:] + b"\4\4\0\0\0\0", 3544)),
        Tunnel.TEREDO,
    ),
    "l2tp": (ipv4(udp(L2TP + b"\xff\x03\0\x21" + IN4, 1701, 1701)), Tunnel.L2TP),
    "l2tp short": (ipv4(udp(struct.pack(">HHH", 2, 1, 2) + b"\x21" + IN4, 1701)), Tunnel.L2TP),
    "vxlan with next protocol": (ipv4(udp(b"\x0c\0\0\3\0\0\7\0" + ETH4, 4790)), Tunnel.VXLAN),
    "gre in udp": (ipv4(udp(b"\x20\0\x86\xdd" + bytes(4) + IN6, 4754)), Tunnel.GRE),
    "mpls in udp": (ipv4(udp(struct.pack(">II", 16 << 12 | 64, 17 << 12 | 0x140) + IN4, 6635)), Tunnel.MPLS),
    "802.11 in gre": (gre(0x8200, WLAN_HEADER + b"\xaa\xaa\x03\0\0\0\x08\0" + IN4), Tunnel.GRE),
    "vxlan in gre": (gre(0x0800, ipv4(udp(VXLAN + ETH4, 4789))), Tunnel.GRE | Tunnel.VXLAN),
}


@pytest.mark.parametrize("name", CARRIED)
def test_the_innermost_packet_is_the_row(decode, name):
    packet, tunnel = CARRIED[name]
    (row,) = decode([packet], 101).rows
    assert row["status"] == 0
    assert row["src"] in ("192.0.2.1", "2001:db8::1", "2001::1")
    assert row["dst"] in ("192.0.2.2", "2001:db8::2")
    assert (row["src_port"], row["dst_port"], row["payload"]) == (1000, 2000, b"hello" * 9)
    assert row["tunnel"] == tunnel
    assert row["notes"] == 0


def test_all_speeds_agree(decode, kernel_speed):
    rows = decode([packet for packet, _ in CARRIED.values()], 101).rows
    assert [row["payload"] for row in rows] == [b"hello" * 9] * len(CARRIED)


def test_inner_hardware_addresses_and_outer_vlan(decode):
    frame = bytes(12) + b"\x81\0\0\x05\x08\0" + ipv4(udp(VXLAN + MACS + b"\x81\0\0\7\x08\0" + IN4, 4789))
    (row,) = decode([frame]).rows
    assert (row["src_mac"], row["dst_mac"], row["vlan"]) == (0x02000000000B, 0x02000000000A, 5)


ARP = MACS + b"\x08\x06" + bytes(46)
NOT_ENTERED = {
    "vxlan with arp": (VXLAN + ARP, 4789),
    "vxlan without its flag": (b"\0" + VXLAN[1:] + ETH4, 4789),
    "vxlan odd port, reserved bits set": (VXLAN[:3] + b"\1" + VXLAN[4:] + ETH4, 12345),
    "vxlan odd port, trailing byte": (VXLAN + ETH4 + b"\0", 12345),
    "vxlan odd port, byte missing": (VXLAN + ETH4[:-1], 12345),
    "vxlan, last byte set": (VXLAN[:7] + b"\1" + ETH4, 4789),
    "geneve version 1": (b"\x42" + GENEVE[1:] + ETH4, 6081),
    "geneve odd port": (GENEVE + ETH4, 6082),
    "geneve unknown protocol": (GENEVE[:2] + b"\x12\x34" + GENEVE[4:] + ETH4, 6081),
    "gtp-u odd port": (GTPU + IN4, 2153),
    "gtp-u echo": (b"\x32\x01" + GTPU[2:] + bytes(40), 2152),
    "gtp-u wrong length": (GTPU + IN4 + b"\0", 2152),
    "gtp-u extension of no length": (b"\x36\xff" + struct.pack(">HI", 68, 7) + b"\0\1\0\x85" + bytes(64), 2152),
    "teredo too long": (IN6 + b"\0", 3544),
    "teredo with ipv4": (IN4, 3544),
    "gre in udp, version 1": (b"\0\1\x08\0" + IN4, 4754),
    "gre in udp of something else": (b"\0\0\x12\x34" + IN4, 4754),
    "gre in udp, trailing byte": (b"\0\0\x08\0" + IN4 + b"\0", 4754),
    "mpls in udp, labels without end": (bytes(80), 6635),
    "mpls in udp of something else": (struct.pack(">I", 0x140) + bytes(40), 6635),
    "l2tp control": (b"\xc8\x02" + struct.pack(">HHH", 8 + 4 + len(IN4), 1, 2) + b"\xff\x03\0\x21" + IN4, 1701),
    "l2tp wrong length": (struct.pack(">HHHH", 0x4002, 9, 1, 2) + b"\xff\x03\0\x21" + IN4, 1701),
    "l2tp lcp": (L2TP + b"\xff\x03\xc0\x21" + bytes(len(IN4)), 1701),
}


@pytest.mark.parametrize("name", NOT_ENTERED)
def test_a_datagram_stays_a_datagram(decode, name):
    body, port = NOT_ENTERED[name]
    decoded = decode([ipv4(udp(body, port))], 101)
    (row,) = decoded.rows
    assert (row["status"], row["src"], row["dst_port"]) == (0, "198.51.100.1", port)
    assert (row["payload"], row["tunnel"]) == (body, 0)
    assert not decoded.anomalies


UNREADABLE = {
    "gre with arp": gre(0x6558, ARP),
    "gre keepalive": gre(0, b""),
    "gre of an unknown kind": gre(0x1234, bytes(20)),
    "gre version 2": gre(0x0800, IN4, 2),
    "gre routed": gre(0x0800, IN4, 0x4000),
    "gre header ends early": ipv4(b"\0\0\x08", 47),
    "gre with broken ip": gre(0x0800, b"\x41" + IN4[1:]),
    "pptp encrypted": gre(0x880B, b"\xff\x03\0\xfd" + bytes(20), 0x2001, struct.pack(">HH", 24, 7)),
    "etherip of another version": ipv4(b"\x40\0" + ETH4, 97),
    "ip in ip of nothing": ipv4(b"", 4),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_tunnel_leaves_the_packet_that_carries_it(decode, name):
    packet = UNREADABLE[name]
    decoded = decode([packet], 101)
    (row,) = decoded.rows
    assert (row["status"], row["src"], row["transport"]) == (0, "198.51.100.1", packet[9])
    assert (row["payload"], row["tunnel"], row["notes"]) == (packet[20:], 0, Note.CONTENT_UNREAD)
    assert decoded.anomalies == {"TUNNEL_content_unread": 1}


@pytest.mark.parametrize("levels", [7, 8, 60])
def test_depth_is_limited(decode, kernel_speed, levels):
    packet = IN4
    for _ in range(levels):
        packet = ipv4(packet, 4)
    (row,) = decode([packet], 101).rows
    assert row["status"] == (0 if levels < 8 else Status.TUNNEL_TOO_DEEP)


def test_a_cut_inner_header_leaves_the_packet_that_carries_it(decode):
    packet = gre(0x0800, IN4)
    (row,) = decode([(packet[:34], len(packet))], 101).rows
    assert (row["status"], row["transport"], row["payload_bytes"]) == (0, 47, 14)
    assert row["payload_wire_bytes"] == len(packet) - 20


def test_an_a_msdu_in_a_tunnel_keeps_the_tunnel_on_every_row(decode):
    part = bytes(12) + struct.pack(">H", len(IN4) + 8) + b"\xaa\xaa\x03\0\0\0\x08\0" + IN4
    part += bytes(-len(part) % 4)
    air = b"\x88\1" + WLAN_HEADER[2:] + b"\x80\0" + part * 2
    rows = decode([bytes(12) + b"\x81\0\0\5\x08\0" + gre(0x8210, air)]).rows
    assert [(row["sub"], row["tunnel"], row["vlan"]) for row in rows] == [(0, Tunnel.GRE, 5), (1, Tunnel.GRE, 5)]
    assert [row["payload"] for row in rows] == [b"hello" * 9] * 2
