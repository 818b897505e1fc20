"""One capture file into a case: reading wing and sessions, in one streaming pass.

This is the only place where the rooms of the reading wing meet: blocks of frames become packets, packets
become streams, streams become rows, rows become Parquet. What comes next works on the tables.
"""

from __future__ import annotations

import os
import platform
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from . import __version__, kernel
from .capture import CaptureReader
from .dissect import Dissector, RowCollector
from .flows.streams import FlowTable
from .flows.summary import flow_anomalies, flow_rows
from .packets import PacketDecoder
from .schema import CAPTURES, EVIDENCE, FLOWS, FRAME_INDEX, SESSIONS, STREAM_INDEX
from .sessions import build

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .capture import Block
    from .flows.streams import StreamBatch
    from .store import CaptureWriter, Store

_T = TypeVar("_T")

PORTION_FRAMES = 8192
"""Frames whose packet columns are made and used up before the next ones: 25 columns of them fit a 2 MiB cache."""
INDEX_PORTION = 250_000
"""Pieces of the stream index collected before they are written."""


@dataclass(frozen=True, slots=True)
class Options:
    """What changes the result of an analysis; part of the manifest."""

    block_bytes: int = 64 << 20

    def as_dict(self) -> dict[str, Any]:
        """Return the options that change results (block_bytes does not)."""
        return {}


class Progress(NamedTuple):
    """How far an analysis has come."""

    path: str
    done_bytes: int
    total_bytes: int | None


@dataclass(slots=True)
class Summary:
    """What one file gave."""

    path: str
    capture_id: str | None = None
    sha256: str | None = None
    size_bytes: int = 0
    frames: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    skipped: bool = False
    """True if the case held this capture already."""
    error: str | None = None
    """Why the file could not be read; null if it could."""


def analyze_capture(
    path: str,
    store: Store,
    *,
    options: Options | None = None,
    cores: int = 2,
    force: bool = False,
    progress: Callable[[Progress], None] | None = None,
    announce: Callable[[str], None] | None = None,
) -> Summary:
    """Return what was found in one capture file, whose tables are now part of the case.

    Args:
        path: file, `-` for standard input, or a URL.
        store: the case.
        options: what changes the result.
        cores: with 2 or more, reading, hashing and writing run beside the analysis.
        force: analyse again what the case holds already.
        progress: called after each block.
        announce: called with a line before the kernels are compiled.

    Raises:
        CaptureError: the file cannot be read as evidence.
    """
    options = options or Options()
    size = os.path.getsize(path) if os.path.isfile(path) else None
    if not force and size is not None:
        known = _known(path, size, store, options)
        if known is not None:
            return known
    kernel.use(None, input_bytes=size if size is not None else 1 << 30, announce=announce)
    writer = store.writer(cores=cores)
    try:
        return _Run(path, size, writer, options, cores, progress).run()
    except BaseException:
        writer.abandon()
        raise


def _known(path: str, size: int, store: Store, options: Options) -> Summary | None:
    """Return the summary of a capture that the case holds, or None: hashes only files whose size is known there."""
    import hashlib

    same_size = [m for m in store.manifests() if m["size_bytes"] == size]
    if not same_size:
        return None
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    for manifest in same_size:
        fits = manifest["version"] == __version__ and manifest["options"] == options.as_dict()
        if manifest["sha256"] == sha256 and fits:
            return Summary(
                path, manifest["capture_id"], sha256, size, manifest["frames"], manifest["rows"], skipped=True
            )
    return None


def _portion(block: Block, first: int, room: int) -> Block:
    """Return the records of a block from `first` on, few enough for their columns to stay in the processor's cache."""
    part = slice(first, first + PORTION_FRAMES)
    return replace(
        block,
        length=room,
        first_frame=block.first_frame + first,
        count=len(block.record_at[part]),
        record_at=block.record_at[part],
        captured_bytes=block.captured_bytes[part],
        wire_bytes=block.wire_bytes[part],
        ts_ns=block.ts_ns[part],
        link_type=block.link_type[part],
        interface=block.interface[part],
    )


def _place(path: str) -> str:
    """Return where a file is, whatever the current folder will be later."""
    return os.path.abspath(path) if os.path.exists(path) else path


def ahead(source: Iterator[_T]) -> Iterator[_T]:
    """Yield what `source` yields, while the next item is being made on a thread of its own.

    At most two items are alive: the one that the caller uses and the one after it.
    """
    made: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    permits = threading.Semaphore(2)
    stopped = threading.Event()

    def make() -> None:
        try:
            while True:
                permits.acquire()
                if stopped.is_set():
                    return
                made.put(("item", next(source)))
        except StopIteration:
            made.put(("end", None))
        except BaseException as error:
            made.put(("error", error))

    thread = threading.Thread(target=make, name="iptvforensics-streams", daemon=True)
    thread.start()
    try:
        while True:
            what, value = made.get()
            if what == "end":
                return
            if what == "error":
                raise value
            yield value
            permits.release()
    finally:
        stopped.set()
        permits.release()
        thread.join()


class _Index:
    """Collects the pieces of the stream index and writes them in portions."""

    def __init__(self, writer: CaptureWriter) -> None:
        self._writer = writer
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._pieces = 0

    def add(self, *columns: NDArray[Any]) -> None:
        import numpy as np

        flow_id, from_orig, offset, length, frame = columns
        narrow = (flow_id, from_orig, offset, length.astype(np.int32), frame.astype(np.uint32))
        self._parts.append(tuple(np.array(column) for column in narrow))
        self._pieces += len(offset)
        if self._pieces >= INDEX_PORTION:
            self.write()

    def write(self) -> None:
        import numpy as np

        if not self._parts:
            return
        names = STREAM_INDEX.column_names[1:]
        columns = {
            name: np.concatenate(parts) for name, parts in zip(names, zip(*self._parts, strict=True), strict=True)
        }
        self._parts.clear()
        self._pieces = 0
        self._writer.write_columns(STREAM_INDEX, columns)


class _Run:
    """The analysis of one file while it goes on."""

    def __init__(
        self,
        path: str,
        size: int | None,
        writer: CaptureWriter,
        options: Options,
        cores: int,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.path = path
        self.size = size
        self.writer = writer
        self.options = options
        self.progress = progress
        self.cores = cores
        self.reader = CaptureReader(path, block_bytes=options.block_bytes, hash_thread=cores > 1)
        self.decoder = PacketDecoder()
        self.flows = FlowTable()
        self.rows = RowCollector(writer.write_rows)
        self.index = _Index(writer)
        self.dissector = Dissector(self.flows, self.rows, on_pieces=self.index.add)
        self.bytes = self.wire_bytes = self.packets = 0
        self.link_types: set[int] = set()

    def run(self) -> Summary:
        self.writer.prepare()
        with self.reader as reader:
            batches = self._batches()
            for batch in ahead(batches) if self.cores > 1 else batches:
                self.dissector.take(batch)
        self.dissector.finish()
        self.decoder.finish()
        capture_id = reader.sha256[:16]
        self._close_tables()
        self._sessions(capture_id)
        self.writer.commit(capture_id, self._manifest())
        return Summary(self.path, capture_id, reader.sha256, reader.size_bytes, reader.frames, dict(self.writer.rows))

    def _batches(self) -> Iterator[StreamBatch]:
        """Yield what the blocks of the capture add to the streams."""
        for block in self.reader:
            self._count(block)
            self.flows.expect(block.count)
            room = block.length
            for first in range(0, block.count, PORTION_FRAMES):
                part = _portion(block, first, room)
                for packets in self.decoder.batches(part):
                    yield from self.flows.add(part, packets)
                    count = packets.count
                    self.packets += int((packets.status[:count] == 0).sum())
                    if count:  # packets put together from fragments lie behind the records until the flush
                        room = max(room, int((packets.payload_at[:count] + packets.payload_bytes[:count]).max()))
            last = self.flows.flush(block)
            if last is not None:
                yield last
            if self.progress is not None:
                self.progress(Progress(self.path, self.reader.size_bytes, self.size))
        last = self.flows.finish()
        if last is not None:
            yield last

    def _count(self, block: Block) -> None:
        import numpy as np

        self.bytes += int(block.captured_bytes.sum())
        self.wire_bytes += int(block.wire_bytes.sum())
        self.link_types.update(np.unique(block.link_type).tolist())

    def _close_tables(self) -> None:
        rows, reader = self.rows, self.reader
        for fault in reader.anomalies:
            rows.separate_anomaly(fault.name, fault.frame_no, fault.offset, fault.count, fault.detail)
        for note in self.decoder.anomalies:
            rows.separate_anomaly(note.name, note.frame_no, None, note.count, note.detail)
        for reason, entry in sorted(self.decoder.ledger.items()):
            detail = f"frames or packets that gave no decoded packet, for the reason {reason}"
            rows.separate_anomaly(f"PACKETS_{reason.lower()}", entry.first_frame, None, entry.count, detail)
        for name, flow_id, from_orig, count, detail in flow_anomalies(self.flows):
            rows.anomaly(name, flow_id=flow_id, from_orig=from_orig, count=count, detail=detail)
        for flow in flow_rows(self.flows, self.dissector.protocols):
            rows.add(FLOWS, flow)
        for point in reader.index:
            rows.add(FRAME_INDEX, tuple(point))
        rows.add(CAPTURES, self._capture_row())
        rows.close()
        self.index.write()

    def _capture_row(self) -> tuple[Any, ...]:
        reader = self.reader
        return (
            reader.sha256,
            _place(self.path),
            reader.size_bytes,
            reader.format,
            [str(link_type) for link_type in sorted(self.link_types)],
            reader.frames,
            self.bytes,
            self.wire_bytes,
            reader.first_ns,
            reader.last_ns,
            self.packets,
            len(reader.interfaces),
            max((interface.snaplen for interface in reader.interfaces), default=None) or None,
            [f"{where} {key}: {value}" for where, key, value in reader.metadata],
            len(reader.secrets),
            any(fault.name in _DAMAGE for fault in reader.anomalies),
        )

    def _sessions(self, capture_id: str) -> None:
        found = build(self.writer.reader(), capture_id)
        if found.sessions:
            self.writer.write_rows(SESSIONS, found.sessions)
        if found.evidence:
            self.writer.write_rows(EVIDENCE, found.evidence)

    def _manifest(self) -> dict[str, Any]:
        reader = self.reader
        return {
            "sha256": reader.sha256,
            "path": _place(self.path),
            "size_bytes": reader.size_bytes,
            "format": reader.format,
            "frames": reader.frames,
            "version": __version__,
            "options": self.options.as_dict(),
            "python": platform.python_version(),
        }


_DAMAGE: Iterable[str] = frozenset({"CAPTURE_cut_last_record", "CAPTURE_damaged_record"})
