"""Short bodies are read whole, however they come, and never keep more than they may."""

from __future__ import annotations

from typing import Any

import pytest

from iptvforensics.listings.whole import WholeBody
from iptvforensics.protocol import ContentInfo, Opening

OPENING = Opening("content", b"", b"", info=ContentInfo(name="http://panel.example/portal.php", role="request"))


class Told(WholeBody):
    """Writes down what it is given to read."""

    limit = 10

    def read(self, body: bytes, from_orig: bool) -> list[Any]:
        return [(body, from_orig)]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_body_is_read_when_it_ends(size: int) -> None:
    body, parser = b"a=1&b=2", Told(OPENING)
    for at in range(0, len(body), size):
        assert parser.feed(memoryview(body)[at : at + size], True) == []
    assert parser.end(True) == [(body, True)]


def test_what_goes_beyond_the_limit_is_left_out_behind_gaps_too() -> None:
    parser = Told(OPENING)
    for _ in range(5):
        parser.feed(memoryview(b"abcdefgh"), False)
        parser.gap(3, False)
    assert parser.end(False) == [(b"abcdefgh&a", False)]


def test_a_gap_parts_fields() -> None:
    parser = Told(OPENING)
    parser.feed(memoryview(b"a=1"), True)
    parser.gap(-1, True)
    parser.feed(memoryview(b"b=2"), True)
    assert parser.end(True) == [(b"a=1&b=2", True)]


def test_it_knows_what_was_asked() -> None:
    assert Told(OPENING).asked.url == "http://panel.example/portal.php"
    assert Told(OPENING).client_is_orig
