"""Secrets and records -> what the records hold: the record protection of TLS 1.0 to 1.3, by `cryptography`.

Specification: RFC 8446 sections 5.2 and 7.3 (TLS 1.3), RFC 5246 sections 5, 6.2.3 and 6.3 (TLS 1.2), RFC 4346 and 2246
(CBC before TLS 1.2), RFC 7366 (encrypt-then-MAC). Every record is authenticated: what comes out is what was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Protocol as Interface

from .hkdf import expand_label
from .suites import Suite

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

TLS10, TLS11, TLS12 = 0x0301, 0x0302, 0x0303
_BLOCK = 16
_EXPLICIT = 8
"""Bytes of the nonce that GCM and CCM send with each record up to TLS 1.2."""


class Opener(Interface):
    """Opens the records that one direction protects with one set of keys."""

    def open(self, number: int, kind: int, version: int, body: memoryview) -> tuple[int, memoryview | bytes] | None:
        """Return type and content of the record with this sequence number; None if the number or the key is another."""

    def skipped(self, body: memoryview) -> None:
        """Take note of a record that was not opened."""

    @property
    def content_at(self) -> int:
        """Return how many bytes of a record's body come before its content."""

    @property
    def overhead(self) -> int | None:
        """Return how many bytes a record has besides its content; None if that differs."""


def aead_of(suite: Suite, key: bytes) -> AESGCM | AESCCM | ChaCha20Poly1305:
    """Return what opens records or packets of a suite that authenticates them."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

    if suite.mode == "gcm":
        return AESGCM(key)
    return AESCCM(key, suite.tag_bytes) if suite.mode == "ccm" else ChaCha20Poly1305(key)


class Opener13:
    """Records of TLS 1.3."""

    content_at = 0

    def __init__(self, suite: Suite, secret: bytes) -> None:
        from cryptography.exceptions import InvalidTag

        self._suite, self._secret = suite, secret
        self.overhead = suite.tag_bytes + 1
        self._aead = aead_of(suite, expand_label(suite.hash_name, secret, "key", suite.key_bytes))
        self._iv = int.from_bytes(expand_label(suite.hash_name, secret, "iv", 12))
        self._invalid = InvalidTag

    def open(self, number: int, kind: int, version: int, body: memoryview) -> tuple[int, memoryview | bytes] | None:
        """Return type and content of a record."""
        if len(body) <= self._suite.tag_bytes:
            return None
        header = bytes((kind, version >> 8, version & 0xFF, len(body) >> 8, len(body) & 0xFF))
        try:
            content = self._aead.decrypt((self._iv ^ number).to_bytes(12), body, header)
        except self._invalid:
            return None
        end = len(content) - 1
        if end >= 0 and not content[end]:
            end = len(content.rstrip(b"\0")) - 1  # padding
        return None if end < 0 else (content[end], memoryview(content)[:end])

    def skipped(self, body: memoryview) -> None:
        """Do nothing: a record says nothing of the next one."""

    def next(self) -> Opener13:
        """Return the opener for records after a KeyUpdate."""
        size = len(self._secret)
        return Opener13(self._suite, expand_label(self._suite.hash_name, self._secret, "traffic upd", size))


class AeadOpener:
    """Records of TLS 1.2 with GCM, CCM or ChaCha20-Poly1305."""

    def __init__(self, suite: Suite, key: bytes, iv: bytes) -> None:
        from cryptography.exceptions import InvalidTag

        self._aead = aead_of(suite, key)
        self._iv = iv
        self._tag = suite.tag_bytes
        self.content_at = 0 if suite.mode == "chacha" else _EXPLICIT
        self.overhead = self.content_at + suite.tag_bytes
        self._invalid = InvalidTag

    def open(self, number: int, kind: int, version: int, body: memoryview) -> tuple[int, memoryview | bytes] | None:
        """Return type and content of a record."""
        at = self.content_at
        size = len(body) - at - self._tag
        if size < 0:
            return None
        nonce = self._iv + bytes(body[:at]) if at else (int.from_bytes(self._iv) ^ number).to_bytes(12)
        header = number.to_bytes(8) + bytes((kind, version >> 8, version & 0xFF, size >> 8, size & 0xFF))
        try:
            return kind, self._aead.decrypt(nonce, body[at:], header)
        except self._invalid:
            return None

    def skipped(self, body: memoryview) -> None:
        """Do nothing: a record says nothing of the next one."""


class CbcOpener:
    """Records of TLS 1.0 to 1.2 with AES in CBC mode and an HMAC, before or after the encryption."""

    overhead = None

    def __init__(self, suite: Suite, key: bytes, mac_key: bytes, iv: bytes, *, version: int, mac_last: bool) -> None:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.ciphers.algorithms import AES

        self._algorithm = AES(key)
        self._hash = getattr(hashes, suite.mac_name)()
        self._mac_key = mac_key
        self._mac_bytes = self._hash.digest_size
        self._iv: bytes | None = iv if version <= TLS10 else None
        self.content_at = 0 if version <= TLS10 else _BLOCK
        self._mac_last = mac_last

    def open(self, number: int, kind: int, version: int, body: memoryview) -> tuple[int, memoryview | bytes] | None:
        """Return type and content of a record."""
        head = number.to_bytes(8) + bytes((kind, version >> 8, version & 0xFF))
        sealed = body
        if self._mac_last:
            sealed = body[: -self._mac_bytes]
            if len(body) <= self._mac_bytes or not self._is_right(head, sealed, bytes(body[-self._mac_bytes :])):
                return None
        content = self._decrypted(sealed)
        if content is None:
            return None
        if not self._mac_last:
            end = len(content) - self._mac_bytes
            if end < 0 or not self._is_right(head, content[:end], bytes(content[end:])):
                return None
            content = content[:end]
        self.skipped(body)
        return kind, content

    def skipped(self, body: memoryview) -> None:
        """Keep the last block: TLS 1.0 begins the next record with it."""
        if not self.content_at:
            sealed = body[: len(body) - self._mac_bytes] if self._mac_last else body
            self._iv = bytes(sealed[-_BLOCK:])

    def _decrypted(self, sealed: memoryview) -> memoryview | None:
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        iv = bytes(sealed[:_BLOCK]) if self.content_at else self._iv
        data = sealed[self.content_at :]
        if iv is None or len(iv) != _BLOCK or not data or len(data) % _BLOCK:
            return None
        content = Cipher(self._algorithm, CBC(iv)).decryptor().update(data)
        padding = content[-1] + 1
        if padding > len(content) or content[-padding:] != content[-1:] * padding:
            return None
        return memoryview(content)[:-padding]

    def _is_right(self, head: bytes, data: memoryview, mac: bytes) -> bool:
        from cryptography.hazmat.primitives.hmac import HMAC

        made = HMAC(self._mac_key, self._hash)
        made.update(head + len(data).to_bytes(2))
        made.update(data)
        return made.finalize() == mac


def openers(
    suite: Suite, master: bytes, randoms: tuple[bytes, bytes], *, version: int, mac_last: bool
) -> tuple[Opener, Opener]:
    """Return the openers of client and server up to TLS 1.2; `randoms` are those of client and server."""
    client, server = randoms
    mac_bytes = {"SHA1": 20, "SHA256": 32, "SHA384": 48}.get(suite.mac_name, 0)
    iv_bytes = {"cbc": _BLOCK, "chacha": 12}.get(suite.mode, 4)
    hash_name = suite.hash_name if version >= TLS12 else "MD5+SHA1"
    block = prf(hash_name, master, b"key expansion" + server + client, 2 * (mac_bytes + suite.key_bytes + iv_bytes))
    parts = _cut(block, (mac_bytes, mac_bytes, suite.key_bytes, suite.key_bytes, iv_bytes, iv_bytes))
    client_mac, server_mac, client_key, server_key, client_iv, server_iv = parts
    if suite.mode == "cbc":
        return (
            CbcOpener(suite, client_key, client_mac, client_iv, version=version, mac_last=mac_last),
            CbcOpener(suite, server_key, server_mac, server_iv, version=version, mac_last=mac_last),
        )
    return AeadOpener(suite, client_key, client_iv), AeadOpener(suite, server_key, server_iv)


def _cut(data: bytes, sizes: tuple[int, ...]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size


def prf(hash_name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """Return the pseudo-random bytes of TLS 1.2 for a secret; `MD5+SHA1` gives those of TLS 1.0 and 1.1."""
    if hash_name == "MD5+SHA1":
        half = (len(secret) + 1) // 2
        parts = _stretched("MD5", secret[:half], seed, length), _stretched("SHA1", secret[-half:], seed, length)
        return bytes(a ^ b for a, b in zip(*parts, strict=True))
    return _stretched(hash_name, secret, seed, length)


def _stretched(hash_name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.hmac import HMAC

    def mac(data: bytes) -> bytes:
        made = HMAC(secret, getattr(hashes, hash_name)())
        made.update(data)
        return made.finalize()

    out, chain = b"", seed
    while len(out) < length:
        chain = mac(chain)
        out += mac(chain + seed)
    return out[:length]
