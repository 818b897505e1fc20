"""Capture of a case -> its evidence file, wherever that lies now.

A file is taken from where it was when it was analysed, or looked for below a folder that the user names; it must
have the size that was recorded, and in a named folder the same SHA-256. (In its old place the size must do: the
whole of a large capture would have to be read for one frame. `verify` hashes.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..analysis.secrets import MAX_KEYLOG_BYTES
from ..capture import IndexEntry
from ..capture.inputs import sha256_of
from ..errors import CaseError
from ..store import Store


def manifest_of(store: Store, capture_id: str) -> dict[str, Any]:
    """Return the manifest of a capture, which may be named by the beginning of its identifier.

    Raises:
        CaseError: the case has no such capture, or several.
    """
    found = [m for m in store.manifests() if capture_id and m["capture_id"].startswith(capture_id)]
    if len(found) != 1:
        listed = [m["capture_id"] for m in found or store.manifests()]
        known = ", ".join(listed[:5]) + (", ..." if len(listed) > 5 else "")
        what = "several captures" if found else "no capture"
        raise CaseError(f"{store.root}: {what} {capture_id!r}; the case holds {known or 'none'}")
    return found[0]


def locate(manifest: dict[str, Any], evidence: str | os.PathLike[str] | None = None) -> str:
    """Return the path of the evidence file of a capture.

    Raises:
        CaseError: it is not there, or is another file.
    """
    name, size = manifest["path"], manifest["size_bytes"]
    if evidence is not None:
        for path in _files_below(Path(evidence)):
            if path.stat().st_size == size and sha256_of(path) == manifest["sha256"]:
                return str(path)
        raise CaseError(f"{evidence}: no file here has the SHA-256 {manifest['sha256']} (it was {name})")
    if not os.path.isfile(name):
        raise CaseError(f"{name}: the evidence file is not there; name the folder it lies in now (--evidence)")
    if os.path.getsize(name) != size:
        raise CaseError(f"{name}: {os.path.getsize(name)} bytes, but the file that was analysed had {size}")
    return str(name)


def keylogs_of(manifest: dict[str, Any], evidence: str | os.PathLike[str] | None = None) -> tuple[tuple[str, str], ...]:
    """Return path and SHA-256 of the key logs with which a capture was analysed.

    Raises:
        CaseError: one is not there, or has changed.
    """
    return tuple(_keylog(entry["path"], entry["sha256"], evidence) for entry in manifest.get("keylogs", ()))


def _keylog(path: str, sha256: str, evidence: str | os.PathLike[str] | None) -> tuple[str, str]:
    if os.path.isfile(path) and sha256_of(path) == sha256:
        return path, sha256
    if evidence is not None:
        for found in _files_below(Path(evidence)):
            if found.stat().st_size <= MAX_KEYLOG_BYTES and sha256_of(found) == sha256:
                return str(found.resolve()), sha256
    raise CaseError(f"{path}: the key log with the SHA-256 {sha256} is not there; name its folder (--evidence)")


def frame_index(store: Store, capture_id: str) -> list[IndexEntry]:
    """Return the places at which reading a capture can begin."""
    connection = store.connection(threads=1)
    try:
        rows = connection.execute(
            "SELECT frame_no, file_offset, reader_state FROM frame_index WHERE capture_id = ? ORDER BY frame_no",
            [capture_id],
        ).fetchall()
    finally:
        connection.close()
    return [IndexEntry(*row) for row in rows]


def _files_below(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(place, name)
            if path.is_file():
                yield path
