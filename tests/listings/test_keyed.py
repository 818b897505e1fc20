"""Objects with numbers for names: their items are those of a list, at the places where they stand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iptvforensics.listings.items import Batch
from iptvforensics.listings.keyed import chosen, is_keyed, is_number, members


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"0": {}, "17": {"a": 1}}, True),
        ({"0": {}, "a": {}}, False),
        ({"0": {}, "1": []}, False),
        ({"-1": {}}, False),
        ({"٣": {}}, False),
        ({}, False),
        ([], False),
        (None, False),
    ],
)
def test_names_are_numbers_and_values_objects(value: Any, expected: bool) -> None:
    assert is_keyed(value) is expected


def test_numbers_are_digits() -> None:
    assert [is_number(name) for name in ("0", "901", "", "²", "#", None)] == [True, True, False, False, False, False]


def test_some_items_of_a_batch() -> None:
    batch = Batch(("a",), ["0", "1"], [{}, 7], [3, 9], ["{}", "7"])
    assert chosen(batch, [1]) == Batch(("a",), ["1"], [7], [9], ["7"])
    assert chosen(batch, [0, 1]) is batch
    assert chosen(batch, []) == Batch(("a",), [], [], [], [])


def test_items_have_their_places_and_texts() -> None:
    raw = '{ "5": {"name": "뉴스"},\n "0" : {"name": "a", "more": {"1": {}}}, "5": {"name": "again"}}'
    body = b"xxx" + raw.encode()
    batch = members(("list",), json.loads(raw), 3, raw)
    assert (batch.path, batch.keys) == (("list",), ["5", "0", "5"])
    assert [value["name"] for value in batch.values] == ["뉴스", "a", "again"]
    for offset, text, value in zip(batch.offsets, batch.raws, batch.values, strict=True):
        assert body[offset:].startswith(text.encode())
        assert json.loads(text) == value


def test_a_text_that_is_no_json_any_more_gives_the_items_at_the_place_of_the_object() -> None:
    batch = members(
        (), {"0": {"name": "a"}, "2": {"name": "\\xff"}}, 40, '{"0": {"name": "a"}, "2": {"name": "\\xff"}}'
    )
    assert (batch.keys, batch.offsets) == (["0", "2"], [40, 40])
    assert [json.loads(raw) for raw in batch.raws] == batch.values
