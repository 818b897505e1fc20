"""Bodies that are a gzip file, or text in UTF-16, to the bytes in UTF-8 that parsers of lists read.

What a parser of a list is given must begin as the list does. A body that is itself a gzip file (`list.m3u.gz`) or
begins with the mark of UTF-16 is undone first, with limits, and handed on. The bytes that come out have no place of
their own in the body: rows point at its beginning.

**Known limitations**: behind a gap nothing is read. UTF-16 without its mark is not known.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable, Iterator

from ..protocol import OPENING_BYTES, Anomaly, Event, Mark, Opening, Parser, Row, Rows

GZIP = b"\x1f\x8b"
MAX_DECODED_BYTES = 256 << 20
MAX_RATIO = 100
FREE_BYTES = 1 << 20
_PIECE_BYTES = 1 << 18
_STEP_BYTES = 512
"""Unpacked at once: what comes out together with an error is lost."""
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_recoded(opening: Opening) -> bool:
    """Return True if a body begins as a gzip file or as text in UTF-16."""
    return not opening.midstream and (opening.orig or opening.resp)[:2] in (GZIP, *_WIDE)


def may_be_recoded(head: bytes) -> bool:
    """Return True if one more byte can make the beginning of a body that of a gzip file or of UTF-16."""
    return head in (GZIP[:1], *(mark[:1] for mark in _WIDE))


def undone(opening: Opening) -> Opening | None:
    """Return the opening as a parser of lists must see it; None if it is damaged, or once more a file in a file."""
    head = opening.orig or opening.resp
    try:
        if head[:2] == GZIP:
            plain = zlib.decompressobj(31).decompress(head, OPENING_BYTES)
        else:
            plain = codecs.getincrementaldecoder("utf-16")().decode(head).encode()
    except (zlib.error, UnicodeError):
        return None
    return None if plain[:2] in (GZIP, *_WIDE) else opening._replace(orig=plain[:OPENING_BYTES], resp=b"")


class Recoded:
    """Undoes what a body is wrapped in, and has another parser read it."""

    def __init__(self, opening: Opening, prefix: str, make: Callable[[Opening], Parser]) -> None:
        self.client_is_orig = True
        self._prefix = prefix
        self._is_gzip = (opening.orig or opening.resp)[:2] == GZIP
        self._unpack = zlib.decompressobj(31)
        self._decoder = codecs.getincrementaldecoder("utf-16")()
        self._parser = make(undone(opening) or opening)
        self._taken = self._given = 0
        self._failure: tuple[str, str] | None = None

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of what is complete now."""
        events: list[Event] = [] if self._taken or not data else [Mark(from_orig, 0)]
        self._taken += len(data)
        if self._failure is None:
            for piece in self._pieces(bytes(data)):
                events += self._moved(self._parser.feed(memoryview(piece), from_orig))
        return events

    def gap(self, length: int, _from_orig: bool) -> list[Event]:
        """Return nothing: what lies behind a gap cannot be read."""
        self._taken += max(length, 0)
        self._failure = self._failure or ("gap", "bytes are missing, the rest is not read")
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return the last rows, and what was wrong."""
        events = self._moved(self._parser.end(from_orig))
        if self._failure is None and self._taken and not (self._unpack.eof if self._is_gzip else self._is_whole()):
            self._failure = ("cut", "the body ends in the middle")
        if self._failure is not None and self._failure[1]:
            events.append(Anomaly(f"{self._prefix}_{self._failure[0]}", from_orig, 0, self._failure[1]))
            self._failure = (self._failure[0], "")
        self._taken = 0
        return events

    def _is_whole(self) -> bool:
        return not self._decoder.getstate()[0]

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what comes out, in pieces, within limits."""
        if not self._is_gzip:
            try:
                yield self._decoder.decode(data).encode()
            except UnicodeError as error:
                self._failure = ("utf16_damaged", str(error)[:200])
            return
        waiting = bytearray()
        for at in range(0, len(data), _STEP_BYTES):
            if self._failure is None and not self._unpack.eof:
                waiting += self._unpacked(data[at : at + _STEP_BYTES])
            if len(waiting) >= _PIECE_BYTES:
                yield bytes(waiting)
                waiting.clear()
        yield bytes(waiting)

    def _unpacked(self, step: bytes) -> bytes:
        """Return what a few bytes of a gzip file hold; none beyond the limits."""
        try:
            piece = self._unpack.decompress(step)
        except zlib.error as error:
            self._failure = ("gzip_damaged", str(error))
            return b""
        self._given += len(piece)
        if self._given > max(FREE_BYTES, min(MAX_DECODED_BYTES, self._taken * MAX_RATIO)):
            self._failure = ("gzip_over_limit", f"{self._taken} bytes grew to {self._given}")
            return b""
        return piece

    @staticmethod
    def _moved(events: list[Event]) -> list[Event]:
        """Return rows and anomalies as of the beginning of the body."""
        moved: list[Event] = []
        for event in events:
            if isinstance(event, Rows):
                moved.append(event._replace(offsets=[0] * len(event.offsets)))
            elif isinstance(event, Row):
                moved.append(event._replace(offset=0))
            elif isinstance(event, Anomaly):
                moved.append(Anomaly(event.name, event.from_orig, 0, event.detail, event.count))
        return moved
