"""Secrets -> keys: HKDF as TLS 1.3 and QUIC use it (RFC 5869, RFC 8446 section 7.1), by `cryptography`."""

from __future__ import annotations


def extract(hash_name: str, salt: bytes, secret: bytes) -> bytes:
    """Return the key that HKDF-Extract makes of a secret."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.hmac import HMAC

    mac = HMAC(salt, getattr(hashes, hash_name)())
    mac.update(secret)
    return mac.finalize()


def expand_label(hash_name: str, secret: bytes, label: str, length: int) -> bytes:
    """Return the bytes that HKDF-Expand-Label derives from a secret for a purpose, without a context."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    name = b"tls13 " + label.encode()
    info = length.to_bytes(2) + bytes([len(name)]) + name + b"\0"
    return HKDFExpand(getattr(hashes, hash_name)(), length, info).derive(secret)
