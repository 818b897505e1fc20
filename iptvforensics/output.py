"""Rows -> text for people and for programs: table, CSV, TSV, JSON, JSON lines; and Parquet files.

Every text may come from an opponent. In a terminal, control and direction characters are shown as escapes. In
CSV and TSV, a text that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`, a tab or a
carriage return) is given a leading apostrophe. Missing values are empty (CSV, TSV), null (JSON).
"""

from __future__ import annotations

import csv
import errno
import io
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any
from unicodedata import combining, east_asian_width

from .schema import Column
from .times import iso_time

FORMATS = ("table", "csv", "tsv", "json", "jsonl", "parquet")
MAX_CELL = 80
"""Characters of a cell that a table for people shows."""

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_INTEGER = re.compile(r"^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|UINTEGER)$")


def visible(text: str) -> str:
    r"""Return a text whose control and direction characters are shown as escapes (`\x1b`)."""
    return _UNSEEN.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}", text)


def lines(form: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Return the text of rows in one of the text formats, piece by piece, line feeds included."""
    if form in {"csv", "tsv"}:
        return _separated(columns, rows, tabs=form == "tsv")
    if form == "jsonl":
        names = _different(columns)
        return (_json(dict(zip(names, row, strict=True))) + "\n" for row in rows)
    if form == "json":
        return _json_array(_different(columns), rows)
    return _aligned(columns, rows)


def _different(columns: Sequence[str]) -> list[str]:
    """Return names for columns of which some (of a join) may have the same: the second `a` is `a_1`, as in DuckDB."""
    names: list[str] = []
    for column in columns:
        tries = itertools.chain([column], (f"{column}_{n}" for n in itertools.count(1)))
        names.append(next(name for name in tries if name not in names))
    return names


def for_people(column: str, value: Any) -> str:
    """Return a value as a table for people shows it: times readable, long texts cut, nothing invisible."""
    if value is None:
        return ""
    if column.endswith("_ns") and isinstance(value, int):
        return iso_time(value)
    text = _json(value) if isinstance(value, list | tuple | dict) else str(value)
    text = visible(text[: 2 * MAX_CELL])
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def write_parquet(path: str, columns: Sequence[str], types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows, whose SQL types are given, as a Parquet file."""
    from .parquet import connect, copy_rows

    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    declared = [Column(name, _column_type(kind), "") for name, kind in zip(_different(columns), types, strict=True)]
    connection = connect()
    try:
        copy_rows(connection, path, declared, [tuple(row) for row in rows])
    finally:
        connection.close()


def _column_type(kind: str) -> Any:
    of_list = kind.endswith("[]")
    kind = kind.removesuffix("[]")
    if _INTEGER.match(kind):
        return "int[]" if of_list else "int"
    if of_list:
        return "text[]"
    if kind in {"DOUBLE", "FLOAT"} or kind.startswith("DECIMAL"):
        return "float"
    return "bool" if kind == "BOOLEAN" else "text"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=_plain)
    return _UNSEEN.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _json_array(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    opening = "["
    for row in rows:
        yield f"{opening}\n {_json(dict(zip(columns, row, strict=True)))}"
        opening = ","
    yield "[]\n" if opening == "[" else "\n]\n"


def _separated(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, tabs: bool) -> Iterator[str]:
    if tabs:
        yield "\t".join(columns) + "\n"
        for row in rows:
            yield "\t".join(_tab_free(_cell(value)) for value in row) + "\n"
        return
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")  # so that both characters are quoted inside a cell
    for row in itertools.chain([columns], rows):
        writer.writerow([_cell(value) for value in row])
        yield buffer.getvalue()[:-2] + "\n"
        buffer.seek(0)
        buffer.truncate()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value
    elif isinstance(value, list | tuple | dict):
        return _json(value)
    elif isinstance(value, datetime | date):
        return value.isoformat()
    else:
        return str(value)
    return "'" + text if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _tab_free(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _aligned(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    cells = [[for_people(c, v) for c, v in zip(columns, row, strict=True)] for row in rows]
    heads = [visible(column.removesuffix("_ns")) for column in columns]
    widths = [max(_width(row[i]) for row in [heads, *cells]) for i in range(len(heads))]
    for row in [heads, *cells]:
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip() + "\n"


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a letter of Korean or Chinese."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], file: IO[str]) -> None:
    """Print a table for people; on a terminal fitted to its width."""
    if not file.isatty():
        file.writelines(_aligned(columns, rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(Text(visible(column.removesuffix("_ns"))), overflow="fold")
    for row in rows:  # Text, not str: markup in evidence stays what it is
        table.add_row(*[Text(for_people(c, v)) for c, v in zip(columns, row, strict=True)])
    Console(file=file, highlight=False).print(table)
