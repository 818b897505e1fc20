"""The position in an AMF message, the values that can be referred to, and the limits of both."""

from __future__ import annotations

import struct
from typing import Any

DEPTH_LIMIT = 32
VALUES_LIMIT = 20_000
"""Values per message; repeated objects count as often as they are referred to, long text counts more."""
TEXT_PER_VALUE = 64
_DOUBLE = struct.Struct(">d")


class AmfError(ValueError):
    """The bytes are not AMF, or exceed a limit."""


class Cursor:
    """Bytes, the position in them, and how many values may still be made of them."""

    __slots__ = ("_end", "data", "position", "values_left")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position
        self.values_left = VALUES_LIMIT
        self._end = len(data)

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        begin = self.position
        end = begin + count
        if end > self._end:
            raise AmfError(f"expected {count} bytes at {begin}, found {self._end - begin}")
        self.position = end
        return self.data[begin:end]

    def byte(self) -> int:
        """Return the next byte."""
        return self.take(1)[0]

    def number(self) -> float:
        """Return the next eight bytes as a number."""
        (number,) = _DOUBLE.unpack(self.take(8))
        return float(number)

    def integer(self, size: int) -> int:
        """Return the next bytes as an unsigned integer."""
        return int.from_bytes(self.take(size), "big")

    def text(self, size: int) -> str:
        """Return the next bytes as text."""
        if size >= TEXT_PER_VALUE:
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
