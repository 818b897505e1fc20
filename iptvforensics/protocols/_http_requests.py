"""The client's direction of an HTTP connection: requests, or what follows CONNECT and Upgrade."""

from __future__ import annotations

from ..protocol import ContentInfo, Mark
from ._http_body import Body, Kind, codings_of, framing
from ._http_exchange import INCOMPLETE_REQUEST_HEAD, Exchange
from ._http_form import kind_of_body, kind_of_chunked_body
from ._http_head import Head, RequestLine, begins_request, find_request, may_be_request, parse_request_line
from ._http_pairing import MAX_OPEN_REQUESTS, Pairing
from ._http_stream import State, Stream


class RequestStream(Stream):
    """Reads requests and opens an exchange for each."""

    HELD_BYTES = 1 << 20
    """Kept while a CONNECT or Upgrade is unanswered, or too many requests are."""

    def __init__(self, pairing: Pairing, from_orig: bool, midstream: bool) -> None:
        super().__init__(pairing, from_orig, midstream)
        self._exchange: Exchange | None = None
        self._asked: Exchange | None = None
        self._was_full = False
        self._usual_bytes = 0

    def may_be_start(self, window: bytes) -> bool:
        """Return False once bytes cannot become a request line."""
        return may_be_request(window)

    def find_start(self, window: bytes) -> tuple[int, int]:
        """Return where the next request line begins (-1: nowhere), and how many bytes precede any."""
        return find_request(window)

    def is_ready(self) -> bool:
        """Return True if the answers allow to read on; after too many requests only when there is room for many."""
        if self._is_undecided():
            return False
        return self.pairing.has_room if self._was_full else not self.pairing.is_full

    def _is_undecided(self) -> bool:
        asked = self._asked
        return asked is not None and asked.tunnel is None and not (asked.response_done or self.pairing.server_ended)

    def may_read(self, view: memoryview) -> bool:
        """Return False if the answer to a CONNECT or Upgrade is not known, or too many requests are open."""
        self._was_full = self.pairing.is_full
        if self._was_full or self._is_undecided():
            return False
        asked = self._asked
        if asked is not None:
            self._asked = None
            tunnel = asked.tunnel
            if tunnel is None:
                tunnel = self._looks_like_tunnel(asked, view)
            if tunnel:
                self.tunnel_info = tunnel_info(asked)
                self.state = State.TUNNEL
        return True

    def _looks_like_tunnel(self, asked: Exchange, view: memoryview) -> bool:
        self.note("tunnel_answer_not_seen")
        connect = asked.request is not None and asked.request.method == "CONNECT"
        return connect or not may_be_request(bytes(view[:256]))

    def overflow(self) -> None:
        """Go on without the answers."""
        asked = self._asked
        if asked is not None and self._is_undecided():
            asked.tunnel = self._looks_like_tunnel(asked, memoryview(self.kept_start(256)))
        else:
            self.note("too_many_open_requests", f"more than {MAX_OPEN_REQUESTS}")
            self.pairing.make_room()

    def take_head(self, head: Head) -> bool:
        """Take a request; return False if it is none."""
        request = parse_request_line(head.start)
        if request is None:
            return False
        exchange = self._open(request, head)
        kind, length = framing(head, response=False)
        self.note_framing(head)
        if request.method == "CONNECT" or "upgrade" in head.fields:
            self._asked = exchange
        if kind is Kind.NONE:
            self._usual_bytes = self.head_bytes
            self.message_done()
            return True
        self.body = exchange.request_body = self._body(exchange, head, kind, length)
        self.state = State.BODY
        return True

    def _open(self, request: RequestLine, head: Head) -> Exchange:
        exchange = self._exchange = self.pairing.open()
        exchange.set_request(request, head, self.offset)
        if self.leading_lines:
            head.deviations.add("leading_empty_lines")
        if " " in request.target:
            head.deviations.add("space_in_target")
        if request.version not in ("1.0", "1.1"):
            head.deviations.add("unusual_version")
        exchange.is_uncertain = exchange.is_uncertain or self.uncertain
        self.pairing.events.append(Mark(self.from_orig, self.offset))
        return exchange

    def _body(self, exchange: Exchange, head: Head, kind: Kind, length: int | None) -> Body:
        info = exchange.body_info(head, length, of_client=True)
        events, note = self.pairing.events, self.note_at
        if kind is Kind.CHUNKED:
            kind_of_chunked = kind_of_chunked_body(info)
            body: Body = kind_of_chunked(self.next_key(), self.from_orig, info, events, note, find_request)
        else:
            body = kind_of_body(info)(self.next_key(), self.from_orig, info, length, events, note)
        if "expect" in head.fields:
            # A client may leave the body out, and ask for something else, when the answer is a final one at once.
            body.doubt(begins_request)
        codings = codings_of(head)
        if codings:
            body.decode(codings, self.offset)
        return body

    def take_cut_head(self, head: Head, trouble: str) -> None:
        """Take what there is of a request whose head is not complete."""
        request = parse_request_line(head.start)
        if request is not None:
            head.deviations.add(INCOMPLETE_REQUEST_HEAD)
            exchange = self._open(request, head)
            exchange.request_trouble = trouble
            self.message_done()

    def message_lost(self, length: int, *, taken: bool) -> None:
        """Expect responses to as many requests as the gap probably holds, going by the request before it."""
        count = round(length / self._usual_bytes) if self._usual_bytes else 1
        for _ in range(min(max(count, 1), MAX_OPEN_REQUESTS) - taken):
            self.pairing.unseen_request()

    def found_inside(self) -> None:
        """Expect the response to a request whose head was before the capture."""
        self.pairing.unseen_request(initial=True)

    def message_done(self) -> None:
        """Close the request."""
        exchange = self._exchange
        if exchange is not None:
            if self.body is not None and self.body.trouble:
                exchange.request_trouble = self.body.trouble
            exchange.request_done = True
            self.pairing.finish(exchange)

    def stream_done(self) -> None:
        """No request will come any more."""
        self.pairing.client_ended = True


def tunnel_info(exchange: Exchange) -> ContentInfo:
    """Return what is known of the bytes that follow a CONNECT or an Upgrade."""
    request, head = exchange.request, exchange.response_head or exchange.request_head
    return ContentInfo(
        name=exchange.url or (request.target if request else None),
        role="tunnel",
        method=request.method if request else None,
        status=exchange.response.status if exchange.response else None,
        extra={
            "host": exchange.host,
            "request_offset": exchange.request_offset if request else None,
            "upgrade": head.get("upgrade") if head else None,
        },
    )
