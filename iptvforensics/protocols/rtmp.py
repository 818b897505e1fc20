"""RTMP: streams of a TCP connection turned into commands, metadata and counts of media per span.

Specification: Adobe RTMP 1.0 (handshake 5.2, chunks 5.3, control 5.4, commands 7); AMF0 and AMF3; FLV 10.1 annex E;
Enhanced RTMP v2. A parser begins at the handshake, which may also come out of an HTTP tunnel (RTMPT), or, if the
beginning was not captured, at the first chunk headers that agree with each other.

**Known limitations**

* RTMPE is named, not decoded. Media are counted, not handed on: the elementary streams are not parsed. Of further
  tracks of enhanced RTMP only messages and bytes are counted.
* Sender and receiver of a reply are matched by the reader of the table (transaction_id), not here.
* Where bytes are missing, messages are lost up to the next chunk header of type 0 or 1; times of a chunk stream of
  which only differences were seen, at all or since the loss, are null; media whose header does not say their message
  stream belong to the only one that was opened, else to the first that a later header names; a chunk size that no
  message proves is a guess, and is reported as one.
* The end of a play is seen only when another begins on the message stream or the connection ends.
"""

from __future__ import annotations

import weakref
from typing import Any

from ..protocol import Anomaly, Event, Mark, Opening, Protocol, Row
from . import _rtmp_layout as L
from ._rtmp_detect import detect
from ._rtmp_direction import Direction
from ._rtmp_handshake import Hello
from ._rtmp_listener import Message
from ._rtmp_media import Media, Span
from ._rtmp_messages import (
    COMMAND_TYPES,
    DATA_TYPES,
    Told,
    argument,
    read_message,
    status_code,
    text,
    whole,
)
from ._rtmp_tables import COLUMNS, RTMP, RTMP_MEDIA

HELD_ROWS_LIMIT = 64
PLAYS_LIMIT = 1024
STALE_BYTES = 1 << 16
_ANYWHERE = 1 << 62
_STARTS = ("NetStream.Play.Start", "NetStream.Play.Reset")
_SEEKS = "NetStream.Seek.Notify"
_RESUMES = (_SEEKS, "NetStream.Unpause.Notify")


class RtmpParser:
    """The state of one RTMP connection."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        listener = weakref.proxy(self)  # no cycle: the arrays of the directions are freed with the parser
        self._directions = {side: Direction(side, listener, midstream=opening.midstream) for side in (True, False)}
        self._media = {side: Media(direction) for side, direction in self._directions.items()}
        self._held: dict[bool, list[Row] | None] = {True: [], False: []}
        self._ended: set[bool] = set()
        self._app: str | None = None
        self._tc_url: str | None = None
        self._plays: list[tuple[bool, int | None, str | None]] = []
        self._events: list[Event] = []

    # --- what the engine calls ------------------------------------------------------------------------

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what the next bytes of one direction say."""
        self._directions[from_orig].feed(data)
        self._events += self._media[from_orig].first_marks()
        return self._collect()

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what follows from bytes that were not captured."""
        self._directions[from_orig].gap(length)
        return self._collect()

    def end(self, from_orig: bool) -> list[Event]:
        """Return what is pending; rows that need both directions come with the second end."""
        if from_orig in self._ended:
            return []
        self._ended.add(from_orig)
        direction = self._directions[from_orig]
        direction.end()
        self._release(from_orig)
        self._events += self._media[from_orig].close_all()
        if len(self._ended) == len(self._directions):
            for side, media in self._media.items():
                self._name_spans(side, media.release())
        return self._collect()

    def _collect(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    # --- what a direction tells -------------------------------------------------------------------------

    def on_anomaly(self, anomaly: Anomaly) -> None:
        """Pass on what broke a rule."""
        self._events.append(anomaly)

    def on_missing(self, direction: Direction, length: int) -> None:
        """Count lost bytes for the spans that they fall into."""
        media = self._media[direction.from_orig]
        media.missing(length)
        self._events += media.last_marks(_ANYWHERE)

    def on_milestone(self, direction: Direction) -> None:
        """Have the ends of spans remembered that have not grown for long."""
        self._events += self._media[direction.from_orig].last_marks(direction.offset - STALE_BYTES)

    def on_hello(self, direction: Direction, hello: Hello) -> None:
        """Make the row of a handshake."""
        values: dict[str, Any] = dict.fromkeys(COLUMNS)
        values.update(kind="handshake", handshake=hello.handshake, peer_version=hello.peer_version)
        self._emit(direction, 0, values)
        if hello.is_client is not None:
            self._settle_roles(direction, hello.is_client)
        elif hello.handshake == "encrypted":
            self._release(direction.from_orig)

    def on_message(self, direction: Direction, message: Message) -> None:
        """Make the row of a message, and act on it."""
        side = direction.from_orig
        if message.type in (L.AUDIO, L.VIDEO):
            self._media[side].configuration(message)
            return
        told = read_message(message)
        if told.error:
            bad = {L.SET_CHUNK_SIZE: "chunk_size", L.USER_CONTROL: "user_control"}.get(message.type, "amf")
            direction.anomaly(f"RTMP_bad_{bad}", message.offset, told.error)
        if told.is_client is not None:
            self._settle_roles(direction, told.is_client)
        if message.type in DATA_TYPES:
            self._media[side].metadata(message, told.values)
        if told.command == "connect" and told.row:
            self._app, self._tc_url = told.row["app"], told.row["tc_url"]
        if told.command in ("publish", "play") and told.row:
            told.row.update(app=self._app, tc_url=self._tc_url)
        if told.row:
            self._emit(direction, message.offset, told.row)
        if message.type in COMMAND_TYPES:
            self._obey(direction, message, told)

    def _obey(self, direction: Direction, message: Message, told: Told) -> None:
        """Begin and end spans as a command says; it counts for the direction that sent it only."""
        side = direction.from_orig
        media = self._media[side]
        msid = -1 if message.message_stream_id is None else message.message_stream_id
        name = text(argument(told.values, 3))
        if told.command == "publish":
            self._events += media.close(msid)
            span, asked = media.open(msid, "publish", message.offset)
            span.app, span.tc_url, span.stream_name = self._app, self._tc_url, name
            self._events += asked
        elif told.command == "play" and len(self._plays) < PLAYS_LIMIT:
            self._plays.append((side, message.message_stream_id, name))
        elif told.command == "deleteStream":
            deleted = whole(argument(told.values, 3))
            self._events += media.close(deleted) if deleted is not None else []
        elif told.command == "closeStream":
            self._events += media.close(msid)
        elif told.command == "FCUnpublish":
            only = media.only_open()
            for ended in media.named(name) if name else []:
                self._events += media.close(ended)
            if only is not None:
                self._events += media.close(only)
        elif told.command == "onStatus":
            self._obey_status(media, msid, message.offset, status_code(told.values))

    def _obey_status(self, media: Media, msid: int, offset: int, code: str | None) -> None:
        """Begin a span of play where the server says so."""
        if code in _RESUMES:
            media.span(msid).resuming = True
        if code == _SEEKS:
            media.seek(msid)
        if code not in _STARTS:
            return
        span = media.span(msid)
        if span.resuming:
            span.resuming = code != "NetStream.Play.Start"
        elif span.started or media.has_media(msid):
            self._events += media.close(msid)
        span, asked = media.open(msid, "play", offset)
        span.started = span.started or code == "NetStream.Play.Start"
        self._events += asked

    # --- what waits for the other direction ---------------------------------------------------------------

    def _emit(self, direction: Direction, offset: int, values: dict[str, Any]) -> None:
        """Emit a row, once it is known which side is the client."""
        side = direction.from_orig
        row = Row("rtmp", side, offset, values)
        held = self._held[side]
        if held is None:
            self._events.append(row)
            return
        held.append(row)
        self._events.append(Mark(side, offset))
        if len(held) >= HELD_ROWS_LIMIT:
            self._release(side)

    def _settle_roles(self, direction: Direction, is_client: bool) -> None:
        """Take the first message that only one role sends as the proof of the roles."""
        if self._held[True] is not None and self._held[False] is not None:
            self.client_is_orig = direction.from_orig == is_client
        self._release(direction.from_orig)

    def _release(self, side: bool) -> None:
        self._events += self._held[side] or []
        self._held[side] = None

    def _name_spans(self, side: bool, waiting: list[tuple[Span, Row]]) -> None:
        """Give the spans that one side sent the names under which the other side asked for them."""
        plays = [(msid, name) for from_orig, msid, name in self._plays if from_orig != side]
        answered = {span.msid for span, _ in waiting if span.role == "play"}
        for span, row in waiting:
            names = [name for msid, name in plays if msid in (span.msid, None) or span.msid == -1]
            if names and (span.role == "play" or (not answered and len(names) == 1)):
                name = names[min(span.number, len(names) - 1)]
                row.values.update(role="play", app=self._app, tc_url=self._tc_url, stream_name=name)
            elif span.role == "play":
                row.values.update(app=self._app, tc_url=self._tc_url)
            self._events.append(row)


PROTOCOL = Protocol(
    name="rtmp",
    title="RTMP: publishing and playing of live and stored media",
    specification="Adobe RTMP 1.0; AMF0; AMF3; FLV 10.1 annex E; Enhanced RTMP v2",
    carriers=("tcp",),
    tables=(RTMP, RTMP_MEDIA),
    detect=detect,
    parser=RtmpParser,
    limits="RTMPE is not decoded; media are counted, not handed on; after lost bytes reading resumes at the next "
    "chunk header of type 0 or 1.",
)
