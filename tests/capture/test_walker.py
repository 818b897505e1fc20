"""Damage is stepped over and reported; joined files are read on; nothing depends on how the stream is cut."""

from __future__ import annotations

import random
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.errors import CaptureError

BLOCKS = [1, 17, 100, 1 << 20]


def _file(write, kind, records):
    if kind == "pcapng":
        return write.pcapng(records)
    return write.pcap(records, big=kind == "pcap-big", unit=10**9 if kind == "pcap-ns" else 10**6)


KINDS = ["pcap", "pcap-big", "pcap-ns", "pcapng"]


@pytest.mark.parametrize("kind", KINDS)
def test_cut_at_every_byte_keeps_every_whole_frame(write, read, kind):
    records = write.records(3, size=9)
    content = _file(write, kind, records)
    whole = read(content)
    ends = [row.offset + len(row.data) for row in whole.rows]
    if kind == "pcapng":
        ends = [end + -(end - row.offset) % 4 + 4 for end, row in zip(ends, whole.rows, strict=True)]
    begun = 28 if kind == "pcapng" else 24
    for length in range(len(content)):
        if length < begun:
            with pytest.raises(CaptureError):
                read(content[:length])
            continue
        reading = read(content[:length], block_bytes=64)
        kept = sum(end <= length for end in ends)
        assert reading.rows == whole.rows[:kept], f"cut at {length}"
        clean = length in (*ends, begun) or (kind == "pcapng" and length == 48)
        assert [name for name, _, _ in reading.anomalies] == ([] if clean else ["CAPTURE_cut_last_record"])
        assert reading.capture.size_bytes == length


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_record_is_stepped_over(write, read, kind, block_bytes):
    records = write.records(10)
    content = bytearray(_file(write, kind, records))
    whole = read(bytes(content)).rows
    start = whole[4].offset - (28 if kind == "pcapng" else 16)
    content[start : start + 16] = b"\xff" * 16
    reading = read(bytes(content), block_bytes=block_bytes)
    assert reading.data == [row.data for row in whole[:4] + whole[5:]]
    next_start = whole[5].offset - (28 if kind == "pcapng" else 16)
    anomaly = reading.capture.anomalies[0]
    assert (anomaly.name, anomaly.offset, anomaly.frame_no) == ("CAPTURE_damaged_record", start, 5)
    assert anomaly.detail.startswith(f"{next_start - start} bytes")
    assert len(reading.capture.anomalies) == 1


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("hole", [b"\0", b"\xff", b"Z"], ids=["zeros", "ones", "letters"])
def test_hole_in_a_pcap_holds_no_frames(write, read, hole, block_bytes):
    records = write.records(30)
    parts = write.pcap(records[:15]), write.pcap(records[15:])[24:]
    reading = read(parts[0] + hole * 3001 + parts[1], block_bytes=block_bytes)
    assert reading.data == [record.data for record in records]
    assert reading.anomalies == [("CAPTURE_damaged_record", len(parts[0]), 1)]


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("garbage", [b"\xff" * 7, b"garbage", bytes(3), b"Z" * 24], ids=str)
def test_garbage_behind_every_record_hides_none(write, read, garbage, block_bytes):
    records = write.records(30)
    file, places = write.pcap([]), []
    for record in records:
        file += write.pcap_record(record)
        places.append(len(file))
        file += garbage
    reading = read(file, block_bytes=block_bytes)
    assert reading.data == [record.data for record in records]
    assert [offset for _, offset, _ in reading.anomalies] == places


def test_one_record_behind_damage_is_believed_only_if_it_is_near_and_whole(write, read):
    first, odd = write.records(1)[0], b"\xff" * 20
    for later_s, cut, frames in ((30, 0, 2), (90, 0, 1), (30, 1, 1)):
        ts_ns = first.ts_ns + later_s * 10**9
        record = type(first)(b"later", ts_ns, 5 + cut)
        content = write.pcap([first]) + odd + write.pcap_record(record) + odd
        assert len(read(content).rows) == frames


def test_damage_to_the_end_is_reported_once(write, read):
    content = write.pcap(write.records(5))
    reading = read(content + b"\0" * 5000, block_bytes=300)
    assert len(reading.rows) == 5
    assert reading.anomalies == [("CAPTURE_damaged_record", len(content), 1)]


def test_captured_length_that_points_beyond_the_file_does_not_hide_later_frames(write, read):
    records = write.records(10)
    content = bytearray(write.pcap(records))
    at = read(bytes(content)).rows[2].offset - 8
    struct.pack_into("<I", content, at, 200_000)
    for block_bytes in BLOCKS:
        reading = read(bytes(content), block_bytes=block_bytes)
        assert reading.data == [record.data for record in records[:2] + records[3:]]
        assert [name for name, _, _ in reading.anomalies] == ["CAPTURE_damaged_record"]


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_joined_files_are_read_on(write, read, first, second, block_bytes):
    records = write.records(9)
    head, tail = _file(write, first, records[:5]), _file(write, second, records[5:])
    reading = read(head + tail, block_bytes=block_bytes)
    assert reading.data == [record.data for record in records]
    assert [row.frame_no for row in reading.rows] == list(range(1, 10))
    assert [row.ts_ns for row in reading.rows] == [record.ts_ns for record in records]
    assert [row.interface for row in reading.rows] == [0] * 5 + [1] * 4
    # A second section is what pcapng is made for; everything else was joined by somebody.
    expected = [] if first == second == "pcapng" else [("CAPTURE_joined_file", len(head), 1)]
    assert reading.anomalies == expected


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("cut", [1, 7, 20, 59, 65, 70, 80])
def test_file_joined_to_a_cut_one_is_found(write, read, cut, block_bytes):
    records = write.records(16)
    head, tail = write.pcap(records[:8])[:-cut], write.pcap(records[8:], big=True)
    reading = read(head + tail, block_bytes=block_bytes)
    assert reading.data[-8:] == [record.data for record in records[8:]]
    whole = 7 if cut < 76 else 6
    assert reading.data[:whole] == [record.data for record in records[:whole]]
    assert len(reading.rows) == whole + 8
    names = [name for name, _, _ in reading.anomalies]
    assert names[-1] == "CAPTURE_joined_file"
    assert names[0] in ("CAPTURE_cut_last_record", "CAPTURE_damaged_record")


def test_capture_file_carried_inside_a_frame_is_no_joined_file(write, read):
    inner = write.pcap(write.records(4))
    records = [record._replace(data=b"head" + inner + b"tail") for record in write.records(6)]
    reading = read(write.pcap(records))
    assert reading.data == [record.data for record in records]
    assert reading.anomalies == []


def test_not_a_capture_is_refused_with_what_was_found(read):
    with pytest.raises(CaptureError, match=r"pcap or pcapng file was expected, found bytes 50 4b"):
        read(b"PK\3\4" + bytes(100))


@pytest.mark.parametrize("content", [b"\xd4\xc3\xb2\xa1", b"\n\r\r\n" + bytes(8), b"\n\r\r\n" + bytes(40)], ids=repr)
def test_cut_or_false_file_header_is_refused(read, content):
    with pytest.raises(CaptureError):
        read(content)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(KINDS),
    hits=st.integers(0, 12),
    cut=st.integers(0, 40),
    block_bytes=st.sampled_from([1, 13, 64, 333, 5000]),
)
def test_damage_never_raises_and_blocks_never_matter(write, read, seed, kind, hits, cut, block_bytes):
    rng = random.Random(seed)
    sizes = [rng.choice((0, 1, 3, 40, 200)) for _ in range(20)]
    records = [record._replace(data=rng.randbytes(size)) for record, size in zip(write.records(20), sizes, strict=True)]
    content = bytearray(_file(write, kind, records[:12]) + _file(write, rng.choice(KINDS), records[12:]))
    for _ in range(hits):
        at = rng.randrange(28, len(content))
        content[at : at + rng.choice((1, 2, 16))] = rng.choice((b"\0", b"\xff", b"\x01\0\0\0")) * rng.choice((1, 4))
    content = content[: len(content) - cut]
    expected = read(bytes(content))
    got = read(bytes(content), block_bytes=block_bytes)
    assert got.rows == expected.rows
    assert got.capture.anomalies == expected.capture.anomalies
    assert got.capture.interfaces == expected.capture.interfaces
    ends = [row.offset + len(row.data) for row in got.rows]
    assert all(end <= row.offset for end, row in zip(ends, got.rows[1:], strict=False))
    assert all(row.offset + len(row.data) <= len(content) for row in got.rows)


@settings(max_examples=60, deadline=None)
@given(tail=st.binary(max_size=300), magic=st.sampled_from([0xA1B2C3D4, 0xA1B2CD34, 0x1C0001AC, 0]))
def test_any_bytes_behind_a_header_give_frames_or_anomalies(write, read, tail, magic):
    header = write.pcap_header(magic=magic) if magic else write.section() + write.interface()
    content = header + (b"size" if magic == 0x1C0001AC else b"") + tail
    expected = read(content)
    got = read(content, block_bytes=19)
    assert got.rows == expected.rows
    assert got.capture.anomalies == expected.capture.anomalies


@pytest.mark.parametrize("block_bytes", [30, 1000, 4 << 20])
def test_many_empty_files_in_a_row_are_all_told(write, read, block_bytes):
    records = write.records(5)
    content = write.pcap([]) * 40 + write.pcap([], big=True) + write.pcap(records)
    reading = read(content, block_bytes=block_bytes)
    assert reading.data == [record.data for record in records]
    assert reading.anomalies == [("CAPTURE_joined_file", 24 * i, 1) for i in range(1, 42)]


@pytest.mark.parametrize("kind", ["headers", "custom blocks"])
def test_files_of_nothing_but_headers_are_read_fast(write, read, kind):
    custom = write.section() + write.interface() + write.block(0xBAD, b"\1\0\0\0") * 200_000
    content = custom if kind == "custom blocks" else write.pcap([]) * 100_000
    begun = time.process_time()
    reading = read(content)
    assert time.process_time() - begun < 8  # a quarter of that is usual
    assert len(reading.rows) == (200_000 if kind == "custom blocks" else 0)


def test_interfaces_of_many_joined_files_are_kept_up_to_a_limit(write, read, monkeypatch):
    monkeypatch.setattr("iptvforensics.capture.block.FINDINGS_LIMIT", 5)
    reading = read(b"".join(write.pcap(write.records(1), link=1 + i) for i in range(9)))
    assert [row.link_type for row in reading.rows] == list(range(1, 10))
    assert len(reading.capture.interfaces) == 5
    assert [row.interface for row in reading.rows] == [0, 1, 2, 3, 4, 4, 4, 4, 4]
    assert ("CAPTURE_metadata_limit", 4) in [(name, count) for name, _, count in reading.anomalies]
