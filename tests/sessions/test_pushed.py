"""Media that clients sent by HTTP to sessions."""

from __future__ import annotations

import pytest

from .conftest import CLIENT, SERVER

BASE = "http://in.example/up/ch1/"


def push(lab, start=0, count=4, window=2):
    """Send media segments, and after each the playlist that names the last ones."""
    for number in range(start, start + count):
        lab.send(f"{BASE}{number}.ts", 4 * number, size=1880, kind="mpegts", media_s=3.96)
        first = max(start, number - window + 1)
        names = [f"{n}.ts" for n in range(first, number + 1)]
        lab.playlist(f"{BASE}index.m3u8", 4 * number + 0.2, names, start=first, sent=True)


def test_hls_that_was_sent(lab):
    push(lab)
    session = lab.one()
    assert (session["delivery"], session["published"]) == ("hls-publish", True)
    assert (session["stream"], session["client_ip"]) == (f"{BASE}index.m3u8", CLIENT)
    assert (session["edge_host"], session["edge_ip"]) == ("in.example", SERVER)
    assert (session["bytes"], session["media_seconds"], session["media_objects"]) == (4 * 1880, 16.0, 4)
    assert (session["kind"], session["kind_basis"]) == ("live", "playlist sent anew, media sequence grew")
    assert (session["requests"], session["completeness"]) == (8, "complete")
    assert any(f"as {CLIENT} sent it" in shows for shows in lab.shown())
    assert any(shows.endswith(f", to {SERVER}.") for shows in lab.shown())


def test_media_segments_that_were_sent_without_their_playlist(lab):
    for number in range(3):
        lab.send(f"{BASE}seg-{number}.ts", 4 * number, size=1880, kind="mpegts", media_s=3.96)
    session = lab.one()
    assert (session["delivery"], session["stream"], session["bytes"]) == ("hls-publish", f"{BASE}seg-", 3 * 1880)
    assert session["completeness"] == "playlist not captured"


@pytest.mark.parametrize(("kind", "delivery"), [("mpegts", "http-ts-publish"), ("flv", "http-flv-publish")])
def test_a_stream_that_was_sent(lab, kind, delivery):
    clock = {"media_s": 59.0} if kind == "mpegts" else {}
    lab.send("http://in.example/push/7", 0, size=18800, kind=kind, took=60, status=None, whole=False, **clock)
    session = lab.one()
    assert (session["delivery"], session["published"], session["kind"]) == (delivery, True, "live")
    assert (session["bytes"], session["media_seconds"]) == (18800, clock.get("media_s"))
    assert any("sent a stream to http://in.example/push/7" in shows for shows in lab.shown())


def test_streams_with_numbers_in_their_names_are_no_media_segments(lab):
    for number in (7, 8):
        lab.send(f"http://in.example/push/{number}", number, size=1880, kind="mpegts", media_s=9.0)
    assert [one["delivery"] for one in lab.sessions()] == ["http-ts-publish"] * 2


def test_who_fetches_what_another_one_sent_has_a_session_of_its_own(lab):
    push(lab)
    other = {"client": "192.168.1.99", "flow": 2}
    lab.playlist(f"{BASE}index.m3u8", 20, ["2.ts", "3.ts"], start=2, **other)
    lab.segment(f"{BASE}2.ts", 21, size=1880, **other)
    sent, got = lab.sessions()
    assert (sent["delivery"], sent["client_ip"], sent["media_objects"]) == ("hls-publish", CLIENT, 4)
    assert (got["delivery"], got["published"], got["client_ip"]) == ("hls", False, "192.168.1.99")
    assert got["media_objects"] == 1


def test_what_a_client_sends_counts_among_nothing_that_it_fetches(lab):
    push(lab)
    lab.playlist(f"{BASE}index.m3u8", 20, ["2.ts", "3.ts"], start=2)
    lab.segment(f"{BASE}2.ts", 21, size=1880)
    sent, got = lab.sessions()
    assert (sent["delivery"], sent["requests"]) == ("hls-publish", 8)
    assert (got["delivery"], got["requests"]) == ("hls", 2)


def test_files_and_forms_that_were_sent_are_no_sessions(lab):
    lab.send("http://in.example/film.mp4", 0, size=5000, kind="mp4", declared=5000)
    lab.send("http://tv.example/portal.php", 1, size=50, kind="stalker", declared=50)
    lab.send("http://tv.example/api.php", 2, size=50, kind=None, declared=50)
    assert lab.sessions() == []
