"""Captures spread over the machines of a running Dask cluster (extra `cluster`).

Each task is one capture. Its worker reads the file, and key logs if there are any, and writes its tables into the case
folder, so all of them must lie where all workers see them under the same path. A task whose worker dies is given to
another one; a capture that kills every worker is reported as failed.

**Known limitations**: Dask does not authenticate its messages unless the cluster was set up with TLS: use it on a
network of your own.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from .analysis import Options, Summary
from .capture.source import is_url
from .errors import CaseError, MissingProgramError
from .store import Store

CONNECT_TIMEOUT_S = 30


def on_cluster(
    files: Sequence[str], store: Store, options: Options | None, force: bool, scheduler: str
) -> Iterator[tuple[int, Summary]]:
    """Yield (number of the file, summary) as files are done.

    Raises:
        MissingProgramError: Dask is not installed.
        CaseError: no scheduler answers at this address.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise MissingProgramError('a scheduler needs Dask: pip install "iptvforensics[cluster]"') from None
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CaseError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        root = str(store.root.resolve())
        numbers: dict[Any, int] = {}
        for number, path in enumerate(files):
            place = path if is_url(path) else os.path.abspath(path)
            future = client.submit(_task, place, root, asdict(options or Options()), force, pure=False)
            numbers[future] = number
        for future in distributed.as_completed(list(numbers), loop=client.loop):
            number = numbers[future]
            if future.status == "finished":
                summary = Summary(**future.result())
                summary.path = files[number]
            else:
                summary = Summary(files[number], error=f"{files[number]}: {future.exception()}")
            yield number, summary


def _task(path: str, root: str, options: dict[str, Any], force: bool) -> dict[str, Any]:
    """Analyse one file on a worker of the cluster."""
    from .batch import analyze_one

    return asdict(analyze_one(path, Store(root), Options(**options), 1, force))
