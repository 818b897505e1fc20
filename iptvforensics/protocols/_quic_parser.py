"""Datagrams of one flow -> the connections in it: which packet belongs to which, and which has to wait."""

from __future__ import annotations

from ..protocol import Anomaly, Event, Hold, Mark, Opening
from ..tls.keylog import Secrets
from ._quic_connection import Connection
from ._quic_crypto import initial_keys
from ._quic_detect import LONG, moved
from ._quic_packets import INITIAL, ONE_RTT, RETRY, ZERO_RTT, Packet, negotiated, packets

MAX_CONNECTIONS = 16
MAX_HELD = 16
HELD_LIMIT = 4 << 20
"""Bytes of packets that wait for the client's hello or the server's identifier, if there are secrets."""
_MAX_TRIES = 64
"""Initial packets that no key opened; after them a flow is not tried for further ones."""
_SMALLEST_PACKET = 21
_SHORT = Packet(ONE_RTT, 0, b"", b"", b"", b"", 1)
"""A packet with a short header at the begin of a datagram, without its bytes."""
_NOT_OPENED = "encrypted packets that no secret opened"


class QuicParser:
    """The connections of one UDP flow."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._secrets = opening.secrets or Secrets()
        self._moved = moved(opening)
        """Client's random of the connection that goes on in this flow."""
        self._wants_all = bool(self._secrets) and self._moved is None
        """True while packets behind the Initial ones can be opened, or may be later."""
        self._offsets = {True: 0, False: 0}
        self._connections: list[Connection] = []
        self._held: list[tuple[Packet, bool, int]] = []
        self._waiting: list[tuple[Packet, bool, int]] = []
        """Packets behind the Initial ones that came before the client's hello or the server's identifier was read."""
        self._waiting_bytes = 0
        self._last_side = True
        self._retries: set[bytes] = set()
        self._failures = 0
        self._unopened: dict[bool, tuple[int, int]] = {}
        """Packets that were not opened, and the place of the first one."""
        self._ended: set[bool] = set()

    # --- what the engine calls ------------------------------------------------------------------------------

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what one datagram says."""
        offset = self._offsets[from_orig]
        self._offsets[from_orig] = offset + len(data)
        if self._moved is not None:
            detail = f"the connection whose client sent the random {self._moved.hex()} goes on here, and is not read"
            self._moved = None
            return [Anomaly("QUIC_moved", from_orig, offset, detail)]
        tries = self._failures <= _MAX_TRIES
        if len(data) < 7 or (not self._wants_all and (data[0] < LONG or not tries)):
            return []
        datagram = bytes(data)
        events = self._turn(from_orig) if from_orig != self._last_side else []
        if data[0] < LONG:
            events += self._short(datagram, from_orig, offset)
            return events
        versions = negotiated(datagram)
        if versions is not None:
            listed = ", ".join(f"{version:08x}" for version in versions[:16])
            return [
                *events,
                Anomaly("QUIC_version_refused", from_orig, offset, f"the server offers the versions {listed}"),
            ]
        for packet in packets(datagram):
            if packet.kind == INITIAL:
                events += self._initial(packet, from_orig, offset) if tries else []
            elif packet.kind == RETRY:
                self._retry(packet, from_orig)
            elif self._wants_all:
                events += self._later(packet, from_orig, offset)
        return events

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: a datagram that was cut says nothing more."""
        self._offsets[from_orig] += max(length, 0)
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return the rows of connections that were not answered, or were opened."""
        self._ended.add(from_orig)
        if len(self._ended) < len(self._offsets):
            return []
        events: list[Event] = []
        for connection in self._connections:
            connection.skip_early()
        if self._waiting:
            events += self._replay()
        for connection in self._connections:
            events += connection.finish() if connection.has_secrets else []
            events += [] if connection.is_told else connection.row()
        if self._failures and not self._connections:
            why = "Initial packets that cannot be opened: the client's first one was not captured"
            events.append(Anomaly("QUIC_initial_not_opened", from_orig, 0, why, self._failures))
        if any(connection.has_secrets for connection in self._connections):
            for _, side, offset in self._waiting:
                self._count(side, offset)
        for side, (count, first) in self._unopened.items():
            why = _NOT_OPENED
            if connections := [connection for connection in self._connections if connection.lacks(side)]:
                who = "client" if side == connections[0].client_side else "server"
                why = f"not opened: no secret of the {who}'s side for what follows the handshake was given"
            events.append(Anomaly("QUIC_packet_not_opened", side, first, why, count))
        self._connections.clear()
        self._unopened.clear()
        self._waiting.clear()
        return events

    def _turn(self, side: bool) -> list[Event]:
        """Return what the other side has said: what answers it may come next."""
        self._last_side = side
        return [event for connection in self._connections for event in connection.flush(not side)]

    # --- Initial packets ------------------------------------------------------------------------------------

    def _initial(self, packet: Packet, side: bool, offset: int) -> list[Event]:
        for connection in reversed(self._connections):
            opened = connection.open_initial(packet, side, offset)
            if opened is not None:
                return self._read(connection, opened.payload, packet, side, offset)
        return self._begin(packet, side, offset)

    def _begin(self, packet: Packet, side: bool, offset: int) -> list[Event]:
        """Begin a connection with the client's first packet; an answer that comes before it waits."""
        keys = initial_keys(packet.version, packet.destination)
        connection = Connection(packet, side, offset, keys, len(self._connections))
        opened = connection.open_initial(packet, side, offset)
        if opened is None:
            self._failures += 1
            if not self._connections and len(self._held) < MAX_HELD:
                self._held.append((packet, side, offset))
            return []
        if len(self._connections) >= MAX_CONNECTIONS:
            return []
        self._connections.append(connection)
        self._join(connection)
        self.client_is_orig = side
        events: list[Event] = [Mark(side, offset), *self._read(connection, opened.payload, packet, side, offset)]
        held, self._held = self._held, []
        for earlier, from_orig, place in held:
            answer = connection.open_initial(earlier, from_orig, place)
            if answer is not None:
                self._failures -= 1
                events += self._read(connection, answer.payload, earlier, from_orig, place)
        return events

    def _read(self, connection: Connection, payload: bytes, packet: Packet, side: bool, offset: int) -> list[Event]:
        if connection.is_told:
            return []
        events = connection.read_initial(payload, packet, side, offset)
        if connection.decide(self._secrets) or (self._waiting and side != connection.client_side):
            events += self._replay()
        if connection.handshake.is_complete and not connection.has_secrets:
            events += connection.row()
        return events

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

    # --- packets behind the Initial ones --------------------------------------------------------------------

    def _short(self, datagram: bytes, side: bool, offset: int) -> list[Event]:
        """Open the packet with a short header that a datagram begins with, and is."""
        if len(self._connections) == 1 and not self._waiting:
            connection = self._connections[0]
            opened = connection.open_short(datagram, side, offset)
            if opened is not None:
                return connection.read(opened, _SHORT, side, offset)
        return self._later(_SHORT._replace(data=datagram), side, offset)

    def _later(self, packet: Packet, side: bool, offset: int) -> list[Event]:
        """Open a packet with the secrets of the connection to which it belongs."""
        if len(packet.data) < _SMALLEST_PACKET:
            return []
        owners = self._connections
        if len(owners) > 1:
            owners = [connection for connection in owners if connection.owns(packet, side)] or owners
        if packet.kind == ZERO_RTT and any(connection.early_waits for connection in owners):
            return self._wait(packet, side, offset)
        for connection in owners:
            waited = connection.early_waits
            opened = connection.open(packet, side, offset)
            if opened is not None:
                events = connection.read(opened, packet, side, offset)
                if waited and not connection.early_waits:  # what the server sends now may answer it
                    events = [*self._replay(), *connection.flush(connection.client_side), *events]
                return events
        if not self._connections or any(connection.may_wait(side) for connection in owners):
            return self._wait(packet, side, offset)
        if any(connection.has_secrets for connection in owners):
            self._count(side, offset)
        return []

    def _count(self, side: bool, offset: int) -> None:
        """Count a packet that was not opened."""
        count, first = self._unopened.get(side, (0, offset))
        self._unopened[side] = count + 1, first

    def _wait(self, packet: Packet, side: bool, offset: int) -> list[Event]:
        """Keep a packet until the client's hello, or the server's identifier, was read."""
        if self._waiting_bytes + len(packet.data) > HELD_LIMIT:
            self._count(side, offset)
            return []
        is_first = not any(held_side == side for _, held_side, _ in self._waiting)
        self._waiting.append((packet, side, offset))
        self._waiting_bytes += len(packet.data)
        return [Hold(side, offset)] if is_first else []

    def _replay(self) -> list[Event]:
        """Read what has waited: there are secrets now, or it is known that there are none."""
        self._wants_all = not all(c.is_decided and not c.has_secrets for c in self._connections)
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        events: list[Event] = []
        for packet, side, offset in waiting:
            events += self._later(packet, side, offset)
        return events + [Hold(side, None) for side in {held_side for _, held_side, _ in waiting}]
