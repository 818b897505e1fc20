"""AMF0 and AMF3 values, built by hand from the specifications."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.protocols._amf import decode_amf0, to_json
from iptvforensics.protocols._amf_cursor import DEPTH_LIMIT, VALUES_LIMIT


def text(value: str) -> bytes:
    return struct.pack(">H", len(value.encode())) + value.encode()


def double(value: float) -> bytes:
    return struct.pack(">d", value)


END = b"\x00\x00\x09"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x00" + double(1.5), 1.5),
        (b"\x01\x00", False),
        (b"\x01\x07", True),
        (b"\x02" + text("grün"), "grün"),
        (b"\x02\x00\x02\xff\xfe", "\\xff\\xfe"),
        (b"\x03" + text("a") + b"\x05" + END, {"a": None}),
        (b"\x03" + text("") + b"\x05" + END, {"": None}),
        (b"\x06", None),
        (b"\x08\x00\x00\x00\x63" + text("n") + b"\x01\x01" + END, {"n": True}),
        (b"\x08\x00\x00\x00\x01" + text("n") + b"\x01\x01", {"n": True}),
        (b"\x0a\x00\x00\x00\x02\x05\x01\x01", [None, True]),
        (b"\x0b" + double(1000.0) + b"\x00\x00", 1000.0),
        (b"\x0c\x00\x00\x00\x03abc", "abc"),
        (b"\x0d", None),
        (b"\x0f\x00\x00\x00\x04<a/>", "<a/>"),
        (b"\x10" + text("Class") + text("a") + b"\x05" + END, {"a": None}),
    ],
    ids=[
        "number", "false", "true", "text", "not utf-8", "object", "empty name", "undefined", "wrong count",
        "array without end", "strict array", "date", "long text", "unsupported", "xml", "typed object",
    ],
)  # fmt: skip
def test_amf0_value(data: bytes, expected: Any) -> None:
    assert decode_amf0(data) == ([expected], None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x00", None),
        (b"\x01", None),
        (b"\x02", False),
        (b"\x03", True),
        (b"\x04\x7f", 127),
        (b"\x04\x81\x00", 128),
        (b"\x04\xbf\xff\xff\xff", 0x0FFFFFFF),
        (b"\x04\xff\xff\xff\xff", -1),
        (b"\x05" + double(0.25), 0.25),
        (b"\x06\x07abc", "abc"),
        (b"\x07\x07<a>", "<a>"),
        (b"\x08\x01" + double(5.0), 5.0),
        (b"\x09\x05\x01\x02\x03", [False, True]),
        (b"\x09\x03\x03k\x03\x01\x02", {"k": True, "": [False]}),
        (b"\x0a\x0b\x01\x03k\x04\x05\x01", {"k": 5}),
        (b"\x0a\x13\x03C\x03k\x04\x05", {"k": 5}),
        (b"\x0b\x05<>", "<>"),
        (b"\x0c\x05\x00\xff", b"\x00\xff"),
        (b"\x0d\x05\x00" + struct.pack(">ii", -1, 2), [-1, 2]),
        (b"\x0e\x05\x00" + struct.pack(">II", 1, 2**32 - 1), [1, 2**32 - 1]),
        (b"\x0f\x03\x00" + double(2.5), [2.5]),
        (b"\x10\x05\x00\x01\x02\x03", [False, True]),
        (b"\x11\x03\x00\x06\x03k\x04\x01", [["k", 1]]),
        (b"\x09\x09\x01\x06\x03a\x06\x00\x0a\x0b\x01\x00\x03\x01\x0a\x02", ["a", "a", {"a": True}, {"a": True}]),
        (b"\x0a\x07\x43flex.messaging.io.ArrayCollection\x09\x03\x01\x03", [True]),
        (b"\x09\x05\x01\x0a\x13\x03C\x03k\x02\x0a\x01\x03", [{"k": False}, {"k": True}]),
        (b"\x09\x03\x01\x09\x00", [None]),
    ],
    ids=[
        "undefined", "null", "false", "true", "one byte", "two bytes", "largest", "minus one", "double", "text",
        "xml document", "date", "array", "named array", "dynamic object", "class", "xml", "bytes", "ints", "uints",
        "doubles", "vector", "dictionary", "references", "collection", "traits again", "itself",
    ],
)  # fmt: skip
def test_amf3_value(data: bytes, expected: Any) -> None:
    assert decode_amf0(b"\x11" + data) == ([expected], None)


def test_amf0_reference_gives_the_same_object() -> None:
    inner = b"\x03" + text("a") + b"\x00" + double(1) + END
    values, error = decode_amf0(inner + b"\x07\x00\x00")
    assert (values, error) == ([{"a": 1.0}, {"a": 1.0}], None)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01",
        b"\x02\x00\x09abc",
        b"\x07\x00\x00",
        b"\x0e",
        b"\x0a\xff\xff\xff\xff\x05",
        b"\x03" + text("a"),
        b"\x11\x12",
        b"\x11\x06\x00",
        b"\x11\x09\x00",
        b"\x11\x0a\x01",
        b"\x11\x0a\x07\x03X\x05",
        b"\x11\x0f\xff\xff\xff\x7f\x00",
        b"\x11\x0a\xff\xff\xff\xff\x03C",
        b"\x11\x04\xff",
    ],
    ids=[
        "cut number", "cut text", "reference", "marker", "long array", "value missing", "amf3 marker",
        "text reference", "object reference", "class reference", "external class", "long vector", "many members",
        "cut integer",
    ],
)  # fmt: skip
def test_bad_bytes_keep_what_came_before(data: bytes) -> None:
    values, error = decode_amf0(b"\x01\x01" + data)
    assert values == [True]
    assert error


@pytest.mark.parametrize(
    "level", [b"\x0a\x00\x00\x00\x01", b"\x11\x09\x03\x01", b"\x03\x00\x01a"], ids=["arrays", "amf3", "objects"]
)
def test_depth_is_limited(level: bytes) -> None:
    repeated = b"\x09\x03\x01" if level[0] == 0x11 else level
    fine = decode_amf0(level + repeated * (DEPTH_LIMIT // 2) + (b"\x01" if level[0] == 0x11 else b"\x05"))
    assert fine.error is None
    deep = decode_amf0(level + repeated * 5000)
    assert deep.error
    assert "deeper" in deep.error


def test_repeated_references_do_not_multiply() -> None:
    """A few bytes that name the same object again and again would become gigabytes of text."""
    layers = b"\x0a\x00\x00\x00\x02\x05\x05" + b"".join(
        b"\x0a\x00\x00\x00\x02\x07" + struct.pack(">H", i) + b"\x07" + struct.pack(">H", i) for i in range(40)
    )
    values, error = decode_amf0(layers)
    assert error == f"more than {VALUES_LIMIT} values in one message"
    assert len(to_json(values)) < 10 * VALUES_LIMIT


def test_repeated_long_text_does_not_multiply() -> None:
    data = b"\x11\x09" + b"\xff\x7f\x01" + b"\x06\x83\xff\x7f" + b"x" * 65471 + b"\x06\x00" * 16382
    assert len(data) < 110_000
    values, error = decode_amf0(data)
    assert error
    assert len(to_json(values)) < 2_000_000


def test_json_of_odd_values() -> None:
    odd = [float("nan"), float("-inf"), 3.0, 0.5, b"\x00\xff", {"a": [None, True]}, "ü", 1e300]
    assert json.loads(to_json(odd)) == ["nan", "-inf", 3, 0.5, "00ff", {"a": [None, True]}, "ü", 1e300]


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=120), st.sampled_from([b"", b"\x11", b"\x11\x09\x05\x01", b"\x03\x00\x01a"]))
def test_any_bytes_decode_to_json(data: bytes, start: bytes) -> None:
    values, _ = decode_amf0(start + data)
    json.loads(to_json(values))
