"""How certain it is that a body is a list of NAME,URL lines, in clear or in base64, or such a list in JSON."""

from __future__ import annotations

import base64
import binascii
import re

from ..listings.recoded import is_recoded, may_be_recoded, undone
from ..protocol import OPENING_BYTES, Opening

GENRE = b",#genre#"
WIDE_COMMA = "\uff0c"
_WIDE_GENRES = (f"{WIDE_COMMA}#genre#".encode(), b"\xa3\xac#genre#")
"""In UTF-8, and in GBK."""

_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]{16,}=*\s*\Z")
_ENTRY = re.compile(rb"[^\r\n,]+(?:,|\xef\xbc\x8c|\xa3\xac)[A-Za-z][A-Za-z0-9+.-]*://")
_JSON = re.compile(rb"\[\s*\{")
_CHANNELS = re.compile(rb'"channels?"\s*:\s*\[\s*\{')
_URLS = re.compile(rb'"urls"\s*:\s*\[\s*"')
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def from_base64(data: bytes) -> bytes:
    """Return the bytes behind base64, none where it is damaged."""
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4))
    except (binascii.Error, ValueError):
        return b""


def is_base64_list(head: bytes) -> bool:
    """Return True if the head of a body is base64 of a list."""
    if not _BASE64.match(head[:OPENING_BYTES]):
        return False
    coded = NOT_BASE64.sub(b"", head)
    return GENRE in from_base64(coded[: len(coded) & ~3])


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body is such a list: by the mark of its groups."""
    if is_recoded(opening):
        inner = undone(opening)
        return 0.0 if inner is None else detect(inner)
    head = opening.orig or opening.resp
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")[:64]
    is_partial = len(head) < OPENING_BYTES
    if may_be_recoded(head):
        return None
    if start[:1] == b"[":
        if start[1:].strip() and not _JSON.match(start):
            return 0.0
        if _CHANNELS.search(head) and _URLS.search(head):
            return 0.9
        return None if is_partial else 0.0
    if start[:1] in (b"#", b"<", b"{", b"G", b"\0") or (start and not _is_text(start)):
        return 0.0
    at = next((at for mark in (GENRE, *_WIDE_GENRES) if (at := head.find(mark)) >= 0), -1)
    if at > 0 and head.rfind(b"\n", 0, at) < 1024:
        return 0.9 if _ENTRY.search(head) or b"\n" in head[at:] or not is_partial else 0.6
    if is_base64_list(head):
        return 0.9
    return None if is_partial else 0.0


def _is_text(start: bytes) -> bool:
    return _CONTROL.search(start) is None
