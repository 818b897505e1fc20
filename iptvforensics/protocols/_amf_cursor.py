"""The position in an AMF message, the values that can be referred to, and the limits of both."""

from __future__ import annotations

import struct
from typing import Any

DEPTH_LIMIT = 32
VALUES_LIMIT = 20_000
"""Values per message; repeated objects count as often as they are referred to, long text counts more."""
TEXT_PER_VALUE = 64


class AmfError(ValueError):
    """The bytes are not AMF, or exceed a limit."""


class Cursor:
    """Bytes, the position in them, and how many values may still be made of them."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position
        self.values_left = VALUES_LIMIT

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        begin = self.position
        if count > len(self.data) - begin:
            raise AmfError(f"expected {count} bytes at {begin}, found {len(self.data) - begin}")
        self.position = begin + count
        return self.data[begin : begin + count]

    def byte(self) -> int:
        """Return the next byte."""
        return self.take(1)[0]

    def number(self) -> float:
        """Return the next eight bytes as a number."""
        return float(struct.unpack(">d", self.take(8))[0])

    def integer(self, size: int) -> int:
        """Return the next bytes as an unsigned integer."""
        return int.from_bytes(self.take(size), "big")

    def text(self, size: int) -> str:
        """Return the next bytes as text."""
        self.charge(size // TEXT_PER_VALUE)
        return self.take(size).decode("utf-8", "backslashreplace")

    def charge(self, count: int) -> None:
        """Count values against the limit."""
        self.values_left -= count
        if self.values_left < 0:
            raise AmfError(f"more than {VALUES_LIMIT} values in one message")


class Memory:
    """What can be referred to later, with the number of values that it stands for."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, int]] = []

    def reserve(self) -> int:
        """Return the number of a value that begins here."""
        self._kept.append((None, 1))
        return len(self._kept) - 1

    def keep(self, number: int, value: Any, cost: int) -> None:
        """Remember a finished value."""
        self._kept[number] = (value, cost)

    def recall(self, number: int, cursor: Cursor) -> Any:
        """Return a value referred to by number, counted as if it had been sent again."""
        if number >= len(self._kept):
            raise AmfError(f"reference {number} to one of {len(self._kept)} values at {cursor.position}")
        value, cost = self._kept[number]
        cursor.charge(cost)
        return value
