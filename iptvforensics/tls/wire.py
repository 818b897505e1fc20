"""Bytes of a handshake message -> numbers and vectors (RFC 8446 section 3), every length checked."""

from __future__ import annotations


class MessageError(ValueError):
    """A message ends before its parts do, or its parts are no message."""


class Reader:
    """Reads one message from its beginning to its end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Return how many bytes have not been read."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        end = self._at + count
        if end > len(self._data):
            raise MessageError(f"{count} bytes expected, {self.left} left")
        part = self._data[self._at : end]
        self._at = end
        return part

    def number(self, size: int) -> int:
        """Return the next number of so many bytes."""
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> bytes:
        """Return the next vector, whose length is a number of so many bytes."""
        return self.take(self.number(size))

    def numbers(self, size: int) -> tuple[int, ...]:
        """Return the next vector of 16-bit numbers, whose length is a number of so many bytes."""
        return pairs(self.vector(size))


def pairs(data: bytes) -> tuple[int, ...]:
    """Return bytes as 16-bit numbers; a byte too many is left out.

    Example:
        >>> pairs(bytes.fromhex("13011302"))
        (4865, 4866)
    """
    return tuple(int.from_bytes(data[i : i + 2]) for i in range(0, len(data) - 1, 2))
