"""What a URL says about a panel."""

from __future__ import annotations

import re

import pytest

from iptvforensics.entities.urls import SQL_EDGES, SQL_TARGETS, is_block_token, is_edge_target, mac_address, read_url

BLOCKS = "QUJDREVGR0hJSktMTU5PUA"  # 16 bytes


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://tv.example/player_api.php?username=u1&password=p1", "panel"),
        ("/panel_api.php?password=p1&username=u1&action=user", "panel"),
        ("/get.php?username=u1&password=p1&type=m3u_plus&output=ts", "panel"),
        ("/xmltv.php?username=u1&password=p1", "panel"),
        ("/enigma2.php?username=u1&password=p1&type=get_live_streams", "panel"),
        ("/player_api/u1/p1/get_live_streams", "panel"),
        ("/playlist/u1/p1/m3u_plus/ts", "panel"),
        ("/epg/u1/p1/gz", "panel"),
        ("/xmltv?username=u1&password=p1", "panel"),
        ("/enigma2?username=u1&password=p1&type=get_live_streams", "panel"),
        ("/sub/dir/player_api/u1/p1/get_live_streams", "panel"),
        ("/panel_api/u1/p1", "panel"),
        ("/live/u1/p1/77.ts", "panel"),
        ("/movie/u1/p1/4711.mkv", "panel"),
        ("/series/u1/p1/4712.mp4?x=1", "panel"),
        ("/timeshift/u1/p1/60/2026-11-20:20-15/77.ts", "panel"),
        ("/timeshifts/u1/p1/60/77/2026-11-20:20-15.ts", "panel"),
        ("/streaming/timeshift.php?username=u1&password=p1&stream=77&start=2026-11-20:20-15&duration=60", "panel"),
        ("/hlsr/token/u1/p1/77/key/77_1.ts", "edge"),
        ("/thumb/u1/p1/77", "panel"),
        ("/subtitle/u1/p1/3/4711", "panel"),
        ("rtmp://e.example:8880/live/77?username=u1&password=p1", "panel"),
    ],
)
def test_the_line_is_read_from_every_form(url, says):
    found = read_url(url)
    assert (found.username, found.password, found.says, found.names_line) == ("u1", "p1", says, True)


@pytest.mark.parametrize(
    ("url", "stream", "kind"),
    [
        ("/live/u/p/77.ts", "77", "live"),
        ("/live/u/p/77", "77", "live"),
        ("/live/u/p/77.ts?utc=1&lutc=2", "77", "catchup"),
        ("/movie/u/p/4711.mkv", "4711", "movie"),
        ("/timeshift/u/p/60/2026-11-20:20-15/77.ts", "77", "catchup"),
        ("/auth/77.m3u8?token=abc", "77", "live"),
        ("/streaming/clients_live.php?username=u&password=p&stream=77&extension=ts", "77", "live"),
        ("/live/abcdefghijklmnopqr/77.ts", "77", "live"),
    ],
)
def test_the_stream_is_read(url, stream, kind):
    found = read_url(url)
    assert (found.stream_id, found.kind) == (stream, kind)


@pytest.mark.parametrize(
    ("url", "form"),
    [
        (f"/hls/{BLOCKS}", "hls"),
        (f"/key/{BLOCKS}", "key"),
        (f"/{'0a' * 16}/auth/{BLOCKS}", "auth"),
        ("/vauth/abcdefghijklmnop", "vauth"),
        ("/live/auth/abcdefghijklmnop", "auth"),
    ],
)
def test_forms_that_only_edges_serve(url, form):
    found = read_url(url)
    assert (found.form, found.says) == (form, "edge")
    assert re.search(SQL_EDGES, url)


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/hls/news24.m3u8",
        "/hls/abcdefghijklmnopqrstuvwx",  # no whole blocks
        "/live/alpha/index0.ts",
        "/live/hls/x/77.ts",
        "/index.php?id=1",
        "/get.php?id=1",
        "/portal.php",
        "/u1/p1/77.ts",
        "/api?action=stats",
        "/xmltv?id=7",
        "/music/playlist/some/one",
        "/playlist/some/one",
        "/playlist/some/one/page/2",
        "/epg/2026/11",
        "http://[broken/live/u/p/1.ts",
        "",
    ],
)
def test_ordinary_urls_say_nothing(url):
    assert read_url(url) is None


def test_a_guide_without_its_packing_counts_only_at_a_panel():
    assert read_url("/epg/u1/p1") is None
    found = read_url("/epg/u1/p1", bare=True)
    assert (found.username, found.password, found.form, found.action) == ("u1", "p1", "api", "epg")


def test_the_bare_form_counts_only_when_asked_for():
    found = read_url("/user1/pass1/77.ts", bare=True)
    assert (found.username, found.password, found.stream_id, found.kind) == ("user1", "pass1", "77", "live")
    assert read_url("/user1/pass1/77.mkv", bare=True).kind == "movie"
    assert read_url("/static/img/77.png", bare=True) is None
    assert read_url("/2026/11/77.jpg", bare=True) is None


def test_short_names_of_users_are_read():
    assert read_url("/bd/x/77.ts", bare=True).username == "bd"
    assert read_url("/live/b/x/77.ts").username == "b"


def test_interfaces_without_the_ending_of_a_script_are_interfaces():
    assert read_url("/xmltv?username=u1&password=p1").form == "api"
    assert read_url("/enigma2?username=u1&password=p1").family == "enigma2"


@pytest.mark.parametrize(
    ("url", "is_edge"),
    [
        (f"http://e.example/auth/{BLOCKS}", True),
        ("/tsauth/abcdefghijklmnopqr", True),
        ("/auth/login-with-provider", False),
        ("/auth/aB3aB3aB3aB3aB3aB3", True),
        ("/news", False),
    ],
)
def test_what_only_panels_send_clients_to(url, is_edge):
    assert is_edge_target(url) is is_edge


@pytest.mark.parametrize(
    ("target", "stream", "kind"),
    [
        ("/live/77.ts?hmac=ab12&identifier=cust-9&ip=192.0.2.1&max=1&expiry=1800000000", "77", "live"),
        ("/streaming/clients_movie.php?stream=78&type=movie&hmac=ab12&identifier=cust-9&expiry=1", "78", "movie"),
    ],
)
def test_signed_links_name_the_end_customer(target, stream, kind):
    found = read_url(target)
    assert (found.customer, found.stream_id, found.kind, found.names_line) == ("cust-9", stream, kind, True)
    assert re.search(SQL_TARGETS, target)


def test_other_signatures_name_nobody():
    assert read_url("/file.bin?hmac=ab12&identifier=7") is None


def test_portals_are_known_by_their_parameters():
    found = read_url("/stalker_portal/server/load.php?type=itv&action=create_link&cmd=x&JsHttpRequest=1-xml")
    assert (found.family, found.says, found.action) == ("stalker", "portal", "itv.create_link")
    assert read_url("/portal.php?type=stb&action=handshake").action == "stb.handshake"


def test_names_are_percent_decoded():
    found = read_url("/live/a%40b/p%2Fw/7.ts")
    assert (found.username, found.password) == ("a@b", "p/w")
    found = read_url("/player_api.php?username=a%40b&password=p%26w")
    assert (found.username, found.password) == ("a@b", "p&w")


def test_a_token_alone_names_a_line_at_the_interface_only():
    assert read_url(f"/player_api.php?token={'0f' * 16}").names_line
    assert not read_url(f"/play/{BLOCKS}").names_line


def test_what_servers_ask_each_other():
    found = read_url("/admin/live?stream=77&password=secret&extension=ts")
    assert (found.says, found.stream_id, found.username) == ("internal", "77", None)
    assert read_url("/api?password=secret&action=stats").action == "stats"
    assert read_url("/probe/aHR0cDovL3VwLmV4YW1wbGUv").form == "probe"


@pytest.mark.parametrize(
    "text",
    [
        "00:1A:79:00:00:01",
        "00-1a-79-00-00-01",
        "001A79000001",
        "001a.7900.0001",
        "00%3A1A%3A79%3A00%3A00%3A01",
        "00%253A1A%253A79%253A00%253A00%253A01",
    ],
)
def test_addresses_are_written_one_way(text):
    assert mac_address(text) == "00:1a:79:00:00:01"


@pytest.mark.parametrize("text", [None, "", "00:1A:79", "zz:1A:79:00:00:01", "001a.79000001"])
def test_what_is_no_address(text):
    assert mac_address(text) is None


def test_tokens_of_whole_blocks():
    assert is_block_token(BLOCKS)
    assert not is_block_token(BLOCKS + "A")
    assert not is_block_token("short")


@pytest.mark.parametrize(
    "target",
    [
        "/live/u/p/7.ts", "/x/get.php?username=u&password=p", "/portal.php?type=a&action=b", "/play/abcdefghijklmnopq",
        "/timeshifts/u/p/1/7/2026-11-20:20-15.ts", "/admin/live?stream=1&password=x", "/player_api/u/p",
        "/live/7?username=u&password=p", "/a/player_api/u/p", "/panel_api/u/p", "/xmltv?username=u&password=p",
    ],
)  # fmt: skip
def test_the_test_for_sql_lets_every_form_pass(target):
    assert re.search(SQL_TARGETS, target)


@pytest.mark.parametrize("behind", [62, 63, 64, 5000])
def test_of_a_query_with_many_fields_the_first_ones_are_read(behind):
    found = read_url("/get.php?username=u&password=p" + "&a=1" * behind)
    assert (found.username, found.password) == ("u", "p")
    assert read_url("/ad?" + "a=1&" * behind + "password=p") is None
