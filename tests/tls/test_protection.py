"""Vectors of RFCs, and records that were sealed with the cryptographic library alone."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from iptvforensics.tls.protection import CbcOpener, Opener13, openers, prf
from iptvforensics.tls.suites import Suite

GCM, CBC = Suite("gcm", 16, "SHA256"), Suite("cbc", 16, "SHA256", 0, "SHA1")


def test_the_pseudo_random_function_of_tls_12() -> None:
    """The vector that was published on the list of the IETF's TLS group for SHA-256."""
    secret, seed = bytes.fromhex("9bbe436ba940f017b17652849a71db35"), bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    out = prf("SHA256", secret, b"test label" + seed, 100)
    assert out.hex().startswith("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a")
    assert len(out) == 100


def test_records_of_rfc_8448() -> None:
    """Section 3: the server's first record of application data."""
    secret = bytes.fromhex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643")
    body = bytes.fromhex(
        "2e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2ab"
        "f332540dd032e167c2955d"
    )
    found = Opener13(GCM, secret).open(1, 23, 0x0303, memoryview(body))
    assert found is not None
    assert (found[0], bytes(found[1])) == (23, bytes(range(50)))
    assert Opener13(GCM, secret).open(2, 23, 0x0303, memoryview(body)) is None


def sealed13(secret: bytes, content: bytes, number: int = 0) -> bytes:
    from iptvforensics.tls.hkdf import expand_label

    key, iv = expand_label("SHA256", secret, "key", 16), expand_label("SHA256", secret, "iv", 12)
    header = b"\x17\x03\x03" + (len(content) + 16).to_bytes(2)
    return AESGCM(key).encrypt((int.from_bytes(iv) ^ number).to_bytes(12), content, header)


@pytest.mark.parametrize(("content", "found"), [
    (b"abc\x17", (23, b"abc")), (b"abc\x16" + bytes(40), (22, b"abc")), (b"\x17", (23, b"")), (bytes(9), None),
    (b"", None),
])  # fmt: skip
def test_padding_of_tls_13(content: bytes, found: tuple[int, bytes] | None) -> None:
    opened = Opener13(GCM, b"s" * 32).open(0, 23, 0x0303, memoryview(sealed13(b"s" * 32, content)))
    assert (None if opened is None else (opened[0], bytes(opened[1]))) == found


def test_keys_of_tls_13_are_renewed() -> None:
    from iptvforensics.tls.hkdf import expand_label

    renewed = expand_label("SHA256", b"s" * 32, "traffic upd", 32)
    opened = Opener13(GCM, b"s" * 32).next().open(0, 23, 0x0303, memoryview(sealed13(renewed, b"abc\x17")))
    assert opened is not None


def sealed_cbc(number: int, content: bytes, iv: bytes, padding: int, *, mac_last: bool) -> bytes:
    def mac(data: bytes) -> bytes:
        return hmac.digest(b"m" * 20, number.to_bytes(8) + b"\x17\x03\x03" + len(data).to_bytes(2) + data, "sha1")

    plain = content if mac_last else content + mac(content)
    plain += bytes([padding]) * (padding + 1)
    body = iv + Cipher(algorithms.AES(b"k" * 16), modes.CBC(iv)).encryptor().update(plain)
    return body + mac(body) if mac_last else body


@pytest.mark.parametrize("mac_last", [True, False])
def test_cbc_checks_mac_padding_and_number(mac_last: bool) -> None:
    opener = CbcOpener(CBC, b"k" * 16, b"m" * 20, b"", version=0x0303, mac_last=mac_last)
    body = sealed_cbc(5, b"a" * 8, b"i" * 16, 7 if mac_last else 3, mac_last=mac_last)
    opened = opener.open(5, 23, 0x0303, memoryview(body))
    assert opened is not None
    assert bytes(opened[1]) == b"a" * 8
    assert opener.open(6, 23, 0x0303, memoryview(body)) is None
    for at in range(len(body)):
        changed = bytearray(body)
        changed[at] ^= 1
        assert opener.open(5, 23, 0x0303, memoryview(changed)) is None, at
    for cut in range(len(body)):
        assert opener.open(5, 23, 0x0303, memoryview(body)[:cut]) is None, cut


def test_cbc_of_tls_10_goes_on_from_the_last_block() -> None:
    opener = CbcOpener(CBC, b"k" * 16, b"m" * 20, b"i" * 16, version=0x0301, mac_last=False)

    def sealed(number: int, iv: bytes) -> bytes:
        content = b"a" * 8
        mac = hmac.digest(b"m" * 20, number.to_bytes(8) + b"\x17\x03\x01\0\x08" + content, "sha1")
        return Cipher(algorithms.AES(b"k" * 16), modes.CBC(iv)).encryptor().update(content + mac + b"\3" * 4)

    first = sealed(0, b"i" * 16)
    second = sealed(1, first[-16:])
    third = sealed(2, second[-16:])
    assert opener.open(0, 23, 0x0301, memoryview(first)) is not None
    opener.skipped(memoryview(b""))  # the second is missing
    assert opener.open(2, 23, 0x0301, memoryview(third)) is None
    opener.skipped(memoryview(second))
    assert opener.open(2, 23, 0x0301, memoryview(third)) is not None


def test_client_and_server_have_keys_of_their_own() -> None:
    client, server = openers(GCM, b"m" * 48, (b"c" * 32, b"s" * 32), version=0x0303, mac_last=False)
    block = prf("SHA256", b"m" * 48, b"key expansion" + b"s" * 32 + b"c" * 32, 40)
    nonce, header = b"12345678", bytes(8) + b"\x17\x03\x03\0\x03"
    body = nonce + AESGCM(block[16:32]).encrypt(block[36:40] + nonce, b"abc", header)
    assert client.open(0, 23, 0x0303, memoryview(body)) is None
    assert server.open(0, 23, 0x0303, memoryview(body)) == (23, b"abc")
    assert server.open(0, 23, 0x0303, memoryview(body)[:20]) is None


def test_hashes_are_those_of_the_standard_library() -> None:
    assert prf("SHA384", b"k", b"s", 48) == hmac.digest(b"k", hmac.digest(b"k", b"s", "sha384") + b"s", hashlib.sha384)
