"""Tests of the rule that no test is skipped where everything should be there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
TESTS = """
import pytest

def test_skipped():
    pytest.skip({reason!r})

def test_runs():
    pass
"""


def run(folder: Path, reason: str, *options: str) -> int:
    tests = folder / "checkout" / "tests"
    tests.mkdir(parents=True)
    (tests / "conftest.py").write_bytes(CONFTEST.read_bytes())
    (tests / "test_it.py").write_text(TESTS.format(reason=reason))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(tests)]
    environment = {**os.environ, "PYTEST_ADDOPTS": ""}
    return subprocess.run(command, capture_output=True, env=environment, cwd=folder, check=False).returncode


def test_a_skip_passes_by_default(tmp_path: Path) -> None:
    assert run(tmp_path, "ffmpeg is not installed") == 0


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_skip_fails_when_strict(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert run(tmp_path, "ffmpeg is not installed", "--strict-skips", *options) == 1


@pytest.mark.parametrize(("why", "code"), [("it needs root", 0), ("programs that are not installed: nginx", 1)])
def test_the_lab_may_lack_rights_but_no_programs(tmp_path: Path, why: str, code: int) -> None:
    assert run(tmp_path, f"the lab cannot run: {why}", "--strict-skips") == code


def test_public_captures_may_be_absent(tmp_path: Path) -> None:
    assert run(tmp_path, "the public captures are not beside the repository", "--strict-skips") == 0


def test_public_captures_that_are_there_must_be_used(tmp_path: Path) -> None:
    (tmp_path / "shared" / "captures").mkdir(parents=True)
    assert run(tmp_path, "the public captures are not beside the repository", "--strict-skips") == 1
