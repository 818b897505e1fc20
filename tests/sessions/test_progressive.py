"""Media files to progressive sessions."""

from __future__ import annotations

import pytest

URL = "http://vod.example/movie/u/p/5.mp4"


def part(lab, at, first, size, total=1000, **more):
    return lab.get(
        more.pop("url", URL),
        at,
        size=size,
        first=first,
        total=total,
        status=206,
        kind=more.pop("kind", "mp4"),
        **more,
    )


def test_whole_file(lab):
    lab.get(URL, 0, size=1000, kind="mp4")
    session = lab.one()
    assert (session["delivery"], session["kind"], session["stream"]) == ("progressive", "vod", URL)
    assert (session["bytes"], session["media_seconds"], session["completeness"]) == (1000, None, "complete")
    assert session["kind_basis"] == "length declared"


def test_ranges_are_joined_and_bytes_counted_once(lab):
    part(lab, 0, 0, 400)
    part(lab, 5, 900, 100, flow=2)
    part(lab, 9, 300, 300, flow=3)
    session = lab.one()
    assert (session["bytes"], session["requests"], session["media_objects"]) == (700, 3, 3)
    assert session["completeness"] == "media not delivered whole"
    assert session["kind_basis"] == "ranges of a file of known length"
    assert session["flow_ids"] == [1, 2, 3]


def test_ranges_that_cover_the_file_are_complete(lab):
    part(lab, 0, 0, 600)
    part(lab, 5, 500, 500)
    session = lab.one()
    assert (session["bytes"], session["completeness"]) == (1000, "complete")


def test_missing_bytes_are_not_counted_as_captured(lab):
    part(lab, 0, 0, 900, missing=100)
    session = lab.one()
    assert (session["bytes"], session["missing_bytes"], session["completeness"]) == (900, 100, "gaps in the media")


def test_ranges_behind_a_redirect_with_a_token_each_are_one_file(lab):
    for number in range(2):
        target = f"http://edge.example/f?token={number}"
        lab.redirect(URL, target, 10 * number)
        part(lab, 10 * number + 0.1, 500 * number, 500, url=target)
    session = lab.one()
    assert (session["stream"], session["panel_host"], session["bytes"]) == (URL, "vod.example", 1000)


@pytest.mark.parametrize(
    ("second", "total", "sessions"),
    [
        ("/5.mp4?token=zz&e=1795726400", 1000, 1),
        ("/5.mp4?token=zz&e=1795726400", 1001, 2),
        ("/6.mp4?token=zz&e=1795726400", 1000, 2),
        ("/5.mp4?token=zz&e=1795726400&file=b", 1000, 2),
        ("/5.mp4?token=zz&e=1795726400&part=2", 1000, 2),
    ],
)
def test_a_file_whose_token_is_given_anew_is_one_viewing(lab, second, total, sessions):
    part(lab, 0, 0, 400, url="http://vod.example/5.mp4?token=aa&e=1795726300")
    part(lab, 9, 400, 600, total, url=f"http://vod.example{second}", flow=2)
    part(lab, 12, 900, 100, None, url=f"http://vod.example{second}", flow=2)
    found = lab.sessions()
    assert len(found) == sessions
    if sessions == 1:
        assert (found[0]["bytes"], found[0]["requests"], found[0]["completeness"]) == (1000, 3, "complete")
        assert sum("with another token" in shows for shows in lab.shown()) == 1


def test_whole_files_of_one_path_and_length_are_not_taken_for_one(lab):
    for number in range(3):
        part(lab, 4 * number, 0, 1000, url=f"http://vod.example/chunk.mp4?t={number}")
    assert [one["bytes"] for one in lab.sessions()] == [1000] * 3


@pytest.mark.parametrize(("at", "sessions"), [(1700, 1), (1900, 2)], ids=["paused", "another viewing"])
def test_long_pause(lab, at, sessions):
    part(lab, 0, 0, 100)
    part(lab, at, 100, 100)
    assert len(lab.sessions()) == sessions


def test_other_client_is_another_session(lab):
    part(lab, 0, 0, 100)
    part(lab, 1, 0, 100, client="192.168.1.9", flow=2)
    assert len(lab.sessions()) == 2


@pytest.mark.parametrize(
    ("kind", "media_type", "sessions"),
    [
        ("matroska", None, 1),
        (None, "video/mp4", 1),
        ("riff", "video/x-msvideo", 1),
        ("image", "image/webp", 0),
        ("riff", "application/octet-stream", 0),
        ("html", "video/mp4", 0),
        ("m3u", "audio/mpegurl", 0),
        ("json", None, 0),
    ],
)
def test_what_is_a_media_file(lab, kind, media_type, sessions):
    lab.get("http://vod.example/x", 0, size=100, kind=kind, media_type=media_type)
    assert len(lab.sessions()) == sessions


def test_transport_stream_with_a_length_has_seconds_unless_ranges_overlap(lab):
    lab.get("http://vod.example/a/film.ts", 0, size=1000, kind="mpegts", media_s=90.0)
    assert lab.one()["media_seconds"] == 90.0
    part(lab, 1, 0, 500, kind="mpegts", media_s=45.0, url="http://vod.example/b/film.ts")
    part(lab, 2, 400, 500, kind="mpegts", media_s=45.0, url="http://vod.example/b/film.ts")
    assert [one["media_seconds"] for one in lab.sessions()] == [90.0, None]


def test_sound_without_a_length_is_neither_live_nor_vod(lab):
    lab.get("http://radio.example/s", 0, size=100, kind=None, media_type="audio/mpeg", declared=None, whole=False)
    assert lab.one()["kind"] is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/live/u/p/61.ts", "live"),
        ("/u/p/61", None),
        ("/movie/u/p/61.ts", "vod"),
        ("/live/u/p/61.ts?utc=17&lutc=18", "vod"),
    ],
)
def test_path_tells_more_than_a_length(lab, path, kind):
    lab.get(f"http://tv.example{path}", 0, size=1000, kind="mpegts", media_s=4.0)
    assert lab.one()["kind"] == kind


def test_ranges_of_one_number_are_one_viewing_beside_another_number(lab):
    for at, first in enumerate((0, 500)):
        part(lab, at, first, 500, kind="mpegts", media_s=4.0, url="http://tv.example/movie/u/p/501.ts")
    part(lab, 2, 0, 500, kind="mpegts", media_s=4.0, url="http://tv.example/movie/u/p/502.ts")
    assert [(one["delivery"], one["requests"]) for one in lab.sessions()] == [("progressive", 2), ("progressive", 1)]
