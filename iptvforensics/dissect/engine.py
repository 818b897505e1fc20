"""Drives the parsers of all flows of one capture, batch by batch."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..flows.batch import GAP
from ..protocol import Protocol
from ..protocols import registry
from ..schema import ENDPOINT_COLUMNS, MESSAGE_COLUMNS, OBJECT_OFFSET, Column, Table
from .choice import Candidates
from .contents import Content
from .flowwork import FlowWork

if TYPE_CHECKING:
    from ..flows.batch import DirectionPieces, StreamBatch
    from ..tls.keylog import Secrets
    from .rows import RowCollector

OnContent = Callable[[int, Content, "memoryview | bytes | None"], None]

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
    own = table.columns[len(MESSAGE_COLUMNS) :]
    if has_endpoints := own[-len(ENDPOINT_COLUMNS) :] == ENDPOINT_COLUMNS:
        own = own[: -len(ENDPOINT_COLUMNS)]
    special = tuple((c.name, kind) for c in own if (kind := _kind(c)))
    nulls = dict.fromkeys(c.name for c in own)
    return Layout(table, nulls, OBJECT_OFFSET.name in nulls, special, has_endpoints)


class _Views(NamedTuple):
    """What a batch holds, as views whose items are Python integers."""

    data: memoryview
    """Writable: kernels are told at once where such memory lies. Parsers do not write (rule 1)."""
    offset: memoryview
    length: memoryview
    frame: memoryview
    ns: memoryview
    kind: memoryview
    specials: list[int]
    """Which pieces are gaps or ends."""


def _views(batch: StreamBatch) -> _Views:
    data, offset, length, frame, ns, kind = (
        column.data for column in (batch.data, batch.offset, batch.length, batch.frame, batch.ns, batch.kind)
    )
    return _Views(data, offset, length, frame, ns, kind, np.flatnonzero(batch.kind).tolist())


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
        views = _views(batch)
        for entry in batch.directions:
            number = entry.direction >> 1
            if number in self._over:
                continue
            work = self._work.get(number) or self._begin(number, entry)
            if not work.dead:
                from_orig = entry.direction & 1 == 0
                places = work.places[not from_orig]
                places.begin(entry, views.offset, views.frame, views.ns)
                self._feed(work, views, entry, from_orig)
                if not work.dead:
                    places.keep()
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

    def _feed(self, work: FlowWork, views: _Views, entry: DirectionPieces, from_orig: bool) -> None:
        if not entry.specials and (entry.pieces == 1 or work.carrier == "tcp"):
            work.data(views.data[entry.byte : entry.byte + entry.bytes], from_orig)
        elif work.carrier == "tcp":
            self._runs(work, views, entry, from_orig)
        else:
            self._datagrams(work, views, entry, from_orig)

    def _runs(self, work: FlowWork, views: _Views, entry: DirectionPieces, from_orig: bool) -> None:
        """Feed a direction that has gaps or an end among its pieces."""
        start, at, after = entry.first, entry.byte, entry.byte + entry.bytes
        first = bisect_left(views.specials, start)
        for special in views.specials[first : first + entry.specials]:
            if size := views.offset[special] - views.offset[start]:  # the pieces between are data without gaps
                work.data(views.data[at : at + size], from_orig)
                at += size
            if views.kind[special] == GAP:
                work.gap(views.length[special], from_orig)
            else:
                work.end(from_orig)
            start = special + 1
        if at < after:
            work.data(views.data[at:after], from_orig)

    def _datagrams(self, work: FlowWork, views: _Views, entry: DirectionPieces, from_orig: bool) -> None:
        """Feed datagrams one by one; a bulk protocol gets runs of them joined."""
        last = entry.first + entry.pieces
        at = entry.byte
        for length, kind in zip(views.length[entry.first : last], views.kind[entry.first : last], strict=True):
            if work.dead:
                return
            if work.protocol is not None and work.protocol.joined_datagrams and not entry.specials:
                work.data(views.data[at : entry.byte + entry.bytes], from_orig)
                return
            if kind == GAP:
                work.gap(length, from_orig)
            elif kind == 0:
                work.data(views.data[at : at + length], from_orig)
                at += length
