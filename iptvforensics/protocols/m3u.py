"""Channel lists: M3U-Plus, and the lists for old receivers that the same page offers, to catalogue entries.

M3U has no specification; the attributes are those that players read (`tvg-id`, `group-title`, `catchup`, ...). An HLS
playlist is no such list, whatever its name is: tags like EXT-X-TARGETDURATION decide. The device formats of
`get.php?type=...` are read with their own grammars (`_m3u_devices`); bouquets of Enigma2 are another protocol.

**Known limitations**: options of players (EXTVLCOPT, KODIPROP, EXTHTTP) are kept in `raw`, not applied. A name in
another encoding than UTF-8 and UTF-16 stands as escapes, and an anomaly says so. Rows of a list in a gzip file or in
UTF-16 point at the start of the body. Lines over 64 KiB are cut. After 1,000,000 entries a list is not read on.
"""

from __future__ import annotations

import re

from ..listings.recoded import Recoded, is_recoded, may_be_recoded, undone
from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES
from ..protocol import OPENING_BYTES, Opening, Parser, Protocol
from ._m3u_shapes import shape_of

_HLS_TAG = re.compile(rb"#EXT-X-(?!SESSION-DATA|PLAYLIST-TYPE)", re.IGNORECASE)
_CHANNEL_LINE = re.compile(
    rb"#EXTINF[ :]?\s*(?:-\s*[0-9]|[0-9.]*[\s,]+[A-Za-z][\w-]*\s*=)|#EXTGRP|#EXTVLCOPT|#KODIPROP|#EXTHTTP"
    rb"|#EXTM3U[^\n]*(?:tvg|catchup|m3uautoload|refresh|cache|url-)|#EXT-X-SESSION-DATA:[^\n]*com\.(?:xui|xc_vm)\.",
    re.IGNORECASE,
)
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1f\x7f]")
"""What no list has among its first characters, and media nearly always."""


def make_parser(opening: Opening) -> Parser:
    """Return the parser for the kind of list that a body is; its code is loaded when the first one is made."""
    if is_recoded(opening):
        return Recoded(opening, "M3U", _plain_parser)
    return _plain_parser(opening)


def _plain_parser(opening: Opening) -> Parser:
    shape = shape_of(opening)
    if shape == "json":
        from ._m3u_json import JsonListParser

        return JsonListParser(opening)
    from ._m3u_parser import DeviceParser, M3uParser, ScriptParser

    if shape == "script":
        return ScriptParser(opening)
    if shape is None or shape == "m3u":
        return M3uParser(opening)
    return DeviceParser(opening, shape)


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body is a channel list; an HLS playlist is none."""
    if is_recoded(opening):
        inner = None if opening.info.role == "request" else undone(opening)
        return 0.0 if inner is None else detect(inner)
    head = opening.orig or opening.resp
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\0")
    is_partial = len(head) < OPENING_BYTES
    first = start[:1]
    if opening.info.role != "request" and may_be_recoded(head):
        return None
    if opening.info.role == "request" or _CONTROL.search(start, 0, 256):
        return 0.0
    if not start:
        return None if is_partial else 0.0
    if start[:4].upper() in (b"#EXT"[: len(start)], b"#KOD"[: len(start)], b"#PLA"[: len(start)]):
        return _detect_m3u(start, is_partial)
    shape = shape_of(opening)
    if shape is not None:
        is_whole = b"USERNAME=" in start if shape == "script" else shape == "json" or _has_entry(shape, start)
        return 0.9 if is_whole else None if is_partial else 0.0
    if first == b"{":
        return None if len(start) < 256 and is_partial else 0.0
    may_come = first in b"I<[C#" or start[:8].lower().startswith((b"http", b"rtmp", b"rtsp", b"udp", b"mms"))
    return None if is_partial and may_come else 0.0


def _detect_m3u(start: bytes, is_partial: bool) -> float | None:
    has_media = has_url = False
    for raw in start.splitlines(keepends=True):
        if is_partial and not raw.endswith((b"\n", b"\r")):
            break
        line = raw.strip()
        if _HLS_TAG.match(line):
            return 0.0
        if _CHANNEL_LINE.match(line):
            return 0.95
        if line[:7].upper() == b"#EXTINF":
            has_media = True
        elif has_media and line and not line.startswith(b"#"):
            has_url = True
    if has_url:
        return 0.6
    return None if is_partial else 0.0


def _has_entry(shape: str, start: bytes) -> bool:
    """Return True if the grammar finds an entry in the first lines."""
    from ._m3u_devices import GRAMMARS

    grammar = GRAMMARS[shape]()
    text = start.decode("utf-8", "backslashreplace")
    return any(grammar.line(line.strip()) for line in text.splitlines()[:200])


PROTOCOL = Protocol(
    name="m3u",
    title="Channel lists: M3U-Plus and the lists for old receivers",
    specification="none; attributes and grammars that players and receivers read",
    carriers=("content",),
    tables=(CATALOGUE_ENTRIES, ACCOUNT_REPLIES),
    detect=detect,
    parser=make_parser,
    limits="Options of players are kept, not applied. Some lists for receivers are read only if they were asked for.",
)
