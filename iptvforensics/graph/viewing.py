"""Viewing sessions to edges between clients, streams and hosts.

A session with media that were seen is conclusive for who received what from where: its frames show it. One that is
inferred from the shape of encrypted traffic is supporting. A session whose stream is not named on the wire gets a
stream node of its own, since two unnamed streams of one server need not be the same.

**Known limitations**: a session's bytes are put on the host that sent most of its media.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from ..sessions.addresses import host_of
from .model import Assembly, Seen
from .naming import SPAN, seen_in

if TYPE_CHECKING:
    from .build import TableReader

_COLUMNS = (
    "capture_id, session_id, client_ip, delivery, published, stream, channel, title, kind, edge_host, edge_ip, "
    "edge_port, start_ns, end_ns, coalesce(bytes, 0), first_frame, basis"
)


class _Session(NamedTuple):
    capture_id: str
    session_id: str
    client_ip: str | None
    delivery: str | None
    published: bool | None
    stream: str | None
    channel: str | None
    title: str | None
    kind: str | None
    edge_host: str | None
    edge_ip: str | None
    edge_port: int | None
    start_ns: int | None
    end_ns: int | None
    bytes: int
    first_frame: int | None
    basis: str | None


def add_sessions(reader: TableReader, assembly: Assembly) -> list[tuple[str, str, Seen]]:
    """Add the edges of every session; return host, address and session of those whose host is named."""
    frames = _evidence(reader)
    playlists = _playlists(reader)
    contacts: list[tuple[str, str, Seen]] = []
    rows = reader.select(f"SELECT {_COLUMNS} FROM sessions ORDER BY capture_id, session_id")  # noqa: S608
    for row in rows:
        session = _Session(*row)
        key = (session.capture_id, session.session_id)
        found = frames.get(key, [])
        if not found and session.first_frame is not None:
            found = [session.first_frame]
        seen = Seen(
            session.capture_id, session.start_ns, session.end_ns, 1, tuple(found), len(found), int(session.bytes)
        )
        stream, server = _add_session(assembly, session, seen)
        for url, span in playlists.get(key, ()):
            host = host_of(url)
            if host is not None and assembly.place(host) != server:
                served = seen_in(session.capture_id, span)
                assembly.relate(stream, assembly.place(host), "served-by", "playlist-response", "strong", served)
        if server is not None and server.startswith("host:") and session.edge_ip and session.basis != "shape":
            address = assembly.node("address", session.edge_ip)
            assembly.observe(address, seen, media=True)
            contacts.append((server, address, replace(seen, bytes=0)))
    return contacts


def add_session_addresses(assembly: Assembly, contacts: Iterable[tuple[str, str, Seen]]) -> None:
    """Add the addresses of session hosts that no protocol's own rule has found."""
    missing = [c for c in contacts if not assembly.joins(c[0], c[1], "resolves-to")]
    for host, address, seen in missing:
        assembly.relate(host, address, "resolves-to", "session-edge", "strong", seen)


def _playlists(reader: TableReader) -> dict[tuple[str, str], list[tuple[str, tuple[Any, ...]]]]:
    """Return URL and span of the playlists that were delivered in the flows of each session."""
    if not reader.has("playlists"):
        return {}
    rows = reader.select(
        "WITH used AS (SELECT DISTINCT capture_id, session_id, flow_ids, unnest(variants) AS url FROM sessions "  # noqa: S608
        "WHERE NOT coalesce(published, false)) "
        f"SELECT capture_id, session_id, url, {SPAN} FROM used JOIN playlists USING (capture_id, url) "
        "WHERE list_contains(flow_ids, flow_id) GROUP BY ALL ORDER BY ALL"
    )
    found: dict[tuple[str, str], list[tuple[str, tuple[Any, ...]]]] = {}
    for capture_id, session_id, url, *span in rows:
        found.setdefault((capture_id, session_id), []).append((url, tuple(span)))
    return found


def _evidence(reader: TableReader) -> dict[tuple[str, str], list[int]]:
    """Return the frames that support each session."""
    if not reader.has("evidence"):
        return {}
    rows = reader.select(
        "SELECT DISTINCT capture_id, row_id, frame_no FROM evidence SEMI JOIN "
        "(SELECT capture_id, session_id AS row_id FROM sessions) USING (capture_id, row_id) "
        "WHERE frame_no IS NOT NULL ORDER BY capture_id, row_id, frame_no"
    )
    frames: dict[tuple[str, str], list[int]] = {}
    for capture_id, row_id, frame in rows:
        frames.setdefault((capture_id, row_id), []).append(frame)
    return frames


def _add_session(assembly: Assembly, session: _Session, seen: Seen) -> tuple[str, str | None]:
    """Add one session; return its stream and its server, if one is known."""
    rule = f"session-{session.delivery or 'unknown'}"
    strength = "conclusive" if seen.bytes > 0 and session.basis != "shape" else "supporting"
    publishes = bool(session.published)
    stream = _stream_node(assembly, session)
    assembly.observe(stream, seen, media=True)
    server = _server_node(assembly, session)
    if server is not None:
        assembly.observe(server, seen, media=True)
    if session.client_ip:
        client = assembly.node("client", session.client_ip)
        assembly.observe(client, seen, media=True)
        assembly.relate(client, stream, "publishes" if publishes else "watched", rule, strength, seen)
        if server is not None:
            assembly.relate(client, server, "pushes-to" if publishes else "streams-from", rule, strength, seen)
    if server is not None and not publishes:
        assembly.relate(stream, server, "served-by", rule, strength, seen)
    return stream, server


def _stream_node(assembly: Assembly, session: _Session) -> str:
    server = host_of(session.edge_host) or session.edge_ip or "unknown"
    if session.stream is None:
        port = f":{session.edge_port}" if session.edge_port is not None else ""
        name, label = f"unnamed:{session.session_id}", f"unnamed, from {server}{port}"
    elif "://" in session.stream:
        name, label = session.stream, _url_label(session.stream)
    else:  # names such as RTMP's application and stream mean something only at their server
        name, label = f"{session.stream}@{server}", session.stream
    if session.channel or session.title:
        label = f"{session.channel or session.title} · {label}"
    stream = assembly.node("stream", name, label)
    for attribute in ("delivery", "channel", "title"):
        assembly.describe(stream, attribute, getattr(session, attribute))
    assembly.describe(stream, "media", session.kind)
    return stream


def _url_label(url: str) -> str:
    """Return what tells one stream of a host from another: path and query; for datagrams the group."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    rest = parts.path + (f"?{parts.query}" if parts.query else "")
    return rest if len(rest) > 1 else url


def _server_node(assembly: Assembly, session: _Session) -> str | None:
    name = host_of(session.edge_host) or session.edge_host or session.edge_ip
    return assembly.place(name) if name else None
