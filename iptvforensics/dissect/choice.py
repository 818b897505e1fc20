"""Chooses the protocol of a flow or body by the scores that the parsers give its first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..protocol import Opening, Protocol

SURE = 0.9
"""A score from which a parser is chosen at once, though others cannot tell yet."""
ENOUGH = 0.5


def choose(protocols: Iterable[Protocol], opening: Opening, *, final: bool) -> tuple[Protocol | None, bool]:
    """Return the protocol with the highest score, and whether the choice stands (False: wait for more bytes)."""
    best: Protocol | None = None
    best_score = 0.0
    undecided = False
    for protocol in protocols:
        score = protocol.detect(opening)
        if score is None:
            undecided = True
        elif score > best_score:
            best, best_score = protocol, score
    if best_score >= SURE or final or not undecided:
        return (best if best_score >= ENOUGH else None), True
    return None, False
