"""Bodies of HTTP messages: stream bytes in, content events out (RFC 9112 section 6).

A `Body` knows how its end is found (length, chunks, end of the stream), undoes the content codings and counts what
came and what is missing. It never copies the bytes of an identity body.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from ..protocol import CODED, ContentBegin, ContentData, ContentEnd, ContentGap, ContentInfo, Event
from ._http_chunked import (
    DATA,
    DONE,
    FIRST_SIZE_BYTES,
    TRAILER,
    TRAILER_LF,
    TRAILER_LINE,
    ChunkReader,
    find_chunk,
    starts_chunked,
)
from ._http_coding import CodingError, Decoders, unsupported
from ._http_head import Head

MAX_LENGTH_DIGITS = 18
MAX_LOSSES = 1000
"""How often chunk lines are looked for again in one body: holes in a long live stream are some hundred."""

_NEAR_REACH = 1 << 10
_FARTHEST_REACH = 1 << 18
_RANGE = re.compile(r"bytes[ =]+(?:(\d{1,18})-\d*|\*)/(?:(\d{1,18})|\*)")

Note = Callable[[str, int, str], None]
"""Records an anomaly: name, stream offset, detail."""
Runs = tuple[list[int], list[int]]
"""Runs of bytes that stand apart in the stream: their positions in the data, and their stream offsets."""
Begins = Callable[[memoryview], bool | None]
"""Says whether bytes begin a message of the direction; None: more are needed."""
Finder = Callable[[bytes], tuple[int, int]]
"""Finds the next start line of the direction: `find_request` or `find_response`."""


class Kind(Enum):
    """How the end of a body is found."""

    NONE = "no body"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "until the stream ends"


def declared_length(head: Head) -> int | None:
    """Return the first readable Content-Length; names what is wrong with it in `head.deviations`."""
    value = head.fields.get("content-length")
    if value is None:
        return None
    values = head.doubled.get("content-length")
    if values is None:
        if value.isascii() and value.isdigit() and len(value) <= MAX_LENGTH_DIGITS:
            return int(value)
        values = [value]
    members = [member.strip(" \t") for value in values for member in value.split(",")]
    lengths = [int(m) for m in members if m.isascii() and m.isdigit() and len(m) <= MAX_LENGTH_DIGITS]
    if len(lengths) < len(members):
        head.deviations.add("unreadable_content_length")
    if len(set(lengths)) > 1:
        head.deviations.add("conflicting_content_length")
    elif len(lengths) > 1:
        head.deviations.add("doubled_content_length")
    return lengths[0] if lengths else None


def framing(head: Head, *, response: bool) -> tuple[Kind, int | None]:
    """Return how the body's end is found, and its declared length (RFC 9112 section 6.3)."""
    length = declared_length(head)
    transfer = head.get("transfer-encoding")
    if transfer is not None:
        codings = [coding for coding in _members(transfer) if coding != "identity"]  # RFC 2616 section 3.6: none
        if "chunked" in codings:
            if length is not None:
                head.deviations.add("content_length_with_chunked")
            return Kind.CHUNKED, length
        if codings and response:
            return Kind.CLOSE, length
    if length is not None:
        return (Kind.LENGTH if length else Kind.NONE), length
    return (Kind.CLOSE if response else Kind.NONE), None


def codings_of(head: Head) -> list[str]:
    """Return the codings of the body in the order in which they were applied."""
    content, transfer = head.get("content-encoding"), head.get("transfer-encoding")
    if content is None and transfer is None:
        return []
    found = _members(content or "") + _members(transfer or "")
    return [coding for coding in found if coding not in ("identity", "chunked")]


def _members(value: str) -> list[str]:
    members = (member.partition(";")[0].strip(" \t").lower() for member in value.split(","))
    return [member for member in members if member]


def content_range(head: Head) -> tuple[int | None, int | None]:
    """Return position of the first byte and length of the whole (RFC 9110 section 14.4), None if not said."""
    match = _RANGE.match((head.get("content-range") or "").lower())
    if not match:
        return None, None
    first, total = match.groups()
    return int(first) if first else None, int(total) if total else None


class Body:
    """The body of one message: of declared length, or until the stream ends."""

    __slots__ = (
        "_begun", "_decoders", "_events", "_from_orig", "_key", "_last", "_muted", "_note", "_peek", "_remaining",
        "deviations", "done", "info", "missing", "offset", "seen", "trouble",
    )  # fmt: skip

    def __init__(
        self, key: int, from_orig: bool, info: ContentInfo, length: int | None, events: list[Event], note: Note
    ) -> None:
        self.info = info
        self.deviations: set[str] = set()
        self.offset: int | None = None
        """Where the first body byte stands, None as long as there is none."""
        self._last = 0  # stream offset of the last byte handed on
        self.seen = 0
        """Bytes that came, after the transfer coding."""
        self.missing = 0
        """Bytes that are not in the capture."""
        self.done = False
        self.trouble: str | None = None
        """Why the body is not complete."""
        self._key = key
        self._from_orig = from_orig
        self._events = events
        self._note = note
        self._remaining = length
        self._peek: Begins | None = None
        self._muted = False
        self._decoders: Decoders | None = None
        self._begun = False

    def doubt(self, begins_message: Begins) -> None:
        """Take a start line at the place of the body for the next message: the body may not have been sent."""
        self._peek = begins_message

    def decode(self, codings: list[str], offset: int) -> None:
        """Undo these codings, if that can be done here."""
        lacking = unsupported(codings)
        if lacking:
            self._note("coding_not_supported", offset, lacking)
        elif self.info.first_byte:
            self._note("coding_of_partial_content", offset, "a part of a coded whole is handed on as it is")
        else:
            self._decoders = Decoders(codings)

    def feed(self, view: memoryview, offset: int) -> int:
        """Return how many bytes belong to the body; fewer than given: it is done, or more are needed to tell."""
        if self._peek is not None:
            begins = self._peek(view if self._remaining is None else view[: self._remaining])
            if begins:
                self.done = True
                self.deviations.add("no_body_where_one_was_due")
                return 0
            if begins is None and (self._remaining is None or self._remaining > len(view)):
                return 0
            self._peek = None
        return self._feed(view, offset)

    def _feed(self, view: memoryview, offset: int) -> int:
        length = len(view)
        if self._remaining is not None:
            if length > self._remaining:
                length = self._remaining
                view = view[:length]
            self._remaining -= length
            self.done = self._remaining == 0
        self._hand(view, offset)
        return length

    def gap(self, length: int, offset: int) -> int:
        """Return how many of the missing bytes lie behind the end of the body."""
        taken = length
        if self._remaining is not None:
            taken = min(length, self._remaining)
            self._remaining -= taken
            self.done = self._remaining == 0
        self._missed(taken, offset, taken)
        return length - taken

    def flush(self, rest: bytes, offset: int) -> None:
        """Take bytes that were kept back: a gap or the end follows them."""
        if self._peek is not None:
            self._peek = None
            self._feed(memoryview(rest), offset)

    def stream_ends(self) -> None:
        """Close the body and say whether it is complete, now that its direction has ended."""
        ends_well = not self._remaining
        if not ends_well and self.trouble is None:
            self.trouble = "ended early"
        self.close(whole=ends_well)

    def close(self, *, whole: bool = True) -> None:
        """Emit what is left; `whole` is False if bytes are missing at the end."""
        if not self._begun:
            return
        whole = whole and not self._muted
        if self._decoders is not None and not self._muted:
            whole = self._finish_decoding(self._decoders, whole=whole)
        self._events.append(ContentEnd(self._key, whole))

    def _finish_decoding(self, decoders: Decoders, *, whole: bool) -> bool:
        start = self.offset or 0
        try:
            for piece in decoders.finish():
                self._events.append(ContentData(self._key, self._last, piece, CODED))
        except CodingError as error:
            if whole:
                self._note(error.name, start, error.detail)
            whole = False
        self._check_coding(decoders, start)
        return whole

    def _check_coding(self, decoders: Decoders, offset: int) -> None:
        if decoders.not_as_declared and "coding_not_as_declared" not in self.deviations:
            self._note("coding_not_as_declared", offset, "")
            self.deviations.add("coding_not_as_declared")

    def _begin(self, offset: int) -> None:
        if not self._begun:
            self._begun = True
            self.offset = offset
            self._events.append(ContentBegin(self._key, self._from_orig, offset, self.info))

    def _hand(self, piece: memoryview, offset: int, runs: Runs | None = None) -> None:
        if not piece:
            return
        self._begin(offset)
        self.seen += len(piece)
        last = offset + len(piece) - 1 if runs is None else runs[1][-1] + len(piece) - runs[0][-1] - 1
        self._last = last
        if self._decoders is None:
            self._events.append(ContentData(self._key, offset, piece, runs))
        elif not self._muted:
            try:
                for decoded in self._decoders.feed(bytes(piece)):
                    self._events.append(ContentData(self._key, last, decoded, CODED))
            except CodingError as error:
                self._note(error.name, self.offset or 0, error.detail)
                self._mute()
            self._check_coding(self._decoders, self.offset or 0)

    def _missed(self, counted: int, offset: int, length: int) -> None:
        """Count missing bytes and tell of them; `length` is what they are in the body (-1: unknown)."""
        if counted:
            self.trouble = "gap"
        self.missing += counted
        self._begin(offset)
        if self._decoders is None:
            self._events.append(ContentGap(self._key, length))
        elif not self._muted:
            self._finish_decoding(self._decoders, whole=False)
            self._mute()

    def _mute(self) -> None:
        """Hand on no more: what follows a hole in coded data cannot be decoded."""
        self._muted = True
        self._events.append(ContentGap(self._key, -1))


class ChunkedBody(Body):
    """A body in chunked transfer coding, followed across holes to the next chunk line."""

    __slots__ = ("_chunks", "_find_start", "_losses", "_lost", "_raw", "_reach", "_unsure")

    def __init__(
        self, key: int, from_orig: bool, info: ContentInfo, events: list[Event], note: Note, find_start: Finder
    ) -> None:
        super().__init__(key, from_orig, info, None, events, note)
        self._chunks = ChunkReader()
        self._find_start = find_start
        self._unsure = True  # as long as the first chunk-size line was not seen
        self._raw = False
        self._reach = _NEAR_REACH
        self._lost = False
        self._losses = 0

    def _feed(self, view: memoryview, offset: int) -> int:
        if self._unsure:
            chunked = starts_chunked(bytes(view[:FIRST_SIZE_BYTES]))
            if chunked is None:
                return 0
            self._unsure = False
            if not chunked:
                self._not_chunked(offset)
        if self._raw:
            return super()._feed(view, offset)
        if self._lost:
            return self._seek(view, offset)
        data, first, consumed = self._chunks.read(view)
        self._hand(data, offset + max(first, 0), self._runs(offset))
        if self._chunks.lf_only:
            self.deviations.add("LF_only_line_ends")
        if self._chunks.phase == DONE:
            self.done = True
        elif consumed < len(view):
            self._note("chunk_size_not_readable", offset + consumed, "")
            self._lose(offset + consumed, 0)
        return consumed

    def _runs(self, offset: int) -> Runs | None:
        """Return where the data of the last read stand in the stream; None if they stand in one piece."""
        at, place = self._chunks.runs
        return (at, [offset + p for p in place]) if len(at) > 1 else None

    def _not_chunked(self, offset: int) -> None:
        self._note("chunked_not_as_declared", offset, "the body does not start with a chunk size")
        self.deviations.add("chunked_not_as_declared")
        if self.info.role == "request":
            self._lose(offset, 0)
        else:
            self._raw = True

    def _lose(self, offset: int, length: int) -> None:
        """The chunk lines cannot be followed any more: look for the next one."""
        self.trouble = self.trouble or "unreadable chunks"
        self._lost = True
        self._losses += 1
        self._reach = _NEAR_REACH
        self._chunks.restart()
        self._missed(length, offset, -1)

    def _seek(self, view: memoryview, offset: int) -> int:
        while True:
            window = bytes(view[: self._reach])
            chunk, keep = find_chunk(window) if self._losses <= MAX_LOSSES else (-1, len(window))
            start, start_keep = self._find_start(window if chunk < 0 else window[:chunk])
            self._reach = min(4 * self._reach, _FARTHEST_REACH)
            if start >= 0 or chunk >= 0 or min(keep, start_keep) or len(window) == len(view):
                break
        if start < 0 and chunk >= 0:
            self._lost = False
            self._hand(view[:chunk], offset)
            return chunk + 2
        if start >= 0:
            keep, self.done = start, True
        else:
            keep = min(keep, start_keep)
        self._hand(view[:keep], offset)
        return keep

    def gap(self, length: int, offset: int) -> int:
        """Return 0: where a chunked body ends cannot be told across a gap."""
        within = not self._lost and self._chunks.phase == DATA and self._chunks.remaining >= length
        if within and not self._unsure and not self._raw:
            self._chunks.skip(length)
            self._missed(length, offset, length)
        elif self._raw:
            self._missed(length, offset, length)
        else:
            self._unsure = False
            self._lose(offset, length)
        return 0

    def flush(self, rest: bytes, offset: int) -> None:
        """Take bytes that were kept back: a gap or the end follows them."""
        self._peek = None
        if self._unsure:
            self._unsure = False
            data, first, _ = self._chunks.read(memoryview(rest))
            self._hand(data, offset + max(first, 0), self._runs(offset))
        elif self._lost:
            self._hand(memoryview(rest), offset)

    def stream_ends(self) -> None:
        """Close the body and say whether it is complete, now that its direction has ended."""
        ends_well = self._raw
        if self._chunks.phase in _AFTER_LAST_CHUNK and not self._lost:
            ends_well = True  # only the empty line after the last chunk did not come
            self.deviations.add("chunked_end_cut")
        if not ends_well and self.trouble is None:
            self.trouble = "ended early"
        self.close(whole=ends_well)

    def close(self, *, whole: bool = True) -> None:
        """Emit what is left; `whole` is False if bytes are missing at the end."""
        super().close(whole=whole and not self._lost)


_AFTER_LAST_CHUNK = (TRAILER, TRAILER_LINE, TRAILER_LF)
