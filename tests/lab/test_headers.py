"""Impairments that rewrite headers: right lengths and checksums, and the same payload."""

import ipaddress
import struct
from collections import Counter
from pathlib import Path

import dpkt
import pytest

from . import frames as lf
from . import headers, impair

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
REWRITING = ("vlan", "qinq", "cooked", "pppoe", "nat", "ipv6", "fragments")


@pytest.fixture(scope="module")
def clean():
    return lf.read(SAMPLES / "hls/redirected.pcap")


def flow_bytes(recording):
    """Captured TCP payload bytes per pair of ports, found by dpkt, with every checksum verified."""
    total, later = Counter(), {}
    for frame in recording.frames:
        found = lf.packet(frame.data, recording.link)
        if found is None:
            continue
        packet = frame.data[found.ip_at : found.end]
        if found.version == 4:
            assert lf.checksum(packet[: found.transport_at - found.ip_at]) == 0
        later.setdefault((found.source, found.destination, packet[4:6] if found.version == 4 else packet[44:48])
                         if is_fragment(found, packet) else object(), []).append((found, packet))  # fmt: skip
    for parts in later.values():
        parts.sort(key=lambda part: part[0].fragment)
        found = parts[0][0]
        body = b"".join(packet[part.transport_at - part.ip_at :] for part, packet in parts)
        if found.transport not in (6, 17):
            continue
        pseudo = found.source + found.destination + struct.pack(">II", len(body), found.transport)
        if found.transport == 6 or body[6:8] != b"\0\0":
            assert lf.checksum(pseudo + body) == 0
        if found.transport == 6:
            segment = dpkt.tcp.TCP(body)
            total[frozenset((segment.sport, segment.dport))] += len(segment.data)
    return sorted(n for n in total.values() if n)


def is_fragment(found, packet):
    return bool(packet[6] & 0x3F or packet[7]) and not packet[6] & 0x40 if found.version == 4 else packet[6] == 44


@pytest.mark.parametrize("how", REWRITING)
@pytest.mark.parametrize("name", ["hls/redirected", "rtmp/publish"])
def test_rewritten_headers_have_right_checksums_and_the_same_payload(how, name):
    recording = lf.read(SAMPLES / f"{name}.pcap")
    assert flow_bytes(impair.impaired(recording, how)) == flow_bytes(recording)


def test_ipv6_fragments_have_right_checksums_and_the_same_payload():
    recording = lf.read(SAMPLES / "hls/ipv6.pcap")
    assert flow_bytes(impair.impaired(recording, "fragments")) == flow_bytes(recording)


def test_fragments_become_ipv6_fragments(clean):
    done = impair.impaired(clean, "fragments+ipv6")
    assert flow_bytes(done) == flow_bytes(clean)
    assert done.facts["fragments"]["fragmented_packets"] > 10


def test_two_boxes_behind_nat_share_an_address_and_no_port():
    recording = lf.read(SAMPLES / "hls/two-boxes.pcap")
    done = impair.impaired(recording, "nat")
    facts = done.facts["nat"]
    assert facts["addresses"] == {"192.168.1.36": headers.PUBLIC, "192.168.1.37": headers.PUBLIC}
    assert len({row[3] for row in facts["ports"]}) == len(facts["ports"]) > 2
    for frame in done.frames:
        found = lf.packet(frame.data)
        assert not {found.source[:2], found.destination[:2]} & {b"\xc0\xa8"}
    assert impair.address_after(done.facts, "192.168.1.36") == headers.PUBLIC


def test_ipv6_is_passed_on_by_the_router():
    recording = lf.read(Path(__file__).parent / "recordings/mixed/mixed-home-1.pcap.zst")
    before = [found for f in recording.frames if (found := lf.packet(f.data)) and found.version == 6]
    done = impair.impaired(recording, "nat")
    macs, networks, hops = set(), set(), set()
    for frame in done.frames:
        found = lf.packet(frame.data)
        macs |= {frame.data[:6], frame.data[6:12]}
        if found.version == 6:
            networks |= {found.source[:8], found.destination[:8]}
            hops |= {frame.data[found.ip_at + 7]} if frame.data[6:12] == headers.ROUTER_MAC else set()
    assert macs == {headers.ROUTER_MAC, headers.PROVIDER_MAC}
    assert networks == {ipaddress.ip_address(ip).packed[:8] for ip in ("2001:db8:1:10::", "2001:db8:ffff::")}
    assert hops == {63}
    assert any(found.destination[0] == 0xFF for found in before)  # what stays in the home was there


def test_other_links_are_refused():
    with pytest.raises(ValueError, match="found link type 113"):
        headers.require_ethernet(lf.Recording([], link=113))


def test_addresses_stay_recognisable_in_ipv6():
    assert str(ipaddress.ip_address(headers.ipv6_of(bytes([192, 0, 2, 80])))) == "2001:db8:64::c000:250"
    assert ipaddress.ip_address(headers.ipv6_of(bytes([239, 10, 0, 7]))).is_multicast


def test_a_datagram_without_checksum_gets_one_in_ipv6():
    """IPv6 forbids UDP without checksum (RFC 8200, section 8.1)."""
    body = struct.pack(">HHHH", 5000, 5004, 12, 0) + b"abcd"
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 32, 1, 0, 64, 17, 0, b"\xc0\xa8\x01\x05", b"\xcb\x00\x71\x09")
    data = bytes(12) + b"\x08\0" + ip + body
    done = impair.impaired(lf.Recording([lf.Frame(0, len(data), data, 1)]), "ipv6").frames[0]
    found = lf.packet(done.data)
    made = done.data[found.transport_at :]
    assert made[6:8] != b"\0\0"
    assert lf.checksum(found.source + found.destination + struct.pack(">II", 12, 17) + made) == 0


def test_frames_cut_short_are_translated_as_far_as_they_go(clean):
    done = impair.impaired(clean, "snaplen+nat+ipv6")
    assert max(len(frame.data) for frame in done.frames) == 220
    assert all(lf.packet(frame.data).version == 6 for frame in done.frames)
