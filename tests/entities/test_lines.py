"""Lines: where credentials stand, and which are one line."""

from __future__ import annotations

import pytest

from .conftest import EDGE, ONE, PANEL, TWO


def names(tables):
    return sorted((row["panel_host"], row["username"], row["password"], row["mac"]) for row in tables["lines"])


def test_a_line_in_requests_redirects_and_referers_is_one(lab):
    lab.get("/live/u1/p1/77.ts", status=302, location="http://edge.example/live/u1/p1/77.ts")
    lab.get("/live/u1/p1/77.ts", host="edge.example", server_ip=EDGE, referer="http://tv.example/live/u1/p1/77.ts")
    tables = lab.build()
    assert names(tables) == [("tv.example", "u1", "p1", None)]
    [line] = tables["lines"]
    assert line["places"] == ["redirect", "referer", "request"]
    assert line["hosts"] == ["edge.example", "tv.example"]
    assert line["strength"] == "conclusive"


@pytest.mark.parametrize("target", ["/get.php?username=u1&password=p1&type=m3u", "/live/u1/p1/77.ts"])
@pytest.mark.parametrize("is_followed", [True, False])
def test_a_short_address_of_a_list_is_no_panel(lab, target, is_followed):
    lab.get("/l/k4x9", host="go.example", server_ip=EDGE, status=302, location=f"http://tv.example{target}")
    if is_followed:
        lab.get(target)
    lab.get("/player_api.php?username=u1&password=p1")
    tables = lab.build()
    assert names(tables) == [("tv.example", "u1", "p1", None)]
    assert "redirect" in tables["lines"][0]["places"]
    assert [row["host"] for row in tables["panels"]] == ["tv.example"]


def test_a_link_that_nobody_used_is_a_lead(lab):
    lab.get("/", referer="http://other.example/get.php?username=x1&password=y1")
    lab.get("/list", status=302, location="http://third.example/live/a1/b1/5.ts")
    lines = {row["username"]: row for row in lab.build()["lines"]}
    assert (lines["x1"]["used"], lines["x1"]["strength"]) == (True, "strong")
    assert (lines["a1"]["used"], lines["a1"]["strength"]) == (False, "strong")


def test_portals_know_lines_by_an_address(lab):
    lab.get("/portal.php?type=stb&action=handshake", cookie="mac=00%3A1A%3A79%3A00%3A00%3A01; stb_lang=en")
    tables = lab.build()
    assert names(tables) == [("tv.example", None, None, "00:1a:79:00:00:01")]
    assert tables["devices"][0]["claimed_macs"] == ["00:1a:79:00:00:01"]
    assert tables["panels"][0]["family"] == "stalker"


MAC = "00:1a:79:00:00:01"


@pytest.mark.parametrize(
    ("query", "cookie", "places"),
    [
        ("", f"mac={MAC}", ["cookie"]),
        (f"&mac={MAC}", None, ["query"]),
        (f"&mac={MAC}", f"stb_lang=en; mac={MAC}", ["cookie", "query"]),
    ],
    ids=["cookie", "query", "both"],
)
def test_requests_with_an_address_are_counted_once_each(lab, query, cookie, places):
    for number in range(6):
        lab.get(f"/portal.php?type=itv&action=get_genres{query}&x={number}", cookie=cookie)
    lab.get("/portal.php?type=itv&action=get_genres")
    [line] = lab.build()["lines"]
    assert (line["mac"], line["requests"], line["places"], line["used"]) == (MAC, 6, places, True)


def test_equal_requests_are_counted_each(lab):
    for _ in range(3):
        lab.get("/portal.php?type=watchdog&action=get_events", cookie=f"mac={MAC}")
    assert lab.build()["lines"][0]["requests"] == 3


def test_credentials_in_target_and_referer_are_one_request(lab):
    lab.get("/live/u1/p1/77.ts", referer="http://tv.example/player_api.php?username=u1&password=p1")
    assert lab.build()["lines"][0]["requests"] == 1


def test_a_form_that_comes_with_the_cookie_is_no_place_of_the_address(lab):
    lab.get("/portal.php?type=stb&action=do_auth", cookie=f"mac={MAC}")
    lab.message("account_replies", family="stalker", role="request", action="do_auth", host="tv.example", mac=MAC)
    [line] = lab.build()["lines"]
    assert (line["places"], line["requests"]) == (["cookie"], 1)


def test_a_session_uses_a_line_that_only_a_link_named(lab):
    url = "http://tv.example/live/u7/p7/77.ts"
    lab.message("stream_links", host="tv.example", link_url=url, kind="itv", server_port=80)
    assert [row["used"] for row in lab.build()["lines"]] == [False]
    lab.session(url, panel_host="tv.example")
    assert [(row["username"], row["used"], row["requests"]) for row in lab.build()["lines"]] == [("u7", True, 0)]


def test_the_name_of_a_list_holds_the_user(lab):
    disposition = 'attachment; filename="playlist_u9_plus.m3u"'
    lab.get("/get.php?username=u9&password=p9&type=m3u_plus", content_disposition=disposition)
    lab.get(None, host=None, content_disposition='attachment; filename="playlist_u8.m3u"')
    tables = lab.build()
    assert names(tables) == [(PANEL, "u8", None, None), ("tv.example", "u9", "p9", None)]
    [whole] = [row for row in tables["lines"] if row["username"] == "u9"]
    assert whole["places"] == ["file name", "request"]


@pytest.mark.parametrize("target", [None, "/get.php?username=u7&password=p7&type=gst"])
def test_the_name_of_a_list_for_receivers_holds_the_user(lab, target):
    lab.get(target, content_disposition='attachment; filename="u7_list.txt"')
    [line] = lab.build()["lines"]
    assert line["username"] == "u7"
    assert "file name" in line["places"]


def test_other_lists_name_nobody(lab):
    lab.get("/shop/prices", content_disposition='attachment; filename="price_list.txt"')
    assert lab.build()["lines"] == []


def test_a_token_in_the_name_of_a_list_is_a_token(lab):
    token = "0f" * 16
    lab.get(None, content_disposition=f'attachment; filename="playlist_{token}_plus.m3u"')
    lab.get(f"/get.php?token={token}&type=m3u_plus")
    [line] = lab.build()["lines"]
    assert (line["username"], line["token"]) == (None, token)
    assert line["places"] == ["file name", "request"]


def test_the_end_customer_of_a_signed_link_is_a_line(lab):
    target = "/live/77.ts?hmac=ab12&identifier=cust-9&ip=192.0.2.1&max=1&expiry=1800000000"
    lab.get(target, status=302, location="http://edge.example/auth/abcdefghijklmnopqrst")
    lab.session(f"http://tv.example{target}", panel_host="tv.example")
    tables = lab.build()
    [line], [session] = tables["lines"], tables["session_entities"]
    assert (line["username"], line["account"], line["strength"]) == (None, "customer: cust-9", "conclusive")
    assert (session["line_id"], session["line_why"]) == (
        line["line_id"], "identifier of a customer in the URL that was asked for",
    )  # fmt: skip
    assert "uses-line" in {row["kind"] for row in tables["links"]}


def test_rtmp_carries_lines(lab):
    lab.message("rtmp", command="connect", tc_url="rtmp://tv.example/live", app="live", server_port=8880)
    lab.message("rtmp", command="play", tc_url="rtmp://tv.example/live", stream_name="77?username=u1&password=p1")
    assert names(lab.build()) == [("tv.example", "u1", "p1", None)]


def test_equal_credentials_under_two_names_of_one_panel_are_one_line(lab):
    for host in ("a.example", "b.example"):
        lab.get("/player_api.php?username=u1&password=p1", host=host)
    tables = lab.build()
    assert len(tables["panels"]) == len(tables["lines"]) == 1
    assert [row["rule"] for row in tables["merges"]] == ["same-address-same-line", "same-panel", "same-address"]


def test_equal_credentials_at_two_panels_are_two_lines_with_a_link(lab):
    lab.get("/player_api.php?username=u1&password=p1", host="a.example")
    lab.get("/player_api.php?username=u1&password=p1", host="b.example", server_ip="198.51.100.8", capture_id=TWO)
    tables = lab.build()
    assert len(tables["lines"]) == 2
    [link] = [row for row in tables["links"] if row["kind"] == "same-as"]
    assert (link["strength"], link["rule"]) == ("supporting", "equal-credentials")


@pytest.mark.parametrize("target", ["/admin/live?stream=77&password=secret", "/hls/news.m3u8", "/u1/p1/77.ts"])
def test_what_names_no_line(lab, target):
    lab.get(target)
    assert lab.build()["lines"] == []


def entry(lab, url, host="tv.example", table="catalogue_entries", **values):
    where = {"entry_url": url, "host": host, "family": "m3u"}
    if table == "playlist_entries":
        lab.rows.setdefault(table, []).append(
            {"capture_id": ONE, "ts_ns": 1, "frame_no": 5, "flow_id": 1, "url": url, "playlist_url": f"http://{host}/x"}
        )
        return
    lab.message(table, **where, **values)


@pytest.mark.parametrize("table", ["catalogue_entries", "playlist_entries"])
def test_lines_in_lists_are_leads_and_are_read_once(lab, table):
    for number in range(3):
        entry(lab, f"http://other.example:8080/live/u7/p7/{number}.ts", table=table)
        entry(lab, f"rtmp://third.example/live/{number}?username=u8&password=p8", table=table)
    tables = lab.build()
    lines = {row["username"]: row for row in tables["lines"]}
    assert (lines["u7"]["used"], lines["u7"]["strength"], lines["u7"]["panel_host"]) == (False, "lead", "other.example")
    assert lines["u8"]["places"] == ["list"]
    assert {row["host"]: row["contacted"] for row in tables["panels"]} == {
        "other.example": False,
        "third.example": False,
    }


def test_bare_links_count_for_the_user_that_asked_for_the_list(lab):
    entry(lab, "http://other.example/user7/pass7/1.ts", username="user7")
    entry(lab, "http://other.example/channel/720p/1.ts", username="user7")
    entry(lab, "http://other.example/channel/720p/1.ts", table="playlist_entries")
    assert [row["username"] for row in lab.build()["lines"]] == ["user7"]


def test_an_edge_that_a_list_names_for_a_known_line_is_no_panel(lab):
    lab.get("/get.php?username=u1&password=p1&type=m3u")
    entry(lab, "rtmp://edge.example:8880/live/1?username=u1&password=p1")
    tables = lab.build()
    assert [row["host"] for row in tables["panels"]] == ["tv.example"]
    assert [row["panel_host"] for row in tables["lines"]] == ["tv.example"]


def test_a_name_that_the_panels_list_gives_and_that_sends_clients_on_is_the_panel(lab):
    lab.get("/get.php?username=u1&password=p1&type=m3u")
    entry(lab, "http://line.example/live/u1/p1/7.ts")
    location = "http://edge.example/auth/abcdefghijklmnopqrst"
    lab.get("/live/u1/p1/7.ts", host="line.example", server_ip="198.51.100.9", status=302, location=location)
    tables = lab.build()
    assert [row["hosts"] for row in tables["panels"]] == [["line.example", "tv.example"]]
    assert "list-names" in [row["rule"] for row in tables["merges"]]
