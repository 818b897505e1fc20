"""Streams of a decrypted QUIC connection -> DNS messages: DNS over dedicated QUIC (RFC 9250).

Each stream that the client opens carries one query and its answer (several for a transfer of a zone), with their
lengths before them, as over TCP.
"""

from __future__ import annotations

import weakref

from ..protocol import Anomaly, Event, Opening, Row
from ..tls.pieces import PieceReader
from ._dns_message import HEADER_BYTES, read_message

DOQ = "doq"
MAX_STREAMS = 1024
"""Streams of a direction that are open at the same time; the oldest gives way."""
_KIND_BITS = 3
"""Bits of a stream's number that say who opened it, and whether it goes both ways: 0 for those of queries."""


class _Stream:
    """One direction of one stream."""

    __slots__ = ("is_lost", "offset", "pending", "position")

    def __init__(self) -> None:
        self.pending = bytearray()
        """A message with its length that is not complete."""
        self.offset = 0
        """Offset in the direction of the first byte of the message behind its length."""
        self.position = 0
        self.is_lost = False


class _Side:
    """One direction of the connection."""

    def __init__(self, parser: DoqParser, from_orig: bool) -> None:
        self._parser = parser
        self._from_orig = from_orig
        self._streams: dict[int, _Stream] = {}
        self.reader = PieceReader(weakref.proxy(self))

    # --- what the reader of pieces tells --------------------------------------------------------------------

    def on_piece(self, stream: int, position: int, data: memoryview, offset: int) -> None:
        """Take bytes of a stream."""
        if stream & _KIND_BITS:
            return
        found = self._streams.get(stream)
        if found is None:
            if len(self._streams) >= MAX_STREAMS:
                self._cut(self._streams.pop(next(iter(self._streams))))
            found = self._streams[stream] = _Stream()
        if position != found.position:
            self._cut(found)
            found.is_lost = True
        found.position = position + len(data)
        if not found.is_lost:
            self._collect(found, data, offset)

    def on_last(self, stream: int, _position: int, _offset: int) -> None:
        """Take note of the end of a stream."""
        self._cut(self._streams.pop(stream, None))

    def on_reset(self, stream: int) -> None:
        """Take note that a stream was given up."""
        self._cut(self._streams.pop(stream, None))

    def on_disorder(self, offset: int) -> None:
        """Take note of a place where a frame should begin and none does."""
        self._parser.events.append(
            Anomaly("DNS_boundary_lost", self._from_orig, offset, "no frame of QUIC begins here")
        )

    def end(self) -> None:
        """Read what there is of messages whose rest did not come."""
        for found in self._streams.values():
            self._cut(found)
        self._streams.clear()

    # --- messages -------------------------------------------------------------------------------------------

    def _collect(self, found: _Stream, data: memoryview, offset: int) -> None:
        """Read the messages that are complete with these bytes."""
        pending, at = found.pending, 0
        while at < len(data):
            if len(pending) < 2:
                found.offset = offset + at + 2 - len(pending)
            needed = 2 + int.from_bytes(pending[:2]) if len(pending) >= 2 else 2
            step = min(needed - len(pending), len(data) - at)
            pending += data[at : at + step]
            at += step
            if len(pending) == needed and needed > 2:
                self._parser.read(bytes(pending[2:]), found.offset, self._from_orig)
                pending.clear()
            elif len(pending) == 2 == needed and not any(pending):
                pending.clear()  # a message of no bytes

    def _cut(self, found: _Stream | None) -> None:
        """Read what there is of a message whose rest is missing."""
        if found is None or not found.pending:
            return
        pending, found.pending = bytes(found.pending), bytearray()
        detail = f"{max(len(pending) - 2, 0)} of {int.from_bytes(pending[:2]) if len(pending) > 1 else 'unknown'} bytes"
        if len(pending) >= 2 + HEADER_BYTES:
            self._parser.read(pending[2:], found.offset, self._from_orig)
        self._parser.events.append(Anomaly("DNS_message_incomplete", self._from_orig, found.offset, detail))


class DoqParser:
    """The state of one connection."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = opening.client_is_orig
        self.events: list[Event] = []
        parser = weakref.proxy(self)  # no cycle: what is kept is freed with the parser
        self._sides = {side: _Side(parser, side) for side in (True, False)}

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of the messages that are complete with these bytes."""
        self._sides[from_orig].reader.feed(data)
        return self._taken()

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what came before the gap: streams of QUIC name their gaps themselves."""
        side = self._sides[from_orig]
        side.end()
        side.reader.is_lost = True
        self.events.append(
            Anomaly("DNS_boundary_lost", from_orig, side.reader.offset, f"after a gap of {length} bytes")
        )
        return self._taken()

    def end(self, from_orig: bool) -> list[Event]:
        """Return the messages that were cut by the end, as far as they were captured."""
        self._sides[from_orig].end()
        return self._taken()

    def read(self, message: bytes, offset: int, from_orig: bool) -> None:
        """Make the row of a message, and say what is wrong with it."""
        if len(message) < HEADER_BYTES:
            why = f"a DNS message has at least {HEADER_BYTES} bytes, found {len(message)}"
            self.events.append(Anomaly("DNS_message_too_short", from_orig, offset, why))
            return
        values, problems, _ = read_message(message)
        self.events.append(Row("dns", from_orig, offset, {**values, "carried_as": DOQ}))
        self.events += [Anomaly(name, from_orig, offset + at, detail) for name, at, detail in problems]

    def _taken(self) -> list[Event]:
        events, self.events = self.events, []
        return events
