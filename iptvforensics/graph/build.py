"""The tables of a case to its evidence graph.

Each rule reads tables and notes observations; `model` makes one edge per kind and pair of them. The kinds of
edges, and the rules behind them:

- `recorded` capture → client (→ stream where no client is known): the capture holds its traffic.
- `watched`, `publishes` client → stream; `served-by` stream → host; `streams-from`, `pushes-to` client → host:
  from sessions (`viewing`).
- `asks-for` client → host: the client named the host in DNS, HTTP or RTMP (`naming`).
- `resolves-to` host → address: DNS answers, and addresses that answered under that name (`naming`).
- `redirects-to`, `refers-to` host → host: HTTP and RTMP redirects, URLs in playlists (`leading`).
- `same-as` client → address: one address on both sides in one capture; its frames begin the first flow that the
  address began, and the first that it took.
- who is who: devices, lines, panels, servers, channels and titles, with the rows of `links` (`who`).

A host given as an IP literal is an `address`.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Protocol

from . import leading, naming, viewing, who
from .model import Assembly, EvidenceGraph, Seen


class TableReader(Protocol):
    """The tables of a case, each with the column capture_id."""

    def has(self, table: str) -> bool:
        """Return True if the case has a table of that name."""

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the tables."""


def build(reader: TableReader) -> EvidenceGraph:
    """Return the graph of clients, streams, hosts, addresses and captures that the tables show."""
    assembly = Assembly()
    contacts = viewing.add_sessions(reader, assembly) if reader.has("sessions") else []
    if reader.has("http"):
        naming.add_http_hosts(reader, assembly)
        leading.add_http_redirects(reader, assembly)
    if reader.has("rtmp"):
        naming.add_rtmp_hosts(reader, assembly)
        leading.add_rtmp_redirects(reader, assembly)
    if reader.has("playlist_entries"):
        leading.add_playlist_references(reader, assembly)
    if reader.has("dns"):
        naming.add_dns(reader, assembly)
    viewing.add_session_addresses(assembly, contacts)
    leading.mark_redirectors(assembly)
    who.add_entities(reader, assembly)
    _join_both_sides(reader, assembly)
    _add_captures(reader, assembly)
    return assembly.graph()


def _join_both_sides(reader: TableReader, assembly: Assembly) -> None:
    """Join client and address where one capture shows the same address in both parts, as relays do."""
    flows = _flows_of_both_sides(reader)
    addresses = {name: (node_id, captures) for node_id, name, captures in assembly.nodes_of("address")}
    for client, name, captures in list(assembly.nodes_of("client")):
        if name in addresses:
            address, others = addresses[name]
            for capture_id in sorted(captures & others):
                frames = flows.get((capture_id, name), ())
                seen = Seen(capture_id, frames=frames, frame_count=len(frames))
                assembly.relate(client, address, "same-as", "same-address", "conclusive", seen)


def _flows_of_both_sides(reader: TableReader) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return the first frames of the first flows that an address began and took, where it did both in a capture."""
    if not reader.has("flows"):
        return {}
    rows = reader.select(
        "SELECT capture_id, ip, began, took FROM "
        "(SELECT capture_id, orig_ip AS ip, min(flow_id) AS began FROM flows GROUP BY ALL) JOIN "
        "(SELECT capture_id, resp_ip AS ip, min(flow_id) AS took FROM flows GROUP BY ALL) USING (capture_id, ip)"
    )
    return {(capture, ip): tuple(sorted({began, took})) for capture, ip, began, took in rows}


def _add_captures(reader: TableReader, assembly: Assembly) -> None:
    """Add the captures and what each recorded, and warn of private addresses in several of them."""
    rows = (
        reader.select("SELECT capture_id, path, sha256, frames, first_ns, last_ns FROM captures ORDER BY capture_id")
        if reader.has("captures")
        else []
    )
    for capture_id, path, sha256, frames, first_ns, last_ns in rows:
        file_name = str(path).replace("\\", "/").rsplit("/", 1)[-1] if path else capture_id
        node = assembly.node("capture", capture_id, file_name)
        assembly.observe(node, Seen(capture_id, first_ns, last_ns))
        assembly.describe(node, "sha256", sha256)
        assembly.describe(node, "frames", frames)
    for client, name, captures in list(assembly.nodes_of("client")):
        for capture_id in sorted(captures):
            _record(assembly, capture_id, client)
        if len(captures) > 1 and _is_private(name):
            note = f"private address in {len(captures)} captures: may be several devices"
            assembly.describe(client, "note", note)
    watched = {target for kind in ("watched", "publishes") for _, target, _ in assembly.edges_of(kind)}
    for stream, _, captures in list(assembly.nodes_of("stream")):
        for capture_id in sorted(captures if stream not in watched else ()):
            _record(assembly, capture_id, stream)


def _record(assembly: Assembly, capture_id: str, node: str) -> None:
    capture = assembly.node("capture", capture_id)
    assembly.relate(capture, node, "recorded", "capture", "conclusive", Seen(capture_id))


def _is_private(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return False
