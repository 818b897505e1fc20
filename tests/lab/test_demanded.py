"""What recordings can show of a truth, and what a cloned panel keeps of its own."""

from .demanded import at_panels, shown_links, with_copies, with_streams
from .entities import score_entities

T = 1_800_000_000
NODES = [
    {"id": "panel-1", "kind": "panel", "names": [{"name": "tv.example"}]},
    {"id": "panel-2", "kind": "panel", "names": [{"name": "new.example"}], "clone_of": "panel-1"},
    {"id": "line-1", "kind": "line", "panel": "panel-1", "username": "u1", "password": "p1"},
    {"id": "ch-7", "kind": "channel", "stream_id": 7},
    {"id": "box-1", "kind": "box", "ips": ["192.168.1.5"]},
    {"id": "edge-1", "kind": "edge", "ips": ["203.0.113.9"]},
    {"id": "head", "kind": "head-end", "ips": ["192.0.2.30"]},
    {"id": "account-1", "kind": "origin-account", "ips": ["198.51.100.100"]},
]  # fmt: skip
VIEW = {"id": "view-1", "by": "user", "box": "box-1", "line_id": "line-1", "channel": "ch-7", "panel": "panel-1",
        "edge": "edge-1", "client_ip": "192.168.1.5", "chain": [], "visible_in": ["home"]}  # fmt: skip
SERVICE = {"by": "service", "channel": "ch-7", "chain": [{"node": "head"}]}
PUSH = {**SERVICE, "id": "push-1", "account": "account-1", "client_ip": "198.51.100.100",
        "stream": "rtmp://in.example/in/seven", "visible_in": ["head"]}  # fmt: skip
PULL = {**SERVICE, "id": "pull-1", "client_ip": "203.0.113.9", "stream": "rtmp://in.example/in/seven",
        "visible_in": ["edge", "head"]}  # fmt: skip
EDGES = [
    {"kind": "clone-of", "source": "panel-2", "target": "panel-1", "intervals": [[T, T + 60]]},
    {"kind": "uses-line", "source": "box-1", "target": "line-1", "intervals": [[T, T + 60]]},
]
DOCUMENT = {"nodes": NODES, "edges": EDGES, "sessions": [VIEW, {**VIEW, "panel": "panel-2"}, PUSH, PULL]}


def test_sessions_in_the_recordings_stand_for_links():
    assert shown_links(DOCUMENT, ["home"]) == {("streams-from", "box-1", "edge-1"), ("carries", "edge-1", "ch-7")}
    assert shown_links(DOCUMENT, ["edge"]) == {("pulls-from", "edge-1", "head"), ("carries", "head", "ch-7")}
    assert shown_links(DOCUMENT, ["head"]) - shown_links(DOCUMENT, ["edge"]) == {
        ("pushes-to", "account-1", "head"),
        ("carries", "account-1", "ch-7"),
        ("fed-by", "ch-7", "account-1"),
    }


def test_a_clone_keeps_lines_and_channels_of_its_own():
    copied = with_copies(DOCUMENT)
    assert {node["id"] for node in copied["nodes"]} >= {"line-1", "line-1@panel-2", "ch-7", "ch-7@panel-2"}
    assert copied["sessions"][1]["line_id"] == "line-1@panel-2"
    assert {(edge["kind"], edge["target"]) for edge in copied["edges"]} == {
        ("clone-of", "panel-1"),
        ("uses-line", "line-1"),
        ("uses-line", "line-1@panel-2"),
        ("same-as", "line-1@panel-2"),
    }
    assert with_copies({**DOCUMENT, "nodes": NODES[:1]})["nodes"] == NODES[:1]


def test_lines_of_two_panels_are_told_apart_by_the_panel():
    rows = [{"line_id": f"l-{host}", "username": "u1", "password": "p1", "panel_host": host}
            for host in ("tv.example", "new.example")]  # fmt: skip
    same = {"source": "l-tv.example", "target": "l-new.example", "kind": "same-as", "strength": "supporting"}
    score = score_entities(DOCUMENT, {"home": None}, {"lines": rows, "links": [same]})
    for kind in ("lines", "link same-as"):
        assert (score[kind].precision, score[kind].recall) == (1, 1), kind


def test_channels_go_by_the_names_of_their_streams():
    [channel] = [node for node in with_streams(DOCUMENT)["nodes"] if node["kind"] == "channel"]
    assert channel["streams"] == ["in/seven"]


def test_a_session_of_which_nothing_is_left_stands_for_no_link():
    assert shown_links(DOCUMENT, ["home"], {"home": set()}) == set()
    assert shown_links(DOCUMENT, ["head"], {"head": {"pull-1"}}) == shown_links(DOCUMENT, ["edge"])


def test_lines_and_channels_go_with_the_names_of_their_panels():
    panel = {"id": "p1", "kind": "panel", "names": [{"name": "a.example"}]}
    nodes = [panel, {"id": "l1", "kind": "line", "panel": "p1"},
             {"id": "c1", "kind": "channel", "panels": ["p1"]}, {"id": "c2", "kind": "channel", "panels": []},
             {"id": "b1", "kind": "box", "panel": "p1"}]  # fmt: skip
    kept = {node["id"]: node.get("kept_at") for node in at_panels({"nodes": nodes})["nodes"]}
    assert kept == {"p1": None, "l1": ["a.example"], "c1": ["a.example"], "c2": None, "b1": None}
