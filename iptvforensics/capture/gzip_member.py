"""Bytes of one gzip member -> its content; a wrong check sum is told, not raised.

Format: RFC 1952, section 2.3. The common decompressors of gzip give up on a member whose check sum or length is
wrong, and drop bytes that they had unpacked. Here only the inner part (RFC 1951) is theirs.

**Known limitations**: the check sum of the header, which hardly any file has, is not compared.
"""

from __future__ import annotations

import struct
from typing import Any

HEADER_LIMIT = 1 << 20
"""Longest header that is read: name and comment have no limit of their own."""
_HEADER_CHECK, _EXTRA, _NAME, _COMMENT, _RESERVED = 2, 4, 8, 16, 0xE0
_FIXED_BYTES, _TRAILER_BYTES = 10, 8


class GzipError(Exception):
    """The header of a gzip member is none."""


class GzipMember:
    """One member, unpacked with the manners of Python's other decompressors.

    `zlib` is the module that unpacks: zlib itself, or one that does the same.
    """

    def __init__(self, zlib: Any) -> None:
        self._zlib = zlib
        self._inner: Any = zlib.decompressobj(-15)
        self._head = b""
        self._is_in_body = False
        self._trailer = b""
        self._check = self._length = 0
        self.unused_data = b""
        """What follows the member."""
        self.eof = False
        """True behind the member's last byte."""
        self.needs_input = True
        """False if more comes without further input."""
        self.wrong = ""
        """A sentence on check sum and length, if they do not fit what was unpacked."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes of the content.

        Raises:
            GzipError: the header is none (the module that unpacks has its own error).
        """
        if not self._is_in_body:
            self._head += data
            length = _header_bytes(self._head)
            if length is None:
                return b""
            data, self._head, self._is_in_body = self._head[length:], b"", True
        if self._inner.eof:
            self._end(data)
            return b""
        piece = bytes(self._inner.decompress(self._inner.unconsumed_tail + data, max_length))
        self._check = self._zlib.crc32(piece, self._check)
        self._length += len(piece)
        # A piece as long as was asked for: there may be more that waits inside.
        self.needs_input = self._inner.eof or (len(piece) < max_length and not self._inner.unconsumed_tail)
        if self._inner.eof:
            self._end(bytes(self._inner.unused_data))
        return piece

    def _end(self, data: bytes) -> None:
        """Read the trailer, as far as it is there."""
        self._trailer += data
        if len(self._trailer) < _TRAILER_BYTES:
            return
        self.eof = True
        self.unused_data = self._trailer[_TRAILER_BYTES:]
        check, length = struct.unpack_from("<II", self._trailer)
        found = []
        if check != self._check:
            found.append(f"its check sum is {self._check:08x}, {check:08x} is stated")
        if length != self._length & 0xFFFFFFFF:
            found.append(f"it unpacks to {self._length} bytes, {length} are stated")
        if found:
            self.wrong = f"a gzip member is not what was packed: {'; '.join(found)}; all of it is read"


def _header_bytes(head: bytes) -> int | None:
    """Return how many bytes the header takes; None: it is not all here.

    Raises:
        GzipError: it is no header.
    """
    if len(head) > HEADER_LIMIT:
        raise GzipError(f"a gzip header of more than {HEADER_LIMIT} bytes")
    if len(head) < _FIXED_BYTES:
        return None
    if head[:3] != b"\x1f\x8b\x08" or head[3] & _RESERVED:
        raise GzipError("a gzip header with unknown method or flags")
    flags = head[3]
    at = _FIXED_BYTES
    if flags & _EXTRA:
        if len(head) < at + 2:
            return None
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            at = head.find(b"\0", at) + 1
            if not at:
                return None
    at += 2 if flags & _HEADER_CHECK else 0
    return at if at <= len(head) else None
