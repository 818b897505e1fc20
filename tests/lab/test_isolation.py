"""Whatever happens to a run, nothing of it is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .isolation import TIMED_OUT, isolated, unable

needs_namespaces = pytest.mark.skipif(bool(unable([])), reason=f"the lab cannot run: {unable([])}")
ROOT = Path(__file__).parents[2]
PROGRAM = """
import subprocess, sys, time
from tests.lab.isolation import isolated
def work():
    subprocess.run(["ip", "netns", "add", "left-over"], check=True)
    subprocess.Popen(["sleep", "271"])
    print("ready", flush=True)
    time.sleep(60)
    return 0
sys.exit(isolated(work, 50))
"""


def sleeping():
    return subprocess.run(["pgrep", "-f", "sleep 271"], capture_output=True, text=True, check=False).stdout.split()


def test_missing_programs_are_named():
    assert "no-such-program" in unable(["no-such-program", "sh"])


def test_who_is_not_root_is_told(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "root" in unable([])


@needs_namespaces
def test_exit_code_and_failure():
    assert isolated(lambda: 7, 20) == 7
    assert isolated(lambda: 1 // 0, 20) == 1


@needs_namespaces
def test_a_run_ends_when_its_time_is_up():
    assert isolated(lambda: time.sleep(30) or 0, 1) == TIMED_OUT


@needs_namespaces
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_after_a_signal(number):
    with subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline() == "ready\n"
        assert sleeping()
        program.send_signal(number)
        program.wait(20)
    end = time.monotonic() + 5
    while sleeping() and time.monotonic() < end:
        time.sleep(0.1)
    assert not sleeping()
    assert "left-over" not in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
