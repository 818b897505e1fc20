"""Blocks, hashes, memory, times and what happens when reading ends early."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from iptvforensics.capture import CaptureReader
from iptvforensics.capture import reader as reader_module
from iptvforensics.capture.ahead import BUFFERS
from iptvforensics.errors import CaptureError


@pytest.mark.parametrize("hash_thread", [True, False])
@pytest.mark.parametrize("block_bytes", [1, 64, 1000, 3 << 20, 64 << 20])
def test_result_does_not_depend_on_block_size_or_thread(write, read, block_bytes, hash_thread):
    records = write.records(100 if block_bytes < 100 else 2_000 if block_bytes < 10_000 else 40_000)
    content = write.pcap(records)
    reading = read(content, block_bytes=block_bytes, hash_thread=hash_thread)
    assert reading.data == [record.data for record in records]
    assert [row.frame_no for row in reading.rows] == list(range(1, len(records) + 1))
    assert reading.capture.sha256 == hashlib.sha256(content).hexdigest()
    assert reading.capture.size_bytes == len(content)
    assert reading.capture.frames == len(records)
    assert (reading.capture.first_ns, reading.capture.last_ns) == (records[0].ts_ns, records[-1].ts_ns)


def test_offsets_point_at_the_frames(write, read):
    content = write.pcapng(write.records(50))
    for row in read(content, block_bytes=123).rows:
        assert content[row.offset : row.offset + len(row.data)] == row.data


def test_more_records_than_rows_are_several_blocks(write, read, monkeypatch):
    monkeypatch.setattr(reader_module, "ROWS_LIMIT", 7)
    records = write.records(40)
    assert read(write.pcap(records)).data == [record.data for record in records]
    assert read(write.pcapng(records)).data == [record.data for record in records]


def test_records_longer_than_blocks_and_their_room_are_whole(write, read):
    records = [record._replace(data=bytes([i]) * 700_000) for i, record in enumerate(write.records(3))]
    content = write.pcap(records, snaplen=1 << 20)
    assert read(content, block_bytes=50_000).data == [record.data for record in records]


def test_earliest_and_latest_time_do_not_need_order(write, read):
    records = write.records(5)
    capture = read(write.pcap([records[3], records[0], records[4]])).capture
    assert (capture.first_ns, capture.last_ns) == (records[0].ts_ns, records[4].ts_ns)


def test_capture_without_frames_has_no_times(write, read):
    capture = read(write.pcap([])).capture
    assert (capture.frames, capture.first_ns, capture.last_ns, capture.anomalies) == (0, None, None, [])
    assert capture.sha256 == hashlib.sha256(write.pcap([])).hexdigest()


def test_hash_of_a_file_that_was_not_read_to_its_end_is_refused(write, tmp_path):
    path = tmp_path / "long.pcap"
    path.write_bytes(write.pcap(write.records(100_000)))
    before = threading.active_count()
    block_bytes = path.stat().st_size // (4 * BUFFERS)  # the thread cannot have read it all
    with CaptureReader(path, block_bytes=block_bytes) as capture:
        next(iter(capture))
        with pytest.raises(CaptureError, match="only after"):
            _ = capture.sha256
    assert threading.active_count() == before


def test_reader_can_be_iterated_over_once(write, tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(write.pcap(write.records(2)))
    with CaptureReader(path) as capture:
        assert sum(block.count for block in capture) == 2
        with pytest.raises(CaptureError, match="once"):
            iter(capture)


def test_empty_file_is_refused(read):
    with pytest.raises(CaptureError, match="empty"):
        read(b"")


def test_small_files_get_small_buffers(write, tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(write.pcap(write.records(2)))
    with CaptureReader(path) as capture:
        for block in capture:
            assert block.data.shape[0] < 6 << 20
            assert block.record_at.base is not None
            assert block.record_at.base.shape[0] < 1000


def test_evidence_is_left_as_it_was(write, tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(write.pcap(write.records(20)))
    path.chmod(0o400)
    before = path.stat()
    with CaptureReader(path) as capture:
        for block in capture:
            block.data[:] = 0
    after = path.stat()
    assert (before.st_mtime_ns, before.st_size, before.st_mode) == (after.st_mtime_ns, after.st_size, after.st_mode)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == capture.sha256
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pcap"]


def test_columns_have_the_declared_types(write, tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(write.pcap(write.records(2)))
    with CaptureReader(path) as capture:
        block = next(iter(capture))
        assert block.data.dtype == np.uint8
        for column in (block.record_at, block.captured_bytes, block.wire_bytes, block.ts_ns):
            assert column.dtype == np.int64
        assert block.link_type.dtype == block.interface.dtype == np.int32


def test_importing_the_room_loads_nothing_that_few_files_need():
    unwanted = "numba llvmlite isal lz4 backports.zstd fsspec pandas dpkt scapy"
    code = f"import sys, iptvforensics.capture\nprint([m for m in '{unwanted}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("form", ["plain", "gzip"])
def test_file_that_is_written_to_while_it_is_read_is_told(write, tmp_path, form):
    path = tmp_path / "a.pcap"
    content = write.pcap(write.records(3000))
    path.write_bytes(content if form == "plain" else gzip.compress(content))

    def anomalies(meanwhile):
        with CaptureReader(path, block_bytes=10_000, hash_thread=False) as capture:
            for number, _ in enumerate(capture):
                if number == 1:
                    meanwhile()
            return [(anomaly.name, anomaly.count) for anomaly in capture.anomalies]

    assert anomalies(lambda: None) == []
    assert anomalies(lambda: os.utime(path, ns=(0, 1))) == [("CAPTURE_changed_while_read", 1)]
