"""Bodies without a length that are transport streams or FLV to http-ts and http-flv sessions.

ISO/IEC 13818-1 in RFC 9112 bodies; Adobe FLV version 10.1. One long answer is one viewing. A connection that
broke and was opened again for the same URL within 30 seconds is the same viewing; but if the client itself
closed it and came back more than `LEFT_NS` later, the viewer had left. So had one who meanwhile watched something
else that began and ended between the two.

A film or an episode may be sent without a length as well: its path says so.

**Known limitations**: two players behind one client address that watch the same URL at once are one session, and a
short viewing by another device behind that address divides a session in two. Media files watched in between are not
looked at. Seconds of FLV bodies are not known. A length of a terabyte or more is taken for none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from .addresses import Address
from .delivery import cite_media, cite_redirects, cite_request, draft_of
from .fetches import Fetch, Fetches
from .model import RECONNECTED, SECOND_NS, STARTS_BEFORE, Draft
from .panel_paths import names_film
from .transport import note_seconds

REJOIN_NS = 30 * SECOND_NS
LEFT_NS = 2 * SECOND_NS
"""Players that restart a stalled connection do so at once; a viewer who comes back has to press keys."""

_DELIVERIES = {"mpegts": "http-ts", "flv": "http-flv"}


class _Viewing(NamedTuple):
    """A time in which a client watched something, and its URL if that was an endless body."""

    start_ns: int
    end_ns: int
    key: Address | None


def endless_sessions(fetches: Fetches, claimed: set[int], others: Iterable[Draft] = ()) -> list[Draft]:
    """Return the sessions of endless bodies; adds the orders of their fetches to `claimed`.

    Args:
        fetches: All fetches of the capture.
        claimed: Orders of the fetches that belong to other sessions.
        others: Sessions of other deliveries: who watched these had left what came before.
    """
    drafts: list[Draft] = []
    beside: dict[str, list[_Viewing]] = {}
    for one in (draft.session for draft in others if not draft.session.published):
        beside.setdefault(one.client_ip or "", []).append(_Viewing(one.start_ns, one.end_ns, None))
    for _, asked in fetches.by_client():
        viewings = [
            _Viewing(fetch.root.ts_ns, fetch.end_ns, fetch.root.key)
            for fetch in asked
            if fetch.order not in claimed and _is_endless(fetch) and fetch.root.key is not None
        ]
        viewings += [one for client in sorted({fetch.client_ip for fetch in asked}) for one in beside.get(client, ())]
        viewings.sort(key=lambda one: one.start_ns)
        spans: list[list[Fetch]] = []
        latest: dict[tuple[str, Address], list[Fetch]] = {}
        for fetch in asked:
            if fetch.order in claimed or not _is_endless(fetch):
                continue
            claimed.add(fetch.order)
            key = fetch.root.key
            known = latest.get((fetch.kind or "", key)) if key is not None else None
            if known is not None and _continues(known, fetch, fetches) and not _left(known[-1], fetch, viewings):
                known.append(fetch)
                continue
            spans.append([fetch])
            if key is not None:
                latest[fetch.kind or "", key] = spans[-1]
        drafts += [_draft(span, fetches) for span in spans]
    return drafts


def _is_endless(fetch: Fetch) -> bool:
    if fetch.is_over:
        return False
    return fetch.kind in _DELIVERIES and fetch.answered and fetch.declared is None and fetch.total is None


def _continues(known: list[Fetch], fetch: Fetch, fetches: Fetches) -> bool:
    last = known[-1]
    pause = fetch.root.ts_ns - last.end_ns
    flow = fetches.flows.get(last.flow_id)
    closed_by = flow.closed_by() if flow is not None else None
    if flow is not None and closed_by is not None:
        client_is_orig = (flow.orig_ip, flow.orig_port) == (last.client_ip, last.client_port)
        if client_is_orig == (closed_by == "originator"):
            return pause <= LEFT_NS
    return pause <= REJOIN_NS


def _left(last: Fetch, fetch: Fetch, viewings: Sequence[_Viewing]) -> bool:
    """Return True if the client watched something else between two answers to the same URL."""
    first_ns, last_ns = last.end_ns - LEFT_NS, fetch.root.ts_ns + LEFT_NS
    begin = bisect_left(viewings, first_ns, key=lambda one: one.start_ns)
    for viewing in viewings[begin:]:
        if viewing.start_ns >= fetch.root.ts_ns:
            break
        if viewing.end_ns <= last_ns and viewing.end_ns > last.end_ns and viewing.key != fetch.root.key:
            return True
    return False


def _kind(media: Sequence[Fetch]) -> tuple[str | None, str | None]:
    films = {names_film(one.key.path) for fetch in media for one in fetch.chain if one.key is not None}
    if True in films:
        return "vod", "the path asks for a film or an episode, though no length was declared"
    return (None, None) if None in films else ("live", "no length declared")


def _draft(media: list[Fetch], fetches: Fetches) -> Draft:
    first = media[0]
    draft = draft_of(_DELIVERIES[first.kind or ""], media, media, fetches.flows)
    session = draft.session
    session.stream = first.root.url
    note_seconds(draft, [fetch.stream for fetch in media])
    flow = fetches.flows.get(first.flow_id)
    if first.exchange is None or (not first.is_request and flow is not None and flow.starts_midstream):
        draft.faults.add(STARTS_BEFORE)
    if first.exchange is not None:
        session.kind, session.kind_basis = _kind(media)
    if len(media) > 1:
        draft.faults.add(RECONNECTED)
    cite_redirects(draft, media)
    did = "sent a stream to" if first.is_sent else "asked for"
    cite_request(draft, first, f"{first.client_ip} {did} {first.url or 'a URL that was not seen'}.")
    for before, fetch in pairwise(media):
        pause = max(0.0, (fetch.root.ts_ns - before.end_ns) / SECOND_NS)
        cite_request(draft, fetch, f"{fetch.client_ip} {did} {fetch.url} again, after {pause:.3f} s.")
    cite_media(draft, media, "body")
    return draft
