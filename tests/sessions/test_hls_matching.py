"""Requests to the playlist entries that they are for."""

from __future__ import annotations

import pytest

from iptvforensics.sessions.hls_matching import LEVELS

PLAYLIST = "http://e.example/c/index.m3u8?t=1"


MAP = (
    "v.m4s",
    {"kind": "map", "media_sequence": None, "duration_s": None, "byte_range_first": 0, "byte_range_length": 100},
)


@pytest.mark.parametrize(
    ("asked", "level"),
    [
        ("http://e.example/c/n-1.ts?t=1", 0),
        ("http://E.EXAMPLE:80/c/n-1.ts?t=1", 0),
        ("http://198.51.100.1/c/n-1.ts?t=1", 1),
        ("http://e.example/c/n-1.ts?t=2", 2),
        ("http://198.51.100.1/c/n-1.ts?t=2", 3),
        ("http://e.example/c/n-9.ts?t=1", 4),
    ],
    ids=["same", "same in other letters", "other host", "other query", "other host and query", "only numbered alike"],
)
def test_level_of_a_match_stands_in_the_evidence(lab, asked, level):
    lab.playlist(PLAYLIST, 0, ["n-1.ts?t=1", "n-2.ts?t=1"])
    lab.segment(asked, 1, media_s=4.0)
    session = lab.one()
    assert session["delivery"] == "hls"
    assert any(LEVELS[level] in shows for shows in lab.shown())


def test_unnamed_url_does_not_match(lab):
    lab.playlist(PLAYLIST, 0, ["n-1.ts"])
    lab.segment("http://e.example/c/advert.ts", 1)
    assert [one["delivery"] for one in lab.sessions()] == ["progressive"]


@pytest.mark.parametrize(("at", "delivery"), [(70, "hls"), (90, "progressive")], ids=["near", "long after"])
def test_a_weak_match_needs_a_playlist_near_in_time(lab, at, delivery):
    lab.playlist(PLAYLIST, 0, ["n-1.ts?t=1"], target=4.0)  # 60 s and five target durations
    lab.segment("http://e.example/c/n-1.ts?t=2", at)
    assert lab.one()["delivery"] == delivery


def test_the_latest_playlist_before_the_request_counts(lab):
    shared = "http://cdn.example/x/1.ts"
    lab.playlist("http://a.example/p.m3u8", 0, [shared])
    lab.playlist("http://b.example/p.m3u8", 5, [shared])
    lab.segment(shared, 6)
    lab.playlist("http://a.example/p.m3u8", 7, [shared])
    assert lab.one()["stream"] == "http://b.example/p.m3u8"


def test_preload_hint_takes_its_duration_from_the_later_playlist(lab):
    hint = ("p2.mp4", {"kind": "preload-hint", "media_sequence": None, "duration_s": None})
    part = {"kind": "part", "duration_s": 0.5}
    lab.playlist("http://e.example/p.m3u8", 0, [("p1.mp4", part), hint])
    lab.segment("http://e.example/p2.mp4", 0.1, kind="mp4")
    lab.playlist("http://e.example/p.m3u8", 1, [("p1.mp4", part), ("p2.mp4", part)])
    assert lab.one()["media_seconds"] == 0.5


def test_each_redirect_target_is_tried(lab):
    lab.playlist("http://e.example/p.m3u8", 0, ["http://cdn.example/1.ts"])
    lab.redirect("http://go.example/next", "http://cdn.example/1.ts", 1)
    lab.segment("http://cdn.example/1.ts", 1.1)
    session = lab.one()
    assert session["requests"] == 3
    assert session["media_seconds"] == 4.0


@pytest.mark.parametrize(
    ("fetched", "seconds"),
    [
        ([(0, 100), (100, 300), (400, 300)], 8.0),
        ([(0, 700)], 8.0),
        ([(0, 100), (400, 300)], 4.0),
    ],
    ids=["map and both", "all in one range", "the second only"],
)
def test_a_file_that_begins_with_its_map_is_matched_by_the_bytes_that_came(lab, fetched, seconds):
    """As `ffmpeg -hls_flags single_file` with fMP4 names it."""
    named = [("v.m4s", {"byte_range_length": 300, "byte_range_first": first}) for first in (100, 400)]
    lab.playlist("http://e.example/v.m3u8", 0, [MAP, *named], endlist=True)
    for number, (first, length) in enumerate(fetched):
        lab.segment("http://e.example/v.m4s", 1 + number, size=length, first=first, total=700, status=206)
    session = lab.one()
    assert (session["delivery"], session["media_seconds"]) == ("hls", seconds)


def test_a_map_alone_is_no_viewing(lab):
    named = [("v.m4s", {"byte_range_first": 100, "byte_range_length": 300})]
    lab.playlist("http://e.example/v.m3u8", 0, [MAP, *named], endlist=True)
    lab.segment("http://e.example/v.m4s", 1, size=100, first=0, total=400, status=206)
    assert lab.build() == ([], [])


def test_a_key_counts_where_bytes_under_it_came(lab):
    clear = {"byte_range_first": 0, "byte_range_length": 100}
    closed = {
        "byte_range_first": 100,
        "byte_range_length": 100,
        "key_method": "AES-128",
        "key_url": "http://e.example/k",
    }
    lab.playlist("http://e.example/v.m3u8", 0, [("v.ts", clear), ("v.ts", closed)], endlist=True)
    lab.segment("http://e.example/v.ts", 1, size=100, first=0, total=200, status=206)
    session = lab.one()
    assert (session["encryption"], session["key_urls"], session["media_seconds"]) == (None, [], 4.0)


def test_a_panels_channel_is_not_matched_by_its_number(lab):
    lab.playlist("http://tv.example/live/u/p/61.m3u8", 0, ["61.ts"])
    lab.segment("http://tv.example/live/u/p/61.ts", 1, media_s=4.0)
    lab.segment("http://tv.example/live/u/p/62.ts", 9, media_s=4.0)
    assert [(one["delivery"], one["media_objects"]) for one in lab.sessions()] == [("hls", 1), ("progressive", 1)]


@pytest.mark.parametrize(
    ("named", "asked"),
    [("한국 {}.ts", "%ED%95%9C%EA%B5%AD%20{}.ts"), ("film [{}]|a.ts", "film%20%5B{}%5D%7Ca.ts")],
    ids=["Korean", "brackets"],
)
def test_names_that_players_encode_are_found(lab, named, asked):
    lab.playlist("http://e.example/v.m3u8", 0, [named.format(number) for number in range(3)], endlist=True)
    for number in range(3):
        lab.segment(f"http://e.example/{asked.format(number)}", 1 + number, media_s=4.0)
    session = lab.one()
    assert (session["stream"], session["kind"]) == ("http://e.example/v.m3u8", "vod")
    assert (session["media_seconds"], session["completeness"]) == (12.0, "complete")
    assert any(LEVELS[0] in shows for shows in lab.shown())


def test_of_a_script_with_two_channels_the_right_one_is_found_under_another_token(lab):
    for channel in (1, 2):
        listed = [f"seg.php?channel={channel}&n={number}&token=a" for number in range(3)]
        lab.playlist(f"http://e.example/get.php?channel={channel}", channel, listed)
    lab.segment("http://e.example/seg.php?channel=1&n=1&token=b", 3, media_s=3.5)
    session = lab.one()
    assert session["stream"] == "http://e.example/get.php?channel=1"
    # Which of the three it is stands only in a query that no playlist has.
    assert (session["media_seconds"], session["media_seconds_basis"]) == (3.5, "PTS")


def test_a_numbered_media_segment_of_another_channel_does_not_match(lab):
    lab.playlist("http://e.example/get.php?channel=1", 0, ["s1.ts?channel=1"])
    lab.segment("http://e.example/s1.ts?channel=1", 1)
    lab.segment("http://e.example/s2.ts?channel=2", 2)
    assert [(one["delivery"], one["media_objects"]) for one in lab.sessions()] == [("hls", 1), ("progressive", 1)]
