"""URLs that lists name to the sessions that played exactly these: channels and titles without a number in their URL.

A list says that a name is found under a URL. A session that asked for this URL, or was sent on from it, gets the
name; if the list is a panel's own and gives a number, it is that number at the panel. URLs are compared as in
`sessions.addresses`: scheme and host in lower case, default ports, percent-encoding in one form, no fragment. Lists of
the whole case count, those that the client itself was given before others, a panel's interface before playlists.

**Known limitations**: a name is what the list says, and lists may name one URL differently: the first name by the
alphabet is taken. URLs with tokens that change from playing to playing are in no list. What servers fetch is not
named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..sessions.addresses import Address, address, host_of
from .given import Gift
from .sites import plain
from .viewing import Context, Watched, give_only_line

if TYPE_CHECKING:
    from ..derived import Workbench

_PLAYLISTS = ("m3u", "txtlist")
_MEDIA = {"live": "live", "radio": "live", "vod": "movie", "series": "episode", "episode": "episode"}
_RTMP_PORT = 1935

# The path comes first: it is found for every entry, the rest only for those whose path was asked for. A URL with
# characters that have more than one spelling is found by its host, and compared below.
_ENTRIES = r"""
WITH entries AS (
  SELECT capture_id, client_ip, family, kind, host, entry_id, name, category_name, epg_id, entry_url
  FROM catalogue_entries
  WHERE entry_url IS NOT NULL AND name IS NOT NULL AND coalesce(kind, '') NOT IN ('list', 'category')),
near AS MATERIALIZED (
  SELECT * FROM entries SEMI JOIN asked_urls
    ON coalesce(nullif(regexp_extract(entry_url, '^[^:/]+://[^/?#]*([^?#]*)', 1), ''), '/') = asked_urls.path),
odd AS MATERIALIZED (
  SELECT * FROM entries WHERE regexp_matches(entry_url, '^[^:/]+://[^/?#]*[/?].*[^!#$&(-*,-;=?-Z_a-z~]'))
SELECT near.* FROM near JOIN asked_urls
  ON regexp_extract(entry_url, '\?([^#]*)', 1) = query
  AND lower(regexp_extract(entry_url, '^[^:/]+://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)', 1)) = asked_urls.host
UNION
SELECT odd.* FROM odd SEMI JOIN asked_urls
  ON lower(regexp_extract(entry_url, '^[^:/]+://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)', 1)) = asked_urls.host
ORDER BY ALL
"""

Session = tuple[str, str]
"""Capture and session."""


class Listed(NamedTuple):
    """What lists call a URL."""

    name: str
    source: str
    """catalogue or playlist, as in `channels.name_source`."""
    category: str | None
    epg_id: str | None
    """Identifier under which programme guides name the channel."""


class _Entry(NamedTuple):
    capture_id: str
    client_ip: str | None
    family: str | None
    kind: str | None
    host: str | None
    entry_id: str | None
    name: str
    category: str | None
    epg_id: str | None
    url: str

    def is_own(self, w: Watched) -> bool:
        """Return True if the session's client itself was given the list."""
        return (self.capture_id, self.client_ip) == (w.viewing.capture_id, w.viewing.client_ip)

    def place(self, w: Watched) -> tuple[Any, ...]:
        """Return what entries for one URL are ordered by."""
        return (
            not self.is_own(w),
            self.family in _PLAYLISTS,
            self.name,
            self.entry_id or "",
            self.epg_id or "",
            self.category or "",
        )


def name_by_lists(bench: Workbench, found: Iterable[Watched], context: Context) -> dict[Session, Listed]:
    """Return what lists call the sessions of viewers that no number names; those that a panel's list numbers get it.

    Args:
        bench: reads the tables of the captures.
        found: the sessions of the case.
        context: what is known of the case.
    """
    asked: dict[Address, list[Watched]] = defaultdict(list)
    for w in found:
        if not (w.is_numbered or w.viewing.publishes or w.viewing.client in context.addresses):
            for url in _urls(w):
                if (key := address(url)) is not None:
                    asked[key].append(w)
    if not asked or not bench.has("catalogue_entries"):
        return {}
    rows = sorted({(key.site.split("://", 1)[1].rpartition(":")[0], key.path, key.query) for key in asked})
    # Hosts that are IPv6 addresses stand in brackets in URLs.
    bracketed = [(f"[{host}]" if ":" in host else host, path, query) for host, path, query in rows]
    bench.put("asked_urls", ("host", "path", "query"), bracketed)
    best: dict[Session, tuple[Watched, _Entry]] = {}
    for entry in (_Entry(*row) for row in bench.select(_ENTRIES)):
        for w in asked.get(key, ()) if (key := address(entry.url)) is not None else ():
            session = (w.viewing.capture_id, w.viewing.session_id)
            if session not in best or entry.place(w) < best[session][1].place(w):
                best[session] = (w, entry)
    return {session: _named(w, entry, context) for session, (w, entry) in best.items()}


def _urls(w: Watched) -> list[str]:
    """Return the URLs under which the session's stream was asked for."""
    viewing = w.viewing
    if viewing.delivery != "rtmp" or not viewing.stream or "://" in viewing.stream:
        return [viewing.stream or "", *w.sent_from]
    hosts = [plain(host) for host in (viewing.edge_host, viewing.edge_ip) if host]
    ports = [f":{viewing.edge_port}"] + [""] * (viewing.edge_port == _RTMP_PORT)
    return [f"rtmp://{host}{port}/{viewing.stream}" for host in hosts for port in ports]


def _named(w: Watched, entry: _Entry, context: Context) -> Listed:
    is_playlist = entry.family in _PLAYLISTS
    media = _MEDIA.get(entry.kind or "") or ("movie" if w.viewing.kind == "vod" else "live")
    panel = context.panels.of((context.sites.name(entry.capture_id, host_of(entry.host)) or "",))
    if panel is not None and entry.entry_id and not is_playlist and w.panel_id in (None, panel.id):
        is_new = w.panel_id is None
        w.panel_id, w.stream_id, w.media = panel.id, entry.entry_id, media
        if is_new:
            _say_whose(w, entry, context)
    w.media = w.media or media
    return Listed(entry.name, "playlist" if is_playlist else "catalogue", entry.category, entry.epg_id)


def _say_whose(w: Watched, entry: _Entry, context: Context) -> None:
    """Say how a panel's list names the session; a list that the client itself was given may also tell its line."""
    if entry.is_own(w):
        w.panel_why = "its list, which the client was given, names this URL"
        if w.line is None:
            give_only_line(w, Gift(), context)
    else:
        w.panel_why = (
            f"its list names this URL; {entry.client_ip or 'an unknown client'} was given it, in capture "
            f"{entry.capture_id}: that the session's client knows the panel, it does not show"
        )
