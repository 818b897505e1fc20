"""Packets of flows that look encrypted to bursts: a request of the originator, and what the responder sent for it.

What stays closed still has sizes and times. A flow is watched once a packet of it begins as a TLS record does (RFC 8446
section 5.1) or as a long header of QUIC version 1 or 2 (RFC 9000 section 17.2). From then on its packets become
bursts, in the order of the capture: a new one begins where the originator asks again after an answer, where the flow
was silent for `PAUSE_NS`, or after `LONGEST_NS`, so that a long answer shows its rate over time. TCP bytes are
counted by sequence numbers: repeats count once, and what the capture lost in between counts, too.

**Known limitations**

* What a request is, is a guess from its length: messages of HTTP/2 and QUIC that only steer the flow are shorter than
  `REQUEST_BYTES`. Requests that are sent while an answer still comes cut that answer in two.
* Bytes are those of TLS records or datagrams: heads, padding and tags included. Datagrams that the capture lost are not
  counted.
* Packets that come late count in the burst in which they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernel import inline, kernel
from . import layout as L

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..capture import Block
    from ..packets import Packets
    from .streams import FlowTable

    Ints = NDArray[np.int64]

TCP, UDP = 6, 17
MAX_TRIES = 16
"""Packets with payload that are looked at, per flow; what has not begun as expected by then is something else."""
WATCHED = MAX_TRIES + 1
"""From here on the number of a flow says where it is kept."""
REQUEST_BYTES = 64
REQUEST_RECORD_BYTES = 50
"""Two window updates of HTTP/2 in one TLS record have 43 bytes (TLS 1.3); a short request has more."""
REQUEST_DATAGRAM_BYTES = 80
PAUSE_NS = 400_000_000
LONGEST_NS = 5_000_000_000
BUSY_NS = 10_000_000
"""Silence between two packets of an answer that still counts as sending."""
MAX_JUMP = 4 << 20
"""Sequence numbers that jump further are no loss: counting begins anew."""
MAX_BURSTS = 1 << 16
"""Bursts of one flow; what comes later is joined to the last one."""
PORTION = 1 << 16
MAX_RECORD = (1 << 14) + 2048


@inline
def is_record(data: Any, at: int, length: int) -> int:
    """Return the length of the body of a TLS record that begins here, -1 if none does."""
    if length < 5 or at < 0 or at + 5 > len(data):
        return -1
    if data[at] < 20 or data[at] > 23 or data[at + 1] != 3 or data[at + 2] > 4:
        return -1
    size = (data[at + 3] << 8) | data[at + 4]
    return size if size <= MAX_RECORD else -1


@inline
def is_quic(data: Any, at: int, length: int) -> int:
    """Return 1 if a long header of QUIC version 1, 2 or of a draft begins here."""
    if length < 7 or at < 0 or at + 7 > len(data) or data[at] & 0xC0 != 0xC0:
        return 0
    version = (data[at + 1] << 24) | (data[at + 2] << 16) | (data[at + 3] << 8) | data[at + 4]
    return 1 if version == 1 or version == 0x6B3343CF or version & 0xFFFFFF00 == 0xFF000000 else 0


@inline
def new_bytes(watched: Any, at: int, side: int, seq: int, wire: int) -> int:
    """Return how many bytes a TCP segment brings that were not counted yet, those lost before it included."""
    end = (seq + wire) & 0xFFFFFFFF
    if watched[at + L.W_STARTED + side] == 0:
        watched[at + L.W_STARTED + side] = 1
        watched[at + L.W_HIGHEST + side] = end
        return wire
    ahead = (end - watched[at + L.W_HIGHEST + side]) & 0xFFFFFFFF
    if ahead == 0 or ahead >= 0x80000000:
        return 0
    watched[at + L.W_HIGHEST + side] = end
    return ahead if ahead <= wire + MAX_JUMP else wire


@inline
def close(st: Any, watched: Any, at: int, out: Any) -> None:
    """Hand on the burst of a flow; the caller has seen that there is room."""
    to = st[L.N_BURSTS] * L.BURST_WIDTH
    for i in range(L.BURST_WIDTH):
        out[to + i] = watched[at + L.W_BURST + i]
    st[L.N_BURSTS] += 1
    watched[at + L.W_BURSTS] += 1
    watched[at + L.W_OPEN] = 0


@inline
def step(st: Any, watched: Any, at: int, out: Any, side: int, fresh: int, is_request: int, frame: int, ns: int) -> None:
    """Take one packet into the burst of its flow, or begin another one with it."""
    burst = at + L.W_BURST
    cause = L.CAUSE_FIRST if watched[at + L.W_BURSTS] == 0 else L.CAUSE_PAUSE
    if watched[at + L.W_OPEN] != 0:
        answered = watched[burst + L.B_RESP_BYTES] > 0
        ends = 0
        if is_request != 0 and answered:
            ends, cause = 1, L.CAUSE_REQUEST
        elif ns - watched[burst + L.B_LAST_NS] > PAUSE_NS and (answered or side == 0):
            ends, cause = 1, L.CAUSE_REQUEST if is_request != 0 else L.CAUSE_PAUSE
        elif ns - watched[burst + L.B_FIRST_NS] > LONGEST_NS and answered:
            ends, cause = 1, L.CAUSE_TIME
        if ends != 0 and watched[at + L.W_BURSTS] >= MAX_BURSTS:
            watched[at + L.W_LEFT_OUT] += 1
        elif ends != 0:
            close(st, watched, at, out)
    if watched[at + L.W_OPEN] == 0:
        for i in range(L.BURST_WIDTH):
            watched[burst + i] = 0
        watched[at + L.W_OPEN] = 1
        watched[burst + L.B_FLOW] = watched[at + L.W_FLOW]
        watched[burst + L.B_CAUSE] = cause
        watched[burst + L.B_FIRST_NS] = ns
        watched[burst + L.B_FIRST_FRAME] = frame
        watched[burst + L.B_LAST_NS] = ns
    watched[burst + L.B_LAST_NS] = max(watched[burst + L.B_LAST_NS], ns)
    watched[burst + L.B_LAST_FRAME] = frame
    if side == 0:
        watched[burst + L.B_ORIG_BYTES] += fresh
        return
    if watched[burst + L.B_RESP_PACKETS] > 0:
        silence = ns - watched[burst + L.B_RESP_LAST_NS]
        if 0 < silence <= BUSY_NS:
            watched[burst + L.B_BUSY_NS] += silence
    watched[burst + L.B_RESP_LAST_NS] = ns
    watched[burst + L.B_RESP_PACKETS] += 1
    watched[burst + L.B_RESP_BYTES] += fresh


@inline
def watch(st: Any, kept: Any, watched: Any, f: int, transport: int, is_encrypted: int) -> None:
    """Take note of what a packet of a flow that is not decided yet looks like."""
    if is_encrypted == 0:
        kept[f] = kept[f] + 1 if kept[f] + 1 < MAX_TRIES else -1
        return
    at = st[L.N_WATCHED] * L.WATCHED_WIDTH
    kept[f] = WATCHED + st[L.N_WATCHED]
    st[L.N_WATCHED] += 1
    for i in range(L.WATCHED_WIDTH):
        watched[at + i] = 0
    watched[at + L.W_FLOW] = f
    watched[at + L.W_TRANSPORT] = transport


@kernel("q q q B[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[] q[]")
def find_bursts(
    first_row: int,
    rows: int,
    first_frame: int,
    data: Any,
    direction: Any,
    ts_ns: Any,
    record: Any,
    transport: Any,
    tcp_seq: Any,
    payload_at: Any,
    payload_bytes: Any,
    payload_wire_bytes: Any,
    st: Any,
    kept: Any,
    watched: Any,
    out: Any,
) -> int:
    """Return the first packet that was not taken: all were, or there is no room for another flow or burst."""
    for i in range(first_row, rows):
        d = direction[i]
        wire = payload_wire_bytes[i]
        if d < 0 or wire <= 0 or kept[d >> 1] < 0:
            continue
        f = d >> 1
        proto = transport[i]
        if st[L.N_BURSTS] >= st[L.BURST_LIMIT] or st[L.N_WATCHED] >= st[L.WATCHED_LIMIT]:
            return i
        size = -1
        if proto == TCP:
            size = is_record(data, payload_at[i], payload_bytes[i])
        if kept[f] < WATCHED:
            looks = 0
            if proto == UDP:
                looks = is_quic(data, payload_at[i], payload_bytes[i])
            watch(st, kept, watched, f, proto, 1 if size >= 0 or looks != 0 else 0)
            if kept[f] < WATCHED:
                continue
        at = (kept[f] - WATCHED) * L.WATCHED_WIDTH
        side = d & 1
        fresh = wire
        is_request = 0
        if proto == TCP:
            fresh = new_bytes(watched, at, side, tcp_seq[i], wire)
            if side == 0 and wire >= REQUEST_BYTES and (size < 0 or size >= REQUEST_RECORD_BYTES):
                is_request = 1
        elif side == 0 and wire >= REQUEST_DATAGRAM_BYTES:
            is_request = 1
        if fresh > 0:
            step(st, watched, at, out, side, fresh, is_request, first_frame + record[i], ts_ns[record[i]])
    return rows


@kernel("q q[] q[] q[]")
def close_all(first: int, st: Any, watched: Any, out: Any) -> int:
    """Hand on the bursts that still go on, from a watched flow on; return the first for which there is no room."""
    for w in range(first, st[L.N_WATCHED]):
        if st[L.N_BURSTS] >= st[L.BURST_LIMIT]:
            return w
        at = w * L.WATCHED_WIDTH
        if watched[at + L.W_OPEN] != 0:
            close(st, watched, at, out)
    return int(st[L.N_WATCHED])


class Bursts:
    """The bursts of one capture while it is read."""

    def __init__(self, flows: FlowTable, *, portion: int = PORTION) -> None:
        self._flows = flows
        self._state: Ints = np.zeros(L.BURST_STATE_WIDTH, np.int64)
        self._kept: Ints = np.zeros(256, np.int64)
        self._watched: Ints = np.zeros(64 * L.WATCHED_WIDTH, np.int64)
        self._out: Ints = np.zeros(portion * L.BURST_WIDTH, np.int64)
        self._state[L.WATCHED_LIMIT], self._state[L.BURST_LIMIT] = 64, portion
        self._full: list[Ints] = []

    def add(self, block: Block, packets: Packets) -> None:
        """Take the packets of a block that the flow table has just taken."""
        if len(self._kept) < len(self._flows):
            kept = np.zeros(2 * len(self._flows), np.int64)
            kept[: len(self._kept)] = self._kept
            self._kept = kept
        row = 0
        while row < packets.count:
            row = find_bursts(
                row,
                packets.count,
                block.first_frame,
                block.data,
                self._flows.packet_direction,
                block.ts_ns,
                packets.record,
                packets.transport,
                packets.tcp_seq,
                packets.payload_at,
                packets.payload_bytes,
                packets.payload_wire_bytes,
                self._state,
                self._kept,
                self._watched,
                self._out,
            )
            if row < packets.count:
                self._make_room()

    def finish(self) -> None:
        """End the bursts that still go on: the capture is over."""
        first = 0
        while first < self._state[L.N_WATCHED]:
            first = close_all(first, self._state, self._watched, self._out)
            self._make_room()

    def take(self) -> dict[str, Any] | None:
        """Return the columns of the bursts that came together since the last call; None if there are none.

        Unless the capture is over, nothing is returned before there is a portion.
        """
        if not self._full:
            return None
        rows = np.concatenate(self._full)
        self._full.clear()
        flow_id = self._flows.flow.reshape(-1, L.FLOW_WIDTH)[rows[:, L.B_FLOW], L.FLOW_ID]
        return {
            "flow_id": flow_id,
            "cause": np.array(L.CAUSE_NAMES)[rows[:, L.B_CAUSE]],
            "first_ns": rows[:, L.B_FIRST_NS],
            "last_ns": rows[:, L.B_LAST_NS],
            "first_frame": rows[:, L.B_FIRST_FRAME],
            "last_frame": rows[:, L.B_LAST_FRAME],
            "orig_bytes": rows[:, L.B_ORIG_BYTES],
            "resp_bytes": rows[:, L.B_RESP_BYTES],
            "resp_packets": rows[:, L.B_RESP_PACKETS],
            "busy_s": rows[:, L.B_BUSY_NS] / 1e9,
        }

    def left_out(self) -> list[tuple[int, int]]:
        """Return flow and number of the bursts that were joined to others because a flow had too many."""
        rows = self._watched.reshape(-1, L.WATCHED_WIDTH)[: int(self._state[L.N_WATCHED])]
        many = rows[rows[:, L.W_LEFT_OUT] > 0]
        ids = self._flows.flow.reshape(-1, L.FLOW_WIDTH)[many[:, L.W_FLOW], L.FLOW_ID]
        return list(zip(ids.tolist(), many[:, L.W_LEFT_OUT].tolist(), strict=True))

    def _make_room(self) -> None:
        state = self._state
        if state[L.N_WATCHED] >= state[L.WATCHED_LIMIT]:
            watched = np.zeros(4 * len(self._watched), np.int64)
            watched[: len(self._watched)] = self._watched
            self._watched = watched
            state[L.WATCHED_LIMIT] *= 4
        if state[L.N_BURSTS]:
            used = int(state[L.N_BURSTS]) * L.BURST_WIDTH
            self._full.append(self._out[:used].reshape(-1, L.BURST_WIDTH).copy())
            state[L.N_BURSTS] = 0
