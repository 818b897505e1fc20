"""Replies of the Xtream API in the shapes and spellings of its servers."""

from __future__ import annotations

import base64
import json
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.protocol import Anomaly, ContentInfo, Event, Mark, Opening, Row, Rows
from iptvforensics.protocols import _xtream_parser
from iptvforensics.protocols.xtream import PROTOCOL, detect

PAGE = "http://tv.example:8080/player_api.php?username=viewer1&password=pw1"


def info(query: str = "", role: str = "response", url: str = PAGE, **extra: Any) -> ContentInfo:
    return ContentInfo(url + query, "application/json", role=role, extra={"host": "tv.example:8080", **extra})


LOGIN = {
    "user_info": {
        "username": "viewer1",
        "password": "pw1",
        "message": "Welcome",
        "auth": 1,
        "status": "Active",
        "exp_date": "1735689600",
        "is_trial": "0",
        "active_cons": "1",
        "created_at": "1700000000",
        "max_connections": "2",
        "allowed_output_formats": ["m3u8", "ts"],
    },
    "server_info": {
        "url": "main.example",
        "port": "8080",
        "https_port": "8443",
        "server_protocol": "http",
        "rtmp_port": "8880",
        "timezone": "Asia/Jakarta",
        "timestamp_now": 1700000000,
        "time_now": "2023-11-15 05:13:20",
        "xui": True,
        "version": "1.5.12",
        "revision": 2,
    },
}
LIVE = [
    {
        "num": 1,
        "name": "News \\/ 뉴스",
        "stream_type": "live",
        "stream_id": 101,
        "stream_icon": "http://tv.example:8080/images/1.png",
        "epg_channel_id": "news.example",
        "added": "1700000000",
        "category_id": "3",
        "custom_sid": "1:0:19:283D:3FB:1:C00000:0:0:0:",
        "tv_archive": 1,
        "direct_source": "http://origin.example/news.m3u8",
        "tv_archive_duration": "7",
    },
    {
        "num": "2",
        "name": "Radio",
        "stream_type": "radio_streams",
        "stream_id": "102",
        "stream_icon": "",
        "epg_channel_id": None,
        "added": None,
        "category_id": None,
        "category_ids": [5, 6],
        "custom_sid": "",
        "tv_archive": 0,
        "direct_source": "",
        "tv_archive_duration": 0,
    },
    {"num": 3, "name": "News again", "stream_type": "created_live", "stream_id": 101, "category_id": "4"},
]
VOD = [
    {
        "num": 1,
        "name": "Film",
        "title": "Film",
        "stream_type": "movie",
        "stream_id": 7,
        "rating": "",
        "rating_5based": 0,
        "container_extension": "mkv",
        "category_id": "9",
        "added": 1700000000,
    }
]
SERIES_INFO = {
    "seasons": [{"id": 11, "name": "Season 1", "season_number": 1, "cover": "http://tv.example/s1.jpg"}],
    "info": {"name": "Serial", "cover": "http://tv.example/s.jpg", "category_id": "8", "last_modified": "1700000000"},
    "episodes": {
        "1": [
            {
                "id": "901",
                "episode_num": "1",
                "title": "One",
                "container_extension": "mp4",
                "info": [],
                "season": 1,
                "added": "1700000000",
                "direct_source": "",
            },
            {
                "id": 902,
                "episode_num": 2,
                "title": "Two",
                "container_extension": "mp4",
                "info": {"movie_image": "http://tv.example/2.jpg"},
            },
        ]
    },
}
EPG = {
    "epg_listings": [
        {
            "id": "1",
            "epg_id": "4",
            "title": base64.b64encode("저녁 뉴스".encode()).decode().rstrip("="),
            "lang": "ko",
            "start": "2023-11-15 05:00:00",
            "end": "1700003600",
            "stop": "2023-11-15 06:13:20",
            "description": "",
            "channel_id": "news.example",
            "start_timestamp": "1700000000",
            "stop_timestamp": "1700003600",
        },
        {
            "id": "2",
            "title": "Plain title",
            "start": "2023-11-15 06:00:00",
            "end": "2023-11-15 07:00:00",
            "description": "RA==",
            "channel_id": "news.example",
            "start_timestamp": "1700003600",
            "stop_timestamp": "1700007200",
            "has_archive": 1,
        },
    ]
}
EPG_OF_MANY = {
    "901": [{"id": 1, "title": "TmV3cw==", "start": 1700000000, "end": 1700003600}],
    "902": {"0": {"id": 2, "title": "U3BvcnQ=", "start": 1700000000, "end": 1700003600}},
    "903": [],
}
LEGACY = {
    "user_info": {"auth": 1, "username": "viewer1", "password": "pw1", "active_cons": 0},
    "server_info": {"url": "main.example", "port": "8080"},
    "categories": {"live": [{"category_id": "3", "category_name": "News", "parent_id": 0}], "movie": []},
    "available_channels": {"101": {**LIVE[0], "category_name": "News", "live": "1", "type_name": "Live Streams"}},
}


def body(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).replace("\\\\/", "\\/").encode()


NOTICE = b"<br />\n<b>Warning</b>:  Bad argument in <b>/var/www/api.php</b> on line <b>7</b><br />\n"

EXAMPLES = [
    ("behind-a-notice", NOTICE + body(LIVE), b"", info("&action=get_live_streams")),
    ("login", body(LOGIN), b"", info()),
    ("live", body(LIVE), b"", info("&action=get_live_streams")),
    ("series-info", body(SERIES_INFO), b"", info("&action=get_series_info&series_id=55")),
    ("epg", body(EPG), b"", info("&action=get_short_epg&stream_id=101")),
    ("epg-of-many", body(EPG_OF_MANY), b"", info("&action=get_epg&multi=1&stream_id=901,902")),
    ("keyed", body({"0": LIVE[0], "5": LIVE[1]}), b"", info("&action=get_live_streams")),
    ("legacy", body(LEGACY), b"", info(url="http://tv.example/panel_api.php?username=viewer1&password=pw1")),
    ("unknown-request", body(VOD), b"", ContentInfo(role="response")),
    (
        "form",
        b"username=viewer1&password=pw1&action=get_series",
        b"",
        info(url="http://tv.example/player_api.php", role="request"),
    ),
]


def parse(data: bytes, about: ContentInfo, gap: tuple[int, int] | None = None) -> list[Event]:
    parser = PROTOCOL.parser(Opening("content", data[:8192], b"", info=about))
    if gap is None:
        return parser.feed(memoryview(data), False) + parser.end(False)
    at, size = gap
    events = parser.feed(memoryview(data[:at]), False) + parser.gap(size, False)
    return events + parser.feed(memoryview(data[at + size :]), False) + parser.end(False)


def rows(events: list[Event], table: str) -> list[Row]:
    return [row for event in events if isinstance(event, Rows) and event.table == table for row in event.each()]


def entries(value: Any, about: ContentInfo) -> list[dict[str, Any]]:
    return [row.values for row in rows(parse(body(value), about), "catalogue_entries")]


def test_login_says_account_and_server() -> None:
    data = body(LOGIN)
    events = parse(data, info())
    (row,) = rows(events, "account_replies")
    assert row.offset == data.index(b'{"username')
    assert Mark(False, row.offset) in events
    raw = row.values.pop("raw")
    assert '"allowed_output_formats": ["m3u8", "ts"]' in raw
    assert row.values == {
        "family": "xtream",
        "role": "response",
        "action": "login",
        "url": PAGE,
        "host": "tv.example:8080",
        "username": "viewer1",
        "password": "pw1",
        "message": "Welcome",
        "auth": True,
        "account_status": "Active",
        "expires_ns": 1735689600 * 10**9,
        "is_trial": False,
        "active_connections": 1,
        "max_connections": 2,
        "created_ns": 1700000000 * 10**9,
        "stated_host": "main.example",
        "stated_port": 8080,
        "stated_https_port": 8443,
        "stated_rtmp_port": 8880,
        "stated_protocol": "http",
        "timezone": "Asia/Jakarta",
        "server_time": "2023-11-15 05:13:20",
        "server_time_ns": 1700000000 * 10**9,
        "software": "XUI.one",
        "software_version": "1.5.12 r2",
        "marks": ["server_info.xui", "server_info.revision", "active_cons is text"],
    }


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"auth": 0}, {"auth": False, "username": "viewer1", "password": "pw1"}),
        ({"auth": "1", "exp_date": None, "active_cons": 3}, {"auth": True, "active_connections": 3}),
        ({"auth": 1, "exp_date": "2030-01-01"}, {"auth": True, "expires_text": "2030-01-01"}),
        ([], {"username": "viewer1"}),
    ],
)
def test_login_in_odd_shapes(user: Any, expected: dict[str, Any]) -> None:
    (row,) = rows(parse(body({"user_info": user, "server_info": []}), info()), "account_replies")
    assert expected.items() <= row.values.items()
    assert "expires_ns" not in row.values


@pytest.mark.parametrize(("zone", "shift"), [("Asia/Jakarta", 7 * 3600), (None, 0), ("UTC", 0)])
def test_dates_of_an_account_count_in_the_zone_of_the_panel(zone: str | None, shift: int) -> None:
    user = {"auth": 1, "exp_date": "2030-01-01 00:00:00", "created_at": "2024-01-01 00:00:00"}
    (row,) = rows(parse(body({"user_info": user, "server_info": {"timezone": zone}}), info()), "account_replies")
    assert row.values["expires_text"] == "2030-01-01 00:00:00"
    assert row.values["expires_ns"] == (1893456000 - shift) * 10**9
    assert row.values["created_ns"] == (1704067200 - shift) * 10**9


def test_live_list_with_text_for_numbers_nulls_and_an_identifier_twice() -> None:
    data = body(LIVE)
    found = rows(parse(data, info("&action=get_live_streams")), "catalogue_entries")
    first, second, third = sorted((row.values for row in found), key=lambda values: values["item_no"])
    shared = {
        "family": "xtream",
        "url": PAGE + "&action=get_live_streams",
        "host": "tv.example:8080",
        "username": "viewer1",
    }
    raws = [values.pop("raw") for values in (first, second, third)]
    for values, raw in zip((first, second, third), raws, strict=True):
        assert data[values["body_offset"] :].startswith(raw.encode())
    assert first == {
        **shared,
        "body_offset": 1,
        "item_no": 1,
        "kind": "live",
        "entry_id": "101",
        "name": "News / 뉴스",
        "number": 1,
        "category_id": "3",
        "epg_id": "news.example",
        "entry_url": "http://origin.example/news.m3u8",
        "logo_url": "http://tv.example:8080/images/1.png",
        "service_ref": "1:0:19:283D:3FB:1:C00000:0:0:0:",
        "is_archive": True,
        "archive_days": 7.0,
        "added_ns": 1700000000 * 10**9,
    }
    assert second == {
        **shared,
        "body_offset": second["body_offset"],
        "item_no": 2,
        "kind": "radio",
        "entry_id": "102",
        "name": "Radio",
        "number": 2,
        "category_id": "5",
        "is_archive": False,
    }
    assert (third["entry_id"], third["kind"], third["category_id"]) == ("101", "live", "4")


def test_films_are_known_without_a_request() -> None:
    (film,) = entries(VOD, ContentInfo(role="response"))
    assert (film["kind"], film["entry_id"], film["container"], film["category_id"]) == ("vod", "7", "mkv", "9")


@pytest.mark.parametrize("stream_type", [None, "series", ""])
def test_series_of_old_and_new_servers(stream_type: str | None) -> None:
    value = [
        {
            "num": 1,
            "name": "S",
            "series_id": 5,
            "stream_type": stream_type,
            "cover": "c",
            "backdrop_path": "",
            "category_id": None,
        }
    ]
    (found,) = entries(value, info("&action=get_series"))
    assert (found["kind"], found["entry_id"], found["logo_url"]) == ("series", "5", "c")


def test_actions_by_number() -> None:
    (category,) = entries([{"category_id": "3", "category_name": "News", "parent_id": 0}], info("&action=201"))
    assert category["section"] == "live"
    (film,) = entries([{"stream_id": 78.0, "name": "Film"}], info("&action=203"))
    assert (film["kind"], film["entry_id"]) == ("vod", "78")
    value = {"seasons": [], "info": {"name": "Serial"}, "episodes": []}
    (series,) = entries(value, info("&action=204&series_id=55"))
    assert (series["kind"], series["entry_id"]) == ("series", "55")


@pytest.mark.parametrize(
    ("action", "section"),
    [("get_live_categories", "live"), ("get_vod_categories", "vod"), ("get_series_categories", "series")],
)
def test_categories_belong_to_a_part_of_the_catalogue(action: str, section: str) -> None:
    value = [
        {"category_id": "3", "category_name": "News", "parent_id": 0},
        {"category_id": 4, "category_name": "X", "parent_id": 3},
    ]
    first, second = entries(value, info(f"&action={action}"))
    assert (first["kind"], first["section"], first["entry_id"], first["name"]) == ("category", section, "3", "News")
    assert "parent_id" not in first
    assert (second["entry_id"], second["parent_id"]) == ("4", "3")


@pytest.mark.parametrize("as_list", [False, True])
def test_series_with_seasons_and_episodes(as_list: bool) -> None:
    value = {**SERIES_INFO, "episodes": list(SERIES_INFO["episodes"].values())} if as_list else SERIES_INFO  # type: ignore[attr-defined]
    found = entries(value, info("&action=get_series_info&series_id=55"))
    by_kind = {kind: [row for row in found if row["kind"] == kind] for kind in ("season", "series", "episode")}
    (season,), (series,), episodes = by_kind["season"], by_kind["series"], by_kind["episode"]
    assert (season["entry_id"], season["number"], season["parent_id"]) == ("11", 1, "55")
    assert (series["entry_id"], series["name"], series["category_id"]) == ("55", "Serial", "8")
    assert [(e["entry_id"], e["number"], e["name"], e["parent_id"]) for e in episodes] == [
        ("901", 1, "One", "55"),
        ("902", 2, "Two", "55"),
    ]
    assert [e.get("season") for e in episodes] == [1, None if as_list else 1]


@pytest.mark.parametrize("details", [{"name": "Film", "movie_image": "http://tv.example/f.jpg"}, []])
def test_film_asked_about(details: Any) -> None:
    value = {
        "info": details,
        "movie_data": {"stream_id": 7, "name": "Film", "container_extension": "mkv", "added": "1700000000"},
    }
    (found,) = entries(value, info("&action=get_vod_info&vod_id=7"))
    assert (found["kind"], found["entry_id"], found["name"], found["container"]) == ("vod", "7", "Film", "mkv")
    assert found.get("logo_url") == ("http://tv.example/f.jpg" if details else None)


def test_programmes_in_both_spellings_of_their_end() -> None:
    first, second = (row.values for row in rows(parse(body(EPG), info("&stream_id=101")), "programmes"))
    assert (first["title"], first["language"], first["channel_ref"]) == ("저녁 뉴스", "ko", "news.example")
    assert (first["start_ns"], first["end_ns"]) == (1700000000 * 10**9, 1700003600 * 10**9)
    assert (first["start_text"], first["end_text"]) == ("2023-11-15 05:00:00", "2023-11-15 06:13:20")
    assert (second["title"], second["description"], second["end_text"]) == ("Plain title", "D", "2023-11-15 07:00:00")


def test_programmes_with_seconds_for_dates() -> None:
    value = [{"id": 1, "title": "TmV3cw==", "start": 1700000000, "end": 1700003600, "stream_id": 5}]
    (found,) = (row.values for row in rows(parse(body(value), info("&action=get_epg")), "programmes"))
    assert (found["title"], found["start_ns"], found["end_ns"]) == ("News", 1700000000 * 10**9, 1700003600 * 10**9)


@pytest.mark.parametrize("value", [EPG_OF_MANY, {"epg_listings": EPG_OF_MANY}])
def test_programmes_of_many_channels_stand_under_their_numbers(value: Any) -> None:
    data = body(value)
    events = parse(data, info("&action=get_epg&multi=1&stream_id=901,902"))
    found = rows(events, "programmes")
    assert [(row.values["channel_ref"], row.values["title"]) for row in found] == [("901", "News"), ("902", "Sport")]
    assert [row.offset for row in found] == [data.index(b'{"id": 1'), data.index(b'{"id": 2')]
    assert not [event for event in events if isinstance(event, Anomaly)]
    (alone,) = rows(parse(body(EPG_OF_MANY["901"]), info("&action=get_epg&stream_id=901,902")), "programmes")
    assert "channel_ref" not in alone.values


@pytest.mark.parametrize(
    ("action", "items", "kind"),
    [
        ("get_live_streams", LIVE[:1] * 2, "live"),
        ("get_vod_streams", VOD * 2, "vod"),
        ("get_series", [{"series_id": i, "name": "S", "cover": ""} for i in range(2)], "series"),
        ("get_live_categories", [{"category_id": "3", "category_name": "News", "parent_id": 0}] * 2, "category"),
    ],
)
def test_lists_with_numbers_for_names(action: str, items: list[Any], kind: str) -> None:
    data = body({"5": items[0], "0": items[1]})
    events = parse(data, info(f"&action={action}"))
    found = rows(events, "catalogue_entries")
    assert [(row.values["kind"], row.values["item_no"]) for row in found] == [(kind, 1), (kind, 2)]
    for row in found:
        assert data[row.offset :].startswith(row.values["raw"].encode())
    assert not [event for event in events if isinstance(event, Anomaly)]


def test_categories_of_the_old_page_with_numbers_for_names() -> None:
    categories = {"live": {"1": LEGACY["categories"]["live"][0]}, "movie": []}  # type: ignore[index]
    first, _ = entries({**LEGACY, "categories": categories}, info(url="http://tv.example/panel_api.php?username=a"))
    assert (first["kind"], first["section"], first["entry_id"]) == ("category", "live", "3")


def test_episodes_with_numbers_for_names() -> None:
    first, second = SERIES_INFO["episodes"]["1"]  # type: ignore[index]
    value = {**SERIES_INFO, "episodes": {"2": {"1": second, "3": {**second, "id": "903"}}, "1": [first]}}
    data = body(value)
    found = rows(parse(data, info("&action=get_series_info&series_id=55")), "catalogue_entries")
    episodes = [row for row in found if row.values["kind"] == "episode"]
    assert [(row.values["entry_id"], row.values["season"]) for row in episodes] == [("902", 2), ("903", 2), ("901", 1)]
    for row in episodes:
        assert data[row.offset :].startswith(row.values["raw"].encode())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            [1, "x", {"stream_id": 1, "name": "a"}],
            Anomaly("XTREAM_item_unknown", False, 1, "items of a list that are no objects", 2),
        ),
        ({"data": {"a": 1}}, Anomaly("XTREAM_reply_unknown", False, 9, "names that are not known: data")),
        ({"user_info": {"auth": 1}, "data": {"a": 1}}, None),
        ({"episodes": [], "info": []}, None),
        ([], None),
    ],
)
def test_what_gives_no_row_is_told(value: Any, expected: Anomaly | None) -> None:
    found = [event for event in parse(body(value), info("&action=get_live_streams")) if isinstance(event, Anomaly)]
    assert found == ([expected] if expected else [])


def test_the_old_page_says_everything_at_once() -> None:
    about = info(url="http://tv.example/panel_api.php?username=viewer1&password=pw1")
    events = parse(body(LEGACY), about)
    (account,) = rows(events, "account_replies")
    category, channel = (row.values for row in rows(events, "catalogue_entries"))
    assert account.values["marks"] == ["active_cons is a number"]
    assert (category["kind"], category["section"], category["name"]) == ("category", "live", "News")
    assert (channel["kind"], channel["entry_id"], channel["category_name"]) == ("live", "101", "News")


def test_paths_that_stand_for_queries_name_account_and_action() -> None:
    about = info(url="http://tv.example/player_api/viewer9/pw9/get_vod_streams")
    (film,) = entries(VOD, about)
    assert film["username"] == "viewer9"


def test_a_posted_form_is_a_claim_and_says_what_its_reply_answers() -> None:
    about = info(url="http://tv.example/player_api.php", role="request")
    (row,) = rows(parse(b"username=viewer1&password=p+w&action=get_series", about), "account_replies")
    assert row.values["raw"] == "username=viewer1&password=p+w&action=get_series"
    assert (row.values["role"], row.values["username"], row.values["password"]) == ("request", "viewer1", "p w")
    reply = info(url="http://tv.example/player_api.php", form=b"username=viewer1&action=get_live_categories")
    (category,) = entries([{"category_id": 1, "category_name": "A", "parent_id": 0}], reply)
    assert (category["username"], category["section"]) == ("viewer1", "live")


def test_a_gap_costs_the_items_that_it_cuts() -> None:
    data = body([{**LIVE[0], "stream_id": i} for i in range(100)])
    events = parse(data, info("&action=get_live_streams"), (len(data) // 2, 50))
    found = rows(events, "catalogue_entries")
    assert 97 <= len(found) <= 99
    assert all(data[row.offset :].startswith(b'{"num"') for row in found)
    assert [event.name for event in events if isinstance(event, Anomaly)] == ["XTREAM_gap"]


def test_a_reply_behind_a_notice_of_php_keeps_its_places() -> None:
    data = NOTICE + body(LIVE)
    events = parse(data, info("&action=get_live_streams"))
    found = rows(events, "catalogue_entries")
    assert found
    for row in found:
        assert data[row.offset :].startswith(row.values["raw"].encode())
    (told,) = [event for event in events if isinstance(event, Anomaly)]
    assert (told.name, told.detail) == (
        "XTREAM_notice_of_php",
        "before the reply: Warning : Bad argument in /var/www/api.php on line 7",
    )


@pytest.mark.parametrize("data", [b"<html>" + b" " * 99, NOTICE + b"<html>" + b" " * 99, NOTICE * 2 + b"x" * 99])
def test_other_pages_of_html_are_refused(data: bytes) -> None:
    assert detect(Opening("content", data, b"", info=info("&action=get_live_streams"))) == 0.0


def test_items_over_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_xtream_parser, "MAX_ITEMS", 2)
    events = parse(body(LIVE), info())
    assert events[-1] == Anomaly("XTREAM_over_limit", False, 0, "3 items, 2 were read")


@pytest.mark.parametrize(
    "value", [[1, "x", None, [], {}], {"a": [1]}, [[]], {"user_info": 7}, {"episodes": []}, {"info": []}]
)
def test_hostile_shapes_raise_nothing(value: Any) -> None:
    for action in ("", "&action=get_series_info", "&action=get_epg"):
        parse(body(value), info(action))


@pytest.mark.parametrize(
    ("data", "about", "score"),
    [
        (b"[]", info("&action=get_live_streams"), 0.95),
        (b"<html>", info(), 0.0),
        (body(LOGIN), ContentInfo(role="response"), 0.9),
        (b'{"js": {"id": 1}}' + b" " * 8192, ContentInfo(role="response"), 0.0),
        (b'{"name": "x"}', ContentInfo(role="response"), None),
        (b"username=a&password=b", ContentInfo("http://shop.example/login", role="request"), 0.0),
        (b"username=a&password=b", ContentInfo("http://tv.example/player_api.php", role="request"), 0.95),
        (b'{"user_info": 1}', ContentInfo("http://tv.example/player_api.php", role="request"), 0.0),
    ],
)
def test_recognition(data: bytes, about: ContentInfo, score: float | None) -> None:
    assert detect(Opening("content", data, b"", info=about)) == score


# A client library of others has read these replies: what it made of them is the answer ----------------------

SHARED = Path(__file__).parents[2] / "../shared/captures/public.tar.zst"
SNAPSHOTS = "_fixtures/xtream/ektotv/tests/snapshots/"


@pytest.fixture(scope="module")
def snapshots() -> dict[str, Any]:
    if not SHARED.is_file():
        pytest.skip("the public captures are not beside the repository")
    zstd = pytest.importorskip("backports.zstd")
    found: dict[str, Any] = {}
    with zstd.open(SHARED) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if name.startswith(SNAPSHOTS) and member.isfile():
                extracted = archive.extractfile(member)
                if extracted is not None:
                    found[name.removeprefix(SNAPSHOTS)] = extracted.read()
    return found


def seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp()) * 10**9


LISTS = [
    ("channels", "live", "get_live_streams"),
    ("movies", "vod", "get_vod_streams"),
    ("shows", "series", "get_series"),
]


@pytest.mark.shared
@pytest.mark.parametrize(("name", "kind", "action"), LISTS)
def test_lists_are_what_a_client_library_made_of_them(
    snapshots: dict[str, bytes], name: str, kind: str, action: str
) -> None:
    judge = json.loads(snapshots[f"standardized/{name}.json"])
    for about in (info(f"&action={action}"), ContentInfo(role="response")):
        assert (detect(Opening("content", snapshots[f"raw/{name}.json"][:8192], b"", info=about)) or 0) >= 0.5
        found = [row.values for row in rows(parse(snapshots[f"raw/{name}.json"], about), "catalogue_entries")]
        assert [(row["kind"], row["entry_id"]) for row in found] == [(kind, item["id"]) for item in judge]
        # The library takes `title`, which lacks the year that `name` has behind it.
        assert all(row["name"].startswith(item["name"]) for row, item in zip(found, judge, strict=True))
        assert [row["category_id"] for row in found] == [item["categoryIds"][0] for item in judge]
        times = [item.get("createdAt") or item.get("updatedAt") for item in judge]
        assert [row["added_ns"] for row in found] == [seconds(time) for time in times]
        if kind == "live":
            assert [row["epg_id"] for row in found] == [item["epgId"] for item in judge]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["short-epg", "full-epg"])
def test_guides_are_what_a_client_library_made_of_them(snapshots: dict[str, bytes], name: str) -> None:
    judge = json.loads(snapshots[f"standardized/{name}.json"])
    raw = json.loads(snapshots[f"raw/{name}.json"])
    value = raw if isinstance(raw, dict) else {"epg_listings": raw}
    found = [row.values for row in rows(parse(body(value), info("&stream_id=1")), "programmes")]
    assert [(row["title"], row["description"], row["channel_ref"]) for row in found] == [
        (item["title"], item["description"], item["channelId"]) for item in judge
    ]
    assert [(row["start_ns"], row["end_ns"]) for row in found] == [
        (seconds(item["start"]), seconds(item["end"])) for item in judge
    ]


@pytest.mark.shared
def test_a_log_in_is_what_a_client_library_made_of_it(snapshots: dict[str, bytes]) -> None:
    judge = json.loads(snapshots["standardized/profile.json"])
    value = {
        "user_info": json.loads(snapshots["raw/profile.json"]),
        "server_info": json.loads(snapshots["raw/server-info.json"]),
    }
    (row,) = rows(parse(body(value), info()), "account_replies")
    found = row.values
    assert (found["username"], found["password"], found["account_status"], found["message"]) == (
        judge["username"], judge["password"], judge["status"], judge["message"]
    )  # fmt: skip
    assert (found["max_connections"], found["active_connections"], found["is_trial"]) == (
        judge["maxConnections"], judge["activeConnections"], judge["isTrial"]
    )  # fmt: skip
    assert (found["created_ns"], found["expires_ns"]) == (seconds(judge["createdAt"]), seconds(judge["expiresAt"]))
    assert (found["software"], found["software_version"]) == ("XUI.one", "1.5.13")


@pytest.mark.parametrize("size", [1 << 10, 20_000, 1 << 17])
def test_a_list_is_the_same_in_pieces_of_any_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    films = [{"num": i, "name": f"영화 {i}", "stream_type": "movie", "stream_id": i} for i in range(2000)]
    body = json.dumps(films, separators=(",", ":")).encode()

    def read() -> list[Row]:
        parser = PROTOCOL.parser(Opening("content", body[:8192], b"", info=info("&action=get_vod_streams")))
        events = parser.feed(memoryview(body), False) + parser.end(False)
        assert sum(isinstance(event, Rows) for event in events) <= 2
        return [row for event in events if isinstance(event, Rows) for row in event.each()]

    monkeypatch.setattr(_xtream_parser, "PIECE_BYTES", len(body))
    whole = read()
    assert [row.values["entry_id"] for row in whole] == [str(i) for i in range(2000)]
    monkeypatch.setattr(_xtream_parser, "PIECE_BYTES", size)
    assert read() == whole
