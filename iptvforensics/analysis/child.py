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

from .options import ReadAgain

_DESCRIPTORS = "/proc/self/fd"
NICENESS = 3
"""How far children step back: all wait for the parsers, which must not share their core with others evenly."""


class Child(Protocol):
    """A child process."""

    def kill(self) -> None:
        """End the process, if it has not ended."""

    def wait(self) -> int:
        """Return the exit code (negative: a signal) when the process has ended."""


class Copy:
    """A copy of this process that runs a function, which ends it."""

    def __init__(self, run: Callable[[], NoReturn], kept: Sequence[int]) -> None:
        """Start the copy.

        Args:
            run: ends the process by itself.
            kept: file descriptors that it needs.
        """
        self._code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _become(run, kept)
        try:
            self._handle = os.pidfd_open(self.pid)
        except OSError:  # no descriptor to be had
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            raise

    def kill(self) -> None:
        """End the process, if it has not ended."""
        if self._code is None:
            # Not by its number, which may be another's: the program that uses this library may let its children go.
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def wait(self) -> int:
        """Return the exit code (negative: a signal) when the process has ended."""
        if self._code is None:
            try:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:  # the program that uses this library asks for every child that ends
                self._code = 0
            os.close(self._handle)
        return self._code


def _become(run: Callable[[], NoReturn], kept: Sequence[int]) -> NoReturn:
    """Run a function in the copy, and nothing of what the process that was copied was about to do."""
    try:
        for number in signal.valid_signals():  # a new process would have no handlers, either
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        _close_others(kept)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in {0, 1}.difference(kept):  # a program may have closed these, so that they are others now
            os.dup2(nothing, standard)
        run()
    finally:
        os._exit(1)


def _close_others(kept: Sequence[int]) -> None:
    """Close what the program had open: whoever waits for the end of a pipe would wait for this process."""
    for fd in map(int, os.listdir(_DESCRIPTORS)):
        if fd > 2 and fd not in kept:
            with suppress(OSError):  # that of the list itself
                os.close(fd)


def can_copy() -> bool:
    """Return True if this process has no thread but this one, of whatever library, and the system allows it."""
    try:
        os.close(os.pidfd_open(os.getpid()))
        return len(os.listdir("/proc/self/task")) == 1
    except (AttributeError, OSError):
        return False


def start(work: Callable[..., NoReturn], task: dict[str, Any], kept: Sequence[int]) -> Child:
    """Return a child that calls a function of a module, which ends it.

    Args:
        work: the function.
        task: its arguments, which JSON can write.
        kept: file descriptors that the child needs; it has no others but those of its standard streams.
    """
    if can_copy():
        with suppress(OSError):  # no memory for a copy of a large program
            return Copy(lambda: work(**task), kept)
    code = (
        "import json, sys; task = json.loads(sys.argv[1]); sys.path[:] = task.pop('path'); "
        f"from {work.__module__} import {work.__name__} as work; work(**task)"
    )
    return new(code, json.dumps({**task, "path": sys.path}), kept)


def died(path: str, what: str, code: int) -> Exception:
    """Return the error that says that a child is gone which looked at a file."""
    # 0 is no answer: how it ended was told to another part of this program, so it may have been that signal, too.
    if code in (-signal.SIGBUS, 0):
        return ReadAgain(path, "part of it could not be read any more")
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
