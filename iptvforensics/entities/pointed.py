"""URLs that panels hand out and lists name to servers and links: where clients go that no redirect sends there.

Rules, and what they show:

- `portal-link` (link `redirects-to`): an answer gave a client a link to media elsewhere, as portals do (create_link).
  Conclusive where that client then got media by it, else strong. The host is a server of media (`server-portal-link`).
- `list-entry` (link `names`, supporting): a panel's list names media at another host: `direct_source` of the Xtream
  family, `cmd` of portals, URLs of playlists. What only the interface of a panel names is a server as well
  (`server-listed`, lead), an origin where it is a `direct_source`; what only playlists name is none, since anybody's
  streams stand there.

Hosts that name nobody (`localhost`) are left out, and addresses of a local network in lists of public hosts.

**Known limitations**: that a panel fetches from a host that its list names is not shown: it may be out of use, and
clients of portals go there themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from ..sessions.addresses import host_of
from .links import Links, Resolved
from .model import FIRST_PLACE, Atoms, Key, Place, TableReader, most_per_capture
from .replies import GivenLink
from .scopes import scope_of
from .servers import Servers
from .sites import plain
from .urls import SQL_HOST, port_of
from .viewing import Watched

_PLAYLISTS = ("m3u", "txtlist")
_MOST_NAMED = 1000
"""Hosts that are read of the lists of one capture."""
_MOST_NEW = 32
"""Servers that the lists of one host may add: who names more keeps a collection."""
_TARGET = r"(?i)^[a-z]+://(?:[^/@?#]*@)?(\[[^\]]*\]|[^/:?#]+)"
_PORT = rf"{_TARGET}:(\d{{1,5}})(?:[/?#]|$)"


class Pointer(NamedTuple):
    """A host that another one names in its answers, once per capture."""

    source: str
    target: str
    port: int | None
    family: str | None
    """Of the list; none for a link that was handed out."""
    place: Place
    last_ns: int | None
    times: int

    @property
    def is_handed(self) -> bool:
        """True for a link that was given to a client that asked for it."""
        return self.family is None


def read_pointers(reader: TableReader, links: Iterable[GivenLink]) -> list[Pointer]:
    """Return which hosts the answers of which others name for media."""
    found: dict[tuple[str, str, str, int | None], Pointer] = {}
    for link in links:
        target = host_of(link.url)
        if link.host and target and _counts(link.host, target):
            new = Pointer(link.host, target, port_of(link.url), None, link.place, link.place.ts_ns, 1)
            key = (link.place.capture_id, new.source, target, new.port)
            old = found.setdefault(key, new)
            if old is not new:
                first = min(old.place, new.place, key=lambda place: place.frame_no or 0)
                last = max(old.last_ns or 0, new.last_ns or 0) or None
                found[key] = old._replace(place=first, last_ns=last, times=old.times + 1)
    pointers = [found[key] for key in sorted(found, key=lambda key: (*key[:3], key[3] or 0))]
    return pointers + (_listed(reader) if reader.has("catalogue_entries") else [])


def _listed(reader: TableReader) -> list[Pointer]:
    rows = reader.select(
        most_per_capture(
            "SELECT capture_id, lower(regexp_extract(host, "  # noqa: S608
            f"'{SQL_HOST}', 1)) AS source, lower(regexp_extract(entry_url, '{_TARGET}', 1)) AS target, "
            f"nullif(regexp_extract(entry_url, '{_PORT}', 2), '') AS port, family, min(entry_url), max(ts_ns), "
            f"count(*), {FIRST_PLACE} FROM catalogue_entries WHERE entry_url IS NOT NULL AND host IS NOT NULL "
            "AND family IS DISTINCT FROM 'xmltv' AND coalesce(kind, '') NOT IN ('list', 'category') "
            "GROUP BY capture_id, source, target, port, family HAVING target <> '' AND target <> source",
            _MOST_NAMED,
        )
    )
    return [
        Pointer(source, target.strip("[]"), int(port) if port else port_of(url), family or "", place, last, times)
        for capture, source, target, port, family, url, last, times, *seen in rows
        if _counts(source.strip("[]"), target.strip("[]"))
        for place in (Place(capture, *seen),)
    ]


def _counts(source: str, target: str) -> bool:
    """Return True if a host names another one that it may mean for its clients."""
    scope = scope_of(target)
    return source != target and scope != "nobody" and (scope == "public" or scope_of(source) == "local")


def add_pointed(servers: Servers, panels: Atoms, pointers: Iterable[Pointer]) -> None:
    """Add the servers that panels hand out links to, and what their lists say of others."""
    new: Counter[str] = Counter()
    for pointer in pointers:
        ends = _ends(servers, pointer)
        if ends is None:
            continue
        source, target = ends
        is_new = target not in servers.atoms
        if is_new and not pointer.is_handed:
            new[pointer.source] += 1
            if pointer.family in _PLAYLISTS or new[pointer.source] > _MOST_NEW:
                continue
        atom = servers.atoms[target]
        rule, strength, shows = "server-listed", "lead", f"the list of {pointer.source} names media at {pointer.target}"
        if pointer.is_handed:
            rule, strength = "server-portal-link", "strong"
            shows = f"{pointer.source} gave a client a link to {pointer.target}"
        atom.seen(rule, strength, pointer.place, shows, last_ns=pointer.last_ns, count=pointer.times)
        atom.fact("hosts", pointer.target, pointer.times)
        atom.fact("why", f"{pointer.source} gave clients links there" if pointer.is_handed else shows)
        if not atom.facts.get("roles"):
            is_playlist = pointer.is_handed and target in servers.passed
            atom.fact("roles", "origin" if pointer.family == "xtream" else "playlist" if is_playlist else "media")
        if pointer.is_handed and target[0] != "panel":
            atom.fact("panel", source[1])
        for named in (atom, *([panels[pointer.target,]] if (pointer.target,) in panels else [])):
            if pointer.is_handed or not named.facts.get("ports"):
                named.fact("ports", pointer.port)


def link_pointed(
    links: Links, pointers: Iterable[Pointer], found: Iterable[Watched], servers: Servers, resolved: Resolved
) -> None:
    """Add from which panel links and lists lead to which server."""
    followed = {(w.link.host, host_of(w.link.url)) for w in found if w.link is not None and w.viewing.bytes}
    for pointer in pointers:
        ends = _ends(servers, pointer)
        if ends is None:
            continue
        kind, rule, strength = "names", "list-entry", "supporting"
        why = f"the list of {pointer.source} names media at {pointer.target}"
        if pointer.is_handed:
            kind, rule, strength = "redirects-to", "portal-link", "strong"
            why = f"{pointer.source} gave a client a link to {pointer.target}"
            if (pointer.source, plain(pointer.target)) in followed:
                strength, why = "conclusive", f"{why}, which it followed"
        server = resolved.id(resolved.servers, ends[1])
        links.add(ends[0][1], server, kind, rule, strength, pointer.place, why, pointer.last_ns, pointer.times)


def _ends(servers: Servers, pointer: Pointer) -> tuple[Key, Key] | None:
    """Return the panel that names a server, and the server; None if it is no panel, or its own name."""
    source, target = servers.key(pointer.source), servers.key(pointer.target)
    if source is None or target is None or source[0] != "panel" or target[:2] == source[:2]:
        return None
    return source, target
