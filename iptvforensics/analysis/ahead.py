"""Makes the next item of an iteration on a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

_T = TypeVar("_T")


def ahead(source: Iterator[_T]) -> Iterator[_T]:
    """Yield what `source` yields, while the next item is being made on a thread of its own.

    At most two items are alive: the one that the caller uses and the one after it.
    """
    made: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    permits = threading.Semaphore(2)
    stopped = threading.Event()

    def make() -> None:
        try:
            while True:
                permits.acquire()
                if stopped.is_set():
                    return
                made.put(("item", next(source)))
        except StopIteration:
            made.put(("end", None))
        except BaseException as error:
            made.put(("error", error))

    thread = threading.Thread(target=make, name="iptvforensics-streams", daemon=True)
    thread.start()
    try:
        while True:
            what, value = made.get()
            if what == "end":
                return
            if what == "error":
                raise value
            yield value
            permits.release()
    finally:
        stopped.set()
        permits.release()
        thread.join()
