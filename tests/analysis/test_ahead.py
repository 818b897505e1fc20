"""The next item is made beside the caller, at most one ahead, and errors reach the caller."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from iptvforensics.analysis.ahead import ahead


def test_items_come_in_order() -> None:
    assert list(ahead(iter(range(100)))) == list(range(100))


def test_an_error_comes_after_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    items = ahead(source())
    assert next(items) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(items)


def test_only_one_item_is_made_in_advance() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for i in range(10):
            made.append(i)
            yield i

    for item in ahead(source()):
        time.sleep(0.01)
        assert len(made) <= item + 2


def test_the_thread_ends_when_the_caller_stops_early() -> None:
    before = threading.active_count()
    items = ahead(iter(range(1000)))
    next(items)
    items.close()
    assert threading.active_count() == before
