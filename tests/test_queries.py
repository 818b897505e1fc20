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


@pytest.mark.parametrize("query", ["CREATE TABLE a (b INT)", "SELECT 1; SELECT 2", "", "COPY (SELECT 1) TO 'x'"])
def test_what_does_not_only_read_is_refused(query: str) -> None:
    with pytest.raises(CaseError, match="expected one SELECT"):
        checked(duckdb.connect(), query)


def test_errors_of_the_database_are_errors_of_the_case() -> None:
    with pytest.raises(CaseError, match="SQL: "), sql_errors():
        duckdb.connect().execute("SELECT nothing FROM nowhere")
