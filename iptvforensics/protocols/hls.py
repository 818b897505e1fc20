"""HLS playlists: from the body that a server sent to rows for the playlist and for each of its entries.

RFC 8216 and draft-pantos-hls-rfc8216bis (multivariant, media and low-latency playlists, variables,
steering), and the advertising cues that packagers add. Read as players read: byte order mark, CRLF,
lower case, missing quotes, colons or `#EXTM3U` are accepted. What is carried from line to line (key,
map, byte range, sequence numbers, wall clock) stands in every entry.

**Known limitations**: each delivery is read by itself: delta playlists (EXT-X-SKIP) and imported
variables are not completed from other bodies. Steering manifests and DASH are other formats. After
bytes that were not captured, line and sequence numbers are null. A body is read up to 16 MiB, 500,000
entries and 2,000,000 lines.
"""

from __future__ import annotations

import re

from ..protocol import BLANK_BYTES, OPENING_BYTES, Anomaly, Event, Mark, Opening, Protocol
from ._hls_lines import MULTIVARIANT_TAGS, read_line
from ._hls_playlist import read_playlist
from ._hls_tables import ENTRIES, PLAYLISTS
from ._hls_urls import base_url

MAX_BODY_BYTES = 16 << 20
MARKS_FROM_BYTES = 512 << 10
"""From this size on the engine is told where lines begin: their rows come only when the body ends."""

_SURE_TAGS = MULTIVARIANT_TAGS | {
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-PART-INF",
}
"""Tags that channel lists do not have (they do have EXT-X-SESSION-DATA and EXT-X-PLAYLIST-TYPE)."""
_MEDIA_TAGS = frozenset({"EXT-X-VERSION", "EXT-X-KEY", "EXT-X-MAP", "EXT-X-BYTERANGE", "EXT-X-ENDLIST"})
MAX_MARKS = 500_000

_LINE_START = re.compile(rb"(?<![^\r\n])[^\r\n]")
# What channel lists put behind #EXTINF: a negative duration, or attributes.
_CHANNEL_DURATION = re.compile(r"\s*-[0-9]|[^,]*\s[A-Za-z-]+\s*=")


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body is an HLS playlist; a channel list (M3U) is none."""
    head = opening.orig or opening.resp
    stripped = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\0")
    is_partial = len(head) < OPENING_BYTES
    if not stripped or (stripped[:1] == b"\xef" and len(head) < 3):
        return None if is_partial else 0.0
    if not stripped.startswith(b"#"):
        return 0.0
    first: str | None = None
    has_media_segment = has_media_tag = False
    for raw in stripped.splitlines(keepends=True):
        if is_partial and not raw.endswith((b"\n", b"\r")):
            break
        _, tag = read_line(raw)
        if tag is None:
            continue
        name, value = tag
        first = first or name
        if name in _SURE_TAGS:
            return 0.95 if first == "EXTM3U" else 0.8
        if name == "EXTINF" and _CHANNEL_DURATION.match(value):
            return 0.0
        has_media_segment = has_media_segment or name == "EXTINF"
        has_media_tag = has_media_tag or name in _MEDIA_TAGS
    if has_media_segment and has_media_tag:
        return 0.8 if first == "EXTM3U" else 0.6
    return None if is_partial else 0.2 if first == "EXTM3U" else 0.0


class HlsParser:
    """Keeps one body until it ends, then reads it."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._url = base_url(opening.info.name)
        self._declared = opening.info.declared_bytes
        self._pieces: list[tuple[int, bytearray]] = [(0, bytearray())]
        self._offset = 0
        self._body_bytes = 0
        self._kept = 0
        self._marks = 0
        self._marked_to = (0, 0)
        """Piece, and position in it, up to which line starts were told."""

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return nothing but marks: a playlist is read when it ends."""
        room = MAX_BODY_BYTES - self._kept
        self._pieces[-1][1].extend(data[:room])
        self._kept += min(len(data), room)
        self._offset += len(data)
        self._body_bytes += len(data)
        return self._mark(from_orig) if self._kept >= MARKS_FROM_BYTES else []

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: what a gap hides is told when the playlist ends."""
        self._offset += max(length, 0)
        if self._pieces[-1][1] or len(self._pieces) == 1:
            self._pieces.append((self._offset, bytearray()))
        else:
            self._pieces[-1] = (self._offset, self._pieces[-1][1])
        return []

    def _mark(self, from_orig: bool) -> list[Event]:
        """Return the places of the lines that have begun since the last call."""
        events: list[Event] = []
        index, at = self._marked_to
        for offset, piece in self._pieces[index:]:
            starts = [match.start() for match in _LINE_START.finditer(piece, at)]
            events += [Mark(from_orig, offset + start) for start in starts[: MAX_MARKS - self._marks - len(events)]]
            at = 0
        self._marks += len(events)
        self._marked_to = (len(self._pieces) - 1, len(self._pieces[-1][1]))
        return events

    def end(self, from_orig: bool) -> list[Event]:
        """Return the rows of the playlist and of its entries, and what was wrong."""
        pieces = [(offset, bytes(piece)) for offset, piece in self._pieces]
        self._pieces = [(self._offset, bytearray())]
        if not self._kept:
            return []
        self._kept = 0
        is_over = self._body_bytes > MAX_BODY_BYTES
        if is_over:
            offset, piece = pieces[-1]
            pieces[-1] = (offset, piece[: max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1])
        is_whole = len(pieces) == 1 and (is_over or self._declared == self._body_bytes)
        events = read_playlist(pieces, self._url, from_orig, body_bytes=self._body_bytes, is_whole=is_whole)
        if is_over:
            detail = f"{self._body_bytes} bytes, read up to {MAX_BODY_BYTES}"
            events.append(Anomaly("HLS_playlist_over_limit", from_orig, MAX_BODY_BYTES, detail))
        return events


PROTOCOL = Protocol(
    name="hls",
    title="HLS playlists: variants, media segments, keys, clocks and cues",
    specification="RFC 8216, draft-pantos-hls-rfc8216bis",
    carriers=("content",),
    tables=(PLAYLISTS, ENTRIES),
    detect=detect,
    parser=HlsParser,
    begins=BLANK_BYTES + b"#",
    limits="Delta playlists and imported variables are not completed from other bodies. Bodies over 16 MiB are cut.",
)
