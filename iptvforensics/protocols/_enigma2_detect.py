"""How certain it is that a body is of Enigma2."""

from __future__ import annotations

import re

from ..protocol import OPENING_BYTES, Opening

_PAGE = re.compile(
    r"/(?:enigma2(?:\.php)?|xplugin\.php|web/|api/(?:deviceinfo|about|statusinfo|getservices|getallservices|bouquets|epg))"
)
PLUGIN_PAGE = re.compile(r"/xplugin\.php(?:\?|\Z)")
_XML = re.compile(rb"<e2[a-z]+[\s>/]|<items>\s*(?:<playlist_name>|<category>|<channel>)")
_JSON_NAMES = (
    b'"servicereference"',
    b'"webifver"',
    b'"begin_timestamp"',
    b'"watchdog_seconds"',
    b'"currservice_serviceref"',
)


def start_of(opening: Opening) -> bytes:
    """Return the first bytes of a body, without what may stand before a text."""
    return (opening.orig or opening.resp).removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body is of Enigma2: by the words that begin it, for JSON by its names."""
    head, info = opening.orig or opening.resp, opening.info
    start = start_of(opening)
    is_partial = len(head) < OPENING_BYTES
    if info.role == "request":
        return 0.0
    if not start:
        return None if is_partial else 0.0
    first = start[:1]
    if first == b"#":
        if start.startswith((b"#NAME ", b"#SERVICE")):
            return 0.9 if b"#SERVICE" in start else None if is_partial else 0.0
        return None if b"#NAME ".startswith(start) or b"#SERVICE".startswith(start) else 0.0
    if first == b"<":
        return 0.9 if _XML.search(start[:1024]) else None if len(start) < 1024 and is_partial else 0.0
    if first != b"{":
        return 0.0
    if len(start) > 1 and PLUGIN_PAGE.search(info.name or ""):
        return 0.9
    if any(name in head for name in _JSON_NAMES) and (_PAGE.search(info.name or "") or head.count(b'"') > 8):
        return 0.9
    return None if is_partial else 0.0
