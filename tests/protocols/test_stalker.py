"""Replies of Stalker portals, genuine and imitated, and what clients claim to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iptvforensics.listings.asked import asked_of
from iptvforensics.protocol import Anomaly, ContentInfo, Event, Opening, Row, Rows
from iptvforensics.protocols import _stalker_parser
from iptvforensics.protocols._stalker_marks import client_marks, server_marks
from iptvforensics.protocols.stalker import PROTOCOL, detect

PORTAL = "http://portal.example/stalker_portal/server/load.php"
COOKIE = "mac=00%3A1A%3A79%3A00%3A00%3A01; stb_lang=en; timezone=Europe%2FKiev"
MAC = "00:1a:79:00:00:01"
TRAILER = "generated in: 0.01s; query counter: 7; cache hits: 0"


def info(query: str = "", role: str = "response", **extra: Any) -> ContentInfo:
    about = {"host": "portal.example", "cookie": COOKIE, "authorization": "Bearer AB12", **extra}
    return ContentInfo(
        f"{PORTAL}?{query}&JsHttpRequest=1-xml" if query else PORTAL, "application/json", role=role, extra=about
    )


def body(js: Any, **beside: Any) -> bytes:
    return json.dumps({"js": js, **beside}, ensure_ascii=False).encode()


PROFILE = {
    "id": "17",
    "name": "Kim",
    "fname": "Kim Viewer",
    "login": "viewer1",
    "password": "pw1",
    "mac": "00:1A:79:00:00:01",
    "status": 0,
    "ls": "A-17",
    "phone": "555",
    "tariff_plan_id": 3,
    "stb_type": "MAG250",
    "sn": "123",
    "image_version": "218",
    "reseller_id": "9",
    "expire_billing_date": "2026-01-01 00:00:00",
    "playback_limit": 2,
    "default_timezone": "Europe/Kiev",
    "storages": {"s1": {"storage_ip": "192.0.2.9"}},
    "msg": "",
}
CHANNELS = {
    "data": [
        {
            "id": "1",
            "name": "News 뉴스",
            "number": "5",
            "cmd": "ffmpeg http://localhost/ch/1_",
            "tv_genre_id": "2",
            "xmltv_id": "news.example",
            "logo": "http://portal.example/1.png",
            "enable_tv_archive": 1,
            "tv_archive_duration": 168,
            "service_id": "283D:3FB:1",
        },
        {
            "id": 2,
            "name": "Sport",
            "number": 6,
            "cmd": None,
            "cmds": [{"id": "7", "url": "http://edge.example/ch/2.ts"}],
            "enable_tv_archive": 0,
        },
    ]
}
PAGE = {
    "total_items": 30,
    "max_page_items": 14,
    "selected_item": 0,
    "cur_page": 0,
    "data": [
        {
            "id": "9",
            "name": "Film",
            "cmd": "auto /media/9.mpg",
            "category_id": "4",
            "screenshot_uri": "http://portal.example/9.jpg",
            "is_series": 0,
            "added": "2024-01-01 00:00:00",
        }
    ],
}
EPG = {
    "data": {
        "1": [
            {
                "id": "3",
                "name": "Evening",
                "descr": "About",
                "start_timestamp": 1700000000,
                "stop_timestamp": "1700003600",
                "time": "2023-11-15 00:13:20",
                "time_to": "2023-11-15 01:13:20",
            }
        ],
        "2": [],
    }
}

NOTICE = b"<br />\n<b>Warning</b>:  Bad argument in <b>/var/www/api.php</b> on line <b>7</b><br />\n"

EXAMPLES = [
    ("behind-a-notice", NOTICE + body(CHANNELS), b"", info("type=itv&action=get_all_channels")),
    (
        "handshake",
        body({"token": "0123456789ABCDEF0123456789ABCDEF", "random": "x"}, text=TRAILER),
        b"",
        info("type=stb&action=handshake"),
    ),
    ("profile", body(PROFILE, text=TRAILER), b"", info("type=stb&action=get_profile&sn=123&stb_type=MAG250")),
    ("channels", body(CHANNELS), b"", info("type=itv&action=get_all_channels")),
    ("page", body(PAGE), b"", info("type=vod&action=get_ordered_list&p=1")),
    ("epg", body(EPG), b"", info("type=epg&action=get_epg_info&period=6")),
    (
        "link",
        body(
            {"id": "1", "cmd": "ffmpeg http://edge.example/play/abc?ext=.ts"},
            streamer_id=0,
            link_id=0,
            load=0,
            error="",
        ),
        b"",
        info("type=itv&action=create_link&cmd=ffmpeg%20http%3A%2F%2Flocalhost%2Fch%2F1_"),
    ),
    ("keyed", body({"0": {"id": "1", "title": "News"}, "4": {"id": "2"}}), b"", info("type=itv&action=get_genres")),
    ("empty", body([]), b"", info("type=itv&action=get_genres")),
    (
        "watchdog",
        body({"data": {"msgs": 1, "id": "5", "event": "send_msg", "msg": "Hello"}}, text=TRAILER),
        b"",
        info("type=watchdog&action=get_events&init=0&cur_play_type=1&event_active_id=0"),
    ),
    ("refusal", b"Authorization failed.", b"", info("type=stb&action=get_profile")),
    ("form", b"type=stb&action=get_profile&sn=123&device_id=AB", b"", info(role="request")),
    (
        "version",
        b"var ver = '5.1.1';\n",
        b"",
        ContentInfo("http://portal.example/stalker_portal/c/version.js", role="response"),
    ),
]


def parse(data: bytes, about: ContentInfo) -> list[Event]:
    parser = PROTOCOL.parser(Opening("content", data[:8192], b"", info=about))
    return parser.feed(memoryview(data), False) + parser.end(False)


def rows(events: list[Event], table: str) -> list[Row]:
    return [row for event in events if isinstance(event, Rows) and event.table == table for row in event.each()]


def account(js: Any, query: str, **beside: Any) -> dict[str, Any]:
    (row,) = rows(parse(body(js, **beside), info(query)), "account_replies")
    return row.values


def entries(js: Any, query: str) -> list[dict[str, Any]]:
    return [row.values for row in rows(parse(body(js), info(query)), "catalogue_entries")]


def test_handshake_gives_a_token() -> None:
    found = account(
        {"token": "0123456789ABCDEF0123456789ABCDEF", "random": "x"}, "type=stb&action=handshake", text=TRAILER
    )
    assert (found["action"], found["token"], found["mac"]) == ("handshake", "0123456789ABCDEF0123456789ABCDEF", MAC)
    assert found["marks"] == ["text: generated in", "token: 32 hexadecimal digits"]
    assert found["software"] == "Stalker or Ministra"
    assert "timezone" not in found  # the zone of the cookie is that of the client


def test_profile_says_account_person_and_device() -> None:
    found = account(PROFILE, "type=stb&action=get_profile&sn=123&device_id=AA&device_id2=BB&signature=CC&ver=x")
    expected = {
        "family": "stalker",
        "role": "response",
        "host": "portal.example",
        "username": "viewer1",
        "password": "pw1",
        "mac": MAC,
        "mac_raw": "00:1A:79:00:00:01",
        "token": "AB12",
        "auth": True,
        "account_status": "0",
        "account_ref": "A-17",
        "person": "Kim Viewer",
        "phone": "555",
        "tariff": "3",
        "reseller": "9",
        "model": "MAG250",
        "serial": "123",
        "firmware": "218",
        "device_id_sent": "AA",
        "device_id2_sent": "BB",
        "signature": "CC",
        "max_connections": 2,
        "expires_text": "2026-01-01 00:00:00",
        "expires_ns": 1767218400 * 10**9,
        "timezone": "Europe/Kiev",
        "marks": ["no text"],
    }
    assert expected.items() <= found.items()
    assert '"storage_ip": "192.0.2.9"' in found["raw"]


@pytest.mark.parametrize(
    ("js", "expected"),
    [
        ({"status": 1, "msg": "Blocked", "block_msg": "Call us"}, {"auth": False, "message": "Blocked"}),
        ({"status": 2}, {"auth": False}),
        ({"id": None, "status": 0}, {}),
        ([], {}),
        (False, {}),
    ],
)
def test_profiles_of_those_who_are_refused(js: Any, expected: dict[str, Any]) -> None:
    found = rows(parse(body(js), info("type=stb&action=get_profile")), "account_replies")
    assert {"auth": None, "message": None, **expected} == {
        name: found[0].values.get(name) for name in ("auth", "message")
    }


@pytest.mark.parametrize(("js", "auth"), [(True, True), (False, False)])
def test_second_step_of_a_login(js: bool, auth: bool) -> None:
    found = account(js, "type=stb&action=do_auth&login=viewer1&password=pw1")
    assert (found["auth"], found["username"], found["password"]) == (auth, "viewer1", "pw1")


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("January 1, 2026", {"expires_text": "January 1, 2026"}),
        ("January 1, 2026, 12:00 am", {"expires_text": "January 1, 2026, 12:00 am", "expires_ns": 1767225600 * 10**9}),
        ("Unlimited", {"expires_text": "Unlimited"}),
        ("+62 21 555 0100", {"phone": "+62 21 555 0100"}),
    ],
)
def test_main_info_of_an_imitation_has_the_end_of_the_account_for_a_number(phone: str, expected: Any) -> None:
    js = {"mac": "00:1A:79:00:00:01", "phone": phone, "message": "Hello"}
    found = account(js, "type=account_info&action=get_main_info")
    assert (found["message"], found["mac"]) == ("Hello", MAC)
    assert {name: found[name] for name in ("phone", "expires_ns", "expires_text") if name in found} == expected
    genuine = account(js, "type=account_info&action=get_main_info", text=TRAILER)
    assert genuine["phone"] == phone
    assert "expires_text" not in genuine


@pytest.mark.parametrize(
    ("profile", "expires", "created"),
    [
        ({"default_timezone": "Asia/Jakarta", "timezone": "Europe/Kiev"}, 1767200400, 1704042000),
        ({"timezone": "Europe/Kiev"}, 1767218400, 1704060000),
        ({}, 1767225600, 1704067200),
        ({"default_timezone": "No/Where"}, None, None),
    ],
)
def test_dates_of_an_account_count_in_the_zone_of_the_portal(
    profile: dict[str, str], expires: int | None, created: int | None
) -> None:
    js = {"id": 1, "expire_billing_date": "2026-01-01 00:00:00", "created": "2024-01-01 00:00:00", **profile}
    found = account(js, "type=stb&action=get_profile")
    assert found["expires_text"] == "2026-01-01 00:00:00"
    assert found.get("expires_ns") == (expires and expires * 10**9)
    assert found.get("created_ns") == (created and created * 10**9)


def test_messages_and_commands_of_the_operator() -> None:
    event = {"data": {"msgs": 1, "id": "5", "event": "send_msg", "msg": "Pay at example", "need_confirm": 1}}
    found = account(event, "type=watchdog&action=get_events&init=0&cur_play_type=1")
    assert (found["action"], found["message"]) == ("get_events", "Pay at example")
    assert '"event": "send_msg"' in found["raw"]


def call(js: Any, query: str) -> dict[str, Any]:
    (row,) = rows(parse(body(js), info(query)), "portal_events")
    shared = {"url": info(query).name, "host": "portal.example", "mac": MAC}
    assert shared.items() <= row.values.items()
    return {name: value for name, value in row.values.items() if name not in shared}


@pytest.mark.parametrize(
    ("query", "js", "expected"),
    [
        (
            "type=stb&action=log&real_action=play&param=ffmpeg%20http%3A%2F%2Flocalhost%2Fch%2F7_&tmp_type=1&content_id=7",
            True,
            {
                "action": "log", "kind": "stb", "real_action": "play", "param": "ffmpeg http://localhost/ch/7_",
                "content_id": "7", "play_type": 1, "playing": "TV",
            },
        ),
        (
            "type=watchdog&action=get_events&init=1&cur_play_type=11&event_active_id=0",
            {"data": {"msgs": 1, "id": "5", "event": "send_msg", "msg": "Pay at example"}},
            {
                "action": "get_events", "kind": "watchdog", "play_type": 11, "playing": "TV archive", "is_init": True,
                "active_event": "0", "event": "send_msg", "event_id": "5", "message": "Pay at example",
            },
        ),
        (
            "type=watchdog&action=get_events&init=0&cur_play_type=77",
            {"data": {"msgs": 0}},
            {"action": "get_events", "kind": "watchdog", "play_type": 77, "is_init": False},
        ),
        ("type=watchdog&action=get_events", [], {"action": "get_events", "kind": "watchdog"}),
        (
            "type=watchdog&action=confirm_event&event_active_id=5",
            True,
            {"action": "confirm_event", "kind": "watchdog", "active_event": "5"},
        ),
        ("type=itv&action=set_last_id&id=12", True, {"action": "set_last_id", "kind": "itv", "content_id": "12"}),
        ("type=vod&action=set_played&video_id=9", True, {"action": "set_played", "kind": "vod", "content_id": "9"}),
    ],
)  # fmt: skip
def test_calls_that_tell_what_is_played(query: str, js: Any, expected: dict[str, Any]) -> None:
    assert call(js, query) == expected


def test_a_call_that_is_refused_was_made_and_other_calls_tell_nothing() -> None:
    (row,) = rows(
        parse(b"Authorization failed.", info("type=watchdog&action=get_events&cur_play_type=1")), "portal_events"
    )
    assert (row.values["play_type"], row.values["playing"], row.values["mac"]) == (1, "TV", MAC)
    assert rows(parse(body(PROFILE), info("type=stb&action=get_profile")), "portal_events") == []
    posted = parse(b"type=stb&action=log&real_action=play", info(role="request"))
    assert rows(posted, "portal_events") == []


def test_a_call_that_was_posted_is_told_at_its_reply() -> None:
    about = info(form=b"type=stb&action=log&real_action=stop&param=x")
    (row,) = rows(parse(body(True), about), "portal_events")
    assert (row.values["real_action"], row.values["param"]) == ("stop", "x")


@pytest.mark.parametrize("action", ["log", "confirm_event", "set_last_id", "get_localization", "get_modules"])
def test_every_action_leaves_a_row(action: str) -> None:
    found = account(True, f"type=stb&action={action}&real_action=play&param=http%3A%2F%2Fa")
    assert (found["action"], found["mac"], found["raw"]) == (action, MAC, '"js": true')


def test_channels_with_commands_in_both_places() -> None:
    first, second = entries(CHANNELS, "type=itv&action=get_all_channels")
    expected = {
        "family": "stalker",
        "kind": "live",
        "entry_id": "1",
        "name": "News 뉴스",
        "number": 5,
        "category_id": "2",
        "epg_id": "news.example",
        "entry_url": "http://localhost/ch/1_",
        "entry_raw": "ffmpeg http://localhost/ch/1_",
        "logo_url": "http://portal.example/1.png",
        "service_ref": "283D:3FB:1",
        "is_archive": True,
        "item_no": 1,
    }
    assert expected.items() <= first.items()
    assert "archive_days" not in first
    assert (second["entry_id"], second["entry_url"], second["is_archive"]) == (
        "2",
        "http://edge.example/ch/2.ts",
        False,
    )


@pytest.mark.parametrize(
    ("query", "item", "kind"),
    [
        ("type=vod&action=get_ordered_list", {"id": 1, "name": "a"}, "vod"),
        ("type=vod&action=get_ordered_list", {"id": 1, "name": "a", "is_series": 1}, "series"),
        ("type=vod&action=get_ordered_list&movie_id=4", {"id": 1, "name": "a", "is_season": True}, "season"),
        (
            "type=vod&action=get_ordered_list&movie_id=4",
            {"id": 1, "name": "a", "is_episode": True, "series_number": "3"},
            "episode",
        ),
        ("type=series&action=get_ordered_list&movie_id=0", {"id": "4:4", "name": "a"}, "series"),
        ("type=series&action=get_ordered_list&movie_id=4", {"id": "4:1", "name": "a", "series": [1, 2]}, "season"),
        ("type=radio&action=get_ordered_list", {"id": 1, "name": "a"}, "radio"),
        ("type=karaoke&action=get_ordered_list", {"id": 1, "name": "a"}, "karaoke"),
        ("type=remote_pvr&action=get_ordered_list", {"id": 1, "name": "a"}, "recording"),
        ("type=downloads&action=get_all", {"id": 1, "name": "a"}, "download"),
        ("type=other&action=get_ordered_list", {"id": 1, "name": "a"}, None),
        ("type=itv&action=get_genres", {"id": "*", "title": "All"}, "category"),
        ("type=vod&action=get_categories", {"id": "4", "title": "Films", "alias": "films"}, "category"),
    ],
)
def test_kinds_of_entries(query: str, item: dict[str, Any], kind: str) -> None:
    js = [item] if kind == "category" else {"total_items": 1, "data": [item]}
    (found,) = entries(js, query)
    assert found.get("kind") == kind
    assert found["entry_id"] == str(item["id"])
    assert found.get("parent_id") == ("4" if kind in ("season", "episode") else None)


def test_films_on_a_page() -> None:
    (film,) = entries(PAGE, "type=vod&action=get_ordered_list&p=1")
    assert (film["entry_url"], film["entry_raw"], film["category_id"]) == ("/media/9.mpg", "auto /media/9.mpg", "4")
    assert "added_ns" not in film


@pytest.mark.parametrize(
    ("cmd", "url"),
    [
        ("eyJ0eXBlIjoibW92aWUiLCJzdHJlYW1faWQiOiI3OCJ9", None),
        ("aHR0cDovL2VkZ2UuZXhhbXBsZS83OC5tcDQ=", "http://edge.example/78.mp4"),
        ("auto /media/78.mpg", "/media/78.mpg"),
    ],
)
def test_a_command_in_base64_is_no_url_unless_one_comes_out(cmd: str, url: str | None) -> None:
    (film,) = entries({"data": [{"id": "78", "name": "Film", "cmd": cmd}]}, "type=vod&action=get_ordered_list")
    assert (film.get("entry_url"), film["entry_raw"]) == (url, cmd)


def test_guide_by_channel_and_as_a_list() -> None:
    (found,) = rows(parse(body(EPG), info("type=epg&action=get_epg_info&period=6")), "programmes")
    assert (found.values["channel_ref"], found.values["title"], found.values["description"]) == (
        "1",
        "Evening",
        "About",
    )
    assert (found.values["start_ns"], found.values["end_ns"]) == (1700000000 * 10**9, 1700003600 * 10**9)
    (found,) = rows(parse(body(EPG["data"]["1"]), info("type=itv&action=get_short_epg&ch_id=1")), "programmes")
    assert found.values["channel_ref"] == "1"


@pytest.mark.parametrize("js", [{"id": "1", "cmd": "ffmpeg http://edge.example/x"}, "ffmpeg http://edge.example/x"])
def test_links(js: Any) -> None:
    events = parse(body(js), info("type=itv&action=create_link&cmd=ffmpeg%20http%3A%2F%2Flocalhost%2Fch%2F1_"))
    (link,) = rows(events, "stream_links")
    assert (link.values["kind"], link.values["requested"], link.values["mac"]) == (
        "itv",
        "ffmpeg http://localhost/ch/1_",
        MAC,
    )
    assert (link.values["link_url"], link.values["link_raw"]) == (
        "http://edge.example/x",
        "ffmpeg http://edge.example/x",
    )
    assert rows(events, "account_replies") == []


@pytest.mark.parametrize(
    "js",
    [
        {"5": {"id": "1", "name": "a"}, "7": {"id": "2", "name": "b"}},
        {"total_items": 2, "data": {"5": {"id": "1", "name": "a"}, "7": {"id": "2", "name": "b"}}},
        {"1": [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]},
    ],
)
@pytest.mark.parametrize("action", ["get_ordered_list", "get_all_channels"])
def test_lists_with_numbers_for_names(js: Any, action: str) -> None:
    data = body(js)
    events = parse(data, info(f"type=itv&action={action}"))
    found = rows(events, "catalogue_entries")
    assert [(row.values["kind"], row.values["entry_id"], row.values["item_no"]) for row in found] == [
        ("live", "1", 1),
        ("live", "2", 2),
    ]
    for row in found:
        assert data[row.offset :].startswith(row.values["raw"].encode())
    assert rows(events, "account_replies") == []


@pytest.mark.parametrize("where", [{"data": {"7": {"0": EPG["data"]["1"][0]}}}, {"7": EPG["data"]["1"]}])
def test_a_guide_with_numbers_for_names(where: Any) -> None:
    (found,) = rows(parse(body(where), info("type=epg&action=get_epg_info")), "programmes")
    assert (found.values["channel_ref"], found.values["title"]) == ("7", "Evening")


@pytest.mark.parametrize(
    ("js", "raw", "odd"), [([], None, 0), ({}, None, 0), ([1, "x"], '1, "x"', 2), ({"data": [[7]]}, "7", 1)]
)
@pytest.mark.parametrize("action", ["get_ordered_list", "get_genres", "get_short_epg"])
def test_a_list_without_a_row_leaves_that_of_the_reply(js: Any, raw: str | None, odd: int, action: str) -> None:
    events = parse(body(js), info(f"type=itv&action={action}"))
    (row,) = rows(events, "account_replies")
    assert (row.values["action"], row.values["mac"], row.values.get("raw")) == (action, MAC, raw)
    told = [event.count for event in events if isinstance(event, Anomaly)]
    assert told == ([odd] if odd else [])


def test_lists_of_plain_values_are_no_fault_where_none_were_asked_for() -> None:
    events = parse(body([1, 2]), info("type=itv&action=get_fav_ids"))
    (row,) = rows(events, "account_replies")
    assert row.values["raw"] == "1, 2"
    assert not [event for event in events if isinstance(event, Anomaly)]


def test_a_link_that_is_refused() -> None:
    (link,) = rows(
        parse(body({"id": "1", "cmd": "", "error": "link_fault"}), info("type=itv&action=create_link")), "stream_links"
    )
    assert link.values["message"] == "link_fault"
    assert "link_url" not in link.values


def test_refusal_in_words() -> None:
    (row,) = rows(parse(b"Authorization failed.", info("type=stb&action=get_profile&sn=7")), "account_replies")
    assert (row.values["auth"], row.values["message"], row.values["serial"]) == (False, "Authorization failed.", "7")


def test_a_posted_form_is_a_claim() -> None:
    (row,) = rows(parse(b"type=stb&action=get_profile&sn=123&stb_type=MAG322", info(role="request")), "account_replies")
    assert (row.values["role"], row.values["serial"], row.values["model"], row.values["mac"]) == (
        "request",
        "123",
        "MAG322",
        MAC,
    )
    assert row.values["action"] == "get_profile"


def test_version_of_the_portal_pages() -> None:
    (row,) = rows(parse(b"var ver = '5.1.1';", EXAMPLES[-1][3]), "account_replies")
    assert row.values["software_version"] == "5.1.1"


def test_identifiers_that_programs_make_from_the_mac() -> None:
    """The test vector of the reference: serial and device identifier of 00:1A:79:00:00:01."""
    device = "D20A30551398D28B10BF3676E4D2442D2442F8A398E42BAB7F203313594891B6"
    query = f"type=stb&action=get_profile&sn=306F5BD82D720&device_id={device}&device_id2={device}&signature=00"
    assert account(PROFILE, query)["marks"] == [
        "no text",
        "sn is made from the MAC",
        "device_id is made from the MAC",
        "device_id2 is made from the MAC",
    ]


def test_marks_of_servers_and_clients() -> None:
    assert server_marks({"js": 1, "text": "x"}, None, None) == ["text"]
    assert server_marks({"js": 1, "error": ""}, "A" * 60, "text/javascript; charset=utf-8") == [
        "no text",
        "create_link fields beside js",
        "token: long base64",
        "media type text/javascript",
    ]
    asked = asked_of(info("type=stb&action=get_profile&sn=0000000000000"))
    assert client_marks(asked, None) == ["sn is the default of a program"]


def test_control_characters_in_texts_are_read() -> None:
    found = account({"id": 1, "status": 0, "msg": "x"}, "type=stb&action=get_profile")
    assert found["auth"] is True
    (row,) = rows(parse(b'{"js":{"msg":"a\tb\x01<br>"}}', info("type=stb&action=get_profile")), "account_replies")
    assert row.values["message"] == "a\tb\x01<br>"


def test_a_reply_behind_a_notice_of_php_keeps_its_places() -> None:
    data = NOTICE + body(CHANNELS)
    events = parse(data, info("type=itv&action=get_all_channels"))
    found = rows(events, "catalogue_entries")
    assert found
    for row in found:
        assert data[row.offset :].startswith(row.values["raw"].encode())
    (told,) = [event for event in events if isinstance(event, Anomaly)]
    assert (told.name, told.detail) == (
        "STALKER_notice_of_php",
        "before the reply: Warning : Bad argument in /var/www/api.php on line 7",
    )


@pytest.mark.parametrize("data", [b"<html>" + b" " * 99, NOTICE + b"<html>" + b" " * 99, NOTICE * 2 + b"x" * 99])
def test_other_pages_of_html_are_refused(data: bytes) -> None:
    assert detect(Opening("content", data, b"", info=info("type=itv&action=get_all_channels"))) == 0.0


def test_items_over_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stalker_parser, "MAX_ITEMS", 1)
    assert parse(body(CHANNELS), info("type=itv&action=get_all_channels"))[-1] == Anomaly(
        "STALKER_over_limit", False, 0, "2 items, 1 were read"
    )


@pytest.mark.parametrize(
    "js", [None, 7, "x", [1, None, []], {"data": 7}, {"data": [[{"a": 1}], 2]}, {"data": {"1": {"a": 1}}}, {"cmd": []}]
)
@pytest.mark.parametrize("action", ["get_profile", "create_link", "get_ordered_list", "get_epg_info", "get_genres"])
def test_hostile_shapes_raise_nothing(js: Any, action: str) -> None:
    parse(body(js), info(f"type=itv&action={action}"))


@pytest.mark.parametrize(
    ("data", "about", "score"),
    [
        (b'{"js":', ContentInfo(), 0.95),
        (b'{"ja": 1}', ContentInfo(), 0.0),
        (b'{"status": "OK"}', info("type=stb&action=handshake"), 0.95),
        (b"Authorization failed.", info("type=stb&action=handshake"), 0.9),
        (b"Authorization failed.", ContentInfo("http://a.example/x"), 0.0),
        (b"<html>", info("type=stb&action=handshake"), 0.0),
        (b"a=b", ContentInfo("http://a.example/form", role="request"), 0.0),
    ],
)
def test_recognition(data: bytes, about: ContentInfo, score: float | None) -> None:
    assert detect(Opening("content", data, b"", info=about)) == score
