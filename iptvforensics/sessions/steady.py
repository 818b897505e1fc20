"""One long answer to continuous delivery: media sent as they are made (HTTP-TS, HTTP-FLV), or a file at its pace.

A sender that waits for its media sends in bouts with silence between them, and over longer times at one rate. An answer
is held to be such a one if it lasts `MIN_S`, its bytes per `BIN_S` stay within one order, its bit-rate is plausible,
and the line was silent for most of the time: what is sent as fast as a line allows is a download, also where several
share the line.

**Known limitations**: a download that its server throttles has the same shape. A stream whose packets are
evenly spaced, less than 10 ms apart, looks like a download and is missed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from statistics import median
from typing import NamedTuple

from .closed import Answer, Part
from .model import SECOND_NS

MIN_S, BIN_S = 15.0, 5.0
MAX_ABOVE, MIN_BELOW = 3.0, 0.25
"""How far above and below the median the bytes of each time may be, but for the first: there a buffer is filled."""
MAX_BUSY = 0.5
"""Share of the time in which the line is sending; what others got meanwhile counts, too. Of all times the median."""
MIN_RATE_BPS, MAX_RATE_BPS = 20_000, 60_000_000
FILE_AHEAD_S = 30.0
"""Media that much ahead of their pace at the beginning were there already: a file."""
LONGEST_S = 400_000.0
"""Longer answers are looked at up to here: a clock that jumps must not cost memory."""


class Steady(NamedTuple):
    """Continuous delivery."""

    answer: Answer
    rate_bps: float
    """Without the first time, in which a buffer is filled."""
    ahead_s: float
    """Seconds of media that came ahead of their pace in the first time."""
    seconds: float
    lowest: float
    highest: float
    """Of the bytes per time, as shares of the median."""
    busy: float
    """Share of the time for which the line was sending to the client."""

    @property
    def is_file(self) -> bool:
        """Return True if more media came at once than a live stream can have."""
        return self.ahead_s >= FILE_AHEAD_S


class Received:
    """What one client got from all encrypted servers over time."""

    def __init__(self, parts: Iterable[Part]) -> None:
        found = sorted(((part.first_ns + part.last_ns) // 2, part.bytes) for part in parts)
        self._times = [time for time, _ in found]
        self._sums = [0, *accumulate(size for _, size in found)]

    def bytes_between(self, first_ns: float, last_ns: float) -> int:
        """Return the bytes of the parts whose middle lies in a span."""
        return self._sums[bisect_right(self._times, last_ns)] - self._sums[bisect_left(self._times, first_ns)]


def find_steady(answer: Answer, received: Received) -> Steady | None:
    """Return the continuous delivery that an answer is, None if it is none."""
    start = answer.parts[0].first_ns
    seconds = (answer.end_ns - start) / SECOND_NS
    if not MIN_S <= seconds <= LONGEST_S:
        return None
    count = int(seconds / BIN_S)
    bins = per_time(answer.parts, start, [float(part.bytes) for part in answer.parts], count)
    sending = per_time(answer.parts, start, [part.busy_s for part in answer.parts], count)
    later = bins[1:]
    level = median(later)
    rate = 8 * sum(later) / (BIN_S * len(later))
    if level <= 0 or not MIN_RATE_BPS <= rate <= MAX_RATE_BPS:
        return None
    shares = []
    for number in range(1, count):
        first = start + number * BIN_S * SECOND_NS
        others = received.bytes_between(first, first + BIN_S * SECOND_NS) / max(bins[number], 1.0)
        shares.append(sending[number] / BIN_S * max(others, 1.0))
    busy = median(shares)
    if busy > MAX_BUSY:
        return None
    lowest, highest = min(later) / level, max(later) / level
    if lowest < MIN_BELOW or highest > MAX_ABOVE:
        return None
    ahead = max(0.0, 8 * bins[0] / rate - BIN_S)
    return Steady(answer, rate, ahead, seconds, lowest, highest, busy)


def per_time(parts: Sequence[Part], start_ns: int, values: Sequence[float], count: int) -> list[float]:
    """Return the sum of the values of each span of `BIN_S`, as if that of a part had come evenly."""
    found = [0.0] * count
    width = BIN_S * SECOND_NS
    for part, value in zip(parts, values, strict=True):
        first = (part.first_ns - start_ns) / width
        last = max((part.last_ns - start_ns) / width, first + 1e-9)
        for number in range(max(0, int(first)), min(count, int(last) + 1)):
            share = (min(last, number + 1) - max(first, number)) / (last - first)
            found[number] += value * max(share, 0.0)
    return found
