"""Windows of a file show its bytes, are refused where they cannot be, and cost the process when the file is cut."""

from __future__ import annotations

import hashlib
import mmap
import os
import signal
import subprocess
import sys

import pytest

from iptvforensics.capture import CaptureReader
from iptvforensics.capture.ahead import FRONT_BYTES, Ahead, Filled
from iptvforensics.capture.source import Source
from iptvforensics.capture.windows import Room

PAGE = mmap.PAGESIZE
pytestmark = pytest.mark.skipif(sys.platform != "linux" or FRONT_BYTES % PAGE != 0, reason="windows are not laid here")


@pytest.fixture
def evidence(tmp_path):
    path = tmp_path / "evidence"
    path.write_bytes(b"".join(hashlib.sha512(bytes([i % 256, i // 256])).digest() for i in range(5 * PAGE // 64)))
    return path


def test_window_shows_the_file_and_is_plain_memory_after_it(evidence):
    room = Room(4 * PAGE)
    room.data[:] = 7
    with evidence.open("rb") as file:
        assert room.lay(PAGE, 2 * PAGE, file.fileno(), 3 * PAGE)
    content = evidence.read_bytes()
    assert room.data[PAGE : 3 * PAGE].tobytes() == content[3 * PAGE :]
    assert set(room.data[:PAGE]) == set(room.data[3 * PAGE :]) == {7}
    room.lift()
    assert set(room.data[PAGE : 3 * PAGE]) == {0}
    room.data[PAGE] = 1
    assert evidence.read_bytes() == content


def test_what_cannot_be_laid_changes_nothing(evidence, tmp_path):
    room = Room(4 * PAGE)
    with evidence.open("rb") as file:
        for at, length, offset in ((1, PAGE, 0), (0, PAGE + 1, 0), (0, PAGE, 1)):
            assert not room.lay(at, length, file.fileno(), offset)
        for at, length in ((-PAGE, PAGE), (3 * PAGE, 2 * PAGE)):
            with pytest.raises(ValueError, match="do not lie in a room"):
                room.lay(at, length, file.fileno(), 0)
    folder = os.open(tmp_path, os.O_RDONLY)
    assert not room.lay(0, PAGE, folder, 0)
    os.close(folder)
    room.data[:] = 1


def test_cut_file_ends_the_process(evidence):
    script = f"""if True:
        import os, resource, sys
        from iptvforensics.capture.windows import Room
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        room, fd = Room({4 * PAGE}), os.open(sys.argv[1], os.O_RDWR)
        assert room.lay(0, {4 * PAGE}, fd, 0)
        os.ftruncate(fd, {PAGE})
        print(room.data[0], flush=True)
        print(room.data[{2 * PAGE}])
    """
    done = subprocess.run([sys.executable, "-c", script, str(evidence)], capture_output=True, text=True, check=False)
    assert done.stdout.split() == [str(evidence.read_bytes()[0])]
    assert done.returncode == -signal.SIGBUS


@pytest.mark.parametrize("threaded", [True, False])
@pytest.mark.parametrize("size", [0, 1, 3, PAGE - 1, PAGE, PAGE + 1, 40 * PAGE, 41 * PAGE + 17])
@pytest.mark.parametrize("block", [PAGE, 4 * PAGE, 4 * PAGE + 1])
def test_all_bytes_come_in_order_and_are_hashed(tmp_path, size, block, threaded, monkeypatch):
    monkeypatch.setattr("iptvforensics.capture.ahead.THREAD_FROM_BYTES", 0)
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    path = tmp_path / "evidence"
    path.write_bytes(content)
    source = Source(path)
    ahead = Ahead(source, block, threaded=threaded, maps=True)
    ahead.start()
    got = b""
    while True:
        buffer = ahead.next()
        got += buffer.view[: buffer.length].tobytes()
        if buffer.is_last:
            break
        ahead.release(buffer)
    ahead.close()
    assert got == content
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert source.bytes_read == size
    source.close()


def test_whole_buffers_are_laid_and_the_rest_is_read(tmp_path, monkeypatch):
    laid = []
    lay = Source.lay
    monkeypatch.setattr(Source, "lay", lambda *given: laid.append(lay(*given)) or laid[-1])
    path = tmp_path / "evidence"
    path.write_bytes(b"x" * (3 * PAGE + 5))
    source = Source(path)
    buffer = Filled(PAGE, maps=True)
    while not buffer.is_last:
        buffer.fill(source)
    assert laid == [True, True, True, False]
    buffer.data[:] = 1  # no window is left
    source.close()


def test_bytes_that_come_after_opening_are_read(tmp_path):
    path = tmp_path / "evidence"
    path.write_bytes(b"x" * (2 * PAGE))
    source = Source(path)
    with path.open("ab") as file:
        file.write(b"y" * (2 * PAGE + 3))
    buffer, got = Filled(PAGE, maps=True), b""
    while not buffer.is_last:
        buffer.fill(source)
        got += buffer.view[: buffer.length].tobytes()
    assert got == path.read_bytes()
    assert source.has_changed
    source.close()


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
@pytest.mark.parametrize("records", [3, 5000])
def test_records_across_the_ends_of_windows_are_whole(write, tmp_path, form, records):
    path = tmp_path / "evidence"
    path.write_bytes(getattr(write, form)(write.records(records)))

    def frames(**options):
        with CaptureReader(path, hash_thread=False, **options) as capture:
            found = [
                block.data[at : at + size].tobytes()
                for block in capture
                for at, size in zip(block.record_at.tolist(), block.captured_bytes.tolist(), strict=True)
            ]
            return found, capture.sha256, capture.anomalies, [entry.stream_offset for entry in capture.index]

    plain = frames(block_bytes=2 * PAGE)
    assert frames(block_bytes=2 * PAGE, maps=True) == plain
    assert len(plain[0]) == records
