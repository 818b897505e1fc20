"""Tables and columns: how they are declared, and the tables that belong to no single protocol.

A protocol declares its own tables in its own file with `message_table`; all others stand here.
Parquet schema, documentation, command line and tests are derived from these declarations.

Rules that tests hold every table to: one sentence per column; units in the name (`_ns`, `_bytes`,
`_bps`, `_s`); the same column name has the same type everywhere; missing is null.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "int", "float", "bool", "time_ns", "frame", "text[]", "int[]"]

SQL_TYPES: dict[ColumnType, str] = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "time_ns": "BIGINT",  # nanoseconds since 1970-01-01 UTC
    "frame": "BIGINT",  # 1-based number of a captured record, as Wireshark counts them
    "text[]": "VARCHAR[]",
    "int[]": "BIGINT[]",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type, and one sentence that says what a value means."""

    name: str
    type: ColumnType
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, what one row stands for, and its columns in order."""

    name: str
    row: str
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the names of the columns, in order."""
        return tuple(column.name for column in self.columns)


CAPTURE_ID = Column("capture_id", "text", "First 16 hexadecimal digits of the SHA-256 of the evidence file.")

MESSAGE_COLUMNS = (
    CAPTURE_ID,
    Column("ts_ns", "time_ns", "Capture time of the frame that holds the first byte of the row's message."),
    Column("flow_id", "int", "Flow that carried the message: the number of the frame that opened it."),
    Column("from_orig", "bool", "True if the originator of the flow sent the message."),
    Column("frame_no", "frame", "Frame that holds the first byte of the row's message."),
    Column("stream_offset", "int", "Position of the message in the stream of its direction, in bytes, first is 0."),
)
"""Leading columns of every protocol table; the engine fills them."""

ENDPOINT_COLUMNS = (
    Column("client_ip", "text", "Address of the client of the exchange."),
    Column("client_port", "int", "Port of the client of the exchange."),
    Column("server_ip", "text", "Address of the server of the exchange."),
    Column("server_port", "int", "Port of the server of the exchange."),
)
"""Filled by the engine for tables that ask for them."""


OBJECT_OFFSET = Column(
    "object_offset",
    "int",
    "Stream offset of the first byte of the body in which the message was found; null if it stood in no body.",
)
"""Filled by the engine for protocols found in bodies; with flow_id and from_orig it names the object."""


def message_table(name: str, row: str, columns: Iterable[Column], *, endpoints: bool = False) -> Table:
    """Return the table of a protocol: leading columns, its own, and the endpoints if asked for."""
    tail = ENDPOINT_COLUMNS if endpoints else ()
    return Table(name, row, (*MESSAGE_COLUMNS, *columns, *tail))
