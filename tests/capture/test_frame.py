"""A frame is found again: with and without an index, in every format, after damage."""

from __future__ import annotations

import gzip

import pytest

from iptvforensics.capture import CaptureReader, find_frame, find_frames
from iptvforensics.errors import CaptureError


def _rows(read, content, **options):
    reading = read(content, **options)
    return reading.rows, reading.capture.index


def _check(found, row):
    assert found.frame_no == row.frame_no
    assert found.captured_bytes == row.data
    assert (found.wire_bytes, found.ts_ns, found.link_type) == (row.wire, row.ts_ns, row.link_type)
    assert (found.stream_offset, found.interface) == (row.offset, row.interface)


def _contents(write):
    records = write.records(40)
    mixed = write.section() + write.interface(1) + write.packet(b"a", 5) + write.section(True)
    mixed += write.interface(113, big=True) + b"".join(write.packet(bytes([i]), i, big=True) for i in range(20))
    simple = write.section() + write.interface() + write.packet(b"a", 5) + write.block(3, b"\4\0\0\0abcd") * 20
    return {
        "pcap": write.pcap(records),
        "pcap, big": write.pcap(records, big=True, unit=10**9),
        "pcapng": write.pcapng(records),
        "pcapng, two sections": mixed,
        "pcapng, simple packets": simple,
        "joined": write.pcap(records[:20]) + write.pcapng(records[20:]) + write.pcap(records[:3], link=101),
        "damaged": write.pcap(records[:20]) + bytes(999) + write.pcap(records[20:])[24:],
    }


CASES = ["pcap", "pcap, big", "pcapng", "pcapng, two sections", "pcapng, simple packets", "joined", "damaged"]


@pytest.mark.parametrize("name", CASES)
def test_every_frame_is_found_through_the_index_and_without(write, read, tmp_path, name):
    content = _contents(write)[name]
    rows, index = _rows(read, content, block_bytes=300)
    assert len(index) > 1
    path = tmp_path / "evidence"
    path.write_bytes(content)
    for row in rows:
        _check(find_frame(path, row.frame_no, index=index), row)
    for found, row in zip(find_frames(path, range(1, len(rows) + 1)), rows, strict=True):
        _check(found, row)


def test_index_holds_for_compressed_files(write, read, tmp_path):
    content = gzip.compress(write.pcap(write.records(40)))
    rows, index = _rows(read, content, block_bytes=300)
    path = tmp_path / "evidence.gz"
    path.write_bytes(content)
    _check(find_frame(path, 33, index=index), rows[32])


def test_frames_come_sorted_and_once(write, tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(write.pcap(write.records(9)))
    assert [frame.frame_no for frame in find_frames(path, [7, 2, 7])] == [2, 7]
    assert find_frames(path, []) == []


def test_index_entries_begin_with_their_frame(write, tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(write.pcap(write.records(100)))
    with CaptureReader(path, block_bytes=1000) as capture:
        first = [block.first_frame for block in capture]
    assert [entry.first_frame for entry in capture.index] == first
    assert len(first) > 3


@pytest.mark.parametrize("number", [0, 10])
def test_frame_that_is_not_there_is_refused(write, tmp_path, number):
    path = tmp_path / "a.pcap"
    path.write_bytes(write.pcap(write.records(9)))
    with pytest.raises(CaptureError, match=f"frame {number}"):
        find_frame(path, number)


def test_many_interfaces_do_not_stand_in_each_place_of_the_index(write, read, tmp_path):
    content = write.section() + write.interface() + write.packet(b"first", 1)
    content += b"".join(write.interface(link) for link in range(1000))
    content += b"".join(write.packet(bytes([i]), i, i) for i in range(200))
    rows, index = _rows(read, content, block_bytes=300)
    assert sum(len(entry.state) for entry in index) < 20_000
    path = tmp_path / "evidence"
    path.write_bytes(content)
    for row in (rows[0], rows[-1]):
        _check(find_frame(path, row.frame_no, index=index, block_bytes=300), row)
