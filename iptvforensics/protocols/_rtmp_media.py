"""The media of one direction: counts per message stream, cut into spans and named, as rows of `rtmp_media`.

The counts are made by the chunk kernel; here they are read when a span ends. Nothing here depends on how far the
other direction has been read: spans that only the other side can name wait for the end of the connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..protocol import At, Event, Mark, Row
from . import _rtmp_layout as L
from ._flv_tag import KIND_CONFIG, codec_name, tag_header
from ._rtmp_direction import Direction
from ._rtmp_listener import Message
from ._rtmp_messages import encoder_in, metadata_in, number, whole

SPANS_LIMIT = 1024
"""Spans per direction that wait for the end of the connection; further ones are emitted at once."""
_UNKNOWN_STREAM = -1


@dataclass(slots=True)
class Span:
    """What is known of a span besides the counts."""

    msid: int
    role: str = "unknown"
    opened: bool = False
    """True if the command or reply that opens the span was seen."""
    started: bool = False
    """True once the server said that playing has begun."""
    resuming: bool = False
    """True between the answer to seek or pause and the next start, which then opens nothing."""
    offset: int | None = None
    number: int = 0
    """How many plays on this message stream were answered before."""
    app: str | None = None
    tc_url: str | None = None
    stream_name: str | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    encoder: str | None = None
    video_config: bytes | None = None
    audio_config: bytes | None = None
    last_video_config: bytes | None = None
    last_audio_config: bytes | None = None
    config_changes: int = 0
    missing_bytes: int = 0
    damaged: bool = False
    marked_begin: bool = False
    marked_end: int = -1

    def take(self, before: Span) -> None:
        """Take what was said of media of which only now is known that they belong to this span."""
        self.missing_bytes += before.missing_bytes
        self.damaged |= before.damaged
        self.marked_begin |= before.marked_begin
        self.marked_end = max(self.marked_end, before.marked_end)
        self.config_changes += before.config_changes
        self.video_config = before.video_config or self.video_config
        self.audio_config = before.audio_config or self.audio_config
        self.last_video_config = self.last_video_config or before.last_video_config
        self.last_audio_config = self.last_audio_config or before.last_audio_config


class Media:
    """The spans of one direction."""

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self._spans: dict[int, Span] = {}
        self._numbers: dict[int, int] = {}
        self._waiting: list[tuple[Span, Row]] = []
        self._marked = 0
        """Entries of `media` whose begin was marked: with no others there is nothing to look at."""

    def _entry(self, msid: int) -> list[int] | None:
        """Return the counts of a message stream, None if there are none."""
        arrays = self._direction.arrays
        used = int(arrays.state[L.MEDIA_USED])
        for entry in arrays.media[: used * L.MEDIA_WIDTH].reshape(-1, L.MEDIA_WIDTH):
            if entry[L.M_MSID] == msid:
                numbers: list[int] = entry.tolist()
                return numbers
        return None

    def _forget(self, msid: int) -> None:
        """Remove the counts of a message stream: the last entry takes its place."""
        arrays = self._direction.arrays
        used = int(arrays.state[L.MEDIA_USED])
        table = arrays.media[: used * L.MEDIA_WIDTH].reshape(-1, L.MEDIA_WIDTH)
        for entry in table:
            if entry[L.M_MSID] == msid:
                entry[:] = table[-1]
                arrays.state[L.MEDIA_USED] = used - 1
                return

    def seek(self, msid: int) -> None:
        """Count times from the next one on anew: behind a seek servers begin at 0, or at the place asked for."""
        arrays = self._direction.arrays
        for entry in arrays.media[: int(arrays.state[L.MEDIA_USED]) * L.MEDIA_WIDTH].reshape(-1, L.MEDIA_WIDTH):
            if entry[L.M_MSID] == msid and entry[L.M_TIMED]:
                entry[L.M_TIMED] = L.TIMED_ANEW

    def has_media(self, msid: int) -> bool:
        """Return True if audio or video was counted since the last span of this message stream ended."""
        entry = self._entry(msid)
        return entry is not None and entry[L.M_FIRST_OFFSET] >= 0

    def span(self, msid: int) -> Span:
        """Return the present span of a message stream."""
        if msid not in self._spans:
            if len(self._spans) >= L.MEDIA_ENTRIES:  # as many as can have counts: the others are of no use
                return Span(msid)
            self._spans[msid] = Span(msid, number=self._numbers.get(msid, 0))
        return self._spans[msid]

    def open(self, msid: int, role: str, offset: int) -> tuple[Span, list[Event]]:
        """Return a new span, and what asks to remember its place."""
        span = self.span(msid)
        span.role, span.opened = role, True
        if span.offset is None:
            span.offset = offset
        self._note_only()
        return span, [Mark(self._direction.from_orig, offset)]

    def _note_only(self) -> None:
        """Tell the chunk layer which message stream a message belongs to whose header does not say it any more."""
        opened = [msid for msid, span in self._spans.items() if span.opened]
        only = opened[0] if len(opened) == 1 else L.SEVERAL if opened else L.NONE
        self._direction.arrays.state[L.ONLY_STREAM] = only

    def only_open(self) -> int | None:
        """Return the message stream that is published on, if it is just one."""
        found = [msid for msid, span in self._spans.items() if span.role == "publish"]
        return found[0] if len(found) == 1 else None

    def named(self, name: str) -> list[int]:
        """Return the message streams that are published under a name."""
        return [msid for msid, span in self._spans.items() if span.role == "publish" and span.stream_name == name]

    def missing(self, length: int) -> None:
        """Count bytes that were not captured for every span that is open."""
        self._adopt()
        for span in self._spans.values():
            span.missing_bytes += length
            span.damaged = True

    def metadata(self, message: Message, values: list[Any]) -> None:
        """Take what onMetaData says."""
        found = metadata_in(values)
        if not found or message.message_stream_id is None:
            return
        span = self.span(message.message_stream_id)
        span.width = whole(found.get("width")) or span.width
        span.height = whole(found.get("height")) or span.height
        span.frame_rate = number(found.get("framerate")) or span.frame_rate
        span.encoder = encoder_in(found) or span.encoder

    def configuration(self, message: Message) -> None:
        """Take a decoder configuration."""
        is_video = message.type == L.VIDEO
        header = tag_header(message.payload, is_video)
        if header is None or header.kind != KIND_CONFIG:
            return
        config = message.payload[header.place :]
        span = self.span(_UNKNOWN_STREAM if message.message_stream_id is None else message.message_stream_id)
        before = span.last_video_config if is_video else span.last_audio_config
        if before is not None and before != config:
            span.config_changes += 1
        if is_video:
            span.video_config = span.video_config or config
            span.last_video_config = config
        else:
            span.audio_config = span.audio_config or config
            span.last_audio_config = config

    def _adopt(self) -> None:
        """Make a span of every message stream with media that no command announced."""
        counted = self._counted()
        for msid in counted:
            self.span(msid)
        adopted = int(self._direction.arrays.state[L.ADOPTED])
        if adopted and _UNKNOWN_STREAM in self._spans and _UNKNOWN_STREAM not in counted:
            self.span(adopted).take(self._spans.pop(_UNKNOWN_STREAM))

    def _counted(self) -> list[int]:
        """Return the message streams that have counts."""
        arrays = self._direction.arrays
        found: list[int] = arrays.media[: int(arrays.state[L.MEDIA_USED]) * L.MEDIA_WIDTH : L.MEDIA_WIDTH].tolist()
        return found

    def first_marks(self) -> list[Event]:
        """Return what asks to remember where the media of a span begin; called after every feed."""
        if self._direction.arrays.state[L.MEDIA_USED] == self._marked:
            return []
        self._adopt()
        asked: list[Event] = []
        for msid, span in self._spans.items():
            entry = None if span.marked_begin else self._entry(msid)
            if entry is not None and entry[L.M_FIRST_OFFSET] >= 0:
                span.marked_begin = True
                asked.append(Mark(self._direction.from_orig, entry[L.M_FIRST_OFFSET]))
        self._marked = sum(span.marked_begin for span in self._spans.values())
        return asked

    def last_marks(self, before: int) -> list[Event]:
        """Return what asks to remember the ends of spans whose last media stand before an offset.

        Called at fixed places of the stream, so that it does not matter how the bytes arrive.
        """
        self._adopt()
        asked: list[Event] = []
        for msid, span in self._spans.items():
            entry = self._entry(msid)
            if entry is None or entry[L.M_FIRST_OFFSET] < 0:
                continue
            last = entry[L.M_LAST_OFFSET]
            if span.marked_end != last and last < before:
                span.marked_end = last
                asked.append(Mark(self._direction.from_orig, last))
        return asked

    def close(self, msid: int) -> list[Event]:
        """Return the row of a span that ends, or what asks to remember its places if it must wait for a name."""
        self._adopt()
        span = self._spans.pop(msid, None)
        entry = self._entry(msid)
        if span is None and entry is None:
            return []
        self._note_only()
        self._marked -= span.marked_begin if span else 0
        span = span or Span(msid, number=self._numbers.get(msid, 0))
        self._forget(msid)
        counted = entry is not None and (entry[L.M_FIRST_OFFSET] >= 0 or entry[L.M_DATA] > 0)
        if not span.opened and not counted:
            return []
        if span.role == "play" and len(self._numbers) < SPANS_LIMIT:
            self._numbers[msid] = span.number + 1
        row = self._row(span, entry or [0] * L.MEDIA_WIDTH)
        if row is None:
            return []
        asked: list[Event] = []
        last = row.values["last_frame_no"]
        if last is not None and not span.marked_begin:
            asked.append(Mark(row.from_orig, row.offset))
        if last is not None and span.marked_end != last.offset:
            asked.append(Mark(last.from_orig, last.offset))
        if span.role == "publish" or len(self._waiting) >= SPANS_LIMIT:
            return [*asked, row]
        self._waiting.append((span, row))
        return asked

    def close_all(self) -> list[Event]:
        """Return what ends with the direction."""
        events: list[Event] = []
        self._adopt()
        for msid in dict.fromkeys((*self._spans, *self._counted())):
            if self._direction.unfinished and msid in self._spans:
                self._spans[msid].damaged = True
            events += self.close(msid)
        return events

    def release(self) -> list[tuple[Span, Row]]:
        """Return the rows that were waiting for the end of the connection."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def _row(self, span: Span, entry: list[int]) -> Row | None:
        from_orig = self._direction.from_orig
        has_media = entry[L.M_AUDIO] + entry[L.M_VIDEO] > 0
        offset = entry[L.M_FIRST_OFFSET] if has_media else span.offset
        if offset is None:
            return None
        last = At(from_orig, entry[L.M_LAST_OFFSET]) if has_media else None
        whole_span = span.opened and not span.damaged and not span.missing_bytes and not entry[L.M_DAMAGED]
        values: dict[str, Any] = {
            "role": span.role,
            "app": span.app,
            "tc_url": span.tc_url,
            "stream_name": span.stream_name,
            "message_stream_id": None if span.msid == _UNKNOWN_STREAM else span.msid,
            "audio_messages": entry[L.M_AUDIO],
            "video_messages": entry[L.M_VIDEO],
            "data_messages": entry[L.M_DATA],
            "audio_bytes": entry[L.M_AUDIO_BYTES],
            "video_bytes": entry[L.M_VIDEO_BYTES],
            "key_frames": entry[L.M_KEYS],
            "first_timestamp_ms": entry[L.M_FIRST_TIME] if entry[L.M_TIME_KNOWN] == L.SENT else None,
            "last_timestamp_ms": entry[L.M_LAST_TIME] if entry[L.M_LAST_KNOWN] == L.SENT else None,
            "media_s": entry[L.M_MEDIA_MS] / 1000 if entry[L.M_TIMED] else None,
            "video_codec": codec_name(entry[L.M_VIDEO_CODEC], True),
            "audio_codec": codec_name(entry[L.M_AUDIO_CODEC], False),
            "width": span.width,
            "height": span.height,
            "frame_rate": span.frame_rate,
            "encoder": span.encoder,
            "last_frame_no": last,
            "last_ns": last,
            "missing_bytes": span.missing_bytes,
            "video_config": span.video_config.hex() if span.video_config else None,
            "audio_config": span.audio_config.hex() if span.audio_config else None,
            "config_changes": span.config_changes,
            "complete": whole_span,
        }
        return Row("rtmp_media", from_orig, offset, values)
