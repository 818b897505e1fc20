"""Times of XMLTV guides, one by one and many together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iptvforensics.protocols._xmltv_times import read_time, read_times


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20231114221320 +0000", 1700000000),
        ("20231115051320 +0700", 1700000000),
        ("20231114171320-0500", 1700000000),
        ("20231114221320 UTC", 1700000000),
        ("20231114221320Z", 1700000000),
        ("202311142213 +0000", 1699999980),
        ("20231114221320", None),
        ("", None),
        (None, None),
        ("20231314221320 +0000", None),
        ("2023-11-14", None),
        ("20231114 +0000", 1699920000),
        ("99999999999999 +0000", None),
        ("20231114256020 +0000", None),
        ("20231115121320 +1400", 1700000000),
        ("20231115121320 +1401", 1699999940),
        ("20231114221320 +1500", None),
        ("20231114221320 +2460", None),
        ("20231114221320 +0060", None),
        ("20231114221320-0299", None),
        ("20231114 +9900", None),
    ],
)
def test_times(text: str | None, seconds: int | None) -> None:
    assert read_time(text) == (None if seconds is None else seconds * 10**9)


USUAL = st.builds(
    "{:04d}{:02d}{:02d}{:02d}{:02d}{:02d} {}{:02d}{:02d}".format,
    st.integers(0, 2300), st.integers(0, 13), st.integers(0, 32), st.integers(0, 25), st.integers(0, 61),
    st.integers(0, 61), st.sampled_from("+-"), st.integers(0, 99), st.integers(0, 99),
)  # fmt: skip
ODD = st.one_of(st.none(), st.text(max_size=22), st.text("0123456789 +-Z/:", min_size=20, max_size=20))


@given(st.lists(USUAL, min_size=64, max_size=80), st.lists(ODD, max_size=3))
def test_many_times_are_read_as_one_by_one(usual: list[str], odd: list[str | None]) -> None:
    for texts in (usual, [*usual, *(text for text in odd if text is not None and len(text) == 20)], [*odd, *usual]):
        assert read_times(texts) == list(map(read_time, texts))


def test_digits_of_other_scripts_are_no_matter() -> None:
    texts = ["20231114221320 +0000"] * 70 + ["２0231114221320 +0000"]
    assert read_times(texts) == list(map(read_time, texts))
