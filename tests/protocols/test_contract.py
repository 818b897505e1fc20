"""What `iptvforensics.protocol` asks of every parser, tried on the `EXAMPLES` of every protocol's own tests.

An example is `(name, orig, resp)`: bytes for a stream or body, a list of datagrams for UDP; a body may be followed
by its `ContentInfo`. A test module may set `MAX_KEPT_BYTES` when its parser keeps more than a mebibyte on purpose.
"""

from __future__ import annotations

import gc
import importlib
import random
import sys
import types
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.errors import DecodeError
from iptvforensics.protocol import (
    OPENING_BYTES,
    Anomaly,
    At,
    Carrier,
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentGap,
    ContentInfo,
    Event,
    Mark,
    Opening,
    Protocol,
    Row,
    Rows,
)
from iptvforensics.protocols import _example, registry
from iptvforensics.schema import ENGINE_COLUMNS, ColumnType

PROTOCOLS: dict[str, Protocol] = {**registry(), _example.PROTOCOL.name: _example.PROTOCOL}
CUTS = 24
"""Places tried per example and direction; all of them for short examples."""


BODIES = ("content", "rest", "beside")
"""Carriers that have one direction."""


class Example(NamedTuple):
    protocol: Protocol
    name: str
    carrier: Carrier
    orig: tuple[bytes, ...]
    """Datagrams, or the whole stream as one piece."""
    resp: tuple[bytes, ...]
    info: ContentInfo = ContentInfo()

    def opening(self, orig: int | None = None, resp: int | None = None) -> Opening:
        """Return what the engine knows when it chooses, with only so many bytes of each direction."""
        first, second = b"".join(self.orig)[:orig], b"".join(self.resp)[:resp]
        if self.carrier == "udp" and not self.protocol.joined_datagrams:
            first, second = b"".join(self.orig[:1]), b"".join(self.resp[:1])
        return Opening(self.carrier, first[:OPENING_BYTES], second[:OPENING_BYTES], info=self.info)

    @property
    def sides(self) -> tuple[tuple[bool, tuple[bytes, ...]], ...]:
        if self.carrier in BODIES:
            return ((False, self.orig),)
        return ((True, self.orig), (False, self.resp))


@cache
def test_module(name: str) -> types.ModuleType:
    return importlib.import_module(f".test_{name}", __package__)


test_module.__test__ = False  # type: ignore[attr-defined]


def load_examples(protocol: Protocol) -> list[Example]:
    if not Path(__file__).with_name(f"test_{protocol.name}.py").is_file():
        return []
    found = []
    for name, orig, resp, *info in test_module(protocol.name).EXAMPLES:
        if isinstance(orig, list | tuple):
            found.append(Example(protocol, name, "udp", tuple(orig), tuple(resp)))
            continue
        pieces = (bytes(orig),), ((bytes(resp),) if resp else ())
        carriers: list[Carrier] = [c for c in ("tcp", "content", "rest", "udp", "quic") if c in protocol.carriers]
        candidates = [Example(protocol, name, carrier, *pieces, *info) for carrier in carriers]
        found.append(max(candidates, key=lambda e: protocol.detect(e.opening()) or 0.0))
    return found


EXAMPLES = [example for protocol in PROTOCOLS.values() for example in load_examples(protocol)]
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.protocol.name}-{e.name}")
WITH_EXAMPLES = [protocol for protocol in PROTOCOLS.values() if any(e.protocol is protocol for e in EXAMPLES)]
each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda p: p.name)


# The loop that an engine would have ------------------------------------------------------------------------

Step = tuple[bool, bytes | int]
"""Direction, and bytes to feed or the length of a gap."""


class Run(NamedTuple):
    fed: list[Event]
    """Events before the end of the streams."""
    ended: list[Event]

    @property
    def events(self) -> list[Event]:
        return self.fed + self.ended


def run(example: Example, steps: list[Step]) -> Run:
    parser = example.protocol.parser(example.opening())
    fed: list[Event] = []
    for from_orig, step in steps:
        if isinstance(step, int):
            fed += parser.gap(step, from_orig)
        else:
            # A buffer that is overwritten after the call shows parsers that keep the view.
            buffer = bytearray(step)
            fed += [kept(event) for event in one_by_one(parser.feed(memoryview(buffer), from_orig))]
            assert buffer == step, "evidence belongs to the engine"
            buffer[:] = b"\xee" * len(buffer)
    sides = [False] if example.carrier in BODIES else [True, False]
    return Run(fed, [event for from_orig in sides for event in one_by_one(parser.end(from_orig))])


def one_by_one(events: list[Event]) -> Iterator[Event]:
    """Yield events with rows that came together taken apart: how many come together depends on the cuts."""
    for event in events:
        if isinstance(event, Rows):
            assert {len(values) for values in event.columns.values()} == {len(event.offsets)}
            yield from event.each()
        else:
            yield event


def kept(event: Event) -> Event:
    """Return an event that outlives the call: an engine uses content data at once."""
    return event._replace(data=bytes(event.data)) if isinstance(event, ContentData) else event


def whole(example: Example) -> list[Step]:
    return [(from_orig, piece) for from_orig, pieces in example.sides for piece in pieces]


def cut_into(example: Example, sizes: Callable[[], int]) -> list[Step]:
    """Cut streams and bodies into pieces; datagrams stay as they are."""
    if example.carrier == "udp" and not example.protocol.joined_datagrams:
        return whole(example)
    steps: list[Step] = []
    for from_orig, piece in whole(example):
        assert isinstance(piece, bytes)
        at = 0
        while at < len(piece):
            size = sizes()
            steps.append((from_orig, piece[at : at + size]))
            at += size
    return steps


def normalised(events: list[Event]) -> dict[str, Any]:
    """Return what must not depend on how the bytes were cut."""
    rows = sorted(repr(event) for event in events if isinstance(event, Row | Anomaly | Mark))
    begins = {event.key: event for event in events if isinstance(event, ContentBegin)}
    bodies: dict[str, list[Any]] = {}
    for event in events:
        if isinstance(event, ContentBegin):
            bodies[repr(event._replace(key=0))] = []
        elif isinstance(event, ContentData | ContentGap | ContentEnd):
            body = bodies[repr(begins[event.key]._replace(key=0))]
            if not isinstance(event, ContentData):
                body.append(repr(event._replace(key=0)))
            elif body and isinstance(body[-1], bytes):
                body[-1] += bytes(event.data)
            elif event.data:
                body.append(bytes(event.data))
    return {"rows": rows, "bodies": bodies}


def places(length: int) -> list[int]:
    """Return positions in a stream: all, or some that do not depend on the run."""
    if length <= CUTS:
        return list(range(1, length))
    picked = random.Random(length).sample(range(1, length), CUTS)
    return sorted({1, 2, 3, length - 1, *picked})


# The properties --------------------------------------------------------------------------------------------


@each_protocol
def test_every_protocol_has_examples(protocol: Protocol) -> None:
    assert [example for example in EXAMPLES if example.protocol is protocol], f"EXAMPLES in test_{protocol.name}.py"


@each_protocol
def test_carriers_have_examples_that_give_rows(protocol: Protocol) -> None:
    for example in EXAMPLES:
        if example.protocol is protocol and protocol.tables:
            assert any(isinstance(event, Row) for event in run(example, whole(example)).events), example.name


@each_example
def test_chunking_does_not_matter(example: Example) -> None:
    expected = normalised(run(example, whole(example)).events)
    total = sum(len(piece) for _, pieces in example.sides for piece in pieces)
    generator = random.Random(total)
    plans: dict[str, Callable[[], int]] = {
        "random": lambda: generator.randint(1, 40),
        "random and large": lambda: generator.randint(1, 3000),
        "fixed": lambda: 1460,
    }
    if total <= 20_000:
        plans["byte by byte"] = lambda: 1
    for name, sizes in plans.items():
        found = normalised(run(example, cut_into(example, sizes)).events)
        assert found == expected, name


@each_example
def test_empty_pieces_change_nothing(example: Example) -> None:
    if example.carrier == "udp":
        return
    steps = [extra for step in whole(example) for extra in ((step[0], b""), step, (step[0], b""))]
    assert normalised(run(example, steps).events) == normalised(run(example, whole(example)).events)


@each_example
def test_truncation_gives_a_part_of_the_rows(example: Example) -> None:
    steps = whole(example)
    for i, (from_orig, piece) in enumerate(steps):
        assert isinstance(piece, bytes)
        # A cut originator takes with it what the other side had answered.
        before, rest = steps[:i], [step for step in steps[i:] if step[0] == from_orig]
        try:
            all_rows = Counter(repr(event) for event in run(example, [*before, *rest]).events if isinstance(event, Row))
        except DecodeError:
            continue
        for cut in places(len(piece)) if example.carrier != "udp" else [0]:
            try:
                result = run(example, [*before, (from_orig, piece[:cut])] if cut else before)
            except DecodeError:
                continue
            rows = Counter(repr(event) for event in result.fed if isinstance(event, Row))
            assert rows <= all_rows, f"cut {'orig' if from_orig else 'resp'} at {cut}"
            check_rows(example, result.events)


@each_example
def test_gaps_raise_nothing_but_decode_errors(example: Example) -> None:
    steps = whole(example)
    for i, (from_orig, piece) in enumerate(steps):
        assert isinstance(piece, bytes)
        for at in [0, *places(len(piece))]:
            for length in (1, 7, 500):
                gap = min(length, len(piece) - at)
                pieces: list[Step] = [(from_orig, piece[:at]), (from_orig, gap), (from_orig, piece[at + gap :])]
                if example.carrier == "udp":
                    pieces = [(from_orig, piece), (from_orig, length)]
                try:
                    check_rows(example, run(example, [*steps[:i], *pieces, *steps[i + 1 :]]).events)
                except DecodeError:
                    continue


@each_example
def test_bodies_begin_once_and_end_once(example: Example) -> None:
    counts: Counter[tuple[int, str]] = Counter()
    for event in run(example, whole(example)).events:
        if isinstance(event, ContentBegin | ContentEnd):
            counts[event.key, type(event).__name__] += 1
        elif isinstance(event, ContentData | ContentGap):
            assert counts[event.key, "ContentBegin"] == 1
            assert counts[event.key, "ContentEnd"] == 0
    assert set(counts.values()) <= {1}
    keys = {key for key, _ in counts}
    assert len(counts) == 2 * len(keys), "every body that begins ends"


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(data=st.data())
@pytest.mark.parametrize("protocol", WITH_EXAMPLES, ids=lambda p: p.name)
def test_mutated_bytes_raise_nothing_but_decode_errors(protocol: Protocol, data: st.DataObject) -> None:
    examples = [example for example in EXAMPLES if example.protocol is protocol]
    example = data.draw(st.sampled_from(examples))
    steps = whole(example)
    number = data.draw(st.integers(0, len(steps) - 1))
    from_orig, piece = steps[number]
    changed = bytearray(piece)  # type: ignore[arg-type]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(changed) - 1, 0)))
        patch = data.draw(st.binary(max_size=6))
        changed[at : at + data.draw(st.integers(0, 6))] = patch
    steps[number] = (from_orig, bytes(changed))
    try:
        check_rows(example, run(example, steps).events)
    except DecodeError:
        pass


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(orig=st.binary(max_size=400), resp=st.binary(max_size=200), midstream=st.booleans())
@each_protocol
def test_random_bytes_raise_nothing_but_decode_errors(
    protocol: Protocol, orig: bytes, resp: bytes, midstream: bool
) -> None:
    for carrier in protocol.carriers:
        opening = Opening(carrier, orig, resp, midstream=midstream)
        score = protocol.detect(opening)
        assert score is None or 0.0 <= score <= 1.0
        parser = protocol.parser(opening)
        try:
            for data, from_orig in ((orig, True), (resp, False)) if carrier not in BODIES else ((orig, False),):
                parser.feed(memoryview(data), from_orig)
                parser.end(from_orig)
        except DecodeError:
            continue


# Recognition -----------------------------------------------------------------------------------------------


def scores(opening: Opening) -> dict[str, float | None]:
    return {name: p.detect(opening) for name, p in PROTOCOLS.items() if opening.carrier in p.carriers}


@each_example
def test_examples_are_claimed_by_their_protocol_alone(example: Example) -> None:
    found = scores(example.opening())
    own = found.pop(example.protocol.name)
    assert own is not None
    assert own >= 0.5
    assert all((score or 0.0) < 0.5 for score in found.values()), found
    assert all((score or 0.0) < own for score in found.values()), found


@each_example
def test_prefixes_are_not_claimed_by_others_nor_refused(example: Example) -> None:
    if example.carrier == "udp":
        return  # a datagram is there or not
    for length in places(min(len(b"".join(example.orig)), OPENING_BYTES)):
        found = scores(example.opening(length, 0))
        own = found.pop(example.protocol.name)
        assert own is None or own > 0.0, f"refused at {length}"
        assert all((score or 0.0) < 0.5 for score in found.values()), (length, found)


@pytest.mark.parametrize("protocol", [p for p in PROTOCOLS.values() if p.begins is not None], ids=lambda p: p.name)
def test_what_begins_otherwise_is_refused(protocol: Protocol) -> None:
    generator = random.Random(protocol.name)
    of_all = [example.opening() for example in EXAMPLES if example.carrier in protocol.carriers]
    assert all(set((o.orig + b" ")[:1] + (o.resp + b" ")[:1]) & set(protocol.begins) for o in of_all
               if (protocol.detect(o) or 0.0) > 0.0)  # fmt: skip
    others = [byte for byte in range(256) if byte not in protocol.begins]
    for _ in range(3000):
        example = generator.choice(of_all)
        sides = [side and bytes([generator.choice(others)]) + side[1:] for side in (example.orig, example.resp)]
        if generator.random() < 0.5:  # cut, or wholly at random behind the first byte
            sides = [side[: generator.randrange(1, 64)] for side in sides]
        elif generator.random() < 0.2:
            sides = [side[:1] + generator.randbytes(len(side[1:2000])) for side in sides]
        opening = example._replace(orig=sides[0], resp=sides[1])
        if any(sides):
            assert protocol.detect(opening) == 0.0, opening


# Limits ----------------------------------------------------------------------------------------------------


def kept_bytes(parser: Any) -> int:
    """Return the size of all that a parser holds on to."""
    seen: set[int] = set()
    pending = [parser]
    total = 0
    while pending:
        item = pending.pop()
        if id(item) in seen or isinstance(item, type | types.ModuleType | types.FunctionType | types.MethodType):
            continue
        seen.add(id(item))
        total += sys.getsizeof(item)
        pending += gc.get_referents(item)
    return total


def junk() -> Iterator[tuple[str, bytes]]:
    generator = random.Random(1)
    yield "one long line", b"A" * 65536
    yield "many short lines", b"A: b\r\n" * 10922
    yield "zeros", bytes(65536)
    yield "random", generator.randbytes(65536)


@each_example
@pytest.mark.parametrize("piece", [pytest.param(piece, id=name) for name, piece in junk()])
def test_memory_is_bounded(example: Example, piece: bytes) -> None:
    """Junk behind the beginning of an example is not collected without limit."""
    limit = getattr(test_module(example.protocol.name), "MAX_KEPT_BYTES", 1 << 20)
    from_orig, head = whole(example)[0]
    assert isinstance(head, bytes)
    for cut in (len(head), len(head) // 2):
        parser = example.protocol.parser(example.opening())
        kept_before = kept_bytes(parser)
        try:
            parser.feed(memoryview(head[:cut]), from_orig)
            for _ in range(limit // 65536 + 8):
                parser.feed(memoryview(piece), from_orig)
        except DecodeError:
            pass
        assert kept_bytes(parser) - kept_before <= limit


@each_example
def test_what_a_parser_keeps_is_freed_with_it(example: Example) -> None:
    steps = whole(example)
    gc.collect()
    gc.disable()
    try:
        parser = example.protocol.parser(example.opening())
        for from_orig, data in steps:
            parser.feed(memoryview(data), from_orig)
        watched = weakref.ref(parser)
        parser.end(True)
        if example.carrier not in BODIES:
            parser.end(False)
        del parser
        assert watched() is None
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert sorted({type(part).__name__ for part in gc.garbage}) == [], "parts of a reference cycle"
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


# Rows fit their tables -------------------------------------------------------------------------------------

_MAX_INT = (1 << 63) - 1


def fits(value: Any, kind: ColumnType) -> bool:
    if value is None:
        return True
    if kind in ("text[]", "int[]"):
        inner: ColumnType = "text" if kind == "text[]" else "int"
        return isinstance(value, list) and all(item is not None and fits(item, inner) for item in value)
    if kind == "text":
        # A lone surrogate cannot be written to any file.
        return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "float":
        return isinstance(value, float) and value == value
    if kind in ("time_ns", "frame") and isinstance(value, At):
        return value.offset >= 0
    return isinstance(value, int) and not isinstance(value, bool) and -_MAX_INT - 1 <= value <= _MAX_INT


def check_rows(example: Example, events: list[Event]) -> None:
    tables = {table.name: {c.name: c.type for c in table.columns} for table in example.protocol.tables}
    for event in events:
        if isinstance(event, Anomaly):
            prefix = f"{example.protocol.name.upper()}_"
            assert event.name.startswith(prefix), event
            assert event.name[len(prefix) :] == event.name[len(prefix) :].lower(), event
            assert event.offset >= 0, event
            assert event.count >= 1, event
        if not isinstance(event, Row):
            continue
        assert event.table in tables, event.table
        assert event.offset >= 0, event
        for name, value in event.values.items():
            assert name in tables[event.table], f"{event.table} has no column {name}"
            assert name not in ENGINE_COLUMNS - {"secret_sha256"}, f"{name} is the engine's"
            is_place = isinstance(value, At) and name.endswith("_body_offset") and value.offset >= 0
            assert is_place or fits(value, tables[event.table][name]), f"{event.table}.{name} = {value!r}"


@each_example
def test_rows_fit_their_tables(example: Example) -> None:
    check_rows(example, run(example, whole(example)).events)


@each_example
def test_rows_and_marks_point_into_their_stream(example: Example) -> None:
    lengths = {from_orig: sum(map(len, pieces)) for from_orig, pieces in example.sides}
    for event in run(example, whole(example)).events:
        if isinstance(event, Row | Mark | Anomaly | ContentBegin):
            assert 0 <= event.offset <= lengths[event.from_orig], event
        if isinstance(event, Row):
            ats = [value for value in event.values.values() if isinstance(value, At)]
            assert all(0 <= at.offset <= lengths[at.from_orig] for at in ats), event
