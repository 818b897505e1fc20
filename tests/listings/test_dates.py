"""Dates in words and numbers: those with one meaning become times, the others stay text."""

from __future__ import annotations

from datetime import datetime

import pytest

from iptvforensics.listings.dates import date_ns, is_end


def ns(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2030-01-01 00:00:00", None, "2030-01-01T00:00:00+00:00"),
        ("2030-01-01 00:00:00", "", "2030-01-01T00:00:00+00:00"),
        ("2030-01-01 00:00:00", "Asia/Jakarta", "2030-01-01T00:00:00+07:00"),
        ("2030-07-01 12:30", "Europe/Kiev", "2030-07-01T12:30:00+03:00"),
        ("2030-01-01T12:30:05.25Z", "Asia/Jakarta", "2030-01-01T12:30:05+00:00"),
        ("2030-01-01 12:30:05 -0330", "Asia/Jakarta", "2030-01-01T12:30:05-03:30"),
        ("2030/01/31 12:30:05", None, "2030-01-31T12:30:05+00:00"),
        ("January 1, 2030, 12:05 am", None, "2030-01-01T00:05:00+00:00"),
        ("January 1st, 2030, 12:05 PM", None, "2030-01-01T12:05:00+00:00"),
        ("  Sept 9,  2030 at 9:05 pm ", None, "2030-09-09T21:05:00+00:00"),
        ("9-May-2030 23:59:59", "UTC", "2030-05-09T23:59:59+00:00"),
    ],
)
def test_dates_with_one_meaning(text: str, zone: str | None, expected: str) -> None:
    assert date_ns(text, zone) == ns(expected)
    assert is_end(text)


@pytest.mark.parametrize("text", ["2030-01-01", "January 1, 2030", "1 Jan 2030", "Unlimited", "never"])
def test_a_day_is_an_end_but_no_time(text: str) -> None:
    assert (date_ns(text), is_end(text)) == (None, True)


@pytest.mark.parametrize(
    "text",
    [
        None, "", "0", "1735689600", "555-0100", "+62 21 555 0100", "01/02/2030 10:00:00", "30-01-02 10:00:00",
        "2030-13-01 00:00:00", "2030-02-30 00:00:00", "2030-01-01 25:00:00", "January 1, 2030, 13:05 pm",
        "0000-00-00 00:00:00", "Marx 1, 2030, 1:00 am", "2030-01-01 00:00:00 x", "2030-01-01 00:00:00" + " " * 64,
        "２０３０-01-01 00:00:00",
    ],
)  # fmt: skip
def test_what_is_no_date_is_not_guessed_at(text: str | None) -> None:
    assert (date_ns(text), is_end(text)) == (None, False)


@pytest.mark.parametrize("zone", ["No/Where", "../../etc/passwd", "/etc/passwd", "a\0b", "x" * 5000, "Asia", "+07:00"])
def test_a_zone_that_is_not_known_here_gives_no_time(zone: str) -> None:
    assert date_ns("2030-01-01 00:00:00", zone) is None
    assert date_ns("2030-01-01 00:00:00 +0000", zone) == ns("2030-01-01T00:00:00+00:00")


@pytest.mark.parametrize("text", ["1969-12-31 23:59:59", "1970-01-01 00:00:00", "9999-12-31 23:59:59"])
def test_times_that_no_account_has(text: str) -> None:
    assert (date_ns(text), is_end(text)) == (None, True)


def test_an_offset_of_more_than_a_day_is_none() -> None:
    assert date_ns("2030-01-01 00:00:00 +9900") is None
