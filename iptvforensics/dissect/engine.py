"""Drives the parsers of all flows of one capture, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..flows.batch import GAP
from ..protocol import Protocol
from ..protocols import registry
from ..schema import ENDPOINT_COLUMNS, OBJECT_OFFSET, Column, Table
from .choice import Candidates
from .contents import Content
from .flowwork import FlowWork
from .places import views

if TYPE_CHECKING:
    from ..flows.batch import DirectionPieces, StreamBatch
    from ..tls.keylog import Secrets
    from .rows import RowCollector

OnContent = Callable[[int, Content, "memoryview | bytes | None"], None]

_LEADING = 6
_KINDS = {"frame": "frame", "time_ns": "time_ns"}


class Layout(NamedTuple):
    """How a row of a table is put together."""

    table: Table
    nulls: dict[str, None]
    """Columns between the leading ones and the endpoints, in order; a row begins with no value in any of them."""
    has_object: bool
    """True if rows say where the body begins that they are about."""
    special: tuple[tuple[str, str], ...]
    """Name and kind (frame, time_ns, offset) of columns whose values are made from places."""
    endpoints: bool


def _kind(column: Column) -> str | None:
    return "offset" if column.name.endswith("_body_offset") else _KINDS.get(column.type)


def _layout(table: Table) -> Layout:
    own = table.columns[_LEADING:]
    if has_endpoints := own[-len(ENDPOINT_COLUMNS) :] == ENDPOINT_COLUMNS:
        own = own[: -len(ENDPOINT_COLUMNS)]
    special = tuple((c.name, kind) for c in own if (kind := _kind(c)))
    nulls = dict.fromkeys(c.name for c in own)
    return Layout(table, nulls, OBJECT_OFFSET.name in nulls, special, has_endpoints)


class Dissector:
    """Reads the streams of one capture with the parsers of the protocols folder.

    `on_content` is called with the flow's id, the body and each part of its bytes, and with None at its
    end: this is how bodies are taken out of a capture. `only_flow` leaves all other flows unread. `secrets`
    open what is encrypted.
    """

    def __init__(
        self,
        rows: RowCollector,
        *,
        on_content: OnContent | None = None,
        only_flow: int | None = None,
        protocols: Iterable[Protocol] | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self.rows = rows
        self.on_content = on_content
        self.secrets = secrets
        self.protocols: dict[int, str] = {}
        self._only_flow = only_flow
        known = list(registry().values() if protocols is None else protocols)
        self.by_carrier = {
            carrier: Candidates(p for p in known if carrier in p.carriers)
            for carrier in ("tcp", "udp", "content", "rest", "beside", "quic")
        }
        self.by_name = {p.name: p for p in known}
        self.layouts = {table.name: _layout(table) for p in known for table in p.tables}
        self._work: dict[int, FlowWork] = {}
        self._over: set[int] = set()
        """Numbers of flows that are not read any more: most have ended long before the capture does."""

    # --- batches -----------------------------------------------------------------------------------------

    def take(self, batch: StreamBatch) -> None:
        """Feed the parsers with what a batch adds to the streams."""
        for difference in batch.differences:
            self.rows.anomaly(
                "TCP_overlap_differs",
                flow_id=difference.flow_id,
                from_orig=difference.from_orig,
                offset=difference.offset,
                detail=f"bytes sent again in frame {difference.frame_no} differ; the first version was kept",
            )
        offset, frame, ns = views(batch)
        data = batch.data.data  # kernels are told at once where writable memory lies; parsers do not write (rule 1)
        for entry in batch.directions:
            number = entry.direction >> 1
            if number in self._over:
                continue
            work = self._work.get(number) or self._begin(number, entry)
            if not work.dead:
                from_orig = entry.direction & 1 == 0
                work.places[not from_orig].begin(entry, offset, frame, ns)
                self._feed(work, batch, entry, data, from_orig)
                work.rest(from_orig)
            if work.dead:
                self._forget(number)
        for number in batch.silent:  # their parsers would be kept to the end
            if (silent := self._work.get(number)) is not None:
                silent.end(True)
                silent.end(False)
                self._forget(number)

    def finish(self) -> None:
        """End all streams that are still open: the capture is over."""
        for number in sorted(self._work):
            work = self._work[number]
            work.end(True)
            work.end(False)
            self._forget(number)

    def _begin(self, number: int, entry: DirectionPieces) -> FlowWork:
        work = self._work[number] = FlowWork(self, number, entry)
        work.dead = self._only_flow is not None and work.flow_id != self._only_flow
        return work

    def _forget(self, number: int) -> None:
        del self._work[number]
        self._over.add(number)

    def _feed(
        self, work: FlowWork, batch: StreamBatch, entry: DirectionPieces, data: memoryview, from_orig: bool
    ) -> None:
        if work.carrier == "udp":
            self._datagrams(work, batch, entry, data, from_orig)
        elif not entry.specials:
            work.data(data[entry.byte : entry.byte + entry.bytes], from_orig)
        else:
            self._runs(work, batch, entry, data, from_orig)

    def _runs(
        self, work: FlowWork, batch: StreamBatch, entry: DirectionPieces, data: memoryview, from_orig: bool
    ) -> None:
        """Feed a direction that has gaps or an end among its pieces."""
        start, at, after = entry.first, entry.byte, entry.byte + entry.bytes
        offset, length, kind = batch.offset.data, batch.length.data, batch.kind.data  # their items are Python integers
        for special in (start + np.flatnonzero(batch.kind[start : start + entry.pieces])).tolist():
            if size := offset[special] - offset[start]:  # of the pieces between: data without gaps
                work.data(data[at : at + size], from_orig)
                at += size
            if kind[special] == GAP:
                work.gap(length[special], from_orig)
            else:
                work.end(from_orig)
            start = special + 1
        if at < after:
            work.data(data[at:after], from_orig)

    def _datagrams(
        self, work: FlowWork, batch: StreamBatch, entry: DirectionPieces, data: memoryview, from_orig: bool
    ) -> None:
        """Feed datagrams one by one; a bulk protocol gets runs of them joined."""
        last = entry.first + entry.pieces
        lengths = batch.length[entry.first : last].tolist()
        kinds = batch.kind[entry.first : last].tolist()
        at = entry.byte
        for length, kind in zip(lengths, kinds, strict=True):
            if work.dead:
                return
            if work.protocol is not None and work.protocol.joined_datagrams and not entry.specials:
                work.data(data[at : entry.byte + entry.bytes], from_orig)
                return
            if kind == GAP:
                work.gap(length, from_orig)
            elif kind == 0:
                work.data(data[at : at + length], from_orig)
                at += length
