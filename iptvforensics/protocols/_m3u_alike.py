"""Entries of an M3U-Plus list that are all written alike, cut out at once: most of a list is made of them.

Alike: an EXTINF line whose attributes have the same names in the same order, all in quotes, and behind it a line with
a URL. A step of Python for each line and each value would cost more than all the rest of reading a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter

from ..listings.lines import Line
from ..listings.tables import MAX_RAW_CHARS
from ._m3u_extinf import KNOWN, QUOTED_HEAD, Entries, names_of

MIN_RUN = 8
"""Shorter runs of entries that are alike are not worth the steps that a run takes."""
AROUND = " \t\v\f\0\r\ufeff"
"""What is taken off both ends of a line."""
_LINE = f"(?:.*[^\n{AROUND}])?"
"""The rest of a line that nothing is to be taken off from."""
_SPACE = r"[^\S\n]"
"""Space within a line."""
MAX_NAMES = 32


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return the expression for entries with these attributes; group 1 is the entry, then what it says."""
    words = "".join(rf'{_SPACE}+{re.escape(name)}="{_quoted(name)}"' for name in names)
    return re.compile(rf"^(#EXTINF:(-?[0-9.]*){words}{_SPACE}*,({_LINE})\n([A-Za-z]{_LINE}))\n", re.MULTILINE)


def _quoted(name: str) -> str:
    return r'([^"\n]*)' if name in KNOWN else r'[^"\n]*'


def names_in(lines: Sequence[Line]) -> tuple[str, ...] | None:
    """Return the names of the attributes of the first EXTINF line that is written as most lists write it."""
    first = next((line for _, line in lines if line[:8] == b"#EXTINF:"), b"")
    match = QUOTED_HEAD.match(first.decode("utf-8", "backslashreplace"))
    if match is None:
        return None
    names = names_of(tuple(match[2].split('"')[:-1:2]))
    return names if names is not None and len(names) <= MAX_NAMES else None


class Alike:
    """Lines, cut into entries that are alike and the lines that stand before each."""

    def __init__(self, lines: Sequence[Line], names: tuple[str, ...]) -> None:
        pattern = _pattern(names)
        self._lines = lines
        self._known = [name for name in names if name in KNOWN]
        self._step = pattern.groups + 1
        text = b"\n".join([*map(itemgetter(1), lines), b""]).decode("utf-8", "backslashreplace")
        self._fields: list[str] = pattern.split(text)

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Yield for each run the number of its first line, its first entry, and the one behind its last."""
        before = self._fields[:: self._step]
        odd = [i for i, text in enumerate(before) if text]
        first = shift = 0
        for i in (*odd, len(before) - 1):
            if i - first >= MIN_RUN:
                yield 2 * first + shift, first, i
            first = i
            shift += before[i].count("\n")

    def read(self, line: int, first: int, last: int) -> Entries:
        """Return entries from one to the one before another; `line` is the first line of the first one."""
        raws, durations, *values, names, urls = (
            self._fields[group + first * self._step : last * self._step : self._step] for group in range(1, self._step)
        )
        return Entries(
            [offset for offset, _ in self._lines[line : line + 2 * len(raws) : 2]],
            durations,
            dict(zip(self._known, values, strict=True)),
            [name.strip() or None for name in names],
            urls,
            None,
            [raw[:MAX_RAW_CHARS] for raw in raws],
        )
