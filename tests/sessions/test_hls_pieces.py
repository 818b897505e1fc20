"""Fetches of media segments to pieces: what is new, and what the same once more."""

from __future__ import annotations

import pytest

URL = "http://e.example/f/index.m3u8"


def poll(lab, at, names, start, **values):
    lab.playlist(URL, at, names, start=start, seconds=2.0, target=2.0, **values)


def fetch(lab, name, at, size=1000, pts=None, **values):
    place = lab.segment(f"http://e.example/f/{name}", at, size=size, **values)
    if pts is not None:
        place.pop("url")
        lab.add("transport_streams", **place, packet_bytes=188, packets=5, pts_first=pts)


def rotate(lab, count, names=5, start=lambda number: number, **values):
    """Watch a channel whose server uses a few file names in rotation."""
    for number in range(count):
        listed = [f"s{(number + ahead) % names}.ts" for ahead in range(3)]
        poll(lab, 2 * number, listed, start(number))
        fetch(lab, listed[0], 2 * number + 1, **{name: of(number) for name, of in values.items()})


def test_names_in_rotation_are_told_apart_by_their_numbers(lab):
    rotate(lab, 16)
    session = lab.one()
    assert (session["media_seconds"], session["kind"], session["completeness"]) == (32.0, "live", "complete")
    assert session["rate_bps"] == 16 * 1000 * 8 / 32


@pytest.mark.parametrize(
    ("values", "seconds"),
    [({"size": lambda number: 1000 + number}, 32.0), ({"pts": lambda number: 180_000 * number}, 32.0), ({}, 10.0)],
    ids=["other lengths", "other clocks", "nothing tells them apart"],
)
def test_where_numbers_never_move_the_content_tells(lab, values, seconds):
    rotate(lab, 16, start=lambda number: 0, **values)
    assert lab.one()["media_seconds"] == seconds


@pytest.mark.parametrize(("start", "size"), [(0, 1001), (7, 1001), (7, 1000)])
def test_what_the_playlist_gives_the_same_number_is_the_same_again(lab, start, size):
    poll(lab, 0, ["a.ts", "b.ts"], start)
    fetch(lab, "b.ts", 1)
    poll(lab, 2, ["b.ts", "c.ts"], start + 1)
    fetch(lab, "b.ts", 3, size=size)
    assert lab.one()["media_seconds"] == 2.0


def test_film_files_are_not_used_in_rotation(lab):
    for at in (0, 10):
        poll(lab, at, ["a.ts", "b.ts"], 0, endlist=True)
        fetch(lab, "a.ts", at + 1, size=1000 + at)
    assert lab.one()["media_seconds"] == 2.0


def test_a_file_that_a_playlist_names_twice_counts_by_its_fetches(lab):
    poll(lab, 0, ["slate.ts", "a.ts", "slate.ts"], 0, endlist=True)
    fetch(lab, "slate.ts", 1, size=400, first=0, total=1000, status=206)
    fetch(lab, "slate.ts", 2, size=600, first=400, total=1000, status=206, whole=False)
    assert lab.one()["media_seconds"] == 2.0
    fetch(lab, "slate.ts", 3)
    fetch(lab, "slate.ts", 4)
    fetch(lab, "slate.ts", 5)
    assert lab.one()["media_seconds"] == 4.0


@pytest.mark.parametrize(
    ("numbers", "skipped"),
    [
        ([10, 11, 12, 0, 1, 2], False),
        ([10, 11, 13, 0, 1, 2], True),
        ([10, 11, 12, 0, 2, 3], True),
        ([10, 12, 11, 13], False),
        ([10, 11, 12, 30], True),
    ],
    ids=["server began anew", "skipped before", "skipped after", "an old playlist between", "jump forward"],
)
def test_a_server_that_begins_anew_skipped_nothing(lab, numbers, skipped):
    for at, number in enumerate(numbers):
        poll(lab, 2 * at, [f"{number + ahead}.ts" for ahead in range(3)], number)
        fetch(lab, f"{number}.ts", 2 * at + 1, size=1000 + at)
    session = lab.one()
    assert (session["media_seconds"], session["kind"]) == (2.0 * len(numbers), "live")
    assert ("media segments skipped or not captured" in session["completeness"]) is skipped


@pytest.mark.parametrize(("size", "seconds"), [(1000, 2.0), (1001, 4.0)], ids=["same body", "other body"])
def test_a_name_used_again_after_the_server_began_anew_is_new_if_its_body_is(lab, size, seconds):
    poll(lab, 0, ["s0.ts", "s1.ts"], 40)
    fetch(lab, "s0.ts", 1)
    poll(lab, 2, ["s0.ts", "s1.ts"], 0)
    fetch(lab, "s0.ts", 3, size=size)
    assert lab.one()["media_seconds"] == seconds
