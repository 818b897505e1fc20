"""Frames of QUIC packets: those of aioquic's writer, each cut anywhere, and limits."""

from __future__ import annotations

import random

import pytest

from iptvforensics.protocols._quic_frames import (
    BROKEN,
    CLOSE,
    CLOSE_APPLICATION,
    CRYPTO,
    DATAGRAM,
    NEW_CONNECTION_ID,
    PATH_CHALLENGE,
    RESET_STREAM,
    STREAM,
    Frame,
    read_frames,
)
from iptvforensics.tls.wire import number_bytes

n = number_bytes
SAMPLES = {
    "crypto": (b"\x06" + n(70) + n(3) + b"abc", CRYPTO, (0, 70, b"abc")),
    "stream": (b"\x0f" + n(4) + n(100_000) + n(5) + b"hello", STREAM, (4, 100_000, b"hello")),
    "stream without offset": (b"\x0a" + n(7) + n(2) + b"hi", STREAM, (7, 0, b"hi")),
    "reset": (b"\x04" + n(8) + n(0x10C) + n(999), RESET_STREAM, (8, 999, b"")),
    "datagram": (b"\x31" + n(4) + b"tick", DATAGRAM, (0, 0, b"tick")),
    "path challenge": (b"\x1a12345678", PATH_CHALLENGE, (0, 0, b"12345678")),
    "close": (b"\x1c" + n(7) + n(0x18) + n(3) + b"bad", CLOSE, (0, 7, b"bad")),
    "close of the application": (b"\x1d" + n(0x100) + n(4) + b"done", CLOSE_APPLICATION, (0, 0x100, b"done")),
}
SILENT = {
    "ping": b"\x01", "ack": b"\x02" + n(90) + n(12) + n(1) + n(3) + n(0) + n(5), "stop sending": b"\x05" + n(4) + n(1),
    "ack with counts": b"\x03" + n(90) + n(12) + n(0) + n(3) + n(1) + n(2) + n(3), "token": b"\x07" + n(3) + b"abc",
    "limits": b"\x10" + n(1 << 20) + b"\x11" + n(4) + n(1 << 20) + b"\x12" + n(9) + b"\x13" + n(9),
    "blocked": b"\x14" + n(1) + b"\x15" + n(4) + n(1) + b"\x16" + n(1) + b"\x17" + n(1),
    "retired": b"\x19" + n(3), "path response": b"\x1b12345678", "done": b"\x1e", "padding": bytes(9),
}  # fmt: skip
ID = b"\x18" + n(2) + n(0) + b"\x08" + b"new-id-8" + bytes(16)


def told(frame: Frame, payload: bytes) -> tuple[int, int, bytes]:
    return frame.stream, frame.offset, payload[frame.start : frame.end]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("behind", SILENT)
def test_frames_are_read_whatever_stands_before_them(name: str, behind: str) -> None:
    data, kind, expected = SAMPLES[name]
    payload = SILENT[behind] + data
    frames = [frame for frame in read_frames(payload) if frame.end > frame.start or frame.kind == kind]
    assert (frames[-1].kind, told(frames[-1], payload)) == (kind, expected)
    assert BROKEN not in [frame.kind for frame in read_frames(payload)]


def test_data_without_a_length_go_on_to_the_end() -> None:
    for payload, kind in ((b"\x08" + n(4) + b"all of it", STREAM), (b"\x30all of it", DATAGRAM)):
        (frame,) = read_frames(payload)
        assert (frame.kind, payload[frame.start : frame.end]) == (kind, b"all of it")


def test_the_end_of_a_stream_is_told() -> None:
    assert [frame.is_last for frame in read_frames(b"\x0b" + n(4) + n(0) + b"\x0a" + n(4) + n(1) + b"x")] == [
        True,
        False,
    ]


def test_a_new_identifier() -> None:
    (frame,) = read_frames(ID)
    assert (frame.kind, ID[frame.start : frame.stream]) == (NEW_CONNECTION_ID, b"new-id-8")
    for wrong in (ID.replace(b"\x08new", b"\x00new"), ID.replace(b"\x08new", b"\x15new"), ID[:-1]):
        assert [frame.kind for frame in read_frames(wrong)] == [BROKEN]


@pytest.mark.parametrize("name", [*SAMPLES, *SILENT])
def test_a_frame_that_is_cut_ends_the_packet(name: str) -> None:
    data = SAMPLES[name][0] if name in SAMPLES else SILENT[name]
    for size in range(1, len(data)):
        frames = list(read_frames(data[:size]))
        assert all(frame.end <= size for frame in frames)
        assert sum(frame.kind == BROKEN for frame in frames) <= 1


@pytest.mark.parametrize("kind", [0x1F, 0x20, 0x2F, 0x32, 0x40, 0xFF])
def test_unknown_frames_end_the_packet(kind: int) -> None:
    (frame,) = read_frames(bytes([kind]) + b"\x06\0\x01x")
    assert (frame.kind, frame.start) == (BROKEN, 0)


def test_random_bytes_stay_within_the_payload() -> None:
    generator = random.Random(3)
    for _ in range(3000):
        payload = generator.randbytes(generator.randrange(60))
        for frame in read_frames(payload):
            assert 0 <= frame.start <= len(payload)
            assert frame.end <= len(payload)
