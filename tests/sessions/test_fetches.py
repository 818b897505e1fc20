"""Exchanges and bodies to fetches."""

from __future__ import annotations

import pytest

from iptvforensics.protocols import registry
from iptvforensics.sessions.fetches import NOT_MEDIA


def test_a_body_inside_a_body_does_not_hide_the_outer_one(lab):
    lab.get("http://e.example/t", 0, size=500, kind="mpegts", declared=None)
    inner = {**lab.rows["objects"][0], "role": "message", "kind": "json", "bytes": 3}
    for rows in ([inner, lab.rows["objects"][0]], [lab.rows["objects"][0], inner]):
        lab.rows["objects"] = rows
        assert lab.one()["bytes"] == 500


def test_the_body_of_a_request_is_no_answer(lab):
    lab.get("http://e.example/t", 0, size=500, kind="mpegts")
    lab.rows["objects"][0]["role"] = "request"
    lab.rows["objects"][0]["from_orig"] = True
    assert [one["bytes"] for one in lab.sessions()] == []


@pytest.mark.parametrize(
    ("server", "port", "stream"),
    [
        ("203.0.113.9", 80, "http://203.0.113.9/live/u/p/7.ts"),
        ("203.0.113.9", 8080, "http://203.0.113.9:8080/live/u/p/7.ts"),
        ("2001:db8::9", 80, "http://[2001:db8::9]/live/u/p/7.ts"),
    ],
)
def test_a_request_without_host_asks_for_a_url_under_the_address(lab, server, port, stream):
    lab.get("http://a.example/live/u/p/7.ts", 0, size=500, kind="mpegts", declared=None, server=server, port=port)
    lab.rows["http"][0].update(host=None, url=None)
    lab.rows["objects"][0]["name"] = "/live/u/p/7.ts"
    session = lab.one()
    assert (session["stream"], session["edge_host"], session["hosts"]) == (stream, None, [])
    assert any(shows.endswith(f"asked for {stream}.") for shows in lab.shown())


def test_a_request_whose_head_was_cut_may_have_named_a_host(lab):
    lab.get("http://a.example/live/u/p/7.ts", 0, size=500, kind="mpegts", declared=None)
    lab.rows["http"][0].update(host=None, url=None, deviations=["incomplete_request_head"])
    lab.rows["objects"][0]["name"] = "/live/u/p/7.ts"
    assert lab.one()["stream"] is None


def test_a_request_of_which_only_the_answer_was_seen_has_no_url(lab):
    lab.get("http://a.example/7.ts", 0, size=500, kind="mpegts", declared=None, request=False)
    lab.rows["http"][0].update(host=None, url=None, target=None)
    assert lab.one()["stream"] is None


def test_lists_and_replies_are_no_media() -> None:
    in_bodies = {name for name, protocol in registry().items() if "content" in protocol.carriers}
    assert in_bodies - NOT_MEDIA == {"mpegts", "rtmpt"}
