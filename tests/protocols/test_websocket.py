"""WebSocket frames of every length, masked, in parts, cut, and what is no frame."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from iptvforensics.errors import DecodeError
from iptvforensics.protocol import (
    Anomaly,
    At,
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentGap,
    ContentInfo,
    Event,
    Opening,
    Row,
)
from iptvforensics.protocols.websocket import WebSocketParser, detect

URL = "http://edge.example/live/five.flv"
INFO = ContentInfo(name=URL, role="tunnel", status=101, extra={"upgrade": "WebSocket"})
FLV = b"FLV\x01\x05\0\0\0\x09\0\0\0\0"


def frame(payload: bytes, opcode: int = 2, *, final: bool = True, mask: bytes = b"", bits: int = 0) -> bytes:
    size = len(payload)
    long = size if size < 126 else 126 if size < 1 << 16 else 127
    head = bytes((final << 7 | bits | opcode, bool(mask) << 7 | long))
    head += b"" if long < 126 else struct.pack("!H" if long == 126 else "!Q", size)
    body = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload)) if mask else payload
    return head + mask + body


SERVER = (
    frame(FLV) + frame(b"", 9) + frame(b"a" * 300, final=False) + frame(b"", 10) + frame(b"b" * 70_000, 0)
    + frame(b'{"x":1}', 1) + frame(struct.pack("!H", 1000) + b"bye", 8)
)  # fmt: skip
CLIENT = frame(b"hello, all", 1, mask=b"\x01\x80\x7f\xff") + frame(b"\x09binary", mask=b"abcd")

EXAMPLES = [("server", SERVER, b"", INFO), ("client", CLIENT, b"", INFO), ("closed at once", frame(b"", 8), b"", INFO)]


def feed(*pieces: bytes | int, side: bool = False) -> list[Event]:
    parser = WebSocketParser(Opening("content", b"", b"", info=INFO))
    events: list[Event] = []
    for piece in pieces:
        events += parser.gap(piece, side) if isinstance(piece, int) else parser.feed(memoryview(piece), side)
    return events + parser.end(side)


def row(events: list[Event]) -> dict[str, Any]:
    (found,) = (event.values for event in events if isinstance(event, Row))
    return found


def sent(events: list[Event]) -> bytes:
    return b"".join(bytes(event.data) for event in events if isinstance(event, ContentData))


def test_the_row_of_a_direction() -> None:
    events = feed(SERVER)
    values = row(events)
    expected = {
        "url": URL, "binary_messages": 2, "text_messages": 1, "pings": 1, "pongs": 1, "payload_bytes": 13 + 70_300 + 7,
        "is_masked": False, "is_compressed": False, "close_code": 1000, "close_reason": "bye",
        "media_body_offset": At(False, 2), "last_ns": At(False, len(SERVER) - 1),
    }  # fmt: skip
    assert {name: values[name] for name in expected} == expected


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_binary_messages_are_one_stream(size: int) -> None:
    events = feed(*(SERVER[at : at + size] for at in range(0, len(SERVER), size)))
    assert sent(events) == FLV + b"a" * 300 + b"b" * 70_000
    (begin,) = (event for event in events if isinstance(event, ContentBegin))
    assert (begin.offset, begin.info.name) == (2, URL)
    assert [event.complete for event in events if isinstance(event, ContentEnd)] == [True]
    for event in events:
        if isinstance(event, ContentData):
            assert event.places is not None
            for start, place in zip(*event.places, strict=True):
                assert SERVER[place] == event.data[start]


@pytest.mark.parametrize("size", [1, 5, 100])
def test_masks_are_taken_off(size: int) -> None:
    events = feed(*(CLIENT[at : at + size] for at in range(0, len(CLIENT), size)), side=True)
    assert sent(events) == b"\x09binary"
    assert (row(events)["is_masked"], row(events)["text_messages"]) == (True, 1)


def test_compressed_messages_are_counted_only() -> None:
    events = feed(frame(b"\x01\x02", bits=0x40))
    assert (row(events)["is_compressed"], row(events)["media_body_offset"], sent(events)) == (True, None, b"")
    assert [event.name for event in events if isinstance(event, Anomaly)] == ["WEBSOCKET_compressed"]


def test_a_gap_within_a_frame_is_a_gap_of_the_stream() -> None:
    whole = frame(b"x" * 1000) + frame(b"y" * 10)
    events = feed(whole[:100], 200, whole[300:])
    assert [event.length for event in events if isinstance(event, ContentGap)] == [200]
    assert sent(events) == b"x" * 800 + b"y" * 10
    assert [event.complete for event in events if isinstance(event, ContentEnd)] == [False]


@pytest.mark.parametrize("gap", [2000, -1])
def test_frames_behind_another_gap_are_left_out(gap: int) -> None:
    events = feed(frame(b"x" * 1000)[:100], gap, b"anything")
    assert [event.name for event in events if isinstance(event, Anomaly)] == ["WEBSOCKET_frames_lost"]
    assert sent(events) == b"x" * 96


@pytest.mark.parametrize(
    "data",
    [b"\x83\x00", b"\xa2\x00", b"\x82\x7f" + b"\xff" * 8, b"\x89\x7e\x00\x80", b"\x09\x00"],
    ids=["opcode", "reserved bit", "length", "long ping", "ping in parts"],
)
def test_what_is_no_frame(data: bytes) -> None:
    with pytest.raises(DecodeError):
        feed(data)


def test_nothing_is_no_row() -> None:
    assert feed() == []


@pytest.mark.parametrize(
    ("role", "upgrade", "score"), [("tunnel", "websocket", 0.95), ("tunnel", "h2c", 0), ("response", "websocket", 0)]
)
def test_detection(role: str, upgrade: str, score: float) -> None:
    assert detect(Opening("content", b"", b"", info=ContentInfo(role=role, extra={"upgrade": upgrade}))) == score
