"""Batches are made beside the caller, at most one ahead, and errors reach the caller."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from iptvforensics.analysis.ahead import ahead
from iptvforensics.flows.batch import BATCHES_ALIVE


class Numbers:
    """Stands for a decoding: its batches are the items of an iterator."""

    def __init__(self, items: Iterator[int]) -> None:
        self.early_secrets: list[Any] = []
        self._items = items

    def batches(self) -> Any:
        return self._items

    def report(self) -> Any:
        return "the end"


def _ahead(items: Iterator[int]) -> Any:
    return ahead(Numbers(items))  # type: ignore[arg-type]


def test_batches_come_in_order() -> None:
    with _ahead(iter(range(100))) as source:
        assert list(source.batches()) == list(range(100))
        assert source.report() == "the end"


def test_an_error_comes_after_the_batches_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    with _ahead(items()) as source:
        batches = source.batches()
        assert next(batches) == 1
        with pytest.raises(ValueError, match="damaged"):
            next(batches)


def test_no_more_batches_are_made_in_advance_than_may_be_alive() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for i in range(10):
            made.append(i)
            yield i

    with _ahead(items()) as source:
        for item in source.batches():
            time.sleep(0.01)
            assert len(made) <= item + BATCHES_ALIVE


def test_the_first_batch_is_made_before_it_is_asked_for() -> None:
    begun = threading.Event()

    def items() -> Iterator[int]:
        begun.set()
        yield 1

    with _ahead(items()) as source:
        assert begun.wait(10)
        assert list(source.batches()) == [1]


def test_the_thread_ends_when_the_caller_stops_early() -> None:
    before = threading.active_count()
    with _ahead(iter(range(1000))) as source:
        next(source.batches())
    assert threading.active_count() == before
