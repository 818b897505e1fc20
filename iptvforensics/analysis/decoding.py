"""An evidence file -> what its packets add to the streams, and at the end what is known of the whole.

The half of an analysis that knows no parsers. `batches` gives the streams; everything else that the parsers' half
asks for is in the `Report`, so that this half may run on a thread (`ahead`) or in a process of its own (`apart`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..flows.bursts import Bursts
from ..flows.layout import DIRECTION_WIDTH, FLOW_WIDTH
from ..flows.streams import FlowTable, Zeros
from ..flows.summary import FlowNumbers, flow_anomalies, link_rows, membership_rows
from ..packets import Memberships, Neighbours, PacketDecoder
from .report import Report

if TYPE_CHECKING:
    from ..capture import Block, CaptureReader, Secret
    from ..flows.batch import StreamBatch


class Decoding:
    """The decoding of one capture while it goes on."""

    def __init__(
        self, reader: CaptureReader, *, zeros: Zeros = np.zeros, progress: Callable[[int], None] | None = None
    ) -> None:
        self.early_secrets: list[Secret] = []
        """Secrets that stand in the file before its first frame; known when the first batch comes."""
        self._reader = reader
        self._progress = progress
        self._decoder = PacketDecoder()
        self._neighbours = Neighbours()
        self._memberships = Memberships()
        self._flows = FlowTable(zeros=zeros)
        self._bursts = Bursts(self._flows)
        self._new_bursts: list[dict[str, Any]] = []
        self._bytes = self._wire_bytes = self._packets = 0
        self._link_types: set[int] = set()

    def batches(self) -> Iterator[StreamBatch]:
        """Yield what the blocks of the capture add to the streams."""
        flows = self._flows
        is_first = True
        for block in self._reader:
            if is_first:
                is_first = False
                self.early_secrets.extend(self._reader.secrets)
            self._count(block)
            for packets in self._decoder.batches(block):
                self._neighbours.add(block, packets)
                yield from self._with_bursts(flows.add(block, packets))
                self._memberships.add(block, packets, flows.packet_direction)
                self._bursts.add(block, packets)
                self._take_bursts()
                self._packets += int((packets.status[: packets.count] == 0).sum())
            if self._progress is not None:
                self._progress(self._reader.size_bytes)
        yield from self._with_bursts(flows.finish())
        self._bursts.finish()
        self._take_bursts()
        self._decoder.finish()

    def _with_bursts(self, batches: Iterator[StreamBatch]) -> Iterator[StreamBatch]:
        for batch in batches:
            batch.bursts, self._new_bursts = self._new_bursts, []
            yield batch

    def _take_bursts(self) -> None:
        columns = self._bursts.take()
        if columns is not None:
            self._new_bursts.append(columns)

    def _count(self, block: Block) -> None:
        captured_bytes, wire_bytes, link_type = block.captured_bytes, block.wire_bytes, block.link_type
        lowest, highest = int(link_type.min()), int(link_type.max())
        if lowest < 0:
            is_packet = link_type >= 0
            captured_bytes, wire_bytes = captured_bytes[is_packet], wire_bytes[is_packet]
            link_type = link_type[is_packet]
        self._bytes += int(captured_bytes.sum())
        self._wire_bytes += int(wire_bytes.sum())
        self._link_types.update({lowest} if 0 <= lowest == highest else np.unique(link_type).tolist())

    def report(self) -> Report:
        """Return what is known of the whole, after the last batch."""
        reader, table = self._reader, self._flows
        count = len(table)
        flows = FlowNumbers(count, table.flow[: count * FLOW_WIDTH], table.dirs[: 2 * count * DIRECTION_WIDTH])
        return Report(
            size_bytes=reader.size_bytes,
            file_state=reader.file_state,
            format=reader.format,
            frames=reader.frames,
            first_ns=reader.first_ns,
            last_ns=reader.last_ns,
            captured_bytes=self._bytes,
            wire_bytes=self._wire_bytes,
            packets=self._packets,
            link_types=sorted(self._link_types),
            interfaces=len(reader.interfaces),
            snaplen=max((interface.snaplen for interface in reader.interfaces), default=None) or None,
            metadata=[f"{where} {key}: {value}" for where, key, value in reader.metadata],
            secrets=list(reader.secrets),
            faults=list(reader.anomalies),
            notes=list(self._decoder.anomalies),
            ledger=dict(sorted(self._decoder.ledger.items())),
            flow_anomalies=flow_anomalies(flows),
            index=[tuple(point) for point in reader.index],
            links=list(link_rows(self._neighbours)),
            links_left_out=self._neighbours.left_out,
            memberships=list(membership_rows(self._memberships)),
            memberships_left_out=self._memberships.left_out,
            bursts=self._new_bursts,
            bursts_left_out=self._bursts.left_out(),
            flows=flows,
        )

    def sha256(self) -> str:
        """Return the SHA-256 of the evidence file, after the last batch.

        Raises:
            CaptureError: the file was not read to its end.
        """
        return self._reader.sha256

    def forget(self) -> None:
        """Give back the memory of the batches: none of them is looked at any more."""
        self._flows.forget()
