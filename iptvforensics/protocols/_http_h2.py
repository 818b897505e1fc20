"""HTTP/2: both directions of a connection turned into the exchanges and bodies that HTTP/1 gives, too.

Specification: RFC 9113 (HTTP/2), RFC 7541 (HPACK, by the library `hpack`, extra `http2`). A connection is known by the
client's preface: inside of TLS, or in clear with prior knowledge.

**Known limitations**: where bytes outside of a body are missing, the compressed headers behind them cannot be read, and
the direction is given up. Pushed responses, trailers and extended CONNECT (WebSocket) are not read.
"""

from __future__ import annotations

import importlib
import weakref
from collections.abc import Callable
from typing import Any

from ..protocol import Anomaly, ContentInfo, Event, Mark, Opening
from ._http_body import Body, codings_of, content_range, declared_length
from ._http_exchange import Exchange
from ._http_h2_frames import PREFACE, FrameReader
from ._http_head import Head, RequestLine, StatusLine

MAX_STREAMS = 256
"""Exchanges of a connection that are open at the same time; the oldest is closed for a further one."""
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
            self._parser.note("h2_push_not_read", self.from_orig, offset, "a response that nobody asked for")
        elif fields is not None:
            self._parser.on_fields(self, stream, fields, offset)
        if ends:
            self.on_end(stream, is_reset=False)

    def on_data(self, stream: int, data: memoryview, offset: int) -> None:
        """Hand on a part of a body."""
        body = self._parser.body_of(self, stream)
        if body is not None:
            body.feed(data, offset)

    def on_missing(self, stream: int, length: int, offset: int) -> None:
        """Take note of bytes of a body that were not captured."""
        body = self._parser.body_of(self, stream)
        if body is not None and length:
            body.gap(length, offset)

    def on_end(self, stream: int, *, is_reset: bool) -> None:
        """Close what this direction says on a stream; a reset closes both."""
        self._parser.on_end(self, stream, is_reset=is_reset)

    def _decoded(self, block: bytes, offset: int) -> list[tuple[str, str]] | None:
        if self._decoder is None:
            return None
        try:
            fields = self._decoder.decode(block, raw=True)
        except Exception as error:  # hpack raises errors of its own, and others on broken input
            self._decoder = None
            self._parser.note("h2_headers_not_read", self.from_orig, offset, f"{type(error).__name__}: {error}"[:200])
            return None
        return [(_text(name), _text(value)) for name, value in fields]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


class Http2Parser:
    """The state of one connection."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = not opening.resp.startswith(PREFACE[: max(len(opening.resp), 1)])
        self.answers_wait = True
        self._scheme = "https" if opening.is_opened else "http"
        self._events: list[Event] = []
        self._streams: dict[int, Exchange] = {}
        self._last_request = 0
        self._keys = 0
        self._is_lost: set[bool] = set()
        decoders = _decoders()
        if decoders is None:
            self.note("h2_needs_hpack", self.client_is_orig, 0, _NO_HPACK)
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
            self.note("h2_frames_lost", from_orig, offset, "bytes between bodies are missing: the direction ends here")
            self._end_all(side, "gap")
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
                self._end_all(each, "closed early")
        return self._collect()

    def _side(self, from_orig: bool) -> Side:
        return self._client if from_orig == self.client_is_orig else self._server

    def _collect(self) -> list[Event]:
        self._server.resume()
        events = self._events[:]
        self._events.clear()  # bodies write to this list
        return events

    # --- exchanges --------------------------------------------------------------------------------------------

    def note(self, name: str, from_orig: bool, offset: int, detail: str) -> None:
        """Record an anomaly."""
        self._events.append(Anomaly(f"HTTP_{name}", from_orig, offset, detail))

    def may_answer(self, stream: int) -> bool:
        """Return False if the request on a stream may still come."""
        known = stream in self._streams or stream <= self._last_request or not stream & 1
        return known or self._client.is_ended or self._client.reader.is_lost or not self.answers_wait

    def on_fields(self, side: Side, stream: int, fields: list[tuple[str, str]], offset: int) -> None:
        """Begin a request or a response, or leave trailers out."""
        pseudo = {name: value for name, value in fields if name.startswith(":")}
        if side.is_client:
            if stream in self._streams or stream <= self._last_request:
                return
            self._open(stream, pseudo, _head(fields, pseudo), offset)
            return
        exchange = self._streams.get(stream)
        if exchange is None and stream > self._last_request:
            exchange = self._exchange(stream)
        if exchange is None or exchange.response is not None:
            return
        digits = pseudo.get(":status", "")
        status = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 5 else 0
        if 100 <= status < 200:
            exchange.informational += 1
            return
        exchange.response = StatusLine("2", status, None)
        exchange.response_head = head = _head(fields, pseudo)
        exchange.response_offset = offset
        exchange.response_length = declared_length(head)
        self._events.append(Mark(side.from_orig, offset))
        exchange.response_body = self._body(side, exchange, head, offset)

    def _open(self, stream: int, pseudo: dict[str, str], head: Head, offset: int) -> None:
        exchange = self._exchange(stream)
        method, path = pseudo.get(":method", ""), pseudo.get(":path", "")
        target = pseudo.get(":authority", "") if method == "CONNECT" else path
        exchange.set_request(RequestLine(method, target or "*", "2"), head, offset)
        self._events.append(Mark(self.client_is_orig, offset))
        exchange.request_body = self._body(self._client, exchange, head, offset)

    def _exchange(self, stream: int) -> Exchange:
        if len(self._streams) >= MAX_STREAMS:
            oldest = next(iter(self._streams))
            self._finish(oldest, self._streams[oldest], "closed early")
        self._last_request = max(self._last_request, stream)
        exchange = self._streams[stream] = Exchange(self.client_is_orig, self._scheme)
        return exchange

    def _body(self, side: Side, exchange: Exchange, head: Head, offset: int) -> Body:
        request, response = exchange.request, None if side.is_client else exchange.response
        first, total = content_range(head) if response and response.status == 206 else (None, None)
        asked = exchange.request_head
        info = ContentInfo(
            name=exchange.url or (request.target if request else None),
            media_type=head.get("content-type"),
            declared_bytes=declared_length(head),
            first_byte=first,
            total_bytes=total,
            role="request" if side.is_client else "response",
            method=request.method if request else None,
            status=response.status if response else None,
            extra={
                "host": exchange.host,
                "request_offset": exchange.request_offset if request else None,
                "content_encoding": head.get("content-encoding"),
                "content_disposition": head.get("content-disposition"),
                "cookie": asked.get("cookie") if asked else None,
                "authorization": asked.get("authorization") if asked else None,
            },
        )
        self._keys += 1
        body = Body(self._keys, side.from_orig, info, None, self._events, self._noter(side))
        codings = codings_of(head)
        if codings:
            body.decode(codings, offset)
        return body

    def _noter(self, side: Side) -> Callable[[str, int, str], None]:
        parser, from_orig = weakref.proxy(self), side.from_orig
        return lambda name, offset, detail: parser.note(name, from_orig, offset, detail)

    def body_of(self, side: Side, stream: int) -> Body | None:
        """Return the body that a direction sends on a stream."""
        exchange = self._streams.get(stream)
        if exchange is None:
            return None
        return exchange.request_body if side.is_client else exchange.response_body

    def on_end(self, side: Side, stream: int, *, is_reset: bool) -> None:
        """End one direction of a stream, or both if it was reset."""
        exchange = self._streams.get(stream)
        if exchange is None:
            return
        if is_reset:
            self._finish(stream, exchange, "closed early")
            return
        self._close(exchange, None, of_client=side.is_client)
        if exchange.request_done and exchange.response_done:
            self._finish(stream, exchange, None)

    def _end_all(self, side: Side, trouble: str) -> None:
        for stream, exchange in list(self._streams.items()):
            self._close(exchange, trouble, of_client=side.is_client)
            if exchange.request_done and exchange.response_done:
                self._finish(stream, exchange, trouble)

    def _close(self, exchange: Exchange, trouble: str | None, *, of_client: bool) -> None:
        """Close request or response of an exchange."""
        if exchange.request_done if of_client else exchange.response_done:
            return
        body = exchange.request_body if of_client else exchange.response_body
        if body is not None:
            trouble = trouble or body.trouble
            body.close(whole=trouble is None)
        if of_client:
            exchange.request_done, exchange.request_trouble = True, trouble
        else:
            exchange.response_done = True
            exchange.response_trouble = trouble if exchange.response is not None else None

    def _finish(self, stream: int, exchange: Exchange, trouble: str | None) -> None:
        """Give the row of an exchange."""
        for of_client in (True, False):
            self._close(exchange, trouble, of_client=of_client)
        del self._streams[stream]
        if exchange.request is not None or exchange.response is not None:
            self._events.append(exchange.row())


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


def _head(fields: list[tuple[str, str]], pseudo: dict[str, str]) -> Head:
    """Return header fields as those of HTTP/1 stand: the authority as host, cookies joined (RFC 9113 section 8.2.3)."""
    joined: dict[str, str] = {}
    every: dict[str, list[str]] = {}
    for name, value in fields:
        if name.startswith(":"):
            continue
        every.setdefault(name, []).append(value)
        separator = "; " if name == "cookie" else ", "
        joined[name] = f"{joined[name]}{separator}{value}" if name in joined else value
    if ":authority" in pseudo:
        joined.setdefault("host", pseudo[":authority"])
    doubled = {name: values for name, values in every.items() if len(values) > 1 and name != "cookie"}
    lines = [f"{name}: {value}" for name, value in fields]
    return Head("", lines, joined, doubled)
