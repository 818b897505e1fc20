"""Frames of streams to pieces, however they are cut."""

from __future__ import annotations

import pytest

from iptvforensics.tls.pieces import PieceReader

FRAMES = b"\x0e\x04\x00\x03abc" + b"\x0f\x04\x03\x02de" + b"\x04\x08\x00\x40\x05" + b"\x0f\x00\x00\x00"


class Notes:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.streams: dict[int, bytes] = {}
        self.places: list[int] = []
        self.told: list[tuple[object, ...]] = []

    def on_piece(self, stream: int, position: int, data: memoryview, offset: int) -> None:
        assert position == len(self.streams.get(stream, b""))
        self.streams[stream] = self.streams.get(stream, b"") + bytes(data)
        self.places += range(offset, offset + len(data))

    def on_last(self, stream: int, position: int, offset: int) -> None:
        self.told.append(("last", stream, position))

    def on_reset(self, stream: int) -> None:
        self.told.append(("reset", stream))

    def on_disorder(self, offset: int) -> None:
        self.told.append(("disorder", offset))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pieces_do_not_depend_on_cuts(size: int) -> None:
    notes = Notes()
    reader = PieceReader(notes)
    for at in range(0, len(FRAMES), size):
        reader.feed(memoryview(FRAMES[at : at + size]))
    assert notes.streams == {4: b"abcde"}
    assert bytes(FRAMES[place] for place in notes.places) == b"abcde"
    assert notes.told == [("last", 4, 5), ("reset", 8), ("last", 0, 0)]


def test_what_is_no_frame_ends_the_reading() -> None:
    notes = Notes()
    reader = PieceReader(notes)
    reader.feed(memoryview(FRAMES[:7] + b"\x17" + FRAMES))
    assert (notes.told, notes.streams, reader.is_lost) == ([("disorder", 7)], {4: b"abc"}, True)
