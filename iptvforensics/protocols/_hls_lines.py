r"""Lines, tags, attributes and values of an HLS playlist, read as players read them.

RFC 8216 sections 4.1 (lines) and 4.2 (attribute lists). Accepted beyond the grammar, because players
accept it: a byte order mark, CRLF or lone CR, spaces around everything, lower case, a missing colon,
missing quotes, a quote that is never closed.

Known limitations: playlists in UTF-16 are not read; bytes that are no UTF-8 show as `\xNN`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache, partial, wraps
from typing import NamedTuple, TypeVar

MAX_LINE_BYTES = 64 << 10
"""A line beyond this is read up to here: a key's data URI with a licence header has some kilobytes."""
BLOCK_BYTES = 64 << 10
"""Taken apart at a time."""

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

KNOWN_TAGS = STANDARD_TAGS | CUE_TAGS

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

_LINE_END = re.compile(rb"\r\n?|\n")
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
_BLANK = " \t\v\f\0\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHORT = 64
"""Bytes or characters of a text up to which it is remembered what it says."""
_REMEMBERED = 256
"""Texts of a kind that are remembered."""
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MAX_INT = (1 << 63) - 1

Tag = tuple[str, str]
"""Name (upper case, without `#`) and value."""
_Told = TypeVar("_Told")


def _remembered(read: Callable[[str], _Told]) -> Callable[[str], _Told]:
    """Return a function that says the same, and remembers what it said of short texts."""
    remembered = lru_cache(maxsize=_REMEMBERED)(read)

    @wraps(read)
    def call(text: str) -> _Told:
        return remembered(text) if len(text) <= _SHORT else read(text)

    return call


class Line(NamedTuple):
    """One line that is not empty, without the white space around it."""

    offset: int
    """Position in the body."""
    number: int | None
    """Counted from 1; null after bytes that were not captured."""
    text: str
    tag: Tag | None
    """Null for a comment or URI."""
    is_ended: bool
    """False for the last line if no line end follows."""
    is_cut: bool
    """True if the line was longer than the limit."""


_make_line = partial(tuple.__new__, Line)  # takes a third of the time


def split_lines(piece: bytes, offset: int, first_number: int | None) -> Iterator[Line]:
    """Yield the lines of a piece of a playlist that begins at an offset of the body."""
    number, at, end = first_number, offset, offset + len(piece)
    for block in _blocks(piece):
        lines = block.splitlines(keepends=True)
        if not block.strip(b"\r\n"):  # bodies with millions of empty lines exist
            number = number and number + len(lines)
            at += len(block)
            continue
        for raw in lines:
            begin, is_cut = at, False
            at += len(raw)
            is_ended = at < end or raw.endswith((b"\n", b"\r"))
            if len(raw) > MAX_LINE_BYTES:
                is_cut = len(raw.rstrip(b"\r\n")) > MAX_LINE_BYTES
                raw = raw[:MAX_LINE_BYTES]
            if begin == offset and raw.startswith(_BYTE_ORDER_MARK):
                begin += len(_BYTE_ORDER_MARK)
                raw = raw[len(_BYTE_ORDER_MARK) :]
            text, tag = read_line(raw)
            if text:
                yield _make_line((begin, number, text, tag, is_ended, is_cut))
            number = number and number + 1


def _blocks(piece: bytes) -> Iterator[bytes]:
    """Yield whole lines, some at a time: hostile bodies have millions."""
    begin = 0
    while begin < len(piece):
        found = _LINE_END.search(piece, begin + BLOCK_BYTES)
        end = found.end() if found is not None else len(piece)
        yield piece[begin:end]
        begin = end


def read_line(raw: bytes) -> tuple[str, Tag | None]:
    """Return the text of a line without the white space around it, and its tag."""
    return _read_tag(raw) if len(raw) <= _SHORT and raw.startswith(b"#") else _read(raw)


def _read(raw: bytes) -> tuple[str, Tag | None]:
    text = raw.decode("utf-8", "backslashreplace").strip(_BLANK)
    return text, _split(text) if text.startswith("#") else None


_read_tag = lru_cache(maxsize=_REMEMBERED)(_read)
"""Live playlists are fetched again and again, and most of their tags are those of the last time."""


def _split(text: str) -> Tag | None:
    match = _TAG.match(text)
    if match is None:
        return None
    name = match[1].upper()
    if name not in KNOWN_TAGS:
        # `#EXTINF10,` and `#EXT-X-VERSION3`: the colon was left out.
        behind = _DIGITS_BEHIND.match(text[1:].upper())
        if behind is not None and behind[1] in STANDARD_TAGS:
            return behind[1], text[1 + len(behind[1]) :]
    return name, match[2].strip()


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


class Extinf(NamedTuple):
    """What an EXTINF tag says of the media segment to come."""

    duration: float | None
    title: str | None
    attributes: str | None
    """Those that channel lists put behind the duration, as `write_json` writes them."""
    is_plain: bool
    """True if there is a duration with six decimals, and nothing behind it: as FFmpeg writes it."""


NO_EXTINF = Extinf(None, None, None, False)


@_remembered
def read_extinf(value: str) -> Extinf:
    """Return what the value of an EXTINF tag says."""
    match = _DURATION.match(value)
    sent = match[1] if match else ""
    rest = value[match.end() if match else 0 :]
    attributes: dict[str, str] = {}
    if "=" in rest:
        words, title = _split_title(rest)
        pairs = re.findall(r'([A-Za-z][A-Za-z0-9_-]*)\s*=\s*("[^"]*"|[^\s",]*)', words)
        attributes = {name: text.strip('"') for name, text in pairs}
    else:
        title = rest.partition(",")[2].strip()
    is_plain = not title and len(sent.partition(".")[2]) == 6
    return Extinf(read_decimal(sent), title or None, write_json(attributes), is_plain)


def _split_title(rest: str) -> tuple[str, str]:
    """Return what stands before and behind the first comma outside quotes."""
    is_quoted = False
    for i, char in enumerate(rest):
        if char == '"':
            is_quoted = not is_quoted
        elif char == "," and not is_quoted:
            return rest[:i], rest[i + 1 :].strip()
    return rest, ""


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def write_json(attributes: dict[str, str]) -> str | None:
    """Return the attributes as a JSON object, or null if there are none."""
    return _JSON.encode(attributes) if attributes else None


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


@_remembered
def read_date_time(text: str) -> tuple[int | None, bool]:
    """Return nanoseconds since 1970 UTC, and True if the text is a date and time.

    A date and time without zone gives null and True: guessing a zone would invent evidence.
    """
    match = _DATE_TIME.match(text)
    if match is None:
        return None, False
    *clock, fraction, zone = match.groups("0")
    year, month, day, hour, minute, second = map(int, clock)
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None, False
    if hour > 23 or minute > 59:
        return None, False
    if second > 60 or match[8] is None:
        return None, second <= 60
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second - _zone_seconds(zone)
    nanoseconds = seconds * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))
    return (nanoseconds, True) if abs(nanoseconds) <= _MAX_INT else (None, False)


def _zone_seconds(zone: str) -> int:
    if zone in "Zz":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone[0] == "-" else seconds
