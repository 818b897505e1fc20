"""Observations to nodes and edges: one node per thing, one edge per kind and pair, each with its evidence.

Nodes carry `kind`, `label`, `first_ns`, `last_ns`, `bytes` (media bytes of the sessions they took part in) and
`captures`; edges carry `kind`, `strength`, `rule`, `first_ns`, `last_ns`, `count` (observations), `bytes`,
`captures`, `evidence` (references `capture_id#frame`) and `evidence_count` (frames that were found in all).

The graph does not depend on the order of the observations.

**Known limitations**: an edge keeps at most 20 references, spread over its captures.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

STRENGTHS = ("conclusive", "strong", "supporting", "lead")
"""How well an edge is founded, the best first."""

EVIDENCE_LIMIT = 20
"""References kept per edge: enough to check it by hand, few enough for a label in a viewer."""

_KINDS = (
    "capture", "channel", "title", "device", "line", "panel", "server", "head-end", "origin",
    "client", "stream", "host", "address",
)  # fmt: skip


def strength_of(edge: Mapping[str, Any]) -> str:
    """Return the strength of an edge; an edge that somebody added without one is a lead."""
    strength = edge.get("strength")
    return strength if strength in STRENGTHS else "lead"


def with_text_ids(graph: nx.MultiDiGraph) -> nx.MultiDiGraph:
    """Return the graph with text as node ids, as `build` gives them; a user's own graph may have others."""
    return graph if all(isinstance(n, str) for n in graph) else nx.relabel_nodes(graph, str)


class EvidenceGraph(nx.MultiDiGraph):  # type: ignore[misc]
    """A `networkx.MultiDiGraph` that shows itself as a picture in notebooks."""

    def __repr__(self) -> str:
        return f"<EvidenceGraph: {self.number_of_nodes()} nodes, {self.number_of_edges()} edges>"

    def _repr_html_(self) -> str:
        from .picture import picture

        return f'<div style="overflow:auto;background:#ffffff">{picture(self)}</div>'


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed how often in one capture: the count, the time span and the first frames."""

    capture_id: str
    first_ns: int | None = None
    last_ns: int | None = None
    count: int = 1
    frames: tuple[int, ...] = ()
    frame_count: int = 0
    bytes: int = 0


@dataclass(slots=True)
class _Span:
    first_ns: int | None = None
    last_ns: int | None = None
    bytes: int = 0
    captures: set[str] = field(default_factory=set)
    extra: dict[str, set[object]] = field(default_factory=dict)

    def add(self, seen: Seen, *, count_bytes: bool) -> None:
        if seen.first_ns is not None:
            self.first_ns = seen.first_ns if self.first_ns is None else min(self.first_ns, seen.first_ns)
        if seen.last_ns is not None:
            self.last_ns = seen.last_ns if self.last_ns is None else max(self.last_ns, seen.last_ns)
        if count_bytes:
            self.bytes += seen.bytes
        self.captures.add(seen.capture_id)

    def attributes(self) -> dict[str, Any]:
        return {
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
            "bytes": self.bytes,
            "captures": ";".join(sorted(self.captures)),
            **{name: _joined(values) for name, values in sorted(self.extra.items())},
        }


def _joined(values: set[object]) -> object:
    """Return the value of an attribute, or several as one text."""
    return next(iter(values)) if len(values) == 1 else "; ".join(sorted(map(str, values)))


@dataclass(slots=True)
class _Edge:
    span: _Span = field(default_factory=_Span)
    count: int = 0
    rules: dict[str, str] = field(default_factory=dict)
    frames: dict[str, set[int]] = field(default_factory=dict)
    frame_count: int = 0  # frames beyond those in `frames`

    def attributes(self, kind: str) -> dict[str, Any]:
        strength = min(self.rules.values(), key=STRENGTHS.index)
        if strength == "strong" and len({rule.split("-", 1)[0] for rule in self.rules}) > 1:
            strength = "conclusive"  # two protocols say the same independently
        return {
            "kind": kind,
            "strength": strength,
            "rule": "; ".join(sorted(self.rules)),
            "count": self.count,
            **self.span.attributes(),
            "evidence": _spread(self.frames),
            "evidence_count": self.frame_count + sum(map(len, self.frames.values())),
        }


def _spread(frames: Mapping[str, set[int]]) -> list[str]:
    """Return at most `EVIDENCE_LIMIT` references: the first of every capture, then the second of every one."""
    ranked = [
        (rank, capture_id, frame)
        for capture_id, numbers in frames.items()
        for rank, frame in enumerate(sorted(numbers)[:EVIDENCE_LIMIT])
    ]
    chosen = sorted(ranked)[:EVIDENCE_LIMIT]
    return [f"{capture_id}#{frame}" for _, capture_id, frame in sorted(chosen, key=lambda item: item[1:])]


class Assembly:
    """Collects observations and makes the graph of them."""

    def __init__(self) -> None:
        self._nodes: dict[str, tuple[str, str, _Span]] = {}
        self._edges: dict[tuple[str, str, str], _Edge] = {}

    def node(self, kind: str, name: str, label: str | None = None) -> str:
        """Return the id of the node of that kind and name, which is made if there is none."""
        node_id = f"{kind}:{name}"
        if node_id not in self._nodes:
            self._nodes[node_id] = (kind, label if label is not None else name, _Span())
        return node_id

    def place(self, name: str) -> str:
        """Return the id of the host of that name, or of the address if the name is one."""
        literal = name.removeprefix("[").removesuffix("]")
        try:
            return self.node("address", str(ipaddress.ip_address(literal)))
        except ValueError:
            return self.node("host", name)

    def has(self, node_id: str) -> bool:
        """Return True if the node exists."""
        return node_id in self._nodes

    def describe(self, node_id: str, name: str, value: object) -> None:
        """Add a value to an attribute of a node; several values are joined."""
        if value is not None:
            self._nodes[node_id][2].extra.setdefault(name, set()).add(value)

    def observe(self, node_id: str, seen: Seen, *, media: bool = False) -> None:
        """Note that a node was seen; its bytes count if they are media."""
        self._nodes[node_id][2].add(seen, count_bytes=media)

    def relate(self, source: str, target: str, kind: str, rule: str, strength: str, seen: Seen) -> None:
        """Note an observation of an edge, and of the two nodes."""
        self.observe(source, seen)
        self.observe(target, seen)
        edge = self._edges.setdefault((source, target, kind), _Edge())
        edge.span.add(seen, count_bytes=True)
        edge.count += seen.count
        known = edge.rules.get(rule, strength)
        edge.rules[rule] = min(known, strength, key=STRENGTHS.index)
        edge.frames.setdefault(seen.capture_id, set()).update(seen.frames)
        edge.frame_count += max(seen.frame_count - len(seen.frames), 0)

    def remark(self, source: str, target: str, kind: str, name: str, value: object) -> None:
        """Add a value to an attribute of an edge; several values are joined."""
        if value is not None:
            self._edges[source, target, kind].span.extra.setdefault(name, set()).add(value)

    def joins(self, source: str, target: str, kind: str) -> bool:
        """Return True if there is such an edge."""
        return (source, target, kind) in self._edges

    def nodes_of(self, kind: str) -> Iterable[tuple[str, str, frozenset[str]]]:
        """Return id, name and captures of every node of a kind, by id."""
        for node_id, (found, _, span) in sorted(self._nodes.items()):
            if found == kind:
                yield node_id, node_id.split(":", 1)[1], frozenset(span.captures)

    def edges_of(self, kind: str) -> Iterable[tuple[str, str, int]]:
        """Return source, target and count of every edge of a kind, in order."""
        return [(s, t, edge.count) for (s, t, found), edge in sorted(self._edges.items()) if found == kind]

    def graph(self) -> EvidenceGraph:
        """Return the graph, nodes by kind and id, edges by their ends and kind."""
        graph = EvidenceGraph()
        for node_id, (kind, label, span) in sorted(
            self._nodes.items(), key=lambda item: (_KINDS.index(item[1][0]), item[0])
        ):
            graph.add_node(node_id, kind=kind, label=label, **span.attributes())
        for (source, target, kind), edge in sorted(self._edges.items()):
            graph.add_edge(source, target, key=kind, **edge.attributes(kind))
        return graph
