"""Streams that no panel numbers: who publishes them, who fetches them, under which name."""

from __future__ import annotations

from .conftest import BOX, EDGE, TWO

ACCOUNT, HEAD = "198.51.100.100", "192.0.2.30"


def kinds(tables):
    names = {row["server_id"]: (row["host"] or row["ips"][0]) for row in tables["servers"]}
    names |= {row["channel_id"]: row["stream_id"] for row in tables["channels"]}
    names |= {row["device_id"]: row["ips"][0] for row in tables["devices"]}
    return {(names[row["source"]], row["kind"], names[row["target"]]) for row in tables["links"]}


def test_published_and_fetched_under_one_name_is_one_channel(lab):
    lab.session("in/news", "in.example", delivery="rtmp-publish", client_ip=ACCOUNT, edge_ip=HEAD)
    lab.session("http://edge.example/live/7.ts", "edge.example", edge_ip=EDGE)
    lab.session("in/news?x=1", "in.example", delivery="rtmp", client_ip=EDGE, edge_ip=HEAD, capture_id=TWO)
    tables = lab.build()
    [channel] = tables["channels"]
    assert (channel["stream_id"], channel["panel_id"], channel["name"]) == ("in/news", None, None)
    assert (channel["watched"], channel["sessions"], len(channel["capture_ids"])) == (False, 2, 2)
    assert {row["channel_id"] for row in tables["session_entities"]} == {channel["channel_id"], None}
    assert {link for link in kinds(tables) if "in/news" in link} == {
        (ACCOUNT, "carries", "in/news"),
        ("in/news", "fed-by", ACCOUNT),
        ("in.example", "carries", "in/news"),
    }
    cited = {row["row_id"] for row in tables["evidence"]}
    assert {row["link_id"] for row in tables["links"]} <= cited


def test_datagrams_that_a_server_receives_are_published_to_it(lab):
    lab.session("in/news", "in.example", delivery="rtmp-publish", client_ip=ACCOUNT, edge_ip=HEAD)
    stream = "rtp://192.0.2.30:5004"
    lab.session(stream, None, delivery="rtp-ts", client_ip=HEAD, edge_ip="198.51.100.101", channel="Falcon")
    tables = lab.build()
    assert {(row["stream_id"], row["name"], row["name_source"]) for row in tables["channels"]} == {
        ("in/news", None, None),
        (stream, "Falcon", "in-stream"),
    }
    assert (stream, "fed-by", "198.51.100.101") in kinds(tables)


def test_what_a_viewer_plays_by_name_is_watched(lab):
    lab.get("/x")
    lab.session("live/cinema", "edge.example", delivery="rtmp", client_ip=BOX)
    lab.session("http://edge.example/auth/token", "edge.example", client_ip=BOX)
    [channel] = lab.build()["channels"]
    assert (channel["stream_id"], channel["watched"]) == ("live/cinema", True)


def test_one_name_at_two_servers_is_two_channels(lab):
    for server in (HEAD, EDGE):
        lab.session("in/news", None, delivery="rtmp-publish", client_ip=ACCOUNT, edge_ip=server)
    assert len(lab.build()["channels"]) == 2


def test_feeds_stand_beside_a_catalogue(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    entry = {"family": "xtream", "kind": "live", "host": "tv.example", "entry_id": "77", "name": "Falcon"}
    lab.message("catalogue_entries", **entry)
    lab.session("in/news", "in.example", delivery="rtmp-publish", client_ip=ACCOUNT, edge_ip=HEAD)
    assert {row["stream_id"] for row in lab.build()["channels"]} == {"77", "in/news"}
