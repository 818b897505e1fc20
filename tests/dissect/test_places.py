"""Stream offsets to frames, across batches; places that a parser asked to remember."""

from __future__ import annotations

from array import array

import pytest

from iptvforensics.dissect import places as module
from iptvforensics.dissect.places import KEPT_BYTES, NOWHERE, Marks, Place, Places
from iptvforensics.flows.batch import DirectionPieces


def begin(places: Places, *pieces: tuple[int, int], before: int = 0) -> list[array[int]]:
    """Give a batch: pieces of (offset, frame), behind some of another direction."""
    rows = [(9, 9)] * before + list(pieces)
    columns = [array("q", [row[0] for row in rows]), array("q", [row[1] for row in rows])]
    columns.append(array("q", [10 * row[1] for row in rows]))
    entry = DirectionPieces(0, before, len(pieces), 0, 0, 0)
    places.begin(entry, *(memoryview(column) for column in columns))
    return columns


def keep(places: Places, columns: list[array[int]]) -> None:
    """End a batch: its arrays are overwritten."""
    places.keep()
    for column in columns:
        for i in range(len(column)):
            column[i] = 77


def test_byte_lies_in_the_piece_that_begins_before_it() -> None:
    places = Places()
    begin(places, (0, 1), (10, 2), (30, 4), before=3)
    found = [places.at(offset) for offset in (0, 9, 10, 29, 30, 1000)]
    assert [place.frame_no for place in found] == [1, 1, 2, 2, 4, 4]
    assert found[2].ns == 20


def test_byte_in_a_gap_is_placed_before_the_gap() -> None:
    places = Places()
    begin(places, (0, 1), (10, 0), (30, 0), (40, 5))
    assert [places.at(offset).frame_no for offset in (12, 35, 40)] == [1, 1, 5]


def test_nothing_is_known_before_the_first_piece() -> None:
    places = Places()
    assert places.at(5) == NOWHERE
    begin(places, (100, 1))
    assert places.at(99) == NOWHERE


def test_gap_at_the_beginning_of_a_batch_is_placed_in_the_batch_before() -> None:
    places = Places()
    keep(places, begin(places, (0, 1), (10, 2)))
    begin(places, (20, 0), (30, 3))
    assert [places.at(offset).frame_no for offset in (5, 15, 25, 30)] == [1, 2, 2, 3]


def test_earlier_batches_are_remembered_for_a_mebibyte() -> None:
    places = Places()
    step = KEPT_BYTES // 4
    for i in range(20):
        keep(places, begin(places, (i * step, i + 1)))
    last = 19 * step
    assert [places.at(last - back).frame_no for back in (0, step, KEPT_BYTES)] == [20, 19, 16]
    assert places.at(0) == NOWHERE
    assert len(places._old) <= 6


def test_only_the_last_mebibyte_of_a_large_batch_is_kept() -> None:
    places = Places()
    step = KEPT_BYTES // 4
    keep(places, begin(places, *((i * step, i + 1) for i in range(40))))
    assert [places.at(i * step).frame_no for i in (39, 36, 35)] == [40, 37, 36]
    assert places.at(20 * step) == NOWHERE


def test_place_between_batches_is_never_a_wrong_frame() -> None:
    places = Places()
    keep(places, begin(places, (0, 1)))
    keep(places, begin(places, *((100 + i * (KEPT_BYTES // 2), i + 2) for i in range(10))))
    assert places.at(100 + KEPT_BYTES).frame_no in (None, 4)
    assert places.at(50).frame_no in (None, 1)


@pytest.mark.parametrize("asked", [(10, 25, 12, 3, 12), (25, 10, 35, 10), (35, 35, 3)])
def test_what_was_asked_before_changes_no_answer(asked: tuple[int, ...]) -> None:
    pieces = [(0, 1), (10, 2), (20, 0), (30, 3)]
    alone = []
    for offset in asked:
        places = Places()
        begin(places, *pieces)
        alone.append(places.at(offset))
    places = Places()
    columns = begin(places, *pieces)
    assert [places.at(offset) for offset in asked] == alone
    keep(places, columns)
    assert [places.at(offset) for offset in asked] == alone


def test_bytes_behind_the_last_piece_may_get_a_piece_later() -> None:
    places = Places()
    columns = begin(places, (0, 1))
    assert places.at(15).frame_no == 1
    keep(places, columns)
    assert places.at(15).frame_no == 1
    begin(places, (10, 2))
    assert [places.at(offset).frame_no for offset in (15, 5)] == [2, 1]


def test_batch_without_pieces_keeps_what_was_known() -> None:
    places = Places()
    keep(places, begin(places, (0, 1)))
    places.keep()
    assert places.at(3).frame_no == 1


def test_places_can_be_let_go() -> None:
    places = Places()
    keep(places, begin(places, (0, 1)))
    begin(places, (10, 2))
    places.forget()
    assert (places.at(0), places.at(10)) == (NOWHERE, NOWHERE)


# Marks -----------------------------------------------------------------------------------------------------


def test_mark_is_found_by_direction_and_offset() -> None:
    marks = Marks()
    assert marks.find(True, 5) is marks.use(True, 5) is None
    marks.add(True, 5, (5, Place(1, 10)))
    assert marks.find(True, 5) == marks.use(True, 5) == (5, Place(1, 10))
    assert marks.find(False, 5) is None
    assert marks.use(True, 6) is None


def test_mark_can_be_used_again() -> None:
    marks = Marks()
    marks.add(True, 5, (5, Place(1, 10)))
    assert [marks.use(True, 5) for _ in range(3)] == [(5, Place(1, 10))] * 3
    assert marks.find(True, 5) is not None


def test_latest_mark_of_a_place_counts() -> None:
    marks = Marks()
    marks.add(True, 5, (5, Place(1, 10)))
    marks.use(True, 5)
    marks.add(True, 5, (7, Place(2, 20)))
    assert marks.use(True, 5) == (7, Place(2, 20))
    assert marks.use(True, 5) == (7, Place(2, 20))


def test_used_marks_give_way_before_unused_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARKS_LIMIT", 10)
    marks = Marks()
    marks.add(True, 0, (0, Place(1, 1)))
    for offset in range(1, 1000):
        marks.add(True, offset, (offset, Place(offset, offset)))
        marks.use(True, offset)
    assert marks.use(True, 0) == (0, Place(1, 1))
    assert marks.use(True, 999) is not None
    assert marks.use(True, 500) is None


def test_unused_marks_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARKS_LIMIT", 10)
    marks = Marks()
    for offset in range(1000):
        marks.add(True, offset, (offset, NOWHERE))
    assert len(marks._spots[0]) == 10
    assert marks.find(True, 999) is not None
    assert marks.find(True, 0) is None
