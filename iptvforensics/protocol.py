"""What a protocol must provide: the contract between the engine and the parsers.

A parser is a pure machine. It gets the bytes of one flow, one direction at a time, in order, and
returns events; it knows no files, frames, clocks or addresses. Its rules:

1. `feed` may cut the bytes anywhere: whole, byte by byte, or in random pieces gives the same rows.
   `data` is valid only during the call: keep `bytes(data)` of what must be remembered. It is never written to.
2. Positions are stream offsets: bytes since the start of that direction, gaps included.
3. A row is emitted once, when it is complete (many of one table may come together, as `Rows`). If the row
   may come long after the bytes that it points at (over 1 MiB), emit `Mark(from_orig, offset)` when those
   bytes pass; the engine remembers the frame until the flow or body ends (the latest 65,536 marks that no
   row has used yet, and as many used ones).
4. Bytes that belong to something else (a body) are handed on as `ContentBegin`, `ContentData`,
   `ContentGap`, `ContentEnd`; the engine finds a child protocol for them.
5. Only `DecodeError` may escape: from then on the engine drops the parser for that flow.
6. Every buffer, depth and count has a limit, applied to the complete unit as well as to the pending part.
7. A parser is part of no reference cycle: what it keeps is freed as soon as the engine lets it go.

Directions: `from_orig` is True for bytes sent by the originator of the flow. A content parser (a child
that reads a body) is called with the direction of the flow that carried the body, its offsets count
from the start of the body, and `end` closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from typing import Protocol as Interface

from .schema import Table
from .tls.keylog import Secrets

Carrier = Literal["tcp", "udp", "content", "rest", "beside", "quic"]
"""`content`: a body. `rest`: a body that no protocol of carrier `content` reads; it keeps the kind that its first bytes
say. `beside`: a body that a server sent, and that another protocol reads as well (`Protocol.read_beside`). `quic`: what
a decrypted QUIC connection carries, as `OpenedBegin` says."""


class At(NamedTuple):
    """A place in a stream: the value of a column of type `frame` or `time_ns`, or named `..._body_offset`."""

    from_orig: bool
    offset: int


class Mark(NamedTuple):
    """Asks the engine to remember frame and time of a place that a later row will point at."""

    from_orig: bool
    offset: int


class Row(NamedTuple):
    """One finished row: where its message starts, and its own columns (leading ones are the engine's)."""

    table: str
    from_orig: bool
    offset: int
    values: dict[str, Any]


class Rows(NamedTuple):
    """Many finished rows of one table at once, column by column: for lists with very many items."""

    table: str
    from_orig: bool
    offsets: Sequence[int]
    """Where each message starts."""
    columns: Mapping[str, Sequence[Any]]
    """Values by column, as many as there are offsets; no `At` among them. A column left out is null."""
    shared: Mapping[str, Any] = MappingProxyType({})
    """Values that all the rows have, by column."""

    def each(self) -> Iterator[Row]:
        """Yield the rows one by one, nulls left out."""
        shared = {name: value for name, value in self.shared.items() if value is not None}
        for i, offset in enumerate(self.offsets):
            values = {name: column[i] for name, column in self.columns.items() if column[i] is not None}
            yield Row(self.table, self.from_orig, offset, {**values, **shared})


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that broke a rule or could not be seen; `name` is `PROTO_reason_in_lower_case`."""

    name: str
    from_orig: bool
    offset: int
    detail: str = ""
    count: int = 1


class ContentInfo(NamedTuple):
    """What the carrying protocol says of a body, before the body is seen."""

    name: str | None = None
    """URL or stream name under which it was asked for."""
    media_type: str | None = None
    """Declared media type, as sent."""
    declared_bytes: int | None = None
    """Declared length of the body, null if none was declared."""
    first_byte: int | None = None
    """Position of the body's first byte in the whole representation (HTTP ranges)."""
    total_bytes: int | None = None
    """Length of the whole representation if the carrier says so."""
    role: str = "message"
    """`request`, `response` or `message`."""
    method: str | None = None
    status: int | None = None
    extra: Mapping[str, Any] = MappingProxyType({})
    """What else the carrier knows. HTTP: `host`, `cookie`, `authorization`, `content_disposition`, `content_encoding`
    (texts), `request_offset`, and for a response the beginning of the `form` that was posted for it (bytes)."""


class ContentBegin(NamedTuple):
    """A body begins. `key` is unique within the parser; `offset` is where it starts in the stream."""

    key: int
    from_orig: bool
    offset: int
    info: ContentInfo


class ContentData(NamedTuple):
    """The next bytes of a body, decoded, and where they stand in the stream.

    `places` None: at `offset`, one after another. Two sequences of equal length: runs, each from a position in
    `data` and a stream offset (chunked coding; `offset` is that of the first). `CODED`: compressed, so that no
    byte has a place of its own; `offset` is then that of the last coded byte that went into `data`.
    """

    key: int
    offset: int
    data: memoryview | bytes
    places: tuple[Sequence[int], Sequence[int]] | None = None


CODED: tuple[Sequence[int], Sequence[int]] = ((), ())
"""Value of `ContentData.places` for compressed bodies."""


class ContentGap(NamedTuple):
    """`length` bytes of a body are missing from the capture (-1: unknown how many)."""

    key: int
    length: int


class ContentEnd(NamedTuple):
    """A body ends; `complete` is False if bytes are missing at its end or the flow broke off."""

    key: int
    complete: bool


class OpenedBegin(NamedTuple):
    """A decrypted stream begins that is not read as one from TCP, is not the only one of the parser, or is half of one.

    Carrier `quic`: STREAM and RESET_STREAM frames (RFC 9000 section 19), written anew with their lengths. Those of one
    QUIC stream come in order and never twice; where an offset leaps, bytes are missing.
    """

    key: int
    """Names the stream within the parser."""
    carrier: Carrier
    client_is_orig: bool
    is_half: bool = False
    """True if there is no secret for the other direction."""


class OpenedData(NamedTuple):
    """The next bytes of one direction of the stream that the parser decrypted, and where they stand in its own stream.

    The engine finds a protocol for them, as for those of a flow. `places` are those of `ContentData`.
    """

    from_orig: bool
    offset: int
    data: memoryview | bytes
    secret_sha256: str
    places: tuple[Sequence[int], Sequence[int]] | None = None
    key: int = 0


class OpenedGap(NamedTuple):
    """`length` bytes of a direction of the decrypted stream are missing (-1: unknown how many)."""

    from_orig: bool
    length: int
    key: int = 0


class OpenedEnd(NamedTuple):
    """A direction of the decrypted stream ends."""

    from_orig: bool
    key: int = 0


class Hold(NamedTuple):
    """Asks the engine to remember frames and times from an offset on, however long; None: not any more."""

    from_orig: bool
    offset: int | None


Event = (
    Row
    | Rows
    | Mark
    | Hold
    | Anomaly
    | ContentBegin
    | ContentData
    | ContentGap
    | ContentEnd
    | OpenedBegin
    | OpenedData
    | OpenedGap
    | OpenedEnd
)


class Parser(Interface):
    """The state machine for one flow (or one body)."""

    client_is_orig: bool
    """False once the parser has seen that the responder of the flow is the client of the protocol."""

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what the next bytes of one direction say. UDP: exactly one datagram per call."""

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what follows from `length` bytes of one direction that were not captured."""

    def end(self, from_orig: bool) -> list[Event]:
        """Return what is still pending: this direction ends here (closed, reset, or capture over)."""


class DatagramParser:
    """Base of parsers for which each datagram stands for itself: how far each direction has been read."""

    def __init__(self, _opening: Opening) -> None:
        self.client_is_orig = True
        self._offsets = {True: 0, False: 0}

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what one datagram says."""
        message = bytes(data)
        offset = self._offsets[from_orig]
        self._offsets[from_orig] += len(message)
        return self.read(message, offset, from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: what was captured of the message has been read."""
        self._offsets[from_orig] += max(length, 0)
        return []

    def end(self, _from_orig: bool) -> list[Event]:
        """Return nothing: each datagram stands for itself."""
        return []

    def read(self, message: bytes, offset: int, from_orig: bool) -> list[Event]:
        """Return what a datagram says; `offset` is where it begins in its direction."""
        raise NotImplementedError


class Opening(NamedTuple):
    """What is known of a flow or body when a parser has to be chosen."""

    carrier: Carrier
    orig: bytes
    """First bytes of the originator's stream (for a body: its first bytes), at most `OPENING_BYTES`."""
    resp: bytes
    """First bytes of the responder's stream (for a body: empty)."""
    orig_port: int = 0
    resp_port: int = 0
    """Ports break ties; they never decide."""
    info: ContentInfo = ContentInfo()
    """For a body: what its carrier says of it."""
    midstream: bool = False
    """True if the beginning of the flow was not captured."""
    secrets: Secrets | None = None
    """Secrets that the examiner has, for protocols that encrypt."""
    is_opened: bool = False
    """True if the bytes were encrypted on the wire."""
    client_is_orig: bool = True
    """False if the carrier knows that the responder is the client."""
    is_half_opened: bool = False
    """True if one direction was encrypted and stays closed: there is no secret for it."""


OPENING_BYTES = 8192
BLANK_BYTES = b"\xef \t\r\n\v\f\0"
"""What texts may begin with before they begin: a byte order mark, white space, zeros."""


class Tunnel(NamedTuple):
    """How a body belongs to a stream that was cut into the bodies of a flow.

    Bodies of one flow with the same key are the two directions of one inner stream, in their order; the
    client of the carrying protocol sends one of them.
    """

    key: str
    skip: int | None
    """Bytes of the body that come before its part of the stream; None: no byte of it is part of the stream."""
    number: int | None = None
    """Place of the body in its direction: a number left out means that a body was lost."""
    is_midstream: bool = False
    """True if the stream has begun before this body."""
    is_last: bool = False
    """True if the direction of the stream ends with this body."""
    is_proxied: bool = False
    """True if the server of the flow only passes the stream on: rows of what is inside name no server address."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol as the engine, the documentation and the command line see it."""

    name: str
    title: str
    """One line: what it is."""
    specification: str
    carriers: tuple[Carrier, ...]
    tables: tuple[Table, ...]
    detect: Callable[[Opening], float | None]
    """Score from 0 (no) to 1 (certain), from bytes; None: cannot tell before more bytes are seen."""
    parser: Callable[[Opening], Parser]
    limits: str
    """What is known not to be decoded, in one or two sentences."""
    begins: bytes | None = None
    """Bytes with which a side of an opening may begin for `detect` to give anything but 0.0 (if both are empty, it is
    asked in any case). It keeps most protocols from being asked about most bodies; None: any byte."""
    joined_datagrams: bool = False
    """UDP: True if `feed` may get several datagrams of one direction joined (bulk media)."""
    tunnel: Callable[[ContentInfo], Tunnel | None] | None = None
    """Which inner stream a body of this protocol is a part of; None: it is read by `parser`."""
    inner: tuple[str, ...] = ()
    """Names of the protocols that the inner stream may have (read as from TCP): of several its first bytes choose."""
    read_beside: bool = False
    """Content: True if bodies hold more than the rows say; those of carrier `beside` read what servers send, too."""
