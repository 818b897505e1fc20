"""Initial packets -> their payload: keys from public salts and the client's first identifier.

Specification: RFC 9001 sections 5.2 to 5.4, RFC 9369 section 3.3. These keys protect against accidents, not against
readers: whoever sees the first packet can derive them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..tls.hkdf import expand_label, extract
from ._quic_packets import VERSION_2, Packet

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
_SALT_2 = bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")
_SALT_DRAFT = bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")
"""Drafts 29 to 32; the later ones have that of version 1."""
_LAST_OLD_DRAFT = 0xFF000020
_FIRST_DRAFT = 0xFF000000
_TAG_BYTES = 16


class Keys:
    """The keys of one side's Initial packets."""

    __slots__ = ("_aead", "_header_key", "_iv", "largest")

    def __init__(self, aead: AESGCM, iv: bytes, header_key: bytes) -> None:
        self._aead = aead
        self._iv = iv
        self._header_key = header_key
        self.largest = -1
        """Largest packet number that was decrypted."""

    def open(self, packet: Packet) -> bytes | None:
        """Return the payload of a packet, None if it was protected with other keys."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        data, at = packet.data, packet.number_at
        sample = data[at + 4 : at + 4 + 16]
        if len(sample) < 16:
            return None
        mask = Cipher(algorithms.AES(self._header_key), modes.ECB()).encryptor().update(sample)  # noqa: S305
        first = data[0] ^ mask[0] & 0x0F
        size = (first & 3) + 1
        number_bytes = bytes(a ^ b for a, b in zip(data[at : at + size], mask[1:], strict=False))
        number = full_number(self.largest, int.from_bytes(number_bytes), 8 * size)
        header = bytes([first]) + data[1:at] + number_bytes
        nonce = (int.from_bytes(self._iv) ^ number).to_bytes(12)
        try:
            payload = self._aead.decrypt(nonce, data[at + size :], header)
        except InvalidTag:
            return None
        self.largest = max(self.largest, number)
        return payload


def initial_keys(version: int, destination: bytes) -> tuple[Keys, Keys]:
    """Return the keys of client and server for the identifier to which the client's first packet went."""
    salt = _SALT
    if version == VERSION_2:
        salt = _SALT_2
    elif _FIRST_DRAFT < version <= _LAST_OLD_DRAFT:
        salt = _SALT_DRAFT
    common = extract("SHA256", salt, destination)
    return _keys(version, common, "client in"), _keys(version, common, "server in")


def _keys(version: int, common: bytes, label: str) -> Keys:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    secret = expand_label("SHA256", common, label, 32)
    prefix = "quicv2 " if version == VERSION_2 else "quic "
    key, iv, header = (
        expand_label("SHA256", secret, prefix + n, size) for n, size in (("key", 16), ("iv", 12), ("hp", 16))
    )
    return Keys(AESGCM(key), iv, header)


def full_number(largest: int, truncated: int, bits: int) -> int:
    """Return the packet number whose last bits were sent (RFC 9000 appendix A.3).

    Example:
        >>> hex(full_number(0xA82F30EA, 0x9B32, 16))
        '0xa82f9b32'
    """
    expected, window = largest + 1, 1 << bits
    candidate = expected & -window | truncated
    if candidate <= expected - window // 2 and candidate < (1 << 62) - window:
        return candidate + window
    if candidate > expected + window // 2 and candidate >= window:
        return candidate - window
    return candidate
