"""The chunk layer: what senders may do with headers, sizes and interleaving."""

from __future__ import annotations

import importlib.util
import json
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics import kernel
from iptvforensics.protocol import Anomaly

_spec = importlib.util.spec_from_file_location("rtmp_connections", Path(__file__).with_name("test_rtmp.py"))
assert _spec is not None
assert _spec.loader is not None
rtmp: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rtmp)
AUDIO = rtmp.AUDIO
COMMAND = rtmp.COMMAND
DATA = rtmp.DATA
EXAMPLES = rtmp.EXAMPLES
VIDEO = rtmp.VIDEO
Writer = rtmp.Writer
amf = rtmp.amf
anomalies = rtmp.anomalies
client_says = rtmp.client_says
handshake = rtmp.handshake
noise = rtmp.noise
opening = rtmp.opening
RtmpParser = rtmp.RtmpParser
parse = rtmp.parse
picture = rtmp.picture
rows = rtmp.rows


def test_chunk_size_changes_inside_a_message_of_another_stream() -> None:
    writer = Writer().command("publish", 5, None, "a", msid=1)
    message = iter(writer.chunks(6, VIDEO, 1, 0, picture(1000, True)))
    next(message)
    writer.raw(b"\x02" + bytes(3) + b"\0\0\4\1" + bytes(4) + struct.pack(">I", 300))
    writer.raw(b"\xc6" + noise(300) + b"\xc6" + noise(300) + b"\xc6" + noise(272))
    writer.chunk_size = 300
    writer.command("deleteStream", 7, None, 1)
    (row,) = rows(client_says(writer), "rtmp_media")
    assert (row["video_messages"], row["video_bytes"], row["complete"]) == (1, 1000, True)


@pytest.mark.parametrize("repeated", [True, False], ids=["repeated", "not repeated"])
@pytest.mark.parametrize("absolute", [True, False], ids=["type 0", "type 1"])
def test_extended_timestamp_in_continuations(repeated: bool, absolute: bool) -> None:
    writer = Writer().command("publish", 5, None, "a", msid=1)
    stamp = struct.pack(">I", 0x01020304)
    for _ in range(2):
        head = b"\x06\xff\xff\xff" + (300).to_bytes(3, "big") + b"\x09" + (1).to_bytes(4, "little")
        if not absolute:
            writer.message(6, VIDEO, 1, 0, picture(5, False))
            head = b"\x46\xff\xff\xff" + (300).to_bytes(3, "big") + b"\x09"
        body = picture(300, False)
        more = b"\xc6" + (stamp if repeated else b"")
        writer.raw(head + stamp + body[:128] + more + body[128:256] + more + body[256:])
    writer.command("createStream", 9, None)
    for size in (1 << 20, 1, 7):
        events = parse(handshake()[0] + bytes(writer.out), b"", size=size)
        assert rows(events, command="createStream")
        assert rows(events, "rtmp_media")[0]["last_timestamp_ms"] == 0x01020304
        assert anomalies(events) == []


@pytest.mark.parametrize(
    ("time", "expected"), [(40, 80), (10_000, 20_000), (10_001, 10_001)], ids=["small", "largest", "too large"]
)
def test_type_3_after_type_0_adds_the_timestamp_unless_it_is_large(time: int, expected: int) -> None:
    writer = Writer().message(6, VIDEO, 1, time, picture(50, False)).raw(b"\xc6" + picture(50, False))
    (row,) = rows(client_says(writer), "rtmp_media")
    assert (row["video_messages"], row["first_timestamp_ms"], row["last_timestamp_ms"]) == (2, time, expected)


def test_a_cut_at_any_place_changes_nothing() -> None:
    data = handshake()[0] + bytes(Writer().video(1, 0, 700, fmt=0).command("createStream", 1, None).out)
    expected = sorted(map(repr, parse(data, b"")))
    for cut in range(3073, len(data)):
        parser = RtmpParser(opening(data, b""))
        events = parser.feed(memoryview(data[:cut]), True) + parser.feed(memoryview(data[cut:]), True)
        assert sorted(map(repr, events + parser.end(True) + parser.end(False))) == expected, cut


def test_abort_drops_the_unfinished_message() -> None:
    writer = Writer()
    next(iter(writer.chunks(5, COMMAND, 0, 0, amf("x" * 500))))
    writer.message(2, 2, 0, 0, struct.pack(">I", 5)).message(5, COMMAND, 0, 0, amf("after"))
    events = client_says(writer)
    assert [row["command"] for row in rows(events, kind="command")] == ["after"]
    assert anomalies(events) == ["RTMP_message_aborted"]


def test_header_before_the_end_of_a_message_drops_it() -> None:
    writer = Writer()
    next(iter(writer.chunks(5, COMMAND, 0, 0, amf("x" * 500))))
    writer.message(5, COMMAND, 0, 0, amf("after"))
    events = client_says(writer)
    assert [row["command"] for row in rows(events, kind="command")] == ["after"]
    assert anomalies(events) == ["RTMP_message_cut"]


def test_huge_command_is_skipped() -> None:
    writer = Writer().set_chunk_size(1 << 20).message(3, COMMAND, 0, 0, bytes((1 << 20) + 1)).command("after", 1)
    events = client_says(writer)
    assert [row["command"] for row in rows(events, kind="command")] == ["after"]
    assert anomalies(events) == ["RTMP_message_too_large"]


def test_many_unfinished_messages_are_bounded() -> None:
    writer = Writer().set_chunk_size(900_000)
    for csid in range(3, 12):
        next(iter(writer.chunks(csid, COMMAND, 0, 0, amf("x") * 250_000)))
    events = client_says(writer)
    assert "RTMP_message_too_large" in anomalies(events)


def test_more_wide_chunk_streams_than_slots() -> None:
    writer = Writer()
    for csid in range(70, 130):
        writer.message(csid, COMMAND, 0, 0, amf("createStream", csid))
    found = rows(client_says(writer), command="createStream")
    assert [row["chunk_stream_id"] for row in found] == list(range(70, 130))


def test_unknown_types_are_counted_and_passed_over() -> None:
    writer = Writer().message(3, 99, 0, 0, noise(500)).message(3, 99, 0, 0, noise(5)).command("after", 1)
    events = client_says(writer)
    assert rows(events, command="after")
    assert [(e.name, e.count) for e in events if isinstance(e, Anomaly)] == [("RTMP_unknown_message_type", 2)]


def test_zero_chunk_size_is_ignored() -> None:
    events = client_says(Writer().message(2, 1, 0, 0, bytes(4)).command("after", 1))
    assert rows(events, command="after")
    assert anomalies(events) == ["RTMP_bad_chunk_size"]


def test_floods_of_one_anomaly_are_summed_up() -> None:
    writer = Writer()
    for _ in range(100):
        writer.message(3, COMMAND, 0, 0, b"\x63")
    found = [event for event in client_says(writer) if isinstance(event, Anomaly)]
    assert len(found) == 17
    assert sum(event.count for event in found) == 100


message = st.tuples(
    st.sampled_from([3, 4, 5, 63, 64, 319, 320, 65599]),
    st.sampled_from([AUDIO, VIDEO, COMMAND, DATA]),
    st.sampled_from([0, 1, 5]),
    st.sampled_from([0, 1, 40, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFFF]) | st.integers(0, 2000),
    st.integers(0, 3),
    st.integers(0, 400),
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    plan=st.lists(message, min_size=1, max_size=12),
    sizes=st.lists(st.sampled_from([1, 2, 64, 128, 129, 300, 4096]), min_size=1, max_size=4),
    seed=st.integers(0, 1 << 16),
)
def test_messages_survive_any_chunking(plan: list[tuple[int, ...]], sizes: list[int], seed: int) -> None:
    """What an encoder with free choice of headers, chunk sizes and interleaving writes is read back."""
    choose = random.Random(seed)
    writer = Writer()
    media: dict[int, list[int]] = {}
    running: dict[int, tuple[Any, tuple[Any, ...]]] = {}
    waiting = list(plan)
    times: dict[int, int] = {}
    while waiting or running:
        if waiting and waiting[0][0] not in running and choose.random() < 0.7:
            csid, kind, msid, step, fmt, size = waiting.pop(0)
            time = times[csid] = (times.get(csid, 0) + step) & 0xFFFFFFFF
            payload = amf("m", size) + bytes(size) if kind in (COMMAND, DATA) else noise(size)
            running[csid] = iter(writer.chunks(csid, kind, msid, time, payload, fmt)), (csid, kind, msid, time, size)
        elif running:
            csid = choose.choice(sorted(running))
            steps, told = running[csid]
            if next(steps, "over") is None:
                if choose.random() < 0.1:
                    writer.set_chunk_size(choose.choice(sizes))
                continue
            del running[csid]
            if told[1] in (AUDIO, VIDEO):
                counts = media.setdefault(told[2], [0, 0, 0, 0])
                counts[told[1] - AUDIO] += 1
                counts[told[1] - AUDIO + 2] += told[4]
    events = client_says(writer)
    names = {COMMAND: "command", DATA: "data"}
    expected = [(names[kind], csid, msid, size) for csid, kind, msid, _, _, size in plan if kind in names]
    found = []
    for row in rows(events, kind="command") + rows(events, kind="data"):
        told = row["transaction_id"] if row["kind"] == "command" else json.loads(row["arguments"])[0]
        found.append((row["kind"], row["chunk_stream_id"], row["message_stream_id"], told))
    assert sorted(found) == sorted(expected)
    assert set(anomalies(events)) <= {"RTMP_bad_amf"}
    counted = {row["message_stream_id"]: row for row in rows(events, "rtmp_media")}
    names4 = ("audio_messages", "video_messages", "audio_bytes", "video_bytes")
    assert {m: [row[n] for n in names4] for m, row in counted.items()} == media


@pytest.mark.parametrize(("name", "orig", "resp"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_bytes_one_by_one_give_the_same_rows(name: str, orig: bytes, resp: bytes) -> None:
    assert sorted(map(repr, parse(orig, resp, size=1))) == sorted(map(repr, parse(orig, resp))), name


def test_kernel_speeds_give_the_same_rows(kernel_speed: str) -> None:
    found = [sorted(map(repr, parse(orig, resp, size=size))) for _, orig, resp in EXAMPLES for size in (97, 1460)]
    kernel.use("plain")
    assert found == [sorted(map(repr, parse(orig, resp))) for _, orig, resp in EXAMPLES for _ in range(2)], kernel_speed
