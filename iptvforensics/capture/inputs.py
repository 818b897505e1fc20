"""What the user named -> evidence files: files, folders, patterns, standard input, URLs.

A folder gives the captures in it and below it, told by their names or by their first bytes, in the order of
their paths, so that a case does not depend on the order in which a disk lists them.

**Known limitations**: symbolic links to folders are not followed. Patterns in URLs are left to fsspec.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator

from ..errors import CaptureError, IptvForensicsError
from .source import Source, is_url, local_path

_SUFFIXES = (".pcap", ".pcapng", ".cap", ".dmp", ".ntar")
_PACKED = (".gz", ".zst", ".lz4", ".xz", ".bz2")
_SAMPLE_BYTES = 4096


def expand(paths: Iterable[str]) -> list[str]:
    """Return the evidence files that these names stand for, each once.

    Raises:
        CaptureError: a name stands for nothing.
    """
    found: dict[str, str] = {}
    for name in paths:
        named = list(_expand_one(os.fspath(name)))
        if not named:
            raise CaptureError("no capture file was found under this name", path=os.fspath(name))
        for file in named:
            found.setdefault(file if file == "-" or is_url(file) else os.path.realpath(file), file)
    return list(found.values())


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sample_of(path: str | os.PathLike[str]) -> bytes:
    """Return some of the bytes of a file, from its begin, its middle and its end: those of copies are equal."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        parts = []
        for at in (0, size // 2, max(0, size - _SAMPLE_BYTES)):
            file.seek(at)
            parts.append(file.read(_SAMPLE_BYTES))
    return b"".join(parts)


def is_capture(path: str) -> bool:
    """Return True if the file begins as a pcap or pcapng file does, unpacked if need be."""
    try:
        source = Source(path, hashing=False)
    except (IptvForensicsError, OSError):
        return False
    head = bytearray(8)
    try:
        count = source.fill(memoryview(head))
    except CaptureError:
        return False
    finally:
        source.close()
    from . import pcap
    from .pcapng import SECTION_MAGIC

    return count >= 4 and (pcap.is_magic(bytes(head)) or bytes(head[:4]) == SECTION_MAGIC)


def _expand_one(name: str) -> Iterator[str]:
    if name == "-":
        yield name
    elif is_url(name):
        yield from _expand_url(name)
    else:
        name = local_path(name)
        if os.path.isdir(name):
            yield from _captures_below(name)
        elif os.path.lexists(name):
            yield name
        elif glob.has_magic(name):
            for match in sorted(glob.glob(name, recursive=True)):
                yield from _captures_below(match) if os.path.isdir(match) else [match]


def _captures_below(folder: str) -> Iterator[str]:
    """Yield captures, and what may hold some but cannot be opened: the analysis names it, and says why."""
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append):
        yield from (os.fspath(error.filename) for error in closed)
        closed.clear()
        folders.sort()
        for file in sorted(files):
            path = os.path.join(place, file)
            if os.path.isfile(path):
                if _has_capture_name(file) or not os.access(path, os.R_OK) or is_capture(path):
                    yield path
            elif _has_capture_name(file) and not os.path.exists(path):  # a link to nothing
                yield path
    yield from (os.fspath(error.filename) for error in closed)


def _has_capture_name(file: str) -> bool:
    stem, suffix = os.path.splitext(file.lower())
    return suffix in _SUFFIXES or (suffix in _PACKED and stem.endswith(_SUFFIXES))


def _expand_url(name: str) -> list[str]:
    if not glob.has_magic(name):
        return [name]
    try:
        import fsspec
    except ImportError:
        return [name]
    files = fsspec.open_files(name, "rb")
    return sorted(file.fs.unstrip_protocol(file.path) for file in files)
