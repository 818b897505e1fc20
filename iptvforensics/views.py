"""Parquet files to views, of a capture being written, all captures, the whole case, nothing; and the order of rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .entity_tables import ENTITY_TABLES, SESSION_ENTITIES, sessions_sql
from .parquet import literal
from .reference_tables import MAKERS
from .schema import CAPTURE_ID, EVIDENCE, ROW_ORDER, SESSIONS, SQL_TYPES, Table

if TYPE_CHECKING:
    import duckdb


class Source(NamedTuple):
    """What the rows of a table are read from, and SQL for each of its columns by name."""

    columns: Mapping[str, str]
    rows: str

    def select(self, sql: str | None = None) -> str:
        """Return the SELECT of the table: all columns, or those that a query names.

        Planning a query takes time for each column of its tables, more than some thousand rows take. Where the query
        says `*`, that stands for the columns that it names elsewhere.
        """
        named = (column for name, column in self.columns.items() if sql is None or name in sql)
        return f"SELECT {', '.join(named) or '1'} FROM {self.rows}"  # noqa: S608


def _plain(names: Iterable[str]) -> dict[str, str]:
    return {name: f'"{name}"' for name in names}


class PartReader:
    """SQL over the tables of one capture that is being written (without the column capture_id).

    A table is looked for when `has` is asked for it; only then queries can name it, and they name each column.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        files: Callable[[str], list[str]],
        connection: Callable[[], duckdb.DuckDBPyConnection],
    ) -> None:
        self._tables = tables
        self._files = files
        self._connection = connection
        self._own: duckdb.DuckDBPyConnection | None = None
        self._known: dict[str, Source] = {}

    def has(self, table: str) -> bool:
        """Return True if the table has rows."""
        if table not in self._known:
            files = ", ".join(literal(escape(path)) for path in self._files(table))
            if not files:
                return False
            names = (name for name in self._tables[table].column_names if name != CAPTURE_ID.name)
            self._known[table] = Source(_plain(names), f"read_parquet([{files}])")
        return True

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        if self._own is None:
            self._own = self._connection().cursor()  # the writer goes on writing other tables beside it
        return self._own

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._cursor().execute(with_tables(sql, self._known)).fetchall()


def with_tables(sql: str, tables: Mapping[str, Source]) -> str:
    """Return a query that brings the SELECTs of the tables that it names: a view takes as long to make as a query."""
    named = [f'"{name}" AS NOT MATERIALIZED ({table.select(sql)})' for name, table in tables.items() if name in sql]
    if not named:
        return sql
    begin, rest = sql.split(None, 1)
    return f"WITH {', '.join(named)}{f', {rest}' if begin == 'WITH' else f' {begin} {rest}'}"


class CaptureFiles(NamedTuple):
    """The files of captures at one moment: a list of them is looked through much faster than a pattern."""

    by_table: Mapping[str, Sequence[str]]
    """Paths by the name of the table; a table of which no capture has rows has none."""
    as_declared: bool
    """Whether all files have the columns that this version declares; those that a file lacks are null."""

    @classmethod
    def below(cls, captures: Path, names: Iterable[str], as_declared: bool) -> CaptureFiles:
        """Return the files in the folders of these names; one may just be replaced by another process."""
        by_table: dict[str, list[str]] = {}
        for name in names:
            folder = f"{captures}{os.sep}{name}"
            with suppress(FileNotFoundError):
                for file in sorted(name for name in os.listdir(folder) if name.endswith(".parquet")):
                    by_table.setdefault(file.rpartition("-")[0], []).append(f"{folder}{os.sep}{file}")
        return cls(by_table, as_declared)

    def source(self, connection: duckdb.DuckDBPyConnection, table: Table) -> Source:
        """Return a table that has files; the name of a capture's folder gives the column capture_id."""
        files = ", ".join(literal(escape(path)) for path in self.by_table[table.name])
        source = (
            f"read_parquet([{files}], hive_partitioning = true, "
            f"hive_types = {{'capture_id': VARCHAR}}, union_by_name = {str(not self.as_declared).lower()})"
        )
        return Source(_plain(table.column_names), source) if self.as_declared else _fitted(connection, table, source)


def _fitted(connection: duckdb.DuckDBPyConnection, table: Table, source: str) -> Source:
    """Return a table from Parquet files; columns that the files lack are null."""
    there = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}  # noqa: S608
    missing = {c.name: f'CAST(NULL AS {SQL_TYPES[c.type]}) AS "{c.name}"' for c in table.columns if c.name not in there}
    return Source(_plain(table.column_names) | missing, source)


def _selected(connection: duckdb.DuckDBPyConnection, table: Table, file: Path) -> str:
    """Return the SELECT of a table that has one Parquet file."""
    return _fitted(connection, table, f"read_parquet({literal(escape(str(file)))})").select()


def case_view(connection: duckdb.DuckDBPyConnection, table: Table, view: str, folder: Path) -> str:
    """Return the SELECT of a table, with what is known of the whole case."""

    def read(table: Table) -> str | None:
        file = folder.resolve() / f"{table.name}.parquet"
        return _selected(connection, table, file) if file.exists() else None

    if table is SESSIONS:
        entities = read(SESSION_ENTITIES)
        return view if entities is None else sessions_sql(view, entities)
    found = read(table) if table is EVIDENCE or table in ENTITY_TABLES else None
    if found is None:
        return view
    return f"{view} UNION ALL {found}" if table is EVIDENCE else found


def reference_view(connection: duckdb.DuckDBPyConnection, table: Table, folder: Path) -> str:
    """Return the SELECT of a table that files of the examiner fill."""
    file = folder.resolve() / f"{table.name}.parquet"
    if not file.exists():
        return empty_view(table)
    return _selected(connection, table, file)


def with_makers(connection: duckdb.DuckDBPyConnection, devices: str, folder: Path) -> str:
    """Return the SELECT of the table `devices`, with makers as files of the examiner name them, and the file's name."""
    if not (folder / f"{MAKERS.name}.parquet").exists():
        return devices
    makers = reference_view(connection, MAKERS, folder)
    said = (
        "SELECT string_agg(DISTINCT concat(m.organisation, ' (', m.reference_file, ')'), '; ') "  # noqa: S608
        f"FROM ({makers}) m WHERE m.organisation IS NOT NULL AND m.note IS NULL AND list_contains(d.macs, m.mac)"
    )
    return f"SELECT d.* REPLACE (coalesce(({said}), d.maker) AS maker) FROM ({devices}) d"  # noqa: S608


def empty_view(table: Table) -> str:
    """Return the SELECT of a table that has no rows."""
    empty = ", ".join(f'CAST(NULL AS {SQL_TYPES[c.type]}) AS "{c.name}"' for c in table.columns)
    return f"SELECT {empty} WHERE false"


_ORDER = (CAPTURE_ID.name, ROW_ORDER[0], "start_ns", "first_ns", *ROW_ORDER[1:])


def order_by(table: Table) -> str:
    """Return the ORDER BY clause that puts the rows of a table into their canonical order.

    Only rows that are equal in all columns can change places.
    """
    names = table.column_names
    first = [name for name in _ORDER if name in names]
    rest = [name for name in names if name not in first]
    return " ORDER BY " + ", ".join(f'"{name}" NULLS FIRST' for name in (*first, *rest))
