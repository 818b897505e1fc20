"""Times of an XMLTV guide, as text, to nanoseconds since 1970.

`YYYYMMDDhhmmss +hhmm`, with less of it in some guides. A time without an offset from UTC is no point in time: null;
nor is one with an offset that no place has (`+2460`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

_SECOND = 1_000_000_000
_TIME = re.compile(
    r"\s*(\d{4})(\d\d)(\d\d)(\d\d)?(\d\d)?(\d\d)?(?:\.\d+)?\s*(?:([+-])(\d\d):?(\d\d)|(Z|UTC|GMT))?\s*\Z"
)
_CLOCK = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d\Z", re.ASCII)
_OFFSET = re.compile(r" ([+-])(\d\d)(\d\d)\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_USUAL_CHARS = 20
_MOST_HOURS = 14
"""No place is further from UTC; what says so is no offset."""
_MANY = 64
"""From so many times on, arrays are faster than one after the other."""
_DIGITS = [*range(14), *range(16, 20)]
"""Where the usual form, `20231115051320 +0700`, has digits."""


def read_time(text: str | None) -> int | None:
    """Return nanoseconds since 1970 of a time with an offset; null without one.

    Example:
        >>> read_time("20231115051320 +0700"), read_time("20231115051320")
        (1700000000000000000, None)
    """
    if text is None:
        return None
    if len(text) == _USUAL_CHARS:
        # What nearly all guides write: days, clocks and offsets come again and again.
        midnight, clock, offset = _midnight(text[:8]), _clock(text[8:14]), _offset(text[14:])
        if midnight is not None and clock is not None and offset is not None:
            return (midnight + clock - offset) * _SECOND
    return _read_any_time(text)


def read_times(texts: Sequence[str | None]) -> list[int | None]:
    """Return what `read_time` says of each of many times."""
    if len(texts) < _MANY or None in texts:
        return list(map(read_time, texts))
    joined = "".join(texts)  # type: ignore[arg-type]
    if not joined.isascii() or set(map(len, texts)) != {_USUAL_CHARS}:  # type: ignore[arg-type]
        return list(map(read_time, texts))
    chars = np.frombuffer(joined.encode("ascii"), np.uint8).reshape(-1, _USUAL_CHARS)
    digits = (chars[:, _DIGITS] - ord("0")).T.astype(np.int64)  # what lies before "0" becomes more than 9: no sign
    is_usual = (digits <= 9).all(axis=0) & (chars[:, 14] == ord(" "))
    is_usual &= (chars[:, 15] == ord("+")) | (chars[:, 15] == ord("-"))
    day = np.zeros(len(texts), np.int64)
    for digit in digits[:8]:
        day = day * 10 + digit
    hour, minute, second, off_hours, off_minutes = (10 * digits[i] + digits[i + 1] for i in (8, 10, 12, 14, 16))
    is_usual &= (hour < 24) & (minute < 60) & (second < 60) & (off_hours <= _MOST_HOURS) & (off_minutes < 60)
    days, place = np.unique(day, return_inverse=True)
    midnights = [_midnight(f"{number:08d}") for number in days.tolist()]
    is_usual &= np.array([midnight is not None for midnight in midnights])[place]
    offset = (off_hours * 3600 + off_minutes * 60) * np.where(chars[:, 15] == ord("-"), -1, 1)
    seconds = np.array([midnight or 0 for midnight in midnights])[place] + hour * 3600 + minute * 60 + second - offset
    found: list[int | None] = (seconds * _SECOND).tolist()
    for i in np.flatnonzero(~is_usual).tolist():
        found[i] = read_time(texts[i])
    return found


@lru_cache(maxsize=1024)
def _midnight(day: str) -> int | None:
    """Return the seconds since 1970 at which a day begins in UTC."""
    found = _read_any_time(day + "000000 +0000")
    return None if found is None else found // _SECOND


@lru_cache(maxsize=1 << 14)
def _clock(text: str) -> int | None:
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + int(text[4:]) if _CLOCK.match(text) else None


@lru_cache(maxsize=256)
def _offset(zone: str) -> int | None:
    match = _OFFSET.match(zone)
    return None if match is None else _seconds(match[1], int(match[2]), int(match[3]))


def _seconds(sign: str, hours: int, minutes: int) -> int | None:
    """Return an offset from UTC in seconds, or None for what cannot be one."""
    if hours > _MOST_HOURS or minutes > 59:
        return None
    return (hours * 3600 + minutes * 60) * (-1 if sign == "-" else 1)


def _read_any_time(text: str) -> int | None:
    match = _TIME.match(text)
    if match is None or not (match[7] or match[10]):
        return None
    year, month, day, hour, minute, second = (int(match[i] or 0) for i in range(1, 7))
    try:
        days = datetime(year, month, day, tzinfo=UTC).toordinal() - _EPOCH.toordinal()
    except ValueError:
        return None
    if hour > 24 or minute > 59 or second > 60:
        return None
    seconds = days * 86400 + hour * 3600 + minute * 60 + second
    if match[7]:
        offset = _seconds(match[7], int(match[8]), int(match[9]))
        if offset is None:
            return None
        seconds -= offset
    return seconds * _SECOND if -9_000_000_000 < seconds < 9_000_000_000 else None
