"""SRT over UDP: from datagrams to one row per connection and per direction with data; clear payloads are handed on.

draft-sharabayko-srt-01 (handshake 4.3, access control by stream identifier, acknowledgements 4.8, latency 4.4 to 4.6,
key material 3.2.2). Who called whom is told by the handshake: the caller begins with an induction of version 4, the
listener answers with version 5 and a cookie. Packets are put in order; what was sent again fills its place.

The stream identifier is what the caller says: a name, or a claim of user, resource and mode. It is in clear whatever
is encrypted. What is encrypted stays closed.

**Known limitations**: packet filters (forward error correction) are named, their packets counted, not used to restore
what is missing; keys are not unwrapped; bonded
connections of a group stay connections of their own. Of one flow 16 connections are followed. Without a handshake the
flow is taken for SRT only if its payloads are a transport stream, or the receiver's acknowledgements are there.
"""

from __future__ import annotations

from typing import Any

from ..datagrams import TS_PACKET, is_transport_stream
from ..protocol import Anomaly, At, Event, Mark, Opening, Protocol, Row
from ._srt_packet import (
    ACK,
    AGREEMENT,
    CONCLUSION,
    DROP_REQUEST,
    HANDSHAKE,
    HEADER_BYTES,
    INDUCTION,
    NAK,
    SEQUENCES,
    SHUTDOWN,
    USER_DEFINED,
    WAVEAHAND,
    Control,
    Data,
    Handshake,
    read_handshake,
    read_header,
    read_key_material,
    read_losses,
    read_stream_id,
)
from ._srt_stream import Direction
from ._srt_tables import CONNECTIONS, STREAMS

MAX_CONNECTIONS = 16
_LIVE_BYTES = frozenset(HEADER_BYTES + TS_PACKET * count for count in range(1, 8))
_OF_ROLE = {"library": "{}_library", "peer_ip": "{}_sees_ip"}
_SHARED = ("cipher", "key_bits", "rejection")


class _Connection:
    """One connection: what was said when it began, and its directions with data."""

    def __init__(self, from_orig: bool, offset: int) -> None:
        self.begin = At(from_orig, offset)
        self.last = At(from_orig, offset)
        self.caller_is_orig: bool | None = None
        self.values: dict[str, Any] = {}
        self.sockets: dict[bool, int] = {}
        """The identifier that each side gave itself."""
        self.concluded: set[bool] = set()
        self.has_handshake = False

    def said(self, handshake: Handshake, from_orig: bool, offset: int) -> None:
        """Take a handshake of one side."""
        self.has_handshake = True
        if handshake.kind == WAVEAHAND:
            self.values["mode"] = "rendezvous"
            if self.caller_is_orig is None:
                self.caller_is_orig = True  # both call: the first one counts
        elif self.values.get("mode") != "rendezvous":
            self.values["mode"] = "caller-listener"
        if handshake.kind == INDUCTION:
            self.caller_is_orig = from_orig != handshake.is_answer
        elif self.caller_is_orig is None and "is_request" in handshake.fields:
            self.caller_is_orig = from_orig == handshake.fields["is_request"]
        if handshake.kind in (CONCLUSION, AGREEMENT):
            self.concluded.add(from_orig)
        # Before it concludes, a listener mostly repeats what the caller goes by.
        if handshake.socket not in (0, handshake.destination) and not handshake.is_answer:
            self.sockets[from_orig] = handshake.socket
        is_caller = from_orig == (self.caller_is_orig is not False)
        self._note(handshake, "caller" if is_caller else "listener")
        if not is_caller and handshake.kind == CONCLUSION:
            self.values["response_frame_no"] = At(from_orig, offset)

    def _note(self, handshake: Handshake, role: str) -> None:
        fields, values = handshake.fields, self.values
        for name, column in _OF_ROLE.items():
            if fields.get(name):
                values[column.format(role)] = fields[name]
        values |= {name: fields[name] for name in _SHARED if name in fields}
        values |= {name: fields[name] for name in ("congestion_control", "packet_filter") if fields.get(name)}
        if fields.get("bonding_group") and (role == "caller" or "bonding_group" not in values):
            values["bonding_group"] = fields["bonding_group"]
        if "receive_delay_ms" in fields:
            values["latency_ms"] = max(fields["receive_delay_ms"], fields["send_delay_ms"], values.get("latency_ms", 0))
        if role == "caller":
            values.setdefault("mtu", fields["mtu"])
            if "flags" in fields:
                values["caller_flags"] = fields["flags"]
            if fields.get("stream_id"):
                values["stream_id"] = fields["stream_id"]
                values |= read_stream_id(fields["stream_id"])

    def row(self, *, has_data: bool) -> Row:
        """Return its row."""
        caller = self.caller_is_orig is not False
        values = {
            **self.values,
            "caller_socket": self.sockets.get(caller),
            "listener_socket": self.sockets.get(not caller),
            "is_agreed": len(self.concluded) == 2 or (has_data and self.has_handshake),
            "last_ns": self.last,
            "last_frame_no": self.last,
        }
        return Row("srt", self.begin.from_orig, self.begin.offset, values)


class _Answers:
    """What a receiver says of the data that it got."""

    def __init__(self) -> None:
        self.acknowledgements = self.losses = 0
        self.round_trip_us: int | None = None

    def take(self, packet: Control, data: bytes) -> None:
        """Count an acknowledgement or a report of losses."""
        if packet.kind == NAK:
            self.losses += sum((last - first & SEQUENCES - 1) + 1 for first, last in read_losses(data))
            return
        self.acknowledgements += 1
        if packet.info and len(data) >= HEADER_BYTES + 8:
            self.round_trip_us = int.from_bytes(data[20:24], "big")


class SrtParser:
    """The state of one flow: its connections, and what went in them."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._offsets = {True: 0, False: 0}
        self._connections: list[_Connection] = []
        self._directions: dict[tuple[bool, int], Direction] = {}
        self._answers: dict[tuple[bool, int], _Answers] = {}
        """By who answers, and to which socket."""
        self._left_out = self._strange = 0
        self._strange_at = At(True, 0)
        self._open = {True, False}
        self._last: Direction | None = None

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what one datagram says."""
        offset = self._offsets[from_orig]
        self._offsets[from_orig] += len(data)
        header = read_header(data)
        self._last = None
        if isinstance(header, Data):
            return self._data(header, data, from_orig, offset)
        if header is None or not (header.kind <= 8 or header.kind == USER_DEFINED):
            self._strange += 1
            self._strange_at = At(from_orig, offset)
            return []
        if header.kind == HANDSHAKE:
            handshake = read_handshake(bytes(data))
            return self._handshake(handshake, from_orig, offset) if handshake is not None else []
        return self._control(header, bytes(data[:1500]), from_orig, offset)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return the gap in what is carried: the rest of a datagram was not captured."""
        self._offsets[from_orig] += max(length, 0)
        last, self._last = self._last, None
        return last.cut(length) if last is not None and last.from_orig == from_orig else []

    def end(self, from_orig: bool) -> list[Event]:
        """Return the rows of the flow once both directions have ended: each side completes what the other one says."""
        self._open.discard(from_orig)
        if self._open:
            return []
        events: list[Event] = []
        for direction in self._directions.values():
            events += self._end_of(direction)
        used = [self._connection_to(direction.socket, direction.from_orig) for direction in self._directions.values()]
        events += [connection.row(has_data=connection in used) for connection in self._connections]
        if self._strange:
            detail = "datagrams that are no SRT, the last of them here"
            events.append(Anomaly("SRT_other_datagrams", *self._strange_at, detail, self._strange))
        if self._left_out:
            detail = f"packets of further connections than the first {MAX_CONNECTIONS}"
            events.append(Anomaly("SRT_too_many_connections", True, 0, detail, self._left_out))
        self._connections, self._directions, self._strange, self._left_out = [], {}, 0, 0
        return events

    def _end_of(self, direction: Direction) -> list[Event]:
        side = direction.from_orig
        connection = self._connection_to(direction.socket, side)
        caller = connection.caller_is_orig if connection is not None else None
        own = connection.sockets.get(side) if connection is not None else None
        said = [answer for (answers, socket), answer in self._answers.items()
                if answers != side and (own is None or socket == own)]  # fmt: skip
        answer = said[0] if len(said) == 1 else _Answers()
        return direction.end(
            {
                "is_from_caller": None if caller is None else side == caller,
                "stream_id": connection.values.get("stream_id") if connection is not None else None,
                "reported_losses": answer.losses,
                "acknowledgements": answer.acknowledgements,
                "round_trip_us": answer.round_trip_us,
            }
        )

    # --- packets ------------------------------------------------------------------------------------------

    def _connection_to(self, socket: int, from_orig: bool) -> _Connection | None:
        """Return the connection whose receiver, the other side, goes by a socket identifier.

        One side is read before the other: as long as the receiver has said nothing, the only connection is meant.
        """
        for connection in reversed(self._connections):
            if connection.sockets.get(not from_orig) == socket:
                return connection
        silent = [one for one in self._connections if not one.sockets.get(not from_orig)]
        return silent[0] if len(silent) == 1 else None

    def _handshake(self, handshake: Handshake, from_orig: bool, offset: int) -> list[Event]:
        events: list[Event] = []
        connection = self._of_handshake(handshake, from_orig)
        if connection is None:
            if len(self._connections) >= MAX_CONNECTIONS:
                self._left_out += 1
                return []
            connection = _Connection(from_orig, offset)
            self._connections.append(connection)
            events.append(Mark(from_orig, offset))
        connection.said(handshake, from_orig, offset)
        if "response_frame_no" in connection.values and connection.values["response_frame_no"].offset == offset:
            events.append(Mark(from_orig, offset))
        connection.last = At(from_orig, offset)
        if connection.caller_is_orig is not None:
            self.client_is_orig = connection.caller_is_orig
        return events

    def _of_handshake(self, handshake: Handshake, from_orig: bool) -> _Connection | None:
        """Return the connection to which a handshake belongs: by the sender's socket, or one without that side's."""
        for connection in reversed(self._connections):
            known = connection.sockets.get(from_orig)
            if known is None or known == handshake.socket or not handshake.socket or handshake.is_answer:
                return connection
        return None

    def _data(self, packet: Data, data: memoryview, from_orig: bool, offset: int) -> list[Event]:
        direction = self._directions.get((from_orig, packet.socket))
        connection = self._connection_to(packet.socket, from_orig)
        if direction is None:
            if len(self._directions) >= 2 * MAX_CONNECTIONS:
                self._left_out += 1
                return []
            key = len(self._directions)
            direction = self._directions[from_orig, packet.socket] = Direction(packet, from_orig, offset, key)
            if not self._connections:  # its beginning was not captured: whoever receives asked for it
                self.client_is_orig = not from_orig
        if connection is not None:
            connection.last = At(from_orig, offset)
        self._last = direction
        stream_id = connection.values.get("stream_id") if connection is not None else None
        return direction.take(packet, data, offset, stream_id)

    def _control(self, packet: Control, data: bytes, from_orig: bool, offset: int) -> list[Event]:
        connection = self._connection_to(packet.socket, from_orig)
        if connection is not None:
            connection.last = At(from_orig, offset)
            if packet.kind == SHUTDOWN and connection.caller_is_orig is not None:
                who = "caller" if from_orig == connection.caller_is_orig else "listener"
                connection.values.setdefault("closed_by", who)
            elif packet.kind == USER_DEFINED:
                connection.values |= read_key_material(data[HEADER_BYTES:])
                connection.values.pop("key_answer", None)
        key = from_orig, packet.socket
        if packet.kind == DROP_REQUEST:
            about = self._directions.get(key)
            if about is None or len(data) < HEADER_BYTES + 8:
                return []
            first, last = (int.from_bytes(data[at : at + 4], "big") & SEQUENCES - 1 for at in (16, 20))
            return about.drop(first, last)
        if packet.kind in (ACK, NAK) and (key in self._answers or len(self._answers) < 2 * MAX_CONNECTIONS):
            self._answers.setdefault(key, _Answers()).take(packet, data)
        return []


def detect(opening: Opening) -> float | None:
    """Return how sure it is that the first datagrams are SRT."""
    first, second = opening.orig, opening.resp
    scores = [_score(data) for data in (first, second) if data]
    best = max(scores, default=0.0)
    if best >= 0.5:
        return best
    if first and second:
        return 0.7 if _is_acknowledged(first, second) else 0.0
    return None if _may_be_closed(first or second) else 0.0


def _score(data: bytes) -> float:
    if len(data) < HEADER_BYTES:
        return 0.0
    if data[0] & 0x80:
        if data[:4] != b"\x80\0\0\0" or len(data) < 64:
            return 0.0
        return 0.97 if read_handshake(data) is not None else 0.0
    payload = data[HEADER_BYTES:]
    single = data[4] & 0xC0 == 0xC0 and not data[4] & 0x18
    return 0.85 if single and is_transport_stream(payload) else 0.0


def _may_be_closed(data: bytes) -> bool:
    """Return True for what may be a whole message of live media, in clear or encrypted."""
    return len(data) in _LIVE_BYTES and not data[0] & 0x80 and data[4] & 0xC0 == 0xC0 and data[4] & 0x18 != 0x18


def _is_acknowledged(one: bytes, other: bytes) -> bool:
    """Return True if one side sends data packets and the other one acknowledges them."""
    for data, answer in ((one, other), (other, one)):
        if _may_be_closed(data) and answer[:4] == b"\x80\x02\0\0" and 20 <= len(answer) <= 44:
            ahead = int.from_bytes(answer[16:20], "big") - int.from_bytes(data[:4], "big") & SEQUENCES - 1
            return ahead < 1 << 16 or ahead > SEQUENCES - (1 << 16)
    return False


PROTOCOL = Protocol(
    name="srt",
    title="SRT: callers, listeners, stream identifiers, losses; what went in clear is read",
    specification="draft-sharabayko-srt-01",
    carriers=("udp",),
    tables=(CONNECTIONS, STREAMS),
    detect=detect,
    parser=SrtParser,
    limits="Encrypted payloads stay closed. Packet filters restore nothing; groups are not joined.",
)
