"""CRYPTO frames of both sides -> hellos, and with secrets what the server said behind its own: certificate, protocol.

Specification: RFC 9001 section 4 (TLS 1.3 in QUIC), RFC 8446 section 4.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ..protocol import Anomaly
from ..tls.certificates import Certificate, read_certificate, read_chain
from ..tls.compressed import COMPRESSED_CERTIFICATE, CompressionError, uncompressed
from ..tls.hello import (
    ALPN,
    EARLY_DATA,
    ClientHello,
    ServerHello,
    alpn_names,
    read_client_hello,
    read_extensions,
    read_server_hello,
)
from ..tls.messages import CLIENT_HELLO, SERVER_HELLO, Message, MessageReader
from ..tls.values import certificate_values, client_values, server_values
from ..tls.wire import MessageError, Reader

ENCRYPTED_EXTENSIONS, CERTIFICATE = 8, 11
MAX_CRYPTO_BYTES = 1 << 16
"""Bytes of a side's handshake: hellos with post-quantum keys have some two kilobytes, certificates some ten."""
MAX_PIECES = 512


class CryptoStream:
    """The handshake bytes of one side and one level of encryption, put in order."""

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


class Handshake:
    """What both sides of a connection have said so far."""

    def __init__(self) -> None:
        self.client: ClientHello | None = None
        self.server: ServerHello | None = None
        self.is_retried = False
        self._chain: list[Certificate] = []
        self._values: dict[str, Any] = {}

    @property
    def early_data_accepted(self) -> bool | None:
        """Return True if the server took early data, False if it did not, None if it has not said so yet."""
        return False if self.is_retried else self._values.get("early_data_accepted")

    @property
    def is_complete(self) -> bool:
        """Return True once both hellos were read."""
        return self.client is not None and self.server is not None

    def take(self, message: Message, side: bool, *, is_client: bool) -> list[Anomaly]:
        """Read a message of one direction; return what is wrong with it."""
        try:
            if is_client:
                if message.kind == CLIENT_HELLO and self.client is None:
                    self.client = read_client_hello(message.body)
                    if self.client.damage is not None:
                        detail = f"the client's hello is damaged, what stands before was read: {self.client.damage}"
                        return [Anomaly("QUIC_bad_message", side, message.offset, detail)]
            elif message.kind == SERVER_HELLO and self.server is None:
                hello = read_server_hello(message.body)
                self.is_retried |= hello.is_retry
                if not hello.is_retry:
                    self.server = hello
            elif message.kind == ENCRYPTED_EXTENSIONS:
                self._encrypted_extensions(Reader(message.body))
            elif message.kind in (CERTIFICATE, COMPRESSED_CERTIFICATE) and not self._chain:
                return self._certificates(message, side)
        except CompressionError as error:
            return [Anomaly("QUIC_certificate_not_read", side, message.offset, str(error))]
        except MessageError as error:
            return [Anomaly("QUIC_bad_message", side, message.offset, f"message of type {message.kind}: {error}")]
        return []

    def take_part(self, message: Message) -> bool:
        """Return True if the beginning of a client's hello could be read."""
        if message.kind == CLIENT_HELLO:
            with suppress(MessageError):
                self.client = read_client_hello(message.body, is_cut=True)
        return self.client is not None

    def _encrypted_extensions(self, reader: Reader) -> None:
        """Read what the server chose under encryption."""
        self._values["early_data_accepted"] = False
        for kind, content in read_extensions(reader):
            if kind == ALPN and (names := alpn_names(Reader(content))):
                self._values["alpn"] = names[0]
            elif kind == EARLY_DATA:
                self._values["early_data_accepted"] = True

    def _certificates(self, message: Message, side: bool) -> list[Anomaly]:
        body = message.body if message.kind == CERTIFICATE else uncompressed(message.body)
        self._chain = [read_certificate(der) for der in read_chain(body, is_tls13=True)]
        return [
            Anomaly("QUIC_bad_certificate", side, message.offset, f"SHA-256 {found.sha256}: {found.problem}")
            for found in self._chain
            if found.problem is not None
        ]

    def values(self) -> dict[str, Any]:
        """Return the columns that the handshake fills."""
        found: dict[str, Any] = {}
        if self.client is not None:
            found |= client_values(self.client, "q")
        if self.server is not None:
            found |= server_values(self.server)
        return found | certificate_values(self._chain) | self._values | {"is_retried": self.is_retried}
