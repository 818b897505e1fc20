import struct

import pytest

from iptvforensics.packets import Note, Status


def ipv4(body, protocol):
    fields = (0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
    return struct.pack(">BBHHHBBH4s4s", *fields) + body


def tcp(body=b"hello", *, offset=5, flags=0x18, options=b""):
    return (
        struct.pack(">HHIIHHHH", 443, 50000, 0xFFFFFFF0, 0x80000001, offset << 12 | flags, 65535, 0, 0) + options + body
    )


def udp(body=b"hello", *, size=None):
    return struct.pack(">HHHH", 53, 5353, 8 + len(body) if size is None else size, 0) + body


def test_tcp_fields(decode, kernel_speed):
    ethernet = bytes(12) + b"\x08\0"
    frames = [ipv4(tcp(flags=0x1FF), 6), ethernet + ipv4(tcp(flags=0x1FF), 6)]
    for row in decode(frames, [101, 1]).rows:
        assert (row["src_port"], row["dst_port"]) == (443, 50000)
        assert (row["tcp_seq"], row["tcp_ack"]) == (0xFFFFFFF0, 0x80000001)
        assert (row["tcp_flags"], row["tcp_window"]) == (0x1FF, 65535)
        assert row["payload"] == b"hello"


@pytest.mark.parametrize("words", [1, 3, 10])
def test_tcp_options_are_no_payload(decode, words):
    (row,) = decode([ipv4(tcp(offset=5 + words, options=b"\1" * 4 * words), 6)], 101).rows
    assert row["payload"] == b"hello"


@pytest.mark.parametrize("offset", [0, 4, 15])
def test_tcp_header_lengths_that_cannot_be(decode, offset):
    ethernet = bytes(12) + b"\x08\0"
    for row in decode([ipv4(tcp(offset=offset), 6), ethernet + ipv4(tcp(offset=offset), 6)], [101, 1]).rows:
        assert row["status"] == Status.MALFORMED_TRANSPORT
        assert (row["src_port"], row["dst_port"]) == (443, 50000)


@pytest.mark.parametrize(
    ("kept", "ports"), [(0, (0, 0)), (3, (0, 0)), (4, (443, 50000)), (19, (443, 50000))], ids=lambda v: str(v)
)
def test_tcp_header_cut_by_the_snaplen(decode, kept, ports):
    packet = ipv4(tcp(), 6)
    (row,) = decode([(packet[: 20 + kept], len(packet))], 101).rows
    assert (row["status"], (row["src_port"], row["dst_port"])) == (Status.CUT_SHORT, ports)
    assert (row["src"], row["transport"]) == ("192.0.2.1", 6)


def test_tcp_options_cut_by_the_snaplen_still_count(decode):
    packet = ipv4(tcp(b"x" * 1000, offset=8, options=b"\1" * 12), 6)
    (row,) = decode([(packet[:42], len(packet))], 101).rows
    assert (row["status"], row["payload_bytes"], row["payload_wire_bytes"]) == (0, 0, 1000)
    assert row["tcp_seq"] == 0xFFFFFFF0


def test_a_tcp_header_that_the_ip_length_ends(decode):
    (row,) = decode([ipv4(tcp()[:19], 6)], 101).rows
    assert row["status"] == Status.MALFORMED_TRANSPORT


@pytest.mark.parametrize(
    ("size", "payload", "notes"),
    [(None, b"hello", 0), (10, b"he", 0), (8, b"", 0), (0, b"hello", 0), (400, b"hello", Note.UDP_BEYOND_IP)],
    ids=["true", "smaller", "empty", "zero", "larger"],
)
def test_udp_length_or_ip_length_the_smaller(decode, size, payload, notes):
    (row,) = decode([ipv4(udp(size=size), 17)], 101).rows
    assert (row["status"], row["payload"], row["payload_wire_bytes"]) == (0, payload, len(payload))
    assert row["notes"] == notes


@pytest.mark.parametrize("size", [1, 7])
def test_udp_lengths_that_cannot_be(decode, size):
    assert decode([ipv4(udp(size=size), 17)], 101).rows[0]["status"] == Status.MALFORMED_TRANSPORT


def test_udp_header_cut_by_the_snaplen(decode):
    packet = ipv4(udp(), 17)
    (row,) = decode([(packet[:26], len(packet))], 101).rows
    assert (row["status"], row["src_port"], row["dst_port"]) == (Status.CUT_SHORT, 53, 5353)


@pytest.mark.parametrize(("protocol", "header"), [(132, 12), (33, 12), (136, 8)], ids=["sctp", "dccp", "udp-lite"])
def test_other_protocols_with_ports(decode, protocol, header):
    body = struct.pack(">HH", 9, 10) + bytes(header - 4) + b"hello"
    rows = decode([ipv4(body, protocol), ipv4(body[: header - 1], protocol)], 101).rows
    assert (rows[0]["src_port"], rows[0]["dst_port"], rows[0]["payload"]) == (9, 10, b"hello")
    assert rows[1]["status"] == Status.MALFORMED_TRANSPORT


@pytest.mark.parametrize("protocol", [1, 2, 58, 89, 255])
def test_protocols_without_ports_are_all_payload(decode, protocol):
    (row,) = decode([ipv4(b"\x08\0abcdef", protocol)], 101).rows
    assert (row["status"], row["transport"], row["payload"]) == (0, protocol, b"\x08\0abcdef")
    assert (row["src_port"], row["dst_port"]) == (0, 0)
