"""Worker processes, each analysing one capture at a time.

A worker that dies (killed, out of memory) loses only the file it was at: another one tries it once more, then it
is reported as failed. When all files are done, one of them, which has everything loaded, makes the tables of the whole
case. Workers are plain child processes that talk in lines of JSON, so that they need nothing of
the program that started them: it may be a script without a guard, a notebook, or read from standard input.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from .analysis import Options, Progress, Summary
from .store import Store

TRIES = 2
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from iptvforensics.workers import work; work()"

Answer = tuple[int, dict[str, Any] | None, str]
"""Number of the file, the message (null: the worker died), and why it died."""
_THE_CASE = -1
"""Stands for the number of a file where the tables of the whole case are meant."""


def work() -> None:
    """Do what is asked on standard input, a line each, until it ends: analyse a file, or make the case's tables."""
    from .batch import analyze_one, derive

    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints must not disturb the lines

    def send(kind: str, value: Any) -> None:
        out.write(json.dumps({kind: value}) + "\n")
        out.flush()

    task = json.loads(sys.stdin.readline())
    store, options, cores, force = Store(task["root"]), Options(**task["options"]), task["cores"], task["force"]
    for line in sys.stdin:
        asked = json.loads(line)
        if "derive" in asked:
            send("derived", derive(store, **asked["derive"]) is None)
            continue
        summary = analyze_one(
            asked["analyze"],
            store,
            options,
            cores,
            force,
            lambda event: send("progress", event),
            lambda text: send("announce", text),
        )
        send("summary", asdict(summary))


class _Worker(threading.Thread):
    """A thread that drives one worker process, and replaces it when it dies."""

    def __init__(
        self, task: dict[str, Any], waiting: queue.SimpleQueue[Any], answers: queue.SimpleQueue[Answer]
    ) -> None:
        super().__init__(name="iptvforensics-worker", daemon=True)
        self._task = task
        self._waiting = waiting
        self._answers = answers
        self.process: subprocess.Popen[str] | None = None
        self.stopped = False

    def run(self) -> None:
        while not self.stopped and (given := self._waiting.get()) is not None:
            number, task = given
            try:
                self._ask(number, task)
            except (OSError, ValueError) as error:
                self._let_go()
                self._answers.put((number, None, f"cannot be used: {error}"))
        self._end()

    def _ask(self, number: int, task: dict[str, Any]) -> None:
        if self.process is not None and self.process.poll() is not None:  # it died between two files
            self._let_go()
        process = self.process = self.process or self._start()
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipe to the worker process")
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            message = json.loads(line)
            self._answers.put((number, message, ""))
            if "summary" in message or "derived" in message:
                return
        code = process.wait()
        self._let_go()
        self._answers.put((number, None, f"died with exit code {code}"))

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        if process.stdin is not None:
            process.stdin.write(json.dumps(self._task) + "\n")
        return process

    def _end(self) -> None:
        """Let the process end by itself."""
        if self.process is not None and self.process.stdin is not None:
            with suppress(OSError):  # it is dead, and something is left in the pipe
                self.process.stdin.close()
            self.process.wait()
            self._let_go()

    def _let_go(self) -> None:
        """End the process if it still runs; the next file gets another one."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()


class Pool:
    """Worker processes for many files, the largest first."""

    def __init__(
        self,
        files: Sequence[str],
        store: Store,
        options: Options | None,
        cores: int,
        force: bool,
        progress: Callable[[Progress], None] | None = None,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self.is_derived = False
        """True if the tables of the whole case have been made, which comes last."""
        self._files = files
        self._cores = cores
        self._size = max(1, min(cores, len(files)))
        self._task = {
            "root": str(store.root.resolve()),
            "options": asdict(options or Options()),
            "cores": max(1, cores // self._size),
            "force": force,
        }
        self._progress = progress
        self._announce = announce
        self._announced: set[str] = set()
        self._workers: list[_Worker] = []

    def run(self) -> Iterator[tuple[int, Summary]]:
        """Yield (number of the file, summary) as files are done."""
        waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        for number in sorted(range(len(self._files)), key=self._bytes, reverse=True):
            waiting.put((number, {"analyze": self._files[number]}))
        workers = self._workers = [_Worker(self._task, waiting, answers) for _ in range(self._size)]
        tries = [1] * len(self._files)
        left = len(self._files)
        is_changed = False
        try:
            for worker in workers:
                worker.start()
            while left:
                number, message, why = answers.get()
                if message is None and tries[number] < TRIES:
                    tries[number] += 1
                    waiting.put((number, {"analyze": self._files[number]}))
                elif message is None:
                    left -= 1
                    error = f"{self._files[number]}: the worker process failed {TRIES} times (it {why})"
                    yield number, Summary(self._files[number], error=error)
                elif "summary" in message:
                    left -= 1
                    summary = Summary(**message["summary"])
                    is_changed = is_changed or summary.is_new
                    yield number, summary
                else:
                    self.tell(message)
            waiting.put((_THE_CASE, {"derive": {"anew": is_changed, "cores": self._cores}}))
            _, message, _ = answers.get()
            self.is_derived = message is not None and message["derived"]
        finally:
            self._stop(workers, waiting, killing=left > 0)

    def processes(self) -> Iterator[subprocess.Popen[str]]:
        """Yield the worker processes that run."""
        for worker in self._workers:
            if worker.process is not None:
                yield worker.process

    def tell(self, message: dict[str, Any]) -> None:
        """Hand on what a worker says while it is at a file."""
        if "progress" in message and self._progress is not None:
            self._progress(Progress(*message["progress"]))
        line = message.get("announce")
        if line and self._announce is not None and line not in self._announced:
            self._announced.add(line)
            self._announce(line)

    def _stop(self, workers: Sequence[_Worker], waiting: queue.SimpleQueue[Any], *, killing: bool) -> None:
        """End the workers; when the caller was interrupted, what they are at is given up."""
        for worker in workers:
            worker.stopped = killing
            waiting.put(None)
            if killing and worker.process is not None:
                worker.process.kill()
        for worker in workers:
            if worker.ident is not None:
                worker.join()

    def _bytes(self, number: int) -> int:
        try:
            return os.path.getsize(self._files[number])
        except OSError:
            return 0
