"""Loose values of JSON and forms to the types of the tables: services send numbers as text and lists for objects.

A function returns null where a value says nothing: an empty text, `null`, `false` for a text, a list for a number.
Those in the plural do the same for a column of values, in few steps where all are of one kind.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any
from urllib.parse import unquote

MAX_TEXT_CHARS = 64 << 10
_MAX_INT = (1 << 63) - 1
_WHOLE_BELOW = 1 << 53
"""A float below this that is whole was meant as a whole number: `78.0` names what `78` names."""
_SECOND = 1_000_000_000
_MILLIS_FROM = 100_000_000_000
"""From here on a time is in milliseconds: as seconds it would be the year 5138, as milliseconds it is 1973."""
_LAST_SECOND = 9_223_372_036
_USUAL_DIGITS, _TOO_LATE = 10, "9000000000"
"""Times from 2001 on have ten digits; those of one list are read together."""
_NONE = type(None)
_MAC = re.compile(
    r"(?:[0-9A-Fa-f]{2}([:-]?))(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}\Z")
_WORD = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)\Z")


def text(value: Any) -> str | None:
    """Return a text as sent, a number as text, null for everything else and for nothing.

    Example:
        >>> text(77), text("77"), text(77.0), text(""), text([])
        ('77', '77', '77', None, None)
    """
    if isinstance(value, str):
        return value[:MAX_TEXT_CHARS] or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) > 1 << 4096:
        return None
    is_whole = isinstance(value, float) and abs(value) < _WHOLE_BELOW and value == int(value)
    return str(int(value) if is_whole else value)


def texts(values: Sequence[Any]) -> Sequence[str | None]:
    """Return a column of texts."""
    try:
        size = len("".join(values))  # the cheapest way to learn that all are texts, and whether one can be too long
    except TypeError:
        return _texts_of_any(values)
    if size > MAX_TEXT_CHARS and max(map(len, values)) > MAX_TEXT_CHARS:
        return _texts_of_any(values)
    return [value or None for value in values] if "" in values else values


def _texts_of_any(values: Sequence[Any]) -> Sequence[str | None]:
    kinds = set(map(type, values))
    if kinds == {int} and min(values) >= -_MAX_INT and max(values) <= _MAX_INT:
        return list(map(str, values))
    if kinds == {_NONE}:
        return values
    return [text(value) for value in values]


def integer(value: Any) -> int | None:
    """Return a whole number of at most 63 bits, also from text.

    Example:
        >>> integer("12"), integer(" 12.0 "), integer(True), integer("12a"), integer(None)
        (12, 12, 1, None, None)
    """
    try:
        if isinstance(value, str):
            value = value.strip()
            number = int(value) if value.lstrip("+-").isascii() and len(value) < 24 else None
        else:
            number = int(value) if isinstance(value, int | float) and value == int(value) else None
    except (ValueError, OverflowError):
        decimal = decimal_number(value)
        number = int(decimal) if decimal is not None and decimal == int(decimal) else None
    return number if number is not None and abs(number) <= _MAX_INT else None


def integers(values: Sequence[Any]) -> Sequence[int | None]:
    """Return a column of whole numbers."""
    kinds = set(map(type, values))
    if kinds == {_NONE} or (kinds == {int} and min(values) >= -_MAX_INT and max(values) <= _MAX_INT):
        return values
    known: dict[Any, int | None] = {}
    if kinds <= {int, str, _NONE}:
        known = {value: integer(value) for value in set(values)}
        return [known[value] for value in values]
    return [integer(value) for value in values]


def decimal_number(value: Any) -> float | None:
    """Return a finite number, also from text; null for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value[:64]) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e300 else None


def truth(value: Any) -> bool | None:
    """Return true or false from what stands for them.

    Example:
        >>> truth(1), truth("0"), truth("true"), truth(""), truth("perhaps")
        (True, False, True, None, None)
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value > 0 if value == value else None
    if isinstance(value, str):
        return _TRUTHS.get(value.strip().lower())
    return None


def truths(values: Sequence[Any]) -> Sequence[bool | None]:
    """Return a column of truths."""
    kinds = set(map(type, values))
    if kinds == {_NONE}:
        return values
    if len(kinds) == 1 and kinds <= {int, str}:
        known = {value: truth(value) for value in set(values)}
        return [known[value] for value in values]
    return [truth(value) for value in values]


_TRUTHS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def epoch_ns(value: Any) -> int | None:
    """Return nanoseconds from seconds (or milliseconds) since 1970; 0 and dates without zone are null.

    Example:
        >>> epoch_ns("1700000000"), epoch_ns(1700000000000), epoch_ns("0"), epoch_ns("2024-01-01 00:00:00")
        (1700000000000000000, 1700000000000000000, None, None)
    """
    if isinstance(value, str) and len(value) <= 11 and value.isascii() and value.isdigit():
        return int(value) * _SECOND if 0 < int(value) < _LAST_SECOND else None
    number = decimal_number(value)
    if number is None or number != number or number <= 0:
        return None
    whole = integer(value)
    if number >= _MILLIS_FROM:
        number, scale = (number if whole is None else whole), _SECOND // 1000
    else:
        number, scale = (number if whole is None else whole), _SECOND
    found = int(number * scale)
    return found if found // _SECOND <= _LAST_SECOND - 1 else None


def epochs_ns(values: Sequence[Any]) -> Sequence[int | None]:
    """Return a column of times."""
    kinds = set(map(type, values))
    if kinds == {_NONE}:
        return values
    if kinds == {str} and set(map(len, values)) == {_USUAL_DIGITS} and max(values) < _TOO_LATE:
        digits = "".join(values)
        if digits.isascii() and digits.isdigit():
            return [int(value) * _SECOND or None for value in values]
    return list(map(epoch_ns, values))


def mac_address(value: Any) -> tuple[str, str] | tuple[None, None]:
    """Return a MAC address as 12 lower-case digits with colons, and as it was written.

    Example:
        >>> mac_address("00%3A1A%3A79%3A00%3A00%3A0F")
        ('00:1a:79:00:00:0f', '00%3A1A%3A79%3A00%3A00%3A0F')
        >>> mac_address("001a.7900.000f")[0]
        '00:1a:79:00:00:0f'
        >>> mac_address("001a7900000F")[0], mac_address("MDA6MUE6Nzk6MDA6MDA6MEY=")[0], mac_address("none")[0]
        ('00:1a:79:00:00:0f', '00:1a:79:00:00:0f', None)
    """
    if not isinstance(value, str) or not 12 <= len(value) <= 64:
        return None, None
    for candidate in (value, unquote(value), unquote(unquote(value)), base64_text(value) or ""):
        if _MAC.fullmatch(candidate.strip().strip('"')):
            digits = re.sub("[^0-9a-f]", "", candidate.lower())
            return ":".join(digits[i : i + 2] for i in range(0, 12, 2)), value
    return None, None


def base64_text(value: Any) -> str | None:
    """Return the text that stands in base64 (padding may be missing); a text that is none stays as it is.

    Words in clear can be base64 by chance. What does not decode to a text is none, a number is none, and a word of
    small or of capital letters alone is taken for base64 only if letters and digits come out.

    Example:
        >>> base64_text("TmV3cw=="), base64_text("TmV3cw"), base64_text("Evening News"), base64_text("")
        ('News', 'News', 'Evening News', None)
        >>> base64_text("Kids"), base64_text("QUJD")
        ('Kids', 'ABC')
    """
    coded = text(value)
    if coded is None or not _BASE64.match(coded) or coded.isdigit():
        return coded
    plain = coded.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4))
        decoded = data.decode()
    except (binascii.Error, ValueError):
        return coded
    if not decoded or base64.b64encode(data).decode().rstrip("=") != plain:
        return coded  # bits that no encoder leaves
    if not decoded.isprintable() and not all(map(_is_of_text, decoded)):
        return coded
    return coded if _WORD.match(coded) and not decoded.isalnum() else decoded


def _is_of_text(char: str) -> bool:
    """Return True for spaces, line ends and marks of direction, too; False for other control and unknown characters."""
    return char in "\t\r\n" or unicodedata.category(char) not in ("Cc", "Cn", "Co", "Cs")


def as_object(value: Any) -> Mapping[str, Any]:
    """Return an object; an empty list stands for an empty one, a list for one with its places as names."""
    if isinstance(value, dict):
        return value
    return {str(i): item for i, item in enumerate(value)} if isinstance(value, list) else {}


def objects(values: Iterable[Any]) -> bool:
    """Return True if all values are objects."""
    return set(map(type, values)) <= {dict}


class Columns:
    """The values of objects by name, as columns; the objects of one list mostly have the same names."""

    def __init__(self, items: Sequence[Mapping[str, Any]]) -> None:
        self.count = len(items)
        self._items = items

    @cached_property
    def _names(self) -> set[str]:
        """All names: found once they are needed to say that no object has one."""
        return set().union(*self._items)

    def pick(self, name: str, *others: str) -> Sequence[Any]:
        """Return what each object has under a name, or under the next one where that is nothing."""
        values = self._column(name)
        for other in others:
            if (None in values or "" in values) and other in self._names:
                more = self._column(other)
                values = [m if v is None or v == "" else v for v, m in zip(values, more, strict=True)]
        return values

    def _column(self, name: str) -> Sequence[Any]:
        if not self._items or (name not in self._items[0] and name not in self._names):
            return [None] * self.count
        try:
            return list(map(itemgetter(name), self._items))
        except KeyError:
            return [item.get(name) for item in self._items]
