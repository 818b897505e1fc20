from __future__ import annotations

import itertools

import networkx as nx
import pytest

from iptvforensics.graph.model import EVIDENCE_LIMIT, Assembly, EvidenceGraph, Seen


def test_one_edge_per_kind_and_pair_with_sums_and_span():
    assembly = Assembly()
    one, other = assembly.node("client", "192.0.2.1"), assembly.node("host", "a.example")
    assembly.relate(one, other, "asks-for", "dns-query", "supporting", Seen("c1", 20, 30, 2, (7, 8), 2, 10))
    assembly.relate(one, other, "asks-for", "http-request", "lead", Seen("c2", 10, 25, 3, (1,), 1, 5))
    graph = assembly.graph()
    assert graph.number_of_edges() == 1
    assert graph.edges[one, other, "asks-for"] == {
        "kind": "asks-for",
        "strength": "supporting",
        "rule": "dns-query; http-request",
        "count": 5,
        "first_ns": 10,
        "last_ns": 30,
        "bytes": 15,
        "captures": "c1;c2",
        "evidence": ["c1#7", "c1#8", "c2#1"],
        "evidence_count": 3,
    }
    assert graph.nodes[one]["first_ns"], graph.nodes[one]["last_ns"] == (10, 30)


def test_two_protocols_that_agree_make_it_conclusive_and_one_does_not():
    for rules, strength in (
        (["dns-answer-used", "http-host"], "conclusive"),
        (["dns-answer-used", "dns-answer"], "strong"),
    ):
        assembly = Assembly()
        one, other = assembly.node("host", "a.example"), assembly.node("address", "192.0.2.1")
        for rule in rules:
            assembly.relate(one, other, "resolves-to", rule, "strong", Seen("c1"))
        assert assembly.graph().edges[one, other, "resolves-to"]["strength"] == strength


def test_evidence_is_bounded_and_spread_over_captures_and_counted_in_full():
    assembly = Assembly()
    one, other = assembly.node("client", "192.0.2.1"), assembly.node("host", "a.example")
    for capture in ("c1", "c2", "c3"):
        frames = tuple(range(1, EVIDENCE_LIMIT + 1))
        assembly.relate(one, other, "asks-for", "http-request", "lead", Seen(capture, frames=frames, frame_count=500))
    edge = assembly.graph().edges[one, other, "asks-for"]
    assert len(edge["evidence"]) == EVIDENCE_LIMIT
    assert {reference.split("#")[0] for reference in edge["evidence"]} == {"c1", "c2", "c3"}
    assert edge["evidence_count"] == 1500


def test_the_same_frame_is_counted_once():
    assembly = Assembly()
    one, other = assembly.node("client", "192.0.2.1"), assembly.node("host", "a.example")
    for rule in ("http-request", "http-other"):
        assembly.relate(one, other, "asks-for", rule, "lead", Seen("c1", frames=(5,), frame_count=1))
    assert assembly.graph().edges[one, other, "asks-for"]["evidence_count"] == 1


def test_media_bytes_of_a_node_are_not_those_of_its_edges():
    assembly = Assembly()
    node, host = assembly.node("client", "192.0.2.1"), assembly.node("host", "a.example")
    assembly.observe(node, Seen("c1", bytes=100), media=True)
    assembly.relate(node, host, "asks-for", "http-request", "lead", Seen("c1", bytes=7))
    assert assembly.graph().nodes[node]["bytes"] == 100


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("a.example", "host:a.example"),
        ("203.0.113.5", "address:203.0.113.5"),
        ("2001:DB8::5", "address:2001:db8::5"),
        ("[2001:db8::5]", "address:2001:db8::5"),
        ("203.0.113.500", "host:203.0.113.500"),
    ],
)
def test_an_address_in_place_of_a_name_is_an_address(name, node):
    assert Assembly().place(name) == node


def test_attributes_with_one_value_keep_their_type_and_several_are_joined():
    assembly = Assembly()
    node = assembly.node("capture", "c1")
    assembly.describe(node, "frames", 7)
    assembly.describe(node, "role", None)
    for tool in ("b", "a", "b"):
        assembly.describe(node, "tool", tool)
    assert assembly.graph().nodes[node]["frames"] == 7
    assert assembly.graph().nodes[node]["tool"] == "a; b"
    assert "role" not in assembly.graph().nodes[node]


def test_order_of_observations_does_not_matter():
    observations = [
        ("host:a", "address:1", "http-host", Seen("c1", 5, 6, 1, (3,), 1, 4)),
        ("host:a", "address:1", "dns-answer", Seen("c2", 1, 2, 2, (9, 10), 2, 0)),
        ("host:b", "address:1", "http-host", Seen("c1", 7, 8, 1, (1,), 1, 9)),
    ]
    made = set()
    for order in itertools.permutations(observations):
        assembly = Assembly()
        for source, target, rule, seen in order:
            one = assembly.node("host", source[5:])
            other = assembly.node("address", target[8:])
            assembly.relate(one, other, "resolves-to", rule, "strong", seen)
        graph = assembly.graph()
        made.add((repr(list(graph.nodes(data=True))), repr(list(graph.edges(data=True)))))
    assert len(made) == 1


def test_graph_is_a_multidigraph_that_copies_and_shows_itself():
    graph = EvidenceGraph()
    graph.add_node("client:192.0.2.1", kind="client", label="192.0.2.1", bytes=0)
    assert isinstance(graph, nx.MultiDiGraph)
    assert isinstance(graph.copy(), EvidenceGraph)
    assert isinstance(graph.subgraph(["client:192.0.2.1"]), EvidenceGraph)
    assert repr(graph) == "<EvidenceGraph: 1 nodes, 0 edges>"
    assert "<svg" in graph._repr_html_()
    assert "192.0.2.1" in graph._repr_html_()
