"""Channel lists: M3U-Plus, and the lists for old receivers that the same page offers, to catalogue entries.

M3U has no specification; the attributes are those that players read (`tvg-id`, `group-title`, `catchup`, ...). An HLS
playlist is no such list, whatever its name is: tags like EXT-X-TARGETDURATION decide. The device formats of
`get.php?type=...` are read with their own grammars (`_m3u_devices`); bouquets of Enigma2 are another protocol.

**Known limitations**: options of players (EXTVLCOPT, KODIPROP, EXTHTTP) are kept in `raw`, not applied. A name in
another encoding than UTF-8 stands as escapes. Lines over 64 KiB are cut. After 1,000,000 entries a list is not read on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..listings.asked import asked_of
from ..listings.items import Batch, JsonItems, Path
from ..listings.lines import Line, Lines
from ..listings.sheet import Sheet
from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, MAX_RAW_CHARS
from ..listings.values import Columns, integers, texts
from ..protocol import OPENING_BYTES, Anomaly, ContentInfo, Event, Mark, Opening, Parser, Protocol
from ._m3u_devices import GRAMMARS, Grammar, grammar_of, script_account
from ._m3u_extinf import account_in, attributes_of, container_of, entry_values

MAX_ENTRIES = 1_000_000
MAX_HELD_LINES = 64
"""Lines of one entry that are kept before its URL."""
MAX_HEAD_CHARS = MAX_RAW_CHARS

_LIST_PAGE = re.compile(r"/(?:get(?:\.php)?|playlist)(?:[/?]|\Z)")
_FILE_NAME = re.compile(r"filename\*?\s*=\s*(?:UTF-8'')?\"?([^\";]+)", re.IGNORECASE)
_OFFERED = re.compile(r"(?:playlist|simple|ariva)_(.+?)(?:_plus)?\.(?:m3u8?|txt)\Z|(.+)_list\.txt\Z")
_SOFTWARE = re.compile(r"\bcom\.(xui|xc_vm)\.([0-9A-Za-z_.-]{1,40})")
_NAMES = {"xui": "XUI.one", "xc_vm": "XC_VM"}
_HLS_TAG = re.compile(rb"#EXT-X-(?!SESSION-DATA|PLAYLIST-TYPE)", re.IGNORECASE)
_CHANNEL_LINE = re.compile(
    rb"#EXTINF[ :]?\s*(?:-\s*[0-9]|[0-9.]*[\s,]+[A-Za-z][\w-]*\s*=)|#EXTGRP|#EXTVLCOPT|#KODIPROP|#EXTHTTP"
    rb"|#EXTM3U[^\n]*(?:tvg|catchup|m3uautoload|refresh|cache|url-)|#EXT-X-SESSION-DATA:[^\n]*com\.(?:xui|xc_vm)\.",
    re.IGNORECASE,
)
_DEFAULTS = ("catchup", "catchup-days", "catchup-source", "catchup-type")


def file_name_of(info: ContentInfo) -> str | None:
    """Return the name under which a body is offered as a file."""
    disposition = info.extra.get("content_disposition")
    match = _FILE_NAME.search(disposition) if isinstance(disposition, str) else None
    return match[1].strip() if match else None


class ListParser:
    """Reads one list line by line; what a line means is said by a subclass."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._asked = asked = asked_of(opening.info)
        self._file = file_name_of(opening.info)
        offered = _OFFERED.match(self._file or "")
        self._user = asked.get("username") or (offered and (offered[1] or offered[2])) or None
        shared = {"family": "m3u", "url": asked.url, "host": asked.host}
        self._accounts = Sheet(ACCOUNT_REPLIES, **shared, role=asked.role, action=asked.get("type") or "playlist")
        self._entries = Sheet(CATALOGUE_ENTRIES, **shared, username=self._user)
        self._lines = Lines(in_step=not opening.midstream)
        self._count = 0

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the entries of the lines that are complete now."""
        events: list[Event] = [] if self._lines.offset or not data else [Mark(from_orig, 0)]
        self._take(self._lines.feed(data))
        return events + self._rows(from_orig)

    def gap(self, length: int, _from_orig: bool) -> list[Event]:
        """Return nothing: the entry that a gap cuts is told at the end."""
        self._lines.gap(length)
        self._lost()
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return what the last line says, and what was wrong."""
        self._take(self._lines.end())
        self._over()
        events = self._rows(from_orig)
        lines = self._lines
        for name, count in (("line_over_limit", lines.cut), ("line_cut_by_gap", lines.dropped)):
            if count:
                events.append(Anomaly(f"M3U_{name}", from_orig, 0, "", count))
        lines.cut = lines.dropped = 0
        if self._count > MAX_ENTRIES:
            detail = f"{self._count} entries, {MAX_ENTRIES} were read"
            events.append(Anomaly("M3U_over_limit", from_orig, 0, detail))
            self._count = 0
        return events

    def _rows(self, from_orig: bool) -> list[Event]:
        return self._accounts.take(from_orig) + self._entries.take(from_orig)

    def _take(self, lines: Any) -> None:
        for offset, line in lines:
            self._line((offset, line))

    def _line(self, line: Line) -> None:
        raise NotImplementedError

    def _lost(self) -> None:
        """Drop what is pending: a gap follows."""

    def _over(self) -> None:
        """Say what only the whole list says."""

    def _add(self, offset: int, values: dict[str, Any]) -> None:
        self._count += 1
        if self._count <= MAX_ENTRIES:
            values["item_no"] = self._count
            self._entries.add(offset, values)

    def _account(self, offset: int, raw: str, **values: Any) -> None:
        software = _SOFTWARE.search(raw)
        if software is not None:
            values["software"] = _NAMES[software[1].lower()]
            values["software_version"] = software[2].replace("_", ".").strip(".")
        if not values and self._user is None:
            return
        values.setdefault("username", self._user)
        values.setdefault("password", self._asked.get("password"))
        self._accounts.add(offset, {**values, "token": self._asked.get("token"), "raw": raw[:MAX_RAW_CHARS] or None})


class M3uParser(ListParser):
    """Reads M3U-Plus."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._head: list[str] = []
        self._head_chars = 0
        self._in_head = True
        self._defaults: Mapping[str, str] = {}
        self._guide: str | None = None
        self._title: str | None = None
        self._held: list[str] = []
        self._held_at = 0
        self._extinf: str | None = None
        self._group: str | None = None

    def _line(self, line: Line) -> None:
        offset, data = line
        text = data.decode("utf-8", "backslashreplace").strip(" \t\v\f\0\r\ufeff")
        if not text:
            return
        if text[0] != "#":
            self._entry(offset, text)
            return
        tag = text[:12].upper()
        if tag.startswith("#EXTINF"):
            self._close_head()
            self._extinf = text
        elif self._in_head and tag.startswith(("#EXTM3U", "#EXT-X-", "#PLAYLIST")):
            self._head_line(text)
            return
        elif tag.startswith("#EXTGRP"):
            self._group = text[8:].strip() or None
        if len(self._held) < MAX_HELD_LINES:
            if not self._held:
                self._held_at = offset
            self._held.append(text)

    def _head_line(self, text: str) -> None:
        if text[:7].upper() == "#EXTM3U":
            attributes = attributes_of(text)
            self._defaults = {name: attributes[name] for name in _DEFAULTS if name in attributes}
            self._guide = attributes.get("x-tvg-url") or attributes.get("url-tvg") or self._guide
        elif text[:10].upper() == "#PLAYLIST:":
            self._title = text[10:].strip() or None
        if self._head_chars < MAX_HEAD_CHARS:
            self._head.append(text)
            self._head_chars += len(text) + 1

    def _close_head(self) -> None:
        """Say what the lines before the first entry say of the list as a whole."""
        if not self._in_head:
            return
        self._in_head = False
        raw = "\n".join(self._head)[:MAX_RAW_CHARS]
        self._account(0, raw)
        if raw:
            values = {"kind": "list", "name": self._title or self._file, "entry_url": self._guide, "raw": raw}
            self._entries.add(0, values)

    def _entry(self, offset: int, url: str) -> None:
        self._close_head()
        values = entry_values(self._held, url, self._extinf, self._group, self._defaults)
        if self._user is None:
            named = account_in(url)
            if named is not None:
                values["username"] = named[0]
        self._add(self._held_at if self._held else offset, values)
        self._lost()

    def _lost(self) -> None:
        self._held, self._extinf, self._group = [], None, None

    def _over(self) -> None:
        self._close_head()


class DeviceParser(ListParser):
    """Reads a list in the grammar of a receiver."""

    def __init__(self, opening: Opening, grammar: Grammar) -> None:
        super().__init__(opening)
        self._grammar = grammar
        self._is_new = True

    def _line(self, line: Line) -> None:
        offset, data = line
        if self._is_new:
            self._is_new = False
            self._account(0, "")
        text = data.decode("utf-8", "backslashreplace").strip(" \t\v\f\0\r\ufeff")
        for found in self._grammar.line(text) if text else ():
            url = str(found.get("entry_url") or "")
            container = container_of(url)
            self._add(offset, {**found, "container": container, "raw": text[:MAX_RAW_CHARS]})


class ScriptParser(ListParser):
    """Reads a set-up script for receivers: the account that it holds."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._script = ""

    def _line(self, line: Line) -> None:
        if len(self._script) < MAX_RAW_CHARS:
            self._script += line[1].decode("utf-8", "backslashreplace") + "\n"

    def _over(self) -> None:
        account = script_account(self._script)
        if account is not None:
            self._account(0, self._script, username=account[0], password=account[1])
        self._script = ""


class JsonListParser:
    """Reads the JSON list of one kind of receiver (`iptvstreams_list`)."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        asked = asked_of(opening.info)
        shared = {"family": "m3u", "url": asked.url, "host": asked.host, "username": asked.get("username")}
        self._entries = Sheet(CATALOGUE_ENTRIES, **shared)
        self._items = JsonItems(_is_walked, in_step=not opening.midstream)
        self._group: str | None = None
        self._count = 0

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the entries that are complete now."""
        return self._read(self._items.feed(data), from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return the entries before a gap."""
        return self._read(self._items.gap(length), from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return the last entries, and what was wrong."""
        events = self._read(self._items.end(), from_orig)
        problems, self._items.problems = self._items.problems, []
        return events + [Anomaly(f"M3U_{p.name}", from_orig, p.offset, p.detail) for p in problems]

    def _read(self, batches: list[Batch], from_orig: bool) -> list[Event]:
        for batch in batches:
            if batch.path[-1:] != ("channel",):
                for key, value in zip(batch.keys, batch.values, strict=True):
                    self._group = value if key == "name" and isinstance(value, str) else self._group
                continue
            good = [i for i, value in enumerate(batch.values) if isinstance(value, dict)]
            items = Columns([batch.values[i] for i in good])
            urls = texts(items.pick("url", "URL", "link"))
            columns = {
                "name": texts(items.pick("name", "title")),
                "number": integers(items.pick("number", "id")),
                "category_name": [self._group] * len(good),
                "entry_url": urls,
                "container": [container_of(url) if url else None for url in urls],
                "logo_url": texts(items.pick("logo", "icon")),
                "item_no": list(range(self._count + 1, self._count + 1 + len(good))),
                "raw": [batch.raws[i][:MAX_RAW_CHARS] for i in good],
            }
            self._count += len(good)
            self._entries.add_columns([batch.offsets[i] for i in good], columns)
        return self._entries.take(from_orig)


_JSON_PATHS = (
    (),
    ("iptvstreams_list",),
    ("iptvstreams_list", "group"),
    ("iptvstreams_list", "group", "channel"),
    ("iptvstreams_list", "group", "#"),
    ("iptvstreams_list", "group", "#", "channel"),
)


def _is_walked(path: Path, _is_list: bool) -> bool:
    return path in _JSON_PATHS


def _shape_of(opening: Opening) -> str | None:
    """Return how the body is read: m3u, json, script, or the name of a grammar; None if it is no list."""
    head, info = opening.orig or opening.resp, opening.info
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if start[:4].upper() in (b"#EXT", b"#KOD", b"#PLA"):
        return "m3u"
    url = info.name or ""
    page = _LIST_PAGE.search(url)
    if start[:1] == b"{":
        return "json" if b'"iptvstreams_list"' in start[:256] else None
    if start[:2] == b"#!" and page and b"USERNAME=" in start:
        return "script"
    file = file_name_of(info)
    device = asked_of(info).get("type") if page else None
    return grammar_of(device, file, start)


def make_parser(opening: Opening) -> Parser:
    """Return the parser for the kind of list that a body is."""
    shape = _shape_of(opening)
    if shape == "json":
        return JsonListParser(opening)
    if shape == "script":
        return ScriptParser(opening)
    if shape is None or shape == "m3u":
        return M3uParser(opening)
    return DeviceParser(opening, GRAMMARS[shape]())


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body is a channel list; an HLS playlist is none."""
    head = opening.orig or opening.resp
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\0")
    is_partial = len(head) < OPENING_BYTES
    first = start[:1]
    if opening.info.role == "request" or (first and first in b"G\0\xff\x89\x1f" and not start[:3].isalpha()):
        return 0.0
    if not start:
        return None if is_partial else 0.0
    if start[:4].upper() in (b"#EXT"[: len(start)], b"#KOD"[: len(start)], b"#PLA"[: len(start)]):
        return _detect_m3u(start, is_partial)
    shape = _shape_of(opening)
    if shape is not None:
        return 0.9 if shape in ("json", "script") or _has_entry(shape, start) else None if is_partial else 0.0
    if first == b"{":
        return None if len(start) < 256 and is_partial else 0.0
    may_come = first in b"I<[C#" or start[:8].lower().startswith((b"http", b"rtmp", b"rtsp", b"udp", b"mms"))
    return None if is_partial and may_come else 0.0


def _detect_m3u(start: bytes, is_partial: bool) -> float | None:
    has_media = has_url = False
    for raw in start.split(b"\n")[: -1 if is_partial else None]:
        line = raw.strip()
        if _CHANNEL_LINE.match(line):
            return 0.95
        if _HLS_TAG.match(line):
            return 0.0
        if line[:7].upper() == b"#EXTINF":
            has_media = True
        elif has_media and line and not line.startswith(b"#"):
            has_url = True
    if has_url:
        return 0.6
    return None if is_partial else 0.0


def _has_entry(shape: str, start: bytes) -> bool:
    """Return True if the grammar finds an entry in the first lines."""
    grammar = GRAMMARS[shape]()
    text = start.decode("utf-8", "backslashreplace")
    return any(grammar.line(line.strip()) for line in text.splitlines()[:200])


PROTOCOL = Protocol(
    name="m3u",
    title="Channel lists: M3U-Plus and the lists for old receivers",
    specification="none; attributes and grammars that players and receivers read",
    carriers=("content",),
    tables=(CATALOGUE_ENTRIES, ACCOUNT_REPLIES),
    detect=detect,
    parser=make_parser,
    limits="Options of players are kept, not applied. Some lists for receivers are read only if they were asked for.",
)
