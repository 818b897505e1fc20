"""Numbered media bodies without a playlist."""

from __future__ import annotations

import pytest

from iptvforensics.sessions.addresses import Address
from iptvforensics.sessions.families import common_prefix


def numbered(lab, numbers, step=4.0, url="http://e.example:8080/hls/news-{}.ts?t=5", **more):
    for at, number in enumerate(numbers):
        lab.segment(url.format(number), at * step, **{"media_s": 4.0, **more})


def test_growing_numbers_make_a_session_without_playlist(lab):
    numbered(lab, [9, 10, 11])
    session = lab.one()
    assert (session["delivery"], session["kind"]) == ("hls", None)
    assert session["stream"] == "http://e.example:8080/hls/news-"
    assert session["media_seconds"] == 12.0
    assert session["media_seconds_basis"] == "PTS"
    assert session["completeness"] == "playlist not captured"


def test_repeated_number_counts_its_seconds_once(lab):
    numbered(lab, [1, 2, 2, 3])
    session = lab.one()
    assert (session["media_seconds"], session["media_objects"]) == (12.0, 4)


@pytest.mark.parametrize("numbers", [[5], [5, 4, 3], [5, 5]], ids=["one", "falling", "the same"])
def test_what_is_no_growing_row_is_left_to_the_other_rules(lab, numbers):
    numbered(lab, numbers)
    assert {one["delivery"] for one in lab.sessions()} == {"progressive"}


def test_long_films_with_growing_numbers_are_no_media_segments(lab):
    numbered(lab, [1, 2], media_s=2700.0)
    assert [one["delivery"] for one in lab.sessions()] == ["progressive", "progressive"]


def test_endless_channels_with_growing_numbers_are_no_media_segments(lab):
    numbered(lab, [1, 2, 3], declared=None, whole=False)
    assert {one["delivery"] for one in lab.sessions()} == {"http-ts"}


def test_chunked_whole_bodies_are_media_segments(lab):
    numbered(lab, [1, 2], declared=None, transfer_encoding="chunked")
    assert lab.one()["delivery"] == "hls"


def test_encrypted_bodies_are_known_by_name(lab):
    numbered(lab, [1, 2], kind=None, media_s=None)
    session = lab.one()
    assert session["delivery"] == "hls"
    assert session["completeness"] == "playlist not captured; duration of some media not known"


def test_pause_starts_another_session(lab):
    for number, at in ((1, 0), (2, 4), (30, 60), (31, 64)):
        lab.segment(f"http://e.example/{number}.ts", at, media_s=4.0)
    assert [one["media_objects"] for one in lab.sessions()] == [2, 2]


def test_bodies_of_one_server_without_requests_are_one_stream(lab):
    for at in range(3):
        lab.segment(None, at, request=False, media_s=4.0)
    session = lab.one()
    assert (session["delivery"], session["stream"], session["requests"]) == ("hls", None, 0)
    assert session["completeness"] == "requests not seen"


@pytest.mark.parametrize(
    ("paths", "prefix"),
    [
        (["/a/x-10.ts", "/a/x-11.ts"], "http://e.example/a/x-"),
        (["/a/x-9.ts", "/a/x-10.ts"], "http://e.example/a/x-"),
        (["/a/1.ts"], "http://e.example/a/1.ts"),
    ],
    ids=["common digit is left out", "other lengths", "a single one"],
)
def test_common_prefix(paths, prefix):
    assert common_prefix([Address("http://e.example:80", path, "") for path in paths]) == prefix
