"""Numbers to their median: as `statistics` has it, which loads fractions, decimal and random numbers for itself."""

from __future__ import annotations

from collections.abc import Iterable


def median(numbers: Iterable[float]) -> float:
    """Return the middle one of at least one number, between two of them their mean.

    Example:
        >>> median([5, 1, 3]), median([4, 1])
        (3, 2.5)
    """
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
