"""Compressed headers of one side of HTTP/3 -> fields (RFC 9204, QPACK, by the library `pylsqpack`).

Headers that refer to the dynamic table can be read once the other side has said how large the table is, and the
entries have come. The others refer to the static table alone and are read at once.
"""

from __future__ import annotations

import importlib
from typing import Any

from ._http_exchanges import Fields, field_text

MAX_TABLE_BYTES = 1 << 20
MAX_EARLY_BYTES = 1 << 16
"""Bytes of entries that wait for the size of the table."""
_STATIC = b"\0"
"""Begin of headers that need no entry of the dynamic table."""


class FieldsError(Exception):
    """Headers cannot be read, now or later."""


class FieldDecoder:
    """Reads the headers of one side."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._static = library.Decoder(0, 0)
        self._decoder: Any = None
        self._early = bytearray()
        self.why_lost: str | None = None
        """Why the dynamic table is not known any more."""

    def settle(self, table_bytes: int) -> None:
        """Take the size of the table, which the other side says."""
        if self._decoder is not None or self.why_lost is not None:
            return
        if table_bytes > MAX_TABLE_BYTES:
            self.why_lost = f"a table of {table_bytes} bytes is too large"
            return
        self._decoder = self._library.Decoder(table_bytes, MAX_EARLY_BYTES)
        self.feed_table(bytes(self._early))
        self._early.clear()

    def feed_table(self, data: bytes) -> None:
        """Take entries of the table."""
        if self.why_lost is not None or not data:
            return
        if self._decoder is None:
            self._early += data
            if len(self._early) > MAX_EARLY_BYTES:
                self.lose("the size of their table was not captured")
            return
        try:
            self._decoder.feed_encoder(data)
        except Exception as error:  # the library has errors of its own, and others on broken input
            self.lose(f"{type(error).__name__}: {error}"[:200])

    def lose(self, why: str) -> None:
        """Give up the dynamic table."""
        self.why_lost = why
        self._decoder = None
        self._early.clear()

    def read(self, stream: int, block: bytes) -> Fields | None:
        """Return header fields, None if entries that they need have not come.

        Raises:
            FieldsError: they cannot be read.
        """
        decoder = self._decoder
        if decoder is None:
            if not block.startswith(_STATIC):
                if self.why_lost is not None:
                    raise FieldsError(self.why_lost)
                return None
            decoder = self._static
        try:
            _, fields = decoder.feed_header(stream, block)
        except self._library.StreamBlocked:
            decoder.cancel_stream(stream)
            return None
        except Exception as error:  # the library has errors of its own, and others on broken input
            raise FieldsError(f"{type(error).__name__}: {error}"[:200]) from error
        return [(field_text(name), field_text(value)) for name, value in fields]


def qpack() -> Any:
    """Return the library, None if it is not installed."""
    try:
        return importlib.import_module("pylsqpack")
    except ImportError:
        return None
