"""DNS over QUIC: messages in streams, cut and mixed; detection beside HTTP/3."""

from __future__ import annotations

from typing import Any

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from iptvforensics.protocol import Anomaly, Event, OpenedData, Opening, Row
from iptvforensics.protocols import _dns_quic
from iptvforensics.protocols._quic_parser import QuicParser
from iptvforensics.protocols.dns import PROTOCOL
from iptvforensics.tls.keylog import Secrets

from .test_dns import ANSWER, DOQ, doq, framed, query, response, stream
from .test_quic_connection import talks


def read(*steps: tuple[bytes | int, bool], client_is_orig: bool = True) -> list[Event]:
    parser = PROTOCOL.parser(Opening("quic", b"", b"", client_is_orig=client_is_orig))
    assert parser.client_is_orig is client_is_orig
    events: list[Event] = []
    for what, side in steps:
        events += parser.gap(what, side) if isinstance(what, int) else parser.feed(memoryview(what), side)
    return events + parser.end(True) + parser.end(False)


def rows(events: list[Event]) -> list[Row]:
    return [event for event in events if isinstance(event, Row)]


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, Anomaly)]


def test_messages_of_several_streams() -> None:
    events = read((DOQ[0], True), (DOQ[1], False))
    found = [(row.from_orig, row.values["is_response"], row.values["query_type"]) for row in rows(events)]
    assert found == [(True, False, "AAAA"), (True, False, "A"), (False, True, "AAAA"), (False, True, "A")]
    assert {row.values["carried_as"] for row in rows(events)} == {"doq"}
    assert [DOQ[1][row.offset :][:2] for row in rows(events)[2:]] == [b"\0\0", b"\0\0"]
    first = rows(events)[1].offset
    assert DOQ[0][first : first + 7] == framed(doq(query(use_edns=0, pad=128)))[2:9]
    assert names(events) == []


def test_a_transfer_has_several_answers_in_one_stream() -> None:
    data = framed(doq(ANSWER), doq(response([], rdtype="AAAA")), b"") + framed(doq(ANSWER))[:-4]
    whole = stream(8, data)
    events = read((whole, False))
    assert [row.values["query_type"] for row in rows(events)] == ["A", "AAAA", "A"]
    lengths = [int.from_bytes(whole[row.offset - 2 : row.offset]) for row in rows(events)]
    assert lengths == [len(ANSWER), len(response([], rdtype="AAAA")), len(ANSWER)]
    assert names(events) == ["DNS_message_cut", "DNS_message_incomplete"]


def test_bytes_missing_in_a_stream_leave_the_other_ones() -> None:
    cut = stream(0, framed(doq(ANSWER))[:40], last=False) + stream(0, framed(doq(ANSWER))[60:], 60)
    events = read((cut + stream(4, framed(doq(ANSWER))), False))
    assert [row.values["query_name"] for row in rows(events)] == ["edge7.cdn.example"] * 2
    assert names(events) == ["DNS_message_cut", "DNS_message_incomplete"]


@pytest.mark.parametrize("data", [b"\0", b"\0\x05abc", b"\0\x05abcde"])
def test_what_is_too_short_for_a_message(data: bytes) -> None:
    events = read((stream(0, data), True))
    assert rows(events) == []
    assert len(names(events)) == 1


def test_streams_that_the_server_opens_or_that_go_one_way_are_left_out() -> None:
    assert read(*[(stream(number, framed(doq(query()))), True) for number in (1, 2, 3)]) == []


def test_a_stream_that_was_given_up_or_a_gap_ends_the_message() -> None:
    part = stream(0, framed(doq(query()))[:20], last=False)
    events = read((part + b"\x04\0\0\x14", True), (stream(0, framed(doq(ANSWER))), False))
    assert names(events) == ["DNS_message_cut", "DNS_message_incomplete"]
    assert len(rows(events)) == 2
    events = read((part, True), (5, True), (part, True))
    assert names(events) == ["DNS_message_cut", "DNS_message_incomplete", "DNS_boundary_lost"]
    assert names(read((b"\x17junk", True))) == ["DNS_boundary_lost"]


def test_streams_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dns_quic, "MAX_STREAMS", 2)
    begun = b"".join(stream(4 * n, framed(doq(query()))[:20], last=False) for n in range(3))
    assert names(read((begun, True)))[:2] == ["DNS_message_cut", "DNS_message_incomplete"]
    assert len(rows(read((begun, True)))) == 3


@pytest.mark.parametrize(
    ("orig", "resp", "score"),
    [
        (DOQ[0][:5], b"", None),
        (DOQ[0], DOQ[1], 0.95),
        (stream(0, framed(doq(query()))[:9], last=False), b"", None),
        (stream(0, framed(doq(query()))), b"", 0.95),
        (b"", stream(0, framed(doq(ANSWER))), 0.95),
        (stream(0, framed(query())), b"", 0.0),  # an identifier other than 0
        (stream(2, b"\0\x04\0"), b"", 0.0),  # HTTP/3: a control stream
        (stream(0, b"\x01\x1d\0\0\xd1\xd7P\x0bexample.test" + bytes(12)), b"", 0.0),  # HTTP/3: headers
        (stream(0, framed(doq(query())), 9), b"", None),  # from the middle of a stream
        (stream(4, framed(doq(query()))[9:], 9) + stream(0, framed(doq(query()))), b"", 0.95),
        (b"\x04\0\0\0", b"", 0.0),
        (stream(0, b"\0\x01", last=True), b"", 0.0),
    ],
)
def test_detection(orig: bytes, resp: bytes, score: float | None) -> None:
    assert PROTOCOL.detect(Opening("quic", orig, resp)) == score


def test_a_real_connection() -> None:
    """A client and a server of aioquic that speak DNS over QUIC, opened with the client's key log."""
    talk: Any = talks.Talk()
    pem, _ = talks.tls_talks.identity("ec")
    asking = QuicConfiguration(is_client=True, alpn_protocols=["doq"], verify_mode=0, secrets_log_file=talk.log)
    answering = QuicConfiguration(is_client=False, alpn_protocols=["doq"])
    answering.load_cert_chain(pem, pem)
    client = QuicConnection(configuration=asking)
    client.connect(talks.SERVER, now=0.0)
    server = QuicConnection(
        configuration=answering, original_destination_connection_id=client.original_destination_connection_id
    )
    datagrams: list[tuple[bool, bytes]] = []

    def run(now: float) -> None:
        for side, sender, receiver in ((True, client, server), (False, server, client)):
            for data, _ in sender.datagrams_to_send(now=now):
                datagrams.append((side, data))
                receiver.receive_datagram(data, talks.CLIENT if side else talks.SERVER, now=now)

    for step in range(4):
        run(step / 10)
    client.send_stream_data(0, framed(doq(query())), end_stream=True)
    run(1.0)
    server.send_stream_data(0, framed(doq(ANSWER)), end_stream=True)
    run(1.1)
    run(1.2)
    secrets = Secrets()
    secrets.add(talk.keylog.encode())
    parser = QuicParser(Opening("udp", b"", b"", secrets=secrets))
    events = [event for side, data in datagrams for event in parser.feed(memoryview(data), side)]
    events += parser.end(True) + parser.end(False)
    opened = [(event.data, event.from_orig) for event in events if isinstance(event, OpenedData)]
    found = [row.values for row in rows(read(*((bytes(data), side) for data, side in opened)))]
    assert [(row["is_response"], row["addresses"]) for row in found] == [
        (False, None), (True, ["192.0.2.17", "192.0.2.18"]),
    ]  # fmt: skip
    assert names(events) == []
