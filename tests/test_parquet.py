"""Values into Parquet and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from iptvforensics.parquet import connect, copy_rows, fit, literal
from iptvforensics.schema import Column

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


def test_a_full_disk_is_an_error_and_not_silence(tmp_path: Path) -> None:
    import duckdb

    connection = connect()
    with pytest.raises(duckdb.Error):
        copy_rows(connection, str(tmp_path / "no folder" / "x.parquet"), COLUMNS, [(1, "a", [])])
    connection.close()


@pytest.mark.parametrize(
    ("kind", "value", "fitted"),
    [
        ("int", 2**63, None),
        ("int", -(2**63), -(2**63)),
        ("int[]", [1, 2**64], [1]),
        ("text", "\ud800", "\\ud800"),
        ("text", 5, "5"),
        ("text[]", ["\udcff", "a"], ["\\udcff", "a"]),
        ("float", 1, 1.0),
        ("bool", 1, True),
        ("int", None, None),
    ],
)
def test_what_a_type_cannot_hold_is_fitted(kind: str, value: object, fitted: object) -> None:
    assert fit(Column("x", kind, ""), value) == fitted  # type: ignore[arg-type]


def test_connections_are_offline_and_in_utc() -> None:
    connection = connect()
    assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
    assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]
    assert connection.execute("SELECT current_setting('autoinstall_known_extensions')").fetchall()[0][0] in (
        False,
        "false",
    )
    connection.close()
