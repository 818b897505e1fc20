"""Answers of DuckDB as DataFrames: exact numbers, times in UTC, missing values."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator

import pandas as pd
import pytest

from iptvforensics.dataframes import to_dataframe
from iptvforensics.parquet import connect
from iptvforensics.store import tables


def frame(query: str, times: tuple[str, ...] = ()) -> pd.DataFrame:
    connection = connect(threads=1)
    try:
        return to_dataframe(connection.sql(query), times=times)
    finally:
        connection.close()


@pytest.fixture
def _far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_sums_of_integers_stay_exact() -> None:
    found = frame("SELECT sum(x) s FROM (VALUES (9007199254740993), (0)) t(x)")
    assert found["s"].dtype == "int64"
    assert found["s"][0] == 9007199254740993


def test_sums_beyond_64_bits_are_python_integers() -> None:
    assert frame("SELECT sum(x) s FROM (VALUES (9223372036854775807), (1)) t(x)")["s"][0] == 2**63


def test_missing_integers_do_not_become_floats() -> None:
    found = frame("SELECT * FROM (VALUES (9007199254740993), (NULL)) t(x)")["x"]
    assert found.dtype == "Int64"
    assert found[0] == 9007199254740993
    assert found[1] is pd.NA


def test_a_sum_over_nothing_is_missing() -> None:
    assert frame("SELECT sum(x) s FROM (VALUES (NULL::BIGINT)) t(x)")["s"][0] is pd.NA


def test_booleans_know_three_values() -> None:
    found = frame("SELECT * FROM (VALUES (true), (false), (NULL)) t(x)")["x"]
    assert found.dtype == "boolean"
    assert found.tolist() == [True, False, pd.NA]


def test_missing_floats_and_not_a_number_are_nan() -> None:
    assert frame("SELECT * FROM (VALUES (0.5::DOUBLE), (NULL), ('nan'::DOUBLE)) t(x)")["x"].isna().tolist() == [
        False,
        True,
        True,
    ]


def test_text_may_be_missing_everywhere() -> None:
    found = frame("SELECT * FROM (VALUES (NULL::VARCHAR), (NULL)) t(x)")["x"]
    assert found.isna().all()
    assert found.str.len().isna().all()


def test_lists_are_python_lists() -> None:
    assert frame("SELECT * FROM (VALUES ([1, 2]), (NULL), ([])) t(x)")["x"].tolist() == [[1, 2], None, []]


def test_columns_of_one_name_are_all_kept() -> None:
    found = frame("SELECT 1 AS a, 'x' AS a, 2 AS b")
    assert list(found.columns) == ["a", "a", "b"]
    assert found.iloc[0].tolist() == [1, "x", 2]


def test_no_rows_still_have_columns_and_types() -> None:
    found = frame(
        "SELECT 1 AS a, 'x' AS b, true AS c, 0.5::DOUBLE AS d, 5::BIGINT AS ts_ns WHERE false", times=("ts_ns",)
    )
    assert list(found.columns) == ["a", "b", "c", "d", "ts_ns", "ts"]
    assert len(found) == 0
    assert str(found["ts"].dtype) == "datetime64[ns, UTC]"


@pytest.mark.usefixtures("_far_away")
def test_times_are_utc_to_the_nanosecond_wherever_the_machine_stands() -> None:
    found = frame("SELECT * FROM (VALUES (1795465023103000001), (NULL)) t(ts_ns)", times=("ts_ns",))
    assert found["ts"][0] == pd.Timestamp("2026-11-23 20:17:03.103000001", tz="UTC")
    assert found["ts"][0].value == found["ts_ns"][0]
    assert found["ts"][1] is pd.NaT
    zoned = frame("SELECT to_timestamp(0) AS t, TIMESTAMP '2026-01-01 00:00:00' AS u")
    assert zoned["t"][0] == pd.Timestamp(0, tz="UTC")
    assert str(zoned["t"][0].tz) == "UTC"
    assert zoned["u"][0] == datetime.datetime(2026, 1, 1)  # noqa: DTZ001


def test_a_time_whose_name_is_taken_is_told_apart() -> None:
    found = frame("SELECT 'as sent' AS clock, 0::BIGINT AS clock_ns", times=("clock_ns",))
    assert list(found.columns) == ["clock", "clock_ns", "clock_utc"]


def test_every_time_column_of_every_table_gives_a_column_of_its_own() -> None:
    for table in tables().values():
        times = [column.name for column in table.columns if column.type == "time_ns"]
        assert all(name.endswith("_ns") for name in times), table.name
        columns = ", ".join(f'NULL::BIGINT AS "{name}"' for name in table.column_names)
        found = frame(f"SELECT {columns}", times=tuple(times))
        assert len(set(found.columns)) == len(table.columns) + len(times), table.name
