"""Blocks of frames to packet columns: the state that lives across blocks, around the kernels.

`PacketDecoder.batches(block)` yields `Packets`; fragments are put together on the way, and a finished
packet is written into the scratch room behind the block's records, where `payload_at` finds it.

**Known limitations**: one decoder serves one capture; link types are those listed in `layout.LINK_LAYERS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from . import layout
from .columns import Int64s, Packets, Status, address_text
from .fragments import Fragment, FragmentStore
from .kernels import decode_frames

SCRATCH_RESERVE_BYTES = layout.MAX_DEPTH * (1 << 16)
"""Room that one frame may need: a whole packet at each depth."""
MAX_ANOMALIES_EACH = 100
"""Anomalies of one name that are listed one by one; further ones are counted with the last."""


class FrameBlock(Protocol):
    """What the decoder needs of a block of whole records."""

    data: Any
    """Writable buffer of bytes, with room behind `length`."""
    length: int
    first_frame: int
    count: int
    record_at: Int64s
    captured_bytes: Int64s
    wire_bytes: Int64s
    ts_ns: Int64s
    link_type: npt.NDArray[np.int32]


@dataclass(slots=True)
class LedgerEntry:
    """How many rows ended for one reason, and the first frame of them."""

    count: int
    first_frame: int


@dataclass(slots=True)
class PacketAnomaly:
    """Something that broke a rule below the flows; `frame_no` is the first frame, `detail` tells of it."""

    name: str
    frame_no: int
    count: int
    detail: str


_NOTE_ANOMALIES = (
    (layout.LENGTH_ZERO, "IP_length_zero_repaired", "length field 0: the length of the frame was taken"),
    (layout.SNAPLEN_CUT, "IP_snaplen_cut", "the capture kept only the beginning of the payload"),
    (layout.BEYOND_FRAME, "IP_length_beyond_frame", "the IP length says more than the frame had on the wire"),
    (
        layout.UDP_BEYOND_IP,
        "UDP_length_beyond_IP",
        "UDP length above the IP length: the smaller was taken",
    ),
    (layout.CONTENT_UNREAD, "TUNNEL_content_unread", "no IP packet could be read in the tunnel"),
)


def _new_state() -> Int64s:
    state = np.zeros(layout.STATE_SLOTS, np.int64)
    state[layout.LINKS :] = -layout.UNSUPPORTED_LINK_TYPE
    for link_type, layer in layout.LINK_LAYERS.items():
        state[layout.LINKS + link_type] = layer
    return state


class PacketDecoder:
    """Decodes the blocks of one capture, in order."""

    def __init__(self) -> None:
        self.ledger: dict[str, LedgerEntry] = {}
        """By the name of the `Status`: every row that is no decoded packet."""
        self.anomalies: list[PacketAnomaly] = []
        self._packets = Packets()
        self._state = _new_state()
        self._fragments = FragmentStore(self._report)
        self._noted: dict[str, PacketAnomaly] = {}
        self._listed: dict[str, int] = {}

    def decode(self, block: FrameBlock) -> Packets:
        """Return the packets of a whole block.

        Packets put together from fragments that find no room behind the block's records are lost, with a
        reason and an anomaly; `batches` loses none.
        """
        self._read(block, 0)
        self._join(block, cut=False)
        self._account(block)
        return self._packets

    def batches(self, block: FrameBlock) -> Iterator[Packets]:
        """Yield the packets of a block, in one batch unless fragments fill the room behind the records.

        A batch must be used up, its payload too, before the next one is asked for.
        """
        first = 0
        while True:
            self._read(block, first)
            first = self._join(block, cut=True)
            self._account(block)
            yield self._packets
            if first >= block.count:
                return

    def finish(self) -> None:
        """Report fragments whose packet was never completed: the capture is over."""
        self._fragments.finish()

    def _read(self, block: FrameBlock, first: int) -> None:
        """Decode the records from `first` on into the columns."""
        packets, state = self._packets, self._state
        state[layout.NEXT_ROW] = 0
        state[layout.NEXT_RECORD] = first
        state[layout.MORE_AT] = 0
        state[layout.NOTES_SEEN] = 0
        packets.reserve(block.count - first + 64, keep=0)
        while True:
            packets.count = self._run(block, int(state[layout.NEXT_RECORD]), block.count)
            if state[layout.NEXT_RECORD] >= block.count:
                return
            packets.reserve(packets.capacity * 2, keep=packets.count)

    def _run(self, block: FrameBlock, first: int, last: int) -> int:
        return decode_frames(
            *(block.data, first, last, block.record_at, block.captured_bytes, block.wire_bytes, block.link_type),
            *(self._packets.table, self._packets.capacity, self._state),
        )

    def _join(self, block: FrameBlock, *, cut: bool) -> int:
        """Return the record to go on with, after giving the rows of fragments to the store."""
        packets = self._packets
        waiting = np.flatnonzero(packets.status[: packets.count] == layout.FRAGMENT_PENDING)
        if not len(waiting):
            return block.count
        room_at = block.length
        data = memoryview(block.data).cast("B")
        for index in waiting.tolist():
            full = len(data) - room_at < SCRATCH_RESERVE_BYTES
            if cut and full and room_at > block.length and packets.sub[index] == 0:
                packets.count = index
                return int(packets.record[index])
            room_at = self._join_row(block, data, index, room_at)
        return block.count

    def _join_row(self, block: FrameBlock, data: memoryview, index: int, room_at: int) -> int:
        """Return where the free room starts, after bringing one row of a fragment as far as it goes."""
        packets = self._packets
        for _ in range(layout.MAX_DEPTH):
            fragment = self._fragment(block, data, index)
            outcome, packet, wire_bytes = self._fragments.add(fragment)
            if outcome == "duplicate":
                packets.status[index] = layout.FRAGMENT_DUPLICATE
            elif outcome == "malformed":
                packets.status[index] = layout.FRAGMENT_MALFORMED
            elif outcome == "complete" and room_at + len(packet) > len(data):
                packets.status[index] = layout.FRAGMENT_NO_ROOM
                self._report("IP_fragment_no_room", fragment.frame_no, f"{fragment.label}: {len(packet)} bytes")
            if packets.status[index] != layout.FRAGMENT_PENDING or outcome == "pending":
                break
            data[room_at : room_at + len(packet)] = packet
            self._decode_joined(block, index, room_at, len(packet), wire_bytes)
            room_at += len(packet)
            if packets.status[index] != layout.FRAGMENT_PENDING:
                break
        return room_at

    def _fragment(self, block: FrameBlock, data: memoryview, index: int) -> Fragment:
        row = self._packets.row(index)
        hidden = {c: int(self._packets.hidden(c)[index]) for c in range(layout.COLUMNS, layout.ALL_COLUMNS)}
        ip_at = hidden[layout.IP_AT]
        header = bytes(data[ip_at : ip_at + hidden[layout.IP_HEADER_BYTES]])
        version = header[0] >> 4
        ends = (row["src_hi"], row["src_lo"], row["dst_hi"], row["dst_lo"])
        # RFC 8200 leaves the protocol out of the key: only the first fragment's counts.
        protocol = row["transport"] if version == 4 else 0
        payload_at = row["payload_at"]
        source, target = address_text(*ends[:2]), address_text(*ends[2:])
        return Fragment(
            key=(version, *ends, protocol, row["ip_id"], row["tunnel"]),
            header=header,
            next_protocol=row["transport"],
            offset=hidden[layout.FRAGMENT_OFFSET],
            more=hidden[layout.FRAGMENT_MORE] != 0,
            data=bytes(data[payload_at : payload_at + row["payload_bytes"]]),
            wire_bytes=row["payload_wire_bytes"],
            frame_no=block.first_frame + row["record"],
            ts_ns=int(block.ts_ns[row["record"]]),
            label=f"{source} to {target}, identification {row['ip_id']:#x}",
        )

    def _decode_joined(self, block: FrameBlock, index: int, at: int, length: int, wire_bytes: int) -> None:
        """Decode a packet put together at `at` into row `index`, as if it stood where its last fragment stood."""
        packets, state = self._packets, self._state
        record, sub = int(packets.record[index]), int(packets.sub[index])
        state[layout.NEXT_ROW] = 0
        state[layout.MORE_AT] = 0
        state[layout.DEPTH] = packets.hidden(layout.DEPTH)[index] - 1
        state[layout.NOW_TUNNEL] = packets.tunnel[index]
        state[layout.NOW_SRC_MAC] = packets.src_mac[index]
        state[layout.NOW_DST_MAC] = packets.dst_mac[index]
        state[layout.NOW_VLAN] = packets.vlan[index]
        single = np.zeros(layout.ALL_COLUMNS, np.int64)
        link = np.array([layout.REASSEMBLED_LINK], np.int32)
        where, captured, wire = (np.array([number], np.int64) for number in (at, length, wire_bytes))
        decode_frames(block.data, 0, 1, where, captured, wire, link, single, 1, state)
        single[layout.RECORD] = record
        single[layout.SUB] = sub
        single[layout.NOTES] |= layout.REASSEMBLED
        packets.table[index :: packets.capacity] = single

    def _account(self, block: FrameBlock) -> None:
        """Count the reasons and notes of the rows."""
        packets = self._packets
        status = packets.status[: packets.count]
        counts = np.bincount(status, minlength=1)
        for reason in np.flatnonzero(counts[1:]) + 1:
            frame = block.first_frame + int(packets.record[int(np.argmax(status == reason))])
            entry = self.ledger.setdefault(Status(int(reason)).name, LedgerEntry(0, frame))
            entry.count += int(counts[reason])
        if not self._state[layout.NOTES_SEEN]:
            return
        notes = packets.notes[: packets.count]
        for bit, name, detail in _NOTE_ANOMALIES:
            rows = np.flatnonzero(notes & bit)
            if len(rows):
                self._count(name, block.first_frame + int(packets.record[rows[0]]), len(rows), detail)

    def _count(self, name: str, frame_no: int, count: int, detail: str) -> None:
        """Add to the one anomaly of a name that is only counted."""
        anomaly = self._noted.get(name)
        if anomaly is None:
            anomaly = self._noted[name] = PacketAnomaly(name, frame_no, 0, detail)
            self.anomalies.append(anomaly)
        anomaly.count += count

    def _report(self, name: str, frame_no: int, detail: str) -> None:
        """Add one anomaly of its own; beyond a limit it is counted with the last of its name."""
        listed = self._listed[name] = self._listed.get(name, 0) + 1
        if listed > MAX_ANOMALIES_EACH:
            self._noted[name].count += 1
            return
        anomaly = PacketAnomaly(name, frame_no, 1, detail)
        self.anomalies.append(anomaly)
        self._noted[name] = anomaly
