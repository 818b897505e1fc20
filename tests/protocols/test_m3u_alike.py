"""Entries that are written alike: read at once, and as they are read line by line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iptvforensics.protocol import Anomaly, ContentInfo, Opening
from iptvforensics.protocols import _m3u_parser
from iptvforensics.protocols._m3u_alike import MIN_RUN, Alike, names_in
from iptvforensics.protocols.m3u import PROTOCOL

from .events import read_in_pieces

LINE_BY_LINE = 15
"""Bytes at a time: too few for the lines of a run."""
MANY = 3 * MIN_RUN
HEAD = b"#EXTM3U\n"
USUAL = ' tvg-id="" group-title="News"'
INFO = ContentInfo("http://tv.example/get.php?type=m3u_plus", role="response")


def entry(number: int, words: str = USUAL, name: str = "Name", url: str = "") -> str:
    return f"#EXTINF:-1{words},{name} {number}\n{url or 'http://tv.example/live/viewer1/pw1/'}{number}\n"


def run(words: str = USUAL, name: str = "Name", url: str = "", end: str = "\n") -> str:
    return "".join(entry(i, words, name, url).replace("\n", end) for i in range(MANY))


def parse(body: bytes, size: int) -> tuple[list[Any], list[Anomaly]]:
    rows, anomalies = read_in_pieces(PROTOCOL.parser(Opening("content", HEAD, b"", info=INFO)), body, size)
    return sorted(rows, key=lambda row: row.table), anomalies


WORDS = (
    "",
    ' tvg-id="a" tvg-name="" tvg-logo="http://tv.example/1.png" group-title="Movies, all"',
    ' xui-id="7" tvg-chno="5" timeshift="3" catchup="default" other="x"',
    ' radio="true" tvg-type="movie"',
    ' tvg-type="live" catchup-days="0"',
    ' tvg-id="a" tvg-id="b"',
    ' TVG-ID="a"',
    " tvg-id=plain",
    " tvg-id='a'",
    ' tvg-id="a\rb"\u00a0group-title="\x85"',
    ' tvg-id="a"group-title="b"',
    ' tvg-id="a" , ',
    "\n",
    '\n tvg-id="a"',
)
NAMES = (
    "Name",
    "",
    "이름",
    " spaces ",
    "with, comma",
    'a "quote"',
    "\ufeff",
    "tab\t",
    "nul\0",
    "\udcff\udce3",
    "a\x1c",
)
URLS = ("", "http://a.example/movie/1.mkv?x=", "rtmp://a|User-Agent=", " http://a/", "/path/", "udp://@", "u\t\u3000")
ENDS = ("\n", "\r\n", " \n", "\ufeff\n", "\0\r\r\n", "\x1c\n")
LINES = (
    "#EXTGRP:Group\n",
    "#EXTVLCOPT:http-user-agent=Player\n",
    "#EXTINF:-1,\n",
    "#EXTINF:-1\n",
    "#EXTM3U\n",
    "# comment\n",
    "\n",
    "  \n",
    "http://tv.example/alone\n",
    "\r\n",
    "no url\r\r\n",
    "cut",
)
HEADS = ("", "#EXTM3U\n", '#EXTM3U catchup="default" catchup-days="2"\n#PLAYLIST:List\n', "\ufeff#EXTM3U\r\n")
runs = st.builds(run, *map(st.sampled_from, (WORDS, NAMES, URLS, ENDS)))
singles = st.builds(entry, st.integers(0, 99), *map(st.sampled_from, (WORDS, NAMES, URLS)))
bodies = st.builds(
    lambda head, parts: (head + "".join(parts)).encode("utf-8", "surrogateescape"),
    st.sampled_from(HEADS),
    st.lists(st.one_of(runs, singles, st.sampled_from(LINES)), max_size=8),
)
SPLIT = '#EXTINF:-1\n tvg-id="" group-title="News",Name\nhttp://a.example/\n'
"""An entry whose first line alone is none of the usual ones."""


@settings(deadline=None, max_examples=200)
@given(bodies, st.integers(500, 8000))
@example(run().encode(), 1 << 20)
@example(f"{run()}#EXTGRP:Group\n{run()}#EXTINF:-1,\n{run()}".encode(), 1 << 20)
@example(f"#EXTM3U\n{run()}{SPLIT * MANY}{run()}".encode(), 1 << 20)
@example(f"#EXTM3U\n{run()}{run(end=ENDS[2])}{run(end=ENDS[3])}{run(end=ENDS[4])}".encode(), 1 << 20)
@example(f"#EXTM3U\n{run()}x{run()}".encode(), 1 << 20)
@example(f"#EXTM3U\n{run(WORDS[3])}{run(url=URLS[4])}{run(name=NAMES[3])}".encode(), 1 << 20)
@example(f"#EXTM3U\n{run()}{run().replace('#EXTINF', 'x#EXTINF')}".encode(), 1 << 20)
def test_at_once_is_as_line_by_line(body: bytes, size: int) -> None:
    line_by_line = parse(body, LINE_BY_LINE)
    assert parse(body, len(body) or 1) == line_by_line
    assert parse(body, size) == line_by_line


@pytest.mark.parametrize("end", ENDS[:2])
@pytest.mark.parametrize("words", WORDS[:5])
def test_entries_that_are_alike_are_not_read_one_by_one(words: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body = HEAD + (run(words, end=end) + f"#EXTGRP:Group{end}" + run(words, "이름", end=end)).encode()
    seen: list[bytes] = []
    line = _m3u_parser.M3uParser._line

    def noted(self: _m3u_parser.M3uParser, one: tuple[int, bytes]) -> None:
        seen.append(one[1])
        line(self, one)

    monkeypatch.setattr(_m3u_parser.M3uParser, "_line", noted)
    rows, _ = parse(body, len(body))
    assert (len(rows), len(seen)) == (2 * MANY + 1, 6)  # the head, what stands alone, and an entry behind each


@pytest.mark.parametrize("lines", [17, 37, 64])
def test_entries_may_be_cut_anywhere_between_lines(lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    body = (f"#EXTM3U\n{run()}#EXTGRP:Group\n{run(WORDS[1])}\n{run(name='이름')}" * 3).encode()
    whole = parse(body, LINE_BY_LINE)
    monkeypatch.setattr(_m3u_parser, "LINES", lines)
    assert parse(body, len(body)) == whole


def test_places_are_those_of_the_entries() -> None:
    body = HEAD + run(name="이름").encode()
    (_, *rows), _ = parse(body, len(body))
    assert all(body[row.offset :].startswith(b"#EXTINF") for row in rows)
    assert [row.values["item_no"] for row in rows] == list(range(1, MANY + 1))
    assert [row.values["entry_url"] for row in rows] == [f"http://tv.example/live/viewer1/pw1/{i}" for i in range(MANY)]


def test_no_more_than_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_m3u_parser, "MAX_ENTRIES", MANY + 5)
    body = HEAD + run().encode() * 3
    rows, anomalies = parse(body, len(body))
    assert (rows, anomalies) == parse(body, LINE_BY_LINE)
    assert (len(rows), [a.detail.split()[0] for a in anomalies]) == (1 + MANY + 5, [str(3 * MANY)])


def test_runs_name_their_lines_and_entries() -> None:
    text = f"#EXTM3U\n{run()}#EXTGRP:x\n\n{run()}{entry(1, WORDS[1])}{entry(2)}"
    lines = [(at, line.encode()) for at, line in enumerate(text.splitlines())]
    names = names_in(lines)
    assert names == ("tvg-id", "group-title")
    found = Alike(lines, names)
    assert list(found.runs()) == [(1, 0, MANY), (2 * MANY + 3, MANY, 2 * MANY)]
    assert found.read(2 * MANY + 3, MANY, MANY + 2).offsets == [2 * MANY + 3, 2 * MANY + 5]


@pytest.mark.parametrize(
    ("line", "names"),
    [(b"#EXTINF:-1 tvg-id=a,b", None), (b'#EXTINF:-1 a="" a="",b', None), (b"#EXTM3U", None), (b"#EXTINF:-1,b", ())],
)
def test_names_are_learnt_from_usual_lines_only(line: bytes, names: tuple[str, ...] | None) -> None:
    assert names_in([(0, line)]) == names
