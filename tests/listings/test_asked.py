"""What a carrier says of the exchange."""

from __future__ import annotations

from typing import Any

import pytest

from iptvforensics.listings.asked import Asked, asked_of, form_fields, host_of
from iptvforensics.protocol import ContentInfo


def asked(url: str | None, **extra: Any) -> Asked:
    return asked_of(ContentInfo(url, role="response", extra=extra))


def test_host_is_that_which_was_asked() -> None:
    assert host_of(ContentInfo(extra={"host": "tv.example:8080"})) == "tv.example:8080"
    assert host_of(ContentInfo()) is None
    assert host_of(ContentInfo(extra={"host": 7})) is None


def test_parameters_come_from_query_form_and_path() -> None:
    found = asked("http://tv.example/a/player_api.php?username=us%20er&action=x&empty=", form=b"action=y&limit=4")
    assert (found.page, found.path) == ("player_api.php", "/a/player_api.php")
    assert (found.get("username"), found.get("action"), found.get("limit")) == ("us er", "y", "4")
    assert found.get("empty") is None


@pytest.mark.parametrize(
    ("path", "page", "expected"),
    [
        (
            "/player_api/u/p/get_live_streams",
            "player_api",
            {"username": "u", "password": "p", "action": "get_live_streams"},
        ),
        (
            "/playlist/u/p/m3u_plus/ts",
            "playlist",
            {"username": "u", "password": "p", "type": "m3u_plus", "output": "ts"},
        ),
        ("/epg/u/p/gz", "epg", {"username": "u", "password": "p", "type": "gz"}),
        ("/live/u/p/7.ts", "7.ts", {}),
    ],
)
def test_paths_that_stand_for_queries(path: str, page: str, expected: dict[str, str]) -> None:
    found = asked(f"http://tv.example{path}")
    assert found.page == page
    assert dict(found.parameters) == expected


def test_claims_in_cookie_and_authorization() -> None:
    found = asked(
        "http://tv.example/portal.php",
        cookie="mac=00%3A1A%3A79%3A00%3A00%3A01; stb_lang=en; timezone=Europe%2FKiev",
        authorization="Bearer AB12",
    )
    assert found.mac == ("00:1a:79:00:00:01", "00:1A:79:00:00:01")
    assert found.cookies["timezone"] == "Europe/Kiev"
    assert found.bearer == "AB12"
    assert asked(None, authorization="Basic AB12").bearer is None


def test_nothing_is_known_without_a_request() -> None:
    found = asked(None)
    assert (found.url, found.path, found.page, found.mac) == (None, "", "", (None, None))
    assert dict(found.parameters) == dict(found.cookies) == {}


def test_forms_have_limits() -> None:
    assert form_fields("&".join(f"a{i}=1" for i in range(500))) == {}
    assert form_fields(b"a=1&a=2&b=\xff") == {"a": "2", "b": "\\xff"}
