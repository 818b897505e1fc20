"""Media segments delivered to seconds of media, variants played and holes.

RFC 8216 sections 4.3.2.1 (durations) and 4.3.2.2 (byte ranges). A media segment counts once, however often
it was fetched (`hls_pieces`), and by the share of its bytes that came. Audio renditions run beside the video
and count only where nothing else came.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .fetches import Fetch
from .hls_groups import Delivery, Programme
from .hls_matching import Match
from .hls_pieces import Numbering, have_holes, pieces_of
from .model import distinct
from .records import Entry
from .spans import covered


class Clock(NamedTuple):
    """What was delivered, by the media's own clock."""

    seconds: float | None
    basis: str | None
    some_unknown: bool
    has_holes: bool
    variants: list[str]


def played_first(deliveries: list[Delivery], programme: Programme) -> Delivery:
    """Return the playlist that the client asked for first, of the programme if the span holds none."""
    return min(deliveries or programme.deliveries, key=lambda delivery: delivery.fetch.root.order)


def main_playlists(programme: Programme, identities: Iterable[int]) -> set[int]:
    """Return which of the playlists carry the picture, or all that there is."""
    found = set(identities)
    main = {one for one in found if programme.renditions.get(one, "VARIANT") == "VARIANT"}
    audio = {one for one in found if programme.renditions.get(one) == "AUDIO"}
    return main or audio or found


def delivered_seconds(programme: Programme, brought: list[tuple[Fetch, Match]]) -> Clock:
    """Return the media time that the fetches brought; each comes with the entries that it was for."""
    main = main_playlists(programme, (match.delivery.identity for _, match in brought))
    counted = [(fetch, match) for fetch, match in brought if match.delivery.identity in main]
    loose = [fetch for fetch, match in counted if not match.entries]
    pieces = pieces_of(counted, Numbering(match.delivery for _, match in counted))
    whole = {piece.number for piece in pieces if piece.entry.kind == "media-segment"}
    seconds = 0.0
    announced = by_clock = unknown = False
    for piece in pieces:
        entry, fetches = piece.entry, piece.fetches
        if entry.kind != "media-segment" and entry.media_sequence is not None and piece.number in whole:
            continue
        share = _share(entry, fetches)
        clock = max((fetch.media_s for fetch in fetches if fetch.media_s is not None), default=None)
        if entry.duration_s is not None and share is not None:
            seconds += entry.duration_s * share
            announced = True
        elif clock is not None:
            seconds += clock if entry.duration_s is None else min(clock, entry.duration_s)
            by_clock = True
        else:
            unknown = True
    for fetch in loose:
        seconds += fetch.media_s or 0.0
        by_clock = by_clock or fetch.media_s is not None
        unknown = unknown or fetch.media_s is None
    basis = " and ".join(word for word, used in (("playlist durations", announced), ("PTS", by_clock)) if used)
    played = distinct(match.delivery.identity for _, match in counted)
    variants = distinct(_first_url(programme, identity) for identity in played)
    return Clock(seconds if basis else None, basis or None, unknown, have_holes(pieces), variants)


def _first_url(programme: Programme, identity: int) -> str | None:
    return next(one.fetch.url for one in programme.deliveries if one.identity == identity)


def _share(entry: Entry, fetches: list[Fetch]) -> float | None:
    """Return how much of the entry the fetches brought, 0 to 1; None if its size is not known."""
    spans = [(fetch.first_byte, fetch.first_byte + fetch.bytes) for fetch in fetches]
    if entry.byte_range_length:
        start = entry.byte_range_first or 0
        inside = [(max(low, start), min(high, start + entry.byte_range_length)) for low, high in spans]
        return min(1.0, covered(inside) / entry.byte_range_length)
    if any(fetch.is_whole and fetch.total in (None, fetch.bytes) for fetch in fetches):
        return 1.0
    size = max((fetch.total for fetch in fetches if fetch.total is not None), default=None)
    if size is None:
        fetch = max(fetches, key=lambda one: one.bytes)
        size = fetch.bytes + fetch.missing if fetch.missing else None
    return min(1.0, covered(spans) / size) if size else None
