"""Continuous delivery: long answers at the pace of their media, and downloads."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iptvforensics.sessions.closed import Answer, Part
from iptvforensics.sessions.steady import BIN_S, Received, find_steady, per_time


def stream(sizes, *, busy=0.1, each=5.0, first=0.0):
    parts = tuple(
        Part(round((first + i * each) * 1e9), round((first + (i + 0.99) * each) * 1e9), size, busy * each)
        for i, size in enumerate(sizes)
    )
    return Answer(1, parts[0].first_ns, parts[-1].last_ns, 1, 99, sum(sizes), parts)


def alone(answer):
    return find_steady(answer, Received(answer.parts))


def test_a_stream_at_one_rate():
    steady = alone(stream([900_000, 1_000_000, 1_100_000, 1_000_000, 1_000_000]))
    assert steady.rate_bps == pytest.approx(1_630_000, rel=0.02)
    assert (steady.is_file, round(steady.ahead_s)) == (False, 0)
    assert steady.busy == pytest.approx(0.1, abs=0.04)


def test_a_buffer_at_the_beginning_is_no_break_and_tells_a_file():
    steady = alone(stream([3_000_000, *[1_000_000] * 6]))
    assert (steady.is_file, round(steady.ahead_s)) == (False, 10)
    assert alone(stream([9_000_000, *[1_000_000] * 6])).is_file


@pytest.mark.parametrize(
    "answer",
    [
        stream([1_000_000] * 2),  # too short
        stream([1_000_000] * 8, busy=0.9),  # as fast as the line allows
        stream([1_000_000, 1_000_000, 1_000_000, 10, 10, 1_000_000]),
        stream([1_000_000, 1_000_000, 1_000_000, 9_000_000, 1_000_000]),
        stream([1_000] * 8),
        stream([100_000_000] * 8),
        stream([1_000_000] + [0] * 8),
    ],
)
def test_what_is_no_stream(answer):
    assert alone(answer) is None


def test_downloads_that_share_a_line_are_no_streams():
    one = stream([1_000_000] * 8, busy=0.3)
    assert find_steady(one, Received(one.parts)) is not None
    assert find_steady(one, Received(one.parts * 4)) is None
    calm = stream([1_000_000] * 8, busy=0.05)
    assert find_steady(calm, Received(calm.parts * 4)) is not None


def test_a_stream_beside_a_download_that_ends_is_one():
    one = stream([1_000_000] * 9, busy=0.05)
    download = stream([20_000_000] * 3, busy=0.8)
    assert find_steady(one, Received((*one.parts, *download.parts))) is not None


def test_a_clock_that_jumps_costs_nothing():
    far = stream([1_000_000] * 3)
    parts = (*far.parts, Part(10**18, 10**18 + 1, 1, 0.0))
    assert alone(far._replace(parts=parts, end_ns=10**18)) is None


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_no_byte_is_lost_between_the_times(seed, count):
    chance = random.Random(seed)
    sizes = [chance.randrange(1_000_000) for _ in range(count)]
    answer = stream(sizes, each=chance.uniform(0.001, 9.0))
    seconds = (answer.parts[-1].last_ns - answer.parts[0].first_ns) / 1e9
    bins = per_time(answer.parts, answer.parts[0].first_ns, sizes, int(seconds / BIN_S) + 1)
    assert sum(bins) == pytest.approx(sum(sizes), rel=1e-6, abs=1)
