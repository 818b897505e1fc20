"""Queries of URLs: which parameters ask for another thing."""

from __future__ import annotations

import pytest

from iptvforensics.sessions.queries import always_new, is_token, lasting, things

TOKEN = "9f86d081884c7d659a2feaa0c55ad015"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("channel=1&token=abc", "channel=1"),
        ("ch=1&u=a&p=b", "ch=1&u=a&p=b"),
        (f"stream_id={TOKEN}&sig=1", f"stream_id={TOKEN}"),
        (f"x={TOKEN}", ""),
        (TOKEN, ""),
        ("x=1700000000&y=1700000000123&z=170000000", "z=170000000"),
        ("wmsAuthSign=x&nimblesessionid=4&_=5&expires=6&play_token=7", ""),
        ("n=5", "n=5"),
        ("", ""),
    ],
)
def test_what_lasts_of_a_query(query, kept):
    assert lasting(query) == lasting(kept) == frozenset(tuple(part.split("=")) for part in kept.split("&") if part)


def test_a_parameter_that_was_always_new_is_left_out():
    assert lasting("n=5&m=1", {"n"}) == {("m", "1")}


def test_which_parameters_name_a_thing():
    assert things("Channel=1&stream-id=2&token=3&n=4&abc") == {("Channel", "1"), ("stream-id", "2")}
    assert things("") == frozenset()


@pytest.mark.parametrize(
    ("queries", "names"),
    [
        (["a=1&b=1", "a=2&b=1", "a=3&b=1", "a=4&b=1"], {"a"}),
        (["a=1", "a=2", "a=3"], set()),
        (["a=1", "a=2", "a=3", "a=1"], set()),
        (["a=1", "a=2", "a=3", "b=4"], set()),
        (["ch=1", "ch=2", "ch=3", "ch=4"], set()),
    ],
    ids=["a counter", "too few", "came back", "not in each", "named like a channel"],
)
def test_parameters_that_are_always_new(queries, names):
    assert always_new(queries, 4) == names


def test_words_are_no_tokens():
    assert not is_token("my-favourite-drama-channel")
    assert is_token(TOKEN)
