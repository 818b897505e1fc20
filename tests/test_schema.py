"""What every declared table must keep to, those of the protocols included."""

from __future__ import annotations

import re

import pytest

from iptvforensics.entity_tables import ENTITY_TABLES
from iptvforensics.protocol import Protocol
from iptvforensics.protocols import _example, registry
from iptvforensics.reference_tables import REFERENCE_TABLES
from iptvforensics.schema import (
    CAPTURE_ID,
    ENDPOINT_COLUMNS,
    MESSAGE_COLUMNS,
    ROW_ORDER,
    SECRET_SHA256,
    SQL_TYPES,
    TABLES,
    Column,
    Table,
    message_table,
)

PROTOCOL_TABLES = (table for p in (*registry().values(), _example.PROTOCOL) for table in p.tables)
DECLARED = [*TABLES, *ENTITY_TABLES, *REFERENCE_TABLES, *PROTOCOL_TABLES]
ALL = list({id(table): table for table in DECLARED}.values())  # protocols may share a table
COLUMNS = [(table, column) for table in ALL for column in table.columns]
each_table = pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)

# The types that a name with such an end may have; rates may be measured, so they may have a fraction.
SUFFIXES = {
    "_ns": {"time_ns", "int"},
    "_bytes": {"int", "int[]"},
    "_bps": {"int", "float"},
    "_s": {"int", "float", "int[]"},
    "_port": {"int"},
    "_ip": {"text"},
    "_offset": {"int"},
    "_frame": {"frame"},
    "_url": {"text"},
    "_urls": {"text[]"},
    "_ids": {"text[]", "int[]"},
}


def test_table_names_are_unique() -> None:
    names = [table.name for table in ALL]
    assert sorted(names) == sorted(set(names))


@each_table
def test_names_can_be_typed_without_quotes(table: Table) -> None:
    for name in (table.name, *table.column_names):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name), name


@each_table
def test_column_names_are_unique_in_their_table(table: Table) -> None:
    assert len(set(table.column_names)) == len(table.column_names)


@each_table
def test_row_says_what_a_row_stands_for(table: Table) -> None:
    assert table.row
    assert not table.row.endswith("."), "it completes: one row per ..."


OTHER_TYPE = {("lines", "status")}
"""Columns whose name stands in the interface for something else than in the other tables: a state, not a code."""


def test_same_name_has_the_same_type_everywhere() -> None:
    first: dict[str, tuple[str, str]] = {}
    for table, column in COLUMNS:
        if (table.name, column.name) in OTHER_TYPE:
            continue
        where, kind = first.setdefault(column.name, (table.name, column.type))
        assert column.type == kind, f"{column.name}: {kind} in {where}, {column.type} in {table.name}"


@each_table
def test_columns_have_a_sentence(table: Table) -> None:
    for column in table.columns:
        assert column.meaning.endswith("."), column.name
        assert len(column.meaning) >= 15, column.name
        assert "\n" not in column.meaning, column.name


@each_table
def test_columns_have_a_storage_type(table: Table) -> None:
    assert {column.type for column in table.columns} <= SQL_TYPES.keys()


@each_table
def test_unit_in_the_name_fits_the_type(table: Table) -> None:
    for column in table.columns:
        for suffix, kinds in SUFFIXES.items():
            assert not column.name.endswith(suffix) or column.type in kinds, f"{column.name} is {column.type}"


@each_table
def test_times_say_so_in_their_name(table: Table) -> None:
    assert [c.name for c in table.columns if c.type == "time_ns" and not c.name.endswith("_ns")] == []


@each_table
def test_numbers_carry_their_unit_in_the_name(table: Table) -> None:
    """Sizes, rates and durations that only the sentence gives a unit would be read wrongly."""
    bare = re.compile(r"(.*_)?(size|duration|bitrate|bandwidth|timeout|ttl)")
    numbers = [column.name for column in table.columns if column.type in ("int", "float", "int[]")]
    assert [name for name in numbers if bare.fullmatch(name)] == []


@each_table
def test_truths_are_not_named_like_numbers(table: Table) -> None:
    ends = ("_bytes", "_ns", "_s", "_bps", "_count")
    assert [c.name for c in table.columns if c.type == "bool" and c.name.endswith(ends)] == []


def test_message_tables_lead_with_the_engine_columns_and_end_with_the_endpoints() -> None:
    own = Column("own", "int", "Something of its own.")
    table = message_table("made", "thing", [own], endpoints=True)
    assert table.columns == (*MESSAGE_COLUMNS, own, SECRET_SHA256, *ENDPOINT_COLUMNS)
    assert message_table("made", "thing", [own]).columns == (*MESSAGE_COLUMNS, own, SECRET_SHA256)


@pytest.mark.parametrize("protocol", registry().values(), ids=lambda p: p.name)
def test_protocol_tables_lead_with_the_engine_columns(protocol: Protocol) -> None:
    for table in protocol.tables:
        assert table.columns[: len(MESSAGE_COLUMNS)] == MESSAGE_COLUMNS, table.name


def test_rows_are_sorted_by_the_leading_columns() -> None:
    assert sorted((CAPTURE_ID.name, *ROW_ORDER)) == sorted(column.name for column in MESSAGE_COLUMNS)
