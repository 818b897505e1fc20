"""Endless bodies to http-ts and http-flv sessions."""

from __future__ import annotations

import pytest

URL = "http://edge.example:8000/live/u/p/88"


def watch(lab, at=0.0, url=URL, took=60.0, **more):
    return lab.segment(url, at, took=took, declared=None, whole=False, interrupted="ended early", **more)


def test_one_long_answer_is_one_live_session(lab):
    lab.flow(history="ShADadF")
    watch(lab, size=9000, media_s=59.5, service="Kestrel News")
    session = lab.one()
    assert (session["delivery"], session["kind"], session["kind_basis"]) == ("http-ts", "live", "no length declared")
    assert (session["stream"], session["channel"]) == (URL, "Kestrel News")
    assert (session["media_seconds"], session["media_seconds_basis"]) == (59.5, "PTS")
    assert session["completeness"] == "complete"
    assert (session["edge_host"], session["bytes"]) == ("edge.example", 9000)


def test_redirect_gives_panel_and_first_url(lab):
    lab.redirect("http://portal.example/live/u/p/88.ts", URL, 0)
    watch(lab, 0.2, flow=2)
    session = lab.one()
    assert (session["panel_host"], session["stream"]) == ("portal.example", "http://portal.example/live/u/p/88.ts")
    assert (session["requests"], session["hosts"]) == (2, ["portal.example", "edge.example"])


def test_redirect_too_long_before_is_not_tied(lab):
    lab.redirect("http://portal.example/88.ts", URL, 0)
    watch(lab, 120)
    session = lab.one()
    assert (session["panel_host"], session["stream"]) == (None, URL)


def test_redirect_is_followed_once(lab):
    lab.redirect("http://portal.example/88.ts", URL, 0)
    watch(lab, 1, took=5)
    watch(lab, 50, took=5)
    assert [one["panel_host"] for one in lab.sessions()] == ["portal.example", None]


@pytest.mark.parametrize(
    ("history", "pause", "sessions"),
    [
        ("ShADadf", 25, 1),
        ("ShADadr", 35, 2),
        ("ShADadF", 1.5, 1),
        ("ShADadRr", 4, 2),
        ("ShADad", 25, 1),
    ],
    ids=["server closed", "server closed, too late", "client restarts", "client left", "nobody closed"],
)
def test_connection_opened_again(lab, history, pause, sessions):
    lab.flow(history=history)
    lab.flow(2, history="ShADadF")
    watch(lab, 0, took=10, media_s=10.0)
    watch(lab, 10 + pause, took=10, flow=2, media_s=10.0)
    found = lab.sessions()
    assert len(found) == sessions
    if sessions == 1:
        assert "connection broke and was opened again" in found[0]["completeness"]
        assert (found[0]["media_seconds"], found[0]["media_objects"]) == (20.0, 2)


OTHER = "http://edge.example:8000/live/u/p/89"


def test_a_channel_watched_in_between_ends_the_viewing(lab):
    for flow in (1, 2, 3):
        lab.flow(flow, history="ShADadf")
    watch(lab, 0, took=10)
    watch(lab, 10.5, url=OTHER, took=10, flow=2)
    watch(lab, 21, took=10, flow=3)
    found = lab.sessions()
    assert [one["stream"] for one in found] == [URL, OTHER, URL]
    assert {one["completeness"] for one in found} == {"complete"}


def test_a_playlist_watched_in_between_ends_the_viewing(lab):
    lab.flow(history="ShADadf")
    lab.flow(2, history="ShADadf")
    watch(lab, 0, took=10)
    lab.playlist("http://lb.example/7.m3u8", 11, ["7-0.ts", "7-1.ts"], flow=3)
    lab.segment("http://lb.example/7-0.ts", 12, flow=3)
    lab.segment("http://lb.example/7-1.ts", 16, flow=3)
    watch(lab, 18, took=10, flow=2)
    assert [one["delivery"] for one in lab.sessions()] == ["http-ts", "hls", "http-ts"]


@pytest.mark.parametrize(("start", "took"), [(2, 40), (10.5, 40), (2, 6)], ids=["around", "goes on", "before"])
def test_what_another_player_watches_at_the_same_time_does_not_divide_a_viewing(lab, start, took):
    lab.flow(history="ShADadf")
    lab.flow(2, history="ShADadf")
    lab.flow(3, history="ShADadf")
    watch(lab, 0, took=10)
    watch(lab, start, url=OTHER, took=took, flow=3)
    watch(lab, 14, took=10, flow=2)
    found = {one["stream"]: one["completeness"] for one in lab.sessions()}
    assert found == {URL: "connection broke and was opened again", OTHER: "complete"}


@pytest.mark.parametrize(
    ("path", "kind", "basis"),
    [
        ("live/u/p/1.ts", "live", "no length declared"),
        ("movie/u/p/1.ts", "vod", "the path asks for a film or an episode, though no length was declared"),
        ("series/u/p/1.ts", "vod", "the path asks for a film or an episode, though no length was declared"),
        ("movie/night-train.ts", None, None),
    ],
)
def test_films_without_length_are_no_live_streams(lab, path, kind, basis):
    watch(lab, url=f"http://edge.example:8000/{path}")
    session = lab.one()
    assert (session["delivery"], session["kind"], session["kind_basis"]) == ("http-ts", kind, basis)


def test_film_that_an_edge_sends_under_another_path(lab):
    lab.redirect("http://portal.example/movie/u/p/1.ts", "http://edge.example/x", 0)
    watch(lab, 0.2, url="http://edge.example/x", flow=2)
    assert lab.one()["kind"] == "vod"


def test_other_channel_is_another_session(lab):
    watch(lab, 0, took=5)
    watch(lab, 6, url="http://edge.example:8000/live/u/p/89", flow=2)
    assert len(lab.sessions()) == 2


def test_absurd_length_is_no_length(lab):
    lab.segment(URL, 0, size=5000, declared=1 << 62, whole=False)
    assert lab.one()["delivery"] == "http-ts"


def test_flv(lab):
    watch(lab, kind="flv", url="http://edge.example/app/s.flv")
    session = lab.one()
    assert (session["delivery"], session["kind"], session["media_seconds"]) == ("http-flv", "live", None)


def test_body_without_exchange_starts_before_the_capture(lab):
    lab.segment(None, 0, size=5000, declared=None, whole=False, exchange=False, missing=None)
    session = lab.one()
    assert (session["delivery"], session["stream"], session["kind"]) == ("http-ts", None, None)
    assert session["completeness"] == "starts before the capture; requests not seen; gaps in the media"
    assert session["missing_bytes"] is None


def test_still_open_at_the_end(lab):
    lab.flow(history="ShADad")
    watch(lab)
    assert lab.one()["completeness"] == "still open at the end of the capture"


def test_error_page_is_no_session(lab):
    lab.get(URL, 0, size=300, kind="mpegts", status=403, declared=None)
    assert lab.sessions() == []
