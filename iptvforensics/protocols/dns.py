"""DNS, mDNS and LLMNR: from messages over UDP, TCP, TLS, QUIC and HTTP to one row per message.

RFC 1035 (sections 4.1 message, 4.2 carriers), RFC 3596 (AAAA), RFC 6891 (EDNS), RFC 7871 (client subnet),
RFC 2782 (SRV), RFC 9460 (SVCB, HTTPS), RFC 6762 (mDNS), RFC 4795 (LLMNR), RFC 7858 (over TLS), RFC 8484 (over HTTPS),
RFC 9250 (over QUIC), also the JSON form of public resolvers. Names stand as a master file has them (RFC 1035 section
5.1), in the case of the wire, without the final dot.

**Known limitations**: DNS over TLS, HTTPS and QUIC is read only where keys open the connection; a query that stands in
the address of a GET (`?dns=`, `?name=`) has no row of its own, its answer repeats the question; queries and answers are
not paired (join by flow, message_id and query_name); DNSSEC is listed, not validated; after bytes that are missing a
TCP stream is searched for the next whole message, and a message that the gap touches is read up to the gap.
"""

from __future__ import annotations

from ..errors import DecodeError
from ..protocol import Anomaly, Event, Opening, Parser, Protocol, Row
from ..schema import Column, message_table
from ._dns_detect import detect, is_plausible_header
from ._dns_message import HEADER_BYTES, read_message

MAX_FAILED_SEARCHES = 64
"""Places tried in vain after a gap or a false length before a direction is given up: each try may read 64 KiB."""

TABLE = message_table(
    "dns",
    "DNS, mDNS or LLMNR message, query or response",
    (
        Column("message_id", "int", "Identifier that ties a response to its query."),
        Column("is_response", "bool", "True for a response, false for a query."),
        Column("opcode", "text", "Kind of operation, QUERY in nearly all messages."),
        Column("rcode", "text", "Result that the server gives, EDNS extension included; null in queries."),
        Column("authoritative", "bool", "True if the server says that it owns the name (AA)."),
        Column("truncated", "bool", "True if the sender says that it cut the message short (TC)."),
        Column("recursion_desired", "bool", "True if the client asks the server to ask others (RD)."),
        Column("recursion_available", "bool", "True if the server offers to ask others (RA)."),
        Column("query_name", "text", "Name of the first question, in the case of the wire, without final dot."),
        Column("query_type", "text", "Record type of the first question."),
        Column("query_class", "text", "Class of the first question; the flag that mDNS puts there is left out."),
        Column("questions", "text[]", "All questions as `name type class`; null if there are none."),
        Column("answer_count", "int", "Records that the header promises in the answer section."),
        Column("answers", "text[]", "Records of the answer section as `name type ttl value`."),
        Column("answer_names", "text[]", "Owner names of the answers, `?` where one could not be read."),
        Column("answer_types", "text[]", "Record types of the answers, same order."),
        Column("answer_ttls_s", "int[]", "Times to live of the answers as sent, same order."),
        Column("answer_values", "text[]", "Data of the answers in master file form, same order."),
        Column("addresses", "text[]", "Addresses in the answer section: A and AAAA, hints of SVCB and HTTPS."),
        Column("cname_chain", "text[]", "Names that the query name leads to by aliases (CNAME), in order."),
        Column("authorities", "text[]", "Records of the authority section as `name type ttl value`."),
        Column("additionals", "text[]", "Records of the additional section without the EDNS record."),
        Column("edns_udp_bytes", "int", "Largest UDP message that the sender takes; null without EDNS."),
        Column("edns_client_subnet", "text", "Network of the client that a resolver passes on, as address/prefix."),
        Column("message_bytes", "int", "Length of the message, without the length prefix of TCP."),
        Column(
            "carried_as",
            "text",
            "How it came: udp, tcp, dot (over TLS), doq (over QUIC), doh (body of HTTP), doh-json (the same in JSON).",
        ),
    ),
    endpoints=True,
)


class _Direction:
    """What is pending in one direction."""

    __slots__ = ("failed", "has_message", "in_step", "offset", "pending", "skip")

    def __init__(self, in_step: bool) -> None:
        self.pending = bytearray()
        self.offset = 0
        """Stream offset of the first pending byte."""
        self.in_step = in_step
        """False while the start of the next message is unknown (TCP after a gap)."""
        self.skip = 0
        """Bytes still to come of a message that was read as far as it was captured."""
        self.failed = 0
        self.has_message = False


class DatagramParser:
    """The state of one flow of datagrams, small: there is one for each name looked up. Each message is read alone."""

    __slots__ = ("__weakref__", "_has_message", "_orig_bytes", "_resp_bytes", "client_is_orig")

    def __init__(self) -> None:
        self.client_is_orig = True
        self._orig_bytes = self._resp_bytes = 0
        self._has_message = 0
        """Bits: a message came from the originator (1), from the responder (2)."""

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the row of a message and what was wrong with it."""
        offset = self._advance(len(data), from_orig)
        side = 1 if from_orig else 2
        if len(data) < HEADER_BYTES:
            return [_too_short(len(data), offset, from_orig, is_first=not self._has_message & side)]
        row, *broken = events_of(bytes(data), offset, from_orig, "udp")
        self.client_is_orig = from_orig is not row.values["is_response"]
        self._has_message |= side
        return [row, *broken]

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: what is missing takes nothing from other messages."""
        self._advance(max(length, 0), from_orig)
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return nothing: no message waits for another."""
        return []

    def _advance(self, count: int, from_orig: bool) -> int:
        """Return where a direction was, and step on."""
        if from_orig:
            offset, self._orig_bytes = self._orig_bytes, self._orig_bytes + count
        else:
            offset, self._resp_bytes = self._resp_bytes, self._resp_bytes + count
        return offset


class StreamParser:
    """The state of one connection. The sender of the first query is the client."""

    __slots__ = ("__weakref__", "_carried_as", "_directions", "client_is_orig")

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._carried_as = "dot" if opening.is_opened else "tcp"
        self._directions = {side: _Direction(not opening.midstream) for side in (True, False)}

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of the messages that are complete with these bytes."""
        direction = self._directions[from_orig]
        direction.pending += data
        return self._take(direction, from_orig, is_final=False)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return the message that the gap cuts; what follows is searched for the next one."""
        direction = self._directions[from_orig]
        events = self._take(direction, from_orig, is_final=True)
        pending = direction.pending
        if direction.skip and not pending:
            missing = direction.skip
        elif direction.in_step and len(pending) >= 2:
            missing = 2 + (pending[0] << 8 | pending[1]) - len(pending)
        else:
            missing = -1
        events += self._flush(direction, from_orig)
        direction.offset += max(length, 0)
        if 0 <= length <= missing:
            direction.skip = missing - length
            return events
        direction.skip = 0
        direction.in_step = False
        events.append(Anomaly("DNS_boundary_lost", from_orig, direction.offset, f"after a gap of {length} bytes"))
        return events

    def end(self, from_orig: bool) -> list[Event]:
        """Return the message that was cut by the end, as far as it was captured."""
        direction = self._directions[from_orig]
        return self._take(direction, from_orig, is_final=True) + self._flush(direction, from_orig)

    def _take(self, direction: _Direction, from_orig: bool, *, is_final: bool) -> list[Event]:
        """Return the rows of all whole messages that are pending, and forget their bytes."""
        events: list[Event] = []
        pending = direction.pending
        at = min(direction.skip, len(pending))
        direction.skip -= at
        while True:
            if not direction.in_step:
                at = self._search(direction, at, is_final=is_final)
                if not direction.in_step:
                    break
            if at + 2 > len(pending):
                break
            after = at + 2 + (pending[at] << 8 | pending[at + 1])
            if after > len(pending):
                break
            if after < at + 2 + HEADER_BYTES:
                # The length cannot be one: where the next message begins is not known any more.
                events += self._read(bytes(pending[at + 2 : after]), direction.offset + at + 2, from_orig)
                direction.in_step = False
                continue
            events += self._read(bytes(pending[at + 2 : after]), direction.offset + at + 2, from_orig)
            at = after
        direction.offset += at
        del pending[:at]
        return events

    def _search(self, direction: _Direction, at: int, *, is_final: bool) -> int:
        """Return where the next whole message begins (then in step), or from where to search on."""
        pending = direction.pending
        if direction.failed >= MAX_FAILED_SEARCHES:
            return len(pending)
        while at + 2 + HEADER_BYTES <= len(pending):
            after = at + 2 + (pending[at] << 8 | pending[at + 1])
            if after < at + 2 + HEADER_BYTES or not is_plausible_header(bytes(pending[at + 2 : at + 2 + HEADER_BYTES])):
                at += 1
                continue
            if after > len(pending):
                if not is_final:
                    return at
                at += 1
                continue
            if not read_message(bytes(pending[at + 2 : after])).problems:
                direction.in_step, direction.failed = True, 0
                return at
            direction.failed += 1
            at += 1
            if direction.failed >= MAX_FAILED_SEARCHES:
                return len(pending)
        return at

    def _flush(self, direction: _Direction, from_orig: bool) -> list[Event]:
        """Return what the pending part of a message says."""
        pending, start = bytes(direction.pending), direction.offset
        direction.offset += len(pending)
        direction.pending.clear()
        if not pending or not direction.in_step:
            return []
        declared = pending[0] << 8 | pending[1] if len(pending) > 1 else None
        detail = f"{max(len(pending) - 2, 0)} of {declared if declared is not None else 'unknown'} bytes"
        cut = Anomaly("DNS_message_incomplete", from_orig, start, detail)
        if len(pending) < 2 + HEADER_BYTES:
            return [cut]
        return [*self._read(pending[2:], start + 2, from_orig, declared), cut]

    def _read(self, message: bytes, offset: int, from_orig: bool, declared: int | None = None) -> list[Event]:
        """Return the row of a message and what was wrong with it."""
        direction = self._directions[from_orig]
        if len(message) < HEADER_BYTES:
            return [_too_short(len(message), offset, from_orig, is_first=not direction.has_message)]
        row, *broken = events_of(message, offset, from_orig, self._carried_as)
        if declared is not None:
            row.values["message_bytes"] = declared
        if not any(d.has_message for d in self._directions.values()):
            self.client_is_orig = from_orig is not row.values["is_response"]
        direction.has_message = True
        return [row, *broken]


def events_of(message: bytes, offset: int, from_orig: bool, carried_as: str) -> tuple[Row, *tuple[Anomaly, ...]]:
    """Return the row of a message, and what was wrong with it."""
    values, problems, _ = read_message(message)
    values["carried_as"] = carried_as
    broken = [Anomaly(name, from_orig, offset + at, detail) for name, at, detail in problems]
    return (Row("dns", from_orig, offset, values), *broken)


def _too_short(size: int, offset: int, from_orig: bool, *, is_first: bool) -> Anomaly:
    """Return what is wrong with a message that has no whole header.

    Raises:
        DecodeError: it is the first one of its direction.
    """
    why = f"a DNS message has at least {HEADER_BYTES} bytes, found {size}"
    if is_first:
        raise DecodeError(why, offset=offset)
    return Anomaly("DNS_message_too_short", from_orig, offset, why)


def make_parser(opening: Opening) -> Parser:
    """Return the parser of one flow or body."""
    if opening.carrier == "quic":
        from ._dns_quic import DoqParser

        return DoqParser(opening)
    if opening.carrier == "udp":
        return DatagramParser()
    if opening.carrier != "content":
        return StreamParser(opening)
    from ._dns_body import BodyParser

    return BodyParser(opening)


PROTOCOL = Protocol(
    name="dns",
    title="DNS, mDNS and LLMNR: who asked for which name, and what was answered",
    specification="RFC 1035, 2782, 3596, 4795, 6762, 6891, 7858, 7871, 8484, 9250, 9460",
    carriers=("udp", "tcp", "content", "quic"),
    tables=(TABLE,),
    detect=detect,
    parser=make_parser,
    limits="DNS over TLS, HTTPS and QUIC is read only where keys open it. Queries and responses are not paired. "
    "DNSSEC is not validated.",
)
