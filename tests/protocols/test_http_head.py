"""Heads of HTTP messages: what is a start line, where the next one is, and agreement with two independent parsers."""

from __future__ import annotations

from typing import Any

import h11
import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.protocols import _http_head
from iptvforensics.protocols._http_body import content_range, declared_length
from iptvforensics.protocols._http_head import (
    RequestLine,
    StatusLine,
    begins_with_request_line,
    begins_with_status_line,
    find_head_end,
    find_request,
    find_response,
    may_be_request,
    may_be_response,
    parse_head,
    parse_request_line,
    parse_status_line,
)

from .test_http import GET, Seen

QUICK = settings(max_examples=100, deadline=None)
name = st.from_regex(r"X[!#$%&'*+.^_`|~0-9A-Za-z-]{0,12}", fullmatch=True)
value = st.from_regex(r"([!-~]([ -~]{0,30}[!-~])?)?", fullmatch=True)
headers = st.lists(st.tuples(name, value), max_size=8)
target = st.from_regex(r"/[!-~]{0,30}", fullmatch=True)
reason = st.from_regex(r"[A-Za-z]([ -~]{0,20}[!-~])?", fullmatch=True)
body = st.binary(max_size=60)


def lines(fields: list[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode()


def framed(content: bytes, chunk: int) -> bytes:
    """Return framing header, empty line and body: with a length, or in chunks."""
    if not chunk:
        return b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
    parts = [content[i : i + chunk] for i in range(0, len(content), chunk)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


class Events:
    """What httptools says of a stream of messages."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def on_message_begin(self) -> None:
        self.messages.append({"target": b"", "reason": b"", "headers": [], "body": b""})

    def on_url(self, data: bytes) -> None:
        self.messages[-1]["target"] += data

    def on_status(self, data: bytes) -> None:
        self.messages[-1]["reason"] += data

    def on_header(self, name: bytes, value: bytes) -> None:
        self.messages[-1]["headers"].append((name.decode(), value.decode()))

    def on_body(self, data: bytes) -> None:
        self.messages[-1]["body"] += data


@QUICK
@given(st.lists(st.tuples(target, headers, body, st.integers(0, 20)), min_size=1, max_size=4))
def test_requests_are_read_as_httptools_reads_them(messages: list[tuple[str, Any, bytes, int]]) -> None:
    data = b"".join(
        f"POST {target} HTTP/1.1\r\nHost: a.example\r\n".encode() + lines(fields) + framed(content, chunk)
        for target, fields, content, chunk in messages
    )
    oracle = Events()
    httptools.HttpRequestParser(oracle).feed_data(data)
    seen = Seen(data).feed(True).end()
    assert [v["target"].encode() for v in seen.values] == [m["target"] for m in oracle.messages]
    for row, message in zip(seen.values, oracle.messages, strict=True):
        assert [split(line) for line in row["request_headers"]] == message["headers"]
        assert row["request_body_bytes"] == len(message["body"])
    assert seen.bodies == [m["body"] for m in oracle.messages if m["body"]]


@QUICK
@given(
    st.lists(st.tuples(st.sampled_from([200, 206, 302, 404]), reason, headers, body, st.integers(0, 20)), max_size=4)
)
def test_responses_are_read_as_httptools_reads_them(messages: list[tuple[int, str, Any, bytes, int]]) -> None:
    data = b"".join(
        f"HTTP/1.1 {status} {reason}\r\n".encode() + lines(fields) + framed(content, chunk)
        for status, reason, fields, content, chunk in messages
    )
    oracle = Events()
    httptools.HttpResponseParser(oracle).feed_data(data)
    seen = Seen(GET * len(messages), data).whole()
    assert [v["reason"] for v in seen.values] == [m["reason"].decode() for m in oracle.messages]
    for row, message in zip(seen.values, oracle.messages, strict=True):
        assert [split(line) for line in row["response_headers"]] == message["headers"]
        assert row["response_body_bytes"] == len(message["body"])
    assert seen.bodies == [m["body"] for m in oracle.messages if m["body"]]


@QUICK
@given(
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.sampled_from([200, 204, 304, 500]),
    headers,
    body,
    st.integers(0, 9),
    st.booleans(),
)
def test_response_is_read_as_h11_reads_it(
    method: str, status: int, fields: Any, content: bytes, chunk: int, until_close: bool
) -> None:
    request = f"{method} / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n".encode()
    bodiless = method == "HEAD" or status in (204, 304)
    rest = framed(content, chunk) if not until_close else b"\r\n" + content
    if bodiless:
        rest = rest[: rest.index(b"\r\n\r\n") + 4] if not until_close else b"\r\n"
    data = f"HTTP/1.1 {status} OK\r\n".encode() + lines(fields) + rest
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a.example"), ("Content-Length", "0")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    client.receive_data(b"")
    expected_body = b""
    response = client.next_event()
    assert isinstance(response, h11.Response)
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data)
        expected_body += event.data
    seen = Seen(request, data).whole()
    (row,) = seen.values
    assert (row["status"], row["complete"]) == (response.status_code, True)
    found = [split(line) for line in row["response_headers"]]
    assert [(n.lower(), v) for n, v in found] == [(n.decode(), v.decode()) for n, v in response.headers]
    assert b"".join(seen.bodies) == expected_body


def split(line: str) -> tuple[str, str]:
    """Return name and value of a header line."""
    name, _, value = line.partition(":")
    return name, value.strip(" ")


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("GET / HTTP/1.1", RequestLine("GET", "/", "1.1")),
        ("GET  /a b  HTTP/1.0 ", RequestLine("GET", "/a b", "1.0")),
        ("x-own! * HTTP/1.9", RequestLine("x-own!", "*", "1.9")),
        ("GET / HTTP/2.0", None),
        ("GET / HTTP/1.10", None),
        ("GET / RTSP/1.0", None),
        ("GET HTTP/1.1", None),
        ("GET /", None),
        (" / HTTP/1.1", None),
        ("G\u00e9T / HTTP/1.1", None),
        ("GET\0 / HTTP/1.1", None),
        ("A" * 33 + " / HTTP/1.1", None),
        ("", None),
    ],
)
def test_request_line(line: str, parts: RequestLine | None) -> None:
    assert parse_request_line(line) == parts


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("HTTP/1.1 200 OK", StatusLine("1.1", 200, "OK")),
        ("HTTP/1.0 404 ", StatusLine("1.0", 404, None)),
        ("HTTP/1.0  404", StatusLine("1.0", 404, None)),
        ("ICY 200 OK", StatusLine("ICY", 200, "OK")),
        ("HTTP/1.2 999 x y", StatusLine("1.2", 999, "x y")),
        ("HTTP/1.1 2000 OK", None),
        ("HTTP/1.1 20 OK", None),
        ("HTTP/1.1 099 OK", None),
        ("HTTP/1.1 \u0662\u0660\u0660 OK", None),
        ("HTTP/2 200", None),
        ("RTSP/1.0 200 OK", None),
        ("", None),
    ],
)
def test_status_line(line: str, parts: StatusLine | None) -> None:
    assert parse_status_line(line) == parts


START_LINE_PARTS = [
    "GET", "a!", "HTTP/1.1", "Http/1.1", "HTTP/1.", "HTTP/2.0", "ICY", "200", "099", "20", "/a", "*", "\u00e9",
    "\u0662", " ", " ", "\t", "\r", "\r\n", "\n",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(START_LINE_PARTS), max_size=9).map("".join))
def test_whole_start_lines_are_known_without_reading_them(text: str) -> None:
    line = text.partition("\n")[0].removesuffix("\r")
    assert begins_with_request_line(text.encode()) is ("\n" in text and parse_request_line(line) is not None)
    assert begins_with_status_line(text.encode()) is ("\n" in text and parse_status_line(line) is not None)


@QUICK
@given(st.lists(st.sampled_from(["A", "b c", "B", ":", ": ", " ", "\t", "\r\n", "\r\n", "\n", "\u00e9"]), max_size=20))
def test_lines_that_are_remembered_read_as_new_ones(parts: list[str]) -> None:
    block = "".join(["GET / HTTP/1.1\r\n", *parts, "\r"]).encode()
    heads = [parse_head(block), parse_head(block)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_http_head, "_USUAL_BYTES", 0)
        assert heads == [parse_head(block)] * 2


def test_long_heads_are_not_remembered() -> None:
    known = _http_head._known_field.cache_info
    before = known().currsize + known().misses
    head = parse_head(b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 4096 + b"\r")
    assert len(head.fields["x-long"]) == 4096
    assert known().currsize + known().misses == before


@pytest.mark.parametrize(
    "line", [b"GET /a HTTP/1.1\r\n", b"OPTIONS * HTTP/1.0\n", b"x http://a.example/b c HTTP/1.1\r\n"]
)
def test_every_beginning_of_a_request_line_may_be_one(line: bytes) -> None:
    assert all(may_be_request(line[:end]) for end in range(len(line) + 1))


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-Y :", b"HTTP/1.0 404\n\r\n", b"HTTP/1.0 404 \r\nA:"])
def test_every_beginning_of_a_response_is_kept_while_looking_for_one(head: bytes) -> None:
    for end in range(len(head)):
        assert find_response(b"x" + head[:end])[1] <= 1
    assert find_response(b"x" + head) == (1, 1)


@pytest.mark.parametrize("line", [b"HTTP/1.1 200 OK\r\n", b"http/1.1 200 OK\r\n", b"ICY 200 OK\r\n", b"HTTP/1.0 404\n"])
def test_every_beginning_of_a_status_line_may_be_one(line: bytes) -> None:
    assert all(may_be_response(line[:end]) for end in range(len(line) + 1))


@pytest.mark.parametrize("data", [b"\x47\x40", b"G=", b"GET / RTSP/1.0\r\n", b"GET /\n", b" GET", b"a" * 33])
def test_no_request(data: bytes) -> None:
    assert not may_be_request(data)


@pytest.mark.parametrize("data", [b"\x47", b"HTTP/2", b"HTTP/1.1 abc\n", b"ICYx", b" HTTP", b"RTSP"])
def test_no_response(data: bytes) -> None:
    assert not may_be_response(data)


@pytest.mark.parametrize(
    ("window", "end"),
    [
        (b"a\r\n\r\nrest", (2, 5)),
        (b"a\n\nrest", (1, 3)),
        (b"a\r\n\nrest", (2, 4)),
        (b"a\n\r\nrest", (1, 4)),
        (b"a\n\n\r\n", (1, 3)),
        (b"a\r\n\r\n\n\n", (2, 5)),
        (b"a\r\n", (-1, -1)),
        (b"", (-1, -1)),
    ],
)
def test_end_of_the_head(window: bytes, end: tuple[int, int]) -> None:
    assert find_head_end(window) == end


@pytest.mark.parametrize(
    ("window", "found"),
    [
        (b"xxHTTP/1.1 200 OK\r\nServer: x", (2, 2)),
        (b"xxHTTP/1.1 200\r\n\r\n", (2, 2)),
        (b"xxHTTP/1.1 200 OK\r\nSer", (-1, 2)),
        (b"HTTP/1.HTTP/1.1 200 OK\r\nServer:", (7, 7)),
        (b"HTTP/1.1 in a text. HTTP/1.0 404 Not\nA: b" + b"." * 300, (20, 20)),
        (b"HTTP/1.1 in a text.", (-1, 13)),
        (b"....HTTP/1", (-1, 4)),
    ],
)
def test_next_response_is_found(window: bytes, found: tuple[int, int]) -> None:
    assert find_response(window) == found


@pytest.mark.parametrize(
    ("window", "found"),
    [
        (b"a=1GET / HTTP/1.1\r\n", (3, 3)),
        (b"GET /log: GET /b HTTP/1.1\n", (0, 0)),
        (b"x\nCONNECT a.example:1 HTTP/1.1\r\n", (2, 2)),
        (b"x\nPOST http://a.example/ HTTP/1.0\r\nHost", (2, 2)),
        (b"x\nBREW / HTTP/1.0\r\nHost: y", (-1, 19)),
        (b"x\nGET / HTTP/1.1\r", (-1, 2)),
        (b"." * 9000, (-1, 9000 - 8204)),
    ],
)
def test_next_request_is_found(window: bytes, found: tuple[int, int]) -> None:
    assert find_request(window) == found


@QUICK
@given(st.binary(max_size=60), st.integers(0, 60))
def test_search_gives_up_no_byte_that_could_start_a_message(junk: bytes, cut: int) -> None:
    for find, message in (
        (find_response, b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"),
        (find_request, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"),
    ):
        data = junk + message
        start, keep = find(data[:cut])
        whole = find(data)[0]
        assert whole >= 0
        assert (start == whole) if start >= 0 else keep <= whole


@pytest.mark.parametrize(
    ("values", "length", "deviations"),
    [
        (["5"], 5, set()),
        (["5", "5"], 5, {"doubled_content_length"}),
        (["5, 6"], 5, {"conflicting_content_length"}),
        (["x", "6"], 6, {"unreadable_content_length"}),
        (["-1"], None, {"unreadable_content_length"}),
        (["+5"], None, {"unreadable_content_length"}),
        (["\u0665"], None, {"unreadable_content_length"}),
        (["1" * 19], None, {"unreadable_content_length"}),
        ([""], None, {"unreadable_content_length"}),
        ([], None, set()),
    ],
)
def test_declared_length(values: list[str], length: int | None, deviations: set[str]) -> None:
    block = "\r\n".join(["HTTP/1.1 200 OK", *(f"Content-Length: {value}" for value in values)]) + "\r"
    head = parse_head(block.encode())
    assert declared_length(head) == length
    assert head.deviations - {"non_ASCII_head"} == deviations


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("bytes 5-9/100", (5, 100)),
        ("Bytes 5-9/*", (5, None)),
        ("bytes=5-9/100", (5, 100)),
        ("bytes */100", (None, 100)),
        ("items 5-9/100", (None, None)),
        ("bytes 5-9", (None, None)),
        ("bytes " + "9" * 30 + "-/1", (None, None)),
    ],
)
def test_content_range(value: str, result: tuple[int | None, int | None]) -> None:
    assert content_range(parse_head(f"HTTP/1.1 206 P\r\nContent-Range: {value}\r".encode())) == result
