"""Sessions, redirects and publishings to servers with their parts: panel, edge, head-end, origin, redirector.

A server that sends media to viewers is an edge; one that only servers fetch from, or that publishes to an edge, is a
head-end; one that feeds a head-end in that way is an origin.

Rules, and what they show:

- `server-panel`: the host is a panel (strength as of the panel).
- `server-media` (conclusive): it sent the media of a session.
- `server-redirect-target` (strong): a panel sent clients there: edge, or (`playlist`) if the media of these sessions
  came from elsewhere.
- `server-edge-paths` (strong): it was asked for paths that only edges serve.
- `server-examined` (supporting): another server was told to examine a stream there: an origin, if it was taken over.
- `server-tuner` (supporting): its media were asked for by the reference of a broadcast service, as receivers with a
  tuner (Enigma2) or relays before them are. The numbers may be invented.
- `server-takes-publishing`, `server-publishes` (conclusive): a stream was published to it, or by it.
- `server-pulls` (conclusive): it fetches streams as servers do, with their headers or paths.
- `token-block` (strong): its tokens begin with a block of a panel's: an edge of that panel (module `tokens`).
- `server-portal-link`, `server-listed`: a panel's answers name it (module `pointed`).
- `server-redirector` (conclusive): it sent clients elsewhere and is no panel.

**Known limitations**: what a server says of its software is taken as said; names at one address are joined elsewhere
(`server_joins`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ..sessions.addresses import host_of
from .agents import RELAYS
from .clients import Client
from .model import STRENGTHS, Atom, Atoms, Key, Place, Resolution, TableReader
from .neighbours import is_group
from .requests import Requests
from .sites import Sites, plain

_SERVICE = re.compile(
    r"/\d{1,5}:\d{1,5}:[0-9A-F]{1,4}:([0-9A-F]{1,4}):([0-9A-F]{1,4}):([0-9A-F]{1,4}):[0-9A-F]{1,8}:", re.IGNORECASE
)
"""A service reference: type, flags, service type, SID, TSID, ONID, namespace, all but the first two in hexadecimal."""

STEPS = ("edge", "head-end", "origin")
"""Parts of servers with media: those that viewers get them from, what these fetch from, what those are fed by."""


class Viewing(NamedTuple):
    """What rules need of a session."""

    capture_id: str
    session_id: str
    client_ip: str | None
    delivery: str | None
    published: bool | None
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
    basis: str | None = None
    client_site: str | None = None
    """What the client goes by as a server, where that is not its address (module `sites`)."""
    server_site: str | None = None

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.capture_id, self.start_ns, self.first_frame, next(iter(self.flow_ids or ()), None))

    @property
    def client(self) -> str | None:
        """What the client goes by, if it is a server."""
        return self.client_site or self.client_ip

    @property
    def server(self) -> str | None:
        """What the address of the server goes by."""
        return self.server_site or self.edge_ip

    @property
    def publishes(self) -> bool:
        """True if the client sent the media."""
        return bool(self.published)

    def turned(self, addresses: set[str]) -> Viewing:
        """Return a stream that a server received without asking as one that its sender published."""
        if self.delivery not in ("udp-ts", "rtp-ts") or self.client not in addresses or not self.edge_ip:
            return self
        turned = self._replace(client_ip=self.edge_ip, edge_ip=self.client_ip, edge_host=None)
        return turned._replace(published=True, client_site=self.server_site, server_site=self.client_site)


def read_viewings(reader: TableReader) -> tuple[list[Viewing], list[Viewing]]:
    """Return the sessions of a case, and apart from them the inferred ones: nothing is built on these."""
    if not reader.has("sessions"):
        return [], []
    names = ", ".join(Viewing._fields[:-2])
    rows = reader.select(f"SELECT {names} FROM sessions ORDER BY capture_id, start_ns, session_id")  # noqa: S608
    found = [Viewing(*row) for row in rows]
    return [v for v in found if v.basis != "shape"], [v for v in found if v.basis == "shape"]


def server_addresses(
    viewings: Iterable[Viewing],
    requests: Requests,
    panels: Atoms,
    clients: Iterable[Client],
    receivers: set[tuple[str, str]],
    sites: Sites,
) -> set[str]:
    """Return the addresses that are servers, whatever else they do, as `sites` names them.

    Receivers that give media are no such ones.
    """
    sent = {(v.capture_id, v.server) for v in viewings if v.server and v.delivery != "udp-ts"}
    found = {ip for _, ip in sent - receivers if not is_group(plain(ip))}
    found |= {v.client for v in viewings if v.publishes and v.client}
    found |= {ip for atom in panels for ip in atom.facts.get("ips", ())}
    found |= {r.server_ip for r in requests.redirects if r.server_ip}
    found |= {s.server_ip for s in requests.sightings if s.says.says == "edge" and s.server_ip}
    found |= {client for _, _, _, client, _, _ in requests.detects if client}
    asking = [(c.capture_id, c.ip) for c in clients if any(text in RELAYS for text, _, _ in c.agents)]
    inside = [s for s in requests.sightings if s.says.says == "internal" and s.client_ip]
    asking += [(s.place.capture_id, s.client_ip or "") for s in inside]
    return found | {sites.name(capture, ip) for capture, ip in asking}


class Servers:
    """The servers of a case by host or address."""

    def __init__(self, panels: Resolution) -> None:
        self.atoms = Atoms()
        self.passed: set[Key] = set()
        """Servers on the way of a session whose media came from another one."""
        self.pulls: set[tuple[Key, Key]] = set()
        """Who fetched from whom, and who published to whom."""
        self.pushes: set[tuple[Key, Key]] = set()
        self.viewed: set[Key] = set()
        """Servers that sent media to clients that are no servers."""
        self._panels = panels

    def key(self, host: str | None, ip: str | None = None) -> Key | None:
        """Return the key of a host: that of its panel, if it is one."""
        panel = self._panels.of((host,)) if host else None
        if panel is not None:
            return ("panel", panel.id, host or "")
        name = host or ip
        return ("host", name) if name else None


def find_servers(viewings: Iterable[Viewing], requests: Requests, panels: Resolution, addresses: set[str]) -> Servers:
    """Return the servers of a case."""
    servers = Servers(panels)
    for panel in panels.entities:
        for part in panel.atoms:
            _add_panel(servers.atoms["panel", panel.id, part.key[0]], panel.id, part)
    for viewing in viewings:
        _add_viewing(servers, viewing, addresses)
    _add_redirects(servers, requests)
    _add_edge_paths(servers, requests)
    _add_examined(servers, requests)
    for atom in servers.atoms:
        if "target" in atom.facts.get("roles", ()):
            atom.facts["roles"].pop("target")
            atom.fact("roles", "playlist" if atom.key in servers.passed and not atom.facts["roles"] else "media")
    return servers


def _add_panel(atom: Atom, panel_id: str, part: Atom) -> None:
    """Add one name of a panel, with its evidence."""
    strength = min(part.rules.values(), key=STRENGTHS.index, default="lead")
    atom.rules["server-panel"] = strength
    for (capture, _), cited in part.cited.items():
        atom.cited.setdefault((capture, "server-panel"), []).extend(cited)
    atom.captures |= part.captures
    atom.span(part.first_ns, part.last_ns)
    for name in ("ips", "ports"):
        for value, count in part.facts.get(name, {}).items():
            atom.fact(name, value, count)
    atom.fact("hosts", part.key[0], max(part.count, 1))
    atom.fact("roles", "panel")
    atom.fact("why", f"panel ({'; '.join(sorted(part.rules))})")
    atom.fact("panel", panel_id)


def _add_viewing(servers: Servers, viewing: Viewing, addresses: set[str]) -> None:
    if is_group(viewing.edge_ip):
        return
    viewing = viewing.turned(addresses)
    host = host_of(viewing.edge_host)
    key = servers.key(host, viewing.server)
    if key is None:
        return
    atom = servers.atoms[key]
    by_server = viewing.client in addresses and not viewing.publishes
    if by_server and viewing.client:
        puller = servers.atoms["host", viewing.client]
        puller.seen(
            "server-pulls",
            "conclusive",
            viewing.place,
            f"session {viewing.session_id}: it fetched a stream",
            last_ns=viewing.end_ns,
        )
        puller.fact("ips", viewing.client)
        puller.fact("roles", "media")
        servers.pulls.add((puller.key, key))
    rule = "server-takes-publishing" if viewing.publishes else "server-media"
    what = "a stream was published to it" if viewing.publishes else "it sent the media"
    atom.seen(rule, "conclusive", viewing.place, f"session {viewing.session_id}: {what}", last_ns=viewing.end_ns)
    _add_tuner(atom, viewing)
    atom.fact("hosts", host)
    atom.fact("ips", viewing.server)
    atom.fact("ports", viewing.edge_port)
    atom.fact("roles", "media")
    if not by_server and not viewing.publishes:
        servers.viewed.add(key)
    for other in viewing.hosts or ():
        passed = servers.key(host_of(other))
        if passed is not None and passed != key:
            servers.passed.add(passed)
    atom.fact("bytes", "n", viewing.bytes or 0)
    if not viewing.publishes:
        atom.fact("sessions", "n")
    if viewing.publishes and viewing.client:
        source = servers.atoms["host", viewing.client]
        source.seen(
            "server-publishes",
            "conclusive",
            viewing.place,
            f"session {viewing.session_id}: it published",
            last_ns=viewing.end_ns,
        )
        source.fact("ips", viewing.client)
        source.fact("roles", "media")
        servers.pushes.add((source.key, key))
        source.fact("why", f"published a stream to {host or viewing.edge_ip}")


def _add_tuner(atom: Atom, viewing: Viewing) -> None:
    """Note that media were asked for as those of a tuner."""
    found = _SERVICE.search(viewing.stream or "")
    if found is None or viewing.publishes:
        return
    service, stream, network = (int(part, 16) for part in found.groups())
    shows = f"asked for service {service} of transport stream {stream}, network {network}, by its reference"
    atom.seen("server-tuner", "supporting", viewing.place, f"session {viewing.session_id}: {shows}", count=0)
    atom.fact("why", f"was {shows}, as receivers with a tuner are")


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
            atom.fact("roles", "target")
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
        atom.fact("roles", "media")
        atom.fact("hosts", sighting.host)
        atom.fact("ips", sighting.server_ip)
        atom.fact("ports", sighting.port)
        atom.fact("why", f"serves /{sighting.says.form}/ with a token")


def _add_examined(servers: Servers, requests: Requests) -> None:
    """Add the servers whose streams others were told to examine, as they are before they are taken over."""
    for sighting in requests.sightings:
        key = servers.key(sighting.host)
        if sighting.where != "probe" or key is None:
            continue
        atom = servers.atoms[key]
        shows = f"{sighting.from_host} was told to examine {sighting.text}"
        atom.seen(
            "server-examined", "supporting", sighting.place, shows, last_ns=sighting.last_ns, count=sighting.times
        )
        atom.fact("roles", "origin")
        atom.fact("hosts", sighting.host)
        atom.fact("ports", sighting.port)
        atom.fact("why", f"{sighting.from_host} was told to examine a stream there")


def add_addresses(servers: Servers, reader: TableReader, sites: Sites) -> None:
    """Add the addresses at which servers were asked that sent no media themselves."""
    without = {atom.key[1]: atom for atom in servers.atoms if atom.key[0] == "host" and not atom.facts.get("ips")}
    if not without or not reader.has("http"):
        return
    rows = reader.select(
        f"SELECT DISTINCT {sites.sql_capture}, lower(host), server_ip FROM http "  # noqa: S608 (parts of this program)
        "WHERE method IS NOT NULL AND host IS NOT NULL AND server_ip IS NOT NULL ORDER BY ALL"
    )
    for capture, host, ip in rows:
        atom = without.get(sites.name(capture, host_of(host)) or "")
        if atom is not None:
            atom.fact("ips", sites.name(capture, ip))


def steps(servers: Servers, joined: Resolution) -> dict[str, str]:
    """Return the part of each server with media, by how far it is from viewers."""

    def ids(pairs: Iterable[tuple[Key, Key]]) -> set[tuple[str, str]]:
        found = ((joined.of(one), joined.of(other)) for one, other in pairs)
        return {
            (one.id, other.id) for one, other in found if one is not None and other is not None and one is not other
        }

    viewed = {entity.id for key in servers.viewed if (entity := joined.of(key)) is not None}
    feeds = ids(servers.pulls) | {(target, source) for source, target in ids(servers.pushes)}
    distance = dict.fromkeys(viewed, 0)
    fed = {source for _, source in feeds}
    distance |= {taker: 0 for taker, _ in feeds if taker not in fed and taker not in viewed}
    for _ in STEPS:
        for taker, source in sorted(feeds):
            if taker in distance and source not in viewed:
                distance[source] = max(distance.get(source, 0), distance[taker] + 1)
    return {name: STEPS[min(far, len(STEPS) - 1)] for name, far in distance.items()}
