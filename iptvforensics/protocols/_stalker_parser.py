"""Replies of a portal -> rows: JSON while it comes, and the texts that it answers with instead."""

from __future__ import annotations

import re
from typing import Any

from ..listings import faults
from ..listings.asked import Asked, asked_of, form_fields
from ..listings.items import Batch, JsonItems, Path
from ..listings.keyed import chosen, is_keyed, is_number, members
from ..listings.notices import Notices
from ..listings.sheet import Sheet
from ..listings.tables import (
    ACCOUNT_REPLIES,
    CATALOGUE_ENTRIES,
    MAX_ACCOUNT_CHARS,
    MAX_RAW_CHARS,
    PROGRAMMES,
    STREAM_LINKS,
)
from ..listings.values import Columns, as_object, text, truth
from ..listings.whole import WholeBody
from ..protocol import Anomaly, Event, Mark, Opening
from ._stalker_detect import VERSION_PAGE
from ._stalker_events import PORTAL_EVENTS, event_values
from ._stalker_marks import client_marks, server_marks
from ._stalker_rows import (
    GUIDES,
    LISTS,
    account_values,
    entry_columns,
    entry_kind,
    link_of,
    programme_columns,
)

MAX_ITEMS = 1_000_000
MAX_NAMES = 1000
"""Names of one reply that are kept: a profile has some hundred."""

_VERSION = re.compile(r"\bver\s*=\s*['\"]([^'\"]{1,40})['\"]")


def _is_walked(path: Path, is_list: bool) -> bool:
    if len(path) == 3:
        return is_list and path[:2] == ("js", "data")
    return path in ((), ("js",), ("js", "data")) or (is_list and path[:1] == ("js",) and is_number(path[-1]))


class StalkerParser:
    """Reads one reply while it comes."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._asked = asked = asked_of(opening.info)
        self._media_type = opening.info.media_type
        self._action = asked.get("action") or "login"
        shared = {"family": "stalker", "url": asked.url, "host": asked.host}
        self._accounts = Sheet(ACCOUNT_REPLIES, **shared, role=asked.role, action=self._action)
        self._entries = Sheet(CATALOGUE_ENTRIES, **shared, username=asked.get("login"))
        self._programmes = Sheet(PROGRAMMES, **shared)
        self._links = Sheet(STREAM_LINKS, **shared, action=self._action)
        self._notices = Notices("STALKER")
        self._calls = Sheet(PORTAL_EVENTS, url=asked.url, host=asked.host)
        self._items = JsonItems(_is_walked, in_step=not opening.midstream)
        self._top: dict[str, Any] = {}
        self._said: dict[str, Any] = {}
        self._data: dict[str, Any] = {}
        self._raws: list[str] = []
        self._raw_chars = 0
        self._offset: int | None = None
        self._count = 0
        self._is_begun = False
        self._odd_items = 0
        self._odd_at = 0

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of the items that are complete now."""
        events: list[Event] = []
        if data and not self._is_begun:
            self._is_begun = True
            events.append(Mark(from_orig, 0))  # an empty reply has a row at its beginning
        data = self._notices.feed(data)
        return events + self._notices.take(from_orig) + self._read(self._items.feed(data), from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return the rows of the items before a gap."""
        return self._read(self._items.feed(self._notices.rest()) + self._items.gap(length), from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return what only the whole reply says, and what was wrong."""
        events = self._read(self._items.feed(self._notices.rest()) + self._items.end(), from_orig)
        if self._offset is not None or self._top or (self._is_begun and not self._items.problems):
            self._whole(self._offset or 0)
        self._top, self._said, self._data, self._offset = {}, {}, {}, None
        events += self._rows(from_orig)
        if self._odd_items:
            what = "items of a list that are no objects"
            events.append(Anomaly("STALKER_item_unknown", from_orig, self._odd_at, what, self._odd_items))
            self._odd_items = 0
        if self._count > MAX_ITEMS:
            events.append(Anomaly("STALKER_over_limit", from_orig, 0, f"{self._count} items, {MAX_ITEMS} were read"))
            self._count = 0
        return events + faults.of_items(self._items, "STALKER", from_orig)

    def _read(self, batches: list[Batch], from_orig: bool) -> list[Event]:
        events: list[Event] = []
        for batch in batches:
            if (
                batch.keys[0] is not None
                and len(batch.path) < 3
                and not is_number(batch.path[-1] if batch.path else None)
            ):
                events += self._names(batch, from_orig)
            else:
                self._take(batch)
        mark = self._items.mark()
        if mark is not None:
            events.append(Mark(from_orig, mark))
        return events + self._rows(from_orig)

    def _rows(self, from_orig: bool) -> list[Event]:
        sheets = (self._accounts, self._entries, self._programmes, self._links, self._calls)
        return [event for sheet in sheets for event in sheet.take(from_orig)]

    def _names(self, batch: Batch, from_orig: bool) -> list[Event]:
        """Keep names and values of the reply itself; where the first of them stands is remembered.

        An object with a number for its name is an item of a list, one with numbers for all names is such a list.
        """
        events: list[Event] = []
        kept = {0: self._top, 1: self._said, 2: self._data}[len(batch.path)]
        listed: list[int] = []
        for place, (key, value, offset, raw) in enumerate(zip(*batch[1:], strict=True)):
            if batch.path and is_number(key) and isinstance(value, dict):
                if is_keyed(value):
                    self._take(members((*batch.path, key or ""), value, offset, raw))
                else:
                    listed.append(place)
                continue
            if len(kept) < MAX_NAMES:
                kept[str(key)] = value
            self._keep(key, raw)
            if self._offset is None:
                self._offset = offset
                events.append(Mark(from_orig, offset))
        self._take(chosen(batch, listed))
        return events

    def _keep(self, key: str | None, raw: str) -> None:
        """Keep what was sent, as far as there is room."""
        if self._raw_chars < MAX_ACCOUNT_CHARS:
            part = raw[: MAX_ACCOUNT_CHARS - self._raw_chars]
            self._raws.append(part if key is None else f'"{key}": {part}')
            self._raw_chars += len(self._raws[-1]) + 2

    # --- lists --------------------------------------------------------------------------------------------

    def _take(self, batch: Batch) -> None:
        self._count += len(batch.values)
        if batch.values and self._count <= MAX_ITEMS:
            self._list(batch)

    def _list(self, batch: Batch) -> None:
        first = self._count - len(batch.values) + 1
        good = [i for i, value in enumerate(batch.values) if isinstance(value, dict)]
        if len(good) < len(batch.values):
            self._pass(batch)
            batch = chosen(batch, good)
        if not good:
            return
        more: dict[str, list[Any]] = {
            "item_no": [first + i for i in good],
            "raw": [raw[:MAX_RAW_CHARS] for raw in batch.raws],
        }
        name = batch.path[-1]
        if self._action in GUIDES or (name not in ("js", "data") and self._action not in LISTS):
            channel = self._asked.get("ch_id") if name in ("js", "data", "#") else name
            self._programmes.add_columns(batch.offsets, {**programme_columns(Columns(batch.values), channel), **more})
            return
        kinds = [entry_kind(item, self._asked) for item in batch.values]
        if (
            not any(kinds) and self._action not in LISTS
        ):  # something else, such as days: it stays in the row of the reply
            for raw in batch.raws:
                self._keep(None, raw)
            return
        for kind in dict.fromkeys(kinds):
            places = [i for i, one in enumerate(kinds) if one == kind]
            columns = entry_columns(Columns([batch.values[i] for i in places]), kind, self._asked)
            rest = {name: [column[i] for i in places] for name, column in more.items()}
            self._entries.add_columns([batch.offsets[i] for i in places], {**columns, **rest})

    def _pass(self, batch: Batch) -> None:
        """Keep what is no object for the row of the reply; such lists are no fault where no things were asked for."""
        odd = [i for i, value in enumerate(batch.values) if not isinstance(value, dict)]
        for i in odd:
            self._keep(None, batch.raws[i])
        if self._action in LISTS | GUIDES:
            self._odd_at = self._odd_at or batch.offsets[odd[0]]
            self._odd_items += len(odd)

    # --- what a reply says as a whole ---------------------------------------------------------------------

    def _whole(self, offset: int) -> None:
        """Add the row about the account, or the link; lists say all in their items."""
        call = event_values(self._asked, {**self._said, **self._data})
        if call is not None:
            self._calls.add(offset, call)
        raw = ", ".join(self._raws)[:MAX_ACCOUNT_CHARS]
        if self._action == "create_link":
            self._link(offset, raw[:MAX_RAW_CHARS])
            return
        if self._action in LISTS | GUIDES and self._entries.count + self._programmes.count and not self._odd_items:
            return
        said = self._said or as_object(self._top.get("js") if isinstance(self._top.get("js"), dict) else {})
        marks = server_marks(self._top, text(said.get("token")), self._media_type)
        is_genuine = any(mark.startswith("text: generated") for mark in marks)
        said = {**said, **{k: v for k, v in self._data.items() if k in ("msg", "event")}}
        values = account_values(said, self._asked, is_genuine=is_genuine)
        values["marks"] = marks + client_marks(self._asked, values["mac"])
        if is_genuine:
            values["software"] = "Stalker or Ministra"
        values["auth"] = self._auth(said)
        js = self._top.get("js")
        if values["message"] is None and isinstance(js, str):
            values["message"] = text(js)
        values["raw"] = raw or None
        self._accounts.add(offset, values)

    def _auth(self, said: dict[str, Any] | Any) -> bool | None:
        """Return whether the server accepted the account, as far as this reply says it."""
        if self._action == "do_auth":
            return truth(self._top.get("js"))
        if self._action == "get_profile" and said:
            if truth(said.get("blocked")) or text(said.get("status")) in ("1", "2"):
                return False
            return True if text(said.get("id")) not in (None, "0") else None
        return None

    def _link(self, offset: int, raw: str) -> None:
        said, js = self._said, self._top.get("js")
        command = text(said.get("cmd")) or (text(js) if isinstance(js, str) else None)
        error = text(said.get("error")) or text(self._top.get("error"))
        values = {
            "mac": self._asked.mac[0],
            "kind": self._asked.get("type"),
            "requested": self._asked.get("cmd"),
            "entry_id": text(said.get("id")),
            "link_url": link_of(command),
            "link_raw": command if command != link_of(command) else None,
            "message": error,
            "raw": raw,
        }
        self._links.add(offset, values)


class StalkerText(WholeBody):
    """Reads what is no JSON: a refusal, the version of the portal's pages, or a form that a client posts."""

    def read(self, body: bytes, from_orig: bool) -> list[Event]:
        """Return what the body says of the account or of the portal."""
        asked = self.asked
        if not body:
            return []
        raw = body.decode("utf-8", "backslashreplace")
        shared = {"family": "stalker", "url": asked.url, "host": asked.host, "role": asked.role}
        sheet = Sheet(ACCOUNT_REPLIES, **shared)
        if asked.role == "request":
            fields = form_fields(body)
            claims = Asked(role=asked.role, parameters=fields, cookies=asked.cookies, bearer=asked.bearer)
            values = account_values({}, claims)
            values["marks"] = client_marks(asked, values["mac"], fields) or None
            values["action"] = fields.get("action") or asked.get("action") or "login"
        elif VERSION_PAGE.search(asked.url or ""):
            match = _VERSION.search(raw)
            version = match[1] if match else None
            values = {"action": "version.js", "software": "Stalker portal pages", "software_version": version}
        else:
            values = account_values({}, asked)
            values.update(action=asked.get("action") or "login", auth=False, message=raw.strip()[:200])
        sheet.add(0, {**values, "raw": raw[:MAX_ACCOUNT_CHARS]})
        calls = Sheet(PORTAL_EVENTS, url=asked.url, host=asked.host)
        call = None if asked.role == "request" else event_values(asked, {})
        if call is not None:
            calls.add(0, call)
        return sheet.take(from_orig) + calls.take(from_orig)
