"""A small writer of pcap and pcapng files, and a reader's answer in a form that can be compared."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from iptvforensics.capture import CaptureReader

START = 1_700_000_000


class Record(NamedTuple):
    data: bytes
    ts_ns: int = START * 10**9
    wire: int | None = None


class Writer:
    """Builds captures as bytes."""

    @staticmethod
    def records(count: int, size: int = 60) -> list[Record]:
        return [Record(bytes([i & 0xFF]) * (size + i % 7), (START + i) * 10**9 + i * 1000) for i in range(count)]

    @staticmethod
    def pcap_header(
        big: bool = False,
        magic: int = 0xA1B2C3D4,
        link: int = 1,
        snaplen: int = 262144,
        version: tuple[int, int] = (2, 4),
        zone: int = 0,
    ) -> bytes:
        return struct.pack((">" if big else "<") + "IHHiIII", magic, *version, zone, 0, snaplen, link)

    @staticmethod
    def pcap_record(record: Record, big: bool = False, unit: int = 10**6, extra: int = 0, swap: bool = False) -> bytes:
        seconds, rest = divmod(record.ts_ns, 10**9)
        lengths = [len(record.data), len(record.data) if record.wire is None else record.wire]
        if swap:
            lengths.reverse()
        head = struct.pack((">" if big else "<") + "IIII", seconds, rest * unit // 10**9, *lengths)
        return head + bytes(extra) + record.data

    @classmethod
    def pcap(
        cls,
        records: Sequence[Record],
        big: bool = False,
        unit: int = 10**6,
        extra: int = 0,
        swap: bool = False,
        **header: Any,
    ) -> bytes:
        header.setdefault("magic", 0xA1B23C4D if unit == 10**9 else 0xA1B2C3D4)
        body = [cls.pcap_record(record, big, unit, extra, swap) for record in records]
        return cls.pcap_header(big, **header) + b"".join(body)

    @staticmethod
    def block(kind: int, body: bytes, big: bool = False, trailing: int | None = None) -> bytes:
        body += bytes(-len(body) % 4)
        order = ">" if big else "<"
        total = len(body) + 12
        return (
            struct.pack(order + "II", kind, total)
            + body
            + struct.pack(order + "I", total if trailing is None else trailing)
        )

    @staticmethod
    def options(pairs: Sequence[tuple[int, bytes]], big: bool = False) -> bytes:
        if not pairs:
            return b""
        order = ">" if big else "<"
        coded = [struct.pack(order + "HH", code, len(raw)) + raw + bytes(-len(raw) % 4) for code, raw in pairs]
        return b"".join(coded) + bytes(4)

    @classmethod
    def section(cls, big: bool = False, pairs: Sequence[tuple[int, bytes]] = ()) -> bytes:
        head = struct.pack((">" if big else "<") + "IHHq", 0x1A2B3C4D, 1, 0, -1)
        return cls.block(0x0A0D0D0A, head + cls.options(pairs, big), big)

    @classmethod
    def interface(
        cls, link: int = 1, snaplen: int = 0, big: bool = False, pairs: Sequence[tuple[int, bytes]] = ()
    ) -> bytes:
        return cls.block(1, struct.pack((">" if big else "<") + "HHI", link, 0, snaplen) + cls.options(pairs, big), big)

    @classmethod
    def packet(
        cls,
        data: bytes,
        ticks: int,
        interface: int = 0,
        big: bool = False,
        pairs: Sequence[tuple[int, bytes]] = (),
        wire: int | None = None,
        obsolete: bool = False,
    ) -> bytes:
        order = ">" if big else "<"
        times = (ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) if wire is None else wire)
        first = struct.pack(order + "HH", interface, 0) if obsolete else struct.pack(order + "I", interface)
        body = first + struct.pack(order + "IIII", *times) + data + bytes(-len(data) % 4) + cls.options(pairs, big)
        return cls.block(2 if obsolete else 6, body, big)

    @classmethod
    def pcapng(cls, records: Sequence[Record], big: bool = False) -> bytes:
        packets = [cls.packet(r.data, r.ts_ns // 1000, big=big, wire=r.wire) for r in records]
        return cls.section(big) + cls.interface(big=big) + b"".join(packets)


class Row(NamedTuple):
    frame_no: int
    data: bytes
    wire: int
    ts_ns: int
    link_type: int
    interface: int
    offset: int


class Reading(NamedTuple):
    rows: list[Row]
    capture: CaptureReader

    @property
    def data(self) -> list[bytes]:
        return [row.data for row in self.rows]

    @property
    def anomalies(self) -> list[tuple[str, int, int]]:
        return [(anomaly.name, anomaly.offset, anomaly.count) for anomaly in self.capture.anomalies]


def rows_of(block: Any) -> list[Row]:
    rows = []
    for i in range(block.count):
        at = int(block.record_at[i])
        data = block.data[at : at + int(block.captured_bytes[i])].tobytes()
        numbers = [int(column[i]) for column in (block.wire_bytes, block.ts_ns, block.link_type, block.interface)]
        rows.append(Row(block.first_frame + i, data, *numbers, block.stream_offset + at))
    return rows


@pytest.fixture(scope="session")
def write() -> Writer:
    return Writer()


@pytest.fixture(scope="session")
def read() -> Iterator[Callable[..., Reading]]:
    with tempfile.TemporaryDirectory() as folder:

        def reading(content: bytes, **options: Any) -> Reading:
            path = os.path.join(folder, "evidence")
            with open(path, "wb") as file:
                file.write(content)
            rows: list[Row] = []
            with CaptureReader(path, **options) as capture:
                for block in capture:
                    rows += rows_of(block)
                    # The room behind the records is the caller's.
                    assert block.data.shape[0] - block.length >= 4 << 20
                    block.data[block.length : block.length + 64] = 0xAA
            return Reading(rows, capture)

        yield reading
