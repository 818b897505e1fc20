"""Tokens of an Xtream-family panel: base64url (no padding) of AES-256-CBC with one key and one IV per installation.

So they have what can be seen of real ones without a key: equal beginnings of the text in clear give equal beginnings
of the token. What the texts begin with, by kind:

    auth, vauth       JSON: stream_id, username, password, extension, pid, channel_info, user_info, ...
    tsauth            JSON: stream, username, password, extension, start, duration
    thauth, subauth   JSON: stream_id, expires
    hls               user/password/viewer/stream/file/uuid/server/codec/on demand
    key               viewer/stream
    play              live/user/password/stream[/extension]

Key and IV are made from the installation's secret in a way of the lab's own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from . import aes

KINDS = ("auth", "vauth", "tsauth", "thauth", "subauth")


class Vault:
    """Writes and reads the tokens of one installation."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(f"token key of {secret}".encode()).digest()
        self._iv = hashlib.sha256(f"token iv of {secret}".encode()).digest()[:16]

    def seal(self, text: str) -> str:
        """Return the token of a text."""
        sealed = aes.encrypt(self._key, self._iv, text.encode())
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, token: str) -> str | None:
        """Return the text in a token; None if it is not one of this installation."""
        if len(token) > 4096:
            return None
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            clear = aes.decrypt(self._key, self._iv, sealed)
            return None if clear is None else clear.decode()
        except (binascii.Error, ValueError):
            return None

    def seal_json(self, what: dict[str, Any]) -> str:
        """Return the token of a JSON object, written as PHP writes it."""
        return self.seal(json.dumps(what, separators=(",", ":")).replace("/", "\\/"))

    def open_json(self, token: str) -> dict[str, Any] | None:
        """Return the JSON object in a token; None if there is none."""
        text = self.open(token)
        if text is None or not text.startswith("{"):
            return None
        try:
            what = json.loads(text)
        except ValueError:
            return None
        return what if isinstance(what, dict) else None


def proxy_prefix(secret: str, edge: str) -> str:
    """Return the path segment of a proxy before an edge: 32 hex digits, the same for the same proxy and edge."""
    return hashlib.md5(f"proxy of {edge} in {secret}".encode(), usedforsecurity=False).hexdigest()
