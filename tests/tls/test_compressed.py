"""Compressed certificates: each algorithm, broken ones, bombs, and libraries that are missing."""

from __future__ import annotations

import sys
import zlib

import brotli
import pytest

from iptvforensics.tls import compressed
from iptvforensics.tls.compressed import MAX_CERTIFICATES, CompressionError, uncompressed
from iptvforensics.tls.wire import MessageError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHAIN = b"\0\0\x10\0" + bytes(range(256)) * 20
PACK = {1: zlib.compress, 2: brotli.compress, 3: zstd.compress}


def message(algorithm: int, data: bytes, size: int = len(CHAIN)) -> bytes:
    return algorithm.to_bytes(2) + size.to_bytes(3) + len(data).to_bytes(3) + data


@pytest.mark.parametrize("algorithm", PACK)
def test_every_algorithm(algorithm: int) -> None:
    assert uncompressed(message(algorithm, PACK[algorithm](CHAIN))) == CHAIN


@pytest.mark.parametrize("algorithm", PACK)
@pytest.mark.parametrize("size", [0, len(CHAIN) - 1, len(CHAIN) + 1, MAX_CERTIFICATES + 1])
def test_another_length_than_declared(algorithm: int, size: int) -> None:
    with pytest.raises(MessageError):
        uncompressed(message(algorithm, PACK[algorithm](CHAIN), size))


@pytest.mark.parametrize("algorithm", PACK)
@pytest.mark.parametrize("data", [b"", b"\xff" * 300, b"\x00\x01\x02"])
def test_broken_data(algorithm: int, data: bytes) -> None:
    with pytest.raises(MessageError):
        uncompressed(message(algorithm, data))


@pytest.mark.parametrize("algorithm", PACK)
def test_a_bomb_is_stopped(algorithm: int) -> None:
    with pytest.raises(MessageError, match="declared"):
        uncompressed(message(algorithm, PACK[algorithm](bytes(1 << 22)), 1000))


def test_cut_messages_and_unknown_algorithms() -> None:
    whole = message(1, zlib.compress(CHAIN))
    for size in (0, 1, 5, 8, len(whole) - 1):
        with pytest.raises(MessageError):
            uncompressed(whole[:size])
    with pytest.raises(CompressionError, match="algorithm 9"):
        uncompressed(message(9, b"abc"))


@pytest.mark.parametrize(("algorithm", "module"), [(2, "brotli"), (3, "backports.zstd")])
def test_a_missing_library_is_said(algorithm: int, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    with pytest.raises(CompressionError, match="library is missing"):
        uncompressed(message(algorithm, PACK[algorithm](CHAIN)))
    assert compressed.uncompressed(message(1, zlib.compress(CHAIN))) == CHAIN
