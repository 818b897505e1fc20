"""Header fields and bodies of streams -> exchanges: what HTTP/2 and HTTP/3 have in common."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from ..protocol import Anomaly, Event, Mark
from ._http_body import Body, codings_of, declared_length
from ._http_exchange import Exchange
from ._http_form import form_in, kind_of_body
from ._http_head import Head, RequestLine, StatusLine

MAX_STREAMS = 256
"""Exchanges of a connection that are open at the same time; the oldest is closed for a further one."""

Fields = list[tuple[str, str]]


class Exchanges:
    """The exchanges of one connection, one per stream."""

    def __init__(self, version: str, *, client_is_orig: bool, scheme: str, is_half: bool = False) -> None:
        self.events: list[Event] = []
        self.newest = 0
        """Highest stream of any exchange so far."""
        self._version = version
        self._client_is_orig = client_is_orig
        self._scheme = scheme
        self._is_half = is_half
        self._streams: dict[int, Exchange] = {}
        self._keys = 0

    def __contains__(self, stream: object) -> bool:
        return stream in self._streams

    def note(self, name: str, from_orig: bool, offset: int, detail: str) -> None:
        """Record an anomaly."""
        self.events.append(Anomaly(f"HTTP_{name}", from_orig, offset, detail))

    # --- heads and bodies -----------------------------------------------------------------------------------

    def request(self, stream: int, fields: Fields, offset: int) -> None:
        """Begin an exchange with the head of its request; a second head holds trailers, which are left out."""
        exchange = self._streams.get(stream) or self._open(stream)
        if exchange.request is not None:
            return
        pseudo = _pseudo(fields)
        head = _head(fields, pseudo)
        method, path = pseudo.get(":method", ""), pseudo.get(":path", "")
        target = pseudo.get(":authority", "") if method == "CONNECT" else path
        exchange.set_request(RequestLine(method, target or "*", self._version), head, offset)
        self.events.append(Mark(self._client_is_orig, offset))
        exchange.request_body = self._body(exchange, head, offset, of_client=True)

    def response(self, stream: int, fields: Fields, offset: int) -> None:
        """Take the head of a response; one of class 1xx is only counted, trailers are left out."""
        exchange = self._streams.get(stream) or self._open(stream)
        if exchange.response is not None:
            return
        pseudo = _pseudo(fields)
        digits = pseudo.get(":status", "")
        status = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 5 else 0
        if 100 <= status < 200:
            exchange.informational += 1
            return
        exchange.response = StatusLine(self._version, status, None)
        exchange.response_head = head = _head(fields, pseudo)
        exchange.response_offset = offset
        exchange.response_length = declared_length(head)
        self.events.append(Mark(not self._client_is_orig, offset))
        exchange.response_body = self._body(exchange, head, offset, of_client=False)

    def _open(self, stream: int) -> Exchange:
        if len(self._streams) >= MAX_STREAMS:
            oldest = next(iter(self._streams))
            self._finish(oldest, self._streams[oldest], "ended early")
        self.newest = max(self.newest, stream)
        exchange = self._streams[stream] = Exchange(self._client_is_orig, self._scheme, is_half=self._is_half)
        return exchange

    def _body(self, exchange: Exchange, head: Head, offset: int, *, of_client: bool) -> Body:
        form = None if of_client else form_in(exchange.request_body)
        info = exchange.body_info(head, declared_length(head), of_client=of_client, form=form)
        self._keys += 1
        from_orig = of_client == self._client_is_orig
        kind = kind_of_body(info) if of_client else Body
        body = kind(self._keys, from_orig, info, None, self.events, self._noter(from_orig))
        codings = codings_of(head)
        if codings:
            body.decode(codings, offset)
        return body

    def _noter(self, from_orig: bool) -> Callable[[str, int, str], None]:
        exchanges = weakref.proxy(self)  # no cycle: what is kept is freed with the parser
        return lambda name, offset, detail: exchanges.note(name, from_orig, offset, detail)

    def body_of(self, stream: int, *, of_client: bool) -> Body | None:
        """Return the body that a side sends on a stream."""
        exchange = self._streams.get(stream)
        if exchange is None:
            return None
        return exchange.request_body if of_client else exchange.response_body

    # --- ends -----------------------------------------------------------------------------------------------

    def end(self, stream: int, trouble: str | None = None, *, of_client: bool) -> None:
        """End one direction of a stream; `trouble` says why it is not complete."""
        exchange = self._streams.get(stream)
        if exchange is None:
            return
        self._close(exchange, trouble, of_client=of_client)
        if exchange.request_done and exchange.response_done:
            self._finish(stream, exchange, trouble)

    def reset(self, stream: int) -> None:
        """End both directions of a stream that was given up."""
        exchange = self._streams.get(stream)
        if exchange is not None:
            self._finish(stream, exchange, "ended early")

    def end_all(self, trouble: str, *, of_client: bool) -> None:
        """End one direction of all streams."""
        for stream in list(self._streams):
            self.end(stream, trouble, of_client=of_client)

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
            self.events.append(exchange.row())


def field_text(data: bytes) -> str:
    """Return name or value of a header field as text."""
    return data.decode("utf-8", "backslashreplace")


def _pseudo(fields: Fields) -> dict[str, str]:
    return {name: value for name, value in fields if name.startswith(":")}


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
