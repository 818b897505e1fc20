"""Lines that stand in texts."""

from __future__ import annotations

import pytest


def text(lab, url, **values):
    return lab.message("named_urls", url=url, body_url="http://forum.example/thread/7", **values)


@pytest.mark.parametrize(
    ("url", "username"),
    [
        ("http://tv.example:8080/get.php?username=u9&password=p9&type=m3u_plus", "u9"),
        ("http://tv.example/live/u9/p9/7.ts", "u9"),
        ("http://tv.example/c/", None),
        ("http://tv.example/u9/p9/7.ts", None),
    ],
)
def test_a_line_that_a_text_names_is_a_lead_and_was_not_used(lab, url, username):
    text(lab, url)
    text(lab, url, at=900)
    tables = lab.build()
    if username is None:
        assert tables["lines"] == tables["panels"] == []
        return
    [line], [panel] = tables["lines"], tables["panels"]
    assert (line["username"], line["used"], line["rule"], line["strength"]) == (username, False, "line-in-text", "lead")
    assert (panel["host"], panel["strength"]) == ("tv.example", "lead")
    shows = [row["shows"] for row in tables["evidence"] if row["row_id"] == line["line_id"]]
    assert shows == [f"a text that 192.168.1.20 sent or got named the line at tv.example, text: {url}"]


def test_a_line_that_is_used_keeps_the_place_in_the_text(lab):
    lab.get("/player_api.php?username=u9&password=p9")
    text(lab, "http://tv.example/get.php?username=u9&password=p9")
    [line] = lab.build()["lines"]
    assert (line["rule"], line["used"], line["places"]) == ("line-in-request; line-in-text", True, ["request", "text"])


def test_without_texts_nothing_is_asked(lab):
    lab.get("/")
    assert lab.build()["lines"] == []
