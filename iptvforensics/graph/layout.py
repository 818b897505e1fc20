"""The graph to places on a page: one column per kind of node, from what watched to what served.

Columns: capture; what was watched (channels, titles), device, line, panel, server, head-end, origin; client,
stream, host, address. Parts of the graph that are not joined lie below each other, the
largest first; within a part the nodes of a column are ordered by the mean place of their neighbours (Sugiyama,
Tagawa, Toda 1981: layering and barycentres), and an edge that passes over a column keeps a place free in it. The
result depends on the graph only, not on the order in which it was made.

**Known limitations**: captures do not hold parts together, and beyond the given number of nodes those with the
fewest media bytes are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .text import shorten, visible

if TYPE_CHECKING:
    import networkx as nx

ENTITIES = ("channel", "title", "device", "line", "panel", "server", "head-end", "origin")
"""Kinds of nodes that say who is who."""

NETWORK = ("client", "stream", "host", "address")
"""Kinds of nodes that say what was seen on the network."""

COLUMNS = (("capture",), ("channel", "title"), *((kind,) for kind in (*ENTITIES[2:], *NETWORK)))
TIERS = ("capture", *ENTITIES, *NETWORK)
PITCH = 46
"""Distance of two nodes in a column, in pixels."""

HEIGHT = 34
GAP = 120
BEND = 90
"""More room beside a column with edges between its own nodes."""

MARGIN = 24
HEAD = 46
"""Room for the heads of the columns."""

LABEL_LIMIT = 44
LABEL_ROOM = 44
"""Distance of an edge's label from the node that it stands at."""

_CHARACTER = 6.7  # mean width of a letter at 12 pixels, on the wide side
_SWEEPS = 10

_SHOWN_BY_PATH = {"streams-from", "asks-for", "pushes-to", "logs-in", "carries"}
"""Edges that say again what a path shows; drawn only where there is no such path."""


@dataclass(frozen=True, slots=True)
class Box:
    """Place of a node: its centre, its size, the label that fits."""

    x: float
    y: float
    width: float
    height: float
    label: str
    kind: str


@dataclass(slots=True)
class Layout:
    """Places of nodes, the ways of edges (points between their ends), the size of the page."""

    boxes: dict[str, Box] = field(default_factory=dict)
    ways: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    column_widths: dict[float, float] = field(default_factory=dict)
    heads: dict[str, float] = field(default_factory=dict)
    width: float = 0
    height: float = 0
    left_out: int = 0
    bent: set[str] = field(default_factory=set)
    _into: dict[str, list[str]] = field(default_factory=dict)
    _out_of: dict[str, list[str]] = field(default_factory=dict)

    def into(self, node: str) -> list[str]:
        """Return from where drawn edges come to a node."""
        if not self._into:
            for source, target in self.pairs:
                self._into.setdefault(target, []).append(source)
        return self._into.get(node, [])

    def out_of(self, node: str) -> list[str]:
        """Return where drawn edges of a node go."""
        if not self._out_of:
            for source, target in self.pairs:
                self._out_of.setdefault(source, []).append(target)
        return self._out_of.get(node, [])


def arrange(graph: nx.MultiDiGraph, *, kinds: Iterable[str] = TIERS, limit: int = 1500) -> Layout:
    """Return the layout of the nodes of the given kinds, at most `limit` of them."""
    wanted = set(kinds)
    nodes = {str(n): dict(a) for n, a in graph.nodes(data=True) if a.get("kind", "host") in wanted}
    chosen = sorted(nodes, key=lambda n: (-(nodes[n].get("bytes") or 0), -graph.degree(n), n))[:limit]
    layout = Layout(left_out=len(nodes) - len(chosen))
    if not chosen:
        layout.width, layout.height = 2 * MARGIN + 300, 2 * MARGIN + HEAD
        return layout
    tier = {n: _tier(nodes[n]) for n in chosen}
    drawn = sorted(
        {
            (u, v)
            for u, v, a in graph.edges(data=True)
            if u in tier and v in tier and u != v and not is_repeated(a, u, v, graph)
        }
    )
    layout.pairs = drawn
    bent = {tier[u] for u, v in drawn if tier[u] == tier[v]}
    layout.bent = {kind for number in bent for kind in COLUMNS[number]}
    columns = _place_columns(layout, nodes, tier, bent)
    bottom = float(HEAD + MARGIN)
    for part, pairs in _parts(tier, drawn):
        rows = _order(part, tier, pairs)
        size = max(len(slots) for slots in rows.values()) * PITCH
        for number, slots in rows.items():
            top = bottom + (size - len(slots) * PITCH) / 2 + PITCH / 2
            for row, slot in enumerate(slots):
                x, y = columns[number], top + row * PITCH
                if isinstance(slot, str):
                    known = layout.boxes[slot]
                    layout.boxes[slot] = Box(x, y, known.width, HEIGHT, known.label, known.kind)
                else:
                    layout.ways.setdefault(slot[:2], []).append((x, y))
        bottom += size + PITCH / 2
    _place_captures(layout, graph, tier, columns)
    lowest = max(box.y for box in layout.boxes.values()) + PITCH / 2
    layout.height = round(max(bottom, lowest) + MARGIN)
    return layout


def _tier(attributes: Mapping[str, Any]) -> int:
    kind = attributes.get("kind", "host")
    return next((n for n, kinds in enumerate(COLUMNS) if kind in kinds), COLUMNS.index(("host",)))


def is_repeated(attributes: Mapping[str, Any], source: str, target: str, graph: nx.MultiDiGraph) -> bool:
    """Return True if the edge says again what a path shows: through a stream, a line and its panel, or a viewer."""
    kind = attributes.get("kind")
    if kind not in _SHOWN_BY_PATH:
        return False
    if kind == "carries":
        return any(graph.nodes[viewer].get("kind") == "device" for viewer in graph.predecessors(target))
    return any(
        graph.nodes[middle].get("kind") in ("stream", "line") and _leads(graph, middle, target)
        for middle in graph.successors(source)
    )


def _leads(graph: nx.MultiDiGraph, middle: str, target: str) -> bool:
    """Return True if there is an edge to the target, or one to a panel that has one."""
    return bool(graph.has_edge(middle, target)) or any(
        graph.nodes[panel].get("kind") == "panel" and graph.has_edge(panel, target)
        for panel in graph.successors(middle)
    )


def _place_columns(
    layout: Layout, nodes: Mapping[str, Mapping[str, Any]], tier: Mapping[str, int], bent: set[int]
) -> dict[int, float]:
    """Return the middle of every column that is used; give every node its label and width.

    Columns in `bent` have edges within themselves, which need room beside them.
    """
    widths: dict[int, float] = {}
    for node, number in tier.items():
        label = shorten(visible(str(nodes[node].get("label", node))), LABEL_LIMIT)
        width = max(110.0, round(len(label) * _CHARACTER + 26))
        widths[number] = max(widths.get(number, 0.0), width)
        kind = nodes[node].get("kind", "host")
        layout.boxes[node] = Box(0, 0, width, HEIGHT, label, kind if kind in TIERS else "host")
    x, gap = float(MARGIN), 0
    middles: dict[int, float] = {}
    for number in sorted(widths):
        middles[number] = x + widths[number] / 2
        layout.heads[COLUMNS[number][0]] = middles[number]
        layout.column_widths[middles[number]] = widths[number]
        gap = GAP + (BEND if number in bent else 0)
        x += widths[number] + gap
    layout.width = round(x - gap + MARGIN + (BEND if max(widths) in bent else 0))
    for node, box in layout.boxes.items():
        number = tier[node]
        layout.boxes[node] = Box(0, 0, widths[number], HEIGHT, box.label, box.kind)
    return middles


def _parts(tier: Mapping[str, int], pairs: Iterable[tuple[str, str]]) -> list[tuple[list[str], list[tuple[str, str]]]]:
    """Return nodes and edges of each part of the graph that hangs together without captures, the largest first."""
    parent = {node: node for node, number in tier.items() if number > 0}

    def root(node: str) -> str:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    inner = [(u, v) for u, v in pairs if u in parent and v in parent]
    for u, v in inner:
        parent[root(u)] = root(v)
    parts: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    for node in sorted(parent):
        parts.setdefault(root(node), ([], []))[0].append(node)
    for u, v in inner:
        parts[root(u)][1].append((u, v))
    return sorted(parts.values(), key=lambda part: (-len(part[0]), part[0][0]))


_Slot = str | tuple[str, str, int]


def _order(part: list[str], tier: Mapping[str, int], pairs: Iterable[tuple[str, str]]) -> dict[int, list[_Slot]]:
    """Return the slots of every column from above to below: nodes, and places kept free for passing edges."""
    rows: dict[int, list[_Slot]] = {}
    for node in sorted(part):
        rows.setdefault(tier[node], []).append(node)
    links: dict[_Slot, list[_Slot]] = {}
    for u, v in pairs:
        if tier[u] == tier[v]:
            continue
        chain: list[_Slot] = [u]
        step = 1 if tier[u] <= tier[v] else -1
        for number in range(tier[u] + step, tier[v], step):
            if number in rows:
                chain.append((u, v, number))
                rows[number].append((u, v, number))
        chain.append(v)
        for one, other in pairwise(chain):
            links.setdefault(one, []).append(other)
            links.setdefault(other, []).append(one)
    numbers = sorted(rows)
    best, least = rows, math.inf
    for sweep in range(_SWEEPS):
        place = _fractions(rows)
        for number in numbers if sweep % 2 == 0 else reversed(numbers):
            weight = {s: _mean([place[n] for n in links.get(s, ())], place[s]) for s in rows[number]}
            rows[number].sort(key=lambda slot: (weight[slot], isinstance(slot, tuple), str(slot)))
            place.update(_fractions({number: rows[number]}))
        length = round(sum(abs(place[s] - place[n]) for s, found in links.items() for n in found), 6)
        if length < least:
            best, least = {number: list(slots) for number, slots in rows.items()}, length
    return best


def _fractions(rows: Mapping[int, list[_Slot]]) -> dict[_Slot, float]:
    """Return where each slot stands in its column, from 0 to 1."""
    return {slot: (i + 0.5) / len(slots) for slots in rows.values() for i, slot in enumerate(slots)}


def _mean(values: list[float], otherwise: float) -> float:
    return round(sum(values) / len(values), 9) if values else otherwise


def _place_captures(
    layout: Layout, graph: nx.MultiDiGraph, tier: Mapping[str, int], columns: Mapping[int, float]
) -> None:
    """Put the captures into their column, near what they recorded, without overlaps."""
    wishes = []
    for node in sorted(n for n, number in tier.items() if number == 0):
        places = [layout.boxes[n].y for n in graph.successors(node) if n in tier and tier[n] > 0]
        wishes.append((_mean(places, HEAD + MARGIN), node))
    y = float(HEAD + MARGIN) - PITCH / 2
    for wish, node in sorted(wishes):
        y = max(y + PITCH, wish)
        box = layout.boxes[node]
        layout.boxes[node] = Box(columns[0], y, box.width, HEIGHT, box.label, box.kind)
