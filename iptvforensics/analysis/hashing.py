"""The SHA-256 of an evidence file by a process of its own, beside the decoding.

Nothing needs the hash before the end of an analysis, and it needs nothing of the others. So it is made by a thread that
the system runs when a core has nothing else to do (`SCHED_IDLE`): while programs are loaded, while the parsers wait,
while sessions are made. Where no core is ever free, it falls behind, and a second thread with a priority like others'
takes its place until it has caught up (`LATE_PORTIONS`). It is never further from the decoding than `PORTIONS_APART`,
so that the file comes from its disk once: whoever is behind finds it in the system's memory.

What is hashed and what is decoded are two looks at the same file. A file that is another at the end of either look than
at its beginning has no hash here (`LostPages`): it is read once more, and each byte is hashed as it is read
(`capture.source`). The same is done with whatever cannot be read here.

**Known limitations**: a writer who leaves size and time of the last change alone is not noticed.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread
from typing import Any, NoReturn

from . import child
from .child import LostPages

_START = (
    "import json, sys; task = json.loads(sys.argv[1]); sys.path[:] = task.pop('path'); "
    "from iptvforensics.analysis.hashing import work; work(**task)"
)
PORTION_BYTES = 32 << 20
PORTIONS_APART = 8
LATE_PORTIONS = PORTIONS_APART // 2
WINDOW_BYTES = 2 << 20
_DECODED, _ALL_DECODED, _WANTED = b"+", b".", b"?"
_HASHED = b"+"


class Pace:
    """What keeps the decoding near the hashing."""

    def __init__(self, hears: int, tells: int) -> None:
        """Talk to the hashing process through two pipes, of which the one is read and the other written."""
        self._hears, self._tells = hears, tells
        self._portions = 0
        self._is_alone = False

    def decoded(self, place: int) -> None:
        """Say how far the decoding is; return when the hashing is near enough."""
        while self._portions < place // PORTION_BYTES and not self._is_alone:
            self._portions += 1
            self._tell(_DECODED)
            # Nothing to hear: it is done with the file (which has grown), or has died, which its parent will say.
            self._is_alone = self._portions > PORTIONS_APART and not os.read(self._hears, 1)

    def end(self) -> None:
        """Say that there is no more to decode."""
        self._tell(_ALL_DECODED)

    def _tell(self, what: bytes) -> None:
        with suppress(BrokenPipeError):
            os.write(self._tells, what)


class Hashing:
    """The hashing of a file that goes on beside what this process does."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._sha256: str | None = None
        self._result, answers = os.pipe()
        hears, self._tells = os.pipe()
        self._pace_hears, tells = os.pipe()
        fds = (answers, hears, tells)
        ours = (self._result, self._tells, self._pace_hears)
        task: dict[str, Any] = {"capture": path, "fds": fds}
        try:
            self._process = _start(task, fds, ours)
        finally:
            for fd in fds:
                os.close(fd)

    @property
    def pace(self) -> tuple[int, int]:
        """File descriptors for the `Pace` of the decoding: what it hears and where it tells."""
        return self._pace_hears, self._tells

    def sha256(self, size: int) -> str:
        """Return the SHA-256 of a file that was found to be `size` bytes long, when it is known.

        Raises:
            LostPages: it could not be read, or was changed meanwhile.
            ChildProcessError: the process has died.
        """
        if self._sha256 is None:
            with suppress(BrokenPipeError):
                os.write(self._tells, _WANTED)
            answer = b"".join(iter(lambda: os.read(self._result, 1 << 16), b""))
            if not answer:
                code = self._process.wait()
                died = LostPages if code == -signal.SIGBUS else ChildProcessError
                raise died(f"{self.path}: the hashing process died with exit code {code}")
            found = json.loads(answer)
            if found["size"] != size or found["why"]:
                raise LostPages(f"{self.path}: {found['why'] or 'its length has changed'}")
            self._sha256 = found["sha256"]
        return self._sha256

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._sha256 is None:
            self._process.kill()
        for fd in (self._result, self._tells, self._pace_hears):
            os.close(fd)
        self._process.wait()


def _start(task: dict[str, Any], fds: tuple[int, int, int], ours: tuple[int, int, int]) -> child.Child:
    if child.can_copy():
        with suppress(OSError):  # no memory for a copy of a large program
            return child.Copy(lambda: work(**task), fds, ours)
    return child.new(_START, json.dumps({**task, "path": sys.path}), fds)


@contextmanager
def hashing(path: str) -> Iterator[Hashing]:
    """Give the hashing of a file by a process that is started now and ends with the context."""
    process = Hashing(path)
    try:
        yield process
    finally:
        process.close()


def work(capture: str, fds: tuple[int, int, int]) -> NoReturn:
    """Hash a file, tell of it, and end the process (which is the hashing one)."""
    os.nice(child.NICENESS)
    child.leave_no_core()
    result, hears, tells = fds
    answer = {"sha256": "", "size": 0, "why": ""}
    try:
        answer |= _hash(capture, hears, tells)
    except (OSError, ValueError) as error:  # Python says ValueError when a window would not lie in the file
        answer["why"] = f"it cannot be read: {error}"
    with suppress(BrokenPipeError):
        os.write(result, json.dumps(answer).encode())
    os._exit(0)


def _hash(capture: str, hears: int, tells: int) -> dict[str, Any]:
    """Return SHA-256, size and what is wrong with it, of a file as it lies there."""
    with open(capture, "rb", buffering=0) as file:
        opened = os.fstat(file.fileno())
        digest = _Digest(file.fileno(), opened.st_size, tells)
        digest.follow(hears)
        now = os.fstat(file.fileno())
    changed = (now.st_size, now.st_mtime_ns) != (opened.st_size, opened.st_mtime_ns)
    return {
        "sha256": digest.sha256,
        "size": opened.st_size,
        "why": "it was written to while it was read" if changed else "",
    }


class _Digest:
    """The hash of a file, as far as two threads have come by turns.

    Either begins with a copy of what is known, and what it made counts if the other one has not come as far meanwhile:
    so nobody ever waits for a thread that is not run.
    """

    def __init__(self, fd: int, size: int, tells: int) -> None:
        self._fd, self._size, self._tells = fd, size, tells
        self._known = (0, hashlib.sha256())
        self._decoded = 0
        self._is_late = False
        self._turn = Condition()

    @property
    def done(self) -> int:
        """Bytes hashed so far."""
        return self._known[0]

    @property
    def sha256(self) -> str:
        """SHA-256 of those bytes."""
        return self._known[1].hexdigest()

    def follow(self, hears: int) -> None:
        """Return when all is hashed; do here what nobody else had the time for."""
        Thread(target=self._when_idle, daemon=True).start()
        late = LATE_PORTIONS * PORTION_BYTES
        while (heard := os.read(hears, 1)) != _WANTED:
            if heard == _DECODED:
                self._decoded += PORTION_BYTES
                if self._decoded - self.done > late:
                    self._catch_up(self._decoded - late // 2)
            elif heard == _ALL_DECODED:
                self._decoded = self._size
            else:
                os._exit(1)  # all others are gone
            with self._turn:
                self._turn.notify()
        self._catch_up(self._size)

    def _catch_up(self, place: int) -> None:
        self._is_late = True
        while self.done < min(place, self._size):
            self._next()
        self._is_late = False

    def _when_idle(self) -> None:
        with suppress(OSError):  # forbidden here: then like the other
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with suppress(OSError, ValueError):  # the other meets the same, and tells
            while self.done < self._size:
                with self._turn:
                    self._turn.wait_for(self._has_time)
                self._next()

    def _has_time(self) -> bool:
        return not self._is_late and self.done - self._decoded < PORTIONS_APART * PORTION_BYTES

    def _next(self) -> None:
        """Hash the next window; tell the decoding of it, if the other thread has not."""
        done, known = self._known
        length = min(WINDOW_BYTES, self._size - done)
        if length <= 0:
            return
        digest = known.copy()
        # The system's own copy of the file is looked at: copying it once more would take an eighth of the time.
        flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_POPULATE", 0)
        with mmap.mmap(self._fd, length, flags=flags, prot=mmap.PROT_READ, offset=done) as window:
            digest.update(window)
        with self._turn:
            if self.done != done:
                return
            self._known = (done + length, digest)
        if (done + length) % PORTION_BYTES == 0:
            with suppress(BrokenPipeError):
                os.write(self._tells, _HASHED)
