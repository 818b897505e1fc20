"""Folders of a case: made beside their place, renamed into it when they are whole, removed where a run was killed.

A folder in the making has a name with a dot, which says who is at it: 12 hexadecimal digits for the machine as it was
started and the container in it (a case may lie where several of them write), the number of the process, and 12 random
digits. One that is replaced has this name, too, with `.old.` and the name of its place, until the new one stands there.

**Known limitations**: files are not forced to the disk before their folder is renamed, but for the manifest of a
capture: whether all of them outlived a loss of power, `verify` tells. A restart makes what was left before it another
machine's.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import time
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

MANIFEST = "manifest.json"
"""File that is written last into each folder: one that has it is whole."""
FOREIGN_AGE_S = 7 * 24 * 3600
"""Seconds after which what a process left that cannot be asked, on another machine or before a restart, is removed."""

_NAME = re.compile(r"\.([0-9a-f]{12})-([0-9]+)-[0-9a-f]{12}(?:\.old\.(.+))?", re.DOTALL)


@cache
def here() -> str:
    """Return 12 hexadecimal digits that stand for this machine since its start, and for the container in it."""
    marks = [platform.node()]
    with suppress(OSError):  # Linux; elsewhere the name has to do
        marks = [Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"), os.readlink("/proc/self/ns/pid")]
    return hashlib.sha256("\n".join(marks).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def begun(parent: Path) -> Path:
    """Return a new folder to be filled, beside the place that it is for."""
    part = parent / f".{here()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    part.mkdir(parents=True)
    return part


def put_in_place(part: Path, place: Path) -> bool:
    """Return True when a whole folder has been renamed to its place, instead of what was there.

    False: another process has just put a whole one there, which stays. If it fails, what was there is put back.
    """
    old = part.with_name(f"{part.name}.old.{place.name}")
    with suppress(FileNotFoundError):
        os.replace(place, old)
    try:
        os.replace(part, place)
    except OSError:
        if not (place / MANIFEST).exists():
            with suppress(OSError):
                os.replace(old, place)
            raise
        shutil.rmtree(part, ignore_errors=True)
        return False
    finally:
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)
    return True


def remove_leftovers(parent: Path) -> int:
    """Return how many folders were removed whose process was killed; what they were to replace is put back."""
    removed = 0
    for folder in parent.iterdir() if parent.is_dir() else ():
        name = _NAME.fullmatch(folder.name)
        if name is None or _is_in_use(folder, name[1], int(name[2])):
            continue
        if name[3] is not None and not (parent / name[3]).exists():
            with suppress(OSError):
                os.replace(folder, parent / name[3])
            continue
        shutil.rmtree(folder, ignore_errors=True)
        removed += 1
    return removed


def _is_in_use(folder: Path, where: str, pid: int) -> bool:
    """Return True if a process may still be at a folder."""
    if where == here():
        return _is_running(pid)
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime < FOREIGN_AGE_S
    return True


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    with suppress(OSError, IndexError):  # killed, but nobody has asked how it ended (usual in containers)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    return True
