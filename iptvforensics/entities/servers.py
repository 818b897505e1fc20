"""Sessions, redirects and publishings to servers with their parts: panel, edge, head-end, redirector.

Rules, and what they show:

- `server-panel`: the host is a panel (strength as of the panel).
- `server-media` (conclusive): it sent the media of a session. Its part is edge; head-end if only servers fetch from it.
- `server-redirect-target` (strong): a panel sent clients there.
- `server-edge-paths` (strong): it was asked for paths that only edges serve.
- `server-takes-publishing` (conclusive): a stream was published to it: edge. Who published is a head-end
  (`server-publishes`, conclusive).
- `server-pulls` (conclusive): it fetches streams as servers do, with their headers or paths.
- `server-redirector` (conclusive): it sent clients elsewhere and is no panel.

Names are one server by `same-address` (strong: edges at one address and port, to which one panel sends clients).

**Known limitations**: an address of a delivery network serves many; the join asks for a common panel for that reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from ..sessions.addresses import host_of
from .clients import is_group
from .model import Atoms, Key, Place, Resolution, TableReader
from .requests import Requests

PARTS = ("panel", "head-end", "edge", "redirector")
"""Roles, the one that is told first."""


class Viewing(NamedTuple):
    """What rules need of a session."""

    capture_id: str
    session_id: str
    client_ip: str | None
    delivery: str | None
    stream: str | None
    channel: str | None
    title: str | None
    kind: str | None
    panel_host: str | None
    edge_host: str | None
    edge_ip: str | None
    edge_port: int | None
    hosts: list[str] | None
    start_ns: int | None
    end_ns: int | None
    bytes: int | None
    user_agent: str | None
    first_frame: int | None
    flow_ids: list[int] | None

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.capture_id, self.start_ns, self.first_frame, next(iter(self.flow_ids or ()), None))

    @property
    def publishes(self) -> bool:
        """True if the client sent the media."""
        return self.delivery == "rtmp-publish"


def read_viewings(reader: TableReader) -> list[Viewing]:
    """Return the sessions of a case."""
    if not reader.has("sessions"):
        return []
    names = ", ".join(Viewing._fields)
    rows = reader.select(f"SELECT {names} FROM sessions ORDER BY capture_id, start_ns, session_id")  # noqa: S608
    return [Viewing(*row) for row in rows]


def server_addresses(viewings: Iterable[Viewing], requests: Requests, panels: Atoms) -> set[str]:
    """Return the addresses that are servers, whatever else they do."""
    found = {v.edge_ip for v in viewings if v.edge_ip and not is_group(v.edge_ip)}
    found |= {v.client_ip for v in viewings if v.publishes and v.client_ip}
    found |= {ip for atom in panels for ip in atom.facts.get("ips", ())}
    found |= {r.server_ip for r in requests.redirects if r.server_ip}
    found |= {s.server_ip for s in requests.sightings if s.says.says == "edge" and s.server_ip}
    found |= {client for _, _, _, client, _, _ in requests.detects if client}
    found |= {s.client_ip for s in requests.sightings if s.says.says == "internal" and s.client_ip}
    return found


class Servers:
    """The servers of a case by host or address."""

    def __init__(self, panels: Resolution) -> None:
        self.atoms = Atoms()
        self._panels = panels

    def key(self, host: str | None, ip: str | None = None) -> Key | None:
        """Return the key of a host: that of its panel, if it is one."""
        panel = self._panels.of((host,)) if host else None
        if panel is not None:
            return ("panel", panel.id)
        name = host or ip
        return ("host", name) if name else None


def find_servers(viewings: Iterable[Viewing], requests: Requests, panels: Resolution, addresses: set[str]) -> Servers:
    """Return the servers of a case."""
    servers = Servers(panels)
    for panel in panels.entities:
        atom = servers.atoms["panel", panel.id]
        for part in panel.atoms:
            for rule, strength in part.rules.items():
                atom.rules["server-panel"] = min(strength, atom.rules.get("server-panel", "lead"), key=_rank)
                for (capture, _), cited in part.cited.items():
                    atom.cited.setdefault((capture, rule), []).extend(cited)
            atom.captures |= part.captures
            atom.span(part.first_ns, part.last_ns)
            for name in ("hosts", "ips", "ports"):
                for value, count in part.facts.get(name, {}).items():
                    atom.fact(name, value, count)
        atom.fact("roles", "panel")
        atom.fact("why", f"panel ({panel.rule})")
        atom.fact("panel", panel.id)
    for viewing in viewings:
        _add_viewing(servers, viewing, addresses)
    _add_redirects(servers, requests)
    _add_edge_paths(servers, requests)
    return servers


def _rank(strength: str) -> int:
    return ("conclusive", "strong", "supporting", "lead").index(strength)


def _add_viewing(servers: Servers, viewing: Viewing, addresses: set[str]) -> None:
    if is_group(viewing.edge_ip):
        return
    host = host_of(viewing.edge_host)
    key = servers.key(host, viewing.edge_ip)
    if key is None:
        return
    atom = servers.atoms[key]
    by_server = viewing.client_ip in addresses and not viewing.publishes
    rule = "server-takes-publishing" if viewing.publishes else "server-media"
    what = "a stream was published to it" if viewing.publishes else "it sent the media"
    atom.seen(rule, "conclusive", viewing.place, f"session {viewing.session_id}: {what}", last_ns=viewing.end_ns)
    atom.fact("hosts", host)
    atom.fact("ips", viewing.edge_ip)
    atom.fact("ports", viewing.edge_port)
    atom.fact("roles", "head-end" if by_server else "edge")
    atom.fact("bytes", "n", viewing.bytes or 0)
    if not viewing.publishes:
        atom.fact("sessions", "n")
    if viewing.publishes and viewing.client_ip:
        source = servers.atoms["host", viewing.client_ip]
        source.seen(
            "server-publishes",
            "conclusive",
            viewing.place,
            f"session {viewing.session_id}: it published",
            last_ns=viewing.end_ns,
        )
        source.fact("ips", viewing.client_ip)
        source.fact("roles", "head-end")
        source.fact("why", f"published a stream to {host or viewing.edge_ip}")


def _add_redirects(servers: Servers, requests: Requests) -> None:
    for redirect in requests.redirects:
        if redirect.source == redirect.target:
            continue
        source, target = servers.key(redirect.source), servers.key(redirect.target)
        if source is None or target is None or source == target:
            continue
        if source[0] != "panel":
            atom = servers.atoms[source]
            atom.seen(
                "server-redirector",
                "conclusive",
                redirect.place,
                f"sent a client to {redirect.target}",
                last_ns=redirect.last_ns,
                count=redirect.times,
            )
            atom.fact("roles", "redirector")
            atom.fact("hosts", redirect.source)
            atom.fact("ips", redirect.server_ip)
            atom.fact("ports", redirect.source_port)
            atom.fact("why", f"sent clients to {redirect.target}")
        elif target[0] != "panel":
            atom = servers.atoms[target]
            atom.seen(
                "server-redirect-target",
                "strong",
                redirect.place,
                f"{redirect.source} sent a client there",
                last_ns=redirect.last_ns,
                count=redirect.times,
            )
            atom.fact("roles", "edge")
            atom.fact("hosts", redirect.target)
            atom.fact("ports", redirect.target_port)
            atom.fact("why", f"panel {redirect.source} sent clients there")
            atom.fact("panel", source[1])


def _add_edge_paths(servers: Servers, requests: Requests) -> None:
    for sighting in requests.sightings:
        key = servers.key(sighting.host, sighting.server_ip)
        if sighting.says.says != "edge" or sighting.where != "request" or key is None or key[0] == "panel":
            continue
        atom = servers.atoms[key]
        atom.seen(
            "server-edge-paths",
            "strong",
            sighting.place,
            f"asked for {sighting.text}",
            last_ns=sighting.last_ns,
            count=sighting.times,
        )
        atom.fact("roles", "edge")
        atom.fact("hosts", sighting.host)
        atom.fact("ips", sighting.server_ip)
        atom.fact("ports", sighting.port)
        atom.fact("why", f"serves /{sighting.says.form}/ with a token")


def join_servers(servers: Servers, undone: dict[str, str]) -> Resolution:
    """Return how names are one server (not resolved yet)."""
    joins = Resolution("server", "v-", undone)
    at: dict[tuple[str, int], list[Key]] = defaultdict(list)
    for atom in servers.atoms:
        if atom.key[0] == "host":
            for ip in atom.facts.get("ips", ()):
                for port in atom.facts.get("ports", ()):
                    at[ip, port].append(atom.key)
    for (ip, port), keys in sorted(at.items()):
        for other in keys[1:]:
            one, two = servers.atoms[keys[0]], servers.atoms[other]
            named_by_address = ip in (keys[0][1], other[1])
            shared = set(one.facts.get("panel", ())) & set(two.facts.get("panel", ()))
            if shared or named_by_address:
                why = f"both answer at {ip} port {port}" + (", and one panel sends clients to both" if shared else "")
                joins.join(keys[0], other, "same-address", "strong", why)
    return joins
