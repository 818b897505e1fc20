"""Many captures into one case: on all cores, in the order of the files, and none lost with another.

`workers` counts processor cores used in all. One file (or one worker) is analysed in this process; several
files are spread over worker processes, one core each. A worker that dies loses only the file it was at:
that file is tried once more and then reported as failed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .analysis import Options, Progress, Summary, analyze_capture
from .capture import expand
from .errors import IptvForensicsError
from .store import Store

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

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
    progress: OnProgress | None = None,
    announce: Announce | None = None,
    done: Callable[[Summary], None] | None = None,
) -> list[Summary]:
    """Return one summary per evidence file, in the order of the files.

    A file that cannot be read has `error` set; the others are analysed all the same.

    Args:
        paths: files, folders, patterns, `-`, URLs.
        store: the case.
        options: what changes results.
        workers: processor cores to use in all; None: all that are available.
        force: analyse again what the case holds already.
        progress: called after each block of a file that is analysed in this process.
        announce: called with a line before the kernels are compiled.
        done: called with each summary as soon as it is there.

    Raises:
        CaptureError: a path stands for no file.
    """
    files = expand(paths)
    store.clean()
    cores = workers or available_cores()
    run: Iterator[tuple[int, Summary]]
    if cores == 1 or len(files) == 1:
        run = enumerate(_one(f, store, options, cores, force, progress, announce) for f in files)
    else:
        run = _Pool(files, store, options, min(cores, len(files)), force).run()
    summaries: dict[int, Summary] = {}
    for number, summary in run:
        summaries[number] = summary
        if done is not None:
            done(summary)
    return [summaries[number] for number in sorted(summaries)]


def _one(
    path: str,
    store: Store,
    options: Options | None,
    cores: int,
    force: bool,
    progress: OnProgress | None = None,
    announce: Announce | None = None,
) -> Summary:
    try:
        return analyze_capture(
            path, store, options=options, cores=cores, force=force, progress=progress, announce=announce
        )
    except (IptvForensicsError, OSError) as error:
        return Summary(path, error=str(error))


def _work(channel: Connection, root: str, options: Options | None, force: bool) -> None:
    """Analyse files as they are named, one after another, until None is named."""
    store = Store(root)
    while (path := channel.recv()) is not None:
        channel.send(_one(path, store, options, 1, force))


class _Worker:
    """A process and the file it is at."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        import multiprocessing

        context = multiprocessing.get_context("spawn")  # no fork: threads and locks of the caller stay out of it
        self.channel, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()
        self.file: int | None = None

    def close(self) -> None:
        self.channel.close()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()


class _Pool:
    """Worker processes that are replaced when they die."""

    def __init__(self, files: Sequence[str], store: Store, options: Options | None, size: int, force: bool) -> None:
        self._files = files
        self._arguments = (str(store.root), options, force)
        self._size = size
        self._tries = [0] * len(files)

    def run(self) -> Iterator[tuple[int, Summary]]:
        """Yield (number of the file, summary) as files are done."""
        from multiprocessing.connection import wait

        waiting = list(range(len(self._files)))[::-1]
        workers = [_Worker(self._arguments) for _ in range(self._size)]
        try:
            while waiting or any(worker.file is not None for worker in workers):
                for worker in workers:
                    if worker.file is None and waiting:
                        self._give(worker, waiting.pop())
                busy = {w.channel: (w, w.file) for w in workers if w.file is not None}
                for channel in wait(list(busy)):
                    worker, number = busy[channel]  # type: ignore[index]
                    worker.file = None
                    try:
                        yield number, worker.channel.recv()
                    except (EOFError, OSError):
                        worker.close()
                        workers[workers.index(worker)] = _Worker(self._arguments)
                        if self._tries[number] < 2:
                            waiting.append(number)
                        else:
                            why = f"the worker process died twice (exit code {worker.process.exitcode})"
                            yield number, Summary(self._files[number], error=why)
        finally:
            for worker in workers:
                if worker.file is None and worker.process.is_alive():
                    worker.channel.send(None)
                worker.close()

    def _give(self, worker: _Worker, number: int) -> None:
        self._tries[number] += 1
        worker.file = number
        worker.channel.send(self._files[number])
