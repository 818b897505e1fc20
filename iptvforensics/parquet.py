"""Values -> Parquet, through DuckDB: exact types, nothing guessed from samples, nothing lost to hostile values.

**Known limitations**: integers beyond 64 bits become null in a Parquet file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any

from .schema import SQL_TYPES, Column

if TYPE_CHECKING:
    import duckdb

LEADING = 5
"""Columns by which rows are sorted: the leading ones of a table of messages, but for `capture_id`."""


class Same:
    """A column that has one value in all rows."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class ByColumn:
    """Rows that are kept column by column: a sequence of values, or `Same`, for each."""

    __slots__ = ("columns", "count", "is_sorted")

    def __init__(self, count: int, columns: Sequence[Sequence[Any] | Same], *, is_sorted: bool) -> None:
        self.count = count
        self.columns = columns
        self.is_sorted = is_sorted
        """True if the rows are in the order in which the store wants them."""

    def __len__(self) -> int:
        return self.count

    def __bool__(self) -> bool:
        return self.count > 0


def joined(parts: Sequence[ByColumn]) -> ByColumn:
    """Return rows of one table as one; they are in order only if they are one part."""
    if len(parts) == 1:
        return parts[0]
    columns: list[Sequence[Any] | Same] = []
    for column in zip(*(part.columns for part in parts), strict=True):
        first = column[0]
        if isinstance(first, Same) and all(isinstance(c, Same) and c.value == first.value for c in column):
            columns.append(first)
            continue
        values: list[Any] = []
        for part, piece in zip(parts, column, strict=True):
            values += [piece.value] * part.count if isinstance(piece, Same) else piece
        columns.append(values)
    return ByColumn(sum(part.count for part in parts), columns, is_sorted=all(_follows(parts)))


def _follows(parts: Sequence[ByColumn]) -> list[bool]:
    """Return for each part whether it is in order, and continues the body of the part before it."""
    found = [parts[0].is_sorted]
    for before, part in pairwise(parts):
        same = all(
            isinstance(a, Same) and isinstance(b, Same) and a.value == b.value
            for a, b in zip(before.columns[:LEADING], part.columns[:LEADING], strict=True)
        )
        found.append(part.is_sorted and same)
    return found


def connect(*, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB connection that stays offline and speaks UTC."""
    import duckdb

    settings: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "pandas_analyze_sample": 0,
    }
    connection = duckdb.connect(
        ":memory:", config={k: str(v) for k, v in settings.items() if k != "pandas_analyze_sample"}
    )
    connection.execute("SET TimeZone = 'UTC'")
    # DuckDB's own progress bar would print. Jupyter without ipywidgets cannot show it: it is off, and setting it fails.
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() != [(False,)]:
        connection.execute("SET enable_progress_bar = false")
    connection.execute("SET pandas_analyze_sample = 0")  # object columns are text: no guessing from samples
    if threads is not None:
        connection.execute(f"SET threads = {threads:d}")
    return connection


_SHARED: list[duckdb.DuckDBPyConnection] = []
_LOCK = Lock()


def session(*, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """Return a connection to the one database of this process: making one takes longer than a query.

    For code of this program only: the settings belong to all who use it, so `threads` counts for the first one.
    Tables and views that it makes must be temporary.
    """
    with _LOCK:
        if not _SHARED:
            _SHARED.append(connect(threads=threads))
        cursor = _SHARED[0].cursor()
    cursor.execute("SET TimeZone = 'UTC'")
    cursor.execute("SET pandas_analyze_sample = 0")
    return cursor


def literal(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def cast(column: Column) -> str:
    """Return the SQL that makes a column of its declared type from what `to_array` hands over."""
    name = f'"{column.name}"'
    if column.type.endswith("[]"):
        return f"from_json({name}, '[\"{SQL_TYPES[column.type].removesuffix('[]')}\"]') AS {name}"
    return f"CAST({name} AS {SQL_TYPES[column.type]}) AS {name}"


def to_array(column: Column, values: Sequence[Any]) -> Any:
    """Return values as an array that DuckDB takes in without guessing: masked numbers, text, JSON for lists."""
    import numpy as np

    if column.type == "text":
        return np.array(values, dtype=object)
    if column.type.endswith("[]"):
        encode = json.JSONEncoder(ensure_ascii=False).encode
        return np.array([None if v is None else encode(v) if v else "[]" for v in values], dtype=object)
    kind = {"bool": np.bool_, "float": np.float64}.get(column.type, np.int64)
    if None not in values:
        return np.array(values, dtype=kind)
    missing = np.fromiter((v is None for v in values), np.bool_, len(values))
    return np.ma.array(np.array([0 if v is None else v for v in values], dtype=kind), mask=missing)


def fit(column: Column, value: Any) -> Any:
    """Return a value that the store can hold: hostile numbers become null, broken text is escaped."""
    if value is None:
        return None
    if column.type == "text":
        return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    if column.type == "text[]":
        return [str(v).encode("utf-8", "backslashreplace").decode("utf-8") for v in value]
    if column.type == "int[]":
        return [v for v in value if -(1 << 63) <= v < 1 << 63]
    if column.type == "float":
        return float(value)
    if column.type == "bool":
        return bool(value)
    return value if -(1 << 63) <= value < 1 << 63 else None


def copy_arrays(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    columns: Sequence[Column],
    arrays: Mapping[str, Any],
    order: Sequence[str] = (),
) -> None:
    """Write arrays, one per column, as a Parquet file, sorted by the columns named."""
    _copy_selected(connection, path, list(map(cast, columns)), arrays, order)


def _copy_selected(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    select: Sequence[str],
    arrays: Mapping[str, Any],
    order: Sequence[str],
) -> None:
    rows_to_write = dict(arrays)  # DuckDB finds it by this name
    by = " ORDER BY " + ", ".join(f'"{name}" NULLS FIRST' for name in order) if order else ""
    query = f"SELECT {', '.join(select)} FROM rows_to_write{by}"  # noqa: S608
    connection.execute(f"COPY ({query}) TO {literal(path)} (FORMAT parquet, COMPRESSION snappy)")
    del rows_to_write


def copy_columns(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    columns: Sequence[Column],
    rows: ByColumn,
    order: Sequence[str] = (),
) -> None:
    """Write rows that are kept column by column: what all rows share is written as one value."""
    same: dict[str, str] = {}
    others: list[Column] = []
    values: list[Sequence[Any]] = []
    for column, kept in zip(columns, rows.columns, strict=True):
        shared = _literal_of(column, kept.value) if isinstance(kept, Same) else None
        if shared is None and not isinstance(kept, Same) and kept.count(None) == len(kept):
            shared = f"CAST(NULL AS {SQL_TYPES[column.type]})"
        if shared is not None:
            same[column.name] = shared
            continue
        others.append(column)
        values.append([kept.value] * rows.count if isinstance(kept, Same) else kept)
    if not others:  # a table without a column of its own has no rows
        others, values = [columns[0]], [[None] * rows.count]
    order = () if rows.is_sorted else [name for name in order if name not in same]
    select = [f'{same[c.name]} AS "{c.name}"' if c.name in same else cast(c) for c in columns]
    _copy(connection, path, others, values, select, order)


def _literal_of(column: Column, value: Any) -> str | None:
    """Return SQL for a value, None if it has to be handed over as data."""
    kind = SQL_TYPES[column.type]
    if value is None:
        return f"CAST(NULL AS {kind})"
    if column.type == "text" and isinstance(value, str) and value.isascii() and "\0" not in value:
        return f"CAST({literal(value)} AS {kind})"
    is_number = column.type in ("int", "frame", "time_ns", "bool") and isinstance(value, int)
    return f"CAST({value} AS {kind})" if is_number and -(1 << 63) < value < 1 << 63 else None


def copy_rows(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    columns: Sequence[Column],
    rows: Sequence[tuple[Any, ...]],
    order: Sequence[str] = (),
) -> None:
    """Write rows as a Parquet file; what the types cannot hold is fitted to them (see `fit`)."""
    by_column: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    _copy(connection, path, columns, by_column, list(map(cast, columns)), order)


def _copy(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    columns: Sequence[Column],
    by_column: Sequence[Sequence[Any]],
    select: Sequence[str],
    order: Sequence[str],
) -> None:
    import duckdb

    try:
        arrays = {c.name: to_array(c, v) for c, v in zip(columns, by_column, strict=True)}
        _copy_selected(connection, path, select, arrays, order)
    except (OverflowError, UnicodeError, ValueError, TypeError, duckdb.Error):
        fitted = {c.name: to_array(c, [fit(c, x) for x in v]) for c, v in zip(columns, by_column, strict=True)}
        _copy_selected(connection, path, select, fitted, order)


def put_rows(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Make a temporary table of rows; what the types cannot hold is fitted to them (see `fit`)."""
    by_column: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    rows_to_put = {
        c.name: to_array(c, [fit(c, x) for x in v]) for c, v in zip(columns, by_column, strict=True)
    }  # DuckDB finds it by this name
    select = f"SELECT {', '.join(map(cast, columns))} FROM rows_to_put"  # noqa: S608
    connection.execute(f'CREATE TEMP TABLE "{name}" AS {select}')
    del rows_to_put
