"""Problems of bodies as anomalies."""

from __future__ import annotations

import pytest

from iptvforensics.listings import faults
from iptvforensics.listings.items import JsonItems
from iptvforensics.listings.letters import Letters
from iptvforensics.listings.lines import MAX_LINE_BYTES, Lines
from iptvforensics.protocol import Anomaly


def test_problems_of_items_are_said_once() -> None:
    items = JsonItems(lambda path, _is_list: path == ())
    items.feed(b'[{"a": 1}, {"b')
    items.end()
    (found,) = faults.of_items(items, "KITE", False)
    assert isinstance(found, Anomaly)
    assert (found.name, found.from_orig, found.offset) == ("KITE_json_cut", False, 11)
    assert faults.of_items(items, "KITE", False) == []


def test_lines_that_were_cut_are_counted_and_said_once() -> None:
    lines = Lines()
    list(lines.feed(b"x" * (MAX_LINE_BYTES + 1) + b"\ngood\ncut"))
    lines.gap(5)
    list(lines.feed(b"off\nlast"))
    list(lines.end())
    assert faults.of_lines(lines, "KITE", True) == [
        Anomaly("KITE_line_over_limit", True, 0, "", 1),
        Anomaly("KITE_line_cut_by_gap", True, 0, "", 1),
    ]
    assert faults.of_lines(lines, "KITE", True) == []


@pytest.mark.parametrize(
    ("line", "detail"),
    [(b"\xd1\xeb", "valid as GB18030 (GBK); bytes stand as escapes"), (b"\xff", "bytes stand as escapes")],
)
def test_lines_that_are_not_utf8_are_told_once(line: bytes, detail: str) -> None:
    letters = Letters()
    letters.note(line)
    assert faults.of_letters(letters, "X", False) == [Anomaly("X_not_utf8", False, 0, detail)]
    assert faults.of_letters(letters, "X", False) == []
