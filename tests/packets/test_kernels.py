"""What holds for every frame: no read outside, all speeds alike, the short way and the long way alike."""

import os
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics import kernel
from iptvforensics.packets import PacketDecoder, Status, layout
from iptvforensics.packets.columns import COLUMN_NAMES

MACS = b"\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b"
LINK_TYPES = [*layout.LINK_LAYERS, 147]


def tcp_frame(body=b"hello", *, doff=5, options=b"", total=None, first=0x45, where=0x4000, protocol=6, kind=0x0800):
    tcp = struct.pack(">HHIIHHHH", 443, 50000, 1, 2, doff << 12 | 0x18, 500, 0, 0) + options + body
    total = 20 + len(tcp) if total is None else total
    ip = struct.pack(">BBHHHBBH4s4s", first, 0, total, 9, where, 64, protocol, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
    return MACS + struct.pack(">H", kind) + ip + tcp


@pytest.fixture(scope="session")
def samples():
    """Frames of many kinds, built by an independent program."""
    from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import (
        IPv6,
        IPv6ExtHdrDestOpt,
        IPv6ExtHdrFragment,
        IPv6ExtHdrHopByHop,
        IPv6ExtHdrRouting,
    )
    from scapy.layers.l2 import ARP, GRE, LLC, SNAP, Dot1AD, Dot1Q, Dot3, Ether, Loopback
    from scapy.layers.ppp import PPP, PPPoE
    from scapy.layers.vxlan import VXLAN
    from scapy.packet import Raw

    ether = Ether(src="02:00:00:00:00:0b", dst="02:00:00:00:00:0a")
    four = IP(src="192.0.2.1", dst="192.0.2.2")
    six = IPv6(src="2001:db8::1", dst="2001:db8::2")
    tcp = TCP(sport=443, dport=50000, options=[("MSS", 1460), ("Timestamp", (1, 2))]) / Raw(b"hello")
    udp = UDP(sport=53, dport=5353) / Raw(b"hello")
    air = Dot11(type=2, FCfield=2, addr1="02:00:00:00:00:01") / LLC() / SNAP() / four / udp
    return [
        (1, bytes(ether / four / tcp)),
        (1, bytes(ether / six / tcp)),
        (1, bytes(ether / four / udp)),
        (1, bytes(ether / four / ICMP() / Raw(b"x"))),
        (1, bytes(ether / ARP())),
        (1, bytes(ether / Dot1AD(vlan=5) / Dot1Q(vlan=6) / six / udp)),
        (1, bytes(ether / six / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt() / tcp)),
        (1, bytes(ether / six / IPv6ExtHdrFragment(offset=0, m=1, id=7) / UDP(sport=53) / Raw(b"x" * 8))),
        (1, bytes(ether / four / GRE(key_present=1, chksum_present=1) / four / tcp)),
        (1, bytes(ether / four / UDP(dport=4789) / VXLAN(vni=7, flags=8) / ether / six / tcp)),
        (1, bytes(ether / PPPoE(sessionid=1) / PPP() / six / tcp)),
        (1, bytes(Dot3() / LLC() / SNAP() / four / tcp)),
        (0, bytes(Loopback() / four / tcp)),
        (9, bytes(PPP() / four / tcp)),
        (105, bytes(air)),
        (127, bytes(RadioTap() / air)),
        (127, bytes(RadioTap() / Dot11(type=2, subtype=8, FCfield=1) / Dot11QoS() / LLC() / SNAP() / six / tcp)),
    ]


def columns(decoder, block, *, speed):
    kernel.use(speed)
    packets = decoder.decode(block)
    return {name: getattr(packets, name)[: packets.count].copy() for name in COLUMN_NAMES}


def assert_same(one, two, names=COLUMN_NAMES):
    for name in names:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_samples_of_an_independent_program(decode, samples, kernel_speed):
    rows = decode([frame for _, frame in samples], [link for link, _ in samples]).rows
    assert [row["status"] for row in rows].count(0) == len(samples) - 2
    assert (rows[4]["status"], rows[7]["status"]) == (Status.ARP, Status.FRAGMENT_PENDING)
    for row in rows:
        if row["transport"] == 6:
            assert (row["src_port"], row["dst_port"], row["payload"]) == (443, 50000, b"hello")


@pytest.mark.parametrize("speed", ["plain", "compiled", "checked"])
def test_every_truncation_stays_inside(samples, make_block, rows_from, speed):
    """As a snaplen would cut, and as a sender would; each at the very end of the buffer."""
    kernel.use(speed)
    step = 7 if speed == "plain" else 1
    for link, frame in samples:
        frames = [(frame[:n], wire) for n in range(0, len(frame), step) for wire in (len(frame), n)]
        block = make_block(frames, link, scratch=0)
        decoder = PacketDecoder()
        rows = rows_from(block, decoder.decode(block))
        assert len(rows) == len(frames)
        assert {row["status"] for row in rows} & {Status.CUT_SHORT, Status.MALFORMED_LINK, Status.MALFORMED_IPV4}


def test_every_truncation_is_alike_at_all_speeds(samples, make_block):
    frames = [(link, frame[:n], len(frame)) for link, frame in samples for n in range(len(frame))]
    block = make_block([(part, wire) for _, part, wire in frames], [link for link, _, _ in frames])
    results = [columns(PacketDecoder(), block, speed=speed) for speed in ("plain", "compiled")]
    assert_same(*results)


@pytest.mark.parametrize("link_type", LINK_TYPES)
@given(st.lists(st.binary(max_size=120), min_size=1, max_size=8), st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_random_bytes_are_alike_at_all_speeds(make_block, rows_from, link_type, frames, more):
    block = make_block([(frame, len(frame) + more) for frame in frames], link_type)
    decoder = PacketDecoder()
    plain = columns(decoder, block, speed="plain")
    assert len(rows_from(block, decoder._packets)) >= len(frames)
    assert_same(plain, columns(PacketDecoder(), block, speed="compiled"))


def test_mutated_frames_stay_inside(samples, make_block, rows_from):
    """Whole frames with a few bytes changed go deeper than random ones."""
    random = np.random.default_rng(7)
    for speed in ("checked", "compiled"):
        kernel.use(speed)
        frames = []
        for _ in range(200):
            link, frame = samples[random.integers(len(samples))]
            changed = bytearray(frame)
            for at in random.integers(0, len(frame), random.integers(1, 5)):
                changed[at] = random.choice([0, 1, 0x45, 0x60, 0xFF, random.integers(256)])
            frames.append((link, bytes(changed)))
        block = make_block([frame for _, frame in frames], [link for link, _ in frames], scratch=0)
        assert len(rows_from(block, PacketDecoder().decode(block))) >= 200


PLAIN_AND_NEARLY = {
    "plain": tcp_frame(),
    "tcp options": tcp_frame(doff=8, options=b"\1" * 12),
    "padded": tcp_frame(b"").ljust(60, b"\0"),
    "trailer": tcp_frame() + b"\1\2\3\4",
    "no payload": tcp_frame(b""),
    "ip options": tcp_frame(first=0x46),
    "length zero": tcp_frame(total=0),
    "length below the headers": tcp_frame(total=39),
    "length beyond the frame": tcp_frame(total=200),
    "fragment": tcp_frame(where=0x2000),
    "last fragment": tcp_frame(where=0x0001),
    "reserved flag": tcp_frame(where=0x8000),
    "tcp header too short": tcp_frame(doff=4),
    "tcp header beyond the packet": tcp_frame(doff=15),
    "udp": tcp_frame(protocol=17),
    "ipv6": tcp_frame(kind=0x86DD),
}


@pytest.mark.parametrize("name", PLAIN_AND_NEARLY)
def test_the_short_way_gives_what_the_long_way_gives(make_block, name):
    """Inside PPI the same Ethernet frame is decoded layer by layer."""
    frame = PLAIN_AND_NEARLY[name]
    short = columns(PacketDecoder(), make_block([frame]), speed="plain")
    long = columns(PacketDecoder(), make_block([b"\0\0\x08\0\1\0\0\0" + frame], 192), speed="plain")
    long["payload_at"] -= np.where(long["payload_at"] > 0, 8, 0)
    assert_same(short, long)


@pytest.mark.parametrize(
    ("at", "captured"), [(-1, 60), (16, 1 << 40), (1 << 40, 60), (16, -5)], ids=["before", "long", "behind", "negative"]
)
def test_a_record_outside_the_block_is_refused(make_block, kernel_speed, at, captured):
    block = make_block([tcp_frame(), tcp_frame()])
    block.record_at[0] = at
    block.captured_bytes[0] = captured
    packets = PacketDecoder().decode(block)
    assert packets.status[:2].tolist() == [Status.BAD_RECORD, 0]


def test_random_soup_for_a_while(make_block):
    """All link types, bytes that look like headers; the machine code against the readable one."""
    random = np.random.default_rng(int(os.environ.get("SOUP_SEED", "11")))
    pool = np.frombuffer(
        b"\x08\0\x45\0\x81\0\x86\xdd\x60\0\x06\x11\x2f\xaa\xaa\x03\0\x21\x88\x64\x88\x47\x01\xff", np.uint8
    )
    frames = [random.choice(pool, int(random.integers(0, 160))).tobytes() for _ in range(1500)]
    links = [int(random.choice(LINK_TYPES)) for _ in frames]
    block = make_block(frames, links)
    assert_same(*(columns(PacketDecoder(), block, speed=speed) for speed in ("plain", "compiled")))
