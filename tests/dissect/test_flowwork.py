"""One flow: held bytes, the choice of a parser, parsers that give up."""

from __future__ import annotations

from typing import Any

import pytest

from iptvforensics.dissect.waiting import HELD_BYTES, HELD_ENTRIES
from iptvforensics.errors import DecodeError
from iptvforensics.protocol import OPENING_BYTES, ContentBegin, ContentData, ContentInfo, Opening, Row
from iptvforensics.protocols._example import PROTOCOL as ECHO


def when(length: int):
    """Return a detection that cannot tell before so many bytes of the originator are there."""
    return lambda opening: None if len(opening.orig) < length else 1.0


def fed(made: Any) -> list[Any]:
    (parser,) = made.parsers
    return [call[:2] for call in parser.calls]


# Held bytes ------------------------------------------------------------------------------------------------


def test_held_bytes_of_earlier_batches_are_fed_as_they_came(bench: Any, made_up: Any) -> None:
    made = made_up(detect=lambda opening: None if len(opening.resp) < 3 else 1.0)
    run = bench(made)
    run.take(b"ab", b"xy")
    run.take([b"c", 7])
    assert not made.parsers
    run.take(b"de", b"z")
    assert made.parsers[0].calls == [
        ("feed", b"ab", True), ("feed", b"xy", False), ("feed", b"c", True), ("gap", 7, True), ("feed", b"de", True),
        ("feed", b"z", False),
    ]  # fmt: skip


def test_held_rows_are_the_same_as_without_waiting(bench: Any) -> None:
    whole, pieces = bench(ECHO), bench(ECHO)
    whole.take(b"ECHO/1 hello\nECHO/1 x\n", b"ECHO/1 hello\n")
    for byte in b"ECHO/1 hello\nECHO/1 x\n":
        pieces.take(bytes([byte]))
    pieces.take((), b"ECHO/1 hello\n")
    tables = []
    for run in (whole, pieces):
        run.finish()
        tables.append([(row["text"], row["stream_offset"], row["from_orig"]) for row in run.tables["example"]])
    assert tables[0] == tables[1] == [("hello", 0, True), ("x", 13, True), ("hello", 0, False)]
    assert [row["frame_no"] for row in pieces.tables["example"]] == [1, 14, 23]


def test_end_that_was_held_comes_behind_its_bytes(bench: Any, made_up: Any) -> None:
    made = made_up(detect=lambda opening: 1.0 if opening.resp else None)
    run = bench(made)
    run.take([b"ab", "end"])
    run.take((), [b"x", "end"])
    assert made.parsers[0].calls == [
        ("feed", b"ab", True), ("end", None, True), ("feed", b"x", False), ("end", None, False),
    ]  # fmt: skip


def test_choice_is_made_at_the_end_at_the_latest(bench: Any, made_up: Any) -> None:
    unsure, made = made_up("unsure", detect=lambda opening: None), made_up(detect=lambda opening: 0.6)
    run = bench(unsure, made)
    run.take(b"ab")
    assert not made.parsers
    run.finish()
    assert fed(made) == [("feed", b"ab"), ("end", None), ("end", None)]


@pytest.mark.parametrize(
    ("bytes_before", "decided"), [(OPENING_BYTES - 1, False), (OPENING_BYTES, True)], ids=["one byte less", "limit"]
)
def test_choice_is_made_when_an_opening_is_full(bench: Any, made_up: Any, bytes_before: int, decided: bool) -> None:
    unsure, made = made_up("unsure", detect=lambda opening: None), made_up(detect=lambda opening: 0.6)
    run = bench(unsure, made)
    run.take((), bytes(bytes_before))
    assert bool(made.parsers) is decided


def test_choice_is_made_when_too_much_is_held(bench: Any, made_up: Any) -> None:
    unsure, made = made_up("unsure", detect=lambda opening: None), made_up(detect=lambda opening: 0.6)
    run = bench(unsure, made)
    pieces = 0
    while not made.parsers:
        run.take([bytes(1000), 10])
        pieces += 1
    assert pieces == HELD_BYTES // 1000 + 1


@pytest.mark.parametrize("pieces", [[b"a", 10], [10]], ids=["bytes and gaps", "gaps alone"])
def test_choice_is_made_when_too_many_pieces_are_held(pieces: list[Any], bench: Any, made_up: Any) -> None:
    unsure, made = made_up("unsure", detect=lambda opening: None), made_up(detect=lambda opening: 0.6)
    run = bench(unsure, made)
    run.take([b"a"])
    for _ in range(HELD_ENTRIES):
        run.take(pieces)
        run.take((), [10])
    assert len(made.parsers) == 1


def test_choice_is_made_after_eight_datagrams(bench: Any, made_up: Any) -> None:
    unsure = made_up("unsure", detect=lambda opening: None, carriers=("udp",))
    made = made_up(detect=lambda opening: 0.6, carriers=("udp",))
    run = bench(unsure, made, transport=17)
    run.take([b"a"] * 7)
    assert not made.parsers
    run.take([b"b", b"c"])
    assert fed(made) == [("feed", b"a")] * 7 + [("feed", b"b"), ("feed", b"c")]


# What is known when the parser is chosen -------------------------------------------------------------------


def opening_of(bench: Any, made_up: Any, *batches: tuple[Any, Any], **options: Any) -> Opening:
    seen: list[Opening] = []
    unsure = made_up(detect=lambda opening: seen.append(opening), carriers=("tcp", "udp"))
    run = bench(unsure, **options)
    for batch in batches:
        run.take(*batch)
    run.finish()
    return seen[-1]


def test_opening_holds_both_sides_and_the_ports(bench: Any, made_up: Any) -> None:
    opening = opening_of(bench, made_up, (b"ab", b"x"), (b"c", b"y"))
    assert opening == Opening("tcp", b"abc", b"xy", 40000, 80)


def test_opening_of_datagrams_holds_the_first_of_each_side(bench: Any, made_up: Any) -> None:
    opening = opening_of(bench, made_up, ([b"ab", b"cd"], [b"x", b"y"]), transport=17)
    assert (opening.carrier, opening.orig, opening.resp, opening.midstream) == ("udp", b"ab", b"x", False)


def test_opening_is_limited(bench: Any, made_up: Any) -> None:
    assert len(opening_of(bench, made_up, (bytes(OPENING_BYTES + 10), b"")).orig) == OPENING_BYTES


def test_flow_joined_in_midstream_is_known_as_such(bench: Any, made_up: Any) -> None:
    assert opening_of(bench, made_up, (b"ab", b""), midstream=True).midstream


@pytest.mark.parametrize("side", ["orig", "resp"])
def test_lost_beginning_counts_as_midstream(bench: Any, made_up: Any, side: str) -> None:
    batch = ([5, b"ab"], b"xy") if side == "orig" else (b"ab", [5, b"xy"])
    opening = opening_of(bench, made_up, batch)
    assert (opening.orig, opening.resp, opening.midstream) == (b"ab", b"xy", True)


def test_bytes_around_a_gap_are_not_taken_for_neighbours(bench: Any, made_up: Any) -> None:
    opening = opening_of(bench, made_up, ([b"abc", 5, b"de"], b""))
    assert (opening.orig, opening.midstream) == (b"abc", False)


def test_longer_run_behind_a_gap_is_the_better_opening(bench: Any, made_up: Any) -> None:
    opening = opening_of(bench, made_up, ([b"a", 5, b"bcd"], b""))
    assert (opening.orig, opening.midstream) == (b"bcd", True)


# Nobody reads it -------------------------------------------------------------------------------------------


def test_flow_that_nobody_reads_costs_no_memory(bench: Any, made_up: Any) -> None:
    run = bench(made_up(detect=lambda opening: 0.0))
    run.take(bytes(100_000))
    run.take(bytes(100_000))
    assert run.dissector._work == {}


def test_flow_that_is_over_costs_no_memory(bench: Any, made_up: Any) -> None:
    run = bench(made_up())
    run.take([b"ab"], [b"cd"])
    assert len(run.dissector._work) == 1
    run.take(["end"], ["end"])
    assert run.dissector._work == {}


def test_what_comes_after_the_end_of_a_flow_is_not_read(bench: Any, made_up: Any) -> None:
    run = bench(made_up(answer=lambda p, what, data, side: [Row("told", side, 0, {"word": what})]))
    run.take([b"ab", "end"], ["end"])
    run.take([b"cd"])
    run.finish()
    assert run.words() == ["feed", "end", "end"]


def test_parser_of_a_silent_flow_is_let_go(bench: Any, made_up: Any) -> None:
    run = bench(made_up())
    run.take([b"ab"])
    run.take(silent=[0])
    assert run.dissector._work == {}


def test_flow_that_nobody_knows_is_not_called_encrypted(bench: Any, made_up: Any) -> None:
    run = bench(made_up(detect=lambda opening: 0.0))
    run.take(b"SSH-2.0-x\r\n")
    run.finish()
    assert run.tables["anomalies"] == []


# Parsers that give up --------------------------------------------------------------------------------------


def failing(on: str, *before: Any):
    """Return an answer that fails where `on` is fed, and gives events for all that comes before."""

    def answer(parser: Any, what: str, value: Any, from_orig: bool) -> list[Any]:
        if what == on or value == on.encode():
            raise DecodeError("a word was expected", offset=1)
        return list(before) if what == "feed" else []

    return answer


def test_parser_that_gives_up_is_an_anomaly_and_a_minus(bench: Any, made_up: Any) -> None:
    run = bench(made_up(answer=failing("bad")))
    run.take([b"a"])
    run.take([b"bad"])
    run.finish()
    (row,) = run.tables["anomalies"]
    assert row == {
        "name": "MADE_cannot_be_decoded", "frame_no": 2, "ts_ns": 2000, "flow_id": 100, "from_orig": True,
        "stream_offset": 1, "count": 1, "detail": "a word was expected",
    }  # fmt: skip
    assert run.dissector.protocols == {0: "-made"}


def test_nothing_is_fed_to_a_parser_that_gave_up(bench: Any, made_up: Any) -> None:
    made = made_up(answer=failing("bad"))
    run = bench(made)
    run.take([b"bad", 3, b"more"], b"other side")
    run.take(b"later")
    run.finish()
    assert made.parsers[0].calls == [("feed", b"bad", True)]


@pytest.mark.parametrize("on", ["gap", "end"])
def test_parser_may_give_up_at_a_gap_or_end(bench: Any, made_up: Any, on: str) -> None:
    run = bench(made_up(answer=failing(on)))
    run.take([b"a", 3, b"b", "end"])
    run.finish()
    assert [row["name"] for row in run.tables["anomalies"]] == ["MADE_cannot_be_decoded"]
    assert run.dissector.protocols == {0: "-made"}


def test_parser_may_give_up_among_held_bytes(bench: Any, made_up: Any) -> None:
    made = made_up(detect=when(5), answer=failing("bad"))
    run = bench(made)
    run.take(b"ab")
    run.take(b"bad")
    run.take(b"more")
    run.finish()
    assert fed(made) == [("feed", b"ab"), ("feed", b"bad")]
    assert run.dissector.protocols == {0: "-made"}
    assert len(run.tables["anomalies"]) == 1


def test_parser_may_give_up_when_held_bytes_are_fed_at_the_end(bench: Any, made_up: Any) -> None:
    made = made_up(detect=lambda opening: 0.6, answer=failing("bad"))
    run = bench(made_up("unsure", detect=lambda opening: None), made)
    run.take(b"bad")
    run.finish()
    assert fed(made) == [("feed", b"bad")]
    assert run.dissector.protocols == {0: "-made"}


def test_rows_before_the_fault_stay(bench: Any, made_up: Any) -> None:
    run = bench(made_up(answer=failing("bad", Row("told", True, 0, {"word": "kept"}))))
    run.take([b"a", 1, b"bad"])
    run.finish()
    assert run.words() == ["kept"]


def test_bodies_are_closed_when_the_parser_gives_up(bench: Any, made_up: Any) -> None:
    begun = ContentBegin(1, True, 0, ContentInfo("body", declared_bytes=9)), ContentData(1, 0, b"a")
    run = bench(made_up(answer=failing("bad", *begun)))
    run.take([b"a", 1, b"bad"])
    run.finish()
    (row,) = run.tables["objects"]
    assert (row["name"], row["bytes"], row["complete"], row["sha256"]) == ("body", 1, False, None)


def test_fault_without_a_place_has_none(bench: Any, made_up: Any) -> None:
    def answer(*_: Any) -> list[Any]:
        raise DecodeError("no place known")

    run = bench(made_up(answer=answer))
    run.take(b"a")
    run.finish()
    (row,) = run.tables["anomalies"]
    assert (row["frame_no"], row["stream_offset"], row["detail"]) == (None, None, "no place known")
