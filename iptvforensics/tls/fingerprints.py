"""Hellos -> JA3, JA3S and JA4: what kind of software offers and answers like this.

References: salesforce/ja3 (BSD-3-Clause), FoxIO-LLC/ja4 `JA4.md` (JA4 for clients: BSD-3-Clause). A fingerprint names
software, not a person, and can be imitated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from .hello import ALPN, SERVER_NAME, ClientHello, ServerHello, is_grease

_JA4_VERSIONS = {
    0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2",
    0xFEFF: "d1", 0xFEFD: "d2", 0xFEFC: "d3",
}  # fmt: skip
_NOTHING = "0" * 12


def ja3(hello: ClientHello) -> str:
    """Return the JA3 fingerprint of a client."""
    parts = (
        str(hello.version),
        _dashed(hello.suites),
        _dashed(kind for kind, _ in hello.extensions),
        _dashed(hello.groups),
        _dashed(hello.point_formats),
    )
    return _md5(",".join(parts))


def ja3s(hello: ServerHello) -> str:
    """Return the JA3S fingerprint of a server's answer."""
    kinds = "-".join(str(kind) for kind, _ in hello.extensions)
    return _md5(f"{hello.legacy_version},{hello.suite},{kinds}")


def ja4(hello: ClientHello, transport: str = "t") -> str:
    """Return the JA4 fingerprint of a client; `transport` is t (TCP), q (QUIC) or d (DTLS)."""
    suites = [suite for suite in hello.suites if not is_grease(suite)]
    kinds = [kind for kind, _ in hello.extensions if not is_grease(kind)]
    version = _JA4_VERSIONS.get(max(hello.versions), "00")
    named = "d" if SERVER_NAME in kinds else "i"
    head = f"{transport}{version}{named}{min(len(suites), 99):02}{min(len(kinds), 99):02}{_alpn_mark(hello)}"
    sorted_kinds = _hexadecimal(sorted(kind for kind in kinds if kind not in (SERVER_NAME, ALPN)))
    signatures = _hexadecimal(value for value in hello.signatures if not is_grease(value))
    extensions = f"{sorted_kinds}_{signatures}" if signatures else sorted_kinds
    return f"{head}_{_short(_hexadecimal(sorted(suites)))}_{_short(extensions) if kinds else _NOTHING}"


def _alpn_mark(hello: ClientHello) -> str:
    """Return first and last character of the first application protocol, of its hexadecimal digits if it is binary."""
    content = hello.extension(ALPN) or b""
    name = content[3 : 3 + content[2]] if len(content) > 2 else b""
    if not name:
        return "00"
    text = name.decode("latin-1")
    if all(end.isascii() and end.isalnum() for end in (text[0], text[-1])):
        return text[0] + text[-1]
    digits = name.hex()
    return digits[0] + digits[-1]


def _dashed(values: Iterable[int]) -> str:
    return "-".join(str(value) for value in values if not is_grease(value))


def _hexadecimal(values: Iterable[int]) -> str:
    return ",".join(f"{value:04x}" for value in values)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else _NOTHING
