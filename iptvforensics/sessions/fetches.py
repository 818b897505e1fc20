"""HTTP exchanges and bodies to fetches: what a client asked for, what came, and which redirect led there.

A fetch is an exchange with its body, or either alone: a body whose beginning was not captured has no exchange. What a
client sent (RFC 9110 section 9.3.3 and 9.3.4, POST and PUT) is a fetch apart from those, with the body of the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .addresses import Address, address, at_address, host_of
from .both_versions import same_clients
from .records import (
    Body,
    Exchange,
    Flow,
    LinkAddress,
    RtpStream,
    Service,
    SrtStream,
    TableReader,
    TransportStream,
    WebSocket,
    read,
    read_rows,
)
from .redirects import tie_redirects
from .rests import tie_rests

IMPLAUSIBLE_BYTES = 1 << 40
"""Some servers declare an absurd length for an endless body; no film has a terabyte."""

_LISTS = ("hls", "m3u", "txtlist", "xmltv", "xtream", "stalker", "enigma2")
NOT_MEDIA = frozenset(
    ("html", "json", "image", "zip", "pdf", "gzip", "text", "upnp", "connect", "websocket", "dns", *_LISTS)
)
"""Kinds of content that are no media, whatever they were asked for as."""
_SENT_KINDS = frozenset(("hls", "mpegts", "mp4", "flv"))
"""Kinds that encoders send."""


Place = tuple[int, bool, int]
"""Flow, direction and stream offset of a body."""


@dataclass(slots=True, eq=False)
class Fetch:
    """One thing that a client asked for, and what it got."""

    exchange: Exchange | None
    body: Body | None
    stream: TransportStream | None = None
    services: list[Service] = field(default_factory=list)
    key: Address | None = None
    via: Fetch | None = None
    leads_to: str | None = None
    followed: bool = False
    hops: int = 0
    is_sent: bool = False
    """True if the client sent the body, as encoders do."""
    rest_before: Fetch | None = None
    """What stood before it on its connection, of which the beginning was not captured."""
    names_no_host: bool = False
    """True if all of the request was seen, and no host was in it."""
    is_over: bool = False
    """True for such a rest: other messages followed it, so it had an end of its own."""
    order: int = 0
    client: str = ""
    """Address by which its client goes, where one has several."""

    @property
    def _row(self) -> Exchange | Body:
        row = self.exchange if self.exchange is not None else self.body
        if row is None:
            raise ValueError("a fetch needs an exchange or a body")
        return row

    @property
    def client_ip(self) -> str:
        """Return the address of the client."""
        return self._row.client_ip

    @property
    def client_port(self) -> int | None:
        """Return the port of the client."""
        return self._row.client_port

    @property
    def server(self) -> tuple[str | None, int | None]:
        """Return address and port of the server, None behind a proxy."""
        return self._row.server_ip, self._row.server_port

    @property
    def flow_id(self) -> int:
        """Return the flow that carried it."""
        return self._row.flow_id

    @property
    def ts_ns(self) -> int:
        """Return the time of its first byte: the request if that was seen."""
        return self._row.ts_ns

    @property
    def frame_no(self) -> int:
        """Return the frame of its first byte."""
        return self._row.frame_no

    @property
    def place(self) -> tuple[int, int, int, int, bool]:
        """Return what orders fetches in time, without ties."""
        row = self._row
        return row.ts_ns, row.frame_no, row.flow_id, row.stream_offset, row.from_orig

    @property
    def url(self) -> str | None:
        """Return the URL asked for, as sent; under the server's address if no host was named."""
        exchange = self.exchange
        if exchange is not None:
            if self.names_no_host:
                return at_address(exchange.server_ip, exchange.server_port, exchange.target or "")
            return exchange.url
        return self.body.name if self.body is not None and self.body.name and "://" in self.body.name else None

    @property
    def host(self) -> str | None:
        """Return the host name asked for, without port."""
        if self.exchange is None:
            return host_of(self.url)
        return host_of(self.exchange.url) or host_of(self.exchange.host)

    @property
    def end_ns(self) -> int:
        """Return the time of its last frame."""
        if self.body is not None and self.body.last_ns is not None:
            return self.body.last_ns
        response = self.exchange.response_ns if self.exchange is not None else None
        return max(self.ts_ns, response or 0)

    @property
    def last_frame(self) -> int:
        """Return its last frame."""
        if self.body is not None and self.body.last_frame is not None:
            return self.body.last_frame
        response = self.exchange.response_frame_no if self.exchange is not None else None
        return max(self.frame_no, response or 0)

    @property
    def is_request(self) -> bool:
        """Return True if the request was seen."""
        return self.exchange is not None and self.exchange.method is not None

    @property
    def kind(self) -> str | None:
        """Return what the body is by its bytes."""
        return self.body.kind if self.body is not None else None

    @property
    def media_type(self) -> str:
        """Return the declared media type without parameters, in lower case."""
        declared = self.body.media_type if self.body is not None else None
        if declared is None and self.exchange is not None:
            declared = self.exchange.content_type
        return (declared or "").split(";")[0].strip().lower()

    @property
    def status(self) -> int | None:
        """Return the status code."""
        return self.exchange.status if self.exchange is not None else self._row.status

    @property
    def bytes(self) -> int:
        """Return the bytes of the body that were captured."""
        if self.body is not None:
            return self.body.bytes
        return (self.exchange.response_body_bytes if self.exchange is not None else 0) or 0

    @property
    def missing(self) -> int | None:
        """Return the bytes of the body known to be missing; None if it is not known how many."""
        if self.body is not None:
            return self.body.missing_bytes
        return (self.exchange.response_missing_bytes if self.exchange is not None else 0) or 0

    @property
    def declared(self) -> int | None:
        """Return the declared length of the body; None if none was declared or it is absurd."""
        length = self.body.declared_bytes if self.body is not None else None
        if length is None and self.exchange is not None and not self.is_sent:
            length = self.exchange.response_body_declared_bytes
        return length if length is not None and length < IMPLAUSIBLE_BYTES else None

    @property
    def total(self) -> int | None:
        """Return the length of the whole that the body is, or is a range of."""
        total = self.body.total_bytes if self.body is not None else None
        if total is None and self.first_byte == 0 and self.status != 206:
            total = self.declared
        return total if total is not None and total < IMPLAUSIBLE_BYTES else None

    @property
    def first_byte(self) -> int:
        """Return the place of the body in the whole."""
        return (self.body.first_byte if self.body is not None else 0) or 0

    @property
    def is_whole(self) -> bool:
        """Return True if all of the body was captured."""
        if self.body is not None:
            return bool(self.body.complete)
        return self.exchange is not None and bool(self.exchange.complete)

    @property
    def is_chunked(self) -> bool:
        """Return True if the body itself says where it ends."""
        if self.is_sent:
            return self.declared is None
        return self.exchange is not None and "chunked" in (self.exchange.transfer_encoding or "").lower()

    @property
    def answered(self) -> bool:
        """Return True if media may have come: bytes, a status that does not deny it, and no page instead."""
        status = self.status
        good = status is None or 200 <= status < 300
        return good and self.bytes > 0 and self.kind not in NOT_MEDIA

    @property
    def chain(self) -> list[Fetch]:
        """Return the redirects that led here and this fetch itself, first asked first."""
        chain = [self]
        while chain[-1].via is not None:
            chain.append(chain[-1].via)
        chain.reverse()
        return chain

    @property
    def root(self) -> Fetch:
        """Return what the client asked for first."""
        fetch = self
        while fetch.via is not None:
            fetch = fetch.via
        return fetch

    @property
    def media_s(self) -> float | None:
        """Return the seconds of media in it, by the clock of its transport stream."""
        return self.stream.media_s if self.stream is not None else None


@dataclass(slots=True)
class Fetches:
    """All fetches of a capture, in order, with its flows and the transport streams that nobody fetched."""

    all: list[Fetch]
    by_body: dict[Place, Fetch]
    flows: dict[int, Flow]
    bare_streams: list[tuple[TransportStream, list[Service]]]
    rtp_streams: dict[Place, RtpStream] = field(default_factory=dict)
    """RTP sources that carry a transport stream, by the place where that begins."""
    carried: dict[Place, tuple[TransportStream, list[Service]]] = field(default_factory=dict)
    """Transport streams in SRT and WebSocket, by the place where they begin."""
    apart: dict[Place, Body] = field(default_factory=dict)
    """What was carried there: bodies that nobody fetched."""
    sent: Fetches | None = None
    """What clients sent, if media are among it."""
    _by_client: dict[str, list[Fetch]] = field(default_factory=dict)
    """Made when it is first asked for: several rules go through it."""

    def by_client(self) -> Iterator[tuple[str, list[Fetch]]]:
        """Yield each client with its fetches, both in order."""
        if not self._by_client:
            for fetch in self.all:
                self._by_client.setdefault(fetch.client, []).append(fetch)
        for client in sorted(self._by_client):
            yield client, self._by_client[client]


def read_fetches(reader: TableReader) -> Fetches:
    """Return the fetches of a capture with redirects tied and transport streams attached."""
    rtp = {
        (source.flow_id, source.from_orig, source.payload_offset): source
        for source in read(reader, "rtp_streams", RtpStream)
        if source.payload_offset is not None
    }
    inside = {
        (stream.flow_id, stream.from_orig, stream.payload_offset)
        for stream in read(reader, "srt_streams", SrtStream)
        if stream.payload_offset is not None
    }
    inside |= {
        (row.flow_id, row.from_orig, row.media_body_offset)
        for row in read(reader, "websocket", WebSocket)
        if row.media_body_offset is not None
    }
    apart: dict[Place, Body] = {}
    waiting: dict[tuple[int, int], Body] = {}
    sent: dict[tuple[int, int], Body] = {}
    for body in read(reader, "objects", Body):
        begin = body.flow_id, body.from_orig, body.stream_offset
        place = body.flow_id, body.stream_offset
        if begin in inside and body.role == "message":
            apart[begin] = body
        elif body.role == "request":
            if body.kind == "hls" or body.kind not in NOT_MEDIA:
                sent[place] = body
        elif begin not in rtp and (place not in waiting or waiting[place].role != "response"):
            waiting[place] = body  # a body in a body can begin at the same place: the outer one is the response
    fetches, uploads = [], []
    for exchange in read(reader, "http", Exchange):
        body_at, sent_at = exchange.response_body_offset, exchange.request_body_offset
        found = None if body_at is None else waiting.pop((exchange.flow_id, body_at), None)
        upload = None if sent_at is None else sent.get((exchange.flow_id, sent_at))
        if upload is not None:
            uploads.append(Fetch(exchange, upload, is_sent=True))
        if found is not None or upload is None or upload.kind not in _SENT_KINDS:
            fetches.append(Fetch(exchange, found))
    _note_nameless(reader, [*fetches, *uploads])
    fetches += [Fetch(None, body) for body in waiting.values()]
    flows = {flow.flow_id: flow for flow in read(reader, "flows", Flow)}
    near = read(reader, "link_addresses", LinkAddress)
    same = same_clients({fetch.client_ip for fetch in fetches}, flows.values(), near)
    by_body, by_sent_body = _in_order(fetches, same), _in_order(uploads, same)
    tie_rests(fetches)
    bare, carried = _attach_streams(reader, by_body | by_sent_body, rtp, inside)
    tie_redirects(fetches, flows)
    has_media = any(fetch.kind in _SENT_KINDS for fetch in uploads)
    pushed = Fetches(uploads, by_sent_body, flows, []) if has_media else None
    return Fetches(fetches, by_body, flows, bare, rtp, carried, apart, pushed)


def _note_nameless(reader: TableReader, fetches: list[Fetch]) -> None:
    """Set `names_no_host`; where the end of a request was not captured, its host may have stood there."""
    without = [
        (fetch, row)
        for fetch in fetches
        if (row := fetch.exchange) and row.url is None and row.server_ip and (row.target or "").startswith("/")
    ]
    if without:
        cut = "url IS NULL AND list_contains(deviations, 'incomplete_request_head')"
        unknown = set(read_rows(reader, "http", ("flow_id", "stream_offset"), cut))
        for fetch, row in without:
            fetch.names_no_host = (row.flow_id, row.stream_offset) not in unknown


def _in_order(fetches: list[Fetch], clients: Mapping[str, str]) -> dict[Place, Fetch]:
    """Sort fetches, number them and name their clients; return them by their bodies."""
    fetches.sort(key=lambda fetch: fetch.place)
    by_body = {}
    for order, fetch in enumerate(fetches):
        fetch.order = order
        fetch.key = address(fetch.url)
        fetch.client = clients.get(fetch.client_ip, fetch.client_ip)
        if fetch.body is not None:
            by_body[fetch.body.flow_id, fetch.body.from_orig, fetch.body.stream_offset] = fetch
    return by_body


def _attach_streams(
    reader: TableReader, by_body: dict[Place, Fetch], rtp: dict[Place, RtpStream], inside: set[Place]
) -> tuple[list[tuple[TransportStream, list[Service]]], dict[Place, tuple[TransportStream, list[Service]]]]:
    """Attach transport streams to their fetches; return the others: bare ones, and those within SRT or WebSocket."""
    services: dict[tuple[int, bool, int | None], list[Service]] = {}
    for service in read(reader, "ts_services", Service):
        services.setdefault((service.flow_id, service.from_orig, service.object_offset), []).append(service)
    for place, named in services.items():
        holder = None if place[2] is None else by_body.get((place[0], place[1], place[2]))
        if holder is not None:
            holder.services = named
    bare = []
    carried = {}
    for stream in read(reader, "transport_streams", TransportStream):
        at = stream.object_offset
        if at is not None and (stream.flow_id, stream.from_orig, at) in inside:
            named = services.get((stream.flow_id, stream.from_orig, at), [])
            carried[stream.flow_id, stream.from_orig, at] = stream, named
            continue
        if at is None or (stream.flow_id, stream.from_orig, at) in rtp:
            bare.append((stream, services.get((stream.flow_id, stream.from_orig, at), [])))
            continue
        fetch = by_body.get((stream.flow_id, stream.from_orig, at))
        if fetch is not None:
            fetch.stream = stream
    return bare, carried
