"""QUIC: the Initial packets of a UDP flow turned into the hellos of its connections.

Specification: RFC 9000, RFC 9001 section 5 (Initial protection), RFC 9369 (version 2), RFC 9368 (a server that answers
in another version). The hellos may come in any order, spread over several packets and datagrams.

**Known limitations**

* Packets after the Initial ones stay encrypted: certificates, the chosen application protocol and HTTP/3 are not read.
* A connection whose first packet was not captured is not recognised; one that moves to other addresses (migration)
  is a flow of its own there.
* Versions other than 1, 2 and the drafts from 29 on are not read (Google QUIC among them).
"""

from __future__ import annotations

from ..protocol import Anomaly, Event, Mark, Opening, Protocol
from ._quic_connection import TABLE, Connection
from ._quic_crypto import initial_keys
from ._quic_packets import INITIAL, RETRY, Packet, is_long_header, kind_of, negotiated, packets

MAX_CONNECTIONS = 16
MAX_HELD = 16
_MAX_TRIES = 64
"""Initial packets that no key opened; after them a flow is not tried any more."""
CLIENT_DATAGRAM_BYTES = 1200
_SURE, _LIKELY = 1.0, 0.8


class QuicParser:
    """The connections of one UDP flow."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._offsets = {True: 0, False: 0}
        self._connections: list[Connection] = []
        self._held: list[tuple[Packet, bool, int]] = []
        self._retries: set[bytes] = set()
        self._failures = 0
        self._ended: set[bool] = set()

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what one datagram says."""
        offset = self._offsets[from_orig]
        self._offsets[from_orig] = offset + len(data)
        if len(data) < 7 or data[0] < 0x80 or self._failures > _MAX_TRIES:
            return []
        datagram = bytes(data)
        events: list[Event] = []
        versions = negotiated(datagram)
        if versions is not None:
            listed = ", ".join(f"{version:08x}" for version in versions[:16])
            return [Anomaly("QUIC_version_refused", from_orig, offset, f"the server offers the versions {listed}")]
        for packet in packets(datagram):
            if packet.kind == INITIAL:
                events += self._initial(packet, from_orig, offset)
            elif packet.kind == RETRY:
                self._retry(packet, from_orig)
        return events

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: a datagram that was cut says nothing more."""
        self._offsets[from_orig] += max(length, 0)
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return the rows of connections that were not answered."""
        self._ended.add(from_orig)
        if len(self._ended) < len(self._offsets):
            return []
        events = [event for connection in self._connections if not connection.is_told for event in connection.row()]
        if self._failures and not self._connections:
            why = "Initial packets that cannot be opened: the client's first one was not captured"
            events.append(Anomaly("QUIC_initial_not_opened", from_orig, 0, why, self._failures))
        self._connections.clear()
        return events

    # --- packets -----------------------------------------------------------------------------------------

    def _initial(self, packet: Packet, side: bool, offset: int) -> list[Event]:
        for connection in reversed(self._connections):
            payload = connection.open(packet, side)
            if payload is not None:
                return self._read(connection, payload, packet, side, offset)
        return self._begin(packet, side, offset)

    def _begin(self, packet: Packet, side: bool, offset: int) -> list[Event]:
        """Begin a connection with the client's first packet; an answer that comes before it waits."""
        keys = initial_keys(packet.version, packet.destination)
        payload = keys[0].open(packet)
        if payload is None:
            self._failures += 1
            if not self._connections and len(self._held) < MAX_HELD:
                self._held.append((packet, side, offset))
            return []
        if len(self._connections) >= MAX_CONNECTIONS:
            return []
        connection = Connection(packet, side, offset, keys)
        self._connections.append(connection)
        self._join(connection)
        self.client_is_orig = side
        events: list[Event] = [Mark(side, offset), *self._read(connection, payload, packet, side, offset)]
        held, self._held = self._held, []
        for earlier, from_orig, place in held:
            answer = connection.open(earlier, from_orig)
            if answer is not None:
                self._failures -= 1
                events += self._read(connection, answer, earlier, from_orig, place)
        return events

    def _read(self, connection: Connection, payload: bytes, packet: Packet, side: bool, offset: int) -> list[Event]:
        if connection.is_told:
            return []
        events = connection.read(payload, packet, side, offset)
        return events + connection.row() if connection.is_complete else events

    def _retry(self, packet: Packet, side: bool) -> None:
        """Take note that the server asked for a proof of the address: the client begins again."""
        if len(self._retries) < MAX_CONNECTIONS:
            self._retries.add(packet.source)
        for connection in self._connections:
            if connection.client_side != side:
                self._join(connection)

    def _join(self, connection: Connection) -> None:
        """Take a connection that answers a Retry for the continuation of the one before it."""
        if connection.key_id not in self._retries or connection.has_retry:
            return
        place = self._connections.index(connection)
        if place and not self._connections[place - 1].is_told:
            self._connections[place - 1].is_told = True
            connection.continues(self._connections[place - 1])


def detect(opening: Opening) -> float | None:
    """Return how surely a flow carries QUIC: by the long header of a datagram."""
    best = 0.0
    for first in (opening.orig, opening.resp):
        if is_long_header(first):
            is_initial = kind_of(first[0], int.from_bytes(first[1:5])) == INITIAL
            best = max(best, _SURE if is_initial and len(first) >= CLIENT_DATAGRAM_BYTES else _LIKELY)
    return best


PROTOCOL = Protocol(
    name="quic",
    title="QUIC: the hellos in Initial packets",
    specification="RFC 9000, RFC 9001, RFC 9369",
    carriers=("udp",),
    tables=(TABLE,),
    detect=detect,
    parser=QuicParser,
    limits="What follows the Initial packets (certificates, HTTP/3) stays encrypted. Connections whose first packet "
    "was not captured, Google QUIC and drafts before 29 are not read.",
)
