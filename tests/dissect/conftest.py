"""A dissector that is fed by hand: pieces of streams in, rows out, with protocols made up for the test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from iptvforensics.dissect import Dissector, RowCollector
from iptvforensics.flows.batch import END, GAP, DirectionPieces, StreamBatch
from iptvforensics.parquet import ByColumn, Same
from iptvforensics.protocol import Event, Opening, Protocol
from iptvforensics.schema import Column, Table, message_table

TABLE = message_table(
    "told",
    "thing that a parser of these tests told",
    (
        Column("object_offset", "int", "Where the body begins."),
        Column("word", "text", "What was told."),
        Column("there_frame", "frame", "Another place."),
        Column("there_ns", "time_ns", "The same, as a time."),
    ),
    endpoints=True,
)


class Recorder:
    """A parser that writes down how it is called, and answers with what `answer` returns."""

    def __init__(self, opening: Opening, answer: Callable[..., list[Event]]) -> None:
        self.client_is_orig = True
        self.opening = opening
        self.calls: list[tuple[Any, ...]] = []
        self.view = memoryview(b"")
        self._answer = answer

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        self.view = data
        return self._called("feed", bytes(data), from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        return self._called("gap", length, from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        return self._called("end", None, from_orig)

    def _called(self, what: str, value: Any, from_orig: bool) -> list[Event]:
        self.calls.append((what, value, from_orig))
        return self._answer(self, what, value, from_orig)


def nothing(*_: Any) -> list[Event]:
    return []


def made_up(
    name: str = "made",
    *,
    answer: Callable[..., list[Event]] = nothing,
    detect: Callable[[Opening], float | None] = lambda opening: 1.0,
    carriers: tuple[Any, ...] = ("tcp",),
    tables: tuple[Table, ...] = (TABLE,),
    **more: Any,
) -> SimpleNamespace:
    """Return a protocol, and the parsers that it has made so far."""
    parsers: list[Recorder] = []

    def parser(opening: Opening) -> Recorder:
        parsers.append(Recorder(opening, answer))
        return parsers[-1]

    protocol = Protocol(name, name, "none", carriers, tables, detect, parser, "none", **more)
    return SimpleNamespace(protocol=protocol, parsers=parsers)


class Bench:
    """Feeds a dissector. A step is bytes, a gap (int), or "end"; each piece of data lies in a frame of its own."""

    def __init__(self, *protocols: Any, transport: int = 6, midstream: bool = False, **options: Any) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.collector = RowCollector(self._flush)
        known = [getattr(p, "protocol", p) for p in protocols]
        self.dissector = Dissector(self.collector, protocols=known or None, **options)
        self.transport, self.midstream = transport, midstream
        self._offsets: dict[int, int] = defaultdict(int)
        self.frame = 0

    def _flush(self, table: Table, rows: list[tuple[Any, ...]] | ByColumn) -> None:
        names = table.column_names[1:]
        if isinstance(rows, ByColumn):
            columns = [[c.value] * len(rows) if isinstance(c, Same) else c for c in rows.columns]
            rows = list(zip(*columns, strict=True))
        self.tables[table.name] += [dict(zip(names, row, strict=True)) for row in rows]

    def take(self, orig: Any = (), resp: Any = (), *, flow: int = 0, differences: Any = (), silent: Any = ()) -> None:
        """Feed one batch, and overwrite its arrays: nothing of it may be kept."""
        directions, columns, data = [], [], bytearray()
        for direction, steps in ((2 * flow, orig), (2 * flow + 1, resp)):
            steps = [steps] if isinstance(steps, bytes | int | str) else list(steps)
            if not steps:
                continue
            first, byte = len(columns), len(data)
            for step in steps:
                columns.append(self._piece(direction, step))
                data += step if isinstance(step, bytes) else b""
            specials = sum(not isinstance(step, bytes) for step in steps)
            sizes = len(steps), byte, len(data) - byte, specials
            ends = (0, 0xFFFF_C0A8_0105, 0, 0xFFFF_C000_0201, 40000 + flow, 80)
            about = (100 + flow, self.transport, self.midstream, ends)
            directions.append(DirectionPieces(direction, first, *sizes, *about))
        arrays = (
            [np.array(column, np.int64) for column in zip(*columns, strict=True)]
            if columns
            else [np.zeros(0, np.int64)] * 5
        )
        taken = np.frombuffer(bytes(data), np.uint8).copy()
        runs = np.zeros((0, 15), np.int64)
        batch = StreamBatch(directions, runs, *arrays, taken, list(differences), list(silent))
        self.dissector.take(batch)
        for array in (*arrays, batch.data):
            array[:] = 0x6E

    def _piece(self, direction: int, step: bytes | int | str) -> tuple[int, int, int, int, int]:
        """Return offset, length, frame, time and kind."""
        offset = self._offsets[direction]
        if step == "end":
            return offset, 0, 0, 0, END
        length = step if isinstance(step, int) else len(step)
        self._offsets[direction] += length
        if isinstance(step, int):
            return offset, length, 0, 0, GAP
        self.frame += 1
        return offset, length, self.frame, 1000 * self.frame, 0

    def finish(self) -> None:
        self.dissector.finish()
        self.collector.close()

    def words(self) -> list[str]:
        return [row["word"] for row in self.tables["told"]]


@pytest.fixture(name="bench")
def _bench() -> type[Bench]:
    return Bench


@pytest.fixture(name="made_up")
def _made_up() -> Callable[..., SimpleNamespace]:
    return made_up
