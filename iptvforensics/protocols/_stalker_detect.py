"""How certain it is that a body is of a Stalker portal."""

from __future__ import annotations

import re

from ..listings.notices import end_of_notices
from ..protocol import OPENING_BYTES, Opening

_BOM = b"\xef\xbb\xbf"
_PAGE = re.compile(r"/(?:load|portal)\.php\?(?:[^#]*&)?(?:type|action)=")
_POSTED_PAGE = re.compile(r"/(?:load|portal)\.php(?:\?|\Z)")
VERSION_PAGE = re.compile(r"/c/version\.js(?:\?|\Z)")
_JS = re.compile(rb'\{\s*"js"\s*:')
_FORM = re.compile(rb"[A-Za-z0-9_]+(?:=|\Z)")
REFUSALS = (b"Authorization failed", b"Access denied", b"Identification failed", b"Unauthorized request")


def start_of(head: bytes) -> bytes | None:
    """Return a body without what may stand before its first character: blanks, notices of PHP; null if that is open."""
    start = head.removeprefix(_BOM).lstrip(b" \t\r\n")
    if start[:1] != b"<":
        return start
    behind = end_of_notices(head)
    return None if behind is None else head[behind:].removeprefix(_BOM).lstrip(b" \t\r\n")


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body is of a Stalker portal: by its first name, else by the page asked for."""
    head, info = opening.orig or opening.resp, opening.info
    url = info.name or ""
    if info.role == "request":
        return 0.95 if _FORM.match(head) and _POSTED_PAGE.search(url) else 0.0
    start = start_of(head)
    is_partial = len(head) < OPENING_BYTES
    if not start:
        return None if is_partial else 0.0
    if start[:1] == b"{":
        if _JS.match(start) or (_PAGE.search(url) and len(start) > 1):
            return 0.95
        return None if len(start) < 16 and b'{"js":'.startswith(re.sub(rb"\s", b"", start)[:6]) else 0.0
    if _PAGE.search(url) or _POSTED_PAGE.search(url):
        if any(refusal.startswith(start[: len(refusal)]) for refusal in REFUSALS):
            return 0.9 if len(start) >= 12 else None
        return 0.0
    is_script = any(word.startswith(start[:4]) for word in (b"var ", b"ver ", b"ver=", b"const ", b"let "))
    return 0.9 if is_script and VERSION_PAGE.search(url) else 0.0
