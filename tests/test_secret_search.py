"""Known secrets are found in every spelling, as a whole, and nowhere else."""

from __future__ import annotations

import json
import time
from base64 import b64encode, urlsafe_b64encode
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iptvforensics.secret_search import KnownSecrets, plain_text

NASTY = 'p@ss/wörd +&#7%41"한😀'
SPELLINGS = {
    "raw": str,
    "percent": lambda s: quote(s, safe=""),
    "percent-lower": lambda s: "".join(f"%{b:02x}" for b in s.encode()),
    "percent-in-part": lambda s: quote(s, safe="@/&#+%"),
    "percent-twice": lambda s: quote(quote(s, safe=""), safe=""),
    "form": quote_plus,
    "json": lambda s: json.dumps(s),
    "json-unicode": lambda s: json.dumps(s, ensure_ascii=False).replace("/", "\\/"),
    "html": escape,
    "html-numbers": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "url-in-xml": lambda s: escape(quote(s)),
    "base64": lambda s: b64encode(f"user:{s}".encode()).decode(),
    "base64url": lambda s: urlsafe_b64encode(s.encode()).decode().rstrip("="),
}


def searching(*secrets: str) -> KnownSecrets:
    known = KnownSecrets()
    for secret in secrets:
        known.add(plain_text(secret), f"<{len(known)}>")
    return known


def without(known: KnownSecrets, text: str) -> str:
    for found in sorted(known.find(text), key=lambda f: (-f.start, -f.end)):
        if found.end <= len(text):
            text = text[: found.start] + found.instead + text[found.end :]
    return text


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("around", ["%", "/live/u/%/9.ts", "a=%&b=1", "(%)", "playlist.%.m3u"])
def test_a_secret_is_found_in_every_spelling(spelling, around: str) -> None:
    text = around.replace("%", spelling(NASTY))
    places = [(f.start, f.end) for f in searching(NASTY).find(text)]
    at = text.index(spelling(NASTY))
    assert min(start for start, _ in places) <= at + 1
    assert max(end for _, end in places) >= at + len(spelling(NASTY).rstrip("=")) - 1


@given(st.text(min_size=1, max_size=12), st.sampled_from([str, quote, quote_plus, escape]))
def test_any_text_is_found_as_it_is_written(secret: str, spelling) -> None:
    if plain_text(secret).strip() and "\\" not in secret and "&" not in secret and "%" not in secret:
        assert list(searching(secret).find(f"({spelling(secret)})"))


@pytest.mark.parametrize("text", ["pw23pwx", "xpw23pw", "pw23p", "PW23PW", "pw23", ""])
def test_parts_and_longer_words_are_others(text: str) -> None:
    assert list(searching("pw23pw").find(text)) == []


@pytest.mark.parametrize("text", ["news.example", "a-news", "news-5", "2026-1234", "10.1234.0"])
def test_plain_words_are_not_found_within_names(text: str) -> None:
    assert list(searching("news", "1234").find(text)) == []


@pytest.mark.parametrize("text", ["news", "/news/", "news.m3u", "list_news_1", "(news).", "news, news"])
def test_plain_words_are_found_by_themselves(text: str) -> None:
    assert list(searching("news").find(text))


def test_the_longest_secret_with_the_same_beginning_is_found() -> None:
    assert [f.instead for f in searching("jo doe", "jo doe smith").find("jo doe smith")] == ["<1>"]


def test_signs_only_are_found_anywhere() -> None:
    assert without(searching("#!#!"), "a#!#!b") == "a<0>b"


def test_escapes_are_undone_to_one_form() -> None:
    assert plain_text("jo%20doe") == plain_text("jo+doe") == plain_text("jo&#32;doe") == "jo doe"
    assert plain_text(r"\ud83d\ude00\u00e9") == "😀é"
    assert plain_text("%fc%d1") == "üÑ"


@pytest.mark.parametrize("piece", ["%41", "\\u0041", "&amp;", "aaaa/", "A", "%25"])
def test_hostile_texts_take_time_in_proportion_to_their_length(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    start = time.process_time()
    assert list(searching("viewer23", "#x").find(text)) == []
    assert time.process_time() - start < 8


def test_the_cost_does_not_grow_with_the_number_of_secrets() -> None:
    known = searching(*(f"secret{n} of {n}" for n in range(20_000)))
    start = time.process_time()
    assert sum(1 for _ in known.find("/a/b/c " * 20_000)) == 0
    assert time.process_time() - start < 4
