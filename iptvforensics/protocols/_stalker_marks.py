"""Marks of the software on both sides of a Stalker exchange: facts of form, no judgement.

A genuine server adds a line about its own work beside the reply; imitations send the reply alone. A box has a
serial number and identifiers of its own; programs that imitate one often make them from the MAC address
(MD5 and SHA-256), which can be computed again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from ..listings.asked import Asked

TRAILER = re.compile(r"generated in: *[0-9.]+ *s; query counter: *\d+", re.IGNORECASE)
_HEX_TOKEN = re.compile(r"[0-9A-Fa-f]{32}\Z")
_CODED_TOKEN = re.compile(r"[A-Za-z0-9_-]{43,}={0,2}\Z")
_BESIDE = ("streamer_id", "link_id", "load", "error")
DEFAULT_SERIAL = "0000000000000"


def server_marks(top: Mapping[str, Any], token: str | None, media_type: str | None) -> list[str]:
    """Return what the form of a reply says of the server."""
    text = top.get("text")
    marks = []
    if isinstance(text, str) and TRAILER.search(text):
        marks.append("text: generated in")
    elif "text" in top:
        marks.append("text")
    else:
        marks.append("no text")
    if any(name in top for name in _BESIDE):
        marks.append("create_link fields beside js")
    if token is not None:
        if _HEX_TOKEN.match(token):
            marks.append("token: 32 hexadecimal digits")
        elif _CODED_TOKEN.match(token):
            marks.append("token: long base64")
    if media_type is not None and media_type.lower().startswith("text/javascript"):
        marks.append("media type text/javascript")
    return marks


def client_marks(asked: Asked, mac: str | None, fields: Mapping[str, str] | None = None) -> list[str]:
    """Return which identifiers of a client can be computed from the MAC address that it claims."""
    get = asked.get if fields is None else fields.get
    serial, first, second, signature = (get(name) for name in ("sn", "device_id", "device_id2", "signature"))
    marks = ["sn is the default of a program"] if serial == DEFAULT_SERIAL else []
    if mac is None:
        return marks
    written = mac.upper()
    made_serial = hashlib.md5(written.encode(), usedforsecurity=False).hexdigest()[:13].upper()
    made_device = hashlib.sha256(written.encode()).hexdigest().upper()
    if serial is not None and serial.upper() == made_serial:
        marks.append("sn is made from the MAC")
    for name, value in (("device_id", first), ("device_id2", second)):
        if value is not None and value.upper() == made_device:
            marks.append(f"{name} is made from the MAC")
    if signature is not None:
        parts = "".join((written, serial or "", first or "", second or ""))
        if signature.upper() == hashlib.sha256(parts.encode()).hexdigest().upper():
            marks.append("signature is made from the other identifiers")
    return marks
