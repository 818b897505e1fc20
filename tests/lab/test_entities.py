"""Entities and links against nodes and edges of the truth."""

import pytest

from .entities import answered, score_entities, used_nodes
from .score import CLEAN, captures, score_under

T = 1_800_000_000
SECOND = 1_000_000_000
NODES = [
    {"id": "box-1", "kind": "box", "mac": "02:5E:00:00:00:01", "ips": ["192.168.1.5"]},
    {"id": "box-2", "kind": "box", "mac": "02:5e:00:00:00:02", "ips": ["192.168.1.6"]},
    {"id": "line-1", "kind": "line", "username": "u1", "password": "p1"},
    {"id": "line-2", "kind": "line", "portal_mac": "00:1A:79:00:00:02"},
    {"id": "panel-1", "kind": "panel", "ips": ["198.51.100.3"],
     "names": [{"name": "tv.example"}, {"name": "tv2.example"}]},
    {"id": "edge-1", "kind": "edge", "names": [{"name": "e1.example"}], "ips": ["203.0.113.9"]},
    {"id": "ch-7", "kind": "channel", "stream_id": 7, "name": "Falcon News"},
    {"id": "ch-8", "kind": "channel", "stream_id": 8, "name": "Falcon Kids"},
]  # fmt: skip
DOCUMENT = {
    "nodes": NODES,
    "edges": [
        {"source": "box-1", "target": "line-1", "kind": "uses-line", "intervals": [[T, T + 60]]},
        {"source": "box-2", "target": "line-2", "kind": "uses-line", "intervals": [[T, T + 60]]},
        {"source": "panel-1", "target": "edge-1", "kind": "redirects-to", "intervals": [[T, T + 1], [T + 90, T + 91]]},
    ],
    "sessions": [
        {"box": "box-1", "line_id": "line-1", "channel": "ch-7", "panel": "panel-1", "edge": "edge-1", "chain": [],
         "visible_in": ["a.pcap"]},
        {"box": "box-2", "line_id": "line-2", "chain": [{"node": "edge-1"}], "visible_in": ["b.pcap"]},
    ],
}  # fmt: skip
DEVICES = [{"device_id": "d-1", "macs": ["02:5e:00:00:00:01"], "ips": ["192.168.1.5"]}]
LINES = [{"line_id": "l-1", "username": "u1", "password": "p1", "mac": None}]
PANELS = [{"panel_id": "p-1", "host": "tv2.example", "ips": ["198.51.100.3"]}]
SERVERS = [
    {"server_id": "s-1", "host": "e1.example", "ips": ["203.0.113.9"]},
    {"server_id": "s-0", "host": "tv.example", "ips": []},
]


def link(source, target, kind, strength="strong", **when):
    return {"source": source, "target": target, "kind": kind, "strength": strength} | when


def counts(tally):
    return tally.true, tally.found, tally.right


def test_only_tables_that_there_are_and_nodes_that_were_used_count():
    score = score_entities(DOCUMENT, {"a.pcap": None}, {"devices": DEVICES, "lines": LINES})
    entities = {kind: counts(tally) for kind, tally in score.items() if " " not in kind}
    assert entities == {"devices": (1, 1, 1), "lines": (1, 1, 1)}


def test_an_entity_reported_twice_is_one_right_and_one_wrong():
    twice = [*DEVICES, {"device_id": "d-2", "macs": [], "ips": ["192.168.1.5"]}]
    assert counts(score_entities(DOCUMENT, {"a.pcap": None}, {"devices": twice})["devices"]) == (1, 2, 1)


def test_the_row_that_shares_more_names_is_the_node():
    rows = [
        {"device_id": "a", "macs": [], "ips": ["192.168.1.5"]},
        {
            "device_id": "b",
            **DEVICES[0],
        },
    ]
    rows[1]["device_id"] = "b"
    assert answered(NODES, "devices", rows) == {"b": "box-1"}


@pytest.mark.parametrize(
    "row",
    [
        {"line_id": "x", "username": "u1", "password": "p2", "mac": None},
        {"line_id": "x", "username": None, "password": None, "mac": "00:1a:79:00:00:03"},
        {"line_id": "x", "username": float("nan"), "password": None, "mac": None},
    ],
    ids=["other password", "other mac", "nothing"],
)
def test_other_credentials_are_another_line(row):
    assert counts(score_entities(DOCUMENT, {"a.pcap": None}, {"lines": [row]})["lines"]) == (1, 1, 0)


def test_portal_addresses_are_compared_without_case():
    row = {"line_id": "x", "username": None, "password": None, "mac": "00:1a:79:00:00:02"}
    assert answered(NODES, "lines", [row]) == {"x": "line-2"}


def test_channels_count_when_watched():
    rows = [{"channel_id": "c7", "stream_id": "7", "name": "FALCON", "watched": True},
            {"channel_id": "c8", "stream_id": "8", "name": "Falcon Kids", "watched": False}]  # fmt: skip
    assert counts(score_entities(DOCUMENT, {"a.pcap": None}, {"channels": rows})["channels"]) == (1, 1, 1)


def test_links_are_right_between_the_right_nodes_in_the_right_time():
    tables = {"devices": DEVICES, "lines": LINES, "panels": PANELS, "servers": SERVERS}
    early = {"first_ns": (T - 50) * SECOND, "last_ns": (T - 40) * SECOND}
    within = {"first_ns": T * SECOND, "last_ns": (T + 5) * SECOND}
    links = [
        link("d-1", "l-1", "uses-line", "conclusive", **within),
        link("d-1", "l-1", "uses-line", "lead", **early),
        link("p-1", "s-1", "redirects-to", "strong"),
        link("s-1", "p-1", "redirects-to", "lead"),
    ]
    score = score_entities(DOCUMENT, {"a.pcap": None}, tables | {"links": links})
    assert counts(score["link uses-line"]) == (1, 2, 1)
    assert counts(score["link redirects-to"]) == (1, 2, 1)
    assert score["links claimed conclusive"].precision == 1
    assert score["links claimed lead"].precision == 0


def test_a_link_claimed_twice_is_right_once():
    tables = {"devices": DEVICES, "lines": LINES, "links": [link("d-1", "l-1", "uses-line")] * 2}
    assert counts(score_entities(DOCUMENT, {"a.pcap": None}, tables)["link uses-line"]) == (1, 2, 1)


def test_servers_of_which_no_frame_is_left_are_not_demanded():
    class Nothing:
        @staticmethod
        def server_seen(ip):
            return False

    assert used_nodes(DOCUMENT, "a.pcap") == {"box-1", "line-1", "ch-7", "panel-1", "edge-1"}
    assert used_nodes(DOCUMENT, "a.pcap", Nothing()) == {"box-1", "line-1", "ch-7"}


@pytest.mark.slow
def test_who_is_who_in_the_ring_is_found_without_a_miss():
    score = score_under(CLEAN, captures("ring"))
    for table in ("devices", "lines", "panels", "servers", "channels", "titles"):
        tally = score[table]
        assert (tally.precision, tally.recall) == (1, 1), (table, tally.missed, tally.false)
    for kind in ("uses-line", "streams-from"):
        tally = score[f"link {kind}"]
        assert (tally.precision, tally.recall) == (1, 1), (kind, tally.missed, tally.false)
    assert score["links claimed conclusive"].precision == 1


def test_recordings_of_one_case_are_scored_together():
    both = {"a.pcap": None, "b.pcap": None}
    assert counts(score_entities(DOCUMENT, both, {"devices": DEVICES, "lines": LINES})["lines"]) == (2, 1, 1)


def test_outside_a_home_its_address_stands_for_its_boxes():
    home = {"id": "home-1", "kind": "home", "ips": ["192.168.1.1"], "public_ip": "198.51.100.20"}
    document = DOCUMENT | {
        "nodes": [*[node | {"home": "home-1"} if node["kind"] == "box" else node for node in NODES], home],
        "captures": [{"file": "a.pcap", "side": "server"}, {"file": "b.pcap", "side": "home"}],
    }
    assert used_nodes(document, "a.pcap") == {"home-1", "line-1", "ch-7", "panel-1", "edge-1"}
    assert "box-2" in used_nodes(document, "b.pcap")
    assert counts(score_entities(document, {"a.pcap": None}, {"devices": []})["devices"]) == (0, 0, 0)
    outside = [{"device_id": "d-9", "macs": [], "ips": ["198.51.100.20"]}]
    assert counts(score_entities(document, {"a.pcap": None}, {"devices": outside})["devices"]) == (1, 1, 1)


def test_times_of_links_are_those_of_the_recorders_clock():
    class Slow:
        @staticmethod
        def shown(time_ns):
            return time_ns - 7200 * SECOND

        @staticmethod
        def server_seen(ip):
            return True

        @staticmethod
        def address(ip):
            return ip

    shifted = {"first_ns": (T - 7199) * SECOND, "last_ns": (T - 7198) * SECOND}
    tables = {"devices": DEVICES, "lines": LINES, "links": [link("d-1", "l-1", "uses-line", **shifted)]}
    assert counts(score_entities(DOCUMENT, {"a.pcap": Slow()}, tables)["link uses-line"]) == (1, 1, 1)
    assert counts(score_entities(DOCUMENT, {"a.pcap": None}, tables)["link uses-line"]) == (1, 1, 0)


def test_devices_at_one_address_stand_for_the_boxes_whose_lines_they_use():
    home = {"id": "home-1", "kind": "home", "public_ip": "198.51.100.20"}
    boxes = [{"id": f"box-{n}", "kind": "box", "home": "home-1", "ips": ["198.51.100.20"]} for n in (1, 2)]
    lines = [{"id": f"line-{n}", "kind": "line", "username": f"u{n}", "password": "p"} for n in (1, 2)]
    uses = [
        {"kind": "uses-line", "source": f"box-{n}", "target": f"line-{n}", "intervals": [[T, T + 9]]} for n in (1, 2)
    ]
    view = {"chain": [], "visible_in": ["a"]}
    sessions = [{**view, "box": f"box-{n}", "line_id": f"line-{n}"} for n in (1, 2)]
    document = {"nodes": [home, *boxes, *lines], "edges": uses, "sessions": sessions}
    tables = {
        "devices": [{"device_id": f"d-{n}", "macs": [], "ips": ["198.51.100.20"]} for n in (1, 2)],
        "lines": [{"line_id": f"l-{n}", "username": f"u{n}", "password": "p", "mac": None} for n in (1, 2)],
        "links": [link("d-1", "l-2", "uses-line"), link("d-2", "l-1", "uses-line")],
    }
    score = score_entities(document, {"a": None}, tables)
    assert counts(score["devices"]) == (2, 2, 2)
    assert counts(score["link uses-line"]) == (2, 2, 2)


def test_what_stands_behind_a_reverse_proxy_is_demanded_as_a_panel_and_not_as_a_server():
    class OnlyProxy:
        @staticmethod
        def server_seen(ip):
            return ip == "192.0.2.20"

        @staticmethod
        def address(ip):
            return ip

        @staticmethod
        def stream(name):
            return name

    cdn = {"id": "cdn-1", "kind": "cdn", "ips": ["192.0.2.20"], "fronts": "other", "also": ["panel-1"]}
    other = {"id": "other", "kind": "panel", "ips": ["198.51.100.4"], "names": [{"name": "other.example"}]}
    document = DOCUMENT | {"nodes": [*NODES, cdn, other]}
    score = score_entities(document, {"a.pcap": OnlyProxy()}, {"panels": PANELS, "servers": []})
    assert counts(score["panels"]) == (1, 1, 1)
    assert counts(score["servers"]) == (0, 0, 0)


def test_panels_of_two_homes_at_one_private_address_are_two():
    document = DOCUMENT | {
        "nodes": [{"id": f"panel-{n}", "kind": "panel", "home": f"home-{n}", "ips": ["192.168.1.50"],
                   "names": [{"name": "192.168.1.50"}]} for n in (1, 2)],
        "sessions": [{"panel": f"panel-{n}", "chain": [], "visible_in": ["a.pcap"]} for n in (1, 2)],
    }  # fmt: skip
    row = {"host": "192.168.1.50", "ips": ["192.168.1.50"]}
    apart = [row | {"panel_id": f"p-{n}", "server_id": f"s-{n}", "homes": [f"home-{n}"]} for n in (2, 1)]
    score = score_entities(document, {"a.pcap": None}, {"panels": apart, "servers": apart})
    assert counts(score["panels"]) == counts(score["servers"]) == (2, 2, 2)
    assert answered(document["nodes"], "panels", apart) == {"p-1": "panel-1", "p-2": "panel-2"}
    joined = [row | {"panel_id": "p", "homes": ["home-1", "home-2"]}]
    assert counts(score_entities(document, {"a.pcap": None}, {"panels": joined})["panels"]) == (2, 1, 1)
    assert answered(document["nodes"], "panels", [row | {"panel_id": "p", "homes": []}]) == {}
