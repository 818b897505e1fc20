r"""ECHO/1, a line protocol that does not exist: from lines in both directions to one row per line.

This file is the template: a new protocol begins as a copy under its own name, and needs nothing but that
and `tests/protocols/test_NAME.py`. A client sends `ECHO/1 TEXT\n`, the server answers `ECHO/1 TEXT\n`; a
TEXT of the form `=LENGTH` announces a body of so many bytes behind the line.

This paragraph names the specification with its sections (here: none, the protocol is invented).

**Known limitations**: say here what is not decoded, and what then stands in its place. Here: after bytes
that were not captured, the rest of the line they cut is dropped.
"""

from __future__ import annotations

import re

from ..errors import DecodeError
from ..protocol import (
    Anomaly,
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentGap,
    ContentInfo,
    Event,
    Opening,
    Protocol,
    Row,
)
from ..schema import Column, message_table

# 1. Limits. Every buffer, depth and count has one, with the reason for its size.

MAX_LINE_BYTES = 1024
"""Longest line, the complete one as well as the pending part: both, or chunking would change results."""

# 2. Constants and code tables, under the section of the specification that they come from.

PREFIX = b"ECHO/1 "
_BODY = re.compile(rb"=([0-9]{1,9})\Z")

# 3. The tables. The engine fills the leading columns, and the endpoints if they are asked for.

TABLE = message_table(
    "example",
    "line of the ECHO protocol",
    (
        Column("text", "text", "What the line says; bytes that are no UTF-8 as backslash escapes."),
        Column("body_bytes", "int", "Bytes of the body that were announced; null if the line has none."),
    ),
    endpoints=True,
)


class _Direction:
    """What is pending in one direction."""

    def __init__(self) -> None:
        self.pending = bytearray()
        self.offset = 0
        """Stream offset of the first pending byte."""
        self.bodies = 0
        self.body_key = 0
        self.body_left = 0
        self.is_in_step = True
        """False between a gap and the next line."""


class ExampleParser:
    """The state of one flow. It knows bytes and offsets: no files, frames, clocks or addresses."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        # A flow whose beginning was not captured starts in the middle of a line, as after a gap.
        self._directions = {True: _Direction(), False: _Direction()}
        self._failure: DecodeError | None = None
        for direction in self._directions.values():
            direction.is_in_step = not opening.midstream

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what the next bytes of one direction say; they may be cut anywhere."""
        if self._failure is not None:
            raise self._failure
        direction = self._directions[from_orig]
        events: list[Event] = []
        try:
            while data:
                take = self._take_body if direction.body_left else self._take_line
                data = data[take(data, direction, from_orig, events) :]
        except DecodeError as failure:
            # What was read before the fault in the same bytes still counts: the fault waits for the next call.
            if not events:
                raise
            self._failure = failure
        return events

    def _take_body(self, data: memoryview, direction: _Direction, _from_orig: bool, events: list[Event]) -> int:
        """Return how many bytes belong to the body; they are handed on as they come, never collected."""
        piece = bytes(data[: direction.body_left])
        events.append(ContentData(direction.body_key, direction.offset, piece))
        direction.offset += len(piece)
        direction.body_left -= len(piece)
        if not direction.body_left:
            events.append(ContentEnd(direction.body_key, complete=True))
        return len(piece)

    def _take_line(self, data: memoryview, direction: _Direction, from_orig: bool, events: list[Event]) -> int:
        """Return how many bytes belong to the line; they are copied, since `data` is valid during the call only."""
        piece = bytes(data[: MAX_LINE_BYTES + 1])
        end = piece.find(b"\n") + 1
        piece = piece[:end] if end else piece
        direction.pending += piece
        if direction.is_in_step and len(direction.pending) > MAX_LINE_BYTES:
            why = f"a line has at most {MAX_LINE_BYTES} bytes, more were found"
            raise DecodeError(why, offset=direction.offset)
        if end:
            events += self._line(direction, from_orig)
        elif not direction.is_in_step:
            direction.offset += len(direction.pending)
            direction.pending.clear()
        return len(piece)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what follows from missing bytes: they belong to the body, or cut a line."""
        direction = self._directions[from_orig]
        events: list[Event] = []
        length = max(length, 0)  # -1: not known how many
        missing = min(length, direction.body_left)
        if missing:
            direction.body_left -= missing
            direction.offset += missing
            events.append(ContentGap(direction.body_key, missing))
            if not direction.body_left:
                events.append(ContentEnd(direction.body_key, complete=True))
        if length > missing or not missing:
            events += self._drop_pending(direction, from_orig, "a gap")
            direction.offset += length - missing
            direction.is_in_step = False
        return events

    def end(self, from_orig: bool) -> list[Event]:
        """Return what is still pending: what was cut is said, not guessed."""
        direction = self._directions[from_orig]
        if direction.body_left:
            direction.body_left = 0
            return [ContentEnd(direction.body_key, complete=False)]
        return self._drop_pending(direction, from_orig, "the end")

    def _drop_pending(self, direction: _Direction, from_orig: bool, cause: str) -> list[Event]:
        length = len(direction.pending)
        direction.pending.clear()
        if not length:
            return []
        cut = Anomaly("EXAMPLE_line_incomplete", from_orig, direction.offset, f"{length} bytes before {cause}")
        direction.offset += length
        return [cut]

    def _line(self, direction: _Direction, from_orig: bool) -> list[Event]:
        """Return the row of the line that is complete now, and the beginning of its body."""
        line, start = bytes(direction.pending), direction.offset
        direction.pending.clear()
        direction.offset += len(line)
        if not direction.is_in_step:
            direction.is_in_step = True
            return []
        if not line.startswith(PREFIX):
            raise DecodeError(f"a line begins with {PREFIX!r}, found {line[:20]!r}", offset=start)
        text = line[len(PREFIX) :].rstrip(b"\r\n")
        body = _BODY.match(text)
        # Missing is null, never -1, 0 or an empty text: a column without a value may be left out.
        values = {"text": text.decode("utf-8", "backslashreplace") or None}
        if body is None:
            return [Row("example", from_orig, start, values)]
        length = int(body[1])
        direction.bodies += 1
        direction.body_key, direction.body_left = direction.bodies * 2 + from_orig, length
        begin = ContentBegin(
            direction.body_key, from_orig, direction.offset, ContentInfo(name="echo", declared_bytes=length)
        )
        events: list[Event] = [Row("example", from_orig, start, {**values, "body_bytes": length}), begin]
        return events if length else [*events, ContentEnd(direction.body_key, complete=True)]


def detect(opening: Opening) -> float | None:
    """Return how sure it is that the flow is ECHO: from bytes, ports only break ties.

    None means that more bytes are needed; a refusal (0.0) is final.
    """
    scores = [_score(data) for data in (opening.orig, opening.resp) if data]
    if 0.0 in scores:
        return 0.0
    return None if not scores or None in scores else 0.9


def _score(data: bytes) -> float | None:
    head = data[: len(PREFIX)]
    return None if PREFIX.startswith(head) and head != PREFIX else float(head == PREFIX)


# 4. The last statement of the file: what the engine, the documentation and the command line see.

PROTOCOL = Protocol(
    name="example",
    title="ECHO/1, the invented protocol of the template",
    specification="none",
    carriers=("tcp",),
    tables=(TABLE,),
    detect=detect,
    parser=ExampleParser,
    limits="The line that a gap cuts is dropped.",
)
