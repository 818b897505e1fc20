"""What an analysis is asked for, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..capture import Secret
    from ..capture.source import FileState


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is analysed; what of it changes the result is part of the manifest (`as_dict`)."""

    block_bytes: int = 4 << 20
    """Most bytes read per block."""
    keylogs: Sequence[tuple[str, str]] = ()
    """Path and SHA-256 of each key log (`keylogs_at`)."""

    def as_dict(self) -> dict[str, Any]:
        """Return the options that change the result (`block_bytes` does not)."""
        return {"keylogs": sorted({sha256 for _, sha256 in self.keylogs})} if self.keylogs else {}


class ReadAgain(Exception):
    """What was read of a file does not count: it has changed meanwhile, or could not be read on in this way."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.why = why


class LateSecrets(Exception):
    """A capture holds secrets behind frames: it has to be read again with all of them."""

    def __init__(self, secrets: list[Secret], file_state: FileState | None) -> None:
        super().__init__()
        self.secrets = secrets
        self.file_state = file_state


class Attempt(NamedTuple):
    """How a file is read this time, by what an earlier reading has found."""

    secrets: tuple[Secret, ...] = ()
    """Secrets that stand behind frames."""
    file_state: FileState | None = None
    """State of the file that they stand in."""
    after: str | None = None
    """Why an earlier reading does not count (`ReadAgain`): now each byte is hashed as it is read."""


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

    @property
    def is_new(self) -> bool:
        """True if the case did not hold this capture before."""
        return not self.skipped and self.error is None

    @property
    def state(self) -> str:
        """What became of the file, in words."""
        if self.error:
            return "not read"
        return "known already" if self.skipped else "analysed"
