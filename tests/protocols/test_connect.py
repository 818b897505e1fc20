"""Tunnels of HTTP CONNECT: which bodies are TLS, and that both directions are one connection."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.protocol import OPENING_BYTES, ContentInfo, Opening
from iptvforensics.protocols.connect import PROTOCOL, ConnectParser, detect, tunnel

_spec = importlib.util.spec_from_file_location("tls_talk", Path(__file__).parents[1] / "tls" / "talk.py")
assert _spec is not None
assert _spec.loader is not None
talks: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(talks)

TALK = talks.talk()
ASKED, ANSWERED = TALK.stream(True), TALK.stream(False)
TUNNEL = ContentInfo(name="play.stellar-tv.example:443", role="tunnel", method="CONNECT", status=200)
GET, OK = b"GET /live/7.ts HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
EXAMPLES = [
    ("client", ASKED, b"", TUNNEL),
    ("server", ANSWERED, b"", TUNNEL),
    ("client of HTTP", GET, b"", TUNNEL),
    ("server of HTTP", OK, b"", TUNNEL),
]


@pytest.mark.parametrize(
    ("data", "info", "score"),
    [
        (ASKED, TUNNEL, 1.0),
        (ANSWERED, TUNNEL, 1.0),
        (ASKED[:5], TUNNEL, None),
        (b"", TUNNEL, None),
        (ASKED, ContentInfo(role="response"), 0.0),
        (b"\x16\x03\x09\0\x05\x01", TUNNEL, 0.0),
        (b"\x16\x03\x01\0\x05\x0b", TUNNEL, 0.0),
        (b"\x16\x02", TUNNEL, 0.0),
    ],
)
def test_detection(data: bytes, info: ContentInfo, score: float | None) -> None:
    assert detect(Opening("content", data, b"", info=info)) == score


def test_a_tunnel_that_was_joined_late_is_left_alone() -> None:
    assert detect(Opening("content", ASKED, b"", info=TUNNEL, midstream=True)) == 0.0


def test_both_directions_are_one_connection() -> None:
    part = tunnel(TUNNEL)
    assert part is not None
    assert (part.skip, part.is_last, part.number, part.is_midstream) == (0, True, None, False)
    assert PROTOCOL.inner == ("tls", "http")
    assert tunnel(ContentInfo(role="response")) is None


def test_the_parser_says_nothing() -> None:
    parser = ConnectParser(Opening("content", ASKED, b"", info=TUNNEL))
    assert parser.feed(memoryview(ASKED), True) + parser.gap(5, True) + parser.end(True) == []


@pytest.mark.parametrize(
    ("data", "score"),
    [
        (GET, 1.0),
        (OK, 1.0),
        (b"HTTP/1.0 404\n", 1.0),
        (GET[:20], None),
        (b"HTTP", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 0.0),
        (b"GET /\r\n", 0.0),
        (b"HTTP/1.1 abc\r\n", 0.0),
        (b"G" * OPENING_BYTES, 0.0),
        (b"get / HTTP/1.1\r\n", 0.0),
    ],
)
def test_plain_http_is_detected_by_its_first_line(data: bytes, score: float | None) -> None:
    assert detect(Opening("content", data, b"", info=TUNNEL)) == score
