"""Values -> Parquet, through DuckDB: exact types, nothing guessed from samples, nothing lost to hostile values.

**Known limitations**: integers beyond 64 bits become null in a Parquet file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise, repeat
from json.encoder import encode_basestring
from operator import is_, itemgetter
from threading import Lock
from typing import TYPE_CHECKING, Any

from .schema import ROW_ORDER, SQL_TYPES, Column, ColumnType

if TYPE_CHECKING:
    import duckdb

LEADING = len(ROW_ORDER)
"""Columns by which rows are sorted: the leading ones of a table of messages, but for `capture_id`."""


_WHY_NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EISDIR)
_DIFFERENT = 2_000
"""Different values of a column up to which a dictionary of them is worth its time where columns are arrays."""
_DIFFERENT_IN_LISTS = 500
"""The same for long lists: their names and addresses are all different, what they share has few values."""


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
    import duckdb  # noqa: F401 (gives connections what `_engine` does without)

    return _connected(threads)


def _engine() -> Any:
    """Return DuckDB's compiled module: connections that run SQL, and errors.

    The package `duckdb` hands on these very names and adds relations and expressions in Python, which no query as text
    needs; loading them takes 60 ms, five times as long as this module.
    """
    import _duckdb

    return _duckdb


def _connected(threads: int | None) -> duckdb.DuckDBPyConnection:
    engine = _engine()
    settings = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    connection: duckdb.DuckDBPyConnection = engine.connect(":memory:", config=settings)
    connection.execute("SET TimeZone = 'UTC'")
    # DuckDB's own progress bar would print. Jupyter without ipywidgets cannot show it: it is off, and setting it fails.
    with suppress(engine.Error):
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
            _SHARED.append(_connected(threads))
        cursor = _SHARED[0].cursor()
    cursor.execute("SET TimeZone = 'UTC'")
    cursor.execute("SET pandas_analyze_sample = 0")
    return cursor


def literal(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def cast(column: Column) -> str:
    """Return the SQL that makes a column of its declared type from what `to_array` hands over."""
    made = _from_json(column) if column.type.endswith("[]") else f'CAST("{column.name}" AS {SQL_TYPES[column.type]})'
    return f'{made} AS "{column.name}"'


def _from_json(column: Column) -> str:
    return f"""from_json("{column.name}", '["{SQL_TYPES[column.type].removesuffix("[]")}"]')"""


def to_array(column: Column, values: Sequence[Any]) -> Any:
    """Return values as an array that DuckDB takes in without guessing: masked numbers, text, JSON for lists."""
    import numpy as np

    count = len(values)
    if column.type == "text":
        return np.fromiter(values, object, count)  # `np.array` would look twice at each value, for what it may be
    if column.type.endswith("[]"):
        return np.fromiter(_json_of_lists(column, values), object, count)
    if column.type == "float":
        return np.array(values, dtype=np.float64)  # None becomes NaN, which DuckDB takes for null
    kind = np.bool_ if column.type == "bool" else np.int64
    if kind is np.int64:
        with suppress(TypeError):  # a null among them
            return np.fromiter(values, kind, count)
    missing = np.fromiter(map(is_, values, repeat(None)), np.bool_, count)
    found = np.fromiter(values, object, count)
    found[missing] = 0
    numbers: Any = found.astype(kind)
    return np.ma.array(numbers, mask=missing) if missing.any() else numbers


def _json_of_lists(column: Column, values: Sequence[Any]) -> list[str | None]:
    """Return each list as JSON; written here, as a call of the standard encoder takes three times as long."""
    item = encode_basestring if column.type == "text[]" else str
    return [
        None if v is None else f"[{', '.join(['null' if x is None else item(x) for x in v])}]" if v else "[]"
        for v in values
    ]


def fit(column: Column, value: Any) -> Any:
    """Return a value that the store can hold: hostile numbers become null, broken text is escaped.

    What it can hold is what it was: a value does not depend on others of its portion that have to be fitted.
    """
    if value is None:
        return None
    if column.type == "text":
        return _fit_text(value)
    if column.type == "text[]":
        return [None if v is None else _fit_text(v) for v in value]
    if column.type == "int[]":
        return [None if v is None else _fit_number(v) for v in value]
    if column.type == "float":
        return float(value)
    if column.type == "bool":
        return bool(value)
    return _fit_number(value)


def _fit_text(value: Any) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _fit_number(value: int) -> int | None:
    return value if -(1 << 63) <= value < 1 << 63 else None


def copy_arrays(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    columns: Sequence[Column],
    arrays: Mapping[str, Any],
    order: Sequence[str] = (),
) -> None:
    """Write arrays, one per column, as a Parquet file, sorted by the columns named."""
    # Numbers that are nearly all different: a dictionary of them is given up soon, not after a third of the rows.
    # Most rise by little from row to row: the second version of Parquet keeps differences, in a third of the room.
    options = f"DICTIONARY_SIZE_LIMIT {_DIFFERENT:d}", "PARQUET_VERSION V2"
    _copy_selected(connection, path, ", ".join(map(cast, columns)), arrays, order, *options)


def _copy_selected(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    select: str,
    arrays: Mapping[str, Any],
    order: Sequence[str],
    *options: str,
) -> None:
    rows_to_write = dict(arrays)  # DuckDB finds it by this name
    by = " ORDER BY " + ", ".join(f'"{name}" NULLS FIRST' for name in order) if order else ""
    query = f"SELECT {select} FROM rows_to_write{by}"  # noqa: S608
    form = ", ".join(("FORMAT parquet", "COMPRESSION snappy", *options))
    with written(path):
        connection.execute(f"COPY ({query}) TO {literal(path)} ({form})")
    del rows_to_write


@contextmanager
def written(path: str) -> Iterator[None]:
    """Give DuckDB's errors while it writes a file the class of those of the operating system."""
    try:
        yield
    except _engine().IOException as error:
        text = " ".join(str(error).split())
        number = next((n for n in _WHY_NOT_WRITTEN if os.strerror(n) in text), errno.EIO)
        raise OSError(number, os.strerror(number) if number != errno.EIO else text, path) from error


def copy_columns(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    columns: Sequence[Column],
    rows: ByColumn,
    order: Sequence[str] = (),
) -> None:
    """Write rows that are kept column by column: what all rows share is written as one value."""
    _copy(connection, path, columns, rows.columns, rows.count, () if rows.is_sorted else order)


def _literal_of(column: Column, value: Any) -> str | None:
    """Return SQL for a value, None if it has to be handed over as data."""
    kind = SQL_TYPES[column.type]
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
    """Write rows as a Parquet file; what the types cannot hold is fitted to them (see `fit`).

    The connection is one that was made here, not a cursor of it: others guess what a column of texts holds.
    """
    if order and rows:
        names = [column.name for column in columns]
        # Some thousand rows are put in order here faster than DuckDB plans to; it does so where there are nulls.
        with suppress(TypeError):
            rows, order = sorted(rows, key=itemgetter(*map(names.index, order))), ()
    by_column: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    _copy(connection, path, columns, by_column, len(rows), order)


def _copy(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    columns: Sequence[Column],
    by_column: Sequence[Sequence[Any] | Same],
    count: int,
    order: Sequence[str],
) -> None:
    def copy(kept: Sequence[Sequence[Any] | Same], to: str) -> None:
        arrays, sql = _handed_over(columns, kept, count)
        options = (f"DICTIONARY_SIZE_LIMIT {_DIFFERENT_IN_LISTS:d}",) if count > 2 * _DIFFERENT_IN_LISTS else ()
        _copy_selected(connection, to, _select(sql), arrays, [name for name in order if name not in sql], *options)
        os.replace(to, path)

    try:
        copy(by_column, f"{path}.part")
    except (OverflowError, UnicodeError, ValueError, TypeError, _engine().Error) as failure:
        if isinstance(failure, _engine().OperationalError):  # a full disk, say: no value is at fault
            raise
        fitted = [
            Same(fit(c, v.value)) if isinstance(v, Same) else [fit(c, x) for x in v]
            for c, v in zip(columns, by_column, strict=True)
        ]
        # DuckDB removes the file of a query that failed some time later: no other file may have its name.
        copy(fitted, f"{path}.fitted")


def _handed_over(
    columns: Sequence[Column], kept: Sequence[Sequence[Any] | Same], count: int
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return an array for each column, and SQL for those that it does not give as they are declared.

    Reading SQL takes DuckDB longer than reading some thousand values: a column that needs none has none.
    """
    nothing = _nulls("text", count)
    nulls = {"text": nothing}
    arrays: dict[str, Any] = {}
    sql: dict[str, str] = {}
    for column, values in zip(columns, kept, strict=True):
        if _is_null(values, count):
            if column.type not in nulls:
                nulls[column.type] = _nulls(column.type, count)
            arrays[column.name] = nulls[column.type]
            if column.type.endswith("[]"):
                sql[column.name] = f"CAST(NULL AS {SQL_TYPES[column.type]})"
            continue
        shared = _literal_of(column, values.value) if isinstance(values, Same) else None
        if shared is not None:
            arrays[column.name], sql[column.name] = nothing, shared
            continue
        arrays[column.name] = to_array(column, [values.value] * count if isinstance(values, Same) else values)
        if column.type.endswith("[]"):
            sql[column.name] = _from_json(column)
    return arrays, sql


def _is_null(values: Sequence[Any] | Same, count: int) -> bool:
    if isinstance(values, Same):
        return values.value is None
    return bool(count) and values[0] is None and values.count(None) == count


def _nulls(kind: ColumnType, count: int) -> Any:
    """Return an array of nulls as DuckDB takes it in for a column of a type; for lists it has to be told the type."""
    import numpy as np

    if kind == "text" or kind.endswith("[]"):
        return np.empty(count, object)
    if kind == "float":
        return np.full(count, np.nan)
    return np.ma.array(np.zeros(count, np.bool_ if kind == "bool" else np.int64), mask=True)


def _select(sql: Mapping[str, str]) -> str:
    """Return what to select of rows whose columns are there by name, some of them by SQL."""
    replaced = ", ".join(f'{expression} AS "{name}"' for name, expression in sql.items())
    return f"* REPLACE ({replaced})" if replaced else "*"


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
