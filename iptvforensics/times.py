"""Nanoseconds since 1970-01-01 UTC -> text, and names of zones -> zones: whatever the machine keeps and speaks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_time(ts_ns: int) -> str:
    """Return a time as ISO 8601 in UTC with all nine digits of its second."""
    seconds, rest = divmod(ts_ns, 1_000_000_000)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}")


@lru_cache(maxsize=256)
def zone_named(name: str) -> ZoneInfo | None:
    """Return a zone of the IANA database by its name, None if there is none of that name.

    The rules are those of the package tzdata, so that the same version gives the same times on every machine.

    Example:
        >>> from datetime import datetime
        >>> datetime(2024, 1, 1, tzinfo=zone_named("Asia/Jakarta")).isoformat()
        '2024-01-01T00:00:00+07:00'
    """
    from importlib.resources import files  # few captures need it
    from zoneinfo import ZoneInfo

    if not _ZONE.fullmatch(name):
        return None
    try:
        with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
            return ZoneInfo.from_file(rules, key=name)
    except (OSError, ValueError):  # no such file, or one that holds no zone
        return None
