"""Rhythms: which answers are media segments, and what has none."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.sessions.closed import Answer, Part
from iptvforensics.sessions.rhythm import MIN_BEATS, find_rhythms


def answer(at, size, *, took=0.1, flow=1):
    start, end = round(at * 1e9), round((at + took) * 1e9)
    return Answer(flow, start, end, round(at * 10) + 1, round(at * 10) + 2, size, (Part(start, end, size, took),))


def segments(count, period=4.0, *, first=10.0, seed=1, mean=500_000, jitter=0.0):
    chance = random.Random(seed)
    return [
        answer(first + number * period + chance.uniform(-jitter, jitter), round(mean * chance.uniform(0.7, 1.4)))
        for number in range(count)
    ]


@pytest.mark.parametrize("period", [1.0, 2.0, 4.0, 6.0, 10.0, 12.0])
def test_media_segments_at_a_rhythm(period):
    (rhythm,) = find_rhythms(segments(20, period, jitter=0.1))
    assert rhythm.period_s == pytest.approx(period, abs=0.1)
    assert (rhythm.beats, rhythm.in_time, rhythm.filling) == (20, 20, 0)
    assert rhythm.kind == (None, None)


def test_too_few_are_no_rhythm():
    assert find_rhythms(segments(MIN_BEATS - 1)) == []
    assert len(find_rhythms(segments(MIN_BEATS))) == 1


def test_a_playlist_that_is_read_again_shows_a_live_stream():
    media = segments(12)
    polls = [answer(one.start_ns / 1e9 - 0.2, 1100) for one in media]
    (rhythm,) = find_rhythms([*media, *polls])
    assert rhythm.beats == 12
    assert rhythm.kind[0] == "live"


def test_a_buffer_that_is_filled_at_once_shows_a_file():
    filling = [answer(number * 0.5, 500_000 + number) for number in range(9)]
    (rhythm,) = find_rhythms([*filling, *segments(12, first=9.0)])
    assert rhythm.kind == ("vod", "about 36 s of media at once at the beginning, and no playlist read again")
    assert len(rhythm.answers) == 21


def test_lost_answers_and_stalls_do_not_end_it():
    media = segments(30)
    del media[20:22], media[9]
    (rhythm,) = find_rhythms(media)
    assert (rhythm.beats, rhythm.in_time) == (27, 27)


def test_a_late_answer_is_out_of_time_and_the_next_one_in_time():
    media = segments(16)
    late = answer(media[6].start_ns / 1e9 + 1.8, 500_000)
    (rhythm,) = find_rhythms([*media[:6], late, *media[7:]])
    assert (rhythm.beats, rhythm.in_time) == (16, 15)


def test_an_uneven_beginning_is_left_out():
    uneven = [answer(at, 500_000 + round(at)) for at in (0.0, 3.6, 8.0, 11.7, 16.1, 19.8)]
    (rhythm,) = find_rhythms([*uneven, *segments(20, first=24.0)])
    assert rhythm.period_s == pytest.approx(4.0, abs=0.02)
    assert rhythm.beats >= 20


def test_answers_that_drift_are_no_rhythm():
    """Each comes 5 s after the one before, give or take: nothing holds them to a grid."""
    chance = random.Random(5)
    at, drifting = 0.0, []
    for number in range(60):
        at += chance.uniform(3.5, 6.5)
        drifting.append(answer(at, 300_000 + number * 1000))
    assert find_rhythms(drifting) == []


def test_audio_beside_video_belongs_to_the_beat():
    media = segments(12)
    audio = [answer(one.start_ns / 1e9 + 0.15, 80_000, flow=2) for one in media]
    (rhythm,) = find_rhythms([*media, *audio])
    assert (rhythm.beats, len(rhythm.answers)) == (12, 24)


def test_two_viewings_after_each_other_are_two():
    first, second = find_rhythms([*segments(10), *segments(10, 6.0, first=200.0)])
    assert [round(one.period_s) for one in (first, second)] == [4, 6]
    assert second.filling == 0


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [answer(number * 5.0, 4_200) for number in range(40)],  # a document asked for again: below any bit-rate
        [answer(number * 2.0, 30_000) for number in range(40)],  # always the same
        [answer(number * 4.0, 500_000, took=3.9) for number in range(40)],  # as fast as the line allows
        [answer(number * 4.0, 600 + number) for number in range(40)],
        [answer(number * 4.0, 11_000 if number % 2 else 100_000) for number in range(40)],
        [answer(number * 20.0, 500_000 + number) for number in range(40)],
        [answer(number * 0.2, 500_000 + number) for number in range(40)],
        [answer(number * 4.0 + k / 10, 90_000 + k) for number in range(40) for k in range(5)],  # pages
        [answer(number * 4.0 + k / 10, 900_000 if k == 0 else 900) for number in range(40) for k in range(7)],
    ],
)
def test_what_is_no_rhythm_of_media(answers):
    assert find_rhythms(answers) == []


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_answers_at_random_times_are_hardly_ever_a_rhythm(seed):
    """Pages: clumps of answers of very different sizes, with pauses of any length."""
    chance = random.Random(seed)
    at, answers = 0.0, []
    for _ in range(25):
        at += chance.expovariate(1 / 8)
        for _ in range(chance.randrange(1, 12)):
            answers.append(answer(at + chance.uniform(0, 1.5), round(chance.lognormvariate(9.5, 1.6))))
    assert find_rhythms(answers) == []


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(14, 40), st.floats(0, 0.1), st.booleans())
def test_loss_and_order_of_the_answers(seed, count, loss, reverse):
    """Some answers are missing: what is found is part of what was sent, and its rhythm is the true one."""
    chance = random.Random(seed)
    media = segments(count, 4.0, seed=seed, jitter=0.2)
    kept = [one for one in media if chance.random() >= loss]
    found = find_rhythms(kept[::-1] if reverse else kept)
    assert found == find_rhythms(kept)
    for rhythm in found:
        assert set(rhythm.answers) <= set(media)
        assert rhythm.period_s == pytest.approx(4.0, abs=0.45)
    assert len({one for rhythm in found for one in rhythm.answers}) == sum(len(rhythm.answers) for rhythm in found)
