"""What is kept until a parser is chosen: its first bytes, its limits, its order."""

from __future__ import annotations

from typing import Any

import pytest

from iptvforensics.dissect.waiting import HELD_BYTES, HELD_ENTRIES, Waiting
from iptvforensics.protocol import OPENING_BYTES


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([], (b"", True), id="nothing"),
        pytest.param([b"abc"], (b"abc", True), id="one piece"),
        pytest.param([b"ab", memoryview(b"c")], (b"abc", True), id="pieces are joined"),
        pytest.param([b"abc", 5, b"de"], (b"abc", True), id="longer before the gap"),
        pytest.param([b"abc", 5, b"def"], (b"abc", True), id="first among equals"),
        pytest.param([b"ab", 5, b"cde"], (b"cde", False), id="longer behind the gap"),
        pytest.param([5, b"ab"], (b"ab", False), id="gap first"),
        pytest.param([b"a", 5, b"b", 5, b"cd", 5, b"e"], (b"cd", False), id="longest of several"),
        pytest.param([5], (b"", True), id="gap alone"),
        pytest.param([bytes(OPENING_BYTES + 5)], (bytes(OPENING_BYTES), True), id="limit in one piece"),
        pytest.param([bytes(OPENING_BYTES - 1), b"abc"], (bytes(OPENING_BYTES - 1) + b"a", True), id="limit in two"),
    ],
)
def test_first_bytes(parts: list[Any], expected: tuple[bytes, bool]) -> None:
    waiting = Waiting()
    for part in parts:
        if isinstance(part, int):
            waiting.gap(part, True)
        else:
            waiting.data(part, True)
    assert waiting.first_bytes(True) == expected
    assert waiting.first_bytes(False) == (b"", True)


def test_of_datagrams_the_first_one_tells() -> None:
    waiting = Waiting(joins=False)
    waiting.gap(3, True)
    waiting.data(b"ab", True)
    waiting.data(b"cd", True)
    assert waiting.first_bytes(True) == (b"ab", True)


def test_entries_are_given_in_order_and_once() -> None:
    waiting = Waiting()
    waiting.data(b"ab", True, ([0], [7]))
    waiting.gap(3, False)
    waiting.end(True)
    assert waiting.take() == [(True, b"ab", ([0], [7])), (False, 3, None), (True, None, None)]
    assert (len(waiting), waiting.take()) == (0, [])


def test_gaps_that_follow_each_other_are_one() -> None:
    waiting = Waiting()
    for length, from_orig in ((3, True), (4, True), (5, False), (6, True), (-1, True), (7, True)):
        waiting.gap(length, from_orig)
    found = [(side, what) for side, what, _ in waiting.take()]
    assert found == [(True, 7), (False, 5), (True, 6), (True, -1), (True, 7)]


def test_what_is_kept_outlives_its_buffer() -> None:
    waiting, buffer = Waiting(), bytearray(b"abc")
    waiting.data(memoryview(buffer), True)
    waiting.keep()
    buffer[:] = b"xyz"
    assert waiting.take() == [(True, b"abc", None)]
    waiting.keep()


def test_limits_of_bytes_and_entries() -> None:
    waiting = Waiting()
    waiting.data(bytes(HELD_BYTES), True)
    assert not waiting.is_full
    waiting.data(b"a", True)
    assert waiting.is_full
    waiting = Waiting()
    for i in range(HELD_ENTRIES - 1):
        waiting.gap(1, i % 2 == 0)
    assert not waiting.is_full
    waiting.end(True)
    assert waiting.is_full
