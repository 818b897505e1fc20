"""XML of Enigma2 (its web interface, and the pages that panels' software makes for its players) to records.

The document is read by expat while it comes; declarations of entities are refused. A record is an element of a known
name with the texts of the elements in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from xml.parsers import expat

MAX_DEPTH = 16
MAX_FIELDS = 256
MAX_TEXT_CHARS = 64 << 10
MAX_TOKEN_BYTES = 1 << 20
MAX_WORDS = 10_000
"""Names of elements and attributes: expat keeps each of them."""

RECORDS = frozenset(
    {"channel", "e2service", "e2bouquet", "e2event", "e2about", "e2deviceinfo", "e2interface", "playlist_name"}
)


class Record(NamedTuple):
    """An element with what stands in it."""

    name: str
    offset: int
    fields: dict[str, str]


class RefusedError(Exception):
    """The document declares entities, or is too deep."""


class Records:
    """Cuts a document into records."""

    def __init__(self) -> None:
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._refuse
        parser.UnparsedEntityDeclHandler = self._refuse
        self._open: list[Record] = []
        self._depth = 0
        self._parts: list[str] = []
        self._chars = 0
        self._found: list[Record] = []
        self._fed = 0
        self.found_before_error: list[Record] = []
        """What `feed` found, also if it raised."""

    def feed(self, data: bytes, *, final: bool = False) -> list[Record]:
        """Return the records that are complete now; `RefusedError` or `ExpatError` ends the reading."""
        self._fed += len(data)
        try:
            self.parser.Parse(data, final)
        finally:
            self.found_before_error, self._found = self._found, []
        if self._fed - self.position > MAX_TOKEN_BYTES or len(self.parser.intern) > MAX_WORDS:
            raise RefusedError(f"a tag of more than {MAX_TOKEN_BYTES} bytes, or more than {MAX_WORDS} names")
        return self.found_before_error

    @property
    def position(self) -> int:
        """Return how far the document was read."""
        return max(self.parser.CurrentByteIndex, 0)

    def _refuse(self, *_: Any) -> None:
        raise RefusedError("the document declares entities")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RefusedError(f"more than {MAX_DEPTH} elements in each other")
        self._parts, self._chars = [], 0
        if name in RECORDS:
            self._open.append(Record(name, self.position, {}))

    def _text(self, text: str) -> None:
        if self._chars < MAX_TEXT_CHARS:
            self._parts.append(text[: MAX_TEXT_CHARS - self._chars])
            self._chars += len(text)

    def _end(self, name: str) -> None:
        self._depth -= 1
        text = "".join(self._parts).strip()
        self._parts = []
        if self._open and self._open[-1].name == name:
            record = self._open.pop()
            if text and not record.fields:
                record.fields[name] = text
            self._found.append(record)
        elif self._open and text:
            fields = self._open[-1].fields
            if len(fields) < MAX_FIELDS:
                fields.setdefault(name, text)
