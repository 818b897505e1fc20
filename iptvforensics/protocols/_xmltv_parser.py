"""Bytes of a guide, in clear or as a gzip file -> rows."""

from __future__ import annotations

import zlib
from xml.parsers import expat

from ..listings.asked import asked_of
from ..listings.documents import let_go
from ..listings.sheet import Sheet
from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES
from ..protocol import Anomaly, Event, Mark, Opening, Rows
from ._xmltv_document import MAX_PROGRAMMES, Document, RefusedError

MAX_DECODED_BYTES = 512 << 20
MAX_RATIO = 100
FREE_BYTES = 1 << 20
PIECE_BYTES = 1 << 20


class XmltvParser:
    """Reads one guide while it comes."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        asked = asked_of(opening.info)
        shared = {"family": "xmltv", "url": asked.url, "host": asked.host}
        account = {"username": asked.get("username"), "password": asked.get("password")}
        self._sheets = (
            Sheet(ACCOUNT_REPLIES, **shared, **account, role=asked.role, action="xmltv"),
            Sheet(CATALOGUE_ENTRIES, **shared, username=asked.get("username")),
            Sheet(PROGRAMMES, **shared),
        )
        self._document = Document(self._sheets)
        head = opening.orig or opening.resp
        self._unpack = zlib.decompressobj(31) if head[:2] == b"\x1f\x8b" else None
        self._packed = self._decoded = 0
        self._offset = 0
        self._failure: tuple[str, int, str] | None = None
        if opening.midstream:
            self._failure = ("beginning_not_seen", 0, "the body begins in the middle")
        self._is_over = False

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of the elements that are complete now."""
        events: list[Event] = []
        if self._unpack is not None and not self._offset and data:
            events.append(Mark(from_orig, 0))
        self._offset += len(data)
        if self._failure is None and not self._is_over:
            if self._unpack is None:
                self._read(bytes(data))
            else:
                self._unpacked(bytes(data))
        return events + self._rows(from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: expat cannot read on."""
        if self._failure is None and not self._is_over:
            self._failure = ("gap", self._offset, "bytes are missing, the rest of the guide is not read")
        self._offset += max(length, 0)
        return self._rows(from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return what was wrong."""
        if self._failure is None and not self._is_over and self._offset:
            self._read(b"", final=True)
        let_go(self._document.parser)
        events = self._rows(from_orig)
        self._is_over = True
        if self._failure is not None:
            name, offset, detail = self._failure
            events.append(Anomaly(f"XMLTV_{name}", from_orig, 0 if self._unpack else min(offset, self._offset), detail))
            self._failure = None
        over = self._document.take_excess()
        if over:
            events.append(Anomaly("XMLTV_over_limit", from_orig, 0, f"{over} elements, {MAX_PROGRAMMES} were read"))
        return events

    def _unpacked(self, data: bytes) -> None:
        """Unpack what has come, in pieces, within limits."""
        unpack = self._unpack
        self._packed += len(data)
        while data and unpack is not None and self._failure is None:
            try:
                piece = unpack.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                self._failure = ("gzip_damaged", self._offset, str(error))
                return
            self._decoded += len(piece)
            if self._decoded > max(FREE_BYTES, min(MAX_DECODED_BYTES, self._packed * MAX_RATIO)):
                self._failure = ("gzip_over_limit", self._offset, f"{self._packed} bytes grew to {self._decoded}")
                return
            self._read(piece)
            data = unpack.unconsumed_tail

    def _read(self, data: bytes, *, final: bool = False) -> None:
        try:
            self._document.feed(data, final=final)
        except RefusedError as error:
            self._failure = ("refused", self._document.position, str(error))
        except (expat.ExpatError, ValueError, LookupError) as error:
            name = "cut" if final else "malformed"
            self._failure = (name, self._document.position, str(error))

    def _rows(self, from_orig: bool) -> list[Event]:
        events: list[Event] = []
        self._document.hand_on()
        for sheet in self._sheets:
            for event in sheet.take(from_orig):
                if isinstance(event, Rows) and self._unpack is not None:
                    # Bytes of a gzip file have no place of their own: rows point at its beginning.
                    events.append(event._replace(offsets=[0] * len(event.offsets)))
                else:
                    events.append(event)
        return events
