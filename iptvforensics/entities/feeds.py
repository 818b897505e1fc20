"""Streams that no panel numbers to channels: what accounts publish, what servers fetch, what lists name.

A feed is a stream at a server, under its own name there: application and name (RTMP), stream identifier (SRT), group
or address with port (datagrams), the URL without its query. The name is claimed by whoever published it. Published and
fetched under one name at one server it is one channel; it is not joined with the number of a panel, since only its
pictures could show that they are the same. What a list names by its URL (`listed`) is a channel or title
under that URL, and under the list's name.

**Known limitations**: a server that renames streams for each client shows one channel per name. Viewers' HTTP streams
without a panel are no feeds unless a list names them: their URLs hold tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .catalogue import Unnumbered
from .links import Resolved
from .listed import Listed
from .model import digest
from .viewing import Watched

_NAMED = ("rtmp", "rtmp-publish", "srt", "udp-ts", "rtp-ts")
"""Deliveries whose streams have names of their own; URLs of others are asked for with tokens."""

Session = tuple[str, str]
"""Capture and session."""


@dataclass(slots=True)
class Feed:
    """A stream at a server, and the sessions that carried it."""

    entity_id: str
    stream: str
    names: set[str] = field(default_factory=set)
    captures: set[str] = field(default_factory=set)
    sessions: int = 0
    watched: bool = False
    is_title: bool = False
    listed: set[Listed] = field(default_factory=set)

    def row(self) -> tuple[Any, ...]:
        """Return its row of `channels` or `titles`."""
        name, source, category, epg_id = min(self.names, default=None), "in-stream", "", ""
        if self.listed:
            source, name, category, epg_id = min(
                (one.source, one.name, one.category or "", one.epg_id or "") for one in self.listed
            )
        head = (self.entity_id, None, None, self.stream, name, source if name is not None else None)
        tail = (self.watched, self.sessions, sorted(self.captures))
        if self.is_title:
            return (*head, "movie", None, category or None, *tail)
        return (*head, None, epg_id or None, category or None, None, *tail)


class Feeds:
    """The feeds of a case."""

    def __init__(self) -> None:
        self.of: dict[Session, str] = {}
        """The channel of each session that carried a feed."""
        self._feeds: dict[str, Feed] = {}

    def add(self, watched: Watched, server: str, stream: str, listed: Listed | None) -> None:
        """Note that a session carried a stream of a server, and what a list calls it."""
        viewing = watched.viewing
        is_title = listed is not None and watched.media != "live"
        entity_id = digest("t-" if is_title else "c-", "feed", server, stream)
        feed = self._feeds.setdefault(entity_id, Feed(entity_id, stream, is_title=is_title))
        feed.listed |= {listed} if listed is not None else set()
        feed.sessions += 1
        feed.captures.add(viewing.capture_id)
        feed.watched |= watched.device is not None
        feed.names |= {viewing.channel} if viewing.channel else set()
        self.of[viewing.capture_id, viewing.session_id] = entity_id

    def rows(self) -> Unnumbered:
        """Return the rows of `channels` and `titles`."""
        feeds = [feed for _, feed in sorted(self._feeds.items())]
        return Unnumbered(
            [feed.row() for feed in feeds if not feed.is_title], [feed.row() for feed in feeds if feed.is_title]
        )


def find_feeds(
    found: Iterable[Watched], resolved: Resolved, addresses: set[str], listed: Mapping[Session, Listed]
) -> Feeds:
    """Return the feeds of the sessions that no panel's number names."""
    feeds = Feeds()
    for watched in found:
        viewing = watched.viewing.turned(addresses)
        stream = viewing.stream
        named = listed.get((viewing.capture_id, viewing.session_id))
        if not stream or watched.is_numbered:
            continue
        if named is None and (viewing.kind == "vod" or not _has_name(watched, addresses)):
            continue
        is_turned = viewing.edge_ip != watched.viewing.edge_ip
        server = None if is_turned else resolved.id(resolved.servers, watched.server)
        server = server or resolved.server_at.get(viewing.server or "") or viewing.server
        # The query of a URL that a list names is no token of one playing: it may be all that tells channels apart.
        is_url = named is not None and "://" in stream
        feeds.add(watched, server or "", stream if is_url else stream.split("?", 1)[0], named)
    return feeds


def _has_name(watched: Watched, addresses: set[str]) -> bool:
    """Return True if the stream's own name is more than a URL that a viewer was given."""
    return watched.viewing.delivery in _NAMED or watched.viewing.client in addresses
