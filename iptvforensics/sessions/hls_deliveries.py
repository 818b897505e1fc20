"""Rows of playlists and their entries to deliveries: each playlist as it was delivered once.

A player of a live stream fetches its playlist every few seconds, and one that reaches back for hours has thousands of
entries: millions of rows that say the same. They are read in portions, and each thing that is said is kept once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from .addresses import Address, absolute, address
from .fetches import Fetches
from .hls_groups import Delivery
from .records import Entry, Playlist, TableReader, read, read_rows

PORTION_ENTRIES = 1 << 16
Body = tuple[int, bool, int]
"""Flow, direction, and offset of a body that is a playlist."""

_BODY = ("flow_id", "from_orig", "object_offset")
_PLACE = (*_BODY, "line_no", "ts_ns", "frame_no", "stream_offset")
"""Rows are sorted by these: the entries of a body, in order."""


def read_deliveries(reader: TableReader, fetches: Fetches) -> dict[str, list[Delivery]]:
    """Return the playlists delivered to each client, in order of their requests."""
    playlists = {
        (one.flow_id, one.from_orig, one.object_offset): one
        for one in read(reader, "playlists", Playlist)
        if one.object_offset is not None
    }
    wanted = {body: one for body, one in playlists.items() if body in fetches.by_body}
    named = read_entries(reader, wanted)
    clients: dict[str, list[Delivery]] = {}
    for body, playlist in wanted.items():
        fetch = fetches.by_body[body]
        entries, addresses = named.get(body, ([], []))
        if playlist.url is None and fetch.url is not None and entries:
            entries = _resolved(reader, body, fetch.url)
            addresses = [address(entry.url) for entry in entries]
        clients.setdefault(fetch.client, []).append(Delivery(playlist, fetch, entries, addresses))
    for deliveries in clients.values():
        deliveries.sort(key=attrgetter("fetch.order"))
    return clients


def read_entries(
    reader: TableReader, playlists: dict[Body, Playlist]
) -> dict[Body, tuple[list[Entry], list[Address | None]]]:
    """Return the entries of playlists and their addresses; equal entries are one object."""
    found: dict[Body, tuple[list[Entry], list[Address | None]]] = {}
    if not reader.has("playlist_entries"):
        return found
    known: dict[tuple[Any, ...], tuple[Entry, Address | None]] = {}
    for bodies, where in _portions(playlists):
        rows = read_rows(reader, "playlist_entries", (*_PLACE, *Entry._fields), where)
        for body, of_body in groupby(rows, itemgetter(0, 1, 2)):
            if body not in bodies:
                continue
            entries, addresses = found[body] = [], []
            for row in of_body:
                says = row[len(_PLACE) :]
                if says not in known:
                    entry = Entry(*says)
                    known[entry] = entry, address(entry.url)
                entry, at = known[says]
                entries.append(entry)
                addresses.append(at)
    return found


def _resolved(reader: TableReader, body: Body, base: str) -> list[Entry]:
    """Return the entries of a playlist whose request named no host: references, seen from where it was asked for."""
    rows = read_rows(reader, "playlist_entries", (*_PLACE, "uri", *Entry._fields), _within([body]))
    of_body = [row[len(_PLACE) :] for row in rows if row[: len(_BODY)] == body]
    return [Entry(*says)._replace(url=absolute(base, uri)) for uri, *says in of_body]


def _portions(playlists: dict[Body, Playlist]) -> Iterator[tuple[set[Body], str]]:
    """Yield bodies whose entries are read at a time, and a condition that holds for these entries."""
    if sum(one.entries or 0 for one in playlists.values()) <= PORTION_ENTRIES:
        yield set(playlists), ""
        return
    portion: set[Body] = set()
    count = 0
    for body in sorted(playlists, key=itemgetter(0, 2)):
        portion.add(body)
        count += playlists[body].entries or 0
        if count >= PORTION_ENTRIES:
            yield portion, _within(portion)
            portion, count = set(), 0
    if portion:
        yield portion, _within(portion)


def _within(bodies: Iterable[Body]) -> str:
    """Return SQL that is true for what lies between the first and the last of some bodies."""
    places = [(flow, offset) for flow, _, offset in bodies]
    (first_flow, first), (last_flow, last) = min(places), max(places)
    if first_flow == last_flow:
        return f"flow_id = {first_flow:d} AND object_offset BETWEEN {first:d} AND {last:d}"
    begins = f"(flow_id > {first_flow:d} OR object_offset >= {first:d})"
    ends = f"(flow_id < {last_flow:d} OR object_offset <= {last:d})"
    return f"flow_id BETWEEN {first_flow:d} AND {last_flow:d} AND {begins} AND {ends}"
