"""Text from evidence to text that can be shown: nothing invisible, nothing that turns lines or directions.

Unicode categories: controls (Cc), formats such as direction marks (Cf), surrogates (Cs), private and unassigned
stay as they are unless XML 1.0 section 2.2 forbids them, line and paragraph separators (Zl, Zp).

**Known limitations**: look-alike letters (Cyrillic а, Latin a) are not marked.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def visible(text: str) -> str:
    r"""Return the text with characters that cannot be seen, or not stored in XML, written as escapes.

    Example:
        >>> visible("a\x00b\u202e")
        'a\\u0000b\\u202e'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if _is_hidden(c) else c for c in text)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") or ord(character) & 0xFFFE == 0xFFFE


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def ordered(value: object) -> object:
    """Return a set as a sorted list, since sets have no order of their own; any other value as it is."""
    return sorted(value, key=str) if isinstance(value, set | frozenset) else value


def value_text(value: object) -> str:
    """Return the value of an attribute as text, several values joined by semicolons."""
    value = ordered(value)
    return ";".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def shorten(text: str, limit: int) -> str:
    """Return the text with its middle left out if it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    head = (limit - 1) * 3 // 5
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


def time_text(ns: int | None) -> str:
    """Return a time in nanoseconds as ISO 8601 in UTC to the millisecond; empty if there is none."""
    if ns is None:
        return ""
    try:
        moment = _EPOCH + timedelta(microseconds=ns // 1000)
    except OverflowError:
        return f"{ns} ns"
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def bytes_text(count: int | None) -> str:
    """Return a number of bytes with its decimal unit.

    Example:
        >>> bytes_text(5_327_920)
        '5.3 MB'
    """
    if count is None:
        return ""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
