"""Bytes of a handshake message -> numbers and vectors (RFC 8446 section 3), every length checked.

Also the numbers of variable length of QUIC and HTTP/3 (RFC 9000 section 16).
"""

from __future__ import annotations

_LIMITS = [1 << (8 << size) - 2 for size in range(4)]
"""Numbers of one, two, four and eight bytes are below these."""
_MARKS = [size << (8 << size) - 2 for size in range(4)]
"""Their lengths, as the two highest bits of the first byte say."""


class MessageError(ValueError):
    """A message ends before its parts do, or its parts are no message."""


class Reader:
    """Reads one message from its beginning to its end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def length(self) -> int:
        """Return how many bytes there are in all."""
        return len(self._data)

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


def read_number(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return a number of variable length and where it ends; -1 for the place if it does not fit.

    Example:
        >>> read_number(bytes.fromhex("7bbd"), 0)
        (15293, 2)
    """
    if not 0 <= at < len(data):
        return 0, -1
    first = data[at]
    if first < 0x40:
        return first, at + 1
    end = at + (1 << (first >> 6))
    if end > len(data):
        return 0, -1
    return int.from_bytes(data[at:end]) & (1 << 8 * (end - at) - 2) - 1, end


def number_bytes(value: int) -> bytes:
    """Return a number as QUIC writes it (RFC 9000 section 16).

    Example:
        >>> number_bytes(15293).hex()
        '7bbd'
    """
    size = 0
    while value >= _LIMITS[size]:
        size += 1
    return (value | _MARKS[size]).to_bytes(1 << size)
