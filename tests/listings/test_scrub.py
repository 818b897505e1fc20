"""Halves of characters become escapes, whole texts stay."""

from __future__ import annotations

from typing import Any

import pytest

from iptvforensics.listings.scrub import is_whole_text, scrubbed


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("뉴스", "뉴스"),
        ("\udcff\udcfe", "\\xff\\xfe"),
        ("a\ud800", "a\\ud800"),
        ({"\ud800": ["\udcff", 1, None]}, {"\\ud800": ["\\xff", 1, None]}),
    ],
)
def test_values_that_any_file_can_hold(value: Any, expected: Any) -> None:
    assert scrubbed(value) == expected


def test_halves_are_seen() -> None:
    assert is_whole_text("뉴스")
    assert not is_whole_text("\udcff")
