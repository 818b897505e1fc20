"""Media playlists: what holds for each media segment, carried along from the tags before it.

RFC 8216 section 4.3.2 and 4.3.3, draft-pantos-hls-rfc8216bis sections 4.4.4 and 4.4.5 (parts, skips).

Known limitations: what a delta playlist leaves out (keys, discontinuities, dates) is not taken over from
an earlier delivery: after EXT-X-SKIP the discontinuity sequence is null.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ._hls_findings import MAX_RAW_CHARS, Attributes, Findings
from ._hls_lines import NO_EXTINF, Extinf, Line, read_byte_range, read_date_time, read_extinf

_MAX_INT = (1 << 63) - 1
_IV = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{1,32})\Z", re.ASCII)
# Methods whose initialisation vector is the media sequence number if none is sent (RFC 8216 section 5.2).
_METHODS_WITH_IV = frozenset({"AES-128", "AES-256", "SAMPLE-AES"})


class _Key(NamedTuple):
    method: str
    url: str | None
    iv: str | None
    format: str | None


class _Pending:
    """What the lines so far say of the media segment to come."""

    __slots__ = ("byte_range", "extinf", "is_gap", "line", "raw")

    def __init__(self) -> None:
        self.line: Line | None = None
        self.raw: list[str] = []
        self.extinf: Extinf | None = None
        self.byte_range: tuple[int | None, int | None] | None = None
        self.is_gap = False

    def keep(self, line: Line) -> None:
        """Keep a line; the place of the entry is that of its first line."""
        self.line = self.line or line
        self.raw.append(line.text)


class MediaReader:
    """State from tag to tag of one media playlist."""

    def __init__(self, findings: Findings, sequence: int, discontinuity: int) -> None:
        self.findings = findings
        self.sequence: int | None = sequence
        self.discontinuity: int | None = discontinuity
        self.durations: list[float] = []
        self.media_segments = 0
        self.first_date_time: tuple[str, int | None] | None = None
        self.methods: dict[str, None] = {}
        self.key_urls: dict[str, None] = {}
        self.has_six_decimals = True
        self._keys: dict[str, _Key] = {}
        self._map_url: str | None = None
        self._pending = _Pending()
        self._last_range: tuple[str, int] | None = None
        self._last_part_range: tuple[str, int] | None = None
        self._clock_ns: int | None = None
        self._elapsed_ns = 0
        self._part_ns = 0
        self._undated: list[tuple[dict[str, Any], int]] = []

    def extinf(self, line: Line, value: str) -> None:
        """EXTINF: duration and title of the media segment to come."""
        if self._pending.extinf is not None:
            self.findings.note("HLS_media_segment_without_uri", line.offset, line.text)
            self._pending = _Pending()
        extinf = read_extinf(value)
        self._pending.keep(line)
        self._pending.extinf = extinf
        if extinf.duration is None:
            self.findings.note("HLS_duration_malformed", line.offset, line.text)
        self.has_six_decimals = self.has_six_decimals and extinf.is_plain

    def byte_range(self, line: Line, value: str) -> None:
        """EXT-X-BYTERANGE: part of a resource."""
        self._pending.keep(line)
        self._pending.byte_range = self._read_range(value, line.offset)

    def gap(self, line: Line) -> None:
        """EXT-X-GAP: the media segment to come is not available."""
        self._pending.keep(line)
        self._pending.is_gap = True

    def date_time(self, line: Line, value: str) -> None:
        """EXT-X-PROGRAM-DATE-TIME: wall clock of the media segment to come, and so of those around it."""
        moment, is_date = read_date_time(value)
        if moment is None:
            why = "HLS_date_time_without_zone" if is_date else "HLS_date_time_malformed"
            self.findings.note(why, line.offset, value)
        if self.first_date_time is None:
            self.first_date_time = (value, moment)
        self._clock_ns = moment
        if moment is not None:
            for values, elapsed in self._undated:
                earlier = _sum(moment, elapsed - self._elapsed_ns)
                if earlier is not None:
                    values["program_date_time_ns"] = earlier
            self._undated.clear()

    def discontinuity_here(self) -> None:
        """EXT-X-DISCONTINUITY: clocks before and after have nothing in common."""
        if self.discontinuity is not None:
            self.discontinuity = _sum(self.discontinuity, 1)
        self._stop_clock()

    def skip(self, count: int) -> None:
        """EXT-X-SKIP: so many media segments are left out here."""
        if self.sequence is not None:
            self.sequence = _sum(self.sequence, count)
        self.discontinuity = None
        self._last_range = None
        self._stop_clock()

    def missing_bytes(self) -> None:
        """Part of the body was not captured: how many media segments it held is not known."""
        self.sequence = self.discontinuity = None
        self._pending = _Pending()
        self._keys.clear()
        self._map_url = self._last_range = self._last_part_range = None
        self._stop_clock()

    def _stop_clock(self) -> None:
        self._clock_ns = None
        self._elapsed_ns = self._part_ns = 0
        self._undated.clear()

    def key(self, kind: str, line: Line, attributes: Attributes) -> None:
        """EXT-X-KEY or EXT-X-SESSION-KEY; METHOD=NONE ends all encryption."""
        method = attributes.get("METHOD")
        url = attributes.url()
        iv = self._read_iv(attributes)
        key = _Key(method or "", url, iv, attributes.get("KEYFORMAT"))
        if method is None:
            self.findings.note("HLS_attribute_malformed", line.offset, "key without METHOD")
        elif method.upper() != "NONE":
            self.methods[method] = None
        sent = url or attributes.sent.get("URI")
        if sent:
            self.key_urls[sent] = None
        if kind == "key":
            if method is not None and method.upper() == "NONE":
                self._keys.clear()
            else:
                self._keys[key.format or "identity"] = key
        values = {
            "uri": attributes.sent.get("URI") or None,
            "url": url,
            "media_sequence": self.sequence if kind == "key" else None,
            "key_method": method,
            "key_url": url,
            "key_iv": iv,
            "key_format": key.format,
            "attributes": attributes.json(),
        }
        self.findings.add(kind, line, line.text, values)

    def _read_iv(self, attributes: Attributes) -> str | None:
        sent = attributes.get("IV")
        if sent is None:
            return None
        match = _IV.match(sent)
        if match is None:
            self.findings.note("HLS_iv_malformed", attributes.offset, sent)
            return None
        return match[1].lower().zfill(32)

    def map(self, line: Line, attributes: Attributes) -> None:
        """EXT-X-MAP: the initialisation section from here on."""
        self._map_url = attributes.url()
        byte_range = attributes.get("BYTERANGE")
        length, first = self._read_range(byte_range, line.offset) if byte_range else (None, None)
        values = {
            "uri": attributes.sent.get("URI") or None,
            "url": self._map_url,
            "media_sequence": self.sequence,
            "byte_range_length": length,
            "byte_range_first": (first or 0) if length is not None else None,
            **self._key_values(is_media=False),
            "attributes": attributes.json(),
        }
        self.findings.add("map", line, line.text, values)

    def part(self, line: Line, attributes: Attributes) -> None:
        """EXT-X-PART: part of the media segment to come."""
        uri, duration = attributes.sent.get("URI") or None, attributes.decimal("DURATION")
        url = attributes.url()
        sent = attributes.get("BYTERANGE")
        byte_range = self._read_range(sent, line.offset) if sent else None
        first, length, self._last_part_range = self._continue_range(
            byte_range, url or uri, self._last_part_range, line.offset
        )
        values = {
            "uri": uri,
            "url": url,
            "duration_s": duration,
            "byte_range_first": first,
            "byte_range_length": length,
            "gap": attributes.sent.get("GAP", "").upper() == "YES",
            **self._media_values(self._part_ns),
            "attributes": attributes.json(),
        }
        entry = self.findings.add("part", line, line.text, values)
        if self._clock_ns is None:
            self._undated.append((entry, self._elapsed_ns + self._part_ns))
        self._part_ns += round((duration or 0.0) * 1e9)

    def uri(self, line: Line) -> None:
        """Emit the media segment that a URI line completes, and count on."""
        pending, self._pending = self._pending, _Pending()
        if pending.extinf is None:
            self.findings.note("HLS_uri_without_extinf", line.offset, line.text)
        duration, title, attributes, _ = pending.extinf or NO_EXTINF
        url = self.findings.absolute(line.text, line.offset)
        pending.keep(line)
        first = pending.line or line
        entry: dict[str, Any] = {
            "kind": "media-segment",
            "raw": "\n".join(pending.raw)[:MAX_RAW_CHARS],
            "playlist_url": self.findings.url,
            "line_no": first.number,
            "uri": line.text,
            "url": url,
            "duration_s": duration,
            "gap": pending.is_gap,
            "media_sequence": self.sequence,
            "discontinuity_sequence": self.discontinuity,
        }
        if self._clock_ns is not None:
            entry["program_date_time_ns"] = self._clock_ns
        if self._map_url is not None:
            entry["map_url"] = self._map_url
        if self._keys:
            entry |= self._key_values(is_media=True)
        if title is not None or attributes is not None:
            entry.update(title=title, attributes=attributes)
        if pending.byte_range is None:
            self._last_range = None
        else:
            entry["byte_range_first"], entry["byte_range_length"], self._last_range = self._continue_range(
                pending.byte_range, url or line.text, self._last_range, line.offset
            )
        self.findings.keep(first.offset, entry)
        self.media_segments += 1
        if self.sequence is not None:
            self.sequence = _sum(self.sequence, 1)
        if self._clock_ns is None:
            self._undated.append((entry, self._elapsed_ns))
        self._advance(duration)

    def _advance(self, duration: float | None) -> None:
        """Move the clock to the beginning of the next media segment."""
        self._part_ns = 0
        if duration is None:
            self._stop_clock()
            return
        self.durations.append(duration)
        step = round(duration * 1e9)
        self._elapsed_ns += step
        if self._clock_ns is not None:
            self._clock_ns = _sum(self._clock_ns, step)

    def finish(self, offset: int) -> None:
        """Note what the end of the body leaves without its URI."""
        if self._pending.extinf is not None:
            self.findings.note("HLS_media_segment_without_uri", offset, self._pending.raw[0])

    def _media_values(self, ahead_ns: int) -> dict[str, Any]:
        """Return what the lines before say of a media segment or part that begins so long after the clock."""
        values: dict[str, Any] = {"media_sequence": self.sequence, "discontinuity_sequence": self.discontinuity}
        if self._map_url is not None:
            values["map_url"] = self._map_url
        if self._clock_ns is not None:
            values["program_date_time_ns"] = _sum(self._clock_ns, ahead_ns)
        if self._keys:
            values |= self._key_values(is_media=True)
        return values

    def _key_values(self, *, is_media: bool) -> dict[str, Any]:
        if not self._keys:
            return {}
        key = self._keys.get("identity") or next(iter(self._keys.values()))
        iv = key.iv
        is_plain = key.format is None or key.format.lower() == "identity"
        if iv is None and is_media and is_plain and key.method in _METHODS_WITH_IV and self.sequence is not None:
            iv = f"{self.sequence:032x}"
        return {"key_method": key.method or None, "key_url": key.url, "key_iv": iv, "key_format": key.format}

    def _read_range(self, value: str, offset: int) -> tuple[int | None, int | None]:
        length, first = read_byte_range(value)
        if length is None or (first is None and "@" in value):
            self.findings.note("HLS_byte_range_malformed", offset, value)
        return length, first

    def _continue_range(
        self, sent: tuple[int | None, int | None] | None, url: str | None, last: tuple[str, int] | None, offset: int
    ) -> tuple[int | None, int | None, tuple[str, int] | None]:
        """Return first byte, length, and what the next range of the same resource continues."""
        if sent is None or url is None:
            return None, None, None
        length, first = sent
        if length is None:
            return first, None, None
        if first is None:
            if last is None or last[0] != url:
                self.findings.note("HLS_byte_range_start_unknown", offset, url)
                return None, length, None
            first = last[1]
        after = _sum(first, length)
        return first, length, None if after is None else (url, after)


def _sum(number: int, more: int) -> int | None:
    """Return the sum, or null if it does not fit the column."""
    return number + more if abs(number + more) <= _MAX_INT else None
