"""Bodies of HTTP -> DNS messages: in the form of the wire (RFC 8484), or as resolvers of the web write them in JSON.

The JSON form has no specification of its own; it is that of dns.google (`/resolve`) and of those who took it over.
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import DecodeError
from ..protocol import Anomaly, Event, Opening, Row
from ._dns_detect import is_plausible_header, is_wire_body
from ._dns_message import CLASSES, HEADER_BYTES, MAX_RECORDS, OPCODES, RCODES, addresses_of, cname_chain, read_message
from ._dns_records import type_name

MAX_MESSAGE_BYTES = 0xFFFF
MAX_JSON_BYTES = 1 << 18
DOH, DOH_JSON = "doh", "doh-json"
_FLAGS = (("truncated", "TC"), ("recursion_desired", "RD"), ("recursion_available", "RA"))


class BodyParser:
    """Collects one body and reads it at its end."""

    __slots__ = ("__weakref__", "_body", "_is_over", "_is_wire", "_limit", "_received", "client_is_orig")

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._is_wire = is_wire_body(opening.info)
        self._limit = MAX_MESSAGE_BYTES if self._is_wire else MAX_JSON_BYTES
        self._body = bytearray()
        self._received = 0
        self._is_over = False

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Keep the next bytes; return what is wrong if there are too many."""
        self._received += len(data)
        if self._is_over:
            return []
        self._body += data[: self._limit - len(self._body)]
        if self._received <= self._limit:
            return []
        detail = f"more than the {self._limit} bytes that a message may have"
        return [*self._read(from_orig), Anomaly("DNS_message_over_limit", from_orig, self._limit, detail)]

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what the bytes before the gap say."""
        before = len(self._body)
        events = [] if self._is_over else self._read(from_orig)
        self._received += max(length, 0)
        return [*events, Anomaly("DNS_message_incomplete", from_orig, before, f"a gap of {length} bytes")]

    def end(self, from_orig: bool) -> list[Event]:
        """Return the row of the message."""
        return [] if self._is_over else self._read(from_orig)

    def _read(self, from_orig: bool) -> list[Event]:
        self._is_over = True
        body, self._body = bytes(self._body), bytearray()
        if not body:
            return []
        if not self._is_wire:
            return [Row("dns", from_orig, 0, _json_values(body))]
        if len(body) < HEADER_BYTES:
            raise DecodeError(f"a DNS message has at least {HEADER_BYTES} bytes, found {len(body)}", offset=0)
        if not is_plausible_header(body):
            raise DecodeError("declared to be a DNS message, but flags and counts contradict each other", offset=0)
        values, problems, _ = read_message(body)
        broken = [Anomaly(name, from_orig, at, detail) for name, at, detail in problems]
        return [Row("dns", from_orig, 0, {**values, "carried_as": DOH}), *broken]


def _json_values(body: bytes) -> dict[str, Any]:
    """Return the columns of an answer in JSON."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"no JSON: {error}", offset=0) from None
    if not isinstance(told, dict):
        raise DecodeError("an answer in JSON is an object", offset=0)
    asked, answers = _items(told, "Question"), _records(told, "Answer")
    questions = [(_name(item), type_name(_number(item, "type"))) for item in asked]
    name, kind = questions[0] if questions else (None, None)
    status = _number(told, "Status")
    return {
        "is_response": True,
        "opcode": OPCODES[0],
        "rcode": RCODES.get(status) or f"RCODE{status}",
        **{column: told[key] for column, key in _FLAGS if isinstance(told.get(key), bool)},
        "query_name": name,
        "query_type": kind,
        "query_class": CLASSES[1] if questions else None,
        "questions": [f"{n if n is not None else '?'} {t} {CLASSES[1]}" for n, t in questions] or None,
        "answer_count": len(answers),
        "answers": [_line(record) for record in answers] or None,
        "answer_names": [record[0] or "?" for record in answers] or None,
        "answer_types": [record[1] for record in answers] or None,
        "answer_ttls_s": [record[2] for record in answers] or None,
        "answer_values": [record[3] for record in answers] or None,
        "addresses": addresses_of([(kind, value) for _, kind, _, value in answers]) or None,
        "cname_chain": cname_chain(name, [(owner, kind, value) for owner, kind, _, value in answers]) or None,
        "authorities": [_line(record) for record in _records(told, "Authority")] or None,
        "additionals": [_line(record) for record in _records(told, "Additional")] or None,
        "message_bytes": len(body),
        "carried_as": DOH_JSON,
    }


_Record = tuple[str | None, str, int, str]
"""Owner, type, time to live, data."""


def _records(told: dict[str, Any], section: str) -> list[_Record]:
    found: list[_Record] = []
    for item in _items(told, section):
        data = item.get("data")
        text = data if isinstance(data, str) else ""
        kind = type_name(_number(item, "type"))
        is_name = kind in ("CNAME", "NS", "PTR", "DNAME")
        found.append((_name(item), kind, _number(item, "TTL"), text.removesuffix(".") if is_name else text))
    return found


def _items(told: dict[str, Any], section: str) -> list[dict[str, Any]]:
    """Return the objects of a section; some resolvers write a single one without a list."""
    items = told.get(section)
    listed = items if isinstance(items, list) else [items]
    return [item for item in listed[:MAX_RECORDS] if isinstance(item, dict)]


def _line(record: _Record) -> str:
    owner, kind, ttl, value = record
    return f"{owner or '?'} {kind} {ttl} {value}"


def _name(item: dict[str, Any]) -> str | None:
    name = item.get("name")
    if not isinstance(name, str) or not name:
        return None
    return name.removesuffix(".") or "."


def _number(item: dict[str, Any], key: str) -> int:
    value = item.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32 else 0
