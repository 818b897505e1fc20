"""Programmes that are written alike: read at once, and as expat tells them one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iptvforensics.protocol import Anomaly, Opening
from iptvforensics.protocols import _xmltv_document
from iptvforensics.protocols._xmltv_alike import MIN_RUN, Programmes
from iptvforensics.protocols._xmltv_document import Document
from iptvforensics.protocols.xmltv import PROTOCOL

from .events import read_in_pieces

ONE_BY_ONE = 11
"""Bytes at a time: fewer than the end of a programme has, so that none is seen whole."""
MANY = 3 * MIN_RUN


def programme(number: int, title: str = "<title>Title</title>", more: str = "", channel: str = "c.example") -> str:
    start, stop = (f"20260101{number // 60 % 24:02d}{number % 60:02d}{second:02d} +0700" for second in (0, 59))
    return f'<programme start="{start}" stop="{stop}" channel="{channel}">{title}{more}</programme>'


def run(title: str = "<title>Title</title>", more: str = "", channel: str = "c.example", space: str = "") -> str:
    return space.join(programme(i, title, more, channel) for i in range(MANY))


def parse(body: bytes, size: int) -> tuple[list[Any], list[Anomaly]]:
    rows, anomalies = read_in_pieces(PROTOCOL.parser(Opening("content", body[:100], b"")), body, size)
    return sorted(rows, key=lambda row: (row.table, row.offset)), anomalies


def told(body: bytes, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many elements expat tells of."""
    calls = 0
    start = Document._start

    def counted(self: Document, name: str, attributes: dict[str, str]) -> None:
        nonlocal calls
        calls += 1
        start(self, name, attributes)

    monkeypatch.setattr(Document, "_start", counted)
    parse(body, len(body))
    monkeypatch.undo()
    return calls


TITLES = (
    "",
    "<title/>",
    "<title></title>",
    "<title>저녁 뉴스</title>",
    '<title lang="ko"> Tom &amp; J&lt;&gt;&quot;&apos;&amp;lt;y </title>',
    "<title>two\r\nlines\rmore\n</title>",
    "<title>\u00a0 \u2003</title>",
    '<title lang="">x</title>',
    '<title lang="a\tb">x</title>',
    "<title>&#39;&#xd;</title>",
    "<title>&nbsp;</title>",
    "<title>]]&gt;></title>",
    "<title >x</title >",
    "<title>x</title><title>y</title>",
    "<title>a<b>c</b>d</title>",
    "<title><!-- x -->t</title>",
    "<title><![CDATA[<title>]]></title>",
    "<title>bad \x01</title>",
    "<title>bad \ufffe</title>",
    "<title>bad ]]></title>",
    "text<title>x</title>text",
)
BAD = TITLES[17]
OTHERS = (
    "",
    "<desc>About</desc>",
    '\n  <desc lang="en">About\n it </desc>\n  <category>News</category>\n',
    "<category>News</category><desc>About</desc>",
    "<category>News</category><category>Talk</category>",
    "<sub-title>x</sub-title>",
    "<desc>About</desc></programme><programme>",
    "<desc>About</desc></programme ><programme start='1' channel='&quot;'>",
)
SPACE = ("", "\n", " \r\n\t")
BETWEEN = (
    *SPACE,
    '<channel id="a"><display-name>A</display-name></channel>',
    "<!-- a comment -->",
    "<?what ever?>",
    "text ",
    "<other>",
    "</other>",
    "<![CDATA[",
    "<![CDATA[ ",
    "]]>",
    "<!--",
    "-->",
    "<programme>",
    "<programme start='2026'/>",
    '<programme channel="x" start="20260101000000 +0700"><title>other order</title></programme>',
    '<programme start="&#50;" stop="&lt;" channel="a&amp;b"></programme>',
    '<programme start="a" start="b" stop="" channel="">twice</programme>',
    '<programme start="a<b" stop="" channel=""></programme>',
    "</tv>",
    "\udcff",
)
HEADS = (
    "<tv>",
    '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE tv SYSTEM "xmltv.dtd"><tv>',
    '<?xml version="1.0" encoding="iso-8859-1"?><tv>',
    '<!DOCTYPE tv [<!ATTLIST title lang CDATA "en"><!ATTLIST programme channel NMTOKEN #IMPLIED>]><tv>',
)
CHANNELS = ("c.example", "", "a&amp;b", "a\tb", "a\nb", " a  b ", "a<b", "&#65;")

bodies = st.builds(
    lambda head, parts, end: (head + "".join(parts) + end).encode("utf-8", "surrogateescape"),
    st.sampled_from(HEADS),
    st.lists(
        st.one_of(
            st.builds(
                run, st.sampled_from(TITLES), st.sampled_from(OTHERS), st.sampled_from(CHANNELS), st.sampled_from(SPACE)
            ),
            st.builds(programme, st.integers(0, 99), st.sampled_from(TITLES), st.sampled_from(OTHERS)),
            st.sampled_from(BETWEEN),
        ),
        max_size=8,
    ),
    st.sampled_from(("</tv>", "", "</tv>\n<!-- the end -->")),
)


@settings(deadline=None, max_examples=200)
@given(bodies, st.integers(500, 8000))
@example(f"<tv>{run()}<!--{run()}-->{run()}</tv>".encode(), 1 << 20)
@example(f"<tv>{run()}<![CDATA[{run()}]]>{run()}</tv>".encode(), 1 << 20)
@example(f"<tv><![CDATA[{run()}{run()}]]>{run()}</tv>".encode(), 1 << 20)
@example(f"<tv>{programme(0, run('') + run(''))}{run('')}</tv>".encode(), 1 << 20)
@example(f"<tv>{run()}{run(BAD)}</tv>".encode(), 1 << 20)
@example(f"<tv>{run(channel=CHANNELS[3])}{run(channel=CHANNELS[4])}{run(channel=CHANNELS[5])}</tv>".encode(), 1 << 20)
@example(f"<tv>{run(TITLES[5])}{run(TITLES[9])}{run(TITLES[10])}</tv>".encode(), 1 << 20)
@example(f"{HEADS[2]}{run(TITLES[3])}</tv>".encode(), 1 << 20)
@example(f"{HEADS[3]}{run()}{run(channel=CHANNELS[5])}</tv>".encode(), 1 << 20)
def test_at_once_is_as_one_by_one(body: bytes, size: int) -> None:
    one_by_one = parse(body, ONE_BY_ONE)
    assert parse(body, len(body)) == one_by_one
    assert parse(body, size) == one_by_one


@given(bodies, st.data())
@settings(deadline=None)
def test_at_once_is_as_one_by_one_up_to_any_damage(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body)))
    broken = body[:at] + data.draw(st.sampled_from((b"", b"<", b"&", b"\xff", b"\0", b"'"))) + body[at + 1 :]
    assert parse(broken, len(broken) or 1) == parse(broken, ONE_BY_ONE)


@pytest.mark.parametrize("title", TITLES[:8])
def test_expat_is_not_asked_about_programmes_that_are_alike(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body = f"<tv>{run(title)}<!-- x -->{run(title, OTHERS[2])}</tv>".encode()
    rows, anomalies = parse(body, len(body))
    assert (len(rows), anomalies) == (2 * MANY, [])
    assert told(body, monkeypatch) < 12


def test_places_are_those_of_the_programmes() -> None:
    body = f"<tv>{run('<title>저녁</title>')}</tv>".encode()
    rows, _ = parse(body, len(body))
    assert [body[row.offset :].startswith(b"<programme") for row in rows] == [True] * MANY
    assert [row.values["item_no"] for row in rows] == list(range(1, MANY + 1))
    assert {row.values["title"] for row in rows} == {"저녁"}


def test_no_more_than_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_xmltv_document, "MAX_PROGRAMMES", MANY + 5)
    body = f"<tv>{run()}{run()}{run()}</tv>".encode()
    rows, anomalies = parse(body, len(body))
    assert (rows, anomalies) == parse(body, ONE_BY_ONE)
    assert (len(rows), [a.detail.split()[0] for a in anomalies]) == (MANY + 5, [str(3 * MANY)])


def test_texts_over_the_limit_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_xmltv_document, "MAX_TEXT_CHARS", 150)
    long = programme(1, f"<title>{'a' * 200}</title>")
    body = f"<tv>{run()}{long}{run()}</tv>".encode()
    rows, _ = parse(body, len(body))
    assert sorted({len(row.values["title"]) for row in rows}) == [5, 150]


def test_runs_are_what_has_only_space_between() -> None:
    parts = [run(), programme(1, "<title>&#39;</title>"), run(), "<x/>", run(), programme(2), "<x/>", programme(3)]
    found = Programmes("".join(parts).encode(), ["start", "stop", "channel"])
    assert list(found.runs(10_000)) == [(0, MANY), (MANY + 1, 2 * MANY + 1), (2 * MANY + 2, 3 * MANY + 2)]
    assert list(found.runs(10)) == []
    assert found.column("title", 0, 2) == ["Title", "Title"]
    assert found.column("category", 0, MANY) is None
    assert Programmes("".join(parts).encode(), ["start", "channel"]).column("stop", 0, 1) is None
