"""Fingerprints as their inventors' documents and programs give them."""

from __future__ import annotations

import hashlib

import pytest

from iptvforensics.tls.fingerprints import ja3, ja3s, ja4
from iptvforensics.tls.hello import ClientHello, ServerHello
from iptvforensics.tls.wire import pairs

SUITES = pairs(bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035"))
KINDS = pairs(bytes.fromhex("001b00000033001044690017002d000d000500230012002bff01000b000a0015"))
SIGNATURES = "04030804040105030805050108060601"


def chrome() -> ClientHello:
    """The example of `JA4.md`: t13d1516h2_8daaf6152771_e5627efa2ab1."""
    contents = {
        0: bytes.fromhex("000700000461626364"),
        16: b"\0\x0c\x02h2\x08http/1.1",
        13: bytes.fromhex("0010" + SIGNATURES),
        43: bytes.fromhex("068a8a03040303"),
        10: bytes.fromhex("00082a2a001d00170018"),
        11: b"\x01\0",
    }
    extensions = [(0x6A6A, b""), *((kind, contents.get(kind, b"")) for kind in KINDS), (0xFAFA, b"\0")]
    return ClientHello(0x0303, bytes(32), bytes(32), (0x3A3A, *SUITES), tuple(extensions))


def test_ja4_of_the_document() -> None:
    assert ja4(chrome()) == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert ja4(chrome(), "q").startswith("q13d1516h2_")


def test_ja3_leaves_grease_out() -> None:
    text = f"771,{'-'.join(map(str, SUITES))},{'-'.join(map(str, KINDS))},29-23-24,0"
    assert ja3(chrome()) == hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_ja3s() -> None:
    hello = ServerHello(0x0303, bytes(32), b"", 0xC02F, ((65281, b"\0"), (0, b""), (16, b"")))
    assert ja3s(hello) == hashlib.md5(b"771,49199,65281-0-16", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("alpn", "mark"),
    [
        (b"", "00"),
        (b"\0\x02\x01h", "hh"),
        (b"\0\x03\x02\xab\xcd", "ad"),
        (b"\0\x04\x030\xabz", "0z"),
        (b"\0\x03\x02h\xff", "6f"),
    ],
)
def test_application_protocol_in_ja4(alpn: bytes, mark: str) -> None:
    hello = ClientHello(0x0301, bytes(32), b"", (), ((16, alpn),))
    assert ja4(hello) == f"t10i0001{mark}_000000000000_000000000000"


def test_ja4_without_anything() -> None:
    assert ja4(ClientHello(0x0303, bytes(32), b"", (), ())) == "t12i000000_000000000000_000000000000"
