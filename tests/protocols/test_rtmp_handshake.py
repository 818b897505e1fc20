"""What the first 1537 bytes of a side say."""

from __future__ import annotations

import hashlib
import hmac
import random

import pytest

from iptvforensics.protocols._rtmp_handshake import BLOCK_BYTES, CLIENT_KEY, SERVER_KEY, digest_signer, read_hello


def signed(key: bytes, counted: int, start: int, seed: int) -> bytes:
    """Build a block with a digest whose place the four bytes at `counted` name."""
    block = bytearray(random.Random(seed).randbytes(BLOCK_BYTES))
    place = sum(block[counted : counted + 4]) % 728 + start
    block[place : place + 32] = hmac.new(key, bytes(block[:place] + block[place + 32 :]), hashlib.sha256).digest()
    return bytes(block)


@pytest.mark.parametrize(("key", "is_client"), [(CLIENT_KEY, True), (SERVER_KEY, False)], ids=["client", "server"])
@pytest.mark.parametrize(("counted", "start"), [(8, 12), (772, 776)], ids=["first place", "second place"])
def test_digest_names_its_maker(key: bytes, is_client: bool, counted: int, start: int) -> None:
    for seed in range(8):
        block = signed(key, counted, start, seed)
        assert digest_signer(block) is is_client
        assert read_hello(b"\x03" + block).handshake == "complex"
        changed = bytearray(block)
        changed[1] ^= 1
        assert digest_signer(bytes(changed)) is None


def test_place_of_the_digest_may_be_the_last_possible() -> None:
    block = bytearray(BLOCK_BYTES)
    block[772:776] = (255, 255, 217, 0)  # their sum is 727
    block[1503:1535] = hmac.new(CLIENT_KEY, bytes(block[:1503] + block[1535:]), hashlib.sha256).digest()
    assert digest_signer(bytes(block)) is True


@pytest.mark.parametrize(
    ("first", "version", "expected"),
    [
        (3, b"\0\0\0\0", ("simple", "0.0.0.0", None)),
        (3, b"\x0d\x0e\x0a\x0d", ("complex-unverified", "13.14.10.13", None)),
        (6, b"\x80\x00\x03\x02", ("encrypted", "128.0.3.2", None)),
        (9, b"\0\0\0\0", ("encrypted", "0.0.0.0", None)),
    ],
    ids=["simple", "unverified", "encrypted", "encrypted without version"],
)
def test_hello(first: int, version: bytes, expected: tuple[str, str, bool | None]) -> None:
    assert read_hello(bytes([first]) + b"time" + version + bytes(BLOCK_BYTES - 8)) == expected
