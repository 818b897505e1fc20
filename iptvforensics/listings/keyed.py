"""Objects that stand for lists -> the items that such a list has.

PHP writes an array with gaps in its numbers as an object: `{"0": {...}, "5": {...}}`. Its items come in the order of
the text, each with its place in the body.

**Known limitations**: behind bytes that are no UTF-8 the items have the place of their object, and are written anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .items import Batch, JsonItems, Path


def is_number(name: str | None) -> bool:
    """Return True for a name that is a place or an identifier: ASCII digits alone."""
    return name is not None and name.isdigit() and name.isascii()


def chosen(batch: Batch, places: list[int]) -> Batch:
    """Return some items of a batch."""
    if len(places) == len(batch.values):
        return batch
    keys, values, offsets, raws = ([column[i] for i in places] for column in batch[1:])
    return Batch(batch.path, keys, values, offsets, raws)  # type: ignore[arg-type]


def is_keyed(value: Any) -> bool:
    """Return True if an object stands for a list of objects: its names are numbers.

    Example:
        >>> is_keyed({"0": {"id": 1}, "5": {}}), is_keyed({"0": 1}), is_keyed({}), is_keyed([{}])
        (True, False, False, False)
    """
    return (
        isinstance(value, dict)
        and bool(value)
        and all(map(is_number, value))
        and all(isinstance(item, dict) for item in value.values())
    )


def members(path: Path, value: Mapping[str, Any], offset: int, raw: str) -> Batch:
    """Return the items of an object that stands for a list; `offset` is its own, `raw` its text."""
    items = JsonItems(lambda inner, _is_list: not inner)
    found = [*items.feed(raw.encode("utf-8", "backslashreplace")), *items.end()]
    if items.problems or not found:
        raws = [json.dumps(item, ensure_ascii=False) for item in value.values()]
        return Batch(path, list(value), list(value.values()), [offset] * len(value), raws)
    whole = Batch(path, [], [], [], [])
    for batch in found:
        whole.keys.extend(batch.keys)
        whole.values.extend(batch.values)
        whole.offsets.extend(offset + place for place in batch.offsets)
        whole.raws.extend(batch.raws)
    return whole
