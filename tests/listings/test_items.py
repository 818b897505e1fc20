"""Items of JSON: the same however the body is cut, and after gaps and damage those that are whole."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.listings import items as module
from iptvforensics.listings.items import Batch, JsonItems, Path
from iptvforensics.listings.scrub import scrubbed

LIST = [{"n": i, "name": f"é뉴스 {i}", "more": {"a": [1, "]}", {"n": 1}]}} for i in range(6)]


def walks(path: Path, is_list: bool) -> bool:
    return not path or path in (("map",), ("list",), ("nest",)) or (path[:1] == ("nest",) and is_list)


def read(*steps: bytes | int, step_bytes: int = 0) -> tuple[list[tuple[Any, ...]], JsonItems]:
    """Return path, name, value, offset and raw text of each item."""
    items = JsonItems(walks)
    found: list[Batch] = []
    for step in steps:
        found += items.gap(step) if isinstance(step, int) else items.feed(step)
    found += items.end()
    return [(batch.path, *item) for batch in found for item in zip(*batch[1:], strict=True)], items


@pytest.fixture(autouse=True)
def _read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP_BYTES", 1)


def test_items_of_a_list_with_their_places() -> None:
    body = json.dumps(LIST, ensure_ascii=False).encode()
    found, items = read(body)
    assert [value for _, _, value, _, _ in found] == LIST
    for _, key, value, offset, raw in found:
        assert key is None
        assert json.loads(raw) == value
        assert body[offset:].startswith(raw.encode())
    assert items.problems == []


def test_containers_are_walked_where_the_caller_says() -> None:
    body = b'{"a": 1, "map": {"7": {"x": 1}, "8": []}, "list": [1, 2], "nest": {"1": [{"e": 1}], "2": []}, "b": "z"}'
    found, items = read(body)
    assert [item[:3] for item in found] == [
        ((), "a", 1),
        (("map",), "7", {"x": 1}),
        (("map",), "8", []),
        (("list",), None, 1),
        (("list",), None, 2),
        (("nest", "1"), None, {"e": 1}),
        ((), "b", "z"),
    ]
    assert items.problems == []


BODIES = [
    json.dumps(LIST).encode(),
    json.dumps(LIST, ensure_ascii=False, indent=1).encode(),
    b'\xef\xbb\xbf {"map": {"1": {"a": "\\ud83d\\ude00"}}, "list": [1.5, true, null, 123456, "x"], "z": -12}',
    b'[{"a": "\xff\xfe"}, {"a": "\\ud800"}, {"a": "tab\there"}]',
    b'{"user": {"auth": 0}}',
    b"[]",
    b"{}",
    b"[[1, 2], [3]]",
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_cuts_do_not_matter(body: bytes, size: int) -> None:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    assert read(*pieces)[0] == read(body)[0]
    assert read(*pieces)[1].problems == read(body)[1].problems == []


@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":1},{"a":2},{"a":"x},{y"},{"a":3}]',
        b'[{"a":[{"b":1},{"b":2}]},{"a":[]},{"a":3}]',
        b'[{"a":[{"b":1},{"b":2}]}, {"a":4},{"a":5}]',
        b'[{"a":1},{"a":2}, {"a":3},\n{"a":4},{"a":5} ,{"a":6}]',
        '[{"a":"뉴스"},{"a":"\\u00e9"},{},{"a":null}]'.encode(),
        b'[{"a":1},7,{"a":2},{"a":3},[],{"a":4}]',
    ],
)
def test_borders_in_plain_sight_and_others_give_the_same_items(body: bytes) -> None:
    found, items = read(body)
    assert items.problems == []
    assert [item[2] for item in found] == json.loads(body)
    for _, _, value, offset, raw in found:
        assert json.loads(raw) == value
        assert body[offset:].startswith(raw.encode())


def test_nothing_of_what_was_read_is_kept() -> None:
    items = JsonItems(walks)
    items.feed(b"[")
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(50):
            items.feed(b'{"n":1,"more":{"a":[]}},' * 40 + b'{"n":')
            items.feed(b"2},")
        assert len(gc.get_objects()) < before + 200
    finally:
        gc.enable()


def test_bytes_that_are_no_text_are_escaped() -> None:
    found, _ = read(BODIES[3])
    assert [item[2]["a"] for item in found] == ["\\xff\\xfe", "\\ud800", "tab\there"]
    assert found[0][4] == '{"a": "\\xff\\xfe"}'


def test_a_gap_costs_the_items_that_it_cuts() -> None:
    body = json.dumps(LIST, ensure_ascii=False).encode()
    cut = body.index("é뉴스 2".encode()) + 1
    found, items = read(body[:cut], 5, body[cut + 5 :])
    assert [item[2]["n"] for item in found] == [0, 1, 3, 4, 5]
    for _, _, _, offset, raw in found:
        assert body[offset:].startswith(raw.encode())
    assert [(p.name, p.offset) for p in items.problems] == [("gap", body.index(b'{"n": 2'))]


def test_damage_costs_the_item_that_it_hits() -> None:
    body = json.dumps(LIST).encode().replace(b'"n": 3', b'"n": <br />')
    found, items = read(body)
    assert [item[2]["n"] for item in found] == [0, 1, 2, 4, 5]
    assert [problem.name for problem in items.problems] == ["json_malformed"]


def test_a_body_that_breaks_off_keeps_what_was_whole() -> None:
    found, items = read(json.dumps(LIST).encode()[:-3])
    assert len(found) == 5
    assert [problem.name for problem in items.problems] == ["json_cut"]
    assert read(b"[")[1].problems[0].name == "json_cut"


@pytest.mark.parametrize("body", [b"true", b"7", b"nonsense", b'{"a" 1}', b"{1: 2}", b'{"a": ' + b"[" * 100_000])
def test_what_is_no_such_json_is_told(body: bytes) -> None:
    found, items = read(body)
    assert found == []
    assert items.is_dead
    assert len(items.problems) == 1


def test_an_item_over_the_limit_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ITEM_CHARS", 200)
    body = json.dumps([{"n": 1}, {"n": 2, "x": "a" * 500}, {"n": 3}]).encode()
    pieces = [body[i : i + 20] for i in range(0, len(body), 20)]
    found, items = read(*pieces)
    assert [item[2]["n"] for item in found] == [1, 3]
    assert [problem.name for problem in items.problems] == ["item_over_limit"]


def test_a_long_item_is_marked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARK_CHARS", 10)
    items = JsonItems(walks)
    items.feed(b'[{"n": 1}, {"n": "')
    assert items.mark() is None
    items.feed(b"a" * 50)
    assert items.mark() == 11
    items.feed(b"a" * 50)
    assert items.mark() is None


def test_a_body_without_its_beginning_is_not_read() -> None:
    items = JsonItems(walks, in_step=False)
    assert items.feed(b"[1]") == []
    assert [problem.name for problem in items.problems] == ["beginning_not_seen"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["map", "list", "nest", "a"]), inner),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    st.lists(JSON, max_size=4) | st.dictionaries(st.sampled_from(["map", "list", "nest", "a", ""]), JSON),
    st.booleans(),
    st.integers(1, 9),
)
def test_any_json_is_read_to_its_end(value: Any, ascii_only: bool, size: int) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found, items = read(body)
    assert items.problems == []
    for _, _, item, offset, raw in found:
        if "\\x" not in raw:
            assert scrubbed(json.loads(body[offset:].decode("utf-8", "surrogateescape")[: len(raw)])) == item
    assert read(*(body[i : i + size] for i in range(0, len(body), size)))[0] == found


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=60), st.integers(0, 60), st.integers(-1, 9))
def test_hostile_bytes_and_gaps_end_in_problems_not_errors(junk: bytes, at: int, gap: int) -> None:
    body = json.dumps(LIST[:2]).encode()
    read(body[:at] + junk + body[at:])
    read(body[:at], gap, junk, gap, body[at:])
