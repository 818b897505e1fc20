"""The rooms of the reading wing, connected: blocks of frames to packets, streams, rows, Parquet, sessions.

This is the only place where they meet. What comes next works on the tables.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..dissect import Dissector, RowCollector
from ..flows.bursts import Bursts
from ..flows.streams import FlowTable
from ..flows.summary import flow_anomalies, flow_rows, link_rows, membership_rows
from ..packets import Memberships, Neighbours, PacketDecoder
from ..schema import BURSTS, CAPTURES, EVIDENCE, FLOWS, FRAME_INDEX, LINK_ADDRESSES, MULTICAST, SESSIONS
from ..sessions import TABLES_READ, TableReader, build
from .ahead import ahead
from .index import StreamIndex
from .options import LateSecrets, Options, Progress, Summary
from .secrets import add_blocks

if TYPE_CHECKING:
    from ..capture import Block, CaptureReader
    from ..flows.streams import StreamBatch
    from ..store import CaptureWriter
    from ..tls.keylog import Secrets


def _place(path: str) -> str:
    """Return where a file is, whatever the current folder will be later."""
    return os.path.abspath(path) if os.path.exists(path) else path


class Pipeline:
    """The analysis of one file while it goes on."""

    def __init__(
        self,
        reader: CaptureReader,
        size: int | None,
        writer: CaptureWriter,
        options: Options,
        cores: int,
        progress: Callable[[Progress], None] | None,
        secrets: Secrets,
    ) -> None:
        self.path = reader.path
        self.size = size
        self.writer = writer
        self.may_repeat = self.has_all_secrets = False
        """True if the file can be read again when it holds secrets behind frames; if this has been done."""
        self.options = options
        self.progress = progress
        self.cores = cores
        self.reader = reader
        self.decoder = PacketDecoder()
        self.neighbours = Neighbours()
        self.memberships = Memberships()
        self.flows = FlowTable()
        self.bursts = Bursts(self.flows)
        self.rows = RowCollector(writer.write_rows)
        self.index = StreamIndex(writer)
        self.secrets = secrets
        self.dissector = Dissector(self.flows, self.rows, secrets=secrets)
        self._early_secrets: int | None = None
        self.bytes = self.wire_bytes = self.packets = 0
        self.link_types: set[int] = set()

    def run(self) -> Summary:
        """Return what the capture gave; its tables are part of the case now."""
        reader = self.reader
        batches = self._batches()
        for batch in ahead(batches) if self.cores > 1 else batches:
            self.dissector.take(batch)
        self.dissector.finish()
        self.decoder.finish()
        late = len(reader.secrets) > (self._early_secrets or 0)
        if late and self.may_repeat:
            raise LateSecrets(reader.secrets)
        if late and not self.has_all_secrets:
            detail = "secrets that stand behind frames were not used, as the file could not be read a second time"
            self.rows.separate_anomaly("CAPTURE_late_secrets", None, None, 1, detail)
        capture_id = reader.sha256[:16]
        self._describe()
        # What sessions are made of is written first: the rest is written while they are made.
        self.rows.hand_on(TABLES_READ)
        written = self.writer.reader()
        self.rows.close()
        self.index.write()
        self._sessions(written, capture_id)
        self.writer.commit(capture_id, self._manifest())
        return Summary(self.path, capture_id, reader.sha256, reader.size_bytes, reader.frames, dict(self.writer.rows))

    def _batches(self) -> Iterator[StreamBatch]:
        """Yield what the blocks of the capture add to the streams."""
        for block in self.reader:
            if self._early_secrets is None:
                self._early_secrets = len(self.reader.secrets)
                add_blocks(self.secrets, self.reader.secrets)
            self._count(block)
            for packets in self.decoder.batches(block):
                self.neighbours.add(block, packets)
                self.memberships.add(block, packets)
                yield from self._indexed(self.flows.add(block, packets))
                self.bursts.add(block, packets)
                self._write_bursts()
                self.packets += int((packets.status[: packets.count] == 0).sum())
            if self.progress is not None:
                self.progress(Progress(self.path, self.reader.size_bytes, self.size))
        yield from self._indexed(self.flows.finish())
        self.bursts.finish()
        self._write_bursts()

    def _write_bursts(self) -> None:
        columns = self.bursts.take()
        if columns is not None:
            self.writer.write_columns(BURSTS, columns)

    def _indexed(self, batches: Iterator[StreamBatch]) -> Iterator[StreamBatch]:
        for batch in batches:
            self.index.add(batch)
            yield batch

    def _count(self, block: Block) -> None:
        self.bytes += int(block.captured_bytes.sum())
        self.wire_bytes += int(block.wire_bytes.sum())
        lowest, highest = int(block.link_type.min()), int(block.link_type.max())
        self.link_types.update({lowest} if lowest == highest else np.unique(block.link_type).tolist())

    def _describe(self) -> None:
        """Add the rows that the whole capture gives: flows, faults, index, the capture itself."""
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
        for flow_id, count in self.bursts.left_out():
            detail = "bursts of one flow beyond the limit; they are part of its last one"
            rows.anomaly("FLOW_bursts_over_limit", flow_id=flow_id, count=count, detail=detail)
        for flow in flow_rows(self.flows, self.dissector.protocols):
            rows.add(FLOWS, flow)
        self._links()
        for point in reader.index:
            rows.add(FRAME_INDEX, tuple(point))
        rows.add(CAPTURES, self._capture_row())

    def _links(self) -> None:
        rows = self.rows
        for pair in link_rows(self.neighbours):
            rows.add(LINK_ADDRESSES, pair)
        for membership in membership_rows(self.memberships):
            rows.add(MULTICAST, membership)
        left_out, frame_no = self.neighbours.left_out
        if left_out:
            detail = "packets of further pairs of link-layer and IP address than the table holds"
            rows.separate_anomaly("LINK_addresses_over_limit", frame_no, None, left_out, detail)
        if self.memberships.left_out:
            detail = "IGMP and MLD messages beyond the limit"
            rows.separate_anomaly("LINK_memberships_over_limit", None, None, self.memberships.left_out, detail)

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

    def _sessions(self, written: TableReader, capture_id: str) -> None:
        found = build(written, capture_id)
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
            "keylogs": [{"path": path, "sha256": sha256} for path, sha256 in self.options.keylogs],
            "python": platform.python_version(),
        }


_DAMAGE: Iterable[str] = frozenset({"CAPTURE_cut_last_record", "CAPTURE_damaged_record"})
