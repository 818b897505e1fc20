"""QUIC: the packets of a UDP flow turned into the hellos of its connections and, with secrets, into what they carry.

Specification: RFC 9000, RFC 9001 (protection), RFC 9369 (version 2), RFC 9368 (a server that answers in another
version), RFC 9221 (DATAGRAM). The hellos may come in any order, spread over several packets and datagrams.

Secrets come from key logs, as for TLS. They open 0-RTT, Handshake and 1-RTT packets, with AES-GCM, AES-CCM or
ChaCha20-Poly1305, over key updates. The streams of a connection are put in order and handed on together, to be read as
HTTP/3; each row of `decrypted` names a secret that was used. The row of a connection that was opened comes at its end.

**Known limitations**

* Without secrets, packets after the Initial ones stay encrypted: certificates, the chosen application protocol and
  HTTP/3 are not read. An anomaly says so for each connection.
* A connection whose first packet was not captured is not recognised. One that moves to other addresses or ports
  (migration) is a flow of its own there, which is not read; with secrets an anomaly says whose connection it is, and
  `path_checks` shows that a side tried another path.
* Versions other than 1, 2 and the drafts from 29 on are not read (Google QUIC among them).
* Packets that were lost in the capture are not told from numbers that the sender left out; what counts are the bytes of
  streams that are missing. Bytes that never come are given up when 4 MiB behind them wait, or at the end.
* Certificates of clients are not read. DATAGRAM frames are only counted.
"""

from __future__ import annotations

from ..protocol import Anomaly, Event, Hold, Mark, Opening, Protocol
from ..tls.columns import DECRYPTED
from ..tls.keylog import Secrets
from ._quic_connection import TABLE, Connection
from ._quic_crypto import initial_keys
from ._quic_packets import INITIAL, ONE_RTT, RETRY, Packet, is_long_header, kind_of, negotiated, packets

MAX_CONNECTIONS = 16
MAX_HELD = 16
HELD_LIMIT = 4 << 20
"""Bytes of packets that wait for the client's hello or the server's identifier, if there are secrets."""
_MAX_TRIES = 64
"""Initial packets that no key opened; after them a flow is not tried for further ones."""
CLIENT_DATAGRAM_BYTES = 1200
_SMALLEST_PACKET = 21
_LONG = 0x80
_SURE, _LIKELY = 1.0, 0.8
_NOT_OPENED = "encrypted packets that no secret opened"


class QuicParser:
    """The connections of one UDP flow."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._secrets = opening.secrets or Secrets()
        self._moved = _moved(opening)
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
        if len(data) < 7 or (not self._wants_all and (data[0] < _LONG or not tries)):
            return []
        datagram = bytes(data)
        events = self._turn(from_orig) if from_orig != self._last_side else []
        if data[0] < _LONG:
            return events + self._later(Packet(ONE_RTT, 0, b"", b"", b"", datagram, 1), from_orig, offset)
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
            events += connection.finish() if connection.has_secrets else []
            events += [] if connection.is_told else connection.row()
        if self._failures and not self._connections:
            why = "Initial packets that cannot be opened: the client's first one was not captured"
            events.append(Anomaly("QUIC_initial_not_opened", from_orig, 0, why, self._failures))
        if any(connection.has_secrets for connection in self._connections):
            for _, side, offset in self._waiting:
                self._count(side, offset)
        for side, (count, first) in self._unopened.items():
            events.append(Anomaly("QUIC_packet_not_opened", side, first, _NOT_OPENED, count))
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

    def _later(self, packet: Packet, side: bool, offset: int) -> list[Event]:
        """Open a packet with the secrets of the connection to which it belongs."""
        if len(packet.data) < _SMALLEST_PACKET:
            return []
        owners = self._connections
        if len(owners) > 1:
            owners = [connection for connection in owners if connection.owns(packet, side)] or owners
        for connection in owners:
            opened = connection.open(packet, side, offset)
            if opened is not None:
                return connection.read(opened, packet, side, offset)
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


def _moved(opening: Opening) -> bytes | None:
    """Return the client's random of a connection that was opened elsewhere and goes on in this flow."""
    sides = [first for first in (opening.orig, opening.resp) if first]
    if opening.secrets is None or any(first[0] >= _LONG for first in sides):
        return None
    return next((random for first in sides if (random := opening.secrets.owner(first)) is not None), None)


def detect(opening: Opening) -> float | None:
    """Return how surely a flow carries QUIC: by the long header of a datagram, or an identifier that is known."""
    if _moved(opening) is not None:
        return _SURE
    best = 0.0
    for first in (opening.orig, opening.resp):
        if is_long_header(first):
            is_initial = kind_of(first[0], int.from_bytes(first[1:5])) == INITIAL
            best = max(best, _SURE if is_initial and len(first) >= CLIENT_DATAGRAM_BYTES else _LIKELY)
    return best


PROTOCOL = Protocol(
    name="quic",
    title="QUIC: the hellos in Initial packets; with secrets, what is inside",
    specification="RFC 9000, RFC 9001, RFC 9221, RFC 9368, RFC 9369",
    carriers=("udp",),
    tables=(TABLE, DECRYPTED),
    detect=detect,
    parser=QuicParser,
    begins=bytes((*range(0x40, 0x80), *range(0xC0, 0x100))),
    limits="Without secrets, what follows the Initial packets (certificates, HTTP/3) stays encrypted. Connections "
    "whose first packet was not captured or that moved to other addresses, Google QUIC and drafts before 29 are not "
    "read.",
)
