"""The decoding of a capture in a process of its own, beside that of the parsers.

Parsers are Python and hold the interpreter lock nearly all the time; decoding asks for it between any two kernels, and
waits. A second process has a lock of its own. Arrays lie in memory that both see, messages go through pipes:

* from the decoding process: `secrets` (before the first batch), `progress`, `announce`, `batch`, at last `report`; or
  `error` with an exception;
* to it: a byte for each batch that is done with. At most `BATCHES_ALIVE` are there;
* to and from the process that hashes the file (`hashing`): how far either is.

The process is a copy of this one where there are no threads, as in the command; elsewhere a plain child, as `workers`
starts them, so that nothing is needed of the program that uses the library (it may have threads, be a notebook, or be
read from standard input). It ends when its pipes do. Linux only: elsewhere, and for small captures, pipes and URLs, a
thread does the work (`ahead`).
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from .. import kernel
from ..flows.batch import BATCHES_ALIVE, StreamBatch, directions_of
from . import child
from .hashing import Hashing, Pace

if TYPE_CHECKING:
    from ..capture import Secret
    from .arena import Arena
    from .report import Report

_COLUMNS = ("offset", "length", "frame", "ns", "kind", "data")


def is_possible() -> bool:
    """Return True if this system can share memory with a child process by an anonymous file."""
    if sys.platform != "linux" or not hasattr(os, "memfd_create") or not sys.executable:
        return False
    try:
        os.close(os.memfd_create("iptvforensics"))
    except OSError:  # forbidden here
        return False
    return True


class Apart:
    """The other end: gives what the decoding process says."""

    def __init__(
        self,
        path: str,
        *,
        block_bytes: int,
        speed: str,
        progress: Callable[[int], None] | None,
        announce: Callable[[str], None] | None,
        hashing: Hashing | None = None,
    ) -> None:
        """Start the process.

        Args:
            path: a local file.
            block_bytes: most bytes read per block.
            speed: that of the kernels.
            progress: called with the place in the file after each block.
            announce: called with a line before the kernels are compiled.
            hashing: the file's hash is made there, and the file looked at where the system keeps it; None: it is read,
                and hashed as it is read.
        """
        self.path = path
        self._hashing = hashing
        self._sha256: str | None = None
        self.early_secrets: list[Secret] = []
        """Secrets that stand in the file before its first frame; known when the first batch comes."""
        self._progress = progress
        self._announce = announce
        self._report: Report | None = None
        self._arena: Arena | None = None
        self._releasing: list[Thread] = []
        self._is_forgotten = False
        self._memory = os.memfd_create("iptvforensics")
        to_read, their_out = os.pipe()
        their_in, to_write = os.pipe()
        fds = (self._memory, their_in, their_out)
        pace = hashing.pace if hashing is not None else ()
        task: dict[str, Any] = {
            "capture": path,
            "block_bytes": block_bytes,
            "speed": speed,
            "tells_progress": progress is not None,
            "fds": fds,
            "pace": pace,
        }
        self._messages: BinaryIO = os.fdopen(to_read, "rb")
        self._permits: BinaryIO = os.fdopen(to_write, "wb", buffering=0)
        try:
            if child.can_copy():
                kernel.prepare()  # both need it, and what is loaded may start threads
            self._process = child.start(work, task, (*fds, *pace))
        except BaseException:
            self._messages.close()
            self._permits.close()
            os.close(self._memory)
            raise
        finally:
            os.close(their_in)
            os.close(their_out)

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._report is None:
            self._process.kill()
        self._permits.close()
        self._messages.close()
        self._process.wait()
        self.forget()
        for thread in self._releasing:
            thread.join()

    def batches(self) -> Iterator[StreamBatch]:
        """Yield what the blocks of the capture add to the streams.

        Raises:
            ReadAgain: the process has died because part of the file was not there any more.
            ChildProcessError: the process has died.
            CaptureError: the file cannot be read as evidence (and whatever else happened there).
        """
        while True:
            kind, value = self._receive()
            if kind == "batch":
                yield self._batch(*value)
                with suppress(BrokenPipeError):  # that was the last one
                    self._permits.write(b"+")
            elif kind == "secrets":
                self.early_secrets.extend(value)
            elif kind == "progress" and self._progress is not None:
                self._progress(value)
            elif kind == "announce" and self._announce is not None:
                self._announce(value)
            elif kind == "report":
                self._report = self._with_flows(*value)
                return
            elif kind == "error":
                raise value

    def report(self) -> Report:
        """Return what is known of the whole, after the last batch."""
        if self._report is None:
            raise RuntimeError("the capture was not read to its end")
        return self._report

    def sha256(self) -> str:
        """Return the SHA-256 of the evidence file, when it is known.

        Raises:
            ReadAgain: the file is not what it was any more.
            ChildProcessError: the process that hashes it has died.
        """
        if self._hashing is not None:
            return self._hashing.sha256(self.report().file_state)
        if self._sha256 is None:
            raise RuntimeError("the capture was not read to its end")
        return self._sha256

    def forget(self) -> None:
        """Give back the memory of the batches: none of them is looked at any more."""
        if not self._is_forgotten:
            self._is_forgotten = True
            self._beside(self._give_back)

    def _beside(self, release: Callable[[], None]) -> None:
        """Give back memory on a thread: some hundred megabytes take a thirtieth of a second, which another core has."""
        thread = Thread(target=release, name="iptvforensics-memory", daemon=True)
        thread.start()
        self._releasing.append(thread)

    def _give_back(self) -> None:
        if self._arena is not None:
            self._arena.let_go().clear()
        os.close(self._memory)

    def _receive(self) -> tuple[str, Any]:
        size = int.from_bytes(self._messages.read(8), "little")
        message = self._messages.read(size)
        if not size or len(message) < size:
            raise child.died(self.path, "decoding", self._process.wait())
        answer: tuple[str, Any] = pickle.loads(message)  # noqa: S301 (from a child of this process)
        return answer

    def _shared(self) -> Arena:
        if self._arena is None:
            from .arena import Arena

            self._arena = Arena(self._memory)
        return self._arena

    def _batch(self, runs: Any, places: Any, differences: Any, silent: list[int], bursts: Any) -> StreamBatch:
        offset, length, frame, ns, kind, data = map(self._shared().at, places)
        directions = directions_of(runs)
        return StreamBatch(directions, runs, offset, length, frame, ns, kind, data, differences, silent, bursts)

    def _with_flows(self, report: Report, flow: Any, dirs: Any, sha256: str | None) -> Report:
        self._sha256 = sha256
        # Flows and batches would be more than an analysis ever takes elsewhere; parsers keep nothing of the batches.
        self._beside(self._shared().let_go().clear)
        at = self._shared().at
        # Copies: the shared memory is given back only when nothing of it is looked at.
        report.flows = report.flows._replace(flow=at(flow).copy(), dirs=at(dirs).copy())
        return report


@contextmanager
def apart(path: str, **options: Any) -> Iterator[Apart]:
    """Give the decoding of a capture in a process that is started now and ends with the context."""
    process = Apart(path, **options)
    try:
        yield process
    finally:
        process.close()


def work(capture: str, fds: tuple[int, int, int], pace: tuple[int, int] | tuple[()], **options: Any) -> NoReturn:
    """Decode a capture, tell of it, and end the process (which is the decoding one)."""
    os.nice(child.NICENESS)
    if pace:
        child.leave_no_core()  # it may be ended by the loss of a page (`capture.windows`)
    gc.disable()  # there are no cycles, and few objects
    memory, permits_fd, messages_fd = fds
    messages: BinaryIO = os.fdopen(messages_fd, "wb")

    def tell(kind: str, value: Any) -> None:
        message = pickle.dumps((kind, value), protocol=5)
        messages.write(len(message).to_bytes(8, "little") + message)
        messages.flush()

    try:
        _decode(capture, memory, permits_fd, tell, Pace(*pace) if pace else None, **options)
    except (BrokenPipeError, KeyboardInterrupt):
        pass  # nobody listens any more
    except BaseException as error:
        import traceback

        error.add_note(traceback.format_exc())
        with suppress(BrokenPipeError):
            tell("error", error)
    os._exit(0)  # the reading thread may be at work still


def _decode(
    capture: str,
    memory: int,
    permits: int,
    tell: Callable[[str, Any], None],
    pace: Pace | None,
    *,
    block_bytes: int,
    speed: str,
    tells_progress: bool,
) -> None:
    """Decode a capture into memory that the parent sees, and tell it where each batch lies there.

    Args:
        capture: the file.
        memory: descriptor of that memory.
        permits: descriptor of a pipe that has a byte for each batch that the parent is done with.
        tell: sends a message to the parent.
        pace: keeps this near the process that hashes the file; None: it is hashed here.
        block_bytes: most bytes read per block.
        speed: that of the kernels.
        tells_progress: True if the parent wants to know the place in the file after each block.
    """
    from ..capture import CaptureReader

    kernel.use(kernel.SPEEDS[speed], announce=lambda line: tell("announce", line))
    with CaptureReader(capture, block_bytes=block_bytes, hashing=pace is None, maps=pace is not None) as reader:
        from .arena import Arena
        from .decoding import Decoding

        arena = Arena(memory)

        def progress(done: int) -> None:
            if pace is not None:
                pace.decoded(done)
            if tells_progress:
                tell("progress", done)

        decoding = Decoding(reader, zeros=arena.zeros, progress=progress)
        for number, batch in enumerate(decoding.batches()):
            if number == 0:
                tell("secrets", decoding.early_secrets)
            places = [arena.place(getattr(batch, name)) for name in _COLUMNS]
            tell("batch", (batch.runs, places, batch.differences, batch.silent, batch.bursts))
            # The next batch is made in the arrays of the one before this.
            if number + 1 >= BATCHES_ALIVE and not os.read(permits, 1):
                raise BrokenPipeError
        if pace is not None:
            pace.end()
        report = decoding.report()
        flow, dirs = arena.place(report.flows.flow), arena.place(report.flows.dirs)
        none = report.flows.flow[:0].copy()
        report.flows = report.flows._replace(flow=none, dirs=none)  # too large for the pipe
        tell("report", (report, flow, dirs, decoding.sha256() if pace is None else None))
