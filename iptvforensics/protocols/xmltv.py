"""XMLTV programme guides, in clear or as a gzip file, to channels and programmes.

xmltv.dtd (the XMLTV project): `<tv>`, `<channel id>` with `<display-name>`, `<programme start stop channel>`. The
document is read by expat while it comes. Declarations of entities are refused: reading ends there. A body that is
itself a gzip file (`epg.xml.gz`) is unpacked, with limits.

**Known limitations**: damage and gaps end the reading of a guide: expat cannot go on behind them. What programmes say
beyond title, description, language and category is in `raw` as JSON, of repeated elements the first 16. Times without
offset are null and stay text.
"""

from __future__ import annotations

import json
import re
import zlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from xml.parsers import expat

from ..listings.asked import asked_of
from ..listings.documents import let_go
from ..listings.sheet import Sheet
from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, MAX_RAW_CHARS, PROGRAMMES
from ..protocol import BLANK_BYTES, OPENING_BYTES, Anomaly, Event, Mark, Opening, Protocol, Rows

MAX_PROGRAMMES = 2_000_000
MAX_DEPTH = 16
MAX_TEXT_CHARS = 64 << 10
MAX_TOKEN_BYTES = 1 << 20
MAX_WORDS = 10_000
"""Names of elements and attributes: expat keeps each of them."""
MAX_OTHERS = 16
"""Elements of one name that are kept in `raw`."""
MAX_NAMES = 64
MAX_DECODED_BYTES = 512 << 20
MAX_RATIO = 100
FREE_BYTES = 1 << 20
PIECE_BYTES = 1 << 20

_TIME = re.compile(
    r"\s*(\d{4})(\d\d)(\d\d)(\d\d)?(\d\d)?(\d\d)?(?:\.\d+)?\s*(?:([+-])(\d\d):?(\d\d)|(Z|UTC|GMT))?\s*\Z"
)
_START = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!DOCTYPE\s+tv\b[^>]*>\s*)?(?:<!--.*?-->\s*)*<tv[\s>/]", re.DOTALL
)
_CLOCK = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d\Z", re.ASCII)
_OFFSET = re.compile(r" ([+-])(\d\d)(\d\d)\Z", re.ASCII)
_MAY_START = (b"<?xml", b"<!DOCTYPE", b"<!--", b"<tv")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _RefusedError(Exception):
    """The document declares entities, or is too deep."""


def read_time(text: str | None) -> int | None:
    """Return nanoseconds since 1970 of a time with an offset; null without one.

    Example:
        >>> read_time("20231115051320 +0700"), read_time("20231115051320")
        (1700000000000000000, None)
    """
    if text is None:
        return None
    if len(text) == 20:
        # What nearly all guides write: days, clocks and offsets come again and again.
        midnight, clock, offset = _midnight(text[:8]), _clock(text[8:14]), _offset(text[14:])
        if midnight is not None and clock is not None and offset is not None:
            return (midnight + clock - offset) * 1_000_000_000
    return _read_any_time(text)


@lru_cache(maxsize=1024)
def _midnight(day: str) -> int | None:
    """Return the seconds since 1970 at which a day begins in UTC."""
    found = _read_any_time(day + "000000 +0000")
    return None if found is None else found // 1_000_000_000


@lru_cache(maxsize=1 << 14)
def _clock(text: str) -> int | None:
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + int(text[4:]) if _CLOCK.match(text) else None


@lru_cache(maxsize=256)
def _offset(zone: str) -> int | None:
    match = _OFFSET.match(zone)
    if match is None:
        return None
    return (int(match[2]) * 3600 + int(match[3]) * 60) * (-1 if match[1] == "-" else 1)


def _read_any_time(text: str) -> int | None:
    match = _TIME.match(text)
    if match is None or not (match[7] or match[10]):
        return None
    year, month, day, hour, minute, second = (int(match[i] or 0) for i in range(1, 7))
    try:
        days = datetime(year, month, day, tzinfo=UTC).toordinal() - _EPOCH.toordinal()
    except ValueError:
        return None
    if hour > 24 or minute > 59 or second > 60:
        return None
    seconds = days * 86400 + hour * 3600 + minute * 60 + second
    if match[7]:
        offset = int(match[8]) * 3600 + int(match[9]) * 60
        seconds += -offset if match[7] == "+" else offset
    return seconds * 1_000_000_000 if -9_000_000_000 < seconds < 9_000_000_000 else None


class _Document:
    """What expat has told of the document so far."""

    def __init__(self, sheets: tuple[Sheet, Sheet, Sheet]) -> None:
        self._accounts, self._entries, self._programmes = sheets
        self._parts: list[str] = []
        """Texts since an element began: the list itself is told, since a step of Python per text would cost more."""
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._parts.append
        parser.EntityDeclHandler = self._refuse
        parser.UnparsedEntityDeclHandler = self._refuse
        self._depth = 0
        self._attributes: dict[str, str] = {}
        self._at = 0
        self._found: dict[str, list[tuple[str, dict[str, str]]]] = {}
        self._own: dict[str, str] = {}
        """Attributes of the element that is read."""
        self._has_others = False
        """True if the programme says more than the columns hold."""
        self._waiting: list[tuple[Any, ...]] = []
        self.channels = 0
        self.programmes = 0
        self._fed = 0

    def feed(self, data: bytes, *, final: bool = False) -> None:
        self._fed += len(data)
        self.parser.Parse(data, final)
        if len(self._parts) > 1:
            self._parts[:] = ["".join(self._parts)[:MAX_TEXT_CHARS]]
        if self._fed - self.position > MAX_TOKEN_BYTES or len(self.parser.intern) > MAX_WORDS:
            raise _RefusedError(f"a tag of more than {MAX_TOKEN_BYTES} bytes, or more than {MAX_WORDS} names")

    @property
    def position(self) -> int:
        return max(self.parser.CurrentByteIndex, 0)

    def _refuse(self, *_: Any) -> None:
        raise _RefusedError("the document declares entities")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth = depth = self._depth + 1
        if depth == 3:
            self._own = attributes
            self._parts.clear()
        elif depth == 2:
            self._attributes, self._at, self._found, self._has_others = attributes, self.position, {}, False
        elif depth == 1:
            self._head(name, attributes)
        elif depth > MAX_DEPTH:
            raise _RefusedError(f"more than {MAX_DEPTH} elements in each other")

    def _end(self, name: str) -> None:
        self._depth = depth = self._depth - 1
        if depth == 2:
            text = "".join(self._parts)[:MAX_TEXT_CHARS].strip()
            found = self._found.get(name)
            if found is None:
                if len(self._found) < MAX_NAMES:
                    self._found[name] = [(text, self._own)]
                self._has_others = self._has_others or name not in _OWN
            elif len(found) < MAX_OTHERS:
                found.append((text, self._own))
                self._has_others = True
        elif depth == 1 and name == "programme":
            self._programme()
        elif depth == 1 and name == "channel":
            self._channel()

    def _head(self, name: str, attributes: dict[str, str]) -> None:
        if name != "tv":
            raise _RefusedError(f"the document is a {name[:40]!r}, no guide")
        software = attributes.get("generator-info-name") or attributes.get("source-info-name")
        if attributes:
            values = {
                "software": software,
                "stated_host": attributes.get("generator-info-url") or attributes.get("source-info-url"),
                "raw": json.dumps(attributes, ensure_ascii=False)[:MAX_RAW_CHARS],
            }
            self._accounts.add(self.position, values)

    def _first(self, name: str) -> tuple[str | None, dict[str, str]]:
        found = self._found.get(name)
        return (found[0][0] or None, found[0][1]) if found else (None, {})

    def _channel(self) -> None:
        self.channels += 1
        if self.channels > MAX_PROGRAMMES:
            return
        ident = self._attributes.get("id")
        others = {name: [text or (more or None) for text, more in found] for name, found in self._found.items()}
        values = {
            "kind": "live",
            "item_no": self.channels,
            "entry_id": ident or None,
            "epg_id": ident or None,
            "name": self._first("display-name")[0],
            "number": _number(self._first("lcn")[0]),
            "logo_url": self._first("icon")[1].get("src") or None,
            "entry_url": self._first("url")[0],
            "raw": json.dumps(others, ensure_ascii=False)[:MAX_RAW_CHARS] if others else None,
        }
        self._entries.add(self._at, values)

    def _programme(self) -> None:
        self.programmes += 1
        if self.programmes > MAX_PROGRAMMES:
            return
        raw = None
        if self._has_others:
            others = {
                name: [text or (more or None) for text, more in found]
                for name, found in self._found.items()
                if name not in _OWN or len(found) > 1
            }
            raw = json.dumps(others, ensure_ascii=False)[:MAX_RAW_CHARS]
        get, found = self._attributes.get, self._found.get
        titles = found("title") or _NO_ELEMENT
        self._waiting.append(
            (
                self._at,
                self.programmes,
                get("channel") or None,
                get("start") or None,
                get("stop") or None,
                titles[0][0] or None,
                titles[0][1].get("lang") or None,
                (found("desc") or _NO_ELEMENT)[0][0] or None,
                (found("category") or _NO_ELEMENT)[0][0] or None,
                raw,
            )
        )

    def hand_on(self) -> None:
        """Put the programmes that have come into their sheet."""
        if not self._waiting:
            return
        offsets, *columns = map(list, zip(*self._waiting, strict=True))
        self._waiting = []
        found = dict(zip(_PROGRAMME, columns, strict=True))
        found["start_ns"] = list(map(read_time, found["start_text"]))
        found["end_ns"] = list(map(read_time, found["end_text"]))
        self._programmes.add_columns(offsets, found)


_NO_ELEMENT: list[tuple[str, dict[str, str]]] = [("", {})]
_PROGRAMME = ("item_no", "channel_ref", "start_text", "end_text", "title", "language", "description", "category", "raw")
_OWN = frozenset({"title", "desc", "category"})


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


class XmltvParser:
    """Reads one guide while it comes."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        asked = asked_of(opening.info)
        shared = {"family": "xmltv", "url": asked.url, "host": asked.host}
        account = {"username": asked.get("username"), "password": asked.get("password")}
        self._sheets = (
            Sheet(ACCOUNT_REPLIES, **shared, **account, role=asked.role, action="xmltv"),
            Sheet(CATALOGUE_ENTRIES, **shared, username=asked.get("username")),
            Sheet(PROGRAMMES, **shared),
        )
        self._document = _Document(self._sheets)
        head = opening.orig or opening.resp
        self._unpack = zlib.decompressobj(31) if head[:2] == b"\x1f\x8b" else None
        self._packed = self._decoded = 0
        self._offset = 0
        self._failure: tuple[str, int, str] | None = None
        if opening.midstream:
            self._failure = ("beginning_not_seen", 0, "the body begins in the middle")
        self._is_over = False

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of the elements that are complete now."""
        events: list[Event] = []
        if self._unpack is not None and not self._offset and data:
            events.append(Mark(from_orig, 0))
        self._offset += len(data)
        if self._failure is None and not self._is_over:
            if self._unpack is None:
                self._read(bytes(data))
            else:
                self._unpacked(bytes(data))
        return events + self._rows(from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: expat cannot read on."""
        if self._failure is None and not self._is_over:
            self._failure = ("gap", self._offset, "bytes are missing, the rest of the guide is not read")
        self._offset += max(length, 0)
        return self._rows(from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return what was wrong."""
        if self._failure is None and not self._is_over and self._offset:
            self._read(b"", final=True)
        let_go(self._document.parser)
        events = self._rows(from_orig)
        self._is_over = True
        if self._failure is not None:
            name, offset, detail = self._failure
            events.append(Anomaly(f"XMLTV_{name}", from_orig, 0 if self._unpack else min(offset, self._offset), detail))
            self._failure = None
        over = max(self._document.programmes, self._document.channels)
        if over > MAX_PROGRAMMES:
            events.append(Anomaly("XMLTV_over_limit", from_orig, 0, f"{over} elements, {MAX_PROGRAMMES} were read"))
            self._document.programmes = self._document.channels = 0
        return events

    def _unpacked(self, data: bytes) -> None:
        """Unpack what has come, in pieces, within limits."""
        unpack = self._unpack
        self._packed += len(data)
        while data and unpack is not None and self._failure is None:
            try:
                piece = unpack.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                self._failure = ("gzip_damaged", self._offset, str(error))
                return
            self._decoded += len(piece)
            if self._decoded > max(FREE_BYTES, min(MAX_DECODED_BYTES, self._packed * MAX_RATIO)):
                self._failure = ("gzip_over_limit", self._offset, f"{self._packed} bytes grew to {self._decoded}")
                return
            self._read(piece)
            data = unpack.unconsumed_tail

    def _read(self, data: bytes, *, final: bool = False) -> None:
        try:
            self._document.feed(data, final=final)
        except _RefusedError as error:
            self._failure = ("refused", self._document.position, str(error))
        except (expat.ExpatError, ValueError, LookupError) as error:
            name = "cut" if final else "malformed"
            self._failure = (name, self._document.position, str(error))

    def _rows(self, from_orig: bool) -> list[Event]:
        events: list[Event] = []
        self._document.hand_on()
        for sheet in self._sheets:
            for event in sheet.take(from_orig):
                if isinstance(event, Rows) and self._unpack is not None:
                    # Bytes of a gzip file have no place of their own: rows point at its beginning.
                    events.append(event._replace(offsets=[0] * len(event.offsets)))
                else:
                    events.append(event)
        return events


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body is an XMLTV guide, in clear or as a gzip file."""
    head = opening.orig or opening.resp
    is_partial = len(head) < OPENING_BYTES
    if opening.info.role == "request":
        return 0.0
    if head == b"\x1f":
        return None
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(31).decompress(head, OPENING_BYTES)
        except zlib.error:
            return 0.0
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _START.match(start):
        return 0.95
    may_start = any(start[: len(mark)] == mark[: len(start)] for mark in _MAY_START)
    return None if is_partial and (may_start or not start) and len(start) < 4096 else 0.0


PROTOCOL = Protocol(
    name="xmltv",
    title="XMLTV programme guides",
    specification="xmltv.dtd of the XMLTV project",
    carriers=("content",),
    tables=(PROGRAMMES, CATALOGUE_ENTRIES, ACCOUNT_REPLIES),
    detect=detect,
    parser=XmltvParser,
    begins=BLANK_BYTES + b"\x1f<",
    limits="A gap or damage ends the reading of a guide. Times without offset stay text.",
)
