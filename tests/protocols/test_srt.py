"""SRT: handshakes, what goes in connections, what is sent again, and what only looks like SRT."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from iptvforensics.protocol import Anomaly, At, ContentBegin, ContentEnd, ContentGap, Event, Opening, Row
from iptvforensics.protocols._srt_stream import MAX_HELD_PACKETS, MAX_WAIT_US
from iptvforensics.protocols.srt import MAX_CONNECTIONS, SrtParser, detect

from .events import handed_on

TS = b"".join(b"\x47\x01\x00" + bytes((0x10 | i,)) + bytes(184) for i in range(7))
CALLER, LISTENER, FIRST = 0x1111, 0x2222, 0x7FFF_FFF0
PEER = bytes((51, 113, 0, 203)) + bytes(12)


def data(number: int, payload: bytes = TS, *, socket: int = LISTENER, key: int = 0, resent: bool = False) -> bytes:
    second = 0xE000_0000 | key << 27 | resent << 26 | (number + 1)
    return struct.pack("!IIII", FIRST + number & 0x7FFF_FFFF, second, number * 1000, socket) + payload


def control(kind: int, body: bytes = bytes(4), *, info: int = 0, socket: int = CALLER, subtype: int = 0) -> bytes:
    return struct.pack("!HHIII", 0x8000 | kind, subtype, info, 5, socket) + body


def shake(
    kind: int, own: int, *extensions: bytes, version: int = 5, field: int = 0, to: int = 0, key: int = 0
) -> bytes:
    fixed = struct.pack("!IHHIIIIII", version, key, field, FIRST, 1500, 8192, kind, own, 0xC00C1E)
    return control(0, fixed + PEER + b"".join(extensions), socket=to)


def extension(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", kind, len(body) // 4) + body


def words(text: str) -> bytes:
    raw = text.encode() + bytes(-len(text.encode()) % 4)
    return b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))


HSREQ = extension(1, struct.pack("!IIHH", 0x010501, 0xBF, 120, 80))
HSRSP = extension(2, struct.pack("!IIHH", 0x010403, 0xBF, 200, 120))
KEYS = bytes((0x12, 0x20, 0x29, 1)) + bytes(4) + bytes((2, 0, 2, 0, 0, 0, 4, 6)) + bytes(16 + 32)


def opened(*more: bytes, stream_id: str = "#!::u=falcon,r=live/five,m=publish") -> tuple[list[bytes], list[bytes]]:
    return [
        shake(1, CALLER, version=4, field=2),
        shake(0xFFFF_FFFF, CALLER, HSREQ, *more, extension(5, words(stream_id)), field=5),
    ], [
        shake(1, LISTENER + 7, field=0x4A17, to=CALLER),
        shake(0xFFFF_FFFF, LISTENER, HSRSP, *more, field=1, to=CALLER),
    ]


def ack(number: int, rtt: int = 9000) -> bytes:
    return control(2, struct.pack("!IIII", FIRST + number & 0x7FFF_FFFF, rtt, 1, 100), info=1)


CALL, ANSWER = opened()
EXAMPLES = [
    ("publish", [*CALL, *(data(n) for n in range(20)), control(5, socket=LISTENER)], [*ANSWER, ack(20)]),
    ("play", CALL, [*ANSWER, *(data(n, socket=CALLER) for n in range(20)), control(5)]),
    ("encrypted", [*opened(extension(3, KEYS))[0], *(data(n, bytes(1300), key=1) for n in range(5))], ANSWER),
    ("midstream", [data(n) for n in range(10)], [ack(4), ack(8)]),
]


def feed(*steps: tuple[bytes, bool], end: bool = True) -> list[Event]:
    orig = next((what for what, side in steps if side), b"")
    parser = SrtParser(Opening("udp", orig, b""))
    events = [event for what, side in steps for event in parser.feed(memoryview(what), side)]
    return events + [event for side in (True, False) for event in (parser.end(side) if end else [])]


def talk(*after: tuple[bytes, bool], **how: Any) -> list[Event]:
    """Return the events of a connection that is opened, and of what follows."""
    call, answer = opened(**how)
    return feed((call[0], True), (answer[0], False), (call[1], True), (answer[1], False), *after)


def row(events: list[Event], table: str) -> dict[str, Any]:
    (found,) = (event.values for event in events if isinstance(event, Row) and event.table == table)
    return found


def numbered(number: int) -> bytes:
    return TS[:-4] + struct.pack("!I", number)


def publish(order: list[int], **how: Any) -> list[Event]:
    return talk(*((data(n, numbered(n), **how), True) for n in order))


def repair(number: int, *, socket: int = LISTENER) -> bytes:
    """Return a packet of the filter `fec`, whose group ends with a data packet (row 0 of a real connection)."""
    head = struct.pack("!IIII", FIRST + number & 0x7FFF_FFFF, 0xC000_0000, 43, socket)
    return head + bytes.fromhex("ff0002c400000120") + bytes(1448)


def test_packets_of_a_filter_are_no_media() -> None:
    events = talk(*((data(n), True) for n in range(10)), (repair(9), True), (data(10), True))
    values = row(events, "srt_streams")
    assert (values["packets"], values["repair_packets"], values["copied_packets"]) == (12, 1, 0)
    assert handed_on(events) == [TS * 11]


def test_packets_of_a_filter_fill_no_place_of_one_that_is_missing() -> None:
    events = talk(*((data(n), True) for n in range(9)), (repair(9), True), (data(10), True))
    assert handed_on(events) == [TS * 9, 1316, TS]
    assert row(events, "srt_streams")["lost_packets"] == 1


def test_packets_of_a_filter_may_come_first() -> None:
    events = feed((repair(0), True), *((data(n), True) for n in range(1, 5)))
    assert handed_on(events) == [TS * 4]
    assert row(events, "srt_streams")["lost_packets"] == 0


def test_media_are_read_where_messages_count_from_zero() -> None:
    first = struct.pack("!IIII", FIRST, 0xE000_0000, 0, LISTENER) + TS
    assert handed_on(feed((first, True), (data(1), True))) == [TS * 2]


def test_the_row_of_a_connection() -> None:
    values = row(talk((data(0), True), (control(5, socket=LISTENER), True)), "srt")
    expected = {
        "caller_socket": CALLER, "listener_socket": LISTENER, "mode": "caller-listener", "is_agreed": True,
        "stream_id": "#!::u=falcon,r=live/five,m=publish", "resource": "live/five", "access_mode": "publish",
        "username": "falcon", "caller_library": "1.5.1", "listener_library": "1.4.3", "latency_ms": 200,
        "caller_sees_ip": "203.0.113.51", "mtu": 1500, "closed_by": "caller",
    }  # fmt: skip
    assert {name: values.get(name) for name in expected} == expected
    assert "cipher" not in values
    assert values["response_frame_no"] == At(False, len(ANSWER[0]))
    assert "rexmit" in values["caller_flags"]


def test_the_row_of_a_direction() -> None:
    events = talk(*((data(n), True) for n in range(20)), (ack(20), False))
    values = row(events, "srt_streams")
    begin = sum(map(len, CALL))
    expected = {
        "destination_socket": LISTENER, "is_from_caller": True, "packets": 20, "payload_bytes": 20 * 1316,
        "resent_packets": 0, "copied_packets": 0, "lost_packets": 0, "acknowledgements": 1, "round_trip_us": 9000,
        "is_encrypted": False, "first_sequence": FIRST, "last_sequence": 3, "payload_offset": begin + 16,
    }  # fmt: skip
    assert {name: values[name] for name in expected} == expected
    assert values["last_ns"] == At(True, begin + 19 * 1332)
    content = next(event for event in events if isinstance(event, ContentBegin))
    assert (content.info.name, content.info.media_type) == (values["stream_id"], "video/mp2t")
    assert handed_on(events) == [TS * 20]
    assert [event.complete for event in events if isinstance(event, ContentEnd)] == [True]


def test_who_receives_may_be_the_caller() -> None:
    call, answer = opened(stream_id="read:cinema:viewer31:k7Qm2xVd")
    steps = [(call[0], True), (answer[0], False), (call[1], True), (answer[1], False)]
    events = feed(*steps, *((data(n, socket=CALLER), False) for n in range(3)))
    values = row(events, "srt")
    assert [values[name] for name in ("access_mode", "resource", "username", "password")] == [
        "request", "cinema", "viewer31", "k7Qm2xVd",
    ]  # fmt: skip
    assert row(events, "srt_streams")["is_from_caller"] is False


def test_what_is_sent_again_fills_its_place() -> None:
    late = [*range(5), *range(6, 150), 5, 5, *range(150, 160)]
    events = publish(late, resent=True)
    values = row(events, "srt_streams")
    assert handed_on(events) == [b"".join(map(numbered, range(160)))]
    assert (values["lost_packets"], values["copied_packets"], values["resent_packets"]) == (0, 1, 161)
    assert values["payload_bytes"] == 160 * 1316


def test_what_does_not_come_again_is_a_gap() -> None:
    events = talk(*((data(n), True) for n in range(11) if n not in (4, 5)))
    assert handed_on(events) == [TS * 4, 2 * 1316, TS * 5]
    assert row(events, "srt_streams")["lost_packets"] == 2
    assert [event.name for event in events if isinstance(event, Anomaly)] == ["SRT_packets_missing"]


def test_nobody_waits_longer_than_latency_allows() -> None:
    step = MAX_WAIT_US // 1000  # data(n) is sent n milliseconds after the beginning
    held = [0, *range(2, 5), *range(step + 3, step + 5)]
    parser = SrtParser(Opening("udp", b"", b""))
    events = [event for n in held for event in parser.feed(memoryview(data(n)), True)]
    assert [event.length for event in events if isinstance(event, ContentGap)][:1] == [1316]


def test_what_the_sender_gives_up_is_not_waited_for() -> None:
    drop = control(7, struct.pack("!II", FIRST + 1, FIRST + 2), socket=LISTENER)
    events = talk((data(0), True), (data(3), True), (drop, True), (data(4), True))
    values = row(events, "srt_streams")
    assert (values["dropped_packets"], values["lost_packets"]) == (2, 2)


def test_reported_losses_are_counted() -> None:
    ranges = struct.pack("!III", 0x8000_0000 | FIRST, FIRST + 4, FIRST + 9)
    events = talk((data(0), True), (control(3, ranges), False))
    assert row(events, "srt_streams")["reported_losses"] == 6


def test_memory_is_bounded() -> None:
    events = publish([0, *range(2, MAX_HELD_PACKETS + 4)])
    assert row(events, "srt_streams")["lost_packets"] == 1
    assert handed_on(events)[1] == 1316


def test_a_jump_begins_a_new_count() -> None:
    events = talk(*((data(n), True) for n in (0, 1, 1 << 20, (1 << 20) + 1)))
    assert handed_on(events) == [TS * 2, -1, TS * 2]
    assert row(events, "srt_streams")["sequence_jumps"] == 1


def test_the_rest_of_a_datagram_that_was_not_captured() -> None:
    parser = SrtParser(Opening("udp", b"", b""))
    events = [*parser.feed(memoryview(data(0)[:200]), True), *parser.gap(1132, True)]
    events += [*parser.feed(memoryview(data(1)), True), *parser.end(True), *parser.end(False)]
    assert handed_on(events) == [TS[:184], 1132, TS]


def test_what_is_encrypted_stays_closed() -> None:
    call, answer = opened(extension(3, KEYS))
    steps = [(call[0], True), (answer[0], False), (call[1], True), (answer[1], False)]
    events = feed(*steps, *((data(n, bytes(1300), key=1), True) for n in range(3)))
    connection, direction = row(events, "srt"), row(events, "srt_streams")
    assert (connection["cipher"], connection["key_bits"]) == ("AES-CTR", 192)
    assert (direction["is_encrypted"], direction["payload_offset"], direction["payload_bytes"]) == (True, None, 3900)
    assert [event.name for event in events if isinstance(event, Anomaly)] == ["SRT_payload_encrypted"]
    assert not any(isinstance(event, ContentBegin) for event in events)


def test_a_refused_call() -> None:
    call, answer = opened()
    refusal = shake(1010, 0, to=CALLER)
    values = row(feed((call[0], True), (answer[0], False), (call[1], True), (refusal, False)), "srt")
    assert (values["rejection"], values["is_agreed"]) == ("1010 wrong passphrase", False)


def test_who_only_repeats_what_the_caller_goes_by_has_no_identifier() -> None:
    call = opened()[0]
    answer = shake(1, CALLER, field=0x4A17, to=CALLER)
    for last in ([], [(shake(1010, CALLER, to=CALLER), False)]):
        values = row(feed((call[0], True), (answer, False), (call[1], True), *last), "srt")
        assert (values["caller_socket"], values["listener_socket"], values["is_agreed"]) == (CALLER, None, False)


def test_who_refuses_may_name_itself() -> None:
    call, answer = opened()
    refusal = shake(1010, LISTENER, to=CALLER)
    values = row(feed((call[0], True), (answer[0], False), (call[1], True), (refusal, False)), "srt")
    assert (values["listener_socket"], values["is_agreed"]) == (LISTENER, False)


def test_a_call_without_data_is_not_agreed_by_those_of_another() -> None:
    events = talk((data(0), True), (shake(1, 0x3333, version=4, field=2), True))
    agreed = [event.values["is_agreed"] for event in events if isinstance(event, Row) and event.table == "srt"]
    assert agreed == [True, False]


@pytest.mark.parametrize("sides", [(True, False), (False, True)], ids=["caller first", "listener first"])
def test_the_group_of_a_connection_is_the_one_of_the_caller(sides: tuple[bool, bool]) -> None:
    call = shake(0xFFFF_FFFF, CALLER, HSREQ, extension(8, struct.pack("!IBBH", 0x4000_0001, 1, 0, 0)), field=1)
    answer = shake(0xFFFF_FFFF, LISTENER, HSRSP, extension(8, struct.pack("!IBBH", 0x4000_0009, 1, 0, 0)), field=1)
    said = {True: (call, True), False: (answer, False)}
    assert row(feed(*(said[side] for side in sides)), "srt")["bonding_group"] == 0x4000_0001


def test_both_call_at_a_rendezvous() -> None:
    values = row(feed((shake(0, CALLER), True), (shake(0, LISTENER), False)), "srt")
    assert (values["mode"], values["caller_socket"], values["listener_socket"]) == ("rendezvous", CALLER, LISTENER)


def test_a_second_call_between_the_same_ports_is_another_connection() -> None:
    call, answer = opened()
    again = [shake(1, 0x3333, version=4, field=2), shake(0xFFFF_FFFF, 0x3333, HSREQ, field=1)]
    reply = [shake(1, 0x4445, field=0x4A17, to=0x3333), shake(0xFFFF_FFFF, 0x4444, HSRSP, field=1, to=0x3333)]
    steps = [(call[0], True), (answer[0], False), (call[1], True), (answer[1], False)]
    steps += [(again[0], True), (reply[0], False), (again[1], True), (reply[1], False)]
    rows = [e.values for e in feed(*steps) if isinstance(e, Row)]
    assert [(v["caller_socket"], v["listener_socket"]) for v in rows] == [(CALLER, LISTENER), (0x3333, 0x4444)]


def test_connections_have_a_limit() -> None:
    events = feed(*((shake(1, 100 + n, version=4), True) for n in range(MAX_CONNECTIONS + 3)))
    assert sum(isinstance(event, Row) for event in events) == MAX_CONNECTIONS
    (problem,) = (event for event in events if isinstance(event, Anomaly))
    assert (problem.name, problem.count) == ("SRT_too_many_connections", 3)


@pytest.mark.parametrize(
    ("stream_id", "expected"),
    [
        ("plain", {}),
        ("#!::", {}),
        ("#!::r=a,x=1,u=", {"resource": "a"}),
        ("publish:five", {"access_mode": "publish", "resource": "five"}),
        ("read:", {}),
        ("\u00fcber\u0000x", {}),
    ],
)
def test_stream_identifiers(stream_id: str, expected: dict[str, str]) -> None:
    values = row(talk(stream_id=stream_id), "srt")
    assert values["stream_id"] == stream_id
    named = ("resource", "access_mode", "username", "password", "host_claimed", "resource_type")
    assert {name: values[name] for name in named if name in values} == expected


def test_bytes_that_no_program_sends_break_nothing() -> None:
    rng = random.Random(7)
    whole = [*CALL, *ANSWER, data(0), ack(1), control(7, bytes(8)), control(3, b"\xff" * 12), control(0x7FFF, KEYS)]
    for _ in range(500):
        steps = []
        for what in rng.sample(whole, 6):
            broken = bytearray(what[: rng.randrange(len(what) + 1)])
            if broken:
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            steps.append((bytes(broken), rng.random() < 0.5))
        feed(*steps)


@pytest.mark.parametrize(
    ("orig", "resp", "least", "most"),
    [
        (CALL[0], b"", 0.9, 1),
        (b"", ANSWER[0], 0.9, 1),
        (data(5), b"", 0.8, 0.9),
        (data(5, bytes(1316), key=1), ack(6), 0.6, 0.8),
        (data(5, bytes(1317), key=1), b"", 0, 0),
        (data(5, bytes(1316), key=1), ack(1 << 20), 0, 0),
        (b"\x80\0\0\0" + bytes(168), b"", 0, 0),
        (b"", b"", 0, 0),
        (TS, b"", 0, 0),
    ],
    ids=["induction", "answer", "clear data", "acknowledged", "alone", "far off", "RTP", "nothing", "TS"],
)
def test_detection(orig: bytes, resp: bytes, least: float, most: float) -> None:
    score = detect(Opening("udp", orig, resp))
    assert score is not None
    assert least <= score <= most


def test_detection_waits_for_the_receiver_where_media_may_be_encrypted() -> None:
    assert detect(Opening("udp", data(5, bytes(1316), key=1), b"")) is None


@pytest.mark.parametrize("sides", [(True, False), (False, True)])
def test_rows_are_the_same_whichever_side_is_read_first(sides: tuple[bool, bool]) -> None:
    said = {True: [*CALL, *(data(n) for n in range(9)), control(5, socket=LISTENER)], False: [*ANSWER, ack(5), ack(9)]}
    mixed = talk(*((what, True) for what in said[True][2:]), *((what, False) for what in said[False][2:]))
    apart = feed(*((what, side) for side in sides for what in said[side]))
    for table in ("srt", "srt_streams"):
        assert row(apart, table) == row(mixed, table) | {k: v for k, v in row(apart, table).items() if "last" in k}
    assert {event.info.name for event in apart if isinstance(event, ContentBegin)} == {
        "#!::u=falcon,r=live/five,m=publish"
    }
