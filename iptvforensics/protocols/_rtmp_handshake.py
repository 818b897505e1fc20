"""What the 1536 bytes of an RTMP handshake say of the side that sent them.

Specification: Adobe RTMP 1.0 section 5.2; the digest forms are those of Flash Player 9 and later, with the
publicly documented prefixes of the two keys. Known limitations: the answer to a digest (end of C2 and S2) is not
verified, since it depends on the bytes of the other side.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

PLAIN_VERSION = 3
ENCRYPTED_VERSIONS = (6, 8, 9)
BLOCK_BYTES = 1536
FIRST_BYTES = 1 + BLOCK_BYTES
"""C0 and C1, or S0 and S1."""
WHOLE_BYTES = 1 + 2 * BLOCK_BYTES

CLIENT_KEY = b"Genuine Adobe Flash Player 001"
SERVER_KEY = b"Genuine Adobe Flash Media Server 001"
_DIGEST_BYTES = 32
_PLACES = ((8, 12), (772, 776))
"""Where the four bytes stand whose sum gives the place of the digest, and where counting begins."""


class Hello(NamedTuple):
    """What C0 and C1 (or S0 and S1) say."""

    handshake: str
    peer_version: str
    is_client: bool | None
    """Which key made the digest; None if there is no digest that fits."""


def read_hello(first: bytes) -> Hello:
    """Return what the first 1537 bytes of a direction say."""
    block = first[1:FIRST_BYTES]
    version = block[4:8]
    text = ".".join(str(byte) for byte in version)
    if first[0] in ENCRYPTED_VERSIONS:
        return Hello("encrypted", text, digest_signer(block))
    is_client = digest_signer(block)
    if is_client is not None:
        return Hello("complex", text, is_client)
    return Hello("simple" if version == bytes(4) else "complex-unverified", text, None)


def digest_signer(block: bytes) -> bool | None:
    """Return True if the client's key made the digest in these bytes, False if the server's, None if neither."""
    for counted, start in _PLACES:
        place = sum(block[counted : counted + 4]) % 728 + start
        digest = block[place : place + _DIGEST_BYTES]
        rest = block[:place] + block[place + _DIGEST_BYTES :]
        for key in (CLIENT_KEY, SERVER_KEY):
            if hmac.compare_digest(hmac.digest(key, rest, "sha256"), digest):
                return key is CLIENT_KEY
    return None
