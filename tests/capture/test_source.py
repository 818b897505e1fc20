"""Paths, pipes and URLs; what cannot be opened or read."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import threading

import fsspec
import pytest

from iptvforensics.capture import CaptureReader
from iptvforensics.capture.source import Source, is_url, local_path
from iptvforensics.errors import CaptureError, MissingProgramError


def test_missing_file_and_folder_are_refused_by_name(tmp_path):
    with pytest.raises(CaptureError, match=r"nowhere\.pcap: cannot be opened"):
        Source(str(tmp_path / "nowhere.pcap"))
    with pytest.raises(CaptureError, match="cannot be opened"):
        Source(str(tmp_path))


def test_file_url_is_a_local_path(write, tmp_path):
    path = tmp_path / "a b.pcap"
    path.write_bytes(write.pcap(write.records(3)))
    with CaptureReader(f"file://{tmp_path}/a%20b.pcap") as capture:
        assert sum(block.count for block in capture) == 3
    assert not is_url("file:///x")
    assert local_path("plain%20name") == "plain%20name"


def test_url_is_read_through_fsspec(write):
    content = write.pcap(write.records(5000))
    with fsspec.open("memory://case/a.pcap", "wb") as file:
        file.write(content)
    with CaptureReader("memory://case/a.pcap", block_bytes=100_000) as capture:
        assert sum(block.count for block in capture) == 5000
    assert capture.sha256 == hashlib.sha256(content).hexdigest()


def test_url_of_an_unknown_scheme_is_refused():
    with pytest.raises(CaptureError, match="cannot be opened"):
        Source("nosuchscheme://x/y")


def test_url_without_fsspec_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingProgramError, match=r"iptvforensics\[s3\]"):
        Source("s3://bucket/a.pcap")


def test_pipe_is_read_to_its_end(write, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    content = write.pcapng(write.records(3000))
    thread = threading.Thread(target=lambda: path.write_bytes(content))
    thread.start()
    with CaptureReader(path, block_bytes=50_000) as capture:
        assert sum(block.count for block in capture) == 3000
    thread.join()
    assert capture.sha256 == hashlib.sha256(content).hexdigest()


def test_standard_input_is_read(write):
    content = write.pcap(write.records(9))
    code = "import iptvforensics.capture as c\nwith c.CaptureReader('-') as r: print(sum(b.count for b in r), r.sha256)"
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    assert done.stdout.decode().split() == ["9", hashlib.sha256(content).hexdigest()]


class _Failing(io.RawIOBase):
    """Gives some bytes, then fails as a broken disk does."""

    def __init__(self, content):
        self._content = content

    def readinto(self, view):
        if not self._content:
            raise OSError(5, "Input/output error")
        count = min(len(view), len(self._content))
        view[:count] = self._content[:count]
        self._content = self._content[count:]
        return count


@pytest.mark.parametrize("hash_thread", [True, False])
def test_read_error_names_the_place_after_the_frames_before_it(write, monkeypatch, hash_thread):
    content = write.pcap(write.records(50_000))
    monkeypatch.setattr("iptvforensics.capture.source.open_evidence", lambda path: (_Failing(content), None))
    with CaptureReader("broken", hash_thread=hash_thread, block_bytes=1 << 20) as capture:
        with pytest.raises(CaptureError, match="Input/output error") as caught:
            list(capture)
        assert caught.value.offset == len(content)
        assert capture.frames > 10_000
        with pytest.raises(CaptureError, match="SHA-256"):
            _ = capture.sha256


def test_skip_stops_at_the_end(write, tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(write.pcap(write.records(2)))
    source = Source(path)
    source.skip(30)
    assert source.fill(memoryview(bytearray(4))) == 4
    source.skip(1 << 40)
    assert source.finished
    source.close()
