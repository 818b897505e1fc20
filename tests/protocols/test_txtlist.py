"""Channel lists as text, in clear and in base64."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from iptvforensics.protocol import Anomaly, ContentInfo, Event, Mark, Opening, Rows
from iptvforensics.protocols import _txtlist_json, _txtlist_parser
from iptvforensics.protocols._txtlist_parser import TxtListParser
from iptvforensics.protocols.txtlist import PROTOCOL, detect

PLAIN = b"""ua=Player/1.0
News,#genre#
One,http://edge.example/1.m3u8#rtmp://edge.example/live/1$backup
Two,http://edge.example/2.ts|referer=http://site.example
Sport_secret,#genre#
Three,p3p://edge.example/3
"""
CODED = base64.encodebytes("뉴스,#genre#\r\n채널,http://edge.example/k.m3u8\r\n".encode())
INFO = ContentInfo("http://list.example/tv.txt", "text/plain", role="response", extra={"host": "list.example"})

GROUPS: list[Any] = [
    {
        "group": "뉴스",
        "ua": "Player/1.0",
        "channels": [
            {"name": "One", "urls": ["http://edge.example/1.m3u8", "rtmp://edge.example/live/1$backup"]},
            {"name": "Two", "number": "2", "logo": "http://list.example/2.png", "tvgName": "two", "urls": []},
        ],
    },
    {"channel": [{"name": "Three", "urls": ["p3p://edge.example/3"]}], "name": "Sport"},
]
JSON = json.dumps(GROUPS, ensure_ascii=False, indent=1).encode()

WIDE = "뉴스，#genre#\nOne，http://edge.example/1.m3u8#http://edge.example/2.m3u8\nTwo，2,http://edge.example/a,b.ts\n"

EXAMPLES = [
    ("plain", PLAIN, b"", INFO),
    ("base64", CODED, b"", INFO),
    ("json", JSON, b"", INFO),
    ("wide-commas", WIDE.encode(), b"", INFO),
    ("carriage-returns", PLAIN.replace(b"\n", b"\r"), b"", INFO),
    ("utf-16", b"\xfe\xff" + WIDE.encode("utf-16-be"), b"", INFO),
    ("gzip-file", gzip.compress(PLAIN, mtime=0), b"", INFO),
]


def parse(*steps: bytes | int) -> list[Event]:
    head = next((step for step in steps if isinstance(step, bytes)), b"")
    parser = TxtListParser(Opening("content", head, b"", info=INFO))
    events: list[Event] = []
    for step in steps:
        events += parser.gap(step, False) if isinstance(step, int) else parser.feed(memoryview(step), False)
    return events + parser.end(False)


def entries(*steps: bytes | int) -> list[dict[str, Any]]:
    rows = [row for event in parse(*steps) if isinstance(event, Rows) for row in event.each()]
    return [{"at": row.offset, **{k: v for k, v in row.values.items() if v is not None}} for row in rows]


def test_groups_channels_and_every_url_of_a_channel() -> None:
    found = entries(PLAIN)
    shared = {"family": "txtlist", "url": INFO.name, "host": "list.example"}
    assert all(shared.items() <= row.items() for row in found)
    brief = [{k: v for k, v in row.items() if k not in {*shared, "raw", "body_offset"}} for row in found]
    assert brief == [
        {"at": 14, "kind": "category", "name": "News", "item_no": 1},
        {"at": 27, "name": "One", "category_name": "News", "entry_url": "http://edge.example/1.m3u8", "item_no": 2},
        {
            "at": 27,
            "name": "One",
            "category_name": "News",
            "entry_url": "rtmp://edge.example/live/1",
            "entry_raw": "rtmp://edge.example/live/1$backup",
            "item_no": 3,
        },
        {
            "at": 92,
            "name": "Two",
            "category_name": "News",
            "entry_url": "http://edge.example/2.ts",
            "entry_raw": "http://edge.example/2.ts|referer=http://site.example",
            "item_no": 4,
        },
        {"at": 149, "kind": "category", "name": "Sport_secret", "item_no": 5},
        {
            "at": 170,
            "name": "Three",
            "category_name": "Sport_secret",
            "entry_url": "p3p://edge.example/3",
            "item_no": 6,
        },
        {"at": 0, "kind": "list"},
    ]
    assert found[-1]["raw"] == "ua=Player/1.0"
    assert all(row["body_offset"] == row["at"] for row in found)


def test_a_list_in_base64_points_at_its_start() -> None:
    events = parse(CODED)
    assert events[0] == Mark(False, 0)
    assert [(row["at"], row["name"]) for row in entries(CODED)] == [(0, "뉴스"), (0, "채널")]


def read_json(*steps: bytes | int) -> tuple[list[dict[str, Any]], list[Event]]:
    parser = PROTOCOL.parser(Opening("content", JSON[:100], b"", info=INFO))
    events: list[Event] = []
    for step in steps:
        events += parser.gap(step, False) if isinstance(step, int) else parser.feed(memoryview(step), False)
    events += parser.end(False)
    found = [row.values for event in events if isinstance(event, Rows) for row in event.each()]
    return found, [event for event in events if isinstance(event, Anomaly)]


def test_groups_and_channels_in_json() -> None:
    found, told = read_json(JSON)
    assert told == []
    names = ("kind", "name", "category_name", "entry_url", "entry_raw", "number", "logo_url", "epg_id", "item_no")
    assert [{name: row[name] for name in names if row.get(name) is not None} for row in found] == [
        {"kind": "category", "name": "뉴스", "item_no": 1},
        {"name": "One", "category_name": "뉴스", "entry_url": "http://edge.example/1.m3u8", "item_no": 2},
        {
            "name": "One",
            "category_name": "뉴스",
            "entry_url": "rtmp://edge.example/live/1",
            "entry_raw": "rtmp://edge.example/live/1$backup",
            "item_no": 3,
        },
        {
            "name": "Two",
            "category_name": "뉴스",
            "number": 2,
            "logo_url": "http://list.example/2.png",
            "epg_id": "two",
            "item_no": 4,
        },
        {"kind": "category", "name": "Sport", "item_no": 5},
        {"name": "Three", "category_name": "Sport", "entry_url": "p3p://edge.example/3", "item_no": 6},
    ]
    for row in found:
        assert JSON[row["body_offset"] :].startswith(row["raw"].encode())
    assert '"ua": "Player/1.0"' in found[0]["raw"]


@pytest.mark.parametrize(
    ("value", "count", "odd"),
    [
        ([7, {"group": "a", "channels": [1, "x"]}], 1, 3),
        ([{"group": "a", "channels": 7}], 1, 0),
        ([{"group": "a", "channels": [{"urls": "http://edge.example/1"}, {"urls": [None, 7]}, {}]}], 5, 0),
    ],
)
def test_odd_groups_in_json(value: Any, count: int, odd: int) -> None:
    found, told = read_json(json.dumps(value).encode())
    assert (len(found), [event.count for event in told]) == (count, [odd] if odd else [])


def test_groups_with_bytes_that_are_no_text_stand_at_their_own_place() -> None:
    found, _ = read_json(b'[ {"group": "a\xff", "channels": [{"name": "b", "urls": ["http://edge.example/1"]}]}]')
    assert [(row["name"], row["body_offset"]) for row in found] == [("a\\xff", 2), ("b", 2)]


def test_a_gap_in_json_takes_a_group_and_is_told() -> None:
    found, told = read_json(JSON[:60], 10, JSON[70:])
    assert "Three" not in [row["name"] for row in found[:1]]
    assert [event.name for event in told] == ["TXTLIST_gap"]


def test_entries_in_json_beyond_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_txtlist_json, "MAX_ENTRIES", 2)
    found, told = read_json(JSON)
    assert len(found) == 2
    assert told == [Anomaly("TXTLIST_over_limit", False, 0, "more than 2 entries")]


def test_a_gap_takes_one_line_and_is_told() -> None:
    found = entries(PLAIN[:40], 10, PLAIN[50:])
    assert [row["name"] for row in found[:2]] == ["News", "Two"]
    assert Anomaly("TXTLIST_line_cut_by_gap", False, 0, "", 1) in parse(PLAIN[:40], 10, PLAIN[50:])


def test_entries_beyond_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_txtlist_parser, "MAX_ENTRIES", 2)
    assert len([row for row in entries(PLAIN) if row.get("kind") != "list"]) == 2
    assert parse(PLAIN)[-1] == Anomaly("TXTLIST_over_limit", False, 0, "more than 2 entries")


@pytest.mark.parametrize(
    "body",
    [
        b"#EXTM3U\n#EXTINF:-1,a,#genre#\nhttp://a.example/1\n",
        b"<html>,#genre#</html>",
        b'{"a": ",#genre#"}',
        b"name,value\n1,2\n" * 700,
        bytes(8192),
    ],
    ids=["m3u", "html", "json", "csv", "zeros"],
)
def test_other_texts_are_refused(body: bytes) -> None:
    assert detect(Opening("content", body, b"")) == 0.0


@pytest.mark.parametrize(
    ("body", "score"),
    [
        (JSON, 0.9),
        (b"\xef\xbb\xbf " + JSON, 0.9),
        (JSON[:40], None),
        (b"[", None),
        (b"[1, 2]", 0.0),
        (b'[{"stream_id": 1}]' + b" " * 8192, 0.0),
        (b'{"channels": [{"urls": ["a"]}]}', 0.0),
    ],
)
def test_recognition_of_json(body: bytes, score: float | None) -> None:
    assert detect(Opening("content", body, b"")) == score


def test_the_protocol_says_what_it_fills() -> None:
    assert [table.name for table in PROTOCOL.tables] == ["catalogue_entries"]


def test_commas_of_full_width() -> None:
    group, one, other, two = entries(WIDE.encode())
    assert (group["kind"], group["name"]) == ("category", "뉴스")
    assert [row["entry_url"] for row in (one, other)] == ["http://edge.example/1.m3u8", "http://edge.example/2.m3u8"]
    assert (two["name"], two["entry_url"]) == ("Two，2", "http://edge.example/a,b.ts")
    assert detect(Opening("content", WIDE.encode(), b"", info=INFO)) == 0.9


def test_lists_in_gb18030_are_told() -> None:
    body = "央视，#genre#\n综合，http://edge.example/1.m3u8\n".encode("gb18030")
    assert detect(Opening("content", body, b"", info=INFO)) == 0.9
    group, one = entries(body)
    assert (group["name"], one["name"], one["entry_url"]) == (
        r"\xd1\xeb\xca\xd3",
        r"\xd7ۺ\xcf",
        "http://edge.example/1.m3u8",
    )
    assert one["category_name"] == group["name"]
    [told] = [event for event in parse(body) if isinstance(event, Anomaly)]
    assert (told.name, told.count) == ("TXTLIST_not_utf8", 2)
    assert told.detail.startswith("valid as GB18030")


@pytest.mark.parametrize(
    "body", [gzip.compress(PLAIN), b"\xff\xfe" + PLAIN.decode().encode("utf-16-le")], ids=["gzip", "utf-16"]
)
def test_wrapped_lists_are_read(body: bytes) -> None:
    opening = Opening("content", body, b"", info=INFO)
    assert detect(opening) == 0.9
    parser = PROTOCOL.parser(opening)
    events = parser.feed(memoryview(body), False) + parser.end(False)
    found = [row for event in events if isinstance(event, Rows) for row in event.each()]
    assert len(found) == len(entries(PLAIN))
    assert {row.offset for row in found} == {0}
