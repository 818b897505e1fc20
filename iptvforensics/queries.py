"""Queries that people type in: only those that read are let through, and errors say what is wrong.

A connection that may read the files of a case may write there, too, and what DuckDB calls a SELECT can do so: it may
hold `COPY` in a WITH clause (since version 2). So a query is judged by the tree that DuckDB makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import CaseError

if TYPE_CHECKING:
    import duckdb


_EXPLAIN = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*\*/)*EXPLAIN\b(?:\s+ANALYZE\b)?", re.IGNORECASE)
_NODE = re.compile(r'"type":"(\w+_NODE)"')
_READING = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_ACTING = re.compile(r'"function_name":"(?:json_execute_serialized_sql|\w*external_resource\w*)"', re.IGNORECASE)
"""Functions that run another statement, or functions by their names; `query` lets only tables be read."""


class Rows(NamedTuple):
    """The answer to a query: names and SQL types of its columns, and its rows one after another."""

    columns: list[str]
    types: list[str]
    rows: Iterator[tuple[Any, ...]]


def checked(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return the query if it is one that only reads: a SELECT, or EXPLAIN or EXPLAIN ANALYZE of one.

    Raises:
        CaseError: it is another one.
    """
    import duckdb

    statements = connection.extract_statements(query)
    kinds = [statement.type for statement in statements]
    found = ", ".join(kind.name for kind in kinds) or "nothing"
    if kinds == [duckdb.StatementType.EXPLAIN]:
        explain = _EXPLAIN.match(query)
        if explain is not None and _only_reads(connection, query[explain.end() :]):
            return query
        found = "EXPLAIN of another statement"
    elif kinds == [duckdb.StatementType.SELECT]:
        if _only_reads(connection, query):
            return query
        found = "one that acts"
    raise CaseError(f"SQL: expected one SELECT (a case is read-only), found {found}")


def _only_reads(connection: duckdb.DuckDBPyConnection, query: str) -> bool:
    """Return True for one SELECT in which nothing else stands."""
    [(tree,)] = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()  # escapes quotes in texts
    nodes = set(_NODE.findall(tree))
    return bool(nodes) and nodes <= _READING and _ACTING.search(tree) is None


_ZONE = " WITH TIME ZONE"


def without_zone(query: str, columns: Sequence[str], types: Sequence[str]) -> str:
    """Return a query that gives times without their zone, which is UTC: with it, DuckDB needs a library for each."""
    if not any(_ZONE in kind for kind in types):
        return query
    named = [
        (f"column{n}", name.replace('"', '""'), kind.replace(_ZONE, ""))
        for n, (name, kind) in enumerate(zip(columns, types, strict=True))
    ]
    wanted = ", ".join(f'CAST({column} AS {kind}) AS "{name}"' for column, name, kind in named)
    given = ", ".join(column for column, _, _ in named)
    return f"SELECT {wanted} FROM ({query.rstrip().rstrip(';')}\n) AS answer({given})"  # noqa: S608


class sql_errors:
    """Turns errors of DuckDB into CaseError."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import duckdb

        if isinstance(error, duckdb.Error):
            raise CaseError(f"SQL: {' '.join(str(error).split())}") from error


def fetch(answer: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of an answer, read in portions."""
    with sql_errors():
        while rows := answer.fetchmany(10_000):
            yield from rows
