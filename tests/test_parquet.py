"""Values into Parquet and back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from iptvforensics import parquet
from iptvforensics.parquet import ByColumn, Same, connect, copy_columns, copy_rows, fit, joined, literal
from iptvforensics.schema import Column, ColumnType

COLUMNS = (Column("n", "int", ""), Column("t", "text", ""), Column("l", "int[]", ""))


def test_literals_cannot_be_left() -> None:
    connection = connect()
    text = "it's '; DROP TABLE x; -- \\"
    assert connection.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]
    connection.close()


@pytest.mark.parametrize("rows", [[], [(2, "b", [1]), (1, None, None), (None, "", [])]], ids=["none", "three"])
def test_rows_come_back_sorted_as_asked(tmp_path: Path, rows: list[tuple[object, ...]]) -> None:
    connection = connect(threads=1)
    path = str(tmp_path / "it's.parquet")
    copy_rows(connection, path, COLUMNS, rows, ["n"])
    found = connection.execute(f"SELECT * FROM read_parquet({literal(path)})").fetchall()
    assert found == sorted(rows, key=lambda row: (row[0] is not None, row[0]))
    connection.close()


ALL_TYPES = (
    Column("i", "int", ""),
    Column("f", "float", ""),
    Column("b", "bool", ""),
    Column("t", "text", ""),
    Column("ts", "text[]", ""),
    Column("is", "int[]", ""),
)
WHOLE = (1, 1.5, True, "it's", ['say "no"', "a\\b\n", "뉴스", ""], [1, -(2**63)])
EMPTY = (0, 0.0, False, "", [], [])
WITHIN = (-(2**63), -0.5, False, "\t", [None, "x"], [None, 5])
NOTHING = (None,) * 6


@pytest.mark.parametrize(
    "rows",
    [[NOTHING], [NOTHING, NOTHING], [EMPTY], [WHOLE, NOTHING], [NOTHING, EMPTY, WHOLE, WITHIN]],
    ids=["null", "nulls", "empty", "whole", "all"],
)
def test_values_of_every_type_come_back(tmp_path: Path, rows: list[tuple[object, ...]]) -> None:
    connection = connect(threads=1)
    path = str(tmp_path / "x.parquet")
    copy_rows(connection, path, ALL_TYPES, rows)
    read = f"FROM read_parquet({literal(path)})"
    assert connection.execute(f"SELECT * {read}").fetchall() == rows
    types = [row[1] for row in connection.execute(f"DESCRIBE SELECT * {read}").fetchall()]
    assert types == ["BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "VARCHAR[]", "BIGINT[]"]
    connection.close()


def test_writing_and_reading_load_only_the_compiled_part_of_duckdb(tmp_path: Path) -> None:
    program = (
        "import sys; from iptvforensics.parquet import copy_rows, session; from iptvforensics.schema import Column; "
        "copy_rows(session(), sys.argv[1], [Column('n', 'int', '')], [(7,)]); "
        "print(session().execute(f\"SELECT n FROM read_parquet('{sys.argv[1]}')\").fetchall(), 'duckdb' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "x.parquet")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[(7,)] False\n"


def test_a_full_disk_is_an_error_and_not_silence(tmp_path: Path) -> None:
    connection = connect()
    with pytest.raises(FileNotFoundError):
        copy_rows(connection, str(tmp_path / "no folder" / "x.parquet"), COLUMNS, [(1, "a", [])])
    connection.close()


@pytest.mark.parametrize(
    ("kind", "value", "fitted"),
    [
        ("int", 2**63, None),
        ("int", -(2**63), -(2**63)),
        ("int[]", [1, 2**64, None], [1, None, None]),
        ("text", "\ud800", "\\ud800"),
        ("text", 5, "5"),
        ("text[]", ["\udcff", "a", None], ["\\udcff", "a", None]),
        ("float", 1, 1.0),
        ("bool", 1, True),
        ("int", None, None),
    ],
)
def test_what_a_type_cannot_hold_is_fitted(kind: str, value: object, fitted: object) -> None:
    assert fit(Column("x", kind, ""), value) == fitted  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "value"), [("int[]", [1, None, 2**64]), ("text[]", ["x", None]), ("int", 2**64)])
@pytest.mark.parametrize("beside", ["\ud800", "plain"])
def test_a_value_does_not_depend_on_others_that_have_to_be_fitted(
    tmp_path: Path, kind: ColumnType, value: object, beside: str
) -> None:
    path = str(tmp_path / "x.parquet")
    connection = connect(threads=1)
    copy_rows(connection, path, [Column("a", kind, ""), Column("b", "text", "")], [(value, "x"), (None, beside)])
    found = connection.execute(f"SELECT a FROM '{path}'").fetchall()
    assert found == [(fit(Column("a", kind, ""), value),), (None,)]


def test_a_full_disk_is_no_fault_of_values(tmp_path: Path) -> None:
    connection = connect(threads=1)
    with pytest.raises(Exception, match=r"x\.parquet\.part"):  # and not the file of fitted values
        copy_rows(connection, str(tmp_path / "none" / "x.parquet"), [Column("a", "text", "")], [("\u00e4",)])


@pytest.mark.parametrize(
    ("kind", "values"),
    [("int", [1, 0, -5]), ("float", [0.5, -1.0, 0.0]), ("bool", [True, False, True]), ("text", ["a", "", "\uac00"])],
)
def test_nulls_stay_nulls_wherever_they_stand(tmp_path: Path, kind: str, values: list[object]) -> None:
    connection = connect(threads=1)
    path = str(tmp_path / "x.parquet")
    for at in (None, 0, 1, 3):
        some = values if at is None else [*values[:at], None, *values[at:]]
        columns = (Column("i", "int", ""), Column("x", kind, ""), Column("nothing", kind, ""))  # type: ignore[arg-type]
        rows = ByColumn(len(some), [range(len(some)), some, [None] * len(some)], is_sorted=True)
        copy_columns(connection, path, columns, rows)
        found = connection.execute(f"SELECT * FROM read_parquet({literal(path)})").fetchall()
        assert found == [(i, value, None) for i, value in enumerate(some)]
    connection.close()


def test_connections_are_offline_and_in_utc() -> None:
    connection = connect()
    assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
    assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]
    assert connection.execute("SELECT current_setting('autoinstall_known_extensions')").fetchall()[0][0] in (
        False,
        "false",
    )
    connection.close()


HOSTILE_TEXTS = ["it's '; DROP TABLE x; -- ", "a\0b", "뉴스", "\ud800", ""]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_columns_are_written_as_rows_are(tmp_path: Path, text: str) -> None:
    found = []
    for number, shared in enumerate((7, None, 1 << 70)):
        for kept in (False, True):
            values = [2, None, 1]
            columns = [values, Same(text) if kept else [text] * 3, Same([shared]) if kept else [[shared]] * 3]
            if shared is None:
                columns[2] = Same(None) if kept else [None] * 3
            connection = connect(threads=1)
            path = str(tmp_path / f"{number}-{kept}.parquet")
            if kept:
                copy_columns(connection, path, COLUMNS, ByColumn(3, columns, is_sorted=False), ["n"])
            else:
                copy_rows(connection, path, COLUMNS, list(zip(*columns, strict=True)), ["n"])
            found.append(connection.execute(f"SELECT * FROM read_parquet({literal(path)})").fetchall())
            connection.close()
    assert found[::2] == found[1::2]


def test_no_file_has_the_name_of_one_that_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB removes what a failed query has begun when another one may have been written in its place."""
    named = []
    copy = parquet._copy_selected

    def noted(connection: Any, path: str, *arguments: Any) -> None:
        named.append(path)
        copy(connection, path, *arguments)

    monkeypatch.setattr(parquet, "_copy_selected", noted)
    connection = connect(threads=1)
    path = str(tmp_path / "x.parquet")
    copy_rows(connection, path, COLUMNS, [(1, "\ud800", [1])])
    assert len({*named, path}) == 3
    assert os.listdir(tmp_path) == ["x.parquet"]
    assert connection.execute(f"SELECT t FROM read_parquet({literal(path)})").fetchall() == [("\\ud800",)]
    connection.close()


def test_what_all_rows_share_is_written_for_each(tmp_path: Path) -> None:
    connection = connect(threads=1)
    path = str(tmp_path / "x.parquet")
    copy_columns(connection, path, COLUMNS, ByColumn(2, [Same(5), [None, None], Same(None)], is_sorted=True))
    assert connection.execute(f"SELECT * FROM read_parquet({literal(path)})").fetchall() == [(5, None, None)] * 2
    connection.close()


def test_parts_are_joined_and_say_whether_they_are_in_order() -> None:
    place = [Same(1), Same(2), Same(True), Same(3), Same(4)]
    first = ByColumn(2, [*place, Same("x"), [1, 2]], is_sorted=True)
    second = ByColumn(1, [*place, Same("y"), [3]], is_sorted=True)
    whole = joined([first, second])
    assert (len(whole), whole.is_sorted) == (3, True)
    assert [c.value if isinstance(c, Same) else c for c in whole.columns] == [
        1,
        2,
        True,
        3,
        4,
        ["x", "x", "y"],
        [1, 2, 3],
    ]
    elsewhere = ByColumn(1, [Same(0), *place[1:], Same("x"), [9]], is_sorted=True)
    assert not joined([first, elsewhere]).is_sorted
    assert joined([first]) is first
