"""Messages of both directions -> what a handshake says: the row of the table `tls`."""

from __future__ import annotations

import hashlib
from typing import Any

from ..protocol import Anomaly, At, Event, Mark, Row
from ..schema import ENGINE_COLUMNS
from ..tls.certificates import Certificate, read_certificate, read_chain
from ..tls.compressed import COMPRESSED_CERTIFICATE, CompressionError, uncompressed
from ..tls.hello import (
    ALPN,
    EARLY_DATA,
    TICKET,
    ClientHello,
    ServerHello,
    alpn_names,
    read_client_hello,
    read_extensions,
    read_server_hello,
)
from ..tls.messages import CLIENT_HELLO, SERVER_HELLO, Message
from ..tls.names import alert_name
from ..tls.values import certificate_values, client_values, server_values
from ..tls.wire import MessageError, Reader
from ._tls_tables import TABLE

NEW_SESSION_TICKET, ENCRYPTED_EXTENSIONS, CERTIFICATE = 4, 8, 11
TLS13 = 0x0304
MAX_ALERTS = 16


class Handshake:
    """What both sides have said so far."""

    def __init__(self) -> None:
        self.client: ClientHello | None = None
        self.server: ServerHello | None = None
        self.client_side: bool | None = None
        """Direction in which the client speaks; None while that is not known."""
        self.is_retried = False
        self.new_ticket = b""
        """The ticket that the server issued in clear (up to TLS 1.2)."""
        self._client_at: At | None = None
        self._server_at: At | None = None
        self._values: dict[str, Any] = {}
        self._chains: dict[bool, list[Certificate]] = {}
        self._alerts: list[tuple[bool, str]] = []

    @property
    def has_secrets(self) -> bool:
        """Return True if a part of what is known came under encryption (TLS 1.3)."""
        return "early_data_accepted" in self._values

    @property
    def early_data_accepted(self) -> bool | None:
        """Return True if the server took early data, False if it did not, None if it has not said so yet."""
        return False if self.is_retried else self._values.get("early_data_accepted")

    @property
    def is_seen(self) -> bool:
        """Return True if a hello of either side was read."""
        return self.client is not None or self.server is not None

    def take(self, message: Message, side: bool) -> list[Event]:
        """Read a message of one direction."""
        try:
            if message.kind == CLIENT_HELLO:
                return self._client_hello(message, side)
            if message.kind == SERVER_HELLO:
                return self._server_hello(message, side)
            if message.kind in (CERTIFICATE, COMPRESSED_CERTIFICATE):
                return self._certificates(message, side)
            if message.kind == ENCRYPTED_EXTENSIONS:
                self._encrypted_extensions(Reader(message.body))
            elif message.kind == NEW_SESSION_TICKET and self.server is not None and self.server.version < TLS13:
                self._ticket(Reader(message.body))
        except CompressionError as error:
            return [Anomaly("TLS_certificate_not_read", side, message.offset, str(error))]
        except MessageError as error:
            return [Anomaly("TLS_bad_message", side, message.offset, f"message of type {message.kind}: {error}")]
        return []

    def take_part(self, message: Message, side: bool) -> list[Event]:
        """Read the beginning of a message whose rest was not captured: a client's hello says who is asked."""
        if message.kind != CLIENT_HELLO or self.client is not None:
            return []
        detail = f"only the first {len(message.body)} bytes of the client's hello were captured"
        try:
            hello = read_client_hello(message.body, is_cut=True)
            events = self._take_client(hello, message, side)
        except MessageError:
            events = []
        return [*events, Anomaly("TLS_hello_incomplete", side, message.offset, detail)]

    def alert(self, side: bool, level: int, description: int) -> None:
        """Take note of an alert in clear."""
        if len(self._alerts) < MAX_ALERTS:
            self._alerts.append((side, alert_name(level, description)))

    def row(self, secret_sha256: str | None = None) -> list[Event]:
        """Return the row of the handshake, if any hello was seen; a secret may have opened parts of it."""
        at = self._client_at or self._server_at
        if at is None:
            return []
        values: dict[str, Any] = dict.fromkeys(name for name in TABLE.column_names if name not in ENGINE_COLUMNS)
        if self.client is not None:
            values.update(client_values(self.client))
        if self.server is not None:
            values.update(server_values(self.server))
            values["resumption"] = self._resumption()
        server_side = not self.client_side
        values.update(certificate_values(self._chains.get(server_side, [])))
        if own := self._chains.get(not server_side):
            values.update(client_cert_subject=own[0].subject, client_cert_sha256=own[0].sha256)
        values.update(self._values)
        alerts = [f"{'server' if side == server_side else 'client'} {text}" for side, text in self._alerts]
        values.update(
            client_hello_frame=self._client_at,
            server_hello_frame=self._server_at,
            is_retried=self.is_retried,
            secret_sha256=secret_sha256,
            alerts=sorted(alerts) or None,
        )
        return [Row("tls", at.from_orig, at.offset, values)]

    # --- messages ---------------------------------------------------------------------------------------

    def _client_hello(self, message: Message, side: bool) -> list[Event]:
        """Read a client's hello; a second one answers a retry, and says what the first one said."""
        hello = read_client_hello(message.body)
        if self.client is not None:
            return []
        events = self._take_client(hello, message, side)
        if hello.damage is not None:
            detail = f"the client's hello is damaged, what stands before was read: {hello.damage}"
            events.append(Anomaly("TLS_bad_message", side, message.offset, detail))
        return events

    def _take_client(self, hello: ClientHello, message: Message, side: bool) -> list[Event]:
        self.client, self.client_side = hello, side
        self._client_at = At(side, message.offset)
        return [Mark(side, message.offset)]

    def _server_hello(self, message: Message, side: bool) -> list[Event]:
        hello = read_server_hello(message.body)
        if self.server is not None:
            return []
        if self.client_side is None:
            self.client_side = not side
        self._server_at = self._server_at or At(side, message.offset)
        if hello.is_retry:
            self.is_retried = True
        else:
            self.server = hello
        return [Mark(side, message.offset)]

    def _certificates(self, message: Message, side: bool) -> list[Event]:
        is_tls13 = self.server is not None and self.server.version >= TLS13
        body = message.body if message.kind == CERTIFICATE else uncompressed(message.body)
        chain = [read_certificate(der) for der in read_chain(body, is_tls13=is_tls13)]
        self._chains.setdefault(side, chain)
        return [
            Anomaly("TLS_bad_certificate", side, message.offset, f"SHA-256 {found.sha256}: {found.problem}")
            for found in chain
            if found.problem is not None
        ]

    def _encrypted_extensions(self, reader: Reader) -> None:
        """Read what a server chose under encryption (TLS 1.3)."""
        for kind, content in read_extensions(reader):
            if kind == ALPN and (names := alpn_names(Reader(content))):
                self._values["alpn"] = names[0]
            elif kind == EARLY_DATA:
                self._values["early_data_accepted"] = True
        self._values.setdefault("early_data_accepted", False)

    def _ticket(self, reader: Reader) -> None:
        reader.number(4)  # lifetime
        ticket = reader.vector(2)
        if ticket:
            self.new_ticket = ticket
            self._values["new_ticket_sha256"] = hashlib.sha256(ticket).hexdigest()

    def _resumption(self) -> str | None:
        """Return how a session was resumed, as far as both hellos tell.

        Up to TLS 1.2 the server repeats the client's session identifier when it resumes a session; the client
        that comes with a ticket makes one up for this.
        """
        client, server = self.client, self.server
        if server is None or server.version >= TLS13:
            return server_values(server)["resumption"] if server is not None else None
        if client is None or not client.session_id or client.session_id != server.session_id:
            return None
        return "ticket" if client.extension(TICKET) else "session id"
