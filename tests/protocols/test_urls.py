"""URLs of panels in texts that nothing else reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iptvforensics.protocol import Anomaly, ContentInfo, Opening, Row
from iptvforensics.protocols import _urls_parser
from iptvforensics.protocols._urls_parser import MAX_WORD_BYTES, UrlsParser
from iptvforensics.protocols.urls import PROTOCOL

PAGE = b"""<html><a href="http://tv.example:8080/get.php?username=u1&amp;password=p1&amp;type=m3u_plus">list</a>
<p>Portal: http://tv.example/c/, see http://news.example/2024/article/7.</p></html>"""
SETTINGS = json.dumps({"portal": "http://tv.example/stalker_portal/c/", "live": "http://e.example/live/u/p/7.ts"})
REPORT = (
    b"device=box&trace=failed+at&url=http%3A%2F%2Ftv.example%2Fplayer_api.php%3Fusername%3Du2%26password%3Dp2&code=513"
)
UPDATE = json.dumps({"device": {"Model": "X96-B", "romVersion": "20230412", "eth_mac": "001a79000001", "sn": 4711},
                     "time": 1700000000}).encode()  # fmt: skip
INFO = ContentInfo("http://site.example/page", "text/html", role="response")
EXAMPLES = [
    ("page", PAGE, b"", INFO),
    ("settings", SETTINGS.replace("/", "\\/").encode(), b"", INFO),
    ("report", REPORT, b"", ContentInfo("http://crash.example/", "application/x-www-form-urlencoded", role="request")),
    ("update", UPDATE, b"", ContentInfo("http://ota.example/check", "application/json", role="request")),
]


def rows(*steps: bytes | int) -> list[Row]:
    parser = UrlsParser(Opening("rest", b"", b"", info=INFO))
    events = []
    for step in steps:
        events += parser.gap(step, False) if isinstance(step, int) else parser.feed(memoryview(step), False)
    return [event for event in [*events, *parser.end(False)] if isinstance(event, Row)]


def urls(*steps: bytes | int) -> list[tuple[int, str, str | None]]:
    return [(row.offset, row.values["url"], row.values["escaped"]) for row in rows(*steps)]


def test_links_of_a_page_with_where_they_stand() -> None:
    assert urls(PAGE) == [
        (PAGE.index(b"http"), "http://tv.example:8080/get.php?username=u1&password=p1&type=m3u_plus", "html"),
        (PAGE.index(b"http://tv.example/c/"), "http://tv.example/c/", None),
    ]
    assert {row.values["body_url"] for row in rows(PAGE)} == {INFO.name}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"u":"http:\\/\\/e.example\\/live\\/u\\/p\\/7.ts"}', [("http://e.example/live/u/p/7.ts", "json")]),
        ("at http://e.example/movie/u/p/7.mkv.", [("http://e.example/movie/u/p/7.mkv", None)]),
        ("url=http%3a%2F%2Fe.example%2Fget.php%3Fusername%3Da%26password%3Db&x=1",
         [("http://e.example/get.php?username=a&password=b", "percent")]),
        ("https://go.example/?to=http%3A%2F%2Fe.example%2Fc%2F&x=1", [("http://e.example/c/", "percent")]),
        ("http://e.example/portal.php?type=stb&action=handshake&mac=00%3A1A%3A79%3A00%3A00%3A01",
         [("http://e.example/portal.php?type=stb&action=handshake&mac=00%3A1A%3A79%3A00%3A00%3A01", None)]),
        ("rtmp://e.example/app/7?username=a&password=b", [("rtmp://e.example/app/7?username=a&password=b", None)]),
        ("http://e.example/user/pass/7.m3u8", [("http://e.example/user/pass/7.m3u8", None)]),
        ("http://news.example/2024/article/7 http://shop.example/?user=1&pass=2", []),
        ("http://e.example/live/u/p/7.ts " * 3, [("http://e.example/live/u/p/7.ts", None)]),
        ("주소: http://e.example/live/사용자/p/7.ts", [("http://e.example/live/사용자/p/7.ts", None)]),
    ],
)  # fmt: skip
def test_forms_of_panels_however_they_are_written(text: str, found: list[tuple[str, str | None]]) -> None:
    assert [(url, escaped) for _, url, escaped in urls(text.encode())] == found


@pytest.mark.parametrize("size", [MAX_WORD_BYTES, MAX_WORD_BYTES + 1], ids=["whole", "too long"])
@pytest.mark.parametrize("step", [1, 7, 4096, 4097, 1 << 20])
def test_words_up_to_the_limit_are_read_however_they_come(size: int, step: int) -> None:
    url = b"http://e.example/live/u/p/7.ts?x="
    word = url + b"y" * (size - len(url))
    text = b"see " + word + b" and " + url + b"1 " + b"z" * 9000 + b"http://e.example/c/ http://o.example/c/"
    found = urls(*(text[at : at + step] for at in range(0, len(text), step)))
    expected = [] if size > MAX_WORD_BYTES else [(4, word.decode(), None)]
    assert found == [
        *expected,
        (text.index(url + b"1 "), url.decode() + "1", None),
        (text.index(b"http://o."), "http://o.example/c/", None),
    ]


def test_a_word_that_a_gap_cuts_says_nothing() -> None:
    assert urls(b"a http://e.example/live/u/p/", 10, b"7.ts http://e.example/c/") == [(43, "http://e.example/c/", None)]


def test_what_is_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_urls_parser, "MAX_URLS", 2)
    monkeypatch.setattr(_urls_parser, "MAX_SEARCHED_BYTES", 150)
    parser = UrlsParser(Opening("rest", b"", b"", info=INFO))
    text = b" ".join(b"http://e.example/live/u/p/%d.ts" % number for number in range(9))
    events = [*parser.feed(memoryview(text), False), *parser.end(False)]
    assert sum(isinstance(event, Row) for event in events) == 2
    told = {event.name: event.count for event in events if isinstance(event, Anomaly)}
    assert told == {"URLS_over_limit": 2, "URLS_body_over_limit": 1}


@pytest.mark.parametrize(
    ("data", "score"),
    [(b"", None), (b"plain text", 0.5), ("가나다".encode("euc-kr"), 0.5), (b"\x00\x01", 0.0), (b"GIF8\x00", 0.0)],
)
def test_texts_are_told_from_other_bytes(data: bytes, score: float | None) -> None:
    assert PROTOCOL.detect(Opening("rest", data, b"")) == score


def reports(*steps: bytes | int, midstream: bool = False) -> list[Row]:
    info = ContentInfo("http://ota.example/check", "application/json", role="request")
    parser = PROTOCOL.parser(Opening("rest", b"", b"", info=info, midstream=midstream))
    events = []
    for step in steps:
        events += parser.gap(step, True) if isinstance(step, int) else parser.feed(memoryview(step), True)
    return [row for row in [*events, *parser.end(True)] if isinstance(row, Row) and row.table == "device_reports"]


def test_what_a_box_posts_to_ask_for_an_update() -> None:
    (row,) = reports(UPDATE[:20], UPDATE[20:])
    assert row.values == {
        "claimed_macs": ["00:1a:79:00:00:01"], "serial": "4711", "model": "X96-B", "firmware": "20230412",
        "device_id_sent": None, "manufacturer": None, "body_url": "http://ota.example/check",
        "media_type": "application/json",
    }  # fmt: skip
    assert row.offset == 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"mac=00%3A1A%3A79%3A00%3A00%3A02&model=TX3+mini&fw_version=7.1&brand=Osprey",
         {"claimed_macs": ["00:1a:79:00:00:02"], "model": "TX3 mini", "firmware": "7.1", "manufacturer": "Osprey"}),
        (b'\xef\xbb\xbf[{"wifiMac":"00-1A-79-00-00-03","ethMac":"00:1a:79:00:00:04"}]',
         {"claimed_macs": ["00:1a:79:00:00:03", "00:1a:79:00:00:04"]}),
        (b'{"deviceModel":"X96","android_id":"9f3a"}', {"model": "X96", "device_id_sent": "9f3a"}),
        (b'{"model":"X96","sn":"unknown","fw":true}', None),
        (b'{"model":"X96"}', None),
        (b'[{"mac":"00:1a:79:00:00:01"},{"mac":"00:1a:79:00:00:02"}]', None),
        (b'{"a":{"model":"X96","sn":"1"},"b":{"model":"TX3"}}', None),
        (b'{"mac":"00:1a:79:00:00:01"', None),
        (b"[" * 100_000, None),
        (b"plain words = mac", None),
        (b'{"bssid":"00:1a:79:00:00:01","router_mac":"00:1a:79:00:00:01"}', None),
        (b'{"mac":"00:1a:79:00:00:01","mac":"00:1a:79:00:00:02"}', None),
        (b'{"mac":211223344556,"model":"X96","sn":4711}', {"model": "X96", "serial": "4711"}),
        (b'{"model":"X96","sn":["7","7"],"fw":1.5,"uuid":null,"brand":{"n":1}}', {"model": "X96", "serial": "7"}),
    ],
)  # fmt: skip
def test_bodies_that_describe_a_device_and_others(body: bytes, expected: dict[str, object] | None) -> None:
    found = reports(body)
    assert [{k: v for k, v in row.values.items() if v is not None and k not in ("body_url", "media_type")}
            for row in found] == ([expected] if expected else [])  # fmt: skip


@pytest.mark.parametrize("filler", [b'{"a":%s}', b"[%s]"])
def test_a_long_list_behind_the_device_hides_nothing(filler: bytes) -> None:
    apps = filler % (b"[" + b",".join([b'{"p":1}'] * 19_000) + b"]")
    (row,) = reports(b'{"apps":%s,"device":%s}' % (apps, UPDATE))
    assert row.values["serial"] == "4711"
    (row,) = reports(b"model=X96&sn=1" + b"&a=1" * 19_000)
    assert row.values["serial"] == "1"


def test_too_many_values_to_know_that_they_are_of_one_device() -> None:
    values = b",".join([b'{"p":1}'] * 20_000)
    assert reports(b'{"apps":[%s],"device":%s}' % (values, UPDATE)) == []
    assert reports(b"model=X96&sn=1" + b"&a=1" * 20_000) == []


def test_reports_that_are_not_whole_or_too_long_are_none() -> None:
    assert reports(UPDATE[:20], 5, UPDATE[25:]) == reports(UPDATE, midstream=True) == []
    assert reports(UPDATE, b" " * (1 << 18)) == []


def test_what_a_server_sends_describes_no_client() -> None:
    assert [row.table for row in rows(UPDATE)] == []


LISTED = b'{"user_info": {"message": "renew: http:\\/\\/shop.example\\/get.php?username=u&password=p"}, "a": [%s]}' % (
    b", ".join(b'"http://e.example/live/u/p/%d.ts"' % number for number in range(9))
)


def beside(text: bytes) -> list[Any]:
    parser = UrlsParser(Opening("beside", b"", b"", info=INFO))
    return [*parser.feed(memoryview(text), False), *parser.end(False)]


def test_beside_another_protocol_one_url_of_a_list_tells_of_its_account() -> None:
    found = [event.values["url"] for event in beside(LISTED)]
    assert found == ["http://shop.example/get.php?username=u&password=p", "http://e.example/live/u/p/0.ts"]
    assert PROTOCOL.detect(Opening("beside", LISTED[:512], b"")) == 0.5


def test_beside_another_protocol_less_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_urls_parser, "MAX_BESIDE_BYTES", 110)
    assert [type(event) for event in beside(LISTED)] == [Row, Anomaly]


@pytest.mark.parametrize("ampersand", ["&amp;", "&#38;", "&#x26;", "&#038;"])
def test_ampersands_of_html(ampersand: str) -> None:
    page = f'<a href="http://e.example/get.php?username=a{ampersand}password=b">'
    assert [(url, how) for _, url, how in urls(page.encode())] == [
        ("http://e.example/get.php?username=a&password=b", "html")
    ]
