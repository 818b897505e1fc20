import struct

import pytest

from iptvforensics.packets import Status

A1, A2, A3, A4 = (bytes([2, 0, 0, 0, 0, i]) for i in (1, 2, 3, 4))


def number(address: bytes) -> int:
    return int.from_bytes(address, "big")


def llc(body: bytes = b"hello") -> bytes:
    udp = struct.pack(">HHHH", 1000, 2000, 8 + len(body), 0) + body
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
    return b"\xaa\xaa\x03\0\0\0\x08\0" + ip + udp


def wlan(body: bytes, control: int = 0x08, flags: int = 2, *, qos: bytes = b"", sequence: int = 0x10) -> bytes:
    header = bytes([control, flags, 0, 0]) + A1 + A2 + A3 + struct.pack("<H", sequence)
    if flags & 3 == 3:
        header += A4
    return header + qos + body


def subframe(body: bytes, *, last: bool = False) -> bytes:
    content = A3 + A4 + struct.pack(">H", len(body)) + body
    return content if last else content + bytes(-len(content) % 4)


RADIOTAP = b"\0\0\x0c\0\0\0\0\0" + bytes(4)
DATA = {
    "from the access point": (105, wlan(llc())),
    "to the access point": (105, wlan(llc(), flags=1)),
    "between access points": (105, wlan(llc(), flags=3)),
    "ad hoc": (105, wlan(llc(), flags=0)),
    "retry": (105, wlan(llc(), flags=0x0A)),
    "qos": (105, wlan(llc(), 0x88, qos=b"\0\0")),
    "qos with ht control": (105, wlan(llc(), 0x88, flags=0x82, qos=bytes(6))),
    "qos padded to four": (105, wlan(bytes(2) + llc(), 0x88, qos=b"\0\0")),
    "decrypted by the card": (105, wlan(llc(), flags=0x42)),
    "checksum at the end": (105, wlan(llc() + b"\1\2\3\4")),
    "radiotap": (127, RADIOTAP + wlan(llc())),
    "ppi": (192, b"\0\0\x08\0" + struct.pack("<I", 105) + wlan(llc())),
    "ppi around ethernet": (192, b"\0\0\x08\0" + struct.pack("<I", 1) + A1 + A2 + llc()[6:]),
    "prism": (119, struct.pack("<II", 0x44, 144) + bytes(136) + wlan(llc())),
    "prism big-endian": (119, struct.pack(">II", 0x44, 144) + bytes(136) + wlan(llc())),
    "avs under prism": (119, struct.pack(">II", 0x80211001, 64) + bytes(56) + wlan(llc())),
    "pktap": (258, struct.pack("<III", 108, 1, 105) + bytes(96) + wlan(llc())),
    "avs": (163, struct.pack(">II", 0x80211001, 64) + bytes(56) + wlan(llc())),
}


@pytest.mark.parametrize("name", DATA)
def test_data_is_found(decode, name):
    link_type, frame = DATA[name]
    (row,) = decode([frame], link_type).rows
    assert (row["status"], row["src"], row["payload"]) == (0, "192.0.2.1", b"hello")


def test_all_speeds_agree(decode, kernel_speed):
    rows = decode([frame for _, frame in DATA.values()], [link for link, _ in DATA.values()]).rows
    assert [row["payload"] for row in rows] == [b"hello"] * len(DATA)


@pytest.mark.parametrize(
    ("flags", "src", "dst"), [(0, A2, A1), (1, A2, A3), (2, A3, A1), (3, A4, A3)], ids=["none", "to", "from", "both"]
)
def test_addresses_by_ds_bits(decode, flags, src, dst):
    (row,) = decode([wlan(llc(), flags=flags)], 105).rows
    assert (row["src_mac"], row["dst_mac"]) == (number(src), number(dst))


REASONS = {
    "beacon": (wlan(b"", 0x80), Status.WLAN_MANAGEMENT),
    "acknowledgement": (bytes([0xD4, 0]) + bytes(2) + A1, Status.WLAN_CONTROL),
    "null": (wlan(b"", 0x48), Status.WLAN_NO_DATA),
    "qos null": (wlan(b"", 0xC8, qos=b"\0\0"), Status.WLAN_NO_DATA),
    "protected": (wlan(b"\1\2\3\x20" + bytes(60), flags=0x42), Status.WLAN_PROTECTED),
    "protected a-msdu": (wlan(bytes(60), 0x88, flags=0x42, qos=b"\x80\0"), Status.WLAN_PROTECTED),
    "first fragment": (wlan(llc(), flags=6), Status.WLAN_FRAGMENT),
    "last fragment": (wlan(llc(), sequence=0x11), Status.WLAN_FRAGMENT),
    "extension": (wlan(llc(), 0x0C), Status.NOT_IP),
    "nothing": (b"", Status.MALFORMED_LINK),
}


@pytest.mark.parametrize("name", REASONS)
def test_no_data_has_a_reason(decode, name):
    frame, reason = REASONS[name]
    (row,) = decode([frame], 105).rows
    assert row["status"] == reason


def test_a_msdu_gives_a_row_per_subframe(decode, kernel_speed):
    parts = [subframe(llc(b"one")), subframe(llc(b"three")), subframe(llc(b"five"), last=True)]
    frame = wlan(b"".join(parts) + b"\1\2\3\4", 0x88, qos=b"\x80\0")
    rows = decode([wlan(llc()), frame, wlan(llc())], 105).rows
    assert [(row["record"], row["sub"]) for row in rows] == [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0)]
    assert [row["payload"] for row in rows] == [b"hello", b"one", b"three", b"five", b"hello"]
    assert rows[2]["src_mac"] == number(A4)


def test_a_msdu_with_a_subframe_of_something_else(decode):
    frame = wlan(subframe(b"\x42\x42\x03" + bytes(20)) + subframe(llc()), 0x88, qos=b"\x80\0")
    rows = decode([frame], 105).rows
    assert [row["status"] for row in rows] == [Status.NOT_IP, Status.DECODED]


def test_many_subframes_make_the_table_grow(decode, kernel_speed):
    frame = wlan(subframe(llc()) * 3000, 0x88, qos=b"\x80\0")
    rows = decode([frame, wlan(llc())], 105).rows
    assert len(rows) == 3001
    assert [row["sub"] for row in rows[:3000]] == list(range(3000))
    assert all(row["payload"] == b"hello" for row in rows)


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (192, b"\0\0\x08\0" + struct.pack("<I", 192) + bytes(40)),
        (127, b"\0\0\x02\0" + bytes(40)),
        (163, b"\x80\x21\x10\x01\0\0\0\0" + bytes(40)),
        (119, b"\0\0\0\x44\xff\xff\xff\xff" + bytes(40)),
    ],
    ids=["ppi in ppi", "radiotap shorter than itself", "avs of no length", "prism longer than the frame"],
)
def test_capture_headers_that_make_no_sense(decode, link_type, frame):
    assert decode([frame], link_type).rows[0]["status"] == Status.MALFORMED_LINK


def test_ppi_around_an_unknown_link_type(decode):
    frame = b"\0\0\x08\0" + struct.pack("<I", 100000) + bytes(40)
    assert decode([frame], 192).rows[0]["status"] == Status.UNSUPPORTED_LINK_TYPE


@pytest.mark.parametrize("flags", [2, 0x42])
def test_an_aggregate_behind_a_padded_header_is_read(decode, flags):
    frames = subframe(llc(b"one")) + subframe(llc(b"two"), last=True)
    rows = decode([wlan(bytes(2) + frames, 0x88, flags=flags, qos=b"\x80\0")], 105).rows
    assert [(row["status"], row["payload"]) for row in rows] == [(0, b"one"), (0, b"two")]
