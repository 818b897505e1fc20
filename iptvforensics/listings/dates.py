"""Dates that services write as text -> nanoseconds since 1970.

Read are dates that have one meaning: year, month and day in this order, or the month by its English name. Numbers in
another order (01/02/2030) are not guessed at. A date without a clock is a day, no point in time: it stays text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from ..times import zone_named

_SECOND = 1_000_000_000
MAX_DATE_CHARS = 64
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = r"(?P<name>[A-Za-z]{3,9})\.?"
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d))?"
)
_DAYS = (
    r"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)(?:[T ]+",
    rf"{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})(?:,? (?:at )?",
    rf"(?P<day>\d{{1,2}})[ -]{_MONTH}[ -](?P<year>\d{{4}})(?:,? (?:at )?",
)
_FORMS = tuple(re.compile(day + _CLOCK + r")?\Z", re.ASCII) for day in _DAYS)
_ENDLESS = re.compile(r"(?:unlimited|never|lifetime)\Z", re.IGNORECASE)


def date_ns(text: str | None, zone: str | None = None) -> int | None:
    """Return the time that a text names: in its own zone, else in the zone given, else in UTC.

    Null for a day without a clock, for a date that can be read in two ways, and for a zone that is not known here.

    Example:
        >>> date_ns("2023-11-15 05:13:20", "Asia/Jakarta"), date_ns("November 14, 2023, 10:13 pm")
        (1700000000000000000, 1699999980000000000)
        >>> date_ns("2030-01-01"), date_ns("01/02/2030 00:00:00"), date_ns("2030-01-01 00:00:00", "No/Where")
        (None, None, None)
    """
    match = _match(text)
    if match is None or match["hour"] is None:
        return None
    written = match["zone"]
    where = _offset(written) if written else zone_named(zone) if zone else UTC
    found = _datetime(match)
    if where is None or found is None or found.year <= 1970 or found.year > 2261:
        return None
    since = found.replace(tzinfo=where) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _SECOND


def is_end(text: str | None) -> bool:
    """Return True if a text reads as the end of something: a date, also one without a clock, or that there is none.

    Example:
        >>> is_end("January 1, 2030"), is_end("Unlimited"), is_end("555-0100"), is_end("2030-13-01")
        (True, True, False, False)
    """
    match = _match(text)
    return _datetime(match) is not None if match else bool(text and _ENDLESS.match(text.strip()))


def _match(text: str | None) -> re.Match[str] | None:
    if text is None or len(text) > MAX_DATE_CHARS:
        return None
    plain = " ".join(text.split())
    return next((match for form in _FORMS if (match := form.match(plain))), None)


def _datetime(match: re.Match[str]) -> datetime | None:
    parts = match.groupdict()
    hour, half = int(parts["hour"] or 0), (parts["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + 12 * (half == "p")
    month = int(parts["month"]) if "month" in parts else _month(parts["name"])
    try:
        return datetime(  # noqa: DTZ001 - the zone is found by itself
            int(parts["year"]), month, int(parts["day"]), hour, int(parts["minute"] or 0), int(parts["second"] or 0)
        )
    except ValueError:
        return None


def _month(name: str) -> int:
    """Return the number of a month; 0, which is none, for any other word."""
    word = "sep" if name.lower() == "sept" else name.lower()
    return next((i for i, month in enumerate(_MONTHS, 1) if word in (month, month[:3])), 0)


def _offset(written: str) -> tzinfo | None:
    if written[0] not in "+-":
        return UTC
    minutes = int(written[1:3]) * 60 + int(written[-2:])
    if minutes >= 1440:
        return None
    return timezone(timedelta(minutes=-minutes if written[0] == "-" else minutes))
