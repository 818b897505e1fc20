"""The JSON list of one kind of receiver (`iptvstreams_list`) to catalogue entries."""

from __future__ import annotations

from ..listings import faults
from ..listings.asked import asked_of
from ..listings.items import Batch, JsonItems, Path
from ..listings.sheet import Sheet
from ..listings.tables import CATALOGUE_ENTRIES, MAX_RAW_CHARS
from ..listings.values import Columns, integers, texts
from ..protocol import Event, Opening
from ._m3u_extinf import container_of


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
        return events + faults.of_items(self._items, "M3U", from_orig)

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
