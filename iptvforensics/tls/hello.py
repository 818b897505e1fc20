"""ClientHello and ServerHello, bytes -> what client and server offer and choose.

Specification: RFC 8446 section 4.1 (TLS 1.3), RFC 5246 section 7.4.1 (TLS 1.2), RFC 6066 section 3 (server name),
RFC 7301 (ALPN), RFC 5077 and RFC 8446 section 4.2.11 (tickets), RFC 8701 (GREASE), RFC 9849 (ECH).

A ClientHello that is cut or damaged behind its cipher suites says what stands before the damage.

**Known limitations**: hellos in the format of SSL 2 are not read. An extension whose content is damaged gives nothing;
the others are read all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .wire import MessageError, Reader, pairs

SERVER_NAME, GROUPS, POINT_FORMATS, SIGNATURES, ALPN = 0, 10, 11, 13, 16
ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, TICKET, PRE_SHARED_KEY, EARLY_DATA, VERSIONS = 22, 23, 35, 41, 42, 43
ECH = 0xFE0D

RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""Random of a ServerHello that asks for another ClientHello (HelloRetryRequest)."""

T = TypeVar("T")


def is_grease(value: int) -> bool:
    """Return True for the reserved values that clients strew in.

    Example:
        >>> is_grease(0x2A2A), is_grease(0x1301)
        (True, False)
    """
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers."""

    version: int
    random: bytes
    session_id: bytes
    suites: tuple[int, ...]
    extensions: tuple[tuple[int, bytes], ...]
    """Types and contents, in the order sent."""
    damage: str | None = None
    """Why only a part was read; extensions that are not among those read may have been sent all the same."""

    def extension(self, number: int) -> bytes | None:
        """Return the content of an extension, None if it was not sent."""
        return next((content for kind, content in self.extensions if kind == number), None)

    @property
    def server_name(self) -> str | None:
        """Return the host name that is asked for."""
        return _read(self.extension(SERVER_NAME), _server_name)

    @property
    def alpn(self) -> list[str] | None:
        """Return the application protocols that are offered."""
        return _read(self.extension(ALPN), alpn_names)

    @property
    def versions(self) -> tuple[int, ...]:
        """Return the versions that are offered, GREASE left out."""
        listed = _read(self.extension(VERSIONS), lambda r: r.numbers(1)) or ()
        return tuple(v for v in listed if not is_grease(v)) or (self.version,)

    @property
    def groups(self) -> tuple[int, ...]:
        """Return the groups for the key exchange, GREASE included."""
        return _read(self.extension(GROUPS), lambda r: r.numbers(2)) or ()

    @property
    def point_formats(self) -> tuple[int, ...]:
        """Return the formats of points on curves."""
        return tuple(_read(self.extension(POINT_FORMATS), lambda r: r.vector(1)) or b"")

    @property
    def signatures(self) -> tuple[int, ...]:
        """Return the signature algorithms, in the order sent."""
        return _read(self.extension(SIGNATURES), lambda r: r.numbers(2)) or ()

    @property
    def ticket(self) -> bytes | None:
        """Return the ticket or identity with which an earlier session is to be resumed."""
        identity = _read(self.extension(PRE_SHARED_KEY), lambda r: Reader(r.vector(2)).vector(2))
        return identity or self.extension(TICKET) or None


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What a server chose."""

    legacy_version: int
    random: bytes
    session_id: bytes
    suite: int
    extensions: tuple[tuple[int, bytes], ...]

    def extension(self, number: int) -> bytes | None:
        """Return the content of an extension, None if it was not sent."""
        return next((content for kind, content in self.extensions if kind == number), None)

    @property
    def is_retry(self) -> bool:
        """Return True if it asks for another ClientHello."""
        return self.random == RETRY_RANDOM

    @property
    def version(self) -> int:
        """Return the version that was chosen."""
        chosen = self.extension(VERSIONS)
        return int.from_bytes(chosen) if chosen and len(chosen) == 2 else self.legacy_version

    @property
    def alpn(self) -> str | None:
        """Return the application protocol that was chosen, as far as the hello says (up to TLS 1.2)."""
        names = _read(self.extension(ALPN), alpn_names)
        return names[0] if names else None


def read_client_hello(body: bytes, *, is_cut: bool = False) -> ClientHello:
    """Return a ClientHello without the header of the handshake message, as far as it can be read.

    Args:
        body: the message.
        is_cut: True if it is only the beginning of one.

    Raises:
        MessageError: it is none, or does not even reach behind its cipher suites.
    """
    reader = Reader(body)
    version, random, session_id = reader.number(2), reader.take(32), reader.vector(1)
    suites = pairs(reader.vector(2))
    found: list[tuple[int, bytes]] = []
    damage = "its end is missing" if is_cut else None
    try:
        reader.vector(1)  # compression
        if reader.left:
            size = reader.number(2)
            listed = Reader(reader.take(min(size, reader.left)))
            _extensions(listed, found)
            if listed.length < size:
                damage = f"{size} bytes of extensions announced, {listed.length} there"
    except MessageError as error:
        damage = str(error)
    return ClientHello(version, random, session_id, suites, tuple(found), damage)


def read_server_hello(body: bytes) -> ServerHello:
    """Return a ServerHello without the header of the handshake message.

    Raises:
        MessageError: it is none, or a part of one.
    """
    reader = Reader(body)
    version, random, session_id = reader.number(2), reader.take(32), reader.vector(1)
    suite = reader.number(2)
    reader.number(1)  # compression
    return ServerHello(version, random, session_id, suite, read_extensions(reader))


def read_extensions(reader: Reader) -> tuple[tuple[int, bytes], ...]:
    """Return types and contents of a list of extensions; there is none at the end of an old hello.

    Raises:
        MessageError: the list does not fit into the message.
    """
    if not reader.left:
        return ()
    found: list[tuple[int, bytes]] = []
    _extensions(Reader(reader.vector(2)), found)
    return tuple(found)


def _extensions(reader: Reader, found: list[tuple[int, bytes]]) -> None:
    """Add the extensions of a list, up to the first that does not fit."""
    while reader.left:
        found.append((reader.number(2), reader.vector(2)))


def alpn_names(reader: Reader) -> list[str]:
    """Return the names in an ALPN extension."""
    listed = Reader(reader.vector(2))
    names: list[str] = []
    while listed.left:
        names.append(listed.vector(1).decode("ascii", "backslashreplace"))
    return names


def _server_name(reader: Reader) -> str | None:
    listed = Reader(reader.vector(2))
    while listed.left:
        kind, name = listed.number(1), listed.vector(2)
        if kind == 0:
            return name.decode("utf-8", "backslashreplace")
    return None


def _read(content: bytes | None, how: Callable[[Reader], T]) -> T | None:
    if not content:
        return None
    try:
        return how(Reader(content))
    except MessageError:
        return None
