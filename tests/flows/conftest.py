"""Packets as blocks and columns, and what the reassembly makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from iptvforensics.flows import layout as L
from iptvforensics.flows.batch import END, GAP
from iptvforensics.flows.streams import FlowLimits, FlowTable

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
COLUMNS = [
    *("record", "sub", "status", "src_hi", "src_lo", "dst_hi", "dst_lo", "transport", "src_port", "dst_port"),
    *("tcp_seq", "tcp_ack", "tcp_flags", "payload_at", "payload_bytes", "payload_wire_bytes", "ip_id"),
    *("src_mac", "dst_mac", "vlan", "tunnel"),
]
CLIENT, SERVER = (0x0A000002, 40000), (0xC0000201, 80)


@dataclass
class Packet:
    """One TCP segment or datagram, as the packets room would describe it."""

    seq: int = 0
    payload: bytes = b""
    flags: int = ACK
    ack: int = 0
    from_client: bool = True
    ip_id: int = 0
    wire: int | None = None
    ns: int | None = None
    transport: int = 6
    ports: tuple[int, int] | None = None
    header: bytes = b""
    """Bytes before the payload that the columns do not tell."""
    macs: tuple[int, int] = (-1, -1)
    vlan: int = -1
    tunnel: int = 0


@dataclass
class Streams:
    """What a run delivered: per direction, runs of (offset, bytes), gaps and ends."""

    data: dict[int, dict[int, int]] = field(default_factory=dict)
    gaps: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)
    pieces: list[tuple[int, int, int, int]] = field(default_factory=list)
    differences: list[tuple[int, int]] = field(default_factory=list)

    def bytes_of(self, direction: int) -> bytes:
        stored = self.data.get(direction, {})
        return bytes(stored[k] for k in sorted(stored))


def as_block(packets: list[Packet], first: int) -> tuple[SimpleNamespace, SimpleNamespace]:
    columns = {name: np.zeros(len(packets), np.int64) for name in COLUMNS}
    data = bytearray()
    ts = np.zeros(len(packets), np.int64)
    for i, p in enumerate(packets):
        source, target = (CLIENT, SERVER) if p.from_client else (SERVER, CLIENT)
        s_port, d_port = (source[1], target[1]) if p.ports is None else (p.ports if p.from_client else p.ports[::-1])
        columns["record"][i] = i
        columns["src_lo"][i], columns["dst_lo"][i] = source[0], target[0]
        columns["src_port"][i], columns["dst_port"][i] = s_port, d_port
        columns["transport"][i] = p.transport
        columns["tcp_seq"][i], columns["tcp_ack"][i], columns["tcp_flags"][i] = p.seq & 0xFFFFFFFF, p.ack, p.flags
        (columns["src_mac"][i], columns["dst_mac"][i]), columns["vlan"][i] = p.macs, p.vlan
        columns["tunnel"][i] = p.tunnel
        data += p.header
        columns["payload_at"][i] = len(data)
        columns["payload_bytes"][i] = len(p.payload)
        columns["payload_wire_bytes"][i] = len(p.payload) if p.wire is None else p.wire
        columns["ip_id"][i] = p.ip_id
        data += p.payload
        ts[i] = (first + i) * 1_000_000 if p.ns is None else p.ns
    block = SimpleNamespace(
        data=np.frombuffer(data + bytes(64), np.uint8),
        length=len(data),
        first_frame=first,
        count=len(packets),
        ts_ns=ts,
    )
    return block, SimpleNamespace(count=len(packets), **columns)


def run(
    packets: list[Packet], *, block_size: int = 10_000, limits: FlowLimits | None = None, batch_bytes: int = 1 << 20
) -> tuple[Streams, FlowTable]:
    table, out = FlowTable(limits, batch_bytes=batch_bytes), Streams()

    def take(batch) -> None:
        out.differences += [(d.frame_no, d.offset) for d in batch.differences]
        for entry in batch.directions:
            at = entry.byte
            for k in range(entry.first, entry.first + entry.pieces):
                offset, length, kind = int(batch.offset[k]), int(batch.length[k]), int(batch.kind[k])
                if kind == GAP:
                    out.gaps.setdefault(entry.direction, []).append((offset, length))
                elif kind == END:
                    out.ends.append(entry.direction)
                else:
                    out.pieces.append((entry.direction, offset, length, int(batch.frame[k])))
                    stored = out.data.setdefault(entry.direction, {})
                    for i in range(length):
                        assert offset + i not in stored, "a byte was delivered twice"
                        stored[offset + i] = int(batch.data[at + i])
                    at += length

    for start in range(0, len(packets), block_size):
        block, columns = as_block(packets[start : start + block_size], start + 1)
        for batch in table.add(block, columns):
            take(batch)
        block.data.fill(0)
    for batch in table.finish():
        take(batch)
    return out, table


def handshake(isn: int = 1000, peer: int = 5000) -> list[Packet]:
    return [
        Packet(isn, flags=SYN),
        Packet(peer, flags=SYN | ACK, ack=isn + 1, from_client=False),
        Packet(isn + 1, flags=ACK, ack=peer + 1),
    ]


def cut(content: bytes, cuts: list[int], seq: int) -> list[Packet]:
    edges = sorted({0, len(content), *[c % (len(content) + 1) for c in cuts]})
    return [Packet((seq + a) & 0xFFFFFFFF, content[a:b]) for a, b in pairwise(edges)]


def number(table: FlowTable, direction: int, column: int) -> int:
    return int(table.dirs[direction * L.DIRECTION_WIDTH + column])
