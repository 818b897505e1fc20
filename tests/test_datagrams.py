"""Numbered packets put in order, up to each limit and past it; payloads as one content."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iptvforensics.datagrams import PORTION_BYTES, Limits, Order, Payloads
from iptvforensics.protocol import ContentData, ContentEnd, ContentGap, Event

NUMBERS = 1 << 8
LIMITS = Limits(ahead=20, packets=4, bytes=100, time=1000)


def order(*numbers: int, first: int = 0, **limits: int) -> tuple[Order[int], list[tuple[int, int]]]:
    """Return an order that took these numbers, one byte each, and what came of it."""
    made: Order[int] = Order(first % NUMBERS, NUMBERS, Limits(**{"ahead": 20, "packets": 4, "bytes": 100} | limits))
    return made, [pair for number in numbers for pair in made.take(number % NUMBERS, number, 1)]


def test_what_comes_in_sequence_is_next_at_once() -> None:
    made, ready = order(*range(250, 260), first=250)
    assert ready == [(0, number) for number in range(250, 260)]
    assert (made.expected, made.waits, made.lost, made.late, made.jumps) == (4, False, 0, 0, 0)


def test_early_packets_wait_for_the_missing_one() -> None:
    made, ready = order(254, 256, 257, first=254)
    assert (made.waits, ready) == (True, [(0, 254)])
    assert made.take(255, 255, 1) == [(0, 255), (0, 256), (0, 257)]
    assert (made.waits, made.lost) == (False, 0)


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((0, 1, 0), id="copy"),
        pytest.param((0, 2, 2, 1), id="copy of a waiting one"),
        pytest.param((0, 1, -18), id="as late as counts"),
    ],
)
def test_copies_and_late_packets_are_counted(numbers: tuple[int, ...]) -> None:
    made, ready = order(*numbers)
    assert (made.late, made.jumps, len(ready)) == (1, 0, len({*numbers} - {-18}))


@pytest.mark.parametrize("far", [22, -20])
def test_a_packet_far_away_begins_a_new_count(far: int) -> None:
    made, ready = order(0, 2, far)
    assert ready == [(0, 0), (1, 2), (-1, far)]
    assert (made.jumps, made.lost, made.expected) == (1, 1, (far + 1) % NUMBERS)


def test_a_packet_that_is_just_near_enough_waits() -> None:
    made, ready = order(0, 21)
    assert (made.waits, made.jumps, ready) == (True, 0, [(0, 0)])


def test_too_many_waiting_packets_end_the_wait_for_the_first_missing_ones() -> None:
    made, ready = order(0, 3, 5, 6, 7)
    assert ready == [(0, 0)]
    assert made.take(8, 8, 1) == [(2, 3)]
    assert (made.waits, made.lost, made.expected) == (True, 2, 4)


def test_too_many_waiting_bytes_end_the_wait() -> None:
    made: Order[str] = Order(0, NUMBERS, LIMITS)
    assert made.take(1, "a", 60) == []
    assert made.take(2, "b", 40) == []
    assert made.take(3, "c", 1) == [(1, "a"), (0, "b"), (0, "c")]
    assert made.take(5, "d", 100) == [], "what went no longer counts"


@pytest.mark.parametrize(("time", "waits"), [(1000, True), (1001, False), (-1, True), (1 << 31, True)])
def test_a_wait_ends_by_the_clock_of_the_sender(time: int, waits: bool) -> None:
    made: Order[str] = Order(0, NUMBERS, LIMITS)
    made.take(1, "a", 1, 0xFFFF_FFF0)
    ready = made.take(3, "b", 1, 0xFFFF_FFF0 + time & 0xFFFF_FFFF)
    assert (ready == [], made.lost) == ((True, 0) if waits else (False, 1))


def test_without_a_limit_of_time_none_is_too_late() -> None:
    made: Order[str] = Order(0, NUMBERS, Limits(20, 4, 100))
    made.take(1, "a", 1, 0)
    assert made.take(3, "b", 1, (1 << 31) - 1) == []


def test_what_waits_is_given_at_the_end() -> None:
    made, _ = order(0, 2, 5, 6)
    assert made.give_up() == [(1, 2), (2, 5), (0, 6)]
    assert (made.waits, made.lost, made.give_up()) == (False, 3, [])


@pytest.mark.parametrize(
    ("before", "ready"),
    [
        pytest.param(1, [], id="a packet that came"),
        pytest.param(2, [], id="not all that are missing"),
        pytest.param(3, [(2, 3)], id="all that are missing before the first"),
        pytest.param(5, [(2, 3)], id="and one behind it that is only missing"),
        pytest.param(6, [(2, 3), (2, 6)], id="two holes"),
        pytest.param(22, [], id="too far"),
        pytest.param(-1, [], id="long ago"),
    ],
)
def test_what_the_sender_gives_up_is_not_waited_for(before: int, ready: list[Any]) -> None:
    made, _ = order(0, 3, 6)
    assert made.give_up(before % NUMBERS) == ready


@given(st.permutations(range(20)), st.sets(st.integers(0, 19)), st.integers(0, 255), st.integers(0, 20))
def test_each_packet_comes_once_in_order_or_is_counted(
    numbers: list[int], missing: set[int], first: int, packets: int
) -> None:
    sent = [first + number for number in numbers if number not in missing]
    made, ready = order(*sent, first=first, packets=packets)
    ready += made.give_up()
    given_up = sum(missing for missing, _ in ready)
    assert [number for _, number in ready] == sorted(number for _, number in ready)
    assert (len(ready) + made.late, made.lost, made.jumps) == (len(sent), given_up, 0)
    assert made.expected == (first + len(ready) + given_up) % NUMBERS


def test_payloads_are_handed_on_together_with_their_places() -> None:
    events: list[Event] = []
    payloads = Payloads(7)
    payloads.add(b"abc", 12, events)
    payloads.add(b"de", 27, events)
    assert events == []
    payloads.end(events, complete=True)
    assert events == [ContentData(7, 12, b"abcde", ([0, 3], [12, 27])), ContentEnd(7, complete=True)]


def test_portions_are_bounded() -> None:
    events: list[Event] = []
    payloads = Payloads(0)
    for number in range(3):
        payloads.add(bytes(PORTION_BYTES // 2), number, events)
    assert events == [ContentData(0, 0, bytes(PORTION_BYTES), ([0, PORTION_BYTES // 2], [0, 1]))]
    payloads.gap(5, events)
    payloads.end(events, complete=False)
    assert events[1:] == [
        ContentData(0, 2, bytes(PORTION_BYTES // 2), ([0], [2])), ContentGap(0, 5), ContentEnd(0, complete=False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("packets", "following", "length"),
    [
        pytest.param(2, b"xyz", 6, id="alike"),
        pytest.param(2, b"x", -1, id="of another size"),
        pytest.param(-1, b"xyz", -1, id="a new count"),
    ],
)
def test_size_of_a_gap_is_told_only_among_packets_alike(packets: int, following: bytes, length: int) -> None:
    events: list[Event] = []
    payloads = Payloads(0)
    payloads.add(b"abc", 0, events)
    payloads.miss(packets, following, events)
    assert events[-1] == ContentGap(0, length)
