"""Bouquets, XML and JSON of Enigma2 -> rows: a parser for each form."""

from __future__ import annotations

import json
from typing import Any
from xml.parsers import expat

from ..listings import faults
from ..listings.asked import Asked, asked_of
from ..listings.documents import let_go
from ..listings.items import Batch, JsonItems, Path
from ..listings.lines import Lines
from ..listings.sheet import Sheet
from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, MAX_RAW_CHARS, PROGRAMMES
from ..listings.values import as_object, text
from ..protocol import Anomaly, Event, Mark, Opening
from ._enigma2_detect import PLUGIN_PAGE
from ._enigma2_rows import (
    device_values,
    event_values,
    page_entry,
    plugin_values,
    read_reference,
    service_entry,
    status_values,
)
from ._enigma2_xml import Record, Records, RefusedError

MAX_ENTRIES = 1_000_000
MAX_NAMES = 500
MAX_NAMES_TOLD = 8

_WALKED = (("services",), ("events",), ("service",))


class _Rows:
    """The rows of one body, whatever its form."""

    def __init__(self, opening: Opening) -> None:
        self.asked: Asked = asked_of(opening.info)
        asked = self.asked
        shared = {"family": "enigma2", "url": asked.url, "host": asked.host}
        action = asked.get("action") or asked.get("type") or asked.page or "login"
        self._accounts = Sheet(ACCOUNT_REPLIES, **shared, role=asked.role, action=action)
        self._entries = Sheet(CATALOGUE_ENTRIES, **shared, username=asked.get("username"))
        self._programmes = Sheet(PROGRAMMES, **shared)
        self.count = 0

    def _number(self) -> int | None:
        self.count += 1
        return self.count if self.count <= MAX_ENTRIES else None

    def entry(self, offset: int, values: dict[str, Any], raw: str) -> None:
        number = self._number()
        if number is not None:
            self._entries.add(offset, {**values, "item_no": number, "raw": raw[:MAX_RAW_CHARS]})

    def programme(self, offset: int, values: dict[str, Any], raw: str) -> None:
        number = self._number()
        if number is not None:
            self._programmes.add(offset, {**values, "item_no": number, "raw": raw[:MAX_RAW_CHARS]})

    def account(self, offset: int, values: dict[str, Any], raw: str) -> None:
        self._accounts.add(offset, {**values, "raw": raw[:MAX_RAW_CHARS]})

    def take(self, from_orig: bool) -> list[Event]:
        return [e for sheet in (self._accounts, self._entries, self._programmes) for e in sheet.take(from_orig)]

    @property
    def given(self) -> int:
        """Rows so far."""
        return self._accounts.count + self._entries.count + self._programmes.count

    def over(self, from_orig: bool) -> list[Event]:
        count, self.count = self.count, 0
        if count <= MAX_ENTRIES:
            return []
        return [Anomaly("ENIGMA2_over_limit", from_orig, 0, f"{count} items, {MAX_ENTRIES} were read")]


class BouquetParser:
    """Reads a bouquet."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._rows = _Rows(opening)
        self._lines = Lines(in_step=not opening.midstream)
        self._service: tuple[int, str] | None = None

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the entries that are complete now."""
        for offset, line in self._lines.feed(data):
            self._line(offset, line)
        return self._rows.take(from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return the entry before a gap."""
        self._close(None, "")
        self._lines.gap(length)
        return self._rows.take(from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return the last entry, and what was wrong."""
        for offset, line in self._lines.end():
            self._line(offset, line)
        self._close(None, "")
        events = self._rows.take(from_orig) + self._rows.over(from_orig)
        events += faults.of_lines(self._lines, "ENIGMA2", from_orig)
        return events

    def _line(self, offset: int, data: bytes) -> None:
        line = data.decode("utf-8", "backslashreplace").strip(" \t\v\f\0\r\ufeff")
        word, _, rest = line.partition(" ")
        if word in ("#SERVICE", "#SERVICE:"):
            self._close(None, "")
            self._service = offset, rest.strip()
        elif word in ("#DESCRIPTION", "#DESCRIPTION:"):
            self._close(rest.strip() or None, "\n" + line)
        elif word == "#NAME":
            self._rows.entry(offset, {"kind": "list", "name": rest.strip() or None}, line)

    def _close(self, name: str | None, more: str) -> None:
        """Add the entry of the service line that is open, with the name that follows it."""
        if self._service is None:
            return
        (offset, reference), self._service = self._service, None
        values = read_reference(reference)
        self._rows.entry(offset, {**values, "name": name or values.get("name")}, f"#SERVICE {reference}{more}")


class XmlParser:
    """Reads XML of the web interface, or of a page for receivers."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._rows = _Rows(opening)
        self._records = Records()
        self._offset = 0
        self._failure: tuple[str, int, str] | None = None
        if opening.midstream:
            self._failure = ("beginning_not_seen", 0, "the body begins in the middle")
        self._is_done = False
        self._mac: str | None = None

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of the elements that are complete now."""
        self._offset += len(data)
        self._read(bytes(data))
        return self._rows.take(from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: expat cannot read on."""
        if self._failure is None and not self._is_done:
            self._failure = ("gap", self._offset, "bytes are missing, the rest is not read")
        self._offset += max(length, 0)
        return self._rows.take(from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return what was wrong."""
        if self._offset:
            self._read(b"", final=True)
        let_go(self._records.parser)
        events = self._rows.take(from_orig) + self._rows.over(from_orig)
        if self._failure is not None and not self._is_done:
            name, offset, detail = self._failure
            events.append(Anomaly(f"ENIGMA2_{name}", from_orig, min(offset, self._offset), detail))
        self._is_done = True
        return events

    def _read(self, data: bytes, *, final: bool = False) -> None:
        if self._failure is not None or self._is_done:
            return
        try:
            self._records.feed(data, final=final)
        except RefusedError as error:
            self._failure = ("refused", self._records.position, str(error))
        except (expat.ExpatError, ValueError, LookupError) as error:
            self._failure = ("cut" if final else "malformed", self._records.position, str(error))
        for record in self._records.found_before_error:
            self._record(record)

    def _record(self, record: Record) -> None:
        name, offset, fields = record
        raw = json.dumps(fields, ensure_ascii=False)
        if name == "channel":
            self._rows.entry(offset, page_entry(fields), raw)
        elif name == "playlist_name":
            self._rows.entry(offset, {"kind": "list", "name": fields.get(name)}, raw)
        elif name in ("e2service", "e2bouquet"):
            self._rows.entry(offset, service_entry(fields, None), raw)
        elif name == "e2event":
            self._rows.programme(offset, event_values(fields), raw)
        elif name == "e2interface":
            self._mac = self._mac or fields.get("e2mac")
        else:
            found = {"e2mac": self._mac, **fields} if self._mac else fields
            self._rows.account(offset, device_values(found), raw)


class JsonParser:
    """Reads JSON of the web interface, or of the page for a plug-in."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._rows = _Rows(opening)
        self._items = JsonItems(_is_walked, in_step=not opening.midstream)
        self._top: dict[str, Any] = {}
        self._raws: list[str] = []
        self._offset: int | None = None

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of the items that are complete now."""
        return self._read(self._items.feed(data), from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return the rows of the items before a gap."""
        return self._read(self._items.gap(length), from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return what only the whole reply says, and what was wrong."""
        events = self._read(self._items.end(), from_orig)
        offset, names = self._offset or 0, [name for name, value in self._top.items() if value and value is not True]
        self._whole()
        events += self._rows.take(from_orig) + self._rows.over(from_orig)
        if names and not self._rows.given:
            told = ", ".join(names[:MAX_NAMES_TOLD])[:200]
            events.append(Anomaly("ENIGMA2_reply_unknown", from_orig, offset, f"names that are not known: {told}"))
        return events + faults.of_items(self._items, "ENIGMA2", from_orig)

    def _read(self, batches: list[Batch], from_orig: bool) -> list[Event]:
        events: list[Event] = []
        for batch in batches:
            for key, value, offset, raw in zip(*batch[1:], strict=True):
                if batch.path:
                    self._item(batch.path[0], offset, as_object(value), raw)
                elif len(self._top) < MAX_NAMES:
                    self._top[str(key)] = value
                    self._raws.append(f'"{key}": {raw[:MAX_RAW_CHARS]}' if len(self._raws) < 64 else "")
                    if self._offset is None:
                        self._offset = offset
                        events.append(Mark(from_orig, offset))
        mark = self._items.mark()
        if mark is not None:
            events.append(Mark(from_orig, mark))
        return events + self._rows.take(from_orig)

    def _item(self, where: str, offset: int, item: Any, raw: str) -> None:
        if where == "events":
            self._rows.programme(offset, event_values(item), raw)
            return
        if not item:
            return
        self._rows.entry(offset, service_entry(item, None), raw)
        group = text(item.get("servicename"))
        for inner in as_object(item.get("subservices")).values():
            if isinstance(inner, dict):
                self._rows.entry(offset, service_entry(inner, group), json.dumps(inner, ensure_ascii=False))

    def _whole(self) -> None:
        top, self._top = self._top, {}
        details = as_object(top.get("details"))
        raw = ", ".join(filter(None, self._raws))
        offset, self._offset, self._raws = self._offset or 0, None, []
        if top and PLUGIN_PAGE.search(self._rows.asked.url or ""):
            self._rows.account(offset, plugin_values(details or as_object(top.get("data")), self._rows.asked), raw)
        info = as_object(top.get("info")) or top
        if info.keys() & {"webifver", "enigmaver", "boxtype", "ifaces"}:
            self._rows.account(offset, device_values(info), raw)
        if top.get("currservice_serviceref"):
            self._rows.programme(offset, status_values(top), raw)
        for bouquet in as_object(top.get("bouquets")).values():
            if isinstance(bouquet, list) and len(bouquet) >= 2 and isinstance(bouquet[0], str):
                values = {**read_reference(bouquet[0]), "kind": "list", "name": text(bouquet[1])}
                self._rows.entry(offset, values, json.dumps(bouquet, ensure_ascii=False))


def _is_walked(path: Path, is_list: bool) -> bool:
    return not path or (is_list and path in _WALKED)
