"""Sessions to the entities that took part: device, line, panel, channel or title.

What a session asked for first says most: a media path names line and number. Where the client was sent on, or was
given a link by a portal, the request before it says so. A session whose address is shared by several devices gets
one only if its line, its claimed address or its user agent tells which.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..sessions.addresses import host_of
from .archive import Archive, asked_archive
from .devices import Devices
from .lines import line_of
from .model import Atoms, Key, Resolution
from .panels import Routes
from .replies import GivenLink, Replies
from .requests import Redirect, Requests
from .servers import Servers, Viewing
from .urls import PanelUrl, read_url

_WAY = 5
"""Redirects that are followed back from a session."""

_TITLES = {"movie": "movie", "series": "episode"}


@dataclass(slots=True)
class Watched:
    """A session, and what it was resolved to."""

    viewing: Viewing
    device: Key | None = None
    device_why: str = ""
    line: Key | None = None
    line_why: str = ""
    panel_id: str | None = None
    server: Key | None = None
    stream_id: str | None = None
    media: str | None = None
    """live, movie, episode; of what the number is one."""
    sent_from: tuple[str, ...] = ()
    """URLs from which the client was sent on to the session's first one."""
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
        lines: Atoms,
        panels: Resolution,
        servers: Servers,
        addresses: set[str],
    ) -> None:
        self.devices = devices
        self.lines = lines
        self.panels = panels
        self.servers = servers
        self.addresses = addresses
        self.routes = routes
        self.redirected = {r.location: r for r in reversed(requests.redirects) if r.url}
        self.used: dict[tuple[str, str], set[Key]] = {}
        for atom in lines:
            for client in atom.facts.get("clients", ()):
                self.used.setdefault(client, set()).add(atom.key)
        self.links = {link.url: link for link in reversed(replies.links)}


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
    found = Watched(viewing, server=context.servers.key(host_of(viewing.edge_host), viewing.edge_ip))
    way = _way(viewing, context)
    found.sent_from = tuple(_absolute(redirect) for redirect in way)
    host, url, says = _asked(viewing, way, context)
    link = _link(found, context)
    found.archive = asked_archive(url, says, link)
    if says is not None:
        found.stream_id = says.stream_id
        if says.kind:
            found.media = _TITLES.get(says.kind, "live")
        found.line = _line(host, says, context, found)
    if link is not None:
        found.stream_id = link.entry_id or found.stream_id
        found.media = link.media or found.media
        host = link.host or host
        if found.line is None and link.mac and link.host:
            found.line = _known((link.host, "mac", link.mac), context)
            found.line_why = "the portal gave this link to that address" if found.line else ""
    start = found.line[0] if found.line is not None else context.routes.start(host)
    panel_host = start if start and context.panels.of((start,)) else viewing.panel_host
    panel = context.panels.of((host_of(panel_host) or "",)) if panel_host else None
    found.panel_id = panel.id if panel is not None else None
    if found.line is None and found.panel_id is not None and not viewing.publishes:
        found.line = _only_line(found, context)
        found.line_why = "the only line that the device was seen to use at this panel" if found.line else ""
    if found.line is None and not found.line_why:
        found.line_why = "nothing in the requests of the session names a line"
    _device(found, context)
    return found


def _asked(viewing: Viewing, way: list[Redirect], context: Context) -> tuple[str | None, str, PanelUrl | None]:
    """Return the host that was asked for the session, the URL, and what it said."""
    url, host = viewing.stream or "", viewing.panel_host or viewing.edge_host or viewing.edge_ip
    host = host_of(url) if "://" in url else host
    for redirect in way:
        host, url = redirect.source, _absolute(redirect)
    is_panel = bool(host and context.panels.of((host,)))
    says = read_url(url, bare=is_panel or (host in context.routes.origins))
    return host, url, says if says is not None and says.says != "internal" else None


def _way(viewing: Viewing, context: Context) -> list[Redirect]:
    """Return the redirects that led to the session's first URL, the nearest first, in this capture or another one."""
    found: list[Redirect] = []
    url = viewing.stream or ""
    while url in context.redirected and len(found) < _WAY:
        redirect = context.redirected[url]
        found.append(redirect)
        url = _absolute(redirect)
    return found


def _absolute(redirect: Redirect) -> str:
    """Return the URL that was asked for."""
    if "://" in redirect.url:
        return redirect.url
    port = f":{redirect.source_port}" if redirect.source_port not in (None, 80) else ""
    return f"http://{redirect.source}{port}{redirect.url}"


def _only_line(found: Watched, context: Context) -> Key | None:
    """Return the line, if whoever asked for the session used one line only at the panel."""
    viewing = found.viewing
    clients = [(viewing.capture_id, viewing.client_ip or "")]
    clients += [(r.place.capture_id, r.client_ip or "") for r in _way(viewing, context)]
    for client in clients:
        keys = [
            key
            for key in sorted(context.used.get(client, ()))
            if (panel := context.panels.of((key[0],))) is not None and panel.id == found.panel_id
        ]
        if len({key[1:] for key in keys}) == 1 and len(context.devices.keys(*client)) == 1:
            return keys[0]
    return None


def _link(found: Watched, context: Context) -> GivenLink | None:
    """Return the link by which a portal sent the client to the session's stream, perhaps by way of redirects."""
    urls = [found.viewing.stream or "", *found.sent_from]
    return next((context.links[url] for url in urls if url in context.links), None)


def _known(key: Key | None, context: Context) -> Key | None:
    return key if key is not None and key in context.lines else None


def _line(host: str | None, says: PanelUrl, context: Context, found: Watched) -> Key | None:
    if host is None or not says.names_line:
        return None
    for place in (host, context.routes.start(host)):
        key = line_of(place, says)
        if _known(key, context):
            what = "identifier of a customer" if says.customer else "user name and password"
            found.line_why = f"{what} in the URL that was asked for"
            return key
    return None


def _device(found: Watched, context: Context) -> None:
    viewing = found.viewing
    if viewing.publishes or viewing.client_ip in context.addresses:
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
            lines[watched.line].seen("line-of-session", "strong", watched.viewing.place, shows, count=0)
