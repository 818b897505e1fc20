"""Batches to parser calls, and rows to table columns."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from iptvforensics.flows.batch import OverlapDifference
from iptvforensics.protocol import At, Mark, Row


def tell(word: str, offset: int = 0, from_orig: bool = True, **values: Any) -> Row:
    return Row("told", from_orig, offset, {"word": word, **values})


def at_end(*events: Any):
    """Return an answer that gives events when the originator's direction ends."""
    return lambda parser, what, value, from_orig: list(events) if (what, from_orig) == ("end", True) else []


def test_row_gets_its_leading_columns_and_endpoints(bench: Any, made_up: Any) -> None:
    run = bench(made_up(answer=lambda p, what, data, side: [tell("x", 2)] if what == "feed" else []))
    run.take([b"ab", b"cd"], flow=3)
    run.finish()
    assert run.tables["told"] == [
        {
            "ts_ns": 2000, "flow_id": 103, "from_orig": True, "frame_no": 2, "stream_offset": 2,
            "object_offset": None, "word": "x", "there_frame": None, "there_ns": None,
            "secret_sha256": None, "client_ip": "192.168.1.5", "client_port": 40003,
            "server_ip": "192.0.2.1", "server_port": 80,
        }
    ]  # fmt: skip


def test_endpoints_follow_the_parser_not_the_originator(bench: Any, made_up: Any) -> None:
    def answer(parser: Any, what: str, data: Any, side: bool) -> list[Any]:
        parser.client_is_orig = False
        return [tell("x")] if what == "feed" else []

    run = bench(made_up(answer=answer))
    run.take(b"ab")
    run.finish()
    (row,) = run.tables["told"]
    assert (row["client_ip"], row["client_port"]) == ("192.0.2.1", 80)
    assert (row["server_ip"], row["server_port"]) == ("192.168.1.5", 40000)


def test_places_become_frame_and_time_in_either_direction(bench: Any, made_up: Any) -> None:
    run = bench(made_up(answer=at_end(tell("x", there_frame=At(False, 3), there_ns=At(True, 1)))))
    run.take([b"ab", b"cd"], [b"efg", b"h"])
    run.finish()
    (row,) = run.tables["told"]
    assert (row["there_frame"], row["there_ns"]) == (4, 1000)


def test_numbers_in_frame_columns_are_left_alone(bench: Any, made_up: Any) -> None:
    run = bench(made_up(answer=at_end(tell("x", there_frame=77))))
    run.take(b"ab")
    run.finish()
    assert run.tables["told"][0]["there_frame"] == 77


def test_places_of_earlier_batches_are_known(bench: Any, made_up: Any) -> None:
    run = bench(made_up(answer=at_end(tell("x", 1, there_frame=At(True, 5)))))
    for piece in (b"ab", b"cd", b"ef"):
        run.take(piece)
    run.finish()
    (row,) = run.tables["told"]
    assert (row["frame_no"], row["there_frame"]) == (1, 3)


def test_place_too_far_back_is_null_without_a_mark(bench: Any, made_up: Any) -> None:
    run = bench(made_up(answer=at_end(tell("x", 0))))
    for _ in range(5):
        run.take(bytes(1 << 19))
    run.finish()
    (row,) = run.tables["told"]
    assert (row["frame_no"], row["ts_ns"], row["stream_offset"]) == (None, None, 0)


def test_mark_keeps_a_place_for_several_rows(bench: Any, made_up: Any) -> None:
    def answer(parser: Any, what: str, data: Any, side: bool) -> list[Any]:
        if what == "feed" and len(parser.calls) == 1:
            return [Mark(True, 1), tell("early", 1)]
        return [tell("late", 1, there_frame=At(True, 1)), tell("later", 1)] if (what, side) == ("end", True) else []

    run = bench(made_up(answer=answer))
    for _ in range(5):
        run.take(bytes(1 << 19))
    run.finish()
    assert [(row["word"], row["frame_no"]) for row in run.tables["told"]] == [("early", 1), ("late", 1), ("later", 1)]
    assert run.tables["told"][1]["there_frame"] == 1


def test_runs_between_gaps_are_fed_in_order(bench: Any, made_up: Any) -> None:
    made = made_up()
    run = bench(made)
    run.take([b"ab", b"c", 5, b"de", 1, 2, b"f", "end"])
    (parser,) = made.parsers
    assert parser.calls == [
        ("feed", b"abc", True), ("gap", 5, True), ("feed", b"de", True), ("gap", 1, True), ("gap", 2, True),
        ("feed", b"f", True), ("end", None, True),
    ]  # fmt: skip


def test_directions_are_fed_one_after_the_other(bench: Any, made_up: Any) -> None:
    made = made_up()
    run = bench(made)
    run.take([b"a", 1], [b"b", "end"])
    assert made.parsers[0].calls == [
        ("feed", b"a", True), ("gap", 1, True), ("feed", b"b", False), ("end", None, False),
    ]  # fmt: skip


def test_finish_ends_what_is_open_and_nothing_twice(bench: Any, made_up: Any) -> None:
    made = made_up()
    run = bench(made)
    run.take([b"a"], [b"b", "end"])
    run.finish()
    run.finish()
    assert [call for call in made.parsers[0].calls if call[0] == "end"] == [("end", None, False), ("end", None, True)]


def test_nothing_is_fed_behind_the_end(bench: Any, made_up: Any) -> None:
    made = made_up()
    run = bench(made)
    run.take([b"a", "end"], [b"b", "end"])
    run.take(b"c", b"d")
    run.finish()
    assert [call[1] for call in made.parsers[0].calls if call[0] == "feed"] == [b"a", b"b"]


def test_datagrams_are_fed_one_by_one(bench: Any, made_up: Any) -> None:
    made = made_up(carriers=("udp",))
    run = bench(made, transport=17)
    run.take([b"ab", b"c", 4, b"de"], b"f")
    assert [call[:2] for call in made.parsers[0].calls] == [
        ("feed", b"ab"), ("feed", b"c"), ("gap", 4), ("feed", b"de"), ("feed", b"f"),
    ]  # fmt: skip


def test_bulk_datagrams_are_joined_once_it_is_known_who_reads_them(bench: Any, made_up: Any) -> None:
    made = made_up(carriers=("udp",), joined_datagrams=True)
    run = bench(made, transport=17)
    run.take([b"ab", b"c", b"de"])
    run.take([b"f", b"gh"])
    assert [call[1] for call in made.parsers[0].calls] == [b"ab", b"cde", b"fgh"]


def test_bulk_datagrams_around_a_gap_are_not_joined(bench: Any, made_up: Any) -> None:
    made = made_up(carriers=("udp",), joined_datagrams=True)
    run = bench(made, transport=17)
    run.take(b"a")
    run.take([b"b", b"c", 3, b"d"])
    assert [call[1] for call in made.parsers[0].calls] == [b"a", b"b", b"c", 3, b"d"]


def test_rows_of_joined_datagrams_find_their_frames(bench: Any, made_up: Any) -> None:
    made = made_up(carriers=("udp",), joined_datagrams=True, answer=at_end(tell("x", 4)))
    run = bench(made, transport=17)
    run.take(b"a")
    run.take([b"bc", b"de", b"fg"])
    run.finish()
    assert run.tables["told"][0]["frame_no"] == 3


def test_only_one_flow_is_read_if_asked(bench: Any, made_up: Any) -> None:
    made = made_up(answer=at_end(tell("x")))
    run = bench(made, only_flow=101)
    for flow in (0, 1, 2):
        run.take(b"a", flow=flow)
    run.finish()
    assert [row["flow_id"] for row in run.tables["told"]] == [101]


def test_bytes_that_were_sent_again_with_other_content_are_an_anomaly(bench: Any, made_up: Any) -> None:
    run = bench(made_up())
    run.take(b"ab", differences=[OverlapDifference(100, True, 9, 1), OverlapDifference(100, True, 11, 1)])
    run.finish()
    (row,) = run.tables["anomalies"]
    assert (row["name"], row["flow_id"], row["stream_offset"], row["count"]) == ("TCP_overlap_differs", 100, 1, 2)
    assert "frame 9" in row["detail"]


@pytest.mark.parametrize("flows", [[0], [2, 0, 1]], ids=["one", "several"])
def test_protocols_of_flows_are_told(bench: Any, made_up: Any, flows: list[int]) -> None:
    run = bench(made_up("made"))
    for flow in flows:
        run.take(b"a", flow=flow)
    run.finish()
    assert run.dissector.protocols == dict.fromkeys(flows, "made")


def test_flow_that_nobody_reads_has_no_protocol(bench: Any, made_up: Any) -> None:
    run = bench(made_up(detect=lambda o: 0.2))
    run.take(b"a")
    run.finish()
    assert run.dissector.protocols == {}


def test_a_flow_that_fell_silent_after_a_reset_is_ended(bench: Any, made_up: Any) -> None:
    made = made_up()
    run = bench(made)
    run.take(b"a")
    run.take(b"b", flow=1, silent=[0, 7])
    run.take(b"c", flow=0)
    assert made.parsers[0].calls == [("feed", b"a", True), ("end", None, True), ("end", None, False)]
    assert made.parsers[1].calls == [("feed", b"b", True)]
    assert len(made.parsers) == 2


def test_what_was_read_is_freed_with_the_dissector(bench: Any, made_up: Any) -> None:
    run = bench(made_up(answer=lambda p, what, data, side: [tell("x")] if what == "feed" else []))
    run.take([b"ab"], [b"cd"], flow=0)
    run.take([b"ab"], flow=1)
    run.finish()
    gc.collect()
    gc.disable()
    try:
        watched = weakref.ref(run.dissector)
        del run.dissector
        assert watched() is None
    finally:
        gc.enable()
