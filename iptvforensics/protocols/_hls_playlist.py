"""A whole playlist: from its lines to one row for the playlist and one per entry.

RFC 8216 section 4.3, draft-pantos-hls-rfc8216bis section 4.4. The kind of playlist is decided by its tags;
a body that mixes both kinds is read as both, since players differ in what they make of it.

Known limitations: tags that stand twice although they may stand once count at their first place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..errors import DecodeError
from ..protocol import Event, Row
from ._hls_findings import Attributes, Findings, FullError, rows_of
from ._hls_lines import (
    CUE_TAGS,
    KNOWN_TAGS,
    MULTIVARIANT_TAGS,
    Line,
    read_date_time,
    read_decimal,
    read_integer,
    split_lines,
)
from ._hls_media import MediaReader

MAX_LINES = 2_000_000
MAX_TAG_NAMES = 256
_MEDIA_TAGS = frozenset({"EXTINF", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-PART-INF", "EXT-X-PART"})
_LOW_LATENCY_TAGS = frozenset({"EXT-X-PART-INF", "EXT-X-PART", "EXT-X-PRELOAD-HINT"})
_NUMBER_BEHIND = re.compile(rb"[ \t]*[:=]?[ \t]*(\d{1,19})\b")
_FFMPEG_ORDER = ["EXTM3U", "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE"]
_MAX_INT = (1 << 63) - 1

Piece = tuple[int, bytes]
"""Offset in the body, and the bytes that follow there without a gap."""


def read_playlist(
    pieces: list[Piece], url: str | None, from_orig: bool, *, body_bytes: int, is_whole: bool
) -> list[Event]:
    """Return the rows of a playlist; `is_whole` is False if its end may be missing."""
    reader = _PlaylistReader(pieces, url, from_orig)
    lines = reader.read(pieces, is_whole=is_whole)
    if KNOWN_TAGS.isdisjoint(reader.tags):
        raise DecodeError(f"a playlist has #EXT tags, none was found in {lines} lines", offset=0)
    start = next((offset for offset, piece in pieces if piece), 0)
    row = Row("playlists", from_orig, start, {**reader.values(), "body_bytes": body_bytes})
    return [row, *rows_of(reader.findings.entries), *reader.findings.anomalies]


def _first_number(texts: Iterable[bytes], tag: bytes) -> int:
    """Return the sequence number that holds from the first media segment on, wherever its tag stands.

    `texts` are the pieces of the playlist in upper case.
    """
    for text in texts:
        behind = 0
        while (at := text.find(tag, behind)) >= 0:
            before = text[behind:at].rstrip(b" \t")
            begins_line = before.endswith((b"\r", b"\n")) if before else behind == 0
            behind = at + len(tag)
            match = _NUMBER_BEHIND.match(text, behind) if begins_line else None
            if match is not None and int(match[1]) <= _MAX_INT:
                return int(match[1])
    return 0


class _PlaylistReader:
    """Reads one playlist line by line."""

    def __init__(self, pieces: list[Piece], url: str | None, from_orig: bool) -> None:
        self.findings = Findings(url, from_orig)
        self.tags: dict[str, int] = {}
        """Names of the tags seen, with the place of the first."""
        texts = [piece.upper() for _, piece in pieces]
        self._sequence = _first_number(texts, b"#EXT-X-MEDIA-SEQUENCE")
        self._discontinuity = _first_number(texts, b"#EXT-X-DISCONTINUITY-SEQUENCE")
        self.media = MediaReader(self.findings, self._sequence, self._discontinuity)
        self._variant: tuple[Line, Attributes] | None = None
        self._is_multivariant = self._is_media = False
        self._once: dict[str, Any] = {}
        self._session_data: list[str] = []
        self._skipped: int | None = None
        self._is_low_latency = False
        self._has_begun = False

    def read(self, pieces: list[Piece], *, is_whole: bool) -> int:
        """Return how many lines were read."""
        count = 0
        last: Line | None = None
        try:
            for line in self._lines(pieces):
                if count >= MAX_LINES:
                    self.findings.note("HLS_playlist_over_limit", line.offset, f"more than {MAX_LINES} lines")
                    break
                count += 1
                last = line
                self._line(line, is_first=count == 1)
            if last is not None:
                self._finish(last, is_whole=is_whole)
        except FullError:
            pass  # the limit is noted; that the end is missing needs no second word
        return count

    def _lines(self, pieces: list[Piece]) -> Iterator[Line]:
        """Yield the lines; those that a gap cuts are left out, and the state before it is forgotten."""
        for i, (offset, piece) in enumerate(pieces):
            begins_cut = i > 0
            if begins_cut:
                self.findings.note("HLS_body_gap", offset, "lines before this place were not captured")
                self.media.missing_bytes()
                self._variant = None
            is_last_piece = i + 1 == len(pieces)
            lines = split_lines(piece, offset, None if begins_cut else 1)
            if is_last_piece and not begins_cut:
                yield from lines
                return
            for line in lines:
                if begins_cut and line.offset == offset:
                    continue
                if line.is_ended or is_last_piece:
                    yield line

    def _finish(self, last: Line, *, is_whole: bool) -> None:
        if not last.is_ended and not is_whole and "EXT-X-ENDLIST" not in self.tags:
            self.findings.note("HLS_last_line_unterminated", last.offset, last.text)
        if self._variant is not None:
            self._emit_variant(None)
        self.media.finish(last.offset)
        if self._is_multivariant and self._is_media:
            self.findings.note("HLS_kinds_mixed", last.offset, "tags of multivariant and of media playlists")

    def _line(self, line: Line, *, is_first: bool) -> None:
        if line.is_cut:
            self.findings.note("HLS_line_over_limit", line.offset, line.text)
        tag = line.tag
        if tag is None and line.text[0] == "#":
            return
        if not self._has_begun:
            self._has_begun = True
            if tag is None or tag[0] != "EXTM3U":
                self.findings.note("HLS_header_missing", line.offset, line.text)
            elif not is_first:
                self.findings.note("HLS_header_late", line.offset, line.text)
        if tag is not None:
            self._tag(line, *tag)
        elif self._variant is not None:
            self._emit_variant(line)
        elif self._is_multivariant and not self._is_media:
            self.findings.note("HLS_uri_unexpected", line.offset, line.text)
        else:
            self.media.uri(line)

    def _tag(self, line: Line, name: str, value: str) -> None:
        if name not in self.tags:
            if len(self.tags) >= MAX_TAG_NAMES:
                self.findings.note("HLS_playlist_over_limit", line.offset, f"more than {MAX_TAG_NAMES} kinds of tags")
                return
            self.tags[name] = line.offset
            self._is_multivariant = self._is_multivariant or name in MULTIVARIANT_TAGS
            self._is_media = self._is_media or name in _MEDIA_TAGS
            self._is_low_latency = self._is_low_latency or name in _LOW_LATENCY_TAGS
        if name == "EXTINF":  # nearly all tags are this one
            self.media.extinf(line, value)
            return
        handler = _HANDLERS.get(name)
        if handler is not None:
            handler(self, line, value)
        elif name in CUE_TAGS:
            attributes = self.attributes(line, value)
            self.findings.add("cue", line, line.text, {"attributes": attributes.json()})

    def attributes(self, line: Line, value: str) -> Attributes:
        return Attributes(self.findings, line, value)

    # Tags of the whole playlist ------------------------------------------------------------------------

    def _keep(self, column: str, line: Line, value: Any) -> None:
        """Keep a value of the whole playlist; one that could not be read is noted."""
        if value is None:
            self.findings.note("HLS_number_malformed", line.offset, line.text)
        else:
            self._once.setdefault(column, value)

    def version(self, line: Line, value: str) -> None:
        self._keep("version", line, read_integer(value))

    def target_duration(self, line: Line, value: str) -> None:
        self._keep("target_duration_s", line, read_decimal(value))

    def part_target(self, line: Line, value: str) -> None:
        self._keep("part_target_s", line, self.attributes(line, value).decimal("PART-TARGET"))

    def playlist_type(self, line: Line, value: str) -> None:
        self._keep("playlist_type", line, value or None)

    def server_control(self, line: Line, value: str) -> None:
        self._keep("server_control", line, value or None)

    def sequence(self, line: Line, value: str) -> None:
        if read_integer(value) is None:
            self.findings.note("HLS_number_malformed", line.offset, line.text)
        if self.media.media_segments:
            self.findings.note("HLS_tag_misplaced", line.offset, line.text)

    def session_data(self, line: Line, value: str) -> None:
        self._session_data.append(self.attributes(line, value).json() or "{}")

    def skip(self, line: Line, value: str) -> None:
        count = self.attributes(line, value).integer("SKIPPED-SEGMENTS")
        if count is not None:
            self._skipped = min((self._skipped or 0) + count, _MAX_INT)
            self.media.skip(count)

    # Tags of media playlists ---------------------------------------------------------------------------

    def preload_hint(self, line: Line, value: str) -> None:
        attributes = self.attributes(line, value)
        length = attributes.integer("BYTERANGE-LENGTH")
        first = attributes.integer("BYTERANGE-START")
        values = {
            "uri": attributes.sent.get("URI") or None,
            "url": attributes.url(),
            "byte_range_first": 0 if first is None and length is not None else first,
            "byte_range_length": length,
            "attributes": attributes.json(),
        }
        self.findings.add("preload-hint", line, line.text, values)

    def rendition_report(self, line: Line, value: str) -> None:
        attributes = self.attributes(line, value)
        values = {
            "uri": attributes.sent.get("URI") or None,
            "url": attributes.url(),
            "media_sequence": attributes.integer("LAST-MSN"),
            "attributes": attributes.json(),
        }
        self.findings.add("rendition-report", line, line.text, values)

    def date_range(self, line: Line, value: str) -> None:
        attributes = self.attributes(line, value)
        moment = self._date(line, attributes.get("START-DATE"))
        values = {
            "name": attributes.get("ID"),
            "program_date_time_ns": moment,
            "duration_s": attributes.decimal("DURATION"),
            "url": attributes.url("X-ASSET-URI") or attributes.url("X-ASSET-LIST"),
            "uri": attributes.sent.get("X-ASSET-URI") or attributes.sent.get("X-ASSET-LIST") or None,
            "attributes": attributes.json(),
        }
        self.findings.add("date-range", line, line.text, values)

    def _date(self, line: Line, text: str | None) -> int | None:
        moment, is_date = read_date_time(text) if text else (None, True)
        if text and moment is None:
            why = "HLS_date_time_without_zone" if is_date else "HLS_date_time_malformed"
            self.findings.note(why, line.offset, text)
        return moment

    # Tags of multivariant playlists --------------------------------------------------------------------

    def stream_inf(self, line: Line, value: str) -> None:
        if self._variant is not None:
            self._emit_variant(None)
        self._variant = (line, self.attributes(line, value))

    def _emit_variant(self, uri_line: Line | None) -> None:
        """Emit the variant whose URI line has come, or failed to come."""
        if self._variant is None:
            return
        (line, attributes), self._variant = self._variant, None
        values = _variant_values(attributes)
        raw = line.text
        if uri_line is None:
            self.findings.note("HLS_variant_without_uri", line.offset, line.text)
        else:
            raw = f"{raw}\n{uri_line.text}"
            values["uri"] = uri_line.text
            values["url"] = self.findings.absolute(uri_line.text, uri_line.offset)
        self.findings.add("variant", line, raw, values)

    def i_frame_variant(self, line: Line, value: str) -> None:
        attributes = self.attributes(line, value)
        values = _variant_values(attributes)
        values["uri"] = attributes.sent.get("URI") or None
        values["url"] = attributes.url()
        self.findings.add("i-frame-variant", line, line.text, values)

    def rendition(self, line: Line, value: str) -> None:
        attributes = self.attributes(line, value)
        values = {
            "uri": attributes.sent.get("URI") or None,
            "url": attributes.url(),
            "group_id": attributes.get("GROUP-ID"),
            "rendition_type": attributes.get("TYPE"),
            "name": attributes.get("NAME"),
            "language": attributes.get("LANGUAGE"),
            "attributes": attributes.json(),
        }
        self.findings.add("rendition", line, line.text, values)

    def content_steering(self, line: Line, value: str) -> None:
        attributes = self.attributes(line, value)
        values = {
            "uri": attributes.sent.get("SERVER-URI") or None,
            "url": attributes.url("SERVER-URI"),
            "attributes": attributes.json(),
        }
        self.findings.add("content-steering", line, line.text, values)

    # The row of the playlist ---------------------------------------------------------------------------

    def values(self) -> dict[str, Any]:
        """Return the columns of the playlist's row."""
        media, names = self.media, list(self.tags)
        kind = "media" if self._is_media or media.media_segments else None
        if "EXT-X-STREAM-INF" in self.tags or (kind is None and self._is_multivariant):
            kind = "multivariant"
        is_media = kind == "media"
        first_text, first_ns = media.first_date_time or (None, None)
        unknown = [name for name in names if name not in KNOWN_TAGS]
        return {
            **self._once,
            "kind": kind,
            "url": self.findings.url,
            "media_sequence": self._sequence if is_media else None,
            "discontinuity_sequence": self._discontinuity if is_media else None,
            "has_endlist": "EXT-X-ENDLIST" in self.tags,
            "is_low_latency": self._is_low_latency,
            "entries": len(self.findings.entries),
            "duration_s": math.fsum(media.durations) if is_media else None,
            "first_program_date_time": first_text,
            "first_program_date_time_ns": first_ns,
            "encryption_methods": list(media.methods) or None,
            "key_urls": list(media.key_urls) or None,
            "session_data": self._session_data or None,
            "skipped_segments": self._skipped,
            "tags": names or None,
            "tags_unknown": unknown or None,
            "ffmpeg_layout": self._has_ffmpeg_layout(names) if is_media else None,
        }

    def _has_ffmpeg_layout(self, names: list[str]) -> bool:
        if not self.media.media_segments or not self.media.has_six_decimals:
            return False
        return [name for name in names if name != "EXT-X-ALLOW-CACHE"][:4] == _FFMPEG_ORDER


def _variant_values(attributes: Attributes) -> dict[str, Any]:
    return {
        "bandwidth_bps": attributes.integer("BANDWIDTH"),
        "average_bandwidth_bps": attributes.integer("AVERAGE-BANDWIDTH"),
        "codecs": attributes.get("CODECS"),
        "resolution": attributes.get("RESOLUTION"),
        "frame_rate": attributes.decimal("FRAME-RATE"),
        "name": attributes.get("NAME"),
        "attributes": attributes.json(),
    }


_HANDLERS: dict[str, Callable[[_PlaylistReader, Line, str], None]] = {
    "EXT-X-VERSION": _PlaylistReader.version,
    "EXT-X-TARGETDURATION": _PlaylistReader.target_duration,
    "EXT-X-MEDIA-SEQUENCE": _PlaylistReader.sequence,
    "EXT-X-DISCONTINUITY-SEQUENCE": _PlaylistReader.sequence,
    "EXT-X-PLAYLIST-TYPE": _PlaylistReader.playlist_type,
    "EXT-X-PART-INF": _PlaylistReader.part_target,
    "EXT-X-SERVER-CONTROL": _PlaylistReader.server_control,
    "EXT-X-SKIP": _PlaylistReader.skip,
    "EXT-X-DEFINE": lambda reader, line, value: reader.findings.define(reader.attributes(line, value)),
    "EXT-X-SESSION-DATA": _PlaylistReader.session_data,
    "EXT-X-BYTERANGE": lambda reader, line, value: reader.media.byte_range(line, value),
    "EXT-X-GAP": lambda reader, line, _: reader.media.gap(line),
    "EXT-X-DISCONTINUITY": lambda reader, _line, _value: reader.media.discontinuity_here(),
    "EXT-X-PROGRAM-DATE-TIME": lambda reader, line, value: reader.media.date_time(line, value),
    "EXT-X-KEY": lambda reader, line, value: reader.media.key("key", line, reader.attributes(line, value)),
    "EXT-X-MAP": lambda reader, line, value: reader.media.map(line, reader.attributes(line, value)),
    "EXT-X-PART": lambda reader, line, value: reader.media.part(line, reader.attributes(line, value)),
    "EXT-X-PRELOAD-HINT": _PlaylistReader.preload_hint,
    "EXT-X-RENDITION-REPORT": _PlaylistReader.rendition_report,
    "EXT-X-DATERANGE": _PlaylistReader.date_range,
    "EXT-X-STREAM-INF": _PlaylistReader.stream_inf,
    "EXT-X-I-FRAME-STREAM-INF": _PlaylistReader.i_frame_variant,
    "EXT-X-MEDIA": _PlaylistReader.rendition,
    "EXT-X-SESSION-KEY": lambda reader, line, value: reader.media.key(
        "session-key", line, reader.attributes(line, value)
    ),
    "EXT-X-CONTENT-STEERING": _PlaylistReader.content_steering,
}
"""Every other tag of the specifications says nothing that a column holds; `tags` names it."""
