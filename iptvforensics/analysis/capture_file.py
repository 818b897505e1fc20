"""One capture file into a case, unless the case holds it already."""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .. import __version__, kernel
from ..capture import CaptureReader
from .options import LateSecrets, Options, Progress, Summary

if TYPE_CHECKING:
    from ..capture import Secret
    from ..store import Store


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
    size = os.path.getsize(path) if os.path.isfile(path) else None
    if not force and size is not None:
        known = _known(path, size, store, options)
        if known is not None:
            return known
    kernel.use(None, input_bytes=size if size is not None else 1 << 30, announce=announce)
    late: list[Secret] = []
    while True:
        try:
            return _read_once(path, size, store, options, cores, progress, late)
        except LateSecrets as found:
            late = found.secrets


def _read_once(
    path: str,
    size: int | None,
    store: Store,
    options: Options,
    cores: int,
    progress: Callable[[Progress], None] | None,
    late: list[Secret],
) -> Summary:
    """Return what was found in one reading of a file; `late` are secrets that an earlier reading found in it."""
    with _throughput(), CaptureReader(path, block_bytes=options.block_bytes, hash_thread=cores > 1) as reader:
        # Reading and hashing have begun: the parsers are loaded meanwhile.
        from .pipeline import Pipeline
        from .secrets import secrets_from

        writer = store.writer(cores=cores)
        try:
            writer.prepare()
            pipeline = Pipeline(reader, size, writer, options, cores, progress, secrets_from(options.keylogs, late))
            pipeline.has_all_secrets = bool(late)
            pipeline.may_repeat = size is not None and not late
            return pipeline.run()
        except BaseException:
            writer.abandon()
            raise


@contextmanager
def _throughput() -> Iterator[None]:
    """Set the interpreter up for few, long tasks; put back what was set before.

    Rows are plain tuples that live until they are written: collecting cycles among them costs a tenth of the
    time and frees nothing; what was there before (modules, mostly) is not looked at.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 5, 5)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _known(path: str, size: int, store: Store, options: Options) -> Summary | None:
    """Return the summary of a capture that the case holds, or None: hashes only files whose size is known there."""
    same_size = [m for m in store.manifests() if m["size_bytes"] == size]
    if not same_size:
        return None
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    for manifest in same_size:
        fits = manifest["version"] == __version__ and manifest["options"] == options.as_dict()
        if manifest["sha256"] == sha256 and fits:
            return Summary(
                path, manifest["capture_id"], sha256, size, manifest["frames"], manifest["rows"], skipped=True
            )
    return None
