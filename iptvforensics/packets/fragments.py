"""IP fragments to whole packets: RFC 791 section 3.2, RFC 8200 section 4.5, for both versions alike.

The cold path: bytes are copied out of the block because the rest may come blocks later. Where fragments
overlap, the bytes that came first stay; if the later ones differ, that is an anomaly that names both frames.
A set is given up 60 s of capture time after its first fragment, and when there are too many sets. Where all fragments
were seen and the capture cut some of them, the packet goes as far as no byte of it is missing.

**Known limitations**: RFC 5722 wants IPv6 packets with overlaps thrown away; here they are kept and flagged,
because what the receiver did is not known. Intermediate extension headers of IPv6 are left out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

TIMEOUT_NS = 60_000_000_000
"""RFC 8200 section 4.5; IPv4 stacks use 15 to 60 s."""
MAX_BYTES = 16 << 20
MAX_SETS = 4096
MAX_DONE = 512
"""Finished sets that are remembered so that copies of their fragments are known as such."""
MAX_PACKET_BYTES = 65535
SET_OVERHEAD_BYTES = 512
"""What a set costs besides its bytes; counted so that many tiny sets are limited too."""

Report = Callable[[str, int, str], None]
"""Called with the name of an anomaly, the frame and a sentence."""
Outcome = Literal["pending", "duplicate", "malformed", "complete"]


class Fragment(NamedTuple):
    """One fragment, its bytes copied out of the block."""

    key: Hashable
    """Version, addresses, protocol, identification, tunnels."""
    header: bytes
    """The IP header in front of it (IPv6: the 40 fixed bytes)."""
    next_protocol: int
    offset: int
    more: bool
    data: bytes
    wire_bytes: int
    """Length on the wire; more than `data` if the capture cut it."""
    frame_no: int
    ts_ns: int
    label: str
    """Addresses and identification, for messages."""


class Joined(NamedTuple):
    """What became of a fragment and, if it completed a packet, that packet from its IP header on."""

    outcome: Outcome
    packet: bytes = b""
    wire_bytes: int = 0
    """Length of the packet on the wire; more than `packet` if the capture cut fragments of it."""


class Spans:
    """Ranges of bytes, apart from each other and in order."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        """Take a range, joined with those that it touches."""
        low, high = bisect_left(self.ends, start), bisect_right(self.starts, end)
        self.starts[low:high] = [min([start, *self.starts[low : low + 1]]) if high > low else start]
        self.ends[low:high] = [max([end, *self.ends[high - 1 : high]]) if high > low else end]

    def upto(self) -> int:
        """Return up to where everything from 0 on is there."""
        return self.ends[0] if self.starts and self.starts[0] == 0 else 0


@dataclass(slots=True)
class _Set:
    first_ns: int
    first_frame: int
    label: str
    header: bytes = b""
    next_protocol: int = 0
    total: int = -1
    data: bytearray = field(default_factory=bytearray)
    kept: Spans = field(default_factory=Spans)
    """What was captured; `sent` is what was on the wire."""
    sent: Spans = field(default_factory=Spans)
    pieces: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return 0 <= self.total <= self.sent.upto() and self.kept.upto() > 0

    def cost(self) -> int:
        return len(self.data) + SET_OVERHEAD_BYTES + 200 * len(self.pieces)

    def holds(self, fragment: Fragment) -> bool:
        """Return True if exactly these bytes are already here."""
        end = fragment.offset + len(fragment.data)
        i = bisect_left(self.kept.ends, end)
        inside = i < len(self.kept.ends) and self.kept.starts[i] <= fragment.offset
        return inside and self.data[fragment.offset : end] == fragment.data

    def add(self, offset: int, data: bytes, frame_no: int) -> tuple[int, int] | None:
        """Return the first place where kept bytes differ from the new ones, after filling the holes."""
        end = offset + len(data)
        if len(self.data) < end:
            self.data.extend(bytes(end - len(self.data)))
        differs: tuple[int, int] | None = None
        at = offset
        starts, ends = self.kept.starts, self.kept.ends
        i = bisect_left(ends, offset)
        while at < end:
            start = starts[i] if i < len(starts) else end
            if at < start:
                hole = min(start, end)
                self.data[at:hole] = data[at - offset : hole - offset]
                at = hole
                continue
            stop = min(ends[i], end)
            if differs is None and self.data[at:stop] != data[at - offset : stop - offset]:
                differs = (at, stop)
            at = max(at, stop)
            i += 1
        self.kept.add(offset, end)
        self.pieces.append((offset, end, frame_no))
        return differs

    def frame_of(self, at: int) -> int:
        """Return the frame from which the byte at `at` was kept."""
        return next((frame for start, end, frame in self.pieces if start <= at < end), self.first_frame)


class FragmentStore:
    """The fragments of packets that are not yet whole. Lives as long as the capture."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._sets: OrderedDict[Hashable, _Set] = OrderedDict()
        self._done: OrderedDict[Hashable, _Set] = OrderedDict()
        self._bytes = 0

    def add(self, fragment: Fragment) -> Joined:
        """Return what became of a fragment, and the packet that it completed."""
        self._expire(fragment.ts_ns)
        end = fragment.offset + fragment.wire_bytes
        odd = fragment.more and fragment.wire_bytes % 8 != 0
        if odd and fragment.header[0] >> 4 == 4:  # receivers differ in what they make of it
            detail = f"{fragment.label}: {fragment.wire_bytes} bytes, not a multiple of 8, and more to follow"
            self._report("IP_fragment_odd_length", fragment.frame_no, detail)
            odd = False
        if odd or (fragment.more and not fragment.wire_bytes) or end > MAX_PACKET_BYTES:
            detail = f"{fragment.label}: bytes {fragment.offset} to {end}"
            self._report("IP_fragment_malformed", fragment.frame_no, detail)
            return Joined("malformed")
        if self._is_copy(fragment):
            return Joined("duplicate")
        if len(fragment.data) < fragment.wire_bytes:
            self._report("IP_fragment_cut", fragment.frame_no, f"{fragment.label}: not all of it was captured")
        entry = self._sets.get(fragment.key)
        if entry is None:
            entry = _Set(fragment.ts_ns, fragment.frame_no, fragment.label)
            self._sets[fragment.key] = entry
            self._bytes += entry.cost()
        elif entry.holds(fragment) and not self._says_more(entry, fragment):
            return Joined("duplicate")
        self._bytes -= entry.cost()
        self._place(entry, fragment)
        self._bytes += entry.cost()
        if entry.complete:
            return self._finish(fragment.key, entry)
        self._limit()
        return Joined("pending")

    def finish(self) -> None:
        """Report what is still incomplete: the capture is over."""
        for entry in self._sets.values():
            self._report("IP_fragment_incomplete", entry.first_frame, f"{entry.label}: the rest was not captured")
        self._sets.clear()
        self._done.clear()
        self._bytes = 0

    @staticmethod
    def _says_more(entry: _Set, fragment: Fragment) -> bool:
        return (fragment.offset == 0 and not entry.header) or (not fragment.more and entry.total < 0)

    def _is_copy(self, fragment: Fragment) -> bool:
        done = self._done.get(fragment.key)
        if done is None or fragment.key in self._sets or abs(fragment.ts_ns - done.first_ns) > TIMEOUT_NS:
            return False
        return bool(fragment.data) and done.holds(fragment)

    def _place(self, entry: _Set, fragment: Fragment) -> None:
        end = fragment.offset + fragment.wire_bytes
        if fragment.offset == 0 and not entry.header:
            entry.header = fragment.header
            entry.next_protocol = fragment.next_protocol
        if not fragment.more:
            if entry.total < 0:
                entry.total = end
            elif entry.total != end:
                detail = f"{fragment.label}: length {entry.total} by an earlier frame, {end} by this one"
                self._report("IP_fragment_overlap_differs", fragment.frame_no, detail)
        entry.sent.add(fragment.offset, end)
        if not fragment.data:
            return
        differs = entry.add(fragment.offset, fragment.data, fragment.frame_no)
        if differs:
            detail = (
                f"{fragment.label}: bytes {differs[0]} to {differs[1]} kept from frame {entry.frame_of(differs[0])}, "
                f"different in frame {fragment.frame_no}"
            )
            self._report("IP_fragment_overlap_differs", fragment.frame_no, detail)

    def _finish(self, key: Hashable, entry: _Set) -> Joined:
        del self._sets[key]
        self._bytes -= entry.cost()
        self._done[key] = entry
        if len(self._done) > MAX_DONE:
            self._done.popitem(last=False)
        header, body = _header(entry), entry.data[: min(entry.total, entry.kept.upto())]
        return Joined("complete", header + body, len(header) + entry.total)

    def _expire(self, now_ns: int) -> None:
        while self._sets:
            key, entry = next(iter(self._sets.items()))
            if now_ns - entry.first_ns <= TIMEOUT_NS:
                return
            self._drop(key, "IP_fragment_timeout", "incomplete after 60 s of capture time")

    def _limit(self) -> None:
        while len(self._sets) > MAX_SETS or self._bytes > MAX_BYTES:
            self._drop(next(iter(self._sets)), "IP_fragment_limit", "given up, too many incomplete packets")

    def _drop(self, key: Hashable, name: str, why: str) -> None:
        entry = self._sets.pop(key)
        self._bytes -= entry.cost()
        self._report(name, entry.first_frame, f"{entry.label}: {why}")


def _header(entry: _Set) -> bytes:
    """Return a header that says that the packet is whole: lengths set, nothing left of fragmentation."""
    header = bytearray(entry.header)
    if header[0] >> 4 == 4:
        # Too long for its own length field: 0, which means "as long as the frame".
        total = len(header) + entry.total
        header[2:4] = (total if total <= 0xFFFF else 0).to_bytes(2, "big")
        header[6:8] = b"\0\0"
    else:
        header[4:6] = entry.total.to_bytes(2, "big")
        header[6] = entry.next_protocol
    return bytes(header)
