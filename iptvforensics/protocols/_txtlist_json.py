"""The JSON form of a list -> catalogue entries: `[{"group": "...", "channels": [{"name": "...", "urls": ["..."]}]}]`.

A group is read when it is whole, because its name may stand behind its channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..listings import faults
from ..listings.asked import host_of
from ..listings.items import Batch, JsonItems, Path
from ..listings.sheet import Sheet
from ..listings.tables import CATALOGUE_ENTRIES, MAX_RAW_CHARS
from ..listings.values import as_object, integer, text
from ..protocol import Anomaly, Event, Mark, Opening
from ._txtlist_parser import MAX_ENTRIES, split_link

_CHANNELS = ("channels", "channel")


class TxtListJsonParser:
    """Reads one list, group by group."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        info = opening.info
        self._sheet = Sheet(CATALOGUE_ENTRIES, family="txtlist", url=info.name, host=host_of(info))
        self._items = JsonItems(lambda path, _is_list: not path, in_step=not opening.midstream)
        self._count = 0
        self._odd_items = 0
        self._odd_at = 0

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the entries of the groups that are complete now."""
        return self._read(self._items.feed(data), from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return the entries of the groups before a gap."""
        return self._read(self._items.gap(length), from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return the last entries, and what was wrong."""
        events = self._read(self._items.end(), from_orig)
        if self._odd_items:
            what = "items that are neither a group nor a channel"
            events.append(Anomaly("TXTLIST_item_unknown", from_orig, self._odd_at, what, self._odd_items))
        if self._count > MAX_ENTRIES:
            events.append(Anomaly("TXTLIST_over_limit", from_orig, 0, f"more than {MAX_ENTRIES} entries"))
        self._odd_items = self._count = 0
        return events + faults.of_items(self._items, "TXTLIST", from_orig)

    def _read(self, batches: list[Batch], from_orig: bool) -> list[Event]:
        for batch in batches:
            for value, offset, raw in zip(batch.values, batch.offsets, batch.raws, strict=True):
                if isinstance(value, dict):
                    self._group(value, offset, raw)
                else:
                    self._pass(offset)
        events = self._sheet.take(from_orig)
        mark = self._items.mark()
        return events if mark is None else [*events, Mark(from_orig, mark)]

    def _group(self, group: dict[str, Any], offset: int, raw: str) -> None:
        name = text(group.get("group")) or text(group.get("name"))
        self._add(offset, {"kind": "category", "name": name, "raw": raw[:MAX_RAW_CHARS]})
        for channel, place, written in _channels(group, offset, raw):
            if isinstance(channel, dict):
                self._channel(channel, name, place, written)
            else:
                self._pass(place)

    def _channel(self, channel: dict[str, Any], group: str | None, offset: int, raw: str) -> None:
        urls = channel.get("urls", channel.get("url"))
        links = [text(link) for link in as_object([urls] if isinstance(urls, str) else urls).values()]
        for link in links or [None]:
            self._add(
                offset,
                {
                    "name": text(channel.get("name")),
                    "number": integer(channel.get("number")),
                    "category_name": group,
                    "epg_id": text(channel.get("tvgId")) or text(channel.get("tvgName")),
                    "logo_url": text(channel.get("logo")),
                    "raw": raw[:MAX_RAW_CHARS],
                    **split_link(link),
                },
            )

    def _pass(self, offset: int) -> None:
        self._odd_at = self._odd_at or offset
        self._odd_items += 1

    def _add(self, offset: int, values: dict[str, Any]) -> None:
        self._count += 1
        if self._count <= MAX_ENTRIES:
            self._sheet.add(offset, {**values, "item_no": self._count})


def _channels(group: dict[str, Any], offset: int, raw: str) -> Iterator[tuple[Any, int, str]]:
    """Yield the channels of a group with their places and texts (all at that of the group if bytes were no UTF-8)."""
    items = JsonItems(_is_walked)
    batches = [*items.feed(raw.encode("utf-8", "backslashreplace")), *items.end()]
    if items.problems:
        found = (as_object(group.get(name)).values() for name in _CHANNELS)
        yield from ((channel, offset, raw) for channels in found for channel in channels)
        return
    for batch in batches:
        if batch.path:
            for value, place, written in zip(batch.values, batch.offsets, batch.raws, strict=True):
                yield value, offset + place, written


def _is_walked(path: Path, _is_list: bool) -> bool:
    return not path or (len(path) == 1 and path[0] in _CHANNELS)
