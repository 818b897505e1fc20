"""Arrays in shared memory: zeros, found by their place, seen from the other side."""

from __future__ import annotations

import os

import numpy as np
import pytest

from iptvforensics.analysis.arena import Arena

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs an anonymous file (Linux)")


@pytest.fixture
def sides():
    fd = os.memfd_create("test")
    yield Arena(fd), Arena(fd)
    os.close(fd)


def test_an_array_is_seen_at_its_place_with_what_is_written_later(sides):
    mine, yours = sides
    array = mine.zeros(1000, np.int64)
    assert not array.any()
    seen = yours.at(mine.place(array))
    array[:] = range(1000)
    assert seen.dtype == np.int64
    assert seen.tolist() == list(range(1000))


def test_a_part_of_an_array_has_a_place(sides):
    mine, yours = sides
    mine.zeros(5000, np.uint8)
    array = mine.zeros(5000, np.int64)
    array[:] = range(5000)
    assert yours.at(mine.place(array[17:29])).tolist() == list(range(17, 29))
    assert yours.at(mine.place(array[:0])).tolist() == []


def test_an_array_made_after_others_were_let_go_is_found(sides):
    mine, yours = sides
    for round_ in range(20):
        array = mine.zeros(4096 * (1 + round_ % 3), np.uint8)
        array[0] = round_ + 1
        assert yours.at(mine.place(array))[0] == round_ + 1
        del array


def test_memory_that_was_seen_is_given_back_when_nobody_has_it(sides):
    def mapped() -> int:
        with open("/proc/self/maps") as file:
            return sum("memfd:test" in line for line in file)

    mine, yours = sides
    array = mine.zeros(1000, np.int64)
    seen = yours.at(mine.place(array))
    before = mapped()
    yours.let_go()
    array[:] = 7
    assert (seen[999], mapped()) == (7, before)
    del seen
    assert mapped() == before - 1


def test_room_that_is_never_used_takes_no_memory(sides):
    fd = os.memfd_create("large")
    arena = Arena(fd)
    large = arena.zeros(1 << 30, np.uint8)
    large[12345] = 1
    assert os.fstat(fd).st_blocks * 512 < 1 << 20
    os.close(fd)


def test_an_array_from_elsewhere_has_no_place(sides):
    with pytest.raises(ValueError, match="shared memory"):
        sides[0].place(np.zeros(3))
