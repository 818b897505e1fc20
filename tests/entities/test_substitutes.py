"""Sessions in which a panel may have sent a film instead of the channel."""

from __future__ import annotations

import pytest

from .conftest import BASE_NS, ONE


def said(lab, at=0, **values):
    defaults = {"family": "xtream", "role": "response", "action": "login", "host": "tv.example", "username": "u1",
                "password": "p1"}  # fmt: skip
    lab.message("account_replies", at, **{**defaults, **values})


def hint(lab, at=100, **values):
    lab.watch(at=at)
    lab.rows["sessions"][-1].update(values)
    return lab.build()["session_entities"][0]["substitute_why"]


@pytest.mark.parametrize(
    ("word", "shows"),
    [
        ({"account_status": "Expired", "auth": True}, "the panel had said of the line: Expired (frame 10 of capture"),
        ({"account_status": "Banned"}, "the panel had said of the line: Banned"),
        ({"auth": False}, "the panel had refused the line"),
        (
            {"auth": True, "expires_ns": BASE_NS + 50 * 10**9},
            "the end that the panel had given for the line had passed",
        ),
        ({"auth": True, "account_status": "Active", "expires_ns": BASE_NS + 500 * 10**9}, None),
        ({"account_status": "Expired", "username": "other"}, None),
        ({"account_status": "Expired", "role": "request"}, None),
    ],
)
def test_the_panels_word_on_the_line(lab, word, shows):
    said(lab, **word)
    found = hint(lab)
    assert found == shows if shows is None else found.startswith(shows)


def test_only_the_last_word_before_the_session_counts(lab):
    said(lab, 0, account_status="Expired")
    said(lab, 50, account_status="Active", auth=True)
    said(lab, 200, account_status="Banned")
    assert hint(lab) is None


def test_a_file_in_place_of_a_channel(lab):
    assert hint(lab, delivery="progressive") == "a file of known length came for a channel"


def test_both_hints_are_told(lab):
    said(lab, auth=False)
    assert hint(lab, delivery="progressive") == (
        f"the panel had refused the line (frame 10 of capture {ONE}); a file of known length came for a channel"
    )


def test_films_and_catch_up_are_files_anyway(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    for path in ("movie/u1/p1/7.mkv", "timeshift/u1/p1/60/2023-11-14:19-30/79.ts"):
        lab.session(f"http://tv.example/{path}", "tv.example", delivery="progressive")
    assert {row["substitute_why"] for row in lab.build()["session_entities"]} == {None}
