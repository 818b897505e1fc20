"""The template: what it teaches must hold."""

from __future__ import annotations

import pytest

from iptvforensics.errors import DecodeError
from iptvforensics.protocol import Anomaly, ContentBegin, ContentData, ContentEnd, ContentGap, Event, Opening, Row
from iptvforensics.protocols import registry
from iptvforensics.protocols._example import MAX_LINE_BYTES, PROTOCOL, ExampleParser

EXAMPLES = [
    ("one-line-each-way", b"ECHO/1 hello\n", b"ECHO/1 hello\n"),
    ("body", b"ECHO/1 =5\nab\ncdECHO/1 after\n", b"ECHO/1 =0\nECHO/1 after\n"),
]


def parse(*steps: bytes | int, midstream: bool = False, end: bool = True) -> list[Event]:
    parser = ExampleParser(Opening("tcp", b"", b"", midstream=midstream))
    events: list[Event] = []
    for step in steps:
        events += parser.gap(step, True) if isinstance(step, int) else parser.feed(memoryview(step), True)
    return events + (parser.end(True) if end else [])


def test_line_becomes_a_row_where_it_begins() -> None:
    assert parse(b"ECHO/1 a\r\nECHO/1 \n") == [
        Row("example", True, 0, {"text": "a"}),
        Row("example", True, 10, {"text": None}),
    ]


def test_body_is_handed_on() -> None:
    row, *events = parse(b"ECHO/1 =5\nab\ncdECHO/1 x\n")
    assert isinstance(row, Row)
    assert row.values == {"text": "=5", "body_bytes": 5}
    assert isinstance(events[0], ContentBegin)
    assert (events[0].offset, events[0].info.declared_bytes) == (10, 5)
    assert events[1:3] == [ContentData(events[0].key, 10, b"ab\ncd"), ContentEnd(events[0].key, True)]
    assert events[3] == Row("example", True, 15, {"text": "x"})


def test_gap_in_a_body_stays_in_the_body() -> None:
    events = parse(b"ECHO/1 =5\nab", 2, b"dECHO/1 x\n")
    assert [type(event) for event in events[2:-1]] == [ContentData, ContentGap, ContentData, ContentEnd]
    assert events[-1] == Row("example", True, 15, {"text": "x"})


def test_gap_beyond_a_body_ends_it_and_drops_the_cut_line() -> None:
    events = parse(b"ECHO/1 =5\nab", 6, b"HO/1 cut\nECHO/1 x\n")
    assert [type(event) for event in events[2:-1]] == [ContentData, ContentGap, ContentEnd]
    assert events[-1] == Row("example", True, 27, {"text": "x"})


def test_cut_line_is_said() -> None:
    assert parse(b"ECHO/1 a\nECH")[-1:] == [Anomaly("EXAMPLE_line_incomplete", True, 9, "3 bytes before the end")]


def test_cut_body_is_said() -> None:
    assert parse(b"ECHO/1 =5\nab")[-1] == ContentEnd(3, complete=False)


def test_flow_that_began_earlier_drops_its_first_line() -> None:
    assert parse(b"O/1 a\nECHO/1 b\n", midstream=True) == [Row("example", True, 6, {"text": "b"})]


@pytest.mark.parametrize("line", [b"HELO\n", b"ECHO/1 " + b"x" * MAX_LINE_BYTES])
def test_broken_line_is_a_decode_error_after_the_rows_before_it(line: bytes) -> None:
    parser = ExampleParser(Opening("tcp", b"", b""))
    assert len(parser.feed(memoryview(b"ECHO/1 a\n" + line), True)) == 1
    with pytest.raises(DecodeError, match="stream offset 9"):
        parser.feed(memoryview(b"\n"), True)


def test_line_of_the_limit_is_read_and_one_byte_more_is_not() -> None:
    line = b"ECHO/1 ".ljust(MAX_LINE_BYTES - 1, b"x") + b"\n"
    assert len(parse(line)) == 1
    for pieces in ([b"x" + line], [b"x", line]):
        with pytest.raises(DecodeError):
            parse(b"ECHO/1 x", *pieces)


def test_detect() -> None:
    def score(orig: bytes, resp: bytes = b"") -> float | None:
        return PROTOCOL.detect(Opening("tcp", orig, resp))

    assert score(b"") is None
    assert score(b"ECHO") is None
    assert score(b"ECHO/1 ", b"EC") is None
    assert score(b"ECHO/1 a") == 0.9
    assert score(b"ECHO/2 a") == 0.0
    assert score(b"ECHO/1 a", b"GET /") == 0.0


def test_template_is_not_in_the_registry() -> None:
    assert "example" not in registry()
