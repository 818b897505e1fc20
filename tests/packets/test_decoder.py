"""Blocks in, columns out: fragments inside frames, counts, and what lives across blocks."""

import itertools
import struct

import numpy as np
import pytest

from iptvforensics.packets import Note, PacketDecoder, Status, Tunnel
from iptvforensics.packets.decoder import MAX_ANOMALIES_EACH

MACS = b"\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b"
S6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\1"
D6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\2"


def ipv4(body, protocol=17, *, number=7, offset=0, more=False, net=b"\xc0\0\2"):
    where = offset // 8 | (0x2000 if more else 0)
    return (
        struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), number, where, 64, protocol, 0, net + b"\1", net + b"\2")
        + body
    )


def ipv6(body, kind):
    return struct.pack(">IHBB", 6 << 28, len(body), kind, 64) + S6 + D6 + body


def udp(body):
    return struct.pack(">HHHH", 1000, 2000, 8 + len(body), 0) + body


BODY = bytes(range(250)) * 4
DATAGRAM = udp(BODY)


def cut4(datagram=DATAGRAM, size=400, protocol=17, **options):
    return [
        ipv4(datagram[at : at + size], protocol, offset=at, more=at + size < len(datagram), **options)
        for at in range(0, len(datagram), size)
    ]


def cut6(datagram=DATAGRAM, size=400, before=b""):
    parts = []
    for at in range(0, len(datagram), size):
        more = at + size < len(datagram)
        header = struct.pack(">BBHI", 17, 0, at | more, 0xBEEF)
        parts.append(ipv6(before + header + datagram[at : at + size], 60 if before else 44))
    return parts


SETS = {
    "ipv4": cut4(),
    "ipv6": cut6(),
    "ipv6 behind options": cut6(before=b"\x2c\0" + bytes(6)),
    "in vlan": [MACS + b"\x81\0\0\x07\x08\0" + part for part in cut4()],
    "in gre": [ipv4(b"\0\0\x08\0" + part, 47, net=b"\xc6\x33\x64") for part in cut4()],
    "around gre": cut4(b"\0\0\x08\0" + ipv4(DATAGRAM), protocol=47, net=b"\xc6\x33\x64"),
    "around gre in vlan": [
        MACS + b"\x81\0\0\x07\x08\0" + part for part in cut4(b"\0\0\x08\0" + ipv4(DATAGRAM), protocol=47)
    ],
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_fragments_give_one_packet_in_the_frame_that_completes_it(decode, name, order):
    link_type = 1 if "vlan" in name else 101
    decoded = decode([SETS[name][i] for i in order], link_type)
    assert [row["status"] for row in decoded.rows] == [Status.FRAGMENT_PENDING] * 2 + [0]
    row = decoded.rows[2]
    assert row["src"] == ("2001:db8::1" if "ipv6" in name else "192.0.2.1")
    assert (row["record"], row["src_port"], row["dst_port"], row["transport"]) == (2, 1000, 2000, 17)
    assert row["payload"] == BODY
    assert row["notes"] == Note.REASSEMBLED
    assert row["vlan"] == (7 if "vlan" in name else -1)
    assert row["src_mac"] == (0x02000000000B if "vlan" in name else -1)
    assert row["tunnel"] == (Tunnel.GRE if "gre" in name else 0)
    assert decoded.ledger == {"FRAGMENT_PENDING": 2}
    assert not decoded.anomalies


def test_all_speeds_agree(decode, kernel_speed):
    frames = [part for name in SETS if "vlan" not in name for part in SETS[name]]
    decoded = decode(frames, 101)
    whole = [row for row in decoded.rows if row["status"] == 0]
    # Both IPv6 sets have the same ends and number: the fragments of the second are copies.
    assert [row["payload"] for row in whole] == [BODY] * 4
    assert decoded.ledger == {"FRAGMENT_PENDING": 8, "FRAGMENT_DUPLICATE": 3}


def test_fragments_inside_fragments(decode, kernel_speed):
    inner = cut4(size=600)
    outer = [
        part for i, packet in enumerate(inner) for part in cut4(packet, 400, 4, number=50 + i, net=b"\xc6\x33\x64")
    ]
    decoded = decode(outer[::-1], 101)
    assert [row["payload"] for row in decoded.rows if row["status"] == 0] == [BODY]
    assert decoded.rows[-1]["tunnel"] == Tunnel.IP_IN_IP


def test_interleaved_sets(decode):
    one, two = cut4(number=1), cut4(udp(b"z" * 900), number=2)
    frames = [frame for pair in zip(one, two, strict=True) for frame in pair]
    rows = decode(frames, 101).rows
    assert [row["payload"] for row in rows if row["status"] == 0] == [BODY, b"z" * 900]


def test_a_gap_is_told_at_the_end(decode):
    parts = cut4()
    decoded = decode([parts[0], parts[2]], 101)
    assert [row["status"] for row in decoded.rows] == [Status.FRAGMENT_PENDING] * 2
    assert decoded.anomalies == {"IP_fragment_incomplete": 1}
    assert decoded.decoder.anomalies[0].frame_no == 1
    assert "192.0.2.1 to 192.0.2.2, identification 0x7" in decoded.decoder.anomalies[0].detail


def test_a_gap_is_told_after_sixty_seconds(decode):
    parts = cut4()
    decoded = decode([parts[0], parts[1], cut4(number=8)[0]], 101, times_s=[0, 1, 61], finish=False)
    assert decoded.anomalies == {"IP_fragment_timeout": 1}


def test_overlap_keeps_the_first_bytes(decode):
    parts = cut4()
    other = ipv4(b"\xff" * 400, offset=400, more=True)
    decoded = decode([parts[0], parts[1], other, parts[2]], 101)
    assert decoded.rows[-1]["payload"] == BODY
    assert decoded.anomalies == {"IP_fragment_overlap_differs": 1}
    assert decoded.decoder.anomalies[0].frame_no == 3


def test_duplicates_are_counted(decode):
    parts = cut4()
    decoded = decode([frame for frame in parts for _ in range(2)], 101)
    assert decoded.ledger == {"FRAGMENT_PENDING": 2, "FRAGMENT_DUPLICATE": 3}
    assert [row["payload"] for row in decoded.rows if row["status"] == 0] == [BODY]


def test_fragments_that_the_capture_cut_have_ports_and_their_first_bytes(decode):
    parts = cut4()
    decoded = decode([(part[:100], len(part)) for part in parts], 101)
    row = decoded.rows[-1]
    assert (row["status"], row["dst_port"], row["payload"]) == (0, 2000, BODY[:72])
    assert row["payload_wire_bytes"] == len(BODY)
    assert decoded.anomalies == {"IP_fragment_cut": 3, "IP_snaplen_cut": 1}


def test_a_fragment_that_cannot_be(decode):
    decoded = decode([ipv4(b"", offset=8, more=True)], 101)
    assert decoded.ledger == {"FRAGMENT_MALFORMED": 1}
    assert decoded.anomalies == {"IP_fragment_malformed": 1}


def test_padding_is_not_part_of_a_fragment(decode):
    frames = [MACS + b"\x08\0" + part + bytes(20) for part in cut4()]
    assert decode(frames).rows[2]["payload"] == BODY


def test_fragments_live_across_blocks(make_block, rows_from):
    decoder = PacketDecoder()
    parts = cut4()
    rows = []
    for i, part in enumerate(parts):
        block = make_block([part], 101, first_frame=1 + i)
        rows += rows_from(block, decoder.decode(block))
        block.data[:] = 0xEE  # the buffer is used again
    assert rows[2]["payload"] == BODY
    assert decoder.ledger["FRAGMENT_PENDING"].first_frame == 1


def test_without_room_the_loss_is_told(decode):
    decoded = decode(cut4(), 101, scratch=100)
    assert decoded.rows[2]["status"] == Status.FRAGMENT_NO_ROOM
    assert decoded.anomalies == {"IP_fragment_no_room": 1}


def test_batches_lose_nothing_when_the_room_fills(make_block, rows_from):
    datagrams = [udp(bytes([i]) * 40_000) for i in range(60)]
    frames = [part for i, datagram in enumerate(datagrams) for part in cut4(datagram, 16_000, number=i)]
    block = make_block(frames, 101, scratch=600_000, first_frame=1001)
    decoder = PacketDecoder()
    batches = [rows_from(block, packets) for packets in decoder.batches(block)]
    decoder.finish()
    assert len(batches) > 10
    rows = [row for batch in batches for row in batch]
    assert [row["record"] for row in rows] == list(range(len(frames)))
    assert [row["payload"] for row in rows if row["status"] == 0] == [datagram[8:] for datagram in datagrams]
    assert decoder.ledger["FRAGMENT_PENDING"].count == 120
    assert not decoder.anomalies


def test_an_empty_block_is_one_empty_batch(make_block):
    block = make_block([])
    assert [packets.count for packets in PacketDecoder().batches(block)] == [0]


def test_counts_go_on_over_blocks(make_block):
    decoder = PacketDecoder()
    arp = MACS + b"\x08\x06" + bytes(46)
    for first in (1, 3):
        decoder.decode(make_block([ipv4(udp(b"x")), arp], [101, 1], first_frame=first))
    decoder.decode(make_block([(ipv4(udp(bytes(99)))[:60], 127)] * 3, 101, first_frame=5))
    assert (decoder.ledger["ARP"].count, decoder.ledger["ARP"].first_frame) == (2, 2)
    (cut,) = [anomaly for anomaly in decoder.anomalies if anomaly.name == "IP_snaplen_cut"]
    assert (cut.frame_no, cut.count) == (5, 3)


def test_anomalies_of_one_name_are_limited(decode):
    decoded = decode([cut4(number=i)[0] for i in range(MAX_ANOMALIES_EACH + 20)], 101)
    assert len(decoded.decoder.anomalies) == MAX_ANOMALIES_EACH
    assert decoded.anomalies == {"IP_fragment_incomplete": MAX_ANOMALIES_EACH + 20}


def test_columns_are_used_again(make_block):
    decoder = PacketDecoder()
    first = decoder.decode(make_block([ipv4(udp(b"x"))] * 3, 101))
    column = first.src_lo
    second = decoder.decode(make_block([ipv4(udp(b"x"))], 101))
    assert second is first
    assert second.src_lo is column
    assert second.count == 1
    assert isinstance(second.src_lo, np.ndarray)
