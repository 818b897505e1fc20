"""Bodies that two parsers read."""

from __future__ import annotations

from typing import Any

import pytest

from iptvforensics.dissect.beside import parser_of
from iptvforensics.dissect.choice import Candidates
from iptvforensics.errors import DecodeError
from iptvforensics.protocol import ContentInfo, Event, Mark, Opening

PAGE = Opening("content", b"{}", b"", info=ContentInfo(role="response"))


def marks(at: int) -> Any:
    """Return what answers each call with a mark at a place."""
    return lambda *_: [Mark(False, at)]


def gives_up(_parser: Any, what: str, *_: Any) -> list[Event]:
    if what == "feed":
        raise DecodeError("cannot be read", offset=0)
    return [Mark(False, 9)]


def test_both_read_and_what_the_first_one_says_comes_first(made_up: Any) -> None:
    first, second = made_up(answer=marks(1), read_beside=True), made_up("b", carriers=("beside",), answer=marks(2))
    parser = parser_of(first.protocol, PAGE, Candidates([second.protocol]))
    both = [Mark(False, 1), Mark(False, 2)]
    assert parser.feed(memoryview(b"ab"), False) == parser.gap(3, False) == parser.end(False) == both
    called = [("feed", b"ab", False), ("gap", 3, False), ("end", None, False)]
    assert first.parsers[0].calls == second.parsers[0].calls == called
    assert second.parsers[0].opening == PAGE._replace(carrier="beside")


@pytest.mark.parametrize(
    ("wanted", "role", "score"),
    [(False, "response", 1.0), (True, "request", 1.0), (True, "response", 0.4)],
    ids=["not wanted", "what a client sent", "not for this reader"],
)
def test_one_reads_alone(made_up: Any, wanted: bool, role: str, score: float) -> None:
    first = made_up(answer=marks(1), read_beside=wanted)
    second = made_up("b", carriers=("beside",), detect=lambda _: score)
    opening = PAGE._replace(info=ContentInfo(role=role))
    parser = parser_of(first.protocol, opening, Candidates([second.protocol]))
    assert parser.feed(memoryview(b"ab"), False) == [Mark(False, 1)]
    assert second.parsers == []


def test_the_second_may_give_up_and_the_first_reads_on(made_up: Any) -> None:
    first, second = made_up(answer=marks(1), read_beside=True), made_up("b", carriers=("beside",), answer=gives_up)
    parser = parser_of(first.protocol, PAGE, Candidates([second.protocol]))
    assert parser.feed(memoryview(b"ab"), False) == parser.end(False) == [Mark(False, 1)]
    assert second.parsers[0].calls == [("feed", b"ab", False)]


def test_the_first_may_not(made_up: Any) -> None:
    first, second = made_up(answer=gives_up, read_beside=True), made_up("b", carriers=("beside",))
    with pytest.raises(DecodeError):
        parser_of(first.protocol, PAGE, Candidates([second.protocol])).feed(memoryview(b"ab"), False)
