"""HTTP/1.x: whole conversations, and what is special about single ones."""

from __future__ import annotations

import gzip
import zlib
from collections import defaultdict
from typing import Any

import brotli
import pytest

from iptvforensics.protocol import (
    OPENING_BYTES,
    Anomaly,
    At,
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentGap,
    ContentInfo,
    Event,
    Mark,
    Opening,
    Row,
)
from iptvforensics.protocols import _http_coding
from iptvforensics.protocols.http import PROTOCOL
from iptvforensics.schema import ENGINE_COLUMNS

from . import test_http_h2 as h2
from . import test_http_h3 as h3

H = b"Host: tv.example\r\n"
GET = b"GET /a HTTP/1.1\r\n" + H + b"\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

TCP_EXAMPLES = [
    ("one exchange", GET, OK),
    ("HTTP/2", *h2.CONVERSATION),
    (
        "keep-alive with a redirect and a playlist",
        b"GET /live/u/p/1.m3u8 HTTP/1.1\r\nUser-Agent: Player/1.0\r\n" + H + b"\r\n"
        b"GET /hls/t1 HTTP/1.1\r\nHost: edge.example:8080\r\n\r\nHEAD /x HTTP/1.1\r\n" + H + b"\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://edge.example:8080/hls/t1\r\nContent-Length: 0\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-mpegurl\r\nContent-Length: 8\r\n\r\n#EXTM3U\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    ),
    (
        "chunked answer with extensions and trailers, chunked request",
        b"POST /api HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + H + b"\r\n3\r\na=1\r\n0\r\n\r\n" + GET,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"
        + OK,
    ),
    (
        "answer until the connection closes",
        GET.replace(b"1.1\r\n", b"1.0\r\n"),
        b"HTTP/1.0 200 OK\r\n\r\n" + b"G\0\0" * 30,
    ),
    (
        "100-continue, partial content, nothing modified",
        b"PUT /u HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n" + H + b"\r\ndata"
        b"GET /m.mp4 HTTP/1.1\r\nRange: bytes=10-13\r\n" + H + b"\r\n" + GET,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 10-13/99\r\nContent-Length: 4\r\n\r\nabcd"
        b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n',
    ),
    (
        "100-continue answered at once: the body is left out, and what follows is a request",
        b"PUT /u HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4000\r\n" + H + b"\r\n" + GET,
        b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n" + OK,
    ),
    (
        "100-continue, and bodies that begin like a request line",
        b"PUT /u HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 11\r\n" + H + b"\r\nhello world"
        b"PUT /v HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n" + H + b"\r\n"
        b"4\r\nGET \r\n0\r\n\r\nPUT /w HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 14\r\n"
        + H
        + b"\r\nPOST mortem\n:)"
        + GET,
        b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" * 3 + OK,
    ),
    (
        "compressed answers",
        GET + GET,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        % len(gzip.compress(b"abc" * 99, mtime=0))
        + gzip.compress(b"abc" * 99, mtime=0)
        + b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(zlib.compress(b"xyz" * 99)), zlib.compress(b"xyz" * 99)),
    ),
    (
        "CONNECT and what follows",
        b"CONNECT up.example:443 HTTP/1.1\r\nHost: up.example:443\r\n\r\n\x16\x03\x01hello",
        b"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03\x03there",
    ),
    (
        "upgrade to WebSocket",
        b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + H + b"\r\n\x81\x85\0\0\0\0hello",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05there",
    ),
    (
        "SHOUTcast",
        b"GET / HTTP/1.0\r\nIcy-MetaData: 1\r\n" + H + b"\r\n",
        b"ICY 200 OK\r\nicy-name: r\r\n\r\n\xff\xfb\x90audio",
    ),
]
EXAMPLES = [*TCP_EXAMPLES, ("HTTP/3", *h3.CONVERSATION)]


class Seen:
    """What a parser said of a conversation, put in order."""

    def __init__(self, orig: bytes = b"", resp: bytes = b"", **opening: Any) -> None:
        self.opening = Opening("tcp", orig[:OPENING_BYTES], resp[:OPENING_BYTES], **opening)
        self.parser = PROTOCOL.parser(self.opening)
        self.streams = {True: orig, False: resp}
        self.fed = {True: 0, False: 0}
        self.events: list[Event] = []

    def feed(self, from_orig: bool, size: int | None = None) -> Seen:
        """Feed the next bytes of a direction, in a buffer that is overwritten afterwards."""
        start = self.fed[from_orig]
        piece = self.streams[from_orig][start:] if size is None else self.streams[from_orig][start : start + size]
        self.fed[from_orig] += len(piece)
        self.events += self.parser.feed(memoryview(piece), from_orig)
        return self

    def gap(self, from_orig: bool, size: int) -> Seen:
        """Leave out the next bytes of a direction."""
        self.fed[from_orig] += size
        self.events += self.parser.gap(size, from_orig)
        return self

    def end(self, *directions: bool) -> Seen:
        """End the directions (both, if none is named)."""
        for from_orig in directions or (True, False):
            self.events += self.parser.end(from_orig)
        return self

    def whole(self) -> Seen:
        """Feed everything at once and end."""
        return self.feed(True).feed(False).end()

    @property
    def rows(self) -> list[tuple[bool, int, dict[str, Any]]]:
        """Return the rows in the order of their places."""
        found = [(e.from_orig, e.offset, e.values) for e in self.events if isinstance(e, Row)]
        return sorted(found, key=lambda row: (not row[0], row[1]))

    @property
    def values(self) -> list[dict[str, Any]]:
        """Return the columns of the rows."""
        return [values for _, _, values in self.rows]

    @property
    def contents(self) -> dict[int, tuple[Any, ...]]:
        """Return per key: where, what, pieces joined and gaps between them, and whether complete."""
        parts: dict[int, list[Any]] = defaultdict(list)
        for event in self.events:
            if isinstance(event, ContentBegin):
                assert event.key not in parts, "a key is used once"
                parts[event.key] = [event.from_orig, event.offset, event.info, [b""], None]
            elif isinstance(event, ContentData):
                assert parts[event.key][4] is None, "nothing follows the end"
                if isinstance(parts[event.key][3][-1], int):
                    parts[event.key][3].append(b"")
                parts[event.key][3][-1] += bytes(event.data)
            elif isinstance(event, ContentGap):
                parts[event.key][3].append(event.length)
            elif isinstance(event, ContentEnd):
                parts[event.key][4] = event.complete
        return {key: tuple(map(_frozen, part)) for key, part in sorted(parts.items())}

    @property
    def bodies(self) -> list[bytes]:
        """Return the bytes of each content, in the order of keys."""
        return [b"".join(p for p in part[3] if isinstance(p, bytes)) for part in self.contents.values()]

    @property
    def anomalies(self) -> list[tuple[str, bool, int]]:
        """Return name and place of each anomaly, in order."""
        return sorted((e.name, e.from_orig, e.offset) for e in self.events if isinstance(e, Anomaly))

    @property
    def anomaly_names(self) -> list[str]:
        """Return the names of the anomalies."""
        return [name for name, _, _ in self.anomalies]

    def everything(self) -> tuple[Any, ...]:
        """Return what must not depend on the way of feeding."""
        contents = sorted(self.contents.values(), key=lambda content: content[:2])  # their keys only tell them apart
        return self.rows, contents, self.anomalies


def _frozen(part: Any) -> Any:
    return tuple(part) if isinstance(part, list) else part


def answers(response: bytes, request: bytes = GET) -> Seen:
    return Seen(request, response).whole()


@pytest.mark.parametrize(("name", "orig", "resp"), TCP_EXAMPLES, ids=[name for name, _, _ in TCP_EXAMPLES])
def test_examples_are_complete_and_detected(name: str, orig: bytes, resp: bytes) -> None:
    seen = Seen(orig, resp).whole()
    assert PROTOCOL.detect(seen.opening) == 1.0
    assert [v["interrupted"] for v in seen.values] == [None] * len(seen.values)
    assert seen.values
    assert all(v["complete"] for v in seen.values)
    assert not seen.anomalies
    assert all(part[4] is True for part in seen.contents.values())


@pytest.mark.parametrize(("name", "orig", "resp"), TCP_EXAMPLES, ids=[name for name, _, _ in TCP_EXAMPLES])
def test_rows_have_the_columns_of_the_table(name: str, orig: bytes, resp: bytes) -> None:
    own = set(PROTOCOL.tables[0].column_names) - ENGINE_COLUMNS
    for seen in (Seen(orig, resp).whole(), Seen(orig).feed(True).end(), Seen(b"", resp).feed(False).end()):
        for values in seen.values:
            assert set(values) == own


def test_row_of_an_exchange() -> None:
    request = (
        b"GET /live/u/p/9.ts?x=1 HTTP/1.1\r\nHost: tv.example:8080\r\nUser-Agent: Box/2\r\nReferer: http://r.example/\r\n"
        b"Cookie: a=1\r\nCookie: b=2\r\nAuthorization: Basic x\r\nAccept-Language: ko\r\nX-Forwarded-For: 192.0.2.7\r\n"
        b"Range: bytes=0-\r\n\r\n"
    )
    response = (
        b"HTTP/1.1 206 Partial Content\r\nServer: nginx\r\nContent-Type: video/mp2t\r\nContent-Length: 4\r\n"
        b'Content-Range: bytes 0-3/2000\r\nETag: "e"\r\nLast-Modified: Mon\r\n'
        b"Set-Cookie: s=1; Path=/\r\nSet-Cookie: t=2\r\n"
        b'Date: Tue\r\nContent-Disposition: attachment; filename="u.m3u"\r\nLocation:\r\n\r\nGGGG'
    )
    seen = answers(response, request)
    assert seen.rows[0][:2] == (True, 0)
    row = seen.values[0]
    expected = {
        "response_frame_no": At(False, 0),
        "response_ns": At(False, 0),
        "method": "GET",
        "host": "tv.example:8080",
        "url": "http://tv.example:8080/live/u/p/9.ts?x=1",
        "target": "/live/u/p/9.ts?x=1",
        "http_version": "1.1",
        "response_http_version": "1.1",
        "status": 206,
        "reason": "Partial Content",
        "location": None,
        "user_agent": "Box/2",
        "referer": "http://r.example/",
        "cookie": "a=1; b=2",
        "authorization": "Basic x",
        "accept_language": "ko",
        "x_forwarded_for": "192.0.2.7",
        "range_requested": "bytes=0-",
        "server": "nginx",
        "content_type": "video/mp2t",
        "content_encoding": None,
        "transfer_encoding": None,
        "content_range": "bytes 0-3/2000",
        "etag": '"e"',
        "last_modified": "Mon",
        "set_cookie": ["s=1; Path=/", "t=2"],
        "date": "Tue",
        "content_disposition": 'attachment; filename="u.m3u"',
        "request_body_bytes": 0,
        "response_body_bytes": 4,
        "response_body_declared_bytes": 4,
        "response_missing_bytes": 0,
        "request_body_offset": None,
        "response_body_offset": At(False, len(response) - 4),
        "informational_count": 0,
        "complete": True,
        "interrupted": None,
        "deviations": [],
    }
    assert {name: row[name] for name in expected} == expected
    assert row["request_headers"][:2] == ["Host: tv.example:8080", "User-Agent: Box/2"]
    assert row["response_headers"][-1] == "Location:"
    (begin,) = [e for e in seen.events if isinstance(e, ContentBegin)]
    assert begin.info == ContentInfo(
        name="http://tv.example:8080/live/u/p/9.ts?x=1",
        media_type="video/mp2t",
        declared_bytes=4,
        first_byte=0,
        total_bytes=2000,
        role="response",
        method="GET",
        status=206,
        extra={
            "host": "tv.example:8080",
            "request_offset": 0,
            "content_encoding": None,
            "content_disposition": 'attachment; filename="u.m3u"',
            "cookie": "a=1; b=2",
            "authorization": "Basic x",
            "form": None,
        },
    )
    assert [e for e in seen.events if isinstance(e, Mark)] == [Mark(True, 0), Mark(False, 0)]


@pytest.mark.parametrize(
    ("request_line", "host", "url"),
    [
        (b"GET http://u:p@a.example:81/x HTTP/1.1", "a.example:81", "http://u:p@a.example:81/x"),
        (b"GET /my channel.ts HTTP/1.1", "tv.example", "http://tv.example/my channel.ts"),
        (b"OPTIONS * HTTP/1.1", "tv.example", None),
        (b"CONNECT a.example:443 HTTP/1.1", "a.example:443", None),
    ],
    ids=["absolute form", "spaces", "asterisk", "authority form"],
)
def test_forms_of_the_request_target(request_line: bytes, host: str, url: str | None) -> None:
    (row,) = answers(b"", request_line + b"\r\n" + H + b"\r\n").values
    assert (row["host"], row["url"]) == (host, url)


def test_request_without_host_keeps_its_target() -> None:
    (row,) = answers(OK, b"GET /x HTTP/1.0\r\n\r\n").values
    assert (row["host"], row["url"], row["target"]) == (None, None, "/x")


@pytest.mark.parametrize("reason", [b" ", b" Error 200", b" 200"])
def test_a_reason_phrase_may_be_empty_or_end_in_the_code(reason: bytes) -> None:
    (row,) = answers(OK.replace(b" OK", reason)).values
    assert (row["reason"], row["deviations"]) == (reason.decode().strip() or None, [])


@pytest.mark.parametrize(
    ("response", "deviation", "body"),
    [
        (OK.replace(b"\r\n", b"\n"), "LF_only_line_ends", b"hello"),
        (b"\r\n\r\n" + OK, "leading_empty_lines", b"hello"),
        (OK.replace(b" OK", b""), "no_reason_phrase", b"hello"),
        (OK.replace(b"1.1", b"1.2"), "unusual_version", b"hello"),
        (OK.replace(b"HTTP", b"http"), "unusual_version", b"hello"),
        (OK.replace(b"Length:", b"Length :"), "space_in_header_name", b"hello"),
        (OK.replace(b" 5", b"\r\n 5"), "folded_header", b"hello"),
        (OK.replace(b"Content", b"nonsense\r\nContent"), "line_without_colon", b"hello"),
        (OK.replace(b"Content", b": x\r\nContent"), "empty_header_name", b"hello"),
        (OK.replace(b"Content", b"X: \xe9\r\nContent"), "non_ASCII_head", b"hello"),
        (OK.replace(b" 5", b" 5, 5"), "doubled_content_length", b"hello"),
        (OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"), "conflicting_content_length", b"hello"),
        (OK.replace(b" 5", b" five"), "unreadable_content_length", b"hello"),
        (OK.replace(b"HTTP/1.1", b"ICY"), "ICY_status_line", b"hello"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "content_length_with_chunked",
            b"hello",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n", "LF_only_line_ends", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "chunked_end_cut", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nGhello", "chunked_not_as_declared", b"Ghello"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nhello", "coding_not_as_declared", b"hello"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 257 + b"\r\nhello", "too_many_header_lines", b"hello"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_deviation_is_tolerated_and_named(response: bytes, deviation: str, body: bytes) -> None:
    seen = answers(response)
    (row,) = seen.values
    assert row["deviations"] == [deviation]
    assert seen.bodies == [body]
    assert row["complete"]


def test_header_lines_are_limited() -> None:
    (row,) = answers(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 300 + b"Content-Length: 0\r\n\r\n").values
    assert len(row["response_headers"]) == 256
    assert row["response_body_declared_bytes"] == 0


def test_folded_and_latin_1_lines_are_kept_readable() -> None:
    (row,) = answers(b"HTTP/1.1 204 OK\r\nA: x\r\n\ty\r\nB: \xe9\r\nC: \xec\xb1\x84\r\n\r\n").values
    assert row["response_headers"] == ["A: x y", "B: é", "C: 채"]


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_status_without_body(status: bytes) -> None:
    seen = answers(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n" + OK, GET + GET)
    assert [v["status"] for v in seen.values] == [int(status[:3]), 200]
    assert seen.bodies == [b"hello"]


def test_answer_to_head_has_no_body_but_its_declared_length() -> None:
    seen = answers(OK[:-5] + OK, GET.replace(b"GET", b"HEAD") + GET)
    assert [(v["response_body_declared_bytes"], v["response_body_bytes"]) for v in seen.values] == [(5, 0), (5, 5)]


def test_answer_without_length_before_another_answer_has_no_body() -> None:
    seen = answers(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n" + OK, GET + GET)
    assert [v["status"] for v in seen.values] == [302, 200]
    assert seen.values[0]["deviations"] == ["no_body_where_one_was_due"]


def test_a_body_that_waits_for_an_answer_may_be_left_out() -> None:
    put = b"PUT /u HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4000\r\n" + H + b"\r\n"
    refused = b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"
    again = put.replace(b"Expect: 100-continue\r\n", b"") + b"x" * 4000
    seen = answers(refused + OK + OK, put + again + GET)
    told = [(v["method"], v["status"], v["request_body_bytes"], v["deviations"]) for v in seen.values]
    assert told == [
        ("PUT", 417, 0, ["no_body_where_one_was_due"]),
        ("PUT", 200, 4000, []),
        ("GET", 200, 0, []),
    ]
    assert sorted(seen.bodies) == [b"hello", b"hello", b"x" * 4000]


@pytest.mark.parametrize("gap_at", [0, 3, 30])
def test_a_gap_in_a_body_that_waits_for_an_answer(gap_at: int) -> None:
    put = b"PUT /u HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 60\r\n" + H + b"\r\n"
    body = b"hello " + b"x" * 54
    seen = Seen(put + body[:gap_at], b"").feed(True)
    seen.events += seen.parser.gap(10, True)
    seen.events += seen.parser.feed(memoryview(body[gap_at + 10 :] + GET), True)
    seen.end()
    assert [v["method"] for v in seen.values] == ["PUT", "GET"]
    assert seen.values[0]["request_body_bytes"] == 50


def test_identity_is_no_transfer_coding() -> None:
    seen = answers(OK.replace(b"Content-Length", b"Transfer-Encoding: identity\r\nContent-Length") + OK, GET + GET)
    assert [v["response_body_bytes"] for v in seen.values] == [5, 5]
    assert seen.bodies == [b"hello", b"hello"]


def test_a_request_line_longer_than_what_parsers_are_chosen_by() -> None:
    target = b"/?q=" + b"x" * (2 * OPENING_BYTES)
    (row,) = answers(OK, GET.replace(b"/a", target)).values
    assert (row["target"], row["status"]) == (target.decode(), 200)


def test_informational_responses_are_counted() -> None:
    (row,) = answers(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK).values
    assert (row["informational_count"], row["status"]) == (2, 200)


def test_rejected_connect_and_upgrade_go_on_with_http() -> None:
    connect = b"CONNECT a.example:1 HTTP/1.1\r\n\r\n"
    upgrade = b"GET /h2 HTTP/1.1\r\nUpgrade: h2c\r\n" + H + b"\r\n"
    seen = answers(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n" + OK + OK, connect + upgrade + GET)
    assert [v["status"] for v in seen.values] == [407, 200, 200]
    assert seen.bodies == [b"hello", b"hello"]


@pytest.mark.parametrize("name", ["CONNECT and what follows", "upgrade to WebSocket"])
def test_tunnel_bytes_are_handed_on_in_both_directions(name: str) -> None:
    orig, resp = next((o, r) for n, o, r in EXAMPLES if n == name)
    seen = Seen(orig, resp).whole()
    assert [part[2].role for part in seen.contents.values()] == ["tunnel", "tunnel"]
    assert seen.bodies == [orig.partition(b"\r\n\r\n")[2], resp.partition(b"\r\n\r\n")[2]]


@pytest.mark.parametrize(
    ("request_bytes", "role"),
    [
        (b"CONNECT a.example:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", ["tunnel"]),
        (b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x00", ["tunnel"]),
        (b"GET /ws HTTP/1.1\r\nUpgrade: h2c\r\n\r\nGET / HTTP/1.1\r\n\r\n", []),
    ],
    ids=["CONNECT", "upgrade", "upgrade ignored"],
)
def test_unanswered_tunnel_is_told_by_what_follows(request_bytes: bytes, role: list[str]) -> None:
    seen = Seen(request_bytes).feed(True).end()
    assert [part[2].role for part in seen.contents.values()] == role
    assert "HTTP_tunnel_answer_not_seen" in seen.anomaly_names


@pytest.mark.parametrize(
    ("coding", "coded"),
    [
        ("gzip", gzip.compress(b"catalogue " * 50, mtime=0)),
        ("x-gzip", gzip.compress(b"catalogue " * 20, mtime=0) + gzip.compress(b"catalogue " * 30, mtime=0)),
        ("GZIP", gzip.compress(b"catalogue " * 50, mtime=0) + b"\0" * 9),
        ("deflate", zlib.compress(b"catalogue " * 50)),
        ("deflate", zlib.compress(b"catalogue " * 50)[2:-4]),
        ("br", brotli.compress(b"catalogue " * 50)),
        ("zstd", _http_coding._zstd_module().compress(b"catalogue " * 50)),
        ("gzip, br", brotli.compress(gzip.compress(b"catalogue " * 50, mtime=0))),
        ("identity", b"catalogue " * 50),
    ],
    ids=["gzip", "two members", "padded", "zlib", "raw deflate", "br", "zstd", "two codings", "identity"],
)
def test_content_coding_is_undone(coding: str, coded: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(coded)}\r\n\r\n".encode()
    seen = answers(head + coded + OK, GET + GET)
    assert seen.bodies == [b"catalogue " * 50, b"hello"]
    assert seen.values[0]["response_body_bytes"] == len(coded)
    assert seen.anomalies == []


def test_part_of_a_coded_whole_is_handed_on_as_it_is() -> None:
    head = b"HTTP/1.1 206 P\r\nContent-Encoding: gzip\r\nContent-Range: bytes 5-9/100\r\nContent-Length: 5\r\n\r\n"
    seen = answers(head + b"\x8b\x00\x01\x02\x03")
    assert seen.bodies == [b"\x8b\x00\x01\x02\x03"]
    assert seen.anomaly_names == ["HTTP_coding_of_partial_content"]


@pytest.mark.parametrize("end", [12, -1], ids=["early", "late"])
def test_coded_body_that_is_cut_is_not_complete(end: int) -> None:
    coded = gzip.compress(b"abc" * 100)[:end]
    seen = answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded) + coded)
    (content,) = seen.contents.values() or [(None,) * 5]
    assert content[4] is False
    assert seen.anomaly_names == ["HTTP_coding_cut"]


def test_gap_in_a_coded_body_ends_what_is_handed_on() -> None:
    coded = gzip.compress(bytes(range(256)) * 9)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded)
    seen = Seen(GET, head + coded).feed(True).feed(False, len(head) + 100).gap(False, 10).feed(False).end()
    (content,) = seen.contents.values()
    assert content[3][-1] == -1
    assert content[4] is False
    assert seen.values[0]["response_missing_bytes"] == 10
    assert seen.values[0]["response_body_bytes"] == len(coded) - 10


@pytest.mark.parametrize(
    ("orig", "resp", "midstream", "score"),
    [
        (GET, OK, False, 1.0),
        (OK, GET, False, 1.0),
        (GET, b"", False, 0.95),
        (b"", OK, False, 0.95),
        (b"\r\n" + GET, b"", False, 0.95),
        (b"", b"ICY 200 OK\r\n\r\n", False, 0.95),
        (b"PROPFIND / HTTP/1.0\r\n", b"", False, 0.95),
        (b"", b"", False, None),
        (b"GE", b"", False, None),
        (b"GET /a", b"HTTP", False, None),
        (b"", b"HTT", False, None),
        (b"GET / RTSP/1.0\r\n", b"RTSP/1.0 200 OK\r\n", False, 0.0),
        (b"OPTIONS rtsp://a.example/ RTSP/1.0\r\n\r\n", b"", False, 0.0),
        (b"OPTIONS sip:a@b.example SIP/2.0\r\n\r\n", b"", False, 0.0),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"", False, 1.0),
        (b"GET /\r\n", b"", False, 0.0),
        (b"\x16\x03\x01", b"", False, 0.0),
        (b"SSH-2.0-x\r\n", b"SSH-2.0-y\r\n", False, 0.0),
        (b"x" * 50, b"y" * 50 + OK, False, 0.0),
        (b"", b"y" * 50 + OK, True, 0.6),
        (b"a=1" + GET, b"", True, 0.6),
        (b"", b"G" * 188, True, 0.0),
        ((b"GET /?q=" + b"x" * OPENING_BYTES)[:OPENING_BYTES], b"", False, 0.6),
        (b"GET /?q=" + b"x" * 99, b"", False, None),
    ],
)
def test_detection(orig: bytes, resp: bytes, midstream: bool, score: float | None) -> None:
    assert PROTOCOL.detect(Opening("tcp", orig, resp, midstream=midstream)) == score


@pytest.mark.parametrize(
    ("opening", "client_is_orig"),
    [
        (Opening("tcp", GET, OK), True),
        (Opening("tcp", OK, GET), False),
        (Opening("tcp", b"", GET), False),
        (Opening("tcp", b"xx" + OK, b"", midstream=True), False),
        (Opening("tcp", b"", b"xx", 80, 50000, midstream=True), False),
        (Opening("tcp", b"", b"xx", 50000, 80, midstream=True), True),
        (Opening("tcp", GET, OK, 80, 50000), True),
        (Opening("tcp", GET, b"\0" + GET, 80, 50000), True),
        (Opening("tcp", b"\0" + OK, OK, 80, 50000), True),
        (Opening("tcp", GET, GET, 80, 50000), False),
        (Opening("tcp", b"ICY 200 HTTP/1.1\r\n", b"", 80, 50000), False),
    ],
)
def test_client_is_found(opening: Opening, client_is_orig: bool) -> None:
    assert PROTOCOL.parser(opening).client_is_orig is client_is_orig


def test_client_may_be_the_responder() -> None:
    ((from_orig, offset, values),) = Seen(OK, GET).whole().rows
    assert (from_orig, offset) == (False, 0)
    assert values["response_frame_no"] == At(True, 0)


def test_big_body_costs_one_event_per_feed_and_no_copy() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(1 << 20)
    seen = Seen(GET, data).feed(True)
    events = seen.parser.feed(memoryview(data), False) + seen.parser.feed(memoryview(data), False)
    pieces = [e for e in events if isinstance(e, ContentData)]
    assert len(pieces) == 2
    assert all(isinstance(p.data, memoryview) and p.data.obj is data for p in pieces)


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_a_response_is_told_which_form_it_answers(size: int) -> None:
    form = b"username=u&action=get_live_streams" + b"&x=1" * 4000
    head = b"POST /player_api.php HTTP/1.1\r\n" + H + b"Content-Type: application/x-www-form-urlencoded\r\n"
    seen = Seen(head + b"Content-Length: %d\r\n\r\n" % len(form) + form, OK)
    while seen.fed[True] < len(seen.streams[True]):
        seen.feed(True, size)
    seen.feed(False)
    (info,) = [e.info for e in seen.events if isinstance(e, ContentBegin) and not e.from_orig]
    assert info.extra["form"] == form[: 8 << 10]
