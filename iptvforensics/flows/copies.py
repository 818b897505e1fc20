"""Whether a packet was captured before: mirror ports, bridges and routers show the same one twice.

A copy has the numbers and the content of one of the last packets of the capture; about a thousand are remembered. The
identification of IPv4 proves that two equal packets are one. Where senders leave it 0, and in IPv6, two equal packets
may be a repeat of the sender, whose count belongs to the evidence (padding of transport streams, acknowledgments,
queries). One of these must show that the second one is a copy:

* it came on another path: other link-layer addresses, VLAN or tunnel;
* it is a TCP segment with data, equal in all its header, sooner than any sender sends it again;
* the packet before it, of its direction or of the capture, was seen twice, too, as behind a mirror port all are, or
  many packets of the capture were proven to be copies just before (this says nothing of acknowledgments and resets:
  some systems answer each late packet with the same one).

**Known limitations**: contents are compared where both packets lie in one block, elsewhere samples of them. Without
identification, the first packet of a capture that comes twice on one path is no copy.
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline
from . import layout as L
from .table import TCP, UDP

COPY_NS = 1_000_000_000
"""Equal packets further apart are none, whatever their identification."""
OTHER_PATH_NS = 100_000_000
"""Without identification: how long a router or an access point keeps a packet."""
SAME_PATH_NS = 1_000_000
"""And how long a mirror port does; TCP waits longer before it sends again."""
MIRRORED, SCORE_OF_COPY, MOST_SCORE = 12, 3, 24
"""A proven copy adds to the score of the capture, any other packet takes 1 from it: a third must be copies."""


@inline
def header_bytes(proto: int) -> int:
    """Return how many bytes before the payload are header for sure."""
    if proto == TCP:
        return 20
    return 8 if proto == UDP else 0


@inline
def mixed(data: Any, at: int, end: int, number: int) -> int:
    """Return a number with the bytes of a range mixed into it."""
    for i in range(max(at, 0), end):
        number = (number * 257 + data[i]) & 0x3FFFFFFFFFF
    return number


@inline
def sample(data: Any, proto: int, ip_id: int, at: int, length: int) -> int:
    """Return a number made of a packet's content as far as its numbers do not tell: first and last bytes of it.

    Without identification the header (with the check sum) counts, too.
    """
    if proto == TCP and ip_id > 0:
        return 0
    begin = at - header_bytes(proto) if ip_id <= 0 else at
    return mixed(data, max(at, at + length - 8), at + length, mixed(data, begin, at + min(length, 8), 0))


@inline
def signature_of(d: int, ip_id: int, seq: int, ack: int, flags: int, wire: int, content: int) -> int:
    """Return a number made of the direction and the headers of a packet, and of a sample of its content."""
    number = (((seq * 31 + ack) * 31 + wire) * 1024 + flags) ^ (content << 11) ^ (d * 2654435761)
    return ((number ^ (number >> 46)) & 0x3FFFFFFFFFFF) * 65536 + ip_id


@inline
def path_of(src_mac: int, dst_mac: int, vlan: int, tunnel: int) -> int:
    """Return a number that tells apart the ways on which packets came to the place of the capture."""
    return (src_mac * 31 + dst_mac) ^ ((vlan + 1) * 2654435761) ^ (tunnel * 40503)


@inline
def is_same(data: Any, recent: Any, at: int, at_hand: int, source: int, length: int, header: int) -> int:
    """Return 1 if the content of a packet is that of an earlier one; those before frame `at_hand` are not compared."""
    if recent[at + L.C_FRAME] < at_hand:
        return 1
    place = recent[at + L.C_PLACE]
    before = place >> 20
    for i in range(-min(header, source, before), min(length, place & 0xFFFFF)):
        if data[before + i] != data[source + i]:
            return 0
    return 1


@inline
def was_doubled(recent: Any, before: int, at: int) -> int:
    """Return 1 if the packet that came before another one was seen twice, and is still remembered."""
    if before < 0 or recent[before + L.C_FRAME] >= recent[at + L.C_FRAME]:
        return 0
    return 1 if recent[before + L.C_SEEN] > 1 else 0


@inline
def is_proven(recent: Any, at: int, proto: int, wire: int, path: int, apart: int) -> int:
    """Return 1 if a packet without identification is a copy of the equal one before it, and no repeat."""
    if recent[at + L.C_PATH] != path:
        return 1 if apart <= OTHER_PATH_NS else 0
    if apart >= SAME_PATH_NS:
        return 0
    if proto == TCP and wire > 0:
        return 1
    if was_doubled(recent, recent[at + L.C_BEFORE], at):
        return 1
    return was_doubled(recent, recent[at + L.C_PREVIOUS], at)


@inline
def remember(
    st: Any,
    recent: Any,
    dirs: Any,
    at: int,
    d: int,
    ip_id: int,
    signature: int,
    frame: int,
    ns: int,
    place: int,
    path: int,
) -> None:
    """Keep a packet that is no copy, and which ones of its direction and of the capture came before it."""
    recent[at + L.C_SIGNATURE] = signature
    recent[at + L.C_FRAME] = frame
    recent[at + L.C_NS] = ns
    recent[at + L.C_PLACE] = place
    if ip_id <= 0:  # the rest is not asked for where there is an identification
        before, previous = dirs[d * L.DIRECTION_WIDTH + L.LAST_ORIGINAL] - 1, st[L.LAST_OF_ALL] - 1
        recent[at + L.C_BEFORE] = before if before != at else -1
        recent[at + L.C_PREVIOUS] = previous if previous != at else -1
        recent[at + L.C_PATH] = path
    dirs[d * L.DIRECTION_WIDTH + L.LAST_ORIGINAL] = at + 1
    st[L.LAST_OF_ALL] = at + 1


@inline
def is_copy(
    st: Any,
    data: Any,
    recent: Any,
    dirs: Any,
    d: int,
    proto: int,
    ip_id: int,
    signature: int,
    path: int,
    at_hand: int,
    frame: int,
    ns: int,
    source: int,
    length: int,
    wire: int,
) -> int:
    """Return 1 if the same packet was captured before; remembers it if not."""
    at = ((signature ^ (signature >> 17) ^ (signature >> 34)) & (L.COPY_SETS - 1)) * L.COPY_SET_WIDTH
    oldest = at
    found = -1
    header = header_bytes(proto) if ip_id <= 0 else 0
    for _ in range(L.COPY_WAYS):
        is_alike = recent[at + L.C_SIGNATURE] == signature and abs(ns - recent[at + L.C_NS]) <= COPY_NS
        if is_alike and recent[at + L.C_SEEN] > 0 and is_same(data, recent, at, at_hand, source, length, header):
            found = at
        if recent[at + L.C_FRAME] < recent[oldest + L.C_FRAME]:
            oldest = at
        at += 1
    place = (source << 20) | min(length, 0xFFFFF)
    if found < 0:
        recent[oldest + L.C_SEEN] = 1
        remember(st, recent, dirs, oldest, d, ip_id, signature, frame, ns, place, path)
        st[L.COPY_SCORE] = max(0, st[L.COPY_SCORE] - 1)
        return 0
    apart = abs(ns - recent[found + L.C_NS])
    if ip_id > 0 or is_proven(recent, found, proto, wire, path, apart):
        recent[found + L.C_SEEN] += 1
        st[L.COPY_SCORE] = min(MOST_SCORE, st[L.COPY_SCORE] + SCORE_OF_COPY)
        return 1
    if apart >= SAME_PATH_NS:
        recent[found + L.C_SEEN] = 1
    else:
        recent[found + L.C_SEEN] += 1
        if st[L.COPY_SCORE] >= MIRRORED and (proto != TCP or wire > 0):
            return 1
    remember(st, recent, dirs, found, d, ip_id, signature, frame, ns, place, path)
    return 0
