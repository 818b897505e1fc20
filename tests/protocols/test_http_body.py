"""Bodies of HTTP messages: odd framing, holes and damage."""

from __future__ import annotations

import gzip
import random

import pytest

from iptvforensics.protocol import At
from iptvforensics.protocols._http_body import MAX_LOSSES

from .test_http import GET, OK, Seen

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_request_that_is_not_chunked_as_declared_is_skipped() -> None:
    request = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a.example\r\n\r\n{json}\n"
    seen = Seen(request + GET, OK + OK).whole()
    assert [v["status"] for v in seen.values] == [200, 200]
    assert seen.values[0]["interrupted"] == "unreadable chunks"
    assert seen.bodies[0] == b"{json}\n"
    assert seen.anomaly_names == ["HTTP_chunked_not_as_declared"]


def test_gap_in_a_body_that_is_not_chunked_as_declared_is_counted() -> None:
    seen = Seen(GET, CHUNKED + b"G" * 30).feed(True).feed(False, len(CHUNKED) + 10).gap(False, 5).feed(False).end()
    assert seen.contents[1][3] == (b"G" * 10, 5, b"G" * 15)
    assert seen.values[0]["response_missing_bytes"] == 5


def test_damaged_coded_body_is_told_and_the_next_message_read() -> None:
    coded = bytearray(gzip.compress(random.Random(1).randbytes(3000), mtime=0))
    coded[1500:1900] = bytes(400)
    coded[-8:] = bytes(8)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded)
    seen = Seen(GET * 2, head + bytes(coded) + OK).whole()
    assert seen.anomalies == [("HTTP_coding_broken", False, len(head))]
    assert seen.contents[1][4] is False
    assert seen.values[0]["response_body_bytes"] == len(coded)
    assert seen.bodies[1] == b"hello"


@pytest.mark.parametrize("size", [3, 12])
def test_gap_right_after_a_doubtful_beginning(size: int) -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    seen = Seen(GET, head + b"HTTP/1.1 20 then other things").feed(True).feed(False, len(head) + size)
    seen.gap(False, 5).feed(False).end()
    assert seen.contents[1][3][0] == b"HTTP/1.1 20 "[:size]
    assert seen.values[0]["response_body_bytes"] == 29 - 5


def test_end_right_after_a_doubtful_beginning() -> None:
    (row,) = Seen(GET, b"HTTP/1.1 200 OK\r\n\r\nHTTP/1").whole().values
    assert (row["response_body_bytes"], row["complete"]) == (6, True)


def test_gap_in_the_first_chunk_line() -> None:
    seen = Seen(GET, CHUNKED + b"005\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n").feed(True).feed(False, len(CHUNKED) + 2)
    seen.gap(False, 3).feed(False).end()
    assert seen.bodies == [b"helloabc"]
    assert seen.values[0]["interrupted"] == "gap"


def test_gap_that_ends_a_body_exactly_loses_nothing_else() -> None:
    seen = Seen(GET * 2, OK + OK).feed(True).feed(False, len(OK) - 2).gap(False, 2).feed(False).end()
    assert [v["interrupted"] for v in seen.values] == ["gap", None]
    assert seen.contents[1][4] is True


def test_gap_before_the_first_byte_of_a_body() -> None:
    seen = Seen(GET, OK).feed(True).feed(False, len(OK) - 5).gap(False, 3).feed(False).end()
    assert seen.contents[1][1] == len(OK) - 5
    assert seen.contents[1][3] == (b"", 3, b"lo")
    assert seen.values[0]["response_body_offset"] == At(False, len(OK) - 5)


def test_gap_in_an_unknown_part_is_handed_on() -> None:
    seen = Seen(b"", b"G" * 100, midstream=True).feed(False, 50).gap(False, 7).feed(False).end()
    assert seen.contents[1][3] == (b"G" * 50, 7, b"G" * 43)
    assert seen.contents[1][4] is False


def test_gap_in_an_interim_head_does_not_cost_the_answer() -> None:
    interim = b"HTTP/1.1 100 Continue\r\nX: abcdefgh\r\n\r\n"
    seen = Seen(GET, interim + OK).feed(True).feed(False, 26).gap(False, 5).feed(False).end()
    assert (seen.values[0]["status"], seen.values[0]["informational_count"]) == (200, 1)


def test_transfer_coding_without_chunks_lasts_until_the_end() -> None:
    coded = gzip.compress(b"abc")
    seen = Seen(GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\n" + coded).whole()
    assert seen.bodies == [b"abc"]
    assert seen.values[0]["response_body_bytes"] == len(coded)


def test_unknown_coding_is_handed_on_and_named() -> None:
    seen = Seen(GET, b"HTTP/1.1 200 OK\r\nContent-Encoding: secret\r\nContent-Length: 3\r\n\r\nabc").whole()
    assert seen.bodies == [b"abc"]
    assert seen.anomaly_names == ["HTTP_coding_not_supported"]


def test_line_without_end_that_began_like_a_status_line_is_handed_on() -> None:
    data = b"HTTP/1.1 200 " + b"x" * 70_000
    seen = Seen(GET, data).whole()
    assert seen.bodies == [data]
    assert seen.values[0]["interrupted"] == "no response"
    assert seen.anomaly_names == ["HTTP_no_start_line"]


def test_trailing_interim_answer_is_counted_though_nothing_follows() -> None:
    seen = Seen(GET, b"HTTP/1.1 100 Continue\r\n\r\n").whole()
    assert (seen.values[0]["informational_count"], seen.values[0]["interrupted"]) == (1, "no response")


def test_chunk_lines_are_not_looked_for_without_end() -> None:
    body = b"1\r\nXX" + b"\r\n1\r\nXX" * (MAX_LOSSES + 50)
    seen = Seen(GET * 2, CHUNKED + body + OK).whole()
    assert seen.contents[1][3].count(-1) == MAX_LOSSES + 1
    assert seen.bodies[0].endswith(b"\r\n1\r\nXX")
    assert seen.values[1]["complete"]
