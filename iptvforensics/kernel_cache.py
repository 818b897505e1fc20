"""The folder that keeps the machine code of kernels, and what may be loaded from it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def cache_folder() -> Path | None:
    """Return the folder that keeps machine code: private to this user, or None if there is none."""
    for candidate in _candidates():
        folder = Path(candidate)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK) and is_private(folder):
            return folder
    return None


def _candidates() -> Iterator[str]:
    if named := os.environ.get("IPTVFORENSICS_CACHE"):
        yield named
        return
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    yield os.path.join(home, "iptvforensics")
    import tempfile  # few need it, and each process would load it

    yield os.path.join(tempfile.gettempdir(), f"iptvforensics-{os.getuid() if hasattr(os, 'getuid') else 'user'}")


def is_private(path: Path) -> bool:
    """Return True if nobody else can have written here: what lies here is executed."""
    if not hasattr(os, "getuid"):
        return True
    status = path.stat()
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
