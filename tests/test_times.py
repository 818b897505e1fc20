"""Times as text."""

from __future__ import annotations

import pytest

from iptvforensics.times import iso_time


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
