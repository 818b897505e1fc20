"""One capture file into a case, unless the case holds it already."""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from .. import __version__, kernel
from ..errors import CaptureError
from .apart import apart, is_possible
from .hashing import hashing
from .options import Attempt, LateSecrets, Options, Progress, ReadAgain, Summary

if TYPE_CHECKING:
    from ..store import Store
    from .pipeline import Source

APART_FROM_BYTES = 64 << 20
"""Captures from this size on are decoded in a process of their own: starting one takes a fifth of a second."""


class _Job(NamedTuple):
    """A file, and how it is read, each time that it is."""

    path: str
    size: int | None
    """Bytes of a local file; null: a pipe or a URL, which can be read only once."""
    store: Store
    options: Options
    cores: int
    speed: kernel.Speed
    progress: Callable[[Progress], None] | None
    announce: Callable[[str], None] | None


def analyze_capture(
    path: str,
    store: Store,
    *,
    options: Options | None = None,
    cores: int = 2,
    force: bool = False,
    progress: Callable[[Progress], None] | None = None,
    announce: Callable[[str], None] | None = None,
) -> Summary:
    """Return what was found in one capture file, whose tables are now part of the case.

    Args:
        path: file, `-` for standard input, or a URL.
        store: the case.
        options: what changes the result.
        cores: with 2 or more, reading, hashing and writing run beside the analysis.
        force: analyse again what the case holds already.
        progress: called after each block.
        announce: called with a line before the kernels are compiled.

    Raises:
        CaptureError: the file cannot be read as evidence.
    """
    options = options or Options()
    announce = announce and _once(announce)
    size = os.path.getsize(path) if os.path.isfile(path) else None
    if not force and size is not None:
        known = _known(path, size, store, options)
        if known is not None:
            return known
    speed = kernel.use(None, input_bytes=size if size is not None else 1 << 30, announce=announce)
    job = _Job(path, size, store, options, cores, speed, progress, announce)
    attempt = Attempt()
    while True:
        try:
            return _read_once(job, attempt)
        except LateSecrets as found:
            attempt = attempt._replace(secrets=tuple(found.secrets), file_state=found.file_state)
        except ReadAgain as found:  # reading says what is wrong with the file, and keeps what is there
            if attempt.after is not None:
                raise CaptureError(found.why, path=path) from found
            attempt = Attempt(after=found.why)


def _read_once(job: _Job, attempt: Attempt) -> Summary:
    """Return what was found in one reading of a file.

    Raises:
        LateSecrets: it holds secrets behind frames, and was read without them.
        ReadAgain: what was read does not count.
    """
    with _throughput(), _source(job, looks_twice=attempt.after is None) as source:
        # Reading, hashing and decoding have begun: parsers, and what comes at the end, are loaded meanwhile.
        from .. import entities  # noqa: F401 (used when all files are done)
        from .pipeline import Pipeline
        from .secrets import secrets_from

        writer = job.store.writer(cores=job.cores)
        try:
            writer.prepare()
            secrets = secrets_from(job.options.keylogs, attempt.secrets)
            may_repeat = job.size is not None and not attempt.secrets
            return Pipeline(job.path, source, writer, job.options, secrets, attempt, may_repeat=may_repeat).run()
        except BaseException:
            writer.abandon()
            raise


@contextmanager
def _source(job: _Job, *, looks_twice: bool) -> Iterator[Source]:
    """Give the decoding of a capture, which goes on beside what the caller does if there is a core for it.

    Args:
        job: the file.
        looks_twice: hashing may look at the file apart from decoding; else each byte is hashed as it is read.
    """
    path, size, progress = job.path, job.size, job.progress
    tell = None if progress is None else lambda done: progress(Progress(path, done, size))
    block_bytes = job.options.block_bytes
    if job.cores > 1 and size is not None and size >= APART_FROM_BYTES and is_possible():
        with ExitStack() as stack:
            # It begins before anything large is loaded.
            beside = stack.enter_context(hashing(path)) if looks_twice else None
            told = {"progress": tell, "announce": job.announce}
            yield stack.enter_context(apart(path, block_bytes=block_bytes, speed=job.speed, hashing=beside, **told))
        return
    from ..capture import CaptureReader

    with CaptureReader(path, block_bytes=block_bytes, hash_thread=job.cores > 1) as reader:
        from .decoding import Decoding

        decoding = Decoding(reader, progress=tell)
        if job.cores == 1:
            yield decoding
            return
        from .ahead import ahead

        with ahead(decoding) as thread:
            yield thread


def _once(announce: Callable[[str], None]) -> Callable[[str], None]:
    """Return what announces each line once: two processes may compile at the same time."""
    said: set[str] = set()

    def say(line: str) -> None:
        if line not in said:
            said.add(line)
            announce(line)

    return say


@contextmanager
def _throughput() -> Iterator[None]:
    """Set the interpreter up for few, long tasks; put back what was set before.

    Rows are plain tuples that live until they are written, and parsers are part of no cycle: looking for cycles
    would cost a twentieth of the time and free nothing. Should a million objects come together all the same, it is
    done; what was there before (modules, mostly) is not looked at.
    """
    thresholds = gc.get_threshold()
    is_mine = gc.get_freeze_count() == 0  # else the program that uses this library has done it, for itself
    if is_mine:
        gc.freeze()
    gc.set_threshold(1_000_000, 5, 5)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if is_mine:
            gc.unfreeze()


def _known(path: str, size: int, store: Store, options: Options) -> Summary | None:
    """Return the summary of a capture that the case holds, or None: hashes only files whose size is known there."""
    same_size = [m for m in store.manifests() if m["size_bytes"] == size]
    if not same_size:
        return None
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    from ..libraries import present

    libraries = set(present())
    for manifest in same_size:
        fits = manifest["version"] == __version__ and manifest["options"] == options.as_dict()
        if manifest["sha256"] == sha256 and fits and set(manifest.get("libraries", ())) == libraries:
            return Summary(
                path, manifest["capture_id"], sha256, size, manifest["frames"], manifest["rows"], skipped=True
            )
    return None
