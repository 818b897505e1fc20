"""HTTP: the two streams of a flow in, one row per exchange and the bodies out.

HTTP/2 is read in `_http_h2`, HTTP/3 in `_http_h3`.

Specification: RFC 9110 (semantics), RFC 9112 (HTTP/1.1), with what is met beyond them: `ICY 200 OK` of SHOUTcast,
LF-only line ends, doubled Content-Length, spaces in targets and header names, odd versions.

Requests and responses are paired in order. How the two directions are interleaved does not matter as long as requests
do not come more than 64 KiB late; a caller that feeds the client's direction first never gets there. What a client
sends after CONNECT or Upgrade is kept back until the answer says what it is.

After a hole: in a body of known length counting goes on; in a chunked body the next chunk line is looked for; in a
head the next start line is. What is passed over is handed on as content of role `message`: media in it is still found.

**Known limitations.**

- After a gap outside a body it is not known how many messages were lost: rows that depend on it carry the deviation
  `pairing_uncertain`. The same holds for a flow that was joined between two messages.
- The end of a body without declared length is the end of its direction, whatever ended that.
- HTTP/0.9 has no rows. Trailer fields and chunk extensions are passed over. `multipart/byteranges` and SHOUTcast
  metadata within a body are handed on as they are.
"""

from __future__ import annotations

from ..protocol import OPENING_BYTES, Event, Opening, Parser, Protocol
from ._http_exchange import TABLE
from ._http_head import (
    PREFACE,
    begins_with_request_line,
    begins_with_status_line,
    find_request,
    find_response,
    is_long_request,
    may_be_request,
    may_be_response,
)
from ._http_pairing import Pairing
from ._http_requests import RequestStream
from ._http_responses import ResponseStream

_WELL_KNOWN = (80, 8080, 8000, 8880)


class HttpParser:
    """Reads both directions of one flow."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = _client_is_orig(opening)
        scheme = "https" if opening.is_opened else "http"
        self._pairing = Pairing(self.client_is_orig, scheme, is_half=opening.is_half_opened)
        self._client = RequestStream(self._pairing, self.client_is_orig, opening.midstream)
        self._server = ResponseStream(self._pairing, not self.client_is_orig, opening.midstream)
        self._open_ends = {True, False}

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what the next bytes of one direction say."""
        self._stream(from_orig).feed(data)
        return self._events()

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what follows from bytes of one direction that were not captured."""
        self._stream(from_orig).gap(length)
        return self._events()

    def end(self, from_orig: bool) -> list[Event]:
        """Return what is still pending: this direction ends here."""
        self._stream(from_orig).end()
        self._settle()
        self._open_ends.discard(from_orig)
        if not self._open_ends:
            self._pairing.close()
        return self._events()

    def _stream(self, from_orig: bool) -> RequestStream | ResponseStream:
        return self._client if from_orig == self.client_is_orig else self._server

    def _settle(self) -> None:
        """Let each direction read on as far as the other one allows."""
        server, client = self._server, self._client
        while server.blocked or client.blocked:
            if client.blocked and client.is_ready():
                client.resume()
            elif server.blocked and server.is_ready():
                server.resume()
            elif server.holds_too_much:
                server.overflow()
            elif client.holds_too_much:
                client.overflow()
            else:
                return

    def _events(self) -> list[Event]:
        self._settle()
        events = self._pairing.events[:]
        self._pairing.events.clear()
        return events


def _client_is_orig(opening: Opening) -> bool:
    """Return True unless the openings say that the responder asks and the originator answers."""
    forward = _scores(opening.orig, opening.resp)
    if forward == _SURE:
        return True
    if 3 in forward and not (begins_with_request_line(opening.resp) or begins_with_status_line(opening.orig)):
        return True  # lines that are found later in the bytes do not outweigh one that begins them
    backward = _scores(opening.resp, opening.orig)
    if sum(forward) != sum(backward):
        return sum(forward) > sum(backward)
    return not (opening.orig_port in _WELL_KNOWN and opening.resp_port not in _WELL_KNOWN)


_SURE = 3, 3


def _scores(client: bytes, server: bytes) -> tuple[int, int]:
    """Return how much the first bytes of two directions look like a request and a response."""
    return _request_score(client), _response_score(server)


def _request_score(data: bytes) -> int:
    if not data:
        return 0
    if begins_with_request_line(data):
        return 3
    return int(find_request(data)[0] >= 0)


def _response_score(data: bytes) -> int:
    if not data:
        return 0
    if begins_with_status_line(data):
        return 3
    return int(find_response(data)[0] >= 0)


def make_parser(opening: Opening) -> Parser:
    """Return the parser of HTTP/1, of HTTP/2 if the client begins with its preface, of HTTP/3 for what QUIC carries.

    The code of HTTP/2 and of HTTP/3 is loaded when the first of their parsers is made.
    """
    if opening.carrier == "quic":
        from ._http_h3 import Http3Parser

        return Http3Parser(opening)
    if opening.orig.startswith(PREFACE) or opening.resp.startswith(PREFACE):
        from ._http_h2 import Http2Parser

        return Http2Parser(opening)
    return HttpParser(opening)


_BOTH_SIDES, _ONE_SIDE, _INSIDE = 1.0, 0.95, 0.6


def detect(opening: Opening) -> float | None:
    """Return how surely a flow carries HTTP: by its start lines, the preface of HTTP/2, or the streams of HTTP/3."""
    if opening.carrier == "quic":
        return _detect_streams(opening)
    for first in (opening.orig, opening.resp):
        if first and PREFACE.startswith(first[: len(PREFACE)]):
            return _BOTH_SIDES if len(first) >= len(PREFACE) else None
    best = _scores(opening.orig, opening.resp)
    if 3 not in best:
        best = max(best, _scores(opening.resp, opening.orig), key=sum)
    if best == _SURE:
        return _BOTH_SIDES
    if 3 in best:
        return _ONE_SIDE
    if opening.midstream and 1 in best:
        return _INSIDE
    if any(len(data) >= OPENING_BYTES and is_long_request(data) for data in (opening.orig, opening.resp)):
        return _INSIDE
    return None if _may_become_http(opening) else 0.0


def _detect_streams(opening: Opening) -> float | None:
    """Return how surely a QUIC connection carries HTTP/3: by the side that shows it, None while neither can tell."""
    from ._http_h3_frames import looks_like_http

    found = [looks_like_http(first) for first in (opening.orig, opening.resp)]
    best = max(score or 0.0 for score in found)
    return None if not best and None in found else best


def _may_become_http(opening: Opening) -> bool:
    """Return True if no side has yet shown its first line, and none is out of the question."""
    sides = [data.lstrip(b"\r\n") for data in (opening.orig, opening.resp)]
    if not any(sides):
        return True
    requests, responses = [may_be_request(side) for side in sides], [may_be_response(side) for side in sides]
    return (requests[0] and responses[1]) or (requests[1] and responses[0])


PROTOCOL = Protocol(
    name="http",
    title="HTTP/1.x, HTTP/2 and HTTP/3 requests and responses, and the bodies they carry",
    specification="RFC 9110, RFC 9112, RFC 9113, RFC 9114",
    carriers=("tcp", "quic"),
    tables=(TABLE,),
    detect=detect,
    parser=make_parser,
    limits=(
        "After a gap outside a body the pairing of requests and responses is uncertain. HTTP/0.9, trailer fields, "
        "the parts of multipart/byteranges and SHOUTcast metadata are not decoded. HTTP/2 needs its beginning and the "
        "extra http2; a gap between its bodies ends the reading of a direction. HTTP/3 needs the secrets of QUIC and "
        "the extra http3. Pushed responses are not read."
    ),
)
