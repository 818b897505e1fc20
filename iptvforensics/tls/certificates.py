"""Certificate messages and X.509 certificates -> what they say of subject, issuer and validity.

Specification: RFC 5246 section 7.4.2, RFC 8446 section 4.4.2, RFC 5280. Certificates are read by `cryptography`, which
is loaded when the first one is met. Nothing is verified: a certificate is what the server sent.

**Known limitations**: of a certificate that `cryptography` refuses, only the SHA-256 is known.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .wire import Reader

if TYPE_CHECKING:
    from cryptography import x509

CHAIN_LIMIT = 16
NAMES_LIMIT = 512
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MAX_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says."""

    sha256: str
    subject: str | None = None
    issuer: str | None = None
    names: tuple[str, ...] | None = None
    serial: str | None = None
    not_before_ns: int | None = None
    not_after_ns: int | None = None
    is_self_signed: bool | None = None
    """True if subject and issuer are the same and its own key signed it."""
    key_sha256: str | None = None
    """SHA-256 of the public key (SubjectPublicKeyInfo)."""
    problem: str | None = None


def read_chain(body: bytes, *, is_tls13: bool) -> list[bytes]:
    """Return the certificates of a Certificate message, DER, the sender's own first.

    Raises:
        MessageError: it is none, or a part of one.
    """
    reader = Reader(body)
    if is_tls13:
        reader.vector(1)  # context of the request
    listed = Reader(reader.vector(3))
    chain: list[bytes] = []
    while listed.left and len(chain) < CHAIN_LIMIT:
        chain.append(listed.vector(3))
        if is_tls13:
            listed.vector(2)  # extensions
    return chain


@lru_cache(256)
def read_certificate(der: bytes) -> Certificate:
    """Return what a certificate says."""
    from cryptography import x509

    sha256 = hashlib.sha256(der).hexdigest()
    try:
        certificate = x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        return Certificate(sha256, problem=_said(error))
    subject, issuer = _try(lambda: certificate.subject), _try(lambda: certificate.issuer)
    return Certificate(
        sha256,
        _try(subject.rfc4514_string) if subject is not None else None,
        _try(issuer.rfc4514_string) if issuer is not None else None,
        _try(lambda: _names(certificate)),
        _try(lambda: f"{certificate.serial_number:x}"),
        _try(lambda: _nanoseconds(certificate.not_valid_before_utc)),
        _try(lambda: _nanoseconds(certificate.not_valid_after_utc)),
        subject == issuer and _signs_itself(certificate),
        _try(lambda: _key_sha256(certificate)),
        None if subject is not None and issuer is not None else "a name in it cannot be read",
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...] | None:
    """Return host names and addresses of the subject (alternative names)."""
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    values = (str(name.value) for name in found if not isinstance(name, x509.OtherName | x509.DirectoryName))
    return tuple(value for value, _ in zip(values, range(NAMES_LIMIT), strict=False))


def _signs_itself(certificate: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _key_sha256(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()


def _nanoseconds(moment: datetime.datetime) -> int | None:
    """Return nanoseconds since 1970; None beyond the year 2262, which the column cannot hold."""
    ns = (moment - _EPOCH) // datetime.timedelta(microseconds=1) * 1000
    return ns if -_MAX_NS <= ns <= _MAX_NS else None


def _try(how: Callable[[], Any]) -> Any:
    """Return a part of a certificate, None if `cryptography` cannot read it: the other parts still count."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import DuplicateExtension, UnsupportedGeneralNameType

    try:
        return how()
    except (ValueError, TypeError, UnsupportedAlgorithm, DuplicateExtension, UnsupportedGeneralNameType):
        return None


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
