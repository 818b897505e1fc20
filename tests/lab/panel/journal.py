"""The log of the lab's servers: one JSON object per line, written at once, so that an ended program loses nothing."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


class Journal:
    """A log file of one node; without a file it writes to standard output."""

    def __init__(self, node: str, file: str | Path | None) -> None:
        self.node = node
        self._out = open(file, "a", encoding="utf-8", buffering=1) if file else sys.stdout  # noqa: SIM115

    def write(self, event: str, **what: Any) -> None:
        """Write one event; keys whose value is None or empty text are left out."""
        row = {"event": event, "node": self.node, **what}
        self._out.write(
            json.dumps({k: v for k, v in row.items() if v is not None and v != ""}, ensure_ascii=False) + "\n"
        )
        self._out.flush()

    def close(self) -> None:
        """Close the file."""
        if self._out is not sys.stdout:
            self._out.close()


def now() -> float:
    """Return the time as seconds since 1970, to milliseconds."""
    return round(time.time(), 3)
