"""Loose values: what servers send for numbers, truths, times and texts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from iptvforensics.listings.values import (
    MAX_TEXT_CHARS,
    Columns,
    as_object,
    base64_text,
    decimal_number,
    epoch_ns,
    epochs_ns,
    integer,
    integers,
    mac_address,
    text,
    texts,
    truth,
    truths,
)

HOSTILE = [
    None,
    "",
    "x",
    0,
    1,
    -1,
    "1",
    " 7 ",
    1.5,
    True,
    False,
    [],
    {},
    [1],
    {"a": 1},
    10**30,
    "9" * 400,
    1e308,
    float("nan"),
    float("inf"),
    "٣",
    "1e5",
    "-0",
    1 << 70,
    "0x10",
]


@pytest.mark.parametrize(
    ("one", "many"),
    [(text, texts), (integer, integers), (epoch_ns, epochs_ns), (truth, truths)],
    ids=lambda f: f.__name__,
)
def test_a_column_is_its_values(one: Any, many: Any) -> None:
    assert list(many(HOSTILE)) == [one(value) for value in HOSTILE]
    for value in HOSTILE:
        assert list(many([value, value])) == [one(value)] * 2
    for pair in pairwise(HOSTILE):
        assert list(many(pair)) == [one(value) for value in pair]


def test_only_texts_over_the_limit_are_cut() -> None:
    most = MAX_TEXT_CHARS
    columns: tuple[list[str], ...] = ([], ["a" * most, "", "b"], ["a", "b" * (most + 1)], ["a" * (most // 2 + 1)] * 2)
    for column in columns:
        assert list(texts(column)) == [text(value) for value in column]


@pytest.mark.parametrize(
    ("value", "written"), [(78.0, "78"), (-0.0, "0"), (78.5, "78.5"), (1e300, "1e+300"), (float("inf"), "inf")]
)
def test_numbers_as_text_have_no_empty_fraction(value: float, written: str) -> None:
    assert text(value) == written
    assert list(texts([value, 7])) == [written, "7"]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_hostile_values_stay_in_their_types(value: Any) -> None:
    number, time, decimal = integer(value), epoch_ns(value), decimal_number(value)
    assert number is None or (type(number) is int and abs(number) < 1 << 63)
    assert time is None or (type(time) is int and 0 < time < 1 << 63)
    assert decimal is None or decimal == decimal
    assert truth(value) in (True, False, None)
    assert text(value) is None or isinstance(text(value), str)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1700000000", 1700000000),
        (1700000000, 1700000000),
        (1700000000.5, 1700000000.5),
        ("1700000000000", 1700000000),
        (0, None),
        ("0", None),
        (-5, None),
        ("2024-01-01 00:00:00", None),
        (None, None),
        ("99999999999999999", None),
    ],
)
def test_times_are_seconds_or_milliseconds(value: Any, seconds: float | None) -> None:
    assert epoch_ns(value) == (None if seconds is None else int(seconds * 1_000_000_000))


@pytest.mark.parametrize(
    "raw",
    [
        "00:1A:79:00:00:0F",
        "00-1a-79-00-00-0f",
        "001A7900000F",
        "00%3A1A%3A79%3A00%3A00%3A0F",
        "00%253A1A%253A79%253A00%253A00%253A0F",
        "MDA6MUE6Nzk6MDA6MDA6MEY=",
        "001a.7900.000F",
        '"00:1A:79:00:00:0F"',
    ],
)
def test_mac_addresses_in_all_spellings(raw: str) -> None:
    assert mac_address(raw) == ("00:1a:79:00:00:0f", raw)


@pytest.mark.parametrize("raw", ["", "00:1A:79", "00:1A:79:00:00:0G", "00:1A-79:00:00:0F", None, 7, "x" * 90])
def test_what_is_no_mac_address(raw: Any) -> None:
    assert mac_address(raw) == (None, None)


@pytest.mark.parametrize(
    ("coded", "plain"),
    [
        ("64m07Iqk", "뉴스"),
        ("TmV3cyBhdCA5", "News at 9"),
        ("TmV3cw", "News"),
        ("7KCA64WB44CA64m07Iqk", "저녁\u3000뉴스"),
        ("SWwgZXN0wqA6IG91aQ==", "Il est\u00a0: oui"),
        ("4oCLTmV3c+KAjg==", "\u200bNews\u200e"),
        ("T25lDQpUd28=", "One\r\nTwo"),
        ("T25lDVR3bw==", "One\rTwo"),
        ("AAEKAgM=", "AAEKAgM="),
        ("7oCA", "7oCA"),
        ("TmV3cx", "TmV3cx"),
        ("Kids", "Kids"),
        ("2416", "2416"),
        ("QUJD", "ABC"),
        ("====", "===="),
        ("Plain title", "Plain title"),
        ("//79", "//79"),
        ("AAAA", "AAAA"),
        (None, None),
        ([], None),
    ],
)
def test_texts_in_base64(coded: Any, plain: str | None) -> None:
    assert base64_text(coded) == plain


def test_lists_stand_for_objects() -> None:
    assert as_object([]) == {}
    assert as_object(["a"]) == {"0": "a"}
    assert as_object({"b": 1}) == {"b": 1}
    assert as_object("x") == as_object(None) == {}


@pytest.mark.parametrize("items", [[{"a": 1, "b": ""}, {"a": None, "b": 2}], [{"a": 1}, {"b": 2, "c": 3}], [{}], []])
def test_columns_are_the_values_of_the_objects(items: list[dict[str, Any]]) -> None:
    columns = Columns(items)
    assert list(columns.pick("a")) == [item.get("a") for item in items]
    assert list(columns.pick("zz")) == [None] * len(items)
    assert list(columns.pick("b", "a")) == [item.get("b") or item.get("a") for item in items]
