"""Tests of what runs the loops: the speeds agree, and machine code is only loaded from where nobody else can write."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from iptvforensics import kernel as kernels
from iptvforensics.kernel import copy_bytes, inline, kernel
from iptvforensics.kernel_cache import read_kept


@inline
def weight(value: int) -> int:
    """Return a number that overflows 32 bits."""
    return value * 0x1_0000_0001


@kernel("B[] i[] q[] q")
def add_up(data, numbers, sums, length):
    """Return the sum of bytes and numbers; each partial sum goes to sums."""
    total = 0
    for i in range(length):
        total += weight(data[i]) - numbers[i]
        sums[i] = total
    return total


@kernel("B[] q B[] q q")
def copy(source, at, target, to, length):
    """Copy bytes if both ranges lie within the arrays."""
    if at < 0 or to < 0 or length < 0 or at + length > len(source) or to + length > len(target):
        return 0
    copy_bytes(source, at, target, to, length)
    return 1


@kernel("B[] q")
def read(data, at):
    """Return one byte, unchecked."""
    return data[at]


@kernel("B[] q")
def collect(data, length):
    """Return how many bytes were put into a list, against the rules."""
    found = [data[0]]
    for i in range(1, length):
        found.append(data[i])
    return len(found)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("IPTVFORENSICS_CACHE", str(folder))
    return folder


def test_all_types_of_arguments(kernel_speed: str) -> None:
    data = np.array([0, 1, 255], np.uint8)
    numbers = np.array([-1, 2, -(1 << 31)], np.int32)
    sums = np.zeros(3, np.int64)
    total = add_up(data, numbers, sums, 3)
    assert sums.tolist() == [1, 0x1_0000_0000, 0x1_0000_0000 + 255 * 0x1_0000_0001 + (1 << 31)]
    assert total == sums[2]


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview], ids=["bytes", "bytearray", "memoryview"])
def test_arrays_may_be_bytes(kernel_speed: str, wrap: Callable[[bytes], bytes]) -> None:
    assert read(wrap(b"\x07\xff"), 1) == 255


def test_each_way_to_hand_over_an_array_gives_the_same(kernel_speed: str) -> None:
    array = np.array([7, 9], np.uint8)
    fixed = array.copy()
    fixed.flags.writeable = False
    for data in (array, fixed, kernels.Pinned(array), array.tobytes(), memoryview(array), memoryview(array.tobytes())):
        assert [read(data, 0), read(data, 1)] == [7, 9]


def test_arrays_may_be_empty(kernel_speed: str) -> None:
    for nothing in (b"", bytearray(), memoryview(b""), np.zeros(0, np.uint8), kernels.Pinned(np.zeros(0, np.uint8))):
        assert copy(nothing, 0, nothing, 0, 1) == 0


def test_bytes_are_copied_within_the_arrays_only(kernel_speed: str) -> None:
    target = bytearray(6)
    assert copy(b"abcdef", 2, target, 1, 3) == 1
    assert copy(b"abcdef", 4, target, 0, 3) == 0
    assert bytes(target) == b"\0cde\0\0"


@pytest.mark.parametrize("speed", ["plain", "checked"])
def test_a_read_past_the_end_is_noticed(speed: kernels.Speed) -> None:
    kernels.use(speed)
    with pytest.raises(IndexError):
        read(b"abc", 3)


def test_a_wrong_signature_is_refused() -> None:
    with pytest.raises(ValueError, match="'x' is not one of"):
        kernel("B[] x")


def test_machine_code_is_kept_and_used_again(cache: Path) -> None:
    kernels.use("compiled")
    path = kernels._code_folder(cache) / kernels._object_name(read)
    first = kernels._load(read)
    made = path.stat().st_mtime_ns
    again = kernels._load(read)
    assert path.stat().st_mtime_ns == made
    array = np.array([5, 6], np.uint8)
    assert first(array.ctypes.data, 2, 1) == again(array.ctypes.data, 2, 1) == 6


def test_machine_code_that_others_may_have_written_is_not_loaded(cache: Path) -> None:
    path = kernels._code_folder(cache) / kernels._object_name(read)
    other = kernels._code_folder(cache) / kernels._object_name(step)
    kernels._load(step)
    shutil.copy(other, path)  # whole, and the wrong one
    path.chmod(0o666)
    array = np.array([5, 6], np.uint8)
    assert kernels._load(read)(array.ctypes.data, 2, 0) == 5
    assert path.stat().st_mode & 0o022 == 0


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-1], lambda c: c[:40], lambda c: b"", lambda c: c[:99] + b"?" + c[100:]]
)
def test_damaged_machine_code_is_made_again(cache: Path, damage: Callable[[bytes], bytes]) -> None:
    path = kernels._code_folder(cache) / kernels._object_name(read)
    kernels._load(read)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    array = np.array([5, 6], np.uint8)
    assert kernels._load(read)(array.ctypes.data, 2, 1) == 6
    assert read_kept(path) is not None


def test_machine_code_that_cannot_be_kept_is_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("os.replace", full)
    array = np.array([5, 6], np.uint8)
    assert kernels._load(read)(array.ctypes.data, 2, 1) == 6
    assert list(kernels._code_folder(cache).iterdir()) == []


def test_threads_may_call_a_kernel_for_the_first_time_at_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels._State, "engine", None)
    monkeypatch.setattr(read, "_native", None)
    monkeypatch.setattr(step, "_native", None)
    kernels.use("compiled")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: read(b"ab", 1) if i % 2 else step(i), range(32)))
    assert found == [ord("b") if i % 2 else i + 1 for i in range(32)]


STEP = 1


@kernel("q")
def step(number):
    """Return the next number."""
    return number + STEP


def test_another_constant_gives_other_machine_code(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernels._load(step)(1) == 2
    monkeypatch.setitem(step.function.__globals__, "STEP", 10)
    assert kernels._load(step)(1) == 11


@pytest.mark.parametrize(
    ("size", "is_warm", "speed"),
    [
        (kernels.PLAIN_BELOW_BYTES - 1, True, "plain"),
        (kernels.PLAIN_BELOW_BYTES, True, "compiled"),
        (kernels.PLAIN_BELOW_BYTES, False, "plain"),
        (kernels.PLAIN_BELOW_BYTES_UNCOMPILED, False, "compiled"),
    ],
    ids=["small", "large enough", "not compiled yet", "large, not compiled yet"],
)
def test_the_size_of_the_input_decides(
    cache: Path, monkeypatch: pytest.MonkeyPatch, size: int, is_warm: bool, speed: str
) -> None:
    monkeypatch.delenv("IPTVFORENSICS_KERNELS", raising=False)
    if is_warm:
        kernels._code_folder(cache).mkdir(mode=0o700, parents=True)
    else:
        (cache / "of another version").mkdir(mode=0o700, parents=True)
    assert kernels.use(None, input_bytes=size) == speed


def test_the_environment_overrides_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPTVFORENSICS_KERNELS", "plain")
    assert kernels.use(None, input_bytes=1 << 40) == "plain"


def test_without_numba_everything_runs_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IPTVFORENSICS_KERNELS", raising=False)
    monkeypatch.setattr(kernels, "can_compile", lambda: False)
    assert kernels.use(None, input_bytes=1 << 40) == "plain"


def test_a_kernel_that_allocates_is_refused(cache: Path) -> None:
    with pytest.raises(Exception, match="NRT required but not enabled"):
        kernels._load(collect)


def test_compiling_is_announced_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels._State, "announced", False)
    monkeypatch.setattr(kernels._State, "announce", None)
    said: list[str] = []
    kernels.use("compiled", announce=said.append)
    kernels._load(read)
    os.remove(kernels._code_folder(cache) / kernels._object_name(read))
    kernels._load(read)
    assert len(said) == 1


def test_pinned_arrays_give_the_same(kernel_speed: str) -> None:
    length = 1000
    data = np.arange(length, dtype=np.uint32).astype(np.uint8)
    numbers, sums = np.zeros(length, np.int32), np.zeros(length, np.int64)
    pinned = [kernels.Pinned(array) for array in (data, numbers, sums)]
    total = add_up(*pinned, length)
    first = sums.copy()
    assert add_up(data, numbers, sums, length) == total
    assert np.array_equal(first, sums)
    assert total == sum((i & 255) * 0x1_0000_0001 for i in range(length))
