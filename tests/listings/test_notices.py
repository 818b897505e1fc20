"""Notices of PHP before JSON: only they are taken away, wherever the body is cut."""

from __future__ import annotations

import pytest

from iptvforensics.listings.notices import MAX_NOTICE_BYTES, Notices, end_of_notices
from iptvforensics.protocol import Anomaly

WARNING = (
    b"<br />\n<b>Warning</b>:  Invalid argument supplied for foreach() in <b>/var/www/api.php</b> "
    b"on line <b>7</b><br />\n"
)
NOTICE = b"<br>\n<b>Notice</b>: Undefined index: a&lt;b in <b>/x.php</b> on line <b>12</b><br>\n"


@pytest.mark.parametrize("before", [WARNING, b"\n" + WARNING, b"\xef\xbb\xbf" + WARNING, WARNING + NOTICE, NOTICE * 20])
@pytest.mark.parametrize("after", [b"[]", b'{"js": "<br />"}', b"\xef\xbb\xbf[1]"])
def test_notices_end_where_the_reply_begins(before: bytes, after: bytes) -> None:
    body = before + after
    assert end_of_notices(body) == len(before)
    plain = after.removeprefix(b"\xef\xbb\xbf")
    for cut in range(len(body)):
        notices = Notices("XTREAM")
        read = bytes(notices.feed(memoryview(body[:cut]))) + bytes(notices.feed(memoryview(body[cut:])))
        read += bytes(notices.rest())
        assert (len(read), read.lstrip(b" ")) == (len(body), plain)
        (told,) = notices.take(False)
        assert isinstance(told, Anomaly)
        assert (told.name, told.count) == ("XTREAM_notice_of_php", before.count(b"<b>Warn") + before.count(b"<b>Not"))
        assert notices.take(False) == []


def test_what_a_notice_says_is_told_without_tags() -> None:
    notices = Notices("XTREAM")
    notices.feed(memoryview(WARNING + b"[]"))
    assert notices.take(True) == [
        Anomaly(
            "XTREAM_notice_of_php",
            True,
            0,
            "before the reply: Warning : Invalid argument supplied for foreach() in /var/www/api.php on line 7",
        )
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"<html><body>[]",
        b"<br />\n<b>Hello</b>: x on line <b>7</b><br />\n[]",
        WARNING + b"<html>",
        WARNING + b"text",
        WARNING[:-30] + b"[]" * 3000,
        NOTICE * (MAX_NOTICE_BYTES // len(NOTICE) + 1) + b"[]",
    ],
)
def test_other_bodies_are_left_as_they_are(body: bytes) -> None:
    assert end_of_notices(body) == 0
    notices = Notices("XTREAM")
    assert bytes(notices.feed(memoryview(body))) + bytes(notices.rest()) == body
    assert notices.take(False) == []


def test_a_body_that_ends_in_a_notice_is_handed_on_as_it_is() -> None:
    notices = Notices("XTREAM")
    assert bytes(notices.feed(memoryview(WARNING))) == b""
    assert bytes(notices.rest()) == WARNING
    assert notices.take(False) == []
