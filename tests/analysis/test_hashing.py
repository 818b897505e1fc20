"""The hash made beside the decoding is that of the file, or none; it waits, catches up, and ends with the others."""

from __future__ import annotations

import hashlib
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iptvforensics import open_case
from iptvforensics.analysis import analyze_capture, capture_file, child, hashing
from iptvforensics.analysis.apart import is_possible
from iptvforensics.analysis.child import LostPages
from iptvforensics.analysis.hashing import Hashing, Pace
from iptvforensics.batch import analyze_many
from iptvforensics.store import Store

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
CAPTURE = SAMPLES / "hls" / "two-boxes.pcap"

pytestmark = pytest.mark.skipif(not is_possible(), reason="needs an anonymous file (Linux)")

PORTION = hashing.PORTION_BYTES
APART = hashing.PORTIONS_APART


@pytest.fixture
def evidence(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Return what makes a file of some length, with other bytes in every page and few blocks on the disk."""

    def made(size: int) -> Path:
        path = tmp_path / "evidence"
        with path.open("wb") as file:
            for at in range(0, size, 1 << 20):
                file.seek(at)
                file.write(at.to_bytes(8, "little")[: size - at])
            file.truncate(size)
        return path

    yield made
    (tmp_path / "evidence").unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def decoded_to_the_end(process: Hashing, size: int) -> None:
    pace = Pace(*process.pace)
    for place in range(0, size, 1 << 20):
        pace.decoded(place)
    pace.decoded(size)
    pace.end()


def wait_until(holds: Callable[[], Any]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("size", [1, 4095, 4096, hashing.WINDOW_BYTES, hashing.WINDOW_BYTES + 1, 3 * PORTION + 5])
def test_the_hash_is_that_of_the_file(size: int, evidence: Callable[[int], Path]) -> None:
    path = evidence(size)
    with hashing.hashing(str(path)) as process:
        decoded_to_the_end(process, size)
        assert process.sha256(size) == sha256_of(path)
        assert process.sha256(size) == sha256_of(path)  # known now


def test_it_is_never_far_ahead_and_goes_on_when_the_decoding_does(evidence: Callable[[int], Path]) -> None:
    size = (APART + 4) * PORTION
    path = evidence(size)
    hears, their_step = os.pipe()
    step, tells = os.pipe()
    digest = hashing._Digest(os.open(path, os.O_RDONLY), size, tells)
    following = threading.Thread(target=digest.follow, args=(hears,))
    following.start()
    wait_until(lambda: digest.done == APART * PORTION)
    time.sleep(0.1)
    assert digest.done == APART * PORTION
    os.write(their_step, b"+")
    wait_until(lambda: digest.done == (APART + 1) * PORTION)
    assert os.read(step, 1 << 10) == b"+" * (APART + 1)
    os.write(their_step, b".")
    wait_until(lambda: digest.done == size)
    os.write(their_step, b"?")
    following.join()
    assert digest.sha256 == sha256_of(path)
    for fd in (hears, their_step, step, tells, digest._fd):
        os.close(fd)


def test_where_no_core_is_ever_idle_the_other_thread_hashes(
    evidence: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing._Digest, "_when_idle", lambda self: None)
    size = (2 * APART) * PORTION
    path = evidence(size)
    hears, their_step = os.pipe()
    step, tells = os.pipe()
    digest = hashing._Digest(os.open(path, os.O_RDONLY), size, tells)
    following = threading.Thread(target=digest.follow, args=(hears,))
    following.start()
    pace = Pace(step, their_step)
    for portion in range(1, 2 * APART + 1):
        pace.decoded(portion * PORTION)
        assert digest.done >= (portion - APART) * PORTION
    pace.end()
    time.sleep(0.1)
    assert digest.done < size  # nobody waits for it yet
    os.write(their_step, b"?")
    following.join()
    assert digest.sha256 == sha256_of(path)
    for fd in (hears, their_step, step, tells, digest._fd):
        os.close(fd)


def test_nobody_waits_for_a_thread_that_is_not_run(
    evidence: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 3 * PORTION
    path = evidence(size)
    hears, their_step = os.pipe()
    step, tells = os.pipe()
    runs_again, has_run = threading.Event(), threading.Event()
    when_idle = hashing._Digest._when_idle

    class Stopped(mmap.mmap):
        """A window before which the idle thread stops until it is told to run again."""

        def __enter__(self) -> Stopped:
            if threading.current_thread().name == "idle":
                runs_again.wait()
            return self

    def named(self: Any) -> None:
        threading.current_thread().name = "idle"
        when_idle(self)
        has_run.set()

    monkeypatch.setattr(mmap, "mmap", Stopped)
    monkeypatch.setattr(hashing._Digest, "_when_idle", named)
    digest = hashing._Digest(os.open(path, os.O_RDONLY), size, tells)
    os.write(their_step, b".?")
    digest.follow(hears)
    found = digest.sha256
    runs_again.set()
    assert has_run.wait(30)
    assert digest.sha256 == found == sha256_of(path)
    assert os.read(step, 1 << 10) == b"+" * 3
    for fd in (hears, their_step, step, tells, digest._fd):
        os.close(fd)


def test_the_decoding_goes_on_behind_what_is_hashed_and_when_the_hashing_is_gone(
    evidence: Callable[[int], Path],
) -> None:
    path = evidence(PORTION)
    with hashing.hashing(str(path)) as process:
        decoded_to_the_end(process, PORTION)
        process.sha256(PORTION)
        Pace(*process.pace).decoded((APART + 5) * PORTION)  # the file has grown
    with hashing.hashing(str(path)) as process:
        process._process.kill()
        process._process.wait()
        with pytest.raises(ChildProcessError, match="exit code -9"):
            process.sha256(PORTION)


def change(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"X")


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"X")


@pytest.mark.parametrize(
    ("happens", "said"),
    [(change, "written to"), (grow, "written to"), (lambda path: os.truncate(path, 5), "cannot be read|code -7")],
    ids=["changed", "grown", "cut"],
)
def test_a_file_that_changes_has_no_hash_here(
    happens: Callable[[Path], None], said: str, evidence: Callable[[int], Path]
) -> None:
    size = (APART + 4) * PORTION
    path = evidence(size)
    with hashing.hashing(str(path)) as process:
        assert os.read(process.pace[0], 1) == b"+"
        time.sleep(0.02)  # times of change are those of the system's clock ticks
        happens(path)
        decoded_to_the_end(process, size)
        with pytest.raises(LostPages, match=said):
            process.sha256(size)


def test_a_length_that_is_not_the_decodings_is_told(evidence: Callable[[int], Path]) -> None:
    path = evidence(5000)
    with hashing.hashing(str(path)) as process, pytest.raises(LostPages, match="length"):
        process.sha256(5001)


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with hashing.hashing(str(tmp_path / "none")) as process, pytest.raises(LostPages, match="cannot be read"):
        process.sha256(0)


def test_a_new_process_does_the_same(evidence: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise BlockingIOError("too many processes")

    monkeypatch.setattr(child, "can_copy", lambda: True)
    monkeypatch.setattr(child, "Copy", refused)
    path = evidence(3 * PORTION)
    with hashing.hashing(str(path)) as process:
        assert isinstance(process._process, subprocess.Popen)
        decoded_to_the_end(process, 3 * PORTION)
        assert process.sha256(3 * PORTION) == sha256_of(path)


def test_a_capture_that_changes_behind_the_decoding_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "box.pcap"
    content = bytearray(CAPTURE.read_bytes())
    path.write_bytes(content)
    content[-1] ^= 1
    asked = Hashing.sha256
    times = []

    def changed_before(self: Hashing, size: int) -> str:
        times.append(size)
        path.write_bytes(content)  # all is decoded, and the hash may be at any place
        return asked(self, size)

    monkeypatch.setattr(capture_file, "APART_FROM_BYTES", 0)
    monkeypatch.setattr(Hashing, "sha256", changed_before)
    store = Store.create(tmp_path / "case")
    summary = analyze_capture(str(path), store, cores=2)
    assert times == [len(content)]
    assert summary.sha256 == hashlib.sha256(content).hexdigest()
    said = open_case(tmp_path / "case").sql("SELECT count(*) AS n FROM anomalies WHERE name LIKE '%changed_while_read'")
    assert said.n.item() == 1
    assert [manifest["sha256"] for manifest in store.manifests()] == [summary.sha256]
    assert not list((store.root / "captures").glob("*[!0-9a-f]"))


def test_a_hashing_that_is_killed_costs_its_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Hashing.sha256

    def killed_before(self: Hashing, size: int) -> str:
        self._process.kill()
        return asked(self, size)

    monkeypatch.setattr(capture_file, "APART_FROM_BYTES", 0)
    monkeypatch.setattr(Hashing, "sha256", killed_before)
    store = Store.create(tmp_path / "case")
    (summary,) = analyze_many([str(CAPTURE)], store, workers=2)
    assert "the hashing process died with exit code -9" in (summary.error or "")
    assert store.manifests() == []
    assert list((store.root / "captures").iterdir()) == []


def test_it_ends_when_the_others_are_killed(evidence: Callable[[int], Path]) -> None:
    path = evidence((APART + 4) * PORTION)
    code = """
import sys, time
from iptvforensics.analysis.hashing import Hashing
process = Hashing(sys.argv[1])
print(process._process.pid, flush=True)
time.sleep(60)
"""
    other = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert other.stdout is not None
    pid = int(other.stdout.readline())
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    other.stdout.close()

    def is_dead() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    wait_until(is_dead)
