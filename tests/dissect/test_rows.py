"""Rows in portions, and anomalies that are counted."""

from __future__ import annotations

from typing import Any

import pytest

from iptvforensics.dissect import rows as module
from iptvforensics.dissect.places import Place
from iptvforensics.dissect.rows import RowCollector
from iptvforensics.errors import SchemaError
from iptvforensics.parquet import ByColumn, Same
from iptvforensics.schema import CAPTURE_ID, Column, Table

TABLE = Table("pairs", "pair", (CAPTURE_ID, Column("a", "int", "First."), Column("b", "int", "Second.")))
OTHER = Table("others", "other", (CAPTURE_ID, Column("a", "int", "First.")))


class Sink:
    def __init__(self) -> None:
        self.portions: list[tuple[str, list[tuple[Any, ...]]]] = []

    def __call__(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        self.portions.append((table.name, rows))


def test_rows_are_handed_on_in_portions_and_the_rest_at_the_end() -> None:
    sink = Sink()
    collector = RowCollector(sink, portion=4)
    for i in range(5):
        collector.add(TABLE, (i, i))
    assert [[row[0] for row in rows] for _, rows in sink.portions] == [[0, 1], [2, 3]]
    collector.close()
    assert sink.portions[2] == ("pairs", [(4, 4)])


def test_portions_that_were_handed_on_are_not_changed_later() -> None:
    sink = Sink()
    collector = RowCollector(sink, portion=1)
    collector.add(TABLE, (1, 1))
    collector.add(TABLE, (2, 2))
    assert sink.portions == [("pairs", [(1, 1)]), ("pairs", [(2, 2)])]


def test_tables_fill_their_portions_apart_from_each_other() -> None:
    sink = Sink()
    collector = RowCollector(sink, portion=4)
    collector.add(TABLE, (1, 1))
    collector.add(OTHER, (1,))
    assert sink.portions == []
    collector.close()
    assert sorted(name for name, _ in sink.portions) == ["others", "pairs"]


def test_closing_without_rows_hands_on_nothing() -> None:
    sink = Sink()
    collector = RowCollector(sink, portion=1)
    collector.add(TABLE, (1, 1))
    collector.close()
    collector.close()
    assert len(sink.portions) == 1


@pytest.mark.parametrize("row", [(1,), (1, 2, 3)], ids=["too short", "too long"])
def test_row_of_wrong_length_is_refused(row: tuple[int, ...]) -> None:
    with pytest.raises(SchemaError, match=r"pairs.*expected 2 values, found"):
        RowCollector(Sink()).add(TABLE, row)


def anomalies(collector: RowCollector, sink: Sink) -> list[tuple[Any, ...]]:
    collector.close()
    return [row for name, rows in sink.portions if name == "anomalies" for row in rows]


def test_anomalies_of_a_name_and_direction_are_counted_at_the_first_place() -> None:
    sink = Sink()
    collector = RowCollector(sink)
    collector.anomaly("X_y", place=Place(5, 50), flow_id=3, from_orig=True, offset=7, detail="first")
    collector.anomaly("X_y", place=Place(6, 60), flow_id=3, from_orig=True, offset=9, count=4, detail="second")
    assert anomalies(collector, sink) == [("X_y", 5, 50, 3, True, 7, 5, "first")]


def test_anomalies_of_the_two_directions_are_not_counted_together() -> None:
    sink = Sink()
    collector = RowCollector(sink)
    for from_orig, count in ((True, 10), (False, 5000), (None, 1), (False, 7)):
        collector.anomaly("TCP_bytes_missing", flow_id=3, from_orig=from_orig, count=count)
    assert [(row[4], row[6]) for row in anomalies(collector, sink)] == [(True, 10), (False, 5007), (None, 1)]


def test_anomalies_of_other_names_and_flows_have_their_own_rows() -> None:
    sink = Sink()
    collector = RowCollector(sink)
    for name, flow_id in (("X_y", 1), ("X_y", 2), ("X_z", 1), ("X_y", None)):
        collector.anomaly(name, flow_id=flow_id)
    assert [(row[0], row[3], row[6]) for row in anomalies(collector, sink)] == [
        ("X_y", 1, 1), ("X_y", 2, 1), ("X_z", 1, 1), ("X_y", None, 1),
    ]  # fmt: skip


def test_too_many_anomalies_are_counted_together_and_blamed_on_no_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANOMALIES", 2)
    sink = Sink()
    collector = RowCollector(sink)
    for flow_id in (1, 2, 3, 4, 1):
        collector.anomaly("X_y", place=Place(flow_id, flow_id), flow_id=flow_id, from_orig=True, offset=0)
    found = [(row[0], row[1], *row[3:7]) for row in anomalies(collector, sink)]
    assert found == [("X_y", 1, 1, True, 0, 2), ("X_y", 2, 2, True, 0, 1), ("X_y", 3, None, None, None, 2)]


def test_faults_of_the_file_have_a_row_each() -> None:
    sink = Sink()
    collector = RowCollector(sink)
    for frame in (4, 9):
        collector.separate_anomaly("CAPTURE_x", frame, 100, 1, "why")
    assert anomalies(collector, sink) == [
        ("CAPTURE_x", 4, None, None, None, 100, 1, "why"), ("CAPTURE_x", 9, None, None, None, 100, 1, "why"),
    ]  # fmt: skip


def test_columns_are_handed_on_in_portions_and_the_rest_at_the_end() -> None:
    sink = Sink()
    collector = RowCollector(sink, portion=2)
    for i in range(8):
        collector.add_columns(TABLE, ByColumn(2, [[i, i], Same(7)], is_sorted=True))
    collector.add(TABLE, (9, 9))
    collector.close()
    assert [(len(rows), isinstance(rows, ByColumn)) for _, rows in sink.portions] == [(8, True), (8, True), (1, False)]
    first: Any = sink.portions[0][1]
    assert first.columns[0] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert first.columns[1].value == 7


def test_columns_in_the_wrong_number_are_refused() -> None:
    with pytest.raises(SchemaError):
        RowCollector(Sink()).add_columns(TABLE, ByColumn(1, [[1]], is_sorted=True))
