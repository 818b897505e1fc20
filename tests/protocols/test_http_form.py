"""Posted forms: handed on whole, and told to what answers them."""

from __future__ import annotations

import pytest

from iptvforensics.protocol import ContentBegin, ContentData, ContentInfo, Event, Opening
from iptvforensics.protocols._http_body import Body
from iptvforensics.protocols._http_form import MAX_FORM_BYTES, FormBody, form_in, kind_of_body
from iptvforensics.protocols._http_head import PREFACE
from iptvforensics.protocols.http import make_parser

from .test_http_h2 import Talk

FORM = b"username=u&password=p&action=get_live_streams" + b"&x=1" * 4000
TYPE = ("content-type", "application/x-www-form-urlencoded; charset=UTF-8")


def posted(*fields: tuple[str, str]) -> Talk:
    talk = Talk().ask(1, "/player_api.php", *fields, ends=False, method="POST")
    return talk.data(True, 1, FORM).answer(1, b"[]", ("content-type", "application/json"))


def events_of(talk: Talk, size: int) -> list[Event]:
    parser = make_parser(Opening("tcp", PREFACE, b"", is_opened=True))
    events: list[Event] = []
    for side in (True, False):
        data = bytes(talk.sent[side])
        for at in range(0, len(data), size):
            events += [
                e._replace(data=bytes(e.data)) if isinstance(e, ContentData) else e
                for e in parser.feed(memoryview(data)[at : at + size], side)
            ]
    return events + parser.end(True) + parser.end(False)


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_what_answers_a_form_over_http2_is_told_its_beginning(size: int) -> None:
    events = events_of(posted(TYPE), size)
    asked, answered = (e for e in events if isinstance(e, ContentBegin))
    assert (asked.from_orig, answered.from_orig) == (True, False)
    assert answered.info.extra["form"] == FORM[:MAX_FORM_BYTES]
    assert b"".join(e.data for e in events if isinstance(e, ContentData) and e.key == asked.key) == FORM


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("pieces", [1, 3, 100])
def test_what_answers_a_chunked_form_is_told_its_beginning(pieces: int, size: int) -> None:
    step = -(-len(FORM) // pieces)
    parts = [FORM[at : at + step] for at in range(0, len(FORM), step)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    asks = b"POST /player_api.php HTTP/1.1\r\nHost: tv.example\r\nTransfer-Encoding: chunked\r\n"
    asks += b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + chunks
    answers = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
    parser = make_parser(Opening("tcp", asks, answers))
    events = [
        event
        for side, data in ((True, asks), (False, answers))
        for at in range(0, len(data), size)
        for event in parser.feed(memoryview(data)[at : at + size], side)
    ]
    _, answered = (e for e in events if isinstance(e, ContentBegin))
    assert answered.info.extra["form"] == FORM[:MAX_FORM_BYTES]


def test_other_posted_bodies_are_not_kept() -> None:
    (answered,) = (
        e
        for e in events_of(posted(("content-type", "video/mp2t")), 1 << 16)
        if isinstance(e, ContentBegin) and not e.from_orig
    )
    assert answered.info.extra["form"] is None


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [("Application/X-WWW-Form-URLencoded", FormBody), ("multipart/form-data", Body), (None, Body)],
)
def test_forms_are_told_by_their_type(media_type: str | None, kind: type[Body]) -> None:
    assert kind_of_body(ContentInfo(media_type=media_type)) is kind


def test_a_request_without_a_body_posts_no_form() -> None:
    assert form_in(None) is None
