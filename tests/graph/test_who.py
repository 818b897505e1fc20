"""Who is who in the graph: entities, their links, what was watched."""

from __future__ import annotations

import pytest

from iptvforensics.graph.layout import is_repeated
from iptvforensics.graph.picture import picture, shown_first

from .conftest import BASE_NS, ONE

SPAN = {"capture_ids": [ONE], "first_ns": BASE_NS, "last_ns": BASE_NS + 10}


@pytest.fixture
def known(lab):
    rows = lab.rows
    rows["devices"] = [{"device_id": "d-1", "ips": ["192.168.1.20"], "model": "MAG250", "strength": "strong", **SPAN}]
    rows["panels"] = [{"panel_id": "p-1", "host": "tv.example", "hosts": ["tv.example"], **SPAN}]
    rows["lines"] = [
        {"line_id": "l-1", "panel_id": "p-1", "username": "u1", "used": True, "rule": "line-in-request",
         "strength": "conclusive", **SPAN},
        {"line_id": "l-2", "panel_id": "p-1", "username": "named only", "used": False, **SPAN},
    ]  # fmt: skip
    rows["servers"] = [
        {"server_id": "v-0", "host": "tv.example", "role": "panel", "panel_id": "p-1", **SPAN},
        {"server_id": "v-1", "host": "edge.example", "role": "edge", "bytes": 70, **SPAN},
        {"server_id": "v-2", "host": None, "ips": ["203.0.113.9"], "role": "head-end", **SPAN},
    ]
    rows["channels"] = [
        {"channel_id": "c-1", "stream_id": "77", "name": "News", "watched": True, "capture_ids": [ONE]},
        {"channel_id": "c-2", "stream_id": "78", "name": "Offered only", "watched": False, "capture_ids": [ONE]},
    ]
    kinds = [("d-1", "l-1", "uses-line"), ("d-1", "p-1", "logs-in"), ("p-1", "v-1", "redirects-to"),
             ("d-1", "v-1", "streams-from"), ("v-1", "v-2", "pulls-from"), ("v-1", "c-1", "carries"),
             ("d-1", "v-9", "streams-from")]  # fmt: skip
    rows["links"] = [
        {"link_id": f"k-{n}", "source": a, "target": b, "kind": kind, "strength": "strong", "count": 3,
         "rule": "r; s", "why": "because", **SPAN}
        for n, (a, b, kind) in enumerate(kinds)
    ]  # fmt: skip
    rows["evidence"] = [
        {"capture_id": ONE, "row_id": row, "frame_no": frame, "shows": "x"} for row, frame in (("k-0", 12), ("l-1", 15))
    ]
    session = {"capture_id": ONE, "session_id": "s-1", "device_id": "d-1", "channel_id": "c-1"}
    rows["session_entities"] = [session]
    lab.session(session_id="s-1")
    return lab.graph()


def edges(graph):
    return {(graph.nodes[u]["label"], a["kind"], graph.nodes[v]["label"]) for u, v, a in graph.edges(data=True)}


def test_entities_and_links_are_in_the_graph(known):
    assert edges(known) >= {
        ("MAG250", "uses-line", "u1"),
        ("u1", "account-at", "tv.example"),
        ("tv.example", "redirects-to", "edge.example"),
        ("edge.example", "pulls-from", "203.0.113.9"),
        ("MAG250", "watched", "News"),
    }
    assert known.nodes["head-end:v-2"]["role"] == "head-end"
    assert known.nodes["device:d-1"]["ips"] == "192.168.1.20"


def test_what_was_only_named_or_offered_is_left_out(known):
    labels = {label for _, label in known.nodes(data="label")}
    assert not {"named only", "Offered only"} & labels


def test_a_link_keeps_its_strength_rule_and_frames(known):
    edge = known.edges["device:d-1", "line:l-1", "uses-line"]
    assert (edge["strength"], edge["rule"], edge["count"], edge["why"]) == ("strong", "r; s", 3, "because")
    assert edge["evidence"] == [f"{ONE}#12"]


def test_an_account_at_a_panel_has_the_frames_of_its_line(known):
    edge = known.edges["line:l-1", "panel:p-1", "account-at"]
    assert (edge["strength"], edge["evidence"], edge["evidence_count"]) == ("conclusive", [f"{ONE}#15"], 1)


def test_a_panel_is_one_node_also_as_a_server(known):
    assert [n for n, label in known.nodes(data="label") if label == "tv.example"] == ["panel:p-1"]


def test_edges_that_a_path_shows_are_not_drawn(known):
    drawn = {a["kind"]: not is_repeated(a, u, v, known) for u, v, a in known.edges(data=True) if u == "device:d-1"}
    assert drawn == {"uses-line": True, "logs-in": False, "streams-from": False, "watched": True}


def test_who_is_who_is_shown_first(known):
    assert "panel" in shown_first(known)
    text = picture(known)
    assert "MAG250" in text
    assert "192.168.1.20</text>" not in text


def test_without_entities_the_network_is_shown(lab):
    lab.get()
    assert shown_first(lab.graph()) == ("client", "stream", "host", "address")
