"""Buffers come in order, are used again, and the thread ends when told."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from iptvforensics.capture.ahead import BUFFERS, FRONT_BYTES, THREAD_FROM_BYTES, Ahead
from iptvforensics.capture.source import Source

SIZE = 9 * THREAD_FROM_BYTES + 1234


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "evidence"
    piece = bytes(range(251)) * 4177
    file.write_bytes((piece * (SIZE // len(piece) + 1))[:SIZE])
    return file


@pytest.fixture
def ahead_of():
    with ExitStack() as stack:

        def opened(file, block_bytes, *, threaded):
            source = Source(file)
            stack.callback(source.close)
            ahead = Ahead(source, block_bytes, threaded=threaded)
            stack.callback(ahead.close)
            return ahead

        yield opened


def _read(ahead):
    ahead.start()
    while True:
        buffer = ahead.next()
        yield buffer
        if buffer.is_last:
            return
        ahead.release(buffer)


@pytest.mark.parametrize("threaded", [True, False])
@pytest.mark.parametrize("block_bytes", [THREAD_FROM_BYTES, 4 * THREAD_FROM_BYTES, 64 << 20, 777_777])
def test_all_bytes_come_in_order(path, ahead_of, threaded, block_bytes):
    ahead = ahead_of(path, block_bytes, threaded=threaded)
    got = b"".join(buffer.view[: buffer.length].tobytes() for buffer in _read(ahead))
    assert got == path.read_bytes()


@pytest.mark.parametrize("threaded", [True, False])
def test_few_buffers_go_round(path, ahead_of, threaded):
    ahead = ahead_of(path, THREAD_FROM_BYTES, threaded=threaded)
    seen = {id(buffer) for buffer in _read(ahead)}
    assert len(seen) <= (BUFFERS if threaded else 1)


def test_small_file_is_one_small_buffer_and_no_thread(tmp_path, ahead_of):
    file = tmp_path / "small"
    file.write_bytes(b"x" * 100)
    ahead = ahead_of(file, 64 << 20, threaded=True)
    before = threading.active_count()
    buffers = list(_read(ahead))
    assert threading.active_count() == before
    assert [(buffer.length, buffer.is_last, len(buffer.view)) for buffer in buffers] == [(100, True, 101)]


def test_room_in_front_is_there(path, ahead_of):
    ahead = ahead_of(path, 1000, threaded=False)
    buffer = ahead.next()
    assert buffer.data[FRONT_BYTES : FRONT_BYTES + 10].tobytes() == path.read_bytes()[:10]


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_close_ends_the_thread_at_any_time(path, taken):
    before = threading.active_count()
    source = Source(path)
    ahead = Ahead(source, THREAD_FROM_BYTES, threaded=True)
    ahead.start()
    for _ in range(taken):
        ahead.next()
    ahead.close()
    ahead.close()
    source.close()
    assert threading.active_count() == before
