"""Tests of the arrays of kernels: they give what numpy's give, and checked no index leaves them."""

from __future__ import annotations

import numpy as np
import pytest

from iptvforensics import kernel as kernels
from iptvforensics.kernel import copy_bytes, inline, kernel, prefetch


@inline
def put(array, at, value):
    """Return the value that stands at a place after it was written there."""
    array[at] = value
    return array[at]


@kernel("B[] i[] q[] q q")
def put_all(small, middle, large, at, value):
    """Return the sum of what the arrays hold after a value was written to each, and of their lengths."""
    total = len(small) + len(middle) + len(large)
    return total + put(small, at, value) + put(middle, at, value) + put(large, at, value)


@kernel("B[] q q q")
def move(data, at, to, length):
    """Return 0 after copying bytes within an array."""
    copy_bytes(data, at, data, to, length)
    return 0


@kernel("q[] q")
def part(numbers, at):
    """Return a number by way of a slice, against the rules."""
    return numbers[at:][0]


@kernel("B[] q")
def first(data, at):
    """Return the first byte after another place was named."""
    prefetch(data, at)
    return data[0]


@pytest.mark.parametrize("at", [0, -(1 << 40), 1 << 40])
def test_any_place_may_be_fetched(kernel_speed: str, at: int) -> None:
    assert first(b"\x07", at) == 7


@pytest.mark.parametrize("speed", ["compiled", "checked"])
def test_numbers_are_cut_to_the_width_of_the_array(speed: kernels.Speed) -> None:
    kernels.use(speed)
    value = (1 << 40) + (1 << 31) + 255 + 256
    small, middle, large = np.zeros(3, np.uint8), np.zeros(4, np.int32), np.zeros(5, np.int64)
    total = put_all(small, middle, large, 2, value)
    kept = [np.array([value]).astype(array.dtype)[0] for array in (small, middle, large)]
    assert [int(array[2]) for array in (small, middle, large)] == [int(number) for number in kept]
    assert total == 3 + 4 + 5 + sum(map(int, kept))


@pytest.mark.parametrize("at", [-1, 3])
def test_checked_an_index_outside_the_array_is_noticed(at: int) -> None:
    kernels.use("checked")
    with pytest.raises(IndexError):
        put_all(np.zeros(3, np.uint8), np.zeros(3, np.int32), np.zeros(3, np.int64), at, 1)


@pytest.mark.parametrize(
    ("at", "to", "length"), [(-1, 4, 2), (0, -1, 2), (7, 0, 2), (0, 7, 2), (4, 0, -1)], ids=lambda value: str(value)
)
def test_checked_a_copy_from_or_to_elsewhere_is_noticed(at: int, to: int, length: int) -> None:
    kernels.use("checked")
    data = np.arange(8, dtype=np.uint8)
    with pytest.raises(IndexError):
        move(data, at, to, length)
    assert data.tolist() == list(range(8))


@pytest.mark.parametrize("speed", ["compiled", "checked"])
def test_a_slice_does_not_compile(speed: kernels.Speed) -> None:
    kernels.use(speed)
    with pytest.raises(Exception, match="getitem"):
        part(np.zeros(3, np.int64), 1)
