"""Lost bytes, missing beginnings, and the search for the next chunk."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.protocol import Anomaly, Event, Mark
from iptvforensics.protocols import _rtmp_sync
from iptvforensics.protocols.rtmp import RtmpParser

_spec = importlib.util.spec_from_file_location("rtmp_connections", Path(__file__).with_name("test_rtmp.py"))
assert _spec is not None
assert _spec.loader is not None
rtmp: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rtmp)
AUDIO = rtmp.AUDIO
VIDEO = rtmp.VIDEO
CONNECT = rtmp.CONNECT
Writer = rtmp.Writer
amf = rtmp.amf
anomalies = rtmp.anomalies
block = rtmp.block
encrypted = rtmp.encrypted
handshake = rtmp.handshake
long_publish = rtmp.long_publish
noise = rtmp.noise
opening = rtmp.opening
parse = rtmp.parse
picture = rtmp.picture
play = rtmp.play
publish = rtmp.publish
rows = rtmp.rows
sound = rtmp.sound


def test_gap_in_the_handshake_keeps_the_place_of_the_first_chunk() -> None:
    data = publish()[0]
    for at, length, expected in (
        (500, 600, ["RTMP_handshake_incomplete"]),
        (100, 2973, ["RTMP_handshake_incomplete"]),
        (2000, 1073, []),
        (1537, 10, []),
    ):
        parser = RtmpParser(opening(data, b""))
        events = parser.feed(memoryview(data[:at]), True) + parser.gap(length, True)
        events += parser.feed(memoryview(data[at + length :]), True) + parser.end(True) + parser.end(False)
        assert anomalies(events) == expected
        assert next(row["command"] for row in rows(events, kind="command")) == "connect"
        assert len(rows(events, kind="handshake")) == 1 - len(expected)


def test_gap_beyond_the_handshake_is_searched() -> None:
    data = publish()[0]
    parser = RtmpParser(opening(data, b""))
    events = parser.feed(memoryview(data[:1000]), True) + parser.gap(3500, True)
    events += parser.feed(memoryview(data[4500:]), True) + parser.end(True) + parser.end(False)
    assert anomalies(events) == ["RTMP_handshake_incomplete", "RTMP_resynchronised"]
    assert rows(events, command="FCUnpublish")


def test_short_handshake_is_reported() -> None:
    assert anomalies(parse(publish()[0][:900], b"")) == ["RTMP_handshake_incomplete"]
    assert anomalies(parse(publish()[0][:2000], b"")) == []


def test_handshake_is_read_though_the_flow_is_said_to_be_midstream() -> None:
    for digest in (False, True):
        version = b"\x09\x00\x7c\x02" if digest else bytes(4)
        events = parse(*handshake(version, digest=digest), midstream=True)
        assert [row["handshake"] for row in rows(events)] == ["complex" if digest else "simple"] * 2
        assert anomalies(events) == []


@pytest.mark.parametrize("first", [3, 6, 64], ids=["like plain", "like encrypted", "type 1"])
@pytest.mark.parametrize("count", [6, 60], ids=["short", "long"])
def test_chunks_that_begin_like_a_handshake_are_read_midstream(first: int, count: int) -> None:
    writer = Writer(4096)
    csid = first & 63 or 6
    writer.video(1, 0, 90, csid=csid, fmt=0)
    if first == 64:
        writer.out.clear()
    for i in range(count):
        writer.video(1, 40 * i, 90, csid=csid)
    events = parse(bytes(writer.out), b"", midstream=True)
    assert rows(events, "rtmp_media")[0]["video_messages"] == count + (first != 64)
    assert anomalies(events) == ["RTMP_resynchronised"]


def test_stream_without_handshake_is_reported_and_searched() -> None:
    writer = Writer(4096).video(1, 0, 90, fmt=0)
    for i in range(9):
        writer.video(1, 40 * i, 9000).audio(1, 40 * i, 90)
    events = parse(b"\xff" * 40 + bytes(writer.out), b"")
    assert anomalies(events) == ["RTMP_no_handshake", "RTMP_resynchronised"]
    assert rows(events, "rtmp_media")[0]["video_messages"] == 10


@pytest.mark.parametrize("chunk_size", [128, 4096, 60000, 777], ids=lambda size: f"chunk size {size}")
def test_reading_begins_midstream(chunk_size: int, kernel_speed: str) -> None:
    client = Writer(chunk_size)
    client.message(6, VIDEO, 1, 0, picture(30, False)).message(4, AUDIO, 1, 0, sound(30))
    client.out.clear()
    for i in range(30):
        client.video(1, 40 * i, 3000 + 70000 * (i % 6 == 3), key=True).audio(1, 40 * i, 200)
    lost = 5000
    events = parse(bytes(client.out[lost:]), b"", midstream=True)
    (found,) = [event for event in events if isinstance(event, Anomaly)]
    assert found.name == "RTMP_resynchronised"
    assert found.detail.startswith(f"chunk size {chunk_size} guessed; ")
    (row,) = rows(events, "rtmp_media")
    unusual = chunk_size == 777  # told only by a message that has several chunks: the audio before it is lost
    assert (row["video_messages"], row["audio_messages"]) == (28, 28 if unusual else 29)
    assert (row["role"], row["message_stream_id"], row["complete"]) == ("unknown", None, False)


def test_midstream_play_is_named_if_the_client_side_was_seen() -> None:
    orig, resp = play()
    parser = RtmpParser(opening(orig, resp))
    begin = resp.index(b"\x17\x01")
    events = parser.feed(memoryview(orig), True) + parser.gap(begin, False)
    events += parser.feed(memoryview(resp[begin:]), False) + parser.end(True) + parser.end(False)
    (row,) = rows(events, "rtmp_media")
    assert (row["role"], row["stream_name"], row["complete"]) == ("play", "sport1?token=a1", False)


def test_gap_inside_a_chunk_keeps_sync() -> None:
    data = long_publish(4096)
    at = data.index(picture(900 + 37 * 20, True)[:50]) + 40
    parser = RtmpParser(opening(data, b""))
    events = parser.feed(memoryview(data[:at]), True) + parser.gap(500, True)
    events += parser.feed(memoryview(data[at + 500 :]), True) + parser.end(True) + parser.end(False)
    assert anomalies(events) == []
    (row,) = rows(events, "rtmp_media")
    assert (row["video_messages"], row["missing_bytes"], row["complete"]) == (61, 500, False)
    whole = rows(parse(data, b""), "rtmp_media")[0]
    assert row["video_bytes"] == whole["video_bytes"] - 500
    assert whole["complete"] is True


@pytest.mark.parametrize("chunk_size", [128, 4096], ids=lambda size: f"chunk size {size}")
def test_gaps_anywhere_lose_little(chunk_size: int) -> None:
    data = long_publish(chunk_size)
    first = data.index(b"\x17\x01")
    (whole,) = rows(parse(data, b""), "rtmp_media")
    for at in range(first, len(data) - 30_000, 997):
        parser = RtmpParser(opening(data, b""))
        events = parser.feed(memoryview(data[:at]), True) + parser.gap(1460, True)
        events += parser.feed(memoryview(data[at + 1460 :]), True) + parser.end(True) + parser.end(False)
        (row,) = rows(events, "rtmp_media")
        assert row["missing_bytes"] == 1460
        assert row["video_messages"] + row["audio_messages"] >= 182 - 12, at
        assert row["last_timestamp_ms"] in (None, whole["last_timestamp_ms"])
        assert set(anomalies(events)) <= {"RTMP_resynchronised", "RTMP_message_incomplete"}


def publish_without(lost: range, sound_from: int = 0) -> list[Event]:
    """Return what is said of a publication of 90 pictures, some of them lost with the sound between."""
    client = Writer().raw(handshake()[0]).command("connect", 1, CONNECT).set_chunk_size(4096)
    client.command("publish", 5, None, "chan", msid=1, csid=8)
    begins = []
    for i in range(90):
        begins.append(len(client.out))
        client.video(1, 100_000 + 40 * i, 900, key=i % 25 == 0)
        if i >= sound_from:
            client.audio(1, 100_000 + 40 * i, 200)
    data, begin, end = bytes(client.out), begins[lost.start], begins[lost.stop]
    parser = RtmpParser(opening(data, b""))
    events = parser.feed(memoryview(data[:begin]), True) + parser.gap(end - begin, True)
    return events + parser.feed(memoryview(data[end:]), True) + parser.end(True) + parser.end(False)


def test_times_after_a_gap_are_not_known_until_one_is_sent(kernel_speed: str) -> None:
    (row,) = rows(publish_without(range(30, 60)), "rtmp_media")
    assert (row["first_timestamp_ms"], row["last_timestamp_ms"]) == (100_000, None)
    assert row["media_s"] == 59 * 0.04  # what was lost is left out


def test_media_whose_first_headers_were_lost_belong_to_the_only_stream_that_was_opened(kernel_speed: str) -> None:
    (row,) = rows(publish_without(range(3)), "rtmp_media")
    assert (row["stream_name"], row["message_stream_id"], row["complete"]) == ("chan", 1, False)
    assert (row["video_messages"], row["audio_messages"]) == (87, 87)
    assert (row["first_timestamp_ms"], row["last_timestamp_ms"]) == (None, None)


def test_media_counted_before_their_stream_was_named_are_part_of_it(kernel_speed: str) -> None:
    writer = Writer(4096).video(1, 0, 90).audio(1, 0, 90)
    writer.out.clear()
    for i in range(1, 60):
        writer.video(1, 40 * i, 900, fmt=0 if i == 30 else 1).audio(1, 40 * i, 200)
    data = bytes(writer.out)
    parser = RtmpParser(opening(data, b"", midstream=True))
    events = [event for at in range(0, len(data), 777) for event in parser.feed(memoryview(data[at : at + 777]), True)]
    events += parser.end(True) + parser.end(False)
    (row,) = rows(events, "rtmp_media")
    assert rows(parse(data, b"", midstream=True), "rtmp_media") == [row]
    assert (row["message_stream_id"], row["video_messages"], row["audio_messages"]) == (1, 59, 59)
    assert (row["first_timestamp_ms"], row["last_timestamp_ms"]) == (None, 40 * 59)


def test_nothing_is_lost_where_several_streams_are_named_one_after_the_other(kernel_speed: str) -> None:
    writer = Writer(4096).video(1, 0, 90, csid=6).video(2, 0, 90, csid=7).video(3, 0, 90, csid=8)
    writer.out.clear()
    for i in range(1, 60):
        for msid in (1, 2, 3):
            writer.video(msid, 40 * i, 900, csid=5 + msid, fmt=0 if i == 20 * msid and msid < 3 else 1)
    found = rows(parse(bytes(writer.out), b"", midstream=True), "rtmp_media")
    assert sum(row["video_messages"] for row in found) == 3 * 59
    assert 2 in [row["message_stream_id"] for row in found]


def test_times_that_count_from_different_places_are_not_mixed(kernel_speed: str) -> None:
    (row,) = rows(publish_without(range(3), sound_from=50), "rtmp_media")  # pictures count from 0, sound from 100 s
    assert (row["video_messages"], row["audio_messages"]) == (87, 40)
    assert (row["first_timestamp_ms"], row["last_timestamp_ms"]) == (None, 100_000 + 40 * 89)
    assert row["media_s"] == pytest.approx(86 * 0.04)


def test_gap_and_search_do_not_depend_on_pieces() -> None:
    data = long_publish(128, 12)

    def run(size: int) -> list[str]:
        parser = RtmpParser(opening(data, b""))
        events: list[Event] = []
        for part in (data[:9000], None, data[10460:]):
            if part is None:
                events += parser.gap(1460, True)
                continue
            for at in range(0, len(part), size):
                events += parser.feed(memoryview(part[at : at + size]), True)
        return sorted(map(repr, events + parser.end(True) + parser.end(False)))

    assert run(1) == run(100) == run(1 << 20)


MEDIA_FORMS = {
    "enhanced": (b"\xa1hvc1\0\0\0", b"\x91Opus"),
    "enhanced, modified": (b"\xa7\x02\1\2\3\x01av01", b"\x97\x02\1\2\3\x01ec-3"),
    "old codecs": (b"\x22", b"\x2f"),
    "hevc by number": (b"\x2c\x01\0\0\0", b"\x7e"),
    "unlisted": (b"\x2e\x01\0\0\0", b"\xbe"),
}


@pytest.mark.parametrize(("video", "sound_start"), MEDIA_FORMS.values(), ids=MEDIA_FORMS)
@pytest.mark.parametrize("fmt", [0, 1], ids=["type 0", "type 1"])
def test_codecs_are_recognised_midstream(video: bytes, sound_start: bytes, fmt: int) -> None:
    writer = Writer(4096)
    writer.message(6, VIDEO, 1, 0, video + noise(20)).message(4, AUDIO, 1, 0, sound_start + noise(20))
    writer.out.clear()
    for i in range(1, 30):
        writer.message(6, VIDEO, 1, 40 * i, video + noise(5000 + i), fmt)
        writer.message(4, AUDIO, 1, 40 * i, sound_start + noise(200 + i), fmt)
    for kind, size in ((6, 5), (3, 4), (5, 4), (4, 6), (17, 40), (15, 40), (20, 40), (18, 40), (22, 40), (1, 4)):
        body = {1: b"\0\0\x10\0", 17: b"\0" + amf("x" * 35), 15: b"\0" + amf("x" * 35)}.get(kind, amf("x" * 37))
        writer.message(2 if kind < 8 else 5, kind, 0, 0, body[:size].ljust(size, b"\5"))
    writer.message(6, VIDEO, 1, 4000, video + noise(80))
    events = parse(bytes(writer.out[3000:]), b"", midstream=True)
    found = anomalies(events)
    assert found[0] == "RTMP_resynchronised"
    assert "RTMP_not_synchronised" not in found
    assert found.count("RTMP_resynchronised") == 1
    assert sum(row["video_messages"] for row in rows(events, "rtmp_media")) == 29


def test_made_up_headers_do_not_stop_the_search_for_long() -> None:
    """Each of these looks like a header and is none; each costs a trial per chunk size."""
    fake = b"\x46\x00\x00\x28\x01\x00\x00\x09\x27\x01\x00\x00\x00" + b"\xc6" * 9
    parser = RtmpParser(opening(b"", b"", midstream=True))
    with kernel_calls() as calls:
        events = parser.feed(memoryview(fake * 20_000), True)
    assert events == []
    assert calls[0] < 60_000


@contextmanager
def kernel_calls() -> Iterator[list[int]]:
    """Count the walks over chunks while the block runs."""
    calls = [0]
    original = _rtmp_sync.walk_chunks

    def counted(*arguments: Any) -> int:
        calls[0] += 1
        return original(*arguments)

    _rtmp_sync.walk_chunks = counted  # type: ignore[assignment]
    try:
        yield calls
    finally:
        _rtmp_sync.walk_chunks = original


@pytest.mark.parametrize("size", [1, 13, 1 << 20], ids=["bytes", "pieces", "whole"])
@pytest.mark.parametrize(
    "bad", [b"\xd1", b"\x91\0\0\1", b"\x51" + bytes(6) + b"\x63"], ids=["type 3", "type 2", "type 1"]
)
def test_impossible_header_begins_a_search(bad: bytes, size: int) -> None:
    writer = Writer(4096).video(1, 0, 900, fmt=0).raw(bad * 5)
    for i in range(1, 9):
        writer.video(1, 40 * i, 5000)
    set_size = b"\x02" + bytes(3) + b"\0\0\4\1" + bytes(4) + struct.pack(">I", 4096)
    events = parse(handshake()[0] + set_size + bytes(writer.out), b"", size=size)
    (found,) = [event for event in events if isinstance(event, Anomaly)]
    assert found.name == "RTMP_resynchronised"
    assert found.detail == f"chunk size 4096 known from before; {5 * len(bad)} captured bytes skipped"
    (row,) = rows(events, "rtmp_media")
    assert (row["video_messages"], row["missing_bytes"], row["complete"]) == (9, 0, False)


def test_gap_while_searching() -> None:
    data = long_publish(4096)
    at = data.index(b"\x17\x01") + 4000
    for first, between, second in ((700, 40, 900), (5000, 3000, 300), (5000, 30_000, 6000)):
        parser = RtmpParser(opening(data, b""))
        rest = at + first + between
        events = parser.feed(memoryview(data[:at]), True) + parser.gap(first, True)
        events += parser.feed(memoryview(data[at + first : rest]), True) + parser.gap(second, True)
        events += parser.feed(memoryview(data[rest + second :]), True) + parser.end(True) + parser.end(False)
        (row,) = rows(events, "rtmp_media")
        assert row["missing_bytes"] == first + second
        assert row["video_messages"] > 30
        skipped = [e.detail for e in events if isinstance(e, Anomaly) and e.name == "RTMP_resynchronised"]
        assert skipped
        assert all("known from before" in detail and "; -" not in detail for detail in skipped)


def test_command_with_a_hole_is_dropped() -> None:
    writer = Writer(4096).raw(handshake()[0])
    writer.raw(b"\x02" + bytes(3) + b"\0\0\4\1" + bytes(4) + struct.pack(">I", 4096))
    begin = len(writer.out)
    data = bytes(writer.command("connect", 1, CONNECT).command("createStream", 2, None).out)
    parser = RtmpParser(opening(data, b""))
    events = parser.feed(memoryview(data[: begin + 100]), True) + parser.gap(10, True)
    events += parser.feed(memoryview(data[begin + 110 :]), True) + parser.end(True)
    assert anomalies(events) == ["RTMP_message_incomplete"]
    assert [row["command"] for row in rows(events, kind="command")] == ["createStream"]


def test_junk_is_reported_as_not_readable() -> None:
    events = parse(noise(20_000), b"", midstream=True)
    assert anomalies(events) == ["RTMP_not_synchronised"]
    assert rows(events, "rtmp_media") == []


def test_truncated_stream_is_reported() -> None:
    orig, _ = publish()
    at = orig.index(picture(900 + 37 * 5, True)[:60]) + 30
    events = parse(orig[:at], b"")
    assert anomalies(events) == ["RTMP_stream_ends_inside_message"]
    assert rows(events, "rtmp_media")[0]["complete"] is False


def test_end_of_media_is_marked_when_other_bytes_follow_for_long() -> None:
    client = (
        Writer(1 << 16)
        .raw(handshake()[0])
        .raw(b"\x02" + bytes(3) + b"\0\0\4\1" + bytes(4) + struct.pack(">I", 1 << 16))
    )
    client.command("publish", 5, None, "a", msid=1).video(1, 0, 5000)
    last = len(client.out) - 1
    for _ in range(30):
        client.message(5, AUDIO, 2, 0, sound(60_000))
    parser = RtmpParser(opening(bytes(client.out), b""))
    assert Mark(True, last) in parser.feed(memoryview(bytes(client.out)), True)
