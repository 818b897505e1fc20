"""Which flows are taken for RTMP."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.protocol import Opening
from iptvforensics.protocols.rtmp import PROTOCOL

_spec = importlib.util.spec_from_file_location("rtmp_connections", Path(__file__).with_name("test_rtmp.py"))
assert _spec is not None
assert _spec.loader is not None
rtmp: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rtmp)
CONNECT = rtmp.CONNECT
Writer = rtmp.Writer
block = rtmp.block
handshake = rtmp.handshake
long_publish = rtmp.long_publish
noise = rtmp.noise
picture = rtmp.picture
publish = rtmp.publish
sound = rtmp.sound
tag = rtmp.tag


def test_midstream_chunks_are_recognised() -> None:
    data = long_publish(128)[8000:16000]
    assert (PROTOCOL.detect(Opening("tcp", b"", data, midstream=True)) or 0) >= 0.6
    assert PROTOCOL.detect(Opening("tcp", b"", data)) == 0.0


def test_handshakes_are_recognised_as_they_arrive() -> None:
    plain, answer = publish()
    complex_, _ = publish(digest=True)
    unproved, unproved_answer = handshake(b"\x0a\x00\x2d\x02")
    chunk = bytes(Writer().command("connect", 1, CONNECT).out)

    def score(orig: bytes, resp: bytes = b"") -> float | None:
        return PROTOCOL.detect(Opening("tcp", orig[:8192], resp[:8192]))

    assert score(b"") is None
    assert score(plain[:1]) is None
    assert score(plain[:1536]) is None
    assert score(plain[:1537]) == 0.7
    assert score(plain[:1537], answer[:1537]) == 0.9
    assert score(plain[:1537], answer[:2000]) == 1.0
    assert score(complex_[:1537]) == 1.0
    assert score(unproved) is None
    assert score(unproved + chunk) == 0.9
    assert score(unproved + noise(100)) == 0.0
    assert score(unproved, unproved_answer) == 1.0
    assert score(unproved[:1537], answer[:1537]) == 0.6
    assert score(plain[:1537], b"HTTP/1.1") == 0.0


def test_encrypted_handshakes_are_recognised() -> None:
    client, server = (b"\x08" + block(b"\x80\x00\x03\x02", None, seed) for seed in (1, 2))
    assert PROTOCOL.detect(Opening("tcp", client, server)) == 0.7
    assert PROTOCOL.detect(Opening("tcp", client, b"")) is None
    assert PROTOCOL.detect(Opening("tcp", client + noise(3000), b"")) == 0.0
    assert PROTOCOL.detect(Opening("tcp", b"\x08" + noise(1536), b"\x08" + noise(1537))) in (None, 0.0)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /live/a.ts HTTP/1.1\r\nHost: tv.example\r\n\r\n" * 100,
        b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + (b"\x47\x01\x00\x10" + noise(184)) * 40,
        (b"\x47\x01\x00\x10" + noise(184)) * 40,
        noise(8192),
        b"\x03" + noise(8191),
        b"\x16\x03\x01\x02\x00\x01" + noise(2000),
        bytes(8192),
        b"FLV\x01\x05\0\0\0\x09\0\0\0\0" + tag(9, 0, picture(3000, True)) + tag(8, 0, sound(200)) * 9,
    ],
    ids=["http request", "http ts", "ts", "random", "random after 3", "tls", "zeros", "flv"],
)
@pytest.mark.parametrize("midstream", [False, True], ids=["from the start", "midstream"])
def test_other_traffic_is_not_claimed(data: bytes, midstream: bool) -> None:
    for orig, resp in ((data, b""), (b"", data), (data, data)):
        assert (PROTOCOL.detect(Opening("tcp", orig, resp, midstream=midstream)) or 0.0) < 0.5
