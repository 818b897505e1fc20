"""The stream index holds each captured piece of each stream, and nothing else."""

from __future__ import annotations

import numpy as np

from iptvforensics.analysis import index as module
from iptvforensics.analysis.index import StreamIndex
from iptvforensics.flows.batch import END, GAP, DirectionPieces, StreamBatch


class Written:
    def __init__(self) -> None:
        self.portions: list[list[tuple]] = []

    def write_columns(self, table, make):
        columns = make()
        assert tuple(columns) == table.column_names[1:]
        self.portions.append(list(zip(*(column.tolist() for column in columns.values()), strict=True)))


def batch() -> StreamBatch:
    columns = [[0, 2, 5, 6, 0], [2, 3, 1, 0, 1], [1, 0, 2, 0, 3], [10, 0, 20, 0, 30], [0, GAP, 0, END, 0]]
    offset, length, frame, ns, kind = (np.array(column, np.int64) for column in columns)
    directions = [DirectionPieces(0, 0, 4, 0, 3, 2, 100, 6), DirectionPieces(1, 4, 1, 3, 1, 0, 100, 6)]
    runs = np.array([[*entry[:-1], *[0] * 6] for entry in directions], np.int64)
    data = np.frombuffer(b"abcd", np.uint8)
    return StreamBatch(directions, runs, offset, length, frame, ns, kind, data, [], [])


def test_captured_pieces_are_rows_and_gaps_and_ends_are_not():
    written = Written()
    index = StreamIndex(written)
    index.add(batch())
    index.write()
    index.write()
    assert written.portions == [[(100, True, 0, 2, 1), (100, True, 5, 1, 2), (100, False, 0, 1, 3)]]


def test_what_was_added_does_not_change_with_the_arrays_of_the_batch():
    written, first = Written(), batch()
    index = StreamIndex(written)
    index.add(first)
    first.offset[:] = 7
    first.frame[:] = 7
    index.write()
    assert written.portions[0][0] == (100, True, 0, 2, 1)


def test_many_pieces_are_written_in_portions(monkeypatch):
    monkeypatch.setattr(module, "PORTION_PIECES", 4)
    written = Written()
    index = StreamIndex(written)
    for _ in range(3):
        index.add(batch())
    index.write()
    assert [len(portion) for portion in written.portions] == [6, 3]
