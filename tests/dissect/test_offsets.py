"""Positions to offsets, however many runs there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iptvforensics.dissect import offsets as module
from iptvforensics.dissect.offsets import OffsetMap


def mapped(*runs: tuple[int, int | None]) -> OffsetMap:
    found = OffsetMap()
    for position, offset in runs:
        found.add(position, offset)
    return found


def test_empty_map_knows_nothing() -> None:
    assert OffsetMap().at(0) is None
    assert OffsetMap().runs(0, 3) == ([0], [None])


def test_positions_lie_in_the_run_that_begins_before_them() -> None:
    found = mapped((0, 100), (10, 150), (15, 400))
    assert [found.at(position) for position in (0, 9, 10, 14, 15, 99)] == [100, 109, 150, 154, 400, 484]


def test_run_that_goes_on_is_not_kept_twice() -> None:
    found = mapped((0, 100), (10, 110), (20, 120))
    assert found.runs(0, 30) == ([0], [100])


def test_place_that_nobody_knows_stays_unknown() -> None:
    found = mapped((0, 100), (10, None), (20, None), (30, 200))
    assert [found.at(position) for position in (9, 10, 25, 30)] == [109, None, None, 200]
    assert found.runs(5, 40) == ([0, 5, 25], [105, None, 200])


@pytest.mark.parametrize(
    ("position", "length", "expected"),
    [
        pytest.param(2, 3, ([0], [102]), id="inside a run"),
        pytest.param(5, 5, ([0], [105]), id="to the end of a run"),
        pytest.param(5, 6, ([0, 5], [105, 150]), id="one byte into the next"),
        pytest.param(10, 5, ([0], [150]), id="a whole run"),
        pytest.param(0, 16, ([0, 10, 15], [100, 150, 400]), id="all"),
    ],
)
def test_runs_of_a_part(position: int, length: int, expected: tuple[list[int], list[int]]) -> None:
    assert mapped((0, 100), (10, 150), (15, 400)).runs(position, length) == expected


def test_what_was_forgotten_is_unknown_and_never_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAP_LIMIT", 8)
    found = mapped(*((10 * i, 100 * i) for i in range(1000)))
    answers = [found.at(10 * i + 3) for i in range(1000)]
    known = [i for i, answer in enumerate(answers) if answer is not None]
    assert all(answers[i] == 100 * i + 3 for i in known)
    assert known[0] == 0
    assert known[-1] == 999
    assert 4 <= len(known) <= 8
    assert known[1:] == list(range(known[1], 1000))


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), min_size=1, max_size=40), st.data())
def test_every_byte_keeps_its_place(pieces: list[tuple[int, int]], data: st.DataObject) -> None:
    found = OffsetMap()
    truth: list[int] = []
    place = 0
    for length, hole in pieces:
        place += hole
        found.add(len(truth), place)
        truth += range(place, place + length)
        place += length
    assert [found.at(position) for position in range(len(truth))] == truth
    begin = data.draw(st.integers(0, len(truth) - 1))
    size = data.draw(st.integers(1, len(truth) - begin))
    starts, places = found.runs(begin, size)
    again = OffsetMap()
    for start, offset in zip(starts, places, strict=True):
        again.add(start, offset)
    assert [again.at(position) for position in range(size)] == truth[begin : begin + size]
