"""Cipher suite -> how its records are protected (RFC 5246 appendix C, RFC 5288, 6655, 7905, 8446 appendix B.4).

**Known limitations**: RC4, 3DES, Camellia, ARIA and null ciphers are not opened.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, NamedTuple

from .names import SUITES

Mode = Literal["gcm", "ccm", "chacha", "cbc"]


class Suite(NamedTuple):
    """What has to be known of a cipher suite to open its records."""

    mode: Mode
    key_bytes: int
    hash_name: str
    """Hash of the key derivation: from TLS 1.2 on, SHA256 or SHA384."""
    tag_bytes: int = 16
    mac_name: str = ""
    """Hash of the message authentication (CBC)."""


_NAME = re.compile(
    r"TLS_(?:\w+_WITH_)?(?:AES_(?P<bits>128|256)_(?P<mode>GCM|CCM_8|CCM|CBC)|(?P<chacha>CHACHA20_POLY1305))(?:_(?P<hash>SHA\d*))?"
)


@cache
def suite_of(number: int) -> Suite | None:
    """Return how a cipher suite protects records, None if that is not known here.

    Example:
        >>> suite_of(0x1302)
        Suite(mode='gcm', key_bytes=32, hash_name='SHA384', tag_bytes=16, mac_name='')
    """
    match = _NAME.fullmatch(SUITES.get(number, ""))
    if match is None:
        return None
    hash_name = "SHA384" if match["hash"] == "SHA384" else "SHA256"
    if match["chacha"]:
        return Suite("chacha", 32, hash_name)
    key_bytes, mode = int(match["bits"]) // 8, match["mode"]
    if mode == "CBC":
        return Suite("cbc", key_bytes, hash_name, 0, {"SHA": "SHA1"}.get(match["hash"], match["hash"]))
    return Suite("gcm" if mode == "GCM" else "ccm", key_bytes, hash_name, 8 if mode == "CCM_8" else 16)
