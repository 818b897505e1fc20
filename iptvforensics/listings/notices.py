r"""Notices of PHP that stand before a reply in JSON -> the reply, at its own places, and what the notices say.

A server whose operator left the display of errors on writes them into its replies, as lines of HTML that name the file:
`<br />\n<b>Warning</b>:  ... in <b>/var/www/x.php</b> on line <b>7</b><br />\n`.
"""

from __future__ import annotations

import re

from ..protocol import Anomaly, Event

MAX_NOTICE_BYTES = 4096
"""All notices before one reply."""
MAX_DETAIL_CHARS = 500

_BOM = b"\xef\xbb\xbf"
_KINDS = rb"(?:Warning|Notice|Deprecated|Strict Standards|(?:Catchable |Recoverable )?[Ff]atal error|Parse error)"
_BEGIN = re.compile(rb"<br ?/?>\s*<b>" + _KINDS + rb"</b>:")
_NOTICE = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*" + _BEGIN.pattern + rb"[^\x00]{0,2000}? on line <b>[0-9]{1,7}</b><br ?/?>\s*"
)
_SHORT = 40
"""As long as the beginning of any notice."""
_TAG = re.compile(r"<[^<>]{0,200}>")


def end_of_notices(head: bytes) -> int | None:
    r"""Return how many bytes of notices a body begins with; 0 if it is no JSON behind notices, null if more must come.

    Example:
        >>> end_of_notices(b"<br />\n<b>Notice</b>:  x in <b>/a.php</b> on line <b>7</b><br />\n[]")
        65
        >>> end_of_notices(b"[]"), end_of_notices(b"<html>"), end_of_notices(b"<br />\n<b>Not")
        (0, 0, None)
    """
    at = 0
    while (notice := _NOTICE.match(head, at)) is not None and notice.end() <= MAX_NOTICE_BYTES:
        at = notice.end()
    rest = head[at:].lstrip(b" \t\r\n").removeprefix(_BOM).lstrip(b" \t\r\n")
    if rest[:1] in (b"{", b"["):
        return at
    if len(rest) < _SHORT:
        may_go_on = b"<br".startswith(rest[:3]) or _BOM.startswith(rest)
    else:
        may_go_on = _BEGIN.match(rest) is not None
    return None if may_go_on and len(head) < MAX_NOTICE_BYTES else 0


class Notices:
    """Takes the notices from a body while it comes: spaces stand in their place, so that all else keeps its own."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._kept = b""
        self._is_open = True
        self._found = b""

    def feed(self, data: memoryview) -> memoryview:
        """Return the bytes that are to be read, none as long as it is open where the notices end."""
        if self._is_open and not self._kept and bytes(data[:1]) in (b"{", b"["):
            self._is_open = False  # nearly every reply
        if not self._is_open:
            return data
        self._kept += bytes(data)
        end = end_of_notices(self._kept)
        return memoryview(b"") if end is None else self._release(end)

    def rest(self) -> memoryview:
        """Return what was held back, at a gap or at the end."""
        return self._release(0)

    def take(self, from_orig: bool) -> list[Event]:
        """Return what the notices say, once."""
        said, self._found = self._found, b""
        if not said:
            return []
        plain = " ".join(_TAG.sub(" ", said.decode("utf-8", "backslashreplace")).split())
        detail = f"before the reply: {plain}"[:MAX_DETAIL_CHARS]
        return [Anomaly(f"{self._prefix}_notice_of_php", from_orig, 0, detail, len(_BEGIN.findall(said)))]

    def _release(self, end: int) -> memoryview:
        kept, self._kept, self._is_open = self._kept, b"", False
        self._found += kept[:end]
        blank = b" " * (end + len(_BOM)) if kept[end:].startswith(_BOM) else b" " * end
        return memoryview(blank + kept[len(blank) :])
