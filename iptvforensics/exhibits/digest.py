"""Rows of a case -> one SHA-256 per table and one over all: equal for equal findings.

The bytes of Parquet files vary with the program that writes them, so what can be compared is defined over the
rows. A row is the JSON array of its values in the order of the declared columns (no spaces, UTF-8, null for
missing, numbers as JSON writes them); rows are sorted by their columns from left to right (missing first, text by
its UTF-8 bytes), and each is followed by a line feed. The SHA-256 of that is the digest of a table; the digest of
the whole is that of the lines `<table> <digest>`, in the order of the names, of the tables that have rows.

The tables of the whole case, and what they add to `sessions` and `evidence`, count for the case and not for one of its
captures: they depend on what else is in it.

Left out, because it does not belong to what was found: the path of the evidence file, the table `frame_index` (where
blocks began when the file was read), and what files of the examiner say (`places`, `makers`, and `maker` of devices).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..queries import sql_errors
from ..schema import CAPTURE_ID, Table
from ..store import Store, tables

if TYPE_CHECKING:
    import duckdb

LEFT_OUT_TABLES = frozenset({"frame_index", "makers", "places"})
LEFT_OUT_COLUMNS = frozenset({("captures", "path"), ("devices", "maker")})
PORTION = 20_000


class Digest(NamedTuple):
    """Digests of a case."""

    whole: str
    tables: dict[str, str]
    """By the name of the table; tables without rows are left out."""


def digest(
    store: Store, capture_id: str | None = None, *, derived: Path | None = None, only: Collection[str] | None = None
) -> Digest:
    """Return the digests of a case, or of one of its captures.

    Args:
        store: the case.
        capture_id: only what was said of this capture alone.
        derived: folder of the tables of the whole case; None: these do not count.
        only: names of the tables that count; None: all.

    Raises:
        CaseError: a file of the case is damaged.
    """
    counted = {name: table for name, table in sorted(compared().items()) if only is None or name in only}
    if derived is None:  # the others have no rows
        with_rows = store.files(capture_id).by_table
        counted = {name: table for name, table in counted.items() if name in with_rows}
    with sql_errors():
        connection = store.connection(derived=derived, only=counted, capture_id=capture_id)
        try:
            found = {name: table_digest(connection, table, capture_id) for name, table in counted.items()}
        finally:
            connection.close()
    filled = {name: value for name, value in found.items() if value is not None}
    lines = "".join(f"{name} {value}\n" for name, value in filled.items())
    return Digest(hashlib.sha256(lines.encode()).hexdigest(), filled)


def compared() -> dict[str, Table]:
    """Return the tables that count, by name."""
    return {name: table for name, table in tables().items() if name not in LEFT_OUT_TABLES}


def compared_columns(table: Table) -> list[str]:
    """Return the columns of a table that count."""
    return [name for name in table.column_names if (table.name, name) not in LEFT_OUT_COLUMNS]


def table_digest(connection: duckdb.DuckDBPyConnection, table: Table, capture_id: str | None = None) -> str | None:
    """Return the digest of one table, null if it has no rows."""
    names = [f'"{name}"' for name in compared_columns(table)]
    order = ", ".join(f"{name} NULLS FIRST" for name in names)
    only = capture_id is not None and CAPTURE_ID.name in table.column_names
    where = " WHERE capture_id = ?" if only else ""
    query = f'SELECT {", ".join(names)} FROM "{table.name}"{where} ORDER BY {order}'  # noqa: S608
    answer = connection.execute(query, [capture_id] if only else [])
    has_floats = any(column.type == "float" for column in table.columns)
    sha256 = hashlib.sha256()
    rows_seen = 0
    while rows := answer.fetchmany(PORTION):
        rows_seen += len(rows)
        lines = [canonical(row, has_floats) for row in rows]
        sha256.update(("\n".join(lines) + "\n").encode("utf-8"))
    return sha256.hexdigest() if rows_seen else None


def canonical(row: tuple[Any, ...], has_floats: bool = True) -> str:
    """Return a row in canonical form."""
    if has_floats:
        row = tuple(str(v) if isinstance(v, float) and not math.isfinite(v) else v for v in row)
    return _encode(row)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
