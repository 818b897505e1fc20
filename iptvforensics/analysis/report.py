"""What is known of a capture once it has been read to its end: what decoding tells the parsers' half."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..capture import CaptureAnomaly, Secret
    from ..capture.source import FileState
    from ..flows.summary import FlowNumbers
    from ..packets import LedgerEntry, PacketAnomaly

Rows = list[tuple[Any, ...]]


@dataclass(slots=True)
class Report:
    """What is known of a capture once it has been read to its end."""

    size_bytes: int
    file_state: FileState | None
    format: str
    frames: int
    first_ns: int | None
    last_ns: int | None
    captured_bytes: int
    wire_bytes: int
    packets: int
    link_types: list[int]
    interfaces: int
    snaplen: int | None
    metadata: list[str]
    secrets: list[Secret]
    faults: list[CaptureAnomaly]
    """Damage of the file."""
    notes: list[PacketAnomaly]
    ledger: dict[str, LedgerEntry]
    """Why frames or packets gave no decoded packet."""
    flow_anomalies: list[tuple[str, int, bool, int, str]]
    index: Rows
    links: Rows
    links_left_out: tuple[int, int]
    memberships: Rows
    memberships_left_out: int
    bursts: list[dict[str, Any]]
    """Columns of those that have come together since the last batch."""
    bursts_left_out: list[tuple[int, int]]
    flows: FlowNumbers
