"""Fetches of a session to the columns that every delivery over HTTP has.

Who asked, who sent, when, how much, and what could not be seen; and the sentences of the evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from .fetches import Fetch
from .model import GAPS, NOT_ANSWERED, NOT_WHOLE, OPEN_AT_END, REQUESTS_NOT_SEEN, Draft, Session, distinct, most_common
from .records import Flow
from .transport import note_streams


def with_chains(fetches: Iterable[Fetch]) -> list[Fetch]:
    """Return the fetches and the redirects that led to them, in order of time, each once."""
    found = {fetch.order: fetch for last in fetches for fetch in last.chain}
    return [found[order] for order in sorted(found)]


def draft_of(delivery: str, fetches: Sequence[Fetch], media: Sequence[Fetch], flows: dict[int, Flow]) -> Draft:
    """Return a session with the columns filled that every delivery over HTTP has.

    Args:
        delivery: Value of the column of that name.
        fetches: All fetches that belong to the session, without the redirects that led to them.
        media: Those among them that brought media, in order; at least one.
        flows: Flows of the capture.
    """
    chain = with_chains(fetches)
    session = Session(delivery=delivery, client_ip=media[0].client_ip)
    session.start_ns = chain[0].ts_ns
    session.first_frame = chain[0].frame_no
    session.end_ns = max(fetch.end_ns for fetch in media)
    session.last_frame = max(fetch.last_frame for fetch in media)
    session.bytes = sum(fetch.bytes for fetch in media)
    known = [fetch.missing for fetch in media if fetch.missing is not None]
    session.missing_bytes = sum(known) if known else None
    session.requests = sum(fetch.is_request for fetch in chain)
    session.media_objects = len(media)
    session.flow_ids = sorted({fetch.flow_id for fetch in chain})
    session.user_agent = most_common(fetch.exchange.user_agent for fetch in chain if fetch.exchange is not None)
    session.hosts = distinct(fetch.host for fetch in chain)
    session.panel_host = _sender_elsewhere(fetches)
    session.edge_host, (session.edge_ip, session.edge_port) = _edge(media)
    draft = Draft(session, chain[0].flow_id)
    streams = [fetch.stream for fetch in media if fetch.stream is not None]
    note_streams(draft, streams, [service for fetch in media for service in fetch.services])
    _note_faults(draft, fetches, media, flows)
    return draft


def _sender_elsewhere(fetches: Sequence[Fetch]) -> str | None:
    """Return the host asked first, if it sent the client to another host."""
    for fetch in sorted(fetches, key=lambda one: one.root.order):
        chain = fetch.chain
        for here, there in pairwise(chain):
            if here.host is not None and there.host is not None and here.host != there.host:
                return here.host
        if len(chain) > 1:
            break
    return None


def _edge(media: Sequence[Fetch]) -> tuple[str | None, tuple[str | None, int | None]]:
    sent: dict[tuple[str | None, tuple[str | None, int | None]], int] = {}
    for fetch in media:
        source = (fetch.host, fetch.server)
        sent[source] = sent.get(source, 0) + fetch.bytes
    return max(sent, key=lambda source: sent[source])


def _note_faults(draft: Draft, fetches: Sequence[Fetch], media: Sequence[Fetch], flows: dict[int, Flow]) -> None:
    if any(fetch.missing is None or fetch.missing > 0 for fetch in media):
        draft.faults.add(GAPS)
    if any(not fetch.is_request for fetch in fetches):
        draft.faults.add(REQUESTS_NOT_SEEN)
    delivered = {fetch.order for fetch in media}
    if any(fetch.order not in delivered and _is_denied(fetch) for fetch in fetches):
        draft.faults.add(NOT_ANSWERED)
    if any(is_open_at_end(fetch, flows) for fetch in media):
        draft.faults.add(OPEN_AT_END)
    elif any(not fetch.is_whole and fetch.declared is not None and fetch.missing == 0 for fetch in media):
        draft.faults.add(NOT_WHOLE)


def _is_denied(fetch: Fetch) -> bool:
    return fetch.status is None or fetch.status >= 400


def is_open_at_end(fetch: Fetch, flows: dict[int, Flow]) -> bool:
    """Return True if the body was still being sent when the capture ended."""
    flow = flows.get(fetch.flow_id)
    # A body that stops short without a loss, on a connection that nobody closed, was cut by the capture's end.
    return not fetch.is_whole and fetch.missing == 0 and flow is not None and flow.closed_by() is None


def cite_request(draft: Draft, fetch: Fetch, shows: str) -> None:
    """Cite the request line of a fetch (method, target), or its response if no request was seen."""
    exchange = fetch.exchange
    if exchange is None:
        cite_body(draft, fetch, shows)
        return
    length = None
    if exchange.method is not None and exchange.target is not None:
        length = len(exchange.method) + 1 + len(exchange.target.encode("utf-8", "surrogateescape"))
    draft.cite(exchange.flow_id, exchange.from_orig, exchange.frame_no, exchange.stream_offset, length, shows)


def cite_body(draft: Draft, fetch: Fetch, shows: str) -> None:
    """Cite the body of a fetch, or its request if no body was seen."""
    body = fetch.body
    if body is None:
        if fetch.exchange is not None:
            cite_request(draft, fetch, shows)
        return
    is_answer = fetch.exchange is not None and not fetch.is_sent
    coded = fetch.exchange.response_body_bytes if fetch.exchange is not None and is_answer else body.bytes
    # The length on the wire is known for plain bodies only: chunk headers lie between the pieces of others.
    length = None if fetch.is_chunked or coded is None or body.missing_bytes is None else coded + body.missing_bytes
    draft.cite(body.flow_id, body.from_orig, body.frame_no, body.stream_offset, length, shows)


def cite_redirects(draft: Draft, fetches: Iterable[Fetch]) -> None:
    """Cite each redirect that led to one of the fetches; the first of those with the same two hosts."""
    told: set[tuple[str | None, str | None]] = set()
    for fetch in with_chains(fetches):
        if not fetch.followed or fetch.exchange is None:
            continue
        answer = fetch.exchange
        pair = (fetch.host, fetch.leads_to.split("/")[2] if fetch.leads_to else None)
        if pair in told:
            continue
        told.add(pair)
        cite_request(
            draft,
            fetch,
            f"{fetch.client_ip} asked for {fetch.url} and was sent to {fetch.leads_to} "
            f"(status {answer.status}, response in frame {answer.response_frame_no}).",
        )


def cite_media(draft: Draft, media: Sequence[Fetch], what: str, how: dict[int, str] | None = None) -> None:
    """Cite the first and the last media body; `how` says for a fetch on what the session claims it."""
    ends = [("First", media[0])] if len(media) == 1 else [("First", media[0]), ("Last", media[-1])]
    for word, fetch in ends:
        claim = f", {how[fetch.order]}" if how and fetch.order in how else ""
        name = fetch.url or "a URL that was not seen"
        source = fetch.server[0] or "a server behind a proxy"
        way = "to" if fetch.is_sent else "from"
        shows = f"{word} {what} of the session: {fetch.bytes} bytes of {name}{claim}, {way} {source}."
        cite_body(draft, fetch, shows)
