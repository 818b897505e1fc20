"""Records of both directions of a connection -> rows, and with secrets the data that they hold."""

from __future__ import annotations

import weakref

from ..protocol import Anomaly, Event, Hold, Mark, OpenedBegin, Opening, Row
from ..tls.keylog import Secret, Secrets
from ..tls.messages import Message
from ..tls.names import suite_name, version_name
from ._tls_ciphers import Opened
from ._tls_detect import begins_with_hello
from ._tls_direction import Direction
from ._tls_early import END_OF_EARLY_DATA, EarlyData
from ._tls_handshake import NEW_SESSION_TICKET, TLS13, Handshake
from ._tls_keys import NOT_GIVEN, Ciphers, make_ciphers, may_open
from ._tls_plain import Plain

_DNS_PORT, _DNS_ALPN = 853, "dot"
_DNS = "DNS over TLS: names that are looked up here are not visible"
_NO_HANDSHAKE = "no hello was captured, or too little of it: server name and certificates are not known"
_UNOPENED = "encrypted records that no secret opened: one is missing, or too many records before them"
_CLOSED_SIDE = "not opened: no secret of the {}'s side for what follows the handshake was given"
_ONE_SIDE = "what follows is encrypted, and only one hello was captured: no record can be opened"


class TlsParser:
    """The state of one TLS connection."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._secrets = opening.secrets or Secrets()
        listener = weakref.proxy(self)  # no cycle: what is kept is freed with the parser
        self._directions = {
            side: Direction(side, listener, midstream=_begins_late(opening, first), may_open=bool(self._secrets))
            for side, first in ((True, opening.orig), (False, opening.resp))
        }
        self._handshake = Handshake()
        self._ciphers: Ciphers | None = None
        self._plain = {side: Plain(side) for side in self._directions}
        self._ports = (opening.orig_port, opening.resp_port)
        self._first_encrypted: dict[bool, int] = {}
        self._early = EarlyData()
        self._is_told = False
        self._ended: set[bool] = set()
        self._events: list[Event] = []

    # --- what the engine calls ----------------------------------------------------------------------

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what the next bytes of one direction say."""
        self._directions[from_orig].reader.feed(data)
        return self._collect()

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what follows from bytes that were not captured."""
        self._directions[from_orig].reader.gap(length)
        return self._collect()

    def end(self, from_orig: bool) -> list[Event]:
        """Return what is pending; the row of a handshake that was not finished comes with the second end."""
        if from_orig in self._ended:
            return []
        self._ended.add(from_orig)
        self._directions[from_orig].end()
        if len(self._ended) == len(self._directions):
            for direction in self._directions.values():
                direction.unlock(None, is_tls13=False)
            self._settle_early(is_taken=True, is_told=False)
            self._tell()
            self._tell_secrets()
        return self._collect()

    def _collect(self) -> list[Event]:
        for plain in self._plain.values():
            self._events += plain.flush()
        for side in self._ended:
            if self._directions[side].is_decided:
                self._events += self._plain[side].end()
        events, self._events = self._events, []
        return events

    # --- what a direction tells ----------------------------------------------------------------------

    def on_message(self, side: bool, message: Message, *, is_whole: bool = True) -> None:
        """Read a handshake message, or the beginning of one."""
        handshake = self._handshake
        self._events += handshake.take(message, side) if is_whole else handshake.take_part(message, side)
        self.client_is_orig = handshake.client_side is not False
        if message.kind == END_OF_EARLY_DATA:
            self._settle_early(is_taken=True)
        elif handshake.early_data_accepted is not None:
            self._settle_early(is_taken=handshake.early_data_accepted)
        if self._ciphers is None:
            self._decide()
        elif message.kind == NEW_SESSION_TICKET:
            self._remember(self._ciphers.master)

    def on_alert(self, side: bool, level: int, description: int) -> None:
        """Take note of an alert."""
        self._handshake.alert(side, level, description)

    def on_trouble(self, side: bool, offset: int, name: str, detail: str) -> None:
        """Pass on what broke a rule."""
        self._events.append(Anomaly(name, side, offset, detail))

    def on_encrypted(self, side: bool, offset: int) -> None:
        """Make the row once both sides have begun to encrypt, and nothing more is to be learnt."""
        if side not in self._first_encrypted:
            self._first_encrypted[side] = offset
            self._events.append(Mark(side, offset))
        if all(direction.is_past_handshake for direction in self._directions.values()):
            self._tell()

    def on_waiting(self, side: bool, offset: int | None) -> None:
        """Have the places of records remembered that wait for keys."""
        self._events.append(Hold(side, offset))

    def on_phase(self, side: bool, offset: int, opened: Opened) -> None:
        """Have the place remembered at which a secret was first used."""
        self._events.append(Mark(side, offset))
        cipher = self._directions[side].cipher
        if self._ciphers is not None and self._ciphers.master is not None:
            self._remember(opened.phase.secret)  # of several, the one that opens
        if cipher is not None and cipher.early is not None and opened.phase is not cipher.early:
            # The end of early data would have come before; if records are missing, it may have.
            self._settle_early(is_taken=cipher.has_gaps, is_told=not cipher.has_gaps)

    def on_plain(self, side: bool, opened: Opened) -> None:
        """Hand on data of the application, early data once it is known that the server took it."""
        cipher = self._directions[side].cipher
        if cipher is None or opened.phase is not cipher.early:
            self._events += self._plain[side].add(opened)
            return
        waited = self._early.waits
        for taken in self._early.add(opened):
            self._events += self._plain[side].add(taken)
        if self._early.waits and not waited:
            self._events.append(Hold(side, opened.offset))

    def _settle_early(self, *, is_taken: bool, is_told: bool = True) -> None:
        """Hand on the early data that waits, or leave it out."""
        waited = self._early.waits
        side = self.client_is_orig
        for taken in self._early.settle(is_taken=is_taken, is_told=is_told):
            self._events += self._plain[side].add(taken)
        if waited:
            self._events += [*self._plain[side].flush(), Hold(side, None)]

    # --- keys -------------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Make the ciphers as soon as both hellos are known, or it is known that there are no secrets."""
        client, server = self._handshake.client, self._handshake.server
        if client is not None and server is not None:
            self._ciphers = ciphers = make_ciphers(client, server, self._secrets)
            self._remember(ciphers.master)
            is_tls13 = server.version >= TLS13
            client_side = self.client_is_orig
            both = (not client_side, ciphers.server), (client_side, ciphers.client)
            if len({cipher is not None and cipher.opens_data for _, cipher in both}) > 1:
                self._events.append(OpenedBegin(0, "tcp", client_side, is_half=True))
            if self._handshake.is_retried:  # early data never survives that
                self._early.settle(is_taken=False)
            for side, cipher in both:  # the server says whether it took early data
                self._directions[side].unlock(cipher, is_tls13=is_tls13)
        elif client is not None and not may_open(client, self._secrets):
            self._ciphers = Ciphers()
            for direction in self._directions.values():
                direction.unlock(None, is_tls13=False)

    def _remember(self, master: Secret | None) -> None:
        """Remember the secret of a session that may be resumed (up to TLS 1.2)."""
        if master is not None and self._handshake.server is not None:
            for session in (self._handshake.server.session_id, self._handshake.new_ticket):
                self._secrets.remember(session, master.value)

    # --- rows ---------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """Make the row, and say what cannot be seen."""
        if self._is_told:
            return
        self._is_told = True
        handshake = self._handshake
        server = self._directions[not self.client_is_orig].cipher
        used = server.used() if server is not None and handshake.has_secrets else []
        self._events += handshake.row(used[0].sha256 if used else None)
        if not self._first_encrypted:
            return
        closed = [side for side in self._first_encrypted if self._directions[side].cipher is None]
        side = max(closed or self._first_encrypted)
        offset = self._first_encrypted[side]
        is_opened = not closed
        if not handshake.is_seen:
            self._events.append(Anomaly("TLS_handshake_not_captured", side, offset, _NO_HANDSHAKE))
        elif not is_opened and self._carries_dns():
            self._events.append(Anomaly("TLS_dns_not_seen", side, offset, _DNS))
        if not is_opened:
            why = _ONE_SIDE if self._secrets else NOT_GIVEN
            if self._ciphers is not None:
                why = self._ciphers.why_not if len(closed) == len(self._first_encrypted) else self._no_secret(side)
            self._events.append(Anomaly("TLS_not_opened", side, offset, why))

    def _tell_secrets(self) -> None:
        """Make a row for each secret that was used, and say which records stayed closed."""
        client, server = self._handshake.client, self._handshake.server
        for side, direction in self._directions.items():
            cipher = direction.cipher
            if cipher is None or client is None or server is None:
                continue
            for phase in cipher.used():
                values = {
                    "label": phase.secret.label,
                    "secret_sha256": phase.sha256,
                    "client_random": client.random.hex(),
                    "tls_version": version_name(server.version),
                    "cipher_suite": suite_name(server.suite),
                    "records": phase.records,
                    "content_bytes": phase.bytes,
                    "key_updates": phase.updates,
                }
                self._events.append(Row("decrypted", side, phase.first_offset or 0, values))
            if cipher.unopened:
                detail = _UNOPENED if cipher.opens_data else self._no_secret(side)
                at = cipher.first_unopened or 0
                self._events.append(Anomaly("TLS_record_not_opened", side, at, detail, cipher.unopened))

        early = self._early
        place = self.client_is_orig, early.offset
        if early.is_supposed:
            detail = "nothing that was captured says whether the server took the early data: they are read as taken"
            self._events.append(Anomaly("TLS_early_data_supposed", *place, detail))
        if early.refused_records:
            detail = f"{early.refused_bytes} bytes of early data that the server did not take: left out"
            self._events.append(Anomaly("TLS_early_data_refused", *place, detail, early.refused_records))

    def _no_secret(self, side: bool) -> str:
        """Return why the data of a side stay closed while those of the other one may be opened."""
        return _CLOSED_SIDE.format("client" if side == self.client_is_orig else "server")

    def _carries_dns(self) -> bool:
        """Return True for DNS over TLS (RFC 7858): by its port, or because nothing else was offered."""
        client = self._handshake.client
        offered = client.alpn if client is not None else None
        server_port = self._ports[self.client_is_orig]
        return offered == [_DNS_ALPN] if offered else server_port == _DNS_PORT


def _begins_late(opening: Opening, first: bytes) -> bool:
    """Return True for a direction whose first bytes may lie anywhere in a record."""
    return opening.midstream and not begins_with_hello(first)
