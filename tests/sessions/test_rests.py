"""Rests of media segments that were under way when the capture began."""

from __future__ import annotations

import pytest

LIVE = "http://e.example/live/"
START = {"starts_midstream": True}


def clock(first_s, last_s):
    first, last = (round(seconds * 90_000) % (1 << 33) for seconds in (first_s, last_s))
    return {"pts_first": first, "pts_last": last, "media_s": last_s - first_s}


def rest(lab, at, last_s, flow=1, **more):
    """The end of a media segment whose beginning was not captured."""
    lab.flow(flow, **START)
    lab.get(
        None,
        at,
        size=940,
        kind="mpegts",
        exchange=False,
        declared=None,
        flow=flow,
        ts=clock(last_s - 1, last_s),
        **more,
    )


def segments(lab, first, count, flow=1):
    for number in range(first, first + count):
        times = clock(4 * number, 4 * number + 3.96)
        lab.segment(f"{LIVE}seg-{number}.ts", 4 * number, size=1880, flow=flow, ts=times)


@pytest.mark.parametrize("wrap", [0, 2**33 / 90_000])
def test_a_rest_is_a_part_of_the_viewing_that_goes_on(lab, wrap):
    rest(lab, 10, 11.96 - wrap if wrap else 11.96)
    lab.playlist(f"{LIVE}index.m3u8", 11, ["seg-3.ts", "seg-4.ts"], start=3)
    segments(lab, 3, 2)
    session = lab.one()
    assert (session["delivery"], session["bytes"], session["media_objects"]) == ("hls", 940 + 2 * 1880, 3)
    assert (session["media_seconds"], session["media_seconds_basis"]) == (9.0, "playlist durations and PTS")
    assert session["completeness"] == "starts before the capture; requests not seen"
    assert any("whose clock goes on there" in shows for shows in lab.shown())


def test_a_rest_is_a_part_of_numbered_media_segments(lab):
    rest(lab, 6, 3.96)  # another connection brought what lies between
    segments(lab, 2, 3)
    session = lab.one()
    assert (session["delivery"], session["bytes"], session["media_objects"]) == ("hls", 940 + 3 * 1880, 4)
    assert session["media_seconds"] == pytest.approx(1 + 3 * 3.96)
    assert session["completeness"] == "starts before the capture; playlist not captured; requests not seen"


@pytest.mark.parametrize(("last_s", "flow"), [(500, 1), (11.96, 2)], ids=["another clock", "another connection"])
def test_a_rest_of_something_else_is_no_part_and_nothing_endless(lab, last_s, flow):
    rest(lab, 10, last_s, flow=flow)
    if flow != 1:
        lab.get("http://e.example/page", 10.5, size=10, kind="html", flow=flow)
    lab.playlist(f"{LIVE}index.m3u8", 11, ["seg-3.ts", "seg-4.ts"], start=3)
    segments(lab, 3, 2)
    other, viewing = lab.sessions()
    assert (other["delivery"], other["bytes"], other["kind"]) == ("progressive", 940, None)
    assert other["completeness"] == "starts before the capture; requests not seen"
    assert (viewing["delivery"], viewing["media_objects"]) == ("hls", 2)


def test_a_body_that_nothing_follows_may_be_endless(lab):
    rest(lab, 10, 11.96)
    assert lab.one()["delivery"] == "http-ts"
