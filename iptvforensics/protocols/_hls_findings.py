"""What is collected while a playlist is read: rows, anomalies, variables; all of it with limits.

Variables are those of EXT-X-DEFINE (draft-pantos-hls-rfc8216bis section 4.3).

Known limitations: values of imported variables stand in another body and are not looked up.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any

from ..protocol import Anomaly, Event, Row, Rows
from ._hls_lines import Line, read_attributes, read_decimal, read_integer, write_json
from ._hls_urls import query_parameter, resolve

MAX_ENTRIES = 500_000
LONG = 64
"""Entries from which a list is handed on by column: recordings of a day have thousands."""
MAX_RAW_CHARS = 4096
MAX_TEXT_CHARS = 128 << 20
"""Text in all entries of one playlist: a long base URL or a variable multiplies what 16 MiB can say."""
MAX_VARIABLE_CHARS = 64 << 10

_REFERENCE = re.compile(r"\{\$([A-Za-z0-9_-]{1,256})\}", re.ASCII)


_make_row = partial(tuple.__new__, Row)  # takes a third of the time


class FullError(Exception):
    """A limit is reached: reading ends, what was read is kept."""


class Findings:
    """Rows and anomalies of one playlist."""

    def __init__(self, url: str | None, from_orig: bool) -> None:
        self.url = url
        self.from_orig = from_orig
        self.entries: list[Row] = []
        self.variables: dict[str, str] = {}
        self._anomalies: dict[str, Anomaly] = {}
        self._chars = 0

    @property
    def anomalies(self) -> list[Anomaly]:
        """Return one anomaly per name, with the place of the first and the count of all."""
        return list(self._anomalies.values())

    def note(self, name: str, offset: int, detail: str = "") -> None:
        """Count an anomaly."""
        known = self._anomalies.get(name)
        if known is None:
            self._anomalies[name] = Anomaly(name, self.from_orig, offset, detail[:200])
        else:
            self._anomalies[name] = Anomaly(name, known.from_orig, known.offset, known.detail, known.count + 1)

    def add(self, kind: str, line: Line, raw: str, values: dict[str, Any]) -> dict[str, Any]:
        """Add an entry that begins with a line and return its values; later lines may still complete them."""
        entry = {"kind": kind, "raw": raw[:MAX_RAW_CHARS], "playlist_url": self.url, "line_no": line.number, **values}
        self.keep(line.offset, entry)
        return entry

    def keep(self, offset: int, entry: dict[str, Any]) -> None:
        """Add the values of an entry, if the limits allow it."""
        if len(self.entries) >= MAX_ENTRIES:
            self.note("HLS_playlist_over_limit", offset, f"more than {MAX_ENTRIES} entries")
            raise FullError
        self._chars += sum([len(value) for value in entry.values() if type(value) is str])
        if self._chars > MAX_TEXT_CHARS:
            self.note("HLS_playlist_over_limit", offset, f"more than {MAX_TEXT_CHARS} characters of entries")
            raise FullError
        self.entries.append(_make_row(("playlist_entries", self.from_orig, offset, entry)))

    def absolute(self, uri: str | None, offset: int) -> str | None:
        """Return the absolute URL of a reference as sent, or null."""
        if uri and "{$" in uri:
            uri = self.substitute(uri, offset)
        return resolve(self.url, uri) if uri else None

    def substitute(self, text: str, offset: int) -> str:
        """Return the text with variables replaced; those without a definition stay as sent."""
        if "{$" not in text:
            return text
        parts: list[str] = []
        at = length = 0
        for match in _REFERENCE.finditer(text):
            value = self.variables.get(match[1])
            if value is None:
                self.note("HLS_variable_undefined", offset, match[0])
                value = match[0]
            length += match.start() - at + len(value)
            if length > MAX_VARIABLE_CHARS:
                self.note("HLS_variable_over_limit", offset, match[0])
                return text
            parts += [text[at : match.start()], value]
            at = match.end()
        return "".join(parts) + text[at:]

    def define(self, attributes: Attributes) -> None:
        """Remember the variable of an EXT-X-DEFINE."""
        name, query, imported = (attributes.get(key) for key in ("NAME", "QUERYPARAM", "IMPORT"))
        value: str | None = None
        if name is not None:
            value = attributes.get("VALUE") or ""
        elif query is not None:
            name, value = query, query_parameter(self.url, query)
            if value is None:
                self.note("HLS_variable_undefined", attributes.offset, f"query parameter {query}")
        elif imported is not None:
            self.note("HLS_variable_imported", attributes.offset, imported)
        else:
            self.note("HLS_attribute_malformed", attributes.offset, "EXT-X-DEFINE without NAME")
        if name is not None and value is not None:
            self.variables[name] = value


class Attributes:
    """The attributes of one tag; values are read with variables replaced."""

    def __init__(self, findings: Findings, line: Line, value: str) -> None:
        self._findings = findings
        self.offset = line.offset
        self.sent, is_repeated = read_attributes(value)
        if is_repeated:
            findings.note("HLS_attribute_repeated", line.offset, line.text)

    def get(self, name: str) -> str | None:
        """Return a value, or null if it is absent or empty."""
        text = self.sent.get(name)
        return self._findings.substitute(text, self.offset) or None if text else None

    def integer(self, name: str) -> int | None:
        """Return a value as an integer; what is none is noted and null."""
        text = self.get(name)
        return self._checked(name, text, read_integer(text)) if text is not None else None

    def decimal(self, name: str) -> float | None:
        """Return a value as a decimal number; what is none is noted and null."""
        text = self.get(name)
        return self._checked(name, text, read_decimal(text)) if text is not None else None

    def _checked(self, name: str, text: str, number: Any) -> Any:
        if number is None:
            self._findings.note("HLS_attribute_malformed", self.offset, f"{name}={text}")
        return number

    def url(self, name: str = "URI") -> str | None:
        """Return the absolute URL that a value refers to, or null."""
        return self._findings.absolute(self.sent.get(name), self.offset)

    def json(self) -> str | None:
        """Return all attributes as sent, as a JSON object; null if there are none."""
        return write_json(self.sent)


def rows_of(found: list[Row]) -> list[Event]:
    """Return the rows of entries in the order of their places; long lists column by column."""
    entries = sorted(found, key=attrgetter("offset"))
    return [*entries] if len(entries) < LONG else [_by_column(entries)]


def _by_column(entries: list[Row]) -> Rows:
    """Return the rows of entries column by column: most columns have one value in all of them, or none."""
    columns: dict[str, list[Any]] = {}
    shared: dict[str, Any] = {}
    every = [entry.values for entry in entries]
    for name in dict.fromkeys(chain.from_iterable(every)):
        column = [values.get(name) for values in every]
        if column.count(column[0]) == len(column):
            shared[name] = column[0]
        else:
            columns[name] = column
    table, from_orig, _, _ = entries[0]
    return Rows(table, from_orig, [entry.offset for entry in entries], columns, shared)
