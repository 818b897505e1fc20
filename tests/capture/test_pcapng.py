"""pcapng: sections, interfaces, times, packet blocks, lengths."""

from __future__ import annotations

import io
import struct
import subprocess

import dpkt
import pytest

from iptvforensics.capture.block import NO_PACKET_LINK


@pytest.mark.parametrize("big", [False, True], ids=["little", "big"])
def test_reads_both_byte_orders(write, read, big):
    records = write.records(20)
    reading = read(write.pcapng(records, big=big))
    assert reading.data == [record.data for record in records]
    assert [row.ts_ns for row in reading.rows] == [record.ts_ns for record in records]
    assert reading.capture.format == "pcapng"
    assert reading.anomalies == []


def test_agrees_with_dpkt(write, read):
    content = write.pcapng(write.records(30))
    expected = [(round(ts * 10**6), bytes(data)) for ts, data in dpkt.pcapng.Reader(io.BytesIO(content))]
    assert [(row.ts_ns // 1000, row.data) for row in read(content).rows] == expected


@pytest.mark.parametrize("block_bytes", [40, 1 << 20])
def test_sections_have_their_own_interfaces_and_byte_order(write, read, block_bytes):
    first = (
        write.section() + write.interface(1) + write.interface(113) + write.packet(b"a", 5, 1) + write.packet(b"b", 6)
    )
    second = write.section(big=True) + write.interface(101, big=True) + write.packet(b"c", 7, big=True)
    reading = read(first + second, block_bytes=block_bytes)
    assert [(row.data, row.link_type, row.interface, row.ts_ns) for row in reading.rows] == [
        (b"a", 113, 1, 5000),
        (b"b", 1, 0, 6000),
        (b"c", 101, 2, 7000),
    ]
    assert [interface.link_type for interface in reading.capture.interfaces] == [1, 113, 101]


def test_simple_packets_repeat_the_time_before_and_keep_the_snaplen(write, read):
    simple = write.block(3, struct.pack("<I", 100) + b"0123456789")
    content = write.section() + write.interface(snaplen=10) + write.packet(b"a", 5) + simple + simple
    reading = read(content)
    assert [(row.data, row.wire, row.ts_ns) for row in reading.rows[1:]] == [(b"0123456789", 100, 5000)] * 2
    assert reading.anomalies == [("CAPTURE_frame_without_time", 48 + 36, 2)]


def test_obsolete_packet_blocks_are_frames(write, read):
    content = write.section() + write.interface() + write.packet(b"old", 9, obsolete=True, wire=77)
    row = read(content).rows[0]
    assert (row.data, row.wire, row.ts_ns) == (b"old", 77, 9000)


def test_time_offset_is_added(write, read):
    offset = struct.pack("<q", -3600)
    content = write.section() + write.interface(pairs=[(14, offset)]) + write.packet(b"x", 1_700_000_000 * 10**6)
    assert read(content).rows[0].ts_ns == (1_700_000_000 - 3600) * 10**9


@pytest.mark.parametrize(
    ("resolution", "ticks"), [(12, 1_700_000_000 * 10**12 % 2**64), (19, 2**63 + 5), (0xBF, 2**63 + 5), (9, 2**63 + 7)]
)
def test_times_of_64_bits_are_exact(write, read, resolution, ticks):
    content = write.section() + write.interface(pairs=[(9, bytes([resolution]))]) + write.packet(b"x", ticks)
    unit = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    expected = ticks * 10**9 // unit
    reading = read(content)
    if expected < 2**63:
        assert (reading.rows[0].ts_ns, reading.anomalies) == (expected, [])
    else:
        assert reading.rows[0].ts_ns == 0
        assert reading.anomalies == [("CAPTURE_time_out_of_range", 60, 1)]


def test_time_before_1970_is_kept(write, read):
    content = write.section() + write.interface(pairs=[(14, struct.pack("<q", -100))]) + write.packet(b"x", 0)
    assert read(content).rows[0].ts_ns == -100 * 10**9


def test_frame_comments_carry_the_frame_number(write, read):
    packets = [write.packet(b"x", i, pairs=[(1, f"note {i}".encode())] if i in (3, 4) else []) for i in range(1, 6)]
    reading = read(write.section() + write.interface() + b"".join(packets), block_bytes=70)
    assert reading.capture.metadata == [("frame 3", "comment", "note 3"), ("frame 4", "comment", "note 4")]


def test_more_comments_than_one_walk_notes_are_all_kept(write, read):
    packets = [write.packet(b"", i, pairs=[(1, b"n")]) for i in range(5000)]
    reading = read(write.section() + write.interface() + b"".join(packets))
    assert [entry.where for entry in reading.capture.metadata] == [f"frame {i}" for i in range(1, 5001)]
    assert len(reading.rows) == 5000


def test_drop_counts_are_summed(write, read):
    packets = [write.packet(b"x", i, pairs=[(4, struct.pack("<Q", i))]) for i in (0, 2, 5)]
    reading = read(write.section() + write.interface() + b"".join(packets))
    assert [(a.name, a.count, a.frame_no) for a in reading.capture.anomalies] == [("CAPTURE_frames_lost_before", 7, 2)]


def test_unknown_blocks_are_stepped_over_and_counted(write, read):
    strange = write.block(0x1234, b"whatever") * 3
    content = write.section() + write.interface() + strange + write.packet(b"x", 1)
    reading = read(content)
    assert reading.data == [b"x"]
    assert reading.anomalies == [("CAPTURE_unknown_block", 48, 3)]


OTHERS = {
    "custom": (0xBAD, struct.pack("<I", 32473) + b"content!"),
    "custom without content": (0xBAD, struct.pack("<I", 32473)),
    "custom, not to be copied": (0x40000BAD, struct.pack("<I", 32473) + b"content!"),
    "custom skip of Netflix": (0xBAD, struct.pack("<II", 10949, 2) + bytes(4)),
    "journal": (9, b"__REALTIME_TIMESTAMP=1700000000000000\n"),
    "sysdig": (0x204, bytes(24)),
    "sysdig 2": (0x216, bytes(28)),
    "sysdig 2, large": (0x221, bytes(28)),
}


@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
@pytest.mark.parametrize("name", OTHERS)
def test_blocks_without_packet_have_the_frame_numbers_of_wireshark(write, read, tmp_path, name, block_bytes):
    kind, body = OTHERS[name]
    blocks = [write.section(), write.interface(), write.packet(b"one", 7), write.block(kind, body) * 2]
    content = b"".join([*blocks, write.packet(b"four", 8)])
    path = tmp_path / "others.pcapng"
    path.write_bytes(content)
    shown = subprocess.run(
        ["tshark", "-r", path, "-T", "fields", "-e", "frame.number", "-e", "frame.interface_id"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert [line.split("\t")[0] for line in shown.stdout.splitlines()] == ["1", "2", "3", "4"]
    reading = read(content, block_bytes=block_bytes)
    assert [(row.frame_no, row.link_type, row.interface) for row in reading.rows] == [
        (1, 1, 0),
        (2, NO_PACKET_LINK, -1),
        (3, NO_PACKET_LINK, -1),
        (4, 1, 0),
    ]
    assert reading.data == [b"one", body + bytes(-len(body) % 4), body + bytes(-len(body) % 4), b"four"]
    assert [row.ts_ns for row in reading.rows] == [7000, 7000, 7000, 8000]
    [anomaly] = reading.capture.anomalies
    assert (anomaly.name, anomaly.frame_no, anomaly.count) == ("CAPTURE_frame_without_packet", 2, 2)


@pytest.mark.parametrize(("kind", "size"), [(9, 20), (0x204, 20), (0x216, 24), (0x221, 24), (0x201, 40), (0xBAD, 0)])
def test_blocks_that_wireshark_does_not_number_are_no_frames(write, read, kind, size):
    content = write.section() + write.interface() + write.block(kind, bytes(size)) + write.packet(b"x", 1)
    reading = read(content)
    assert reading.data == [b"x"]
    assert reading.anomalies == [("CAPTURE_unknown_block", 48, 1)]


def test_frames_without_packet_do_not_change_the_time_of_the_capture(write, read):
    journal = write.block(*OTHERS["journal"])
    content = write.section() + write.interface() + journal + write.packet(b"x", 5) + journal
    reading = read(content)
    assert (reading.capture.first_ns, reading.capture.last_ns) == (5000, 5000)
    assert reading.capture.frames == 3
    alone = read(write.section() + journal)
    assert (alone.capture.first_ns, alone.capture.frames) == (None, 1)


def test_custom_block_of_odd_length_is_a_frame_too(write, read):
    custom = bytearray(write.block(0xBAD, struct.pack("<I", 5) + b"12345678"))
    custom[-4:] = bytes(4)
    content = write.section() + write.interface() + bytes(custom) + write.packet(b"x", 1)
    reading = read(content)
    assert [row.link_type for row in reading.rows] == [NO_PACKET_LINK, 1]
    assert [name for name, _, _ in reading.anomalies] == ["CAPTURE_bad_block_length", "CAPTURE_frame_without_packet"]


def test_wrong_length_at_the_end_of_a_block_is_reported(write, read):
    bad = write.packet(b"bad!", 1)
    content = write.section() + write.interface() + bad[:-4] + b"\0\0\0\0" + write.packet(b"good", 2)
    reading = read(content)
    assert reading.data == [b"bad!", b"good"]
    assert reading.anomalies == [("CAPTURE_bad_block_length", 48, 1)]


def test_block_length_that_leaves_out_the_padding_is_understood(write, read):
    body = struct.pack("<5I", 0, 0, 7, 5, 5) + b"12345"
    odd = struct.pack("<II", 6, 37) + body + bytes(3) + struct.pack("<I", 37)
    reading = read(write.section() + write.interface() + odd + write.packet(b"good", 2))
    assert reading.data == [b"12345", b"good"]
    assert reading.anomalies == [("CAPTURE_bad_block_length", 48, 1)]


def test_frames_of_an_interface_that_is_not_described_are_reported(write, read):
    content = write.section() + write.interface() + write.packet(b"lost", 1, 4) + write.packet(b"kept", 2)
    reading = read(content)
    assert reading.data == [b"kept"]
    assert reading.anomalies == [("CAPTURE_unknown_interface", 48, 1)]


def test_captured_length_beyond_its_block_is_reported(write, read):
    packet = bytearray(write.packet(b"lost", 1))
    struct.pack_into("<I", packet, 20, 0xFFFFFFF0)
    reading = read(write.section() + write.interface() + bytes(packet) + write.packet(b"kept", 2))
    assert reading.data == [b"kept"]
    assert reading.anomalies == [("CAPTURE_damaged_record", 48, 1)]


def test_other_major_version_is_read_and_reported(write, read):
    content = bytearray(write.pcapng(write.records(2)))
    content[12] = 3
    reading = read(bytes(content))
    assert len(reading.rows) == 2
    assert reading.anomalies == [("CAPTURE_unknown_version", 0, 1)]
