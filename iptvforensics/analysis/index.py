"""Collects the pieces of the stream index and hands them to the store in portions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..flows.batch import DirectionPieces
from ..schema import STREAM_INDEX

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..flows.batch import StreamBatch
    from ..store import CaptureWriter

PORTION_PIECES = 250_000
_COLUMNS = ("direction", "pieces", "specials", "flow_id")


class StreamIndex:
    """The captured pieces of all streams of one capture."""

    def __init__(self, writer: CaptureWriter) -> None:
        self._writer = writer
        self._parts: list[_Part] = []
        self._pieces = 0

    def add(self, batch: StreamBatch) -> None:
        """Take the captured pieces of a batch."""
        columns = (batch.runs[:, DirectionPieces._fields.index(name)] for name in _COLUMNS)
        direction, pieces, specials, flow_id = columns
        captured = batch.kind == 0
        part = _Part(
            pieces - specials,
            flow_id.copy(),
            direction & 1 == 0,
            batch.offset[captured],
            batch.length[captured].astype(np.int32),
            batch.frame[captured].astype(np.uint32),
        )
        self._parts.append(part)
        self._pieces += len(part.frame)
        if self._pieces >= PORTION_PIECES:
            self.write()

    def write(self) -> None:
        """Hand on what has been collected."""
        if self._parts:
            self._writer.write_columns(STREAM_INDEX, partial(_joined, self._parts))
        self._parts, self._pieces = [], 0


class _Part(NamedTuple):
    """Captured pieces of a batch: how many there are of each direction, whose they are, and a number per piece."""

    counts: NDArray[Any]
    flow_id: NDArray[Any]
    from_orig: NDArray[Any]
    offset: NDArray[Any]
    length: NDArray[Any]
    frame: NDArray[Any]


def _joined(parts: list[_Part]) -> dict[str, NDArray[Any]]:
    """Return the columns of the index; half of them are made here, where they are written."""
    joined = _Part(*map(np.concatenate, zip(*parts, strict=True)))
    flow_id, from_orig = np.repeat(joined.flow_id, joined.counts), np.repeat(joined.from_orig, joined.counts)
    columns = flow_id, from_orig, joined.offset, joined.length, joined.frame
    return dict(zip(STREAM_INDEX.column_names[1:], columns, strict=True))
