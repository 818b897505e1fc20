"""RTMP connections built by a small encoder, and what the parser must say of them."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import struct
from collections.abc import Iterable
from typing import Any

import pytest

from iptvforensics.protocol import Anomaly, At, Event, Mark, Opening, Row
from iptvforensics.protocols.rtmp import RtmpParser

# --- the encoder ----------------------------------------------------------------------------------------------

CLIENT_KEY, SERVER_KEY = b"Genuine Adobe Flash Player 001", b"Genuine Adobe Flash Media Server 001"
AUDIO, VIDEO, DATA, COMMAND, AGGREGATE = 8, 9, 18, 20, 22


def amf(*values: Any) -> bytes:
    """Encode values as AMF0; a list of pairs is an ECMA array."""
    out = bytearray()
    for value in values:
        if value is None:
            out += b"\x05"
        elif isinstance(value, bool):
            out += b"\x01" + bytes([value])
        elif isinstance(value, int | float):
            out += b"\x00" + struct.pack(">d", value)
        elif isinstance(value, str):
            out += b"\x02" + struct.pack(">H", len(value.encode())) + value.encode()
        else:
            pairs = value.items() if isinstance(value, dict) else value
            out += b"\x03" if isinstance(value, dict) else b"\x08" + struct.pack(">I", len(value))
            for name, item in pairs:
                out += struct.pack(">H", len(name)) + name.encode() + amf(item)
            out += b"\x00\x00\x09"
    return bytes(out)


class Writer:
    """One direction: messages as chunks, with the headers that the state allows."""

    def __init__(self, chunk_size: int = 128) -> None:
        self.out = bytearray()
        self.chunk_size = chunk_size
        self.last: dict[int, list[int]] = {}  # csid: time, delta, length, type, msid, field was absolute

    def chunks(self, csid: int, kind: int, msid: int, time: int, payload: bytes, fmt: int = 0) -> Iterable[None]:
        """Write one message, one chunk per step, so that the caller can interleave; `fmt` is what is wished for."""
        before = self.last.get(csid)
        delta = (time - before[0]) & 0xFFFFFFFF if before else 0
        if before is None or before[4] != msid:
            fmt = 0
        elif fmt > 1 and (before[2] != len(payload) or before[3] != kind):
            fmt = 1
        elif fmt == 3 and (before[1] != delta or (before[5] and delta > 10_000)):
            fmt = 2
        field = time if fmt == 0 else delta
        extended = struct.pack(">I", field) if field >= 0xFFFFFF else b""
        head = min(field, 0xFFFFFF).to_bytes(3, "big") if fmt < 3 else b""
        if fmt < 2:
            head += len(payload).to_bytes(3, "big") + bytes([kind])
        if fmt == 0:
            head += msid.to_bytes(4, "little")
        assert before is not None or fmt == 0
        self.last[csid] = [time, field, len(payload), kind, msid, fmt == 0 or (fmt == 3 and bool(before and before[5]))]
        self.out += self.basic(fmt, csid) + head + extended
        at = 0
        while True:
            self.out += payload[at : at + self.chunk_size]
            at += self.chunk_size
            yield
            if at >= len(payload):
                return
            self.out += self.basic(3, csid) + extended

    @staticmethod
    def basic(fmt: int, csid: int) -> bytes:
        if csid < 64:
            return bytes([fmt << 6 | csid])
        if csid < 320:
            return bytes([fmt << 6, csid - 64])
        return bytes([fmt << 6 | 1, (csid - 64) & 255, (csid - 64) >> 8])

    def message(self, csid: int, kind: int, msid: int, time: int, payload: bytes, fmt: int = 0) -> Writer:
        for _ in self.chunks(csid, kind, msid, time, payload, fmt):
            pass
        return self

    def command(self, *values: Any, msid: int = 0, csid: int = 3) -> Writer:
        return self.message(csid, COMMAND, msid, 0, amf(*values))

    def set_chunk_size(self, size: int) -> Writer:
        self.message(2, 1, 0, 0, size.to_bytes(4, "big"))
        self.chunk_size = size
        return self

    def raw(self, data: bytes) -> Writer:
        self.out += data
        return self

    def video(self, msid: int, time: int, size: int, *, key: bool = False, fmt: int = 1, csid: int = 6) -> Writer:
        return self.message(csid, VIDEO, msid, time, picture(size, key), fmt)

    def audio(self, msid: int, time: int, size: int, *, fmt: int = 1, csid: int = 4) -> Writer:
        return self.message(csid, AUDIO, msid, time, sound(size), fmt)


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def picture(size: int, key: bool) -> bytes:
    return ((b"\x17" if key else b"\x27") + b"\x01\x00\x00\x00" + noise(size))[:size]


def sound(size: int) -> bytes:
    return (b"\xaf\x01" + noise(size))[:size]


AVCC, ASC = bytes.fromhex("0164001effe1000467640028"), b"\x11\x90"


def block(version: bytes, key: bytes | None, seed: int) -> bytes:
    """Build C1 or S1."""
    out = bytearray(struct.pack(">I", seed) + version + noise(1528 + seed)[:1528])
    if key:
        place = sum(out[8:12]) % 728 + 12
        rest = bytes(out[:place] + out[place + 32 :])
        out[place : place + 32] = hmac.new(key, rest, hashlib.sha256).digest()
    return bytes(out)


def handshake(version: bytes = bytes(4), *, digest: bool = False, first: int = 3) -> tuple[bytes, bytes]:
    """Return what client and server send before the first chunk."""
    c1 = block(version, CLIENT_KEY if digest else None, 1)
    s1 = block(b"\x0d\x0e\x0a\x0d" if digest else version, SERVER_KEY if digest else None, 2)
    return bytes([first]) + c1 + s1, bytes([first]) + s1 + c1


CONNECT = {
    "app": "live", "flashVer": "LNX 9,0,124,2", "tcUrl": "rtmp://tv.example:1935/live", "swfUrl": "http://tv.example/p.swf",
    "pageUrl": "http://tv.example/", "objectEncoding": 0,
}  # fmt: skip
META = [("width", 1280.0), ("height", 720.0), ("framerate", 25.0), ("encoder", "Obscura 4.2")]


def add_media(writer: Writer, msid: int, count: int = 12, start: int = 0) -> None:
    writer.message(6, VIDEO, msid, start, b"\x17\x00\x00\x00\x00" + AVCC)
    writer.message(4, AUDIO, msid, start, b"\xaf\x00" + ASC)
    for i in range(count):
        writer.video(msid, start + 40 * i, 900 + 37 * i, key=i % 5 == 0)
        writer.audio(msid, start + 40 * i + 3, 250 + i % 3)
        writer.audio(msid, start + 40 * i + 24, 250 + i % 3, fmt=3)


def status(code: str, msid: int = 1, **more: Any) -> tuple[list[Any], int]:
    return ["onStatus", 0, None, {"level": "status", "code": code, "description": "as you like", **more}], msid


def answer_connect(server: Writer, chunk_size: int) -> None:
    server.message(2, 5, 0, 0, struct.pack(">I", 2500000)).message(2, 6, 0, 0, struct.pack(">IB", 2500000, 2))
    server.set_chunk_size(chunk_size)
    information = {"level": "status", "code": "NetConnection.Connect.Success", "objectEncoding": 0}
    server.command("_result", 1, {"fmsVer": "FMS/3,0,1,123", "capabilities": 31}, information)


def publish(chunk_size: int = 4096, *, digest: bool = False, key: str = "chan5?pass=q1") -> tuple[bytes, bytes]:
    hello, reply = handshake(b"\x09\x00\x7c\x02" if digest else bytes(4), digest=digest)
    client, server = Writer().raw(hello), Writer().raw(reply)
    client.command("connect", 1, CONNECT).set_chunk_size(chunk_size)
    client.command("releaseStream", 2, None, key).command("FCPublish", 3, None, key).command("createStream", 4, None)
    client.command("publish", 5, None, key, "live", msid=1, csid=8)
    client.message(4, DATA, 1, 0, amf("@setDataFrame", "onMetaData", META))
    add_media(client, 1)
    client.command("FCUnpublish", 6, None, key).command("deleteStream", 7, None, 1)
    answer_connect(server, chunk_size)
    values, msid = status("NetStream.Publish.Start")
    server.command("_result", 4, None, 1).command(*values, msid=msid, csid=5)
    return bytes(client.out), bytes(server.out)


def play(chunk_size: int = 128, names: tuple[str, ...] = ("sport1?token=a1",)) -> tuple[bytes, bytes]:
    hello, reply = handshake()
    client, server = Writer().raw(hello), Writer().raw(reply)
    client.command("connect", 1, CONNECT).command("createStream", 2, None)
    answer_connect(server, chunk_size)
    server.command("_result", 2, None, 1)
    for i, name in enumerate(names):
        client.command("play", 4 + i, None, name, -2, msid=1, csid=8)
        client.message(2, 4, 0, 0, struct.pack(">HII", 3, 1, 3000))
        server.message(2, 4, 0, 0, struct.pack(">HI", 0, 1))
        for code in ("NetStream.Play.Reset", "NetStream.Play.Start"):
            values, msid = status(code)
            server.command(*values, msid=msid, csid=5)
        server.message(5, DATA, 1, 0, amf("onMetaData", META))
        add_media(server, 1, start=5000 * i)
        server.message(2, 4, 0, 0, struct.pack(">HI", 1, 1))
    client.command("deleteStream", 9, None, 1)
    return bytes(client.out), bytes(server.out)


def long_publish(chunk_size: int, count: int = 60) -> bytes:
    client = Writer().raw(handshake()[0]).command("connect", 1, CONNECT).set_chunk_size(chunk_size)
    client.command("publish", 5, None, "chan", msid=1, csid=8)
    add_media(client, 1, count)
    return bytes(client.out)


def encrypted() -> tuple[bytes, bytes]:
    c, s = handshake(b"\x80\x00\x03\x02", digest=True, first=6)
    return c + noise(700), s + noise(900)


EXAMPLES = [
    ("publish", *publish()),
    ("publish-complex-handshake", *publish(60000, digest=True)),
    ("play-chunk-128", *play()),
    ("two-plays", *play(4096, ("sport1", "sport2"))),
    ("encrypted", *encrypted()),
]

# --- running the parser ---------------------------------------------------------------------------------------


def opening(orig: bytes, resp: bytes, midstream: bool = False) -> Opening:
    return Opening("tcp", orig[:8192], resp[:8192], midstream=midstream)


def parse(orig: bytes, resp: bytes, *, midstream: bool = False, size: int = 1 << 30) -> list[Event]:
    parser = RtmpParser(opening(orig, resp, midstream))
    events: list[Event] = []
    for data, side in ((orig, True), (resp, False)):
        for at in range(0, len(data), size):
            events += parser.feed(memoryview(data[at : at + size]), side)
    return events + parser.end(True) + parser.end(False)


def rows(events: list[Event], table: str = "rtmp", **wanted: Any) -> list[dict[str, Any]]:
    found = [
        {**e.values, "offset": e.offset, "side": e.from_orig} for e in events if isinstance(e, Row) and e.table == table
    ]
    return [row for row in found if all(row[name] == value for name, value in wanted.items())]


def anomalies(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, Anomaly)]


def client_says(writer: Writer) -> list[Event]:
    return parse(handshake()[0] + bytes(writer.out), b"")


# --- handshake, commands --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digest", "version", "expected"),
    [
        (False, bytes(4), "simple"),
        (True, b"\x09\x00\x7c\x02", "complex"),
        (False, b"\x0a\x00\x2d\x02", "complex-unverified"),
    ],
    ids=["zero version", "digest", "version without digest"],
)
def test_handshake_is_classified(digest: bool, version: bytes, expected: str) -> None:
    found = rows(parse(*handshake(version, digest=digest)), kind="handshake")
    assert [row["handshake"] for row in found] == [expected, expected]
    assert found[0]["peer_version"] == ".".join(map(str, version))


def test_encrypted_connection_is_named_and_left_alone() -> None:
    events = parse(*encrypted())
    assert [row["handshake"] for row in rows(events)] == ["encrypted", "encrypted"]
    assert anomalies(events) == ["RTMP_encrypted_not_decoded"] * 2


def test_publish_rows_carry_names() -> None:
    events = parse(*publish())
    (connect,) = rows(events, command="connect")
    assert (connect["flash_ver"], connect["swf_url"], connect["page_url"], connect["object_encoding"]) == (
        "LNX 9,0,124,2", "http://tv.example/p.swf", "http://tv.example/", 0.0,
    )  # fmt: skip
    (row,) = rows(events, command="publish")
    assert (row["app"], row["tc_url"], row["stream_name"], row["publish_type"], row["message_stream_id"]) == (
        "live", "rtmp://tv.example:1935/live", "chan5?pass=q1", "live", 1,
    )  # fmt: skip
    assert {r["command"] for r in rows(events, stream_name="chan5?pass=q1")} == {
        "publish", "releaseStream", "FCPublish", "FCUnpublish",
    }  # fmt: skip
    (result,) = rows(events, command="_result", transaction_id=1.0)
    assert (result["fms_ver"], result["status_code"]) == ("FMS/3,0,1,123", "NetConnection.Connect.Success")
    assert rows(events, command="@setDataFrame")[0]["encoder"] == "Obscura 4.2"
    assert rows(events, command="SetChunkSize", side=True)[0]["arguments"] == "[4096]"
    assert anomalies(events) == []


def test_offsets_point_at_the_first_chunk_header() -> None:
    orig, resp = publish()
    for row in rows(parse(orig, resp), side=True):
        if row["kind"] == "command":
            assert orig[row["offset"]] & 63 == row["chunk_stream_id"]
            assert orig[row["offset"] + 7] == COMMAND


@pytest.mark.parametrize(
    ("information", "expected"),
    [
        ({"code": "NetConnection.Connect.Rejected", "ex": {"code": 302, "redirect": "rtmp://b.example/live"}}, "rtmp://b.example/live"),
        ({"code": "NetConnection.Connect.ReconnectRequest", "tcUrl": "rtmp://c.example/x"}, "rtmp://c.example/x"),
        ({"code": "NetConnection.Connect.Rejected", "ex": {"code": 403}}, None),
        ({"code": 7, "ex": [("redirect", 5)]}, None),
    ],
    ids=["redirect", "reconnect", "plain refusal", "wrong types"],
)  # fmt: skip
def test_redirects_are_read(information: dict[str, Any], expected: str | None) -> None:
    events = client_says(Writer().command("_error", 1, None, information))
    assert rows(events, command="_error")[0]["redirect_url"] == expected


def test_reversed_connection_makes_the_responder_the_client() -> None:
    client, server = publish()
    for first, second in ((server, client), (server, b""), (b"", client)):
        parser = RtmpParser(opening(first, second))
        events = parser.feed(memoryview(first), True)
        events += parser.feed(memoryview(second), False)
        assert parser.client_is_orig is False
        assert rows(events, kind="handshake")


def test_handshake_row_waits_until_roles_are_known() -> None:
    hello = handshake()[0]
    parser = RtmpParser(opening(hello, b""))
    first = parser.feed(memoryview(hello), True)
    assert not rows(first)
    assert Mark(True, 0) in first
    assert (
        rows(parser.feed(memoryview(bytes(Writer().command("connect", 1, CONNECT).out)), True))[0]["kind"]
        == "handshake"
    )


def test_rows_do_not_wait_for_ever_for_the_roles() -> None:
    data = handshake()[0] + bytes(Writer().message(5, DATA, 1, 0, amf("onCuePoint")).out) * 100
    parser = RtmpParser(opening(data, b""))
    assert len(rows(parser.feed(memoryview(data), True))) == 101


def test_amf3_command_with_and_without_leading_zero() -> None:
    body = amf("connect", 1, CONNECT)
    events = client_says(Writer().message(3, 17, 0, 0, b"\0" + body).message(3, 17, 0, 0, body))
    assert [row["app"] for row in rows(events, command="connect")] == ["live", "live"]


def test_shared_object_is_noted_by_name() -> None:
    events = client_says(Writer().message(3, 19, 0, 0, b"\x00\x04room" + bytes(8)))
    assert rows(events, kind="data")[0]["command"] == "room"


@pytest.mark.parametrize(
    "payload", [b"\x02\x00\x09short", b"\x02\x00\x01a\x0e", b"\x63"], ids=["cut", "marker", "junk"]
)
def test_bad_amf_is_an_anomaly_and_the_row_stays(payload: bytes) -> None:
    events = client_says(Writer().message(3, COMMAND, 0, 0, payload).command("createStream", 4, None))
    assert anomalies(events) == ["RTMP_bad_amf"]
    assert [row["command"] for row in rows(events, kind="command")][1] == "createStream"


def test_play2_names_its_stream_in_an_object() -> None:
    events = client_says(Writer().command("play2", 0, None, {"streamName": "hd", "transition": "switch"}, msid=1))
    assert rows(events, command="play2")[0]["stream_name"] == "hd"


def test_short_user_control_is_an_anomaly() -> None:
    assert anomalies(client_says(Writer().message(2, 4, 0, 0, b"\0\0\1"))) == ["RTMP_bad_user_control"]


def test_odd_numbers_become_json_and_null() -> None:
    events = client_says(Writer().command("play", float("nan"), None, "x", float("inf"), msid=1))
    (row,) = rows(events, command="play")
    assert row["transaction_id"] is None
    assert row["play_start"] is None
    assert json.loads(row["arguments"]) == [None, "x", "inf"]


# --- media ----------------------------------------------------------------------------------------------------


def test_published_media_are_counted() -> None:
    orig, resp = publish()
    (row,) = rows(parse(orig, resp), "rtmp_media")
    expected = {
        "side": True, "role": "publish", "stream_name": "chan5?pass=q1", "app": "live", "message_stream_id": 1,
        "audio_messages": 25, "video_messages": 13, "data_messages": 1, "key_frames": 3,
        "audio_bytes": 4 + sum(2 * (250 + i % 3) for i in range(12)),
        "video_bytes": 5 + len(AVCC) + sum(900 + 37 * i for i in range(12)),
        "first_timestamp_ms": 0, "last_timestamp_ms": 464, "media_s": 0.464,
        "video_codec": "avc1", "audio_codec": "mp4a",
        "width": 1280, "height": 720, "frame_rate": 25.0, "encoder": "Obscura 4.2", "missing_bytes": 0,
        "video_config": AVCC.hex(), "audio_config": ASC.hex(), "config_changes": 0, "complete": True,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    last = row["last_frame_no"]
    assert last == row["last_ns"] == At(True, orig.index(amf("FCUnpublish", 6)) - 13)


def test_played_media_get_the_name_that_the_client_asked_for() -> None:
    for order in ((True, False), (False, True)):
        orig, resp = play(names=("a", "b", "c"))
        parser = RtmpParser(opening(orig, resp))
        events: list[Event] = []
        for side in order:
            events += parser.feed(memoryview(orig if side else resp), side)
            events += parser.end(side)
        found = rows(events, "rtmp_media")
        assert [(row["role"], row["stream_name"], row["app"], row["side"]) for row in found] == [
            ("play", name, "live", False) for name in "abc"
        ]
        assert [row["video_messages"] for row in found] == [13, 13, 13]


def test_times_after_a_seek_count_anew(kernel_speed: str) -> None:
    server = Writer().raw(handshake()[1])
    for code, begin in (("Play.Start", 0), ("Seek.Notify", 0), ("Seek.Notify", 60_000)):
        values, msid = status(f"NetStream.{code}")
        server.command(*values, msid=msid, csid=5)
        for i in range(26):
            server.message(6, VIDEO, 1, begin + 40 * i, picture(50, False))
    (row,) = rows(parse(b"", bytes(server.out)), "rtmp_media")
    assert (row["media_s"], row["first_timestamp_ms"], row["last_timestamp_ms"]) == (3.0, 0, 61_000)


def test_seek_does_not_begin_another_play() -> None:
    server = Writer().raw(handshake()[1])
    for code in ("Play.Reset", "Play.Start", "Seek.Notify", "Play.Start", "Play.Start"):
        values, msid = status(f"NetStream.{code}")
        server.command(*values, msid=msid, csid=5)
        if code != "Play.Reset":
            server.video(1, 0, 600, key=True)
    assert [row["video_messages"] for row in rows(parse(b"", bytes(server.out)), "rtmp_media")] == [3, 1]


def test_publish_again_on_the_same_stream_is_another_row() -> None:
    client = Writer()
    for name in ("one", "two"):
        client.command("publish", 5, None, name, "live", msid=1)
        add_media(client, 1)
    found = rows(client_says(client), "rtmp_media")
    assert [(row["stream_name"], row["video_messages"]) for row in found] == [("one", 13), ("two", 13)]


def test_two_message_streams_are_kept_apart() -> None:
    client = Writer()
    client.command("publish", 5, None, "a", msid=1).command("publish", 6, None, "b", msid=2)
    for i in range(4):
        client.video(1, i * 40, 300, csid=6).video(2, i * 40, 500, csid=7)
    client.video(2, 160, 500, csid=7)
    client.command("deleteStream", 7, None, 2)
    found = {row["stream_name"]: row for row in rows(client_says(client), "rtmp_media")}
    assert (found["a"]["video_messages"], found["a"]["video_bytes"]) == (4, 1200)
    assert (found["b"]["video_messages"], found["b"]["video_bytes"]) == (5, 2500)


def test_publish_without_media_still_has_a_row() -> None:
    (row,) = rows(client_says(Writer().command("publish", 5, None, "quiet", msid=1)), "rtmp_media")
    assert (row["stream_name"], row["video_messages"], row["media_s"], row["last_frame_no"]) == ("quiet", 0, None, None)


def test_more_message_streams_than_are_counted() -> None:
    client = Writer()
    for msid in range(1, 41):
        client.command("publish", 5, None, str(msid), msid=msid).video(msid, 0, 300)
    events = client_says(client)
    found = [event for event in events if isinstance(event, Anomaly)]
    assert [(event.name, event.count) for event in found] == [("RTMP_too_many_message_streams", 8)]
    assert sum(row["video_messages"] for row in rows(events, "rtmp_media")) == 32


def test_time_wraps_and_jumps_do_not_add_duration() -> None:
    client = Writer().command("publish", 5, None, "a", msid=1)
    for time in (0xFFFFFFD8, 0, 40, 60_000_000, 60_000_040, 50_000_000, 50_000_040):
        client.message(6, VIDEO, 1, time, picture(50, False))
    (row,) = rows(client_says(client), "rtmp_media")
    assert (row["first_timestamp_ms"], row["last_timestamp_ms"], row["media_s"]) == (0xFFFFFFD8, 50_000_040, 0.16)


def test_changed_configuration_is_counted() -> None:
    client = Writer().command("publish", 5, None, "a", msid=1)
    for config in (AVCC, AVCC, AVCC + b"\1", AVCC):
        client.message(6, VIDEO, 1, 0, b"\x17\x00\x00\x00\x00" + config)
    (row,) = rows(client_says(client), "rtmp_media")
    assert (row["config_changes"], row["video_config"]) == (2, AVCC.hex())


def test_further_tracks_change_nothing_of_the_first() -> None:
    client = Writer().command("publish", 5, None, "a", msid=1)
    client.message(6, VIDEO, 1, 0, b"\x90avc1" + AVCC)
    client.message(6, VIDEO, 1, 0, b"\x96\x00hvc1\x01" + AVCC + b"\1")
    for time in (0, 40):
        client.message(6, VIDEO, 1, time, b"\x91avc1\0\0\0P").message(6, VIDEO, 1, time, b"\x96\x01hvc1\x01\0\0\0P")
    (row,) = rows(client_says(client), "rtmp_media")
    assert (row["video_messages"], row["key_frames"], row["config_changes"]) == (6, 2, 0)
    assert (row["video_codec"], row["video_config"]) == ("avc1", AVCC.hex())


def tag(kind: int, time: int, body: bytes) -> bytes:
    stamp = (time & 0xFFFFFF).to_bytes(3, "big") + bytes([time >> 24])
    return bytes([kind]) + len(body).to_bytes(3, "big") + stamp + bytes(3) + body + (11 + len(body)).to_bytes(4, "big")


def test_aggregate_is_opened() -> None:
    client = Writer().command("publish", 5, None, "a", msid=1)
    body = tag(9, 100, b"\x17\0\0\0\0" + AVCC) + tag(9, 100, picture(400, True)) + tag(8, 121, sound(90))
    body += tag(18, 130, amf("onMetaData", META)) + tag(9, 140, picture(300, False))
    client.message(4, AGGREGATE, 1, 5000, body)
    (row,) = rows(client_says(client), "rtmp_media")
    assert (row["video_messages"], row["audio_messages"], row["data_messages"], row["key_frames"]) == (3, 1, 1, 1)
    assert (row["first_timestamp_ms"], row["last_timestamp_ms"], row["width"]) == (5000, 5040, 1280)
    assert row["video_config"] == AVCC.hex()


def test_aggregate_with_a_cut_tag_is_an_anomaly() -> None:
    client = Writer().message(4, AGGREGATE, 1, 0, tag(8, 0, sound(90)) + tag(9, 0, picture(90, True))[:40])
    assert anomalies(client_says(client)) == ["RTMP_bad_aggregate"]
