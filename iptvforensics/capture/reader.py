"""Evidence file -> blocks of whole records, the file's SHA-256, and what the file says of itself.

Reads pcap and pcapng (see `pcap` and `pcapng` for the variants), plain or compressed (see `compression`),
from a path, a pipe or a URL, in one pass and in bounded memory: a few times `block_bytes`.

**Known limitations**: other capture formats (snoop, ERF, Network Monitor, ...) are refused: convert them
with `editcap -F pcapng` first and keep the original. A Python thread reads ahead; it is stopped when the
reader is closed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType

import numpy as np

from ..errors import CaptureError
from .ahead import FRONT_BYTES, Ahead, Filled
from .block import (
    SPARE_BYTES,
    Block,
    Bytes,
    CaptureAnomaly,
    Columns,
    Findings,
    IndexEntry,
    Interface,
    Metadata,
    Piece,
    Secret,
    view_of,
)
from .source import BESIDE_PIECE_BYTES, PIECE_BYTES, FileState, Source
from .walker import Walker

BLOCK_BYTES = 4 << 20
"""A few blocks fit the processor's cache: what reads them after the hash finds them there."""
STATE_LIMIT = 4096
"""Characters up to which the state of a place stands in the index: with thousands of interfaces, which each place would
repeat, frames are found from an earlier one."""
ROWS_LIMIT = 1 << 20
"""Records per block at most; a buffer with more of them is handed out as several blocks."""


class CaptureReader:
    """The records of one capture file, block by block.

    Everything that concerns the whole file (`sha256`, `frames`, `anomalies`, ...) is complete once the
    iteration has ended. A reader can be iterated over once.

    Example:
        with CaptureReader("evidence.pcap") as capture:
            for block in capture:
                ...
        print(capture.sha256, capture.frames)

    Args:
        path: file, `-` for standard input, or a URL.
        block_bytes: most bytes read per block.
        hash_thread: read and hash ahead on a thread of its own; else everything happens on one thread.
        hashing: False leaves the SHA-256 out (to find frames in a file whose hash is known).
        maps: look at whole blocks of a plain local file where the system keeps them, without a copy; if the file
            cannot be read on, the process ends (see `windows`).

    Raises:
        CaptureError: it cannot be opened, is empty, or (when iterated over) is no capture file.
        MissingProgramError: it needs a package that is not installed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        block_bytes: int = BLOCK_BYTES,
        hash_thread: bool = True,
        hashing: bool = True,
        maps: bool = False,
    ) -> None:
        if block_bytes < 1:
            raise ValueError(f"block_bytes must be positive, is {block_bytes}")
        self.path = os.fspath(path)
        self._findings = Findings()
        self._walker = Walker(self.path, self._findings)
        piece_bytes = BESIDE_PIECE_BYTES if hash_thread else PIECE_BYTES
        self._source = Source(path, hashing=hashing, piece_bytes=piece_bytes)
        self._ahead = Ahead(self._source, block_bytes, threaded=hash_thread, maps=maps)
        self._columns: Columns | None = None
        self._iterated = False
        self._start_offset = 0
        self.frames = 0
        """Frames handed out so far."""
        self.first_ns: int | None = None
        """Earliest time of a frame, null if no frame has one."""
        self.last_ns: int | None = None
        """Latest time of a frame, null if no frame has one."""
        self.index: list[IndexEntry] = []
        """One entry per block: where reading can start again."""

    def __enter__(self) -> CaptureReader:
        self._ahead.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading and close the file."""
        self._ahead.close()
        self._source.close()

    # --- what is known of the whole file ---

    @property
    def sha256(self) -> str:
        """SHA-256 of the evidence file as it lies there.

        Raises:
            CaptureError: it was not read to its end.
        """
        return self._source.sha256

    @property
    def size_bytes(self) -> int:
        """Bytes of the evidence file (compressed if it is) read so far: all of it at the end."""
        return self._source.bytes_read

    @property
    def file_state(self) -> FileState | None:
        """State of the file when it was opened; None: it is no file."""
        return self._source.file_state

    @property
    def is_compressed(self) -> bool:
        """True if the evidence file is compressed: places in the stream are not places in it."""
        return self._source.compression is not None

    @property
    def format(self) -> str:
        """`pcap`, `pcap-ns`, `pcapng`, ... with `+gzip` and the like if the file is compressed."""
        packing = f"+{self._source.compression}" if self._source.compression else ""
        return f"{self._walker.format or 'unknown'}{packing}"

    @property
    def interfaces(self) -> list[Interface]:
        """Interfaces in the order in which the file describes them."""
        return self._findings.interfaces

    @property
    def metadata(self) -> list[Metadata]:
        """Texts found in the file: tools, operating systems, comments, counters."""
        return self._findings.metadata

    @property
    def secrets(self) -> list[Secret]:
        """Decryption secrets found in the file."""
        return self._findings.secrets

    @property
    def anomalies(self) -> list[CaptureAnomaly]:
        """Damage and broken rules, in the order of their places."""
        return self._findings.anomalies()

    # --- reading ---

    def __iter__(self) -> Iterator[Block]:
        """Return the blocks; each is valid until the next one is asked for."""
        if self._iterated:
            raise CaptureError("a reader can be iterated over once; open the file again", path=self.path)
        self._iterated = True
        self._ahead.start()
        return self._blocks()

    def start_at(self, entry: IndexEntry) -> None:
        """Begin with a block of the index of an earlier reading instead of the beginning of the file."""
        self._source.skip(entry.stream_offset)
        self._start_offset = entry.stream_offset
        self.frames = entry.first_frame - 1
        self._walker.restore(entry.state)

    def _blocks(self) -> Iterator[Block]:
        offset = self._start_offset
        data: Bytes = np.empty(0, np.uint8)
        at = end = 0
        held: Filled | None = None
        is_last = False
        while not is_last:
            got = self._ahead.next()
            left = end - at
            offset += at
            data = _joined(data[at:end], got)
            if held is not None:
                self._ahead.release(held)
            held, end, at, is_last = got, left + got.length, 0, got.is_last
            if offset == 0 and not end:
                raise CaptureError(self._why_nothing(), path=self.path)
            full = True
            while full:
                columns = self._empty_columns(end)
                piece = Piece(data, end, is_last, offset, self.frames + 1, view_of(data))
                begun, state = at, self._walker.save()
                full, at = self._walker.advance(piece, at, columns)
                if columns.count:
                    if len(state) <= STATE_LIMIT:
                        self.index.append(IndexEntry(self.frames + 1, offset + begun, state))
                    yield self._block(piece, columns)
                    self._walker.handed_out(columns)
        self._report_source()

    def _empty_columns(self, size: int) -> Columns:
        wanted = min(ROWS_LIMIT, size // 16 + 2)
        if self._columns is None or self._columns.capacity < wanted:
            self._columns = Columns(wanted)
        self._columns.count = 0
        return self._columns

    def _block(self, piece: Piece, columns: Columns) -> Block:
        count = columns.count
        block = Block(
            piece.data,
            piece.end,
            piece.offset,
            piece.first_frame,
            count,
            columns.record_at[:count],
            columns.captured_bytes[:count],
            columns.wire_bytes[:count],
            columns.ts_ns[:count],
            columns.link_type[:count],
            columns.interface[:count],
        )
        times = block.ts_ns if int(block.link_type.min()) >= 0 else block.ts_ns[block.link_type >= 0]
        if times.size:
            earliest, latest = int(times.min()), int(times.max())
            self.first_ns = earliest if self.first_ns is None else min(self.first_ns, earliest)
            self.last_ns = latest if self.last_ns is None else max(self.last_ns, latest)
        self.frames += count
        longer = block.captured_bytes > block.wire_bytes
        if cases := int(np.count_nonzero(longer)):
            row = int(longer.argmax())
            self._findings.tally(
                "CAPTURE_captured_exceeds_wire",
                piece.offset + int(block.record_at[row]),
                piece.first_frame + row,
                "more bytes captured than were on the wire, as the file says; all of them are used",
                cases,
            )
        return block

    def _report_source(self) -> None:
        for name, problem in self._source.problems.items():
            self._findings.tally(name, problem.place, None, problem.detail, problem.times)
        if self._source.has_changed:
            what = (
                "the file, or its name, was changed meanwhile: what was read and hashed may be of several states of it"
            )
            self._findings.tally("CAPTURE_changed_while_read", 0, None, what)

    def _why_nothing(self) -> str:
        """Return a sentence on a file that gave no byte to read."""
        packing = self._source.compression
        if not packing:
            return "the file is empty: a pcap or pcapng file was expected"
        why = "; ".join(f"{problem.detail}, at byte {problem.place}" for problem in self._source.problems.values())
        return f"its {self.size_bytes} bytes ({packing}) unpack to nothing{': ' if why else ''}{why}"


def _joined(left: Bytes, got: Filled) -> Bytes:
    """Return a buffer in which what was left of the last one stands before what was read now."""
    size = left.shape[0]
    if size <= FRONT_BYTES:
        start = FRONT_BYTES - size
        got.data[start:FRONT_BYTES] = left
        return got.data[start:]
    longer = np.empty(size + got.length + SPARE_BYTES, np.uint8)
    longer[:size] = left
    longer[size : size + got.length] = got.view[: got.length]
    return longer
