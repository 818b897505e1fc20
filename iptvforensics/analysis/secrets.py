"""Key logs and the secrets in capture files -> what opens encrypted streams.

A key log belongs to the result like the capture does: its SHA-256 is part of the options of an analysis, and a file
that has changed meanwhile is an error. Secrets themselves are never written into a case.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..errors import CaptureError
from ..tls.keylog import Secrets

if TYPE_CHECKING:
    from ..capture import Secret

MAX_KEYLOG_BYTES = 256 << 20


def keylogs_at(paths: Iterable[str | os.PathLike[str]]) -> tuple[tuple[str, str], ...]:
    """Return path and SHA-256 of key logs, for `Options`.

    Raises:
        CaptureError: a file cannot be read, or holds no secret.
    """
    return tuple((os.path.abspath(path), _read(os.fspath(path), None)[1]) for path in paths)


def secrets_from(keylogs: Sequence[tuple[str, str]], in_capture: Iterable[Secret] = ()) -> Secrets:
    """Return the secrets of key logs and of the blocks of a capture.

    Raises:
        CaptureError: a key log cannot be read, or is not the one that was named.
    """
    secrets = Secrets()
    for path, sha256 in keylogs:
        secrets.add(_read(path, sha256)[0])
    add_blocks(secrets, in_capture)
    return secrets


def add_blocks(secrets: Secrets, in_capture: Iterable[Secret]) -> None:
    """Add the key logs that stand in a capture."""
    from ..capture import TLS_KEY_LOG

    for secret in in_capture:
        if secret.type == TLS_KEY_LOG:
            secrets.add(secret.data)


def secrets_in(path: str) -> list[Secret]:
    """Return the secrets that stand in a capture, wherever in the file."""
    from ..capture import CaptureReader

    with CaptureReader(path, hash_thread=False, hashing=False) as reader:
        for _ in reader:
            pass
        return list(reader.secrets)


def _read(path: str, expected: str | None) -> tuple[bytes, str]:
    """Return the bytes and the SHA-256 of a key log."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_KEYLOG_BYTES + 1)
    except OSError as error:
        raise CaptureError(f"the key log cannot be read: {error.strerror or error}", path=path) from error
    if len(data) > MAX_KEYLOG_BYTES:
        raise CaptureError(f"a key log of at most {MAX_KEYLOG_BYTES >> 20} MiB was expected", path=path)
    sha256 = hashlib.sha256(data).hexdigest()
    if expected is None and not Secrets().add(data):
        why = "no secret found: lines of a label, a client random and a secret were expected (SSLKEYLOGFILE)"
        raise CaptureError(why, path=path)
    if expected not in (None, sha256):
        raise CaptureError(f"the key log has the SHA-256 {sha256}, expected was {expected}", path=path)
    return data, sha256
