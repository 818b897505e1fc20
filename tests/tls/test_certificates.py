from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from iptvforensics.tls.certificates import CHAIN_LIMIT, read_certificate, read_chain
from iptvforensics.tls.wire import MessageError

from . import talk as talks


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_self_signed_certificate(kind: str) -> None:
    _, der = talks.identity(kind)
    found = read_certificate(der)
    key = x509.load_der_x509_certificate(der).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert found.subject == found.issuer == f"CN={talks.HOST},O=Stellar TV"
    assert found.names == (talks.HOST, "*.stellar-tv.example", "192.0.2.7")
    assert (found.serial, found.is_self_signed, found.problem) == ("1f2e3d4c5b", True, None)
    assert found.not_before_ns == int(talks.NOT_BEFORE.timestamp()) * 10**9
    assert found.not_after_ns == int(talks.NOT_AFTER.timestamp()) * 10**9
    assert (found.sha256, found.key_sha256) == (hashlib.sha256(der).hexdigest(), hashlib.sha256(key).hexdigest())


def test_what_is_no_certificate_keeps_its_digest() -> None:
    found = read_certificate(b"0\x03abc")
    assert (found.sha256, found.subject) == (hashlib.sha256(b"0\x03abc").hexdigest(), None)
    assert found.problem


def test_same_names_without_its_own_signature_is_not_self_signed() -> None:
    _, der = talks.identity()
    assert read_certificate(der[:-4] + bytes(4)).is_self_signed is False


def listed(*parts: bytes, size: int = 3) -> bytes:
    data = b"".join(len(part).to_bytes(3) + part for part in parts)
    return len(data).to_bytes(size) + data


def test_chains_of_both_message_formats() -> None:
    assert read_chain(listed(b"own", b"issuer"), is_tls13=False) == [b"own", b"issuer"]
    entries = b"\0\0\x03own\0\0" + b"\0\0\x06issuer\0\x02ab"
    assert read_chain(b"\0" + len(entries).to_bytes(3) + entries, is_tls13=True) == [b"own", b"issuer"]


def test_long_chains_are_cut_and_damage_is_an_error() -> None:
    assert len(read_chain(listed(*[b"x"] * (CHAIN_LIMIT + 3)), is_tls13=False)) == CHAIN_LIMIT
    with pytest.raises(MessageError):
        read_chain(listed(b"own")[:-1], is_tls13=False)
