"""Folders in the making: put in place whole or not at all, and removed only where nobody is at them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iptvforensics import folders
from iptvforensics.folders import MANIFEST, begun, here, put_in_place, remove_leftovers


def made(parent: Path, text: str) -> Path:
    part = begun(parent)
    (part / MANIFEST).write_text(text)
    return part


def names(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.iterdir())


def test_a_folder_takes_the_place_of_the_former_one(tmp_path: Path) -> None:
    for text in ("first", "second"):
        assert put_in_place(made(tmp_path, text), tmp_path / "place")
        assert (tmp_path / "place" / MANIFEST).read_text() == text
        assert names(tmp_path) == ["place"]


def test_a_whole_folder_that_another_process_has_just_put_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = made(tmp_path, "late")
    replace = os.replace

    def before(source: Path, target: Path) -> None:
        """Let another process be faster."""
        if source == part:
            monkeypatch.undo()
            assert put_in_place(made(tmp_path, "other"), tmp_path / "place")
        replace(source, target)

    assert put_in_place(made(tmp_path, "first"), tmp_path / "place")
    monkeypatch.setattr(os, "replace", before)
    assert not put_in_place(part, tmp_path / "place")
    assert (tmp_path / "place" / MANIFEST).read_text() == "other"
    assert names(tmp_path) == ["place"]


def test_what_was_there_is_put_back_when_the_new_one_cannot_take_its_place(tmp_path: Path) -> None:
    assert put_in_place(made(tmp_path, "first"), tmp_path / "place")
    with pytest.raises(FileNotFoundError):
        put_in_place(tmp_path / ".gone", tmp_path / "place")
    assert (tmp_path / "place" / MANIFEST).read_text() == "first"
    assert names(tmp_path) == ["place"]


def test_leftovers_of_dead_processes_only_are_removed(tmp_path: Path) -> None:
    mine = begun(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    other = tmp_path / f".{here()}-{process.pid}-{'0' * 12}"
    other.mkdir()
    (tmp_path / ".something-else").mkdir()
    assert remove_leftovers(tmp_path) == 0
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # killed, but nobody has asked how it ended
    assert remove_leftovers(tmp_path) == 1
    process.communicate()
    assert names(tmp_path) == sorted([mine.name, ".something-else"])
    assert remove_leftovers(tmp_path / "none") == 0


def test_what_another_machine_is_at_is_left_until_it_is_old(tmp_path: Path) -> None:
    foreign = tmp_path / f".{'0' * 12}-{2**22 + 1}-{'0' * 12}"  # no process here has this number
    foreign.mkdir()
    assert remove_leftovers(tmp_path) == 0
    old = foreign.stat().st_mtime - folders.FOREIGN_AGE_S - 60
    os.utime(foreign, (old, old))
    assert remove_leftovers(tmp_path) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("is_there", [False, True])
def test_what_was_being_replaced_when_the_process_was_killed_is_put_back(tmp_path: Path, is_there: bool) -> None:
    old = tmp_path / f".{here()}-{2**22 + 1}-{'0' * 12}.old.place"
    old.mkdir()
    if is_there:
        (tmp_path / "place").mkdir()
    assert remove_leftovers(tmp_path) == int(is_there)
    assert names(tmp_path) == ["place"]
