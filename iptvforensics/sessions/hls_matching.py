"""Requests to the playlist entries that they are for.

RFC 8216 section 6.3.4; the request is compared with the absolute URLs that playlists named (their base is
the playlist's URL after redirects), by levels, best first:

1. the same URL,
2. the same path and query on another host (the client or a load balancer changed it),
3. the same host and path with another query (token renewed),
4. the same path on another host with another query,
5. the same host and numbered file name (the playlist that named it was not captured), unless the path is that of a
   panel's channel or film.

Where the query differs, it must not name another channel, stream or file (`queries`). Where a playlist names several
media segments at one path, as scripts have them, a request with a query that none of them has is for the playlist,
but for which of them is not told.

Of several playlists that name the same URL the latest one delivered before the request counts. From level 2
on, it must have been delivered within a time in which the client could still be playing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from .addresses import Address, address, family
from .fetches import Fetch
from .hls_groups import Delivery
from .model import SECOND_NS
from .panel_paths import is_panel_media
from .queries import things
from .records import Entry
from .rests import REST_HOW

LEVELS = (
    "the same URL as the playlist names",
    "the same path and query as the playlist names, on another host",
    "the same host and path as the playlist names, with another query",
    "the same path as the playlist names, on another host with another query",
    "numbered like the media segments that the playlist names",
    REST_HOW,
)
REST_LEVEL = len(LEVELS) - 1
"""Of a body that no playlist is asked about."""
_ENTRY_KINDS = frozenset(("media-segment", "part", "map", "key", "session-key", "preload-hint"))
_BESIDE_MEDIA = frozenset(("map", "key", "session-key"))
_SLACK_NS = 60 * SECOND_NS
"""Levels 2 to 5: a live playlist is reloaded every few seconds; a minute allows for one lost in the capture."""


class Match(NamedTuple):
    """What a fetch is for: the delivery whose playlist named it, the entries, and how that is known."""

    delivery: Delivery
    entries: list[Entry]
    level: int

    @property
    def role(self) -> str:
        """Return `key`, `map` or `media`."""
        kinds = {entry.kind for entry in self.entries}
        if not kinds or kinds - _BESIDE_MEDIA:
            return "media"
        return "map" if "map" in kinds else "key"

    @property
    def how(self) -> str:
        """Return the match level in words."""
        return LEVELS[self.level]


Listing = tuple[Delivery, list[Entry]]
Index = dict[Hashable, "Listings"]


@dataclass(slots=True, eq=False)
class Listings:
    """The deliveries that name something, in order, and the entries by which each of them does."""

    deliveries: list[Delivery] = field(default_factory=list)
    entries: list[list[Entry]] = field(default_factory=list)
    """One list for all deliveries that say the same, as those of a live playlist do."""

    def add(self, delivery: Delivery, entries: list[Entry]) -> None:
        """Add a delivery."""
        self.deliveries.append(delivery)
        self.entries.append(self.entries[-1] if self.entries and self.entries[-1] == entries else entries)


def _family_key(key: Address) -> Hashable:
    found = family(key)
    return (found[0], things(key.query)) if found is not None and not is_panel_media(key.path) else None


_KEYS: tuple[Callable[[Address], Hashable], ...] = (
    lambda key: key,
    lambda key: (key.path, key.query),
    lambda key: (key.site, key.path, things(key.query)),
    lambda key: (key.path, things(key.query)),
    _family_key,
)


class Matcher:
    """Finds the playlist entries for the fetches of one client. The levels are indexed when first needed."""

    def __init__(self, deliveries: list[Delivery]) -> None:
        self._deliveries = deliveries
        self._indexes: list[Index | None] = [None] * len(_KEYS)

    def match(self, fetch: Fetch) -> Match | None:
        """Return what the fetch, or the request whose redirects led to it, is for; None if nothing names it."""
        addresses = [one.key for one in fetch.chain if one.key is not None]
        order = fetch.root.order
        for level, key_of in enumerate(_KEYS):
            if level >= 3 and not (fetch.answered and _looks_like_media(fetch)):
                continue
            index = self._index(level)
            for at in addresses:
                key = key_of(at)
                listings = index.get(key) if key is not None else None
                found = _choose(listings, order, fetch, level) if listings else None
                if found is not None:
                    is_told = level < 2 or (level < 4 and not _are_several(found[1]))
                    return Match(found[0], _touched(fetch, found[1]) if is_told else [], level)
        return None

    def _index(self, level: int) -> Index:
        index = self._indexes[level]
        if index is None:
            index = self._indexes[level] = {}
            key_of = _KEYS[level]
            for delivery in self._deliveries:
                named: dict[Hashable, list[Entry]] = {}
                for at, entry in _addressed(delivery):
                    if level < 4:
                        named.setdefault(key_of(at), []).append(entry)
                    elif entry.kind in ("media-segment", "part"):
                        named.setdefault(key_of(at), [entry])
                for key, entries in named.items():
                    listings = index.get(key)
                    if listings is None:
                        listings = index[key] = Listings()
                    listings.add(delivery, entries)
        return index


def touches(fetch: Fetch, entry: Entry) -> bool:
    """Return True if the fetch brought bytes of the entry; one without byte range is the whole resource."""
    if entry.byte_range_length is None:
        return True
    start = entry.byte_range_first or 0
    return fetch.first_byte < start + entry.byte_range_length and start < fetch.first_byte + fetch.bytes


def _touched(fetch: Fetch, entries: list[Entry]) -> list[Entry]:
    """Return the entries of one URL that the fetch is for: all of them if none of their bytes came."""
    return [entry for entry in entries if touches(fetch, entry)] or entries


def _addressed(delivery: Delivery) -> Iterable[tuple[Address, Entry]]:
    """Yield the entries that can be asked for, and their addresses."""
    hints = []
    named = set()
    for entry, at in zip(delivery.entries, delivery.addresses, strict=True):
        if at is None or entry.kind not in _ENTRY_KINDS:
            continue
        if entry.kind == "preload-hint":
            hints.append((at, entry))
        else:
            named.add(at)
            yield at, entry
    # A hint counts only where nothing else names the URL: it has no duration.
    yield from ((at, entry) for at, entry in hints if at not in named)


def _are_several(entries: list[Entry]) -> bool:
    return len(entries) > 1 and len({address(entry.url) for entry in entries}) > 1


def _looks_like_media(fetch: Fetch) -> bool:
    return fetch.kind in ("mpegts", "mp4", "aac", "id3", "webvtt") or fetch.media_type.startswith(("video/", "audio/"))


def _choose(listings: Listings, order: int, fetch: Fetch, level: int) -> Listing | None:
    """Return the latest listing before the request, else the first one after it, if it is near enough in time."""
    at = max(bisect_right(listings.deliveries, order, key=attrgetter("fetch.order")) - 1, 0)
    if _is_hint(listings.entries[at]):  # a later playlist names the same URL with its duration
        later = range(at, len(listings.entries))
        at = next((place for place in later if not _is_hint(listings.entries[place])), at)
    delivery = listings.deliveries[at]
    if level > 0 and not delivery.playlist.has_endlist:
        reach = _SLACK_NS + int(5 * SECOND_NS * (delivery.playlist.target_duration_s or 0))
        if abs(fetch.ts_ns - delivery.fetch.ts_ns) > reach:
            return None
    return delivery, listings.entries[at]


def _is_hint(entries: list[Entry]) -> bool:
    return entries[0].kind == "preload-hint"
