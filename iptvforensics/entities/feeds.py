"""Streams that no panel numbers to channels: what accounts publish, and what servers fetch from each other.

A feed is a stream at a server, under its own name there: application and name (RTMP), stream identifier (SRT), group
or address with port (datagrams), the URL without its query. The name is claimed by whoever published it. Published and
fetched under one name at one server it is one channel; it is not joined with the number of a panel, since only its
pictures could show that they are the same.

**Known limitations**: a server that renames streams for each client shows one channel per name. Viewers' HTTP streams
without a panel are no feeds: their URLs hold tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .links import Resolved
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

    def row(self) -> tuple[Any, ...]:
        """Return its row of `channels`."""
        name = min(self.names, default=None)
        source = "in-stream" if name is not None else None
        tail = (self.watched, self.sessions, sorted(self.captures))
        return (self.entity_id, None, None, self.stream, name, source, None, None, None, None, *tail)


class Feeds:
    """The feeds of a case."""

    def __init__(self) -> None:
        self.of: dict[Session, str] = {}
        """The channel of each session that carried a feed."""
        self._feeds: dict[str, Feed] = {}

    def add(self, watched: Watched, server: str, stream: str) -> None:
        """Note that a session carried a stream of a server."""
        viewing = watched.viewing
        entity_id = digest("c-", "feed", server, stream)
        feed = self._feeds.setdefault(entity_id, Feed(entity_id, stream))
        feed.sessions += 1
        feed.captures.add(viewing.capture_id)
        feed.watched |= watched.device is not None
        feed.names |= {viewing.channel} if viewing.channel else set()
        self.of[viewing.capture_id, viewing.session_id] = entity_id

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows of `channels`."""
        return [feed.row() for _, feed in sorted(self._feeds.items())]


def find_feeds(found: Iterable[Watched], resolved: Resolved, addresses: set[str]) -> Feeds:
    """Return the feeds of the sessions that no panel's number names."""
    feeds = Feeds()
    for watched in found:
        viewing = watched.viewing.turned(addresses)
        stream = viewing.stream
        if not stream or watched.is_numbered or viewing.kind == "vod":
            continue
        if viewing.delivery not in _NAMED and viewing.client_ip not in addresses:
            continue
        is_turned = viewing.edge_ip != watched.viewing.edge_ip
        server = None if is_turned else resolved.id(resolved.servers, watched.server)
        server = server or resolved.server_at.get(viewing.edge_ip or "") or viewing.edge_ip
        feeds.add(watched, server or "", stream.split("?", 1)[0])
    return feeds
