"""What could not be read of a body -> anomalies of the protocol that reads it, each said once."""

from __future__ import annotations

from ..protocol import Anomaly, Event
from .items import JsonItems
from .letters import Letters
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


def of_letters(letters: Letters, prefix: str, from_orig: bool) -> list[Event]:
    """Return an anomaly for lines that are not UTF-8; it says whether each of them is valid GB18030."""
    count, letters.odd = letters.odd, 0
    if not count:
        return []
    known = "valid as GB18030 (GBK); " if letters.may_be_chinese else ""
    return [Anomaly(f"{prefix}_not_utf8", from_orig, 0, f"{known}bytes stand as escapes", count)]
