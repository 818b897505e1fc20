"""Rows of playlists and entries to deliveries."""

from __future__ import annotations

import random

import pytest

from iptvforensics.sessions import hls_deliveries, records
from iptvforensics.sessions.addresses import address

from .conftest import SERVER, DuckReader

BODIES = [
    (1, False, 100),
    (1, False, 900),
    (1, True, 900),
    (2, False, 50),
    (7, False, 10),
    (7, False, 20),
    (9, False, 5),
]


def tables(*, has_lines: bool = True) -> dict[str, list[dict[str, object]]]:
    playlists = []
    entries = []
    for number, (flow_id, from_orig, object_offset) in enumerate(BODIES):
        body = {"flow_id": flow_id, "from_orig": from_orig, "object_offset": object_offset}
        place = {"ts_ns": number, "frame_no": number, "stream_offset": object_offset}
        playlists.append({**body, **place, "kind": "media", "entries": number})
        for i in range(number):
            place = {"ts_ns": 50 - i, "frame_no": i, "stream_offset": object_offset + i}
            url = f"http://a.example/{number // 3}-{i}.ts"
            line = 2 * i + 1 if has_lines and i else None
            entries.append({**body, **place, "line_no": line, "kind": "media-segment", "url": url})
    random.Random(5).shuffle(entries)
    return {"playlists": playlists, "playlist_entries": entries}


def read(rows: dict[str, list[dict[str, object]]]) -> dict[hls_deliveries.Body, list[records.Entry]]:
    reader = DuckReader(rows)
    playlists = {
        (one.flow_id, one.from_orig, one.object_offset): one
        for one in records.read(reader, "playlists", records.Playlist)
    }
    found = hls_deliveries.read_entries(reader, playlists)
    assert all(addresses == [address(entry.url) for entry in entries] for entries, addresses in found.values())
    return {body: entries for body, (entries, _) in found.items()}


@pytest.mark.parametrize("portion", [1, 3, 4, 10, 1000])
@pytest.mark.parametrize("has_lines", [True, False])
def test_portions_change_nothing(monkeypatch, portion, has_lines):
    monkeypatch.setattr(hls_deliveries, "PORTION_ENTRIES", portion)
    found = read(tables(has_lines=has_lines))
    assert set(found) == set(BODIES[1:])  # the first one names nothing
    for number, body in enumerate(BODIES[1:], 1):
        # Without lines they stand in the order of their capture.
        order = range(number) if has_lines else reversed(range(number))
        assert [entry.url for entry in found[body]] == [f"http://a.example/{number // 3}-{i}.ts" for i in order]


def test_what_is_said_twice_is_kept_once():
    found = read(tables())
    first, second = found[BODIES[3]], found[BODIES[4]]
    assert all(one is other for one, other in zip(first, second, strict=False))


def test_bodies_that_are_not_asked_for_are_left_out(monkeypatch):
    monkeypatch.setattr(hls_deliveries, "PORTION_ENTRIES", 1)
    reader = DuckReader(tables())
    body = BODIES[2]
    playlist = next(one for one in records.read(reader, "playlists", records.Playlist) if one.from_orig)
    assert set(hls_deliveries.read_entries(reader, {body: playlist})) == {body}


def test_entries_of_a_playlist_whose_request_named_no_host_are_seen_from_its_address(lab):
    lab.playlist("http://a.example/live/index.m3u8", 0, ["1.ts", "/other/2.ts", "http://b.example/3.ts"])
    lab.segment("http://a.example/live/1.ts", 1)
    lab.segment("http://a.example/other/2.ts", 2)
    lab.segment("http://b.example/3.ts", 3)
    for row in lab.rows["http"][:3]:
        row.update(host=None, url=None)
    lab.rows["playlists"][0]["url"] = None
    for row in lab.rows["playlist_entries"][:2]:
        row["url"] = None
    session = lab.one()
    assert (session["stream"], session["media_objects"]) == (f"http://{SERVER}/live/index.m3u8", 3)
