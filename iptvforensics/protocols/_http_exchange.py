"""One exchange of a request and its final response, and the row that it becomes in table `http`."""

from __future__ import annotations

from typing import Any

from ..protocol import At, ContentInfo, Row
from ..schema import Column, message_table
from ._http_body import Body, content_range
from ._http_head import Head, RequestLine, StatusLine

INCOMPLETE_REQUEST_HEAD = "incomplete_request_head"
"""Deviation of a request whose head did not end: what is not in it may have been."""

TABLE = message_table(
    "http",
    "HTTP exchange: a request with its final response, or one of them alone",
    (
        Column("response_frame_no", "frame", "Frame that holds the first byte of the status line."),
        Column("response_ns", "time_ns", "Capture time of the frame that holds the first byte of the status line."),
        Column("method", "text", "Method of the request, such as GET."),
        Column("host", "text", "Host, and port if one was named, that the client asked for, as sent."),
        Column("url", "text", "Absolute URL that was asked for; null if the host is unknown."),
        Column("target", "text", "Request target as sent."),
        Column(
            "http_version", "text", "Version in the request line, such as 1.1; in the status line if there is none."
        ),
        Column("response_http_version", "text", "Version in the status line; ICY for SHOUTcast."),
        Column("status", "int", "Status code of the final response."),
        Column("reason", "text", "Reason phrase of the final response."),
        Column("location", "text", "Where the response sends the client, as sent."),
        Column("user_agent", "text", "What the client says it is."),
        Column("referer", "text", "URL that the client says it came from."),
        Column("cookie", "text", "Cookies that the client sent."),
        Column("authorization", "text", "Credentials that the client sent, as sent."),
        Column("accept_language", "text", "Languages that the client asked for."),
        Column("x_forwarded_for", "text", "Addresses for which a proxy says it asks."),
        Column("range_requested", "text", "Part of the whole that the client asked for, as sent."),
        Column("request_headers", "text[]", "Header lines of the request as sent, in order; null if it was not seen."),
        Column("response_headers", "text[]", "Header lines of the final response as sent, in order; null if not seen."),
        Column("server", "text", "What the server says it is."),
        Column("content_type", "text", "Media type that the response declares, as sent."),
        Column("content_encoding", "text", "Content codings that the response declares."),
        Column("transfer_encoding", "text", "Transfer codings that the response declares."),
        Column("content_range", "text", "Part of the whole that the response declares to hold, as sent."),
        Column("etag", "text", "Entity tag of the response."),
        Column("last_modified", "text", "When the server says the content changed last, as sent."),
        Column("set_cookie", "text[]", "Cookies that the server set, as sent."),
        Column("date", "text", "Clock of the server as it says, as sent."),
        Column("content_disposition", "text", "How the response is to be kept, with the file name offered."),
        Column(
            "request_body_bytes", "int", "Bytes seen of the request body, after transfer and before content coding."
        ),
        Column(
            "response_body_bytes", "int", "Bytes seen of the response body, after transfer and before content coding."
        ),
        Column("response_body_declared_bytes", "int", "Length of the response body that the response declares."),
        Column("response_missing_bytes", "int", "Bytes within the response body that the capture does not hold."),
        Column("request_body_offset", "int", "Stream offset of the first byte of the request body; null if none."),
        Column("response_body_offset", "int", "Stream offset of the first byte of the response body; null if none."),
        Column("informational_count", "int", "Responses of class 1xx that came before the final one."),
        Column("complete", "bool", "True if request and response were seen to their ends."),
        Column(
            "interrupted",
            "text",
            "Why the exchange is not complete: ended early (closed, reset, or the capture was over), gap, unreadable "
            "chunks, header too long, no response, no request seen, response (request) not opened: no secret of that "
            "side; null if it is.",
        ),
        Column(
            "deviations",
            "text[]",
            "Names of the deviations from the standard that were tolerated, sorted. "
            "incomplete_request_head: there may be more headers.",
        ),
    ),
    endpoints=True,
)


_CLOSED = "{} not opened: no secret of the {}'s side"


class Exchange:
    """A request, its response, or both, while they come in."""

    __slots__ = (
        "deviations", "from_orig", "host", "informational", "initial", "is_half", "is_uncertain", "request",
        "request_body", "request_done", "request_head", "request_offset", "request_trouble", "response",
        "response_body", "response_done", "response_head", "response_length", "response_offset", "response_trouble",
        "row_given", "scheme", "tunnel", "url",
    )  # fmt: skip

    def __init__(self, from_orig: bool, scheme: str = "http", *, is_half: bool = False) -> None:
        self.from_orig = from_orig
        """True if the client is the originator of the flow."""
        self.scheme = scheme
        self.is_half = is_half
        """True if one side was encrypted and stays closed."""
        self.request: RequestLine | None = None
        self.request_head: Head | None = None
        self.request_offset = 0
        self.request_body: Body | None = None
        self.request_done = False
        self.request_trouble: str | None = None
        self.response: StatusLine | None = None
        self.response_head: Head | None = None
        self.response_offset = 0
        self.response_body: Body | None = None
        self.response_length: int | None = None
        self.response_done = False
        self.response_trouble: str | None = None
        self.informational = 0
        self.host: str | None = None
        self.url: str | None = None
        self.deviations: set[str] = set()
        self.tunnel: bool | None = None
        """Whether the connection was switched to another protocol; None: not yet answered."""
        self.initial = False
        """True if this stands for a request that was under way when the capture began."""
        self.is_uncertain = False
        """True if messages may have gone unnoticed before this one."""
        self.row_given = False

    def set_request(self, request: RequestLine, head: Head, offset: int) -> None:
        """Take the head of the request, and find out what it asks for (RFC 9112 sections 3.2 and 3.3)."""
        self.request = request
        self.request_head = head
        self.request_offset = offset
        target = request.target
        host = head.get("host")
        if request.method == "CONNECT":
            self.host = target
        elif target[0] == "/":
            self.host = host
            if host is not None:
                self.url = f"{self.scheme}://{host}{target}"
        else:
            scheme, separator, rest = target.partition("://")
            self.host = host
            if separator and scheme.isalnum():
                authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
                self.host = authority.rpartition("@")[2] or host
                self.url = target
        if host is None and request.version == "1.1" and INCOMPLETE_REQUEST_HEAD not in head.deviations:
            head.deviations.add("no_host_header")
        elif "host" in head.doubled:
            head.deviations.add("doubled_host")

    def body_info(
        self, head: Head, declared_bytes: int | None, *, of_client: bool, form: bytes | None = None
    ) -> ContentInfo:
        """Return what is known of the body of the request or response that `head` begins."""
        request, asked, response = self.request, self.request_head, None if of_client else self.response
        first, total = content_range(head) if response and response.status == 206 else (None, None)
        return ContentInfo(
            name=self.url or (request.target if request else None),
            media_type=head.get("content-type"),
            declared_bytes=declared_bytes,
            first_byte=first,
            total_bytes=total,
            role="request" if of_client else "response",
            method=request.method if request else None,
            status=response.status if response else None,
            extra={
                "host": self.host,
                "request_offset": self.request_offset if request else None,
                "content_encoding": head.get("content-encoding"),
                "content_disposition": head.get("content-disposition"),
                "cookie": asked.get("cookie") if asked else None,
                "authorization": asked.get("authorization") if asked else None,
                "form": form,
            },
        )

    def row(self) -> Row:
        """Return the row of the exchange: it is placed where the request starts, or else the response."""
        request, response = self.request, self.response
        asked, answered = self.request_head or _NOT_SEEN, self.response_head or _NOT_SEEN
        sent, received = self.request_body, self.response_body
        of_request, of_response = asked.fields.get, answered.fields.get
        interrupted = self.response_trouble or self._missing() or self.request_trouble
        at = None if response is None else At(not self.from_orig, self.response_offset)
        values: dict[str, Any] = {
            "response_frame_no": at,
            "response_ns": at,
            "method": request and request.method,
            "host": self.host,
            "url": self.url,
            "target": request and request.target,
            "http_version": request.version if request else response and response.version,
            "response_http_version": response and response.version,
            "status": response and response.status,
            "reason": response and response.reason,
            "location": of_response("location") or None,
            "user_agent": of_request("user-agent") or None,
            "referer": of_request("referer") or None,
            "cookie": of_request("cookie") or None,
            "authorization": of_request("authorization") or None,
            "accept_language": of_request("accept-language") or None,
            "x_forwarded_for": of_request("x-forwarded-for") or None,
            "range_requested": of_request("range") or None,
            "request_headers": request and asked.lines,
            "response_headers": response and answered.lines,
            "server": of_response("server") or None,
            "content_type": of_response("content-type") or None,
            "content_encoding": of_response("content-encoding") or None,
            "transfer_encoding": of_response("transfer-encoding") or None,
            "content_range": of_response("content-range") or None,
            "etag": of_response("etag") or None,
            "last_modified": of_response("last-modified") or None,
            "set_cookie": answered.all("set-cookie"),
            "date": of_response("date") or None,
            "content_disposition": of_response("content-disposition") or None,
            "request_body_bytes": request and (sent.seen if sent else 0),
            "response_body_bytes": response and (received.seen if received else 0),
            "response_body_declared_bytes": response and self.response_length,
            "response_missing_bytes": response and (received.missing if received else 0),
            "request_body_offset": request and _begin(self.from_orig, sent),
            "response_body_offset": response and _begin(not self.from_orig, received),
            "informational_count": self.informational,
            "complete": interrupted is None,
            "interrupted": interrupted,
            "deviations": sorted(self._all_deviations()),
        }
        if request is not None:
            return Row("http", self.from_orig, self.request_offset, values)
        return Row("http", not self.from_orig, self.response_offset, values)

    def _missing(self) -> str | None:
        """Return why request or response is missing."""
        if self.request is None:
            return _CLOSED.format("request", "client") if self.is_half else "no request seen"
        if self.response is None:
            return _CLOSED.format("response", "server") if self.is_half else "no response"
        return None

    def _all_deviations(self) -> set[str]:
        found = self.deviations
        if self.is_uncertain and self.request is not None and self.response is not None:
            found = found | {"pairing_uncertain"}
        for part in (self.request_head, self.response_head, self.request_body, self.response_body):
            if part is not None and part.deviations:
                found = found | part.deviations
        return found


def _begin(from_orig: bool, body: Body | None) -> At | None:
    return At(from_orig, body.offset) if body is not None and body.offset is not None else None


_NOT_SEEN = Head("", [], {}, {})
