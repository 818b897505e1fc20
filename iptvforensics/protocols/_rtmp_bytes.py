"""Numbers out of byte arrays, for kernels: always signed 64-bit (a shifted uint8 would become unsigned)."""

from __future__ import annotations

from typing import Any

from ..kernel import inline


@inline
def be24(data: Any, at: int) -> int:
    """Return three bytes as a big-endian number."""
    number: int = data[at] * 65536 + data[at + 1] * 256 + data[at + 2]
    return number


@inline
def be32(data: Any, at: int) -> int:
    """Return four bytes as a big-endian number."""
    number: int = data[at] * 16777216 + data[at + 1] * 65536 + data[at + 2] * 256 + data[at + 3]
    return number


@inline
def le32(data: Any, at: int) -> int:
    """Return four bytes as a little-endian number."""
    number: int = data[at + 3] * 16777216 + data[at + 2] * 65536 + data[at + 1] * 256 + data[at]
    return number
