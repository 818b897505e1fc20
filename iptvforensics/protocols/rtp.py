"""RTP and RTCP over UDP: from datagrams to one row per source and per report; transport streams are handed on.

RFC 3550 (RTP, RTCP), RFC 3551 (payload types), RFC 2250 section 2 (MPEG-TS in RTP), RFC 5761 (both on one port).
Packets of a source are put in order; what is missing becomes a gap of the transport stream.

A flow of a dynamic payload type looks like RTP in few bits: the parser gives up if no two packets of a source come
in sequence. `lost_packets` cannot say whether the network or the capture lost them.

**Known limitations**: payloads other than MPEG-TS are counted, not decoded; SDP, SMPTE 2022-1 repair streams and RTP
in RTSP connections are not read; SRTP shows its headers only. Of one direction 64 sources are followed, four of
them with their transport stream. A packet that comes more than 32 packets late is counted, not put in its place.
"""

from __future__ import annotations

from ..datagrams import is_transport_stream
from ..errors import DecodeError
from ..protocol import Anomaly, Event, Opening, Protocol, Row
from ._rtp_packet import (
    MP2T,
    is_report,
    is_whole_report,
    read_packet,
    read_reports,
)
from ._rtp_source import Source
from ._rtp_tables import REPORTS, STREAMS

MAX_SOURCES, MAX_CONTENTS = 64, 4
PROBATION = 16
"""Packets within which some source must send two in sequence."""
_UNITS = {0: 40, 3: 33, 8: 40, 9: 40, 18: 10}
"""Bytes of which the payloads of static audio types are multiples (RFC 3551 section 4.5, frames of 5 to 20 ms)."""
_PICTURES = frozenset((14, 26, 31, 32, 34))


class _Direction:
    def __init__(self) -> None:
        self.offset = 0
        self.sources: dict[int, Source] = {}
        self.left_out = 0
        self.strange = 0
        self.last_strange = 0


class RtpParser:
    """The state of one flow: the sources of both directions."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._directions = {True: _Direction(), False: _Direction()}
        self._packets = 0
        self._is_confirmed = False
        self._contents = 0

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what one datagram says."""
        direction = self._directions[from_orig]
        offset = direction.offset
        direction.offset += len(data)
        if is_report(data):
            self._is_confirmed = True
            return [Row("rtcp", from_orig, offset, read_reports(bytes(data)))]
        packet = read_packet(data)
        if packet is None:
            direction.strange += 1
            direction.last_strange = offset
            return []
        source = direction.sources.get(packet.ssrc)
        if source is None:
            if len(direction.sources) >= MAX_SOURCES:
                direction.left_out += 1
                return []
            key = None
            if len(direction.sources) < MAX_CONTENTS:
                key, self._contents = self._contents, self._contents + 1
            source = direction.sources[packet.ssrc] = Source(packet, from_orig, offset, key)
        events = source.take(packet, data, offset)
        if source.carries_stream:
            self.client_is_orig = not from_orig
        if not self._is_confirmed:
            self._packets += 1
            self._is_confirmed = source.is_confirmed
            if not self._is_confirmed and self._packets >= PROBATION:
                raise DecodeError(f"no two of the first {PROBATION} packets are in sequence", offset=offset)
        return events

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: the rest of a datagram was not captured, and the next one has its own number."""
        self._directions[from_orig].offset += max(length, 0)
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return the rows of the direction's sources."""
        direction = self._directions[from_orig]
        events = [event for source in direction.sources.values() for event in source.end()]
        if events and direction.strange:
            detail = "datagrams that are no RTP, the last of them here"
            events.append(Anomaly("RTP_other_datagrams", from_orig, direction.last_strange, detail, direction.strange))
        if events and direction.left_out:
            detail = f"RTP packets of further sources than the first {MAX_SOURCES}"
            events.append(Anomaly("RTP_too_many_sources", from_orig, 0, detail, direction.left_out))
        sources, direction.sources = direction.sources, {}
        if sources and not self._is_confirmed:
            raise DecodeError(f"no two of {self._packets} packets are in sequence", offset=0)
        return events


def detect(opening: Opening) -> float | None:
    """Return how sure it is that the first datagrams are RTP or RTCP."""
    scores = [_score(data) for data in (opening.orig, opening.resp) if data]
    return min(scores, default=0.0)


def _score(data: bytes) -> float:
    if is_report(data):
        return 0.9 if is_whole_report(data) else 0.0
    packet = read_packet(data)
    if packet is None or packet.begin == packet.end:
        return 0.0
    payload = data[packet.begin : packet.end]
    if is_transport_stream(payload):
        return 0.97
    if data[0] & 0x2F or not packet.ssrc or packet.payload_type == MP2T:
        return 0.0
    unit = _UNITS.get(packet.payload_type)
    if unit is not None:
        return 0.6 if len(payload) % unit == 0 else 0.0
    return 0.5 if packet.payload_type in _PICTURES or packet.payload_type >= 96 else 0.0


PROTOCOL = Protocol(
    name="rtp",
    title="RTP and RTCP: sources, losses, clocks and names; MPEG transport streams in RTP",
    specification="RFC 3550, 3551, 2250, 5761",
    carriers=("udp",),
    tables=(STREAMS, REPORTS),
    detect=detect,
    parser=RtpParser,
    begins=bytes(range(0x80, 0xC0)),
    limits="Payloads other than MPEG-TS are counted, not decoded. SDP, repair streams and RTP in RTSP are not read.",
)
