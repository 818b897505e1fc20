r"""Lines, tags, attributes and values of an HLS playlist, read as players read them.

RFC 8216 sections 4.1 (lines) and 4.2 (attribute lists). Accepted beyond the grammar, because players
accept it: a byte order mark, CRLF or lone CR, spaces around everything, lower case, a missing colon,
missing quotes, a quote that is never closed.

Known limitations: playlists in UTF-16 are not read; bytes that are no UTF-8 show as `\xNN`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

MAX_LINE_BYTES = 64 << 10
"""A line beyond this is read up to here: a key's data URI with a licence header has some kilobytes."""

STANDARD_TAGS = frozenset(
    {
        "EXTM3U",
        "EXTINF",
        "EXT-X-VERSION",
        "EXT-X-INDEPENDENT-SEGMENTS",
        "EXT-X-START",
        "EXT-X-DEFINE",
        "EXT-X-TARGETDURATION",
        "EXT-X-MEDIA-SEQUENCE",
        "EXT-X-DISCONTINUITY-SEQUENCE",
        "EXT-X-ENDLIST",
        "EXT-X-PLAYLIST-TYPE",
        "EXT-X-I-FRAMES-ONLY",
        "EXT-X-PART-INF",
        "EXT-X-SERVER-CONTROL",
        "EXT-X-BYTERANGE",
        "EXT-X-DISCONTINUITY",
        "EXT-X-KEY",
        "EXT-X-MAP",
        "EXT-X-PROGRAM-DATE-TIME",
        "EXT-X-GAP",
        "EXT-X-BITRATE",
        "EXT-X-PART",
        "EXT-X-DATERANGE",
        "EXT-X-SKIP",
        "EXT-X-PRELOAD-HINT",
        "EXT-X-RENDITION-REPORT",
        "EXT-X-MEDIA",
        "EXT-X-STREAM-INF",
        "EXT-X-I-FRAME-STREAM-INF",
        "EXT-X-SESSION-DATA",
        "EXT-X-SESSION-KEY",
        "EXT-X-CONTENT-STEERING",
        "EXT-X-ALLOW-CACHE",
    }
)
"""RFC 8216, draft-pantos-hls-rfc8216bis, and EXT-X-ALLOW-CACHE, which version 7 removed."""

CUE_TAGS = frozenset(
    {
        "EXT-X-CUE",
        "EXT-X-CUE-OUT",
        "EXT-X-CUE-OUT-CONT",
        "EXT-X-CUE-IN",
        "EXT-OATCLS-SCTE35",
        "EXT-X-SCTE35",
        "EXT-X-ASSET",
        "EXT-X-SPLICEPOINT-SCTE35",
        "EXT-X-AD",
        "EXT-X-CUE-SPAN",
    }
)
"""Tags of packagers that carry advertising cues; no specification of HLS has them."""

MULTIVARIANT_TAGS = frozenset(
    {
        "EXT-X-STREAM-INF",
        "EXT-X-I-FRAME-STREAM-INF",
        "EXT-X-MEDIA",
        "EXT-X-SESSION-KEY",
        "EXT-X-CONTENT-STEERING",
    }
)
"""EXT-X-SESSION-DATA is not among them: channel lists have it too."""

_LINE = re.compile(rb"[^\r\n]+")
_TAG = re.compile(r"#(EXT(?:M3U|INF|[A-Z0-9-]*))\s*[:=]?\s*(.*)", re.IGNORECASE | re.DOTALL)
_DIGITS_BEHIND = re.compile(r"(.*?[A-Z-])([0-9].*)", re.DOTALL)
_ATTRIBUTE = re.compile(r'\s*([A-Za-z0-9_.-]+)\s*=\s*("[^"]*"(?=\s*(?:,|\Z))|[^,]*)\s*(?:,|\Z)', re.DOTALL)
_DURATION = re.compile(r"\s*(-?[0-9]{0,12}(?:\.[0-9]*)?)")
_INTEGER = re.compile(r"\s*([0-9]{1,19})(?:\.0*)?\s*\Z", re.ASCII)
_DECIMAL = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})\s*\Z", re.ASCII)
_DATE_TIME = re.compile(
    r"\s*(\d{4})-?(\d\d)-?(\d\d)[Tt ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,30}))?)?"
    r"\s*(Z|z|[+-]\d\d(?::?\d\d)?)?\s*\Z",
    re.ASCII,
)
_SHORT_CHARS = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_INT = (1 << 63) - 1


class Line(NamedTuple):
    """One line that is not empty, without the white space around it."""

    offset: int
    """Position in the body."""
    number: int | None
    """Counted from 1; null after bytes that were not captured."""
    text: str
    is_ended: bool
    """False for the last line if no line end follows."""
    is_cut: bool
    """True if the line was longer than the limit."""


def split_lines(piece: bytes, offset: int, first_number: int | None) -> Iterator[Line]:
    """Yield the lines of a piece of a playlist that begins at an offset of the body."""
    number, counted = first_number, 0
    for match in _LINE.finditer(piece):
        start, end = match.span()
        if number is not None and start:
            # In C: bodies with millions of empty lines cost next to nothing.
            number += piece.count(b"\n", counted, start) + piece.count(b"\r", counted, start)
            number -= piece.count(b"\r\n", counted, start)
            counted = start
        is_cut = end - start > MAX_LINE_BYTES
        text = piece[start : start + MAX_LINE_BYTES if is_cut else end].decode("utf-8", "backslashreplace")
        if start == 0 and text[:1] == "\ufeff":
            text = text[1:]
            start = 3
        text = text.strip(" \t\v\f\0")
        if text:
            yield Line(offset + start, number, text, end < len(piece), is_cut)


def split_tag(text: str) -> tuple[str, str] | None:
    """Return name (upper case, without `#`) and value of a tag, or null for a comment or URI."""
    return (_split_short if len(text) <= _SHORT_CHARS else _split)(text)


def _split(text: str) -> tuple[str, str] | None:
    match = _TAG.match(text)
    if match is None:
        return None
    name = match[1].upper()
    if name not in STANDARD_TAGS and name not in CUE_TAGS:
        # `#EXTINF10,` and `#EXT-X-VERSION3`: the colon was left out.
        behind = _DIGITS_BEHIND.match(text[1:].upper())
        if behind is not None and behind[1] in STANDARD_TAGS:
            return behind[1], text[1 + len(behind[1]) :]
    return name, match[2].strip()


_split_short = lru_cache(maxsize=256)(_split)
"""Live playlists are fetched again and again, and have few different tags."""


def read_attributes(value: str) -> tuple[dict[str, str], bool]:
    """Return the attributes by name in upper case, and True if a name came twice (the last one counts)."""
    found: dict[str, str] = {}
    is_repeated = False
    at = 0
    while at < len(value):
        match = _ATTRIBUTE.match(value, at)
        if match is None:
            comma = value.find(",", at)
            if comma < 0:
                break
            at = comma + 1
            continue
        name, text = match[1].upper(), match[2].strip()
        if len(text) >= 2 and text[0] == text[-1] == '"':
            text = text[1:-1]
        else:
            text = text.strip('"')
        is_repeated = is_repeated or name in found
        found[name] = text
        at = match.end()
    return found, is_repeated


def read_extinf(value: str) -> tuple[str, dict[str, str], str | None]:
    """Return the duration as sent, the attributes that channel lists put behind it, and the title."""
    match = _DURATION.match(value)
    duration = match[1] if match else ""
    rest = value[match.end() if match else 0 :]
    if "=" not in rest:
        return duration, {}, rest.partition(",")[2].strip() or None
    comma, is_quoted = -1, False
    for i, char in enumerate(rest):
        if char == '"':
            is_quoted = not is_quoted
        elif char == "," and not is_quoted:
            comma = i
            break
    words, title = (rest[:comma], rest[comma + 1 :].strip()) if comma >= 0 else (rest, "")
    pairs = re.findall(r'([A-Za-z][A-Za-z0-9_-]*)\s*=\s*("[^"]*"|[^\s",]*)', words)
    return duration, {name: text.strip('"') for name, text in pairs}, title or None


def read_integer(text: str) -> int | None:
    """Return a decimal integer that fits 63 bits, else null."""
    match = _INTEGER.match(text)
    number = int(match[1]) if match else _MAX_INT + 1
    return number if number <= _MAX_INT else None


def read_decimal(text: str) -> float | None:
    """Return a decimal number that is not negative, else null."""
    match = _DECIMAL.match(text)
    return float(match[1]) if match else None


def read_byte_range(text: str) -> tuple[int | None, int | None]:
    """Return length and first byte of `length[@first]`."""
    length, _, first = text.strip('" ').partition("@")
    return read_integer(length), read_integer(first) if first else None


def read_date_time(text: str) -> tuple[int | None, bool]:
    """Return nanoseconds since 1970 UTC, and True if the text is a date and time.

    A date and time without zone gives null and True: guessing a zone would invent evidence.
    """
    match = _DATE_TIME.match(text)
    if match is None:
        return None, False
    year, month, day, hour, minute = (int(match[i]) for i in range(1, 6))
    second = int(match[6] or 0)
    try:
        moment = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None, False
    zone = match[8]
    if second > 60 or zone is None:
        return None, second <= 60
    seconds = (moment - _EPOCH) // timedelta(seconds=1) + second - _zone_seconds(zone)
    nanoseconds = seconds * 1_000_000_000 + int((match[7] or "0")[:9].ljust(9, "0"))
    return (nanoseconds, True) if abs(nanoseconds) <= _MAX_INT else (None, False)


def _zone_seconds(zone: str) -> int:
    if zone in "Zz":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone[0] == "-" else seconds
