"""What could not be read of a body -> anomalies of the protocol that reads it, each said once."""

from __future__ import annotations

from ..protocol import Anomaly, Event
from .items import JsonItems
from .lines import Lines


def of_items(items: JsonItems, prefix: str, from_orig: bool) -> list[Event]:
    """Return an anomaly for each problem of the items; `prefix` is how the anomalies of the protocol begin."""
    problems, items.problems = items.problems, []
    return [Anomaly(f"{prefix}_{p.name}", from_orig, p.offset, p.detail) for p in problems]


def of_lines(lines: Lines, prefix: str, from_orig: bool) -> list[Event]:
    """Return an anomaly for lines that were too long, and one for those that a gap cut."""
    counts = {"line_over_limit": lines.cut, "line_cut_by_gap": lines.dropped}
    lines.cut = lines.dropped = 0
    return [Anomaly(f"{prefix}_{name}", from_orig, 0, "", count) for name, count in counts.items() if count]
