"""The graph to an SVG picture: no script, no style sheet, no reference to anything outside.

SVG 1.1. All text is escaped and made visible; lines are darker the better an edge is founded.

**Known limitations**: captures are left out unless asked for; of several edges between two nodes one line is drawn,
labelled with the kinds; more nodes than the limit are not drawn, and the picture says how many.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from .layout import ENTITIES, LABEL_LIMIT, LABEL_ROOM, MARGIN, NETWORK, TIERS, Box, Layout, arrange
from .model import STRENGTHS, strength_of, with_text_ids
from .text import bytes_text, shorten, time_text, value_text, visible

if TYPE_CHECKING:
    import networkx as nx

COLOURS = {
    "capture": ("#f2f2f2", "#8a8a8a"),
    "channel": ("#fdf0d2", "#b07d12"),
    "title": ("#fbe6d4", "#b0601a"),
    "device": ("#dcecfb", "#2f6da8"),
    "line": ("#e4e2fa", "#5a54b0"),
    "panel": ("#fbdfe0", "#b03a48"),
    "server": ("#e2f3df", "#3f8a3a"),
    "head-end": ("#dff1f1", "#2c8080"),
    "origin": ("#f3ece2", "#80603a"),
    "client": ("#dcecfb", "#2f6da8"),
    "stream": ("#fdf0d2", "#b07d12"),
    "host": ("#e2f3df", "#3f8a3a"),
    "address": ("#efe4f7", "#7a4aa0"),
}
"""Fill and outline of a node, by kind."""

LINES = {
    "conclusive": ("#222222", 1.8),
    "strong": ("#444444", 1.4),
    "supporting": ("#777777", 1.1),
    "lead": ("#999999", 1.0),
}
"""Colour and width of an edge, by strength."""

DASHES = {"conclusive": "", "strong": "", "supporting": "6 3", "lead": "2 3"}
_HEADS = {
    "capture": "captures",
    "channel": "watched",
    "device": "devices",
    "line": "lines",
    "panel": "panels",
    "server": "servers",
    "head-end": "head-ends",
    "origin": "origins",
    "client": "clients",
    "stream": "streams",
    "host": "hosts",
    "address": "addresses",
}
_FONT = 'font-family="DejaVu Sans, Helvetica, Arial, sans-serif"'
_LIMIT = 300
_TITLE_LIMIT = 1000


def picture(graph: nx.MultiDiGraph, *, kinds: Iterable[str] | None = None, limit: int = _LIMIT) -> str:
    """Return an SVG picture of the nodes of the given kinds, at most `limit` of them.

    Without kinds it shows who is who, or what was seen on the network where nothing says who is who.
    """
    graph = with_text_ids(graph)
    kinds = shown_first(graph) if kinds is None else kinds
    return draw(graph, arrange(graph, kinds=kinds, limit=limit))


def shown_first(graph: nx.MultiDiGraph) -> tuple[str, ...]:
    """Return the kinds of nodes that are shown unless somebody asks for others."""
    found = {kind for _, kind in graph.nodes(data="kind")}
    return ENTITIES if found & {"line", "panel", "channel", "title"} else NETWORK


def draw(graph: nx.MultiDiGraph, layout: Layout) -> str:
    """Return the SVG of a layout."""
    lines = [_edge(layout, u, v, edges) for (u, v), edges in _by_pair(graph, layout)]
    nodes = [_node(graph.nodes[node], node, box) for node, box in sorted(layout.boxes.items())]
    heads = [
        f'<text x="{x:.0f}" y="{MARGIN + 14}" text-anchor="middle" font-size="13" font-weight="bold" '
        f'fill="#333333">{_HEADS[kind]}</text>'
        for kind, x in sorted(layout.heads.items(), key=lambda item: TIERS.index(item[0]))
    ]
    notes = [_note(layout)] if layout.left_out or not layout.boxes else []
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width:.0f}" height="{layout.height:.0f}" '
            f'viewBox="0 0 {layout.width:.0f} {layout.height:.0f}" {_FONT} role="img">',
            "<title>Evidence graph</title>",
            _markers(),
            *heads,
            *lines,
            *nodes,
            *notes,
            "</svg>",
        ]
    )


def _markers() -> str:
    made = [
        f'<marker id="arrow-{strength}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0.5 L8,4 L0,7.5 z" fill="{colour}"/></marker>'
        for strength, (colour, _) in LINES.items()
    ]
    return f"<defs>{''.join(made)}</defs>"


def _note(layout: Layout) -> str:
    if not layout.boxes:
        text = "Nothing to draw: the tables hold no client, stream or host."
    else:
        text = f"{layout.left_out} nodes are not drawn: those with the fewest media bytes."
    return f'<text x="{MARGIN}" y="{layout.height - 8:.0f}" font-size="12" fill="#a00000">{text}</text>'


def _by_pair(graph: nx.MultiDiGraph, layout: Layout) -> list[tuple[tuple[str, str], list[dict[str, Any]]]]:
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = {pair: [] for pair in layout.pairs}
    for u, v, attributes in graph.edges(data=True):
        if (u, v) in pairs:
            pairs[u, v].append(attributes)
    return [(pair, sorted(edges, key=lambda a: str(a.get("kind")))) for pair, edges in sorted(pairs.items())]


def _edge(layout: Layout, source: str, target: str, edges: list[dict[str, Any]]) -> str:
    strength = min(map(strength_of, edges), key=STRENGTHS.index)
    colour, width = LINES[strength]
    dash = f' stroke-dasharray="{DASHES[strength]}"' if DASHES[strength] else ""
    path, (x, y) = route(layout, source, target)
    kinds = [str(e.get("kind", "")) for e in edges]
    told = "; ".join(_told(e) for e in edges)
    title = escape(shorten(visible(f"{source} → {target}: {told}"), _TITLE_LIMIT))
    label = escape(kinds[0] if len(kinds) == 1 else f"{kinds[-1]} +{len(kinds) - 1}")
    return (
        f'<g><title>{title}</title><path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dash} '
        f'marker-end="url(#arrow-{strength})"/><text x="{x:.0f}" y="{y - 4:.0f}" text-anchor="middle" font-size="10" '
        f'fill="#555555" stroke="#ffffff" stroke-width="3" paint-order="stroke">{label}</text></g>'
    )


def _told(edge: dict[str, Any]) -> str:
    frames = edge.get("evidence") or []
    first = f", first in {frames[0]}" if frames else ""
    return f"{edge.get('kind')} ({strength_of(edge)}, {edge.get('count', 1)} times{first})"


def route(layout: Layout, source: str, target: str) -> tuple[str, tuple[float, float]]:
    """Return the path of an edge, and where its label goes."""
    one, other = layout.boxes[source], layout.boxes[target]
    if one.x == other.x:  # within a column: an arc at the right side
        x, reach = one.x + one.width / 2, bend(one, other)
        path = f"M{x:.1f},{one.y:.1f} C{x + reach:.1f},{one.y:.1f} {x + reach:.1f},{other.y:.1f} {x:.1f},{other.y:.1f}"
        return path, (x + reach * 0.75, (one.y + other.y) / 2 + 7)
    side = 1 if other.x > one.x else -1
    passed = layout.ways.get((source, target), [])
    points = [(one.x + side * one.width / 2, one.y)]
    for x, y in sorted(passed, key=lambda point: side * point[0]):
        half = side * layout.column_widths[x] / 2
        points += [(x - half, y), (x + half, y)]
    points.append((other.x - side * other.width / 2, other.y))
    parts = [f"M{points[0][0]:.1f},{points[0][1]:.1f}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        half = (x2 - x1) / 2
        parts.append(f"C{x1 + half:.1f},{y1:.1f} {x2 - half:.1f},{y2:.1f} {x2:.1f},{y2:.1f}")
    if passed:
        label = passed[0]
    elif len(layout.into(target)) == 1:  # where lines meet, labels would too
        label = (points[-1][0] - side * LABEL_ROOM, points[-1][1])
    elif len(layout.out_of(source)) == 1 and one.kind not in layout.bent:
        label = (points[0][0] + side * LABEL_ROOM, points[0][1])
    else:
        label = ((points[0][0] + points[-1][0]) / 2, (points[0][1] + points[-1][1]) / 2)
    return " ".join(parts), label


def bend(one: Box, other: Box) -> float:
    """Return how far an edge between two nodes of one column reaches out."""
    return min(30 + abs(other.y - one.y) / 3, 110)


def _node(attributes: dict[str, Any], node: str, box: Box) -> str:
    fill, line = COLOURS[box.kind]
    x, y = box.x - box.width / 2, box.y - box.height / 2
    second = subtitle_of(attributes)
    told = [f"{name}: {value_text(value)}" for name, value in sorted(attributes.items()) if value is not None]
    times = f"seen {time_text(attributes.get('first_ns'))} to {time_text(attributes.get('last_ns'))}"
    title = escape(shorten(visible(" | ".join([node, times, *told])), _TITLE_LIMIT))
    subtitle = (
        f'<text x="{box.x:.1f}" y="{box.y + 12:.1f}" text-anchor="middle" font-size="9" fill="#555555">'
        f"{escape(second)}</text>"
        if second
        else ""
    )
    text = (
        f'<text x="{box.x:.1f}" y="{box.y + (-1 if second else 4):.1f}" text-anchor="middle" font-size="12" '
        f'fill="#111111">{escape(box.label)}</text>'
    )
    return (
        f"<g data-id={quoteattr(visible(node))}><title>{title}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height}" rx="8" fill="{fill}" '
        f'stroke="{line}"/>{text}{subtitle}</g>'
    )


def subtitle_of(attributes: dict[str, Any]) -> str:
    """Return the small line below a node's label: delivery or role, and media bytes."""
    parts = [str(attributes[name]) for name in ("delivery", "role") if attributes.get(name)]
    if attributes.get("bytes"):
        parts.append(bytes_text(attributes["bytes"]))
    return shorten(visible(" · ".join(parts)), LABEL_LIMIT)
