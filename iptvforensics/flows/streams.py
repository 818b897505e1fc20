"""Packet columns to flows and in-order stream bytes, block by block.

`FlowTable.add` takes the packets of a block, `flush` returns a `StreamBatch`: per direction the new pieces of
its stream, in order, and their bytes in one contiguous buffer. State lives on from block to block; memory grows
with the number of flows and with bytes that wait behind holes (bounded), not with the size of the capture.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from . import layout as L
from .gather import count_pieces, first_difference, forget_block, gather, keep_waiting
from .route import flush_waiting, rebuild_table, route

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..capture import Block
    from ..packets import Packets

    Ints = NDArray[np.int64]
    Bytes = NDArray[np.uint8]

GAP, END = 1, 2
"""Kinds of a piece that is no data (0)."""

HISTORY_DIRECTIONS = 1024
"""Directions whose last bytes are kept for the comparison of repeated bytes (16 KiB each)."""


@dataclass(frozen=True, slots=True)
class FlowLimits:
    """How long and how much the reassembly waits."""

    pending_bytes: int = 4 << 20
    """Bytes that may wait behind a hole, per direction; Wireshark's and Zeek's users lose streams below 1 MiB."""
    pending_segments: int = 8192
    pending_total_bytes: int = 128 << 20
    """Bytes that may wait in all directions together."""
    hole_acknowledged_ns: int = 1_000_000_000
    """A hole that the receiver has acknowledged was lost by the capture: only reordering is waited for."""
    hole_ns: int = 60_000_000_000
    """A hole that nobody acknowledged may still be filled by a retransmission (RFC 6298: up to 60 s)."""


class DirectionPieces(NamedTuple):
    """What a batch adds to one direction."""

    direction: int
    """2 * flow number, plus 1 for the responder's direction."""
    first: int
    """Its first piece in the arrays of the batch."""
    pieces: int
    byte: int
    """Where its bytes start in the buffer of the batch."""
    bytes: int
    specials: int
    """How many of its pieces are gaps or ends."""
    flow_id: int = 0
    transport: int = 0
    midstream: bool = False
    """True if the beginning of the flow was not captured, as far as is known now."""


class OverlapDifference(NamedTuple):
    """Bytes that were sent twice with different content; the first version was kept."""

    flow_id: int
    from_orig: bool
    frame_no: int
    offset: int


@dataclass(slots=True)
class StreamBatch:
    """New pieces of many streams; arrays are valid until the batch after the next one is made.

    `offset`, `length`, `frame`, `ns`, `kind`: int64, one entry per piece, grouped by direction (ascending),
    inside a direction by stream offset. `data`: uint8, the bytes of all data pieces in the same order.
    """

    directions: list[DirectionPieces]
    offset: Ints
    length: Ints
    frame: Ints
    ns: Ints
    kind: Ints
    data: Bytes
    differences: list[OverlapDifference]


def _grown(array: Ints, entries: int) -> Ints:
    bigger = np.zeros(entries, np.int64)
    bigger[: len(array)] = array
    return bigger


class FlowTable:
    """All flows of a capture, and the bytes that wait for their turn."""

    def __init__(self, limits: FlowLimits | None = None) -> None:
        limits = limits or FlowLimits()
        self.state: Ints = np.zeros(L.STATE_WIDTH, np.int64)
        self.flow: Ints = np.zeros(256 * L.FLOW_WIDTH, np.int64)
        self.dirs: Ints = np.zeros(512 * L.DIRECTION_WIDTH, np.int64)
        self._table: Ints = np.zeros(1024, np.int64)
        self._pending: Ints = np.zeros(1024 * L.PENDING_WIDTH, np.int64)
        self._overlaps: Ints = np.zeros(4096 * L.OVERLAP_WIDTH, np.int64)
        self._pieces: Ints = np.zeros(0, np.int64)
        self._arena: Bytes = np.zeros(1, np.uint8)
        self._outs: list[Bytes] = [np.zeros(0, np.uint8)] * 2  # used in turn: a batch outlives the making of the next
        self._columns: list[list[Ints]] = [[], []]
        self._turn = 0
        self._active: Ints = np.zeros(512, np.int64)
        self._packet_direction: Ints = np.zeros(0, np.int64)
        self._history: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        state = self.state
        state[L.FLOW_LIMIT] = 256
        state[L.PENDING_LIMIT] = 1024
        state[L.OVERLAP_LIMIT] = 4096
        state[L.TABLE_MASK] = 1023
        state[L.MAX_PENDING_BYTES] = limits.pending_bytes
        state[L.MAX_PENDING_COUNT] = limits.pending_segments
        state[L.MAX_PENDING_TOTAL] = limits.pending_total_bytes
        state[L.HOLE_ACKED_NS] = limits.hole_acknowledged_ns
        state[L.HOLE_NS_LIMIT] = limits.hole_ns

    def __len__(self) -> int:
        """Return the number of flows seen so far."""
        return int(self.state[L.N_FLOWS])

    def add(self, block: Block, packets: Packets) -> Iterator[StreamBatch]:
        """Route packets of a block to their flows; yield a batch only if the arrays are full."""
        row = 0
        state = self.state
        if state[L.N_PIECES] == 0:
            self._room_for_pieces(2 * packets.count)
        packet_direction = self._packet_direction
        if len(packet_direction) < packets.count:
            packet_direction = self._packet_direction = np.empty(packets.count, np.int64)
        while row < packets.count:
            row = route(
                row,
                packets.count,
                block.first_frame,
                block.data,
                self._arena,
                block.ts_ns,
                packets.record,
                packets.sub,
                packets.status,
                packets.src_hi,
                packets.src_lo,
                packets.dst_hi,
                packets.dst_lo,
                packets.transport,
                packets.src_port,
                packets.dst_port,
                packets.tcp_seq,
                packets.tcp_ack,
                packets.tcp_flags,
                packets.payload_at,
                packets.payload_bytes,
                packets.payload_wire_bytes,
                packets.ip_id,
                packets.src_mac,
                packets.dst_mac,
                packets.vlan,
                packets.tunnel,
                state,
                self._table,
                self.flow,
                self.dirs,
                self._pending,
                self._pieces,
                self._overlaps,
                packet_direction,
            )
            stopped = int(state[L.STOPPED_FOR])
            if stopped == L.STOP_FLOWS:
                self._grow_flows()
            elif stopped == L.STOP_PENDING:
                self._pending = _grown(self._pending, len(self._pending) * 2)
                state[L.PENDING_LIMIT] *= 2
            elif stopped == L.STOP_PIECES:
                yield self._batch(block.data, block.length)
                self._room_for_pieces(2 * (packets.count - row))

    def flush(self, block: Block) -> StreamBatch | None:
        """Return what the packets added since the last batch gave; after that the block may be reused."""
        batch = None
        if self.state[L.N_PIECES] or self.state[L.N_OVERLAPS]:
            batch = self._batch(block.data, block.length)
        self._keep_waiting(block.data)
        return batch

    def finish(self) -> StreamBatch | None:
        """Return what still waited behind holes: nothing will fill them now."""
        self._room_for_pieces(0)
        nothing = np.zeros(1, np.uint8)
        if not flush_waiting(0, self.state, self.dirs, self._pending, self._pieces):
            return None
        return self._batch(nothing, 0)

    def _room_for_pieces(self, wanted: int) -> None:
        entries = max(4096, wanted) + 4 * int(self.state[L.PENDING_LIMIT])
        if entries * L.PIECE_WIDTH > len(self._pieces):
            self._pieces = np.zeros(entries * L.PIECE_WIDTH, np.int64)
            self.state[L.PIECE_LIMIT] = entries

    def _grow_flows(self) -> None:
        capacity = int(self.state[L.FLOW_LIMIT]) * 4
        self.flow = _grown(self.flow, capacity * L.FLOW_WIDTH)
        self.dirs = _grown(self.dirs, 2 * capacity * L.DIRECTION_WIDTH)
        self._active = np.zeros(2 * capacity, np.int64)
        self._table = np.zeros(4 * capacity, np.int64)
        self.state[L.FLOW_LIMIT] = capacity
        self.state[L.TABLE_MASK] = 4 * capacity - 1
        rebuild_table(self.state, self._table, self.flow)

    def _batch(self, block: Bytes, block_length: int) -> StreamBatch:
        state, dirs = self.state, self.dirs
        count = int(state[L.N_PIECES])
        found = count_pieces(count, state, self._pieces, dirs, self._active)
        active = self._active[:found]
        active.sort()
        rows = dirs.reshape(-1, L.DIRECTION_WIDTH)[active]
        total = int(rows[:, L.BLOCK_BYTES].sum())
        self._turn ^= 1
        out = self._room_for_batch(total, block_length)
        columns = self._columns[self._turn]
        gather(count, state, self._pieces, dirs, self._active, block, self._arena, out, *columns)
        offset, length, frame, ns, kind = (column[:count] for column in columns)
        batch = StreamBatch(self._directions(active), offset, length, frame, ns, kind, out[:total], [])
        if state[L.N_OVERLAPS]:
            batch.differences.extend(self._differences(batch, block))
        self._remember(batch)
        forget_block(state, dirs, self._active)
        state[L.N_PIECES] = 0
        state[L.N_OVERLAPS] = 0
        return batch

    def _room_for_batch(self, total: int, block_length: int) -> Bytes:
        turn = self._turn
        if total > len(self._outs[turn]):
            self._outs[turn] = np.empty(max(total, block_length), np.uint8)
        entries = len(self._pieces) // L.PIECE_WIDTH
        if not self._columns[turn] or len(self._columns[turn][0]) < entries:
            self._columns[turn] = [np.empty(entries, np.int64) for _ in range(5)]
        return self._outs[turn]

    def _directions(self, active: Ints) -> list[DirectionPieces]:
        wanted = [L.BLOCK_PIECE_AT, L.BLOCK_PIECES, L.BLOCK_BYTE_AT, L.BLOCK_BYTES, L.BLOCK_SPECIALS]
        numbers = self.dirs.reshape(-1, L.DIRECTION_WIDTH)
        flows = self.flow.reshape(-1, L.FLOW_WIDTH)[active >> 1]
        midstream = (numbers[active, L.MIDSTREAM] | numbers[active ^ 1, L.MIDSTREAM]) != 0
        where = numbers[active][:, wanted].T.tolist()
        about = (flows[:, L.FLOW_ID].tolist(), flows[:, L.TRANSPORT].tolist(), midstream.tolist())
        return list(map(DirectionPieces._make, zip(active.tolist(), *where, *about, strict=True)))

    def _differences(self, batch: StreamBatch, block: Bytes) -> Iterator[OverlapDifference]:
        """Yield where bytes that were seen again differ from those delivered first."""
        by_direction = {entry.direction: entry for entry in batch.directions}
        count = int(self.state[L.N_OVERLAPS])
        for d, at, size, source, frame in (
            self._overlaps[: count * L.OVERLAP_WIDTH].reshape(-1, L.OVERLAP_WIDTH).tolist()
        ):
            flow_id = int(self.flow[(d >> 1) * L.FLOW_WIDTH + L.FLOW_ID])
            if size == 0:
                yield OverlapDifference(flow_id, d & 1 == 0, frame, at)
                continue
            entry = by_direction.get(d) or DirectionPieces(d, 0, 0, 0, 0, 0)
            part = slice(entry.first, entry.first + entry.pieces)
            lengths = np.where(batch.kind[part] == 0, batch.length[part], 0)
            where = entry.byte + np.cumsum(lengths) - lengths
            end, history = self._history.get(d, (0, b""))
            start = int(batch.offset[entry.first]) if entry.pieces else end
            differs = first_difference(
                at,
                size,
                source,
                start,
                np.ascontiguousarray(batch.offset[part]),
                np.ascontiguousarray(batch.length[part]),
                np.ascontiguousarray(batch.kind[part]),
                where.astype(np.int64),
                block,
                self._arena,
                batch.data if len(batch.data) else np.zeros(1, np.uint8),
                np.frombuffer(history if end == start and history else b"\0", np.uint8),
            )
            if differs >= 0 and (end == start or differs >= start):
                yield OverlapDifference(flow_id, d & 1 == 0, frame, differs)

    def _remember(self, batch: StreamBatch) -> None:
        """Keep the last bytes of each TCP direction, for repeats that come in a later block."""
        for entry in batch.directions:
            d = entry.direction
            if self.flow[(d >> 1) * L.FLOW_WIDTH + L.TRANSPORT] != 6:
                continue
            size, before = self._bytes_since_gap(batch, entry)
            end = entry.byte + entry.bytes
            last = batch.data[end - min(size, L.COMPARE_WINDOW) : end].tobytes()
            if before and size < L.COMPARE_WINDOW:
                last = (self._history.get(d, (0, b""))[1] + last)[-L.COMPARE_WINDOW :]
            self._history[d] = (int(self.dirs[d * L.DIRECTION_WIDTH + L.NEXT_OFFSET]), last)
            self._history.move_to_end(d)
        while len(self._history) > HISTORY_DIRECTIONS:
            self._history.popitem(last=False)

    def _bytes_since_gap(self, batch: StreamBatch, entry: DirectionPieces) -> tuple[int, bool]:
        """Return how many bytes of a direction follow its last gap, and whether there was no gap at all."""
        part = slice(entry.first, entry.first + entry.pieces)
        gaps = np.flatnonzero(batch.kind[part] == GAP) if entry.specials else ()
        if not len(gaps):
            return entry.bytes, True
        after = entry.first + int(np.max(gaps)) + 1
        return int(batch.length[after : part.stop].sum()), False

    def _keep_waiting(self, block: Bytes) -> None:
        """Copy the bytes that wait behind holes out of the block, which will be reused."""
        waiting = int(self.state[L.PENDING_TOTAL_BYTES])
        if not waiting:
            return
        arena = np.empty(waiting, np.uint8)
        keep_waiting(self.state, self.dirs, self._pending, block, self._arena, arena)
        self._arena = arena
