"""Lists that name exact URLs: what was played of them."""

from __future__ import annotations

import pytest

from .conftest import BASE_NS, BOX, EDGE, PANEL, TWO

ENTRY = {"host": "list.example", "name": "KBS1", "family": "m3u", "kind": "live"}


def lists(lab, url, **values):
    lab.message("catalogue_entries", entry_url=url, **{**ENTRY, **values})


def played(lab, url, **values):
    """Play a URL; return the tables of the case and the row of the session."""
    lab.get("/x", host="list.example")
    lab.session(url, **values)
    tables = lab.build()
    [row] = tables["session_entities"]
    return tables, row


@pytest.mark.parametrize(
    ("listed", "asked"),
    [
        ("http://flus.example/KBS1/mpegts", "http://flus.example/KBS1/mpegts"),
        ("http://FLUS.example:80/MBC/index.m3u8#.m3u8", "http://flus.example/MBC/index.m3u8"),
        ("https://flus.example", "https://flus.example:443/"),
        ("http://[2001:db8::1]:8080/a", "http://[2001:db8::1]:8080/a"),
        ("http://flus.example/play.php?id=7", "http://flus.example/play.php?id=7"),
        ("rtp://@192.0.2.30:5004", "rtp://192.0.2.30:5004"),
        ("http://FLUS.example/한국 1.ts", "http://flus.example/%ED%95%9C%EA%B5%AD%201.ts"),
        ("http://flus.example/q?n=%7ea b", "http://flus.example/q?n=~a%20b"),
    ],
)
@pytest.mark.parametrize("family", ["m3u", "txtlist"])
def test_a_list_names_the_channel_that_was_played_by_its_url(lab, family, listed, asked):
    lists(lab, listed, family=family, category_name="Korea")
    lists(lab, "http://flus.example/other.m3u8", name="Other")
    tables, row = played(lab, asked)
    [channel] = tables["channels"]
    assert (row["channel"], row["name_source"], row["channel_id"]) == ("KBS1", "playlist", channel["channel_id"])
    assert (channel["name"], channel["stream_id"], channel["panel_id"]) == ("KBS1", asked, None)
    assert (channel["category"], channel["watched"], channel["sessions"]) == ("Korea", True, 1)
    assert "carries" in {link["kind"] for link in tables["links"] if link["target"] == channel["channel_id"]}


@pytest.mark.parametrize(
    "asked",
    ["http://flus.example/play.php?id=8", "http://flus.example:8080/play.php?id=7", "https://flus.example/play.php?id=7",
     "http://flus.example/play.php", "http://flus.example/play.php%3Fid=7", "http://edge.example/play.php?id=7"],
)  # fmt: skip
def test_another_url_gets_no_name(lab, asked):
    lists(lab, "http://flus.example/play.php?id=7")
    tables, row = played(lab, asked)
    assert (row["channel"], row["name_source"], row["channel_id"], tables["channels"]) == (None, None, None, [])


def test_the_url_before_a_redirect_counts(lab):
    lists(lab, "http://flus.example/KBS1/mpegts")
    location = "http://edge.example/KBS1/mpegts?token=abc"
    lab.get("/KBS1/mpegts", host="flus.example", status=302, location=location)
    assert played(lab, location)[1]["channel"] == "KBS1"


@pytest.mark.parametrize("url", ["rtmp://edge.example/live/kbs", "rtmp://203.0.113.40:1935/live/kbs"])
def test_an_rtmp_stream_is_named_by_its_url(lab, url):
    lists(lab, url)
    tables, row = played(lab, "live/kbs", delivery="rtmp", edge_port=1935)
    assert (row["channel"], [c["stream_id"] for c in tables["channels"]]) == ("KBS1", ["live/kbs"])


@pytest.mark.parametrize(("kind", "session"), [("vod", None), (None, "vod")])
def test_a_film_is_a_title(lab, kind, session):
    lists(lab, "http://flus.example/film.mp4", kind=kind)
    tables, row = played(lab, "http://flus.example/film.mp4", kind=session)
    [title] = tables["titles"]
    assert (row["title"], row["title_id"], row["channel_id"]) == ("KBS1", title["title_id"], None)
    assert (title["kind"], title["name_source"], tables["channels"]) == ("movie", "playlist", [])


def test_a_portals_list_with_the_final_url_gives_the_number(lab):
    lab.get("/portal.php?type=stb&action=handshake", cookie="mac=00:1A:79:00:00:01")
    lists(lab, "http://edge.example/ch/kbs", family="stalker", host="tv.example", entry_id="7")
    tables, row = played(lab, "http://edge.example/ch/kbs")
    [channel] = tables["channels"]
    assert (channel["stream_id"], channel["panel_id"]) == ("7", tables["panels"][0]["panel_id"])
    assert (row["channel"], row["name_source"], row["panel_id"]) == ("KBS1", "catalogue", channel["panel_id"])
    assert channel["watched"]


def test_the_clients_own_list_comes_first_then_those_of_the_case(lab):
    lists(lab, "http://flus.example/a", name="Of another client", capture_id=TWO)
    lists(lab, "http://flus.example/a", name="The client's own")
    assert played(lab, "http://flus.example/a")[1]["channel"] == "The client's own"
    lab.rows["catalogue_entries"].pop()
    assert lab.build()["session_entities"][0]["channel"] == "Of another client"


def test_heads_of_lists_and_categories_name_nothing(lab):
    for kind in ("list", "category"):
        lists(lab, "http://flus.example/a", kind=kind)
    assert played(lab, "http://flus.example/a")[1]["channel"] is None


def test_what_servers_fetch_is_not_named(lab):
    lists(lab, "http://head.example/7.ts")
    lab.session("http://head.example/7.ts", "head.example", client_ip=EDGE, edge_ip=PANEL)
    lab.session("http://edge.example/7.ts", client_ip=BOX)
    assert {row["channel"] for row in lab.build()["session_entities"]} == {None}


def test_the_guide_is_asked_by_the_lists_identifier(lab):
    lists(lab, "http://flus.example/KBS1/mpegts", epg_id="kbs.id")
    for ref, title in (("kbs.id", "Evening news"), ("other.id", "Elsewhere")):
        lab.message("programmes", channel_ref=ref, start_ns=BASE_NS, end_ns=BASE_NS + 3600 * 10**9, title=title)
    tables, row = played(lab, "http://flus.example/KBS1/mpegts")
    assert (row["programmes"], row["programmes_why"]) == (["Evening news"], "the time of the session")
    assert [channel["epg_id"] for channel in tables["channels"]] == ["kbs.id"]
