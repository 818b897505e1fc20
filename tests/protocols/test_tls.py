"""TLS handshakes of real clients and servers, cut, broken and joined late."""

from __future__ import annotations

import hashlib
import importlib.util
import random
import ssl
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.errors import DecodeError
from iptvforensics.protocol import Anomaly, Opening, Row
from iptvforensics.protocols._tls_parser import TlsParser
from iptvforensics.protocols._tls_records import MAX_BODY, MAX_DISORDERS, RecordReader, find_records
from iptvforensics.protocols.tls import PROTOCOL, detect
from iptvforensics.schema import ENGINE_COLUMNS
from iptvforensics.tls.hello import RETRY_RANDOM

_spec = importlib.util.spec_from_file_location("tls_talk", Path(__file__).parents[1] / "tls" / "talk.py")
assert _spec is not None
assert _spec.loader is not None
talks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(talks)

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
TALK_12 = talks.talk(V12, "ECDHE-RSA-AES128-GCM-SHA256", answer=SMALL)
TALK_13 = talks.talk(V13, answer=SMALL)
TALK_CBC = talks.talk(V12, "AES128-SHA", answer=SMALL, alpn=())


def record(kind: int, body: bytes, version: int = 3) -> bytes:
    return bytes([kind, 3, version]) + len(body).to_bytes(2) + body


def cut_records(stream: bytes, size: int) -> bytes:
    """Return a stream whose first record, a hello, is spread over many records."""
    length = int.from_bytes(stream[3:5])
    hello, rest = stream[5 : 5 + length], stream[5 + length :]
    return b"".join(record(22, hello[at : at + size], 1) for at in range(0, length, size)) + rest


EXAMPLES = [
    ("TLS 1.2", TALK_12.stream(True), TALK_12.stream(False)),
    ("TLS 1.3", TALK_13.stream(True), TALK_13.stream(False)),
    ("TLS 1.2, CBC", TALK_CBC.stream(True), TALK_CBC.stream(False)),
    ("hello over many records", cut_records(TALK_12.stream(True), 40), TALK_12.stream(False)),
]


def run(orig: bytes, resp: bytes = b"", **about: Any) -> tuple[list[dict[str, Any]], list[Anomaly]]:
    parser = TlsParser(Opening("tcp", orig[:8192], resp[:8192], **about))
    return events_of(parser, (orig, True), (resp, False))


def events_of(parser: TlsParser, *steps: tuple[bytes | int, bool]) -> tuple[list[dict[str, Any]], list[Anomaly]]:
    events: list[Any] = []
    for what, side in steps:
        events += parser.gap(what, side) if isinstance(what, int) else parser.feed(memoryview(what), side)
    events += parser.end(True) + parser.end(False)
    return [e.values for e in events if isinstance(e, Row)], [e for e in events if isinstance(e, Anomaly)]


def names(anomalies: list[Anomaly]) -> list[str]:
    return [anomaly.name for anomaly in anomalies]


# What a row says -----------------------------------------------------------------------------------------------------


def test_tls_12_says_who_the_server_is() -> None:
    (row,), anomalies = run(TALK_12.stream(True), TALK_12.stream(False))
    _, der = talks.identity()
    assert (row["server_name"], row["alpn"], row["tls_version"]) == (talks.HOST, "http/1.1", "TLS 1.2")
    assert row["cipher_suite"] == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    assert row["cert_sha256"] == hashlib.sha256(der).hexdigest()
    assert (row["cert_self_signed"], row["cert_serial"]) == (True, "1f2e3d4c5b")
    assert row["new_ticket_sha256"] is not None
    assert (row["resumption"], row["alerts"], row["client_cert_sha256"]) == (None, None, None)
    assert (row["client_hello_frame"], row["server_hello_frame"]) == ((True, 5), (False, 5))
    assert row["client_random"] in TALK_12.keylog
    assert names(anomalies) == ["TLS_not_opened"]


def test_tls_13_hides_the_certificate() -> None:
    (row,), anomalies = run(TALK_13.stream(True), TALK_13.stream(False))
    assert (row["tls_version"], row["cert_sha256"], row["alpn"]) == ("TLS 1.3", None, None)
    assert (row["alpn_offered"], row["versions_offered"][0]) == (["http/1.1"], "TLS 1.3")
    assert names(anomalies) == ["TLS_not_opened"]


def test_declared_columns_are_filled() -> None:
    (row,), _ = run(TALK_12.stream(True), TALK_12.stream(False))
    assert set(row) == (set(PROTOCOL.tables[0].column_names) - ENGINE_COLUMNS) | {"secret_sha256"}


@pytest.mark.parametrize("has_ticket", [True, False])
def test_resumption_up_to_tls_12(has_ticket: bool) -> None:
    suite = "ECDHE-RSA-AES128-GCM-SHA256"
    contexts = talks.client_context(V12, suite, ()), talks.server_context(V12, suite, "rsa", ())
    if not has_ticket:
        for context in contexts:
            context.options |= ssl.OP_NO_TICKET
    first = talks.talk(contexts=contexts, answer=SMALL)
    second = talks.talk(contexts=contexts, session=first.session, answer=SMALL)
    (before,), _ = run(first.stream(True), first.stream(False))
    (row,), _ = run(second.stream(True), second.stream(False))
    assert row["resumption"] == ("ticket" if has_ticket else "session id")
    if has_ticket:
        assert row["ticket_sha256"] == before["new_ticket_sha256"] is not None
    else:
        assert row["session_id"] == before["session_id"] is not None
    assert row["cert_sha256"] is None


def test_resumption_in_tls_13() -> None:
    contexts = talks.client_context(V13, None, ()), talks.server_context(V13, None, "rsa", ())
    first = talks.talk(contexts=contexts, answer=SMALL)
    second = talks.talk(contexts=contexts, session=first.session, answer=SMALL)
    (row,), _ = run(second.stream(True), second.stream(False))
    assert (row["resumption"], bool(row["ticket_sha256"])) == ("psk", True)


def test_certificate_of_the_client() -> None:
    suite = "ECDHE-RSA-AES128-GCM-SHA256"
    client, server = talks.client_context(V12, suite, ()), talks.server_context(V12, suite, "rsa", ())
    pem, der = talks.identity("ec", "box7.example")
    client.load_cert_chain(pem)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(pem)
    talk = talks.talk(contexts=(client, server), answer=SMALL)
    (row,), _ = run(talk.stream(True), talk.stream(False))
    assert row["client_cert_sha256"] == hashlib.sha256(der).hexdigest()
    assert row["client_cert_subject"] == "CN=box7.example,O=Stellar TV"


def test_second_hello_after_a_retry() -> None:
    retry = b"\x03\x03" + RETRY_RANDOM + b"\0\x13\x01\0" + b"\0\x06\0\x2b\0\x02\x03\x04"
    client, server = TALK_13.stream(True), TALK_13.stream(False)
    hello = client[: 5 + int.from_bytes(client[3:5])]
    answer = record(22, b"\x02" + len(retry).to_bytes(3) + retry) + record(20, b"\x01")
    (row,), _ = run(hello + record(20, b"\x01") + client, answer + server)
    assert (row["is_retried"], row["tls_version"], row["server_hello_frame"]) == (True, "TLS 1.3", (False, 5))
    assert row["ja3s"] is not None


def test_alerts_before_the_encryption() -> None:
    client = TALK_12.stream(True)
    hello = client[: 5 + int.from_bytes(client[3:5])]
    (row,), anomalies = run(hello, record(21, b"\x02\x28"))
    assert (row["alerts"], row["tls_version"], names(anomalies)) == (["server fatal handshake_failure"], None, [])


@pytest.mark.parametrize("side", [True, False])
def test_one_side_alone(side: bool) -> None:
    stream = TALK_12.stream(side)
    (row,), anomalies = run(stream if side else b"", b"" if side else stream)
    assert (row["server_name"] is not None, row["cipher_suite"] is not None) == (side, not side)
    assert (row["cert_sha256"] is None) == side
    assert names(anomalies) == ["TLS_not_opened"]


def test_responder_may_be_the_client() -> None:
    parser = TlsParser(Opening("tcp", b"", b""))
    (row,), _ = events_of(parser, (TALK_12.stream(False), True), (TALK_12.stream(True), False))
    assert parser.client_is_orig is False
    assert (row["server_name"], row["cert_self_signed"]) == (talks.HOST, True)


@pytest.mark.parametrize(
    ("alpn", "port", "is_dns"), [(["dot"], 4433, True), ((), 853, True), (["h2"], 853, False), ((), 443, False)]
)
def test_dns_over_tls_is_noticed(alpn: Any, port: int, is_dns: bool) -> None:
    talk = talks.talk(V13, alpn=alpn, answer=SMALL)
    _, anomalies = run(talk.stream(True), talk.stream(False), orig_port=50000, resp_port=port)
    assert ("TLS_dns_not_seen" in names(anomalies)) == is_dns


# What is missing or broken ------------------------------------------------------------------------------------------


def test_joined_late_gives_no_row_but_says_so() -> None:
    stream = TALK_13.stream(False)[700:]
    rows, anomalies = run(b"", stream, midstream=True)
    assert (rows, names(anomalies)) == ([], ["TLS_handshake_not_captured", "TLS_not_opened"])


def test_gap_inside_of_a_record_loses_that_record_only() -> None:
    client, server = TALK_12.stream(True), TALK_12.stream(False)
    at = 5 + int.from_bytes(client[3:5]) + 20  # in the ClientKeyExchange
    parser = TlsParser(Opening("tcp", client, server))
    (row,), anomalies = events_of(parser, (client[:at], True), (7, True), (client[at + 7 :], True), (server, False))
    assert (row["server_name"], row["cert_self_signed"]) == (talks.HOST, True)
    assert names(anomalies) == ["TLS_not_opened"]


def test_gap_over_the_hello_leaves_the_other_side() -> None:
    client, server = TALK_12.stream(True), TALK_12.stream(False)
    parser = TlsParser(Opening("tcp", client, server))
    (row,), _ = events_of(parser, (client[:50], True), (300, True), (client[350:], True), (server, False))
    assert (row["server_name"], row["cert_self_signed"]) == (None, True)


def test_a_hello_that_is_cut_says_whom_the_client_asks() -> None:
    client, server = TALK_13.stream(True), TALK_13.stream(False)
    at = 5 + int.from_bytes(client[3:5]) - 40  # in the last extensions
    for ways in ([(client[:at], True), (30, True), (client[at + 30 :], True)], [(client[:at], True)]):
        (row,), anomalies = events_of(TlsParser(Opening("tcp", client, server)), *ways, (server, False))
        assert (row["server_name"], row["client_hello_whole"], row["ja3"], row["ja4"]) == (
            talks.HOST,
            False,
            None,
            None,
        )
        assert (row["tls_version"], row["offers_ech"], row["offers_early_data"]) == ("TLS 1.3", None, None)
        assert row["client_random"] in TALK_13.keylog
        assert "TLS_hello_incomplete" in names(anomalies)


def test_a_hello_whose_second_record_is_missing_says_whom_the_client_asks() -> None:
    client = cut_records(TALK_12.stream(True), 120)
    parser = TlsParser(Opening("tcp", client, b""))
    (row,), anomalies = events_of(parser, (client[:125], True), (len(client), True), (TALK_12.stream(False), False))
    assert (row["server_name"], row["client_hello_whole"]) == (talks.HOST, False)
    assert names(anomalies)[0] == "TLS_hello_incomplete"


def test_a_message_behind_a_hello_that_is_cut_is_not_called_too_long() -> None:
    client, server = TALK_12.stream(True), TALK_12.stream(False)
    parser = TlsParser(Opening("tcp", client, server))
    size = 5 + int.from_bytes(client[3:5])
    feeds = (client[:130], True), (server, False), (size - 130, True), (client[size:], True)  # as with a snap length
    (_,), anomalies = events_of(parser, *feeds)
    assert names(anomalies) == ["TLS_hello_incomplete", "TLS_not_opened"]


def test_a_hello_cut_too_early_is_only_noted() -> None:
    client = TALK_12.stream(True)
    rows, anomalies = events_of(TlsParser(Opening("tcp", client, b"")), (client[:46], True))
    assert (rows, names(anomalies)) == ([], ["TLS_hello_incomplete"])


def test_a_hello_with_a_damaged_extension_says_what_stands_before_it() -> None:
    client = TALK_12.stream(True)
    hello = bytearray(client[: 5 + int.from_bytes(client[3:5])])
    last = hello.rfind(bytes.fromhex("0017 0000"))  # extended master secret: empty
    hello[last + 3] = 0xFF
    hello[last + 2] = 0xFF
    (row,), anomalies = run(bytes(hello) + client[len(hello) :], TALK_12.stream(False))
    assert (row["server_name"], row["client_hello_whole"], row["ja4"]) == (talks.HOST, False, None)
    assert row["cert_self_signed"] is True
    assert names(anomalies)[0] == "TLS_bad_message"


def test_bad_messages_are_reported() -> None:
    hello = b"\x01\0\0\x08" + b"\x03\x03" + bytes(6)
    rows, anomalies = run(record(22, hello) + record(22, b"\x0b\0\0\x03\xff\xff\xff") + record(22, b"\x01\xff\xff\xff"))
    assert rows == []
    assert names(anomalies) == ["TLS_bad_message"] * 3 + ["TLS_handshake_not_captured", "TLS_not_opened"]


def test_certificate_that_cannot_be_read() -> None:
    der = b"0\x03abc"
    chain = (3 + len(der)).to_bytes(3) + len(der).to_bytes(3) + der
    server = TALK_12.stream(False)
    hello = server[: 5 + int.from_bytes(server[3:5])]
    hello = record(22, hello[5 : 9 + int.from_bytes(hello[6:9])])
    (row,), anomalies = run(b"", hello + record(22, b"\x0b" + len(chain).to_bytes(3) + chain))
    assert (row["cert_sha256"], row["cert_subject"]) == (hashlib.sha256(der).hexdigest(), None)
    assert names(anomalies) == ["TLS_bad_certificate"]


def test_bytes_that_are_no_record_are_stepped_over() -> None:
    stream = TALK_12.stream(True)
    first = 5 + int.from_bytes(stream[3:5])
    (row,), anomalies = run(stream[:first] + b"garbage" + stream[first:])
    assert (row["server_name"], names(anomalies)[0]) == (talks.HOST, "TLS_bad_record")


def test_a_stream_that_is_something_else_is_given_up() -> None:
    pair = record(23, b"abc") * 2 + b"garbage"
    parser = TlsParser(Opening("tcp", b"", b""))
    parser.feed(memoryview(pair * MAX_DISORDERS), True)
    with pytest.raises(DecodeError):
        parser.feed(memoryview(pair * 2), True)


# Records ------------------------------------------------------------------------------------------------------------


class Notes:
    """A reader of records that writes down what it is told."""

    def __init__(self, *, wanted: bool = True) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.parts: list[tuple[int, int, bytes]] = []
        self._wanted = wanted

    def wants(self, kind: int) -> bool:
        return self._wanted

    def on_record(self, kind: int, version: int, offset: int, body: memoryview) -> None:
        self.told.append((kind, offset, bytes(body)))

    def on_unread(self, kind: int, offset: int) -> None:
        self.told.append((kind, offset))

    def on_part(self, kind: int, offset: int, body: memoryview) -> None:
        self.parts.append((kind, offset, bytes(body)))

    def on_lost(self, count: int | None, length: int) -> None:
        self.told.append(("lost", count))

    def on_disorder(self, offset: int) -> None:
        self.told.append(("disorder", offset))


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_records_are_found_however_the_bytes_come(wanted: bool, seed: int) -> None:
    generator = random.Random(seed)
    bodies = [generator.randbytes(generator.choice([1, 5, 300, MAX_BODY])) for _ in range(12)]
    stream = b"".join(record(23, body) for body in bodies)
    notes, at = Notes(wanted=wanted), 0
    reader = RecordReader(notes, is_synced=True)
    while at < len(stream):
        size = generator.randint(1, 9000)
        reader.feed(memoryview(stream[at : at + size]))
        at += size
    starts = [sum(len(b) + 5 for b in bodies[:i]) for i in range(len(bodies))]
    assert notes.told == [(23, at, body) if wanted else (23, at) for at, body in zip(starts, bodies, strict=True)]


@pytest.mark.parametrize(("at", "length", "told"), [
    (8, 90, [("lost", 1), (23, 105), (23, 210)]),  # inside of the first
    (8, 97, [("lost", 1), (23, 105), (23, 210)]),  # up to its end
    (8, 98, [("lost", None), (23, 210), (23, 315)]),  # one byte of the next header
    (105, 105, [(23, 0), ("lost", None), (23, 210), (23, 315)]),  # exactly the second: nobody knows
])  # fmt: skip
def test_gaps(at: int, length: int, told: list[Any]) -> None:
    stream = b"".join(record(23, bytes([65 + i]) * 100) for i in range(5))
    notes = Notes()
    reader = RecordReader(notes, is_synced=True)
    reader.feed(memoryview(stream[:at]))
    reader.gap(length)
    reader.feed(memoryview(stream[at + length :]))
    assert [entry if entry[0] == "lost" else entry[:2] for entry in notes.told][: len(told)] == told
    assert notes.told[-1][1] == 420
    assert notes.parts == ([(23, 0, b"AAA")] if at == 8 else [])


def test_two_headers_must_fit_each_other() -> None:
    assert find_records(b"\x17\x03\x03\0\x02ab" + b"GET /") == (10, False)
    assert find_records(b"zz" + record(23, b"ab") + record(21, b"c")) == (2, True)
    assert find_records(b"zz" + record(23, b"ab") + b"\x15") == (2, False)


# Recognition ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("orig", "resp", "midstream", "score"), [
    (TALK_12.stream(True), b"", False, 1.0),
    (b"", TALK_12.stream(False), False, 1.0),
    (record(23, b"ab") + record(23, b"c"), b"", False, 0.85),
    (record(23, b"ab") + b"GET /index", b"", False, 0.0),
    (record(23, b"a" * 99), b"", False, None),
    (record(23, b"a" * 99), b"", True, 0.6),
    (b"tail of a record" + record(23, b"ab") + record(23, b"c"), b"", True, 0.85),
    (b"tail of a record" + record(23, b"ab") + record(23, b"c"), b"", False, 0.0),
    (b"GET / HTTP/1.1\r\n", b"", False, 0.0),
    (b"\x16\x03\x01\xff\xff\x01", b"", False, 0.0),
    (b"\x16\x03", b"", False, None),
    (b"", b"", False, None),
])  # fmt: skip
def test_detection(orig: bytes, resp: bytes, midstream: bool, score: float | None) -> None:
    assert detect(Opening("tcp", orig[:8192], resp[:8192], midstream=midstream)) == score
