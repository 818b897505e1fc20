"""DNS against dnspython, and against what dnspython never sends."""

from __future__ import annotations

import tracemalloc
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.errors import DecodeError
from iptvforensics.protocol import Anomaly, ContentInfo, Event, Opening, Row
from iptvforensics.protocols._dns_detect import _known_score, _message_score
from iptvforensics.protocols.dns import MAX_FAILED_SEARCHES, PROTOCOL, DatagramParser, StreamParser
from iptvforensics.tls.wire import number_bytes


def query(name: str = "edge7.cdn.example", rdtype: str = "A", **edns: Any) -> bytes:
    message = dns.message.make_query(name, rdtype, id=0x1234, **edns)
    return message.to_wire()


def response(records: list[str], name: str = "edge7.cdn.example", rdtype: str = "A", rcode: int = 0) -> bytes:
    message = dns.message.make_response(dns.message.make_query(name, rdtype, id=0x1234))
    message.flags |= dns.flags.RA
    message.set_rcode(rcode)
    for record in records:
        owner, kind, ttl, value = record.split(" ", 3)
        message.answer.append(dns.rrset.from_text(owner + ".", int(ttl), "IN", kind, value))
    return message.to_wire()


ANSWER = response(
    [
        "edge7.cdn.example CNAME 300 lb.cdn.example.",
        "lb.cdn.example CNAME 60 node3.cdn.example.",
        "node3.cdn.example A 30 192.0.2.17",
        "node3.cdn.example A 30 192.0.2.18",
    ]
)

JSON_ANSWER = b"""{
  "Status": 0, "TC": false, "RD": true, "RA": true, "AD": false, "CD": false,
  "Question": [{"name": "edge7.cdn.example.", "type": 1}],
  "Answer": [
    {"name": "edge7.cdn.example.", "type": 5, "TTL": 300, "data": "lb.cdn.example."},
    {"name": "lb.cdn.example.", "type": 1, "TTL": 30, "data": "192.0.2.17"}
  ]
}"""


def mdns_answer() -> bytes:
    message = dns.message.Message(id=0)
    message.flags = dns.flags.QR | dns.flags.AA
    message.answer.append(
        dns.rrset.from_text("_googlecast._tcp.local.", 120, "IN", "PTR", "tv._googlecast._tcp.local.")
    )
    return message.to_wire()


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


def stream(number: int, data: bytes, at: int = 0, *, last: bool = True) -> bytes:
    """Return a frame of a stream as the parser of QUIC hands it on (RFC 9000 section 19.8)."""
    return bytes([0x0E + last]) + b"".join(map(number_bytes, (number, at, len(data)))) + data


def doq(message: bytes) -> bytes:
    """Return a message with the identifier that it has over QUIC."""
    return bytes(2) + message[2:]


PADDED = doq(query(use_edns=0, pad=128))
DOQ = (
    stream(0, framed(PADDED)[:9], last=False)
    + stream(4, framed(doq(query(rdtype="AAAA"))))
    + stream(0, framed(PADDED)[9:], 9),
    stream(4, framed(doq(response([], rdtype="AAAA")))) + stream(0, framed(doq(ANSWER))),
)

EXAMPLES = [
    ("udp-query-and-answer", [query()], [ANSWER]),
    ("udp-nxdomain", [query("gone.example", "AAAA")], [response([], "gone.example", "AAAA", rcode=3)]),
    ("udp-two-questions-in-turn", [query(), query(rdtype="HTTPS")], [ANSWER, response([], rdtype="HTTPS")]),
    ("udp-mdns-announcement", [mdns_answer()], []),
    ("tcp-query-and-answer", framed(query()), framed(ANSWER)),
    ("doh-answer", ANSWER, b"", ContentInfo("https://dns.example/dns-query", "application/dns-message")),
    (
        "doh-query",
        query(),
        b"",
        ContentInfo("https://dns.example/dns-query", "application/dns-message", role="request"),
    ),
    ("doh-json-answer", JSON_ANSWER, b"", ContentInfo("https://dns.example/resolve?name=a", "application/dns-json")),
    ("doq-query-and-answer", stream(0, framed(doq(query()))), stream(0, framed(doq(ANSWER)))),
    ("doq-two-queries", *DOQ),
    ("tcp-two-queries-in-one", framed(query(), query(rdtype="AAAA")), framed(ANSWER, response([], rdtype="AAAA"))),
]


def udp(*messages: bytes, from_orig: bool = True) -> list[Event]:
    parser = DatagramParser()
    return [event for message in messages for event in parser.feed(memoryview(message), from_orig)]


def row(message: bytes) -> dict[str, Any]:
    (event,) = udp(message)
    assert isinstance(event, Row)
    return event.values


def problems(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, Anomaly)]


def rows(events: list[Event]) -> list[Row]:
    return [event for event in events if isinstance(event, Row)]


def test_rows_say_how_the_message_came() -> None:
    assert row(query())["carried_as"] == "udp"
    for opened, carried_as in ((False, "tcp"), (True, "dot")):
        parser = PROTOCOL.parser(Opening("tcp", framed(query()), b"", is_opened=opened))
        (event,) = parser.feed(memoryview(framed(query())), True)
        assert isinstance(event, Row)
        assert event.values["carried_as"] == carried_as


def test_query_columns() -> None:
    values = row(query("Edge7.cdn.example", "AAAA"))
    assert values["message_id"] == 0x1234
    assert values["is_response"] is False
    assert values["rcode"] is None
    assert (values["query_name"], values["query_type"], values["query_class"]) == ("Edge7.cdn.example", "AAAA", "IN")
    assert values["recursion_desired"] is True
    assert values["answers"] is None
    assert values["addresses"] is None
    assert values["message_bytes"] == len(query("Edge7.cdn.example", "AAAA"))


def test_answer_follows_aliases_in_order() -> None:
    values = row(ANSWER)
    assert values["cname_chain"] == ["lb.cdn.example", "node3.cdn.example"]
    assert values["addresses"] == ["192.0.2.17", "192.0.2.18"]
    assert values["answers"][2] == "node3.cdn.example A 30 192.0.2.17"
    assert values["answer_ttls_s"] == [300, 60, 30, 30]
    assert values["answer_types"] == ["CNAME", "CNAME", "A", "A"]
    assert values["recursion_available"] is True
    assert values["rcode"] == "NOERROR"


def test_alias_loop_in_the_answer_ends() -> None:
    looping = response(["edge7.cdn.example CNAME 1 b.example.", "b.example CNAME 1 edge7.cdn.example."])
    assert row(looping)["cname_chain"] == ["b.example", "edge7.cdn.example"]


@pytest.mark.parametrize(
    ("rdtype", "value"),
    [
        ("MX", "10 mail.example."),
        ("TXT", '"v=1; a=\\"b\\"" "\\007bell"'),
        ("SRV", "0 5 8080 edge.example."),
        ("SOA", "ns.example. hostmaster.example. 1 7200 900 1209600 86400"),
        ("PTR", "tv\\.living\\ room.example."),
        ("CAA", '0 issue "ca.example"'),
        ("NAPTR", '10 20 "s" "SIP+D2U" "" _sip._udp.example.'),
        ("NSEC", "b.example. A AAAA SRV"),
        ("HINFO", '"ARM" "LINUX"'),
        ("SVCB", '1 . mandatory="alpn" alpn="h2,h3" port="8443" ipv4hint="192.0.2.1" key667="x y"'),
        ("HTTPS", '16 edge.example. alpn="h2" no-default-alpn ipv4hint="192.0.2.1,192.0.2.2" ipv6hint="2001:db8::1"'),
        ("HTTPS", "0 alias.example."),
        ("AAAA", "2001:db8::"),
        ("AAAA", "::ffff:192.0.2.1"),
    ],
)
def test_record_data_as_dnspython_writes_them(rdtype: str, value: str) -> None:
    expected = dns.rdata.from_text("IN", rdtype, value).to_text()
    found = row(response([f"edge7.cdn.example {rdtype} 5 {value}"], rdtype=rdtype))["answer_values"][0]
    words = [word.removesuffix(".") or "." if not word.startswith('"') else word for word in expected.split(" ")]
    # dnspython leaves a space inside a label unescaped only in its own way; both forms mean the byte 32.
    assert found.replace("\\032", "\\ ") == " ".join(words).replace("\\032", "\\ ")


def test_addresses_that_service_records_bring_along_are_addresses() -> None:
    hints = 'HTTPS 300 1 . alpn="h2" ipv4hint="192.0.2.1,192.0.2.2" ipv6hint="2001:db8::1"'
    both = response([f"edge7.cdn.example {hints}", "edge7.cdn.example A 300 192.0.2.2"], rdtype="HTTPS")
    assert row(both)["addresses"] == ["192.0.2.2", "192.0.2.1", "2001:db8::1"]
    forged = response(['edge7.cdn.example HTTPS 300 1 . key667=" ipv4hint=\\"192.0.2.9\\""'], rdtype="HTTPS")
    assert "192.0.2.9" in row(forged)["answers"][0]
    assert row(forged)["addresses"] is None
    text = response(['edge7.cdn.example TXT 300 "1 . ipv4hint=" "192.0.2.9"'], rdtype="TXT")
    assert row(text)["addresses"] is None


def test_names_are_escaped() -> None:
    name = dns.name.Name([b"a.b", b'q"\\;', b"\xff\x00 ", b"example", b""])
    message = dns.message.make_query(name, "A").to_wire()
    assert row(message)["query_name"] == 'a\\.b.q\\"\\\\\\;.\\255\\000\\032.example'


def test_root_is_a_dot() -> None:
    assert row(query(".", "NS"))["query_name"] == "."


def test_edns_size_subnet_and_extended_rcode() -> None:
    subnet = dns.edns.ECSOption("203.0.113.0", 24)
    values = row(query(use_edns=0, payload=1232, options=[subnet]))
    assert (values["edns_udp_bytes"], values["edns_client_subnet"]) == (1232, "203.0.113.0/24")
    assert values["additionals"] is None
    v6 = row(query(use_edns=0, options=[dns.edns.ECSOption("2001:db8:1::", 48)]))
    assert v6["edns_client_subnet"] == "2001:db8:1::/48"
    refused = dns.message.make_response(dns.message.make_query("a.example", "A", use_edns=0))
    refused.set_rcode(16)
    assert row(refused.to_wire())["rcode"] == "BADVERS"


def test_messages_that_differ_in_their_identifier_alone_are_told_apart() -> None:
    message = response(["edge7.cdn.example A 60 198.51.100.7"])
    first, second = row(b"\x12\x34" + message[2:]), row(b"\xff\xfe" + message[2:])
    assert (first["message_id"], second["message_id"]) == (0x1234, 0xFFFE)
    assert {**first, "message_id": None} == {**second, "message_id": None}
    first["query_name"] = "changed.example"
    assert row(b"\x12\x34" + message[2:])["query_name"] == "edge7.cdn.example"


def test_mdns_class_flag_is_left_out() -> None:
    message = bytearray(query("tv.local", "ANY"))
    message[-2] |= 0x80
    assert row(bytes(message))["query_class"] == "IN"


@pytest.mark.parametrize(
    ("name_bytes", "anomaly"),
    [
        (b"\xc0\x0c", "DNS_name_loop"),
        (b"\xc0\x20", "DNS_name_loop"),
        (b"\x01a\xc0\x0c", "DNS_name_loop"),
        (b"\xc0\x00", "DNS_pointer_into_header"),
        (b"\x01a\xc0\x0b", "DNS_pointer_into_header"),
        (b"\x41abc\x00", "DNS_label_type_unknown"),
        (b"\x3fabc", "DNS_message_cut"),
        ((b"\x3f" + b"x" * 63) * 5 + b"\x00", "DNS_name_too_long"),
    ],
    ids=[
        "to-itself",
        "forward",
        "to-own-label",
        "identifier",
        "header",
        "unknown-label",
        "label-beyond-end",
        "over-255",
    ],
)
def test_bad_question_name_gives_row_and_anomaly(name_bytes: bytes, anomaly: str) -> None:
    message = query()[:12] + name_bytes + b"\x00\x01\x00\x01"
    events = udp(message)
    assert [r.values["query_name"] for r in rows(events)] == [None]
    assert problems(events) == [anomaly]


def test_pointer_chain_is_limited() -> None:
    chain = b"".join((0xC000 | 12 + 2 * max(i - 1, 0)).to_bytes(2, "big") for i in range(4000))
    message = query()[:4] + b"\0\0\0\1\0\0\0\0" + b"\0\0" + chain[2:] + b"\0\1\0\1\0\0\0\0\0\0"
    assert len(rows(udp(message))) == 1


def test_fields_after_an_unreadable_name_are_kept() -> None:
    events = udp(query()[:12] + b"\xc0\x0c" + b"\x00\x1c\x00\x01")
    assert rows(events)[0].values["query_type"] == "AAAA"


@pytest.mark.parametrize("length", range(12, len(ANSWER)))
def test_cut_message_keeps_what_was_read(length: int) -> None:
    events = udp(ANSWER[:length])
    whole, part = row(ANSWER), rows(events)[0].values
    assert problems(events) == ["DNS_message_cut"]
    assert part["answer_count"] == 4
    assert (part["answers"] or []) == whole["answers"][: len(part["answers"] or [])]


def test_malformed_data_are_written_in_generic_form() -> None:
    message = bytearray(response(["edge7.cdn.example A 30 192.0.2.17"]))
    at = message.rindex(b"\x00\x04\xc0\x00\x02\x11")
    message[at : at + 6] = b"\x00\x03\xc0\x00\x02"
    events = udp(bytes(message))
    assert problems(events) == ["DNS_record_data_malformed"]
    assert rows(events)[0].values["answer_values"] == ["\\# 3 c00002"]
    assert rows(events)[0].values["addresses"] is None


def test_trailing_bytes_are_reported_with_their_place() -> None:
    (_, anomaly) = udp(query() + b"xyz")
    assert anomaly == Anomaly("DNS_trailing_bytes", True, len(query()), "3 bytes")


def test_unreadable_first_message_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="at least 12 bytes"):
        udp(b"12345678901")


def test_short_message_after_a_readable_one_is_an_anomaly() -> None:
    assert problems(udp(query(), b"short")) == ["DNS_message_too_short"]


def test_client_is_who_asks() -> None:
    for message, from_orig, expected in ((query(), True, True), (ANSWER, True, False), (query(), False, False)):
        parser = DatagramParser()
        parser.feed(memoryview(message), from_orig)
        assert parser.client_is_orig is expected


def test_udp_offsets_count_the_datagrams_before() -> None:
    assert [r.offset for r in rows(udp(query(), ANSWER, query()))] == [0, len(query()), len(query() + ANSWER)]


def tcp(*steps: bytes | int, end: bool = True, midstream: bool = False) -> list[Event]:
    parser = StreamParser(Opening("tcp", b"", b"", midstream=midstream))
    events: list[Event] = []
    for step in steps:
        events += parser.gap(step, True) if isinstance(step, int) else parser.feed(memoryview(step), True)
    return events + (parser.end(True) if end else [])


def test_tcp_row_points_at_the_message_behind_its_length() -> None:
    events = tcp(framed(query(), ANSWER))
    assert [event.offset for event in rows(events)] == [2, len(query()) + 4]
    assert problems(events) == []


def test_tcp_message_cut_by_the_end_is_flagged() -> None:
    events = tcp(framed(ANSWER)[:60])
    assert problems(events) == ["DNS_message_cut", "DNS_message_incomplete"]
    assert rows(events)[0].values["message_bytes"] == len(ANSWER)


def test_tcp_gap_inside_a_message_keeps_the_step() -> None:
    data = framed(ANSWER, query())
    events = tcp(data[:60], 20, data[80:])
    assert problems(events) == ["DNS_message_cut", "DNS_message_incomplete"]
    assert rows(events)[1] == rows(tcp(data))[1]


@pytest.mark.parametrize("missing", [1, 2, 3, 17, 40])
def test_tcp_gap_over_a_boundary_finds_the_next_message(missing: int) -> None:
    data = framed(query(), ANSWER, query("next.example"))
    start = len(framed(query()))
    events = tcp(data[:start], missing, data[start + missing :])
    assert rows(events)[-1] == rows(tcp(data))[-1]
    assert "DNS_boundary_lost" in problems(events)


def test_tcp_that_began_before_the_capture_is_searched() -> None:
    events = tcp(framed(ANSWER)[31:] + framed(query("next.example"), ANSWER), midstream=True)
    assert [event.values["query_name"] for event in rows(events)] == ["next.example", "edge7.cdn.example"]


def test_tcp_length_that_cannot_be_one_starts_a_search() -> None:
    events = tcp(framed(query()) + bytes(4000) + framed(ANSWER))
    assert problems(events) == ["DNS_message_too_short"]
    assert rows(events)[1].offset == len(framed(query())) + 4002


def test_tcp_buffer_is_bounded() -> None:
    parser = StreamParser(Opening("tcp", b"", b"", midstream=True))
    tracemalloc.start()
    for _ in range(2000):
        parser.feed(memoryview(b"\xff\xff\x00\x00\x00\x00\x00\x01" * 128), True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_search_after_a_gap_gives_up() -> None:
    bait = framed(query()[:12] + b"\xc0\x0c\x00\x01\x00\x01")
    events = tcp(bait * (MAX_FAILED_SEARCHES + 1) + framed(query()), midstream=True)
    assert rows(events) == []


def test_compressed_message_cannot_unfold_without_limit() -> None:
    long_name = b"".join(b"\x3f" + bytes([i]) * 63 for i in range(3)) + b"\x00"
    records = (b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x00\x00\x02\xc0\x0c") * 4600
    message = b"\0\1\x84\0\0\1\x11\xf8\0\0\0\0" + long_name + b"\0\1\0\1" + records
    events = udp(message)
    assert problems(events)[-1] == "DNS_message_over_limit"
    assert sum(map(len, rows(events)[0].values["answers"])) < 4 << 20


def score(orig: bytes, resp: bytes = b"", carrier: str = "udp", port: int = 0) -> float | None:
    return PROTOCOL.detect(Opening(carrier, orig, resp, 0, port))  # type: ignore[arg-type]


def test_detect_claims_dns_without_ports() -> None:
    assert score(query()) == 0.95
    assert score(query(), ANSWER) == 0.95
    assert score(framed(query()), carrier="tcp") == 0.95
    assert score(mdns_answer()) == 0.9


@pytest.mark.parametrize("text", [b"\xffmodel=x", b"\x03a=1\x09cut"])
def test_detect_claims_damaged_announcements_at_their_port(text: bytes) -> None:
    record = b"\x03box\x08_airplay\x04_tcp\x05local\0\0\x10\0\x01\0\0\0\x78" + len(text).to_bytes(2) + text
    announcement = b"\0\0\x84\0\0\0\0\x01\0\0\0\0" + record
    assert (score(announcement, port=5353), score(announcement)) == (0.6, 0.2)
    assert (score(announcement[:-3], port=5353), score(bytes(12) + announcement, port=5353)) == (0.6, 0.0)


@pytest.mark.parametrize(
    "message", [query(), ANSWER, query()[:-1], query() + b"x", query()[:20], b"\0\0" + b"\xff" * 30]
)
@pytest.mark.parametrize("port", [53, 4000])
def test_identifiers_and_what_was_asked_before_make_no_difference_to_scores(message: bytes, port: int) -> None:
    others = [number.to_bytes(2, "big") + message[2:] for number in (0, 1, 0xFFFF)]
    scores = [score(other, port=port) for other in others]
    assert scores == [_message_score(other, len(other), False, port == 53) for other in others]
    assert scores == [score(other, port=port) for other in others]


def test_long_datagrams_are_scored_without_being_remembered() -> None:
    known = _known_score.cache_info
    before = known().currsize + known().misses
    assert score(query() + bytes(1500), port=53) == 0.8
    assert known().currsize + known().misses == before


def test_detect_waits_for_a_whole_tcp_question() -> None:
    data = framed(query())
    assert [score(data[:n], carrier="tcp") for n in (1, 5, 13, 20)] == [None] * 4


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x21\x00\x01\x00\x00\x00\x00\x12\x34\x56\x78" + b"\x47" * 188,
        b"\x47\x40\x00\x10\x00\x00\xb0\x0d\x00\x01\xc1\x00\x00" + b"\xff" * 175,
        b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n",
        b"\x12\x34\x01\x10\x00\x01\x00\x00\x00\x00\x00\x00\x20" + b"CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" + b"\0\0\x20\0\1",
        bytes(64),
        b"\xff" * 64,
    ],
    ids=["rtp", "mpeg-ts", "ssdp", "netbios", "zeros", "ones"],
)
def test_detect_refuses_other_datagrams(data: bytes) -> None:
    assert score(data, port=53) == 0.0


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x03" + bytes(1536),
    ],
)
def test_detect_refuses_other_streams(data: bytes) -> None:
    assert score(data, carrier="tcp", port=53) == 0.0


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.binary(min_size=12, max_size=200))
def test_detect_refuses_random_datagrams(data: bytes) -> None:
    assert (score(data) or 0.0) < 0.5


LABEL = st.binary(min_size=1, max_size=20)
NAME = st.lists(LABEL, min_size=0, max_size=5).map(lambda labels: dns.name.Name([*labels, b""]))
V4 = st.ip_addresses(v=4).map(lambda address: dns.rdata.from_text("IN", "A", str(address)))
V6 = st.binary(min_size=16, max_size=16).map(lambda b: dns.rdata.from_wire("IN", "AAAA", b, 0, 16))
TXT = st.lists(st.binary(max_size=255), min_size=1, max_size=3).map(
    lambda strings: dns.rdata.from_wire("IN", "TXT", w := b"".join(bytes([len(s)]) + s for s in strings), 0, len(w))
)
DATA = st.one_of(V4, V6, TXT)
RRSETS = st.lists(st.tuples(NAME, st.integers(0, 2**31 - 1), DATA), max_size=6)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 65535), NAME, st.sampled_from([1, 2, 5, 15, 16, 28, 33, 65, 255]), RRSETS, st.booleans())
def test_agrees_with_dnspython(number: int, name: Any, rdtype: int, rrsets: list[Any], is_response: bool) -> None:
    message = dns.message.Message(id=number)
    message.flags = dns.flags.RD | (dns.flags.QR | dns.flags.RA if is_response else 0)
    message.question.append(dns.rrset.RRset(name, dns.rdataclass.IN, dns.rdatatype.RdataType.make(rdtype)))
    for owner, ttl, data in rrsets:
        message.answer.append(dns.rrset.from_rdata(owner, ttl, data))
    wire = message.to_wire(max_size=65535)
    oracle = dns.message.from_wire(wire, one_rr_per_rrset=True)
    values = row(wire)

    def plain(text: str) -> str:
        return text[:-1] if text != "." else text

    assert values["message_id"] == oracle.id
    assert values["is_response"] is bool(oracle.flags & dns.flags.QR)
    assert values["query_name"] == plain(oracle.question[0].name.to_text())
    assert values["answer_names"] == ([plain(rrset.name.to_text()) for rrset in oracle.answer] or None)
    assert values["answer_types"] == ([dns.rdatatype.to_text(rrset.rdtype) for rrset in oracle.answer] or None)
    assert values["answer_ttls_s"] == ([rrset.ttl for rrset in oracle.answer] or None)
    found = values["answer_values"] or []
    for text, rrset in zip(found, oracle.answer, strict=True):
        again = dns.rdata.from_text("IN", rrset.rdtype, text)
        assert again == rrset[0]
