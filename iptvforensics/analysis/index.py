"""Collects the pieces of the stream index and hands them to the store in portions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..schema import STREAM_INDEX

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..store import CaptureWriter

PORTION_PIECES = 250_000


class StreamIndex:
    """The captured pieces of all streams of one capture."""

    def __init__(self, writer: CaptureWriter) -> None:
        self._writer = writer
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._pieces = 0

    def add(self, *columns: NDArray[Any]) -> None:
        """Take pieces: flow_id, from_orig, stream offset, length, frame number."""
        flow_id, from_orig, offset, length, frame = columns
        narrow = (flow_id, from_orig, offset, length.astype(np.int32), frame.astype(np.uint32))
        self._parts.append(tuple(np.array(column) for column in narrow))
        self._pieces += len(offset)
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
