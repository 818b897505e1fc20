"""How certain it is that a UDP flow carries QUIC."""

from __future__ import annotations

from ..protocol import Opening
from ._quic_packets import INITIAL, is_long_header, kind_of

CLIENT_DATAGRAM_BYTES = 1200
LONG = 0x80
_SURE, _LIKELY = 1.0, 0.8


def moved(opening: Opening) -> bytes | None:
    """Return the client's random of a connection that was opened elsewhere and goes on in this flow."""
    sides = [first for first in (opening.orig, opening.resp) if first]
    if opening.secrets is None or any(first[0] >= LONG for first in sides):
        return None
    return next((random for first in sides if (random := opening.secrets.owner(first)) is not None), None)


def detect(opening: Opening) -> float | None:
    """Return how surely a flow carries QUIC: by the long header of a datagram, or an identifier that is known."""
    if moved(opening) is not None:
        return _SURE
    best = 0.0
    for first in (opening.orig, opening.resp):
        if is_long_header(first):
            is_initial = kind_of(first[0], int.from_bytes(first[1:5])) == INITIAL
            best = max(best, _SURE if is_initial and len(first) >= CLIENT_DATAGRAM_BYTES else _LIKELY)
    return best
