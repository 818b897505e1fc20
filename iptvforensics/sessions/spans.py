"""Half-open spans of bytes to what they cover together."""

from __future__ import annotations

from collections.abc import Iterable


def covered(spans: Iterable[tuple[int, int]]) -> int:
    """Return how many bytes lie in at least one of the spans `(first, one behind the last)`.

    Example:
        >>> covered([(0, 10), (5, 12), (20, 21), (9, 3)])
        13
    """
    total = 0
    reached: int | None = None
    for low, high in sorted(spans):
        if high <= low:
            continue
        start = low if reached is None or low > reached else reached
        if high > start:
            total += high - start
        reached = high if reached is None else max(reached, high)
    return total
