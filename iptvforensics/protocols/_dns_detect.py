"""How sure it is that bytes are DNS: the header's counts must agree, the first question must be readable.

Twelve bytes of a header leave room for chance, so flags, counts, question, types and names are all held
to what resolvers, servers and mDNS responders really send. NetBIOS name service (RFC 1002) shares the
header and is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ..protocol import ContentInfo, Opening
from ..tls.pieces import LAST_STREAM, STREAM
from ..tls.wire import read_number
from ._dns_message import HEADER, HEADER_BYTES, SHORT_BYTES, read_message
from ._dns_names import read_name
from ._dns_records import TYPES

PORTS = frozenset((53, 5353, 5355))
MAX_QUESTION_BYTES = 255 + 4
_MAX_QUESTIONS = 64
_NAME_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*."
_TYPES_WITHOUT_NETBIOS = frozenset(TYPES) - {32}


WIRE_TYPE = "application/dns-message"
_JSON_TYPES = frozenset(("application/dns-json", "application/json", "application/x-javascript"))
_JSON_MARK = b'{"Status":'
_JSON = re.compile(rb'\{"Status":\d{1,5},"(?:TC|RD|RA|AD|CD|Question)":')
_JSON_HEAD_BYTES = 32
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_DECLARED = 0.55
"""No text, declared to be a message, and none: the parser says so, unless somebody else knows it."""


def is_wire_body(info: ContentInfo) -> bool:
    """Return True for a body that is declared to be a DNS message in the form of the wire (RFC 8484)."""
    return _media_type(info) == WIRE_TYPE


def _media_type(info: ContentInfo) -> str:
    return (info.media_type or "").partition(";")[0].strip().lower()


def _body_score(opening: Opening) -> float | None:
    """Return how sure it is that a body is a DNS message, from what it is declared to be and how it begins."""
    data = opening.orig
    media_type = _media_type(opening.info)
    if opening.midstream or not media_type:
        return 0.0
    if media_type == WIRE_TYPE:
        if len(data) < HEADER_BYTES:
            return None
        return 0.97 if is_plausible_header(data) else _DECLARED if _NO_TEXT.search(data[:HEADER_BYTES]) else 0.0
    if media_type not in _JSON_TYPES:
        return 0.0
    head = b"".join(data[:4096].split())[:_JSON_HEAD_BYTES]
    if _JSON.match(head):
        return 0.97
    may_become = head.startswith(_JSON_MARK[: len(head)]) and len(head) < _JSON_HEAD_BYTES
    return None if may_become else 0.0


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a flow is DNS, from the first message of each direction, or that a body is."""
    if opening.carrier == "content":
        return _body_score(opening)
    if opening.carrier == "quic":
        return _quic_score(opening)
    has_port = opening.orig_port in PORTS or opening.resp_port in PORTS
    scores = [_score(data, opening.carrier == "tcp", has_port) for data in (opening.orig, opening.resp) if data]
    known = [score for score in scores if score is not None]
    if not known or (len(known) < len(scores) and max(known) > 0):
        return None
    return min(known)


def _quic_score(opening: Opening) -> float | None:
    """Return how sure it is that the streams of a QUIC connection carry DNS (RFC 9250), by each side's first one."""
    found = [_stream_score(first) for first in (opening.orig, opening.resp) if first]
    known = [score for score in found if score is not None]
    if not known or (len(known) < len(found) and max(known) > 0):
        return None
    return min(known)


def _stream_score(first: bytes) -> float | None:
    """Return the score of the first stream whose beginning shows: a query or answer, whose identifier is 0."""
    at = 0
    while at < len(first) and first[at] in (STREAM, LAST_STREAM):
        is_last = first[at] == LAST_STREAM
        stream, at = read_number(first, at + 1)
        position, at = read_number(first, at)
        length, at = read_number(first, at)
        if at < 0:
            return None
        data = first[at : at + length]
        at += length
        if stream & 3 or (not position and any(data[2:4])):
            return 0.0
        if not position and len(data) >= 2 + HEADER_BYTES:
            return _score(data, is_tcp=True, has_port=False)
        if not position and is_last and len(data) == length:
            return 0.0
    return None if at >= len(first) else 0.0


def _score(data: bytes, is_tcp: bool, has_port: bool) -> float | None:
    """Return the score of the first message of one direction; null if more bytes are needed."""
    if not is_tcp:
        if len(data) > SHORT_BYTES:
            return _message_score(data, len(data), False, has_port)
        return _known_score(data[2:], has_port)
    declared = data[0] << 8 | data[1] if len(data) > 1 else HEADER_BYTES
    if declared < HEADER_BYTES or not is_plausible_header(data[2 : 2 + HEADER_BYTES]):
        return 0.0
    return _message_score(data[2 : 2 + declared], declared, True, has_port)


@lru_cache(maxsize=256)
def _known_score(rest: bytes, has_port: bool) -> float | None:
    """Return the score of a datagram whose identifier is left out: programs ask for the same few names all the time."""
    return _message_score(bytes(2) + rest, 2 + len(rest), False, has_port)


def _message_score(data: bytes, declared: int, is_tcp: bool, has_port: bool) -> float | None:
    if not is_plausible_header(data):
        return 0.0
    if len(data) < HEADER_BYTES:
        return None
    if not data[4] and not data[5]:
        return _score_without_question(data, has_port)
    question = _question_score(data)
    if question == 0.0:
        return 0.0
    if question is None:
        return None if len(data) < min(declared, HEADER_BYTES + MAX_QUESTION_BYTES) or not is_tcp else 0.0
    if is_tcp and len(data) < declared:
        return 0.8
    problems = {name for name, _, _ in read_message(bytes(data)).problems}
    if not problems:
        return 0.95 * question
    if problems == {"DNS_message_cut"}:
        return 0.7 if has_port else 0.45
    # What stands behind a readable message may be the next datagram.
    return 0.8 if problems == {"DNS_trailing_bytes"} else 0.6 if has_port else 0.3


def is_plausible_header(data: bytes) -> bool:
    """Return False as soon as the bytes of a header contradict each other; short ones are given credit."""
    if len(data) < 4:
        return True
    flags = data[2] << 8 | data[3]
    opcode, is_response = flags >> 11 & 15, bool(flags & 0x8000)
    if opcode not in (0, 4, 5) or flags & 0x0040:
        return False
    if not is_response and (flags & 0x0080 or flags & 0x000F):
        return False
    if len(data) < HEADER_BYTES:
        return True
    _, _, questions, answers, authorities, additionals = HEADER.unpack_from(data)
    if questions > _MAX_QUESTIONS or (not questions and not answers and not flags & 0x000F):
        return False
    # A question takes 5 bytes at least, a record 11; a message that says it was cut may promise more.
    least = 5 * questions + 11 * (answers + authorities + additionals)
    return least <= 0xFFFF and (is_response or opcode == 5 or answers + authorities + additionals <= 64)


def _question_score(data: bytes) -> float | None:
    name = read_name(data, HEADER_BYTES)
    if name.problem == "DNS_message_cut":
        return None
    if name.text is None:
        return 0.0
    if name.end + 4 > len(data):
        return None
    code = data[name.end] << 8 | data[name.end + 1]
    class_ = data[name.end + 2] << 8 | data[name.end + 3]
    if class_ not in (1, 3, 254, 255, 0x8001) or code not in _TYPES_WITHOUT_NETBIOS or _is_netbios(data):
        return 0.0
    odd = len(name.text.encode("ascii").translate(None, _NAME_BYTES))
    return 1.0 if odd == 0 else 0.8 if odd * 4 <= len(name.text) or class_ == 0x8001 else 0.3


def _is_netbios(data: bytes) -> bool:
    """Return True if the first label is a NetBIOS name: 32 letters from A to P (RFC 1001 section 14.1)."""
    label = data[HEADER_BYTES + 1 : HEADER_BYTES + 33]
    return data[HEADER_BYTES] == 32 and len(label) == 32 and all(0x41 <= char <= 0x50 for char in label)


def _score_without_question(data: bytes, has_port: bool) -> float:
    """Return the score of a message that asks nothing: an mDNS announcement, or the refusal of a query."""
    is_response, rcode = bool(data[2] & 0x80), data[3] & 0x0F
    if not is_response:
        return 0.0
    answers = data[6] << 8 | data[7]
    if not answers:
        return 0.3 if rcode and len(data) == HEADER_BYTES else 0.0
    name = read_name(data, HEADER_BYTES)
    if name.text is None:
        return 0.0
    problems = {problem for problem, _, _ in read_message(bytes(data)).problems}
    return 0.9 if not problems else 0.7 if problems == {"DNS_trailing_bytes"} else 0.6 if has_port else 0.2
