"""A stand-in for the capture room: frames in, a block out; and the decoder around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from iptvforensics.packets import PacketDecoder, address_text


@dataclass
class StandInBlock:
    """Records one behind the other, 16 bytes of header each, and scratch room."""

    data: Any
    length: int
    first_frame: int
    count: int
    record_at: Any
    captured_bytes: Any
    wire_bytes: Any
    ts_ns: Any
    link_type: Any


def block_of(
    frames: Iterable[bytes | tuple[bytes, int]],
    link_types: int | Iterable[int] = 1,
    *,
    times_s: Iterable[float] | None = None,
    first_frame: int = 1,
    scratch: int = 4 << 20,
) -> StandInBlock:
    """Frames are bytes, or (captured bytes, length on the wire)."""
    data = bytearray()
    at, captured, wire = [], [], []
    for frame in frames:
        content, length = frame if isinstance(frame, tuple) else (frame, len(frame))
        data += bytes(16)
        at.append(len(data))
        captured.append(len(content))
        wire.append(length)
        data += content
    links = [link_types] * len(at) if isinstance(link_types, int) else list(link_types)
    times = list(times_s) if times_s is not None else [0.001 * i for i in range(len(at))]
    length = len(data)
    return StandInBlock(
        data=np.frombuffer(data + bytes(scratch), np.uint8).copy(),
        length=length,
        first_frame=first_frame,
        count=len(at),
        record_at=np.array(at, np.int64),
        captured_bytes=np.array(captured, np.int64),
        wire_bytes=np.array(wire, np.int64),
        ts_ns=np.array([int(t * 1e9) for t in times], np.int64),
        link_type=np.array(links, np.int32),
    )


def rows_of(block: StandInBlock, packets: Any) -> list[dict[str, Any]]:
    """Rows as dictionaries, with addresses as text and the payload bytes."""
    rows = []
    for i in range(packets.count):
        row = packets.row(i)
        row["src"] = address_text(row["src_hi"], row["src_lo"])
        row["dst"] = address_text(row["dst_hi"], row["dst_lo"])
        start = row["payload_at"]
        row["payload"] = bytes(block.data[start : start + row["payload_bytes"]])
        assert 0 <= row["payload_bytes"] <= row["payload_wire_bytes"]
        assert 0 <= start <= start + row["payload_bytes"] <= len(block.data)
        rows.append(row)
    return rows


@dataclass
class Decoded:
    rows: list[dict[str, Any]]
    decoder: PacketDecoder

    @property
    def anomalies(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for anomaly in self.decoder.anomalies:
            found[anomaly.name] = found.get(anomaly.name, 0) + anomaly.count
        return found

    @property
    def ledger(self) -> dict[str, int]:
        return {name: entry.count for name, entry in self.decoder.ledger.items()}


@pytest.fixture(scope="session")
def make_block() -> Callable[..., StandInBlock]:
    return block_of


@pytest.fixture(scope="session")
def rows_from() -> Callable[..., list[dict[str, Any]]]:
    return rows_of


@pytest.fixture
def decode() -> Callable[..., Decoded]:
    """Return a function from frames to rows, with the decoder that made them."""

    def run(frames: Any, link_types: Any = 1, *, finish: bool = True, **options: Any) -> Decoded:
        decoder = PacketDecoder()
        block = block_of(frames, link_types, **options)
        rows = rows_of(block, decoder.decode(block))
        if finish:
            decoder.finish()
        return Decoded(rows, decoder)

    return run
