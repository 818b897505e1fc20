from __future__ import annotations

import pytest

PORTAL = "host:portal.example"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_joins_hosts_and_marks_the_redirector(lab, edges_of, status):
    frame = lab.get("portal.example:8080", status, location="http://edge.example:8000/live/a/b/1.ts?t=1")["frame_no"]
    graph = lab.graph()
    edge = edges_of(graph, "redirects-to")[PORTAL, "host:edge.example"]
    assert (edge["rule"], edge["strength"]) == (f"http-{status}", "conclusive")
    assert edge["evidence"] == [f"aaaaaaaaaaaaaaaa#{frame}"]
    assert graph.nodes[PORTAL]["role"] == "redirector"
    assert graph.nodes[PORTAL]["why"] == "sent clients elsewhere 1 times: edge.example"


@pytest.mark.parametrize(
    "location",
    ["/other", "other.ts", "http://portal.example:9000/x", "http://PORTAL.example/x", "?q=//edge.example/", "http://["],
)
def test_redirect_to_the_same_host_makes_no_edge(lab, edges_of, location):
    lab.get("portal.example", 302, location=location)
    graph = lab.graph()
    assert not edges_of(graph, "redirects-to")
    assert "role" not in graph.nodes[PORTAL]


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("//edge.example/x", "host:edge.example"),
        ("http://user:pass@edge.example/x", "host:edge.example"),
        ("HTTPS://EDGE.example", "host:edge.example"),
        ("http://203.0.113.9:8080/x", "address:203.0.113.9"),
        ("http://[2001:db8::9]/x", "address:2001:db8::9"),
        ("rtmp://edge.example/live", "host:edge.example"),
    ],
)
def test_location_forms(lab, edges_of, location, target):
    lab.get("portal.example", 302, location=location)
    assert list(edges_of(lab.graph(), "redirects-to")) == [(PORTAL, target)]


@pytest.mark.parametrize("status", [200, 201, 404])
def test_location_without_redirect_is_none(lab, edges_of, status):
    lab.get("portal.example", status, location="http://edge.example/x")
    assert not edges_of(lab.graph(), "redirects-to")


def test_many_targets_are_counted_and_some_named(lab):
    for number in range(8):
        lab.get("portal.example", 302, location=f"http://e{number}.example/")
    why = lab.graph().nodes[PORTAL]["why"]
    assert (
        why == "sent clients elsewhere 8 times: e0.example, e1.example, e2.example, e3.example, e4.example and 3 more"
    )


def test_rtmp_rejection_redirects(lab, edges_of):
    lab.message("rtmp", command="connect", tc_url="rtmp://portal.example/live", flow_id=4)
    lab.message("rtmp", command="_error", redirect_url="rtmp://edge.example:1936/live", flow_id=4, from_orig=False)
    lab.message("rtmp", command="_error", redirect_url="rtmp://other.example/live", flow_id=5, from_orig=False)
    edges = edges_of(lab.graph(), "redirects-to")
    assert {pair: edge["rule"] for pair, edge in edges.items()} == {(PORTAL, "host:edge.example"): "rtmp-redirect"}


def test_playlists_refer_to_other_hosts_once_per_pair(lab, edges_of):
    for number in range(3):
        lab.message(
            "playlist_entries", playlist_url="http://lists.example/1.m3u8", url=f"http://media.example/{number}.ts"
        )
        lab.message(
            "playlist_entries", playlist_url="http://lists.example/1.m3u8", url=f"http://lists.example:80/{number}.ts"
        )
    edges = edges_of(lab.graph(), "refers-to")
    assert {pair: edge["count"] for pair, edge in edges.items()} == {("host:lists.example", "host:media.example"): 3}
