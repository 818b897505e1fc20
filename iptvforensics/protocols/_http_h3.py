"""HTTP/3: the streams of a decrypted QUIC connection turned into the exchanges and bodies that HTTP/1 and 2 give, too.

Specification: RFC 9114 (HTTP/3), RFC 9204 (QPACK, by the library `pylsqpack`, extra `http3`).

**Known limitations**: where bytes of a stream outside of a body are missing, the rest of that stream cannot be read;
where those of the headers' table are, no headers that refer to it. Pushed responses, trailers, extended CONNECT
(WebSocket, WebTransport) and datagrams are not read.
"""

from __future__ import annotations

import weakref
from typing import Any

from ..protocol import Event, Opening
from ..tls.pieces import PieceReader
from ._http_exchanges import Exchanges, Fields
from ._http_h3_fields import FieldDecoder, FieldsError, qpack
from ._http_h3_frames import ENCODER, MAX_STREAMS, REQUEST, StreamReader

HOLD_LIMIT = 1 << 19
"""Bytes of a side behind headers that wait: for entries of their table, answers for their requests, too."""
_TABLE_BYTES = 0x01
"""Setting: how large a table of header fields the side keeps for the other one (RFC 9204 section 5)."""
_NO_QPACK = 'the headers of HTTP/3 need pylsqpack: pip install "iptvforensics[http3]"'
_LOST = "bytes of a stream between bodies are missing: its rest cannot be read"
_TABLE_LOST = "entries of their table are missing"
_NEVER_CAME = "entries of their table, or its size, never came"


class Side:
    """One direction: its streams, and the state of its compressed headers."""

    def __init__(self, parser: Http3Parser, from_orig: bool, library: Any) -> None:
        self.from_orig = from_orig
        self.is_client = from_orig == parser.client_is_orig
        self.reader = PieceReader(weakref.proxy(self))
        self.fields = None if library is None else FieldDecoder(library)
        self._streams: dict[int, StreamReader] = {}
        self._waiting: dict[int, tuple[bytes | Fields, int]] = {}
        """By stream, headers that wait for entries of their table, or read ones for their request; where they stand."""
        self._sink = weakref.proxy(self)
        self._parser = parser

    # --- pieces of streams ----------------------------------------------------------------------------------

    def on_piece(self, stream: int, position: int, data: memoryview, offset: int) -> None:
        """Take bytes of a stream."""
        reader = self._reader(stream)
        reader.piece(position, data, offset)
        if reader.waits and sum(each.held_bytes for each in self._streams.values()) > HOLD_LIMIT:
            self.give_up("too much came behind them")

    def on_last(self, stream: int, position: int, offset: int) -> None:
        """Take note of the end of a stream."""
        self._reader(stream).last(position, offset)
        self._forget(stream)

    def on_reset(self, stream: int) -> None:
        """Take note that a stream was given up."""
        self._streams.pop(stream, None)
        self._waiting.pop(stream, None)
        self._parser.exchanges.reset(stream)

    def on_disorder(self, offset: int) -> None:
        """Take note of bytes that are no frame."""
        self._note("h3_frames_lost", offset, "no STREAM frame begins where one should: the direction ends here")

    def _reader(self, stream: int) -> StreamReader:
        reader = self._streams.get(stream)
        if reader is None:
            if len(self._streams) >= MAX_STREAMS:
                oldest = next(iter(self._streams))
                self._streams.pop(oldest)
                self._waiting.pop(oldest, None)
            reader = self._streams[stream] = StreamReader(stream, self._sink)
        return reader

    def _forget(self, stream: int) -> None:
        reader = self._streams.get(stream)
        if reader is not None and not reader.waits:
            del self._streams[stream]

    # --- frames ---------------------------------------------------------------------------------------------

    def on_headers(self, stream: int, block: bytes | None, offset: int) -> bool:
        """Read a block of headers; return False if it has to wait."""
        if block is None:
            self._note("h3_headers_not_read", offset, "a block of headers is too long")
            return True
        return self._headers(stream, block, offset)

    def _headers(self, stream: int, block: bytes | Fields, offset: int) -> bool:
        """Begin a request or a response; return False if it has to wait."""
        if self.fields is None:
            return True
        try:
            found = self.fields.read(stream, block) if isinstance(block, bytes) else block
        except FieldsError as error:
            self._note("h3_headers_not_read", offset, str(error))
            return True
        if found is None or (not self.is_client and self._parser.awaits_request(stream)):
            self._waiting[stream] = found or block, offset
            return False
        if self.is_client:
            self._parser.on_request(stream, found, offset)
        else:
            self._parser.exchanges.response(stream, found, offset)
        return True

    def on_data(self, stream: int, data: memoryview | bytes, offset: int) -> None:
        """Hand on a part of a body."""
        body = self._parser.exchanges.body_of(stream, of_client=self.is_client)
        if body is not None:
            body.feed(memoryview(data), offset)

    def on_missing(self, stream: int, length: int, offset: int) -> None:
        """Take note of bytes of a body that were not captured."""
        body = self._parser.exchanges.body_of(stream, of_client=self.is_client)
        if body is not None and length:
            body.gap(length, offset)

    def on_end(self, stream: int, trouble: str | None) -> None:
        """Close what this direction says on a stream."""
        self._parser.exchanges.end(stream, trouble, of_client=self.is_client)

    def on_lost(self, stream: int, kind: int, offset: int) -> None:
        """Take note that a stream cannot be read on."""
        if kind == ENCODER and self.fields is not None:
            self.fields.lose(_TABLE_LOST)
            self.go_on()
        elif kind == REQUEST:
            self._parser.exchanges.end(stream, "gap", of_client=self.is_client)
        self._note("h3_frames_lost", offset, _LOST)

    def on_promise(self, offset: int) -> None:
        """Take note of a response that nobody asked for."""
        self._note("h3_push_not_read", offset, "a response that nobody asked for")

    # --- the table of the headers ---------------------------------------------------------------------------

    def on_encoder(self, data: bytes) -> None:
        """Take entries of the table for the headers of this side."""
        if self.fields is not None:
            self.fields.feed_table(data)
            self.go_on()

    def on_settings(self, settings: dict[int, int]) -> None:
        """Take what this side says of the table for the headers of the other one."""
        self._parser.on_settings(self, settings.get(_TABLE_BYTES, 0))

    def go_on(self, only: int | None = None) -> None:
        """Try again to read the headers that wait, or those of one stream."""
        for stream in list(self._waiting) if only is None else [only]:
            block, offset = self._waiting.pop(stream, (b"", 0))
            if block and self._headers(stream, block, offset):
                self._resume(stream)

    def give_up(self, why: str = _NEVER_CAME) -> None:
        """Do without the requests and the entries for which headers wait."""
        self._parser.requests_may_come = False
        self.go_on()
        waiting, self._waiting = self._waiting, {}
        for stream, (_, offset) in waiting.items():
            self._note("h3_headers_not_read", offset, why)
            self._resume(stream)

    def _resume(self, stream: int) -> None:
        reader = self._streams.get(stream)
        if reader is not None:
            reader.resume()
            if reader.has_ended:
                self._forget(stream)

    def _note(self, name: str, offset: int, detail: str) -> None:
        self._parser.exchanges.note(name, self.from_orig, offset, detail)


class Http3Parser:
    """The state of one connection."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = opening.client_is_orig
        is_half = opening.is_half_opened
        self.exchanges = Exchanges("3", client_is_orig=self.client_is_orig, scheme="https", is_half=is_half)
        self.requests_may_come = True
        """False once answers do not wait for their requests any more."""
        self._ended: set[bool] = set()
        library = qpack()
        if library is None:
            self.exchanges.note("h3_needs_qpack", self.client_is_orig, 0, _NO_QPACK)
        parser = weakref.proxy(self)  # no cycle: what is kept is freed with the parser
        self._sides = {side: Side(parser, side, library) for side in (True, False)}

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what the next bytes of one direction say."""
        self._sides[from_orig].reader.feed(data)
        return self._collect()

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: bytes of streams that are missing show in the offsets of the frames."""
        side = self._sides[from_orig]
        if not side.reader.is_lost and length:
            side.reader.is_lost = True
            side.on_disorder(side.reader.offset)
        return self._collect()

    def end(self, from_orig: bool) -> list[Event]:
        """Return what is pending, once both directions have ended."""
        if from_orig in self._ended:
            return []
        self._ended.add(from_orig)
        if len(self._ended) == len(self._sides):
            client = self.client_is_orig
            for side in (self._sides[client], self._sides[not client]):
                side.give_up()
            for of_client in (True, False):
                self.exchanges.end_all("ended early", of_client=of_client)
        return self._collect()

    def awaits_request(self, stream: int) -> bool:
        """Return True if the request on a stream may still come: directions are fed one after the other."""
        return self.requests_may_come and stream not in self.exchanges

    def on_request(self, stream: int, fields: Fields, offset: int) -> None:
        """Begin an exchange, and let the answer go on that has waited for it."""
        self.exchanges.request(stream, fields, offset)
        self._sides[not self.client_is_orig].go_on(stream)

    def on_settings(self, side: Side, table_bytes: int) -> None:
        """Take the size of the table that a side keeps for the headers of the other one."""
        other = self._sides[not side.from_orig]
        if other.fields is not None:
            other.fields.settle(table_bytes)
            other.go_on()

    def _collect(self) -> list[Event]:
        events = self.exchanges.events[:]
        self.exchanges.events.clear()  # bodies write to this list
        return events
