"""Lines of a channel list -> catalogue entries: M3U-Plus, the lists for receivers, and their set-up scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from operator import itemgetter
from typing import Any

from ..listings import faults
from ..listings.asked import asked_of
from ..listings.letters import Letters
from ..listings.lines import Line, Lines
from ..listings.sheet import Sheet
from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, MAX_RAW_CHARS
from ..protocol import Anomaly, Event, Mark, Opening
from ._m3u_alike import AROUND, MIN_RUN, Alike, names_in
from ._m3u_devices import GRAMMARS, script_account
from ._m3u_extinf import Entries, Entry, account_in, attributes_of, by_column, container_of, entry_columns
from ._m3u_shapes import file_name_of

MAX_ENTRIES = 1_000_000
LINES = 4096
"""Read together: what so many hold stays in the cache of a processor while it is cut and put into columns."""
MAX_HEAD_CHARS = MAX_RAW_CHARS

_OFFERED = re.compile(r"(?:playlist|simple|ariva)_(.+?)(?:_plus)?\.(?:m3u8?|txt)\Z|(.+)_list\.txt\Z")
_SOFTWARE = re.compile(r"\bcom\.(xui|xc_vm)\.([0-9A-Za-z_.-]{1,40})")
_NAMES = {"xui": "XUI.one", "xc_vm": "XC_VM"}
_DEFAULTS = ("catchup", "catchup-days", "catchup-source", "catchup-type")


def text_of(line: bytes) -> str:
    """Return a line as text, without the white space around it."""
    return str(line, "utf-8", "backslashreplace").strip(AROUND)


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
        account = {} if self._user is None else {"username": self._user}
        self._entries = Sheet(CATALOGUE_ENTRIES, **shared, **account)
        self._lines = Lines(in_step=not opening.midstream)
        self._letters = Letters()
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
        events += faults.of_lines(self._lines, "M3U", from_orig)
        events += faults.of_letters(self._letters, "M3U", from_orig)
        if self._count > MAX_ENTRIES:
            detail = f"{self._count} entries, {MAX_ENTRIES} were read"
            events.append(Anomaly("M3U_over_limit", from_orig, 0, detail))
            self._count = 0
        return events

    def _rows(self, from_orig: bool) -> list[Event]:
        return self._accounts.take(from_orig) + self._entries.take(from_orig)

    def _take(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._letters.note(line[1])
            self._line(line)

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
        self._waiting: list[Entry] = []
        self._held_at = self._held_chars = 0
        self._extinf: str | None = None
        self._group: str | None = None

    def _take(self, lines: Iterable[Line]) -> None:
        """Read lines: what is alike at once, anything else line by line."""
        rest = iter(lines)
        while some := list(islice(rest, LINES)):
            self._letters.note_all(map(itemgetter(1), some))
            self._take_some(some)

    def _take_some(self, lines: list[Line]) -> None:
        names = names_in(lines) if len(lines) > 2 * MIN_RUN else None
        done = 0
        if names is not None:
            found = Alike(lines, names)
            for at, first, last in found.runs():
                self._each(lines[done:at])
                done = at
                if self._in_head or self._held:  # what stands before the first entry belongs to it
                    self._each(lines[at : at + 2])
                    at, first = at + 2, first + 1
                self._flush()
                self._put(found.read(at, first, last))
                done = at + 2 * (last - first)
        self._each(lines[done:])

    def _each(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._line(line)

    def _line(self, line: Line) -> None:
        offset, text = line[0], text_of(line[1])
        if not text:
            return
        if text[0] != "#":
            self._entry(offset, text)
            return
        tag = text[:12].upper()
        if tag.startswith("#EXTINF"):
            if self._in_head:
                self._close_head()
            self._extinf = text
        elif self._in_head and tag.startswith(("#EXTM3U", "#EXT-X-", "#PLAYLIST")):
            self._head_line(text)
            return
        elif tag.startswith("#EXTGRP"):
            self._group = text[8:].strip() or None
        self._hold(offset, text)

    def _hold(self, offset: int, text: str) -> None:
        """Keep a line until the URL of its entry comes."""
        if not self._held:
            self._held_at = offset
        if self._held_chars < MAX_RAW_CHARS:
            self._held.append(text)
            self._held_chars += len(text) + 1

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
        self._in_head = False
        raw = "\n".join(self._head)[:MAX_RAW_CHARS]
        self._account(0, raw)
        if raw:
            values = {"kind": "list", "name": self._title or self._file, "entry_url": self._guide, "raw": raw}
            self._entries.add(0, values)

    def _entry(self, offset: int, url: str) -> None:
        if self._in_head:
            self._close_head()
        at = self._held_at if self._held else offset
        self._waiting.append(Entry(at, tuple(self._held), url, self._extinf, self._group))
        self._held, self._held_chars, self._extinf, self._group = [], 0, None, None

    def _rows(self, from_orig: bool) -> list[Event]:
        """Return the entries that have come since the last call."""
        self._flush()
        return super()._rows(from_orig)

    def _flush(self) -> None:
        """Put entries that came one by one into their sheet."""
        if self._waiting:
            self._put(by_column(self._waiting))
            self._waiting = []

    def _put(self, entries: Entries) -> None:
        """Put entries into their sheet, as far as they are read."""
        first, count = self._count, len(entries.offsets)
        self._count += count
        room = MAX_ENTRIES - first
        if room <= 0:
            return
        columns = entry_columns(entries, self._defaults)
        columns["item_no"] = range(first + 1, first + 1 + count)
        if self._user is None:
            accounts = map(account_in, columns["entry_url"])
            columns["username"] = [account[0] if account else None for account in accounts]
        offsets = entries.offsets
        if count > room:
            offsets, columns = offsets[:room], {name: values[:room] for name, values in columns.items()}
        self._entries.add_columns(offsets, columns)

    def _lost(self) -> None:
        self._held, self._held_chars, self._extinf, self._group = [], 0, None, None

    def _over(self) -> None:
        if self._in_head:
            self._close_head()


class DeviceParser(ListParser):
    """Reads a list in the grammar of a receiver."""

    def __init__(self, opening: Opening, shape: str) -> None:
        super().__init__(opening)
        self._grammar = GRAMMARS[shape]()
        self._is_new = True

    def _line(self, line: Line) -> None:
        offset, data = line
        if self._is_new:
            self._is_new = False
            self._account(0, "")
        text = text_of(data)
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
