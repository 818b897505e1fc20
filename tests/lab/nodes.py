"""The nodes of a run's truth: every machine, account and item of the catalogue, with the names it goes by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .scenario import Panel, Scenario
from .servers import EDGE_RTMP_PORT, RTMP_PORT

Node = dict[str, Any]
HABITS = {"api": "Xtream app", "list": "M3U app", "mag": "MAG box at a portal", "enigma2": "Enigma2 receiver",
          "library": "pyxtream", "page": "web player"}  # fmt: skip


def described(s: Scenario, catalogues: Mapping[str, Mapping[str, Any]],
              renamed: list[tuple[str, str, float]]) -> list[Node]:  # fmt: skip
    """Return the nodes; `catalogues` are by panel, `renamed` what host names did (name, to which node or "", when)."""
    nodes: list[Node] = [{"id": "dns", "kind": "dns", "ips": ["192.0.2.53"], "software": "dnsmasq"}]
    nodes += [
        {"id": h.id, "kind": "home", "public_ip": h.public_ip, "ips": [h.lan.rsplit(".", 1)[0] + ".1"]} for h in s.home
    ]
    nodes += [_box(s, box.id) for box in s.box]
    nodes += [
        _without_blanks(
            {
                "id": n.id,
                "kind": "line",
                "panel": n.panel,
                "username": n.username,
                "password": n.password,
                "portal_mac": n.portal_mac,
                "max_connections": n.max_connections,
                "expires": n.expires,
                "status": n.status,
            }
        )
        for n in s.line
    ]
    nodes += [_panel(s, panel, catalogues, renamed) for panel in s.panel]
    nodes += [
        {"id": c.id, "kind": "cdn", "ips": [c.ip], "ports": [c.port], "fronts": c.fronts, "software": "nginx"}
        for c in s.cdn
    ]
    nodes += [
        {
            "id": e.id,
            "kind": "edge",
            "names": _dated(e.names, renamed),
            "ips": [e.ip],
            "ports": [e.port, EDGE_RTMP_PORT],
            "transcodes": e.transcodes,
            "outputs": ["hls", "http-ts", "http-flv", "rtmp"],
        }
        for e in s.edge
    ]
    nodes += [{"id": h.id, "kind": "head-end", "names": _dated(h.names, renamed), "ips": [h.ip], "ports": [RTMP_PORT],
               "software": "nginx-rtmp"} for h in s.headend]  # fmt: skip
    nodes += [{"id": o.id, "kind": "operator", "names": _dated(o.names, renamed), "ips": [o.ip]} for o in s.operator]
    nodes += [_without_blanks({
        "id": a.id, "kind": "origin-account", "operator": a.operator, "ips": [a.ip] if a.push != "hls" else [],
        "subject": a.subject if a.push == "hls" else "", "push": a.push, "encoder": a.encoder,
    }) for a in s.account]  # fmt: skip
    nodes += [{"id": c.id, "kind": "channel", "name": c.name, "stream_id": c.stream_id, "epg_id": c.epg_id,
               "category": c.category, "programme": c.programme} for c in s.channel]  # fmt: skip
    nodes += [
        {"id": t.id, "kind": "title", "name": t.name, "stream_id": t.stream_id, "container": t.container}
        for t in s.title
    ]
    nodes += [
        {"id": h.id, "kind": "proxy-hub", "names": _dated(h.names, renamed), "ips": [h.ip], "software": "OpenSSH"}
        for h in s.hub
    ]
    nodes += [{"id": w.id, "kind": "web-player", "names": _dated(w.names, renamed), "ips": [w.ip]} for w in s.site]
    return nodes


def _box(s: Scenario, id_: str) -> Node:
    box = s.one("box", id_)
    panel = s.one("line", box.line).panel if box.line else ""
    return _without_blanks({
        "id": box.id, "kind": "box", "home": box.home, "ips": [box.ip], "public_ip": s.one("home", box.home).public_ip,
        "mac": box.mac, "hostname": box.hostname, "model": box.model, "serial": box.serial, "panel": panel,
        "habits": HABITS[box.app], "apps": [box.app], "user_agent": box.user_agent, "timezone": box.timezone,
    })  # fmt: skip


def _panel(s: Scenario, panel: Panel, catalogues: Mapping[str, Mapping[str, Any]],
           renamed: list[tuple[str, str, float]]) -> Node:  # fmt: skip
    return _without_blanks(
        {
            "id": panel.id,
            "kind": "panel",
            "names": _dated(panel.names, renamed),
            "ips": [panel.ip],
            "ports": [panel.port],
            "software": panel.software,
            "timezone": panel.timezone,
            "clone_of": panel.clone_of,
            "catalogue": dict(catalogues.get(panel.id, {})),
        }
    )


def _dated(names: list[str], renamed: list[tuple[str, str, float]]) -> list[Node]:
    """Return names with the times at which they began and ceased to resolve, where they did within the run."""
    found = []
    for name in names:
        row: Node = {"name": name}
        for other, to, at in renamed:
            if other == name:
                row["from" if to else "to"] = at
        found.append(row)
    return found


def _without_blanks(node: Node) -> Node:
    return {key: value for key, value in node.items() if value not in ("", [], {})}
