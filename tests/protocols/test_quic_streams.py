"""STREAM frames put in order: any order and overlap, gaps, ends, limits."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from iptvforensics.protocol import Hold, OpenedData
from iptvforensics.protocols._quic_streams import (
    FLUSH_BYTES,
    HELD_LIMIT,
    HELD_PIECES,
    MAX_CLOSED,
    MAX_STREAM_BYTES,
    MAX_STREAMS,
    Streams,
)
from iptvforensics.tls.pieces import PieceReader


class Sink:
    """Puts together what the frames hold."""

    def __init__(self) -> None:
        self.data: dict[int, bytearray] = {}
        self.ends: dict[int, int] = {}
        self.resets: list[int] = []
        self.gaps: list[tuple[int, int, int]] = []
        self.lost = False

    def on_piece(self, stream: int, position: int, data: memoryview, offset: int) -> None:
        known = self.data.setdefault(stream, bytearray())
        assert position >= len(known), "never twice, never back"
        assert stream not in self.ends
        if position > len(known):
            self.gaps.append((stream, len(known), position))
        known += b"." * (position - len(known)) + data

    def on_last(self, stream: int, position: int, offset: int) -> None:
        assert stream not in self.ends
        self.ends[stream] = position

    def on_reset(self, stream: int) -> None:
        self.resets.append(stream)

    def on_disorder(self, offset: int) -> None:
        self.lost = True


def read(streams: Streams, sink: Sink | None = None) -> Sink:
    sink = sink or Sink()
    reader = PieceReader(sink)
    for event in streams.flush():
        if isinstance(event, OpenedData):
            reader.feed(memoryview(event.data))
    assert not sink.lost
    return sink


def pieces(data: bytes, generator: random.Random, size: int = 900) -> list[tuple[int, bytes, bool]]:
    """Return parts of a stream, some of them overlapping: offset, bytes, whether the stream ends."""
    cuts = sorted({0, len(data), *(generator.randrange(len(data)) for _ in range(len(data) // size + 1))})
    found = []
    for start, end in pairwise(cuts):
        begin = max(start - generator.choice((0, 0, 50)), 0)
        found.append((begin, data[begin:end], end == len(data)))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_any_order(seed: int) -> None:
    generator = random.Random(seed)
    films = {stream: generator.randbytes(generator.randrange(1, 9000)) for stream in (0, 4, 8, 3)}
    parts = [(stream, *part) for stream, data in films.items() for part in pieces(data, generator)]
    generator.shuffle(parts)
    streams = Streams(False, 0)
    sink, place = Sink(), 0
    for stream, offset, data, is_last in parts + generator.sample(parts, len(parts) // 3):
        streams.add(stream, offset, data, place, is_last=is_last)
        place += len(data) + 40
        if generator.random() < 0.2:
            read(streams, sink)
    streams.finish()
    read(streams, sink)
    assert {stream: bytes(data) for stream, data in sink.data.items()} == films
    assert sink.ends == {stream: len(data) for stream, data in films.items()}
    assert (sink.gaps, streams.gaps) == ([], 0)


def test_frames_that_go_on_become_one() -> None:
    streams = Streams(True, 3)
    for number in range(10):
        streams.add(0, 100 * number, b"x" * 100, 1000 + 130 * number, is_last=number == 9)
    (event,) = streams.flush()
    assert isinstance(event, OpenedData)
    assert bytes(event.data[:6]) == b"\x0f\0\0\x43\xe8x"
    assert (len(event.data), event.key, event.from_orig) == (1005, 3, True)
    starts, offsets = event.places or ((), ())
    assert list(starts) == [0, *(5 + 100 * number for number in range(10))]
    assert list(offsets) == [995, *(1000 + 130 * number for number in range(10))]


def test_places_of_bytes_that_waited() -> None:
    streams = Streams(True, 0)
    streams.add(0, 3, b"def", 500, is_last=False)
    assert streams.flush() == [Hold(True, 500)]
    streams.add(0, 0, b"abc", 900, is_last=False)
    data, hold = streams.flush()
    assert isinstance(data, OpenedData)
    assert bytes(data.data[-6:]) == b"abcdef"
    assert data.places is not None
    assert list(data.places[1])[1:] == [900, 500]
    assert hold == Hold(True, None)


def test_a_gap_shows_in_the_offset() -> None:
    streams = Streams(True, 0)
    streams.add(0, 0, b"abc", 10, is_last=False)
    streams.add(0, 7, b"hij", 80, is_last=True)
    streams.finish()
    sink = read(streams)
    assert (bytes(sink.data[0]), sink.gaps, sink.ends) == (b"abc....hij", [(0, 3, 7)], {0: 10})
    assert (streams.gaps, streams.missing, streams.first_gap) == (1, 4, 80)


def test_missing_bytes_at_the_end_are_told() -> None:
    streams = Streams(True, 0)
    streams.add(4, 9, b"", 10, is_last=True)
    streams.finish()
    sink = read(streams)
    assert (sink.data, sink.ends, streams.missing) == ({}, {4: 9}, 9)


def test_a_reset_ends_a_stream() -> None:
    streams = Streams(True, 0)
    streams.add(0, 0, b"abc", 10, is_last=False)
    streams.add(0, 5, b"fg", 20, is_last=False)
    streams.reset(0, 40)
    streams.add(0, 3, b"de", 60, is_last=False)
    streams.reset(0, 70)
    sink = read(streams)
    assert (bytes(sink.data[0]), sink.resets) == (b"abc..fg", [0])


def test_bytes_that_wait_are_limited() -> None:
    streams = Streams(True, 0)
    size = 64 << 10
    for number in range(1, HELD_LIMIT // size + 3):
        streams.add(0, size * number, bytes(size), number, is_last=False)
    assert (streams.gaps, streams.missing) == (1, size)
    assert streams._held_bytes == 0


def test_pieces_that_wait_are_limited() -> None:
    streams = Streams(True, 0)
    for number in range(HELD_PIECES + 10):
        streams.add(0, 2 + 2 * number, b"x", number, is_last=False)
    assert streams._held_pieces <= HELD_PIECES


@pytest.mark.parametrize("offset", [MAX_STREAM_BYTES, (1 << 62) - 1])
def test_offsets_that_no_stream_has_are_passed_over(offset: int) -> None:
    streams = Streams(True, 0)
    streams.add(0, 0, b"abc", 10, is_last=False)
    streams.add(0, offset, b"xyz", 20, is_last=True)
    streams.add((1 << 62) - 1, 0, b"far", 30, is_last=True)
    streams.finish()
    sink = read(streams)
    assert {number: bytes(data) for number, data in sink.data.items()} == {0: b"abc", (1 << 62) - 1: b"far"}
    assert streams.gaps == 0


def test_streams_are_limited() -> None:
    streams = Streams(True, 0)
    for number in range(MAX_STREAMS + MAX_CLOSED + 50):
        streams.add(4 * number, 1, b"x", number, is_last=False)
    assert len(streams._streams) == MAX_STREAMS
    assert len(streams._closed) <= MAX_CLOSED


def test_it_is_said_when_enough_has_come_together() -> None:
    streams = Streams(True, 0)
    streams.add(0, 0, bytes(FLUSH_BYTES - 1), 0, is_last=False)
    assert not streams.is_full
    streams.add(0, FLUSH_BYTES, b"x", 0, is_last=False)  # waits, and counts all the same
    assert streams.is_full
    streams.flush()
    assert not streams.is_full
