"""A body inside a flow: finds a child protocol for it, and becomes a row of the objects table."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..protocol import OPENING_BYTES, ContentInfo, Opening, Parser, Protocol
from .magic import kind_of

if TYPE_CHECKING:
    from .places import Place

DIGEST_LIMIT = 64 << 10
"""Complete bodies up to this size (playlists, keys, replies) get a SHA-256 at once; hashing all media would double
the cost of a capture, and `contents_of` gives it on demand."""
MAP_LIMIT = 8192
"""Runs whose places are kept of a body in chunked coding."""
HELD_LIMIT = 8 * OPENING_BYTES


class Content:
    """State of one body while it is being carried."""

    __slots__ = (
        "_coded",
        "_digest",
        "_map_from",
        "_map_to",
        "begin_offset",
        "first",
        "first_bytes",
        "from_orig",
        "held",
        "info",
        "last",
        "missing",
        "parent",
        "parser",
        "protocol",
        "seen",
        "settled",
    )

    def __init__(self, from_orig: bool, offset: int, info: ContentInfo, first: Place, parent: Content | None) -> None:
        self.from_orig = from_orig
        self.begin_offset = offset
        self.info = info
        self.first = first
        self.last = first
        self.parent = parent
        self.parser: Parser | None = None
        self.protocol: Protocol | None = None
        self.settled = False
        self.held: list[memoryview | bytes | int] = []
        self.first_bytes = b""
        self.seen = 0
        self.missing: int | None = 0
        small = info.declared_bytes is None or info.declared_bytes <= DIGEST_LIMIT
        self._digest: hashlib._Hash | None = hashlib.sha256() if small else None
        self._coded = False
        self._map_from = [0]
        self._map_to = [offset]

    @property
    def depth(self) -> int:
        """Return how many bodies this one lies in."""
        return 0 if self.parent is None else self.parent.depth + 1

    @property
    def position(self) -> int:
        """Return the content offset of the next byte, gaps included."""
        return self.seen + (self.missing or 0)

    def note(self, data: memoryview | bytes, offset: int, places: tuple[Sequence[int], Sequence[int]] | None) -> int:
        """Count bytes that are about to be fed; return where the last of them stands in the carrying stream.

        `offset` and `places` are those of `ContentData`, in terms of the carrying stream.
        """
        self._forget()
        last = offset + len(data) - 1
        position = self.position
        if places is None:
            if self._map_to[-1] + position - self._map_from[-1] != offset:
                self._map(position, offset)
        elif places[0]:
            for start, place in zip(*places, strict=True):
                self._map(position + start, place)
            last = places[1][-1] + len(data) - places[0][-1] - 1
        else:
            self._coded = True
            last = offset
        self._count(data)
        return last

    def _map(self, position: int, offset: int) -> None:
        self._map_from.append(position)
        self._map_to.append(offset)

    def _forget(self) -> None:
        """Drop old places: rows point back a short way only (the start is kept)."""
        if len(self._map_from) > MAP_LIMIT:
            del self._map_from[1 : -MAP_LIMIT // 2], self._map_to[1 : -MAP_LIMIT // 2]

    def _count(self, data: memoryview | bytes) -> None:
        if not self.seen:
            self.first_bytes = bytes(data[:512])
        elif len(self.first_bytes) < 512:
            self.first_bytes += bytes(data[: 512 - len(self.first_bytes)])
        self.seen += len(data)
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
        elif self.missing is not None:
            self.missing += length

    def stream_offset(self, content_offset: int) -> int:
        """Return the place in the carrying stream of a place in the body."""
        if self._coded:
            return self.begin_offset
        index = bisect_right(self._map_from, content_offset) - 1
        return self._map_to[index] + content_offset - self._map_from[index]

    def opening(self) -> Opening:
        """Return what is known for choosing a parser."""
        first = bytearray()
        for part in self.held:
            if not isinstance(part, int) and len(first) < OPENING_BYTES:
                first += part[: OPENING_BYTES - len(first)]
        return Opening("content", bytes(first), b"", info=self.info)

    def digest(self, complete: bool) -> str | None:
        """Return the SHA-256 of a complete body, null where it was not made."""
        return self._digest.hexdigest() if complete and self._digest is not None and self.seen else None

    def kind(self) -> str | None:
        """Return what the body is: by its parser, else by its first bytes."""
        return self.protocol.name if self.protocol is not None else kind_of(self.first_bytes)
