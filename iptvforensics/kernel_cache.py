"""The folder that keeps the machine code of kernels, and what may be loaded from it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_DIGEST_BYTES = hashlib.sha256().digest_size


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


def read_kept(path: Path) -> bytes | None:
    """Return what was kept in a file, or None if it is not there, not whole, or not to be trusted."""
    try:
        if not is_private(path) or not is_private(path.parent):
            return None
        digest, content = (kept := path.read_bytes())[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
    except OSError:
        return None
    return content if hashlib.sha256(content).digest() == digest else None


def keep(path: Path, content: bytes) -> None:
    """Keep content in a file, for `read_kept`; where there is no room, it is made anew the next time."""
    import tempfile

    part = None
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = file.name
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(part, path)
    except OSError:
        if part is not None:
            with suppress(OSError):
                os.remove(part)
