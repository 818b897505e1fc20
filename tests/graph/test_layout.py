from __future__ import annotations

import random
from itertools import pairwise

import networkx as nx
import pytest

from iptvforensics.graph.layout import GAP, TIERS, arrange, is_repeated


def overlaps(one, other):
    return (
        abs(one.x - other.x) < (one.width + other.width) / 2 and abs(one.y - other.y) < (one.height + other.height) / 2
    )


def test_no_two_nodes_overlap(wide):
    boxes = list(arrange(wide).boxes.values())
    assert len(boxes) == 125
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :] if overlaps(a, b)]


def test_places_kept_free_for_edges_are_free(wide):
    layout = arrange(wide)
    ways = [(point, pair) for pair, points in layout.ways.items() for point in points]
    assert ways
    assert len({point for point, _ in ways}) == len(ways)
    for (x, y), pair in ways:
        hit = [n for n, b in layout.boxes.items() if abs(b.x - x) < b.width / 2 and abs(b.y - y) < b.height / 2]
        assert not [n for n in hit if not n.startswith("capture:")], pair


def test_everything_lies_on_the_page(wide):
    layout = arrange(wide)
    for box in layout.boxes.values():
        assert box.width / 2 <= box.x <= layout.width - box.width / 2
        assert box.height / 2 <= box.y <= layout.height - box.height / 2


def test_columns_stand_in_the_order_of_delivery(wide):
    layout = arrange(wide)
    middles = {kind: {box.x for box in layout.boxes.values() if box.kind == kind} for kind in TIERS}
    assert all(len(found) <= 1 for found in middles.values())
    order = [next(iter(middles[kind])) for kind in TIERS if middles[kind]]
    assert order == sorted(order)
    assert all(b - a > GAP for a, b in pairwise(order))


def test_order_in_which_the_graph_was_made_does_not_matter(wide):
    nodes, edges = list(wide.nodes(data=True)), list(wide.edges(keys=True, data=True))
    random.Random(3).shuffle(nodes)
    random.Random(4).shuffle(edges)
    other = nx.MultiDiGraph()
    other.add_nodes_from(nodes)
    other.add_edges_from(edges)
    assert arrange(other).boxes == arrange(wide).boxes
    assert arrange(other).ways == arrange(wide).ways


def chain(graph, number):
    names = [f"client:{number}", f"stream:{number}", f"host:{number}"]
    for name in names:
        graph.add_node(name, kind=name.split(":")[0], label=name, bytes=number)
    graph.add_edge(names[0], names[1], kind="watched")
    graph.add_edge(names[1], names[2], kind="served-by")
    graph.add_edge(names[0], names[2], kind="streams-from")


def test_parts_that_are_not_joined_do_not_share_rows():
    graph = nx.MultiDiGraph()
    for number in range(4):
        chain(graph, number)
    layout = arrange(graph)
    for number in range(4):
        assert len({layout.boxes[f"{kind}:{number}"].y for kind in ("client", "stream", "host")}) == 1
    assert len({layout.boxes[f"client:{number}"].y for number in range(4)}) == 4


def test_edge_that_a_path_shows_is_not_drawn_again():
    graph = nx.MultiDiGraph()
    chain(graph, 1)
    assert is_repeated({"kind": "streams-from"}, "client:1", "host:1", graph)
    assert not is_repeated({"kind": "resolves-to"}, "client:1", "host:1", graph)
    assert ("client:1", "host:1") not in arrange(graph).pairs
    graph.remove_edge("stream:1", "host:1")
    assert ("client:1", "host:1") in arrange(graph).pairs


def test_limit_keeps_what_carried_most():
    graph = nx.MultiDiGraph()
    for number in range(10):
        chain(graph, number)
    layout = arrange(graph, limit=6)
    assert set(layout.boxes) == {f"{kind}:{n}" for kind in ("client", "stream", "host") for n in (8, 9)}
    assert layout.left_out == 24


def test_crossings_are_fewer_than_in_alphabetical_order():
    graph = nx.MultiDiGraph()
    for number in range(6):
        graph.add_node(f"client:{number}", kind="client", label=str(number))
        graph.add_node(f"stream:{5 - number}", kind="stream", label=str(number))
    pairs = [(f"client:{n}", f"stream:{(n * 5 + 2) % 6}") for n in range(6)]
    graph.add_edges_from(pairs, kind="watched")
    graph.add_edge("client:0", "stream:1", kind="watched")
    boxes = arrange(graph).boxes
    drawn = sorted(graph.edges())
    crossings = sum(
        (boxes[a].y - boxes[c].y) * (boxes[b].y - boxes[d].y) < 0
        for i, (a, b) in enumerate(drawn)
        for c, d in drawn[i + 1 :]
    )
    assert crossings == 0


def test_edges_within_a_column_do_not_disturb_the_order():
    graph = nx.MultiDiGraph()
    for kind, names in (("stream", "a"), ("host", "ab"), ("address", "ab")):
        for name in names:
            graph.add_node(f"{kind}:{name}", kind=kind, label=name)
    graph.add_edges_from([("host:a", "address:b"), ("host:b", "address:a")], kind="resolves-to")
    graph.add_edge("host:b", "host:a", kind="redirects-to")
    graph.add_edge("stream:a", "host:a", kind="served-by")
    boxes = arrange(graph).boxes
    assert (boxes["host:a"].y < boxes["host:b"].y) == (boxes["address:b"].y < boxes["address:a"].y)


@pytest.mark.parametrize("kinds", [(), ("client",)])
def test_nothing_to_draw(kinds):
    layout = arrange(nx.MultiDiGraph(), kinds=kinds)
    assert not layout.boxes
    assert layout.width > 0


def test_unknown_kinds_and_loops_and_backward_edges_do_not_stop_it():
    graph = nx.MultiDiGraph()
    graph.add_node("x", kind="host", label="x")
    graph.add_node("y", label="no kind")
    graph.add_node("z", kind="client")
    graph.add_edge("x", "x", kind="redirects-to")
    graph.add_edge("x", "z", kind="served-by")
    graph.add_edge("y", "x", kind="served-by")
    assert set(arrange(graph).boxes) == {"x", "y", "z"}
