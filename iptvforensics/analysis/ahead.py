"""The decoding of a capture on a thread of its own, ahead of the parsers."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..flows.batch import BATCHES_ALIVE

if TYPE_CHECKING:
    from ..capture import Secret
    from ..flows.batch import StreamBatch
    from .decoding import Decoding
    from .report import Report


class Ahead:
    """Gives what a decoding gives; the thread begins when this is made."""

    def __init__(self, decoding: Decoding) -> None:
        self.early_secrets: list[Secret] = decoding.early_secrets
        """Secrets that stand in the file before its first frame; known when the first batch comes."""
        self._decoding = decoding
        self._made: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._permits = threading.Semaphore(BATCHES_ALIVE)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._make, name="iptvforensics-streams", daemon=True)
        self._thread.start()

    def batches(self) -> Iterator[StreamBatch]:
        """Yield what the blocks of the capture add to the streams."""
        while True:
            what, value = self._made.get()
            if what == "end":
                return
            if what == "error":
                raise value
            yield value
            self._permits.release()

    def report(self) -> Report:
        """Return what is known of the whole, after the last batch."""
        return self._decoding.report()

    def sha256(self) -> str:
        """Return the SHA-256 of the evidence file, after the last batch."""
        return self._decoding.sha256()

    def forget(self) -> None:
        """Give back the memory of the batches: none of them is looked at any more."""
        self._decoding.forget()

    def close(self) -> None:
        """Return when the thread has ended."""
        self._stopped.set()
        self._permits.release()
        self._thread.join()

    def _make(self) -> None:
        source = self._decoding.batches()
        try:
            while True:
                self._permits.acquire()
                if self._stopped.is_set():
                    return
                self._made.put(("batch", next(source)))
        except StopIteration:
            self._made.put(("end", None))
        except BaseException as error:
            self._made.put(("error", error))


@contextmanager
def ahead(decoding: Decoding) -> Iterator[Ahead]:
    """Give a decoding whose next batch is being made on a thread, which ends with the context.

    At most `BATCHES_ALIVE` are there: the one that the caller uses and those after it.
    """
    thread = Ahead(decoding)
    try:
        yield thread
    finally:
        thread.close()
