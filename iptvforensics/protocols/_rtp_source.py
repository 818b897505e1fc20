"""One source of RTP packets: puts them in order, counts what is missing, and collects what they carry.

RFC 3550 section 5.1 and appendix A.1 (sequence numbers, probation of new sources).
"""

from __future__ import annotations

from ..protocol import Anomaly, At, ContentBegin, ContentData, ContentEnd, ContentGap, ContentInfo, Event, Mark, Row
from ._rtp_packet import CLOCKS, ENCODINGS, TS_PACKET, Packet, is_transport_stream

MAX_AHEAD = 3000
"""RFC 3550 appendix A.1 (MAX_DROPOUT): a packet further ahead begins a new count."""
MAX_HELD_PACKETS, MAX_HELD_BYTES = 32, 48 << 10
"""Packets that wait for an earlier one: a network swaps neighbours, not hundreds."""
PORTION_BYTES = 32 << 10
"""Payloads handed on together: a call per datagram would cost more than reading them."""
MAX_PAYLOAD_TYPES = 16

Held = tuple[int, int, int, bytes]
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
        self._expected = packet.sequence
        self._timestamp = packet.timestamp
        self._elapsed = 0
        self._packets = self._bytes = self._lost = self._late = self._jumps = 0
        self._last_offset = offset
        self._held: dict[int, Held] = {}
        self._held_bytes = 0
        self._payload_at: int | None = None
        self._size = 0
        self._portion = bytearray()
        self._starts: list[int] = []
        self._places: list[int] = []

    @property
    def carries_stream(self) -> bool:
        """Return True if the payloads are an MPEG transport stream."""
        return self._payload_at is not None

    def take(self, packet: Packet, data: memoryview, offset: int) -> list[Event]:
        """Return what follows from the next packet; `offset` is where its datagram stands in the stream."""
        events: list[Event] = []
        if not self._packets:
            events.append(Mark(self.from_orig, offset))
            if self._key is not None and is_transport_stream(data[packet.begin : packet.end]):
                self._payload_at = offset + packet.begin
                self.is_confirmed = True
                info = ContentInfo(media_type="video/mp2t")
                events.append(ContentBegin(self._key, self.from_orig, self._payload_at, info))
        self._packets += 1
        self._bytes += packet.end - packet.begin
        self._last_offset = offset
        carried = b"" if self._payload_at is None else bytes(data[packet.begin : packet.end])
        item = packet.payload_type, packet.timestamp, offset + packet.begin, carried
        ahead = packet.sequence - self._expected & 0xFFFF
        if ahead == 0:
            self.is_confirmed |= self._packets > 1
            self._deliver(item, events)
            self._release(events)
        elif ahead <= MAX_AHEAD:
            self._wait(packet.sequence, item, events)
        elif ahead >= 0x10000 - MAX_AHEAD:
            self._late += 1
        else:
            self._skip_all(events)
            self._jumps += 1
            self._gap(-1, events)
            self._expected = packet.sequence
            self._deliver(item, events)
        return events

    def end(self) -> list[Event]:
        """Return the row of the source, after what was held back."""
        if not self.is_confirmed:
            return []
        events: list[Event] = []
        self._skip_all(events)
        self._hand_on(events)
        if self._payload_at is not None and self._key is not None:
            events.append(ContentEnd(self._key, complete=not self._lost and not self._jumps))
        clock = CLOCKS.get(self._first.payload_type)
        last = At(self.from_orig, self._last_offset)
        values = {
            "ssrc": self._first.ssrc,
            "payload_type": self._first.payload_type,
            "encoding": ENCODINGS.get(self._first.payload_type),
            "payload_types": self._types,
            "packets": self._packets,
            "payload_bytes": self._bytes,
            "lost_packets": self._lost,
            "late_packets": self._late,
            "sequence_jumps": self._jumps,
            "first_sequence": self._first.sequence,
            "last_sequence": self._expected - 1 & 0xFFFF,
            "first_rtp_timestamp": self._first.timestamp,
            "last_rtp_timestamp": self._timestamp,
            "media_s": None if clock is None or self._jumps else self._elapsed / clock,
            "payload_offset": self._payload_at,
            "last_ns": last,
            "last_frame_no": last,
        }
        events.append(Row("rtp_streams", self.from_orig, self._offset, values))
        if self._lost:
            detail = f"{self._lost} by the sequence numbers of source {self._first.ssrc:#010x}"
            events.append(Anomaly("RTP_packets_missing", self.from_orig, self._offset, detail, self._lost))
        return events

    def _deliver(self, item: Held, events: list[Event]) -> None:
        """Take the packet that is next in sequence."""
        kind, timestamp, offset, payload = item
        self._expected = self._expected + 1 & 0xFFFF
        if kind not in self._types and len(self._types) < MAX_PAYLOAD_TYPES:
            self._types.append(kind)
        step = timestamp - self._timestamp & 0xFFFFFFFF
        self._elapsed += step - ((step & 0x80000000) << 1)
        self._timestamp = timestamp
        if payload and len(payload) % TS_PACKET == 0:
            self._size = len(payload)
            self._starts.append(len(self._portion))
            self._places.append(offset)
            self._portion += payload
            if len(self._portion) >= PORTION_BYTES:
                self._hand_on(events)

    def _wait(self, sequence: int, item: Held, events: list[Event]) -> None:
        if sequence in self._held:
            self._late += 1
            return
        self._held[sequence] = item
        self._held_bytes += len(item[3])
        if len(self._held) > MAX_HELD_PACKETS or self._held_bytes > MAX_HELD_BYTES:
            self._skip(events)

    def _release(self, events: list[Event]) -> None:
        """Deliver the held packets that are in sequence now."""
        while self._held and (item := self._held.pop(self._expected, None)) is not None:
            self._held_bytes -= len(item[3])
            self._deliver(item, events)

    def _skip(self, events: list[Event]) -> None:
        """Give up the packets before the first one that is held."""
        missing = min(sequence - self._expected & 0xFFFF for sequence in self._held)
        self._lost += missing
        # Senders fill their datagrams alike: what is missing had the size of what is there.
        item = self._held[self._expected + missing & 0xFFFF]
        self._gap(missing * self._size if len(item[3]) == self._size else -1, events)
        self._expected = self._expected + missing & 0xFFFF
        self._release(events)

    def _skip_all(self, events: list[Event]) -> None:
        while self._held:
            self._skip(events)

    def _gap(self, length: int, events: list[Event]) -> None:
        self._hand_on(events)
        if self._payload_at is not None and self._key is not None:
            events.append(ContentGap(self._key, length))

    def _hand_on(self, events: list[Event]) -> None:
        """Hand on the payloads that were collected."""
        if self._portion and self._key is not None:
            data, places = bytes(self._portion), (self._starts, self._places)
            events.append(ContentData(self._key, self._places[0], data, places))
            self._portion = bytearray()
            self._starts, self._places = [], []
