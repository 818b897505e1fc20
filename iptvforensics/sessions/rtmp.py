"""RTMP commands and media to rtmp and rtmp-publish sessions.

Adobe RTMP 1.0 section 7.2.2 (play: start -2 live or recorded, -1 live, 0 or more recorded; publish). One
period of media on one message stream is one session. Media whose commands were not captured are told by
their direction: from the server they are played, from the client published.

Live or recorded is what either side says: the server by the duration in the metadata of this very play, the client by
the start that it asks for. Clients based on librtmp ask for start 0 where nobody told them that a stream is live, so
that 0 alone leaves `kind` open.

**Known limitations**: nothing shows that a server keeps to the start that it was asked for. Reconnections are
separate sessions.
"""

from __future__ import annotations

import json

from .addresses import host_of
from .model import GAPS, OPEN_AT_END, REQUESTS_NOT_SEEN, STARTS_BEFORE, Draft, Session, distinct
from .records import Flow, RtmpMedia, RtmpMessage, TableReader, read

_STOPS = frozenset(("deleteStream", "closeStream", "FCUnpublish"))
_EITHER = frozenset((-2.0, -2000.0))
"""Starts that ask for a live stream, or a recording if there is none: in seconds, and in milliseconds as players do."""


def rtmp_sessions(reader: TableReader, flows: dict[int, Flow]) -> list[Draft]:
    """Return the sessions of all RTMP media."""
    messages: dict[int, list[RtmpMessage]] = {}
    for message in read(reader, "rtmp", RtmpMessage):
        messages.setdefault(message.flow_id, []).append(message)
    drafts = []
    begun: set[int] = set()
    for media in read(reader, "rtmp_media", RtmpMedia):
        if (media.audio_bytes or 0) + (media.video_bytes or 0) == 0:
            continue
        drafts.append(_draft(media, messages.get(media.flow_id, []), flows.get(media.flow_id), begun))
    return drafts


def _endpoints(messages: list[RtmpMessage], flow: Flow | None) -> tuple[str | None, int | None, str | None, int | None]:
    """Return address and port of the client, then of the server."""
    if messages:
        one = messages[0]
        return one.client_ip, one.client_port, one.server_ip, one.server_port
    if flow is None:
        return None, None, None, None
    return flow.orig_ip, flow.orig_port, flow.resp_ip, flow.resp_port


def _command_of(media: RtmpMedia, messages: list[RtmpMessage], name: str) -> RtmpMessage | None:
    """Return the command that began the media: the latest of its message stream before them.

    Where lost bytes leave the message stream open, the name is what ties them.
    """
    by_name = media.message_stream_id is None and media.stream_name is not None
    fitting = [
        message
        for message in messages
        if message.command == name
        and message.kind == "command"
        and (by_name or message.message_stream_id == media.message_stream_id)
        and (message.stream_name is None or media.stream_name is None or message.stream_name == media.stream_name)
    ]
    before = [message for message in fitting if message.ts_ns <= media.ts_ns]
    return before[-1] if before else None


def _is_publish(media: RtmpMedia, client: tuple[str | None, int | None], flow: Flow | None) -> bool:
    if media.role in ("play", "publish"):
        return media.role == "publish"
    client_is_orig = flow is None or client == (flow.orig_ip, flow.orig_port)
    return media.from_orig == client_is_orig


def _draft(media: RtmpMedia, messages: list[RtmpMessage], flow: Flow | None, begun: set[int]) -> Draft:
    client_ip, client_port, server_ip, server_port = _endpoints(messages, flow)
    publish = _is_publish(media, (client_ip, client_port), flow)
    command = _command_of(media, messages, "publish" if publish else "play")
    connect = next((one for one in messages if one.kind == "command" and one.command == "connect"), None)
    # The connection's own beginning belongs to the first thing played on it.
    first: RtmpMessage | RtmpMedia = media
    if command is not None:
        first = command if media.flow_id in begun else min(messages[0], command, key=lambda one: one.ts_ns)
        begun.add(media.flow_id)
    app = media.app or (command.app if command is not None else None)
    name = media.stream_name or (command.stream_name if command is not None else None)
    tc_url = media.tc_url or (connect.tc_url if connect is not None else None)
    session = Session(delivery="rtmp-publish" if publish else "rtmp", client_ip=client_ip, published=publish)
    # Without its application, which the connection names once, a name may be that of several streams: see the evidence.
    session.stream = "/".join(part for part in (app, name) if part) if name and app is not None else None
    session.kind, session.kind_basis = _kind(publish, command, media, messages)
    session.edge_host = host_of(tc_url)
    session.edge_ip, session.edge_port = server_ip, server_port
    session.hosts = distinct([session.edge_host])
    session.start_ns, session.first_frame = first.ts_ns, first.frame_no
    session.end_ns = max(media.last_ns or 0, media.ts_ns)
    session.last_frame = max(media.last_frame_no or 0, media.frame_no)
    session.bytes = (media.audio_bytes or 0) + (media.video_bytes or 0)
    session.media_seconds = media.media_s
    session.media_seconds_basis = "RTMP timestamps" if media.media_s is not None else None
    session.missing_bytes = media.missing_bytes
    session.requests = int(command is not None)
    session.media_objects = 1
    session.user_agent = connect.flash_ver if connect is not None else None
    session.flow_ids = [media.flow_id]
    draft = Draft(session, media.flow_id)
    if command is None:
        seen = flow is not None and not flow.starts_midstream and connect is not None
        draft.faults.add(REQUESTS_NOT_SEEN if seen else STARTS_BEFORE)
    if media.missing_bytes is None or media.missing_bytes > 0 or _lacks_beginning(media, command, messages):
        draft.faults.add(GAPS)
    if not _is_stopped(media, messages) and flow is not None and flow.closed_by() is None:
        draft.faults.add(OPEN_AT_END)
    _cite(draft, media, connect, command)
    return draft


def _lacks_beginning(media: RtmpMedia, command: RtmpMessage | None, messages: list[RtmpMessage]) -> bool:
    """Return True if media came that were asked for, and what a server says before them was not captured."""
    if media.complete or command is None or command.from_orig == media.from_orig:
        return False
    return not any(
        one.command == "onStatus" and one.from_orig == media.from_orig and one.ts_ns <= media.ts_ns for one in messages
    )


def _is_stopped(media: RtmpMedia, messages: list[RtmpMessage]) -> bool:
    """Return True if a command ended the media before the connection ended."""
    last = media.last_ns or media.ts_ns
    return any(message.command in _STOPS and message.ts_ns >= last for message in messages)


def _kind(
    publish: bool, command: RtmpMessage | None, media: RtmpMedia, messages: list[RtmpMessage]
) -> tuple[str | None, str | None]:
    if publish:
        return "live", "publish"
    metadata = _metadata(media, command, messages)
    duration = _duration(metadata)
    if duration is not None and duration > 0:
        return "vod", f"metadata: duration {duration:g} s"
    if command is None:
        return None, None
    start = command.play_start
    if start is None or start in _EITHER:
        # What was not captured may have named a duration.
        is_told = bool(metadata) or bool(media.complete)
        return ("live", "RTMP play without duration") if is_told else (None, None)
    if start < 0:
        return "live", f"the client asked for a live stream (RTMP play, start {start:g})"
    if start > 0:
        return "vod", f"the client asked for a recording (RTMP play, start {start:g})"
    return ("live", "metadata: duration 0") if duration == 0 else (None, None)


def _metadata(media: RtmpMedia, command: RtmpMessage | None, messages: list[RtmpMessage]) -> list[RtmpMessage]:
    """Return the metadata that the sender of these very media sent with them."""
    before = [one.ts_ns for one in messages if one.command in _STOPS and one.ts_ns <= media.ts_ns]
    begin = command.ts_ns if command is not None else max(before, default=0)
    end = max(media.last_ns or 0, media.ts_ns)
    return [
        one
        for one in messages
        if one.command in ("onMetaData", "@setDataFrame")
        and one.arguments
        and one.from_orig == media.from_orig
        and begin <= one.ts_ns <= end
        # Some servers send metadata outside any message stream.
        and one.message_stream_id in (None, 0, media.message_stream_id)
    ]


def _duration(metadata: list[RtmpMessage]) -> float | None:
    """Return the duration that the first of some metadata name; None if none do."""
    for message in metadata:
        try:
            values = json.loads(message.arguments or "[]")
        except ValueError:
            continue
        for value in values:
            duration = value.get("duration") if isinstance(value, dict) else None
            if isinstance(duration, int | float) and not isinstance(duration, bool):
                return float(duration)
    return None


def _cite(draft: Draft, media: RtmpMedia, connect: RtmpMessage | None, command: RtmpMessage | None) -> None:
    session = draft.session
    for message in (connect, command):
        if message is None:
            continue
        if message is connect:
            shows = f"{session.client_ip} connected to {message.tc_url} as {message.flash_ver}."
        else:
            start = f", start {message.play_start:g}" if message.play_start is not None else ""
            at = f"at {message.tc_url}" if message.tc_url else "in an application whose name was not captured"
            shows = f"{session.client_ip} asked to {message.command} {message.stream_name} {at}{start}."
        place = (message.flow_id, message.from_orig, message.frame_no, message.stream_offset)
        draft.cite(*place, None, shows)
    sender = session.client_ip if session.delivery == "rtmp-publish" else session.edge_ip
    shows = (
        f"First media of the session, sent by {sender}: {media.video_bytes or 0} bytes of video "
        f"and {media.audio_bytes or 0} bytes of audio followed until frame {session.last_frame}."
    )
    draft.cite(media.flow_id, media.from_orig, media.frame_no, media.stream_offset, None, shows)
