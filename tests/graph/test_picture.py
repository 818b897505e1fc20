from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import networkx as nx

from iptvforensics.graph import picture

SVG = "{http://www.w3.org/2000/svg}"


def test_picture_shows_every_node_but_captures_and_each_line_once(busy):
    graph = busy.graph()
    root = ET.fromstring(picture(graph))
    shown = {group.get("data-id") for group in root.iter(f"{SVG}g")} - {None}
    assert shown == {n for n, a in graph.nodes(data=True) if a["kind"] != "capture"}
    paths = [p for p in root.iter(f"{SVG}path") if p.get("marker-end")]
    assert len(paths) == len({p.get("d") for p in paths})
    assert len(paths) > 8


def test_picture_has_no_script_style_or_reference(busy, hostile):
    for graph in (busy.graph(), hostile):
        text = picture(graph)
        root = ET.fromstring(text)
        names = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert names <= {"svg", "title", "defs", "marker", "path", "text", "g", "rect"}
        for element in root.iter():
            for name, value in element.attrib.items():
                assert not name.startswith("on")
                assert "href" not in name
                assert "url(" not in value or re.fullmatch(r"url\(#arrow-[a-z]+\)", value)


def test_hostile_names_are_shown_as_text(hostile):
    root = ET.fromstring(picture(hostile))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert any("\\u0000" in text and "\\u202e" in text for text in texts)


def test_weak_edges_are_dashed():
    graph = nx.MultiDiGraph()
    for name in "ab":
        graph.add_node(name, kind="host", label=name)
    graph.add_edge("a", "b", kind="redirects-to", strength="lead")
    assert "stroke-dasharray" in picture(graph)
    graph.edges["a", "b", 0]["strength"] = "conclusive"
    assert "stroke-dasharray" not in picture(graph)


def test_picture_says_what_it_leaves_out(wide):
    assert "75 nodes are not drawn" in picture(wide, limit=25)
    assert "not drawn" not in picture(wide)
    assert "Nothing to draw" in picture(nx.MultiDiGraph())


def test_the_same_graph_gives_the_same_picture(busy):
    assert picture(busy.graph()) == picture(busy.graph(seed=5))


def test_edges_end_at_their_nodes(busy):
    root = ET.fromstring(picture(busy.graph()))
    rects = [tuple(float(r.get(name)) for name in ("x", "y", "width", "height")) for r in root.iter(f"{SVG}rect")]
    for path in root.iter(f"{SVG}path"):
        if path.get("marker-end"):
            numbers = [float(n) for n in re.findall(r"-?\d+\.\d", path.get("d"))]
            for x, y in (numbers[:2], numbers[-2:]):
                touching = [
                    r
                    for r in rects
                    if abs(y - r[1] - r[3] / 2) < 0.2 and min(abs(x - r[0]), abs(x - r[0] - r[2])) < 0.2
                ]
                assert touching, (x, y)


def test_graph_that_somebody_changed_is_drawn(busy):
    graph = nx.convert_node_labels_to_integers(busy.graph(), label_attribute="name")
    graph.add_node(999)
    graph.add_edge(0, 999, strength="weak", kind=None)
    root = ET.fromstring(picture(graph, kinds=("capture", "client", "host")))
    assert "999" in {group.get("data-id") for group in root.iter(f"{SVG}g")}


def test_endless_names_do_not_swell_the_picture():
    graph = nx.MultiDiGraph()
    graph.add_node("stream:" + "x" * 60_000, kind="stream", label="y" * 60_000)
    assert len(picture(graph)) < 70_000
