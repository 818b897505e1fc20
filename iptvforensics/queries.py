"""Queries that people type in: only those that read are let through, and errors say what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import CaseError

if TYPE_CHECKING:
    import duckdb


class Rows(NamedTuple):
    """The answer to a query: names and SQL types of its columns, and its rows one after another."""

    columns: list[str]
    types: list[str]
    rows: Iterator[tuple[Any, ...]]


def checked(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return the query if it is one that only reads.

    Raises:
        CaseError: it is no SELECT.
    """
    import duckdb

    statements = connection.extract_statements(query)
    kinds = [statement.type for statement in statements]
    if kinds not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
        found = ", ".join(kind.name for kind in kinds) or "nothing"
        raise CaseError(f"SQL: expected one SELECT (a case is read-only), found {found}")
    return query


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
