"""Records of one direction -> handshake messages, alerts, and the point from which all is encrypted."""

from __future__ import annotations

from typing import Protocol as Interface

from ..tls.hello import CLIENT_HELLO, SERVER_HELLO
from ..tls.messages import HEADER_BYTES as MESSAGE_HEADER
from ..tls.messages import Message, MessageReader
from ._tls_records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER_BYTES, RecordReader


class Listener(Interface):
    """Who is told what a direction says."""

    def on_message(self, side: bool, message: Message) -> None:
        """Take a handshake message in clear."""

    def on_alert(self, side: bool, level: int, description: int) -> None:
        """Take an alert in clear."""

    def on_encrypted(self, side: bool, offset: int) -> None:
        """Take note of the first encrypted record."""

    def on_trouble(self, side: bool, offset: int, name: str, detail: str) -> None:
        """Take note of what broke a rule or could not be seen."""


class Direction:
    """The state of one direction of a TLS connection."""

    def __init__(self, side: bool, listener: Listener, *, midstream: bool) -> None:
        self.side = side
        self.reader = RecordReader(self, is_synced=not midstream)
        self.is_encrypted = False
        """True once an encrypted record was seen."""
        self._messages = MessageReader()
        self._listener = listener
        self._keys_changed = midstream
        """True once what follows is encrypted, unless it is a hello (TLS 1.3 after a retry)."""

    def wants(self, kind: int) -> bool:
        """Return True for records that say something without a key."""
        return kind != APPLICATION_DATA

    def on_unread(self, kind: int, offset: int) -> None:
        """Take note of a record whose body was not wanted."""
        self._encrypted(offset)

    def on_record(self, kind: int, offset: int, body: memoryview) -> None:
        """Read a whole record."""
        if kind == HANDSHAKE:
            if not self._keys_changed or _is_hello(body):
                for message in self._messages.feed(offset + HEADER_BYTES, body):
                    self._listener.on_message(self.side, message)
                if self._messages.is_broken and not self.is_encrypted:
                    self._encrypted(offset)
                    self._listener.on_trouble(self.side, offset, "TLS_bad_message", "a handshake message is too long")
            else:
                self._encrypted(offset)
        elif kind == CHANGE_CIPHER_SPEC:
            self._keys_changed = True
        elif kind == ALERT and not self._keys_changed and len(body) == 2:
            self._listener.on_alert(self.side, body[0], body[1])
        else:
            self._encrypted(offset)

    def on_lost(self, count: int | None) -> None:
        """Take note of records that are missing: a message among them is lost."""
        if not self._keys_changed:
            self._messages.lose()

    def on_disorder(self, offset: int) -> None:
        """Take note of a place where a record should begin and none does."""
        self._messages.lose()
        self._listener.on_trouble(self.side, offset, "TLS_bad_record", "no TLS record begins where one should")

    def _encrypted(self, offset: int) -> None:
        self._keys_changed = True
        if not self.is_encrypted:
            self.is_encrypted = True
            self._listener.on_encrypted(self.side, offset)


def _is_hello(body: memoryview) -> bool:
    """Return True for a record that is a hello and nothing else: encrypted bytes are that by no chance."""
    return (
        len(body) > MESSAGE_HEADER
        and body[0] in (CLIENT_HELLO, SERVER_HELLO)
        and int.from_bytes(body[1:MESSAGE_HEADER]) == len(body) - MESSAGE_HEADER
    )
