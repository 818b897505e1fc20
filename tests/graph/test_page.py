from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib import resources

import networkx as nx
import pytest

from iptvforensics.graph.page import page

VOID = {"meta", "input", "br", "img", "link", "hr"}


class Reader(HTMLParser):
    """Collects elements, and the text of scripts and styles; fails on what does not nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.raw, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.raw.append([tag, dict(attrs), ""])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.raw[-1][2] += data


@pytest.fixture(params=["busy", "hostile", "wide"])
def text(request):
    graph = request.getfixturevalue(request.param)
    return page(graph.graph() if request.param == "busy" else graph)


def data_of(text):
    (found,) = [raw for tag, attrs, raw in Reader(text).raw if attrs.get("type") == "application/json"]
    return json.loads(found)


def test_page_nests_and_closes(text):
    assert not Reader(text).open


def test_page_refers_to_nothing_outside(text):
    for tag, attrs in Reader(text).elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "a", "image", "use", "foreignobject"}
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in {"src", "href", "xlink:href", "srcdoc", "action", "style"}, (tag, name)
            assert "url(" not in (value or "") or value.startswith("url(#")


def test_policy_allows_exactly_the_scripts_and_styles_of_the_page(text):
    reader = Reader(text)
    (policy,) = [a["content"] for t, a in reader.elements if t == "meta" and "http-equiv" in a]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        own = [
            f"'sha256-{base64.b64encode(hashlib.sha256(raw.encode()).digest()).decode()}'"
            for tag, attrs, raw in reader.raw
            if tag == kind and "type" not in attrs
        ]
        assert rules[f"{kind}-src"].split() == own


def test_data_cannot_end_its_element(text):
    (inside,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert not set("<>&\u2028\u2029") & set(inside)
    assert inside.isascii()


def test_data_hold_every_node_and_edge_with_its_evidence(busy):
    graph = busy.graph()
    data = data_of(page(graph))
    assert {n["data"]["id"] for n in data["elements"]["nodes"]} == set(graph)
    assert len(data["elements"]["edges"]) == graph.number_of_edges()
    made = {(e["data"]["source"], e["data"]["target"], e["data"]["kind"]): e["data"] for e in data["elements"]["edges"]}
    for source, target, key, attributes in graph.edges(keys=True, data=True):
        assert made[source, target, key]["evidence"] == attributes["evidence"]
        assert made[source, target, key]["total"] == attributes["evidence_count"]
    assert data["captures"]["aaaaaaaaaaaaaaaa"] == "room.pcap"


def test_ends_of_edges_are_nodes_of_the_page(text):
    data = data_of(text)
    ids = [n["data"]["id"] for n in data["elements"]["nodes"]]
    assert len(ids) == len(set(ids))
    edge_ids = [e["data"]["id"] for e in data["elements"]["edges"]]
    assert len(edge_ids) == len(set(edge_ids))
    assert not set(ids) & set(edge_ids)
    for edge in data["elements"]["edges"]:
        assert {edge["data"]["source"], edge["data"]["target"]} <= set(ids)


def test_the_same_graph_gives_the_same_page(busy):
    assert page(busy.graph()) == page(busy.graph(seed=2))


def test_graph_that_somebody_changed_is_shown():
    graph = nx.MultiDiGraph()
    graph.add_edge(1, "e0", strength="weak")
    data = data_of(page(graph))
    assert [n["data"]["id"] for n in data["elements"]["nodes"]] == ["1", "e0"]
    assert data["elements"]["edges"][0]["data"]["strength"] == "lead"


def test_script_sets_names_as_text_only():
    script = (resources.files("iptvforensics.graph") / "page.js").read_text(encoding="utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttpRequest"):
        assert word not in script


def test_vendored_library_is_the_recorded_one():
    vendor = resources.files("iptvforensics.graph") / "vendor"
    library = (vendor / "cytoscape.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() in (vendor / "README.md").read_text(encoding="utf-8")
    assert b"</script" not in library.lower()
    assert "Permission is hereby granted" in (vendor / "cytoscape.LICENSE").read_text(encoding="utf-8")
