"""Streams that were cut into the bodies of a flow (RTMP in HTTP), put together and read by one parser each.

**Known limitations**: the bodies of one inner stream must lie in one flow. What of it went over another
connection is missing here, and each flow gives rows of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .choice import choose
from .offsets import OffsetMap
from .places import Marks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..protocol import Event, Opening, Parser, Protocol, Tunnel
    from .opened import OpenedStream

MAX_INNER_STREAMS = 64
"""Inner streams of one flow that are read at the same time: a proxy may carry those of several clients."""


class InnerStream:
    """Both directions of one inner stream; offsets count the bytes of a direction, gaps included."""

    __slots__ = (
        "_broken",
        "_maps",
        "_numbers",
        "_open",
        "_positions",
        "depth",
        "is_proxied",
        "marks",
        "opened",
        "parser",
        "protocol",
    )

    begin_offset = None
    """An inner stream lies in many bodies: its rows name none."""

    def __init__(self, protocol: Protocol | None, parser: Parser | None, depth: int) -> None:
        self.protocol = protocol
        self.parser = parser
        self.opened: OpenedStream | None = None
        """The decrypted stream in which it lies."""
        self.depth = depth
        self.is_proxied = False
        """True if the server of the flow is not the one that speaks in it."""
        self.marks = Marks()
        self._maps = (OffsetMap(), OffsetMap())
        self._positions = [0, 0]
        self._numbers: list[int | None] = [None, None]
        self._broken = [False, False]
        self._open = [True, True]

    def opened_stream(self) -> OpenedStream | None:
        """Return the decrypted stream in which it lies, None if it came in clear."""
        return self.opened

    def secret_of(self, from_orig: bool, offset: int | None = None) -> str | None:
        """Return the digest of the secret that decrypted a direction, None if it came in clear."""
        return None if self.opened is None else self.opened.secret_of(from_orig)

    def stream_offset(self, offset: int, from_orig: bool) -> int | None:
        """Return the place in the carrying stream of a place in a direction, None if it is not known."""
        return self._maps[not from_orig].at(offset)

    def runs(self, offset: int, length: int, from_orig: bool) -> tuple[list[int], list[int | None]]:
        """Return where the runs of some bytes begin, and their places in the carrying stream."""
        return self._maps[not from_orig].runs(offset, length)

    def begin_part(self, part: Tunnel, from_orig: bool) -> None:
        """Take note of a further body: if others were left out, bytes are missing."""
        side = not from_orig
        before, number = self._numbers[side], part.number
        if number is not None:
            self._numbers[side] = number
            self._broken[side] |= before is not None and number > before + 1

    def end_part(self, from_orig: bool, *, complete: bool) -> None:
        """Take note of the end of a body: nobody knows what followed if it is not complete."""
        self._broken[not from_orig] |= not complete

    def mend(self, from_orig: bool) -> list[Event]:
        """Return what follows from bodies that were lost before the next bytes of a direction."""
        side = not from_orig
        if not self._broken[side] or self.parser is None or not self._open[side]:
            return []
        self._broken[side] = False
        return self.parser.gap(-1, from_orig)

    def feed(self, data: memoryview, runs: tuple[Sequence[int], Sequence[int | None]], from_orig: bool) -> list[Event]:
        """Return what the next bytes of a direction say; `runs` are their places in the carrying stream."""
        side = not from_orig
        if self.parser is None or not self._open[side]:
            return []
        position = self._positions[side]
        for start, place in zip(*runs, strict=True):
            self._maps[side].add(position + start, place)
        self._positions[side] = position + len(data)
        return self.parser.feed(data, from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what follows from bytes of a direction that were not captured (-1: unknown how many)."""
        side = not from_orig
        if length < 0:
            self._broken[side] = True
        elif self.parser is not None and self._open[side] and length:
            self._positions[side] += length
            return self.parser.gap(length, from_orig)
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return what is pending in a direction; after the second one the parser is let go."""
        side = not from_orig
        if self.parser is None or not self._open[side]:
            return []
        self._open[side] = False
        events = self.parser.end(from_orig)
        if not any(self._open):
            self.parser = None
        return events


def protocol_within(carrier: Protocol, by_name: Mapping[str, Protocol], first: Opening) -> Protocol | None:
    """Return the protocol of an inner stream: the only one that it may have, or the one of its first bytes.

    Args:
        carrier: the protocol whose bodies carry it.
        by_name: all protocols.
        first: what is known of the body that was recognised as a part of it.
    """
    known = [by_name[name] for name in carrier.inner if name in by_name]
    if len(known) < 2:
        return known[0] if known else None
    return choose(known, first._replace(carrier="tcp"), final=True)[0]
