"""The nodes of a run's truth: every machine, account and item of the catalogue, with the names it goes by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .neighbours import ROUTER
from .network import router_mac
from .scenario import Box, Channel, Home, Panel, Scenario, Title, addresses
from .servers import EDGE_RTMP_PORT, RTMP_PORT

Node = dict[str, Any]
MAC = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
HABITS = {"api": "Xtream app", "form": "Xtream app that posts forms", "list": "M3U app",
          "mag": "MAG box at a portal", "enigma2": "Enigma2 receiver",
          "library": "pyxtream", "page": "web player", "link": "player"}  # fmt: skip


def described(s: Scenario, catalogues: Mapping[str, Mapping[str, Any]], renamed: list[tuple[str, str, float]],
              addresses_6: Mapping[str, list[str]] | None = None) -> list[Node]:  # fmt: skip
    """Return the nodes; `catalogues` are by panel, `renamed` what host names did (name, to which node or "", when).

    `addresses_6` are the IPv6 addresses that boxes chose and routers have.
    """
    addresses_6 = addresses_6 or {}
    nodes: list[Node] = [{"id": "dns", "kind": "dns", "ips": ["192.0.2.53"], "software": "dnsmasq"}]
    nodes += [
        {"id": h.id, "kind": "home", "public_ip": h.public_ip, "ips": [h.lan.rsplit(".", 1)[0] + ".1"]} for h in s.home
    ]
    nodes += [_router(h, addresses_6.get(h.id, [])) for h in s.home]
    nodes += [_box(s, box, addresses_6.get(box.id, [])) for box in s.box]
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
        | ({"also": c.also} if c.also else {})
        for c in s.cdn
    ]
    nodes += [
        {
            "id": e.id,
            "kind": "edge",
            "names": _dated(e.names, renamed),
            "ips": addresses(e),
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
               "category": c.category, "programme": c.programme} | _offered(c) for c in s.channel]  # fmt: skip
    nodes += [
        {"id": t.id, "kind": "title", "name": t.name, "stream_id": t.stream_id, "container": t.container} | _offered(t)
        for t in s.title
    ]
    nodes += [
        {"id": h.id, "kind": "proxy-hub", "names": _dated(h.names, renamed), "ips": [h.ip], "software": "OpenSSH"}
        for h in s.hub
    ]
    nodes += [
        {"id": row.id, "kind": table, "names": _dated(row.names, renamed), "ips": addresses(row), "software": software}
        for table, software in (
            ("resolver", "unbound"),
            ("clock", "chronyd"),
            ("shortener", "nginx"),
            ("listing", "nginx"),
        )
        for row in s.rows(table)
    ]
    nodes += [{"id": w.id, "kind": "web-player", "names": _dated(w.names, renamed), "ips": [w.ip]} for w in s.site]
    return nodes


def _offered(row: Channel | Title) -> Node:
    return {} if row.panels is None else {"panels": row.panels}


def _box(s: Scenario, box: Box, addresses_6: list[str]) -> Node:
    panel = s.one("line", box.line).panel if box.line else ""
    return _without_blanks({
        "id": box.id, "kind": "box" if s.watches(box) else "bystander", "home": box.home,
        "ips": [ip for ip in (box.ip, *addresses_6) if ip], "public_ip": s.one("home", box.home).public_ip,
        "mac": box.mac, "hostname": box.hostname, "model": box.model, "serial": box.serial, "panel": panel,
        "habits": HABITS[box.app] if s.watches(box) else "", "apps": [box.app] if s.watches(box) else [],
        "user_agent": box.user_agent, "timezone": box.timezone, "seems": box.seems,
        "claims": sorted({mac.lower() for row in box.announces for mac in MAC.findall(" ".join(row.get("txt", ())))}),
    })  # fmt: skip


def _router(home: Home, addresses_6: list[str]) -> Node:
    inside = home.lan.rsplit(".", 1)[0] + ".1"
    return _without_blanks({
        "id": f"{home.id}-router", "kind": "router", "home": home.id, "ips": [inside, *addresses_6],
        "mac": router_mac(inside), "model": ROUTER["model"] if home.upnp else "",
    })  # fmt: skip


def _panel(s: Scenario, panel: Panel, catalogues: Mapping[str, Mapping[str, Any]],
           renamed: list[tuple[str, str, float]]) -> Node:  # fmt: skip
    return _without_blanks(
        {
            "id": panel.id,
            "kind": "panel",
            "names": _dated(panel.names, renamed),
            "ips": addresses(panel),
            "ports": [panel.port, panel.port + 1] if panel.on else [panel.port],
            "home": s.one("box", panel.on).home if panel.on else "",
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
