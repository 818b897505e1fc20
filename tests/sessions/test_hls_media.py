"""Media segments delivered to seconds of media."""

from __future__ import annotations

import pytest

URL = "http://e.example/f/index.m3u8"


def test_a_media_segment_fetched_twice_counts_once(lab):
    lab.playlist(URL, 0, ["a.ts"], endlist=True)
    lab.segment("http://e.example/f/a.ts", 1)
    lab.segment("http://e.example/f/a.ts", 2)
    session = lab.one()
    assert (session["media_seconds"], session["bytes"], session["requests"]) == (4.0, 2000, 3)


@pytest.mark.parametrize(
    ("fetched", "seconds"),
    [([(0, 100)], 4.0), ([(0, 100), (100, 100)], 8.0), ([(0, 150)], 6.0), ([(50, 50)], 2.0), ([(0, 200)], 8.0)],
    ids=["first", "both", "one and a half", "second half of the first", "both in one range"],
)
def test_byte_ranges_count_by_what_they_cover(lab, fetched, seconds):
    names = [("all.ts", {"byte_range_first": first, "byte_range_length": 100}) for first in (0, 100)]
    lab.playlist(URL, 0, names, endlist=True)
    for number, (first, length) in enumerate(fetched):
        lab.segment("http://e.example/f/all.ts", 1 + number, size=length, first=first, total=200, status=206)
    session = lab.one()
    assert session["media_seconds"] == seconds
    assert session["media_objects"] == len(fetched)


def test_a_media_segment_fetched_in_two_ranges_is_whole(lab):
    lab.playlist(URL, 0, ["a.ts"], endlist=True)
    lab.segment("http://e.example/f/a.ts", 1, size=400, first=0, total=1000, status=206)
    lab.segment("http://e.example/f/a.ts", 2, size=600, first=400, total=1000, status=206)
    assert lab.one()["media_seconds"] == 4.0


def test_parts_do_not_count_beside_their_media_segment(lab):
    part = {"kind": "part", "duration_s": 1.0}
    names = [("p1.mp4", {**part, "media_sequence": 5}), ("whole.mp4", {"media_sequence": 5})]
    lab.playlist(URL, 0, [*names, ("p2.mp4", {**part, "media_sequence": 6})])
    for number, name in enumerate(("p1", "whole", "p2")):
        lab.segment(f"http://e.example/f/{name}.mp4", 1 + number, kind="mp4")
    assert lab.one()["media_seconds"] == 5.0


def test_the_clock_of_the_media_steps_in_where_the_playlist_gives_no_duration(lab):
    lab.playlist(URL, 0, ["a.ts", ("b.ts", {"duration_s": None})], endlist=True)
    lab.segment("http://e.example/f/a.ts", 1)
    lab.segment("http://e.example/f/b.ts", 2, media_s=3.5)
    session = lab.one()
    assert session["media_seconds"] == 7.5
    assert session["media_seconds_basis"] == "playlist durations and PTS"


def test_an_unknown_duration_is_said_and_not_guessed(lab):
    lab.playlist(URL, 0, [("a.ts", {"duration_s": None})], endlist=True)
    lab.segment("http://e.example/f/a.ts", 1)
    session = lab.one()
    assert (session["media_seconds"], session["media_seconds_basis"], session["rate_bps"]) == (None, None, None)
    assert session["completeness"] == "duration of some media not known"


def test_an_incomplete_body_of_unknown_size_counts_by_its_clock(lab):
    lab.playlist(URL, 0, ["a.ts"], endlist=True)
    lab.segment("http://e.example/f/a.ts", 1, declared=None, whole=False, media_s=2.5)
    assert lab.one()["media_seconds"] == 2.5
