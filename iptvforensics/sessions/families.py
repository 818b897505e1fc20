"""Numbered media bodies without a playlist to HLS sessions.

Where the playlist was not captured (it came encrypted, or before the capture), media segments still show
themselves: one client fetches whole, short bodies whose URLs differ in one growing number. A panel's channels and
films have such URLs, too: their paths are left out, and where a path may be either, transport streams are media
segments only if each goes on in time where the one before ended.

**Known limitations**: a family needs two bodies; a single one cannot be told from a file. Numbers must grow in
most steps. Where requests were not captured, all short bodies of one server to one client count as one
stream, and whether it was live is not told. Variants of one programme with different URLs are separate sessions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from .addresses import Address, family
from .delivery import cite_media, cite_redirects, draft_of
from .fetches import Fetch, Fetches
from .hls import IDLE_NS
from .model import DURATIONS_UNKNOWN, PLAYLIST_NOT_CAPTURED, STARTS_BEFORE, Draft
from .panel_paths import is_panel_media, may_be_panel_media
from .records import TransportStream
from .rests import REST_HOW, adjoins, rests_of
from .transport import note_seconds

_LONGEST_S = 60.0
"""Media segments last 2 to 15 seconds; a minute is beyond all use, and shorter than any film."""
_FRAGMENT_NAMES = (".ts", ".m4s", ".cmfv", ".cmfa", ".aac")
Numbered = tuple[Fetch, int]


def family_sessions(fetches: Fetches, claimed: set[int]) -> list[Draft]:
    """Return the sessions made of fetches that no playlist named; adds the orders of these to `claimed`."""
    drafts = []
    for _, asked in fetches.by_client():
        families: dict[tuple[str, str], list[Numbered]] = {}
        for fetch in asked:
            if fetch.order in claimed or not _may_be_segment(fetch):
                continue
            # Without requests the bodies of one server to one client are counted through.
            nameless = len(families.get(_nameless(fetch), ()))
            found = _family_of(fetch) if fetch.key is not None else (_nameless(fetch), nameless)
            if found is not None:
                families.setdefault(found[0], []).append((fetch, found[1]))
        for members in families.values():
            for run in _runs(members):
                if _grows([number for _, number in run]) and not _may_be_several(run):
                    numbered = [fetch for fetch, _ in run]
                    rests = rests_of(numbered, numbered)
                    claimed.update(fetch.order for fetch in (*rests, *numbered))
                    drafts.append(_draft(run, rests, fetches))
    return drafts


def _nameless(fetch: Fetch) -> tuple[str, str]:
    return "", f"{fetch.server[0]} {fetch.server[1]}"


def _family_of(fetch: Fetch) -> tuple[tuple[str, str], int] | None:
    key = fetch.root.key or fetch.key
    if key is None or any(one.key is not None and is_panel_media(one.key.path) for one in fetch.chain):
        return None
    return family(key)


def _may_be_segment(fetch: Fetch) -> bool:
    """Return True for a whole, short body that is a transport stream, a fragment or encrypted media."""
    if not fetch.answered or (fetch.media_s or 0.0) > _LONGEST_S:
        return False
    named = fetch.key is not None and fetch.key.path.lower().endswith(_FRAGMENT_NAMES)
    media = fetch.kind == "mpegts" or (fetch.kind in (None, "mp4", "aac", "id3") and named)
    if fetch.is_sent and not named:  # encoders send whole streams as they send media segments
        return False
    return media and (fetch.declared is not None or (fetch.is_chunked and fetch.is_whole))


def _runs(members: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    run: list[Numbered] = []
    for fetch, number in members:
        if run and fetch.root.ts_ns - run[-1][0].end_ns > IDLE_NS:
            yield run
            run = []
        run.append((fetch, number))
    if run:
        yield run


def _grows(numbers: list[int]) -> bool:
    steps = [after - before for before, after in pairwise(numbers)]
    return sum(step > 0 for step in steps) > sum(step < 0 for step in steps)


def _may_be_several(run: list[Numbered]) -> bool:
    """Return True if the URLs may be those of channels or films, and no clock shows one programme that goes on."""
    first = run[0][0]
    key = first.root.key or first.key
    if key is None or not may_be_panel_media(key.path, key.query) or not any(fetch.stream for fetch, _ in run):
        return False
    steps = [adjoins(before, after) for (before, one), (after, next_one) in pairwise(run) if next_one == one + 1]
    return 2 * sum(steps) <= len(steps)


def common_prefix(addresses: list[Address]) -> str:
    """Return what the URLs share from their beginning; the query is left out, a number is not cut in two."""
    urls = [f"{key.site}{key.path}" for key in addresses]
    low, high = min(urls), max(urls)
    length = next((at for at, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]), len(low))
    while length and low[length - 1].isdigit():
        length -= 1
    prefix = low[:length]
    site = addresses[0].site
    plain = site.removesuffix(":80") if site.startswith("http:") else site.removesuffix(":443")
    return plain + prefix[len(site) :]


def _draft(run: list[Numbered], rests: list[Fetch], fetches: Fetches) -> Draft:
    media = [*rests, *(fetch for fetch, _ in run)]
    draft = draft_of("hls", media, media, fetches.flows)
    session = draft.session
    addresses = [key for fetch in media if (key := fetch.root.key or fetch.key) is not None]
    if addresses:
        session.stream = common_prefix(addresses)
        draft.faults.add(PLAYLIST_NOT_CAPTURED)
    distinct: dict[int, TransportStream | None] = {}
    for fetch, number in run:
        if distinct.get(number) is None:
            distinct[number] = fetch.stream if fetch.media_s is not None else None
    note_seconds(draft, [*(rest.stream for rest in rests), *distinct.values()])
    if rests:
        draft.faults.add(STARTS_BEFORE)
    if None in distinct.values():
        draft.faults.add(DURATIONS_UNKNOWN)
    cite_redirects(draft, media)
    how = {fetch.order: f"number {number} of a growing row of names" for fetch, number in run if addresses}
    how |= {rest.order: REST_HOW for rest in rests}
    cite_media(draft, media, "media segment", how)
    return draft
