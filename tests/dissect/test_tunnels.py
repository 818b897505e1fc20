"""Streams cut into bodies: by hand, and RTMP in HTTP as it was recorded."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.dissect import findings as module
from iptvforensics.errors import DecodeError
from iptvforensics.protocol import (
    CODED,
    Anomaly,
    At,
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentGap,
    ContentInfo,
    Hold,
    Mark,
    OpenedData,
    Row,
    Tunnel,
)

SAMPLES = Path(__file__).parents[2] / "sample_pcaps" / "rtmp"


def part_of(info: ContentInfo) -> Tunnel | None:
    """Return what the `extra` of a body says of the stream that it is a part of."""
    return Tunnel(**info.extra) if info.extra else None


class Cut:
    """A carrier whose bodies are given by the test, and what became of the inner streams."""

    def __init__(self, bench: Any, made_up: Any, answer: Any = lambda *_: [], more: Any = (), **options: Any) -> None:
        self.events: list[Any] = []
        self.carrier = made_up("carrier", answer=self._hand_on, tables=(), detect=lambda o: float(not o.is_opened))
        self.cut = made_up("cut", carriers=("content",), tables=(), tunnel=part_of, inner=("inner",))
        self.inner = made_up("inner", carriers=("tcp",), detect=lambda o: 0.0, answer=answer, **options)
        self.run = bench(self.carrier, self.cut, self.inner, *more)
        self._offset = {True: 0, False: 0}
        self._keys = 0

    def _hand_on(self, parser: Any, what: str, value: Any, from_orig: bool) -> list[Any]:
        events, self.events = self.events, []
        return events if what == "feed" else []

    def body(self, *steps: bytes | int, up: bool = True, complete: bool = True, **part: Any) -> None:
        """Carry one body in a batch of its own: two bytes that are no part of it, then each step in a frame."""
        self._keys += 1
        at = self._offset[up] + 2
        self.events = [ContentBegin(self._keys, up, at, ContentInfo(extra=part))]
        for step in steps:
            if isinstance(step, int):
                self.events.append(ContentGap(self._keys, step))
                at += max(step, 0)
            else:
                self.events.append(ContentData(self._keys, at, step))
                at += len(step)
        self.events.append(ContentEnd(self._keys, complete))
        # Bytes of the carrier come last: the bodies are told when they are fed.
        pieces = [b"--", *(step for step in steps if step != -1)]
        self._offset[up] = at
        joined: list[Any] = [piece if isinstance(piece, bytes) else b"?" * piece for piece in pieces]
        self.run.take(joined if up else (), () if up else joined)

    @property
    def calls(self) -> list[tuple[Any, ...]]:
        (parser,) = self.inner.parsers
        return [(what, value, "up" if side else "down") for what, value, side in parser.calls]


@pytest.fixture(name="cut")
def _cut(bench: Any, made_up: Any) -> Callable[..., Cut]:
    return lambda *arguments, **options: Cut(bench, made_up, *arguments, **options)


def test_bodies_of_a_key_are_one_stream_in_two_directions(cut: Any) -> None:
    flow = cut()
    flow.body(b"ab", key="k", skip=0)
    flow.body(b"!xy", up=False, key="k", skip=1)
    flow.body(b"cd", b"e", key="k", skip=0)
    flow.run.finish()
    assert flow.calls == [
        ("feed", b"ab", "up"), ("feed", b"xy", "down"), ("feed", b"cd", "up"), ("feed", b"e", "up"),
        ("end", None, "up"), ("end", None, "down"),
    ]  # fmt: skip


def test_keys_are_streams_of_their_own(cut: Any) -> None:
    flow = cut()
    flow.body(b"ab", key="k", skip=0)
    flow.body(b"cd", key="l", skip=0)
    assert [[call[1] for call in parser.calls] for parser in flow.inner.parsers] == [[b"ab"], [b"cd"]]


def test_keys_of_two_flows_are_not_joined(bench: Any, made_up: Any) -> None:
    inner = made_up("inner", detect=lambda o: 0.0)
    events = [ContentBegin(1, True, 0, ContentInfo(extra={"key": "k", "skip": 0})), ContentData(1, 0, b"ab")]
    carrier = made_up("carrier", tables=(), answer=lambda p, what, *_: events if what == "feed" else [])
    run = bench(carrier, made_up("cut", carriers=("content",), tunnel=part_of, inner=("inner",)), inner)
    run.take(b"ab", flow=0)
    run.take(b"ab", flow=1)
    assert len(inner.parsers) == 2


@pytest.mark.parametrize(
    ("steps", "fed"),
    [
        pytest.param([b"!", b"ab"], [b"ab"], id="skipped bytes in a piece of their own"),
        pytest.param([b"!ab"], [b"ab"], id="skipped bytes at the beginning of a piece"),
        pytest.param([b"!"], [], id="nothing else"),
    ],
)
def test_bytes_before_the_part_are_skipped(cut: Any, steps: list[bytes], fed: list[bytes]) -> None:
    flow = cut()
    flow.body(*steps, key="k", skip=1)
    assert [call[1] for call in flow.calls] == fed


def test_body_without_a_part_feeds_nothing(cut: Any) -> None:
    flow = cut()
    flow.body(b"ab", 3, b"c", key="k", skip=None)
    assert flow.calls == []


def test_body_outside_any_stream_is_read_by_the_parser_of_the_carrier(cut: Any) -> None:
    flow = cut()
    flow.body(b"ab")
    flow.run.finish()
    assert flow.inner.parsers == []
    assert [call[0] for call in flow.cut.parsers[0].calls] == ["feed", "end"]


@pytest.mark.parametrize(
    ("steps", "calls"),
    [
        pytest.param([b"!a", 5, b"b"], [("feed", b"a"), ("gap", 5), ("feed", b"b")], id="inside"),
        pytest.param([b"!a", -1, b"b"], [("feed", b"a"), ("gap", -1), ("feed", b"b")], id="of unknown length"),
        pytest.param([3, b"b"], [("gap", 2), ("feed", b"b")], id="over the skipped byte"),
        pytest.param([1, b"b"], [("feed", b"b")], id="of the skipped byte alone"),
        pytest.param([-1, b"b"], [("gap", -1), ("feed", b"b")], id="of unknown length first"),
    ],
)
def test_gaps_in_bodies_are_gaps_of_the_stream(cut: Any, steps: list[Any], calls: list[Any]) -> None:
    flow = cut()
    flow.body(*steps, key="k", skip=1)
    assert [call[:2] for call in flow.calls] == calls


def test_number_left_out_is_a_gap_of_unknown_length(cut: Any) -> None:
    flow = cut()
    flow.body(b"a", key="k", skip=0, number=4)
    flow.body(b"b", key="k", skip=0, number=5)
    flow.body(b"c", key="k", skip=0, number=7)
    flow.body(b"d", up=False, key="k", skip=0, number=9)
    assert [call[:2] for call in flow.calls] == [
        ("feed", b"a"), ("feed", b"b"), ("gap", -1), ("feed", b"c"), ("feed", b"d"),
    ]  # fmt: skip


def test_number_of_a_body_without_a_part_counts(cut: Any) -> None:
    flow = cut()
    flow.body(b"a", key="k", skip=0, number=4)
    flow.body(b"\0", key="k", skip=None, number=5)
    flow.body(b"c", key="k", skip=0, number=6)
    assert [call[:2] for call in flow.calls] == [("feed", b"a"), ("feed", b"c")]


def test_gap_is_told_once(cut: Any) -> None:
    flow = cut()
    for number in (1, 3, 4, 5):
        flow.body(b"a", key="k", skip=0, number=number)
    assert [call[0] for call in flow.calls] == ["feed", "gap", "feed", "feed", "feed"]


def test_lost_bodies_are_told_before_the_gap_that_follows_them(cut: Any) -> None:
    flow = cut()
    flow.body(b"a", key="k", skip=0, number=1)
    flow.body(3, b"b", key="k", skip=0, number=3)
    assert [call[:2] for call in flow.calls] == [("feed", b"a"), ("gap", -1), ("gap", 3), ("feed", b"b")]


@pytest.mark.parametrize("number", [3, 4], ids=["lower", "the same"])
def test_number_that_does_not_grow_is_no_gap(cut: Any, number: int) -> None:
    flow = cut()
    flow.body(b"a", key="k", skip=0, number=4)
    flow.body(b"b", key="k", skip=0, number=number)
    assert [call[:2] for call in flow.calls] == [("feed", b"a"), ("feed", b"b")]


def test_body_that_is_cut_is_followed_by_a_gap(cut: Any) -> None:
    flow = cut()
    flow.body(b"a", key="k", skip=0, complete=False)
    flow.body(b"x", up=False, key="k", skip=0)
    flow.body(b"b", key="k", skip=0)
    assert flow.calls == [("feed", b"a", "up"), ("feed", b"x", "down"), ("gap", -1, "up"), ("feed", b"b", "up")]


def test_last_body_ends_its_direction(cut: Any) -> None:
    flow = cut()
    flow.body(b"a", key="k", skip=0)
    flow.body(b"\0", key="k", skip=None, is_last=True)
    assert flow.calls == [("feed", b"a", "up"), ("end", None, "up")]
    flow.body(b"late", key="k", skip=0)
    flow.body(b"!x", up=False, key="k", skip=1, is_last=True)
    flow.body(b"later", up=False, key="k", skip=0)
    flow.run.finish()
    assert flow.calls[2:] == [("feed", b"x", "down"), ("end", None, "down")]


@pytest.mark.parametrize("late", [False, True])
def test_parser_is_told_whether_it_comes_late(cut: Any, late: bool) -> None:
    flow = cut()
    flow.body(b"a", key="k", skip=0, is_midstream=late)
    opening = flow.inner.parsers[0].opening
    assert (opening.carrier, opening.midstream, opening.resp_port) == ("tcp", late, 80)


# Places ----------------------------------------------------------------------------------------------------


def tell(word: str, offset: int, up: bool = True, **values: Any) -> Row:
    return Row("told", up, offset, {"word": word, **values})


def at_end(*events: Any):
    return lambda parser, what, value, side: list(events) if (what, side) == ("end", True) else []


def test_rows_point_into_the_carrying_stream_of_their_direction(cut: Any) -> None:
    rows = [tell("a", 0), tell("c", 3), tell("x", 0, False), tell("y", 2, False, there_frame=At(True, 2))]
    flow = cut(at_end(*rows))
    flow.body(b"aaa", key="k", skip=0)  # up 2 to 4, frame 2
    flow.body(b"!xx", up=False, key="k", skip=1)  # down 3 to 4, frame 4
    flow.body(b"ccc", key="k", skip=0)  # up 7 to 9, frame 6
    flow.body(b"!yy", up=False, key="k", skip=1)  # down 8 to 9, frame 8
    flow.run.finish()
    found = [(r["word"], r["from_orig"], r["stream_offset"], r["frame_no"]) for r in flow.run.tables["told"]]
    assert found == [("a", True, 2, 2), ("c", True, 7, 6), ("x", False, 3, 4), ("y", False, 8, 8)]
    assert flow.run.tables["told"][3]["there_frame"] == 2
    assert {(r["flow_id"], r["object_offset"]) for r in flow.run.tables["told"]} == {(100, None)}


def test_what_an_inner_stream_decrypts_is_read_and_keeps_its_place(cut: Any, made_up: Any) -> None:
    def answer(parser: Any, what: str, value: Any, side: bool) -> list[Any]:
        if (what, value) == ("feed", b"bb"):
            return [tell("outer", 2, secret_sha256="own"), Hold(True, 2), OpenedData(True, 2, b"in", "secret")]
        return [Hold(True, None)] if what == "end" else []

    inside = made_up("inside", answer=at_end(tell("inner", 0)), detect=lambda o: 0.5 if o.is_opened else 0.0)
    flow = cut(answer, more=(inside,))
    flow.body(b"aa", key="k", skip=0)  # 2, 3
    flow.body(b"bb", key="k", skip=0)  # 6, 7
    flow.run.finish()
    found = {r["word"]: (r["stream_offset"], r["frame_no"], r["secret_sha256"]) for r in flow.run.tables["told"]}
    assert found == {"outer": (6, 4, "own"), "inner": (6, 4, "secret")}
    (parser,) = inside.parsers
    assert [call[0] for call in parser.calls] == ["feed", "end", "end"]


def test_rows_behind_a_gap_point_where_their_bytes_stand(cut: Any) -> None:
    flow = cut(at_end(tell("a", 1), tell("b", 6), tell("c", 8)))
    flow.body(b"aa", 4, b"bb", key="k", skip=0)  # 2, 3 and 8, 9
    flow.body(b"c", key="k", skip=0)  # 12
    flow.run.finish()
    assert [row["stream_offset"] for row in flow.run.tables["told"]] == [3, 8, 12]


def test_rows_behind_a_gap_at_the_beginning_of_a_body_have_their_place(cut: Any) -> None:
    flow = cut(at_end(tell("a", 0), tell("b", 4)))
    flow.body(b"a", key="k", skip=0)  # 2
    flow.body(3, b"bb", key="k", skip=0)  # 8, 9
    flow.run.finish()
    assert [row["stream_offset"] for row in flow.run.tables["told"]] == [2, 8]


def test_rows_from_chunked_bodies_point_into_their_chunks(cut: Any) -> None:
    flow = cut(at_end(*(tell(str(i), i) for i in range(6))))
    flow.body(b"ab", key="k", skip=0)  # 2, 3
    flow.events = [
        ContentBegin(90, True, 4, ContentInfo(extra={"key": "k", "skip": 1})),
        ContentData(90, 5, b"!cdef", ([0, 3], [5, 12])), ContentEnd(90, complete=True),
    ]  # fmt: skip
    flow.run.take(b"?" * 10)
    flow.run.finish()
    assert [row["stream_offset"] for row in flow.run.tables["told"]] == [2, 3, 6, 7, 12, 13]


def test_bodies_in_the_inner_stream_are_read_and_have_places(bench: Any, made_up: Any) -> None:
    def open_body(parser: Any, what: str, value: Any, side: bool) -> list[Any]:
        if value == b"yyy":
            return [ContentBegin(7, False, 1, ContentInfo("inner body")), ContentData(7, 1, b"xyyy")]
        return [ContentEnd(7, complete=True)] if (what, side) == ("end", False) else []

    flow = Cut(bench, made_up, open_body)
    child = made_up(
        "child", carriers=("content",), detect=lambda o: float(o.info.name == "inner body"),
        answer=lambda p, what, *_: [Row("told", False, i, {"word": "z"}) for i in range(4)] if what == "end" else [],
    )  # fmt: skip
    cut = made_up(
        "cut", carriers=("content",), tables=(), tunnel=part_of, inner=("inner",),
        detect=lambda o: float(bool(o.info.extra)),
    )  # fmt: skip
    flow.run = bench(flow.carrier, cut, flow.inner, child)
    flow.body(b"xx", up=False, key="k", skip=0)  # 2, 3
    flow.body(b"yyy", up=False, key="k", skip=0)  # 6, 7, 8
    flow.run.finish()
    assert [row["stream_offset"] for row in flow.run.tables["told"]] == [3, 6, 7, 8]
    body = next(row for row in flow.run.tables["objects"] if row["name"] == "inner body")
    assert (body["stream_offset"], body["kind"], body["bytes"], body["complete"]) == (3, "child", 4, True)


def test_compressed_bodies_have_no_place_but_keep_that_of_the_others(cut: Any) -> None:
    flow = cut(at_end(tell("a", 1), tell("b", 5), tell("c", 2 + 100)))
    flow.body(b"aa", key="k", skip=0)
    flow.events = [
        ContentBegin(90, True, 6, ContentInfo(extra={"key": "k", "skip": 0})),
        ContentData(90, 7, bytes(100), CODED), ContentEnd(90, complete=True),
    ]  # fmt: skip
    flow.run.take(b"----")
    flow._offset[True] += 4
    flow.body(b"c", key="k", skip=0)
    flow.run.finish()
    assert [row["stream_offset"] for row in flow.run.tables["told"]] == [3, None, 10]


def test_marks_and_anomalies_of_the_inner_stream_have_places(cut: Any) -> None:
    def answer(parser: Any, what: str, value: Any, side: bool) -> list[Any]:
        if value == b"bb":
            return [Mark(True, 2), Anomaly("INNER_odd", True, 3, "why")]
        return [tell("late", 2)] if (what, side) == ("end", True) else []

    flow = cut(answer)
    flow.body(b"aa", key="k", skip=0)
    flow.body(b"bb", key="k", skip=0)
    for _ in range(4):
        flow.body(bytes(1 << 19), key="k", skip=None)
    flow.run.finish()
    (row,) = flow.run.tables["told"]
    assert (row["stream_offset"], row["frame_no"]) == (6, 4)
    (anomaly,) = flow.run.tables["anomalies"]
    assert (anomaly["name"], anomaly["stream_offset"], anomaly["frame_no"]) == ("INNER_odd", 7, 4)


def test_client_is_that_of_the_carrier(cut: Any) -> None:
    flow = cut(at_end(tell("a", 0)))
    flow.body(b"a", key="k", skip=0)
    flow.carrier.parsers[0].client_is_orig = False
    flow.run.finish()
    assert flow.run.tables["told"][0]["client_ip"] == "192.0.2.1"


# Faults and limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["feed", "gap", "end"])
def test_inner_parser_that_gives_up_leaves_the_flow_alone(cut: Any, on: str) -> None:
    def fail(parser: Any, what: str, value: Any, side: bool) -> list[Any]:
        if what == on:
            raise DecodeError("unreadable", offset=0)
        return []

    flow = cut(fail)
    flow.body(b"ab", 3, b"c", key="k", skip=0, number=1)
    flow.body(b"d", key="k", skip=0, number=3)
    flow.run.finish()
    (row,) = flow.run.tables["anomalies"]
    assert (row["name"], row["stream_offset"], row["detail"]) == ("INNER_cannot_be_decoded", 2, "unreadable")
    assert flow.run.dissector.protocols == {0: "carrier"}
    assert [row["kind"] for row in flow.run.tables["objects"]] == ["cut", "cut"]
    assert sum(call[0] == on for call in flow.calls) == 1


def test_number_of_streams_is_limited_and_said(cut: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_INNER_STREAMS", 3)
    flow = cut()
    for i in range(5):
        flow.body(b"a", key=f"k{i}", skip=0)
    flow.run.finish()
    assert len(flow.inner.parsers) == 3
    (row,) = flow.run.tables["anomalies"]
    assert (row["name"], row["count"], row["stream_offset"]) == ("CUT_too_many_streams", 2, 11)


def test_streams_that_are_over_do_not_count(cut: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_INNER_STREAMS", 3)
    flow = cut()
    for i in range(9):
        flow.body(b"a", key=f"k{i}", skip=0, is_last=True)
        flow.body(b"b", up=False, key=f"k{i}", skip=0, is_last=True)
    flow.run.finish()
    assert len(flow.inner.parsers) == 9
    assert flow.run.tables["anomalies"] == []


def test_stream_of_an_unknown_protocol_is_left_alone(bench: Any, made_up: Any) -> None:
    events = [ContentBegin(1, True, 0, ContentInfo(extra={"key": "k", "skip": 0})), ContentData(1, 0, b"ab")]
    carrier = made_up("carrier", tables=(), answer=lambda p, what, *_: events if what == "feed" else [])
    run = bench(carrier, made_up("cut", carriers=("content",), tunnel=part_of, inner=("nobody",)))
    run.take(b"ab")
    run.finish()
    assert [row["kind"] for row in run.tables["objects"]] == ["cut"]


# HTTP in the tunnel of a proxy -------------------------------------------------------------------------------

CONNECT = b"CONNECT tv.example:80 HTTP/1.1\r\nHost: tv.example:80\r\n\r\n"
GRANTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
ASKED = [b"GET /%d.ts HTTP/1.1\r\nHost: tv.example\r\n\r\n" % number for number in range(3)]
SENT = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (188 * n, (b"G" + bytes(187)) * n) for n in (900, 1, 2)]


@pytest.mark.parametrize("step", [1 << 20, 1000])
def test_http_in_a_tunnel_is_read_however_much_the_server_sends(bench: Any, step: int) -> None:
    run = bench()
    client, server = CONNECT + b"".join(ASKED), GRANTED + b"".join(SENT)
    run.take([client], [])
    for at in range(0, len(server), step):
        run.take([], [server[at : at + step]])
    run.finish()
    outer, *inner = run.tables["http"]
    assert (outer["method"], outer["status"], outer["server_port"]) == ("CONNECT", 200, 80)
    assert [row["url"] for row in inner] == [f"http://tv.example/{number}.ts" for number in range(3)]
    assert [row["stream_offset"] for row in inner] == [len(CONNECT) + len(b"".join(ASKED[:n])) for n in range(3)]
    assert [row["response_body_bytes"] for row in inner] == [188 * 900, 188, 376]
    assert all(row["complete"] and row["server_ip"] is None and not row["deviations"] for row in inner)
    assert run.tables["anomalies"] == []


def test_what_is_neither_tls_nor_http_stays_a_body(bench: Any) -> None:
    run = bench()
    run.take([CONNECT, b"SSH-2.0-a\r\n"], [GRANTED, b"SSH-2.0-b\r\n"])
    run.finish()
    assert len(run.tables["http"]) == 1
    assert {(row["role"], row["bytes"]) for row in run.tables["objects"]} == {("tunnel", 11)}


# RTMP in HTTP ----------------------------------------------------------------------------------------------


@cache
def recorded() -> tuple[bytes, bytes]:
    """Return both directions of the HTTP flow of the recorded RTMPT session."""
    from iptvforensics.capture import CaptureReader
    from iptvforensics.flows.streams import FlowTable
    from iptvforensics.packets import PacketDecoder

    streams = {True: b"", False: b""}
    decoder, flows = PacketDecoder(), FlowTable()

    def take(batches):
        for batch in batches:
            for entry in batch.directions:
                if entry.transport == 6:
                    streams[entry.direction & 1 == 0] += batch.data[entry.byte : entry.byte + entry.bytes].tobytes()

    with CaptureReader(str(SAMPLES / "rtmpt-play.pcap")) as reader:
        for block in reader:
            for packets in decoder.batches(block):
                take(flows.add(block, packets))
    take(flows.finish())
    return streams[True], streams[False]


OWN = ("rtmp", "rtmp_media")


def told(run: Any) -> list[Any]:
    """Return the rows of RTMP, sorted; frames depend on how the stream was cut."""
    cut = {"ts_ns", "frame_no", "last_frame_no", "last_ns"}
    rows = [
        (table, {name: value for name, value in row.items() if name not in cut})
        for table in OWN
        for row in run.tables[table]
    ]
    return sorted(rows, key=repr)


def in_pieces(run: Any, orig: bytes, resp: bytes, sizes: Callable[[], int]) -> None:
    """Feed both directions cut, the answers at the pace of the requests."""
    at = there = 0
    while at < len(orig):
        end = min(at + sizes(), len(orig))
        reached = len(resp) * end // len(orig)
        run.take(orig[at:end], resp[there:reached] or ())
        at, there = end, reached
    run.finish()


def test_recorded_session_is_read(bench: Any) -> None:
    run = bench()
    run.take([recorded()[0], "end"], [recorded()[1], "end"])
    run.finish()
    truth = json.loads((SAMPLES / "rtmpt-play.truth.json").read_text())
    (session,) = truth["sessions"]
    (media,) = run.tables["rtmp_media"]
    assert (media["app"], media["stream_name"], media["role"]) == (session["app"], session["name"], "play")
    assert media["video_messages"] >= session["packets_at_least"]["video"]
    assert media["audio_messages"] >= session["packets_at_least"]["audio"]
    assert media["complete"] is True
    commands = [row["command"] for row in run.tables["rtmp"] if row["from_orig"] and row["kind"] == "command"]
    assert commands[:2] == ["connect", "createStream"]
    assert commands[-1] == "play"
    assert run.dissector.protocols == {0: "http"}
    assert run.tables["anomalies"] == []
    exchanges = sum(truth["rtmpt"][command] for command in ("send", "idle", "close")) + 1
    assert [row["kind"] for row in run.tables["objects"]] == ["rtmpt"] * 2 * exchanges


def test_recorded_session_becomes_a_viewing_session(tmp_path: Path) -> None:
    from iptvforensics.analysis import analyze_capture
    from iptvforensics.store import Store

    store = Store.create(tmp_path / "case")
    analyze_capture(str(SAMPLES / "rtmpt-play.pcap"), store, cores=1)
    sql = "select delivery, stream, kind, client_ip, edge_host, edge_port, completeness from sessions"
    assert store.connection().execute(sql).fetchall() == [
        ("rtmp", "live/news3", "live", "192.168.1.27", "gate.kestrel-view.example", 80, "complete")
    ]


def test_rows_of_the_recorded_session_point_at_their_bytes(bench: Any) -> None:
    orig, resp = recorded()
    run = bench()
    run.take(orig, resp)
    run.finish()
    places = {row["command"]: row["stream_offset"] for row in run.tables["rtmp"] if row["from_orig"]}
    for command in ("connect", "createStream", "play"):
        # A chunk header of 8 or 12 bytes (type 1 or 0), then the name as an AMF0 string.
        name = b"\x02" + len(command).to_bytes(2) + command.encode()
        assert places[command] in (orig.index(name) - 8, orig.index(name) - 12)


@pytest.mark.parametrize("seed", range(3))
def test_cuts_do_not_matter(bench: Any, seed: int) -> None:
    orig, resp = recorded()
    whole, pieces = bench(), bench()
    whole.take([orig], [resp])
    whole.finish()
    generator = random.Random(seed)
    in_pieces(pieces, orig, resp, lambda: generator.choice([1, 7, 100, 1460]))
    assert told(pieces) == told(whole)
    assert told(whole)


def exchange(number: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where request and response of the n-th exchange begin and end."""
    orig, resp = recorded()
    found = []
    for stream, mark in ((orig, b"POST /"), (resp, b"HTTP/1.1 ")):
        begin = -1
        for _ in range(number + 1):
            begin = stream.index(mark, begin + 1)
        found.append((begin, stream.index(mark, begin + 1)))
    return found[0], found[1]


def test_lost_exchange_costs_a_part_and_is_said(bench: Any) -> None:
    orig, resp = recorded()
    (begin, end), (resp_begin, resp_end) = exchange(40)
    run = bench()
    run.take([orig[:begin], end - begin, orig[end:]], [resp[:resp_begin], resp_end - resp_begin, resp[resp_end:]])
    run.finish()
    whole = bench()
    whole.take([orig], [resp])
    whole.finish()
    (all_media,) = whole.tables["rtmp_media"]
    media = [row for row in run.tables["rtmp_media"] if row["stream_name"] == "news3"]
    count = sum(row["video_messages"] for row in media)
    assert 0.8 * all_media["video_messages"] < count < all_media["video_messages"]
    assert not all(row["complete"] for row in media)
    assert "RTMP_resynchronised" in {row["name"] for row in run.tables["anomalies"]}


def test_session_joined_in_its_middle_is_read(bench: Any) -> None:
    orig, resp = recorded()
    (begin, _), (resp_begin, _) = exchange(60)
    run = bench(midstream=True)
    run.take([orig[begin:]], [resp[resp_begin:]])
    run.finish()
    (media,) = run.tables["rtmp_media"]
    assert media["video_messages"] > 50
    assert "RTMP_no_handshake" not in {row["name"] for row in run.tables["anomalies"]}
    assert run.dissector.protocols == {0: "http"}


def test_clients_without_requests_in_the_capture_are_reported(bench: Any) -> None:
    _, resp = recorded()
    run = bench(midstream=True)
    run.take((), [resp])
    run.finish()
    assert run.tables["rtmp_media"] == []
    assert "RTMPT_session_not_known" in {row["name"] for row in run.tables["anomalies"]}


def test_encrypted_handshake_in_a_tunnel_says_that_it_is_closed(bench: Any) -> None:
    hello = b"\x06" + bytes(4) + b"\x80\x00\x07\x02" + random.Random(1).randbytes(1528)
    head = ["POST /send/Xq7/1 HTTP/1.1", "Content-Type: application/x-fcs", f"Content-Length: {len(hello)}", "", ""]
    run = bench()
    run.take("\r\n".join(head).encode() + hello)
    run.finish()
    assert [row["handshake"] for row in run.tables["rtmp"]] == ["encrypted"]
    assert "RTMP_encrypted_not_decoded" in {row["name"] for row in run.tables["anomalies"]}


@pytest.mark.parametrize("version", [6, 8])
def test_encrypted_handshake_of_rtmp_says_that_it_is_closed(bench: Any, version: int) -> None:
    hello = bytes([version]) + bytes(4) + b"\x80\x00\x07\x02" + random.Random(1).randbytes(1528)
    answer = bytes([version]) + bytes(4) + b"\x03\x05\x01\x01" + random.Random(2).randbytes(1528)
    run = bench()
    run.take(hello, answer)
    run.finish()
    assert run.dissector.protocols == {0: "rtmp"}
    assert "RTMP_encrypted_not_decoded" in {row["name"] for row in run.tables["anomalies"]}


def test_tls_on_the_port_of_rtmp_is_read_as_tls(bench: Any) -> None:
    run = bench()
    run.take(bytes.fromhex("1603010200010001fc0303") + bytes(505))
    run.finish()
    assert run.dissector.protocols == {0: "tls"}
