"""A decoding in a process of its own gives the same, says what went wrong, and leaves nothing behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iptvforensics import open_case
from iptvforensics.analysis import Options, analyze_capture, capture_file, child, keylogs_at
from iptvforensics.analysis.apart import Apart, apart, is_possible
from iptvforensics.analysis.decoding import Decoding
from iptvforensics.analysis.hashing import hashing
from iptvforensics.analysis.options import ReadAgain
from iptvforensics.batch import analyze_many
from iptvforensics.capture import CaptureReader
from iptvforensics.errors import CaptureError
from iptvforensics.exhibits.digest import digest
from iptvforensics.store import Store

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_pcaps"

pytestmark = pytest.mark.skipif(not is_possible(), reason="needs an anonymous file (Linux)")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a capture of several batches."""
    path = tmp_path_factory.mktemp("large") / "boxes.pcap"
    made = [sys.executable, str(ROOT / "tests/bench/generate.py"), "hls-rtmp", "--gigabytes", "0.15", "-o", str(path)]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    return path


@pytest.fixture
def always_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_file, "APART_FROM_BYTES", 0)


@contextmanager
def opened(path: Path, *, looks_twice: bool = True, **options: Any) -> Iterator[Apart]:
    given = {"block_bytes": 1 << 20, "speed": "plain", "progress": None, "announce": None}
    with ExitStack() as stack:
        beside = stack.enter_context(hashing(str(path))) if looks_twice else None
        yield stack.enter_context(apart(str(path), hashing=beside, **{**given, **options}))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until_dead(pid: int) -> None:
    until = time.monotonic() + 30
    while is_alive(pid):
        assert time.monotonic() < until, f"process {pid} still runs"
        time.sleep(0.05)


@pytest.mark.parametrize(("looks_twice", "block_bytes"), [(False, 50_000), (True, 50_000), (True, 1 << 16)])
@pytest.mark.parametrize("name", ["hls/two-boxes.pcap", "damaged/hls-dropped.pcap", "udp-ts/multicast.pcap"])
def test_batches_are_those_of_a_decoding_in_this_process(name: str, looks_twice: bool, block_bytes: int) -> None:
    def told(batch: Any) -> Any:
        columns = (batch.offset, batch.length, batch.frame, batch.ns, batch.kind)
        data = [bytes(batch.data[d.byte : d.byte + d.bytes]) for d in batch.directions]
        return batch.directions, [column.tolist() for column in columns], data, batch.silent

    with CaptureReader(SAMPLES / name, block_bytes=block_bytes, hash_thread=False) as reader:
        decoding = Decoding(reader)
        expected = [told(batch) for batch in decoding.batches()]
        report, sha256 = decoding.report(), decoding.sha256()
    with opened(SAMPLES / name, looks_twice=looks_twice, block_bytes=block_bytes) as process:
        found = [told(batch) for batch in process.batches()]
        other = process.report()
        assert np.array_equal(other.flows.flow, report.flows.flow)
        assert np.array_equal(other.flows.dirs, report.flows.dirs)
        assert process.sha256() == sha256
    assert found == expected
    other.flows = report.flows
    assert other == report


@pytest.mark.parametrize("keys", ["file", "capture", "none"])
def test_secrets_reach_the_parsers(keys: str, tmp_path: Path, always_apart: None) -> None:
    path = SAMPLES / "tls" / ("https-vod.pcapng" if keys == "capture" else "https-vod.pcap")
    options = Options(keylogs=keylogs_at([SAMPLES / "tls" / "https-vod.keys"])) if keys == "file" else Options()
    digests = []
    for cores in (1, 2):
        store = Store.create(tmp_path / str(cores))
        analyze_capture(str(path), store, options=options, cores=cores)
        digests.append(digest(store))
    assert digests[0] == digests[1]


def test_many_batches_give_the_same_tables(large: Path, tmp_path: Path) -> None:
    digests = []
    for cores in (1, 2):
        store = Store.create(tmp_path / str(cores))
        analyze_capture(str(large), store, cores=cores)
        digests.append(digest(store))
    assert digests[0] == digests[1]


def frames_before(path: Path, size: int) -> bytes:
    """Return the first bytes of a capture, without the record that they cut."""
    content = path.read_bytes()
    at = 24
    while at + 16 + int.from_bytes(content[at + 8 : at + 12], "little") <= size:
        at += 16 + int.from_bytes(content[at + 8 : at + 12], "little")
    return content[:at]


def test_file_that_is_cut_meanwhile_is_read_again(
    large: Path, tmp_path: Path, always_apart: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = tmp_path / "cut.pcap", tmp_path / "whole.pcap"
    path.write_bytes(large.read_bytes())
    whole.write_bytes(frames_before(large, 20_000_000))
    batches, outcomes = Apart.batches, []

    def cut_after_the_first(self: Apart) -> Any:
        made = batches(self)
        yield next(made)
        if not outcomes:
            os.truncate(path, whole.stat().st_size)
        try:
            yield from made
        except ReadAgain as error:
            outcomes.append(str(error))
            raise

    monkeypatch.setattr(Apart, "batches", cut_after_the_first)
    store, expected = Store.create(tmp_path / "case"), Store.create(tmp_path / "expected")
    options = Options(block_bytes=1 << 16)
    summary = analyze_capture(str(path), store, options=options, cores=2)
    assert [str(path) in said for said in outcomes] == [True]
    of_whole = analyze_capture(str(whole), expected, options=options, cores=1)
    assert summary.sha256 == of_whole.sha256
    assert summary.rows == of_whole.rows | {"anomalies": of_whole.rows.get("anomalies", 0) + 1}
    said = open_case(tmp_path / "case").sql("SELECT detail FROM anomalies WHERE name = 'CAPTURE_read_again'")
    assert "all is of a later one" in said.detail.item()


def test_the_command_decodes_in_a_copy_of_itself(large: Path, tmp_path: Path) -> None:
    code = """
import sys
from iptvforensics.analysis import child
from iptvforensics.cli import main
child.new = None
main()
"""
    arguments = ["analyze", str(large), "--workers", "2", "--case", str(tmp_path / "copied")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, stdout=subprocess.DEVNULL)
    store = Store.create(tmp_path / "here")
    analyze_capture(str(large), store, cores=1)
    assert digest(Store.open(tmp_path / "copied")) == digest(store)


def test_where_no_copy_can_be_made_a_new_process_decodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: Any) -> None:
        raise BlockingIOError("too many processes")

    monkeypatch.setattr(child, "can_copy", lambda: True)
    monkeypatch.setattr(child, "Copy", refused)
    with opened(SAMPLES / "hls" / "two-boxes.pcap") as process:
        assert isinstance(process._process, subprocess.Popen)
        assert sum(1 for _ in process.batches()) > 0


def test_progress_comes_in_order_and_ends_at_the_whole() -> None:
    told: list[int] = []
    path = SAMPLES / "hls" / "two-boxes.pcap"
    with opened(path, block_bytes=50_000, progress=told.append) as process:
        for _ in process.batches():
            pass
    assert told == sorted(told)
    assert told[-1] == path.stat().st_size


def test_a_file_that_is_no_capture_is_the_same_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.pcap"
    path.write_bytes(b"these are no packets\n" * 100)
    with opened(path) as process, pytest.raises(CaptureError) as found:
        next(process.batches())
    with CaptureReader(path, hash_thread=False) as reader, pytest.raises(CaptureError) as expected:
        next(iter(reader))
    assert str(found.value) == str(expected.value)
    assert (found.value.path, found.value.offset) == (expected.value.path, expected.value.offset)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with opened(tmp_path / "none.pcap") as process, pytest.raises((CaptureError, OSError), match=r"none\.pcap"):
        next(process.batches())


def test_the_process_ends_with_the_context(large: Path) -> None:
    with opened(large) as process:
        next(process.batches())
        pid = process._process.pid
        assert is_alive(pid)
    assert not is_alive(pid)


def test_a_decoding_that_is_killed_costs_its_file_only(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Apart.batches

    def killed(self: Apart) -> Any:
        for batch in begun(self):
            yield batch
            self._process.kill()
            self._process.wait()

    monkeypatch.setattr(Apart, "batches", killed)
    store = Store.create(tmp_path / "case")
    (summary,) = analyze_many([str(large)], store, workers=2)
    assert summary.error is not None
    assert "the decoding process died with exit code -9" in summary.error
    assert store.manifests() == []
    assert list((store.root / "captures").iterdir()) == []


def test_the_process_ends_when_the_analysis_is_killed(large: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "iptvforensics", "analyze", str(large), "--case", str(tmp_path / "case")]
    analysis = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        children = Path(f"/proc/{analysis.pid}/task/{analysis.pid}/children")
        until = time.monotonic() + 60
        while not (found := children.read_text().split()):
            assert analysis.poll() is None, "the analysis ended without a decoding process"
            assert time.monotonic() < until, "no decoding process was started"
            time.sleep(0.01)
    finally:
        os.kill(analysis.pid, signal.SIGKILL)
        analysis.wait()
    for pid in found:
        wait_until_dead(int(pid))


def test_where_memory_cannot_be_shared_a_thread_decodes(
    tmp_path: Path, always_apart: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> int:
        raise PermissionError("memfd_create")

    monkeypatch.setattr(os, "memfd_create", refused)
    assert not is_possible()
    store = Store.create(tmp_path / "case")
    summary = analyze_capture(str(SAMPLES / "hls" / "two-boxes.pcap"), store, cores=2)
    assert summary.rows["sessions"] > 0


def test_memory_is_given_back_before_the_process_is_closed() -> None:
    def mapped() -> int:
        return Path("/proc/self/maps").read_text().count("memfd:iptvforensics")

    gc.collect()
    before = mapped()
    with opened(SAMPLES / "hls" / "two-boxes.pcap") as process:
        for batch in process.batches():
            assert len(batch.directions)
        assert mapped() > before
        del batch
        report = process.report()
        process.forget()
        for thread in process._releasing:
            thread.join()
        assert mapped() == before
    assert report.flows.flow.any()
