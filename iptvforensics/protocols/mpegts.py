"""MPEG transport streams -> what they say of themselves: services, PIDs, clocks, continuity, sections.

Streams are found at packet distances of 188, 192 (four bytes of time code before each packet) and 204 bytes
(16 bytes of parity behind), also behind leading bytes that belong to something else, and again after loss.
Continuity errors are those of the stream: what the capture lost is `missing_bytes` and breaks no counter.

This file recognises streams and keeps the two directions apart. The loops stand in `_mpegts_kernel`,
`_mpegts_sections` and `_mpegts_walk`, the packet grid in `_mpegts_stream`, tables in `_mpegts_psi`, what they
add up to in `_mpegts_services`, text in `_mpegts_text`, closing rows in `_mpegts_summary`, columns in `_mpegts_tables`.

Specification: ISO/IEC 13818-1 sections 2.4.2 to 2.4.4, 2.6; ETSI EN 300 468 sections 5 and 6; SCTE 35
section 8.1.

**Known limitations**: EIT, ATSC PSIP, SCTE 35 messages and teletext are counted as packets, not decoded. At
most 256 PIDs, 4096 distinct sections and 2048 services per stream are followed. Scrambled payload is
counted only. What a service sends after it moved to a PID that another one had named before is no part of
`media_s`. Encryption of the whole body leaves no sync bytes, so that such a body is not recognised.
"""

from __future__ import annotations

from ..protocol import Event, Opening, Protocol
from ._mpegts_kernel import PACKET, STRIDE_RS, SYNC, SYNC_RUN, SYNC_RUN_SHORT
from ._mpegts_stream import STRIDES, Stream
from ._mpegts_tables import TABLES

CERTAIN = 0.95
SHORT = 0.7
"""Three or four packets in a row, and a part of one more."""
BEHIND_JUNK = 0.6
WHOLE_DATAGRAM = 0.55
"""One or two packets that fill a datagram: the parser gives up if no grid follows."""

_TEXT_OPENINGS = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"HTTP/", b"ICY ", b"RTSP/", b"DESCRIBE ")
"""A TCP stream that begins so has a protocol of its own around the transport stream."""
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")
"""Pictures that are set before media segments so that image hosts take them."""


class MpegTsParser:
    """Turns the bytes of one body, or of both directions of a flow, into rows."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._is_body = opening.carrier == "content"
        self._streams: dict[bool, Stream] = {}

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what the next bytes say; datagrams may be joined."""
        if not len(data):
            return []
        stream = self._stream(from_orig)
        events = stream.feed(data)
        if not self._is_body and stream.grid is not None:
            self.client_is_orig = not from_orig
        return events

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what is left before bytes that were not captured; the grid is confirmed or searched again."""
        return self._stream(from_orig).gap(length)

    def end(self, from_orig: bool) -> list[Event]:
        """Return the rows of the direction's stream, services and PIDs."""
        stream = self._streams.pop(from_orig, None)
        return stream.end() if stream else []

    def _stream(self, from_orig: bool) -> Stream:
        stream = self._streams.get(from_orig)
        if stream is None:
            stream = self._streams[from_orig] = Stream(from_orig)
        return stream


def detect(opening: Opening) -> float | None:
    """Return how sure it is that the opening is a transport stream."""
    if opening.carrier == "content":
        return _score(opening.orig, midstream=opening.midstream, body=True)
    sides = (opening.orig, opening.resp)
    if opening.carrier == "tcp" and any(side.startswith(_TEXT_OPENINGS) for side in sides):
        return 0.0
    midstream = opening.midstream and opening.carrier == "tcp"
    scores = [_score(side, midstream=midstream, body=False) for side in sides if side]
    if opening.carrier == "udp" and None in scores and any(_is_whole(side) for side in sides):
        return WHOLE_DATAGRAM
    known = max((score for score in scores if score is not None), default=0.0)
    return None if known == 0.0 and (None in scores or not scores) else known


def _score(data: bytes, *, midstream: bool, body: bool) -> float | None:
    aligned: list[float | None] = []
    for stride in STRIDES:
        score = _score_at_start(data, stride)
        if score == CERTAIN:
            return CERTAIN
        aligned.append(score)
    if SHORT in aligned:
        return SHORT
    if None in aligned:
        return None
    if not (midstream or body):
        return 0.0
    if _has_grid(data):
        return BEHIND_JUNK
    waits = midstream or data.startswith(_PICTURES)
    return None if waits and len(data) < 8 * STRIDE_RS else 0.0


def _score_at_start(data: bytes, stride: int) -> float | None:
    """Return the score of a packet distance for bytes that begin with a packet."""
    first = 4 if stride == 192 else 0
    syncs = data[first::stride][:SYNC_RUN]
    if syncs.count(SYNC) < len(syncs):
        return 0.0
    if len(syncs) == SYNC_RUN:
        return CERTAIN
    if len(data) < SYNC_RUN_SHORT * stride:
        return None
    return CERTAIN if len(data) % stride == 0 else SHORT


def _is_whole(datagram: bytes) -> bool:
    """Return True if a datagram is packets whose headers an encoder may write (ISO/IEC 13818-1 section 2.4.3.3)."""
    if not datagram or len(datagram) % PACKET:
        return False
    for sync, high, low, flags, adaptation in (datagram[at : at + 5] for at in range(0, len(datagram), PACKET)):
        control, pid = flags >> 4 & 3, (high & 0x1F) << 8 | low
        is_reserved = 3 < pid < 0x10
        has_room = adaptation == 183 if control == 2 else adaptation <= 182 or control == 1
        if sync != SYNC or high & 0x80 or not control or is_reserved or not has_room:
            return False
    return True


def _has_grid(data: bytes) -> bool:
    """Return True if a run of sync bytes stands anywhere in the bytes."""
    at = data.find(SYNC)
    while at >= 0:
        for stride in STRIDES:
            if data[at : at + SYNC_RUN * stride : stride] == bytes([SYNC]) * SYNC_RUN:
                return True
        at = data.find(SYNC, at + 1)
    return False


PROTOCOL = Protocol(
    name="mpegts",
    title="MPEG transport stream: services, elementary streams, clocks and continuity",
    specification="ISO/IEC 13818-1; ETSI EN 300 468",
    carriers=("content", "udp", "tcp"),
    tables=TABLES,
    detect=detect,
    parser=MpegTsParser,
    limits="EIT, ATSC PSIP, SCTE 35 messages and teletext are counted, not decoded; scrambled payload stays closed.",
    joined_datagrams=True,
)
