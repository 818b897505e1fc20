"""Enigma2: bouquets, the web interface in XML and JSON, pages for receivers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from iptvforensics.protocol import Anomaly, ContentInfo, Event, Opening, Row, Rows
from iptvforensics.protocols import _enigma2_parser
from iptvforensics.protocols._enigma2_rows import read_reference
from iptvforensics.protocols.enigma2 import PROTOCOL, detect


def info(url: str) -> ContentInfo:
    return ContentInfo(url, role="response", extra={"host": "box.example"})


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BOUQUET = """#NAME IPTV bouquet
#SERVICE 1:64:0:0:0:0:0:0:0:0::Group one
#DESCRIPTION Group one
#SERVICE 4097:0:1:283D:3FB:1:C00000:0:0:0:http%3a//tv.example%3a8080/live/viewer1/pw1/7.ts
#DESCRIPTION News 뉴스
#SERVICE 1:0:19:283D:3FB:1:C00000:0:0:0:
#SERVICE 4097:0:2:1:0:0:0:0:0:0:http%3a//tv.example/r:Radio
""".encode()
BOUQUETS = b'#NAME Bouquets (TV)\n#SERVICE 1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "userbouquet.iptv.tv" ORDER BY bouquet\n'
PANEL_XML = f"""<?xml version="1.0" encoding="UTF-8"?><items><playlist_name>Best TV</playlist_name>
<category><category_id>1</category_id><category_title>Live</category_title></category>
<channel><title>{b64("뉴스 채널")}</title><description>{b64("About")}</description>
<desc_image><![CDATA[http://tv.example/7.png]]></desc_image><category_id>3</category_id>
<stream_url><![CDATA[http://tv.example/live/viewer1/pw1/7.ts]]></stream_url></channel>
<channel><title>{b64("Films")}</title><category_id>4</category_id>
<playlist_url><![CDATA[http://tv.example/enigma2.php?username=viewer1&type=get_vod_streams&cat_id=4]]></playlist_url></channel>
</items>""".encode()
SERVICES_XML = b"""<?xml version="1.0"?><e2servicelist><e2service>
<e2servicereference>1:0:19:283D:3FB:1:C00000:0:0:0:</e2servicereference><e2servicename>News</e2servicename></e2service></e2servicelist>"""
DEVICE_XML = b"""<?xml version="1.0"?><e2deviceinfo><e2enigmaversion>2024</e2enigmaversion>
<e2imageversion>7.3</e2imageversion>
<e2webifversion>1.5</e2webifversion>
<e2devicename>Vortex X</e2devicename><e2network><e2interface><e2name>eth0</e2name>
<e2mac>00:1A:79:00:00:0F</e2mac><e2ip>192.168.1.5</e2ip></e2interface></e2network></e2deviceinfo>"""
EVENTS_XML = b"""<?xml version="1.0"?><e2eventlist><e2event><e2eventid>1</e2eventid>
<e2eventstart>1700000000</e2eventstart>
<e2eventduration>3600</e2eventduration><e2eventtitle>Evening</e2eventtitle><e2eventdescription>About</e2eventdescription>
<e2eventservicereference>1:0:19:283D:3FB:1:C00000:0:0:0:</e2eventservicereference></e2event></e2eventlist>"""
DEVICE = {
    "brand": "Vortex",
    "model": "X",
    "imagedistro": "img",
    "imagever": "7.3",
    "webifver": "1.5",
    "enigmaver": "2024",
    "ifaces": [{"name": "eth0", "mac": "00:1a:79:00:00:0f", "ip": "192.168.1.5"}],
    "tuners": [],
}
SERVICES = {
    "services": [
        {
            "servicereference": '1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "b.tv"',
            "servicename": "Favourites",
            "subservices": [{"servicereference": "1:0:19:283D:3FB:1:C00000:0:0:0:", "servicename": "News"}],
        }
    ],
    "result": True,
}
EVENTS = {
    "events": [
        {
            "id": 1,
            "begin_timestamp": 1700000000,
            "duration_sec": 3600,
            "title": "Evening",
            "shortdesc": "s",
            "longdesc": "long",
            "sref": "1:0:19:283D:3FB:1:C00000:0:0:0:",
            "sname": "News",
        }
    ],
    "result": True,
}
STATUS = {
    "volume": 100,
    "muted": False,
    "inStandby": "false",
    "currservice_serviceref": "1:0:19:283D:3FB:1:C00000:0:0:0:",
    "currservice_station": "News",
    "currservice_name": "Evening",
    "currservice_begin": "20:15",
    "currservice_begin_timestamp": 1700000000,
    "currservice_end": "21:15",
    "currservice_end_timestamp": 1700003600,
    "currservice_description": "short",
    "currservice_fulldescription": "long",
}
PLUGIN = {"details": {"token": "T1", "username": "viewer1", "password": "pw1", "watchdog_seconds": 60}}

EXAMPLES = [
    ("bouquet", BOUQUET, b"", info("http://tv.example/get.php?username=u&password=p&type=dreambox")),
    (
        "panel-xml",
        PANEL_XML,
        b"",
        info("http://tv.example/enigma2.php?username=viewer1&password=pw1&type=get_live_streams"),
    ),
    ("services-xml", SERVICES_XML, b"", info("http://box.example/web/getservices")),
    ("device-xml", DEVICE_XML, b"", info("http://box.example/web/deviceinfo")),
    ("device", json.dumps(DEVICE).encode(), b"", info("http://box.example/api/deviceinfo")),
    ("services", json.dumps(SERVICES).encode(), b"", info("http://box.example/api/getallservices")),
    ("status", json.dumps(STATUS).encode(), b"", info("http://box.example/api/statusinfo")),
    ("plugin", json.dumps(PLUGIN).encode(), b"", info("http://tv.example/xplugin.php?action=auth&mac=001a7900000f")),
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


def entries(data: bytes, url: str = "http://tv.example/x") -> list[dict[str, Any]]:
    return [row.values for row in rows(parse(data, info(url)), "catalogue_entries")]


def test_bouquet() -> None:
    head, group, news, tuned, radio = entries(BOUQUET)
    assert (head["kind"], head["name"]) == ("list", "IPTV bouquet")
    assert (group["kind"], group["name"]) == ("category", "Group one")
    expected = {
        "kind": "live",
        "name": "News 뉴스",
        "entry_url": "http://tv.example:8080/live/viewer1/pw1/7.ts",
        "service_ref": "4097:0:1:283D:3FB:1:C00000:0:0:0:",
        "item_no": 3,
    }
    assert expected.items() <= news.items()
    assert BOUQUET[news["body_offset"] :].startswith(news["raw"].encode())
    assert (tuned["service_ref"], tuned.get("entry_url"), tuned["kind"]) == (
        "1:0:19:283D:3FB:1:C00000:0:0:0:",
        None,
        "live",
    )
    assert (radio["kind"], radio["name"], radio["entry_url"]) == ("radio", "Radio", "http://tv.example/r")


def test_list_of_bouquets() -> None:
    _, found = entries(BOUQUETS)
    assert (found["kind"], found["name"]) == ("list", "userbouquet.iptv.tv")


@pytest.mark.parametrize(
    "reference", ["", "x", "1:0:1", "1:ZZ:1:0:0:0:0:0:0:0:", "1:" + "F" * 99 + ":1:0:0:0:0:0:0:0:"]
)
def test_odd_references_raise_nothing(reference: str) -> None:
    assert isinstance(read_reference(reference), dict)


def test_page_for_receivers() -> None:
    head, news, films = entries(PANEL_XML, "http://tv.example/enigma2.php?username=viewer1&type=get_live_streams")
    assert (head["kind"], head["name"], head["username"]) == ("list", "Best TV", "viewer1")
    expected = {
        "kind": "live",
        "name": "뉴스 채널",
        "category_id": "3",
        "entry_url": "http://tv.example/live/viewer1/pw1/7.ts",
        "logo_url": "http://tv.example/7.png",
        "container": "ts",
    }
    assert expected.items() <= news.items()
    assert PANEL_XML[news["body_offset"] :].startswith(b"<channel>")
    assert (films["kind"], films["name"]) == ("category", "Films")


@pytest.mark.parametrize("data", [SERVICES_XML, json.dumps(SERVICES).encode()], ids=["xml", "json"])
def test_services_of_the_web_interface(data: bytes) -> None:
    found = entries(data)[-1]
    assert (found["kind"], found["name"], found["service_ref"]) == ("live", "News", "1:0:19:283D:3FB:1:C00000:0:0:0:")
    assert found.get("category_name") == (None if data[:1] == b"<" else "Favourites")


@pytest.mark.parametrize(
    ("data", "model"),
    [
        (DEVICE_XML, "Vortex X"),
        (json.dumps(DEVICE).encode(), "Vortex X"),
        (json.dumps({"info": DEVICE}).encode(), "Vortex X"),
    ],
)
def test_a_receiver_says_its_model_and_mac(data: bytes, model: str) -> None:
    (row,) = rows(parse(data, info("http://box.example/api/deviceinfo")), "account_replies")
    assert (row.values["model"], row.values["mac"], row.values["software"]) == (model, "00:1a:79:00:00:0f", "OpenWebif")
    assert row.values["software_version"] == "1.5"


def test_what_a_receiver_is_tuned_to() -> None:
    (row,) = rows(parse(json.dumps(STATUS).encode(), info("http://box.example/api/statusinfo")), "programmes")
    told = {name: value for name, value in row.values.items() if value is not None}
    assert "News" in told.pop("raw")
    assert told == {
        "family": "enigma2",
        "url": "http://box.example/api/statusinfo",
        "host": told["host"],
        "item_no": 1,
        "body_offset": 11,
        "channel_ref": "1:0:19:283D:3FB:1:C00000:0:0:0:",
        "start_ns": 1700000000 * 10**9,
        "end_ns": 1700003600 * 10**9,
        "start_text": "20:15",
        "end_text": "21:15",
        "title": "Evening",
        "description": "long",
    }


@pytest.mark.parametrize("data", [EVENTS_XML, json.dumps(EVENTS).encode()], ids=["xml", "json"])
def test_events(data: bytes) -> None:
    (row,) = rows(parse(data, info("http://box.example/api/epgservice")), "programmes")
    assert (row.values["title"], row.values["start_ns"], row.values["end_ns"]) == (
        "Evening",
        1700000000 * 10**9,
        1700003600 * 10**9,
    )
    assert row.values["channel_ref"] == "1:0:19:283D:3FB:1:C00000:0:0:0:"


def test_bouquets_of_the_web_interface() -> None:
    data = json.dumps(
        {"bouquets": [['1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "b.tv"', "Favourites"], [1], "x"], "begin_timestamp": 1}
    ).encode()
    (found,) = entries(data, "http://box.example/api/bouquets")
    assert (found["kind"], found["name"]) == ("list", "Favourites")


def test_page_for_a_plugin_gives_an_account() -> None:
    (row,) = rows(
        parse(json.dumps(PLUGIN).encode(), info("http://tv.example/xplugin.php?action=auth")), "account_replies"
    )
    assert (row.values["username"], row.values["password"], row.values["token"], row.values["action"]) == (
        "viewer1",
        "pw1",
        "T1",
        "auth",
    )


def test_a_gap_in_a_bouquet_costs_the_services_that_it_cuts() -> None:
    events = parse(BOUQUET, info("http://tv.example/x"), (60, 30))
    names = [row.values.get("name") for row in rows(events, "catalogue_entries")]
    assert "Radio" in names
    assert Anomaly("ENIGMA2_line_cut_by_gap", False, 0, "", 1) in events


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'<!DOCTYPE e2 [<!ENTITY a "b">]><e2servicelist></e2servicelist>', "refused"),
        (b"<e2servicelist>" + b"<a>" * 40, "refused"),
        (b"<e2servicelist><e2service></e2servicelist>", "malformed"),
        (SERVICES_XML[:-5], "cut"),
        (json.dumps(SERVICES).encode()[:-5], "json_cut"),
        (b"<e2servicelist>" + b"".join(b"<n%d/>" % i for i in range(20_000)), "refused"),
    ],
)
def test_damage_is_told(data: bytes, name: str) -> None:
    found = [event.name for event in parse(data, info("http://box.example/web/x")) if isinstance(event, Anomaly)]
    assert found == [f"ENIGMA2_{name}"]


def test_entries_over_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_enigma2_parser, "MAX_ENTRIES", 2)
    assert parse(BOUQUET, info("http://a.example/"))[-1] == Anomaly(
        "ENIGMA2_over_limit", False, 0, "5 items, 2 were read"
    )


@pytest.mark.parametrize(
    ("data", "score"),
    [
        (b"#NAME x\n#SERVICE 1:0", 0.9),
        (b"#NAME x\n", None),
        (b"#EXTM3U\n", 0.0),
        (b"#SERV", None),
        (b"<e2x>", 0.9),
        (b"<html>" + b" " * 9000, 0.0),
        (b"{}", None),
        (b"[]", 0.0),
        (b"", None),
    ],
)
def test_recognition(data: bytes, score: float | None) -> None:
    assert detect(Opening("content", data, b"")) == score


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"current": {"a": 1}, "result": True}, ["names that are not known: current"]),
        ({"services": []}, []),
        (SERVICES, []),
        (DEVICE, []),
    ],
)
def test_a_reply_that_gives_no_row_is_told(value: Any, told: list[str]) -> None:
    events = parse(json.dumps(value).encode(), info("http://box.example/api/getservices"))
    assert [event.detail for event in events if isinstance(event, Anomaly)] == told
