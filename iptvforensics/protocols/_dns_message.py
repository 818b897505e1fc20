"""One DNS message: from bytes to the columns of a row, and what was wrong with it.

RFC 1035 section 4, RFC 6891 (EDNS), RFC 6762 section 18 (what mDNS does with the class).

Known limitations: a message is read up to the first record whose end cannot be found; TSIG and DNSSEC
signatures are listed, not checked; of the EDNS options only the client subnet is read.
"""

from __future__ import annotations

import re
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

from ._dns_names import read_name
from ._dns_records import read_client_subnet, type_name, write_data

HEADER = Struct(">HHHHHH")
"""Identifier, flags, and the numbers of questions, answers, authorities and additionals."""
HEADER_BYTES = HEADER.size
_QUESTION = Struct(">HH")
_RECORD = Struct(">HHIH")
MAX_RECORDS = 4096
"""Records read of one message: a full 64 KiB message of address records holds 4,095 of them."""
SHORT_BYTES = 1500
MAX_TEXT_CHARS = 1 << 20
"""Text made of one message: compression lets 64 KiB of records unfold to many times their size."""

OPCODES = {0: "QUERY", 1: "IQUERY", 2: "STATUS", 4: "NOTIFY", 5: "UPDATE", 6: "DSO"}
RCODES = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN",
    7: "YXRRSET", 8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 11: "DSOTYPENI", 16: "BADVERS", 17: "BADKEY",
    18: "BADTIME", 19: "BADMODE", 20: "BADNAME", 21: "BADALG", 22: "BADTRUNC", 23: "BADCOOKIE",
}  # fmt: skip
CLASSES = {1: "IN", 2: "CS", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}

TYPE_OPT = 41
_ADDRESS_TYPES = frozenset(("A", "AAAA"))
_SERVICE_TYPES = frozenset(("SVCB", "HTTPS"))
_HINT = re.compile(r' ipv[46]hint="([^"]+)"')
"""Addresses that a service record brings along; a quotation mark within a text is escaped."""


class Message(NamedTuple):
    """What was read of one message."""

    values: dict[str, Any]
    problems: list[tuple[str, int, str]]
    """Name of the anomaly, position in the message, detail."""
    end: int
    """Position after what was read."""


class _Record(NamedTuple):
    name: str | None
    type: str
    ttl: int
    value: str

    def __str__(self) -> str:
        return f"{self.name if self.name is not None else '?'} {self.type} {self.ttl} {self.value}"


class _Reader:
    """Reads one message from front to back and remembers what was wrong."""

    def __init__(self, message: bytes) -> None:
        self.message = message
        self.at = HEADER_BYTES
        self.stopped = False
        self.problems: list[tuple[str, int, str]] = []
        self.records = 0
        self.chars = 0
        self.edns_udp_bytes: int | None = None
        self.edns_rcode = 0
        self.client_subnet: str | None = None

    def stop(self, why: str, detail: str) -> None:
        self.problems.append((why, min(self.at, len(self.message)), detail))
        self.stopped = True

    def name(self, what: str) -> str | None:
        """Return the name here, or null; what stands behind it is reached unless `stopped` is set."""
        name = read_name(self.message, self.at)
        if name.end < 0:
            self.stop(name.problem or "", what)
            return None
        if name.problem:
            self.problems.append((name.problem, self.at, what))
        self.at = name.end
        return name.text

    def may_go_on(self, what: str) -> bool:
        if not self.stopped and (self.records >= MAX_RECORDS or self.chars > MAX_TEXT_CHARS):
            self.stop("DNS_message_over_limit", f"{what}: {self.records} records were read")
        return not self.stopped

    def questions(self, count: int) -> list[tuple[str | None, str, str]]:
        found: list[tuple[str | None, str, str]] = []
        for i in range(count):
            what = f"question {i + 1} of {count}"
            if not self.may_go_on(what):
                break
            name = self.name(what)
            if self.stopped:
                break
            if self.at + 4 > len(self.message):
                self.stop("DNS_message_cut", what)
                break
            code, class_ = _QUESTION.unpack_from(self.message, self.at)
            found.append((name, type_name(code), class_name(class_)))
            self.at += 4
            self.records += 1
            self.chars += len(name or "")
        return found

    def section(self, count: int, title: str) -> list[_Record]:
        found: list[_Record] = []
        for i in range(count):
            what = f"{title} {i + 1} of {count}"
            if not self.may_go_on(what):
                break
            record = self.record(what)
            if record is not None:
                found.append(record)
        return found

    def record(self, what: str) -> _Record | None:
        name = self.name(what)
        if self.stopped:
            return None
        start = self.at + 10
        if start > len(self.message):
            self.stop("DNS_message_cut", what)
            return None
        code, class_, ttl, length = _RECORD.unpack_from(self.message, self.at)
        end = start + length
        if end > len(self.message):
            self.stop("DNS_message_cut", what)
            return None
        self.records += 1
        if code == TYPE_OPT:
            self.edns_udp_bytes = class_
            self.edns_rcode = ttl >> 24
            self.client_subnet = read_client_subnet(self.message[start:end])
            self.at = end
            return None
        text, is_well_formed = write_data(self.message, start, end, code)
        if not is_well_formed:
            self.problems.append(("DNS_record_data_malformed", start, f"{what}, {type_name(code)}"))
        self.at = end
        self.chars += len(name or "") + len(text)
        return _Record(name, type_name(code), ttl, text)


def class_name(code: int) -> str:
    """Return the mnemonic of a class; the top bit, which mDNS uses as a flag, is left out."""
    return CLASSES.get(code & 0x7FFF) or f"CLASS{code}"


def read_message(message: bytes) -> Message:
    """Return the columns of a message of at least `HEADER_BYTES` bytes."""
    if len(message) > SHORT_BYTES:
        return _read(message)
    # Programs ask for the same few names all the time, and a message is read twice, when a parser is chosen and by it.
    values, problems, end = _read_nameless(message[2:])
    return Message({**values, "message_id": message[0] << 8 | message[1]}, problems, end)


def _read(message: bytes) -> Message:
    message_id, flags, *counts = HEADER.unpack_from(message)
    is_response = bool(flags & 0x8000)
    reader = _Reader(message)
    questions = reader.questions(counts[0])
    answers = reader.section(counts[1], "answer")
    authorities = reader.section(counts[2], "authority")
    additionals = reader.section(counts[3], "additional")
    if not reader.stopped and reader.at < len(message):
        reader.problems.append(("DNS_trailing_bytes", reader.at, f"{len(message) - reader.at} bytes"))
    opcode, rcode = flags >> 11 & 15, flags & 15 | reader.edns_rcode << 4
    name, type_, class_ = questions[0] if questions else (None, None, None)
    values = {
        "message_id": message_id,
        "is_response": is_response,
        "opcode": OPCODES.get(opcode) or f"OPCODE{opcode}",
        "rcode": (RCODES.get(rcode) or f"RCODE{rcode}") if is_response else None,
        "authoritative": bool(flags & 0x0400),
        "truncated": bool(flags & 0x0200),
        "recursion_desired": bool(flags & 0x0100),
        "recursion_available": bool(flags & 0x0080),
        "query_name": name,
        "query_type": type_,
        "query_class": class_,
        "questions": [f"{n if n is not None else '?'} {t} {c}" for n, t, c in questions] or None,
        "answer_count": counts[1],
        "answers": [str(record) for record in answers] or None,
        "answer_names": [record.name if record.name is not None else "?" for record in answers] or None,
        "answer_types": [record.type for record in answers] or None,
        "answer_ttls_s": [record.ttl for record in answers] or None,
        "answer_values": [record.value for record in answers] or None,
        "addresses": addresses_of([(r.type, r.value) for r in answers]) or None,
        "cname_chain": cname_chain(name, [(r.name, r.type, r.value) for r in answers]) or None,
        "authorities": [str(record) for record in authorities] or None,
        "additionals": [str(record) for record in additionals] or None,
        "edns_udp_bytes": reader.edns_udp_bytes,
        "edns_client_subnet": reader.client_subnet,
        "message_bytes": len(message),
    }
    return Message(values, reader.problems, reader.at)


@lru_cache(maxsize=256)
def _read_nameless(rest: bytes) -> Message:
    """Return what a message says whose identifier (its first two bytes) is left out."""
    return _read(bytes(2) + rest)


def addresses_of(records: list[tuple[str, str]]) -> list[str]:
    """Return the addresses in records (type, data), then those that only service records bring along."""
    found = [value for kind, value in records if kind in _ADDRESS_TYPES and not value.startswith("\\#")]
    for kind, value in records:
        if kind in _SERVICE_TYPES:
            hints = [hint for text in _HINT.findall(value) for hint in text.split(",")]
            found += [hint for hint in hints if hint not in found]
    return found


def cname_chain(query_name: str | None, records: list[tuple[str | None, str, str]]) -> list[str]:
    """Return the names that the queried name leads to by records (owner, type, data); each alias is followed once."""
    if query_name is None:
        return []
    aliases = {
        owner.lower(): value
        for owner, kind, value in reversed(records)
        if kind == "CNAME" and owner is not None and not value.startswith("\\#")
    }
    chain: list[str] = []
    target = aliases.pop(query_name.lower(), None)
    while target is not None:
        chain.append(target)
        target = aliases.pop(target.lower(), None)
    return chain
