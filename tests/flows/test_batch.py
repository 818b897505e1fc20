"""Directions of a batch, made of numbers that may come from another process."""

from __future__ import annotations

import numpy as np

from iptvforensics.flows.batch import DirectionPieces, directions_of


def test_each_row_of_numbers_is_a_direction() -> None:
    runs = np.array([[4, 0, 2, 10, 30, 1, 99, 6, 1, 0, 1, 0, 2, 40000, 80], [5, 2, 1, 40, 7, 0, 99, 17, 0, *[3] * 6]])
    first, second = directions_of(runs)
    assert first == DirectionPieces(4, 0, 2, 10, 30, 1, 99, 6, True, [0, 1, 0, 2, 40000, 80])
    assert (second.midstream, second.transport, second.ends) == (False, 17, [3] * 6)
    assert first.midstream is True


def test_no_rows_are_no_directions() -> None:
    assert directions_of(np.zeros((0, 15), np.int64)) == []
