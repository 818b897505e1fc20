"""Servers: their parts, with reasons."""

from __future__ import annotations

import pytest

from .conftest import BOX, EDGE

PULLER, HEAD = "203.0.113.70", "203.0.113.80"


def roles(tables):
    return {row["host"] or row["ips"][0]: row["role"] for row in tables["servers"]}


def test_panel_and_edge(lab):
    lab.watch()
    tables = lab.build()
    assert roles(tables) == {"tv.example": "panel", "edge.example": "edge"}
    edge = next(row for row in tables["servers"] if row["role"] == "edge")
    assert "panel tv.example sent clients there" in edge["why"]
    assert (edge["sessions"], edge["bytes"], edge["domain"]) == (1, 1000, "edge.example")
    assert edge["panel_id"] == tables["panels"][0]["panel_id"]


def test_edge_paths_make_an_edge_without_redirect(lab):
    lab.get("/hls/QUJDREVGR0hJSktMTU5PUA", host="e1.example", server_ip=EDGE)
    [edge] = lab.build()["servers"]
    assert (edge["role"], edge["rule"], edge["strength"]) == ("edge", "server-edge-paths", "strong")


def test_what_servers_fetch_from_is_a_head_end(lab):
    lab.session("http://edge.example/live/7.ts", "edge.example", edge_ip=PULLER)
    lab.session("http://head.example/7.ts", "head.example", client_ip=PULLER, edge_ip=HEAD)
    tables = lab.build()
    assert roles(tables) == {"edge.example": "edge", "head.example": "head-end"}
    [link] = [row for row in tables["links"] if row["kind"] == "pulls-from"]
    assert link["strength"] == "conclusive"


def test_publishing(lab):
    lab.session("live/7", "in.example", delivery="rtmp-publish", client_ip=HEAD)
    tables = lab.build()
    assert roles(tables) == {"in.example": "edge", HEAD: "head-end"}
    assert sorted(row["kind"] for row in tables["links"]) == ["carries", "fed-by", "pushes-to"]
    assert tables["devices"] == []


def test_servers_that_ask_as_panels_do(lab):
    lab.get("/u1/p1/7.ts", host="up.example", client_ip=PULLER, headers=["X-XUI-Detect: 1"], mac=None)
    lab.session("http://edge.example/live/7.ts", "edge.example", edge_ip=PULLER)
    lab.get("/player_api.php?username=u1&password=p1", host="up.example", client_ip=BOX, flow_id=2)
    tables = lab.build()
    [pull] = [row for row in tables["links"] if row["kind"] == "pulls-from"]
    assert (pull["rule"], pull["strength"]) == ("server-header", "conclusive")


def test_who_only_sends_elsewhere_is_a_redirector(lab):
    lab.get("/watch/7", host="go.example", status=302, location="http://edge.example/x.m3u8")
    assert roles(lab.build()) == {"go.example": "redirector"}


def test_groups_are_no_servers(lab):
    lab.session("udp://239.1.2.3:5000", None, edge_ip="239.1.2.3", delivery="udp-ts", client_ip=None)
    assert lab.build()["servers"] == []


def test_what_feeds_a_head_end_is_an_origin(lab):
    lab.session("http://edge.example/live/7.ts", "edge.example", edge_ip=PULLER)
    lab.session("http://head.example/7.ts", "head.example", client_ip=PULLER, edge_ip=HEAD)
    lab.session("live/7", "head.example", delivery="rtmp-publish", client_ip="198.51.100.100", edge_ip=HEAD)
    lab.session("udp://x:1", None, delivery="udp-ts", client_ip=HEAD, edge_ip="198.51.100.102")
    lab.session("http://ott.example/7.m3u8", "ott.example", client_ip=HEAD, edge_ip="198.51.100.103")
    tables = lab.build()
    assert roles(tables) == {
        "edge.example": "edge", "head.example": "head-end", "198.51.100.100": "origin", "198.51.100.102": "origin",
        "ott.example": "origin",
    }  # fmt: skip
    assert sorted(row["kind"] for row in tables["links"] if row["kind"].startswith("pu")) == [
        "pulls-from", "pulls-from", "pushes-to", "pushes-to",
    ]  # fmt: skip


def test_a_host_that_only_gives_the_playlist(lab):
    lab.get("/live/u1/p1/7.m3u8", status=302, location="http://lb.example/hls/7.m3u8")
    lab.get("/hls/7.m3u8", "lb.example", server_ip="203.0.113.77")
    lab.session("http://tv.example/live/u1/p1/7.m3u8", "seg.example", hosts=["tv.example", "lb.example", "seg.example"])
    tables = lab.build()
    assert roles(tables) == {"tv.example": "panel", "lb.example": "playlist", "seg.example": "edge"}
    assert {row["host"]: row["ips"] for row in tables["servers"]}["lb.example"] == ["203.0.113.77"]


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        ("http://192.0.2.8:8001/1:0:19:283D:3FB:1:C00000:0:0:0:", "service 10301 of transport stream 1019, network 1"),
        ("http://192.0.2.8/live/u/p/7.ts", None),
        ("http://192.0.2.8/12:30:45", None),
        (None, None),
    ],
)
def test_media_asked_for_by_a_service_reference_are_those_of_a_tuner(lab, stream, told):
    lab.session(stream, None, edge_ip="192.0.2.8")
    [server] = lab.build()["servers"]
    assert server["rule"] == ("server-media; server-tuner" if told else "server-media")
    assert (told or "") in (server["why"] or "")
    assert server["role"] == "edge"
