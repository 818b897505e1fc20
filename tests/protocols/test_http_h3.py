"""HTTP/3 as the library pylsqpack and real programs write it: exchanges, bodies, tables of headers, gaps and limits."""

from __future__ import annotations

import gzip
import random
import sys

import pylsqpack
import pytest

from iptvforensics.protocol import Anomaly, ContentBegin, ContentData, Event, Opening, Row
from iptvforensics.protocols._http_exchanges import MAX_STREAMS
from iptvforensics.protocols._http_h3 import HOLD_LIMIT, Http3Parser
from iptvforensics.protocols._http_h3_fields import MAX_EARLY_BYTES, MAX_TABLE_BYTES, FieldDecoder, FieldsError
from iptvforensics.protocols._http_h3_frames import MAX_BLOCK
from iptvforensics.protocols._http_h3_frames import MAX_STREAMS as MAX_READERS
from iptvforensics.protocols.http import detect, make_parser
from iptvforensics.tls.wire import number_bytes as n

from .events import Found

DATA, HEADERS, CANCEL_PUSH, SETTINGS, PUSH_PROMISE, GOAWAY = 0, 1, 3, 4, 5, 7
HOST = "cdn.heron.example"
URL = f"https://{HOST}"


def frame(kind: int, payload: bytes) -> bytes:
    return n(kind) + n(len(payload)) + payload


def piece(stream: int, offset: int, data: bytes, *, ends: bool = False) -> bytes:
    """Return a STREAM frame as the parser of QUIC writes it."""
    return bytes([0x0E | ends]) + n(stream) + n(offset) + n(len(data)) + data


class Talk:
    """Writes both directions of a connection; `table` is the size of the tables of headers."""

    def __init__(self, table: int = 0, *, settings: bool = True) -> None:
        self.encoders = {True: pylsqpack.Encoder(), False: pylsqpack.Encoder()}
        self.sent = {True: bytearray(), False: bytearray()}
        self.at: dict[tuple[bool, int], int] = {}
        for side in (True, False):
            first = self.encoders[side].apply_settings(table, 16)
            if settings:
                self.settings(side, table)
            self.put(side, 6 if side else 7, b"\x02" + first)
            self.put(side, 10 if side else 11, b"\x03")

    def put(self, side: bool, stream: int, data: bytes, *, ends: bool = False) -> Talk:
        offset = self.at.get((side, stream), 0)
        self.sent[side] += piece(stream, offset, data, ends=ends)
        self.at[side, stream] = offset + len(data)
        return self

    def skip(self, side: bool, stream: int, size: int) -> Talk:
        """Leave out bytes of a stream."""
        self.at[side, stream] = self.at.get((side, stream), 0) + size
        return self

    def settings(self, side: bool, table: int) -> Talk:
        told = frame(SETTINGS, n(1) + n(table) + n(7) + n(16) + n(0x21) + n(5))
        return self.put(side, 2 if side else 3, b"\x00" + told)

    def block(self, side: bool, stream: int, *fields: tuple[str, str], late: bool = False) -> bytes:
        entries, block = self.encoders[side].encode(stream, [(a.encode(), b.encode()) for a, b in fields])
        if entries and not late:
            self.put(side, 6 if side else 7, entries)
        self.late = entries
        return block

    def ask(
        self, stream: int, path: str, *more: tuple[str, str], ends: bool = True, method: str = "GET", late: bool = False
    ) -> Talk:
        pseudo = [(":method", method), (":scheme", "https"), (":authority", HOST), (":path", path)]
        return self.put(True, stream, frame(HEADERS, self.block(True, stream, *pseudo, *more, late=late)), ends=ends)

    def answer(
        self, stream: int, body: bytes | None = b"", *more: tuple[str, str], status: str = "200", late: bool = False
    ) -> Talk:
        block = self.block(False, stream, (":status", status), *more, late=late)
        self.put(False, stream, frame(HEADERS, block), ends=body == b"")
        return self.put(False, stream, frame(DATA, body), ends=True) if body else self

    @property
    def steps(self) -> tuple[tuple[bool, bytes], tuple[bool, bytes]]:
        return (True, bytes(self.sent[True])), (False, bytes(self.sent[False]))


def conversation(table: int = 4096) -> Talk:
    talk = Talk(table).ask(0, "/live/7.m3u8", ("user-agent", "okhttp/4.9.2"), ("cookie", "a=1"), ("cookie", "b=2"))
    talk.ask(4, "/7/1.ts", ("user-agent", "okhttp/4.9.2"))
    talk.ask(8, "/login", ("content-type", "text/plain"), ends=False, method="POST")
    talk.put(True, 8, frame(DATA, b"user=box7"), ends=True)
    talk.answer(4, None, ("content-type", "video/mp2t"), ("content-length", "12"))
    talk.put(False, 4, frame(DATA, b"first ")[:5])
    talk.answer(0, b"#EXTM3U\n", ("server", "heron"), ("set-cookie", "s=1"))
    talk.put(False, 4, b"st " + frame(0x21 * 31 + 33, b"grease") + frame(DATA, b"second"), ends=True)
    return talk.answer(8, b"", status="204").put(False, 3, frame(GOAWAY, n(12)) + frame(CANCEL_PUSH, n(0)))


CONVERSATION = tuple(bytes(conversation().sent[side]) for side in (True, False))


def read(*steps: tuple[bool, bytes]) -> Found:
    parser = make_parser(Opening("quic", steps[0][1] if steps else b"", b"", is_opened=True))
    assert isinstance(parser, Http3Parser)
    events: list[Event] = []
    for side, what in steps:
        found = parser.feed(memoryview(what), side)
        events += [e._replace(data=bytes(e.data)) if isinstance(e, ContentData) else e for e in found]
    return Found(events + parser.end(True) + parser.end(False))


def shuffled(steps: tuple[tuple[bool, bytes], ...], seed: int) -> list[tuple[bool, bytes]]:
    """Return both directions in small parts, mixed."""
    generator = random.Random(seed)
    left = dict(steps)
    found: list[tuple[bool, bytes]] = []
    while any(left.values()):
        side = generator.choice([s for s in left if left[s]])
        size = generator.randint(1, 30)
        found.append((side, left[side][:size]))
        left[side] = left[side][size:]
    return found


@pytest.mark.parametrize("table", [0, 4096])
def test_exchanges_and_bodies(table: int) -> None:
    found = read(*conversation(table).steps)
    playlist, segment, login = found.rows["/live/7.m3u8"], found.rows["/7/1.ts"], found.rows["/login"]
    assert (playlist["url"], playlist["host"]) == (f"{URL}/live/7.m3u8", HOST)
    assert (playlist["cookie"], playlist["user_agent"], playlist["set_cookie"]) == ("a=1; b=2", "okhttp/4.9.2", ["s=1"])
    assert (playlist["http_version"], playlist["status"], playlist["complete"]) == ("3", 200, True)
    assert playlist["request_headers"][:2] == [":method: GET", ":scheme: https"]
    assert (segment["response_body_bytes"], segment["response_body_declared_bytes"]) == (12, 12)
    assert (login["method"], login["request_body_bytes"], login["status"]) == ("POST", 9, 204)
    assert (found.bodies[f"{URL}/7/1.ts"], found.bodies[f"{URL}/login"]) == (b"first second", b"user=box7")
    assert (found.names, set(found.complete.values())) == ([], {True})


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_the_directions_does_not_matter(seed: int) -> None:
    steps = conversation().steps
    whole = read(*steps)
    for other in (read(*shuffled(steps, seed)), read(*reversed(steps))):
        assert other.rows == whole.rows
        assert other.bodies == whole.bodies
        assert other.names == []


def test_compressed_bodies_are_unpacked() -> None:
    talk = Talk().ask(0, "/a").answer(0, gzip.compress(b"#EXTM3U\n", mtime=0), ("content-encoding", "gzip"))
    assert read(*talk.steps).bodies == {f"{URL}/a": b"#EXTM3U\n"}


def test_informational_answers_trailers_and_resets() -> None:
    talk = Talk().ask(0, "/a").ask(4, "/b")
    talk.put(False, 0, frame(HEADERS, talk.block(False, 0, (":status", "103"))))
    talk.answer(0, None).put(False, 0, frame(DATA, b"x"))
    talk.put(False, 0, frame(HEADERS, talk.block(False, 0, ("grpc-status", "0"))), ends=True)
    talk.answer(4, None).put(False, 4, frame(DATA, b"part"))
    talk.sent[False] += b"\x04" + n(4) + n(0) + n(30)
    found = read(*talk.steps)
    assert (found.rows["/a"]["informational_count"], found.rows["/a"]["complete"]) == (1, True)
    assert (found.rows["/b"]["interrupted"], found.complete[f"{URL}/b"]) == ("ended early", False)


def test_pushed_responses_are_noted() -> None:
    talk = Talk().ask(0, "/a")
    promise = talk.block(False, 0, (":method", "GET"), (":path", "/pushed"))
    talk.put(False, 0, frame(PUSH_PROMISE, n(0) + promise)).answer(0, b"x")
    talk.put(False, 15, b"\x01\x00" + frame(HEADERS, b"\0\0\xd9") + frame(DATA, b"pushed"), ends=True)
    found = read(*talk.steps)
    assert (found.names, found.rows["/a"]["status"]) == (["HTTP_h3_push_not_read"] * 2, 200)
    assert found.bodies == {f"{URL}/a": b"x"}


def test_a_stream_cut_short_is_told() -> None:
    talk = Talk().ask(0, "/a").answer(0, None)
    talk.put(False, 0, frame(DATA, b"0123456789")[:7], ends=True)
    assert read(*talk.steps).rows["/a"]["interrupted"] == "ended early"


def test_a_connect_request_names_its_target() -> None:
    talk = Talk()
    block = talk.block(True, 0, (":method", "CONNECT"), (":authority", "far.example:443"))
    talk.put(True, 0, frame(HEADERS, block))
    assert list(read(*talk.steps).rows) == ["far.example:443"]


# The table of the headers --------------------------------------------------------------------------------------------


def repeated(*, late: dict[bool, bool]) -> Talk:
    """Return a talk whose later heads refer to entries of the table, which may come behind all of them."""
    talk = Talk(4096)
    entries = {True: b"", False: b""}
    for number in range(4):
        for side in (True, False):
            if side:
                talk.ask(4 * number, f"/{number}", ("x-box", "kite seven"), late=late[side])
            else:
                talk.answer(4 * number, b"%d" % number, ("x-edge", "heron nine"), late=late[side])
            entries[side] += talk.late
    for side, stream in ((True, 6), (False, 7)):
        assert entries[side]
        if late[side]:
            talk.put(side, stream, entries[side])
    return talk


@pytest.mark.parametrize("asks_late", [False, True])
@pytest.mark.parametrize("answers_late", [False, True])
def test_headers_wait_for_entries(asks_late: bool, answers_late: bool) -> None:
    found = read(*repeated(late={True: asks_late, False: answers_late}).steps)
    assert found.bodies == {f"{URL}/{number}": b"%d" % number for number in range(4)}
    assert all("x-box: kite seven" in row["request_headers"] for row in found.rows.values())
    assert all("x-edge: heron nine" in row["response_headers"] for row in found.rows.values())
    assert (found.names, all(row["complete"] for row in found.rows.values())) == ([], True)


def test_the_encoder_uses_the_table() -> None:
    """Without this the tests of what is missing would test nothing."""
    encoder = pylsqpack.Encoder()
    encoder.apply_settings(4096, 16)
    blocks = [encoder.encode(4 * i, [(b"x-box", b"kite seven")]) for i in range(3)]
    assert any(not block.startswith(b"\0") for _, block in blocks)


def test_without_the_settings_headers_that_need_the_table_are_not_read() -> None:
    talk = Talk(4096, settings=False)
    for number in range(4):
        talk.ask(4 * number, f"/{number}", ("x-box", "kite seven"))
    found = read(*talk.steps)
    assert set(found.names) == {"HTTP_h3_headers_not_read"}
    assert found.details[0] == "entries of their table, or its size, never came"


def test_static_headers_are_read_without_settings() -> None:
    talk = Talk(0, settings=False).ask(0, "/a").answer(0, b"x")
    assert read(*talk.steps).bodies == {f"{URL}/a": b"x"}


def test_a_gap_in_the_table_is_told() -> None:
    talk = Talk(4096).ask(0, "/0", ("x-box", "kite seven"))
    talk.skip(True, 6, 20)
    for number in range(1, 4):
        talk.ask(4 * number, f"/{number}", ("x-box", "kite seven"), ("x-line", f"{number}"))
    found = read(*talk.steps)
    assert "HTTP_h3_frames_lost" in found.names
    assert "HTTP_h3_headers_not_read" in found.names
    assert "entries of their table are missing" in found.details


def test_broken_headers_are_told_and_the_others_are_read() -> None:
    talk = Talk().put(True, 0, frame(HEADERS, b"\0\0\xff\xff\xff\xff"), ends=True).ask(4, "/a")
    found = read(*talk.steps)
    assert (found.names, list(found.rows)) == (["HTTP_h3_headers_not_read"], ["/a"])


def test_a_block_of_headers_that_is_too_long_is_left_out() -> None:
    talk = Talk().put(True, 0, frame(HEADERS, bytes(MAX_BLOCK + 1)), ends=True).ask(4, "/a")
    found = read(*talk.steps)
    assert (found.names, list(found.rows)) == (["HTTP_h3_headers_not_read"], ["/a"])


def test_the_decoder_is_limited() -> None:
    decoder = FieldDecoder(pylsqpack)
    decoder.feed_table(bytes(MAX_EARLY_BYTES + 1))
    assert decoder.why_lost == "the size of their table was not captured"
    large = FieldDecoder(pylsqpack)
    large.settle(MAX_TABLE_BYTES + 1)
    with pytest.raises(FieldsError, match="too large"):
        large.read(0, b"\x02\0\x80")


def test_broken_entries_lose_the_table() -> None:
    decoder = FieldDecoder(pylsqpack)
    decoder.settle(64)
    decoder.feed_table(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
    assert decoder.why_lost is not None
    assert decoder.read(0, b"\0\0\xd1") == [(":method", "GET")]


# What is missing -----------------------------------------------------------------------------------------------------


def test_a_gap_in_a_body_leaves_the_rest_readable() -> None:
    talk = Talk().ask(0, "/a").ask(4, "/b").answer(0, None)
    data = frame(DATA, b"0123456789")
    talk.put(False, 0, data[:4]).skip(False, 0, 5).put(False, 0, data[9:], ends=True).answer(4, b"later")
    found = read(*talk.steps)
    assert found.rows["/a"]["response_missing_bytes"] == 5
    assert (found.gaps, found.bodies[f"{URL}/a"], found.bodies[f"{URL}/b"]) == ([5], b"01789", b"later")
    assert (found.names, found.rows["/a"]["interrupted"]) == ([], "gap")


def test_a_gap_between_frames_ends_the_stream_alone() -> None:
    talk = Talk().ask(0, "/a").ask(4, "/b").answer(0, None)
    talk.put(False, 0, frame(DATA, b"0123456789")[:6]).skip(False, 0, 30)
    talk.put(False, 0, frame(DATA, b"more"), ends=True).answer(4, b"later")
    found = read(*talk.steps)
    assert (found.names, found.rows["/a"]["interrupted"]) == (["HTTP_h3_frames_lost"], "gap")
    assert (found.bodies[f"{URL}/a"], found.complete[f"{URL}/a"]) == (b"0123", False)
    assert found.rows["/b"]["complete"]


def test_a_gap_at_the_end_of_a_body() -> None:
    talk = Talk().ask(0, "/a").answer(0, None).put(False, 0, frame(DATA, b"0123456789")[:6])
    talk.skip(False, 0, 6).put(False, 0, b"", ends=True)
    found = read(*talk.steps)
    assert (found.rows["/a"]["response_missing_bytes"], found.rows["/a"]["interrupted"]) == (6, "gap")


def test_bytes_that_are_no_frame_end_a_direction() -> None:
    talk = Talk().ask(0, "/a")
    talk.sent[True] += b"\x77junk"
    found = read(*talk.steps, (True, b"more"))
    assert (found.names, list(found.rows)) == (["HTTP_h3_frames_lost"], ["/a"])


def test_a_gap_of_the_connection_ends_a_direction() -> None:
    parser = Http3Parser(Opening("quic", b"", b""))
    names = [e.name for e in parser.gap(5, True) + parser.gap(5, True) if isinstance(e, Anomaly)]
    assert names == ["HTTP_h3_frames_lost"]


def test_without_the_library_an_anomaly_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylsqpack", None)
    found = read((True, CONVERSATION[0]), (False, CONVERSATION[1]))
    assert (found.names, found.rows) == (["HTTP_h3_needs_qpack"], {})


def test_one_side_alone() -> None:
    talk = conversation(0)
    asked, answered = read(talk.steps[0]), read(talk.steps[1])
    assert {row["interrupted"] for row in asked.rows.values()} == {"no response"}
    assert {row["interrupted"] for row in answered.rows.values()} == {"no request seen"}
    assert list(answered.bodies) == [None], "nobody knows what was asked for"


# Limits ---------------------------------------------------------------------------------------------------------------


def test_open_exchanges_are_limited() -> None:
    talk = Talk()
    for number in range(MAX_STREAMS + 2):
        talk.ask(4 * number, f"/{number}", ends=False)
    parser = Http3Parser(Opening("quic", b"", b""))
    rows = [e for e in parser.feed(memoryview(bytes(talk.sent[True])), True) if isinstance(e, Row)]
    assert [row.values["target"] for row in rows] == ["/0", "/1"]


def test_open_streams_are_limited() -> None:
    parser = Http3Parser(Opening("quic", b"", b""))
    for number in range(MAX_READERS + 20):
        parser.feed(memoryview(piece(4 * number, 0, b"\x01")), True)
    assert len(parser._sides[True]._streams) == MAX_READERS


def test_answers_do_not_wait_without_limit() -> None:
    talk = Talk().answer(0, None)
    for _ in range(HOLD_LIMIT // (1 << 14) + 1):
        talk.put(False, 0, frame(DATA, bytes(1 << 14)))
    parser = Http3Parser(Opening("quic", b"", b""))
    events = parser.feed(memoryview(bytes(talk.sent[False])), False)
    assert any(isinstance(event, ContentBegin) for event in events)
    assert not any(stream.held for stream in parser._sides[False]._streams.values())


# Recognition ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("orig", "resp", "score"), [
    (CONVERSATION[0], CONVERSATION[1], 1.0), (b"", CONVERSATION[1], 1.0), (b"", b"", None),
    (piece(0, 0, b"\x01\x05\0\0\xd1"), b"", 0.9), (piece(0, 0, b"GET /index.html\r\n"), b"", None),
    (piece(0, 0, b"GET /\r\n"), piece(0, 0, b"<html>"), 0.0),
    (piece(0, 0, b"\x00\x1d\0\0"), piece(0, 0, b"\0\x2a"), 0.0),
    (piece(0, 50, b"\x01\x05\0\0\xd1"), b"", None), (b"\x77", b"\x77", 0.0), (piece(6, 0, b"\x02"), b"", 0.9),
])  # fmt: skip
def test_detection(orig: bytes, resp: bytes, score: float | None) -> None:
    assert detect(Opening("quic", orig, resp)) == score


def test_the_responder_may_be_the_client() -> None:
    parser = make_parser(Opening("quic", CONVERSATION[1], CONVERSATION[0], client_is_orig=False))
    assert parser.client_is_orig is False
    events = parser.feed(memoryview(CONVERSATION[1]), True) + parser.feed(memoryview(CONVERSATION[0]), False)
    assert {e.values["target"] for e in events if isinstance(e, Row)} == {"/live/7.m3u8", "/7/1.ts", "/login"}
