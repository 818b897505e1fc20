"""Bytes of one direction -> TLS records (RFC 8446 section 5.1), found again where bytes are missing.

A record whose bytes nobody wants is counted and skipped, not kept. After a gap that ends inside of a record, the
next one is where the length of the broken one says; otherwise two headers that fit each other are looked for.
"""

from __future__ import annotations

import re
from typing import Protocol as Interface

from ..errors import DecodeError

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24
HEADER_BYTES = 5
MAX_BODY = (1 << 14) + 2048
MAX_DISORDERS = 16
"""Places without a record, though nothing is missing, after which the stream is held to be something else."""
_STEP = 1 << 16
"""Bytes that are looked through at a time."""
_HEADER = re.compile(rb"[\x14-\x18]\x03[\x00-\x04]", re.DOTALL)


def is_header(data: bytes | bytearray | memoryview, at: int = 0) -> bool:
    """Return True if five bytes may be the header of a record.

    Example:
        >>> is_header(bytes.fromhex("1703030010")), is_header(b"GET /")
        (True, False)
    """
    return (
        CHANGE_CIPHER_SPEC <= data[at] <= HEARTBEAT
        and data[at + 1] == 3
        and data[at + 2] <= 4
        and data[at + 3] << 8 | data[at + 4] <= MAX_BODY
    )


def find_records(data: bytes | bytearray) -> tuple[int, bool]:
    """Return where two headers that fit each other begin, and True; or from where to look on with more bytes."""
    for found in _HEADER.finditer(data):
        at = found.start()
        if at + HEADER_BYTES > len(data):
            return at, False
        size = data[at + 3] << 8 | data[at + 4]
        following = at + HEADER_BYTES + size
        if not 0 < size <= MAX_BODY:
            continue
        if following + HEADER_BYTES > len(data):
            return at, False
        if is_header(data, following):
            return at, True
    return max(len(data) - 2, 0), False


class Sink(Interface):
    """Who reads the records of a direction."""

    def wants(self, kind: int) -> bool:
        """Return True if the body of a record of this kind is to be kept."""

    def on_record(self, kind: int, version: int, offset: int, body: memoryview) -> None:
        """Take a whole record; `offset` is that of its header."""

    def on_unread(self, kind: int, offset: int) -> None:
        """Take note of a record whose body was not wanted."""

    def on_part(self, kind: int, offset: int, body: memoryview) -> None:
        """Take the beginning of a record whose rest was not captured."""

    def on_lost(self, count: int | None, length: int) -> None:
        """Take note of records that are missing; None: nobody knows how many lay in so many bytes (-1: not known)."""

    def on_disorder(self, offset: int) -> None:
        """Take note of a place where a record should begin and none does."""


class RecordReader:
    """Cuts one direction into records."""

    __slots__ = ("_disorders", "_pending", "_sink", "_skip", "_skip_is_lost", "_start", "is_synced", "offset")

    def __init__(self, sink: Sink, *, is_synced: bool) -> None:
        self._sink = sink
        self._pending = bytearray()
        self._start = 0
        """Stream offset of the first pending byte."""
        self._skip = 0
        self._skip_is_lost = False
        self._disorders = 0
        self.is_synced = is_synced
        self.offset = 0
        """Stream offset of the next byte to come."""

    def feed(self, data: memoryview) -> None:
        """Read on."""
        waiting = [data]
        while waiting:
            view, at = waiting.pop(), 0
            while at < len(view):
                if self._skip:
                    step = min(self._skip, len(view) - at)
                    self._skip -= step
                elif not self.is_synced:
                    step, behind = self._search(view[at : at + _STEP])
                    if behind:
                        waiting += [view[at + step :], memoryview(behind)]
                        self.offset += step - len(behind)
                        break
                elif self._pending:
                    step = self._complete(view, at)
                else:
                    step = self._records(view, at)
                at += step
                self.offset += step

    def gap(self, length: int) -> None:
        """Step over bytes that were not captured (-1: nobody knows how many)."""
        left = self._skip
        is_new = bool(left) and not self._skip_is_lost
        if self.is_synced and len(self._pending) >= HEADER_BYTES:
            left, is_new = self._size() + HEADER_BYTES - len(self._pending), True
        self.cut()
        self.offset += max(length, 0)
        self._skip, self._skip_is_lost = 0, True
        if 0 <= length <= left:
            self._skip = left - length
            if is_new:
                self._sink.on_lost(1, length)
            return
        self.is_synced = False
        self._sink.on_lost(None, length)

    def cut(self) -> None:
        """Hand on what there is of a record whose rest is missing."""
        pending = bytes(self._pending)
        self._pending.clear()
        if self.is_synced and len(pending) > HEADER_BYTES:
            self._sink.on_part(pending[0], self._start, memoryview(pending)[HEADER_BYTES:])

    def _size(self) -> int:
        return self._pending[3] << 8 | self._pending[4]

    def _records(self, data: memoryview, start: int) -> int:
        """Read whole records in place; return how many bytes were used."""
        at, end, sink = start, len(data), self._sink
        base = self.offset - start
        while end - at >= HEADER_BYTES:
            kind, size = data[at], data[at + 3] << 8 | data[at + 4]
            following = at + HEADER_BYTES + size
            if not (20 <= kind <= 24 and data[at + 1] == 3 and data[at + 2] <= 4 and size <= MAX_BODY):
                self._disorder(base + at)
                return at - start
            if not sink.wants(kind):
                sink.on_unread(kind, base + at)
                if following > end:
                    self._skip, self._skip_is_lost = following - end, False
                    return end - start
            elif following <= end:
                sink.on_record(kind, 0x300 | data[at + 2], base + at, data[at + HEADER_BYTES : following])
            else:
                break
            at = following
        self._start = base + at
        self._pending += data[at:]
        return end - start

    def _complete(self, data: memoryview, at: int) -> int:
        """Add to a record that was cut; return how many bytes were used."""
        pending = self._pending
        used = 0
        if len(pending) < HEADER_BYTES:
            used = min(HEADER_BYTES - len(pending), len(data) - at)
            pending += data[at : at + used]
            if len(pending) < HEADER_BYTES:
                return used
            if not is_header(pending):
                self._disorder(self._start)  # the bytes stay pending: a record may begin among them
                return used
            if not self._sink.wants(pending[0]):
                self._sink.on_unread(pending[0], self._start)
                self._skip, self._skip_is_lost = self._size(), False
                pending.clear()
                return used
        step = min(self._size() + HEADER_BYTES - len(pending), len(data) - at - used)
        pending += data[at + used : at + used + step]
        if len(pending) == self._size() + HEADER_BYTES:
            whole = bytes(pending)
            pending.clear()
            self._sink.on_record(whole[0], 0x300 | whole[2], self._start, memoryview(whole)[HEADER_BYTES:])
        return used + step

    def _disorder(self, offset: int) -> None:
        self.is_synced = False
        self._disorders += 1
        if self._disorders > MAX_DISORDERS:
            raise DecodeError("no TLS records any more", offset=offset)
        self._sink.on_disorder(offset)

    def _search(self, data: memoryview) -> tuple[int, bytes]:
        """Look for the next record; return how many bytes were used, and those to be read again: from the record on."""
        pending = self._pending
        if not pending:
            self._start = self.offset
        pending += data
        found, is_found = find_records(pending)
        behind = bytes(pending[found:]) if is_found else b""
        if is_found:
            self.is_synced = True
            pending.clear()
        else:
            del pending[:found]
            self._start += found
        return len(data), behind
