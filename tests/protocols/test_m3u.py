"""Channel lists: M3U-Plus as services write it, and the lists for old receivers."""

from __future__ import annotations

import gzip
import json

import pytest

from iptvforensics.protocol import Anomaly, ContentInfo, Event, Opening, Row, Rows
from iptvforensics.protocols import _m3u_parser, hls
from iptvforensics.protocols._m3u_extinf import account_in, container_of, kind_of, read_extinf, split_url
from iptvforensics.protocols.m3u import PROTOCOL, detect

PAGE = "http://tv.example:8080/get.php?username=viewer1&password=pw1"


def info(query: str = "", file: str | None = None, url: str | None = PAGE) -> ContentInfo:
    disposition = f'attachment; filename="{file}"' if file else None
    name = None if url is None else url + query
    return ContentInfo(
        name,
        "audio/mpegurl",
        role="response",
        extra={"host": "tv.example:8080", "content_disposition": disposition},
    )


PLUS = (
    '#EXTM3U x-tvg-url="http://tv.example/xmltv.php?username=viewer1"\r\n'
    '#EXT-X-SESSION-DATA:DATA-ID="com.xui.1_5_12"\r\n'
    '#EXTINF:-1 xui-id="{XUI_7}" tvg-id="news.example" tvg-name="News" tvg-logo="http://tv.example/7.png" '
    'timeshift="3" group-title="News, all",News 뉴스, live\r\n'
    "http://tv.example:8080/live/viewer1/pw1/7.ts\r\n"
    '#EXTINF:-1 tvg-id="" tvg-name="Film" group-title="Films",Film\r\n'
    "#EXTVLCOPT:http-user-agent=Player\r\n"
    "http://tv.example:8080/movie/viewer1/pw1/8.mkv|User-Agent=Player\r\n"
    "#EXTINF:-1 tvg-id=plain,No quotes\r\n"
    "#EXTGRP:Group\r\n"
    "http://tv.example:8080/viewer1/pw1/9\r\n"
).encode()
SIMPLE = b"#EXTM3U\n#EXTINF:123,Song\nsong.mp3\n#EXTINF:0,Other\nhttp://a.example/o.mp3\n"
DEVICES = {
    "simple": (
        b"http://tv.example/live/u/p/1.ts #Name: One\r\nhttp://tv.example/live/u/p/2.ts #Name: Two\r\n",
        "simple_viewer1.txt",
    ),
    "ariva": (b"One,http://tv.example/live/u/p/1.ts\nTwo,http://tv.example/live/u/p/2.ts\n", "ariva_viewer1.txt"),
    "fps": (
        b"IPTV: { One } { http://tv.example/live/u/p/1.ts }\nIPTV: { Two } { http://tv.example/live/u/p/2.ts }\n",
        "Royal.cfg",
    ),
    "zorro": (
        b"<NETDBS_TXT_VER_1>\nIPTV: { One } { http://tv.example/live/u/p/1.ts } -HIDE_URL\n"
        b"IPTV: { Two } { http://tv.example/live/u/p/2.ts } -HIDE_URL\n",
        "iptv.cfg",
    ),
    "gst": (b"I: http://tv.example/live/u/p/1.ts One\nI: http://tv.example/live/u/p/2.ts Two\n", "viewer1_list.txt"),
    "mediastar": (b"One http://tv.example/live/u/p/1.ts\nTwo http://tv.example/live/u/p/2.ts\n", "tvlist.txt"),
    "octagon": (
        b"[TITLE]\nOne\n[URL]\nhttp://tv.example/live/u/p/1.ts\n[DESCRIPTION]\nIPTV\n[TYPE]\nLive\n"
        b"[TITLE]\nTwo\n[URL]\nhttp://tv.example/live/u/p/2.ts\n[DESCRIPTION]\nIPTV\n[TYPE]\nLive\n",
        "internettv.feed",
    ),
    "webtvlist": (
        b"Channel name:One\nURL:http://tv.example/live/u/p/1.ts\n[Webtv channel END]\n"
        b"Channel name:Two\nURL:http://tv.example/live/u/p/2.ts\n[Webtv channel END]\n",
        "webtv list.txt",
    ),
    "spark": (
        b'<?xml version="1.0"?>\n<webtvs>\n<webtv title="One" url="http://tv.example/live/u/p/1.ts" iconsrc="" />\n'
        b'<webtv title="Two" url="http://tv.example/live/u/p/2.ts"/>\n</webtvs>\n',
        "webtv_usr.xml",
    ),
}
STARLIVE = json.dumps(
    {
        "iptvstreams_list": {
            "@version": 1,
            "group": {
                "name": "IPTV",
                "channel": [
                    {"name": "One", "url": "http://tv.example/live/u/p/1.ts"},
                    {"name": "Two", "url": "http://tv.example/live/u/p/2.ts"},
                ],
            },
        }
    }
).encode()
SCRIPT = b'#!/bin/bash\nUSERNAME="viewer7";PASSWORD="pw7";bouquet="IPTV";\nwget "http://tv.example/get.php?username=$USERNAME"\n'

TWO = '#EXTM3U\n#EXTINF:-1 tvg-id="뉴스",뉴스 One\nhttp://a.example/live/u/p/1.ts\n#EXTINF:-1,Two\nhttp://a.example/live/u/p/2.ts\n'
ODD = {
    "carriage-returns": TWO.replace("\n", "\r").encode(),
    "utf-16-le": b"\xff\xfe" + TWO.encode("utf-16-le"),
    "utf-16-be": b"\xfe\xff" + TWO.encode("utf-16-be"),
    "gzip-file": gzip.compress(TWO.encode(), mtime=0),
}
EXAMPLES = [
    ("plus", PLUS, b"", info("&type=m3u_plus", "playlist_viewer1_plus.m3u")),
    ("plain", SIMPLE, b"", ContentInfo("http://a.example/list.m3u", role="response")),
    *((device, body, b"", info(f"&type={device}", file)) for device, (body, file) in DEVICES.items()),
    ("starlivev5", STARLIVE, b"", info("&type=starlivev5", "channel.jason")),
    *((name, body, b"", ContentInfo("http://a.example/list.m3u", role="response")) for name, body in ODD.items()),
    ("script", SCRIPT, b"", info("&type=enigma22_script", "iptv.sh")),
]


def parse(data: bytes, about: ContentInfo, cut: tuple[int, int] | None = None) -> list[Event]:
    parser = PROTOCOL.parser(Opening("content", data[:8192], b"", info=about))
    if cut is None:
        return parser.feed(memoryview(data), False) + parser.end(False)
    at, size = cut
    events = parser.feed(memoryview(data[:at]), False) + parser.gap(size, False)
    return events + parser.feed(memoryview(data[at + size :]), False) + parser.end(False)


def rows(events: list[Event], table: str) -> list[Row]:
    return [row for event in events if isinstance(event, Rows) and event.table == table for row in event.each()]


def test_entries_of_m3u_plus() -> None:
    head, news, film, plain = rows(parse(PLUS, info("&type=m3u_plus")), "catalogue_entries")
    shared = {"family": "m3u", "url": PAGE + "&type=m3u_plus", "host": "tv.example:8080", "username": "viewer1"}
    assert all(shared.items() <= row.values.items() for row in (head, news, film, plain))
    assert (head.values["kind"], head.values["entry_url"]) == ("list", "http://tv.example/xmltv.php?username=viewer1")
    raw = news.values.pop("raw")
    assert news.values == {
        **shared,
        "kind": "live",
        "item_no": 1,
        "body_offset": news.offset,
        "entry_id": "{XUI_7}",
        "name": "News 뉴스, live",
        "epg_id": "news.example",
        "logo_url": "http://tv.example/7.png",
        "category_name": "News, all",
        "container": "ts",
        "entry_url": "http://tv.example:8080/live/viewer1/pw1/7.ts",
        "is_archive": True,
        "archive_days": 3.0,
    }
    assert PLUS[news.offset :].startswith(raw.encode().partition(b"\n")[0])
    assert (film.values["kind"], film.values["container"]) == ("vod", "mkv")
    assert film.values["entry_url"] == "http://tv.example:8080/movie/viewer1/pw1/8.mkv"
    assert film.values["entry_raw"].endswith("8.mkv|User-Agent=Player")
    assert "#EXTVLCOPT:http-user-agent=Player" in film.values["raw"]
    assert (plain.values["name"], plain.values["epg_id"], plain.values["category_name"]) == (
        "No quotes",
        "plain",
        "Group",
    )


def test_the_head_names_software_and_account() -> None:
    (row,) = rows(parse(PLUS, info("&type=m3u_plus")), "account_replies")
    expected = {
        "software": "XUI.one",
        "software_version": "1.5.12",
        "username": "viewer1",
        "password": "pw1",
        "action": "m3u_plus",
    }
    assert expected.items() <= row.values.items()


@pytest.mark.parametrize(
    ("file", "user"),
    [
        ("playlist_viewer9_plus.m3u", "viewer9"),
        ("playlist_viewer9.m3u", "viewer9"),
        ("tv_channels.m3u", None),
        (None, None),
    ],
)
def test_a_response_without_its_request_names_the_account_in_the_file_offered(
    file: str | None, user: str | None
) -> None:
    events = parse(SIMPLE, info(file=file, url=None))
    assert {row.values.get("username") for row in rows(events, "catalogue_entries")} == {user}
    assert [row.values["username"] for row in rows(events, "account_replies")] == ([user] if user else [])


@pytest.mark.parametrize(
    ("device", "body", "file"),
    [(d, *rest) for d, rest in DEVICES.items()] + [("starlivev5", STARLIVE, "channel.jason")],
)
def test_lists_for_receivers(device: str, body: bytes, file: str) -> None:
    for about in (info(f"&type={device}"), info(file=file, url=None)):
        found = rows(parse(body, about), "catalogue_entries")
        if device == "starlivev5" or about.name:
            assert [row.values["name"] for row in found] == ["One", "Two"]
            assert [row.values["entry_url"][-4:] for row in found] == ["1.ts", "2.ts"]
            assert all(row.values["container"] == "ts" for row in found)


def test_a_script_for_receivers_holds_an_account() -> None:
    (row,) = rows(parse(SCRIPT, info("&type=enigma22_script")), "account_replies")
    assert (row.values["username"], row.values["password"]) == ("viewer7", "pw7")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('#EXTINF:-1 tvg-id="a" tvg-name="b, c",Name, more', ("-1", {"tvg-id": "a", "tvg-name": "b, c"}, "Name, more")),
        ("#EXTINF:-1,", ("-1", {}, None)),
        ("#EXTINF:0 radio=true,R", ("0", {"radio": "true"}, "R")),
        ('#EXTINF:-1 tvg-ID="x" broken="y,N', ("-1", {"tvg-id": "x", "broken": ""}, None)),
        ("#EXTINF:12.5", ("12.5", {}, None)),
        ('#EXTINF:-1 tvg-id="a" noise here group-title="g",Name', ("-1", {"tvg-id": "a", "group-title": "g"}, "Name")),
        ("#EXTINF -1,No colon", ("-1", {}, "No colon")),
    ],
)
def test_extinf(line: str, expected: tuple[str, dict[str, str], str | None]) -> None:
    duration, attributes, name = read_extinf(line)
    assert (duration, attributes, name) == expected


@pytest.mark.parametrize(
    ("url", "duration", "attributes", "kind"),
    [
        ("http://a/live/u/p/1", "-1", {}, "live"),
        ("http://a/movie/u/p/1.mp4", "-1", {}, "vod"),
        ("http://a/series/u/p/1.mp4", "-1", {}, "episode"),
        ("http://a/u/p/1", "-1", {}, "live"),
        ("http://a/x.mkv", "-1", {}, "vod"),
        ("http://a/x", "5400", {}, "vod"),
        ("http://a/x", "", {}, None),
        ("http://a/x", "-1", {"radio": "true"}, "radio"),
        ("http://a/x", "-1", {"tvg-type": "Movies"}, "vod"),
    ],
)
def test_kinds(url: str, duration: str, attributes: dict[str, str], kind: str | None) -> None:
    assert kind_of(url, duration, attributes, container_of(url)) == kind


def test_parts_of_urls() -> None:
    assert split_url("http://a/x|Referer=http://b") == "http://a/x"
    assert split_url("http://a/x|y") == "http://a/x|y"
    assert container_of("http://a/x.M3U8?token=1.ts") == "m3u8"
    assert account_in("http://[bad/?username=x") is None


def test_catchup_of_the_list_holds_for_its_entries() -> None:
    body = b'#EXTM3U catchup="default" catchup-days="5"\n#EXTINF:-1 catchup="disabled",A\nhttp://a/1\n#EXTINF:-1,B\nhttp://a/2\n'
    _, first, second = rows(parse(body, info()), "catalogue_entries")
    assert (first.values["is_archive"], second.values["is_archive"], second.values["archive_days"]) == (
        False,
        True,
        5.0,
    )


def test_a_gap_costs_the_entry_that_it_cuts() -> None:
    body = b"#EXTM3U\n" + b"".join(
        b'#EXTINF:-1 tvg-id="c%d",Name %d\nhttp://a.example/%d\n' % (i, i, i) for i in range(50)
    )
    events = parse(body, info(), (len(body) // 2, 30))
    found = [row for row in rows(events, "catalogue_entries") if row.values["kind"] != "list"]
    assert 47 <= len(found) <= 49
    assert all(
        row.values["name"].split()[1] == row.values["entry_url"].rpartition("/")[2]
        for row in found
        if "name" in row.values
    )
    assert Anomaly("M3U_line_cut_by_gap", False, 0, "", 1) in events


def test_entries_over_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_m3u_parser, "MAX_ENTRIES", 1)
    events = parse(PLUS, info())
    assert len(rows(events, "catalogue_entries")) == 2
    assert events[-1] == Anomaly("M3U_over_limit", False, 0, "3 entries, 1 were read")


HLS_WITH_LIST_WORDS = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXTINF:6.0,\nhttp://a.example/1.ts\n"
MULTIVARIANT = b'#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID="com.tv.title",VALUE="x"\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n'


@pytest.mark.parametrize("body", [HLS_WITH_LIST_WORDS, MULTIVARIANT])
def test_an_hls_playlist_is_no_list(body: bytes) -> None:
    assert detect(Opening("content", body, b"", info=info())) == 0.0


@pytest.mark.parametrize(
    "body", [PLUS, b'#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID="com.xui.1_5_12"\n#EXTINF:-1,A\nhttp://a/1\n']
)
def test_a_list_with_an_hls_tag_is_no_playlist(body: bytes) -> None:
    assert detect(Opening("content", body, b"")) == 0.95
    assert hls.detect(Opening("content", body, b"")) == 0.0


@pytest.mark.parametrize(
    ("body", "about", "score"),
    [
        (b"One,http://a.example/1\n" * 500, ContentInfo("http://a.example/data.csv"), 0.0),
        (b"<html><body>", info(), None),
        (b"<html><body>" * 900, info(), 0.0),
        (b"{}", info(), None),
        (b"G@\0", info(), 0.0),
        (b"\x89PNG", info(), 0.0),
        (b"username=a", ContentInfo(PAGE, role="request"), 0.0),
    ],
)
def test_what_is_no_list(body: bytes, about: ContentInfo, score: float | None) -> None:
    assert detect(Opening("content", body, b"", info=about)) == score


@pytest.mark.parametrize("name", ODD)
def test_odd_ends_of_lines_and_wrappings_are_undone(name: str) -> None:
    body = ODD[name]
    assert detect(Opening("content", body, b"", info=ContentInfo(role="response"))) == 0.95
    about = ContentInfo("http://a.example/list.m3u", role="response")
    found = rows(parse(body, about), "catalogue_entries")
    assert [row.values.get("name") for row in found[1:]] == ["뉴스 One", "Two"]
    assert found[2].values["entry_url"] == "http://a.example/live/u/p/2.ts"
    assert (found[2].offset > 0) is (name == "carriage-returns")


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("央视".encode("gb18030"), "valid as GB18030 (GBK); bytes stand as escapes"),
        (b"\xff\xfe", "bytes stand as escapes"),
    ],
)
@pytest.mark.parametrize("entries", [1, 40])
def test_names_that_are_not_utf8_are_told(line: bytes, detail: str, entries: int) -> None:
    entry = b'#EXTINF:-1 tvg-id="x",%s\nhttp://a.example/live/u/p/1.ts\n' % line
    events = parse(b"#EXTM3U\n" + entry * entries, ContentInfo("http://a.example/list.m3u", role="response"))
    [told] = [event for event in events if isinstance(event, Anomaly)]
    assert (told.name, told.detail, told.count) == ("M3U_not_utf8", detail, entries)


def test_a_list_in_utf8_is_not_told() -> None:
    about = ContentInfo("http://a.example/list.m3u", role="response")
    assert not [event for event in parse(TWO.encode(), about) if isinstance(event, Anomaly)]
