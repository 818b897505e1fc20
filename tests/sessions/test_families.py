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
    "path",
    [
        "/live/u/p/{}.ts",
        "/live/u/p/{}",
        "/movie/u/p/{}.ts",
        "/series/u/p/{}.ts",
        "/timeshift/u/p/60/2026-11-26:08-00/{}.ts",
        "/u/p/{}.ts",
        "/u/p/{}",
        "/live/AbCdEfGhIjKlMnOpQr/{}.ts",
        "/{}.ts?username=u&password=p",
    ],
)
def test_numbers_of_a_panel_are_viewings_of_their_own(lab, path):
    numbered(lab, [61, 62, 63], url=f"http://tv.example{path}")
    sessions = lab.sessions()
    assert [one["delivery"] for one in sessions] == ["progressive"] * 3
    assert [one["stream"] for one in sessions] == [f"http://tv.example{path.format(n)}" for n in (61, 62, 63)]


@pytest.mark.parametrize("path", ["/auth/{}AbCdEfGhIjKlMnOpQr", "/x/{}.ts"])
def test_numbers_of_a_panel_that_redirects_are_viewings_of_their_own(lab, path):
    for at, number in enumerate((61, 62)):
        edge = f"http://edge.example{path.format(number)}"
        lab.redirect(f"http://tv.example/live/u/p/{number}.ts", edge, at * 20)
        lab.segment(edge, at * 20 + 0.1, media_s=4.0)
    assert [one["stream"][-5:] for one in lab.sessions()] == ["61.ts", "62.ts"]


def test_bare_number_sent_on_to_a_panels_path_is_a_viewing_of_its_own(lab):
    for at, number in enumerate((61, 62)):
        edge = f"http://edge.example/live/u/p/{number}.ts"
        lab.redirect(f"http://tv.example/u/p/{number}", edge, at * 20)
        lab.segment(edge, at * 20 + 0.1, media_s=4.0)
    assert len(lab.sessions()) == 2


def with_clock(lab, starts, url="http://e.example/news/720p/{}.ts", seconds=4):
    numbered(lab, range(61, 61 + len(starts)), url=url)
    for row, start in zip(lab.rows["transport_streams"], starts, strict=True):
        row.update(pts_first=start, pts_last=(start + seconds * 90_000 - 3_600) % 2**33)


@pytest.mark.parametrize("first", [126_000, 2**33 - 5 * 90_000], ids=["plain", "the clock wraps"])
def test_bare_numbers_whose_clock_goes_on_are_media_segments(lab, first):
    with_clock(lab, [(first + at * 360_000) % 2**33 for at in range(4)])
    assert (lab.one()["delivery"], lab.one()["stream"]) == ("hls", "http://e.example/news/720p/")


@pytest.mark.parametrize("starts", [[126_000] * 3, [5_000_000, 77_000_000, 9]], ids=["the same film", "channels"])
def test_bare_numbers_whose_clocks_are_apart_are_viewings(lab, starts):
    with_clock(lab, starts)
    assert [one["delivery"] for one in lab.sessions()] == ["progressive"] * 3


def test_paths_of_a_panel_are_no_media_segments_even_if_the_clock_goes_on(lab):
    with_clock(lab, [126_000 + at * 360_000 for at in range(3)], url="http://tv.example/live/u/p/{}.ts")
    assert len(lab.sessions()) == 3


@pytest.mark.parametrize(
    "url",
    [
        "http://e.example/hls/AbCdEfGhIjKlMnOpQr/61_{}.ts",
        "http://e.example/live/news/{}.ts",
        "http://e.example/live/u/p/61_{}.ts",
        "http://e.example/hlsr/AbCd/u/p/61/0f0f/{}.ts",
    ],
)
def test_numbered_segments_without_playlist_stay_one_session(lab, url):
    numbered(lab, [7, 8, 9], url=url)
    assert lab.one()["delivery"] == "hls"


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
