"""What a batch adds to the streams: all that those who read streams know of the packets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bytes = NDArray[np.uint8]

BATCHES_ALIVE = 3
"""Batches whose arrays are valid at one time: one is read, one is made, one waits between them."""
GAP, END = 1, 2
"""Kinds of a piece that is no data (0)."""


class DirectionPieces(NamedTuple):
    """Pieces that a batch adds to one direction, one after another; several of these may follow each other."""

    direction: int
    """2 * flow number, plus 1 for the responder's direction."""
    first: int
    """Its first piece in the arrays of the batch."""
    pieces: int
    byte: int
    """Where its bytes start in the buffer of the batch."""
    bytes: int
    specials: int
    """How many of its pieces are gaps or ends."""
    flow_id: int = 0
    transport: int = 0
    midstream: bool = False
    """True if the beginning of the flow was not captured, as far as is known now."""
    ends: Sequence[int] = ()
    """Addresses and ports of originator and responder: hi, lo, hi, lo, port, port."""


class OverlapDifference(NamedTuple):
    """Bytes that were sent twice with different content; the first version was kept."""

    flow_id: int
    from_orig: bool
    frame_no: int
    offset: int


@dataclass(slots=True)
class StreamBatch:
    """New pieces of many streams; arrays are valid until the batch after the next one is made.

    `offset`, `length`, `frame`, `ns`, `kind`: int64, one entry per piece, grouped by direction (ascending),
    inside a direction by stream offset. `data`: uint8; each entry of `directions` says which part is its own. This is
    all that those who read the streams know of the packets: they may be another process.
    """

    directions: list[DirectionPieces]
    runs: Ints
    """The same as numbers, see `directions_of`."""
    offset: Ints
    length: Ints
    frame: Ints
    ns: Ints
    kind: Ints
    data: Bytes
    differences: list[OverlapDifference]
    silent: list[int]
    """Numbers of flows that were reset, and from which nothing has come for a while."""
    bursts: list[dict[str, Any]] = field(default_factory=list)
    """Columns of bursts of closed flows (`flows.bursts`) that have come together since the last batch."""


def directions_of(runs: Ints) -> list[DirectionPieces]:
    """Return the directions of a batch from their numbers: a row each, a column per field (`ends` are six)."""
    *numbers, midstream = runs[:, :9].T.tolist()
    return list(map(DirectionPieces._make, zip(*numbers, map(bool, midstream), runs[:, 9:].tolist(), strict=True)))
