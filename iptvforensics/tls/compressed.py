"""CompressedCertificate messages -> the Certificate messages in them.

Specification: RFC 8879. zlib is always there; brotli and zstd need the libraries of the extra `compress`.
"""

from __future__ import annotations

import importlib
import zlib
from typing import Any

from .wire import MessageError, Reader

COMPRESSED_CERTIFICATE = 25
MAX_CERTIFICATES = 1 << 18
"""A longer message is none: the length is declared, and no more than that is unpacked."""
_ALGORITHMS = {1: "zlib", 2: "brotli", 3: "zstd"}
_STEP_BYTES = 64
"""Bytes that are unpacked at a time, so that a bomb is noticed before it has grown."""


class CompressionError(MessageError):
    """The certificates are compressed in a way that cannot be undone here."""


def uncompressed(body: bytes) -> bytes:
    """Return the body of the Certificate message.

    Raises:
        CompressionError: the algorithm is not known, or its library is not installed.
        MessageError: it is no such message, or the certificates are not as long as it says.
    """
    reader = Reader(body)
    algorithm, size, data = reader.number(2), reader.number(3), reader.vector(3)
    if size > MAX_CERTIFICATES:
        raise MessageError(f"{size} bytes of certificates")
    name = _ALGORITHMS.get(algorithm)
    if name is None:
        raise CompressionError(f"certificates compressed with algorithm {algorithm}")
    found = bytearray()
    step = _machine(name)
    try:
        for at in range(0, len(data), _STEP_BYTES):
            found += step(data[at : at + _STEP_BYTES])
            if len(found) > size:
                break
    except Exception as error:  # each library has errors of its own
        raise MessageError(f"{name}: {error}"[:200]) from error
    if len(found) != size:
        raise MessageError(f"{size} bytes of certificates are declared, {name} gives others")
    return bytes(found)


def _machine(name: str) -> Any:
    """Return the function that takes the next bytes and gives what they unpack to."""
    try:
        if name == "zlib":
            return zlib.decompressobj().decompress
        if name == "brotli":
            return importlib.import_module("brotli").Decompressor().process
        return _zstd().ZstdDecompressor().decompress
    except ImportError:
        raise CompressionError(f"certificates compressed with {name}, for which a library is missing") from None


def _zstd() -> Any:
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:
        return importlib.import_module("backports.zstd")
