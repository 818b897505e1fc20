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
"""Different (name, flow) pairs kept; beyond that they are counted together."""


class RowCollector:
    """Rows of all tables of one capture; `capture_id` is not known yet and is left out of the tuples.

    `flush` is called with a table and its rows whenever `portion` values of it have been collected (rows times
    columns: what is collected takes memory by the value), and for all tables at `close`.
    """

    def __init__(self, flush: Flush, *, portion: int = PORTION_VALUES) -> None:
        self._flush = flush
        self._portion = portion
        self._parts: dict[str, list[ByColumn]] = {}
        self._waiting: dict[str, int] = {}
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._tables: dict[str, Table] = {}
        self._anomalies: dict[tuple[str, int | None], list[Any]] = {}
        self.counts: dict[str, int] = {}

    def add(self, table: Table, row: tuple[Any, ...]) -> None:
        """Add one row: the values of all columns but `capture_id`, in order."""
        rows = self._rows.get(table.name)
        if rows is None:
            rows = self._rows[table.name] = []
            self._tables[table.name] = table
        if len(row) != len(table.columns) - 1:
            raise SchemaError(table.name, "*", f"expected {len(table.columns) - 1} values, found {len(row)}")
        rows.append(row)
        if len(rows) * len(row) >= self._portion:
            self._send(table.name)

    def add_columns(self, table: Table, rows: ByColumn) -> None:
        """Add many rows of one table, column by column: the values of all columns but `capture_id`, in order."""
        if len(rows.columns) != len(table.columns) - 1:
            raise SchemaError(table.name, "*", f"expected {len(table.columns) - 1} columns, found {len(rows.columns)}")
        self._tables[table.name] = table
        parts = self._parts.setdefault(table.name, [])
        parts.append(rows)
        self._waiting[table.name] = self._waiting.get(table.name, 0) + len(rows)
        if self._waiting[table.name] * len(rows.columns) >= LONGER * self._portion:
            self._send_columns(table.name)

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
        """Count an anomaly; the first one of a name in a flow gives the place and the detail."""
        known = self._anomalies.get((name, flow_id))
        if known is None and len(self._anomalies) >= MAX_ANOMALIES:
            flow_id = None
            known = self._anomalies.get((name, flow_id))
        if known is not None:
            known[6] += count
            return
        self._anomalies[name, flow_id] = [name, place.frame_no, place.ns, flow_id, from_orig, offset, count, detail]

    def separate_anomaly(self, name: str, frame_no: int | None, offset: int | None, count: int, detail: str) -> None:
        """Add an anomaly of the file itself: each fault has a row of its own."""
        self.add(ANOMALIES, (name, frame_no, None, None, None, offset, count, detail))

    def hand_on(self, names: Iterable[str]) -> None:
        """Hand on what was collected of some tables."""
        for name in names:
            if name in self._rows:
                self._send(name)
            if name in self._parts:
                self._send_columns(name)

    def close(self) -> None:
        """Hand on what is left."""
        for values in self._anomalies.values():
            self.add(ANOMALIES, tuple(values))
        self._anomalies.clear()
        self.hand_on([*self._rows, *self._parts])

    def _send_columns(self, name: str) -> None:
        self._waiting[name] = 0
        rows = joined(self._parts.pop(name))
        self.counts[name] = self.counts.get(name, 0) + len(rows)
        self._flush(self._tables[name], rows)

    def _send(self, name: str) -> None:
        rows = self._rows[name]
        if rows:
            self._rows[name] = []
            self.counts[name] = self.counts.get(name, 0) + len(rows)
            self._flush(self._tables[name], rows)
