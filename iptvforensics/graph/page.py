"""The graph to one HTML page that works offline: click an edge, see its frames.

The page holds its data, its script (Cytoscape, `vendor`) and a still picture for print and for browsers without
script. Its content security policy (W3C CSP 3) allows the two scripts and the style sheet by their digests and
nothing else: no network, no images, no frames. Text from evidence reaches the page as JSON and is set as text.

**Known limitations**: at most 1,500 nodes are drawn, those with most media bytes; the page says how many are left
out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING, Any

from .layout import TIERS, Layout, arrange, is_repeated
from .model import strength_of, with_text_ids
from .picture import COLOURS, LINES, bend, picture, shown_first, subtitle_of
from .text import bytes_text, time_text, value_text, visible

if TYPE_CHECKING:
    import networkx as nx

_LIMIT = 1500
_HIDDEN = {"first_ns", "last_ns", "bytes", "evidence", "evidence_count", "label"}


def page(graph: nx.MultiDiGraph) -> str:
    """Return the page as text."""
    graph = with_text_ids(graph)
    room = resources.files(__package__)
    library = (room / "vendor" / "cytoscape.min.js").read_text(encoding="utf-8")
    script = (room / "page.js").read_text(encoding="utf-8")
    style = (room / "page.css").read_text(encoding="utf-8")
    # The library adds this rule by itself unless an element of that name is there; the policy would refuse it.
    own = "." + "_" * 10 + "cytoscape_container { position: relative; }"
    policy = (
        f"default-src 'none'; script-src {_digest(library)} {_digest(script)}; "
        f"style-src {_digest(style)} {_digest(own)}; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>Evidence graph</title>\n<style>{style}</style>\n"
        f'<style id="{"_" * 10}cytoscape_stylesheet">{own}</style>\n</head>\n<body>\n'
        '<header><div><fieldset id="kinds"></fieldset><input type="search" id="search" placeholder="find a name"> '
        '<button type="button" id="fit">whole graph</button></div><div><fieldset id="relations"></fieldset></div>'
        '</header>\n<main><div id="net"></div><aside id="told"></aside></main>\n'
        f'<div id="still">\n{picture(graph)}\n</div>\n'
        f'<script type="application/json" id="data">{_embedded(_data(graph))}</script>\n'
        f"<script>{library}</script>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(data: Any) -> str:
    """Return JSON that cannot end the element it stands in."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))  # ASCII: U+2028 and U+2029 are escaped
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(graph: nx.MultiDiGraph) -> dict[str, Any]:
    layout = arrange(graph, limit=_LIMIT)
    nodes = [_node(graph.nodes[node], node, layout) for node in sorted(layout.boxes)]
    rows = sorted(
        (row for row in graph.edges(data=True) if row[0] in layout.boxes and row[1] in layout.boxes),
        key=lambda row: (row[0], row[1], str(row[2].get("kind"))),
    )
    lanes: Counter[tuple[str, str]] = Counter()
    edges = []
    for number, row in enumerate(rows):
        edges.append(_edge(graph, layout, (number, lanes[row[:2]]), *row))
        lanes[row[:2]] += 0 if edges[-1]["data"].get("again") else 1
    captures = {
        visible(str(node)).split(":", 1)[1]: visible(str(attributes.get("label", "")))
        for node, attributes in graph.nodes(data=True)
        if attributes.get("kind") == "capture"
    }
    summary = [["nodes", str(graph.number_of_nodes())], ["edges", str(graph.number_of_edges())]]
    if layout.left_out:
        summary.append(["not drawn", f"{layout.left_out} nodes, those with the fewest media bytes"])
    summary.append(
        ["how to read it", "Click a node or an edge. Solid lines are conclusive or strong, dashed ones less."]
    )
    found = {edge["data"]["kind"] for edge in edges}
    return {
        "elements": {"nodes": nodes, "edges": edges},
        "kinds": [kind for kind in TIERS if any(n["data"]["kind"] == kind for n in nodes)],
        "relations": sorted(found),
        "hidden": [kind for kind in TIERS if kind not in shown_first(graph)],
        "again": any(edge["data"].get("again") for edge in edges),
        "captures": captures,
        "summary": summary,
    }


def _told(attributes: dict[str, Any]) -> list[list[str]]:
    entries = [
        [name.replace("_", " "), visible(value_text(value))]
        for name, value in attributes.items()
        if name not in _HIDDEN and value is not None
    ]
    if attributes.get("first_ns") is not None:
        entries.append(["first seen", time_text(attributes["first_ns"])])
        entries.append(["last seen", time_text(attributes.get("last_ns"))])
    if attributes.get("bytes"):
        entries.append(["bytes", f"{attributes['bytes']:,} ({bytes_text(attributes['bytes'])})"])
    return entries


def _node(attributes: dict[str, Any], node: str, layout: Layout) -> dict[str, Any]:
    box = layout.boxes[node]
    fill, line = COLOURS[box.kind]
    return {
        "data": {
            "id": node,
            "kind": box.kind,
            "short": "\n".join(filter(None, (box.label, subtitle_of(attributes)))),
            "title": visible(node),
            "told": _told(attributes),
            "width": box.width,
            "height": box.height,
            "fill": fill,
            "line": line,
        },
        "position": {"x": round(box.x, 1), "y": round(box.y, 1)},
    }


def _edge(
    graph: nx.MultiDiGraph,
    layout: Layout,
    place: tuple[int, int],
    source: str,
    target: str,
    attributes: dict[str, Any],
) -> dict[str, Any]:
    number, lane = place
    strength = strength_of(attributes)
    line, weight = LINES[strength]
    kind = str(attributes.get("kind", ""))
    data: dict[str, Any] = {
        "id": f"edge:{number}",
        "source": source,
        "target": target,
        "kind": kind,
        "strength": strength,
        "line": line,
        "weight": weight,
        "title": visible(f"{source} {kind} {target}"),
        "told": _told(attributes),
        "evidence": [visible(str(reference)) for reference in attributes.get("evidence") or []],
        "total": attributes.get("evidence_count", 0),
    }
    again = is_repeated(attributes, source, target, graph)
    if again:
        data["again"] = True
    return {"data": data | _shape(layout, source, target, lane, repeats=again)}


def _shape(layout: Layout, source: str, target: str, lane: int, *, repeats: bool) -> dict[str, Any]:
    """Return how an edge is drawn: at which sides it ends, and the points that it goes through."""
    one, other = layout.boxes[source], layout.boxes[target]
    if one.x == other.x:
        if source == target:
            return {}
        reach = bend(one, other) * 1.5 + one.width / 2 + 20 * lane  # control point: the curve goes half as far
        return {"bend": round(-reach if other.y > one.y else reach, 1)}
    side = 1 if other.x > one.x else -1
    ends = {"leaves": "90deg" if side > 0 else "270deg", "arrives": "270deg" if side > 0 else "90deg"}
    start, end = (one.x + side * one.width / 2, one.y), (other.x - side * other.width / 2, other.y)
    points: list[tuple[float, float]] = []
    if not repeats:
        for x, y in sorted(layout.ways.get((source, target), ()), key=lambda point: side * point[0]):
            half = side * layout.column_widths[x] / 2
            points += [(x - half, y + 9 * lane), (x + half, y + 9 * lane)]
    if points:
        distances, weights = _relative(start, end, points)
        return {**ends, "distances": distances, "weights": weights}
    if repeats or lane or one.y == other.y:
        return ends
    middle = (start[0] + end[0]) / 2
    third = (end[0] - start[0]) / 6
    distances, weights = _relative(start, end, [(middle - third, one.y), (middle + third, other.y)])
    return {**ends, "curve": distances, "weights": weights}


def _relative(
    start: tuple[float, float], end: tuple[float, float], points: list[tuple[float, float]]
) -> tuple[str, str]:
    """Return points as Cytoscape takes them: distances from the straight line, places along it."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    distances, weights = [], []
    for x, y in points:
        px, py = x - start[0], y - start[1]
        weights.append(f"{(px * dx + py * dy) / length**2:.4f}")
        distances.append(f"{(py * dx - px * dy) / length:.1f}")
    return " ".join(distances), " ".join(weights)
