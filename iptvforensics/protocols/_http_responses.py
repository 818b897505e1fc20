"""The server's direction of an HTTP connection: responses, each read in the light of its request."""

from __future__ import annotations

from ..protocol import Mark
from ._http_body import Body, ChunkedBody, Kind, codings_of, framing
from ._http_exchange import Exchange
from ._http_form import form_in
from ._http_head import Head, StatusLine, begins_response, find_response, may_be_response, parse_status_line
from ._http_pairing import Pairing
from ._http_requests import tunnel_info
from ._http_stream import State, Stream


class ResponseStream(Stream):
    """Reads responses and completes the exchanges."""

    HELD_BYTES = 64 << 10
    """Kept while the request was not seen but may still come."""

    def __init__(self, pairing: Pairing, from_orig: bool, midstream: bool) -> None:
        super().__init__(pairing, from_orig, midstream)
        self._exchange: Exchange | None = None

    def may_be_start(self, window: bytes) -> bool:
        """Return False once bytes cannot become a status line."""
        return may_be_response(window)

    def find_start(self, window: bytes) -> tuple[int, int]:
        """Return where the next status line begins (-1: nowhere), and how many bytes precede any."""
        return find_response(window)

    def is_ready(self) -> bool:
        """Return True if it is known what the next response answers, or none is to come."""
        return self.state is State.TUNNEL or self.pairing.front() is not None

    def may_answer(self) -> bool:
        """Return False if the request may still come."""
        return self.is_ready()

    def overflow(self) -> None:
        """Go on without the requests."""
        self.note("response_before_request", f"{self.HELD_BYTES} bytes came without a request")
        self.pairing.unanswered_allowed = True

    def take_head(self, head: Head) -> bool:
        """Take a response; return False if it is none."""
        status = parse_status_line(head.start)
        exchange = self.pairing.front()
        if status is None or exchange is None:
            return False
        if self.fresh:
            self.uncertain = True  # the capture may begin between a request and its response
        if status.status < 200 and status.status != 101:
            exchange.informational += 1
            return True
        self._answer(exchange, status, head)
        method = exchange.request.method if exchange.request else None
        kind, length = framing(head, response=True)
        self.note_framing(head)
        exchange.response_length = length
        exchange.tunnel = status.status == 101 or (method == "CONNECT" and status.status < 300)
        if exchange.tunnel:
            self.message_done()
            self.tunnel_info = tunnel_info(exchange)
            self.state = State.TUNNEL
            self.blocked = True  # in a tunnel the client asks first, too, and what it sent there was kept back
        elif kind is Kind.NONE or method == "HEAD" or status.status in (204, 304):
            self.message_done()
        else:
            self.pairing.events.append(Mark(self.from_orig, self.offset))
            self.body = exchange.response_body = self._body(exchange, head, kind, length)
            self.state = State.BODY
        return True

    def _answer(self, exchange: Exchange, status: StatusLine, head: Head) -> None:
        self._exchange = exchange
        self.pairing.answered()
        exchange.response = status
        exchange.response_head = head
        exchange.response_offset = self.offset
        exchange.is_uncertain = exchange.is_uncertain or self.uncertain
        if self.leading_lines:
            head.deviations.add("leading_empty_lines")
        if status.version == "ICY":
            head.deviations.add("ICY_status_line")
        elif status.version not in ("1.0", "1.1") or head.start[:4] != "HTTP":
            head.deviations.add("unusual_version")
        if status.reason is None and head.start[-1] not in " \t":
            head.deviations.add("no_reason_phrase")

    def _body(self, exchange: Exchange, head: Head, kind: Kind, length: int | None) -> Body:
        info = exchange.body_info(head, length, of_client=False, form=form_in(exchange.request_body))
        events, note = self.pairing.events, self.note_at
        if kind is Kind.CHUNKED:
            body: Body = ChunkedBody(self.next_key(), self.from_orig, info, events, note, find_response)
        else:
            bound = length if kind is Kind.LENGTH else None
            body = Body(self.next_key(), self.from_orig, info, bound, events, note)
        if kind is Kind.CLOSE or exchange.request is None:
            body.doubt(begins_response)
        codings = codings_of(head)
        if codings:
            body.decode(codings, self.offset)
        return body

    def take_cut_head(self, head: Head, trouble: str) -> None:
        """Take what there is of a response whose head is not complete."""
        status = parse_status_line(head.start)
        exchange = self.pairing.front()
        if status is None or exchange is None:
            return
        if status.status < 200 and status.status != 101:
            exchange.informational += 1
            return
        self._answer(exchange, status, head)
        exchange.response_trouble = trouble
        self.message_done()

    def message_lost(self, length: int, *, taken: bool) -> None:
        """Take one response for lost in a gap."""
        exchange = self.pairing.front()
        if exchange is not None and not taken:
            self.pairing.answered()
            self._exchange = exchange
            exchange.response_trouble = "gap"
            self.message_done()

    def found_inside(self) -> None:
        """The first response belongs to a request that was sent before the capture began."""
        self.pairing.server_began_inside = True

    def message_done(self) -> None:
        """Close the response."""
        exchange = self._exchange
        if exchange is not None:
            if self.body is not None and self.body.trouble:
                exchange.response_trouble = self.body.trouble
            exchange.response_done = True
            self.pairing.finish(exchange)

    def stream_done(self) -> None:
        """No response will come any more."""
        self.pairing.server_ends()
