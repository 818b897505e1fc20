"""Lines of a list, in clear or in base64 -> catalogue entries."""

from __future__ import annotations

import re

from ..listings import faults
from ..listings.asked import host_of
from ..listings.letters import Letters
from ..listings.lines import Lines
from ..listings.sheet import Sheet
from ..listings.tables import CATALOGUE_ENTRIES, MAX_RAW_CHARS
from ..protocol import Anomaly, Event, Mark, Opening
from ._txtlist_detect import NOT_BASE64, WIDE_COMMA, from_base64, is_base64_list

MAX_ENTRIES = 1_000_000
MAX_SETTINGS_CHARS = MAX_RAW_CHARS

_SETTING = re.compile(
    r"(?:ua|user-agent|referer|referrer|origin|header|parse|player|click|format|forceKey)=", re.IGNORECASE
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]")


def split_link(link: str | None) -> dict[str, str | None]:
    """Return the URL of a link and, where it is more than that, the link: label or headers may stand behind the URL."""
    if link is None or not _URL.match(link):
        return {"entry_url": None, "entry_raw": link}
    url = link.partition("$")[0].partition("|")[0].strip()
    return {"entry_url": url, "entry_raw": link if link != url else None}


def split_line(text: str) -> tuple[str, str]:
    """Return name and what follows the comma, which may be of full width where an ordinary one leads to nothing."""
    for comma in (",", WIDE_COMMA):
        name, _, rest = text.partition(comma)
        if rest.lstrip().startswith("#genre#") or _URL.match(rest.lstrip()):
            break
    else:
        name, _, rest = text.partition(",")
    return name.strip(), rest.strip()


def _split_other(line: bytes, text: str) -> tuple[str, str]:
    """Return the same of a line that is not UTF-8: it may be GB18030, with the commas of that; names stay escapes."""
    try:
        name, rest = split_line(line.decode("gb18030"))
    except UnicodeDecodeError:
        return split_line(text)
    return _escaped(name), _escaped(rest)


def _escaped(text: str) -> str:
    return text.encode("gb18030").decode("utf-8", "backslashreplace")


class TxtListParser:
    """Reads one list, line by line."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        info = opening.info
        self._sheet = Sheet(CATALOGUE_ENTRIES, family="txtlist", url=info.name, host=host_of(info))
        self._lines = Lines(in_step=not opening.midstream)
        self._coded = not opening.midstream and is_base64_list(opening.orig or opening.resp)
        self._undecoded = b""
        self._at = 0
        self._group: str | None = None
        self._settings: list[tuple[int, str]] = []
        self._settings_chars = 0
        self._items = 0
        self._is_over = False
        self._letters = Letters()

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the entries of the lines that are complete now."""
        events: list[Event] = []
        if self._coded and not self._at and data:
            events.append(Mark(from_orig, 0))
        self._at += len(data)
        for offset, line in self._lines.feed(self._decoded(bytes(data)) if self._coded else data):
            self._line(0 if self._coded else offset, line)
        return events + self._sheet.take(from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: the line that a gap cuts is told at the end."""
        self._at += max(length, 0)
        self._undecoded = b""
        self._lines.gap(length)
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return what the last line says, the settings, and what was wrong."""
        rest, self._undecoded = from_base64(self._undecoded), b""
        for offset, line in (*self._lines.feed(rest), *self._lines.end()):
            self._line(0 if self._coded else offset, line)
        if self._settings:
            raw = "\n".join(text for _, text in self._settings)
            self._sheet.add(self._settings[0][0], {"kind": "list", "raw": raw})
            self._settings = []
        events = self._sheet.take(from_orig)
        events += faults.of_lines(self._lines, "TXTLIST", from_orig)
        events += faults.of_letters(self._letters, "TXTLIST", from_orig)
        if self._is_over:
            events.append(Anomaly("TXTLIST_over_limit", from_orig, 0, f"more than {MAX_ENTRIES} entries"))
            self._is_over = False
        return events

    def _decoded(self, data: bytes) -> bytes:
        """Return what is complete of a list in base64."""
        data = self._undecoded + NOT_BASE64.sub(b"", data)
        whole = len(data) & ~3
        self._undecoded = data[whole:]
        return from_base64(data[:whole])

    def _line(self, offset: int, line: bytes) -> None:
        odd = self._letters.odd
        self._letters.note(line)
        text = line.decode("utf-8", "backslashreplace").removeprefix("\ufeff").strip(" \t\v\f\0\r")
        if not text or text.startswith(("//", "#")):
            return
        if _SETTING.match(text):
            self._settings_chars += len(text) + 1
            if self._settings_chars <= MAX_SETTINGS_CHARS:
                self._settings.append((offset, text))
            return
        name, rest = split_line(text) if odd == self._letters.odd else _split_other(line, text)
        if not rest:
            return
        if rest.startswith("#genre#"):
            self._group = name or None
            self._add(offset, {"kind": "category", "name": name or None, "raw": text[:MAX_RAW_CHARS]})
            return
        raw = text[:MAX_RAW_CHARS]
        for link in rest.split("#"):
            if _URL.match(link):
                values = {"name": name or None, "category_name": self._group, "raw": raw}
                self._add(offset, {**values, **split_link(link)})

    def _add(self, offset: int, values: dict[str, object]) -> None:
        self._items += 1
        if self._items > MAX_ENTRIES:
            self._is_over = True
            return
        self._sheet.add(offset, {**values, "item_no": self._items})
