"""What the reader hands out: blocks of whole records, and what was found beside them.

A `Block` turns a stretch of the capture stream into columns: one row per record, and one buffer that
holds the bytes. Times are nanoseconds since 1970-01-01 UTC.

**Known limitations**: a block's arrays are views on buffers that are used again: copy what must outlive
the next step of the iteration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SPARE_BYTES = 4 << 20
"""Bytes that a block's buffer always has behind `length`, as scratch room."""

TLS_KEY_LOG = 0x544C534B
"""Type of a secret that is a TLS key log (pcapng, Decryption Secrets Block)."""

NO_PACKET_LINK = -2
"""Link type of a frame that carries no packet."""

Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Bytes = NDArray[np.uint8]


@dataclass(slots=True)
class Block:
    """Whole records of a capture and their columns; valid until the next block is asked for."""

    data: Bytes
    """The buffer. At least `SPARE_BYTES` bytes behind `length` are free for the caller to write."""
    length: int
    """Bytes of the buffer that belong to the capture."""
    stream_offset: int
    """Position of `data[0]` in the capture stream (the decompressed one)."""
    first_frame: int
    """Number of the first record, counted from 1 as Wireshark does."""
    count: int
    """Records in this block."""
    record_at: Int64s
    """Where each frame's bytes start in `data`."""
    captured_bytes: Int64s
    """Bytes of each frame that were captured."""
    wire_bytes: Int64s
    """Bytes that each frame had on the wire."""
    ts_ns: Int64s
    """Time of each frame; a record without one repeats the time before it."""
    link_type: Int32s
    """LINKTYPE_ number of each frame; `NO_PACKET_LINK` where it carries no packet."""
    interface: Int32s
    """Index of each frame's interface in `CaptureReader.interfaces`; -1 where it carries no packet."""


class Interface(NamedTuple):
    """What frames of an interface need to be read; the texts about it are in `metadata`."""

    link_type: int
    snaplen: int
    """Bytes kept per frame; 0: no limit stated."""
    tsresol: int = 6
    """Resolution of times as stored: a power of ten, or with bit 7 set a power of two."""
    tsoffset: int = 0
    """Seconds to be added to each time."""


@dataclass(frozen=True, slots=True)
class CaptureAnomaly:
    """Damage or a broken rule in the file itself: where it is, how often, what it means."""

    name: str
    offset: int
    """Position in the capture stream (compression: in the evidence file) of the first case."""
    frame_no: int | None
    """Number of the frame concerned, or of the next good frame after the damage; null if there is none."""
    count: int
    detail: str


class Metadata(NamedTuple):
    """A text that the capture file says of itself: of the file, a section, an interface or a frame."""

    where: str
    key: str
    value: str


class Secret(NamedTuple):
    """Decryption secrets stored in the file; `type` 0x544C534B is a TLS key log."""

    type: int
    data: bytes


class IndexEntry(NamedTuple):
    """Where reading can start again: a record's place and what must be known to read it."""

    first_frame: int
    stream_offset: int
    state: str
    """Opaque text: format, byte order and interfaces that are valid at this place."""


FINDINGS_LIMIT = 100_000
"""Rows kept per kind of finding; what exceeds it is counted."""
TEXT_LIMIT_BYTES = 64 << 20
"""Most characters of texts, and most bytes of secrets, that are kept."""
SEPARATE_LIMIT = 1_000
"""Anomalies of one name that get a row each; the rest is counted in one row."""


@dataclass(slots=True)
class Findings:
    """What is collected beside the records."""

    interfaces: list[Interface] = field(default_factory=list)
    metadata: list[Metadata] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    drops: dict[int, int] = field(default_factory=dict)
    """Frames that the capturing machine says it lost, per interface."""
    _text_bytes: int = 0
    _separate: list[CaptureAnomaly] = field(default_factory=list)
    _separate_count: dict[str, int] = field(default_factory=dict)
    _counted: dict[str, CaptureAnomaly] = field(default_factory=dict)

    def damage(self, name: str, offset: int, frame_no: int | None, detail: str) -> None:
        """Add a row for one place; only the first `SEPARATE_LIMIT` of a name get their own."""
        seen = self._separate_count[name] = self._separate_count.get(name, 0) + 1
        if seen <= SEPARATE_LIMIT:
            self._separate.append(CaptureAnomaly(name, offset, frame_no, 1, detail))
        else:
            self.tally(name, offset, frame_no, "more cases of the same kind, counted only")

    def tally(self, name: str, offset: int, frame_no: int | None, detail: str, count: int = 1) -> None:
        """Count a case of something that is reported once per file, with its first place."""
        first = self._counted.get(name)
        if first is None:
            self._counted[name] = CaptureAnomaly(name, offset, frame_no, count, detail)
        else:
            total = first.count + count
            self._counted[name] = CaptureAnomaly(name, first.offset, first.frame_no, total, first.detail)

    def add_interface(self, interface: Interface, offset: int) -> bool:
        """Keep an interface; return False if there are too many."""
        if len(self.interfaces) < FINDINGS_LIMIT:
            self.interfaces.append(interface)
            return True
        self.tally("CAPTURE_metadata_limit", offset, None, f"only the first {FINDINGS_LIMIT} interfaces are kept")
        return False

    def note(self, where: str, key: str, value: str, offset: int) -> None:
        """Keep a text found in the file."""
        self._text_bytes += len(value)
        if len(self.metadata) < FINDINGS_LIMIT and self._text_bytes <= TEXT_LIMIT_BYTES:
            self.metadata.append(Metadata(where, key, value))
        else:
            self.tally("CAPTURE_metadata_limit", offset, None, "more texts in the file than are kept")

    def keep_secret(self, secret: Secret, offset: int) -> None:
        """Keep decryption secrets."""
        self._text_bytes += len(secret.data)
        if len(self.secrets) < FINDINGS_LIMIT and self._text_bytes <= TEXT_LIMIT_BYTES:
            self.secrets.append(secret)
        else:
            self.tally("CAPTURE_metadata_limit", offset, None, "more secrets in the file than are kept")

    def anomalies(self) -> list[CaptureAnomaly]:
        """Return all rows in the order of their places."""
        lost = [
            CaptureAnomaly(
                "CAPTURE_frames_lost_while_capturing",
                0,
                None,
                count,
                f"the capturing machine says that it lost frames on interface {interface}",
            )
            for interface, count in sorted(self.drops.items())
            if count
        ]
        return sorted([*self._separate, *self._counted.values(), *lost], key=lambda row: (row.offset, row.name))


GO, MORE, LOST, JOINED = range(4)
"""What stands at a place that is not a plain record: something to step over, too few bytes to say, damage, a file."""


class Piece(NamedTuple):
    """Bytes of the capture stream that are being walked over."""

    data: Bytes
    end: int
    """Bytes of `data` that belong to the stream."""
    is_last: bool
    """True if the stream ends at `end`."""
    offset: int
    """Position of `data[0]` in the stream."""
    first_frame: int
    """Number of the first frame in the columns that are being filled."""
    view: memoryview
    """The same bytes as `data`, for reading single numbers."""


def view_of(data: Bytes) -> memoryview:
    """Return the array's bytes as a memory view."""
    array: Any = data
    return memoryview(array)


def skip_zeros(data: Bytes, at: int, end: int) -> int:
    """Return where the next record can begin at the earliest: the first 16 bytes of none are all zeros."""
    if at >= end or data[at]:
        return at
    filled = data[at:end] != 0
    place = int(filled.argmax())
    return max(at, (at + place if filled[place] else end) - 15)


class Columns:
    """The arrays that a walk fills, and how many rows they hold now."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.count = 0
        self.record_at = np.empty(capacity, np.int64)
        self.captured_bytes = np.empty(capacity, np.int64)
        self.wire_bytes = np.empty(capacity, np.int64)
        self.ts_ns = np.empty(capacity, np.int64)
        self.link_type = np.empty(capacity, np.int32)
        self.interface = np.empty(capacity, np.int32)

    def append(self, at: int, captured: int, wire: int, ts_ns: int, link_type: int, interface: int) -> None:
        """Add one row; the caller has seen to it that there is room."""
        row = self.count
        self.record_at[row] = at
        self.captured_bytes[row] = captured
        self.wire_bytes[row] = wire
        self.ts_ns[row] = ts_ns
        self.link_type[row] = link_type
        self.interface[row] = interface
        self.count = row + 1
