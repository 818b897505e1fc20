"""One direction of transport stream bytes -> events: keeps the packet grid and drives the loops.

The grid is in one of three states: searched, known, or to be confirmed (after a gap of known length the
next packet's place is known, and three sync bytes confirm it). Each decision looks at a fixed number of
bytes, so that it does not depend on how the bytes were cut.

References: ISO/IEC 13818-1 Annex G.1 (sync byte emulation, recovery of alignment).
"""

from __future__ import annotations

import hashlib

import numpy as np

from ..errors import DecodeError
from ..protocol import Anomaly, Event, Mark
from . import _mpegts_kernel as K
from ._mpegts_arrays import give_back
from ._mpegts_services import ServiceInformation
from ._mpegts_summary import Grid, summary
from ._mpegts_walk import walk

MAX_JUNK = 1 << 16
"""Bytes that show no packet grid within their first 64 KiB are no transport stream."""
BRIDGE = 2048
"""Bytes of the next piece joined to what is left of the last one: more than any decision looks ahead."""
MAX_LOSS_ANOMALIES = 64
MAX_ENTRIES = 1024
MAX_ARENA = 1 << 19
STRIDES = (K.PACKET, K.STRIDE_M2TS, K.STRIDE_RS)

Bytes = memoryview | bytearray
SEARCH, KNOWN, CONFIRM = range(3)
SYNC_BYTES = bytes([K.SYNC]) * K.SYNC_RUN


class Stream:
    """The transport stream of one direction, or of one body."""

    def __init__(self, from_orig: bool) -> None:
        self.from_orig = from_orig
        self.grid: Grid | None = None
        """None until the first packet grid was found."""
        self._information = ServiceInformation(from_orig)
        self._phase = SEARCH
        self._received = 0
        self._at = 0
        """Next byte to decide on; beyond `_received` while parity or a gap is passed over."""
        self._pending = bytearray()
        """The bytes from `_at` to `_received`."""
        self._undecided_from = 0
        """Where the bytes begin that belong to no packet yet."""
        self._missing_bytes = 0
        self._skipped_bytes = 0
        self._marked_slots = 0
        self._entries_taken = 0
        self._forgotten: set[tuple[int, bytes]] = set()
        """PID and digest of sections that had to leave the directory."""

    def feed(self, data: memoryview) -> list[Event]:
        """Return what the next bytes say."""
        events: list[Event] = []
        base = self._received
        self._received += len(data)
        head = self._pending
        if head:
            head_base = self._at
            head += data[:BRIDGE]
            self._advance(head, head_base, 0, events)
            if len(data) <= BRIDGE:
                del head[: self._at - head_base]
                return events
        if self._at < self._received:
            self._advance(data, base, 0, events)
        self._pending = bytearray(data[self._at - base :])
        return events

    def gap(self, length: int) -> list[Event]:
        """Return what is left before bytes that were not captured (-1: unknown how many)."""
        if length == 0:
            return []
        events = self._flush()
        known = max(length, 0)
        self._missing_bytes += known
        self._received += known
        grid = self.grid
        if grid is not None:
            events.append(Mark(self.from_orig, grid.last_byte))
            self._after_gap(grid, K.MODE_AFTER_GAP if length > 0 else K.MODE_ANEW)
        if grid is not None and length > 0 and self._phase != SEARCH:
            self._phase = CONFIRM
            self._undecided_from = self._received
            behind = self._received - self._at
            if behind > 0:
                self._at += -(-behind // grid.stride) * grid.stride
        else:
            self._search_from(self._received)
        return events

    def end(self) -> list[Event]:
        """Return the rows of the whole stream."""
        events = self._flush()
        grid = self.grid
        if grid is None:
            if self._received:
                why = f"no packet grid in {self._skipped_bytes} bytes"
                events.append(Anomaly("MPEGTS_no_sync", self.from_orig, 0, why))
            return events
        grid.missing_bytes = self._missing_bytes
        grid.skipped_bytes = self._skipped_bytes
        if grid.sync_losses > MAX_LOSS_ANOMALIES:
            more = grid.sync_losses - MAX_LOSS_ANOMALIES
            events.append(Anomaly("MPEGTS_sync_lost", self.from_orig, grid.first_packet, "further losses", more))
        events += summary(grid, self._information, self.from_orig)
        self.grid = None
        give_back(grid.arrays)
        return events

    def _flush(self) -> list[Event]:
        """Decide on what is pending without looking further; what is left belongs to no packet."""
        events: list[Event] = []
        if self._pending:
            self._advance(self._pending, self._at, 1, events)
            self._pending = bytearray()
        if self._phase == KNOWN:
            self._undecided_from = self._at
        self._skipped_bytes += max(self._received - self._undecided_from, 0)
        self._undecided_from = self._received
        return events

    def _advance(self, data: Bytes, base: int, final: int, events: list[Event]) -> None:
        """Decide on as many bytes as can be; `base` is the stream offset of the first."""
        size = len(data)
        goes_on = True
        while goes_on and self._at - base < size:
            if self._phase == KNOWN:
                goes_on = self._walk(data, base, size, final, events)
            elif self._phase == SEARCH:
                goes_on = self._search(data, base, size, final, events)
            else:
                goes_on = self._confirm(data, base, size, final, events)

    def _search_from(self, offset: int) -> None:
        self._phase = SEARCH
        self._at = self._undecided_from = offset

    def _search(self, data: Bytes, base: int, size: int, final: int, events: list[Event]) -> bool:
        if self.grid is None:
            size = min(size, self._undecided_from + MAX_JUNK + BRIDGE - base)
        at = self._at - base
        run = bytes(data[at : at + K.SYNC_RUN * K.PACKET : K.PACKET])
        found = 4 * at if run == SYNC_BYTES else K.find_sync(data, at, size, final)
        position = -1 - found if found < 0 else found >> 2
        self._at = base + position
        junk = self._at - self._undecided_from
        if self.grid is None and junk >= MAX_JUNK:
            raise DecodeError(f"no transport packet grid within {MAX_JUNK} bytes", offset=self._undecided_from)
        if found < 0:
            return False
        stride = STRIDES[found & 3]
        if stride == K.STRIDE_M2TS:  # the time code stands before the sync byte
            junk = max(junk - 4, 0)
        self._skipped_bytes += junk
        self._phase = KNOWN
        if self.grid is None:
            self.grid = Grid(self._at, stride)
            events.append(Mark(self.from_orig, self._at))
            if junk:
                why = f"{junk} bytes before the first transport packet"
                events.append(Anomaly("MPEGTS_sync_after_junk", self.from_orig, self._undecided_from, why))
        self.grid.stride = stride
        return True

    def _confirm(self, data: Bytes, base: int, size: int, final: int, events: list[Event]) -> bool:
        """Go on with the known grid if sync bytes stand where they should after a gap."""
        grid = self.grid
        if grid is None:
            return False
        at = self._at - base
        if final and at + K.PACKET > size:
            return False
        if not final and at + 2 * grid.stride >= size:
            return False
        places = [at + i * grid.stride for i in range(3)]
        if all(data[place] == K.SYNC for place in places if place < size):
            self._skipped_bytes += max(self._at - self._undecided_from, 0)
            self._phase = KNOWN
        else:
            self._lose(grid, events)
        return True

    def _lose(self, grid: Grid, events: list[Event]) -> None:
        grid.sync_losses += 1
        if grid.sync_losses <= MAX_LOSS_ANOMALIES:
            events.append(Anomaly("MPEGTS_sync_lost", self.from_orig, self._at, "packet grid searched again"))
        events.append(Mark(self.from_orig, grid.last_byte))
        undecided = self._undecided_from if self._phase == CONFIRM else self._at
        self._search_from(self._at)
        self._undecided_from = undecided

    def _walk(self, data: Bytes, base: int, size: int, final: int, events: list[Event]) -> bool:
        grid = self.grid
        if grid is None:
            return False
        outcome = walk(data, self._at - base, size, base, final, *grid.arrays)
        self._at = base + outcome // K.OUTCOMES
        if outcome & K.NEWS:
            self._take_news(grid, events)
        reason = outcome & K.REASON
        if reason == K.NEED_ROOM:
            self._make_room(grid)
        elif reason == K.LOST_SYNC:
            self._lose(grid, events)
        return reason != K.NEED_BYTES

    def _take_news(self, grid: Grid, events: list[Event]) -> None:
        """Read the sections seen first, and have their places remembered: rows of PIDs and services come at the end."""
        slots, entries = int(grid.state[K.SLOTS]), int(grid.state[K.ENTRIES])
        places = dict.fromkeys(grid.first_offsets(self._marked_slots, slots))
        self._marked_slots = slots
        store = grid.arrays[3].view
        sections: list[tuple[bytes, int, int]] = []
        for entry in grid.entries(self._entries_taken, entries):
            at, pid, offset = entry[K.E_AT], entry[K.E_PID], entry[K.E_OFFSET]
            data = bytes(store[at : at + entry[K.E_LENGTH]])
            if not self._forgotten or (pid, _digest(data)) not in self._forgotten:
                sections.append((data, pid, offset))
                places[offset] = None
        self._entries_taken = entries
        places.pop(grid.first_packet, None)  # remembered already
        events += [Mark(self.from_orig, place) for place in places]
        for data, pid, offset in sections:
            events += self._information.take(data, pid, offset)

    def _make_room(self, grid: Grid) -> None:
        """Let the arrays grow; a directory at its limit is emptied, and digests remember what it held."""
        state = grid.state
        room = int(state[K.SLOT_ROOM])
        if state[K.SLOTS] >= room and room < K.MAX_SLOTS:
            state = np.concatenate([state, np.zeros(3 * room * K.SLOT_WIDTH, np.int64)])
            state[K.SLOT_ROOM] = 4 * room
            grid.grow(state=state)
        short_of_entries = state[K.ENTRIES] + K.ENTRIES_PER_PACKET > len(grid.directory) // K.ENTRY_WIDTH
        short_of_bytes = K.ARENA + state[K.ARENA_USED] + K.ARENA_PER_PACKET > len(grid.store)
        full = short_of_entries and len(grid.directory) >= MAX_ENTRIES * K.ENTRY_WIDTH
        if full or (short_of_bytes and len(grid.store) >= MAX_ARENA):
            self._empty_directory(grid)
            return
        if short_of_entries:
            grid.grow(directory=np.concatenate([grid.directory, np.zeros(3 * len(grid.directory), np.int64)]))
        if short_of_bytes:
            grid.grow(store=np.concatenate([grid.store, np.empty(len(grid.store), np.uint8)]))

    def _empty_directory(self, grid: Grid) -> None:
        state = grid.state
        slots = state[K.SLOT0 :].reshape(-1, K.SLOT_WIDTH)
        for entry in grid.entries(0, int(state[K.ENTRIES])):
            at = entry[K.E_AT]
            self._forgotten.add((entry[K.E_PID], _digest(grid.store[at : at + entry[K.E_LENGTH]].tobytes())))
        state[[K.ENTRIES, K.ARENA_USED]] = 0
        state[K.HEADS : K.HEADS + K.N_HEADS] = 0
        slots[:, K.LAST_ENTRY] = 0
        self._entries_taken = 0

    def _after_gap(self, grid: Grid, mode: int) -> None:
        """Make the next value of each counter and clock one that cannot break a rule."""
        grid.state[K.WORK_TAKEN] = 0
        slots = grid.state[K.SLOT0 :].reshape(-1, K.SLOT_WIDTH)[: int(grid.state[K.SLOTS])]
        slots[:, K.LAST_CC] = -1
        slots[:, K.WORK] = 0
        for column in (K.PCR_MODE, K.PTS_MODE):
            modes = slots[:, column]
            modes[modes != K.MODE_NONE] = mode if column == K.PCR_MODE else K.MODE_AFTER_GAP


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
