"""Collects the pieces of the stream index and hands them to the store in portions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._pieces = 0

    def add(self, batch: StreamBatch) -> None:
        """Take the captured pieces of a batch."""
        columns = (batch.runs[:, DirectionPieces._fields.index(name)] for name in _COLUMNS)
        direction, pieces, specials, flow_id = columns
        captured, counts = batch.kind == 0, pieces - specials
        self._parts.append(
            (
                np.repeat(flow_id, counts),
                np.repeat(direction & 1 == 0, counts),
                batch.offset[captured],
                batch.length[captured].astype(np.int32),
                batch.frame[captured].astype(np.uint32),
            )
        )
        self._pieces += len(self._parts[-1][0])
        if self._pieces >= PORTION_PIECES:
            self.write()

    def write(self) -> None:
        """Hand on what has been collected."""
        if not self._parts:
            return
        names = STREAM_INDEX.column_names[1:]
        columns = {
            name: np.concatenate(parts) for name, parts in zip(names, zip(*self._parts, strict=True), strict=True)
        }
        self._parts.clear()
        self._pieces = 0
        self._writer.write_columns(STREAM_INDEX, columns)
