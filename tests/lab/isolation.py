"""A run of the lab shut off from the machine: nothing of it can outlive it, however it ends.

`isolated` runs a function in a child process with mounts and process ids of its own. The names of network namespaces
live in those mounts, every program that is started has a process id of those: when the child ends (done, failed,
interrupted, killed, out of time), the kernel ends all its programs and removes all its namespaces.

Known limitations: needs root on Linux; files that the run writes stay.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable

CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
PR_SET_PDEATHSIG = 1
TIMED_OUT = 124


class LabError(Exception):
    """The lab cannot run, or a run went wrong; the message says what to do."""


def unable(programs: Iterable[str]) -> str:
    """Return why a run is not possible here; "" if it is."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "the lab makes network namespaces, for which it needs root on Linux"
    done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, text=True,
                          timeout=20, check=False)  # fmt: skip
    if done.returncode:
        return f"this machine does not let root make namespaces (a container?): {done.stderr.strip()}"
    missing = sorted({name for name in programs if not shutil.which(name)})
    if missing:
        return f"programs that are not installed: {', '.join(missing)} (make check-tools installs what tests need)"
    return ""


def isolated(work: Callable[[], int], seconds: int) -> int:
    """Return the exit code of `work`, run shut off and for `seconds` at most."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()
    middle = os.fork()  # only children of a process that unshared its process ids get new ones
    if middle == 0:
        os._exit(_keeper(libc, parent, work, seconds))
    forward = {
        sig: signal.signal(sig, lambda number, _: _send(middle, number)) for sig in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        return os.waitstatus_to_exitcode(os.waitpid(middle, 0)[1])
    finally:
        for number, before in forward.items():
            signal.signal(number, before)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _keeper(libc: ctypes.CDLL, parent: int, work: Callable[[], int], seconds: int) -> int:
    """Make the namespaces, start the first process in them, and end with it."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent or libc.unshare(CLONE_NEWNS | CLONE_NEWPID):
        sys.stderr.write(f"no namespaces: {os.strerror(ctypes.get_errno())}\n")
        return 1
    first = os.fork()
    if first == 0:
        os._exit(_first(libc, work, seconds))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _, __: _send(first, signal.SIGTERM))
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF


def _first(libc: ctypes.CDLL, work: Callable[[], int], seconds: int) -> int:
    """Run `work` as process 1 of the new process ids: with its end all the others end."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C reaches the whole group; the keeper passes it on
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(seconds)
    try:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True, timeout=20)
        subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True, timeout=20)
        for folder in ("/run/netns", "/etc/netns"):
            os.makedirs(folder, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True, timeout=20)
        return work()
    except LabError as error:
        sys.stderr.write(f"lab: {error}\n")
        return 1
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _stop(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)


def _late(number: int, frame: object) -> None:
    sys.stderr.write("lab: the run took too long and was ended\n")
    sys.exit(TIMED_OUT)
