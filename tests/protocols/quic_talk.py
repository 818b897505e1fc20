"""Conversations of aioquic with itself, in memory: their datagrams, key log and bodies."""

from __future__ import annotations

import importlib.util
import io
import random
from pathlib import Path
from typing import Any, NamedTuple

from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.tls import CipherSuite

from iptvforensics.protocol import Event, OpenedBegin, OpenedData, OpenedEnd, Opening
from iptvforensics.protocols._http_h3 import Http3Parser
from iptvforensics.protocols._quic_parser import QuicParser
from iptvforensics.tls.keylog import Secrets

_spec = importlib.util.spec_from_file_location("tls_talk", Path(__file__).parents[1] / "tls" / "talk.py")
assert _spec is not None
assert _spec.loader is not None
tls_talks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tls_talks)

HOST: str = tls_talks.HOST
NAMES = (HOST, "*.stellar-tv.example", "192.0.2.7")
CLIENT, SERVER = ("192.168.1.40", 50000), ("203.0.113.7", 443)
SUITES = {
    "AES-128": CipherSuite.AES_128_GCM_SHA256,
    "AES-256": CipherSuite.AES_256_GCM_SHA384,
    "ChaCha20": CipherSuite.CHACHA20_POLY1305_SHA256,
}
STEP_S = 0.02


class Datagram(NamedTuple):
    from_orig: bool
    data: bytes


def body(name: str, size: int = 20_000) -> bytes:
    """Return the bytes that the server has under a name."""
    return random.Random(name).randbytes(size)


class Talk:
    """One connection of a client and a server that speak HTTP/3."""

    def __init__(self, suite: str | None = None, *, ticket: Any = None, tickets: Any = None, **options: Any) -> None:
        self.log = io.StringIO()
        self.datagrams: list[Datagram] = []
        self.tickets: list[Any] = []
        self.asked: dict[int, str] = {}
        self.sizes: dict[str, int] = {}
        self.got: dict[str, bytes] = {}
        self.renews_after: str | None = None
        """Name of the body with which the server renews its keys."""
        self._store: dict[bytes, Any] = {} if tickets is None else tickets
        pem, _ = tls_talks.identity("ec")
        suites = [SUITES[suite]] if suite else None
        asking = QuicConfiguration(
            is_client=True, server_name=HOST, alpn_protocols=["h3"], verify_mode=0, cipher_suites=suites,
            secrets_log_file=self.log, session_ticket=ticket, **options,
        )  # fmt: skip
        answering = QuicConfiguration(is_client=False, alpn_protocols=["h3"], max_datagram_frame_size=65536)
        answering.connection_id_length = 11  # another length than the client's
        answering.load_cert_chain(pem, pem)
        self.client = QuicConnection(configuration=asking, session_ticket_handler=self.tickets.append)
        self.now = 0.0
        self.client.connect(SERVER, now=0.0)
        self.server = QuicConnection(
            configuration=answering,
            original_destination_connection_id=self.client.original_destination_connection_id,
            session_ticket_fetcher=self._store.get,
            session_ticket_handler=lambda ticket: self._store.update({ticket.ticket: ticket}),
        )
        self.web = {True: H3Connection(self.client), False: H3Connection(self.server)}

    @property
    def store(self) -> dict[bytes, Any]:
        """Return the tickets of the server."""
        return self._store

    @property
    def keylog(self) -> str:
        return self.log.getvalue()

    def without(self, *words: str) -> str:
        """Return the key log without some lines."""
        return "".join(line for line in self.keylog.splitlines(True) if not any(word in line for word in words))

    def ask(self, name: str, size: int = 20_000) -> Talk:
        """Put a request on its way; `run` lets it be answered."""
        stream = self.client.get_next_available_stream_id()
        self.asked[stream], self.sizes[name] = name, size
        fields = {":method": "GET", ":scheme": "https", ":authority": HOST, ":path": name, "user-agent": "KiteBox/7"}
        self.web[True].send_headers(stream, [(k.encode(), v.encode()) for k, v in fields.items()], end_stream=True)
        return self

    def run(self, steps: int = 12) -> Talk:
        """Let both sides speak in turn."""
        for _ in range(steps):
            self.now += STEP_S
            for side, sender, receiver in ((True, self.client, self.server), (False, self.server, self.client)):
                for data, _ in sender.datagrams_to_send(now=self.now):
                    self.datagrams.append(Datagram(side, data))
                    receiver.receive_datagram(data, CLIENT if side else SERVER, now=self.now)
                self._heard(not side, receiver)
        return self

    def _heard(self, side: bool, connection: QuicConnection) -> None:
        """Take what one side has received: the server answers, the client keeps."""
        while (event := connection.next_event()) is not None:
            for told in self.web[side].handle_event(event):
                if side and isinstance(told, DataReceived):
                    name = self.asked[told.stream_id]
                    self.got[name] = self.got.get(name, b"") + told.data
                elif not side and isinstance(told, HeadersReceived):
                    self._answer(told.stream_id, dict(told.headers)[b":path"].decode())

    def _answer(self, stream: int, name: str) -> None:
        data = body(name, self.sizes[name])
        fields = [(b":status", b"200"), (b"content-type", b"video/mp2t"), (b"content-length", b"%d" % len(data))]
        self.web[False].send_headers(stream, [*fields, (b"x-name", name.encode())])
        self.web[False].send_data(stream, data, end_stream=True)
        if name == self.renews_after:
            self.server.request_key_update()

    def close(self) -> Talk:
        self.client.close(reason_phrase="enough")
        return self.run(2)


class Found:
    """What the parser says of datagrams, and what HTTP/3 says of the streams in them."""

    def __init__(self, datagrams: list[tuple[bool, bytes]], keylog: str | None) -> None:
        secrets = Secrets()
        secrets.add((keylog or "").encode())
        parser = QuicParser(Opening("udp", b"", b"", secrets=secrets))
        self.events: list[Event] = []
        for side, data in datagrams:
            self.events += parser.feed(memoryview(data), side)
        self.events += parser.end(True) + parser.end(False)
        self.web: list[Event] = []
        readers: dict[int, Http3Parser] = {}
        for event in self.events:
            if isinstance(event, OpenedBegin):
                about = {"client_is_orig": event.client_is_orig, "is_half_opened": event.is_half}
                readers[event.key] = Http3Parser(Opening("quic", b"", b"", **about))
            elif isinstance(event, OpenedData):
                self.web += readers[event.key].feed(memoryview(event.data), event.from_orig)
            elif isinstance(event, OpenedEnd):
                self.web += readers[event.key].end(event.from_orig)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [e.values for e in (*self.events, *self.web) if type(e).__name__ == "Row" and e.table == table]

    @property
    def anomalies(self) -> list[str]:
        return [e.name for e in (*self.events, *self.web) if type(e).__name__ == "Anomaly"]

    def bodies(self) -> dict[str, bytes]:
        """Return bodies by the target of their request; missing bytes are dots."""
        names: dict[int, str] = {}
        found: dict[str, bytes] = {}
        for event in self.web:
            what = type(event).__name__
            if what == "ContentBegin":
                names[event.key] = (event.info.name or "?").removeprefix(f"https://{HOST}")
                found[names[event.key]] = b""
            elif what == "ContentData":
                found[names[event.key]] += bytes(event.data)
            elif what == "ContentGap":
                found[names[event.key]] += b"." * event.length
        return found
