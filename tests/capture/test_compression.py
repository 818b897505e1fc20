"""Compressed evidence: every format, several members, cuts, damage, what follows behind."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import importlib
import lzma
import random
import struct
import subprocess
import sys
import zlib

import lz4.frame
import pytest

from iptvforensics.capture import CaptureReader, compression
from iptvforensics.errors import CaptureError, MissingProgramError

zstd = importlib.import_module("compression.zstd" if importlib.util.find_spec("compression") else "backports.zstd")
PACKERS = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


@pytest.fixture
def content(write):
    rng = random.Random(3)
    return write.pcap([record._replace(data=rng.randbytes(700)) for record in write.records(3000)])


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("block_bytes", [100_000, 64 << 20])
def test_reads_what_was_packed_and_hashes_the_file_as_it_lies(content, read, name, block_bytes):
    packed = PACKERS[name](content)
    reading = read(packed, block_bytes=block_bytes)
    assert reading.rows == read(content).rows
    assert reading.capture.format == f"pcap+{name}"
    assert reading.capture.sha256 == hashlib.sha256(packed).hexdigest()
    assert reading.capture.size_bytes == len(packed)
    assert reading.anomalies == []


@pytest.mark.parametrize("name", PACKERS)
def test_reads_all_members(content, read, name):
    packed = PACKERS[name](content[:500]) + PACKERS[name](content[500:90_000]) + PACKERS[name](content[90_000:])
    reading = read(packed)
    assert reading.rows == read(content).rows
    assert reading.anomalies == []


@pytest.mark.parametrize("name", PACKERS)
def test_cut_stream_keeps_what_was_read(content, read, name):
    packed = PACKERS[name](content)
    cut = packed[: len(packed) * 3 // 4]
    reading = read(cut)
    whole = read(content).rows
    assert reading.rows == whole[: len(reading.rows)]
    assert len(reading.rows) > (0 if name == "bzip2" else len(whole) // 2)
    assert ("CAPTURE_cut_compression", len(cut), 1) in reading.anomalies
    assert reading.capture.sha256 == hashlib.sha256(cut).hexdigest()


@pytest.mark.parametrize("name", PACKERS)
def test_damaged_stream_keeps_frames_and_has_a_hash(content, read, name):
    packed = bytearray(PACKERS[name](content))
    for at in range(len(packed) * 3 // 4, len(packed) * 3 // 4 + 400):
        packed[at] ^= 0x5A
    reading = read(bytes(packed))
    names = [anomaly for anomaly, _, _ in reading.anomalies]
    # A format without a check sum on the way may hand wrong bytes on: they show as damaged records.
    assert (
        "CAPTURE_damaged_compression" in names
        or "CAPTURE_damaged_record" in names
        or "CAPTURE_cut_compression" in names
    )
    assert reading.capture.sha256 == hashlib.sha256(packed).hexdigest()
    assert len(reading.rows) > 1000


def test_padding_behind_the_stream_is_silent_and_other_bytes_are_not(content, read):
    packed = PACKERS["gzip"](content)
    assert read(packed + bytes(5000)).anomalies == []
    trailing = read(packed + bytes(9) + b"signature")
    assert trailing.anomalies == [("CAPTURE_trailing_bytes", len(packed) + 9, 1)]
    assert trailing.capture.size_bytes == len(packed) + 18


def test_stream_that_unpacks_to_very_much_needs_little_memory(write, read):
    packed = PACKERS["gzip"](write.pcap(write.records(1)) + bytes(40_000_000))
    assert len(packed) < 50_000
    reading = read(packed, block_bytes=1 << 20, hash_thread=False)
    assert len(reading.rows) == 1


def test_python_and_fast_gzip_give_the_same(content, read, monkeypatch):
    packed = PACKERS["gzip"](content)
    expected = read(packed).rows
    monkeypatch.setattr(compression.importlib, "import_module", _absent)
    assert read(packed).rows == expected


def _absent(name):
    raise ImportError(name)


@pytest.mark.parametrize(("name", "title"), [("zstd", "Zstandard"), ("lz4", "LZ4")])
def test_missing_package_is_named(content, read, monkeypatch, name, title):
    packed = PACKERS[name](content)
    monkeypatch.setattr(compression.importlib, "import_module", _absent)
    with pytest.raises(MissingProgramError, match=rf'{title}-compressed: install the extra "compress"'):
        read(packed)


def test_formats_are_told_by_their_first_bytes():
    for name, pack in PACKERS.items():
        assert compression.recognise(pack(b"x")[:6]) == name
    assert compression.is_skippable(b"\x5a\x2a\x4d\x18\0\0")
    assert not compression.is_skippable(b"\x4a\x2a\x4d\x18\0\0")
    assert compression.recognise(b"\xd4\xc3\xb2\xa1\2\0") is None
    assert compression.recognise(zlib.compress(b"x")[:6]) is None


@pytest.fixture
def small(write):
    rng = random.Random(5)
    return write.pcap([record._replace(data=rng.randbytes(90)) for record in write.records(300)])


CHECKED = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


@pytest.mark.parametrize(("name", "from_end"), [("gzip", 5), ("zstd", 2), ("lz4", 2), ("xz", 30), ("bzip2", 3)])
@pytest.mark.parametrize("is_large", [False, True])
def test_wrong_check_sum_costs_no_frame(small, content, read, name, from_end, is_large):
    whole = content if is_large else small
    packed = bytearray(CHECKED[name](whole))
    packed[-from_end] ^= 0x55
    reading = read(bytes(packed))
    assert reading.rows == read(whole).rows
    fault = "CAPTURE_wrong_checksum" if name == "gzip" else "CAPTURE_damaged_compression"
    assert [anomaly for anomaly, _, _ in reading.anomalies] == [fault]
    assert reading.capture.sha256 == hashlib.sha256(packed).hexdigest()
    assert reading.capture.size_bytes == len(packed)


@pytest.mark.parametrize("trailer", [bytes(4), bytes(8)])
def test_gzip_member_with_wrong_trailer_is_whole_and_the_next_one_is_read(small, read, trailer):
    first = gzip.compress(small[:5000], mtime=0)
    packed = first[: -len(trailer)] + trailer + gzip.compress(small[5000:], mtime=0)
    reading = read(packed)
    assert reading.rows == read(small).rows
    assert reading.anomalies == [("CAPTURE_wrong_checksum", 0, 1)]
    assert "5000 bytes, 0 are stated" in reading.capture.anomalies[0].detail


@pytest.mark.parametrize("block_bytes", [5000, 4 << 20])
@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_all_that_comes_before_damage_is_kept(small, read, name, block_bytes):
    # A second block that is none: what the first one holds is good.
    first, damaged = PACKERS[name](small), bytearray(PACKERS[name](bytes(range(256)) * 40))
    at = 10 if name == "gzip" else len(damaged) // 2
    damaged[at : at + 8] = b"\xff" * 8
    packed = first + bytes(damaged)
    reading = read(packed, block_bytes=block_bytes)
    assert len(reading.rows) == 300
    assert "CAPTURE_damaged_compression" in [anomaly for anomaly, _, _ in reading.anomalies]
    assert reading.capture.sha256 == hashlib.sha256(packed).hexdigest()


def frames_of(path):
    with CaptureReader(path, block_bytes=100_000, hash_thread=False) as reader:
        for _ in reader:
            pass
    return reader.frames


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("then", [b"", b"no stream at all", b"cut"], ids=["emptied", "garbage", "cut"])
def test_what_is_unpacked_again_is_the_file_that_was_opened(content, tmp_path, monkeypatch, name, then):
    """Also where another one has its name now; where it was written to, what came before is kept."""
    packed = bytearray(PACKERS[name](content))
    packed[len(packed) * 3 // 4] ^= 0xFF
    path = tmp_path / "damaged.pcap"
    path.write_bytes(packed)
    expected = frames_of(path)
    again = compression.Unpacking._start_again

    def after(change):
        def start(self):
            change()
            return again(self)

        monkeypatch.setattr(compression.Unpacking, "_start_again", start)

    changed = bytes(packed[:40]) if then == b"cut" else then
    other = tmp_path / "other"
    other.write_bytes(changed)
    after(lambda: other.exists() and other.replace(path))
    assert frames_of(path) == expected
    path.write_bytes(packed)
    after(lambda: path.write_bytes(changed))
    assert frames_of(path) <= expected


def test_place_of_damage_is_the_byte_where_it_is_noticed(read, small):
    packed = bytearray(lzma.compress(small, check=lzma.CHECK_CRC32))
    packed[-33] ^= 1  # within the check of the only block
    anomaly = read(bytes(packed)).capture.anomalies[0]
    assert anomaly.name == "CAPTURE_damaged_compression"
    assert len(packed) - 40 < anomaly.offset < len(packed) - 24


@pytest.mark.parametrize("name", PACKERS)
def test_compressed_bytes_are_never_called_empty(read, name):
    packed = PACKERS[name](b"")
    with pytest.raises(CaptureError, match=rf"its {len(packed)} bytes \({name}\) unpack to nothing"):
        read(packed)
    magic = packed[: {"gzip": 3, "bzip2": 3, "xz": 6}.get(name, 4)]
    with pytest.raises(CaptureError, match=r"unpack to nothing: .*at byte \d+"):
        read(magic + b"\xff" * 100)


def test_from_a_pipe_damage_costs_one_piece_at_most(content, tmp_path):
    packed = bytearray(lzma.compress(content))
    packed[-50] ^= 0x55
    code = "import iptvforensics.capture as c\nwith c.CaptureReader('-') as r: print(sum(b.count for b in r), r.sha256)"
    done = subprocess.run([sys.executable, "-c", code], input=bytes(packed), capture_output=True, check=True)
    count, sha256 = done.stdout.decode().split()
    assert 1300 < int(count) < 3000
    assert sha256 == hashlib.sha256(packed).hexdigest()


@pytest.mark.parametrize("name", ["zstd", "lz4"])
def test_skippable_frames_are_stepped_over_wherever_they_stand(content, read, name):
    pack = PACKERS[name]
    frames = [
        skippable(b"abcd"),
        skippable(b"", 15),
        pack(content[:9000]),
        skippable(bytes(700_000)),
        pack(content[9000:]),
    ]
    packed = b"".join([*frames, skippable(b"end")])
    reading = read(packed)
    assert reading.rows == read(content).rows
    assert reading.capture.format == f"pcap+{name}"
    assert reading.capture.sha256 == hashlib.sha256(packed).hexdigest()
    assert reading.anomalies == []


def test_wrong_check_sum_behind_a_skippable_frame_costs_no_frame(content, read):
    packed = bytearray(skippable(bytes(99)) + CHECKED["lz4"](content))
    packed[-2] ^= 0x55
    reading = read(bytes(packed))
    assert reading.rows == read(content).rows
    assert [anomaly for anomaly, _, _ in reading.anomalies] == ["CAPTURE_damaged_compression"]


@pytest.mark.parametrize("behind", [b"", b"text that is no frame"])
def test_skippable_frame_without_content_is_refused_by_its_name(read, behind):
    with pytest.raises(CaptureError, match="skippable frame of Zstandard or LZ4 was found, and neither"):
        read(skippable(b"abcd") + behind)


def skippable(content: bytes, kind: int = 0) -> bytes:
    return struct.pack("<II", 0x184D2A50 + kind, len(content)) + content
