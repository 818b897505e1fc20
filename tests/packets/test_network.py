import struct

import pytest

from iptvforensics.packets import Note, Status

UDP = struct.pack(">HHHH", 1000, 2000, 13, 0) + b"hello"
TCP = struct.pack(">HHIIBBHHH", 1000, 2000, 1, 2, 0x50, 0x18, 500, 0, 0) + b"hello"
S6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\1"
D6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\2"
ETHERNET = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"


def ipv4(body=UDP, protocol=17, *, options=b"", total=None, where=0, ttl=64, first=None):
    header = 20 + len(options)
    total = header + len(body) if total is None else total
    first = 0x40 | header // 4 if first is None else first
    fields = (first, 0, total, 0xABCD, where, ttl, protocol, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
    return struct.pack(">BBHHHBBH4s4s", *fields) + options + body


def ipv6(body=UDP, kind=17, *, size=None):
    return struct.pack(">IHBB", 6 << 28, len(body) if size is None else size, kind, 63) + S6 + D6 + body


def extension(following, extra=0):
    return bytes([following, extra]) + bytes(6 + 8 * extra)


WHOLE = {
    "plain": ipv4(),
    "options": ipv4(options=b"\1" * 8),
    "all options": ipv4(options=b"\1" * 40),
    "do not fragment": ipv4(where=0x4000),
    "authentication": ipv4(b"\x11\x04" + bytes(22) + UDP, 51),
    "ipv6": ipv6(),
    "hop by hop": ipv6(extension(17) + UDP, 0),
    "long destination options": ipv6(extension(17, 3) + UDP, 60),
    "routing and destination": ipv6(extension(60) + extension(17) + UDP, 43),
    "ipv6 authentication": ipv6(b"\x11\x04" + bytes(22) + UDP, 51),
    "mobility": ipv6(extension(17) + UDP, 135),
    "atomic fragment": ipv6(b"\x11\0\0\0\0\0\xbe\xef" + UDP, 44),
}


@pytest.mark.parametrize("name", WHOLE)
def test_the_upper_layer_is_reached(decode, name):
    (row,) = decode([WHOLE[name]], 101).rows
    assert (row["status"], row["transport"], row["payload"]) == (0, 17, b"hello")


def test_all_speeds_agree(decode, kernel_speed):
    rows = decode(list(WHOLE.values()), 101).rows
    assert [row["payload"] for row in rows] == [b"hello"] * len(WHOLE)
    assert rows[5]["src"] == "2001:db8::1"


def test_identification_and_ttl(decode):
    rows = decode([ipv4(ttl=0), ipv6(), WHOLE["atomic fragment"]], 101).rows
    assert [(row["ip_id"], row["ttl"]) for row in rows] == [(0xABCD, 0), (-1, 63), (0xBEEF, 63)]


REASONS = {
    "header length of 16": (ipv4(first=0x44), Status.MALFORMED_IPV4),
    "total below the header": (ipv4(total=19), Status.MALFORMED_IPV4),
    "total below the options": (ipv4(options=bytes(8), total=24), Status.MALFORMED_IPV4),
    "nineteen bytes": (ipv4()[:19], Status.MALFORMED_IPV4),
    "version 5": (ipv4(first=0x55), Status.NOT_IP),
    "nothing": (b"", Status.NOT_IP),
    "thirty-nine bytes": (ipv6()[:39], Status.MALFORMED_IPV6),
    "extension beyond the packet": (ipv6(extension(17, 200)[:8] + UDP, 0), Status.MALFORMED_IPV6),
    "extension of two bytes": (ipv6(b"\x11\0", 60), Status.MALFORMED_IPV6),
    "forty extension headers": (ipv6(extension(60) * 40 + UDP, 60), Status.MALFORMED_IPV6),
    "encrypted": (ipv4(bytes(40), 50), Status.ESP),
    "encrypted ipv6": (ipv6(bytes(40), 50), Status.ESP),
}


@pytest.mark.parametrize("name", REASONS)
def test_the_reason_is_told(decode, name):
    packet, reason = REASONS[name]
    assert decode([packet], 101).rows[0]["status"] == reason


def test_ethertype_and_version_disagree(decode):
    rows = decode([ETHERNET + b"\x08\0" + ipv6(), ETHERNET + b"\x86\xdd" + ipv4() + bytes(40)]).rows
    assert [row["status"] for row in rows] == [Status.MALFORMED_IPV4, Status.MALFORMED_IPV6]


def test_encrypted_rows_have_addresses(decode):
    (row,) = decode([ipv4(bytes(40), 50)], 101).rows
    assert (row["src"], row["dst"], row["transport"], row["payload_bytes"]) == ("192.0.2.1", "192.0.2.2", 50, 40)


def test_no_next_header(decode):
    (row,) = decode([ipv6(b"", 59)], 101).rows
    assert (row["status"], row["transport"], row["payload_bytes"]) == (0, 59, 0)


@pytest.mark.parametrize("trailer", [1, 4, 18, 40])
def test_trailers_are_no_payload(decode, trailer):
    frames = [
        ETHERNET + b"\x08\0" + ipv4(TCP, 6) + b"T" * trailer,
        ETHERNET + b"\x86\xdd" + ipv6(TCP, 6) + b"T" * trailer,
    ]
    assert [row["payload"] for row in decode(frames).rows] == [b"hello"] * 2


def test_padding_alone_is_no_payload(decode):
    frame = ETHERNET + b"\x08\0" + ipv4(TCP[:20], 6)
    (row,) = decode([frame + bytes(60 - len(frame))]).rows
    assert (row["status"], row["payload_bytes"], row["payload_wire_bytes"], row["notes"]) == (0, 0, 0, 0)


@pytest.mark.parametrize("size", [5, 3000, 100_000], ids=["small", "two frames", "over 64 KiB"])
def test_length_zero_takes_the_length_of_the_frame(decode, kernel_speed, size):
    body = TCP[:20] + b"x" * size
    frames = [
        ETHERNET + b"\x08\0" + ipv4(body, 6, total=0),
        ETHERNET + b"\x86\xdd" + ipv6(body, 6, size=0),
        ETHERNET + b"\x86\xdd" + ipv6(b"\x06\0\xc2\x04" + struct.pack(">I", len(body) + 8) + body, 0, size=0),
    ]
    decoded = decode(frames)
    assert [row["payload_bytes"] for row in decoded.rows] == [size] * 3
    assert [row["payload_wire_bytes"] for row in decoded.rows] == [size] * 3
    assert decoded.anomalies == {"IP_length_zero_repaired": 3}


def test_a_frame_cut_by_the_snaplen(decode, kernel_speed):
    frames = []
    for link in (ETHERNET + b"\x08\0" + ipv4(TCP[:20] + b"x" * 1460, 6), ETHERNET + b"\x86\xdd" + ipv6(UDP, 17)):
        frames.append((link[: len(link) - 3], len(link)))
    decoded = decode([*frames, (frames[0][0][:54], 1514)])
    assert [row["payload_bytes"] for row in decoded.rows] == [1457, 2, 0]
    assert [row["payload_wire_bytes"] for row in decoded.rows] == [1460, 5, 1460]
    assert decoded.anomalies == {"IP_snaplen_cut": 3}
    assert all(row["notes"] == Note.SNAPLEN_CUT for row in decoded.rows)


def test_a_length_beyond_the_frame(decode):
    decoded = decode([ipv4(TCP, 6, total=1000)], 101)
    (row,) = decoded.rows
    assert (row["payload"], row["payload_wire_bytes"], row["notes"]) == (b"hello", 960, Note.BEYOND_FRAME)
    assert decoded.anomalies == {"IP_length_beyond_frame": 1}


def test_more_captured_than_was_on_the_wire(decode):
    packet = ipv4(TCP, 6)
    (row,) = decode([(packet, 20)], 101).rows
    assert (row["payload"], row["payload_wire_bytes"]) == (b"hello", 5)


def test_options_cut_by_the_snaplen(decode):
    packet = ipv4(options=b"\1" * 8)
    (row,) = decode([(packet[:24], len(packet))], 101).rows
    assert (row["status"], row["src"]) == (Status.CUT_SHORT, "192.0.2.1")
