"""FLV and transport streams in WebSocket to ws-flv and ws-ts sessions.

RFC 6455; the binary messages of one direction are one stream of media. The client is who asked for the connection; if
it sends the media, the session is `published`.

**Known limitations**: one connection is one session: players open a new one for each channel. Seconds of FLV are not
known. Other media than FLV and transport streams (fragments of MP4) make no session.
"""

from __future__ import annotations

from .addresses import host_of
from .fetches import Fetch, Fetches
from .model import GAPS, OPEN_AT_END, STARTS_BEFORE, Draft, Session
from .records import Body, TableReader, WebSocket, read
from .transport import note_seconds, note_streams

_DELIVERIES = {"flv": "ws-flv", "mpegts": "ws-ts"}
_SWITCHED = 101


def websocket_sessions(reader: TableReader, fetches: Fetches) -> list[Draft]:
    """Return the sessions of all WebSocket connections with media."""
    switched = {
        fetch.flow_id: fetch
        for fetch in fetches.all
        if fetch.exchange is not None and fetch.exchange.status == _SWITCHED
    }
    drafts = []
    for row in read(reader, "websocket", WebSocket):
        if row.media_body_offset is None:
            continue
        body = fetches.apart.get((row.flow_id, row.from_orig, row.media_body_offset))
        if body is not None and body.kind in _DELIVERIES and body.bytes:
            drafts.append(_draft(row, body, switched.get(row.flow_id), fetches))
    return drafts


def _draft(row: WebSocket, body: Body, asked: Fetch | None, fetches: Fetches) -> Draft:
    flow = fetches.flows.get(row.flow_id)
    client_is_orig = flow is None or (flow.orig_ip, flow.orig_port) == (row.client_ip, row.client_port)
    session = Session(delivery=_DELIVERIES[body.kind or ""], client_ip=row.client_ip)
    session.published = row.from_orig == client_is_orig
    session.stream = row.url
    session.kind, session.kind_basis = "live", "no length declared"
    session.edge_host = host_of(row.url)
    session.edge_ip, session.edge_port = row.server_ip, row.server_port
    session.hosts = [session.edge_host] if session.edge_host else []
    first = asked if asked is not None and asked.ts_ns <= row.ts_ns else row
    session.start_ns, session.first_frame = first.ts_ns, first.frame_no
    session.end_ns = max(body.last_ns or 0, body.ts_ns)
    session.last_frame = max(body.last_frame or 0, body.frame_no)
    session.bytes, session.missing_bytes = body.bytes, body.missing_bytes
    session.requests, session.media_objects = int(asked is not None), 1
    session.flow_ids = [row.flow_id]
    if asked is not None and asked.exchange is not None:
        session.user_agent = asked.exchange.user_agent
    carried = fetches.carried.get((row.flow_id, row.from_orig, row.media_body_offset or 0))
    draft = Draft(session, row.flow_id)
    if carried is not None:
        note_streams(draft, [carried[0]], carried[1])
        note_seconds(draft, [carried[0]])
    if asked is None:
        draft.faults.add(STARTS_BEFORE)
    else:
        shows = f"{session.client_ip} asked for {row.url} as a WebSocket connection."
        draft.cite(asked.flow_id, client_is_orig, asked.frame_no, None, None, shows)
    if body.missing_bytes is None or body.missing_bytes > 0:
        draft.faults.add(GAPS)
    if row.close_code is None and flow is not None and flow.closed_by() is None:
        draft.faults.add(OPEN_AT_END)
    sender = session.client_ip if session.published else session.edge_ip
    shows = f"First of {body.bytes} bytes of {body.kind} from {sender}, in {row.binary_messages} binary messages."
    draft.cite(body.flow_id, body.from_orig, body.frame_no, body.stream_offset, body.bytes, shows)
    return draft
