"""Which link-layer address sent as which IP address: Ethernet, ARP, tags, tunnels, and the limit of the table."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, GRE, Dot1Q, Ether

from iptvforensics.packets import Neighbours, PacketDecoder, address_text, neighbours

from .conftest import block_of

BOX, ROUTER, OTHER = "02:00:5e:10:01:17", "02:00:5e:00:00:01", "02:00:5e:10:01:18"


def pairs_of(frames, *, interfaces=None, times_s=None, parts=1):
    found = Neighbours()
    decoder = PacketDecoder()
    size = -(-len(frames) // parts)
    for first in range(0, len(frames), size):
        block = block_of(frames[first : first + size], first_frame=first + 1, times_s=times_s)
        block.interface = np.array(interfaces or [0] * block.count, np.int32)
        for packets in decoder.batches(block):
            found.add(block, packets)
    return found


def shown(found):
    return [
        (pair.mac.to_bytes(6, "big").hex(":"), address_text(pair.hi, pair.lo), "ARP" if pair.is_arp else "IP",
         pair.packets, pair.ttl_min, pair.ttl_max, pair.first_frame, pair.last_frame)
        for pair in found
    ]  # fmt: skip


def ip(mac, source, ttl=64, port=80, **more):
    return bytes(Ether(src=mac, dst=ROUTER) / IP(src=source, dst="192.0.2.9", ttl=ttl, **more) / TCP(dport=port) / b"x")


def test_pairs_with_their_first_and_last_frame(kernel_speed):
    frames = [
        ip(BOX, "192.168.1.23"), ip(ROUTER, "203.0.113.7", ttl=55), ip(BOX, "192.168.1.23", ttl=63),
        ip(OTHER, "192.168.1.23"), ip(ROUTER, "203.0.113.7", ttl=54),
        bytes(Ether(src=BOX) / IPv6(src="2001:db8:1::23", dst="2001:db8::1", hlim=255) / UDP(dport=53) / b"y"),
    ]  # fmt: skip
    assert shown(pairs_of(frames)) == [
        (BOX, "192.168.1.23", "IP", 2, 63, 64, 1, 3),
        (ROUTER, "203.0.113.7", "IP", 2, 54, 55, 2, 5),
        (OTHER, "192.168.1.23", "IP", 1, 64, 64, 4, 4),
        (BOX, "2001:db8:1::23", "IP", 1, 255, 255, 6, 6),
    ]


def test_arp_senders_name_themselves(kernel_speed):
    said = {"hwsrc": BOX, "psrc": "192.168.1.23", "pdst": "192.168.1.1"}
    frames = [
        bytes(Ether(src=OTHER) / ARP(op=1, **said)),
        bytes(Ether(src=BOX) / ARP(op=2, **said)),
        bytes(Ether(src=BOX) / ARP(op=1, hwsrc=BOX, psrc="0.0.0.0", pdst="192.168.1.23")),
        bytes(Ether(src=BOX) / ARP(op=1, **said))[:40],
        bytes(Ether(src=BOX) / ARP(op=3, **said)),
        bytes(Ether(src=BOX) / ARP(op=1, hwtype=6, **said)),
        bytes(Ether(src=BOX) / Dot1Q(vlan=7) / ARP(op=1, **said)),
    ]
    found = pairs_of(frames)
    assert shown(found) == [
        (BOX, "192.168.1.23", "ARP", 2, -1, -1, 1, 2),
        (BOX, "192.168.1.23", "ARP", 1, -1, -1, 7, 7),
    ]
    assert [pair.vlan for pair in found] == [-1, 7]


def test_tags_tunnels_and_interfaces_are_told_apart():
    tagged = bytes(Ether(src=BOX) / Dot1Q(vlan=20) / IP(src="192.168.1.23", dst="192.0.2.9") / UDP(dport=9) / b"x")
    inner = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=9) / b"x"
    tunnelled = bytes(Ether(src=ROUTER) / IP(src="192.0.2.1", dst="192.0.2.2") / GRE() / inner)
    plain = ip(BOX, "192.168.1.23")
    found = pairs_of([plain, tagged, tunnelled, plain], interfaces=[0, 0, 0, 1])
    assert [(pair.vlan, pair.tunnel != 0, pair.interface) for pair in found] == [
        (-1, False, 0), (20, False, 0), (-1, True, 0), (-1, False, 1),
    ]  # fmt: skip


def test_frames_without_an_address_give_nothing():
    assert list(pairs_of([bytes(Ether(src=BOX, type=0x88CC) / b"lldp"), ip("00:00:00:00:00:00", "127.0.0.1")])) == []


def test_the_cut_into_blocks_does_not_matter(kernel_speed):
    generator = random.Random(3)
    frames = [
        ip(f"02:00:5e:10:01:{generator.randrange(40):02x}", f"192.168.1.{generator.randrange(40)}") for _ in range(500)
    ]
    times = [0.0] * 500
    whole = sorted((p.mac, p.lo, p.packets, p.first_frame, p.last_frame) for p in pairs_of(frames, times_s=times))
    cut = sorted(
        (p.mac, p.lo, p.packets, p.first_frame, p.last_frame) for p in pairs_of(frames, times_s=times, parts=7)
    )
    assert cut == whole
    assert sum(pair[2] for pair in whole) == 500


@pytest.mark.parametrize("speed", ["plain"])
def test_further_pairs_than_the_table_holds_are_counted(speed, monkeypatch):
    monkeypatch.setattr(neighbours, "MAX_PAIRS", 3)
    frames = [ip(BOX, f"192.168.1.{n}") for n in (1, 2, 3, 4, 1, 5)]
    found = pairs_of(frames)
    assert [pair.packets for pair in found] == [2, 1, 1]
    assert found.left_out == (2, 4)


def test_addresses_that_collide_cost_no_more_than_the_limit(monkeypatch):
    monkeypatch.setattr(neighbours, "pair_slot", lambda *_: 5)
    monkeypatch.setattr(neighbours, "MAX_PROBES", 4)
    found = pairs_of([ip(BOX, f"192.168.1.{n}") for n in range(1, 7)])
    assert len(list(found)) == 4
    assert found.left_out == (2, 5)
