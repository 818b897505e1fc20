"""One source of RTP packets: puts them in order, counts what is missing, and collects what they carry.

RFC 3550 section 5.1 and appendix A.1 (sequence numbers, probation of new sources).
"""

from __future__ import annotations

from ..datagrams import TS_PACKET, Limits, Order, Payloads, is_transport_stream
from ..protocol import Anomaly, At, ContentBegin, ContentInfo, Event, Mark, Row
from ._rtp_packet import CLOCKS, ENCODINGS, Packet

MAX_AHEAD = 3000
"""RFC 3550 appendix A.1 (MAX_DROPOUT): a packet further ahead begins a new count."""
MAX_HELD_PACKETS, MAX_HELD_BYTES = 32, 48 << 10
"""Packets that wait for an earlier one: a network swaps neighbours, not hundreds."""
MAX_PAYLOAD_TYPES = 16

_LIMITS = Limits(MAX_AHEAD, MAX_HELD_PACKETS, MAX_HELD_BYTES)
_Item = tuple[int, int, int, bytes]
"""Payload type, timestamp, stream offset of the payload, payload."""


class Source:
    """The packets of one SSRC in one direction."""

    def __init__(self, packet: Packet, from_orig: bool, offset: int, key: int | None) -> None:
        self.from_orig = from_orig
        self.is_confirmed = False
        """True once two packets came in sequence, or one that carries a transport stream."""
        self._first = packet
        self._offset = offset
        self._key = key
        self._types: list[int] = []
        self._timestamp = packet.timestamp
        self._elapsed = 0
        self._packets = self._bytes = 0
        self._last_offset = offset
        self._order: Order[_Item] = Order(packet.sequence, 1 << 16, _LIMITS)
        self._payload_at: int | None = None
        self._media: Payloads | None = None

    @property
    def carries_stream(self) -> bool:
        """Return True if the payloads are an MPEG transport stream."""
        return self._media is not None

    def take(self, packet: Packet, data: memoryview, offset: int) -> list[Event]:
        """Return what follows from the next packet; `offset` is where its datagram stands in the stream."""
        events: list[Event] = []
        if not self._packets:
            events.append(Mark(self.from_orig, offset))
            if self._key is not None and is_transport_stream(data[packet.begin : packet.end]):
                self._payload_at = offset + packet.begin
                self._media = Payloads(self._key)
                self.is_confirmed = True
                info = ContentInfo(media_type="video/mp2t")
                events.append(ContentBegin(self._key, self.from_orig, self._payload_at, info))
        self._packets += 1
        self._bytes += packet.end - packet.begin
        self._last_offset = offset
        carried = b"" if self._media is None else bytes(data[packet.begin : packet.end])
        item = packet.payload_type, packet.timestamp, offset + packet.begin, carried
        self.is_confirmed |= self._packets > 1 and packet.sequence == self._order.expected
        self._deliver(self._order.take(packet.sequence, item, len(carried)), events)
        return events

    def end(self) -> list[Event]:
        """Return the row of the source, after what was held back."""
        if not self.is_confirmed:
            return []
        events: list[Event] = []
        order = self._order
        self._deliver(order.give_up(), events)
        if self._media is not None:
            self._media.end(events, complete=not order.lost and not order.jumps)
        clock = CLOCKS.get(self._first.payload_type)
        last = At(self.from_orig, self._last_offset)
        values = {
            "ssrc": self._first.ssrc,
            "payload_type": self._first.payload_type,
            "encoding": ENCODINGS.get(self._first.payload_type),
            "payload_types": self._types,
            "packets": self._packets,
            "payload_bytes": self._bytes,
            "lost_packets": order.lost,
            "late_packets": order.late,
            "sequence_jumps": order.jumps,
            "first_sequence": self._first.sequence,
            "last_sequence": order.expected - 1 & 0xFFFF,
            "first_rtp_timestamp": self._first.timestamp,
            "last_rtp_timestamp": self._timestamp,
            "media_s": None if clock is None or order.jumps else self._elapsed / clock,
            "payload_offset": self._payload_at,
            "last_ns": last,
            "last_frame_no": last,
        }
        events.append(Row("rtp_streams", self.from_orig, self._offset, values))
        if order.lost:
            detail = f"{order.lost} by the sequence numbers of source {self._first.ssrc:#010x}"
            events.append(Anomaly("RTP_packets_missing", self.from_orig, self._offset, detail, order.lost))
        return events

    def _deliver(self, ready: list[tuple[int, _Item]], events: list[Event]) -> None:
        """Take packets that are next in sequence, and how many are missing before each."""
        for missing, (kind, timestamp, offset, payload) in ready:
            if kind not in self._types and len(self._types) < MAX_PAYLOAD_TYPES:
                self._types.append(kind)
            step = timestamp - self._timestamp & 0xFFFFFFFF
            self._elapsed += step - ((step & 0x80000000) << 1)
            self._timestamp = timestamp
            if self._media is None:
                continue
            if missing:
                self._media.miss(missing, payload, events)
            if payload and len(payload) % TS_PACKET == 0:
                self._media.add(payload, offset, events)
