"""Clocks: offset and rate by requests for the time, and what is no clock."""

from __future__ import annotations

import random

import pytest

from iptvforensics.entities.clocks import Request, clocks_at, skew_of
from iptvforensics.entities.model import Place

from .conftest import BASE_NS, ONE, ROUTER_MAC

S = 10**9


def device(lab):
    [found] = lab.build()["devices"]
    return found


def requests(*points):
    """Return requests: second of the capture, seconds by which the clock is ahead."""
    return [Request(BASE_NS + round(at * S), round(ahead * S), Place(ONE, None, None)) for at, ahead in points]


def test_the_clock_of_the_device(lab):
    lab.get("/")
    for at in (100, 200, 300):
        lab.message("ntp", at, mode="client", transmit_ns=BASE_NS + (at + 90) * 10**9)
    lab.message("ntp", 400, mode="client", transmit_ns=0)
    assert device(lab)["clock_offset_s"] == 90


def test_a_clock_behind_by_less_than_is_told_is_not_behind(lab):
    lab.get("/")
    lab.message("ntp", 100, mode="client", transmit_ns=BASE_NS + 100 * S - S // 10_000)
    assert str(device(lab)["clock_offset_s"]) == "0.0"


@pytest.mark.parametrize(
    ("offsets", "told"),
    [((5,), 5), ((5, 7), 6), ((5, -3600), None), ((1_000_000, 1_000_010), 1_000_005), ((1_000_000,), None)],
    ids=["near", "agreeing", "two clocks", "far and agreeing", "far and alone"],
)
def test_a_clock_is_told_only_if_requests_agree_or_one_is_near(lab, offsets, told):
    lab.get("/")
    for number, offset in enumerate(offsets):
        lab.message("ntp", 100 + number, mode="client", transmit_ns=BASE_NS + (100 + number + offset) * 10**9)
    assert device(lab)["clock_offset_s"] == told


def test_a_clock_that_was_never_set_says_nothing(lab):
    lab.get("/")
    lab.message("ntp", mode="client", transmit_ns=10**18)
    assert device(lab)["clock_offset_s"] is None


def ask(lab, points):
    lab.get("/")
    for at, ahead in points:
        lab.message("ntp", at, mode="client", transmit_ns=BASE_NS + at * S + round(ahead * S))


def test_a_clock_that_gains(lab):
    ask(lab, [(100 + n * 1000, 5 + n * 0.1) for n in range(40)])
    found = device(lab)
    assert (found["clock_skew_ppm"], found["clock_skew_error_ppm"]) == (100, 0)
    assert found["clock_offset_s"] == pytest.approx(6.95)
    shows = "NTP: the device's clock gains +100.0 ppm (error 0.0) on the capture's, by 40 requests over 39000 s"
    assert [row["shows"] for row in lab.build()["evidence"] if "gains" in row["shows"]] == [shows, shows]


@pytest.mark.parametrize("jitter", [0.001, 0.02])
def test_the_error_covers_the_truth_in_99_of_100_cases(jitter):
    chance = random.Random(5)
    missed = 0
    for _ in range(300):
        points = [(n * 600, n * 600 * -37e-6 + chance.expovariate(1 / jitter)) for n in range(20)]
        found = skew_of(requests(*points))
        assert found is not None
        assert found.error_ppm < 25
        missed += abs(found.ppm + 37) > found.error_ppm
    assert missed <= 3


CHANCE = random.Random(9)


@pytest.mark.parametrize(
    "points",
    [
        [(n * 600, n * 0.03) for n in range(7)],
        [(n * 60, n * 0.003) for n in range(25)],
        [(n * 600, CHANCE.uniform(-2e9, 2e9)) for n in range(30)],
        [(n * 600, CHANCE.uniform(-0.5, 0.5)) for n in range(30)],
        [(n * 600, -3600 if n % 2 else 5) for n in range(30)],
        [(n * 600, n * 0.01 + (4 if n > 14 else 0)) for n in range(30)],
        [(n * 600, n * 12) for n in range(30)],
        [(n * 600, 50e-6 * (n * 600 % 3600)) for n in range(40)],
        [(n * 600, 100e-6 * (n * 600 % 21_600) + CHANCE.uniform(0, 0.002)) for n in range(100)],
    ],
    ids=[
        "few",
        "short",
        "random numbers",
        "whole seconds",
        "two clocks",
        "a step",
        "no clock",
        "set hourly",
        "set daily",
    ],
)
def test_no_rate_is_told_of(points):
    assert skew_of(requests(*points)) is None


def test_a_shared_address_has_a_clock_only_if_requests_agree_closely(lab):
    outside = {"client_ip": "198.51.100.99", "mac": ROUTER_MAC}
    lab.get("/", **outside)
    for number, ahead in enumerate((0.2, 1.0, 0.3, 1.1)):
        transmit = BASE_NS + (100 + number) * S + round(ahead * S)
        lab.message("ntp", 100 + number, mode="client", transmit_ns=transmit, client_ip="198.51.100.99")
    assert device(lab)["clock_offset_s"] is None


def test_a_fast_clock_over_days_is_one_clock(lab):
    ask(lab, [(n * 10_000, n * 4.0) for n in range(20)])
    assert (device(lab)["clock_offset_s"], device(lab)["clock_skew_ppm"]) == (38, 400)


def test_two_clocks_by_turns_are_nobodys(lab):
    ask(lab, [(n * 10, 20 if n % 2 else 5) for n in range(12)])
    assert device(lab)["clock_offset_s"] is None


def test_two_clocks_by_turns_are_seen():
    points = [(n * 10, -3600.2 if n % 2 else 5 + n * 0.01) for n in range(12)]
    assert clocks_at(requests(*points)) == [-3600.2, 5.05]


@pytest.mark.parametrize(
    "points",
    [
        [(n * 10, 5) for n in range(9)],
        [(n * 10, 5 if n < 5 else 90) for n in range(9)],
        [(n * 10, CHANCE.uniform(-2e9, 2e9)) for n in range(9)],
        [(n * 10, 90 if n in (3, 5) else 0) for n in range(9)],
    ],
    ids=["one", "set anew", "random numbers", "too few"],
)
def test_no_two_clocks_are_seen_where(points):
    assert clocks_at(requests(*points)) == []
