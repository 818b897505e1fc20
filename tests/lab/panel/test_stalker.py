"""The portal's calls, in their order, as the middleware answers and as an Xtream-family panel emulates it."""

import base64
import json
import re
from urllib.parse import quote

import pytest

from .conftest import Client

MAC = "00:1A:79:00:00:01"
PATHS = {True: "/stalker_portal/server/load.php", False: "/portal.php"}


class Box:
    """A box that calls a portal."""

    def __init__(self, mac=MAC, *, genuine=True, **portal):
        self.client = Client(portal={"genuine": genuine, **portal})
        self.path = PATHS[genuine]
        self.headers = {"cookie": f"mac={quote(mac, safe='')}; stb_lang=en; timezone=Asia%2FSeoul"} if mac else {}

    def reply(self, kind, action, **query):
        asked = {"type": kind, "action": action, **query, "JsHttpRequest": "1-xml"}
        return self.client.ask(self.path, asked, headers=self.headers)

    def js(self, kind, action, **query):
        return json.loads(self.reply(kind, action, **query).body)["js"]

    def handshake(self):
        self.headers["authorization"] = f"Bearer {self.js('stb', 'handshake', token='', prehash='false')['token']}"
        return self

    @property
    def said(self):
        return self.client.request.said


@pytest.fixture(params=[True, False], ids=["genuine", "emulated"])
def box(request):
    return Box(genuine=request.param).handshake()


def test_handshake_gives_a_token_that_opens_the_rest():
    box = Box()
    assert box.reply("itv", "get_genres").body == b"Authorization failed."
    first = box.js("stb", "handshake", token="", prehash="false")
    assert re.fullmatch("[0-9A-F]{32}", first["token"])
    assert "not_valid" not in first
    assert box.said["portal_token"] == first["token"]
    assert box.js("stb", "handshake", token=first["token"])["token"] == first["token"]
    assert box.js("stb", "handshake", token="F" * 32)["not_valid"] == 1
    box.headers["authorization"] = f"Bearer {first['token']}"
    assert box.js("itv", "get_genres")[0]["title"] == "All"


def test_marks_of_the_middleware_and_of_its_emulation(box):
    reply = box.reply("itv", "get_genres")
    told = json.loads(reply.body)
    if box.client.site.portal.genuine:
        assert re.match(r"generated in: \d\.\d\ds; query counter: 7; cache hits: 0;", told["text"])
        assert reply.content_type == "application/json;charset=UTF-8"
        assert dict(reply.headers)["Set-Cookie"].startswith("PHPSESSID=")
        box.headers["cookie"] += "; PHPSESSID=abc"
        assert reply.headers
        assert box.reply("itv", "get_genres").headers == ()
    else:
        assert set(told) == {"js"}
        assert reply.content_type == "text/javascript; charset=utf-8"
        assert len(box.headers["authorization"]) > 100


def test_profile_says_who_the_box_is(box):
    js = box.js("stb", "get_profile", sn="0B42", stb_type="MAG250", ver="ImageDescription: x", hw_version="1.7")
    assert (js["id"], js["mac"], js["login"], js["password"]) == ("1", MAC, "viewer1", "pw1word")
    assert (js["ls"], js["phone"], js["fname"], js["reseller_id"]) == ("100200", "000-1234", "Box One", "7")
    assert (js["sn"], js["stb_type"], js["ip"]) == ("0B42", "MAG250", "192.0.2.9")
    assert js["storages"]["lb1"]["storage_ip"] == "lb1.heron.example"
    assert js["watchdog_timeout"] == 120
    assert js["expire_billing_date"] == "2030-01-01 09:00:00"
    assert box.said["auth"] is True


def test_a_box_that_is_not_known():
    box = Box("00:1A:79:00:00:99").handshake()
    assert box.js("stb", "get_profile")["status"] == 1
    assert (box.said["auth"], box.said["tried"]) == (False, "00:1A:79:00:00:99")
    assert box.reply("itv", "get_genres").body == b"Access denied."
    assert Box(mac="").reply("stb", "handshake").body == b"Identification failed"


def test_a_portal_that_wants_a_password():
    box = Box(login=True).handshake()
    assert box.js("stb", "get_profile") == {"status": 2}
    assert box.js("stb", "do_auth", login="viewer1", password="no") is False
    assert box.said["auth"] is False
    assert box.js("stb", "do_auth", login="viewer1", password="pw1word") is True
    assert box.js("stb", "get_profile", auth_second_step="1")["id"] == "1"


def test_account(box):
    js = box.js("account_info", "get_main_info")
    assert js["mac"] == MAC
    if box.client.site.portal.genuine:
        assert (js["ls"], js["fio"], js["phone"]) == ("100200", "Box One", "000-1234")
    else:
        assert js == {"mac": MAC, "phone": "January 01, 2030, 09:00 AM", "message": "Welcome"}


def test_other_calls_of_a_box_that_starts(box):
    assert "en" in box.js("stb", "get_localization")
    assert "tv" in box.js("stb", "get_modules")["all_modules"]
    assert "parent_password" in box.js("stb", "get_settings")
    assert box.js("stb", "get_ad") == []
    assert box.js("stb", "set_volume", vol="50") is True
    assert box.js("itv", "get_fav_ids") == []


def test_watchdog_gives_each_event_once_and_takes_its_confirmation(box):
    js = box.js("watchdog", "get_events", init="1", cur_play_type="0", event_active_id="0")["data"]
    assert (js["event"], js["msg"], js["msgs"], js["need_confirm"]) == ("send_msg", "Pay before Friday", 1, 1)
    assert box.said["sent_event"] == "send_msg"
    assert box.js("watchdog", "confirm_event", event_active_id=js["id"]) == {"data": "ok"}
    assert box.said["confirmed"] == "send_msg"
    again = box.js("watchdog", "get_events", init="0", cur_play_type="1", event_active_id="0")
    assert again == {"data": {"msgs": 0, "additional_services_on": "1"}}
    assert box.said["told"] == {"init": "0", "cur_play_type": "1", "event_active_id": "0"}


def test_an_event_waits_for_its_time():
    box = Box()
    box.client.panel.config.lines[0].events[:] = []
    box.client.site.portal._events[MAC] = [{"event": "cut_off", "after": box.client.now + 60}]
    box.handshake()
    assert box.js("watchdog", "get_events")["data"]["msgs"] == 0
    box.client.now += 61
    assert box.js("watchdog", "get_events")["data"]["event"] == "cut_off"


def test_what_a_box_reports_is_in_the_log(box):
    box.js("stb", "log", real_action="play", param="http://x", content_id="101", tmp_type="1")
    assert box.said["told"] == {"real_action": "play", "param": "http://x", "content_id": "101", "tmp_type": "1"}
    assert box.said["did"] == "stalker:stb.log"
    assert box.said["mac"] == MAC


def test_calls_as_forms():
    box = Box().handshake()
    form = {"type": "itv", "action": "get_genres"}
    reply = box.client.ask(f"{box.path}?JsHttpRequest=1700000000000-xml", form=form, headers=box.headers)
    assert json.loads(reply.body)["js"][0]["id"] == "*"
    assert box.said["form"] == "type=itv&action=get_genres"


def test_pages_and_old_addresses():
    client = Client()
    assert client.ask("/stalker_portal/c/version.js").body == b"var ver = '5.1.1';\n"
    assert b"<script" in client.ask("/c/").body
    assert client.ask("/c/xpcom.common.js").content_type == "application/javascript"
    moved = Client(portal={"genuine": False}).ask("/server/load.php", {"type": "stb"})
    assert dict(moved.headers)["Location"] == "/c/portal.php?type=stb"


def test_a_box_without_user_name_is_named_by_its_mac():
    box = Box("00:1A:79:00:00:02").handshake()
    assert len(box.js("stb", "get_profile")["login"]) == 10
    assert box.said["line"] == "00:1A:79:00:00:02"


# ---- lists and links: tests/lab/panel/stalker_lists.py -------------------------------------------------------


def test_genres_and_channels(box):
    assert [row["title"] for row in box.js("itv", "get_genres")] == ["All", "Korea", "News", "Radio"]
    rows = box.js("itv", "get_all_channels")["data"]
    assert [(row["id"], row["name"], row["number"]) for row in rows] == [
        ("101", "Heron One HD", "1"), ("102", 'Heron, "News"', "2"), ("103", "바다 TV", "3"),
    ]  # fmt: skip
    genuine = box.client.site.portal.genuine
    assert rows[0]["cmd"] == "ffmpeg http://localhost/ch/101" + ("" if genuine else "_")
    assert rows[0]["cmds"][0]["nginx_secure_link"] == "0"
    assert (rows[0]["enable_tv_archive"], rows[0]["tv_archive_duration"]) == (1, 48)
    assert rows[0]["xmltv_id"] == "heron1.example"
    assert rows[0]["cur_playing"] != rows[2]["cur_playing"] == "[No channel info]"


def test_pages_of_fourteen(box):
    js = box.js("vod", "get_ordered_list", category="*", p="9")
    assert (js["total_items"], js["max_page_items"], js["cur_page"], len(js["data"])) == (120, 14, 9, 8)
    js = box.js("itv", "get_ordered_list", genre="2", p="1", sortby="number", fav="0", hd="0")
    assert [row["name"] for row in js["data"]] == ['Heron, "News"']
    names = [row["name"] for row in box.js("itv", "get_ordered_list", genre="*", sortby="name")["data"]]
    assert names == sorted(names)


@pytest.mark.parametrize("link", ["secure_link", "flussonic", "nimble", "wowza", "ch", "play", "auth"])
def test_links_of_channels(link):
    box = Box(link=link).handshake()
    js = box.js("itv", "create_link", cmd="ffrt http://localhost/ch/101", series="", forced_storage="0")
    solution, url = js["cmd"].split(" ", 1)
    assert (js["id"], solution, js["error"]) == ("101", "ffrt", "")
    start = {"play": "http://tv.heron.example:8080/play/", "auth": "http://lb1.heron.example:8080/auth/"}
    assert url.startswith(start.get(link, "http://lb1.heron.example:8080/ch/"))
    assert (box.said["channel"], box.said["link"], box.said["edge"]) == ("Heron One HD", url, "lb1")
    if link == "nimble":
        inside = base64.b64decode(url.split("wmsAuthSign=")[1].replace("%3D", "=")).decode()
        assert re.match(r"server_time=\d\d/\d\d/2023 .*&hash_value=.*&validminutes=240$", inside)


def test_link_of_an_emulated_portal_has_more_beside_js():
    box = Box(genuine=False, link="play").handshake()
    told = json.loads(box.reply("itv", "create_link", cmd="ffmpeg http://localhost/ch/101_").body)
    assert {k: v for k, v in told.items() if k != "js"} == {"streamer_id": 0, "link_id": 0, "load": 0, "error": ""}
    assert re.fullmatch(r"ffmpeg http://tv\.heron\.example:8080/play/[\w-]+\?ext=\.ts", told["js"]["cmd"])
    token = told["js"]["cmd"].split("/play/")[1].split("?")[0]
    assert box.client.panel.vault.open(token) == "ministra::live/viewer1/pw1word/101/ts"


def test_a_list_may_give_the_address_itself():
    box = Box()
    box.client.panel.config.channels[2].stalker_cmd = "ffrt http://203.0.113.9:8001/x.ts"
    box.handshake()
    row = box.js("itv", "get_all_channels")["data"][2]
    assert (row["cmd"], row["use_http_tmp_link"]) == ("ffrt http://203.0.113.9:8001/x.ts", "0")
    assert box.js("itv", "create_link", cmd=row["cmd"])["cmd"] == row["cmd"]
    assert box.said["channel"] == "바다 TV"
    assert box.js("itv", "create_link", cmd="ffrt http://localhost/ch/999")["error"] == "nothing_to_play"


def test_guide(box):
    rows = box.js("epg", "get_epg_info", period="3")["data"]
    assert set(rows) == {"101", "102"}
    assert rows["101"][0]["start_timestamp"] <= box.client.now < rows["101"][0]["stop_timestamp"]
    assert len(box.js("itv", "get_short_epg", ch_id="101", size="3")) == 3
    assert box.js("itv", "get_short_epg", ch_id="9") == []
    page = box.js("epg", "get_simple_data_table", ch_id="101", date="2023-11-15", p="1")
    assert len(page["data"]) == 14
    assert page["data"][0]["mark_archive"] == 1
    assert len(box.js("epg", "get_week")) == 7


def test_films(box):
    assert box.js("vod", "get_categories")[0] == {"id": "*", "title": "All", "alias": "*", "censored": 0}
    assert box.js("vod", "get_genres_by_category_alias", cat_alias="*")
    row = box.js("vod", "get_ordered_list", category="*", search="lantern road", p="1")["data"][0]
    assert (row["name"], row["time"], row["year"]) == ("Lantern Road", "1", "2021")
    link = box.js("vod", "create_link", cmd=row["cmd"], series="0")
    assert (link["id"], box.said["title"]) == ("20000", "Lantern Road")
    assert box.js("vod", "create_link", cmd="/media/7.mpg", series="0")["error" if "error" in link else "cmd"] in (
        "nothing_to_play", "ffmpeg",
    )  # fmt: skip


def test_series_seasons_episodes(box):
    assert len(box.js("series", "get_ordered_list", category="*", p="1")["data"]) == 10
    seasons = box.js("series", "get_ordered_list", movie_id="1:1", p="1")["data"]
    assert seasons[0]["name"] == "Season 1"
    link = box.js("series", "create_link", cmd=seasons[0]["cmd"], series="2")
    assert (link["id"], box.said["title"][-6:]) == ("20121", "S01E02")
    episodes = box.js("series", "get_ordered_list", movie_id="1", season_id="1:1", p="1")["data"]
    assert [e["id"] for e in episodes][:2] == ["20120", "20121"]
    assert box.js("series", "create_link", cmd=episodes[0]["cmd"], series="0")["id"] == "20120"


def test_radio_archive_and_lists_that_are_empty(box):
    assert [row["name"] for row in box.js("radio", "get_ordered_list", p="1")["data"]] == ["Heron Radio"]
    js = box.js("tv_archive", "create_link", cmd="auto /media/101_1699990000_1699993600.mpg")
    token = js["cmd"].rsplit("/tsauth/", 1)[1]
    inside = box.client.panel.vault.open_json(token)
    assert (inside["stream"], inside["start"], inside["duration"]) == (101, 1_699_990_000, 60)
    for kind in ("karaoke", "remote_pvr", "downloads"):
        assert box.js(kind, "get_ordered_list")["data"] == []
    assert box.js("downloads", "get_all") == []
