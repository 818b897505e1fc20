"""Many captures into one case: on all cores, in the order of the files, and none lost with another.

`workers` counts processor cores used in all. One file (or one worker) is analysed in this process; several files
are spread over worker processes (`workers`), or over the machines of a Dask cluster (`cluster`). Files that are
copies of each other are analysed once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from .analysis import Options, Progress, Summary, analyze_capture
from .capture import expand
from .capture.inputs import sample_of, sha256_of
from .errors import IptvForensicsError, is_interrupt, one_line
from .store import Store

if TYPE_CHECKING:
    from .workers import Pool

Announce = Callable[[str], None]
OnProgress = Callable[[Progress], None]


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def analyze_many(
    paths: Sequence[str],
    store: Store,
    *,
    options: Options | None = None,
    workers: int | None = None,
    force: bool = False,
    scheduler: str | None = None,
    progress: OnProgress | None = None,
    announce: Announce | None = None,
    done: Callable[[Summary], None] | None = None,
    not_derived: Callable[[str], None] | None = None,
) -> list[Summary]:
    """Return one summary per evidence file, in the order of the files.

    A file that cannot be read has `error` set; the others are analysed all the same.

    Args:
        paths: files, folders, patterns, `-`, URLs.
        store: the case.
        options: what changes results.
        workers: processor cores to use in all; None: all that are available.
        force: analyse again what the case holds already.
        scheduler: address of a running Dask scheduler whose workers see the same files and the case folder.
        progress: called after each block of a file.
        announce: called with a line before the kernels are compiled.
        done: called with each summary as soon as it is there.
        not_derived: called with the reason if the tables of the whole case could not be made.

    Raises:
        CaptureError: a path stands for no file.
        MissingProgramError: a scheduler is named, but Dask is not installed.
    """
    files = expand(paths)
    store.clean()
    originals = _originals(files) if len(files) > 1 else {}
    todo = [number for number in range(len(files)) if number not in originals]
    cores = workers or available_cores()
    names = [files[number] for number in todo]
    pool: Pool | None = None
    if scheduler is None and cores > 1 and len(names) > 1:
        from .workers import Pool

        pool = Pool(names, store, options, cores, force, progress, announce)
        run = pool.run()
    elif scheduler is None:
        run = enumerate(analyze_one(f, store, options, cores, force, progress, announce) for f in names)
    else:
        from .cluster import on_cluster

        run = on_cluster(names, store, options, force, scheduler)
    summaries: dict[int, Summary] = {}
    for position, summary in run:
        summaries[todo[position]] = summary
        if done is not None:
            done(summary)
    summaries |= {number: _copy_of(summaries[original], files[number]) for number, original in originals.items()}
    if pool is None or not pool.is_derived:
        _derive(store, summaries.values(), cores, not_derived)
    return [summaries[number] for number in range(len(files))]


def _derive(store: Store, summaries: Iterable[Summary], cores: int, not_derived: Callable[[str], None] | None) -> None:
    why = derive(store, anew=any(summary.is_new for summary in summaries), cores=cores)
    if why is not None and not_derived is not None:
        not_derived(why)


def _copy_of(original: Summary, path: str) -> Summary:
    return replace(original, path=path, skipped=original.error is None)


def derive(store: Store, *, anew: bool, cores: int) -> str | None:
    """Return why the tables of the whole case could not be made; None: they are. The captures stay as they are.

    Args:
        store: the case.
        anew: make them also if they fit the present state of the case.
        cores: with 2 or more, they are written beside.
    """
    from .derived import refresh

    try:
        refresh(store, anew=anew, cores=cores)
    except (IptvForensicsError, OSError) as error:
        return one_line(error)
    except Exception as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        _log("%s: the tables of the whole case could not be made", store.root)
        return f"internal error, please report it: {type(error).__name__}: {error}"
    return None


def _log(message: str, *arguments: object) -> None:
    """Log the defect that is being handled."""
    import logging  # takes its time to load, and there should be none

    logging.getLogger(__name__).exception(message, *arguments)


def _originals(files: Sequence[str]) -> dict[int, int]:
    """Return for each file that is a copy of an earlier one the number of that one.

    Hashing takes as long as half of an analysis: only files that agree in size and in parts of their bytes are hashed.
    """
    groups = [[number for number, path in enumerate(files) if os.path.isfile(path)]]
    for key in (os.path.getsize, sample_of, sha256_of):
        groups = [alike for numbers in groups for alike in _alike(files, numbers, key) if len(alike) > 1]
    return {number: numbers[0] for numbers in groups for number in numbers[1:]}


def _alike(files: Sequence[str], numbers: Sequence[int], key: Callable[[str], object]) -> list[list[int]]:
    """Return the files in groups of equal keys; one that cannot be read is in none, and the analysis will say so."""
    groups: dict[object, list[int]] = {}
    for number in numbers:
        with suppress(OSError):
            groups.setdefault(key(files[number]), []).append(number)
    return list(groups.values())


def analyze_one(
    path: str,
    store: Store,
    options: Options | None,
    cores: int,
    force: bool,
    progress: OnProgress | None = None,
    announce: Announce | None = None,
) -> Summary:
    """Return the summary of one file, with the error if it cannot be read."""
    try:
        return analyze_capture(
            path, store, options=options, cores=cores, force=force, progress=progress, announce=announce
        )
    except (IptvForensicsError, OSError) as error:
        return Summary(path, error=one_line(error))
    except Exception as error:  # a defect of this program must not cost the other files
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        _log("%s: internal error", path)
        return Summary(path, error=f"{path}: internal error, please report it: {type(error).__name__}: {error}")
