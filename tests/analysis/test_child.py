"""A child process does what it is told, holds nothing open, and never goes on with what this process was doing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from iptvforensics.analysis import child

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux")

_BEGIN = "import os, threading\nfrom iptvforensics.analysis import child\n"


def said(code: str) -> str:
    """Return what a program of its own prints: a copy is made of that, and not of the tests with their threads."""
    run = subprocess.run([sys.executable, "-c", _BEGIN + code], capture_output=True, text=True, timeout=60, check=True)
    return run.stdout


def test_a_copy_has_what_was_there_and_ends_as_it_likes() -> None:
    code = """
to_read, to_write = os.pipe()
known = ["made before"]
def run():
    os.write(to_write, known[0].encode())
    os._exit(7)
copy = child.Copy(run, (to_write,))
os.close(to_write)
print(os.read(to_read, 100), os.read(to_read, 100), copy.wait(), copy.wait())
"""
    assert said(code) == "b'made before' b'' 7 7\n"


@pytest.mark.parametrize("end", ["return", "raise KeyboardInterrupt", "raise SystemExit(0)"])
def test_a_copy_never_goes_on_with_what_this_process_was_doing(end: str) -> None:
    code = f"""
def run():
    {end}
copy = child.Copy(run, ())
print("said once", copy.wait())
"""
    assert said(code) == "said once 1\n"


def test_a_copy_prints_nothing_and_is_killed_once() -> None:
    code = """
import time
def run():
    print("lost", flush=True)
    time.sleep(60)
copy = child.Copy(run, ())
copy.kill()
print(copy.wait())
copy.kill()
"""
    assert said(code) == "-9\n"


def test_signals_end_a_copy_whatever_this_process_does_about_them() -> None:
    code = """
import signal
for number in (signal.SIGBUS, signal.SIGINT):
    signal.signal(number, lambda *_: print("caught"))
copies = []
for number in (signal.SIGBUS, signal.SIGINT):
    copies.append(child.Copy(lambda: os.kill(os.getpid(), number), ()))
print(*(copy.wait() for copy in copies))
"""
    assert said(code) == "-7 -2\n"


def test_a_copy_that_somebody_else_has_asked_about_has_ended() -> None:
    code = """
copy = child.Copy(lambda: os._exit(3), ())
os.waitpid(copy.pid, 0)
print(copy.wait())
"""
    assert said(code) == "0\n"


@pytest.mark.parametrize(("code", "kind"), [(-7, "ReadAgain"), (0, "ReadAgain"), (1, "ChildProcessError")])
def test_a_file_is_read_again_where_a_page_is_lost_or_may_be(code: int, kind: str) -> None:
    assert type(child.died("box.pcap", "decoding", code)).__name__ == kind


def test_a_copy_whose_end_was_told_to_somebody_else_is_not_killed_by_its_number() -> None:
    code = """
copy = child.Copy(lambda: os._exit(3), ())
os.waitpid(copy.pid, 0)
copy.pid = os.getpid()
copy.kill()
print("alive")
"""
    assert said(code) == "alive\n"


def test_a_copy_holds_nothing_open_that_it_was_not_given() -> None:
    code = """
import time
to_read, to_write = os.pipe()  # of the program that uses this library
kept = os.pipe()
def run():
    os.write(kept[1], b"begun")
    time.sleep(60)
copy = child.Copy(run, kept)
os.read(kept[0], 5)
os.close(to_write)
print(os.read(to_read, 1))
copy.kill()
print(copy.wait())
"""
    assert said(code) == "b''\n-9\n"


def test_no_copy_is_made_beside_threads() -> None:
    code = """
done = threading.Event()
thread = threading.Thread(target=done.wait)
print(child.can_copy())
thread.start()
print(child.can_copy())
done.set()
"""
    assert said(code) == "True\nFalse\n"


def test_a_new_process_gets_its_argument_and_what_is_kept() -> None:
    code = """
to_read, to_write = os.pipe()
new = child.new("import os, sys; print('lost'); os.write(int(sys.argv[1]), b'kept')", str(to_write), (to_write,))
os.close(to_write)
print(os.read(to_read, 100), os.read(to_read, 100), new.wait())
"""
    assert said(code) == "b'kept' b'' 0\n"
