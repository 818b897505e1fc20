"""Programmes of an XMLTV guide that are written alike, cut out at once: most of a guide is made of them.

Alike: the same attributes in the same order, and no elements but title, description and category, in this order, with
no attribute but `lang`. A call from expat for each of their elements would cost more than all the rest of reading a
guide. What is cut out here is not checked here: that the bytes are well-formed, and where they are not, is for expat
to say. Nothing is taken as alike that expat would tell otherwise, save in documents that say of themselves that their
bytes mean something else (another encoding, default attributes): those must not be cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

END = b"</programme>"
MIN_RUN = 8
"""Shorter runs of programmes that are alike are not worth the steps that a run takes."""
_TOLD = ("channel", "start", "stop")
_WHOLE = "whole"
_ODD_REFERENCE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)")
"""Any reference but the five that all documents have."""
_REFERENCES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
"""`&amp;` last: what it leaves is no reference."""


@lru_cache(maxsize=64)
def _pattern(attributes: tuple[str, ...]) -> re.Pattern[bytes]:
    """Return the expression for programmes with these attributes."""
    quoted = rb'"[^"\t\n\r]*"'
    words = b"".join(
        rb"\s+%b=%b" % (re.escape(name).encode(), b'"(?P<%b>[^"\t\n\r]*)"' % name.encode() if name in _TOLD else quoted)
        for name in attributes
    )
    lang = rb"(?:\s+lang=%b)?" % quoted
    title = rb'(?:\s*<title(?:\s+lang="(?P<language>[^"\t\n\r]*)")?\s*(?:/>|>(?P<title>[^<]*)</title>))?'
    others = b"".join(
        rb"(?:\s*<%b%b\s*(?:/>|>(?P<%b>[^<]*)</%b>))?" % (tag, lang, name, tag)
        for tag, name in ((b"desc", b"description"), (b"category", b"category"))
    )
    return re.compile(rb"(?P<whole><programme%b\s*>%b%b\s*</programme>)" % (words, title, others))


class Programmes:
    """Bytes that end with a programme, cut into the programmes that are alike and what stands before each."""

    def __init__(self, data: bytes, attributes: Sequence[str]) -> None:
        self._has_references = b"&" in data
        pattern = _pattern(tuple(attributes))
        self._groups = pattern.groupindex
        self._step = pattern.groups + 1
        self._fields: list[bytes | None] = pattern.split(data)
        self._before: list[bytes] = self._fields[:: self._step]  # type: ignore[assignment]
        self._whole: list[bytes] = self._fields[self._groups[_WHOLE] :: self._step]  # type: ignore[assignment]
        sizes = zip(map(len, self._before), map(len, self._whole), strict=False)
        self.ends = list(accumulate(before + whole for before, whole in sizes))
        """Where each programme ends, in bytes from the beginning of the data."""

    def runs(self, max_bytes: int) -> Iterator[tuple[int, int]]:
        """Yield the first and the last but one of programmes with nothing between them, none over a limit."""
        odd = {i for i, before in enumerate(self._before[:-1]) if before and not before.isspace()}
        odd |= {i for i, whole in enumerate(self._whole) if len(whole) > max_bytes}
        if self._has_references:
            odd |= {i for i, whole in enumerate(self._whole) if _ODD_REFERENCE.search(whole)}
        first = 0
        for i in (*sorted(odd), len(self._whole)):
            if i - first >= MIN_RUN:
                yield first, i
            first = i + 1

    def begins(self, first: int, last: int) -> list[int]:
        """Return where programmes begin, in bytes from the beginning of the data."""
        whole = self._whole
        return [end - len(whole[i]) for i, end in enumerate(self.ends[first:last], first)]

    def column(self, name: str, first: int, last: int) -> list[str] | None:
        """Return what programmes that expat has read say under a name; None if they have no such thing."""
        group = self._groups.get(name)
        if group is None:
            return None
        values = self._fields[group + first * self._step : group + last * self._step : self._step]
        if None in values:
            if values.count(None) == len(values):
                return None
            values = [value or b"" for value in values]
        text = b"\0".join(values).decode()  # type: ignore[arg-type]  # no XML document has NUL in it
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if "&" in text:
            for reference, char in _REFERENCES:
                text = text.replace(reference, char)
        return text.split("\0")
