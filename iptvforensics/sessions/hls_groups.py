"""Deliveries of playlists to programmes: which playlists of one client are about the same thing.

RFC 8216 sections 4.3.4 (multivariant playlists), 6.2 and 6.3 (reloading). Two steps:

1. Deliveries are the same playlist if their URL is the same (after redirects, low-latency parameters left
   out), if the client began at the same URL, if only the query differs and they name a common media segment (by whole
   URL, or by what is left of URLs without tokens and counters, where that is the same for the playlists, too:
   `queries`), or if one connection brought both, their tokens begin alike and their media segments go on.
2. Playlists are one programme if a multivariant playlist names them, by whole URL, else by path and query
   (host changed), else by host and path (token changed, but no channel).

**Known limitations**: a playlist whose query and media names all change from poll to poll, asked for without a
redirect from a constant URL, falls apart into one playlist per poll.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

from .addresses import Address, without_low_latency
from .fetches import Fetch
from .queries import always_new, is_token, lasting, parameters, things, values_of
from .records import Entry, Playlist

MEDIA_KINDS = frozenset(("media-segment", "part"))
LINK_KINDS = frozenset(("variant", "rendition", "i-frame-variant"))
_TOKEN = re.compile(r"[A-Za-z0-9_-]{96,}\Z")
_ALIKE = 64
"""Characters with which tokens for one thing begin alike: three blocks of a cipher with a constant key and start."""
_COMPARED = 4
"""Playlists of the same path and another query that a delivery is compared with, the latest ones."""
_ALWAYS_NEW = 4
"""Requests for playlists of one path after which a parameter that was never the same is taken for a counter."""

Names = set[Hashable]
"""What media segments of a playlist are called: by whole address, and by what lasts of it."""


@dataclass(slots=True, eq=False)
class Delivery:
    """One playlist as it was delivered once."""

    playlist: Playlist
    fetch: Fetch
    entries: list[Entry]
    """Equal ones of several deliveries are one object."""
    addresses: list[Address | None]
    """That of each entry."""
    identity: int = -1
    media_segments: int = field(init=False)

    def __post_init__(self) -> None:
        self.media_segments = sum([entry.kind == "media-segment" for entry in self.entries])

    @property
    def is_multivariant(self) -> bool:
        """Return True if the playlist names other playlists."""
        return self.playlist.kind == "multivariant"


@dataclass(slots=True, eq=False)
class Programme:
    """Playlists of one client that belong together."""

    deliveries: list[Delivery] = field(default_factory=list)
    renditions: dict[int, str] = field(default_factory=dict)
    """Playlist identity to the rendition type (AUDIO, ...) as which a multivariant playlist names it."""

    @property
    def target_s(self) -> float:
        """Return the longest target duration that its media playlists announce."""
        return max((one.playlist.target_duration_s or 0.0 for one in self.deliveries), default=0.0)


class Sets:
    """Disjoint sets of small integers; the smallest member names a set."""

    def __init__(self, size: int) -> None:
        self._up = list(range(size))

    def of(self, member: int) -> int:
        """Return the name of the set that holds the member."""
        while self._up[member] != member:
            self._up[member] = self._up[self._up[member]]
            member = self._up[member]
        return member

    def join(self, one: int, other: int) -> None:
        """Make one set of the two that hold the members."""
        one, other = self.of(one), self.of(other)
        self._up[max(one, other)] = min(one, other)


def programmes(deliveries: list[Delivery]) -> list[Programme]:
    """Return the programmes that the deliveries (of one client, in order) are about, first seen first."""
    sets = Sets(len(deliveries))
    _same_playlist(deliveries, sets)
    for number, delivery in enumerate(deliveries):
        delivery.identity = sets.of(number)
    linked, renditions = _link(deliveries)
    found: dict[int, Programme] = {}
    for delivery in deliveries:
        programme = found.setdefault(linked.of(delivery.identity), Programme())
        programme.deliveries.append(delivery)
        if delivery.identity in renditions:
            programme.renditions[delivery.identity] = renditions[delivery.identity]
    return list(found.values())


def _same_playlist(deliveries: list[Delivery], sets: Sets) -> None:
    known: dict[tuple[str, bool, Address], int] = {}
    paths: dict[tuple[str, str], list[int]] = {}
    called = _Called(deliveries)
    tokens: dict[tuple[str, str, int], tuple[int, int]] = {}
    for number, delivery in enumerate(deliveries):
        multivariant = delivery.is_multivariant
        keys = []
        for what, fetch in (("final", delivery.fetch), ("root", delivery.fetch.root)):
            if fetch.key is not None:
                keys.append((what, multivariant, without_low_latency(fetch.key)))
        for key in keys:
            if key in known:
                sets.join(number, known[key])
            else:
                known[key] = number
        here = delivery.fetch.key
        if multivariant or here is None:
            continue
        # Only a playlist seen for the first time needs to be compared with those of the same path.
        if sets.of(number) == number:
            others = paths.setdefault((here.site, here.path), [])
            called.add(number, delivery)
            for other in others[-_COMPARED:]:
                if not called.of(number).isdisjoint(called.of(other)):
                    sets.join(number, other)
                    called.join(number, other)
                    break
            else:
                others.append(number)
        elif sets.of(number) in called:
            called.add(sets.of(number), delivery)
        before = _next_of_token(delivery, number, tokens)
        if before is not None:
            sets.join(number, before)


class _Called:
    """What the media segments of playlists are called: told when it is asked for, since few playlists are compared."""

    def __init__(self, deliveries: list[Delivery]) -> None:
        self._deliveries = deliveries
        self._names: dict[int, Names] = {}
        self._untold: dict[int, list[Delivery]] = {}

    def __contains__(self, playlist: int) -> bool:
        return playlist in self._names

    def add(self, playlist: int, delivery: Delivery) -> None:
        """Note one more delivery of a playlist."""
        self._names.setdefault(playlist, set())
        self._untold.setdefault(playlist, []).append(delivery)

    def of(self, playlist: int) -> Names:
        """Return what the media segments of a playlist are called in all its deliveries."""
        names = self._names[playlist]
        for delivery in self._untold.pop(playlist, ()):
            if delivery.fetch.key is not None:
                names |= _media_names(delivery, delivery.fetch.key, self._fresh)
        return names

    def join(self, playlist: int, other: int) -> None:
        """Note that a playlist is another one."""
        self._names[other] |= self.of(playlist)
        del self._names[playlist]

    @cached_property
    def _fresh(self) -> dict[tuple[str, str], frozenset[str]]:
        return _changing(self._deliveries)


def _next_of_token(delivery: Delivery, number: int, tokens: dict[tuple[str, str, int], tuple[int, int]]) -> int | None:
    """Return the delivery that this one goes on from, if a token that was given anew is all that tells them apart."""
    here = delivery.fetch.key
    folder, _, token = here.path.rpartition("/") if here is not None else ("", "", "")
    if here is None or not _TOKEN.match(token):
        return None
    key = here.site, f"{folder}/{token[:_ALIKE]}", delivery.fetch.flow_id
    first = delivery.playlist.media_sequence or 0
    end = first + delivery.media_segments
    known = tokens.get(key)
    tokens[key] = number, end
    return known[0] if known is not None and first <= known[1] <= end else None


def _changing(deliveries: list[Delivery]) -> dict[tuple[str, str], frozenset[str]]:
    """Return the parameters that were new at each request for media playlists, by host and path."""
    queries: dict[tuple[str, str], list[str]] = {}
    for delivery in deliveries:
        key = delivery.fetch.key
        if key is not None and not delivery.is_multivariant:
            queries.setdefault((key.site, key.path), []).append(key.query)
    return {at: always_new(asked, _ALWAYS_NEW) for at, asked in queries.items()}


def _media_names(delivery: Delivery, here: Address, fresh: dict[tuple[str, str], frozenset[str]]) -> Names:
    """Return what the media segments are called: whole, and without what changes, with that of the playlist's query."""
    listed = zip(delivery.entries, delivery.addresses, strict=True)
    found = {at for entry, at in listed if entry.kind in MEDIA_KINDS and at is not None}
    changing = fresh[here.site, here.path]
    asked = lasting(here.query, changing)
    kept = {key: lasting(key.query, changing) for key in found}
    if len({(key.path, left) for key, left in kept.items()}) < len(found):
        # A script whose media segments are told apart by what looks like a time or a counter.
        seen = values_of(key.query for key in found)
        numbers = {name for name, values in seen.items() if len(values) > 1 and not any(map(is_token, values))}
        kept = {
            key: left | {pair for pair in parameters(key.query) if pair[0] in numbers} for key, left in kept.items()
        }
    return {*found, *((asked, key.path, left) for key, left in kept.items())}


def _link(deliveries: list[Delivery]) -> tuple[Sets, dict[int, str]]:
    """Join media playlists with the multivariant playlist that names them."""
    sets = Sets(len(deliveries))
    renditions: dict[int, str] = {}
    levels: list[dict[Hashable, list[tuple[int, Delivery, Entry]]]] = [{}, {}, {}]
    for delivery in deliveries:
        if not delivery.is_multivariant:
            continue
        for entry, key in zip(delivery.entries, delivery.addresses, strict=True):
            if key is None or entry.kind not in LINK_KINDS:
                continue
            listing = (delivery.fetch.order, delivery, entry)
            for level, at in zip(levels, _link_keys(key), strict=True):
                listings = level.setdefault(at, [])
                if not listings or listings[-1][1] is not delivery:
                    listings.append(listing)
                elif entry.kind == "variant":  # one URL can be a variant and a rendition: an audio-only variant
                    listings[-1] = listing
    for delivery in deliveries:
        if delivery.is_multivariant:
            continue
        addresses = [fetch.key for fetch in delivery.fetch.chain if fetch.key is not None]
        listing_found = _find_link(levels, addresses, delivery.fetch.root.order)
        if listing_found is None:
            continue
        _, parent, entry = listing_found
        sets.join(delivery.identity, parent.identity)
        kind = entry.rendition_type or entry.kind
        if kind not in ("variant", "VIDEO"):
            renditions.setdefault(delivery.identity, kind.upper())
        else:
            renditions[delivery.identity] = "VARIANT"
    return sets, renditions


def _link_keys(key: Address) -> tuple[Hashable, ...]:
    plain = without_low_latency(key)
    return plain, (plain.path, plain.query), (plain.site, plain.path, things(plain.query))


def _find_link(
    levels: list[dict[Hashable, list[tuple[int, Delivery, Entry]]]], addresses: list[Address], order: int
) -> tuple[int, Delivery, Entry] | None:
    for number, level in enumerate(levels):
        for key in addresses:
            listings = level.get(_link_keys(key)[number])
            if listings:
                at = bisect_right(listings, order, key=lambda listing: listing[0])
                return listings[max(at - 1, 0)]
    return None
