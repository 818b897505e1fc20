"""The median is that of `statistics`."""

from __future__ import annotations

import statistics

from hypothesis import given
from hypothesis import strategies as st

from iptvforensics.sessions.middle import median

INTEGERS = st.integers(-(1 << 63), 1 << 63)


@given(st.lists(INTEGERS | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_the_median_is_that_of_the_standard_library(numbers: list[float]) -> None:
    found, expected = median(iter(numbers)), statistics.median(numbers)
    assert (found, type(found)) == (expected, type(expected))
