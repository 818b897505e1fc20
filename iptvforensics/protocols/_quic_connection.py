"""Initial packets of one connection -> both hellos, and the row of the table `quic`."""

from __future__ import annotations

from typing import Any

from ..protocol import Anomaly, At, Event, Mark, Row
from ..schema import ENGINE_COLUMNS, Column, message_table
from ..tls.columns import HELLO_COLUMNS, client_values, server_values
from ..tls.hello import CLIENT_HELLO, SERVER_HELLO, ClientHello, ServerHello, read_client_hello, read_server_hello
from ..tls.messages import Message, MessageReader
from ..tls.wire import MessageError
from ._quic_crypto import Keys, initial_keys
from ._quic_packets import Packet, crypto_frames

MAX_CRYPTO_BYTES = 1 << 16
"""Bytes of a side's handshake that wait for earlier ones; hellos with post-quantum keys have some two kilobytes."""
MAX_PIECES = 512

TABLE = message_table(
    "quic",
    "QUIC connection: its identifiers and the hellos in its Initial packets",
    (
        Column("quic_version", "text", "Version of QUIC, hexadecimal: that of the server's answer, else the client's."),
        Column("client_version", "text", "Version of the client's first packet, hexadecimal."),
        Column("original_dcid", "text", "Identifier to which the client's first packet went, hexadecimal."),
        Column("client_scid", "text", "Identifier that the client chose for itself, hexadecimal."),
        Column("server_scid", "text", "Identifier that the server chose for itself, hexadecimal."),
        Column("has_retry", "bool", "True if the client had to prove its address first (Retry)."),
        *HELLO_COLUMNS,
    ),
    endpoints=True,
)


class CryptoStream:
    """The handshake bytes of one side, put in order."""

    __slots__ = ("_held", "_held_bytes", "_next", "messages")

    def __init__(self) -> None:
        self.messages = MessageReader()
        self._next = 0
        self._held: dict[int, bytes] = {}
        self._held_bytes = 0

    def add(self, offset: int, data: bytes, at: int) -> list[Message]:
        """Return the messages that are complete now; `at` is the stream offset of the datagram."""
        end = offset + len(data)
        is_late = offset > self._next and len(self._held) >= MAX_PIECES
        if end <= self._next or end > MAX_CRYPTO_BYTES or is_late:
            return []
        known = self._held.get(offset, b"")
        if len(data) > len(known) and self._held_bytes + len(data) <= 2 * MAX_CRYPTO_BYTES:
            self._held[offset] = data
            self._held_bytes += len(data) - len(known)
        found: list[Message] = []
        while (start := min((o for o in self._held if o <= self._next), default=None)) is not None:
            piece = self._held.pop(start)
            self._held_bytes -= len(piece)
            new = piece[self._next - start :]
            if new:
                self._next += len(new)
                found += self.messages.feed(at, new)
        return found


class Connection:
    """What is known of one connection."""

    def __init__(self, packet: Packet, side: bool, offset: int, keys: tuple[Keys, Keys]) -> None:
        self.client_side = side
        self.client: ClientHello | None = None
        self.server: ServerHello | None = None
        self.is_told = False
        self.has_retry = False
        self.is_retried = False
        self.original = packet.destination
        self.key_id = packet.destination
        self._keys = {packet.version: keys}
        self._streams = {True: CryptoStream(), False: CryptoStream()}
        self._first = packet
        self._server_packet: Packet | None = None
        self._at = At(side, offset)
        self._client_at: At | None = None
        self._server_at: At | None = None

    def open(self, packet: Packet, side: bool) -> bytes | None:
        """Return the payload of an Initial packet, None if it does not belong to this connection."""
        keys = self._keys.get(packet.version)
        if keys is None:  # the server may answer in another version (RFC 9368)
            keys = self._keys[packet.version] = initial_keys(packet.version, self.key_id)
        return keys[side != self.client_side].open(packet)

    def read(self, payload: bytes, packet: Packet, side: bool, offset: int) -> list[Event]:
        """Return what the payload of an Initial packet says."""
        is_client = side == self.client_side
        events: list[Event] = []
        if not is_client and self._server_packet is None:
            self._server_packet = packet
        for start, data in crypto_frames(payload):
            if is_client and start == 0 and self._client_at is None:
                self._client_at = At(side, offset)
            if not is_client and start == 0 and self._server_at is None:
                self._server_at = At(side, offset)
                events.append(Mark(side, offset))
            for message in self._streams[is_client].add(start, data, offset):
                try:
                    self._message(message, is_client=is_client)
                except MessageError as error:
                    events.append(Anomaly("QUIC_bad_message", side, offset, f"message of type {message.kind}: {error}"))
        return events

    def _message(self, message: Message, *, is_client: bool) -> None:
        if is_client and message.kind == CLIENT_HELLO and self.client is None:
            self.client = read_client_hello(message.body)
        elif not is_client and message.kind == SERVER_HELLO and self.server is None:
            hello = read_server_hello(message.body)
            self.is_retried |= hello.is_retry
            if not hello.is_retry:
                self.server = hello

    def continues(self, earlier: Connection) -> None:
        """Take over what an earlier attempt said: the server asked for another one (Retry)."""
        self.has_retry = True
        self.original = earlier.original
        self._first, self._at, self._client_at = earlier._first, earlier._at, earlier._client_at

    @property
    def is_complete(self) -> bool:
        """Return True once both hellos were read."""
        return self.client is not None and self.server is not None

    def row(self) -> list[Event]:
        """Return the row, and what could not be seen."""
        self.is_told = True
        values: dict[str, Any] = dict.fromkeys(name for name in TABLE.column_names if name not in ENGINE_COLUMNS)
        if self.client is not None:
            values.update(client_values(self.client, "q"))
        if self.server is not None:
            values.update(server_values(self.server))
        answer = self._server_packet
        values.update(
            quic_version=f"{(answer or self._first).version:08x}",
            client_version=f"{self._first.version:08x}",
            original_dcid=self.original.hex() or None,
            client_scid=self._first.source.hex() or None,
            server_scid=None if answer is None else answer.source.hex() or None,
            has_retry=self.has_retry,
            client_hello_frame=self._client_at if self.client is not None else None,
            server_hello_frame=self._server_at if self.server is not None else None,
            is_retried=self.is_retried,
        )
        events: list[Event] = [Row("quic", *self._at, values)]
        if self.client is None:
            events.append(Anomaly("QUIC_hello_incomplete", *self._at, "parts of the client's hello were not captured"))
        if self.client is not None and self.client.alpn == ["doq"]:
            detail = "DNS over QUIC: names that are looked up here are not visible"
            events.append(Anomaly("QUIC_dns_not_seen", *self._at, detail))
        events.append(Anomaly("QUIC_not_opened", *self._at, "what follows is encrypted, and no secret for it is used"))
        return events
