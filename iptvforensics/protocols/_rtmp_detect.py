"""How certain it is that the first bytes of a flow are RTMP."""

from __future__ import annotations

from ..protocol import OPENING_BYTES, Opening
from . import _rtmp_handshake as handshake
from ._rtmp_plausible import is_candidate
from ._rtmp_sync import Arrays, Synchroniser


def detect(opening: Opening) -> float | None:
    """Return the score of a flow: its handshake, or consistent chunk headers if the beginning was not captured."""
    score = _score_handshake(opening.orig, opening.resp)
    if score == 0.0 and opening.midstream:
        return max(_score_chunks(opening.orig), _score_chunks(opening.resp))
    return score


def _score_handshake(orig: bytes, resp: bytes) -> float | None:
    present = [side for side in (orig, resp) if side]
    if not present:
        return None
    version = present[0][0]
    known = version == handshake.PLAIN_VERSION or version in handshake.ENCRYPTED_VERSIONS
    if not known or any(side[0] != version for side in present):
        return 0.0
    hellos = [handshake.read_hello(side) for side in present if len(side) >= handshake.FIRST_BYTES]
    if not hellos:
        return None
    if any(hello.is_client is not None for hello in hellos):
        return 1.0
    if version != handshake.PLAIN_VERSION:
        return 0.7 if len(hellos) == 2 and all(_claims_flash(side) for side in present) else _undecided(present)
    if _echoes(orig, resp) or _echoes(resp, orig):
        return 1.0
    if any(_chunk_follows(side) for side in present):
        return 0.9
    if all(hello.handshake == "simple" for hello in hellos):
        return 0.9 if len(hellos) == 2 else 0.7
    return 0.6 if len(hellos) == 2 and any(h.handshake == "simple" for h in hellos) else _undecided(present)


def _undecided(present: list[bytes]) -> float | None:
    """Return None while more bytes can settle it."""
    return None if max(map(len, present)) < min(handshake.WHOLE_BYTES + 20, OPENING_BYTES) else 0.0


def _claims_flash(side: bytes) -> bool:
    """Return True if the version bytes are those that encrypting players and servers send."""
    return side[5:7] in (b"\x80\x00", b"\x09\x00", b"\x0a\x00", b"\x0b\x00") or 1 <= side[5] <= 5


def _echoes(asked: bytes, answering: bytes) -> bool:
    """Return True if the second block of one side repeats the random part of the first block of the other."""
    begin = 1 + handshake.BLOCK_BYTES + 8
    echo = answering[begin : handshake.WHOLE_BYTES]
    return len(echo) >= 64 and any(echo) and asked[9 : 9 + len(echo)] == echo


def _chunk_follows(side: bytes) -> bool:
    """Return True if what follows the handshake looks like a chunk header of type 0."""
    begin = handshake.WHOLE_BYTES
    return len(side) >= begin + 20 and side[begin] < 64 and is_candidate(side, begin, len(side)) == 1


def _score_chunks(side: bytes) -> float:
    """Return how certain it is that at least three consecutive chunk headers stand in these bytes."""
    arrays = Arrays()
    arrays.forget_messages()
    search = Synchroniser(arrays)
    search.start(side[:OPENING_BYTES], 0)
    found = search.find(final=True)
    if found is None:
        return 0.0
    return 0.8 if found.proved else 0.6
