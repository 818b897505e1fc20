"""Views: what stands where a table has no file, or only the case has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from iptvforensics import parquet
from iptvforensics.entity_tables import LINES, SESSION_ENTITIES
from iptvforensics.schema import EVIDENCE, FLOWS, SESSIONS, Table
from iptvforensics.views import CaptureFiles, Source, case_view, empty_view, with_tables


@pytest.mark.parametrize("table", [LINES, EVIDENCE, SESSIONS, FLOWS], ids=lambda table: table.name)
def test_without_a_file_of_the_case_the_view_stays(table: Table, tmp_path: Path) -> None:
    connection = parquet.connect()
    assert case_view(connection, table, "SELECT 1", tmp_path) == "SELECT 1"
    assert connection.execute(empty_view(table)).fetchall() == []
    connection.close()


def test_sessions_are_laid_over_and_evidence_is_added(tmp_path: Path) -> None:
    connection = parquet.connect()
    row = dict.fromkeys(SESSION_ENTITIES.column_names) | {"capture_id": "c", "session_id": "s", "line_id": "l-1"}
    parquet.copy_rows(
        connection, f"{tmp_path}/session_entities.parquet", SESSION_ENTITIES.columns, [tuple(row.values())]
    )
    parquet.copy_rows(connection, f"{tmp_path}/evidence.parquet", EVIDENCE.columns, [(None,) * len(EVIDENCE.columns)])
    names = ", ".join(f"NULL AS {name}" for name in SESSIONS.column_names if name not in ("capture_id", "session_id"))
    view = case_view(connection, SESSIONS, f"SELECT 'c' AS capture_id, 's' AS session_id, {names}", tmp_path)
    assert connection.execute(f"SELECT session_id, line_id, channel FROM ({view})").fetchall() == [("s", "l-1", None)]
    view = case_view(connection, EVIDENCE, empty_view(EVIDENCE), tmp_path)
    assert len(connection.execute(view).fetchall()) == 1
    connection.close()


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("SELECT a FROM one", [(1,)]),
        ("  \n SELECT one.a, two.a FROM one JOIN two ON true", [(1, 2)]),
        ("WITH x AS (SELECT a FROM one) SELECT x.a + two.a FROM x, two", [(3,)]),
        ("\nWITH\n  x AS (SELECT 5 AS a)\nSELECT one.a, x.a FROM one, x", [(1, 5)]),
        ("SELECT 'one' AS text", [("one",)]),
        ("SELECT count(*) FROM one", [(1,)]),
        ("SELECT a FROM (SELECT * FROM one)", [(1,)]),
        ("SELECT 4", [(4,)]),
    ],
)
def test_a_query_brings_the_tables_that_it_names(sql: str, answer: list[tuple[object, ...]]) -> None:
    connection = parquet.connect()
    tables = {
        "one": Source({"a": "a", "b": "no_such_column"}, "(SELECT 1 AS a)"),
        "two": Source({"a": "2 AS a"}, "(SELECT 1)"),
        "gone": Source({"a": "a"}, "no_such_table"),
    }
    assert connection.execute(with_tables(sql, tables)).fetchall() == answer
    connection.close()


def test_files_are_those_of_the_folders_that_are_there(tmp_path: Path) -> None:
    for name in ("one/dns-0001.parquet", "one/dns-0000.parquet", "one/ts_pids-0000.parquet", "one/manifest.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert CaptureFiles.below(tmp_path, ["gone", "one"], True).by_table == {
        "dns": [f"{tmp_path}/one/dns-0000.parquet", f"{tmp_path}/one/dns-0001.parquet"],
        "ts_pids": [f"{tmp_path}/one/ts_pids-0000.parquet"],
    }
