"""Playlist deliveries and media segments to HLS sessions.

RFC 8216; rfc8216bis for parts. A session is what one client address fetched of one programme: its playlists,
keys, initialisation sections and media, over all connections, hosts and redirects. It ends when the client
comes back to the playlist after a pause of more than 30 seconds and five target durations, or after one in which it
watched another programme from beginning to end: who zaps there and back has two viewings.

Live or not is told in this order: an end mark after growth is live; an end mark or the type VOD is vod; the
type EVENT or growth between deliveries is live; else nobody knows.

**Known limitations**: a playlist without any media delivered is no viewing and makes no session. Two players
behind one client address that play the same programme at the same time are one session. What came in between by
another delivery than HLS is not looked at.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .addresses import address
from .delivery import cite_body, cite_media, cite_redirects, cite_request, draft_of
from .fetches import Fetch, Fetches
from .hls_deliveries import read_deliveries
from .hls_groups import Delivery, Programme, programmes
from .hls_matching import REST_LEVEL, Match, Matcher
from .hls_media import delivered_seconds, played_first
from .model import DURATIONS_UNKNOWN, SECOND_NS, SKIPPED, STARTS_BEFORE, Draft, distinct
from .names import constant_title, session_data_title
from .records import Entry, TableReader
from .rests import rests_of

IDLE_NS = 30 * SECOND_NS
IDLE_TARGETS = 5
AWAY_NS = 3 * SECOND_NS
AWAY_TARGETS = 1.5
"""Who still watches a live programme asks for its playlist once per target duration, or more often."""
_SLACK_NS = 2 * SECOND_NS
"""What was asked for last may come while the next programme begins already."""

Span = tuple[int, int, int]
"""First and last time of a viewing, and which programme it was of."""


@dataclass(slots=True, eq=False)
class Viewing:
    """One span of a programme: what was fetched, in order, and what each fetch was for."""

    programme: Programme
    deliveries: list[Delivery] = field(default_factory=list)
    matched: list[tuple[Fetch, Match]] = field(default_factory=list)


def hls_sessions(reader: TableReader, fetches: Fetches) -> tuple[list[Draft], set[int]]:
    """Return the sessions, and the orders of the fetches that belong to playlists, in a session or not."""
    deliveries = read_deliveries(reader, fetches)
    drafts: list[Draft] = []
    claimed: set[int] = set()
    for client, asked in fetches.by_client():
        if client in deliveries:
            drafts += _of_client(deliveries[client], asked, fetches, claimed)
    return drafts, claimed


def _of_client(deliveries: list[Delivery], asked: list[Fetch], fetches: Fetches, claimed: set[int]) -> list[Draft]:
    found = programmes(deliveries)
    home = {delivery.fetch.order: programme for programme in found for delivery in programme.deliveries}
    claimed.update(home)
    named = {delivery.fetch.order: delivery for delivery in deliveries}
    matched: dict[int, list[tuple[Fetch, Match]]] = {id(programme): [] for programme in found}
    matcher = Matcher(deliveries)
    for fetch in asked:
        if fetch.order in home or fetch.followed or fetch.key is None:
            continue
        match = matcher.match(fetch)
        if match is not None:
            claimed.add(fetch.order)
            named[fetch.order] = match.delivery
            matched[id(home[match.delivery.fetch.order])].append((fetch, match))
    for fetch in asked:
        if fetch.rest_before is not None and fetch.order in named:
            delivery = named[fetch.order]
            of_programme = matched[id(home[delivery.fetch.order])]
            for rest in rests_of([fetch], [one for one, _ in of_programme]):
                claimed.add(rest.order)
                of_programme.append((rest, Match(delivery, [], REST_LEVEL)))
    viewings = [one for programme in found for one in _split(programme, matched[id(programme)])]
    if len(found) > 1:
        spans = sorted(span for one in viewings if (span := _span(one)) is not None)
        viewings = [one for programme in found for one in _split(programme, matched[id(programme)], spans)]
    return [draft for viewing in viewings if (draft := _draft(viewing, fetches)) is not None]


def _span(viewing: Viewing) -> Span | None:
    """Return the time in which media of a viewing were asked for and came, None if there were none."""
    media = [fetch for fetch, match in viewing.matched if match.role == "media" and fetch.answered]
    if not media:
        return None
    return min(fetch.root.ts_ns for fetch in media), max(fetch.end_ns for fetch in media), id(viewing.programme)


def _split(programme: Programme, matched: list[tuple[Fetch, Match]], viewed: Sequence[Span] = ()) -> Iterable[Viewing]:
    """Yield the spans of a programme: a new one begins where a playlist is asked for after a long pause.

    Args:
        programme: what was watched.
        matched: its media and keys.
        viewed: when its client watched something, in order: who watched another programme had left this one.
    """
    pause = max(IDLE_NS, int(IDLE_TARGETS * programme.target_s * SECOND_NS))
    away = max(AWAY_NS, int(AWAY_TARGETS * programme.target_s * SECOND_NS))
    events: list[tuple[int, Delivery | None, tuple[Fetch, Match] | None]] = [
        (delivery.fetch.root.order, delivery, None) for delivery in programme.deliveries
    ]
    events += [(pair[0].root.order, None, pair) for pair in matched]
    events.sort(key=lambda event: event[0])
    viewing = Viewing(programme)
    active_until: int | None = None
    for _, delivery, pair in events:
        if delivery is not None:
            fetch = delivery.fetch
            back = fetch.root.ts_ns
            gap = 0 if active_until is None else back - active_until
            if gap > pause or (gap > away and _was_away(viewed, id(programme), back - gap, back)):
                yield viewing
                viewing = Viewing(programme)
            viewing.deliveries.append(delivery)
        elif pair is not None:
            fetch = pair[0]
            viewing.matched.append(pair)
        active_until = max(active_until or 0, fetch.end_ns)
    yield viewing


def _was_away(viewed: Sequence[Span], programme: int, left_ns: int, back_ns: int) -> bool:
    """Return True if another programme was watched between two times, from beginning to end."""
    for at in range(bisect_left(viewed, (left_ns - _SLACK_NS,)), len(viewed)):
        first, last, watched = viewed[at]
        if first > back_ns:
            break
        if watched != programme and last <= back_ns + _SLACK_NS:
            return True
    return False


def _draft(viewing: Viewing, fetches: Fetches) -> Draft | None:
    media = [fetch for fetch, match in viewing.matched if match.role != "key" and fetch.answered]
    if not any(match.role == "media" and fetch.answered for fetch, match in viewing.matched):
        return None
    every = [delivery.fetch for delivery in viewing.deliveries] + [fetch for fetch, _ in viewing.matched]
    draft = draft_of("hls", every, media, fetches.flows)
    session = draft.session
    first = played_first(viewing.deliveries, viewing.programme)
    session.stream = first.fetch.root.url
    session.kind, session.kind_basis = live_or_vod(viewing.deliveries)
    brought = [pair for pair in viewing.matched if pair[0].answered and pair[1].role == "media"]
    clock = delivered_seconds(viewing.programme, brought)
    session.media_seconds, session.media_seconds_basis = clock.seconds, clock.basis
    if clock.some_unknown:
        draft.faults.add(DURATIONS_UNKNOWN)
    session.variants = clock.variants
    methods = distinct(_method(entry) for _, match in brought for entry in match.entries)
    session.encryption = ", ".join((*methods, *filter(None, (session.encryption,)))) or None
    session.key_urls = distinct(
        entry.key_url for _, match in brought for entry in match.entries if _method(entry) is not None
    )
    session.title = _title(viewing)
    if session.kind == "live" and clock.has_holes:
        draft.faults.add(SKIPPED)
    if first.fetch.root.ts_ns > media[0].root.ts_ns and not first.fetch.is_sent:
        draft.faults.add(STARTS_BEFORE)
    _cite(draft, viewing, first, media, every)
    return draft


def _method(entry: Entry) -> str | None:
    return entry.key_method if entry.key_method not in (None, "NONE") else None


def _title(viewing: Viewing) -> str | None:
    data = [text for one in viewing.deliveries for text in one.playlist.session_data or ()]
    named = session_data_title(data)
    if named is not None:
        return named
    titles = [entry.title for one in viewing.deliveries for entry in one.entries if entry.kind == "media-segment"]
    return constant_title(titles)


def live_or_vod(deliveries: Iterable[Delivery]) -> tuple[str | None, str | None]:
    """Return live, vod or None, and the reason, from the media playlists delivered."""
    playlists: dict[int, list[Delivery]] = {}
    for delivery in deliveries:
        if not delivery.is_multivariant:
            playlists.setdefault(delivery.identity, []).append(delivery)
    grew = {identity: _grew(polls) for identity, polls in playlists.items()}
    every = [one.playlist for polls in playlists.values() for one in polls]
    ended = any(playlist.has_endlist for playlist in every)
    types = {(playlist.playlist_type or "").upper() for playlist in every}
    reason = next((reason for reason in grew.values() if reason), None)
    if reason is not None:
        return "live", f"{reason}, then EXT-X-ENDLIST" if ended else reason
    if "VOD" in types:
        return "vod", "playlist type VOD"
    if ended:
        return "vod", "EXT-X-ENDLIST"
    if "EVENT" in types:
        return "live", "playlist type EVENT"
    return None, None


def _grew(polls: list[Delivery]) -> str | None:
    """Return in words how a playlist grew from one delivery to another; None if it did not."""
    states = [
        (poll.playlist.media_sequence or 0, poll.media_segments)
        for poll in polls
        if not (poll is polls[0] and poll.playlist.has_endlist)
    ]
    if polls[0].playlist.has_endlist or len(states) < 2:
        return None
    did = "sent anew" if polls[0].fetch.is_sent else "polled"
    # From one poll to the next: a server that was started again begins anew.
    if any(then[0] < now[0] for then, now in pairwise(states)):
        return f"playlist {did}, media sequence grew"
    if any(sum(then) < sum(now) for then, now in pairwise(states)):
        return f"playlist {did}, new media segments appeared"
    return None


def _cite(draft: Draft, viewing: Viewing, first: Delivery, media: list[Fetch], every: list[Fetch]) -> None:
    cite_redirects(draft, every)
    told: set[int] = set()
    for delivery in viewing.deliveries:
        if delivery.identity in told and delivery is not first:
            continue
        told.add(delivery.identity)
        cite_body(draft, delivery.fetch, _about_playlist(delivery))
    keys: set[object] = set()
    for fetch, match in viewing.matched:
        if match.role == "key" and fetch.key not in keys:
            keys.add(fetch.key)
            cite_request(draft, fetch, f"{fetch.client_ip} asked for the key {fetch.url} (status {fetch.status}).")
        elif match.role == "map" and fetch.key not in keys:
            keys.add(fetch.key)
            cite_body(draft, fetch, f"Initialisation section {fetch.url}, {fetch.bytes} bytes.")
    how = {fetch.order: match.how for fetch, match in viewing.matched}
    segments = [fetch for fetch, match in viewing.matched if match.role == "media" and fetch.answered]
    cite_media(draft, segments, "media segment", how)


def _about_playlist(delivery: Delivery) -> str:
    name = f"{'Multivariant' if delivery.is_multivariant else 'Media'} playlist {delivery.fetch.url}"
    did = "sent" if delivery.fetch.is_sent else "got"
    if delivery.is_multivariant:
        count = sum(entry.kind == "variant" for entry in delivery.entries)
        return f"{name} as {delivery.fetch.client_ip} {did} it, naming {count} variants."
    urls = {address(entry.url) for entry in delivery.entries if entry.kind == "media-segment"}
    return f"{name} as {delivery.fetch.client_ip} {did} it, naming media segments at {len(urls)} URLs."
