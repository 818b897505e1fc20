"""Bodies without a length that are transport streams or FLV to http-ts and http-flv sessions.

ISO/IEC 13818-1 in RFC 9112 bodies; Adobe FLV version 10.1. One long answer is one viewing. A connection that
broke and was opened again for the same URL within 30 seconds is the same viewing; but if the client itself
closed it and came back more than `LEFT_NS` later, the viewer had left.

**Known limitations**: two players behind one client address that watch the same URL at once are one session.
Seconds of FLV bodies are not known. A length of a terabyte or more is taken for none.
"""

from __future__ import annotations

from itertools import pairwise

from .addresses import Address
from .delivery import cite_media, cite_redirects, cite_request, draft_of
from .fetches import Fetch, Fetches
from .model import RECONNECTED, SECOND_NS, STARTS_BEFORE, Draft
from .transport import note_seconds

REJOIN_NS = 30 * SECOND_NS
LEFT_NS = 2 * SECOND_NS
"""Players that restart a stalled connection do so at once; a viewer who comes back has to press keys."""

_DELIVERIES = {"mpegts": "http-ts", "flv": "http-flv"}


def endless_sessions(fetches: Fetches, claimed: set[int]) -> list[Draft]:
    """Return the sessions of endless bodies; adds the orders of their fetches to `claimed`."""
    drafts: list[Draft] = []
    for _, asked in fetches.by_client():
        spans: list[list[Fetch]] = []
        latest: dict[tuple[str, Address], list[Fetch]] = {}
        for fetch in asked:
            if fetch.order in claimed or not _is_endless(fetch):
                continue
            claimed.add(fetch.order)
            key = fetch.root.key
            known = latest.get((fetch.kind or "", key)) if key is not None else None
            if known is not None and _continues(known, fetch, fetches):
                known.append(fetch)
                continue
            spans.append([fetch])
            if key is not None:
                latest[fetch.kind or "", key] = spans[-1]
        drafts += [_draft(span, fetches) for span in spans]
    return drafts


def _is_endless(fetch: Fetch) -> bool:
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
        session.kind, session.kind_basis = "live", "no length declared"
    if len(media) > 1:
        draft.faults.add(RECONNECTED)
    cite_redirects(draft, media)
    cite_request(draft, first, f"{first.client_ip} asked for {first.url or 'a URL that was not seen'}.")
    for before, fetch in pairwise(media):
        pause = max(0.0, (fetch.root.ts_ns - before.end_ns) / SECOND_NS)
        cite_request(draft, fetch, f"{fetch.client_ip} asked for {fetch.url} again, after {pause:.3f} s.")
    cite_media(draft, media, "body")
    return draft
