"""Who is who to nodes and edges: devices, lines, panels, servers, channels and titles with their links.

Nodes are rows of the tables of the whole case, edges are rows of `links` (with their rule, strength and frames), and
two more that follow from other tables: `account-at` line → panel (with the frames of the line), and `watched`
device → channel or title. Servers that feed others are of kind `head-end` or `origin`, so that they stand behind
those that viewers get media from.

**Known limitations**: of a catalogue only what was watched becomes a node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .model import EVIDENCE_LIMIT, Assembly, Seen

if TYPE_CHECKING:
    from .build import TableReader

_FEEDS = ("head-end", "origin")


def add_entities(reader: TableReader, assembly: Assembly) -> None:
    """Add the entities of the case and the links between them."""
    nodes: dict[str, str] = {}
    _add_devices(reader, assembly, nodes)
    _add_panels_and_lines(reader, assembly, nodes)
    _add_servers(reader, assembly, nodes)
    _add_things(reader, assembly, nodes)
    if reader.has("links"):
        _add_links(reader, assembly, nodes)
    if reader.has("session_entities"):
        _add_watched(reader, assembly, nodes)


def _describe(assembly: Assembly, node: str, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
    for name, value in zip(names, values, strict=True):
        if value not in (None, "", []):
            assembly.describe(node, name, "; ".join(map(str, value)) if isinstance(value, list) else value)


def _observe(assembly: Assembly, node: str, captures: list[str], first: int | None, last: int | None) -> None:
    for capture_id in captures:
        assembly.observe(node, Seen(capture_id, first, last))


def _add_devices(reader: TableReader, assembly: Assembly, nodes: dict[str, str]) -> None:
    if not reader.has("devices"):
        return
    names = ("kind_of_client", "ips", "macs", "claimed_macs", "model", "serial", "host_names", "user_agents", "apps",
             "told_apart", "strength", "rule", "third_party")  # fmt: skip
    rows = reader.select(
        "SELECT device_id, capture_ids, first_ns, last_ns, kind, ips, macs, claimed_macs, model, serial, host_names, "
        "user_agents, apps, told_apart, strength, rule, third_party FROM devices ORDER BY device_id"
    )
    for entity, captures, first, last, *values in rows:
        ips, macs, model, host_names = values[1], values[2], values[4], values[6]
        label = next((text for text in (model, *(host_names or ()), *(ips or ()), *(macs or ())) if text), entity)
        nodes[entity] = node = assembly.node("device", entity, label)
        _observe(assembly, node, captures, first, last)
        _describe(assembly, node, names, tuple(values))


def _add_panels_and_lines(reader: TableReader, assembly: Assembly, nodes: dict[str, str]) -> None:
    if reader.has("panels"):
        names = ("hosts", "ips", "ports", "software", "timezone", "strength", "rule", "why")
        rows = reader.select(
            "SELECT panel_id, host, capture_ids, first_ns, last_ns, hosts, ips, ports, software, timezone, strength, "
            "rule, why FROM panels ORDER BY panel_id"
        )
        for entity, host, captures, first, last, *values in rows:
            nodes[entity] = node = assembly.node("panel", entity, host)
            _observe(assembly, node, captures, first, last)
            _describe(assembly, node, names, tuple(values))
    if reader.has("lines"):
        said = ("username", "password", "mac", "token", "status", "max_connections", "places", "strength", "rule")
        rows = reader.select(
            "SELECT line_id, panel_id, capture_ids, first_ns, last_ns, username, password, mac, token, status, "
            "max_connections, places, strength, rule FROM lines WHERE used ORDER BY line_id"
        )
        frames = _frames(reader, "l-")
        for entity, panel, captures, first, last, *values in rows:
            label = next((str(text) for text in (values[0], values[2], values[3]) if text), entity)
            nodes[entity] = node = assembly.node("line", entity, label)
            _observe(assembly, node, captures, first, last)
            _describe(assembly, node, said, tuple(values))
            for capture_id in captures if panel in nodes else ():
                cited = frames.get((entity, capture_id), ())
                seen = Seen(capture_id, first, last, frames=cited, frame_count=len(cited))
                assembly.relate(node, nodes[panel], "account-at", values[-1], values[-2], seen)


def _add_servers(reader: TableReader, assembly: Assembly, nodes: dict[str, str]) -> None:
    if not reader.has("servers"):
        return
    names = ("role", "domain", "ips", "ports", "why", "strength", "rule")
    rows = reader.select(
        "SELECT server_id, host, panel_id, capture_ids, first_ns, last_ns, bytes, role, domain, ips, ports, why, "
        "strength, rule FROM servers ORDER BY server_id"
    )
    for entity, host, panel, captures, first, last, size, *values in rows:
        if values[0] == "panel" and panel in nodes:
            nodes[entity] = nodes[panel]  # one node for a panel that also sends media
            continue
        kind = values[0] if values[0] in _FEEDS else "server"
        label = host or next(iter(values[2] or ()), entity)
        nodes[entity] = node = assembly.node(kind, entity, label)
        for capture_id in captures:
            sent = int(size or 0) if capture_id == captures[0] else 0
            assembly.observe(node, Seen(capture_id, first, last, bytes=sent), media=True)
        _describe(assembly, node, names, tuple(values))


def _add_things(reader: TableReader, assembly: Assembly, nodes: dict[str, str]) -> None:
    for table, key, kind in (("channels", "channel_id", "channel"), ("titles", "title_id", "title")):
        if not reader.has(table):
            continue
        rows = reader.select(
            f"SELECT {key}, coalesce(name, '{kind} ' || stream_id), capture_ids, stream_id, name_source, panel_host "  # noqa: S608
            f"FROM {table} WHERE watched ORDER BY {key}"
        )
        for entity, label, captures, *values in rows:
            nodes[entity] = node = assembly.node(kind, entity, label)
            _observe(assembly, node, captures, None, None)
            _describe(assembly, node, ("stream_id", "name_source", "panel_host"), tuple(values))


def _frames(reader: TableReader, prefix: str) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return the first frames that the table `evidence` has, by row and capture, for identifiers that begin so."""
    if not reader.has("evidence"):
        return {}
    rows = reader.select(
        f"SELECT row_id, capture_id, min(frame_no, {EVIDENCE_LIMIT}) FROM evidence WHERE row_id LIKE '{prefix}%' "  # noqa: S608
        "AND frame_no IS NOT NULL GROUP BY ALL"
    )
    return {(row, capture): tuple(sorted(set(found))) for row, capture, found in rows}


def _add_links(reader: TableReader, assembly: Assembly, nodes: dict[str, str]) -> None:
    frames = _frames(reader, "k-")
    rows = reader.select(
        "SELECT link_id, source, target, kind, strength, count, first_ns, last_ns, rule, why, capture_ids FROM links "
        "ORDER BY link_id"
    )
    for link, source, target, kind, strength, count, first, last, rule, why, captures in rows:
        if source not in nodes or target not in nodes or nodes[source] == nodes[target]:
            continue
        for number, capture_id in enumerate(captures):
            cited = frames.get((link, capture_id), ())
            seen = Seen(capture_id, first, last, count if number == 0 else 0, cited, len(cited))
            assembly.relate(nodes[source], nodes[target], kind, rule, strength, seen)
        assembly.remark(nodes[source], nodes[target], kind, "why", why)


def _add_watched(reader: TableReader, assembly: Assembly, nodes: dict[str, str]) -> None:
    rows = reader.select(
        "SELECT e.capture_id, e.device_id, coalesce(e.channel_id, e.title_id), s.start_ns, s.end_ns, s.first_frame, "
        "coalesce(s.bytes, 0) FROM session_entities e JOIN sessions s USING (capture_id, session_id) ORDER BY ALL"
    )
    for capture_id, device, thing, first, last, frame, size in rows:
        if device in nodes and thing in nodes:
            seen = Seen(capture_id, first, last, 1, (frame,) if frame else (), 1 if frame else 0, int(size))
            for node in (nodes[device], nodes[thing]):
                assembly.observe(node, seen, media=True)
            assembly.relate(nodes[device], nodes[thing], "watched", "session", "strong", seen)
