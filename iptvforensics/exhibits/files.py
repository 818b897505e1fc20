"""Capture of a case -> its evidence file, wherever that lies now.

A file is taken from where it was when it was analysed, or looked for below a folder that the user names; it must
have the size that was recorded, and in a named folder the same SHA-256. (In its old place the size must do: the
whole of a large capture would have to be read for one frame. `verify` hashes.)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
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


class EvidenceFolder:
    """A folder that the user names, in which files are looked for by their digests; each is hashed once at most.

    Raises:
        CaseError: there is no such folder.
    """

    def __init__(self, place: str | os.PathLike[str]) -> None:
        self.place = os.fspath(place)
        if not os.path.exists(place):
            raise CaseError(f"{self.place}: there is no such folder to look for evidence in")
        self._by_size: dict[int, list[str]] = {}
        self._known: dict[str, str | None] = {}
        for path in _files_below(self.place):
            self._by_size.setdefault(os.path.getsize(path), []).append(path)

    def find(self, sha256: str, sizes: Callable[[int], bool]) -> str | None:
        """Return the file that has this digest and one of these sizes, null if none has."""
        paths = (path for size in sorted(self._by_size) if sizes(size) for path in self._by_size[size])
        return next((path for path in paths if self._sha256_of(path) == sha256), None)

    def _sha256_of(self, path: str) -> str | None:
        if path not in self._known:
            self._known[path] = None
            with suppress(OSError):  # one that cannot be read is not found
                self._known[path] = sha256_of(path)
        return self._known[path]


Evidence = str | os.PathLike[str] | EvidenceFolder | None
"""Where evidence files lie now; None: where they were analysed."""


def _folder(evidence: str | os.PathLike[str] | EvidenceFolder) -> EvidenceFolder:
    return evidence if isinstance(evidence, EvidenceFolder) else EvidenceFolder(evidence)


def locate(manifest: dict[str, Any], evidence: Evidence = None) -> str:
    """Return the path of the evidence file of a capture.

    Raises:
        CaseError: it is not there, or is another file.
    """
    name, size = manifest["path"], manifest["size_bytes"]
    if evidence is not None:
        folder = _folder(evidence)
        found = folder.find(manifest["sha256"], lambda n: n == size)
        if found is None:
            raise CaseError(f"{folder.place}: no file here has the SHA-256 {manifest['sha256']} (it was {name})")
        return found
    if not os.path.isfile(name):
        raise CaseError(f"{name}: the evidence file is not there; name the folder it lies in now (--evidence)")
    if os.path.getsize(name) != size:
        raise CaseError(f"{name}: {os.path.getsize(name)} bytes, but the file that was analysed had {size}")
    return str(name)


def keylogs_of(manifest: dict[str, Any], evidence: Evidence = None) -> tuple[tuple[str, str], ...]:
    """Return path and SHA-256 of the key logs with which a capture was analysed.

    Raises:
        CaseError: one is not there, or has changed.
    """
    return tuple(_keylog(entry["path"], entry["sha256"], evidence) for entry in manifest.get("keylogs", ()))


def _keylog(path: str, sha256: str, evidence: Evidence) -> tuple[str, str]:
    if os.path.isfile(path) and sha256_of(path) == sha256:
        return path, sha256
    if evidence is not None:
        found = _folder(evidence).find(sha256, lambda size: size <= MAX_KEYLOG_BYTES)
        if found is not None:
            return os.path.realpath(found), sha256
    raise CaseError(f"{path}: the key log with the SHA-256 {sha256} is not there; name its folder (--evidence)")


def frame_index(store: Store, capture_id: str) -> list[IndexEntry]:
    """Return the places at which reading a capture can begin."""
    connection = store.connection(only=["frame_index"], capture_id=capture_id, threads=1)
    try:
        rows = connection.execute(
            "SELECT frame_no, file_offset, reader_state FROM frame_index WHERE capture_id = ? ORDER BY frame_no",
            [capture_id],
        ).fetchall()
    finally:
        connection.close()
    return [IndexEntry(*row) for row in rows]


def _files_below(place: str) -> Iterator[str]:
    if os.path.isfile(place):
        yield place
    for folder, folders, files in os.walk(place):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield path
