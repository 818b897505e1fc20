"""Captures as lists of frames: read and written without loss, headers found behind tags."""

import gzip
import random
import struct
import subprocess
from pathlib import Path

import pytest

from . import frames as lf

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"


@pytest.fixture(scope="module")
def clean():
    return lf.read(SAMPLES / "hls/redirected.pcap")


def test_a_capture_written_again_has_the_same_bytes(clean, tmp_path):
    lf.write(tmp_path / "x.pcap", clean)
    assert (tmp_path / "x.pcap").read_bytes() == (SAMPLES / "hls/redirected.pcap").read_bytes()


def test_nanoseconds_are_kept(tmp_path):
    told = lf.Recording([lf.Frame(1_800_000_000_123_456_789, 60, bytes(60), 1)])
    lf.write(tmp_path / "x.pcap", told)
    assert lf.read(tmp_path / "x.pcap").frames == told.frames


def test_big_endian_captures_are_read(tmp_path):
    head = struct.pack(">IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    (tmp_path / "x.pcap").write_bytes(head + struct.pack(">IIII", 5, 7, 3, 90) + b"abc")
    assert lf.read(tmp_path / "x.pcap").frames == [lf.Frame(5_000_007_000, 90, b"abc", 1)]


@pytest.mark.parametrize(
    ("data", "message"),
    [(bytes(24), "expected a pcap file"),
     (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 9, 1) + bytes(8) + b"\t\0\0\0" * 2, "ends inside record 1")],
    ids=["no pcap", "cut"],
)  # fmt: skip
def test_what_is_no_whole_capture_is_refused(data, message, tmp_path):
    (tmp_path / "x.pcap").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        lf.read(tmp_path / "x.pcap")


@pytest.mark.parametrize("tag", ["", "81000005", "88a800058100ffff", "8864110000010042"])
def test_packets_are_found_behind_tags(tag):
    kind = "0021" if tag.startswith("8864") else "0800"
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 17, 0, b"abcd", b"efgh") + struct.pack(
        ">HHHH", 53, 99, 8, 0
    )
    data = bytes(12) + bytes.fromhex(tag + kind) + ip
    found = lf.packet(data)
    assert (found.source, found.destination, found.end) == (b"abcd", b"efgh", len(data))
    assert lf.ports(data, found) == (53, 99)


@pytest.mark.parametrize("length", range(0, 34))
def test_headers_cut_short_are_no_packets(length, clean):
    assert lf.packet(clean.frames[0].data[:length]) is None


def test_runs_of_numbers():
    assert lf.runs([1, 2, 3, 7, 0, 8, 9]) == [[1, 3], [7, 7], [0, 0], [8, 9]]
    assert lf.runs([]) == []


def test_incremental_checksum_equals_the_whole():
    rng = random.Random(3)
    for _ in range(200):
        data = bytearray(rng.randbytes(40))
        before = lf.checksum(bytes(data))
        old, new = bytes(data[8:14]), rng.randbytes(6)
        data[8:14] = new
        assert lf.adjusted(before, old, new) in (lf.checksum(bytes(data)), lf.checksum(bytes(data)) ^ 0xFFFF)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_packed_captures_are_read(clean, kind, tmp_path):
    raw = (SAMPLES / "hls/redirected.pcap").read_bytes()
    file = tmp_path / f"x.pcap.{kind}"
    packed = (
        gzip.compress(raw) if kind == "gz" else subprocess.run(["zstd", "-c"], input=raw, capture_output=True).stdout
    )
    file.write_bytes(packed)
    assert lf.read(file) == clean
