"""Rows of one table, kept as columns until a parser hands them on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..protocol import Event, Rows
from ..schema import ENGINE_COLUMNS, Table


class Sheet:
    """Collects rows of one table; values that all rows of a body share are named once."""

    def __init__(self, table: Table, **shared: Any) -> None:
        self.table = table
        self.shared = shared
        self.count = 0
        """Rows so far, those handed on included."""
        self._names = [c.name for c in table.columns if c.name not in ENGINE_COLUMNS and c.name not in shared]
        self._offsets: list[int] = []
        self._columns: dict[str, list[Any]] = {name: [] for name in self._names}
        self._single: list[Mapping[str, Any]] = []
        self._single_offsets: list[int] = []

    def add(self, offset: int, values: Mapping[str, Any]) -> None:
        """Add one row; columns left out are null."""
        self.count += 1
        self._single_offsets.append(offset)
        self._single.append(values)

    def add_columns(self, offsets: Sequence[int], columns: Mapping[str, Sequence[Any]]) -> None:
        """Add many rows, column by column."""
        self._spread()
        count = len(offsets)
        self.count += count
        self._offsets += offsets
        for name, column in self._columns.items():
            column += columns.get(name) or [None] * count

    def _spread(self) -> None:
        """Put rows that came one by one into their columns."""
        if self._single:
            self._offsets += self._single_offsets
            for name, column in self._columns.items():
                column += [values.get(name) for values in self._single]
            self._single, self._single_offsets = [], []

    def take(self, from_orig: bool) -> list[Event]:
        """Return the rows that have come since the last call, as at most one event."""
        self._spread()
        if not self._offsets:
            return []
        columns: dict[str, Sequence[Any]] = {name: values for name, values in self._columns.items() if any_of(values)}
        if "body_offset" in self._columns:
            columns["body_offset"] = self._offsets
        rows = Rows(self.table.name, from_orig, self._offsets, columns, self.shared)
        self._offsets = []
        self._columns = {name: [] for name in self._names}
        return [rows]


def any_of(values: Sequence[Any]) -> bool:
    """Return True if a value is there that is not null: mostly the first one is."""
    return bool(values) and (values[0] is not None or values.count(None) < len(values))
