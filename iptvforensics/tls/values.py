"""What hellos and certificates say -> values of the columns in `columns`."""

from __future__ import annotations

import hashlib
from typing import Any

from .certificates import Certificate
from .fingerprints import ja3, ja3s, ja4
from .hello import EARLY_DATA, ECH, PRE_SHARED_KEY, VERSIONS, ClientHello, ServerHello, is_grease
from .names import suite_name, version_name


def client_values(hello: ClientHello, transport: str = "t") -> dict[str, Any]:
    """Return the columns that the client's hello fills; of a damaged one those that do not need what is missing."""
    ticket = hello.ticket
    is_whole = hello.damage is None
    kinds = [kind for kind, _ in hello.extensions if not is_grease(kind)]
    knows_versions = is_whole or hello.extension(VERSIONS) is not None
    return {
        "server_name": hello.server_name,
        "versions_offered": [version_name(version) for version in hello.versions] if knows_versions else None,
        "cipher_suites_offered": [suite for suite in hello.suites if not is_grease(suite)],
        "alpn_offered": hello.alpn,
        "client_extensions": kinds if is_whole else kinds or None,
        "ja3": ja3(hello) if is_whole else None,
        "ja4": ja4(hello, transport) if is_whole else None,
        "client_random": hello.random.hex(),
        "client_hello_whole": is_whole,
        "offers_ech": hello.extension(ECH) is not None or (False if is_whole else None),
        "offers_early_data": hello.extension(EARLY_DATA) is not None or (False if is_whole else None),
        "ticket_sha256": hashlib.sha256(ticket).hexdigest() if ticket else None,
    }


def server_values(hello: ServerHello) -> dict[str, Any]:
    """Return the columns that the server's hello fills."""
    return {
        "tls_version": version_name(hello.version),
        "cipher_suite": suite_name(hello.suite),
        "alpn": hello.alpn,
        "server_extensions": [kind for kind, _ in hello.extensions],
        "ja3s": ja3s(hello),
        "session_id": hello.session_id.hex() or None,
        "resumption": "psk" if hello.extension(PRE_SHARED_KEY) is not None else None,
    }


def certificate_values(chain: list[Certificate]) -> dict[str, Any]:
    """Return the columns that the server's certificates fill."""
    if not chain:
        return {}
    own = chain[0]
    return {
        "cert_subject": own.subject,
        "cert_issuer": own.issuer,
        "cert_names": None if own.names is None else list(own.names),
        "cert_serial": own.serial,
        "cert_not_before_ns": own.not_before_ns,
        "cert_not_after_ns": own.not_after_ns,
        "cert_self_signed": own.is_self_signed,
        "cert_sha256": own.sha256,
        "cert_key_sha256": own.key_sha256,
        "cert_chain_sha256": [certificate.sha256 for certificate in chain],
    }
