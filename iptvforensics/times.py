"""Nanoseconds since 1970-01-01 UTC -> text, whatever the zone and locale of the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_time(ts_ns: int) -> str:
    """Return a time as ISO 8601 in UTC with all nine digits of its second."""
    seconds, rest = divmod(ts_ns, 1_000_000_000)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
