from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

from iptvforensics.graph import FORMATS, write
from iptvforensics.graph.text import visible

from .conftest import HOSTILE


def read_json(path):
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    graph = nx.MultiDiGraph()
    graph.add_nodes_from((row.pop("id"), row) for row in data["nodes"])
    for row in data["edges"]:
        graph.add_edge(row.pop("source"), row.pop("target"), key=row.pop("key"), **row)
    return graph


READERS = {
    "graphml": lambda path: nx.read_graphml(path, force_multigraph=True),
    "gexf": lambda path: nx.read_gexf(path),
    "json": read_json,
}


def expected(value):
    return ";".join(value) if isinstance(value, list) else value


@pytest.mark.parametrize("form", sorted(READERS))
def test_round_trip_keeps_nodes_edges_and_attributes(busy, tmp_path, form):
    graph = busy.graph()
    (path,) = write(graph, tmp_path / f"graph.{form}")
    read = READERS[form](path)
    assert read.is_directed()
    assert set(read) == set(graph)
    for node, attributes in graph.nodes(data=True):
        known = {name: expected(value) for name, value in attributes.items() if value is not None}
        assert {name: read.nodes[node][name] for name in known} == known
    found = {(u, v, a["kind"]): a for u, v, a in read.edges(data=True)}
    assert len(found) == graph.number_of_edges()
    for u, v, key, attributes in graph.edges(keys=True, data=True):
        for name, value in attributes.items():
            if value not in (None, []):
                want = value if form == "json" else expected(value)
                assert found[u, v, key][name] == want, name


@pytest.mark.parametrize("form", sorted(READERS))
def test_hostile_names_come_back_readable_and_apart(hostile, tmp_path, form):
    (path,) = write(hostile, tmp_path / f"graph.{form}")
    read = READERS[form](path)
    assert len(read) == len(hostile)
    assert read.number_of_edges() == 1
    labels = {a["label"] for _, a in read.nodes(data=True)}
    assert (HOSTILE if form == "json" else visible(HOSTILE)) in labels
    (edge,) = [a for *_, a in read.edges(data=True)]
    assert edge["rule"] == (HOSTILE if form == "json" else visible(HOSTILE))


def test_networkx_reads_the_json(busy, tmp_path):
    graph = busy.graph()
    (path,) = write(graph, tmp_path / "graph.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    try:
        read = nx.node_link_graph(data, edges="edges")
    except TypeError:  # networkx before 3.4 names the argument differently
        read = nx.node_link_graph(data, link="edges")
    assert set(read.edges(keys=True)) == set(graph.edges(keys=True))


def test_csv_has_the_heads_of_gephi_and_no_formulas(hostile, tmp_path):
    nodes, edges = write(hostile, tmp_path / "graph.csv")
    assert (nodes.name, edges.name) == ("graph.nodes.csv", "graph.edges.csv")
    with nodes.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:2] == ["Id", "Label"]
    assert len(rows) == 4
    for row in rows:
        assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for value in row.values())
    assert "'=cmd|' /C calc'!A0" in {row["Label"] for row in rows}
    with edges.open(encoding="utf-8", newline="") as file:
        (edge,) = csv.DictReader(file)
    assert list(edge)[:5] == ["Source", "Target", "Type", "Label", "Weight"]
    assert edge["Source"] == "client:192.0.2.1"
    assert edge["Target"] in {row["Id"] for row in rows}
    assert edge["evidence"] == "aaaaaaaaaaaaaaaa#1;aaaaaaaaaaaaaaaa#2"


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_graph_gives_the_same_bytes(busy, tmp_path, form):
    first = write(busy.graph(), tmp_path / f"a.{form}")
    second = write(busy.graph(seed=9), tmp_path / f"b.{form}")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[0].stat().st_size > 500


@pytest.mark.parametrize("form", FORMATS)
def test_zone_and_hash_seed_change_nothing(tmp_path, form):
    program = (
        "import sys, networkx as nx\n"
        "from iptvforensics.graph import write\n"
        "g = nx.MultiDiGraph()\n"
        "for n in 'cab': g.add_node(n, kind='host', label=n, first_ns=1700000000000000000, tags={'x', 'y', n})\n"
        "g.add_edge('c', 'a', kind='redirects-to', strength='lead')\n"
        "write(g, sys.argv[1])\n"
    )
    made = []
    for number, zone in enumerate(("UTC", "Asia/Seoul")):
        path = tmp_path / f"g{number}.{form}"
        environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": str(number)}
        subprocess.run([sys.executable, "-c", program, str(path)], check=True, env=environment)
        made.append([p.read_bytes() for p in sorted(tmp_path.glob(f"g{number}*"))])
    assert made[0] == made[1]
    assert made[0]


@pytest.mark.parametrize("form", FORMATS)
def test_open_file_gets_the_text(busy, form):
    file = io.StringIO()
    assert write(busy.graph(), file, form) == []
    assert "watched" in file.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_empty_graph_is_written(tmp_path, form):
    for path in write(nx.MultiDiGraph(), tmp_path / f"graph.{form}"):
        assert path.stat().st_size > 0


def test_attribute_with_values_of_several_types_becomes_text(tmp_path):
    graph = nx.MultiDiGraph()
    graph.add_node("a", kind="host", count=1, odd=1.5, yes=True)
    graph.add_node("b", kind="host", count="many", odd=None, yes=False)
    read = nx.read_graphml(write(graph, tmp_path / "g.graphml")[0])
    assert read.nodes["a"] == {"kind": "host", "count": "1", "odd": 1.5, "yes": True}
    assert read.nodes["b"] == {"kind": "host", "count": "many", "yes": False}


@pytest.mark.parametrize(("path", "form"), [("graph.png", None), ("graph", None), ("graph.json", "dot")])
def test_unknown_format_is_refused(tmp_path, path, form):
    with pytest.raises(ValueError, match="choose one of graphml"):
        write(nx.MultiDiGraph(), tmp_path / path, form)
    assert not list(tmp_path.iterdir())


def test_failed_writing_leaves_the_old_file_and_no_rest(busy, tmp_path, monkeypatch):
    path = tmp_path / "graph.json"
    path.write_text("old")

    def refuse(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write(busy.graph(), path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["graph.json"]


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError) as found:
        write(nx.MultiDiGraph(), tmp_path / "none" / "graph.json", "json")
    assert found.value.filename == str(tmp_path / "none" / "graph.json")
