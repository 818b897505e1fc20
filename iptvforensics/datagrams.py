"""What media over datagrams have in common: numbered packets put in order, and payloads handed on as one content.

Protocols do not know each other, so what RTP and SRT share stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from .protocol import ContentData, ContentEnd, ContentGap, Event

PORTION_BYTES = 32 << 10
"""Payloads handed on together: a call per datagram would cost more than reading them."""

TS_PACKET, TS_SYNC = 188, 0x47
"""Bytes of an MPEG-TS packet, and the first one (ISO/IEC 13818-1)."""

_Item = TypeVar("_Item")


def is_transport_stream(payload: memoryview | bytes) -> bool:
    """Return True if a payload is whole MPEG-TS packets."""
    size = len(payload)
    return size > 0 and size % TS_PACKET == 0 and all(sync == TS_SYNC for sync in payload[::TS_PACKET])


@dataclass(frozen=True, slots=True)
class Limits:
    """How far apart packets of one sender may come."""

    ahead: int
    """A packet further ahead begins a new count."""
    packets: int
    """Packets that wait for an earlier one."""
    bytes: int
    """What the waiting packets carry together."""
    time: int = 1 << 31
    """How long one waits, by the sender's clock of 32 bits; from half its circle on there is no limit."""


class Order(Generic[_Item]):
    """Packets of one sender, put in the order of their numbers.

    What is taken comes back as pairs: how many packets are missing before one (-1: a new count begins with it), and it.
    """

    def __init__(self, first: int, numbers: int, limits: Limits) -> None:
        self.expected = first
        """Number of the next packet."""
        self.lost = 0
        """Packets that were given up."""
        self.late = 0
        """Packets that came twice, or after they were given up."""
        self.jumps = 0
        """Times that a new count began."""
        self._last = numbers - 1
        self._limits = limits
        self._held: dict[int, tuple[_Item, int, int]] = {}
        self._held_bytes = 0

    @property
    def waits(self) -> bool:
        """Return True if packets wait for an earlier one."""
        return bool(self._held)

    def take(self, number: int, item: _Item, size: int, time: int = 0) -> list[tuple[int, _Item]]:
        """Return which packets are next, now that one came: its number, the bytes it carries, the sender's clock."""
        ahead = number - self.expected & self._last
        if ahead == 0:
            self.expected = number + 1 & self._last
            return [(0, item), *self._release()] if self._held else [(0, item)]
        if ahead <= self._limits.ahead:
            return self._wait(number, item, size, time)
        if ahead > self._last - self._limits.ahead:
            self.late += 1
            return []
        ready = self.give_up()
        self.jumps += 1
        self.expected = number + 1 & self._last
        return [*ready, (-1, item)]

    def give_up(self, before: int | None = None) -> list[tuple[int, _Item]]:
        """Return which packets are next if nothing comes any more of those before a number (None: before any)."""
        ready: list[tuple[int, _Item]] = []
        while self._held:
            missing = self._missing()
            if before is not None and not 0 < missing <= (before - self.expected & self._last) <= self._limits.ahead:
                break
            ready += self._release(missing)
        return ready

    def _wait(self, number: int, item: _Item, size: int, time: int) -> list[tuple[int, _Item]]:
        if number in self._held:
            self.late += 1
            return []
        self._held[number] = item, size, time
        self._held_bytes += size
        longest = next(iter(self._held.values()))[2]
        is_late = self._limits.time < (time - longest & 0xFFFF_FFFF) < 1 << 31
        if is_late or len(self._held) > self._limits.packets or self._held_bytes > self._limits.bytes:
            return self._release(self._missing())
        return []

    def _missing(self) -> int:
        """Return how many packets are missing before the first one that waits."""
        return min(number - self.expected & self._last for number in self._held)

    def _release(self, missing: int = 0) -> list[tuple[int, _Item]]:
        """Return the waiting packets that are in sequence, once the missing ones are given up."""
        self.lost += missing
        self.expected = self.expected + missing & self._last
        ready: list[tuple[int, _Item]] = []
        while self._held and (held := self._held.pop(self.expected, None)) is not None:
            item, size, _ = held
            self._held_bytes -= size
            self.expected = self.expected + 1 & self._last
            ready.append((0 if ready else missing, item))
        return ready


class Payloads:
    """The payloads of packets as one content, handed on in portions with the place of each."""

    def __init__(self, key: int) -> None:
        self._key = key
        self._size = 0
        self._portion = bytearray()
        self._starts: list[int] = []
        self._places: list[int] = []

    def add(self, payload: bytes, offset: int, events: list[Event]) -> None:
        """Take the next payload; `offset` is where it stands in the stream."""
        self._size = len(payload)
        self._starts.append(len(self._portion))
        self._places.append(offset)
        self._portion += payload
        if len(self._portion) >= PORTION_BYTES:
            self._hand_on(events)

    def miss(self, packets: int, following: bytes, events: list[Event]) -> None:
        """Leave a gap for missing packets (-1: unknown how many) before a payload.

        Senders fill their datagrams alike: what is missing had the size of what is there.
        """
        is_alike = packets > 0 and len(following) == self._size
        self.gap(packets * self._size if is_alike else -1, events)

    def gap(self, length: int, events: list[Event]) -> None:
        """Leave a gap of this length (-1: unknown)."""
        self._hand_on(events)
        events.append(ContentGap(self._key, length))

    def end(self, events: list[Event], *, complete: bool) -> None:
        """End the content."""
        self._hand_on(events)
        events.append(ContentEnd(self._key, complete))

    def _hand_on(self, events: list[Event]) -> None:
        if self._portion:
            data, places = bytes(self._portion), (self._starts, self._places)
            events.append(ContentData(self._key, self._places[0], data, places))
            self._portion = bytearray()
            self._starts, self._places = [], []
