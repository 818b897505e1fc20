"""Collects finished rows per table, in column order, and hands them on in portions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..errors import SchemaError
from ..parquet import ByColumn, joined
from ..schema import ANOMALIES, Table
from .places import NOWHERE, Place

Flush = Callable[[Table, "list[tuple[Any, ...]] | ByColumn"], None]

PORTION_VALUES = 60_000
"""Some 4 MB of rows of one table. What is left at the end has to be written before sessions can be made."""
LONGER = 8
"""Long lists, which come column by column, are handed on in larger portions: each costs the store a query."""
MAX_ANOMALIES = 100_000
"""Different anomalies (name, flow, direction) kept; beyond that they are counted by name."""


class _Collected:
    """What waits of one table."""

    __slots__ = ("columns", "columns_rows", "most_rows", "rows", "table", "width")

    def __init__(self, table: Table, portion: int) -> None:
        self.table = table
        self.width = len(table.columns) - 1
        self.most_rows = -(-portion // self.width)
        """Rows at which a portion is full."""
        self.rows: list[tuple[Any, ...]] = []
        self.columns: list[ByColumn] = []
        """Rows that came column by column."""
        self.columns_rows = 0


class RowCollector:
    """Rows of all tables of one capture; `capture_id` is not known yet and is left out of the tuples.

    `flush` is called with a table and its rows whenever `portion` values of it have been collected (rows times
    columns: what is collected takes memory by the value), and for all tables at `close`.
    """

    def __init__(self, flush: Flush, *, portion: int = PORTION_VALUES) -> None:
        self._flush = flush
        self._portion = portion
        self._collected: dict[str, _Collected] = {}
        self._anomalies: dict[tuple[str, int | None, bool | None], list[Any]] = {}

    def add(self, table: Table, row: tuple[Any, ...]) -> None:
        """Add one row: the values of all columns but `capture_id`, in order."""
        collected = self._collected.get(table.name) or self._begin(table)
        if len(row) != collected.width:
            raise SchemaError(table.name, "*", f"expected {collected.width} values, found {len(row)}")
        rows = collected.rows
        rows.append(row)
        if len(rows) >= collected.most_rows:
            self._send(collected)

    def add_columns(self, table: Table, rows: ByColumn) -> None:
        """Add many rows of one table, column by column: the values of all columns but `capture_id`, in order."""
        collected = self._collected.get(table.name) or self._begin(table)
        if len(rows.columns) != collected.width:
            raise SchemaError(table.name, "*", f"expected {collected.width} columns, found {len(rows.columns)}")
        collected.columns.append(rows)
        collected.columns_rows += len(rows)
        if collected.columns_rows * collected.width >= LONGER * self._portion:
            self._send_columns(collected)

    def _begin(self, table: Table) -> _Collected:
        collected = self._collected[table.name] = _Collected(table, self._portion)
        return collected

    def anomaly(
        self,
        name: str,
        *,
        place: Place = NOWHERE,
        flow_id: int | None = None,
        from_orig: bool | None = None,
        offset: int | None = None,
        count: int = 1,
        detail: str = "",
    ) -> None:
        """Count an anomaly; the first one of a name in a direction of a flow gives the place and the detail."""
        key = name, flow_id, from_orig
        if key not in self._anomalies and len(self._anomalies) >= MAX_ANOMALIES:
            flow_id = from_orig = offset = None
            key = name, None, None
        known = self._anomalies.get(key)
        if known is not None:
            known[6] += count
            return
        self._anomalies[key] = [name, place.frame_no, place.ns, flow_id, from_orig, offset, count, detail]

    def separate_anomaly(self, name: str, frame_no: int | None, offset: int | None, count: int, detail: str) -> None:
        """Add an anomaly of the file itself: each fault has a row of its own."""
        self.add(ANOMALIES, (name, frame_no, None, None, None, offset, count, detail))

    def hand_on(self, names: Iterable[str]) -> None:
        """Hand on what was collected of some tables."""
        for name in names:
            if (collected := self._collected.get(name)) is not None:
                self._send(collected)
                self._send_columns(collected)

    def close(self) -> None:
        """Hand on what is left."""
        for values in self._anomalies.values():
            self.add(ANOMALIES, tuple(values))
        self._anomalies.clear()
        self.hand_on(self._collected)

    def _send(self, collected: _Collected) -> None:
        if collected.rows:
            rows, collected.rows = collected.rows, []
            self._flush(collected.table, rows)

    def _send_columns(self, collected: _Collected) -> None:
        if collected.columns:
            parts, collected.columns, collected.columns_rows = collected.columns, [], 0
            self._flush(collected.table, joined(parts))
