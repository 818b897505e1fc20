"""Bodies of handshake records -> handshake messages (RFC 8446 section 4), across records or several in one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

CLIENT_HELLO, SERVER_HELLO = 1, 2
"""Kinds of messages."""
HEADER_BYTES = 4
MAX_MESSAGE = 1 << 18
"""A longer message is none; chains of certificates have up to some ten kilobytes."""


class Message(NamedTuple):
    """One handshake message."""

    kind: int
    offset: int
    """Stream offset of its first byte."""
    body: bytes


class MessageReader:
    """Puts the messages of one direction together."""

    __slots__ = ("_offset", "_pending", "is_broken", "is_too_long")

    def __init__(self) -> None:
        self._pending = bytearray()
        self._offset = 0
        self.is_broken = False
        """True where a message is too long or a part of one is missing: what follows is not read."""
        self.is_too_long = False

    def feed(self, offset: int, body: bytes | memoryview) -> Iterator[Message]:
        """Yield the messages that end in a record; `offset` is that of the body's first byte."""
        if self.is_broken:
            return
        pending = self._pending
        before = len(pending)
        if not before:
            self._offset = offset
        pending += body
        at = 0
        while len(pending) - at >= HEADER_BYTES:
            size = int.from_bytes(pending[at + 1 : at + HEADER_BYTES])
            if size > MAX_MESSAGE:
                self.is_too_long = True
                self.lose()
                return
            following = at + HEADER_BYTES + size
            if following > len(pending):
                break
            yield Message(pending[at], self._offset, bytes(pending[at + HEADER_BYTES : following]))
            at = following
            if at >= before:
                self._offset = offset + at - before
        del pending[:at]

    def cut(self) -> Message | None:
        """Give up: a part of a message is missing; return what there is of it."""
        pending = bytes(self._pending)
        self.lose()
        return Message(pending[0], self._offset, pending[HEADER_BYTES:]) if len(pending) > HEADER_BYTES else None

    def lose(self) -> None:
        """Give up: a part of a message is missing."""
        self._pending.clear()
        self.is_broken = True
