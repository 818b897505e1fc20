"""HTTP/2: both directions of a connection turned into the exchanges and bodies that HTTP/1 gives, too.

Specification: RFC 9113 (HTTP/2), RFC 7541 (HPACK, by the library `hpack`, extra `http2`). A connection is known by the
client's preface: inside of TLS, or in clear with prior knowledge.

**Known limitations**: where bytes outside of a body are missing, the compressed headers behind them cannot be read, and
the direction is given up. Pushed responses, trailers and extended CONNECT (WebSocket) are not read.
"""

from __future__ import annotations

import importlib
import weakref
from typing import Any

from ..protocol import Event, Opening
from ._http_exchanges import Exchanges, Fields, field_text
from ._http_h2_frames import FrameReader
from ._http_head import PREFACE

HOLD_LIMIT = 1 << 19
"""Bytes of the server that wait for the requests of the client."""
MAX_TABLE_BYTES = 1 << 17
_NO_HPACK = 'the headers of HTTP/2 need hpack: pip install "iptvforensics[http2]"'


class Side:
    """One direction: its frames, and the state of its compressed headers."""

    def __init__(self, parser: Http2Parser, from_orig: bool, decoder: Any) -> None:
        self.from_orig = from_orig
        self.is_client = from_orig == parser.client_is_orig
        self.reader = FrameReader(weakref.proxy(self))
        self.held = bytearray()
        self.is_ended = False
        self._preface = len(PREFACE) if self.is_client else 0
        self._decoder = decoder
        self._parser = parser

    def feed(self, view: memoryview) -> None:
        """Read on, as far as the other direction allows."""
        if self._preface:
            step = min(self._preface, len(view))
            self._preface -= step
            self.reader.offset += step
            view = view[step:]
        if self.held:
            self.held += view
            self.resume()
        else:
            self.held += view[self.reader.feed(view) :]
        if len(self.held) > HOLD_LIMIT:
            self.resume(waits=False)

    def resume(self, *, waits: bool = True) -> None:
        """Read what was held back."""
        while self.held:
            data = bytes(self.held)
            self._parser.answers_wait = waits
            used = self.reader.feed(memoryview(data))
            self._parser.answers_wait = True
            self.held = bytearray(data[used:])
            if not used or waits:
                return

    # --- frames ---------------------------------------------------------------------------------------------

    def may_read(self, stream: int) -> bool:
        """Return False for the answer to a request that has not come yet."""
        return self.is_client or self._parser.may_answer(stream)

    def on_headers(self, stream: int, block: bytes | None, offset: int, *, ends: bool, promised: bool) -> None:
        """Read a block of headers."""
        fields = None if block is None else self._decoded(block, offset)
        if promised:
            self._parser.exchanges.note("h2_push_not_read", self.from_orig, offset, "a response that nobody asked for")
        elif fields is not None:
            self._parser.on_fields(self, stream, fields, offset)
        if ends:
            self.on_end(stream, is_reset=False)

    def on_data(self, stream: int, data: memoryview, offset: int) -> None:
        """Hand on a part of a body."""
        body = self._parser.exchanges.body_of(stream, of_client=self.is_client)
        if body is not None:
            body.feed(data, offset)

    def on_missing(self, stream: int, length: int, offset: int) -> None:
        """Take note of bytes of a body that were not captured."""
        body = self._parser.exchanges.body_of(stream, of_client=self.is_client)
        if body is not None and length:
            body.gap(length, offset)

    def on_end(self, stream: int, *, is_reset: bool) -> None:
        """Close what this direction says on a stream; a reset closes both."""
        if is_reset:
            self._parser.exchanges.reset(stream)
        else:
            self._parser.exchanges.end(stream, of_client=self.is_client)

    def _decoded(self, block: bytes, offset: int) -> Fields | None:
        if self._decoder is None:
            return None
        try:
            fields = self._decoder.decode(block, raw=True)
        except Exception as error:  # hpack raises errors of its own, and others on broken input
            self._decoder = None
            self._parser.exchanges.note(
                "h2_headers_not_read", self.from_orig, offset, f"{type(error).__name__}: {error}"[:200]
            )
            return None
        return [(field_text(name), field_text(value)) for name, value in fields]


class Http2Parser:
    """The state of one connection."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = not opening.resp.startswith(PREFACE[: max(len(opening.resp), 1)])
        self.answers_wait = True
        scheme = "https" if opening.is_opened else "http"
        is_half = opening.is_half_opened
        self.exchanges = Exchanges("2", client_is_orig=self.client_is_orig, scheme=scheme, is_half=is_half)
        self._is_lost: set[bool] = set()
        decoders = _decoders()
        if decoders is None:
            self.exchanges.note("h2_needs_hpack", self.client_is_orig, 0, _NO_HPACK)
        client, server = decoders or (None, None)
        parser = weakref.proxy(self)  # no cycle: what is kept is freed with the parser
        self._client = Side(parser, self.client_is_orig, client)
        self._server = Side(parser, not self.client_is_orig, server)

    # --- what the engine calls ------------------------------------------------------------------------------

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what the next bytes of one direction say."""
        self._side(from_orig).feed(data)
        return self._collect()

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what follows from bytes that were not captured."""
        side = self._side(from_orig)
        side.resume(waits=False)
        offset = side.reader.offset
        side.reader.gap(length)
        if side.reader.is_lost and from_orig not in self._is_lost:
            self._is_lost.add(from_orig)
            why = "bytes between bodies are missing: the direction ends here"
            self.exchanges.note("h2_frames_lost", from_orig, offset, why)
            self.exchanges.end_all("gap", of_client=side.is_client)
        return self._collect()

    def end(self, from_orig: bool) -> list[Event]:
        """Return what is pending: this direction ends here."""
        side = self._side(from_orig)
        if side.is_ended:
            return []
        side.is_ended = True
        if side.is_client:
            self._server.resume(waits=False)
        if self._client.is_ended and self._server.is_ended:
            self._server.resume(waits=False)
            for each in (self._client, self._server):
                self.exchanges.end_all("ended early", of_client=each.is_client)
        return self._collect()

    def _side(self, from_orig: bool) -> Side:
        return self._client if from_orig == self.client_is_orig else self._server

    def _collect(self) -> list[Event]:
        self._server.resume()
        events = self.exchanges.events[:]
        self.exchanges.events.clear()  # bodies write to this list
        return events

    def may_answer(self, stream: int) -> bool:
        """Return False if the request on a stream may still come."""
        known = stream in self.exchanges or stream <= self.exchanges.newest or not stream & 1
        return known or self._client.is_ended or self._client.reader.is_lost or not self.answers_wait

    def on_fields(self, side: Side, stream: int, fields: Fields, offset: int) -> None:
        """Begin a request or a response, or leave trailers out."""
        if stream not in self.exchanges and stream <= self.exchanges.newest:
            return  # it has ended
        if side.is_client:
            self.exchanges.request(stream, fields, offset)
        else:
            self.exchanges.response(stream, fields, offset)


def _decoders() -> tuple[Any, Any] | None:
    """Return decoders for the headers of client and server, None without the library."""
    try:
        hpack: Any = importlib.import_module("hpack")
    except ImportError:
        return None
    made = hpack.Decoder(), hpack.Decoder()
    for decoder in made:
        decoder.max_allowed_table_size = MAX_TABLE_BYTES
    return made
