"""Queries: those that read are let through."""

from __future__ import annotations

import duckdb
import pytest

from iptvforensics.errors import CaseError
from iptvforensics.queries import checked, fetch, sql_errors


def test_a_select_is_answered_in_portions() -> None:
    connection = duckdb.connect()
    answer = connection.execute(checked(connection, "SELECT * FROM range(25000)"))
    assert sum(1 for _ in fetch(answer)) == 25000


@pytest.mark.parametrize(
    "query",
    [
        "WITH a AS (SELECT 1 AS b UNION SELECT 2) FROM a WHERE b IN (SELECT 1) -- COPY",
        "WITH RECURSIVE a(b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM a WHERE b < 3) SELECT 'COPY_QUERY_NODE' FROM a",
        "SHOW TABLES",
        "DESCRIBE SELECT 1",
        "SUMMARIZE SELECT 1",
        "EXPLAIN SELECT 1",
        "/* why * */ -- so\nexplain  analyze SELECT 1;",
        "SELECT * FROM query('SELECT 1')",
    ],
)
def test_what_only_reads_is_answered(query: str) -> None:
    connection = duckdb.connect()
    assert list(fetch(connection.execute(checked(connection, query)))) or query == "SHOW TABLES"


@pytest.mark.parametrize(
    "query",
    [
        "CREATE TABLE a (b INT)",
        "SELECT 1; SELECT 2",
        "",
        "COPY (SELECT 1) TO 'x'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'x'",
        "EXPLAIN ANALYZE CREATE TABLE a AS SELECT 1",
        "EXPLAIN (ANALYZE) COPY (SELECT 1) TO 'x'",
        "EXPLAIN/* */ANALYZE COPY (SELECT 1) TO 'x'",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    ],
)
def test_what_does_not_only_read_is_refused(query: str) -> None:
    with pytest.raises(CaseError, match="expected one SELECT"):
        checked(duckdb.connect(), query)


def test_errors_of_the_database_are_errors_of_the_case() -> None:
    with pytest.raises(CaseError, match="SQL: "), sql_errors():
        duckdb.connect().execute("SELECT nothing FROM nowhere")
