"""Sessions to the entities that took part: device, line, panel, channel or title.

What a session asked for first says most: a media path names line and number. Where the client was sent on, or was
given a link by a portal, that answer says so, if this client got it (`given`); what other clients were given or did at
an edge is a lead, in words only. A session whose address is shared by several devices gets
one only if its line, its claimed address or its user agent tells which.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ..sessions.addresses import host_of
from .archive import Archive, asked_archive
from .devices import Devices
from .given import Gift, Given
from .lines import line_of
from .model import Atoms, Entity, Key, Resolution
from .panels import Routes
from .replies import GivenLink, Replies
from .requests import Requests
from .servers import Servers, Viewing
from .sites import Sites
from .urls import PanelUrl, is_edge_target, read_url

_TITLES = {"movie": "movie", "series": "episode"}
_NO_LINE = "nothing in the requests of the session names a line"
_ONLY_LINE = "the only line that the device was seen to use at this panel"


@dataclass(slots=True)
class Watched:
    """A session, and what it was resolved to."""

    viewing: Viewing
    device: Key | None = None
    device_why: str = ""
    line: Key | None = None
    line_why: str = ""
    line_strength: str = "lead"
    """How well the reason founds that the media came under the line."""
    panel_id: str | None = None
    panel_why: str = ""
    server: Key | None = None
    stream_id: str | None = None
    media: str | None = None
    """live, movie, episode; of what the number is one."""
    sent_from: tuple[str, ...] = ()
    """URLs from which the client was sent on to the session's first one."""
    link: GivenLink | None = None
    """The link of a portal by which the client came."""
    archive: Archive | None = None
    """What was asked for of the past of a channel (catch-up)."""
    substitute_why: str | None = None
    """What hints at something else having been sent than the channel that was asked for."""

    @property
    def is_numbered(self) -> bool:
        """True if a panel's number names what was watched."""
        return bool(self.panel_id and self.stream_id and self.media) and not self.viewing.publishes


class Context:
    """What is known of a case before its sessions are looked at."""

    def __init__(
        self,
        requests: Requests,
        routes: Routes,
        replies: Replies,
        devices: Devices,
        joined: Resolution,
        lines: Atoms,
        panels: Resolution,
        servers: Servers,
        addresses: set[str],
        sites: Sites,
    ) -> None:
        self.devices = devices
        self.lines = lines
        self.panels = panels
        self.servers = servers
        self.addresses = addresses
        self.sites = sites
        self.routes = routes
        self.given = Given(requests.redirects, replies.links, devices, joined)
        self.used: dict[tuple[str, str], set[Key]] = {}
        for atom in lines:
            for client in atom.facts.get("clients", ()):
                self.used.setdefault(client, set()).add(atom.key)


class _Said(NamedTuple):
    """What a session's URL, and the way to it, say."""

    line: Key | None
    line_why: str
    line_strength: str
    panel: Entity | None
    panel_why: str
    stream_id: str | None
    media: str | None
    archive: Archive | None


def watched(viewings: Iterable[Viewing], context: Context) -> list[Watched]:
    """Return every session with what it was resolved to."""
    return [_resolve(viewing, context) for viewing in viewings]


def devices_of(viewings: Iterable[Viewing], context: Context) -> list[Watched]:
    """Return inferred sessions with nothing but the device that has the address."""
    found = [Watched(viewing, line_why="the session is encrypted") for viewing in viewings]
    for one in found:
        _device(one, context)
    return found


def _resolve(viewing: Viewing, context: Context) -> Watched:
    found = Watched(viewing, server=context.servers.key(host_of(viewing.edge_host), viewing.server))
    gifts = context.given.gifts(viewing)
    found.sent_from, found.link = gifts[0].urls, gifts[0].link
    said = _agreed([_read(viewing, gift, context) for gift in gifts])
    found.line, found.line_why, found.line_strength = said.line, said.line_why, said.line_strength
    found.panel_id, found.panel_why = said.panel.id if said.panel is not None else None, said.panel_why
    found.stream_id, found.media, found.archive = said.stream_id, said.media, said.archive
    if not found.line_why and found.panel_id is not None and not viewing.publishes:
        give_only_line(found, gifts[0], context)
    lead = None if found.line and found.panel_id else context.given.others(viewing)
    if found.line is None and not found.line_why:
        found.line_why = f"{_NO_LINE}; {lead}: a lead" if lead else _NO_LINE
    if found.panel_id is None and not found.panel_why:
        found.panel_why = _panel_lead(viewing, lead, context)
    _device(found, context)
    return found


def _agreed(said: list[_Said]) -> _Said:
    """Return what all ways agree in that the client may have gone."""
    first = said[0]
    if any(one.line != first.line for one in said):
        why = "the client was given this URL for several lines, and nothing tells which one counts"
        first = first._replace(line=None, line_why=why, line_strength="lead")
    if any(one.panel is not first.panel for one in said):
        why = "several panels gave the client this URL, and nothing tells which one counts"
        first = first._replace(panel=None, panel_why=why)
    if any((one.stream_id, one.media) != (first.stream_id, first.media) for one in said):
        first = first._replace(stream_id=None)
    return first


def _read(viewing: Viewing, gift: Gift, context: Context) -> _Said:
    """Return what a session's URL says, and the answers that led the client there."""
    url, says, line, line_why, strength = _asked(viewing, gift, context)
    stream_id = says.stream_id if says is not None else None
    media = _TITLES.get(says.kind, "live") if says is not None and says.kind else None
    link = gift.link
    if link is not None:
        stream_id, media = link.entry_id or stream_id, link.media or media
        given = (link.host or "", "mac", link.mac or "")
        if line is None and given in context.lines:
            line, line_why, strength = given, "the portal gave this link to that address", "strong"
    if line is not None and not gift.is_told:
        line_why = f"{line_why}; that this is the same client, only its address {viewing.client_ip} shows"
        strength = strength if is_edge_target(viewing.stream or "") else "supporting"
    panel, panel_why = _panel(viewing, gift, line, context)
    archive = asked_archive(url, says, link)
    return _Said(line, line_why, strength, panel, panel_why, stream_id, media, archive)


def _asked(viewing: Viewing, gift: Gift, context: Context) -> tuple[str, PanelUrl | None, Key | None, str, str]:
    """Return the URL on the session's way that says most, what it says, and the line with reason and strength."""
    stream = viewing.stream or ""
    first: tuple[str, PanelUrl] | None = None
    sent = [(redirect.url, redirect.source) for redirect in reversed(gift.way)]
    for url, host in [*sent, (stream, _host(viewing, context))]:
        is_panel = bool(host and context.panels.of((host,)))
        says = read_url(url, bare=is_panel or (host in context.routes.origins))
        if says is None or says.says == "internal":
            continue
        first = first or (url, says)
        line = _line(host, says, viewing, context)
        if line is not None:
            what = "identifier of a customer" if says.customer else "user name and password"
            if url != stream:
                return url, says, line, f"{what} in the URL that sent the client on", "strong"
            return url, says, line, f"{what} in the URL that was asked for", _own(host, line)
    url, asked = first or (gift.urls[-1] if gift.urls else stream, None)
    return url, asked, None, "", "lead"


def _own(host: str | None, line: Key) -> str:
    """Return how well a URL names a line: conclusive at its panel, strong at an edge that asks for it as well."""
    return "conclusive" if line[0] == host else "strong"


def _host(viewing: Viewing, context: Context) -> str | None:
    """Return the host that was asked for the session."""
    if "://" in (viewing.stream or ""):
        return context.sites.name(viewing.capture_id, host_of(viewing.stream))
    return viewing.panel_host or viewing.edge_host or viewing.server


def _line(host: str | None, says: PanelUrl, viewing: Viewing, context: Context) -> Key | None:
    """Return the line that a URL names, if it is known."""
    if host is None or not says.names_line:
        return None
    routes = context.routes
    places = (host, routes.line_host(host, says, viewing.capture_id, viewing.client_ip), routes.start(host))
    keys = (line_of(place, says) for place in places)
    return next((key for key in keys if key is not None and key in context.lines), None)


def _panel(viewing: Viewing, gift: Gift, line: Key | None, context: Context) -> tuple[Entity | None, str]:
    """Return the panel by which the client came to the session, and how that is known."""
    sent = "it sent the client on"
    hosts = [(line[0], "it is the panel of the line")] if line is not None else []
    if gift.link is not None and gift.link.host:
        hosts.append((gift.link.host, "it gave the client the link"))
    hosts += [(redirect.source, sent) for redirect in reversed(gift.way)]
    hosts += [(host, sent) for host in (host_of(viewing.panel_host),) if host]
    hosts += [(host, "it was asked for the media") for host in (host_of(_host(viewing, context)),) if host]
    owner = context.routes.by_own_token(viewing.stream or "")
    hosts += [(owner, "the token in the URL begins as its tokens do")] if owner is not None else []
    for host, why in hosts:
        if (panel := context.panels.of((host,))) is not None:
            return panel, why
    return None, ""


def _panel_lead(viewing: Viewing, lead: str | None, context: Context) -> str:
    """Return why no panel is known, and what hints at one."""
    host = host_of(_host(viewing, context))
    origin = context.routes.origins.get(host or "")
    leads = [lead] if lead else []
    leads += [f"other requests lead from {origin} to {host}"] if origin is not None else []
    no_panel = "nothing in the requests of the session names a panel"
    return f"{no_panel}; {'; '.join(leads)}: a lead" if leads else no_panel


def give_only_line(found: Watched, gift: Gift, context: Context) -> None:
    """Give a session the line, if whoever asked for it used one line only at its panel."""
    viewing = found.viewing
    clients = [(viewing.capture_id, viewing.client_ip or "")]
    clients += [(r.place.capture_id, r.client_ip or "") for r in gift.way]
    for client in clients:
        keys = [
            key
            for key in sorted(context.used.get(client, ()))
            if (panel := context.panels.of((key[0],))) is not None and panel.id == found.panel_id
        ]
        if len({key[1:] for key in keys}) == 1 and len(context.devices.keys(*client)) == 1:
            found.line, found.line_why, found.line_strength = keys[0], _ONLY_LINE, "supporting"
            return


def _device(found: Watched, context: Context) -> None:
    viewing = found.viewing
    if viewing.publishes or viewing.client in context.addresses:
        found.device_why = "the client is a server"
        return
    marks = [f"agent {viewing.user_agent}"] if viewing.user_agent else []
    if found.line is not None:
        marks = [f"line {found.line[2]}" if found.line[1] == "user" else f"mac {found.line[2]}"]
    keys = context.devices.keys(viewing.capture_id, viewing.client_ip)
    found.device = context.devices.pick(viewing.capture_id, viewing.client_ip, marks, viewing.flow_ids or ())
    if found.device is not None:
        only = "the only device known" if len(keys) == 1 else "told by its connection, line or user agent"
        found.device_why = f"{viewing.client_ip}: {only} at that address"
    elif keys:
        found.device_why = f"{len(keys)} devices share {viewing.client_ip} and nothing tells which it was"
    else:
        found.device_why = "no client is known" if viewing.client_ip is None else f"no device at {viewing.client_ip}"


def note_sessions(found: Iterable[Watched], lines: Atoms) -> None:
    """Add sessions to the evidence of lines that only another capture names."""
    for watched in found:
        if watched.line is not None and watched.viewing.capture_id not in lines[watched.line].captures:
            shows = f"session {watched.viewing.session_id}: its URL was given to the line in another capture"
            strength = watched.line_strength
            lines[watched.line].seen("line-of-session", strength, watched.viewing.place, shows, count=0)
