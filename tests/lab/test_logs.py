"""Rows of servers' logs: one shape, and roles by what was given."""

import pytest

from .logs import bare, bytes_of, join, role_of, url_of

ROW = {"host": "e1.example:8080", "server_ip": "203.0.113.10", "server_port": 8080, "server": "edge-1", "status": 200,
       "target": "/auth/abc?x=1"}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "role"),
    [
        ({"status": 302, "location": "http://e2.example/"}, "redirect"),
        ({"content_type": "application/x-mpegURL"}, "playlist"),
        ({"content_type": "video/mp2t"}, "media"),
        ({"target": "/key/abc", "content_type": "application/octet-stream"}, "key"),
        ({"content_type": "text/html"}, "panel"),
        ({"target": "/x.mp4", "content_type": "text/plain"}, "media"),
    ],
)
def test_role_of_an_answer(more, role):
    assert role_of(ROW | more) == role


def test_addresses_compare_without_scheme_and_usual_port():
    assert url_of(ROW) == "http://e1.example:8080/auth/abc?x=1"
    assert url_of(ROW | {"tls": True}).startswith("https://")
    assert bare("https://A.example:443/a?b#c") == bare("http://a.example/a?b")
    assert bare("http://a.example:8080/a") != bare("http://a.example/a")


def test_bytes_that_the_client_never_took_do_not_count():
    assert bytes_of({"body_bytes": 900}) == 900
    assert bytes_of({"body_bytes": 900, "acked_bytes": 700}) == 700


def test_a_chain_names_each_server_once():
    chain = []
    for role in ("playlist", "media", "media"):
        join(chain, ROW, role)
    join(chain, ROW | {"server_ip": "203.0.113.11"}, "media")
    assert [(hop["ip"], hop["roles"]) for hop in chain] == [
        ("203.0.113.10", ["playlist", "media"]),
        ("203.0.113.11", ["media"]),
    ]
