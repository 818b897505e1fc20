"""Data packets of one direction of an SRT connection: puts them in order and hands on what they carry.

draft-sharabayko-srt-01 sections 3.1 (data packets), 4.8 (retransmission), 4.6 (too-late packet drop). A packet that is
missing may be sent again much later; it is waited for until the sender gives it up, or too much or too long waits.
Acknowledgements say sooner that it was there and only not captured, but are read apart from the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..protocol import Anomaly, At, ContentBegin, ContentData, ContentEnd, ContentGap, ContentInfo, Event, Mark, Row
from ._srt_packet import HEADER_BYTES, SEQUENCES, Data

TS_PACKET, TS_SYNC = 188, 0x47
MAX_AHEAD = 1 << 16
"""A packet further ahead begins a new count: at 1,316 bytes, 86 MB."""
MAX_HELD_PACKETS, MAX_HELD_BYTES = 2048, 3 << 20
"""Packets that wait for an earlier one: two seconds of 10 Mbit/s."""
MAX_WAIT_US = 4_000_000
"""By the sender's clock; latencies of live media are 0.1 to 2 seconds, and later a packet is of no use."""
PORTION_BYTES = 32 << 10
"""Payloads handed on together: a call per datagram would cost more than reading them."""

Held = tuple[int, bytes, int]
"""Stream offset of the payload, payload, the sender's time."""


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
        self._expected = packet.sequence
        self._bytes = self._resent = self._copied = self._lost = self._jumps = 0
        self._is_encrypted = False
        self._payload_at: int | None = None
        self._held: dict[int, Held] = {}
        self._held_bytes = 0
        self._size = 0
        self._is_gapped = False
        self._portion = bytearray()
        self._starts: list[int] = []
        self._places: list[int] = []

    def take(self, packet: Data, data: memoryview, offset: int, stream_id: str | None) -> list[Event]:
        """Return what follows from the next packet; `offset` is where its datagram stands in the stream."""
        events: list[Event] = []
        if not self.packets:
            events.append(Mark(self.from_orig, offset))
        self.packets += 1
        self._resent += packet.is_resent
        self.last_offset = offset
        payload = b""
        if packet.key:
            self._is_encrypted = True
        else:
            payload = bytes(data[HEADER_BYTES:])
            if self._payload_at is None and payload:
                self._payload_at = offset + HEADER_BYTES
                media_type = "video/mp2t" if _is_transport_stream(payload) else None
                info = ContentInfo(name=stream_id, media_type=media_type)
                events.append(ContentBegin(self._key, self.from_orig, self._payload_at, info))
        size = len(data) - HEADER_BYTES
        item = offset + HEADER_BYTES, payload, packet.timestamp
        ahead = packet.sequence - self._expected & SEQUENCES - 1
        if ahead == 0:
            self._bytes += size
            self._deliver(item, events)
            self._release(events)
        elif ahead <= MAX_AHEAD:
            self._wait(packet.sequence, item, size, events)
        elif ahead >= SEQUENCES - MAX_AHEAD:
            self._copied += 1
        else:
            self._skip_to(None, events)
            self._jumps += 1
            self._gap(-1, events)
            self._expected = packet.sequence
            self._bytes += size
            self._deliver(item, events)
        return events

    def drop(self, first: int, last: int) -> list[Event]:
        """Return what follows from packets that the sender gives up."""
        events: list[Event] = []
        count = (last - first & SEQUENCES - 1) + 1
        if count <= MAX_AHEAD:
            self._dropped += count
            self._skip_to(last + 1 & SEQUENCES - 1, events)
        return events

    def cut(self, length: int) -> list[Event]:
        """Return what follows from the rest of the last datagram, which was not captured."""
        events: list[Event] = []
        self._is_gapped = True
        if not self._held:
            self._gap(length, events)
        return events

    def end(self, shared: Mapping[str, Any]) -> list[Event]:
        """Return the row of the direction, after what was held back."""
        events: list[Event] = []
        self._skip_to(None, events)
        self._hand_on(events)
        if self._payload_at is not None:
            whole = not self._lost and not self._jumps and not self._is_gapped
            events.append(ContentEnd(self._key, complete=whole))
        last = At(self.from_orig, self.last_offset)
        values = {
            **shared,
            "destination_socket": self.socket,
            "packets": self.packets,
            "payload_bytes": self._bytes,
            "resent_packets": self._resent,
            "copied_packets": self._copied,
            "lost_packets": self._lost,
            "dropped_packets": self._dropped,
            "is_encrypted": self._is_encrypted,
            "first_sequence": self._first,
            "last_sequence": self._expected - 1 & SEQUENCES - 1,
            "sequence_jumps": self._jumps,
            "payload_offset": self._payload_at,
            "last_ns": last,
            "last_frame_no": last,
        }
        events.append(Row("srt_streams", self.from_orig, self._offset, values))
        if self._is_encrypted:
            detail = "payloads are encrypted, nothing in them was read"
            events.append(Anomaly("SRT_payload_encrypted", self.from_orig, self._offset, detail))
        if self._lost:
            detail = f"{self._lost} by the sequence numbers to socket {self.socket:#010x}"
            events.append(Anomaly("SRT_packets_missing", self.from_orig, self._offset, detail, self._lost))
        return events

    def _deliver(self, item: Held, events: list[Event]) -> None:
        """Take the packet that is next in sequence."""
        self._expected = self._expected + 1 & SEQUENCES - 1
        offset, payload, _ = item
        if not payload:
            return
        self._size = len(payload)
        self._starts.append(len(self._portion))
        self._places.append(offset)
        self._portion += payload
        if len(self._portion) >= PORTION_BYTES:
            self._hand_on(events)

    def _wait(self, sequence: int, item: Held, size: int, events: list[Event]) -> None:
        if sequence in self._held:
            self._copied += 1
            return
        self._bytes += size
        self._held[sequence] = item
        self._held_bytes += len(item[1])
        first = next(iter(self._held.values()))  # the one that has waited longest
        is_late = MAX_WAIT_US < (item[2] - first[2] & 0xFFFF_FFFF) < 1 << 31
        if is_late or len(self._held) > MAX_HELD_PACKETS or self._held_bytes > MAX_HELD_BYTES:
            self._skip(events)

    def _release(self, events: list[Event]) -> None:
        """Deliver the held packets that are in sequence now."""
        while self._held and (item := self._held.pop(self._expected, None)) is not None:
            self._held_bytes -= len(item[1])
            self._deliver(item, events)

    def _skip(self, events: list[Event]) -> None:
        """Give up the packets before the first one that is held."""
        missing = min(sequence - self._expected & SEQUENCES - 1 for sequence in self._held)
        self._lost += missing
        # Senders fill their datagrams alike: what is missing had the size of what is there.
        item = self._held[self._expected + missing & SEQUENCES - 1]
        self._gap(missing * self._size if len(item[1]) == self._size else -1, events)
        self._expected = self._expected + missing & SEQUENCES - 1
        self._release(events)

    def _skip_to(self, sequence: int | None, events: list[Event]) -> None:
        """Give up what is missing before a sequence number (None: all of it) and before something that is held."""
        while self._held:
            if sequence is not None:
                beyond = sequence - self._expected & SEQUENCES - 1
                first = min(held - self._expected & SEQUENCES - 1 for held in self._held)
                if not 0 < first <= beyond <= MAX_AHEAD:
                    return
            self._skip(events)

    def _gap(self, length: int, events: list[Event]) -> None:
        self._hand_on(events)
        if self._payload_at is not None:
            events.append(ContentGap(self._key, length))

    def _hand_on(self, events: list[Event]) -> None:
        """Hand on the payloads that were collected."""
        if self._portion:
            data, places = bytes(self._portion), (self._starts, self._places)
            events.append(ContentData(self._key, self._places[0], data, places))
            self._portion = bytearray()
            self._starts, self._places = [], []


def _is_transport_stream(payload: bytes) -> bool:
    size = len(payload)
    return size > 0 and size % TS_PACKET == 0 and all(sync == TS_SYNC for sync in payload[::TS_PACKET])
