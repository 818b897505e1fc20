"""Replies and posted forms of the Xtream API -> rows."""

from __future__ import annotations

from typing import Any

from ..listings import faults
from ..listings.asked import asked_of, form_fields
from ..listings.items import Batch, JsonItems, Path
from ..listings.keyed import chosen, is_keyed, is_number, members
from ..listings.notices import Notices
from ..listings.sheet import Sheet
from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, MAX_RAW_CHARS, PROGRAMMES
from ..listings.values import Columns, as_object, mac_address, text
from ..listings.whole import WholeBody
from ..protocol import Anomaly, Event, Mark, Opening
from ._xtream_rows import (
    SECTION,
    account_values,
    action_of,
    cut,
    entry_columns,
    episode_columns,
    kinds_of,
    programme_columns,
    season_columns,
    section_of,
    title_values,
)

MAX_ITEMS = 1_000_000
PIECE_BYTES = 128 << 10
"""Read together: the objects that so much holds stay in the cache of a processor while they are put into columns."""

_WALKED = frozenset({"available_channels", "categories", "epg_listings", "seasons", "episodes"})
_KEPT = frozenset({"user_info", "server_info", "info", "movie_data", "error", "message"})
_UNWALKED = _KEPT | {"#"}
_MAY_HOLD_LISTS = ("episodes", "categories", "epg_listings")
"""Lists that may come by season, kind or channel."""
MAX_NAMES_TOLD = 8


def _is_walked(path: Path, is_list: bool) -> bool:
    if len(path) == 2:
        return is_list and path[0] in _MAY_HOLD_LISTS
    return not path or (len(path) == 1 and (path[0] in _WALKED or (is_list and path[0] not in _UNWALKED)))


class XtreamParser:
    """Reads one reply while it comes."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._asked = asked = asked_of(opening.info)
        self._action = action_of(asked)
        shared = {"family": "xtream", "url": asked.url, "host": asked.host}
        said = asked.get("action") or "login"
        self._accounts = Sheet(ACCOUNT_REPLIES, **shared, role=asked.role, action=said)
        self._entries = Sheet(CATALOGUE_ENTRIES, **shared, username=asked.get("username"))
        self._programmes = Sheet(PROGRAMMES, **shared)
        self._notices = Notices("XTREAM")
        self._items = JsonItems(_is_walked, in_step=not opening.midstream)
        self._kept: dict[str, tuple[int, Any, str]] = {}
        self._series: str | None = asked.get("series_id")
        self._is_series = self._action == "get_series_info"
        self._count = 0
        self._odd_items = 0
        self._odd_names: list[str] = []
        self._odd_at = 0

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of the items that are complete now."""
        data = self._notices.feed(data)
        events = self._notices.take(from_orig)
        for at in range(0, len(data), PIECE_BYTES):
            events += self._read(self._items.feed(data[at : at + PIECE_BYTES]), from_orig)
        return events + self._rows(from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return the rows of the items before a gap."""
        found = self._items.feed(self._notices.rest()) + self._items.gap(length)
        return self._read(found, from_orig) + self._rows(from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return what only the whole reply says: the account, the title asked about, and what was wrong."""
        found = self._items.feed(self._notices.rest()) + self._items.end()
        events = self._read(found, from_orig)
        self._account()
        self._title()
        self._kept = {}
        events += self._rows(from_orig) + self._odd(from_orig)
        if self._count > MAX_ITEMS:
            events.append(Anomaly("XTREAM_over_limit", from_orig, 0, f"{self._count} items, {MAX_ITEMS} were read"))
            self._count = 0
        return events + faults.of_items(self._items, "XTREAM", from_orig)

    def _read(self, batches: list[Batch], from_orig: bool) -> list[Event]:
        events: list[Event] = []
        for batch in batches:
            if batch.keys[0] is not None and not batch.path:
                events += self._top(batch, from_orig)
                continue
            if len(batch.path) == 1 and batch.path[0] in _MAY_HOLD_LISTS and any(map(is_keyed, batch.values)):
                self._lists(batch)
            else:
                self._take(batch)
        mark = self._items.mark()
        if mark is not None:
            events.append(Mark(from_orig, mark))
        return events

    def _rows(self, from_orig: bool) -> list[Event]:
        return self._accounts.take(from_orig) + self._entries.take(from_orig) + self._programmes.take(from_orig)

    def _top(self, batch: Batch, from_orig: bool) -> list[Event]:
        """Keep the parts of a reply that say something together; their places are remembered."""
        events: list[Event] = []
        listed: list[int] = []
        for place, (key, value, offset, raw) in enumerate(zip(*batch[1:], strict=True)):
            if key in _KEPT and key not in self._kept:
                self._kept[key] = offset, value, cut(raw)
                events.append(Mark(from_orig, offset))
            elif is_keyed(value):
                self._take(members((key or "",), value, offset, raw))
            elif isinstance(value, dict) and is_number(key):
                listed.append(place)
            elif value not in (None, "", [], {}):
                self._odd_at = self._odd_at or offset
                self._odd_names += [key or ""] if len(self._odd_names) < MAX_NAMES_TOLD else []
        self._take(chosen(batch, listed)._replace(path=("#",)))
        return events

    def _odd(self, from_orig: bool) -> list[Event]:
        """Return what gave no row: items that are no objects, or a whole reply in another shape."""
        items, names, at = self._odd_items, self._odd_names, self._odd_at
        self._odd_items, self._odd_names = 0, []
        if items:
            return [Anomaly("XTREAM_item_unknown", from_orig, at, "items of a list that are no objects", items)]
        if names and not self._accounts.count + self._entries.count + self._programmes.count:
            told = ", ".join(names)[:200]
            return [Anomaly("XTREAM_reply_unknown", from_orig, at, f"names that are not known: {told}")]
        return []

    # --- lists --------------------------------------------------------------------------------------------

    def _lists(self, batch: Batch) -> None:
        """Take the items of objects that stand for lists, such as the episodes of a season."""
        for key, value, offset, raw in zip(*batch[1:], strict=True):
            if is_keyed(value):
                self._take(members((*batch.path[:1], key or "#"), value, offset, raw))
            else:
                self._take(Batch(batch.path, [key], [value], [offset], [raw]))

    def _take(self, batch: Batch) -> None:
        self._count += len(batch.values)
        if self._count <= MAX_ITEMS:
            self._list(batch)

    def _list(self, batch: Batch) -> None:
        first = self._count - len(batch.values) + 1
        numbers = range(first, first + len(batch.values))
        if not set(map(type, batch.values)) <= {dict}:
            good = [i for i, value in enumerate(batch.values) if isinstance(value, dict)]
            self._odd_items += len(batch.values) - len(good)
            self._odd_at = self._odd_at or batch.offsets[0]
            numbers = [numbers[i] for i in good]  # type: ignore[assignment]
            batch = chosen(batch, good)
        if not batch.values:
            return
        more: dict[str, list[Any]] = {"item_no": list(numbers), "raw": [raw[:MAX_RAW_CHARS] for raw in batch.raws]}
        where = batch.path[0] if batch.path else ""
        if where == "epg_listings":
            columns = programme_columns(Columns(batch.values), self._channel(batch))
            self._programmes.add_columns(batch.offsets, {**columns, **more})
        elif where == "seasons":
            self._entries.add_columns(batch.offsets, {**season_columns(Columns(batch.values), self._series), **more})
        elif where == "episodes":
            self._is_series = True
            season = batch.path[1] if len(batch.path) > 1 and batch.path[1] != "#" else None
            self._entries.add_columns(batch.offsets, {**episode_columns(batch, season, self._series), **more})
        else:
            self._mixed(batch, more)

    def _channel(self, batch: Batch) -> str | None:
        """Return the channel of a list of programmes: the name of the list, else the one that was asked about."""
        if is_number(batch.path[-1] if batch.path else None):
            return batch.path[-1]
        asked = self._asked.get("stream_id")
        return None if asked is None or "," in asked else asked

    def _mixed(self, batch: Batch, more: dict[str, list[Any]]) -> None:
        """Add what stands in a list of anything, kind by kind."""
        action = self._action
        kinds = kinds_of(batch.values, action)
        section = SECTION.get(batch.path[1]) if len(batch.path) > 1 else section_of(action)
        if batch.path[:1] == ("categories",):
            kinds = ["category"] * len(kinds)
        for kind in dict.fromkeys(kinds):
            if len(set(kinds)) == 1:
                part, rest = batch, more
            else:
                places = [i for i, one in enumerate(kinds) if one == kind]
                part = chosen(batch, places)
                rest = {name: [column[i] for i in places] for name, column in more.items()}
            if kind == "programme":
                columns = programme_columns(Columns(part.values), self._channel(part))
                self._programmes.add_columns(part.offsets, {**columns, **rest})
                continue
            columns = entry_columns(Columns(part.values), kind)
            if kind == "category":
                columns["section"] = [section] * len(part.values)
            self._entries.add_columns(part.offsets, {**columns, **rest})

    # --- what a reply says as a whole ---------------------------------------------------------------------

    def _account(self) -> None:
        user, server = self._kept.get("user_info"), self._kept.get("server_info")
        names = [name for name in ("user_info", "server_info", "error", "message") if name in self._kept]
        parts = [(name, self._kept[name]) for name in names]
        if not parts:
            return
        values = account_values(as_object(user[1] if user else {}), as_object(server[1] if server else {}), self._asked)
        for name in ("message", "error"):
            if values["message"] is None and name in self._kept:
                values["message"] = text(self._kept[name][1])
        values["raw"] = cut(", ".join(f'"{name}": {part[2]}' for name, part in parts))
        self._accounts.add(min(part[0] for _, part in parts), values)

    def _title(self) -> None:
        info, movie = self._kept.get("info"), self._kept.get("movie_data")
        found = [(name, part) for name, part in (("info", info), ("movie_data", movie)) if part and as_object(part[1])]
        if not found:
            return
        values = title_values(
            as_object(info[1] if info else {}),
            as_object(movie[1] if movie else {}),
            self._asked,
            is_series=self._is_series and movie is None,
        )
        values["raw"] = cut(", ".join(f'"{name}": {part[2]}' for name, part in found))
        self._entries.add(min(part[0] for _, part in found), values)


class XtreamForm(WholeBody):
    """Reads a form that a client posts: the account that it names."""

    def read(self, body: bytes, from_orig: bool) -> list[Event]:
        """Return the account that the form names, if it names one."""
        fields = form_fields(body)
        if not fields.keys() & {"username", "password", "token", "mac"}:
            return []
        asked = self.asked
        mac, mac_raw = mac_address(fields.get("mac"))
        sheet = Sheet(ACCOUNT_REPLIES, family="xtream", url=asked.url, host=asked.host, role="request")
        sheet.add(
            0,
            {
                "action": fields.get("action") or asked.get("action") or "login",
                "username": fields.get("username"),
                "password": fields.get("password"),
                "token": fields.get("token"),
                "mac": mac,
                "mac_raw": mac_raw,
                "raw": cut(body.decode("utf-8", "backslashreplace")),
            },
        )
        return sheet.take(from_orig)
