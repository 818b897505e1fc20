"""Link-layer addresses to the holders of their blocks, by a registry that the examiner gives as a file.

IEEE Registration Authority, public listings as CSV (MA-L, MA-M, MA-S, one after another or each alone).

**Known limitations**: a block names who made the network chip or the device, not what the device is; cheap devices use
blocks of nobody, one address for a whole series, or addresses set locally.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import CaseError

MAX_BLOCKS = 1_000_000
"""All registries together hold 60,000."""
_HEAD = ("Registry", "Assignment", "Organization Name")
_DIGITS = (9, 7, 6)
"""Hexadecimal digits of a block, the smallest block first."""


class Registry:
    """The blocks of one file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read the file.

        Raises:
            CaseError: it is no listing of IEEE.
        """
        self._name = Path(path).name
        self._blocks: dict[str, tuple[str, str]] = {}
        try:
            with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
                lines = csv.DictReader(file)
                if lines.fieldnames is None or not set(_HEAD) <= set(lines.fieldnames):
                    raise CaseError(f"{os.fspath(path)}: expected columns {', '.join(_HEAD)} as IEEE lists them")
                for line in lines:
                    self._add(line)
        except (OSError, csv.Error) as error:
            raise CaseError(f"{os.fspath(path)}: the file cannot be read: {error}") from error

    def _add(self, line: dict[str, Any]) -> None:
        registry, prefix, holder = (str(line[name] or "").strip() for name in _HEAD)
        if len(prefix) in _DIGITS and len(self._blocks) < MAX_BLOCKS:
            self._blocks.setdefault(prefix.lower(), (registry, holder))

    def find(self, mac: str) -> tuple[str, str, str] | None:
        """Return block, registry and holder of an address, those of the smallest block; None if there is none."""
        digits = mac.replace(":", "").replace("-", "").lower()
        for length in _DIGITS:
            found = self._blocks.get(digits[:length])
            if found is not None:
                return digits[:length], *found
        return None

    def rows(self, macs: Iterable[str], sha256: str) -> Iterator[tuple[Any, ...]]:
        """Yield a row of the `makers` table for each address of a single device."""
        for mac in macs:
            first = int(mac[:2], 16)
            if first & 1:  # a group
                continue
            note = "set locally: names no maker" if first & 2 else None
            yield (mac, *(self.find(mac) or (None, None, None)), note, self._name, sha256)
