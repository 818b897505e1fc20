"""Data in SRT connections to srt sessions.

draft-sharabayko-srt-01. One direction of a connection in which data went is one session. The client is who called; if
the caller sends, the session is `published`. The stream's name is the stream identifier, as the caller sent it; without
one the address and port that were called. SRT names no host: `edge_host` is the name that the client had asked DNS for,
by its last answer with that address.

**Known limitations**: connections of one group (bonding) are sessions of their own, whose evidence names the group. Of
a connection whose handshake was not captured the receiver is taken for the client, and the
name is not known. Seconds and channel are known where a transport stream was sent in clear.
"""

from __future__ import annotations

from .fetches import Fetches
from .model import GAPS, OPEN_AT_END, STARTS_BEFORE, Draft, Session
from .records import DnsMessage, Flow, SrtConnection, SrtStream, TableReader, read
from .transport import note_seconds, note_streams

FILE_MODE = "file"
"""The congestion control that transfers files: what comes so does not come as it happens."""


def srt_sessions(reader: TableReader, fetches: Fetches) -> list[Draft]:
    """Return the sessions of all SRT connections with data."""
    connections: dict[tuple[int, int | None], SrtConnection] = {}
    for connection in read(reader, "srt", SrtConnection):
        for socket in (connection.caller_socket, connection.listener_socket):
            connections[connection.flow_id, socket] = connection
    drafts = []
    streams = read(reader, "srt_streams", SrtStream)
    answers = read(reader, "dns", DnsMessage) if reader.has("dns") and streams else []
    for stream in streams:
        flow = fetches.flows.get(stream.flow_id)
        if flow is not None and stream.payload_bytes:
            opened = connections.get((stream.flow_id, stream.destination_socket))
            drafts.append(_draft(stream, opened, flow, fetches))
            _name_host(drafts[-1], answers)
    return drafts


def _name_host(draft: Draft, answers: list[DnsMessage]) -> None:
    """Add the name under which the client looked the server up."""
    session = draft.session
    found = None
    for answer in answers:
        if answer.ts_ns > session.start_ns:
            break
        if answer.is_response and answer.client_ip == session.client_ip and session.edge_ip in (answer.addresses or ()):
            found = answer
    if found is not None and found.query_name:
        session.edge_host = found.query_name.lower().rstrip(".")
        session.hosts = [session.edge_host]
        shows = f"{session.client_ip} was told that {session.edge_host} is {session.edge_ip}."
        draft.cite(found.flow_id, found.from_orig, found.frame_no, found.stream_offset, None, shows)


def _draft(stream: SrtStream, opened: SrtConnection | None, flow: Flow, fetches: Fetches) -> Draft:
    orig, resp = (flow.orig_ip, flow.orig_port), (flow.resp_ip, flow.resp_port)
    sender, receiver = (orig, resp) if stream.from_orig else (resp, orig)
    published = bool(stream.is_from_caller)
    client, server = (sender, receiver) if published else (receiver, sender)
    session = Session(delivery="srt", client_ip=client[0], published=published)
    host = f"[{server[0]}]" if ":" in server[0] else server[0]
    session.stream = stream.stream_id or (f"srt://{host}:{server[1]}" if opened is not None else None)
    if opened is None or opened.congestion_control != FILE_MODE:
        session.kind, session.kind_basis = "live", "sent as datagrams"
    session.edge_ip, session.edge_port = server
    first = opened if opened is not None and opened.ts_ns <= stream.ts_ns else stream
    session.start_ns, session.first_frame = first.ts_ns, first.frame_no
    session.end_ns, session.last_frame = max(stream.last_ns, stream.ts_ns), max(stream.last_frame_no, stream.frame_no)
    session.bytes = stream.payload_bytes
    session.missing_bytes = None if stream.lost_packets else 0
    session.requests = int(opened is not None)
    session.media_objects = 1
    session.flow_ids = [flow.flow_id]
    draft = Draft(session, flow.flow_id)
    at = stream.payload_offset
    carried = None if at is None else fetches.carried.get((stream.flow_id, stream.from_orig, at))
    if carried is not None:
        note_streams(draft, [carried[0]], carried[1])
        note_seconds(draft, [carried[0]])
    if stream.is_encrypted:
        session.encryption = ", ".join(filter(None, (_encryption(opened), session.encryption)))
    if stream.lost_packets or stream.sequence_jumps:
        draft.faults.add(GAPS)
    if opened is None:
        draft.faults.add(STARTS_BEFORE)
    elif opened.closed_by is None:
        draft.faults.add(OPEN_AT_END)
    _cite(draft, stream, opened, sender[0])
    return draft


def _encryption(opened: SrtConnection | None) -> str:
    if opened is None or not (opened.cipher or opened.key_bits):
        return "SRT"
    return f"SRT {opened.cipher or 'AES'}" + (f" {opened.key_bits}" if opened.key_bits else "")


def _cite(draft: Draft, stream: SrtStream, opened: SrtConnection | None, sender: str) -> None:
    session = draft.session
    if opened is not None:
        named = f"as {opened.stream_id}" if opened.stream_id else "without a stream identifier"
        shows = f"{session.client_ip} called {session.edge_ip} port {session.edge_port} {named}."
        if opened.bonding_group is not None:
            shows += f" It is a connection of group {opened.bonding_group}: others of it carry the same or parts of it."
        draft.cite(opened.flow_id, opened.from_orig, opened.frame_no, opened.stream_offset, None, shows)
    closed = ", encrypted" if stream.is_encrypted else ""
    shows = f"First of {stream.packets} data packets from {sender}{closed}: {stream.payload_bytes} bytes in all."
    draft.cite(stream.flow_id, stream.from_orig, stream.frame_no, stream.stream_offset, None, shows)
