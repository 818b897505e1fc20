"""Starts a child process: a copy of this one where that is safe, else a new one.

A copy (fork) has all that is loaded here, which a new process loads again for a tenth of a second of processor time.
It is safe only where no other thread is: that may hold a lock, for which the copy, which lacks the thread, would wait.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn, Protocol

NICENESS = 3
"""How far children step back: all wait for the parsers, which must not share their core with others evenly."""


class LostPages(ChildProcessError):
    """A file that children looked at is not what it was any more, or cannot be read on."""

    def __init__(self, path: str, why: str = "part of it could not be read any more") -> None:
        super().__init__(f"{path}: {why}")
        self.why = why


class Child(Protocol):
    """A child process."""

    pid: int

    def kill(self) -> None:
        """End the process, if it has not ended."""

    def wait(self) -> int:
        """Return the exit code (negative: a signal) when the process has ended."""


class Copy:
    """A copy of this process that runs a function, which ends it."""

    def __init__(self, run: Callable[[], NoReturn], kept: Sequence[int], closed: Sequence[int]) -> None:
        """Start the copy.

        Args:
            run: ends the process by itself.
            kept: file descriptors that it needs.
            closed: those that it must not hold open: whoever waits for their other end would wait for ever.
        """
        self._code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _become(run, kept, closed)

    def kill(self) -> None:
        """End the process, if it has not ended."""
        if self._code is None:
            with suppress(ProcessLookupError):  # the program that uses this library lets its children go
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Return the exit code (negative: a signal) when the process has ended."""
        if self._code is None:
            try:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:  # the program that uses this library asks for every child that ends
                self._code = 0
        return self._code


def _become(run: Callable[[], NoReturn], kept: Sequence[int], closed: Sequence[int]) -> NoReturn:
    """Run a function in the copy, and nothing of what the process that was copied was about to do."""
    try:
        for number in signal.valid_signals():  # a new process would have no handlers, either
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        for fd in closed:
            os.close(fd)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in {0, 1}.difference(kept):  # a program may have closed these, so that they are others now
            os.dup2(nothing, standard)
        run()
    finally:
        os._exit(1)


def can_copy() -> bool:
    """Return True if this process has no thread but this one, of whatever library."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def start(work: Callable[..., NoReturn], task: dict[str, Any], kept: Sequence[int], closed: Sequence[int]) -> Child:
    """Return a child that calls a function of a module, which ends it.

    Args:
        work: the function.
        task: its arguments, which JSON can write.
        kept: file descriptors that the child needs.
        closed: those that it must not hold open.
    """
    if can_copy():
        with suppress(OSError):  # no memory for a copy of a large program
            return Copy(lambda: work(**task), kept, closed)
    code = (
        "import json, sys; task = json.loads(sys.argv[1]); sys.path[:] = task.pop('path'); "
        f"from {work.__module__} import {work.__name__} as work; work(**task)"
    )
    return new(code, json.dumps({**task, "path": sys.path}), kept)


def died(path: str, what: str, code: int) -> ChildProcessError:
    """Return the error that says that a child is gone which looked at a file."""
    if code == -signal.SIGBUS:
        return LostPages(path)
    return ChildProcessError(f"{path}: the {what} process died with exit code {code}")


def leave_no_core() -> None:
    """Ask for no core file of this process should it die: losing a page is no fault to look into."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def new(code: str, argument: str, kept: Sequence[int]) -> Child:
    """Return a new Python that runs code with one argument."""
    import subprocess

    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, argument],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=kept,
    )
