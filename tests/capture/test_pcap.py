"""pcap in all its variants."""

from __future__ import annotations

import io
import struct

import dpkt
import pytest

from iptvforensics.capture.pcap import file_begins, is_magic, parse_header
from iptvforensics.errors import CaptureError


@pytest.mark.parametrize("big", [False, True], ids=["little", "big"])
@pytest.mark.parametrize("unit", [10**6, 10**9], ids=["us", "ns"])
def test_reads_both_byte_orders_and_units(write, read, big, unit):
    records = write.records(20)
    reading = read(write.pcap(records, big=big, unit=unit))
    assert reading.data == [record.data for record in records]
    assert [row.ts_ns for row in reading.rows] == [record.ts_ns for record in records]
    assert reading.capture.format == ("pcap" if unit == 10**6 else "pcap-ns")
    assert reading.anomalies == []


def test_agrees_with_dpkt(write, read):
    content = write.pcap(write.records(30), big=True)
    expected = [(round(ts * 10**6), bytes(data)) for ts, data in dpkt.pcap.Reader(io.BytesIO(content))]
    assert [(row.ts_ns // 1000, row.data) for row in read(content).rows] == expected


@pytest.mark.parametrize(
    ("extra", "magic", "name"),
    [
        (8, 0xA1B2C3D4, "pcap-24"),
        (4, 0xA1B2C3D4, "pcap-20"),
        (8, 0xA1B2CD34, "pcap-modified"),
        (12, 0xA1B2CD34, "pcap-28"),
    ],
    ids=["longer records under the usual magic", "nokia", "modified", "modified, 28 bytes"],
)
@pytest.mark.parametrize("count", [2, 3, 9])
@pytest.mark.parametrize("block_bytes", [50, 1 << 20])
def test_longer_record_headers_are_recognised(write, read, extra, magic, name, count, block_bytes):
    records = write.records(count)
    reading = read(write.pcap(records, extra=extra, magic=magic), block_bytes=block_bytes)
    assert reading.data == [record.data for record in records]
    assert reading.capture.format == name


def test_ixia_file_header_is_four_bytes_longer(write, read):
    records = write.records(3)
    content = write.pcap(records, magic=0x1C0001AC, unit=10**9)
    reading = read(content[:24] + struct.pack("<I", 999) + content[24:])
    assert reading.data == [record.data for record in records]
    assert [row.ts_ns for row in reading.rows] == [record.ts_ns for record in records]


@pytest.mark.parametrize(
    ("version", "swap"), [((2, 2), True), ((543, 0), True), ((2, 3), True), ((2, 3), False)], ids=str
)
def test_old_versions_exchange_the_lengths(write, read, version, swap):
    records = [record._replace(wire=1500) for record in write.records(4)]
    reading = read(write.pcap(records, version=version, swap=swap))
    assert [(row.data, row.wire) for row in reading.rows] == [(record.data, 1500) for record in records]


def test_aix_interface_types_become_link_types(write, read):
    records = write.records(3)
    reading = read(write.pcap(records, version=(2, 2), link=6, unit=10**9, magic=0xA1B2C3D4))
    assert [row.link_type for row in reading.rows] == [1, 1, 1]
    assert [row.ts_ns for row in reading.rows] == [record.ts_ns for record in records]


def test_frame_check_length_is_taken_out_of_the_link_type(write, read):
    reading = read(write.pcap(write.records(1), link=0x24000001))
    assert reading.rows[0].link_type == 1
    assert reading.capture.metadata == [("file", "fcs_bytes", "4")]


def test_time_zone_is_kept_as_text_and_not_applied(write, read):
    reading = read(write.pcap(write.records(1), zone=3600))
    assert reading.rows[0].ts_ns == write.records(1)[0].ts_ns
    assert ("file", "time_zone_correction_s", "3600") in reading.capture.metadata


def test_unknown_version_is_read_and_reported(write, read):
    reading = read(write.pcap(write.records(3), version=(7, 1)))
    assert len(reading.rows) == 3
    assert reading.anomalies == [("CAPTURE_unknown_version", 0, 1)]


def test_jumbo_records_are_believed_if_records_follow(write, read):
    big = write.records(1)[0]._replace(data=b"j" * 3_000_000)
    small = write.records(5)
    reading = read(write.pcap([*small, big, big, *small], snaplen=65535))
    assert [len(data) for data in reading.data] == [len(r.data) for r in [*small, big, big, *small]]
    assert reading.anomalies == []


def test_declared_snaplen_allows_longer_records(write, read):
    records = [write.records(1)[0]._replace(data=b"j" * 500_000)]
    assert read(write.pcap(records, snaplen=1 << 20)).data == [records[0].data]


def test_records_without_bytes_are_frames(write, read):
    empty = write.records(1)[0]._replace(data=b"", wire=60)
    reading = read(write.pcap([empty, *write.records(3), empty, empty]))
    assert [len(data) for data in reading.data] == [0, 60, 61, 62, 0, 0]
    assert reading.anomalies == []


def test_more_captured_than_on_the_wire_is_kept_and_counted(write, read):
    records = [record._replace(wire=10) for record in write.records(4)]
    reading = read(write.pcap(records))
    assert reading.data == [record.data for record in records]
    assert reading.anomalies == [("CAPTURE_captured_exceeds_wire", 40, 4)]


def test_fraction_beyond_a_second_is_kept_and_reported_once(write, read):
    content = write.pcap(write.records(6), unit=10**9, magic=0xA1B2C3D4)
    content = content.replace(struct.pack("<I", 3000), struct.pack("<I", 2_000_000))
    reading = read(content)
    assert len(reading.rows) == 6
    assert reading.rows[3].ts_ns == (1_700_000_003 + 2) * 10**9
    assert [name for name, _, _ in reading.anomalies] == ["CAPTURE_time_out_of_range"]


def test_header_of_a_file_that_is_too_short_is_refused():
    with pytest.raises(CaptureError, match="24 bytes, found 10"):
        parse_header(b"\xd4\xc3\xb2\xa1" + bytes(6))


def test_magic_numbers_are_told_from_other_bytes(write):
    assert is_magic(write.pcap_header()) and is_magic(write.pcap_header(big=True))  # noqa: PT018
    assert not is_magic(b"\xa1\xb2")
    assert not is_magic(b"snoop\0\0\0")


def test_file_begins_only_where_the_whole_header_makes_sense(write):
    header = write.pcap_header()
    assert file_begins(memoryview(header + bytes(4)), 0, 28, False) is True
    assert file_begins(memoryview(header), 0, 24, False) is None
    assert file_begins(memoryview(header), 0, 24, True) is True
    assert file_begins(memoryview(header[:4] + bytes(24)), 0, 28, True) is False
    assert file_begins(memoryview(write.section()), 0, 28, True) is True


@pytest.mark.parametrize("block_bytes", [1000, 4 << 20])
@pytest.mark.parametrize("before", [0, 2])
def test_jumbo_record_that_the_end_cuts_is_a_cut_record(write, read, before, block_bytes):
    jumbo = write.records(3)[2]._replace(data=bytes(range(256)) * 1200)
    content = write.pcap(write.records(before)) + write.pcap_record(jumbo)
    start = 24 if not before else len(write.pcap(write.records(before)))
    reading = read(content[:-100_000], block_bytes=block_bytes)
    assert len(reading.rows) == before
    assert reading.anomalies == [("CAPTURE_cut_last_record", start, 1)]
    assert "207200 of the 307200 bytes" in reading.capture.anomalies[0].detail


def test_jumbo_record_of_another_time_is_damage_and_not_a_cut_record(write, read):
    jumbo = write.records(1)[0]._replace(data=bytes(range(256)) * 1200, ts_ns=10**18)
    reading = read((write.pcap(write.records(2)) + write.pcap_record(jumbo))[:-100_000])
    assert [name for name, _, _ in reading.anomalies] == ["CAPTURE_damaged_record"]
