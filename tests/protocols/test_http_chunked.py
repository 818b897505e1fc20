"""Chunked transfer coding: the kernel at every speed, and what it must not be led to."""

from __future__ import annotations

import random
from typing import Any

import pytest

from iptvforensics.protocols import _http_chunked as chunked
from iptvforensics.protocols._http_chunked import ChunkReader, find_chunk, starts_chunked


def read(coded: bytes, sizes: list[int] | None = None) -> tuple[bytes, list[tuple[int, bytes]], ChunkReader, int]:
    """Return the data, its pieces with their places, the reader, and how much it consumed."""
    reader = ChunkReader()
    pieces: list[tuple[int, bytes]] = []
    position = 0
    for size in sizes or [len(coded)]:
        part = coded[position : position + size]
        if not part or reader.phase >= chunked.DONE:
            break
        data, first, consumed = reader.read(memoryview(part))
        if len(data):
            pieces.append((position + first, bytes(data)))
        position += consumed
        if consumed < len(part):
            break
    return b"".join(piece for _, piece in pieces), pieces, reader, position


def coded_from(data: bytes, size: int, end: bytes = b"\r\n") -> bytes:
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x" % len(p) + end + p + end for p in parts) + b"0" + end + end


@pytest.mark.parametrize("size", [1, 3, 16, 1000])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"], ids=["CRLF", "LF"])
def test_data_are_gathered(kernel_speed: str, size: int, end: bytes) -> None:
    data = random.Random(size).randbytes(2500)
    coded = coded_from(data, size, end)
    got, pieces, reader, consumed = read(coded)
    assert got == data
    assert reader.phase == chunked.DONE
    assert consumed == len(coded)
    assert pieces[0][0] == coded.index(end) + len(end)
    assert reader.lf_only == (end == b"\n")


@pytest.mark.parametrize("largest", [1, 2, 7, 100])
def test_cuts_do_not_matter(kernel_speed: str, largest: int) -> None:
    chance = random.Random(largest)
    data = chance.randbytes(300)
    coded = coded_from(data, 11)[:-2] + b"Trailer: x\r\nOther: y\r\n\r\n" + b"rest"
    sizes = [chance.randint(1, largest) for _ in coded]
    got, pieces, reader, consumed = read(coded, sizes)
    assert got == data
    assert reader.phase == chunked.DONE
    assert consumed == len(coded) - 4
    for place, piece in pieces:
        assert coded[place : place + 1] == piece[:1]


@pytest.mark.parametrize(
    ("coded", "data", "left"),
    [
        (b"5;name=value\r\nhello\r\n0;x\r\n\r\nnext", b"hello", b"next"),
        (b"  5  \r\nhello\r\n0\r\n\r\n", b"hello", b""),
        (b"00005\r\nhello\r\n000\r\n\r\n", b"hello", b""),
        (b"0\r\n\r\n", b"", b""),
        (b"aA\r\n" + b"x" * 170 + b"\r\n0\r\n\r\n", b"x" * 170, b""),
    ],
    ids=["extensions", "blanks", "leading zeros", "empty", "both cases"],
)
def test_odd_lines_are_read(kernel_speed: str, coded: bytes, data: bytes, left: bytes) -> None:
    got, _, reader, consumed = read(coded)
    assert (got, reader.phase, coded[consumed:]) == (data, chunked.DONE, left)


@pytest.mark.parametrize(
    ("coded", "broken_at"),
    [
        (b"5\r\nhelloX\r\n", 8),
        (b"5\r\nhello\rX", 9),
        (b"\r\n5\r\n", 0),
        (b";x\r\n", 0),
        (b"5g\r\n", 1),
        (b"         5\r\n", 8),
        (b"1000000000001\r\n", 12),
        (b"5;" + b"x" * 5000, 4096),
        (b"0\r\n" + b"A: b\r\n" * 20000, 65536 + 3),
    ],
    ids=["no end", "bare CR", "empty line", "no size", "no digit", "blanks", "huge", "long line", "long trailer"],
)
def test_what_cannot_be_read_is_broken_where_it_stands(kernel_speed: str, coded: bytes, broken_at: int) -> None:
    for sizes in (None, [1] * len(coded)):
        _, _, reader, consumed = read(coded, sizes)
        assert (reader.phase, consumed) == (chunked.BROKEN, broken_at)


def test_one_call_reads_many_chunks(kernel_speed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    kernel = chunked.dechunk

    def counted(data: Any, length: int, *arrays: Any) -> int:
        lengths.append(length)
        return kernel(data, length, *arrays)

    monkeypatch.setattr(chunked, "dechunk", counted)
    coded = coded_from(bytes(50_000), 10)
    got, _, _, _ = read(coded)
    assert (len(got), lengths) == (50_000, [len(coded)])


def test_data_within_one_chunk_are_not_copied() -> None:
    reader = ChunkReader()
    reader.read(memoryview(b"100000\r\n"))
    part = bytes(1000)
    data, first, consumed = reader.read(memoryview(part))
    assert (data.obj is part, first, consumed) == (True, 0, 1000)


def test_skipped_data_end_the_chunk() -> None:
    reader = ChunkReader()
    reader.read(memoryview(b"5\r\nhe"))
    reader.skip(3)
    data, _, consumed = reader.read(memoryview(b"\r\n1\r\nx\r\n0\r\n\r\n"))
    assert (bytes(data), consumed, reader.phase) == (b"x", 13, chunked.DONE)


@pytest.mark.parametrize(
    ("window", "answer"),
    [
        (b"5\r", True),
        (b"00001f;x", True),
        (b"", None),
        (b"12", None),
        (b"  ", None),
        (b"G\0\0", False),
        (b"\r\n", False),
        (b"#EXTM3U", False),
        (b"1" * 17, False),
    ],
)
def test_start_of_a_chunked_body(window: bytes, answer: bool | None) -> None:
    assert starts_chunked(window) is answer


@pytest.mark.parametrize(
    ("window", "found"),
    [
        (b"abc\r\n1f\r\n", (3, 3)),
        (b"abc\r\n1f;x=y\r\n", (3, 3)),
        (b"abc\r\n1", (-1, 3)),
        (b"abc\r", (-1, 3)),
        (b"abc", (-1, 3)),
        (b"abc\r\nxyz" + b"." * 400, (-1, 408)),
        (b"\r\n0\r\n\r\n", (0, 0)),
    ],
)
def test_next_chunk_line_is_found(window: bytes, found: tuple[int, int]) -> None:
    assert find_chunk(window) == found
