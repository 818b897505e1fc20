"""What an analysis is asked for, and what it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Options:
    """What changes the result of an analysis; part of the manifest."""

    block_bytes: int = 4 << 20

    def as_dict(self) -> dict[str, Any]:
        """Return the options that change results (block_bytes does not)."""
        return {}


class Progress(NamedTuple):
    """How far an analysis has come."""

    path: str
    done_bytes: int
    total_bytes: int | None


@dataclass(slots=True)
class Summary:
    """What one file gave."""

    path: str
    capture_id: str | None = None
    sha256: str | None = None
    size_bytes: int = 0
    frames: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    skipped: bool = False
    """True if the case held this capture already."""
    error: str | None = None
    """Why the file could not be read; null if it could."""
