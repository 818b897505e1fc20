"""The bare form of media paths: when it counts."""

from __future__ import annotations

import pytest

from .conftest import EDGE

BLOCKS = "QUJDREVGR0hJSktMTU5PUA"  # 16 bytes


@pytest.mark.parametrize(
    "location",
    [
        f"http://edge.example/auth/{BLOCKS}",
        f"http://edge.example:8000/{'0a' * 16}/auth/{BLOCKS}",
        f"http://edge.example/auth/{'0a' * 16}",
        "http://edge.example/vauth/abcdefghijklmnopqr",
        "http://edge.example/auth/77.m3u8?token=aB3dEfGhIjKlMnOpQr",
    ],
)
def test_a_redirect_to_an_edge_shows_line_and_panel(lab, location):
    lab.get("/bd/p1/77.ts", status=302, location=location)
    lab.session("http://tv.example/bd/p1/77.ts", panel_host="tv.example")
    tables = lab.build()
    [line], [panel], [channel] = tables["lines"], tables["panels"], tables["channels"]
    assert (line["username"], line["password"], line["strength"]) == ("bd", "p1", "conclusive")
    assert (panel["host"], panel["rule"], panel["strength"]) == ("tv.example", "panel-media-url", "strong")
    assert channel["stream_id"] == "77"
    assert {row["host"]: row["role"] for row in tables["servers"]} == {"tv.example": "panel", "edge.example": "edge"}


@pytest.mark.parametrize(
    ("target", "status", "location"),
    [
        ("/2026/november/77", 302, "http://site.example/auth/login-with-provider"),
        ("/users/alpha/77", 302, "http://site.example/news/index.html"),
        ("/users/alpha/77", 200, None),
        ("/users/alpha/77.jpg", 302, f"http://edge.example/auth/{BLOCKS}"),
    ],
)
def test_other_sites_say_nothing(lab, target, status, location):
    lab.get(target, status=status, location=location)
    tables = lab.build()
    assert tables["lines"] == tables["panels"] == []


def test_at_a_known_panel_the_form_counts(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    lab.get("/u2/p2/77.ts")
    assert sorted(row["username"] for row in lab.build()["lines"]) == ["u1", "u2"]


def test_what_panels_ask_panels_is_a_line(lab):
    lab.get("/u9/p9/77.ts", host="up.example", client_ip=EDGE, headers=["X-XUI-Detect: 1"])
    [line] = lab.build()["lines"]
    assert (line["panel_host"], line["username"]) == ("up.example", "u9")
