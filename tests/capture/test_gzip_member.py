"""One gzip member: headers of all kinds, small steps, wrong trailers."""

from __future__ import annotations

import gzip
import random
import struct
import zlib

import pytest
from isal import isal_zlib

from iptvforensics.capture.gzip_member import HEADER_LIMIT, GzipError, GzipMember

FIXED = b"\x1f\x8b\x08%c\0\0\0\0\0\xff"
MODULES = pytest.mark.parametrize("module", [zlib, isal_zlib])


def member(content: bytes, flags: int = 0, header: bytes = b"") -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = packer.compress(content) + packer.flush()
    return FIXED % flags + header + body + struct.pack("<II", zlib.crc32(content), len(content))


def unpack(module, packed, step=1 << 20, limit=1 << 20):
    unpacking = GzipMember(module)
    content, at = b"", 0
    while not unpacking.eof:
        data = packed[at : at + step] if unpacking.needs_input else b""
        assert data or not unpacking.needs_input, "cut"
        at += len(data)
        piece = unpacking.decompress(data, limit)
        assert len(piece) <= limit
        content += piece
    return content, unpacking.unused_data + packed[at:], unpacking.wrong


@MODULES
@pytest.mark.parametrize(("step", "limit"), [(1, 1), (1, 1000), (7, 3), (100, 64), (1 << 20, 5), (1 << 20, 1 << 20)])
def test_any_steps_give_the_same(module, step, limit):
    content = random.Random(1).randbytes(300) * 5
    assert unpack(module, gzip.compress(content) + b"behind", step, limit) == (content, b"behind", "")


@MODULES
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_optional_parts_of_the_header_are_stepped_over(module, step):
    header = struct.pack("<H", 5) + b"extra" + b"name\0" + b"comment\0" + b"\x12\x34"
    assert unpack(module, member(b"content", 0x1F, header), step) == (b"content", b"", "")


@MODULES
def test_wrong_check_sum_and_length_are_told(module):
    packed = member(b"content")
    content, _, wrong = unpack(module, packed[:-8] + bytes(8))
    assert content == b"content"
    assert f"its check sum is {zlib.crc32(b'content'):08x}, 00000000 is stated" in wrong
    assert "it unpacks to 7 bytes, 0 are stated" in wrong


@MODULES
def test_what_is_no_header_is_refused(module):
    with pytest.raises(GzipError, match="unknown method or flags"):
        GzipMember(module).decompress(FIXED % 0x20, 10)
    unpacking = GzipMember(module)
    assert unpacking.decompress(FIXED % 8 + b"n" * (HEADER_LIMIT - 10), 10) == b""
    with pytest.raises(GzipError, match="more than"):
        unpacking.decompress(b"n", 10)
