"""Spans of bytes to what they cover together."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.sessions.spans import covered

edges = st.integers(min_value=0, max_value=60)


@settings(derandomize=True, max_examples=200)
@given(st.lists(st.tuples(edges, edges)))
def test_covered_is_the_size_of_the_union(spans):
    assert covered(spans) == len({place for low, high in spans for place in range(low, high)})
