"""Lines of a body: however it is cut, the same lines at the same places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iptvforensics.listings.lines import MAX_LINE_BYTES, Lines


def lines_of(*steps: bytes | int) -> list[tuple[int, bytes]]:
    lines = Lines()
    found: list[tuple[int, bytes]] = []
    for step in steps:
        if isinstance(step, int):
            lines.gap(step)
        else:
            found += lines.feed(step)
    return [*found, *lines.end()]


def test_line_ends_are_taken_off() -> None:
    assert lines_of(b"a\r\nbc\n\nd") == [(0, b"a"), (3, b"bc"), (6, b""), (7, b"d")]


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"bcd\ne"]), max_size=12), st.integers(1, 5))
def test_cuts_do_not_matter(parts: list[bytes], size: int) -> None:
    whole = b"".join(parts)
    assert lines_of(*(whole[i : i + size] for i in range(0, len(whole), size))) == lines_of(whole)


def test_a_gap_takes_both_parts_of_a_line_with_it() -> None:
    assert lines_of(b"a\nbb", 5, b"bb\nc\n") == [(0, b"a"), (12, b"c")]


def test_a_gap_of_unknown_length_counts_nothing() -> None:
    assert lines_of(b"a\nbb", -1, b"bb\nc\n") == [(0, b"a"), (7, b"c")]


def test_a_body_whose_beginning_is_missing_begins_with_its_first_whole_line() -> None:
    lines = Lines(in_step=False)
    assert list(lines.feed(b"rest\nwhole\n")) == [(5, b"whole")]


@pytest.mark.parametrize("size", [1 << 20, 1000])
def test_long_lines_are_cut_and_counted(size: int) -> None:
    body = b"x" * (MAX_LINE_BYTES + 10) + b"\ny\n" + b"z" * MAX_LINE_BYTES + b"\r\n"
    lines = Lines()
    found = [line for i in range(0, len(body), size) for line in lines.feed(body[i : i + size])]
    assert [(at, len(line)) for at, line in found] == [
        (0, MAX_LINE_BYTES),
        (MAX_LINE_BYTES + 11, 1),
        (MAX_LINE_BYTES + 13, MAX_LINE_BYTES),
    ]
    assert lines.cut == 2


@pytest.mark.parametrize("size", [1, 2, 3, 99])
def test_lines_may_end_with_carriage_returns_alone(size: int) -> None:
    whole = b"a\rbc\r\rd"
    assert lines_of(*(whole[i : i + size] for i in range(0, len(whole), size))) == [
        (0, b"a"),
        (2, b"bc"),
        (5, b""),
        (6, b"d"),
    ]


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"bcd"]), max_size=12), st.integers(1, 5))
def test_cuts_do_not_matter_for_any_ends(parts: list[bytes], size: int) -> None:
    whole = b"".join(parts)
    assert lines_of(*(whole[i : i + size] for i in range(0, len(whole), size))) == lines_of(whole)


def test_a_gap_behind_a_carriage_return_is_counted() -> None:
    assert lines_of(b"a\r", 3, b"x\nc\n") == [(7, b"c")]
