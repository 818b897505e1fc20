"""A body inside a flow: finds a child protocol for it, and becomes a row of the objects table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..protocol import ContentInfo, Opening, Parser, Protocol
from .magic import kind_of
from .offsets import OffsetMap
from .places import Marks
from .waiting import Waiting

if TYPE_CHECKING:
    from .opened import OpenedStream
    from .places import Place
    from .tunnels import InnerStream

DIGEST_LIMIT = 64 << 10
"""Complete bodies up to this size (playlists, keys, replies) get a SHA-256 at once; hashing all media would double
the cost of a capture, and `contents_of` gives it on demand."""


class Content:
    """State of one body while it is being carried."""

    __slots__ = (
        "_coded",
        "_digest",
        "_map",
        "begin_offset",
        "ends_inner",
        "first",
        "first_bytes",
        "from_orig",
        "info",
        "inner",
        "last",
        "marks",
        "missing",
        "opened",
        "parent",
        "parser",
        "passed",
        "protocol",
        "seen",
        "settled",
        "skip",
        "waiting",
    )

    def __init__(
        self, from_orig: bool, offset: int | None, info: ContentInfo, first: Place, parent: Content | InnerStream | None
    ) -> None:
        self.from_orig = from_orig
        self.begin_offset = offset
        self.info = info
        self.first = first
        self.last = first
        self.parent = parent
        self.opened: OpenedStream | None = None if parent is None else parent.opened_stream()
        """The decrypted stream in which the body lies."""
        self.parser: Parser | None = None
        self.protocol: Protocol | None = None
        self.settled = False
        self.waiting = Waiting()
        self.first_bytes = b""
        self.seen = 0
        self.missing: int | None = 0
        self.marks = Marks()
        self.inner: InnerStream | None = None
        """The inner stream that the body is a part of."""
        self.skip: int | None = 0
        """Bytes that come before that part; None: nothing of the body is part of it."""
        self.ends_inner = False
        small = info.declared_bytes is None or info.declared_bytes <= DIGEST_LIMIT
        self._digest: hashlib._Hash | None = hashlib.sha256() if small else None
        self._coded = False
        self.passed = 0
        """Content offset of the next byte: bytes seen, and missing as far as it is known how many."""
        self._map = OffsetMap()
        self._map.add(0, offset)

    @property
    def is_proxied(self) -> bool:
        """Return True if the server of the flow is not the one that sent or got the body."""
        return self.parent is not None and self.parent.is_proxied

    def opened_stream(self) -> OpenedStream | None:
        """Return the decrypted stream in which the body lies, None if it came in clear."""
        return self.opened

    def secret_of(self, from_orig: bool, offset: int | None = None) -> str | None:
        """Return the digest of the secret that decrypted what lies in the body, None if it came in clear."""
        return None if self.opened is None else self.opened.secret_of(from_orig)

    @property
    def is_outermost(self) -> bool:
        """Return True for a body that lies in no other: in the flow, or in what was decrypted of it."""
        return self.parent is None or self.parent is self.opened

    @property
    def is_coded(self) -> bool:
        """Return True if no byte of the body has a place of its own in the carrying stream."""
        return self._coded

    @property
    def depth(self) -> int:
        """Return how many bodies this one lies in."""
        return 0 if self.parent is None else self.parent.depth + 1

    def note(
        self, data: memoryview | bytes, offset: int | None, places: tuple[Sequence[int], Sequence[int | None]] | None
    ) -> int | None:
        """Count bytes that are about to be fed; return where the last of them stands in the carrying stream.

        `offset` and `places` are those of `ContentData`, in terms of the carrying stream.
        """
        last = offset
        if places is None:
            self._map.add(self.passed, offset)
            last = None if offset is None else offset + len(data) - 1
        elif places[0]:
            for start, place in zip(*places, strict=True):
                self._map.add(self.passed + start, place)
            end = places[1][-1]
            last = None if end is None else end + len(data) - places[0][-1] - 1
        else:
            self._coded = True
        self._count(data)
        return last

    def _count(self, data: memoryview | bytes) -> None:
        if not self.seen:
            self.first_bytes = bytes(data[:512])
        elif len(self.first_bytes) < 512:
            self.first_bytes += bytes(data[: 512 - len(self.first_bytes)])
        self.seen += len(data)
        self.passed += len(data)
        if self._digest is not None:
            if self.seen > DIGEST_LIMIT:
                self._digest = None
            else:
                self._digest.update(data)

    def note_gap(self, length: int) -> None:
        """Count missing bytes (-1: nobody knows how many)."""
        self._digest = None
        if length < 0:
            self.missing = None
            return
        self.passed += length
        if self.missing is not None:
            self.missing += length

    def stream_offset(self, offset: int, _from_orig: bool) -> int | None:
        """Return the place in the carrying stream of a place in the body, None if that is not known any more."""
        return self.begin_offset if self._coded else self._map.at(offset)

    def runs(self, offset: int, length: int, _from_orig: bool) -> tuple[list[int], list[int | None]]:
        """Return where the runs of some bytes begin, and their places in the carrying stream."""
        return ([0], [None]) if self._coded else self._map.runs(offset, length)

    def opening(self) -> Opening:
        """Return what is known for choosing a parser."""
        first, is_begin = self.waiting.first_bytes(True)
        return Opening("content", first, b"", info=self.info, midstream=not is_begin)

    def digest(self, complete: bool) -> str | None:
        """Return the SHA-256 of a complete body, null where it was not made."""
        return self._digest.hexdigest() if complete and self._digest is not None and self.seen else None

    def row(self, flow_id: int, ends: Sequence[Any], *, complete: bool) -> tuple[Any, ...]:
        """Return the row of the objects table; `ends` are the addresses and ports of client and server."""
        info = self.info
        return (
            self.first.ns,
            flow_id,
            self.from_orig,
            self.first.frame_no,
            self.begin_offset,
            info.name,
            self.kind(),
            info.media_type,
            info.role,
            info.status,
            self.seen,
            info.declared_bytes,
            info.first_byte,
            info.total_bytes,
            self.missing,
            complete and self.missing == 0,
            self.digest(complete),
            self.last.ns,
            self.last.frame_no,
            self.secret_of(self.from_orig),
            *ends,
        )

    def kind(self) -> str | None:
        """Return what the body is: by its parser, else by its first bytes."""
        if self.protocol is None or "rest" in self.protocol.carriers:
            return kind_of(self.first_bytes)
        return self.protocol.name
