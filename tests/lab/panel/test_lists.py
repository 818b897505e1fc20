"""get.php gives each kind of device its own grammar."""

import base64
import json
import re
import xml.etree.ElementTree as ET

import pytest

from . import lists
from .conftest import LOGIN, Client

URLS = [f"http://tv.heron.example:8080/live/viewer1/pw1word/{n}.ts" for n in (101, 102, 103)]
NAMES = ["Heron One HD", 'Heron, "News"', "바다 TV"]
TOKEN = "0123456789abcdef0123456789abcdef"


def listed(client, kind, **query):
    reply = client.ask("/get.php", {**LOGIN, "type": kind, "output": "ts", "key": "live", **query})
    assert reply.status == 200
    return reply, reply.body.decode()


def pairs(text, pattern):
    return [tuple(found) for found in re.findall(pattern, text, re.MULTILINE)]


@pytest.mark.parametrize(
    ("kind", "file", "pattern", "swapped"),
    [
        ("m3u", "playlist_viewer1.m3u", r"#EXTINF:-1,(.+)\r\n(.+)\r$", False),
        ("m3u_plus", "playlist_viewer1_plus.m3u", r'group-title="[^"]*",(.+)\r\n(.+)\r$', False),
        ("simple", "simple_viewer1.txt", r"^(\S+) #Name: (.+)\r$", True),
        ("ariva", "ariva_viewer1.txt", r"^(.+),(http.+)\r$", False),
        ("starlivev3", "iptvlist.txt", r"^(.+),(http.+)\r$", False),
        ("fps", "Royal.cfg", r"^IPTV: \{ (.+) \} \{ (.+) \}\r$", False),
        ("revosun", "network_iptv.cfg", r"^IPTV: \{ (.+) \} \{ (.+) \}\r$", False),
        ("zorro", "iptv.cfg", r"^IPTV: \{ (.+) \} \{ (.+) \} -HIDE_URL\r$", False),
        ("gst", "viewer1_list.txt", r"^I: (\S+) (.+)\r$", True),
        ("mediastar", "tvlist.txt", r"^(.+) (http\S+)\r$", False),
        ("octagon", "internettv.feed", r"\[TITLE\]\r\n(.+)\r\n\[URL\]\r\n(.+)\r$", False),
        ("webtvlist", "webtv list.txt", r"^Channel name:(.+)\r\nURL:(.+)\r$", False),
    ],
)
def test_grammar_of_a_device(client, kind, file, pattern, swapped):
    reply, text = listed(client, kind)
    found = [pair[::-1] if swapped else pair for pair in pairs(text, pattern)]
    assert found == list(zip(NAMES, URLS, strict=True))
    headers = dict(reply.headers)
    assert headers["Content-Disposition"] == f'attachment; filename="{file}"'
    assert headers["Content-Description"] == "File Transfer"
    assert reply.content_type == "application/octet-stream"
    assert client.request.said == {"did": f"list:{kind}", "line": "viewer1", "auth": True}


def test_m3u_plus_of_the_xui_family_begins_with_an_hls_tag(client):
    _, text = listed(client, "m3u_plus")
    lines = text.split("\r\n")
    assert lines[:2] == ["#EXTM3U", '#EXT-X-SESSION-DATA:DATA-ID="com.xui.1_5_12"']
    assert lines[2] == (
        '#EXTINF:-1 tvg-id="heron1.example" tvg-name="Heron One HD" '
        'tvg-logo="http://tv.heron.example:8080/images/101.png" timeshift="2" group-title="Korea",Heron One HD'
    )
    assert listed(Client(software="xc_vm"), "m3u")[1].split("\r\n")[1].endswith('"com.xc_vm.1_5_12"')
    _, old = listed(Client(software="xc"), "m3u_plus")
    assert "#EXT-X" not in old
    assert "\r\nhttp://tv.heron.example:8080/viewer1/pw1word/101\r\n" in old, "without live/ and extension"


def test_marks_that_an_operator_adds():
    channel = {"id": 1, "name": "One", "attributes": {"catchup": "shift", "catchup-days": "3"},
    "url_suffix": "|Referer=x",
               "tags": ["#EXTVLCOPT:http-user-agent=x", "#EXTGRP:All"]}  # fmt: skip
    client = Client(channels=[channel], m3u_header={"x-tvg-url": "http://a.example/epg?username=u"})
    lines = listed(client, "m3u_plus")[1].split("\r\n")
    assert lines[0] == '#EXTM3U x-tvg-url="http://a.example/epg?username=u"'
    assert 'catchup="shift" catchup-days="3" group-title="General",One' in lines[2]
    assert lines[3:6] == ["#EXTVLCOPT:http-user-agent=x", "#EXTGRP:All",
                          "http://tv.heron.example:8080/live/viewer1/pw1word/1.ts|Referer=x"]  # fmt: skip


def test_bouquets(client):
    _, text = listed(client, "dreambox")
    assert text.splitlines()[0] == "#NAME Heron TV bouquet"
    found = pairs(text, r"^#SERVICE (4097:0:1:0:0:0:0:0:0:0):(.+)\r\n#DESCRIPTION (.+)\r$")
    assert [(name, url.replace("%3a", ":")) for _, url, name in found] == list(zip(NAMES, URLS, strict=True))
    _, text = listed(client, "enigma16")
    assert "#SERVICE 1:0:1:44C:3FB:1:C00000:0:0:0:http%3a//tv.heron" in text, "the triplet that the operator set"


def test_scripts_hold_the_log_in(client):
    for kind, file in (("enigma22_script", "iptv.sh"), ("octagon_script", "iptv")):
        reply, text = listed(client, kind)
        assert text.startswith('USERNAME="viewer1";PASSWORD="pw1word";')
        assert "/get.php?username=$USERNAME&password=$PASSWORD&type=" in text
        assert f'filename="{file}"' in dict(reply.headers)["Content-Disposition"]


def test_xml_and_json_lists(client):
    rows = ET.fromstring(listed(client, "spark")[1]).findall("webtv")
    assert [(row.get("title"), row.get("url")) for row in rows] == list(zip(NAMES, URLS, strict=True))
    told = json.loads(listed(client, "starlivev5")[1])["iptvstreams_list"]
    assert told["@version"] == 1
    assert [row["url"] for row in told["group"]["channel"]] == URLS


@pytest.mark.parametrize(("output", "ending"), [("ts", ".ts"), ("mpegts", ".ts"), ("m3u8", ".m3u8"), ("hls", ".m3u8")])
def test_outputs(client, output, ending):
    _, text = listed(client, "m3u", output=output)
    assert all(url.endswith(ending) for url in re.findall(r"^http.+?(?=\r)", text, re.MULTILINE))


def test_rtmp_addresses_name_the_edge_and_the_log_in(client):
    _, text = listed(client, "m3u", output="rtmp")
    assert "rtmp://lb1.heron.example:8880/live/101?username=viewer1&password=pw1word\r\n" in text


def test_everything_or_what_keys_name(client):
    for key, count in (("", 4 + 120), ("movie", 120), ("radio_streams", 1), ("live,radio_streams", 4)):
        text = listed(client, "m3u", key=key)[1]
        episodes = len(client.panel.catalogue.episodes) if not key else 0
        assert text.count("#EXTINF") == count + episodes, key


def test_encrypted_lists_have_tokens_and_numbers(client):
    _, text = listed(client, "m3u_plus", enc="1")
    (mark, token), *_ = pairs(text, r'xui-id="(\{XUI_\d+\})" .*\r\nhttp://tv.heron.example:8080/play/(\S+)#\.ts\r$')
    assert (mark, client.panel.vault.open(token)) == ("{XUI_101}", "live/viewer1/pw1word/101")


def test_the_same_list_in_other_forms(client):
    wanted = listed(client, "m3u", output="m3u8", key="")[1]
    assert client.ask("/playlist/viewer1/pw1word/m3u/hls").body.decode() == wanted
    reply = client.ask("/get.php", {"token": TOKEN, "type": "gst"})
    assert f'filename="{TOKEN}_list.txt"' in dict(reply.headers)["Content-Disposition"]


def test_refused(client):
    for query in (
        {"username": "x", "password": "y"},
        {"username": "trial9", "password": "pw9"},
        {**LOGIN, "type": "odd"},
    ):
        assert client.ask("/get.php", query).body == b'{"user_info":{"auth":0}}'


def test_list_of_chinese_market_apps():
    client = Client()
    text = client.ask("/tv.txt", LOGIN).body.decode()
    assert text.splitlines()[:3] == [
        "ua=okhttp/3.15",
        "Korea,#genre#",
        f"Heron One HD,{URLS[0]}#{URLS[0][:-3]}.m3u8$HLS",
    ]
    sealed = Client(txt_base64=True).ask("/tv.txt", LOGIN).body
    assert base64.b64decode(sealed, validate=True).decode() == text
    told = json.loads(Client(txt_json=True).ask("/tv.txt", LOGIN).body)
    assert [group["group"] for group in told] == ["Korea", "News"]
    assert told[1]["channels"] == [{"name": NAMES[1], "urls": [URLS[1], f"{URLS[1][:-3]}.m3u8$HLS"]}]
    assert client.ask("/tv.txt", {"username": "x"}).body == b'{"user_info":{"auth":0}}'


def test_every_grammar_is_tested_here():
    assert set(lists.GRAMMARS) == {"simple", "ariva", "starlivev3", "fps", "revosun", "zorro", "gst", "mediastar",
    "octagon",
                                   "spark", "webtvlist", "starlivev5"}  # fmt: skip
