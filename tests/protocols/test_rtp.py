"""RTP packets in and out of order, transport streams in them, and what only looks like RTP."""

from __future__ import annotations

import random
import struct

import pytest

from iptvforensics.datagrams import PORTION_BYTES
from iptvforensics.errors import DecodeError
from iptvforensics.protocol import Anomaly, ContentBegin, ContentData, ContentEnd, Event, Opening, Row
from iptvforensics.protocols._rtp_source import MAX_HELD_PACKETS
from iptvforensics.protocols.rtp import MAX_CONTENTS, MAX_SOURCES, PROBATION, PROTOCOL, RtpParser

from .events import handed_on

TS = b"".join(b"\x47\x01\x00" + bytes((0x10 | i,)) + bytes(184) for i in range(7))
SSRC = 0xAAE38F29


def rtp(
    sequence: int, payload: bytes = TS, *, kind: int = 33, step: int = 3600, ssrc: int = SSRC, first: int = 0x80
) -> bytes:
    stamp = 0xFFFFF000 + sequence * step & 0xFFFFFFFF
    return struct.pack("!BBHII", first, kind, sequence & 0xFFFF, stamp, ssrc) + payload


def report(kind: int, body: bytes, count: int = 0) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


SENDER = report(
    200, struct.pack("!IIIIII", SSRC, 2208988800 + 1_790_000_000, 1 << 31, 7, 100, 131600)
    + struct.pack("!IIIII", 0x1234, 25 << 24 | 0xFFFFFE, 900, 40, 0) + bytes(4), 1,
) + report(202, struct.pack("!I", SSRC) + b"\x01\x0efeed@198.0.0.7\x06\x07Lavf 59\0\0\0", 1)  # fmt: skip

EXAMPLES = [
    ("mpegts", [rtp(n) for n in range(65530, 65545)], []),
    ("h264", [rtp(n, b"\x65" + bytes(300), kind=96) for n in range(4)], [report(201, bytes(3) + b"\7")]),
    ("rtcp", [SENDER], []),
]


def feed(*datagrams: bytes, end: bool = True) -> list[Event]:
    parser = RtpParser(Opening("udp", datagrams[0], b""))
    events = [event for data in datagrams for event in parser.feed(memoryview(data), True)]
    return events + (parser.end(True) if end else [])


def row(events: list[Event], table: str = "rtp_streams") -> dict:
    (found,) = (event.values for event in events if isinstance(event, Row) and event.table == table)
    return found


def test_transport_stream_is_handed_on_with_its_places() -> None:
    events = feed(*(rtp(n) for n in range(65530, 65545)))
    begin = next(event for event in events if isinstance(event, ContentBegin))
    assert (begin.offset, begin.info.media_type) == (12, "video/mp2t")
    data = next(event for event in events if isinstance(event, ContentData))
    assert data.data == TS * 15
    assert data.places == ([n * 1316 for n in range(15)], [12 + n * 1328 for n in range(15)])
    assert [event.complete for event in events if isinstance(event, ContentEnd)] == [True]


def test_row_of_a_source() -> None:
    values = row(feed(*(rtp(n) for n in range(65530, 65545))))
    assert values["last_ns"] == values["last_frame_no"] == (True, 14 * 1328)
    expected = {
        "ssrc": SSRC, "payload_type": 33, "encoding": "MP2T", "payload_types": [33], "packets": 15,
        "payload_bytes": 15 * 1316, "lost_packets": 0, "late_packets": 0, "sequence_jumps": 0,
        "first_sequence": 65530, "last_sequence": 8, "payload_offset": 12, "media_s": 14 * 0.04,
    }  # fmt: skip
    assert {name: values[name] for name in expected} == expected


def test_packets_are_put_in_order() -> None:
    numbered = {n: TS[:-4] + struct.pack("!I", n) for n in range(12)}
    order = [0, 1, 3, 2, 4, 7, 6, 5, 8, 11, 9, 10]
    events = feed(*(rtp(n, numbered[n]) for n in order))
    assert handed_on(events) == [b"".join(numbered.values())]
    assert row(events)["lost_packets"] == 0


def test_missing_packets_are_a_gap_of_their_size() -> None:
    events = feed(*(rtp(n) for n in range(100) if n not in (10, 11, 50)))
    assert handed_on(events) == [TS * 10, 2 * 1316, TS * 38, 1316, TS * 49]
    assert row(events)["lost_packets"] == 3
    (problem,) = (event for event in events if isinstance(event, Anomaly))
    assert (problem.name, problem.count) == ("RTP_packets_missing", 3)
    assert [event.complete for event in events if isinstance(event, ContentEnd)] == [False]


def test_size_of_a_gap_is_not_guessed() -> None:
    events = feed(*(rtp(n) for n in range(5)), *(rtp(n, TS[: 3 * 188]) for n in range(6, 9)))
    assert handed_on(events) == [TS * 5, -1, TS[: 3 * 188] * 3]


def test_copies_and_late_packets_are_counted() -> None:
    late = [*range(10), 5, *range(11, 12 + MAX_HELD_PACKETS), 10]
    values = row(feed(*(rtp(n) for n in late)))
    assert (values["late_packets"], values["lost_packets"]) == (2, 1)


def test_a_copy_of_a_waiting_packet_is_counted() -> None:
    values = row(feed(*(rtp(n) for n in (0, 1, 3, 3, 2, 4))))
    assert (values["late_packets"], values["lost_packets"]) == (1, 0)


def test_a_jump_begins_a_new_count() -> None:
    events = feed(*(rtp(n) for n in (*range(5), *range(30000, 30005))))
    assert handed_on(events) == [TS * 5, -1, TS * 5]
    values = row(events)
    assert (values["sequence_jumps"], values["lost_packets"], values["media_s"]) == (1, 0, None)


def test_portions_are_bounded() -> None:
    events = feed(*(rtp(n) for n in range(200)))
    sizes = [len(event.data) for event in events if isinstance(event, ContentData)]
    assert max(sizes) < PORTION_BYTES + 1316
    assert sum(sizes) == 200 * 1316


def test_header_with_sources_extension_and_padding() -> None:
    packets = [
        struct.pack("!BBHII", 0xB2, 33, n, 0, SSRC) + bytes(8) + b"\xbe\xde\0\1" + bytes(4) + TS + b"\0\0\0\4"
        for n in range(3)
    ]
    events = feed(*packets)
    assert handed_on(events) == [TS * 3]
    assert next(event for event in events if isinstance(event, ContentBegin)).offset == 28


def test_receiver_of_a_transport_stream_is_the_client() -> None:
    parser = RtpParser(Opening("udp", rtp(0), b""))
    parser.feed(memoryview(rtp(0)), True)
    assert parser.client_is_orig is False


def test_sender_report_and_description() -> None:
    values = row(feed(SENDER, end=False), "rtcp")
    assert values == {
        "ssrc": SSRC, "report_types": ["SR", "SDES"], "sender_ns": 1_790_000_000_500_000_000, "rtp_timestamp": 7,
        "sender_packets": 100, "sender_bytes": 131600, "cname": "feed@198.0.0.7", "tool": "Lavf 59",
        "reports": [f"{0x1234} 25 -2 900 40"],
    }  # fmt: skip


def test_reports_that_are_cut_or_unknown() -> None:
    values = row(feed(report(200, bytes(8)) + report(223, bytes(4)) + report(203, b""), end=False), "rtcp")
    assert values == {"ssrc": 0, "report_types": ["SR", "TYPE223", "BYE"], "reports": None}


def test_what_is_not_in_sequence_is_given_up() -> None:
    numbers = random.Random(1).sample(range(0, 65536, 4000), PROBATION)
    with pytest.raises(DecodeError, match="no two of the first 16"):
        feed(*(rtp(n, b"\1\2\3", kind=97) for n in numbers))


def test_one_packet_is_not_enough() -> None:
    with pytest.raises(DecodeError, match="no two of 1 packets"):
        feed(rtp(7, b"\1\2\3", kind=97))
    assert row(feed(rtp(7)))["packets"] == 1, "a transport stream in it is"


def test_other_datagrams_and_further_sources_are_counted() -> None:
    many = [rtp(n, ssrc=ssrc) for ssrc in range(1, MAX_SOURCES + 3) for n in (0, 1)]
    events = feed(*many, b"\0\1hello")
    counts = {event.name: event.count for event in events if isinstance(event, Anomaly)}
    assert counts == {"RTP_other_datagrams": 1, "RTP_too_many_sources": 4}
    assert sum(isinstance(event, ContentBegin) for event in events) == MAX_CONTENTS
    assert sum(isinstance(event, Row) for event in events) == MAX_SOURCES


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80\x00\0\0" + bytes(60), id="SRT handshake"),
        pytest.param(rtp(0, b"\0", kind=1), id="payload type without a name"),
        pytest.param(rtp(0, b"\1" * 50, kind=0), id="PCMU of odd length"),
        pytest.param(rtp(0, b"\1" * 50, kind=33), id="no transport stream"),
        pytest.param(rtp(0, b""), id="no payload"),
        pytest.param(rtp(0, b"x", kind=96, ssrc=0), id="no source"),
        pytest.param(rtp(0, b"\0", first=0xA0), id="padding of zero"),
        pytest.param(struct.pack("!BBHII", 0x90, 96, 0, 0, 1) + b"\0\0\1\0", id="extension beyond the end"),
        pytest.param(SENDER[:-4], id="report that is cut"),
        pytest.param(report(202, bytes(8)), id="description first"),
    ],
)
def test_others_are_not_claimed(data: bytes) -> None:
    assert PROTOCOL.detect(Opening("udp", data, b"")) == 0.0
