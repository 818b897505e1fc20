"""The exceptions that this package raises, on one page.

A message says what was expected, what was found, where (file, frame, stream offset) and what to do.
Damage inside readable evidence is not an exception: it becomes a row of the `anomalies` table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_NAMED = 8
"""Names that a message lists where none is near."""


def instead_of(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about a name that is not known: the nearest ones, or some of all.

    Example:
        >>> instead_of("htpp", ["dns", "http"])
        'did you mean http?'
    """
    from difflib import get_close_matches  # takes its time to load

    names = list(known)
    if near := get_close_matches(name, names, 3):
        return f"did you mean {', '.join(near)}?"
    more = f", ... ({len(names)} in all)" if len(names) > _NAMED else ""
    return f"there are {', '.join(names[:_NAMED])}{more}"


def one_line(error: Exception) -> str:
    """Return the message of an error for people: of one of the operating system, which file, and why."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def is_interrupt(error: Exception) -> bool:
    """Return True for what DuckDB makes of it when the user wants to stop, which it tells by its text alone."""
    return isinstance(error, RuntimeError) and str(error) == "Query interrupted"


class IptvForensicsError(Exception):
    """Base of every error that this package raises on purpose."""


class CaptureError(IptvForensicsError, ValueError):
    """The file cannot be read as evidence; what was read before the damage is kept."""

    def __init__(self, why: str, *, path: str | None = None, offset: int | None = None) -> None:
        self.why = why
        self.path = path
        self.offset = offset
        place = f"{path}: " if path else ""
        at = f" (at byte {offset})" if offset is not None else ""
        super().__init__(f"{place}{why}{at}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _capture_error, (self.why, self.path, self.offset)


def _capture_error(why: str, path: str | None, offset: int | None) -> CaptureError:
    """Return an error as it was in another process."""
    return CaptureError(why, path=path, offset=offset)


class DecodeError(IptvForensicsError, ValueError):
    """A stream breaks its protocol so badly that its parser cannot go on.

    The engine records an anomaly and drops the parser for that flow; work goes on.
    """

    def __init__(self, why: str, *, offset: int | None = None) -> None:
        self.why = why
        self.offset = offset
        super().__init__(why if offset is None else f"{why} (at stream offset {offset})")


class UnsupportedError(IptvForensicsError):
    """Valid input that this version does not handle: an anomaly, not a failure."""


class CaseError(IptvForensicsError):
    """The case folder is missing, damaged, locked or written by another version."""


class SchemaError(IptvForensicsError):
    """A row does not fit its declared table: a defect of a parser or of a user's table."""

    def __init__(self, table: str, column: str, why: str) -> None:
        self.table = table
        self.column = column
        super().__init__(f"table {table}, column {column}: {why}")


class MissingProgramError(IptvForensicsError):
    """An optional program or extra is not installed; the message says how to get it."""
