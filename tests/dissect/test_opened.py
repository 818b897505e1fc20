"""Streams that a parser decrypted: who reads them, where their rows lie, and what names the secret."""

from __future__ import annotations

from typing import Any

from iptvforensics.dissect.opened import MAX_DEPTH
from iptvforensics.protocol import (
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentInfo,
    Mark,
    OpenedBegin,
    OpenedData,
    OpenedEnd,
    OpenedGap,
    Row,
)

SECRET = "ab" * 32


def locked(made_up: Any, **steps: list[Any]) -> Any:
    """Return a protocol that answers certain bytes with events; it claims what begins with a hyphen."""

    def answer(parser: Any, what: str, value: Any, from_orig: bool) -> list[Any]:
        return steps.get(value.decode(), []) if what == "feed" else []

    return made_up("locked", answer=answer, detect=lambda opening: 1.0 if opening.orig[:1] == b"-" else 0.0)


def reader(made_up: Any, answer: Any, first: bytes = b"in") -> Any:
    def detect(opening: Any) -> float | None:
        if first.startswith(opening.orig) and opening.orig != first:
            return None
        return 0.9 if opening.orig.startswith(first) and opening.is_opened else 0.0

    return made_up("reader", answer=answer, detect=detect)


def told(offset: int, side: bool = True) -> Row:
    return Row("told", side, offset, {"word": "x"})


def test_the_reader_is_chosen_by_the_decrypted_bytes(bench: Any, made_up: Any) -> None:
    outer = locked(made_up, **{"-a": [OpenedData(True, 1, b"i", SECRET)], "b": [OpenedData(True, 2, b"ner", SECRET)]})
    inner = reader(made_up, lambda p, what, data, side: [told(0)] if what == "feed" else [], first=b"iner")
    run = bench(outer, inner)
    run.take([b"-a"])
    run.take([b"b"])
    run.finish()
    (parser,) = inner.parsers
    assert [call[:2] for call in parser.calls] == [("feed", b"i"), ("feed", b"ner"), ("end", None), ("end", None)]
    assert (parser.opening.carrier, parser.opening.resp_port, parser.opening.is_opened) == ("tcp", 80, True)
    assert {row["secret_sha256"] for row in run.tables["told"]} == {SECRET}
    assert run.dissector.protocols == {0: "locked"}


def test_rows_lie_where_the_encrypted_bytes_lie(bench: Any, made_up: Any) -> None:
    outer = locked(made_up, **{
        "-ab": [],
        "cdef": [OpenedData(True, 3, b"inXYZ", SECRET, ([0, 3], [2, 5]))],
    })  # fmt: skip
    inner = reader(made_up, lambda p, what, data, side: [told(1), told(4)] if what == "feed" else [])
    run = bench(outer, inner)
    run.take([b"-ab"])
    run.take([b"cdef"])
    run.finish()
    assert [(row["stream_offset"], row["frame_no"]) for row in run.tables["told"]] == [(3, 2), (6, 2)]


def test_gaps_and_ends_are_handed_on(bench: Any, made_up: Any) -> None:
    outer = locked(made_up, **{
        "-": [OpenedGap(False, 5), OpenedData(True, 0, b"in", SECRET), OpenedGap(True, 7), OpenedGap(True, -1)],
        "b": [OpenedData(True, 1, b"more", SECRET), OpenedEnd(True)],
    })  # fmt: skip
    inner = reader(made_up, lambda *_: [])
    run = bench(outer, inner)
    run.take([b"-"])
    run.take([b"b"])
    run.finish()
    assert inner.parsers[0].calls == [
        ("gap", 5, False), ("feed", b"in", True), ("gap", 7, True), ("gap", -1, True), ("feed", b"more", True),
        ("end", None, True), ("end", None, False),
    ]  # fmt: skip


def test_the_reader_is_told_that_one_direction_stays_closed(bench: Any, made_up: Any) -> None:
    begin = OpenedBegin(0, "tcp", False, is_half=True)
    outer = locked(made_up, **{"-": [begin, OpenedData(True, 0, b"in", SECRET)]})
    inner = reader(made_up, lambda *_: [])
    run = bench(outer, inner)
    run.take([b"-"])
    run.finish()
    opening = inner.parsers[0].opening
    assert (opening.is_half_opened, opening.client_is_orig) == (True, False)


def test_a_body_inside_names_the_secret_too(bench: Any, made_up: Any) -> None:
    outer = locked(made_up, **{"-": [OpenedData(True, 0, b"in", SECRET)]})

    def answer(parser: Any, what: str, value: Any, side: bool) -> list[Any]:
        body = [ContentBegin(1, True, 1, ContentInfo(name="a")), ContentData(1, 1, b"n"), ContentEnd(1, complete=True)]
        return body if what == "feed" else []

    run = bench(outer, reader(made_up, answer))
    run.take([b"-"])
    run.finish()
    (row,) = run.tables["objects"]
    assert (row["secret_sha256"], row["stream_offset"], row["bytes"]) == (SECRET, 1, 1)


def test_marks_inside_outlive_the_batch(bench: Any, made_up: Any) -> None:
    outer = locked(made_up, **{"-": [OpenedData(True, 0, b"in", SECRET)], "z": [OpenedData(True, 9, b"last", SECRET)]})

    def answer(parser: Any, what: str, value: Any, side: bool) -> list[Any]:
        return {b"in": [Mark(True, 1)], b"last": [told(1)]}.get(value, [])

    run = bench(outer, reader(made_up, answer))
    run.take([b"-"])
    run.take([b"z"])
    run.finish()
    assert [(row["stream_offset"], row["frame_no"]) for row in run.tables["told"]] == [(1, 1)]


def test_nobody_reads_what_nobody_knows(bench: Any, made_up: Any) -> None:
    outer = locked(made_up, **{"-": [OpenedData(True, 0, b"what", SECRET), OpenedEnd(True)]})
    inner = reader(made_up, lambda *_: [told(0)])
    run = bench(outer, inner)
    run.take([b"-"])
    run.finish()
    assert (inner.parsers, run.tables["told"]) == ([], [])
    (row,) = run.tables["anomalies"]
    assert (row["name"], row["stream_offset"], row["frame_no"]) == ("OPENED_not_recognised", 0, 1)
    assert "b'what'" in row["detail"]


def test_streams_in_streams_have_a_limit(bench: Any, made_up: Any) -> None:
    def answer(parser: Any, what: str, value: Any, side: bool) -> list[Any]:
        return [told(0), OpenedData(True, 0, value, SECRET)] if what == "feed" else []

    run = bench(made_up("nested", answer=answer))
    run.take([b"in"])
    run.finish()
    assert len(run.tables["told"]) == MAX_DEPTH + 1


def test_streams_with_keys_of_their_own_have_readers_of_their_own(bench: Any, made_up: Any) -> None:
    outer = locked(made_up, **{
        "-": [OpenedBegin(1, "quic", False), OpenedBegin(2, "quic", True)],
        "a": [OpenedData(True, 0, b"in1", SECRET, None, 1), OpenedData(True, 1, b"in2", SECRET, None, 2)],
        "b": [OpenedGap(True, 2, 1), OpenedEnd(True, 2)],
    })  # fmt: skip
    inner = made_up("reader", carriers=("quic",), detect=lambda opening: 1.0)
    run = bench(outer, inner, made_up("other", detect=lambda opening: 0.0))
    run.take([b"-"])
    run.take([b"a"])
    run.take([b"b"])
    run.finish()
    first, second = inner.parsers
    assert [(p.opening.carrier, p.opening.client_is_orig) for p in (first, second)] == [("quic", False), ("quic", True)]
    assert first.calls == [("feed", b"in1", True), ("gap", 2, True), ("end", None, True), ("end", None, False)]
    assert second.calls == [("feed", b"in2", True), ("end", None, True), ("end", None, False)]


def test_rows_name_the_secret_that_opened_their_first_byte(bench: Any, made_up: Any) -> None:
    outer = locked(made_up, **{
        "-": [OpenedData(True, 0, b"inn", "early"), OpenedGap(True, 2)],
        "b": [OpenedData(True, 1, b"er", "traffic"), OpenedEnd(True)],
    })  # fmt: skip
    inner = reader(made_up, lambda p, what, *_: [told(at) for at in (0, 2, 5, 6)] if what == "end" else [])
    run = bench(outer, inner)
    run.take([b"-"])
    run.take([b"b"])
    run.finish()
    assert [row["secret_sha256"] for row in run.tables["told"]][:4] == ["early", "early", "traffic", "traffic"]
