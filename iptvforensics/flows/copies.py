"""Whether a packet was captured before: mirror ports and bridges show the same one twice.

A copy has the numbers of one of the last four packets of its direction, and its content. Contents are compared where
both packets lie in one block; copies follow each other within microseconds, so nearly all do.
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline
from . import layout as L


@inline
def sample(data: Any, at: int, length: int) -> int:
    """Return a number made of the first and the last eight bytes of a payload."""
    mixed = 0
    for i in range(at, at + min(length, 8)):
        mixed = (mixed * 257 + data[i]) & 0x3FFFFFFFFFF
    for i in range(max(at, at + length - 8), at + length):
        mixed = (mixed * 257 + data[i]) & 0x3FFFFFFFFFF
    return mixed


@inline
def signature_of(ip_id: int, seq: int, ack: int, flags: int, wire: int, content: int) -> int:
    """Return a number made of the headers of a packet, and of a sample of its content."""
    mixed = (((seq * 31 + ack) * 31 + wire) * 1024 + flags) ^ (content << 11)
    return ((mixed ^ (mixed >> 46)) & 0x3FFFFFFFFFFF) * 65536 + ip_id


@inline
def is_same(data: Any, dirs: Any, signed: int, at_hand: int, source: int, length: int) -> int:
    """Return 1 if the content of a packet is that of an earlier one; those before frame `at_hand` are not compared."""
    if dirs[signed + L.SIGNATURE_FRAMES] < at_hand:
        return 1
    place = dirs[signed + L.SIGNATURE_PLACES]
    before = place >> 20
    for i in range(min(length, place & 0xFFFFF)):
        if data[before + i] != data[source + i]:
            return 0
    return 1


@inline
def is_copy(
    data: Any, dirs: Any, d: int, ip_id: int, signature: int, at_hand: int, frame: int, source: int, length: int
) -> int:
    """Return 1 if the same packet was captured before; remembers the last four per direction."""
    if ip_id <= 0:
        return 0  # many senders put 0 into all packets, and IPv6 has no such number: nothing to tell copies by
    at = d * L.DIRECTION_WIDTH
    for i in range(4):
        if dirs[at + L.SIGNATURES + i] == signature and is_same(data, dirs, at + i, at_hand, source, length):
            return 1
    turn = dirs[at + L.SIGNATURE_AT]
    dirs[at + L.SIGNATURES + turn] = signature
    dirs[at + L.SIGNATURE_FRAMES + turn] = frame
    dirs[at + L.SIGNATURE_PLACES + turn] = (source << 20) | min(length, 0xFFFFF)
    dirs[at + L.SIGNATURE_AT] = (turn + 1) & 3
    return 0
