"""Records of one direction -> handshake messages, alerts, and (with keys) the data of the application."""

from __future__ import annotations

import weakref
from typing import Protocol as Interface

from ..tls.messages import CLIENT_HELLO, SERVER_HELLO, Message, MessageReader
from ..tls.messages import HEADER_BYTES as MESSAGE_HEADER
from ._tls_ciphers import Cipher, Opened
from ._tls_records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER_BYTES, MAX_BODY, RecordReader

HELD_LIMIT = 64 << 20
"""Bytes of encrypted records that wait for the hello of the other side: a block of the capture may hold as much."""
HELD_RECORDS = 1 << 17
FINISHED, KEY_UPDATE = 20, 24

Held = tuple[int, int, int, bytes]
"""Type, version, offset and body of a record; type 0: records that are missing (count or -1, length)."""
_MISSING = 0


class Listener(Interface):
    """Who is told what a direction says."""

    def on_message(self, side: bool, message: Message, *, is_whole: bool = True) -> None:
        """Take a handshake message, or the beginning of one."""

    def on_alert(self, side: bool, level: int, description: int) -> None:
        """Take an alert."""

    def on_encrypted(self, side: bool, offset: int) -> None:
        """Take note of the first encrypted record."""

    def on_waiting(self, side: bool, offset: int | None) -> None:
        """Take note that records from an offset on wait for keys; None: not any more."""

    def on_plain(self, side: bool, opened: Opened) -> None:
        """Take data of the application."""

    def on_phase(self, side: bool, offset: int, opened: Opened) -> None:
        """Take note of the first record that was opened with a secret."""

    def on_trouble(self, side: bool, offset: int, name: str, detail: str) -> None:
        """Take note of what broke a rule or could not be seen."""


class Direction:
    """The state of one direction of a TLS connection."""

    def __init__(self, side: bool, listener: Listener, *, midstream: bool, may_open: bool) -> None:
        self.side = side
        self.reader = RecordReader(weakref.proxy(self), is_synced=not midstream)
        self.is_encrypted = False
        """True once an encrypted record was seen."""
        self.cipher: Cipher | None = None
        self.is_decided = not may_open
        """True once it is known whether there are keys."""
        self._messages = MessageReader()
        self._secret_messages = MessageReader()
        self._listener = listener
        self._keys_changed = midstream
        """True once what follows is encrypted, unless it is a hello (TLS 1.3 after a retry)."""
        self._is_tls13 = False
        self._held: list[Held] = []
        self._held_bytes = 0

    @property
    def is_past_handshake(self) -> bool:
        """Return True once nothing more will be learnt for the row of the handshake."""
        if not self.is_encrypted or not self.is_decided:
            return False
        return self.cipher is None or self.cipher.is_past_handshake

    def unlock(self, cipher: Cipher | None, *, is_tls13: bool) -> None:
        """Open what waits and what will come with these keys; None: there are none."""
        if self.is_decided:
            return
        self.is_decided, self.cipher, self._is_tls13 = True, cipher, is_tls13
        held, self._held = self._held, []
        if held:
            self._listener.on_waiting(self.side, None)
        for kind, version, offset, body in held:
            if kind == _MISSING:
                self._lost_in_cipher(None if version < 0 else version, offset)
            else:
                self._open(kind, version, offset, memoryview(body))

    def end(self) -> None:
        """Read what there is of a record and a message whose rest was not captured."""
        self.reader.cut()
        if not self._keys_changed:
            self._cut_message()

    # --- what the reader of records tells --------------------------------------------------------------------

    def wants(self, kind: int) -> bool:
        """Return True for records that say something."""
        return kind != APPLICATION_DATA or self.cipher is not None or not self.is_decided

    def on_unread(self, kind: int, offset: int) -> None:
        """Take note of a record whose body was not wanted."""
        self._encrypted(offset)

    def on_record(self, kind: int, version: int, offset: int, body: memoryview) -> None:
        """Read a whole record."""
        if kind == HANDSHAKE and (not self._keys_changed or _is_hello(body)):
            for message in self._messages.feed(offset + HEADER_BYTES, body):
                self._listener.on_message(self.side, message)
            if self._messages.is_broken and not self.is_encrypted:
                self._encrypted(offset)
                if self._messages.is_too_long:
                    self._listener.on_trouble(self.side, offset, "TLS_bad_message", "a handshake message is too long")
        elif kind == CHANGE_CIPHER_SPEC and (not self._keys_changed or self._is_tls13):
            self._keys_changed = True
        elif kind == ALERT and not self._keys_changed and len(body) == 2:
            self._listener.on_alert(self.side, body[0], body[1])
        else:
            self._encrypted(offset)
            self._open(kind, version, offset, body)

    def on_part(self, kind: int, offset: int, body: memoryview) -> None:
        """Read the messages in what there is of a record."""
        if kind == HANDSHAKE and not self._keys_changed:
            for message in self._messages.feed(offset + HEADER_BYTES, body):
                self._listener.on_message(self.side, message)

    def on_lost(self, count: int | None, length: int) -> None:
        """Take note of records that are missing: of a message among them only the beginning is known."""
        if not self._keys_changed:
            self._cut_message()
        self._lost_in_cipher(count, length)

    def on_disorder(self, offset: int) -> None:
        """Take note of a place where a record should begin and none does."""
        self._messages.lose()
        self._lost_in_cipher(None, MAX_BODY)
        self._listener.on_trouble(self.side, offset, "TLS_bad_record", "no TLS record begins where one should")

    def _cut_message(self) -> None:
        part = self._messages.cut()
        if part is not None:
            self._listener.on_message(self.side, part, is_whole=False)

    # --- opening ------------------------------------------------------------------------------------------------

    def _encrypted(self, offset: int) -> None:
        self._keys_changed = True
        if not self.is_encrypted:
            self.is_encrypted = True
            self._listener.on_encrypted(self.side, offset)

    def _hold(self, kind: int, version: int, offset: int, body: bytes) -> None:
        """Keep a record until it is known whether there are keys."""
        if not self._held:
            self._listener.on_waiting(self.side, offset if kind != _MISSING else self.reader.offset)
        self._held.append((kind, version, offset, body))
        self._held_bytes += len(body)
        if self._held_bytes > HELD_LIMIT or len(self._held) > HELD_RECORDS:
            self.unlock(None, is_tls13=False)
            detail = "records waited too long for the hello of the other side; they are not opened"
            self._listener.on_trouble(self.side, offset, "TLS_waited_too_long", detail)

    def _lost_in_cipher(self, count: int | None, length: int) -> None:
        self._secret_messages = MessageReader()
        if self.cipher is not None:
            self.cipher.lost(count, length)
        elif not self.is_decided and self._keys_changed:
            self._hold(_MISSING, -1 if count is None else count, length, b"")

    def _open(self, kind: int, version: int, offset: int, body: memoryview) -> None:
        cipher = self.cipher
        if cipher is None:
            if not self.is_decided:
                self._hold(kind, version, offset, bytes(body))
            return
        if self._is_tls13 and kind != APPLICATION_DATA:
            return
        opened = cipher.open(kind, version, offset, body)
        if opened is None:
            return
        if opened.phase.records == 1:
            self._listener.on_phase(self.side, offset, opened)
        if opened.kind == APPLICATION_DATA:
            self._listener.on_plain(self.side, opened)
        elif opened.kind == HANDSHAKE:
            for message in self._secret_messages.feed(opened.offset, opened.content):
                self._secret_message(cipher, message)
        elif opened.kind == ALERT and len(opened.content) == 2 and not cipher.is_past_handshake:
            self._listener.on_alert(self.side, opened.content[0], opened.content[1])
        elif opened.kind == CHANGE_CIPHER_SPEC and not self._is_tls13:
            cipher.close()
            detail = "the handshake was repeated under encryption: what follows has other keys and is not opened"
            self._listener.on_trouble(self.side, offset, "TLS_renegotiated", detail)

    def _secret_message(self, cipher: Cipher, message: Message) -> None:
        """Act on a handshake message under encryption; up to TLS 1.2 there is nothing in it to learn."""
        if not self._is_tls13:
            return
        if message.kind == FINISHED and cipher.is_past_handshake:
            return  # a client that was asked for its certificate later; the keys stay
        if message.kind == FINISHED:
            cipher.advance()
            if self.is_past_handshake:
                self._listener.on_encrypted(self.side, message.offset)
        elif message.kind == KEY_UPDATE:
            cipher.update()
        else:
            self._listener.on_message(self.side, message)


def _is_hello(body: memoryview) -> bool:
    """Return True for a record that is a hello and nothing else: encrypted bytes are that by no chance."""
    return (
        len(body) > MESSAGE_HEADER
        and body[0] in (CLIENT_HELLO, SERVER_HELLO)
        and int.from_bytes(body[1:MESSAGE_HEADER]) == len(body) - MESSAGE_HEADER
    )
