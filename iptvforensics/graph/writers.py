"""The graph to files: GraphML, GEXF, node-link JSON, CSV with the heads that Gephi reads, and an offline page.

GraphML 1.0 (graphml.graphdrawing.org), GEXF 1.2 draft (the version that networkx reads back), RFC 8259 (JSON),
RFC 4180 (CSV). The same graph gives the same bytes: no dates, no versions, nodes and edges in order.

Text goes into XML, CSV and the page with characters that cannot be seen written as escapes, so that a name with a
NUL byte neither breaks the file nor disappears; JSON holds the text as it is. Cells that a spreadsheet would take
for a formula get an apostrophe in front. Missing values are left out, lists are joined by semicolons.

**Known limitations**: CSV needs two files, so a stream that is written to gets the edges alone.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from xml.etree import ElementTree as ET

from .page import page
from .text import ordered, value_text, visible

if TYPE_CHECKING:
    import networkx as nx

_Rows = list[tuple[str, dict[str, Any]]]


def write(graph: nx.MultiDiGraph, target: str | os.PathLike[str] | TextIO, format: str | None = None) -> list[Path]:
    """Return the paths written; none if `target` is an open text file.

    Args:
        graph: What `build` returned, or a part of it.
        target: A path or an open text file. With `csv`, `graph.csv` becomes `graph.nodes.csv` and `graph.edges.csv`.
        format: One of `FORMATS`; None takes it from the ending of the path.

    Raises:
        ValueError: the format is not known.
    """
    path = Path(target) if isinstance(target, str | os.PathLike) else None
    name = format or (path.suffix.removeprefix(".").lower() if path is not None else "")
    if name not in FORMATS:
        raise ValueError(f"graph format {name!r} is not known; choose one of {', '.join(FORMATS)}")
    if path is None:
        text = _edges_csv(graph) if name == "csv" else _WRITERS[name](graph)
        target.write(text)  # type: ignore[union-attr]
        return []
    if name == "csv":
        stem = path.name.removesuffix(".csv")
        return [
            _save(path.with_name(f"{stem}.nodes.csv"), _nodes_csv(graph)),
            _save(path.with_name(f"{stem}.edges.csv"), _edges_csv(graph)),
        ]
    return [_save(path, _WRITERS[name](graph))]


def _save(path: Path, text: str) -> Path:
    """Write whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        part.replace(path)
    except OSError as error:
        if error.filename is not None:  # nobody knows the name of the part
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return path


def _nodes(graph: nx.MultiDiGraph) -> _Rows:
    """Return the nodes with their attributes in an order that does not depend on how the graph was made."""
    return sorted(((str(n), dict(a)) for n, a in graph.nodes(data=True)), key=lambda row: row[0])


def _edges(graph: nx.MultiDiGraph) -> list[tuple[str, str, dict[str, Any]]]:
    rows = [(str(u), str(v), dict(a)) for u, v, a in graph.edges(data=True)]
    return sorted(
        rows,
        key=lambda row: (
            row[0],
            row[1],
            str(row[2].get("kind")),
            sorted((name, value_text(value)) for name, value in row[2].items()),
        ),
    )


def _columns(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the type of every attribute that occurs: long, double, boolean, or string if they differ."""
    types: dict[str, str] = {}
    for row in rows:
        for name, value in row.items():
            if value is not None:
                kind = {bool: "boolean", int: "long", float: "double"}.get(type(value), "string")
                types[name] = kind if types.get(name, kind) == kind else "string"
    return dict(sorted(types.items()))


def _cell(value: Any, kind: str) -> str:
    if kind == "boolean":
        return "true" if value else "false"
    return visible(value_text(value))


def _ids(nodes: _Rows) -> dict[str, str]:
    """Return ids that XML can hold; two names that differ in hidden characters only stay two."""
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for node, _ in nodes:
        candidate = base = visible(node)
        number = 2
        while candidate in taken:
            candidate = f"{base}~{number}"
            number += 1
        taken.add(candidate)
        ids[node] = candidate
    return ids


def _xml(root: ET.Element) -> str:
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _graphml(graph: nx.MultiDiGraph) -> str:
    nodes, edges = _nodes(graph), _edges(graph)
    ids = _ids(nodes)
    root = ET.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    keys: dict[tuple[str, str], str] = {}
    columns = {"node": _columns(a for _, a in nodes), "edge": _columns(a for *_, a in edges)}
    for domain, types in columns.items():
        for name, kind in types.items():
            keys[domain, name] = key = f"{domain[0]}_{_attribute_id(name)}"
            ET.SubElement(root, "key", {"id": key, "for": domain, "attr.name": visible(name), "attr.type": kind})
    body = ET.SubElement(root, "graph", id="evidence", edgedefault="directed")

    def add(element: ET.Element, domain: str, attributes: Mapping[str, Any]) -> None:
        for name, kind in columns[domain].items():
            if attributes.get(name) is not None:
                ET.SubElement(element, "data", key=keys[domain, name]).text = _cell(attributes[name], kind)

    for node, attributes in nodes:
        add(ET.SubElement(body, "node", id=ids[node]), "node", attributes)
    for number, (source, target, attributes) in enumerate(edges):
        element = ET.SubElement(body, "edge", id=f"e{number}", source=ids[source], target=ids[target])
        add(element, "edge", attributes)
    return _xml(root)


def _attribute_id(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _gexf(graph: nx.MultiDiGraph) -> str:
    nodes, edges = _nodes(graph), _edges(graph)
    ids = _ids(nodes)
    root = ET.Element("gexf", xmlns="http://www.gexf.net/1.2draft", version="1.2")
    body = ET.SubElement(root, "graph", defaultedgetype="directed", mode="static", name="evidence")
    columns = {"node": _columns(a for _, a in nodes), "edge": _columns(a for *_, a in edges)}
    columns["node"].pop("label", None)
    for domain, types in columns.items():
        heads = ET.SubElement(body, "attributes", {"class": domain, "mode": "static"})
        for name, kind in types.items():
            ET.SubElement(heads, "attribute", id=f"{domain[0]}_{_attribute_id(name)}", title=visible(name), type=kind)

    def add(element: ET.Element, domain: str, attributes: Mapping[str, Any]) -> None:
        values = ET.SubElement(element, "attvalues")
        for name, kind in columns[domain].items():
            if attributes.get(name) is not None:
                cell = _cell(attributes[name], kind)
                ET.SubElement(values, "attvalue", {"for": f"{domain[0]}_{_attribute_id(name)}", "value": cell})

    parent = ET.SubElement(body, "nodes")
    for node, attributes in nodes:
        label = visible(str(attributes.get("label", node)))
        add(ET.SubElement(parent, "node", id=ids[node], label=label), "node", attributes)
    parent = ET.SubElement(body, "edges")
    for number, (source, target, attributes) in enumerate(edges):
        label = visible(str(attributes.get("kind", "")))
        element = ET.SubElement(
            parent, "edge", id=str(number), source=ids[source], target=ids[target], label=label, type="directed"
        )
        add(element, "edge", attributes)
    return _xml(root)


def _json(graph: nx.MultiDiGraph) -> str:
    """Return the node-link form that `networkx.node_link_graph(data, edges="edges")` reads back."""
    nodes = [{**_present(attributes), "id": node} for node, attributes in _nodes(graph)]
    edges = [
        {**_present(attributes), "source": source, "target": target, "key": attributes.get("kind", number)}
        for number, (source, target, attributes) in enumerate(_edges(graph))
    ]
    whole = {"directed": True, "multigraph": True, "graph": {}, "nodes": nodes, "edges": edges}
    return json.dumps(whole, indent=1, sort_keys=True, default=str) + "\n"


def _present(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: ordered(value) for name, value in attributes.items() if value is not None}


def _csv(heads: list[str], rows: Iterable[Mapping[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, heads, restval="", lineterminator="\r\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _csv_cell(row.get(name)) for name in heads})
    return file.getvalue()


def _csv_cell(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    text = visible(value_text(value))
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text


def _nodes_csv(graph: nx.MultiDiGraph) -> str:
    nodes = _nodes(graph)
    heads = ["Id", "Label", *(name for name in _columns(a for _, a in nodes) if name != "label")]
    return _csv(heads, ({**a, "Id": node, "Label": a.get("label", node)} for node, a in nodes))


def _edges_csv(graph: nx.MultiDiGraph) -> str:
    edges = _edges(graph)
    heads = ["Source", "Target", "Type", "Label", "Weight", *_columns(a for *_, a in edges)]
    return _csv(
        heads,
        (
            {**a, "Source": u, "Target": v, "Type": "Directed", "Label": a.get("kind"), "Weight": a.get("count", 1)}
            for u, v, a in edges
        ),
    )


_WRITERS: dict[str, Callable[[Any], str]] = {"graphml": _graphml, "gexf": _gexf, "json": _json, "html": page}

FORMATS = ("graphml", "gexf", "json", "csv", "html")
"""What `write` can write."""
