"""Packet columns to flows and in-order stream bytes, block by block.

`FlowTable.add` takes the packets of a block and copies what they bring out of it; when enough has come together,
it yields a `StreamBatch`: per direction the new pieces of its stream, in order, and their bytes, contiguous.
Blocks are small, so that they are still in the processor's cache when their bytes are copied; batches are large,
because each costs the parsers a call per direction. Memory grows with the number of flows and with bytes that
wait behind holes (bounded), not with the size of the capture.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import layout as L
from .batch import BATCHES_ALIVE, END, GAP, DirectionPieces, OverlapDifference, StreamBatch, directions_of
from .connection import RESET_SEEN, RESET_SILENCE_NS
from .ending import flush
from .gather import begin_batch, find_runs, first_difference, gather, group, keep_repeats, keep_waiting, move_waiting
from .route import rebuild_table, route

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..capture import Block
    from ..packets import Packets

    Ints = NDArray[np.int64]
    Bytes = NDArray[np.uint8]

Zeros = Callable[[int, type], Any]
"""Makes an array of zeros of a length and a type."""

BATCH_BYTES = 24 << 20
"""Bytes after which a batch is handed on."""
FIRST_PARTS = 8
"""The first batch is this much smaller, so that the parsers begin early; the next ones grow."""
BATCH_PIECES = 1 << 17
"""Pieces after which it is, however few bytes they hold."""
MOST_REPEATED_BYTES = 16 << 20
"""And bytes that were seen again."""
GROWTH = 16
"""How many times as many flows find room when the table was full."""

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


class FlowTable:
    """All flows of a capture, and the bytes that wait for their turn.

    `zeros` makes the arrays that others see: those of batches, `flow` and `dirs`.
    """

    def __init__(
        self, limits: FlowLimits | None = None, *, batch_bytes: int = BATCH_BYTES, zeros: Zeros = np.zeros
    ) -> None:
        limits = limits or FlowLimits()
        self._zeros = zeros
        self.state: Ints = np.zeros(L.STATE_WIDTH, np.int64)
        self.flow: Ints = zeros(256 * L.FLOW_WIDTH, np.int64)
        self.dirs: Ints = zeros(512 * L.DIRECTION_WIDTH, np.int64)
        self._batch_bytes = batch_bytes
        self._enough = max(1, batch_bytes // FIRST_PARTS)
        self._table: Ints = np.zeros(1024, np.int64)
        self._pending: Ints = np.zeros(1024 * L.PENDING_WIDTH, np.int64)
        self._overlaps: Ints = np.zeros(4096 * L.OVERLAP_WIDTH, np.int64)
        self._recent: Ints = np.zeros(L.COPY_SETS * L.COPY_SET_WIDTH, np.int64)
        self._repeats: Bytes = np.zeros(1, np.uint8)
        self._pieces: Ints = np.zeros(0, np.int64)
        self._arena: Bytes = np.zeros(1, np.uint8)
        # Used in turn: a batch outlives the making of the next. Half as much again, since rooms are guesses.
        self._outs: list[Bytes] = [zeros(batch_bytes + batch_bytes // 2, np.uint8) for _ in range(BATCHES_ALIVE)]
        self._columns: list[list[Ints]] = [[] for _ in range(BATCHES_ALIVE)]
        self._turn = 0
        self._active: Ints = np.zeros(512, np.int64)
        self.packet_direction: Ints = np.zeros(0, np.int64)
        """Direction of each packet of the last block; -1 for copies and for what is no packet."""
        self._history: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._told_silent = np.zeros(256, np.bool_)
        self._silent: list[int] = []
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
        state[L.KEY : L.KEY + L.KEYS] = np.frombuffer(os.urandom(4 * L.KEYS), np.uint32) >> 4

    def __len__(self) -> int:
        """Return the number of flows seen so far."""
        return int(self.state[L.N_FLOWS])

    def add(self, block: Block, packets: Packets) -> Iterator[StreamBatch]:
        """Route packets of a block to their flows, and yield the batches that are full.

        When the iteration has ended, the block may be reused.
        """
        row = 0
        state = self.state
        self._room_for_pieces(2 * packets.count)
        while row < packets.count:
            row = self._route(row, block, packets)
            stopped = int(state[L.STOPPED_FOR])
            if stopped == L.STOP_FLOWS:
                self._grow_flows()
            elif stopped == L.STOP_PENDING:
                self._pending = self._grown(self._pending, len(self._pending) * 2)
                state[L.PENDING_LIMIT] *= 2
            elif stopped == L.STOP_PIECES:
                yield from self._gather(block.data)
                yield self._batch()
                self._room_for_pieces(2 * (packets.count - row))
        yield from self._gather(block.data)
        self._keep_waiting(block.data)
        if (
            state[L.OUT_BYTES] >= self._enough
            or state[L.N_PIECES] >= BATCH_PIECES
            or state[L.REPEATS_USED] >= MOST_REPEATED_BYTES
        ):
            yield from self._end_silent(int(block.ts_ns.min()))
            yield self._batch()

    def _route(self, row: int, block: Block, packets: Packets) -> int:
        """Return the first packet that was not taken: all were, or an array is full."""
        if len(self.packet_direction) < packets.count:
            self.packet_direction = np.empty(packets.count, np.int64)
        return route(
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
            self.state,
            self._table,
            self.flow,
            self.dirs,
            self._pending,
            self._pieces,
            self._overlaps,
            self._recent,
            self.packet_direction,
        )

    def finish(self) -> Iterator[StreamBatch]:
        """Yield what has come together since the last batch, what waited behind holes, and what is lost at the end."""
        direction = 0
        while True:
            self._room_for_pieces(0)
            direction = flush(direction, 2 * len(self), self.state, self.flow, self.dirs, self._pending, self._pieces)
            yield from self._gather(np.zeros(1, np.uint8))
            if direction == 2 * len(self):
                break
            yield self._batch()
        if self.state[L.N_PIECES] or self.state[L.N_OVERLAPS]:
            yield self._batch()

    def forget(self) -> None:
        """Give back the memory of batches after the last one."""
        self._outs.clear()
        self._columns.clear()

    def _room_for_pieces(self, wanted: int) -> None:
        entries = int(self.state[L.N_PIECES]) + max(4096, wanted) + 4 * int(self.state[L.PENDING_LIMIT])
        if entries * L.PIECE_WIDTH > len(self._pieces):
            self._pieces = self._grown(self._pieces, (entries + entries // 4) * L.PIECE_WIDTH)
            self.state[L.PIECE_LIMIT] = len(self._pieces) // L.PIECE_WIDTH

    @staticmethod
    def _grown(array: Ints, entries: int, zeros: Zeros = np.zeros) -> Ints:
        bigger: Ints = zeros(entries, np.int64)
        bigger[: len(array)] = array
        return bigger

    def _grow_flows(self) -> None:
        # Large steps: room that nobody has written to takes no memory, but while it is copied all is there twice.
        capacity = int(self.state[L.FLOW_LIMIT]) * GROWTH
        self.flow = self._grown(self.flow, capacity * L.FLOW_WIDTH, self._zeros)
        self.dirs = self._grown(self.dirs, 2 * capacity * L.DIRECTION_WIDTH, self._zeros)
        self._active = self._grown(self._active, 2 * capacity)
        told, self._told_silent = self._told_silent, np.zeros(capacity, np.bool_)
        self._told_silent[: len(told)] = told
        self._table = np.zeros(4 * capacity, np.int64)
        self.state[L.FLOW_LIMIT] = capacity
        self.state[L.TABLE_MASK] = 4 * capacity - 1
        rebuild_table(self.state, self._table, self.flow)

    def _gather(self, block: Bytes) -> Iterator[StreamBatch]:
        """Copy the bytes of new pieces out of a block; yield the batch where they find no room in it."""
        state = self.state
        while gather(state, self._pieces, self.dirs, self._active, block, self._arena, self._outs[self._turn]):
            if state[L.N_GATHERED]:
                self._keep_repeats(block)
                yield self._batch()
            else:
                largest = int(self._pieces[L.PIECE_LENGTH])
                self._outs[self._turn] = self._zeros(2 * largest, np.uint8)
        self._keep_repeats(block)

    def _keep_repeats(self, block: Bytes) -> None:
        """Copy bytes that were seen again out of a block: they are compared when the batch is made."""
        while not keep_repeats(self.state, self._overlaps, block, self._arena, self._repeats):
            repeats = np.empty(max(1 << 16, 4 * len(self._repeats)), np.uint8)
            repeats[: len(self._repeats)] = self._repeats
            self._repeats = repeats

    def _batch(self) -> StreamBatch:
        state, dirs = self.state, self.dirs
        count = int(state[L.N_GATHERED])
        self._active[: state[L.N_ACTIVE]].sort()
        columns = self._room_for_columns(count)
        runs = np.empty(int(state[L.N_ACTIVE] + state[L.N_EXTENTS] + 1) * L.RUN_WIDTH, np.int64)
        group(state, self._pieces, dirs, self._active, *columns)
        found = find_runs(state, dirs, self._active, columns[1], columns[4], columns[5], runs)
        offset, length, frame, ns, kind = (column[:count] for column in columns[:5])
        runs = self._described(runs[: found * L.RUN_WIDTH].reshape(-1, L.RUN_WIDTH))
        batch = StreamBatch(
            directions_of(runs), runs, offset, length, frame, ns, kind, self._outs[self._turn], [], self._silent
        )
        self._silent = []
        if state[L.N_OVERLAPS]:
            batch.differences.extend(self._differences(batch, columns[5]))
        self._remember(batch)
        self._enough = min(2 * self._enough, self._batch_bytes)
        begin_batch(state, self._pieces, dirs, self._active, self._overlaps)
        self._turn = (self._turn + 1) % BATCHES_ALIVE
        return batch

    def _room_for_columns(self, entries: int) -> list[Ints]:
        turn = self._turn
        if not self._columns[turn] or len(self._columns[turn][0]) < entries:
            size = max(entries, BATCH_PIECES) + entries // 4
            self._columns[turn] = [self._zeros(size, np.int64) for _ in range(6)]
        return self._columns[turn]

    def _described(self, runs: Ints) -> Ints:
        """Return runs, and in further columns what is known of their flows."""
        active = runs[:, L.RUN_DIRECTION]
        numbers = self.dirs.reshape(-1, L.DIRECTION_WIDTH)
        flows = self.flow.reshape(-1, L.FLOW_WIDTH)[active >> 1]
        midstream = (numbers[active, L.MIDSTREAM] | numbers[active ^ 1, L.MIDSTREAM]) != 0
        ends = flows[:, L.ORIG_HI : L.RESP_PORT + 1]
        return np.column_stack((runs, flows[:, L.FLOW_ID], flows[:, L.TRANSPORT], midstream, ends))

    def _end_silent(self, now: int) -> Iterator[StreamBatch]:
        """Deliver what waits in flows that were reset and have been silent since, and have them told, each once.

        A reset alone ends nothing: anybody can forge one. What comes after the silence makes another flow, which is
        so whether they were told before or not (`end_silent`). `now` is a time that no later packet lies before.
        """
        flows = self.flow.reshape(-1, L.FLOW_WIDTH)[: len(self)]
        is_over = flows[:, L.OVER] != 0
        is_reset = (flows[:, L.HISTORY_SEEN] & RESET_SEEN) != 0
        is_silent = is_reset & (now - flows[:, L.FLOW_LAST_NS] > RESET_SILENCE_NS) & ~is_over
        self._silent += (is_over & ~self._told_silent[: len(self)]).nonzero()[0].tolist()
        self._told_silent[: len(self)] |= is_over | is_silent
        flows[is_silent, L.OVER] = 1
        for number in is_silent.nonzero()[0].tolist():
            self._room_for_pieces(0)
            flush(2 * number, 2 * number + 2, self.state, self.flow, self.dirs, self._pending, self._pieces)
            yield from self._gather(np.zeros(1, np.uint8))
            self._silent.append(number)

    def _differences(self, batch: StreamBatch, byte: Ints) -> Iterator[OverlapDifference]:
        """Yield where bytes that were seen again differ from those delivered first."""
        by_direction: dict[int, slice] = {}
        for entry in batch.directions:
            first = by_direction[entry.direction].start if entry.direction in by_direction else entry.first
            by_direction[entry.direction] = slice(first, entry.first + entry.pieces)
        count = int(self.state[L.N_OVERLAPS])
        gathered = int(self.state[L.N_GATHERED])
        for d, at, size, source, frame, pieces in (
            self._overlaps[: count * L.OVERLAP_WIDTH].reshape(-1, L.OVERLAP_WIDTH).tolist()
        ):
            if pieces > gathered:  # compared when what it repeats has been gathered
                continue
            flow_id = int(self.flow[(d >> 1) * L.FLOW_WIDTH + L.FLOW_ID])
            if size == 0:
                yield OverlapDifference(flow_id, d & 1 == 0, frame, at)
                continue
            part = by_direction.get(d, slice(0, 0))
            end, history = self._history.get(d, (0, b""))
            start = int(batch.offset[part.start]) if part.stop > part.start else end
            differs = first_difference(
                at,
                size,
                source,
                start,
                batch.offset[part],
                batch.length[part],
                batch.kind[part],
                byte[part],
                self._repeats,
                batch.data,
                np.frombuffer(history if end == start and history else b"\0", np.uint8),
            )
            if differs >= 0 and (end == start or differs >= start):
                yield OverlapDifference(flow_id, d & 1 == 0, frame, differs)

    def _remember(self, batch: StreamBatch) -> None:
        """Keep the last bytes of each TCP direction, for repeats that come in a later batch."""
        array: Any = batch.data
        data = memoryview(array)  # parts of it are made in a third of the time
        finals = batch.runs[:, L.RUN_FIRST] + batch.runs[:, L.RUN_PIECES] - 1
        stops = (batch.offset[finals] + batch.length[finals]).tolist()
        for entry, kind, stop in zip(batch.directions, batch.kind[finals].tolist(), stops, strict=True):
            d = entry.direction
            if entry.transport != 6:
                continue
            size, before = self._bytes_since_gap(batch, entry) if entry.specials else (entry.bytes, True)
            end = entry.byte + entry.bytes
            last = data[end - min(size, L.COMPARE_WINDOW) : end].tobytes()
            if before and size < L.COMPARE_WINDOW:
                last = (self._history.get(d, (0, b""))[1] + last)[-L.COMPARE_WINDOW :]
            self._history[d] = (stop, last)
            self._history.move_to_end(d, last=kind != END)  # what ended is the first to be forgotten
        while len(self._history) > HISTORY_DIRECTIONS:
            self._history.popitem(last=False)

    def _bytes_since_gap(self, batch: StreamBatch, entry: DirectionPieces) -> tuple[int, bool]:
        """Return how many bytes of a direction follow its last gap, and whether there was no gap at all."""
        part = slice(entry.first, entry.first + entry.pieces)
        gaps = np.flatnonzero(batch.kind[part] == GAP)
        if not len(gaps):
            return entry.bytes, True
        after = entry.first + int(np.max(gaps)) + 1
        return int(batch.length[after : part.stop].sum()), False

    def _keep_waiting(self, block: Bytes) -> None:
        """Copy the bytes that wait behind holes out of the block, which will be reused."""
        waiting = int(self.state[L.PENDING_TOTAL_BYTES])
        if not waiting:
            self.state[L.ARENA_USED] = 0
        elif not keep_waiting(self.state, self._pending, block, self._arena):
            arena = np.empty(max(1 << 16, 2 * waiting), np.uint8)
            move_waiting(self.state, self._pending, self._arena, arena)
            self._arena = arena
            keep_waiting(self.state, self._pending, block, arena)
