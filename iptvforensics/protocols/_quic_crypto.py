"""Secrets -> the keys that protect packets, and packets -> their payload.

Specification: RFC 9001 section 5 (protection, Initial secrets) and section 6 (key update), RFC 9369 section 3.3
(version 2). The keys of Initial packets protect against accidents, not against readers: whoever sees the first one can
derive them. Every packet is authenticated: what comes out is what was sent, and no other key or number opens it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..tls.hkdf import expand_label, extract
from ..tls.protection import aead_of
from ..tls.suites import Suite
from ._quic_packets import VERSION_2

if TYPE_CHECKING:
    from collections.abc import Callable

INITIAL_SUITE = Suite("gcm", 16, "SHA256")
_SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
_SALT_2 = bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")
_SALT_DRAFT = bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")
"""Drafts 29 to 32; the later ones have that of version 1."""
_LAST_OLD_DRAFT = 0xFF000020
_FIRST_DRAFT = 0xFF000000
_SAMPLE_BYTES = 16
KEY_PHASE = 0x04
_LONG, _LONG_MASK, _SHORT_MASK = 0x80, 0x0F, 0x1F


class Header(NamedTuple):
    """A packet's header without its protection."""

    data: bytes
    """Header up to the end of the packet number."""
    truncated: int
    """The packet number as sent: its last bytes."""
    bits: int
    """How many bits of it were sent."""


class Keys:
    """What opens the packets that were protected with one secret."""

    __slots__ = ("_aead", "_invalid", "_iv", "_mask", "_secret", "suite", "version")

    def __init__(self, version: int, suite: Suite, secret: bytes, mask: Callable[[bytes], bytes] | None = None) -> None:
        from cryptography.exceptions import InvalidTag

        self.version = version
        self.suite = suite
        self._secret = secret
        self._aead = aead_of(suite, self._derived("key", suite.key_bytes))
        self._iv = int.from_bytes(self._derived("iv", 12))
        self._mask = mask or _masker(suite, self._derived("hp", suite.key_bytes))
        self._invalid = InvalidTag

    def header(self, packet: bytes, number_at: int) -> Header | None:
        """Return the header of a packet as these keys show it; whether they are the right ones, `open` tells."""
        sample = packet[number_at + 4 : number_at + 4 + _SAMPLE_BYTES]
        if len(sample) < _SAMPLE_BYTES:
            return None
        mask = self._mask(sample)
        first = packet[0] ^ mask[0] & (_LONG_MASK if packet[0] & _LONG else _SHORT_MASK)
        size = (first & 3) + 1
        sent = int.from_bytes(packet[number_at : number_at + size]) ^ int.from_bytes(mask[1 : 1 + size])
        return Header(bytes([first]) + packet[1:number_at] + sent.to_bytes(size), sent, 8 * size)

    def open(self, packet: bytes, header: Header, number: int) -> bytes | None:
        """Return the payload of a packet, None if it was protected with other keys or has another number."""
        nonce = (self._iv ^ number).to_bytes(12)
        try:
            return self._aead.decrypt(nonce, memoryview(packet)[len(header.data) :], header.data)
        except self._invalid:
            return None

    def open_short(self, packet: bytes, number_at: int, largest: int, phase: int) -> tuple[bytes, int, int] | None:
        """Return payload, its place and number of a packet with a short header, None if it is not protected so.

        The same as `header` and `open`, in one step: most packets of a connection are read here.
        """
        sample = packet[number_at + 4 : number_at + 4 + _SAMPLE_BYTES]
        if len(sample) < _SAMPLE_BYTES:
            return None
        mask = self._mask(sample)
        first = packet[0] ^ mask[0] & _SHORT_MASK
        if (first & KEY_PHASE != 0) != phase:
            return None
        size = (first & 3) + 1
        end = number_at + size
        sent = int.from_bytes(packet[number_at:end]) ^ int.from_bytes(mask[1 : 1 + size])
        number = full_number(largest, sent, 8 * size)
        header = b"%c%b%b" % (first, packet[1:number_at], sent.to_bytes(size))
        try:
            return self._aead.decrypt((self._iv ^ number).to_bytes(12), packet[end:], header), end, number
        except self._invalid:
            return None

    def renewed(self) -> Keys:
        """Return the keys of the next key phase; those of the header stay."""
        return Keys(self.version, self.suite, self._derived("ku", len(self._secret)), self._mask)

    def _derived(self, purpose: str, size: int) -> bytes:
        prefix = "quicv2 " if self.version == VERSION_2 else "quic "
        return expand_label(self.suite.hash_name, self._secret, prefix + purpose, size)


def _masker(suite: Suite, key: bytes) -> Callable[[bytes], bytes]:
    """Return what makes the mask of a header out of a sample of the packet (RFC 9001 section 5.4)."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if suite.mode != "chacha":
        return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update  # noqa: S305
    zeros = bytes(5)
    return lambda sample: Cipher(algorithms.ChaCha20(key, sample), None).encryptor().update(zeros)


def initial_keys(version: int, destination: bytes) -> tuple[Keys, Keys]:
    """Return the keys of client and server for the identifier to which the client's first packet went."""
    salt = _SALT
    if version == VERSION_2:
        salt = _SALT_2
    elif _FIRST_DRAFT < version <= _LAST_OLD_DRAFT:
        salt = _SALT_DRAFT
    common = extract("SHA256", salt, destination)
    client, server = (expand_label("SHA256", common, label, 32) for label in ("client in", "server in"))
    return Keys(version, INITIAL_SUITE, client), Keys(version, INITIAL_SUITE, server)


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
