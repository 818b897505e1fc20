"""Times as text."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta

import pytest

from iptvforensics.times import iso_time, zone_named


@pytest.mark.parametrize(
    ("ts_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1_795_465_023_103_000_001, "2026-11-23T20:17:03.103000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
        (-(2**63), "1677-09-21T00:12:43.145224192Z"),
    ],
    ids=["epoch", "nanosecond", "before", "last", "first"],
)
def test_all_times_of_the_store_have_a_text(ts_ns: int, text: str) -> None:
    assert iso_time(ts_ns) == text


@pytest.mark.parametrize(
    ("name", "hours"), [("Asia/Seoul", 9), ("America/Argentina/Buenos_Aires", -3), ("Etc/GMT+7", -7), ("UTC", 0)]
)
def test_zones_are_those_of_the_package_whatever_the_machine_has(
    name: str, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone_named.cache_clear()
    zoneinfo.reset_tzpath(to=[])
    monkeypatch.setenv("TZ", "America/New_York")
    try:
        zone = zone_named(name)
    finally:
        zoneinfo.reset_tzpath()
    assert zone is not None
    assert (zone.key, datetime(2023, 11, 14, tzinfo=zone).utcoffset()) == (name, timedelta(hours=hours))


@pytest.mark.parametrize(
    "name", ["", "No/Where", "Asia", "../zoneinfo/UTC", "/etc/localtime", "__init__.py", "tzdata.zi", "UTC\0", "a" * 99]
)
def test_other_names_are_no_zones(name: str) -> None:
    assert zone_named(name) is None
