"""DNS messages in bodies of HTTP (RFC 8484), and answers in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iptvforensics.errors import DecodeError
from iptvforensics.protocol import Anomaly, ContentInfo, Event, Opening, Row
from iptvforensics.protocols._dns_body import MAX_JSON_BYTES, MAX_MESSAGE_BYTES
from iptvforensics.protocols.dns import PROTOCOL

from .test_dns import ANSWER, JSON_ANSWER, query, response

WIRE, JSON = "application/dns-message", "application/dns-json"


def opening(body: bytes, media_type: str | None) -> Opening:
    return Opening("content", body, b"", info=ContentInfo("https://dns.example/dns-query", media_type))


def read(body: bytes, media_type: str | None = WIRE, *more: bytes | int) -> list[Event]:
    parser = PROTOCOL.parser(opening(body, media_type))
    events = parser.feed(memoryview(body), False)
    for part in more:
        events += parser.gap(part, False) if isinstance(part, int) else parser.feed(memoryview(part), False)
    return events + parser.end(False)


def values(body: bytes, media_type: str | None = WIRE) -> dict[str, Any]:
    (row,) = read(body, media_type)
    assert isinstance(row, Row)
    assert (row.table, row.from_orig, row.offset) == ("dns", False, 0)
    return row.values


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, Anomaly)]


def test_a_message_in_a_body_has_no_length_before_it() -> None:
    found = values(ANSWER)
    assert (found["query_name"], found["addresses"]) == ("edge7.cdn.example", ["192.0.2.17", "192.0.2.18"])
    assert (found["carried_as"], found["message_bytes"]) == ("doh", len(ANSWER))
    assert values(query())["is_response"] is False


def test_json_says_what_the_wire_says() -> None:
    wire = values(response(["edge7.cdn.example CNAME 300 lb.cdn.example.", "lb.cdn.example A 30 192.0.2.17"]))
    found = values(JSON_ANSWER, JSON)
    differing = {"message_id", "authoritative", "message_bytes", "carried_as"}
    kept = {name: value for name, value in wire.items() if name not in differing and value is not None}
    assert {name: found.get(name) for name in kept} == kept
    assert found["carried_as"] == "doh-json"


def test_json_with_another_status_and_without_answers() -> None:
    told = {"Status": 3, "Question": {"name": "gone.example", "type": 28}, "Answer": None, "Authority": [7, {}]}
    found = values(json.dumps(told).encode(), JSON)
    assert (found["rcode"], found["query_name"], found["query_type"]) == ("NXDOMAIN", "gone.example", "AAAA")
    assert (found["answers"], found["addresses"], found["authorities"]) == (None, None, ["? TYPE0 0 "])


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 100_000, b'{"Status":' + b"9" * 5000 + b"}", b"\xff\xfe{"])
def test_what_is_no_answer_in_json_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        read(body, JSON)


def test_numbers_of_json_that_cannot_be() -> None:
    told = {
        "Status": True,
        "Question": [{"name": 7, "type": -1}],
        "Answer": [{"name": "a.", "type": 1e300, "TTL": None}],
    }
    found = values(json.dumps(told).encode(), JSON)
    assert (found["rcode"], found["query_name"], found["answers"]) == ("NOERROR", None, ["a TYPE0 0 "])


def test_a_gap_leaves_what_came_before() -> None:
    events = read(ANSWER[:60], WIRE, 10, ANSWER[70:])
    assert [event.values["query_name"] for event in events if isinstance(event, Row)] == ["edge7.cdn.example"]
    assert names(events) == ["DNS_message_cut", "DNS_message_incomplete"]


@pytest.mark.parametrize(("media_type", "limit"), [(WIRE, MAX_MESSAGE_BYTES), (JSON, MAX_JSON_BYTES)])
def test_limits_hold_from_both_sides(media_type: str, limit: int) -> None:
    body = ANSWER if media_type == WIRE else JSON_ANSWER
    filled = body + (b"\0" if media_type == WIRE else b" ") * (limit - len(body))
    assert names(read(filled, media_type)) == (["DNS_trailing_bytes"] if media_type == WIRE else [])
    assert "DNS_message_over_limit" in names(read(filled, media_type, filled[-1:], filled))


def test_a_message_without_a_whole_header_is_refused() -> None:
    with pytest.raises(DecodeError):
        read(ANSWER[:11])
    assert read(b"") == []


@pytest.mark.parametrize("counts", [b"\xff\xff" * 4, bytes(8)])
def test_what_is_declared_to_be_a_message_and_is_none_is_told(counts: bytes) -> None:
    body = ANSWER[:4] + counts + ANSWER[12:]
    assert 0.5 < (PROTOCOL.detect(opening(body, WIRE)) or 0.0) < 0.9
    with pytest.raises(DecodeError, match="contradict"):
        read(body)


@pytest.mark.parametrize(
    ("body", "media_type", "is_dns"),
    [
        (ANSWER, WIRE, True),
        (ANSWER, "Application/DNS-Message; charset=x", True),
        (ANSWER, None, False),
        (ANSWER, "application/octet-stream", False),
        (b"<html>no such page</html>", WIRE, False),
        (JSON_ANSWER, "application/json; charset=UTF-8", True),
        (b'{"Status": 0, "channels": []}', "application/json", False),
        (b'{"user_info": {"auth": 1}}', "application/json", False),
        (JSON_ANSWER, "text/html", False),
    ],
)
def test_bodies_are_told_by_type_and_beginning(body: bytes, media_type: str | None, is_dns: bool) -> None:
    assert ((PROTOCOL.detect(opening(body, media_type)) or 0.0) > 0.5) is is_dns
