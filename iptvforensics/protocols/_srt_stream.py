"""Data packets of one direction of an SRT connection: puts them in order and hands on what they carry.

draft-sharabayko-srt-01 sections 3.1 (data packets), 4.8 (retransmission), 4.6 (too-late packet drop). A packet that is
missing may be sent again much later; it is waited for until the sender gives it up, or too much or too long waits.
Acknowledgements say sooner that it was there and only not captured, but are read apart from the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..datagrams import Limits, Order, Payloads, is_transport_stream
from ..protocol import Anomaly, At, ContentBegin, ContentInfo, Event, Mark, Row
from ._srt_packet import HEADER_BYTES, SEQUENCES, Data

MAX_AHEAD = 1 << 16
"""A packet further ahead begins a new count: at 1,316 bytes, 86 MB."""
MAX_HELD_PACKETS, MAX_HELD_BYTES = 2048, 3 << 20
"""Packets that wait for an earlier one: two seconds of 10 Mbit/s."""
MAX_WAIT_US = 4_000_000
"""By the sender's clock; latencies of live media are 0.1 to 2 seconds, and later a packet is of no use."""

_LIMITS = Limits(MAX_AHEAD, MAX_HELD_PACKETS, MAX_HELD_BYTES, MAX_WAIT_US)
_Item = tuple[int, int, bytes]
"""Size of the payload, its stream offset, what of it is in clear."""


class Direction:
    """What one side sent to one socket."""

    def __init__(self, packet: Data, from_orig: bool, offset: int, key: int) -> None:
        self.from_orig = from_orig
        self.socket = packet.socket
        self.last_offset = offset
        self.packets = 0
        self._dropped = 0
        self._key = key
        self._offset = offset
        self._first = packet.sequence
        self._bytes = self._resent = self._repair = 0
        self._is_encrypted = False
        self._payload_at: int | None = None
        self._media: Payloads | None = None
        self._order: Order[_Item] = Order(packet.sequence, SEQUENCES, _LIMITS)
        self._is_gapped = False

    def take(self, packet: Data, data: memoryview, offset: int, stream_id: str | None) -> list[Event]:
        """Return what follows from the next packet; `offset` is where its datagram stands in the stream."""
        events: list[Event] = []
        if not self.packets:
            events.append(Mark(self.from_orig, offset))
        self.packets += 1
        self._resent += packet.is_resent
        self.last_offset = offset
        if not packet.message and not (self.packets == 1 and is_transport_stream(data[HEADER_BYTES:])):
            # Of forward error correction: it has the number of a packet that may be missing, and no media.
            self._repair += 1
            if self.packets == 1:
                self._first = self._order.expected = packet.sequence + 1 & SEQUENCES - 1
            return events
        payload = b""
        if packet.key:
            self._is_encrypted = True
        else:
            payload = bytes(data[HEADER_BYTES:])
            if self._media is None and payload:
                self._payload_at = offset + HEADER_BYTES
                self._media = Payloads(self._key)
                media_type = "video/mp2t" if is_transport_stream(payload) else None
                info = ContentInfo(name=stream_id, media_type=media_type)
                events.append(ContentBegin(self._key, self.from_orig, self._payload_at, info))
        item = len(data) - HEADER_BYTES, offset + HEADER_BYTES, payload
        self._deliver(self._order.take(packet.sequence, item, len(payload), packet.timestamp), events)
        return events

    def drop(self, first: int, last: int) -> list[Event]:
        """Return what follows from packets that the sender gives up."""
        events: list[Event] = []
        count = (last - first & SEQUENCES - 1) + 1
        if count <= MAX_AHEAD:
            self._dropped += count
            self._deliver(self._order.give_up(last + 1 & SEQUENCES - 1), events)
        return events

    def cut(self, length: int) -> list[Event]:
        """Return what follows from the rest of the last datagram, which was not captured."""
        events: list[Event] = []
        self._is_gapped = True
        if self._media is not None and not self._order.waits:
            self._media.gap(length, events)
        return events

    def end(self, shared: Mapping[str, Any]) -> list[Event]:
        """Return the row of the direction, after what was held back."""
        events: list[Event] = []
        order = self._order
        self._deliver(order.give_up(), events)
        if self._media is not None:
            self._media.end(events, complete=not (order.lost or order.jumps or self._is_gapped))
        last = At(self.from_orig, self.last_offset)
        values = {
            **shared,
            "destination_socket": self.socket,
            "packets": self.packets,
            "payload_bytes": self._bytes,
            "repair_packets": self._repair,
            "resent_packets": self._resent,
            "copied_packets": order.late,
            "lost_packets": order.lost,
            "dropped_packets": self._dropped,
            "is_encrypted": self._is_encrypted,
            "first_sequence": self._first,
            "last_sequence": order.expected - 1 & SEQUENCES - 1,
            "sequence_jumps": order.jumps,
            "payload_offset": self._payload_at,
            "last_ns": last,
            "last_frame_no": last,
        }
        events.append(Row("srt_streams", self.from_orig, self._offset, values))
        if self._is_encrypted:
            detail = "payloads are encrypted, nothing in them was read"
            events.append(Anomaly("SRT_payload_encrypted", self.from_orig, self._offset, detail))
        if order.lost:
            detail = f"{order.lost} by the sequence numbers to socket {self.socket:#010x}"
            events.append(Anomaly("SRT_packets_missing", self.from_orig, self._offset, detail, order.lost))
        return events

    def _deliver(self, ready: list[tuple[int, _Item]], events: list[Event]) -> None:
        """Take packets that are next in sequence, and how many are missing before each."""
        for missing, (size, offset, payload) in ready:
            self._bytes += size
            if self._media is None:
                continue
            if missing:
                self._media.miss(missing, payload, events)
            if payload:
                self._media.add(payload, offset, events)
