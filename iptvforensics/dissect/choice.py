"""Chooses the protocol of a flow or body by the scores that the parsers give its first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..protocol import Opening, Protocol

CERTAIN = 0.95
"""A score from which no other parser is asked: the first bytes of a protocol are nobody else's (contract tests)."""
SURE = 0.9
"""A score from which a parser is chosen at once, though others cannot tell yet."""
ENOUGH = 0.5


class Candidates:
    """The protocols of a carrier, and those of them that come into question for an opening."""

    def __init__(self, protocols: Iterable[Protocol]) -> None:
        self._all = list(protocols)
        self._known: dict[bytes, list[Protocol]] = {}

    def of(self, opening: Opening) -> list[Protocol]:
        """Return the protocols to be asked, in order."""
        first = opening.orig[:1] + opening.resp[:1]
        known = self._known.get(first)
        if known is None:
            known = [p for p in self._all if not first or p.begins is None or any(byte in p.begins for byte in first)]
            self._known[first] = known  # at most 65,793
        return known


def choose(protocols: Sequence[Protocol], opening: Opening, *, final: bool) -> tuple[Protocol | None, bool]:
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
            if score >= CERTAIN:
                break
    if best_score >= SURE or final or not undecided:
        return (best if best_score >= ENOUGH else None), True
    return None, False
