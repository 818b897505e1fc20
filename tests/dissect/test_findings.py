"""What parsers say of a flow: bodies for further parsers, rows of the objects table, places in bodies."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from iptvforensics.dissect.findings import MAX_DEPTH
from iptvforensics.dissect.waiting import HELD_ENTRIES
from iptvforensics.errors import DecodeError
from iptvforensics.protocol import (
    CODED,
    OPENING_BYTES,
    Anomaly,
    At,
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentGap,
    ContentInfo,
    Mark,
    Opening,
    Row,
    Rows,
)
from iptvforensics.protocols._example import PROTOCOL as ECHO


def tell(word: str, offset: int = 0, from_orig: bool = True, **values: Any) -> Row:
    return Row("told", from_orig, offset, {"word": word, **values})


def script(**answers: Any):
    """Return an answer that gives the events named after what is fed (`end`: the first end, `gap`: a gap)."""

    def answer(parser: Any, what: str, value: Any, from_orig: bool) -> list[Any]:
        key = value.decode() if isinstance(value, bytes) else what
        if what == "end" and sum(call[0] == "end" for call in parser.calls) > 1:
            return []
        events = answers.get(key, [])
        return events(parser) if callable(events) else events

    return answer


def begin(key: int = 1, offset: int = 0, from_orig: bool = True, **info: Any) -> ContentBegin:
    return ContentBegin(key, from_orig, offset, ContentInfo(**info))


def carrier(made_up: Any, **answers: Any) -> Any:
    return made_up("carrier", answer=script(**answers), tables=())


def reader(made_up: Any, **options: Any) -> Any:
    return made_up("reader", carriers=("content",), **options)


# Rows of the objects table ---------------------------------------------------------------------------------


def test_body_becomes_an_object(bench: Any, made_up: Any) -> None:
    info = {
        "name": "http://media.example/a", "media_type": "text/plain", "declared_bytes": 5, "first_byte": 10,
        "total_bytes": 99, "role": "response", "status": 206,
    }  # fmt: skip
    made = carrier(
        made_up,
        abc=[begin(1, 1, False, **info), ContentData(1, 1, b"{a")],
        defg=[ContentData(1, 3, b"b"), ContentData(1, 4, b"c}"), ContentEnd(1, complete=True)],
    )
    run = bench(made)
    run.take(b"-", b"abc")
    run.take((), b"defg")
    run.finish()
    (row,) = run.tables["objects"]
    assert row == {
        "ts_ns": 2000, "flow_id": 100, "from_orig": False, "frame_no": 2, "stream_offset": 1,
        "name": "http://media.example/a", "kind": "json", "media_type": "text/plain", "role": "response",
        "status": 206, "bytes": 5, "declared_bytes": 5, "first_byte": 10, "total_bytes": 99, "missing_bytes": 0,
        "complete": True, "sha256": hashlib.sha256(b"{abc}").hexdigest(), "last_ns": 3000, "last_frame": 3,
        "secret_sha256": None, "client_ip": "192.168.1.5", "client_port": 40000,
        "server_ip": "192.0.2.1", "server_port": 80,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("events", "missing", "complete"),
    [
        pytest.param([ContentEnd(1, complete=True)], 0, True, id="whole"),
        pytest.param([ContentEnd(1, complete=False)], 0, False, id="cut at its end"),
        pytest.param([ContentGap(1, 7), ContentEnd(1, complete=True)], 7, False, id="gap"),
        pytest.param([ContentGap(1, -1), ContentEnd(1, complete=True)], None, False, id="gap of unknown length"),
        pytest.param([ContentGap(1, 7), ContentGap(1, -1), ContentEnd(1, complete=True)], None, False, id="both"),
        pytest.param([], 0, False, id="flow breaks off"),
    ],
)
def test_completeness(bench: Any, made_up: Any, events: list[Any], missing: int | None, complete: bool) -> None:
    run = bench(carrier(made_up, ab=[begin(), ContentData(1, 0, b"ab"), *events]))
    run.take(b"ab")
    run.finish()
    (row,) = run.tables["objects"]
    assert (row["bytes"], row["missing_bytes"], row["complete"]) == (2, missing, complete)
    assert (row["sha256"] is not None) is complete


def test_empty_body_is_an_object_too(bench: Any, made_up: Any) -> None:
    run = bench(carrier(made_up, ab=[begin(), ContentEnd(1, complete=True)]))
    run.take(b"ab")
    run.finish()
    (row,) = run.tables["objects"]
    assert (row["bytes"], row["kind"], row["sha256"], row["complete"]) == (0, None, None, True)


def test_bodies_are_handed_out_piece_by_piece(bench: Any, made_up: Any) -> None:
    seen: list[Any] = []
    made = carrier(
        made_up, ab=[begin(name="x"), ContentData(1, 0, b"ab")], cd=[ContentData(1, 2, b"cd"), ContentEnd(1, True)]
    )
    run = bench(made, on_content=lambda *call: seen.append((call[0], call[1].info.name, call[2] and bytes(call[2]))))
    run.take(b"ab")
    run.take(b"cd")
    assert seen == [(100, "x", b"ab"), (100, "x", b"cd"), (100, "x", None)]


# Parsers of bodies -----------------------------------------------------------------------------------------


def test_body_is_read_by_the_parser_that_claims_it(bench: Any, made_up: Any) -> None:
    child = reader(made_up)
    made = carrier(
        made_up,
        ab=[begin(1, 0, False), ContentData(1, 0, b"ab"), ContentGap(1, 3), ContentData(1, 5, b"cd")],
        end=[ContentEnd(1, complete=True)],
    )
    run = bench(made, child)
    run.take((), [b"ab", "end"])
    assert child.parsers[0].calls == [
        ("feed", b"ab", False), ("gap", 3, False), ("feed", b"cd", False), ("end", None, False),
    ]  # fmt: skip


def test_parser_of_a_body_is_told_what_its_carrier_says(bench: Any, made_up: Any) -> None:
    child = reader(made_up)
    run = bench(carrier(made_up, ab=[begin(name="x", media_type="a/b"), ContentData(1, 0, b"ab")]), child)
    run.take(b"ab")
    assert child.parsers[0].opening == Opening("content", b"ab", b"", info=ContentInfo(name="x", media_type="a/b"))


@pytest.mark.parametrize("score", [0.4, 0.9], ids=["unclaimed", "claimed"])
def test_what_no_other_reads_goes_to_a_reader_of_the_rest_and_keeps_its_kind(
    bench: Any, made_up: Any, score: float
) -> None:
    child = reader(made_up, detect=lambda opening: score)
    rest = made_up("rest", carriers=("rest",), tables=())
    run = bench(carrier(made_up, ab=[begin(), ContentData(1, 0, b"{}"), ContentEnd(1, complete=True)]), child, rest)
    run.take(b"ab")
    run.finish()
    (row,) = run.tables["objects"]
    assert row["kind"] == ("json" if score < 0.5 else "reader")
    assert [parser.opening.carrier for parser in (*child.parsers, *rest.parsers)] == [
        "rest" if score < 0.5 else "content"
    ]
    assert (child.parsers or rest.parsers)[0].calls == [("feed", b"{}", True), ("end", None, True)]


def test_body_is_held_until_it_is_clear_who_reads_it(bench: Any, made_up: Any) -> None:
    child = reader(made_up, detect=lambda opening: None if len(opening.orig) < 3 else 1.0)
    made = carrier(
        made_up,
        ab=[begin(), ContentData(1, 0, b"a"), ContentData(1, 1, b"b"), ContentGap(1, 4)],
        cd=[ContentData(1, 6, b"cde")],
    )
    run = bench(made, child)
    run.take(b"ab")
    assert not child.parsers
    run.take([4, b"cd"])
    assert [call[:2] for call in child.parsers[0].calls] == [
        ("feed", b"a"),
        ("feed", b"b"),
        ("gap", 4),
        ("feed", b"cde"),
    ]


def test_held_bytes_outlive_the_buffer_that_they_came_in(bench: Any, made_up: Any) -> None:
    def hand_on(parser: Any, what: str, value: Any, from_orig: bool) -> list[Any]:
        if what != "feed":
            return []
        piece = ContentData(1, len(parser.calls) - 1, parser.view)
        return [begin(), piece] if len(parser.calls) == 1 else [piece]

    child = reader(made_up, detect=lambda opening: None if len(opening.orig) < 3 else 1.0)
    run = bench(made_up("carrier", answer=hand_on, tables=()), child)
    for byte in (b"a", b"b", b"c"):
        run.take(byte)
    assert [call[1] for call in child.parsers[0].calls] == [b"a", b"b", b"c"]


def test_echo_body_that_is_held_is_read_as_it_came(bench: Any, made_up: Any) -> None:
    child = reader(made_up, detect=lambda opening: None if len(opening.orig) < 4 else 1.0)
    run = bench(ECHO, child)
    for piece in (b"ECHO/1 =6\n", b"ab", b"c", b"def"):
        run.take(piece)
    assert [call[1] for call in child.parsers[0].calls] == [b"ab", b"c", b"def", None]


@pytest.mark.parametrize(("size", "chosen"), [(OPENING_BYTES - 1, False), (OPENING_BYTES, True)], ids=["less", "limit"])
def test_choice_is_made_when_enough_of_the_body_was_seen(bench: Any, made_up: Any, size: int, chosen: bool) -> None:
    unsure = made_up("unsure", detect=lambda opening: None, carriers=("content",), tables=())
    child = reader(made_up, detect=lambda opening: 0.6)
    run = bench(carrier(made_up, ab=[begin(), ContentData(1, 0, bytes(size))]), unsure, child)
    run.take(b"ab")
    assert bool(child.parsers) is chosen


def test_choice_is_made_at_the_end_of_the_body(bench: Any, made_up: Any) -> None:
    unsure = made_up("unsure", detect=lambda opening: None, carriers=("content",), tables=())
    child = reader(made_up, detect=lambda opening: 0.6)
    run = bench(carrier(made_up, ab=[begin(), ContentData(1, 0, b"ab"), ContentEnd(1, True)]), unsure, child)
    run.take(b"ab")
    run.finish()
    assert [call[0] for call in child.parsers[0].calls] == ["feed", "end"]
    assert run.tables["objects"][0]["kind"] == "reader"


def test_choice_is_made_when_the_body_is_full_of_holes(bench: Any, made_up: Any) -> None:
    unsure = made_up("unsure", detect=lambda opening: None, carriers=("content",), tables=())
    child = reader(made_up, detect=lambda opening: 0.6)
    holes = [part for at in range(0, HELD_ENTRIES, 2) for part in (ContentData(1, at, b"a"), ContentGap(1, 1))]
    run = bench(carrier(made_up, ab=[begin(), *holes]), unsure, child)
    run.take(b"ab")
    assert [call[:2] for call in child.parsers[0].calls] == [("feed", b"a"), ("gap", 1)] * (HELD_ENTRIES // 2)


def test_body_that_nobody_claims_is_not_held(bench: Any, made_up: Any) -> None:
    child = reader(made_up, detect=lambda opening: 0.1)
    run = bench(carrier(made_up, ab=[begin(), ContentData(1, 0, b"ab")]), child)
    run.take(b"ab")
    (content,) = run.dissector._work[0]._findings._contents.values()
    assert (content.settled, len(content.waiting), content.parser) == (True, 0, None)


def test_parser_of_a_body_that_gives_up_is_an_anomaly_at_its_place(bench: Any, made_up: Any) -> None:
    def fail(parser: Any) -> list[Any]:
        raise DecodeError("unreadable", offset=1)

    child = reader(made_up, answer=script(cd=fail))
    made = carrier(
        made_up,
        ab=[begin(1, 1), ContentData(1, 1, b"a")],
        cdef=[ContentData(1, 3, b"cd"), ContentData(1, 5, b"ef"), ContentEnd(1, complete=True)],
    )
    run = bench(made, child)
    run.take(b"ab")
    run.take(b"cdef")
    run.finish()
    (row,) = run.tables["anomalies"]
    found = row["name"], row["frame_no"], row["stream_offset"], row["detail"]
    assert found == ("READER_cannot_be_decoded", 2, 3, "unreadable")
    assert [call[1] for call in child.parsers[0].calls] == [b"a", b"cd"]
    assert run.dissector.protocols == {0: "carrier"}, "the flow itself goes on"
    assert run.tables["objects"][0]["complete"] is True


# Rows of parsers of bodies ---------------------------------------------------------------------------------


def test_row_from_a_body_points_into_the_stream(bench: Any, made_up: Any) -> None:
    row = tell("x", 3, there_frame=At(True, 2), there_ns=At(True, 2))
    child = reader(made_up, answer=script(end=[row]))
    made = carrier(
        made_up,
        ab=[begin(1, 1), ContentData(1, 1, b"b")],
        cdef=[ContentData(1, 4, b"ef"), ContentData(1, 6, b"gh"), ContentEnd(1, complete=True)],
    )
    run = bench(made, child)
    run.take(b"ab")
    run.take([b"cd", b"ef", b"gh"])
    assert not run.tables["told"]
    run.take(b"cdef")
    run.finish()
    (found,) = run.tables["told"]
    assert (found["stream_offset"], found["frame_no"], found["object_offset"]) == (6, 4, 1)
    assert (found["there_frame"], found["there_ns"]) == (3, 3000)


def test_row_from_a_chunked_body_points_into_its_chunk(bench: Any, made_up: Any) -> None:
    child = reader(made_up, answer=script(end=[tell("x", 1), tell("y", 2), tell("z", 3)]))
    data = ContentData(1, 1, b"abcd", ([0, 2], [1, 5]))
    run = bench(carrier(made_up, gh=[begin(1, 1), data, ContentEnd(1, complete=True)]), child)
    run.take([b"0a", b"b--", b"cd"])
    run.take(b"gh")
    run.finish()
    assert [(row["stream_offset"], row["frame_no"]) for row in run.tables["told"]] == [(2, 2), (5, 3), (6, 3)]


def test_rows_from_a_compressed_body_point_at_its_beginning(bench: Any, made_up: Any) -> None:
    child = reader(made_up, answer=script(end=[tell("x", 9000, there_frame=At(True, 5))]))
    made = carrier(
        made_up, ab=[begin(1, 1), ContentData(1, 3, bytes(10_000), CODED)], cd=[ContentEnd(1, complete=True)]
    )
    run = bench(made, child)
    run.take([b"-", b"--"])
    run.take(b"ab")
    for _ in range(4):
        run.take(bytes(1 << 19))
    run.take(b"cd")
    run.finish()
    (row,) = run.tables["told"]
    assert (row["stream_offset"], row["frame_no"], row["there_frame"]) == (1, 2, 2)
    assert (run.tables["objects"][0]["frame_no"], run.tables["objects"][0]["last_frame"]) == (2, 3)


@pytest.mark.parametrize("places", [None, ([0, 2], [1, 5]), CODED], ids=["plain", "chunked", "compressed"])
def test_rows_that_come_together_are_those_that_come_one_by_one(bench: Any, made_up: Any, places: Any) -> None:
    offsets, words = [1, 2, 3], ["x", None, "z"]
    one_by_one = [Row("told", True, at, {"word": word}) for at, word in zip(offsets, words, strict=True)]
    found = []
    for events in (one_by_one, [Rows("told", True, offsets, {"word": words})]):
        data = ContentData(1, 1, b"abcd", places)
        child = reader(made_up, answer=script(end=events))
        run = bench(carrier(made_up, gh=[begin(1, 1), data, ContentEnd(1, complete=True)]), child)
        run.take([b"0a", b"b--", b"cd"])
        run.take(b"gh")
        run.finish()
        found.append(run.tables["told"])
    assert found[0] == found[1]
    assert [row["word"] for row in found[0]] == words


def test_mark_in_a_body_survives_more_runs_than_are_kept(
    bench: Any, made_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from iptvforensics.dissect import offsets

    monkeypatch.setattr(offsets, "MAP_LIMIT", 8)
    child = reader(made_up, answer=script(bb=[Mark(True, 3)], end=[tell("marked", 3), tell("not", 20)]))
    run = bench(
        made_up(
            "carrier",
            tables=(),
            answer=lambda parser, what, value, side: (
                [*([begin()] if len(parser.calls) == 1 else []), ContentData(1, 3 * len(parser.calls) - 3, value[:2])]
                if what == "feed"
                else []
            ),
        ),
        child,
    )
    for word in (b"aa-", b"bb-", *[b"cc-"] * 50):
        run.take(word)
    run.finish()
    marked, unmarked = run.tables["told"]
    assert (marked["stream_offset"], marked["frame_no"]) == (4, 2)
    assert (unmarked["stream_offset"], unmarked["frame_no"]) == (None, None)


def test_marks_of_two_bodies_are_not_mixed_up(bench: Any, made_up: Any) -> None:
    child = reader(
        made_up, answer=script(a=[Mark(True, 0)], b=[Mark(True, 0)], end=lambda p: [tell(p.opening.orig.decode())])
    )
    made = carrier(
        made_up,
        xy=[begin(1, 0), ContentData(1, 0, b"a"), begin(2, 1), ContentData(2, 1, b"b")],
        end=[ContentEnd(1, True), ContentEnd(2, True)],
    )
    run = bench(made, child)
    run.take([b"xy"])
    run.take("end")
    run.finish()
    assert [(row["word"], row["stream_offset"]) for row in run.tables["told"]] == [("a", 0), ("b", 1)]


def test_anomaly_from_a_body_points_into_the_stream(bench: Any, made_up: Any) -> None:
    child = reader(made_up, answer=script(end=[Anomaly("READER_odd", True, 1, "why", 4)]))
    run = bench(carrier(made_up, abc=[begin(1, 1), ContentData(1, 1, b"bc"), ContentEnd(1, True)]), child)
    run.take(b"abc")
    run.finish()
    (row,) = run.tables["anomalies"]
    found = row["name"], row["stream_offset"], row["frame_no"], row["count"], row["detail"], row["flow_id"]
    assert found == ("READER_odd", 2, 1, 4, "why", 100)


# Bodies in bodies ------------------------------------------------------------------------------------------


def nest(made_up: Any, *, careless: bool = False) -> Any:
    """A parser whose body begins with its second byte, for every body and for the flow."""

    def answer(parser: Any, what: str, value: Any, from_orig: bool) -> list[Any]:
        if what == "feed":
            return [begin(1, 1, name=f"{len(value)} bytes"), ContentData(1, 1, value[1:])]
        is_end = what == "end" and sum(call[0] == "end" for call in parser.calls) == 1
        return [ContentEnd(1, complete=True)] if is_end and not careless else []

    return made_up("nest", answer=answer, carriers=("tcp", "content"), detect=lambda o: 1.0 if len(o.orig) > 1 else 0.0)


@pytest.mark.parametrize("careless", [False, True], ids=["ended by the parser", "left open"])
def test_bodies_in_bodies_have_a_depth_limit(bench: Any, made_up: Any, careless: bool) -> None:
    made = nest(made_up, careless=careless)
    run = bench(made)
    run.take(b"0123456789")
    deepest = max(run.dissector._work[0]._findings._contents.values(), key=lambda content: content.depth)
    assert (deepest.depth, len(deepest.waiting)) == (MAX_DEPTH, 0), "what nobody will read is not kept"
    run.finish()
    assert len(made.parsers) == 1 + MAX_DEPTH
    rows = sorted(run.tables["objects"], key=lambda row: row["stream_offset"])
    assert [row["stream_offset"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["name"] for row in rows] == ["10 bytes", "9 bytes", "8 bytes", "7 bytes", "6 bytes"]
    assert [row["bytes"] for row in rows] == [9, 8, 7, 6, 5]


def test_bodies_of_equal_keys_in_two_bodies_are_kept_apart(bench: Any, made_up: Any) -> None:
    child = reader(
        made_up,
        detect=lambda opening: 1.0 if opening.orig[:1] in (b"a", b"b") else 0.0,
        answer=lambda p, what, value, side: (
            [begin(7, 0, name=value.decode()), ContentData(7, 0, b"-" + value)]
            if what == "feed"
            else [ContentEnd(7, True)]
        ),
    )
    made = carrier(
        made_up,
        xy=[begin(1, 0), ContentData(1, 0, b"a"), begin(2, 1), ContentData(2, 1, b"bb")],
        end=[ContentEnd(1, True), ContentEnd(2, True)],
    )
    run = bench(made, child)
    run.take([b"xy", "end"])
    run.finish()
    inner = [(row["name"], row["bytes"]) for row in run.tables["objects"] if row["name"]]
    assert inner == [("a", 2), ("bb", 3)]


def test_bodies_that_a_parser_left_open_are_closed_with_it(bench: Any, made_up: Any) -> None:
    def fail(parser: Any) -> list[Any]:
        raise DecodeError("unreadable")

    child = reader(
        made_up,
        detect=lambda opening: 1.0 if opening.orig[:1] == b"a" else 0.0,
        answer=script(a=[begin(5, 0, name="inner"), ContentData(5, 0, b"z")], bad=fail),
    )
    made = carrier(made_up, x=[begin(name="outer"), ContentData(1, 0, b"a")], y=[ContentData(1, 1, b"bad")])
    run = bench(made, child)
    run.take(b"x")
    run.take(b"y")
    assert [content.info.name for content in run.dissector._work[0]._findings._contents.values()] == ["outer"]
    run.finish()
    assert [(row["name"], row["complete"]) for row in run.tables["objects"]] == [("inner", False), ("outer", False)]


def test_chunks_in_a_body_that_jumps_keep_their_places(bench: Any, made_up: Any) -> None:
    inner = made_up("inner", carriers=("content",), detect=lambda o: 1.0 if o.orig[:1] == b"B" else 0.0,
                    answer=script(end=[tell(str(i), i) for i in range(4)]))  # fmt: skip
    data = ContentData(3, 1, b"Bcde", ([0, 2], [1, 4]))
    middle = made_up("middle", carriers=("content",), detect=lambda o: 1.0 if o.orig[:1] == b"A" else 0.0, tables=(),
                     answer=script(ABcdefg=[begin(3, 1), data], end=[ContentEnd(3, True)]))  # fmt: skip
    outer = ContentData(1, 10, b"ABcdefg", ([0, 3], [10, 20]))
    made = carrier(made_up, go=[begin(1, 10), outer, ContentEnd(1, True)])
    run = bench(made, middle, inner)
    run.take(b"go")
    run.finish()
    # Bytes 1, 2, 4, 5 of the middle body; its bytes from 3 on stand from 20 on.
    assert [row["stream_offset"] for row in run.tables["told"]] == [11, 12, 21, 22]


def test_flow_that_breaks_off_ends_inner_and_outer_bodies_once(bench: Any, made_up: Any) -> None:
    made = nest(made_up)
    run = bench(made)
    run.take(b"0123")
    run.take(["end"], ["end"])
    run.finish()
    assert [sum(call[0] == "end" for call in parser.calls) for parser in made.parsers[1:]] == [1] * (
        len(made.parsers) - 1
    )
    assert len({row["stream_offset"] for row in run.tables["objects"]}) == len(run.tables["objects"])
