"""Exchanges and bodies to fetches."""

from __future__ import annotations

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


def test_lists_and_replies_are_no_media() -> None:
    in_bodies = {name for name, protocol in registry().items() if "content" in protocol.carriers}
    assert in_bodies - NOT_MEDIA == {"mpegts", "rtmpt"}
