"""What was seen between entities to links.

- `uses-line` device → line: the device sent the credentials. Conclusive where the device has its own link-layer
  address in the capture, strong where an address may hide several devices.
- `logs-in` device → panel: it asked for what only panels serve.
- `redirects-to` panel or server → server: an answer sent the client there (conclusive), or gave it a link (`pointed`).
- `names` panel → server (supporting): its list names media there (`pointed`).
- `streams-from` device → server: it received media (conclusive, as is its address; strong if that may be shared).
- `pulls-from` server → server: one fetched media as a client of the other (`server-probe`, supporting: it was told to
  examine a stream there); `pushes-to`: it published there.
- `carries` server → channel or title: it sent media of it (conclusive), to viewers or to other servers.
- `fed-by` channel → server: who published the stream (conclusive for the address, not for who stands behind it).
- `passes-on` device → line: what came by the line's session seems to have gone on to somebody else (supporting).
- `same-catalogue` panel → panel (strong): equal numbers and names of channels: one database, or a copy.
- `same-tokens` panel → panel or server (strong): their tokens begin with one encrypted block (module `tokens`).
- `same-as` line → line (supporting): equal credentials at two panels; databases are copied and sold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .catalogue import Names, Number
from .credentials import is_common
from .lines import line_of
from .listed import Listed
from .model import STRENGTHS, Entity, Key, Place, Resolution, digest, evidence_row
from .requests import Requests, Sighting
from .viewing import Context, Watched

Passed = Mapping[tuple[str | None, str | None], str]
"""Devices and lines (their identifiers) of which the media seem to have gone on to somebody else, with the reason."""

_CITED = 5
_ASKS = {"request", "form", "referer", "rtmp"}


@dataclass(slots=True)
class _Link:
    count: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    rules: dict[str, str] = field(default_factory=dict)
    whys: set[str] = field(default_factory=set)
    captures: set[str] = field(default_factory=set)
    places: list[tuple[Place, str]] = field(default_factory=list)


class Links:
    """Collects links."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, str, str], _Link] = defaultdict(_Link)

    def add(
        self,
        source: str | None,
        target: str | None,
        kind: str,
        rule: str,
        strength: str,
        place: Place,
        why: str,
        last_ns: int | None = None,
        count: int = 1,
    ) -> None:
        """Note an observation."""
        if source is None or target is None or source == target:
            return
        link = self._links[source, target, kind]
        link.count += count
        for ns in (place.ts_ns, last_ns):
            if ns is not None:
                link.first_ns = ns if link.first_ns is None else min(link.first_ns, ns)
                link.last_ns = ns if link.last_ns is None else max(link.last_ns, ns)
        link.rules[rule] = min(strength, link.rules.get(rule, strength), key=STRENGTHS.index)
        link.whys.add(why)
        link.captures.add(place.capture_id)
        if place.frame_no is not None:
            link.places.append((place, why))

    def rows(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Return the rows of `links`, and those of `evidence` for them."""
        rows, evidence = [], []
        for (source, target, kind), link in sorted(self._links.items()):
            link_id = digest("k-", source, target, kind)
            strength = min(link.rules.values(), key=STRENGTHS.index)
            whys = sorted(link.whys)
            why = "; ".join(whys[:3]) + (f"; and {len(whys) - 3} more" if len(whys) > 3 else "")
            rows.append(
                (
                    link_id,
                    source,
                    target,
                    kind,
                    strength,
                    link.count,
                    link.first_ns,
                    link.last_ns,
                    "; ".join(sorted(link.rules)),
                    why,
                    None,
                    None,
                    sorted(link.captures),
                )
            )
            places = sorted(set(link.places), key=lambda item: (item[0].capture_id, item[0].frame_no or 0, item[1]))
            by_capture: dict[str, int] = defaultdict(int)
            for place, shows in places:
                by_capture[place.capture_id] += 1
                if by_capture[place.capture_id] <= _CITED:
                    evidence.append(evidence_row(link_id, place, shows))
        return rows, evidence


class Resolved:
    """The entities of a case, as links need them."""

    def __init__(self, devices: Resolution, lines: Resolution, panels: Resolution, servers: Resolution) -> None:
        self.devices = devices
        self.lines = lines
        self.panels = panels
        self.servers = servers
        self.server_at: dict[str, str | None] = {}
        for entity in servers.entities:
            for ip in entity.all("ips"):
                self.server_at[ip] = None if ip in self.server_at else entity.id

    def id(self, resolution: Resolution, key: Key | None) -> str | None:
        """Return the entity that holds an atom."""
        entity = resolution.of(key) if key is not None else None
        return entity.id if entity is not None else None


class Things(NamedTuple):
    """What sessions are of."""

    names: dict[Number, Names]
    """What numbers of panels are called."""
    feeds: Mapping[tuple[str, str], str]
    """Channels that no panel numbers, by capture and session."""
    listed: Mapping[tuple[str, str], Listed]
    """What lists call the URLs of sessions."""


def find_links(
    requests: Requests,
    watched: Iterable[Watched],
    context: Context,
    resolved: Resolved,
    things: Things,
    passed: Passed,
) -> Links:
    """Return the links of a case."""
    links = Links()
    for sighting in requests.sightings:
        _add_sighting(links, sighting, context, resolved, passed)
    for mark in requests.marks:
        if mark.mac and mark.host:
            device = context.devices.pick(mark.place.capture_id, mark.client_ip, [f"mac {mark.mac}"])
            line = resolved.id(resolved.lines, (mark.host, "mac", mark.mac))
            strength = _held(device)
            why = "the client gave the line's address to the portal"
            links.add(
                resolved.id(resolved.devices, device),
                line,
                "uses-line",
                "line-portal-mac",
                strength,
                mark.place,
                why,
                mark.last_ns,
            )
    for redirect in requests.redirects:
        source, target = (_place(host, context, resolved) for host in (redirect.source, redirect.target))
        panel = resolved.panels.of((redirect.source,))
        links.add(
            panel.id if panel else source,
            target,
            "redirects-to",
            "redirect",
            "conclusive",
            redirect.place,
            f"{redirect.source} sent a client to {redirect.target}",
            redirect.last_ns,
            redirect.times,
        )
    for viewing in watched:
        _add_viewing(links, viewing, context, resolved, things)
        _add_line(links, viewing, context, resolved, passed)
    _add_pulls(links, requests, context, resolved)
    _add_examined(links, requests, context, resolved)
    _add_equal_lines(links, resolved.lines)
    return links


def _held(device: Key | None) -> str:
    """Return how surely what comes from an address comes from the device."""
    return "conclusive" if device is not None and device[1] == "mac" else "strong"


def _place(host: str | None, context: Context, resolved: Resolved) -> str | None:
    return resolved.id(resolved.servers, context.servers.key(host))


def _add_sighting(links: Links, sighting: Sighting, context: Context, resolved: Resolved, passed: Passed) -> None:
    if sighting.where not in _ASKS:
        return
    says, place = sighting.says, sighting.place
    host = context.routes.panel(sighting)
    marks = [f"line {says.username}"] if says.username else [f"agent {sighting.user_agent}"]
    device = context.devices.pick(place.capture_id, sighting.client_ip, marks, [place.flow_id])
    key = line_of(host, says)
    ends = resolved.id(resolved.devices, device), resolved.id(resolved.lines, key)
    kind, strength, why = _use(ends, _held(device), passed, "the client sent the credentials of the line")
    links.add(
        *ends,
        kind,
        f"line-in-{sighting.where}",
        strength,
        place,
        why,
        sighting.last_ns,
        sighting.times,
    )
    if says.form in ("api", "portal") and host and sighting.is_asked:
        panel = resolved.id(resolved.panels, (host,))
        links.add(
            resolved.id(resolved.devices, device),
            panel,
            "logs-in",
            "panel-request",
            _held(device),
            place,
            f"the client asked {host} for what panels serve",
            sighting.last_ns,
            sighting.times,
        )


def _use(ends: tuple[str | None, str | None], held: str, passed: Passed, shows: str) -> tuple[str, str, str]:
    """Return kind, strength and reason of a link from a device to a line."""
    why = passed.get(ends)
    weaker = max(held, "supporting", key=STRENGTHS.index)
    return ("passes-on", weaker, f"{shows}; {why}") if why else ("uses-line", held, shows)


def _add_line(links: Links, watched: Watched, context: Context, resolved: Resolved, passed: Passed) -> None:
    viewing = watched.viewing.turned(context.addresses)
    ends = resolved.id(resolved.devices, watched.device), resolved.id(resolved.lines, watched.line)
    if ends[0] is None or viewing.publishes:
        return
    held = max(_held(watched.device), watched.line_strength, key=STRENGTHS.index)
    held = held if viewing.bytes else max(held, "supporting", key=STRENGTHS.index)
    shows = f"media of session {viewing.session_id}; {watched.line_why}"
    kind, strength, why = _use(ends, held, passed, shows)
    links.add(*ends, kind, "session-line", strength, viewing.place, why, viewing.end_ns)


def _add_viewing(links: Links, watched: Watched, context: Context, resolved: Resolved, things: Things) -> None:
    viewing = watched.viewing.turned(context.addresses)
    server = resolved.id(resolved.servers, watched.server)
    device = resolved.id(resolved.devices, watched.device)
    why = f"media of session {viewing.session_id}"
    strength = _held(watched.device) if viewing.bytes else "supporting"
    feed = things.feeds.get((viewing.capture_id, viewing.session_id))
    if viewing.publishes:
        client, target = (resolved.server_at.get(ip or "") for ip in (viewing.client, viewing.server))
        for source, end, kind in ((client, target, "pushes-to"), (client, feed, "carries"), (feed, client, "fed-by")):
            links.add(source, end, kind, "session-publish", "conclusive", viewing.place, why, viewing.end_ns)
        return
    if device is not None:
        links.add(device, server, "streams-from", "session", strength, viewing.place, why, viewing.end_ns)
    elif viewing.client in context.addresses:
        client = resolved.server_at.get(viewing.client or "")
        links.add(client, server, "pulls-from", "session-of-server", "conclusive", viewing.place, why, viewing.end_ns)
    named = things.names.get((watched.panel_id or "", watched.media or "", watched.stream_id or ""))
    thing = named.entity_id if named is not None else feed
    links.add(server, thing, "carries", "session", "conclusive", viewing.place, why, viewing.end_ns)


def _add_pulls(links: Links, requests: Requests, context: Context, resolved: Resolved) -> None:
    """Add what servers ask each other for: by their headers, and by the paths between servers."""
    for header, _, place, client, server_ip, host in requests.detects:
        target = _place(host, context, resolved) or resolved.server_at.get(server_ip or "")
        name = header.split(":", 1)[0]
        links.add(
            resolved.server_at.get(client or ""),
            target,
            "pulls-from",
            "server-header",
            "conclusive",
            place,
            f"the request carries {name}, which panels send to each other",
        )
    for sighting in requests.sightings:
        if sighting.says.says == "internal" and sighting.where == "request" and sighting.says.action == "live":
            target = _place(sighting.host, context, resolved) or resolved.server_at.get(sighting.server_ip or "")
            client = context.sites.name(sighting.place.capture_id, sighting.client_ip)
            links.add(
                resolved.server_at.get(client or ""),
                target,
                "pulls-from",
                "server-path",
                "conclusive",
                sighting.place,
                "asked for a stream as servers of one panel do",
                sighting.last_ns,
                sighting.times,
            )


def _add_examined(links: Links, requests: Requests, context: Context, resolved: Resolved) -> None:
    """Add which servers were told to examine streams of which others."""
    for sighting in requests.sightings:
        if sighting.where == "probe":
            links.add(
                _place(sighting.from_host, context, resolved) or resolved.server_at.get(sighting.from_host or ""),
                _place(sighting.host, context, resolved),
                "pulls-from",
                "server-probe",
                "supporting",
                sighting.place,
                "was told to examine a stream there, as servers of panels are before they take it over",
                sighting.last_ns,
                sighting.times,
            )


def _add_equal_lines(links: Links, lines: Resolution) -> None:
    by_names: dict[Key, list[Entity]] = defaultdict(list)
    for entity in lines.entities:
        for names in sorted({atom.key[1:] for atom in entity.atoms}):
            is_common_one = names[0] == "user" and is_common(*names[1:3])
            if names[0] != "customer" and not is_common_one:  # a number that each reseller gives anew
                by_names[names].append(entity)
    for names, entities in sorted(by_names.items()):
        for other in entities[1:]:
            place = _cited(entities[0])
            links.add(
                entities[0].id,
                other.id,
                "same-as",
                "equal-credentials",
                "supporting",
                place,
                f"equal {names[0]} at two panels; databases are copied and sold",
                other.last_ns,
            )


def _cited(entity: Entity) -> Place:
    """Return the first place that is cited for an entity."""
    places = [place for atom in entity.atoms for cited in atom.cited.values() for place, _ in cited]
    if places:
        return min(places, key=lambda place: (place.capture_id, place.frame_no or 0))
    return Place(entity.captures[0] if entity.captures else "", entity.first_ns, None)


def add_equal_catalogues(links: Links, pairs: Iterable[tuple[str, str, str]], panels: Resolution) -> None:
    """Add which panels offer one catalogue."""
    for one, other, why in pairs:
        first, second = panels.of((one,)), panels.of((other,))
        if first is not None and second is not None and first.captures and second.captures:
            last = second.last_ns
            links.add(first.id, second.id, "same-catalogue", "equal-catalogue", "strong", _cited(first), why, last)
