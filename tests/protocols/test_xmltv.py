"""XMLTV guides, in clear and as gzip files."""

from __future__ import annotations

import gzip
import random
from typing import Any

import pytest

from iptvforensics.protocol import Anomaly, ContentInfo, Event, Opening, Row, Rows
from iptvforensics.protocols import _xmltv_document
from iptvforensics.protocols.xmltv import PROTOCOL, detect

INFO = ContentInfo(
    "http://tv.example/xmltv.php?username=viewer1&password=pw1",
    "text/xml",
    role="response",
    extra={"host": "tv.example"},
)
GUIDE = """<?xml version="1.0" encoding="utf-8" ?>
<!DOCTYPE tv SYSTEM "xmltv.dtd">
<tv generator-info-name="Best TV" generator-info-url="http://main.example:8080/">
  <channel id="news.example"><display-name>News 뉴스</display-name><display-name>5</display-name>
    <icon src="http://tv.example/7.png"/></channel>
  <programme start="20231115051320 +0700" stop="20231115061320 +0700" channel="news.example">
    <title lang="ko">저녁 &amp; 뉴스</title><desc>About <![CDATA[<b>things</b>]]></desc><category>News</category>
    <category>Talk</category><episode-num system="onscreen">S1E2</episode-num>
  </programme>
  <programme start="20231115061320" channel="news.example"><title/></programme>
</tv>
""".encode()

EXAMPLES = [
    ("guide", GUIDE, b"", INFO),
    (
        "gzip-file",
        gzip.compress(GUIDE, mtime=0),
        b"",
        ContentInfo("http://tv.example/epg.xml.gz", role="response"),
    ),
]


def parse(*steps: bytes | int, head: bytes | None = None) -> list[Event]:
    first = next((step for step in steps if isinstance(step, bytes)), b"")
    parser = PROTOCOL.parser(Opening("content", first if head is None else head, b"", info=INFO))
    events: list[Event] = []
    for step in steps:
        events += parser.gap(step, False) if isinstance(step, int) else parser.feed(memoryview(step), False)
    return events + parser.end(False)


def rows(events: list[Event], table: str) -> list[Row]:
    return [row for event in events if isinstance(event, Rows) and event.table == table for row in event.each()]


def anomalies(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, Anomaly)]


def test_programmes() -> None:
    first, second = rows(parse(GUIDE), "programmes")
    assert GUIDE[first.offset :].startswith(b'<programme start="20231115051320 +0700"')
    assert first.values == {
        "family": "xmltv",
        "url": INFO.name,
        "host": "tv.example",
        "item_no": 1,
        "body_offset": first.offset,
        "channel_ref": "news.example",
        "start_ns": 1700000000 * 10**9 - 3600 * 0,
        "end_ns": 1700003600 * 10**9,
        "start_text": "20231115051320 +0700",
        "end_text": "20231115061320 +0700",
        "title": "저녁 & 뉴스",
        "description": "About <b>things</b>",
        "language": "ko",
        "category": "News",
        "raw": '{"category": ["News", "Talk"], "episode-num": ["S1E2"]}',
    }
    assert "start_ns" not in second.values
    assert (second.values["start_text"], "title" in second.values) == ("20231115061320", False)


def test_channels_and_generator() -> None:
    events = parse(GUIDE)
    (channel,), (account,) = rows(events, "catalogue_entries"), rows(events, "account_replies")
    assert {
        "kind": "live",
        "epg_id": "news.example",
        "name": "News 뉴스",
        "logo_url": "http://tv.example/7.png",
        "username": "viewer1",
    }.items() <= channel.values.items()
    assert (account.values["software"], account.values["stated_host"]) == ("Best TV", "http://main.example:8080/")
    assert (account.values["username"], account.values["password"]) == ("viewer1", "pw1")


def test_a_gzip_file_gives_the_same_rows_at_its_beginning() -> None:
    packed = gzip.compress(GUIDE, mtime=0)
    plain, unpacked = (rows(parse(body), "programmes") for body in (GUIDE, packed))
    assert [row.values for row in plain] == [row.values for row in unpacked]
    assert {row.offset for row in unpacked} == {0}


ENTITIES = b'<!DOCTYPE tv [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><tv><channel id="&b;"/></tv>'
EXTERNAL = b'<!DOCTYPE tv [<!ENTITY x SYSTEM "file:///etc/passwd">]><tv><channel id="1">&x;</channel></tv>'


@pytest.mark.parametrize("body", [ENTITIES, b'<?xml version="1.0"?>\n' + ENTITIES, EXTERNAL])
def test_guides_that_declare_entities_are_known(body: bytes) -> None:
    assert detect(Opening("content", body, b"", info=INFO)) == 0.95


@pytest.mark.parametrize("body", [ENTITIES, EXTERNAL], ids=["entities", "external"])
def test_declared_entities_end_the_reading(body: bytes) -> None:
    events = parse(body)
    assert anomalies(events) == ["XMLTV_refused"]
    assert rows(events, "catalogue_entries") == []


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"<tv>" + b"<a>" * 40, "refused"),
        (b"<html></html>", "refused"),
        (b"<tv><programme></tv>", "malformed"),
        (GUIDE[:-8], "cut"),
        (b"<tv>" + b"".join(b"<n%d/>" % i for i in range(20_000)) + b"</tv>", "refused"),
        (b"<tv a='" + b"x" * (2 << 20) + b"'></tv>", "refused"),
        (gzip.compress(GUIDE, mtime=0)[:60] + b"\xff" * 60, "gzip_damaged"),
        (gzip.compress(b"<tv>" + b" " * (30 << 20), mtime=0), "gzip_over_limit"),
    ],
)
def test_hostile_documents_end_in_an_anomaly(body: bytes, name: str) -> None:
    pieces = [body[i : i + (1 << 20)] for i in range(0, len(body), 1 << 20)]
    assert anomalies(parse(*pieces)) == [f"XMLTV_{name}"]


def test_what_stands_before_damage_is_kept() -> None:
    cut = GUIDE.index(b'<programme start="20231115061320"')
    events = parse(GUIDE[:cut], 10, GUIDE[cut + 10 :])
    assert len(rows(events, "programmes")) == 1
    assert anomalies(events) == ["XMLTV_gap"]


def test_elements_over_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_xmltv_document, "MAX_PROGRAMMES", 1)
    events = parse(GUIDE)
    assert len(rows(events, "programmes")) == 1
    assert anomalies(events) == ["XMLTV_over_limit"]


def test_long_texts_are_cut_not_refused() -> None:
    text = "".join(random.Random(1).choices("abc ", k=3 << 20)).encode()
    body = b"<tv><programme channel='a'><title>" + text + b"</title></programme></tv>"
    (found,) = rows(parse(*(body[i : i + 65536] for i in range(0, len(body), 65536))), "programmes")
    assert len(found.values["title"]) <= _xmltv_document.MAX_TEXT_CHARS


@pytest.mark.parametrize(
    ("body", "score"),
    [
        (b"<tv>", 0.95),
        (b'<?xml version="1.0"?><!-- x --><!DOCTYPE tv SYSTEM "xmltv.dtd"><tv a="b">', 0.95),
        (b'<?xml version="1.0"?><rss>', None),
        (b'<?xml version="1.0"?><rss>' + b" " * 9000, 0.0),
        (b"<tvs>", None),
        (b"", None),
        (b"{", 0.0),
        (gzip.compress(b"hello" * 1000, mtime=0), 0.0),
        (b"\x1f\x8b\xff\xff", 0.0),
    ],
)
def test_recognition(body: bytes, score: Any) -> None:
    assert detect(Opening("content", body, b"")) == score
