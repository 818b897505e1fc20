from __future__ import annotations

import pytest

from iptvforensics.graph import STRENGTHS, build


def test_empty_case_gives_an_empty_graph(lab):
    assert len(lab.graph()) == 0


def test_every_node_and_edge_has_the_promised_attributes(busy):
    graph = busy.graph()
    assert {a["kind"] for _, a in graph.nodes(data=True)} == {"client", "host", "address", "stream", "capture"}
    for node, attributes in graph.nodes(data=True):
        assert node.startswith(attributes["kind"] + ":")
        assert {"kind", "label", "first_ns", "last_ns", "bytes", "captures"} <= set(attributes)
    for source, target, key, attributes in graph.edges(keys=True, data=True):
        assert key == attributes["kind"]
        assert attributes["strength"] in STRENGTHS
        assert source != target
        assert {"first_ns", "last_ns", "count", "bytes", "captures", "evidence", "rule"} <= set(attributes)
        for reference in attributes["evidence"]:
            capture, _, frame = reference.partition("#")
            assert f"capture:{capture}" in graph
            assert int(frame) > 0


def test_every_rule_has_left_its_kind_of_edge(busy):
    kinds = {a["kind"] for *_, a in busy.graph().edges(data=True)}
    assert kinds == {
        "asks-for", "publishes", "pushes-to", "recorded", "redirects-to", "refers-to", "resolves-to", "served-by",
        "streams-from", "watched",
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_order_of_rows_does_not_matter(busy, seed):
    def flat(graph):
        return list(graph.nodes(data=True)), list(graph.edges(keys=True, data=True))

    assert flat(busy.graph()) == flat(busy.graph(seed))


def test_private_address_in_two_captures_is_warned_of(busy):
    graph = busy.graph()
    assert graph.nodes["client:192.168.1.20"]["note"] == "private address in 2 captures: may be several devices"
    assert "note" not in graph.nodes["client:192.168.1.60"]


def test_capture_is_named_by_its_file_and_records_its_clients(busy, edges_of):
    graph = busy.graph()
    assert graph.nodes["capture:bbbbbbbbbbbbbbbb"]["label"] == "second.pcapng"
    assert graph.nodes["capture:aaaaaaaaaaaaaaaa"]["label"] == "room.pcap"
    recorded = set(edges_of(graph, "recorded"))
    assert ("capture:bbbbbbbbbbbbbbbb", "client:192.168.1.20") in recorded
    assert ("capture:bbbbbbbbbbbbbbbb", "client:192.168.1.60") not in recorded


def test_relay_is_joined_with_itself_within_a_capture_only(lab, edges_of):
    lab.session(client_ip="10.0.0.5")
    lab.session(client_ip="10.0.0.9", edge_host=None, edge_ip="10.0.0.5")
    lab.session(client_ip="10.0.0.7", capture_id="bbbbbbbbbbbbbbbb")
    lab.session(client_ip="10.0.0.9", edge_host=None, edge_ip="10.0.0.7")
    lab.add("flows", flow_id=4, orig_ip="10.0.0.9", resp_ip="10.0.0.5")
    lab.add("flows", flow_id=9, orig_ip="10.0.0.5", resp_ip="203.0.113.10")
    lab.add("flows", flow_id=12, orig_ip="10.0.0.5", resp_ip="203.0.113.10")
    graph = lab.graph()
    assert list(edges_of(graph, "same-as")) == [("client:10.0.0.5", "address:10.0.0.5")]
    edge = graph.edges["client:10.0.0.5", "address:10.0.0.5", "same-as"]
    assert edge["evidence"] == ["aaaaaaaaaaaaaaaa#4", "aaaaaaaaaaaaaaaa#9"]


def test_tables_that_are_not_there_are_not_asked_for(busy):
    busy.rows = {"sessions": busy.rows["sessions"]}
    assert busy.graph().number_of_edges() > 0


def test_reader_that_has_only_empty_tables(lab):
    class Empty:
        def has(self, table):
            return True

        def select(self, sql):
            return []

    assert len(build(Empty())) == 0
