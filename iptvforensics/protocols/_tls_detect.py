"""How certain it is that the first bytes of a flow are TLS."""

from __future__ import annotations

from ..protocol import Opening
from ..tls.messages import CLIENT_HELLO, SERVER_HELLO
from ._tls_records import APPLICATION_DATA, HANDSHAKE, HEADER_BYTES, MAX_BODY, find_records, is_header

SURE, RECORDS, ONE_RECORD = 1.0, 0.85, 0.6


def detect(opening: Opening) -> float | None:
    """Return how surely a flow carries TLS: by its hellos, or by records that follow each other."""
    sides = opening.orig, opening.resp
    scores = [_score(first, midstream=opening.midstream) for first in sides if first]
    best = max((score for score in scores if score is not None), default=0.0)
    return None if best < SURE and (None in scores or not scores) else best


def begins_with_hello(first: bytes) -> bool:
    """Return True for bytes that begin with a record that begins with a hello."""
    return (
        len(first) > HEADER_BYTES
        and first[0] == HANDSHAKE
        and is_header(first)
        and first[HEADER_BYTES] in (CLIENT_HELLO, SERVER_HELLO)
    )


def _score(first: bytes, *, midstream: bool) -> float | None:
    if first[0] == HANDSHAKE or is_header(first.ljust(HEADER_BYTES, b"\0")):
        return _by_first_record(first, midstream=midstream)
    return RECORDS if midstream and find_records(first)[1] else 0.0


def _by_first_record(first: bytes, *, midstream: bool) -> float | None:
    """Return the score of bytes that begin with a record, None while it is too short to tell."""
    if first[1:2] not in (b"", b"\3") or first[2:3] > b"\4":
        return 0.0
    if len(first) <= HEADER_BYTES:
        return None
    size = first[3] << 8 | first[4]
    if not 0 < size <= MAX_BODY:
        return 0.0
    if begins_with_hello(first):
        return SURE
    following = HEADER_BYTES + size
    if len(first) >= following + HEADER_BYTES:
        return RECORDS if is_header(first, following) else 0.0
    return ONE_RECORD if midstream and first[0] == APPLICATION_DATA else None
