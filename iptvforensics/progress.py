"""How far an analysis has come -> a bar on a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from .output import visible

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from .analysis import Progress


class ProgressBar:
    """One bar per file that is being analysed; called with each `Progress`."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Progress) -> None:
        """Show how far a file has come."""
        task = self._tasks.get(event.path)
        if task is None:
            name = visible(os.path.basename(event.path)).replace("[", r"\[")
            task = self._tasks[event.path] = self._bars.add_task(name, total=event.total_bytes)
        self._bars.update(task, completed=event.done_bytes)
        if event.total_bytes is not None and event.done_bytes >= event.total_bytes:
            self._bars.update(task, visible=False)

    def say(self, line: str) -> None:
        """Show a line above the bars."""
        self._bars.console.print(visible(line), markup=False, highlight=False)


@contextmanager
def shown(file: IO[str]) -> Iterator[ProgressBar]:
    """Show bars on a terminal while the block runs."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=file), transient=True) as bars:
        yield ProgressBar(bars)
