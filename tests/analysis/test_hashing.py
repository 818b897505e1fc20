"""The hash made beside the decoding is that of the file, or none; it waits, catches up, and ends with the others."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from iptvforensics import open_case
from iptvforensics.analysis import analyze_capture, capture_file, child, hashing
from iptvforensics.analysis.apart import Apart, is_possible
from iptvforensics.analysis.hashing import Hashing, Pace
from iptvforensics.analysis.options import ReadAgain
from iptvforensics.batch import analyze_many
from iptvforensics.capture.source import FileState
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


def state_of(path: Path) -> FileState:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


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


def read_exactly(fd: int, count: int) -> bytes:
    found = b""
    while len(found) < count:
        found += os.read(fd, count - len(found))
    return found


class Ends(NamedTuple):
    """A digest made in this process, and the ends of its two pipes."""

    digest: hashing._Digest
    steps: int
    their_steps: int
    their_hashed: int


@contextmanager
def digest_of(path: Path) -> Iterator[Ends]:
    steps, their_steps = os.pipe()
    their_hashed, hashed = os.pipe()
    fd = os.open(path, os.O_RDONLY)
    yield Ends(hashing._Digest(fd, path.stat().st_size, hashed), steps, their_steps, their_hashed)
    for end in (steps, their_steps, their_hashed, hashed, fd):
        os.close(end)


@pytest.fixture(autouse=True)
def not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the idle thread run like others: tests keep all cores busy."""
    monkeypatch.setattr(os, "sched_setscheduler", lambda *_: None)


@pytest.mark.parametrize("size", [1, 4095, 4096, hashing.WINDOW_BYTES, hashing.WINDOW_BYTES + 1, 3 * PORTION + 5])
def test_the_hash_is_that_of_the_file(size: int, evidence: Callable[[int], Path]) -> None:
    path = evidence(size)
    with hashing.hashing(str(path)) as process:
        decoded_to_the_end(process, size)
        assert process.sha256(state_of(path)) == sha256_of(path)
        assert process.sha256(state_of(path)) == sha256_of(path)  # known now


def test_it_is_never_far_ahead_and_goes_on_when_the_decoding_does(evidence: Callable[[int], Path]) -> None:
    size = (APART + 4) * PORTION
    path = evidence(size)
    with digest_of(path) as (digest, steps, their_steps, their_hashed):
        following = threading.Thread(target=digest.follow, args=(steps,))
        following.start()
        wait_until(lambda: digest.done == APART * PORTION)
        time.sleep(0.1)
        assert digest.done == APART * PORTION
        os.write(their_steps, b"d")
        wait_until(lambda: digest.done == (APART + 1) * PORTION)
        assert read_exactly(their_hashed, APART + 1) == b"h" * (APART + 1)
        os.write(their_steps, b".")
        wait_until(lambda: digest.done == size)
        os.write(their_steps, b"?")
        following.join()
        assert digest.sha256 == sha256_of(path)


def test_where_no_core_is_ever_idle_the_other_thread_hashes(
    evidence: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing._Digest, "_when_idle", lambda self: None)
    size = (2 * APART) * PORTION
    path = evidence(size)
    with digest_of(path) as (digest, steps, their_steps, their_hashed):
        following = threading.Thread(target=digest.follow, args=(steps,))
        following.start()
        pace = Pace(their_hashed, their_steps)
        for portion in range(1, 2 * APART + 1):
            pace.decoded(portion * PORTION)
            assert digest.done >= (portion - APART) * PORTION
        pace.end()
        time.sleep(0.1)
        assert digest.done < size  # nobody waits for it yet
        os.write(their_steps, b"?")
        following.join()
        assert digest.sha256 == sha256_of(path)


def test_nobody_waits_for_a_thread_that_is_not_run(
    evidence: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = evidence(3 * PORTION)
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
    with digest_of(path) as (digest, steps, their_steps, their_hashed):
        os.write(their_steps, b".?")
        digest.follow(steps)
        found = digest.sha256
        runs_again.set()
        assert has_run.wait(30)
        assert digest.sha256 == found == sha256_of(path)
        assert os.read(their_hashed, 1 << 10) == b"h" * 3


def test_the_decoding_of_a_file_that_has_grown_goes_on(evidence: Callable[[int], Path]) -> None:
    path = evidence(PORTION)
    with hashing.hashing(str(path)) as process:
        decoded_to_the_end(process, (3 * APART) * PORTION)
        assert process.sha256(state_of(path)) == sha256_of(path)


def test_the_decoding_goes_on_when_the_hashing_is_gone(evidence: Callable[[int], Path]) -> None:
    path = evidence(PORTION)
    with hashing.hashing(str(path)) as process:
        process._process.kill()
        process._process.wait()
        decoded_to_the_end(process, 2 * APART * PORTION)
        with pytest.raises(ChildProcessError, match="exit code -9"):
            process.sha256(state_of(path))


def portions_hashed(process: Hashing) -> int:
    """Return how many portions the process has told of, of which nobody has read yet."""
    return int.from_bytes(fcntl.ioctl(process.pace[0], termios.FIONREAD, bytes(4)), sys.byteorder)


def has_open(pid: int, path: Path) -> bool:
    fds = Path(f"/proc/{pid}/fd")
    return any(fd.is_symlink() and os.readlink(fd) == str(path) for fd in fds.iterdir())


def change(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"X")


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"X")


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (change, "written to"),
        (grow, "written to"),
        (lambda path: os.truncate(path, 5), "was cut|written to"),
        (lambda path: os.utime(path, ns=(0, 1)), "written to"),
    ],
    ids=["changed", "grown", "cut", "touched"],
)
def test_a_file_that_changes_has_no_hash_here(
    happens: Callable[[Path], None], said: str, evidence: Callable[[int], Path]
) -> None:
    size = (APART + 4) * PORTION
    path = evidence(size)
    before = state_of(path)
    with hashing.hashing(str(path)) as process:
        # It waits for the decoding then, and has no window laid over the file, whose loss would end it.
        wait_until(lambda: portions_hashed(process) == APART)
        time.sleep(0.02)  # times of change are those of the system's clock ticks
        happens(path)
        decoded_to_the_end(process, size)
        with pytest.raises(ReadAgain, match=said):
            process.sha256(before)


def test_another_file_than_the_decodings_has_no_hash_here(evidence: Callable[[int], Path], tmp_path: Path) -> None:
    path = evidence(5000)
    other = tmp_path / "other"
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    with hashing.hashing(str(path)) as process, pytest.raises(ReadAgain, match="replaced"):
        process.sha256(state_of(other))


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with hashing.hashing(str(tmp_path / "none")) as process, pytest.raises(ReadAgain, match="could not be read"):
        process.sha256((0, 0, 0, 0, 0))


@pytest.mark.parametrize("cut", [False, True])
def test_where_the_system_shows_no_windows_the_file_is_read(
    cut: bool, evidence: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENODEV, "no such device")

    monkeypatch.setattr(mmap, "mmap", refused)
    size = hashing.WINDOW_BYTES + 5
    path = evidence(size)
    hashed = hashlib.sha256()
    digest = hashing._Digest(os.open(path, os.O_RDONLY), size, -1)
    if cut:
        os.truncate(path, 100)
        with pytest.raises(ValueError, match="ends before"):
            digest._next()
    else:
        digest._catch_up(size)
        hashed.update(path.read_bytes())
        assert digest.sha256 == hashed.hexdigest()
    os.close(digest._fd)


def test_where_no_thread_can_be_started_all_is_hashed(
    evidence: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    path = evidence(PORTION + 1)
    with digest_of(path) as (digest, steps, their_steps, _):
        os.write(their_steps, b"d.?")
        digest.follow(steps)
        assert digest.sha256 == sha256_of(path)


def test_hashing_ends_when_all_others_are_gone(evidence: Callable[[int], Path]) -> None:
    path = evidence(5)
    steps, their_step = os.pipe()
    digest = hashing._Digest(os.open(path, os.O_RDONLY), 5, -1)
    os.close(their_step)
    with pytest.raises(EOFError):
        digest.follow(steps)
    os.close(steps)
    os.close(digest._fd)


def test_what_was_opened_is_closed_where_no_process_can_be_started(
    evidence: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise BlockingIOError("too many processes")

    path = evidence(5)
    monkeypatch.setattr(child, "start", refused)
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(BlockingIOError):
        Hashing(str(path))
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_new_process_does_the_same(evidence: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise BlockingIOError("too many processes")

    monkeypatch.setattr(child, "can_copy", lambda: True)
    monkeypatch.setattr(child, "Copy", refused)
    path = evidence(3 * PORTION)
    with hashing.hashing(str(path)) as process:
        assert isinstance(process._process, subprocess.Popen)
        decoded_to_the_end(process, 3 * PORTION)
        assert process.sha256(state_of(path)) == sha256_of(path)


@pytest.mark.parametrize(
    "when", ["replaced at once", "written to while decoded", "written to when decoded", "put back"]
)
def test_hash_and_rows_are_of_one_state_of_a_file(when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, new = tmp_path / "box.pcap", tmp_path / "new.pcap"
    shutil.copy(CAPTURE, path)
    new.write_bytes(CAPTURE.read_bytes().replace(b"GET /", b"PUT /"))
    expected = Store.create(tmp_path / "expected")
    analyze_capture(str(new), expected, cores=1)
    started, wanted, batches = Hashing.__init__, Hashing.sha256, Apart.batches
    changes = []

    def change_once(now: str) -> None:
        if now == when and not changes:
            changes.append(now)
            if now == "replaced at once":
                os.utime(new, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
                os.replace(new, path)
            else:
                time.sleep(0.02)  # times of change are those of the system's clock ticks
                before = path.stat()
                path.write_bytes(new.read_bytes())
                if when == "put back":
                    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def start(self: Hashing, name: str) -> None:
        started(self, name)
        if when == "replaced at once":
            wait_until(lambda: has_open(self._process.pid, path))
            change_once("replaced at once")
        else:  # it begins late
            os.kill(self._process.pid, signal.SIGSTOP)

    def read(self: Apart) -> Iterator[Any]:
        for batch in batches(self):
            change_once("written to while decoded")
            yield batch

    def ask(self: Hashing, state: Any) -> str:
        change_once("written to when decoded")
        change_once("put back")
        os.kill(self._process.pid, signal.SIGCONT)
        return wanted(self, state)

    monkeypatch.setattr(capture_file, "APART_FROM_BYTES", 0)
    monkeypatch.setattr(Hashing, "__init__", start)
    monkeypatch.setattr(Hashing, "sha256", ask)
    monkeypatch.setattr(Apart, "batches", read)
    store = Store.create(tmp_path / "case")
    analyze_capture(str(path), store, cores=2)
    assert changes == [when]
    (manifest,), (of_new,) = store.manifests(), expected.manifests()
    assert manifest["sha256"] == of_new["sha256"]
    methods = "SELECT method, count(*) FROM http GROUP BY ALL"
    assert open_case(store.root).sql(methods).equals(open_case(expected.root).sql(methods))
    told = open_case(store.root).sql("SELECT name, detail FROM anomalies WHERE name LIKE 'CAPTURE%'")
    assert told.name.tolist() == ["CAPTURE_read_again"]
    assert "written to, or replaced" in told.detail.item()


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
