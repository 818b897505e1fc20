"""AMF0 bytes turned into plain Python values, and values into JSON text.

Specification: Adobe AMF 0 (2006) section 2; AMF 3 values (marker 0x11) are read by `_amf3`. Numbers become float,
objects and ECMA arrays dict, strict arrays list, dates the float milliseconds since 1970, null and undefined None.
Known limitations: class names of typed objects are dropped; a reference to an object from within itself becomes
None; text that is not UTF-8 is kept with backslash escapes.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from ._amf3 import Amf3Reader
from ._amf_cursor import DEPTH_LIMIT, AmfError, Cursor, Memory

_EXACT_INTEGER = 2.0**53


class Decoded(NamedTuple):
    """The values of a message, and why decoding stopped before its end, if it did."""

    values: list[Any]
    error: str | None


def decode_amf0(data: bytes, position: int = 0) -> Decoded:
    """Return the AMF0 values that stand one after the other in a message."""
    reader = _Amf0Reader(Cursor(data, position))
    values: list[Any] = []
    try:
        while reader.cursor.position < len(data):
            values.append(reader.value(0))
    except AmfError as error:
        return Decoded(values, str(error))
    return Decoded(values, None)


class _Amf0Reader:
    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.memory = Memory()

    def value(self, depth: int) -> Any:
        """Return the next value."""
        cursor = self.cursor
        if depth > DEPTH_LIMIT:
            raise AmfError(f"objects nested deeper than {DEPTH_LIMIT}")
        cursor.charge(1)
        marker = cursor.byte()
        if marker == 0x00:
            return cursor.number()
        if marker == 0x02:
            return cursor.text(cursor.integer(2))
        if marker == 0x01:
            return cursor.byte() != 0
        if marker in (0x05, 0x06, 0x0D):
            return None
        if marker in (0x0C, 0x0F):
            return cursor.text(cursor.integer(4))
        if marker == 0x0B:
            milliseconds = cursor.number()
            cursor.take(2)
            return milliseconds
        if marker == 0x07:
            return self.memory.recall(cursor.integer(2), cursor)
        if marker == 0x11:
            return Amf3Reader(cursor).value(depth + 1)
        return self._container(marker, depth)

    def _container(self, marker: int, depth: int) -> Any:
        cursor = self.cursor
        if marker not in (0x03, 0x08, 0x0A, 0x10):
            raise AmfError(f"unknown AMF0 marker {marker:#04x} at {cursor.position - 1}")
        number = self.memory.reserve()
        before = cursor.values_left
        value: Any
        if marker == 0x0A:
            count = cursor.integer(4)
            if count > len(cursor.data) - cursor.position:
                raise AmfError(f"array of {count} values in {len(cursor.data) - cursor.position} bytes")
            value = [self.value(depth + 1) for _ in range(count)]
        else:
            if marker == 0x08:
                cursor.take(4)  # the count is unreliable: the end marker decides
            elif marker == 0x10:
                cursor.text(cursor.integer(2))
            value = self._pairs(depth)
        self.memory.keep(number, value, before - cursor.values_left + 1)
        return value

    def _pairs(self, depth: int) -> dict[str, Any]:
        cursor = self.cursor
        found: dict[str, Any] = {}
        while cursor.position < len(cursor.data):
            name = cursor.text(cursor.integer(2))
            if not name and cursor.data.startswith(b"\x09", cursor.position):
                cursor.take(1)
                return found
            found[name] = self.value(depth + 1)
        return found  # cut ECMA arrays are sent by some encoders


_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def to_json(value: Any) -> str:
    """Return a decoded value as JSON text; NaN and infinities become text, bytes hexadecimal digits."""
    return _JSON.encode(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value.is_integer() and abs(value) < _EXACT_INTEGER else value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
