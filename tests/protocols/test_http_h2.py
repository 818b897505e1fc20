"""HTTP/2 as the library hpack and real programs write it: exchanges, bodies, gaps and limits."""

from __future__ import annotations

import gzip
import random
import sys

import hpack
import pytest

from iptvforensics.protocol import ContentBegin, ContentData, Event, Opening, Row
from iptvforensics.protocols._http_exchanges import MAX_STREAMS
from iptvforensics.protocols._http_h2 import HOLD_LIMIT, Http2Parser
from iptvforensics.protocols._http_h2_frames import MAX_BLOCK
from iptvforensics.protocols._http_head import PREFACE
from iptvforensics.protocols.http import HttpParser, detect, make_parser

from .events import Found

DATA, HEADERS, RST, SETTINGS, PUSH, CONTINUATION = 0, 1, 3, 4, 5, 9


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


class Talk:
    """Writes both directions of a connection."""

    def __init__(self) -> None:
        self.encoders = {True: hpack.Encoder(), False: hpack.Encoder()}
        self.sent = {True: bytearray(PREFACE + frame(SETTINGS, 0, 0)), False: bytearray(frame(SETTINGS, 0, 0))}

    def block(self, side: bool, *fields: tuple[str, str]) -> bytes:
        return self.encoders[side].encode(list(fields))

    def ask(self, stream: int, path: str, *more: tuple[str, str], ends: bool = True, method: str = "GET") -> Talk:
        pseudo = [(":method", method), (":scheme", "https"), (":authority", "cdn.kite.example"), (":path", path)]
        self.sent[True] += frame(HEADERS, 4 | ends, stream, self.block(True, *pseudo, *more))
        return self

    def answer(self, stream: int, body: bytes | None = b"", *more: tuple[str, str], status: str = "200") -> Talk:
        self.sent[False] += frame(HEADERS, 4 | (body == b""), stream, self.block(False, (":status", status), *more))
        if body:
            self.data(False, stream, body)
        return self

    def data(self, side: bool, stream: int, body: bytes, *, ends: bool = True) -> Talk:
        self.sent[side] += frame(DATA, int(ends), stream, body)
        return self


def conversation() -> Talk:
    talk = Talk().ask(1, "/live/7.m3u8", ("user-agent", "okhttp/4.9.2"), ("cookie", "a=1"), ("cookie", "b=2"))
    talk.ask(3, "/7/1.ts").ask(5, "/login", ("content-type", "text/plain"), ends=False, method="POST")
    talk.data(True, 5, b"user=box7")
    talk.answer(3, None, ("content-type", "video/mp2t"), ("content-length", "12"))
    talk.data(False, 3, b"first ", ends=False).answer(1, b"#EXTM3U\n", ("server", "kite"), ("set-cookie", "s=1"))
    return talk.data(False, 3, b"second").answer(5, b"", status="204")


CONVERSATION = tuple(bytes(conversation().sent[side]) for side in (True, False))


def read(*steps: tuple[bool, bytes | int], opened: bool = True) -> Found:
    parser = make_parser(Opening("tcp", PREFACE, b"", is_opened=opened))
    assert isinstance(parser, Http2Parser)
    events: list[Event] = []
    for side, what in steps:
        found = parser.gap(what, side) if isinstance(what, int) else parser.feed(memoryview(what), side)
        events += [e._replace(data=bytes(e.data)) if isinstance(e, ContentData) else e for e in found]
    return Found(events + parser.end(True) + parser.end(False))


def test_exchanges_and_bodies() -> None:
    found = read((True, CONVERSATION[0]), (False, CONVERSATION[1]))
    playlist, segment, login = found.rows["/live/7.m3u8"], found.rows["/7/1.ts"], found.rows["/login"]
    assert (playlist["url"], playlist["host"]) == ("https://cdn.kite.example/live/7.m3u8", "cdn.kite.example")
    assert (playlist["cookie"], playlist["user_agent"], playlist["set_cookie"]) == ("a=1; b=2", "okhttp/4.9.2", ["s=1"])
    assert (playlist["http_version"], playlist["status"], playlist["complete"]) == ("2", 200, True)
    assert playlist["request_headers"][:2] == [":method: GET", ":scheme: https"]
    assert (segment["response_body_bytes"], segment["response_body_declared_bytes"]) == (12, 12)
    assert (login["method"], login["request_body_bytes"], login["status"]) == ("POST", 9, 204)
    assert found.bodies["https://cdn.kite.example/7/1.ts"] == b"first second"
    assert found.bodies["https://cdn.kite.example/login"] == b"user=box7"
    assert (found.names, set(found.complete.values())) == ([], {True})


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_directions_does_not_matter(seed: int) -> None:
    generator = random.Random(seed)
    left = {True: CONVERSATION[0], False: CONVERSATION[1]}
    steps: list[tuple[bool, bytes | int]] = []
    while any(left.values()):
        side = generator.choice([s for s in left if left[s]])
        size = generator.randint(1, 30)
        steps.append((side, left[side][:size]))
        left[side] = left[side][size:]
    whole, found = read((True, CONVERSATION[0]), (False, CONVERSATION[1])), read(*steps)
    turned = read((False, CONVERSATION[1]), (True, CONVERSATION[0]))
    assert found.rows == turned.rows == whole.rows
    assert found.bodies == turned.bodies == whole.bodies


def test_in_clear_the_scheme_is_http() -> None:
    found = read((True, CONVERSATION[0]), opened=False)
    assert found.rows["/7/1.ts"]["url"] == "http://cdn.kite.example/7/1.ts"
    assert found.rows["/7/1.ts"]["interrupted"] == "no response"


def test_compressed_bodies_are_unpacked() -> None:
    talk = Talk().ask(1, "/a").answer(1, gzip.compress(b"#EXTM3U\n", mtime=0), ("content-encoding", "gzip"))
    assert read((True, bytes(talk.sent[True])), (False, bytes(talk.sent[False]))).bodies == {
        "https://cdn.kite.example/a": b"#EXTM3U\n"
    }


def test_padding_priority_and_continuation() -> None:
    talk = Talk()
    block = talk.block(True, (":method", "GET"), (":authority", "e.example"), (":path", "/p"))
    talk.sent[True] += frame(HEADERS, 0x8 | 0x20 | 1, 1, b"\2" + bytes(5) + block[:4] + b"\0\0")
    talk.sent[True] += frame(CONTINUATION, 0, 1, block[4:6]) + frame(CONTINUATION, 4, 1, block[6:])
    talk.answer(1, None)
    talk.sent[False] += frame(DATA, 0x8 | 1, 1, b"\3body\0\0\0")
    found = read((True, bytes(talk.sent[True])), (False, bytes(talk.sent[False])))
    assert found.bodies == {"https://e.example/p": b"body"}
    assert found.rows["/p"]["complete"]


def test_informational_answers_trailers_and_resets() -> None:
    talk = Talk().ask(1, "/a").ask(3, "/b")
    talk.sent[False] += frame(HEADERS, 4, 1, talk.block(False, (":status", "103")))
    talk.answer(1, None).data(False, 1, b"x", ends=False)
    talk.sent[False] += frame(HEADERS, 5, 1, talk.block(False, ("grpc-status", "0")))
    talk.answer(3, None).data(False, 3, b"part", ends=False)
    talk.sent[False] += frame(RST, 0, 3, bytes(4))
    found = read((True, bytes(talk.sent[True])), (False, bytes(talk.sent[False])))
    assert (found.rows["/a"]["informational_count"], found.rows["/a"]["complete"]) == (1, True)
    assert (found.rows["/b"]["interrupted"], found.complete["https://cdn.kite.example/b"]) == ("ended early", False)


def test_pushed_responses_are_noted_and_the_headers_stay_readable() -> None:
    talk = Talk().ask(1, "/a")
    promise = talk.block(False, (":method", "GET"), (":path", "/pushed"), ("x-new", "1"))
    talk.sent[False] += frame(PUSH, 4, 1, (2).to_bytes(4) + promise)
    talk.answer(1, b"x", ("x-new", "1"))
    found = read((True, bytes(talk.sent[True])), (False, bytes(talk.sent[False])))
    assert (found.names, found.rows["/a"]["status"]) == (["HTTP_h2_push_not_read"], 200)


# What is missing ------------------------------------------------------------------------------------------------------


def test_a_gap_in_a_body_leaves_the_rest_readable() -> None:
    talk = Talk().ask(1, "/a").ask(3, "/b").answer(1, b"0123456789").answer(3, b"later")
    client, server = bytes(talk.sent[True]), bytes(talk.sent[False])
    at = server.index(b"0123456789") + 2
    found = read((True, client), (False, server[:at]), (False, 5), (False, server[at + 5 :]))
    assert found.rows["/a"]["response_missing_bytes"] == 5
    assert (found.gaps, found.bodies["https://cdn.kite.example/b"]) == ([5], b"later")
    assert (found.names, found.rows["/a"]["interrupted"]) == ([], "gap")


def test_a_gap_between_frames_ends_the_direction() -> None:
    talk = Talk().ask(1, "/a").answer(1, None).data(False, 1, b"0123456789", ends=False).data(False, 1, b"more")
    client, server = bytes(talk.sent[True]), bytes(talk.sent[False])
    at = server.index(b"0123456789") + 2
    found = read((True, client), (False, server[:at]), (False, 15), (False, server[at + 15 :]))
    assert (found.names, found.rows["/a"]["interrupted"]) == (["HTTP_h2_frames_lost"], "gap")


def test_broken_headers_end_the_reading_of_headers_only() -> None:
    talk = Talk()
    talk.sent[True] += frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\xff")
    found = read((True, bytes(talk.ask(3, "/a").sent[True])))
    assert (found.names, found.rows) == (["HTTP_h2_headers_not_read"], {})


def test_a_block_of_headers_that_is_too_long_is_left_out() -> None:
    talk = Talk().ask(1, "/a")
    part = frame(CONTINUATION, 0, 3, bytes(1 << 14))
    talk.sent[True] += frame(HEADERS, 1, 3, b"") + part * (MAX_BLOCK // (1 << 14) + 1)
    assert set(read((True, bytes(talk.sent[True]))).rows) == {"/a"}


def test_without_the_library_an_anomaly_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hpack", None)
    found = read((True, CONVERSATION[0]), (False, CONVERSATION[1]))
    assert (found.names, found.rows) == (["HTTP_h2_needs_hpack"], {})


def test_open_streams_are_limited() -> None:
    talk = Talk()
    for number in range(MAX_STREAMS + 2):
        talk.ask(2 * number + 1, f"/{number}")
    parser = Http2Parser(Opening("tcp", PREFACE, b""))
    rows = [e for e in parser.feed(memoryview(bytes(talk.sent[True])), True) if isinstance(e, Row)]
    assert [row.values["target"] for row in rows] == ["/0", "/1"]


def test_answers_do_not_wait_without_limit() -> None:
    talk = Talk().answer(1, None)
    body = frame(DATA, 0, 1, bytes(1 << 14)) * (HOLD_LIMIT // (1 << 14) + 1)
    parser = Http2Parser(Opening("tcp", PREFACE, b""))
    events = parser.feed(memoryview(bytes(talk.sent[False]) + body), False)
    assert any(isinstance(event, ContentBegin) for event in events)
    assert not parser._server.held


# Recognition ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("orig", "resp", "score"), [
    (PREFACE, b"", 1.0), (b"", PREFACE + b"\0", 1.0), (PREFACE[:5], b"", None), (b"PRI" + bytes(30), b"", 0.0),
])  # fmt: skip
def test_detection(orig: bytes, resp: bytes, score: float | None) -> None:
    assert detect(Opening("tcp", orig, resp)) == score


def test_the_responder_may_be_the_client() -> None:
    parser = make_parser(Opening("tcp", CONVERSATION[1], CONVERSATION[0]))
    assert parser.client_is_orig is False
    events = parser.feed(memoryview(CONVERSATION[1]), True) + parser.feed(memoryview(CONVERSATION[0]), False)
    assert {e.values["target"] for e in events if isinstance(e, Row)} == {"/live/7.m3u8", "/7/1.ts", "/login"}


def test_http_1_is_read_as_before() -> None:
    assert isinstance(make_parser(Opening("tcp", b"GET / HTTP/1.1\r\n", b"")), HttpParser)
