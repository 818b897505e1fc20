"""The SHA-256 of an evidence file by a process of its own, beside the decoding.

Nothing needs the hash before the end of an analysis, and it needs nothing of the others. So it is made by a thread that
the system runs when a core has nothing else to do (`SCHED_IDLE`): while programs are loaded, while the parsers wait,
while sessions are made. Where no core is ever free, it falls behind, and a second thread with a priority like others'
takes its place until it has caught up (`LATE_PORTIONS`). It is never further from the decoding than `PORTIONS_APART`,
so that the file comes from its disk once: whoever is behind finds it in the system's memory.

What is hashed and what is decoded are two looks at the same file. Unless it is the same one, of the same length and
not changed since, when either look begins and when all is over, there is no hash here (`ReadAgain`): the file is read
once more, and each byte is hashed as it is read (`capture.source`). The same is done with whatever cannot be read here.

Three pipes:

    decoding --steps--> hashing     a byte for each portion decoded, one for its end, one (of the parent) for the answer
    hashing --hashed--> decoding    a byte for each portion hashed
    hashing --answer--> parent      JSON: the hash, what file it is of, or why there is none

**Known limitations**: what is written within one tick of the system's clock (some milliseconds) after the file was
opened is not noticed.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread
from typing import Any, NoReturn

from ..capture.source import FileState, file_state_of
from . import child
from .options import ReadAgain

PORTION_BYTES = 32 << 20
PORTIONS_APART = 8
"""Hashing and decoding are told of each other's portions; whoever is further ahead than so many waits."""
LATE_PORTIONS = PORTIONS_APART // 2
"""Hashing that is further behind catches up to half of that before it is left to idle cores again."""
WINDOW_BYTES = 2 << 20
"""Looked at and hashed in one go. A portion is a number of windows: so one ends where each portion does."""
_DECODED, _ALL_DECODED, _WANTED = b"d", b".", b"?"
_HASHED = b"h"


class Pace:
    """What keeps the decoding near the hashing."""

    def __init__(self, hashed: int, steps: int) -> None:
        """Read and write the decoding's ends of two pipes."""
        self._hashed, self._steps = hashed, steps
        self._portions = 0
        self._is_alone = False

    def decoded(self, place: int) -> None:
        """Say how far the decoding is; return when the hashing is near enough."""
        while self._portions < place // PORTION_BYTES and not self._is_alone:
            self._portions += 1
            self._tell(_DECODED)
            # Nothing to hear: the hashing has died, which its parent will say.
            self._is_alone = self._portions > PORTIONS_APART and not os.read(self._hashed, 1)

    def end(self) -> None:
        """Say that there is no more to decode."""
        self._tell(_ALL_DECODED)

    def _tell(self, what: bytes) -> None:
        with suppress(BrokenPipeError):
            os.write(self._steps, what)


class Hashing:
    """The hashing of a file that goes on beside what this process does."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._sha256: str | None = None
        self._answer, answer = os.pipe()
        steps, self._steps = os.pipe()
        self._hashed, hashed = os.pipe()
        theirs = (answer, steps, hashed)
        self._ours = (self._answer, self._steps, self._hashed)
        try:
            self._process = child.start(work, {"capture": path, "fds": theirs}, theirs)
        except BaseException:
            self._close_pipes()
            raise
        finally:
            for fd in theirs:
                os.close(fd)

    @property
    def pace(self) -> tuple[int, int]:
        """File descriptors for the `Pace` of the decoding."""
        return self._hashed, self._steps

    def sha256(self, file_state: FileState | None) -> str:
        """Return the SHA-256 of the file, when it is known.

        Args:
            file_state: what the decoding knows the file by (`CaptureReader.file_state`).

        Raises:
            ReadAgain: it could not be read, or is not the file that was decoded.
            ChildProcessError: the process has died.
        """
        if self._sha256 is None:
            with suppress(BrokenPipeError):
                os.write(self._steps, _WANTED)
            answer = b"".join(iter(lambda: os.read(self._answer, 1 << 16), b""))
            if not answer:
                raise child.died(self.path, "hashing", self._process.wait())
            found = json.loads(answer)
            if found["why"]:
                raise ReadAgain(self.path, found["why"])
            if not list(file_state or ()) == found["opened"] == found["ended"]:
                raise ReadAgain(self.path, "it was written to, or replaced, while it was read")
            self._sha256 = found["sha256"]
        return self._sha256

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._sha256 is None:
            self._process.kill()
        self._close_pipes()
        self._process.wait()

    def _close_pipes(self) -> None:
        for fd in self._ours:
            os.close(fd)


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
    answer, steps, hashed = fds
    try:
        try:
            found = _hash(capture, steps, hashed)
        except ValueError:  # a window would not lie in the file
            found = {"why": "it was cut while it was read"}
        except OSError as error:
            found = {"why": f"it could not be read: {error.strerror or error}"}
        os.write(answer, json.dumps(found).encode())
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        os._exit(1)  # nobody wants to know any more
    os._exit(0)


def _hash(capture: str, steps: int, hashed: int) -> dict[str, Any]:
    """Return the SHA-256 of a file as it lies there, and what file it was before and after."""
    with open(capture, "rb", buffering=0) as file:
        opened = file_state_of(file.fileno())
        digest = _Digest(file.fileno(), os.fstat(file.fileno()).st_size, hashed)
        digest.follow(steps)
        ended = file_state_of(file.fileno())
    return {"sha256": digest.sha256, "opened": opened, "ended": ended, "why": ""}


class _Digest:
    """The hash of a file, as far as two threads have come by turns.

    Either begins with a copy of what is known, and what it made counts if the other one has not come as far meanwhile:
    no lock is held for longer than it takes to say so, as a thread that waits for an idle core may wait for long.
    """

    def __init__(self, fd: int, size: int, hashed: int) -> None:
        self._fd, self._size, self._hashed = fd, size, hashed
        self._known = (0, hashlib.sha256())
        self._decoded = 0
        self._is_late = False
        self._changed = Condition()

    @property
    def done(self) -> int:
        """Bytes hashed so far."""
        return self._known[0]

    @property
    def sha256(self) -> str:
        """SHA-256 of those bytes."""
        return self._known[1].hexdigest()

    def follow(self, steps: int) -> None:
        """Return when all is hashed and wanted; do here what nobody else had the time for.

        Raises:
            EOFError: all others are gone.
        """
        with suppress(RuntimeError):  # no thread to be had: then all is done here
            Thread(target=self._when_idle, daemon=True).start()
        late = LATE_PORTIONS * PORTION_BYTES
        while (heard := os.read(steps, 1)) != _WANTED:
            if heard == _DECODED:
                self._decoded += PORTION_BYTES
                if self._decoded > self._size:  # the file has grown, and the decoding waits for what is not hashed here
                    self._tell()
                elif self._decoded - self.done > late:
                    self._catch_up(self._decoded - late // 2)
            elif heard == _ALL_DECODED:
                self._decoded = self._size
            else:
                raise EOFError
            with self._changed:
                self._changed.notify()
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
                with self._changed:
                    self._changed.wait_for(self._has_time)
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
        self._add(digest, done, length)
        with self._changed:
            if self.done != done:
                return
            self._known = (done + length, digest)
        if (done + length) % PORTION_BYTES == 0:
            self._tell()

    def _add(self, digest: Any, at: int, length: int) -> None:
        """Hash bytes of the file, without a copy if the system can show its own."""
        flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_POPULATE", 0)
        try:
            window = mmap.mmap(self._fd, length, flags=flags, prot=mmap.PROT_READ, offset=at)
        except OSError:  # not on every file system
            data = os.pread(self._fd, length, at)
            if len(data) < length:
                raise ValueError("the file ends before") from None
            digest.update(data)
            return
        with window:  # copying takes an eighth of the time of hashing
            digest.update(window)

    def _tell(self) -> None:
        with suppress(BrokenPipeError):
            os.write(self._hashed, _HASHED)
