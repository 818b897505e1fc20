"""One SRT datagram: from bytes to fields.

draft-sharabayko-srt-01 sections 3 (packets), 3.1 (data), 3.2 (control), 3.2.1 (handshake and its extensions),
3.2.2 (key material), 4.3 (handshake); Haivision/srt `docs/features/access-control.md` (`#!::` stream identifiers).
The 16 bytes of the peer address hold, in libsrt, the address of the other side as the sender sees it, its four bytes
reversed on hosts of either order; the draft says the sender's own.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

HEADER_BYTES = 16
HANDSHAKE, KEEPALIVE, ACK, NAK, CONGESTION, SHUTDOWN, ACKACK, DROP_REQUEST, PEER_ERROR = range(9)
USER_DEFINED = 0x7FFF
INDUCTION, WAVEAHAND, CONCLUSION, AGREEMENT, DONE = 1, 0, 0xFFFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFD
HANDSHAKE_TYPES = frozenset((INDUCTION, WAVEAHAND, CONCLUSION, AGREEMENT, DONE))
MAGIC = 0x4A17
HANDSHAKE_BYTES = 48
REJECTED, MAX_REJECTION = 1000, 4000
MAX_STREAM_ID = 512
MAX_EXTENSIONS = 16
SEQUENCES = 1 << 31
MOST_RANGES = 4096
"""Ranges read of one NAK: a datagram holds fewer than 400."""

REJECTIONS = {
    1000: "unknown", 1001: "system", 1002: "peer", 1003: "resource", 1004: "rogue", 1005: "backlog", 1006: "internal",
    1007: "closed", 1008: "version", 1009: "rendezvous cookie", 1010: "wrong passphrase", 1011: "passphrase missing",
    1012: "message mode", 1013: "congestion control", 1014: "filter", 1015: "group", 1016: "timeout", 1017: "cipher",
    1400: "bad request", 1401: "unauthorised", 1402: "overloaded", 1403: "forbidden", 1404: "not found",
    1405: "bad mode", 1406: "unacceptable", 1407: "lock", 1409: "conflict", 1415: "unsupported media",
    1423: "locked", 1424: "failed dependency", 1500: "internal server error", 1501: "not implemented",
    1502: "gateway", 1503: "down", 1505: "version", 1507: "no room",
}  # fmt: skip
FLAGS = ("tsbpd-sender", "tsbpd-receiver", "crypt", "drop-late", "periodic-nak", "rexmit", "stream", "filter")
_CIPHERS = {0: "none", 1: "AES-ECB", 2: "AES-CTR", 3: "AES-CBC", 4: "AES-GCM"}
_ANNOUNCED = {2: 128, 3: 192, 4: 256}
_HEADER = struct.Struct("!IIII")
_FIXED = struct.Struct("!IHHIIIIII16s")


class Data(NamedTuple):
    """The header of a data packet."""

    sequence: int
    key: int
    """0: in clear; 1 and 2: encrypted with the even or odd key."""
    is_resent: bool
    message: int
    timestamp: int
    socket: int


class Control(NamedTuple):
    """The header of a control packet."""

    kind: int
    info: int
    timestamp: int
    socket: int


class Handshake(NamedTuple):
    """A handshake: its fields, and those of its extensions that were there."""

    version: int
    kind: int
    socket: int
    """The sender's own identifier of the connection, or a repetition of the next field."""
    destination: int
    """The receiver's identifier, 0 where none is known."""
    cookie: int
    sequence: int
    is_answer: bool
    """True for the listener's answer to an induction."""
    fields: dict[str, Any]


def read_header(data: memoryview | bytes) -> Data | Control | None:
    """Return the header of a datagram; None if it is too short."""
    if len(data) < HEADER_BYTES:
        return None
    first, second, timestamp, socket = _HEADER.unpack_from(data)
    if first & 0x8000_0000:
        return Control(first >> 16 & 0x7FFF, second, timestamp, socket)
    return Data(first, second >> 27 & 3, bool(second & 1 << 26), second & 0x3FF_FFFF, timestamp, socket)


def read_handshake(data: bytes) -> Handshake | None:
    """Return the handshake that follows a header of that kind; None if it is none."""
    if len(data) < HEADER_BYTES + HANDSHAKE_BYTES:
        return None
    version, announced, extension, sequence, mtu, window, kind, socket, cookie, peer = _FIXED.unpack_from(
        data, HEADER_BYTES
    )
    if version not in (4, 5) or not (kind in HANDSHAKE_TYPES or REJECTED <= kind < MAX_REJECTION):
        return None
    is_answer = kind == INDUCTION and version == 5 and extension == MAGIC
    fields: dict[str, Any] = {"peer_ip": _address(peer), "mtu": mtu, "flow_window": window}
    if version == 5 and announced in _ANNOUNCED:
        fields["key_bits"] = _ANNOUNCED[announced]
    if kind >= REJECTED and kind not in HANDSHAKE_TYPES:
        fields["rejection"] = f"{kind} {REJECTIONS.get(kind, 'reason not known')}"
    if version == 5 and kind in (CONCLUSION, AGREEMENT):
        fields |= _extensions(data, HEADER_BYTES + HANDSHAKE_BYTES)
    destination = int.from_bytes(data[12:HEADER_BYTES], "big")
    return Handshake(version, kind, socket, destination, cookie, sequence, is_answer, fields)


def _address(peer: bytes) -> str | None:
    """Return an address as libsrt writes it; None for zeros."""
    if not any(peer):
        return None
    if not any(peer[4:]):
        return ".".join(map(str, peer[3::-1]))
    words = [peer[at : at + 4][::-1].hex() for at in range(0, 16, 4)]
    text = "".join(words)
    return ":".join(text[at : at + 4] for at in range(0, 32, 4))


def _extensions(data: bytes, at: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(MAX_EXTENSIONS):
        if at + 4 > len(data):
            break
        kind, words = struct.unpack_from("!HH", data, at)
        body = data[at + 4 : at + 4 + words * 4]
        if len(body) < words * 4:
            found["is_cut"] = True
            break
        at += 4 + words * 4
        if kind in (1, 2) and len(body) >= 12:
            found |= {**_capabilities(body), "is_request": kind == 1}
        elif kind in (3, 4):
            found |= read_key_material(body)
        elif kind == 5:
            found["stream_id"] = _words_text(body[:MAX_STREAM_ID])
        elif kind == 6:
            found["congestion_control"] = _words_text(body[:MAX_STREAM_ID])
        elif kind == 7:
            found["packet_filter"] = _words_text(body[:MAX_STREAM_ID])
        elif kind == 8 and len(body) >= 4:
            found["bonding_group"] = int.from_bytes(body[:4], "big")
    return found


def _capabilities(body: bytes) -> dict[str, Any]:
    version, flags, receive, send = struct.unpack_from("!IIHH", body)
    names = [name for bit, name in enumerate(FLAGS) if flags >> bit & 1]
    text = f"{version >> 16 & 255}.{version >> 8 & 255}.{version & 255}"
    return {"library": text, "flags": names, "receive_delay_ms": receive, "send_delay_ms": send}


def _words_text(body: bytes) -> str | None:
    """Return a text whose bytes stand reversed in each word of four."""
    turned = b"".join(body[at : at + 4][::-1] for at in range(0, len(body), 4))
    return turned.rstrip(b"\0").decode("utf-8", "backslashreplace") or None


def read_key_material(body: bytes) -> dict[str, Any]:
    """Return what a key material message says of the cipher; the keys in it are wrapped."""
    if len(body) == 4:  # an answer: how the keys were taken
        return {"key_answer": int.from_bytes(body, "big")}
    if len(body) < 16 or body[0] != 0x12 or body[1:3] != b"\x20\x29":
        return {}
    return {"cipher": _CIPHERS.get(body[8], f"cipher {body[8]}"), "key_bits": body[15] * 32}


def read_losses(data: bytes) -> list[tuple[int, int]]:
    """Return the ranges of sequence numbers that a NAK names as missing, both ends included."""
    found: list[tuple[int, int]] = []
    at = HEADER_BYTES
    while at + 4 <= len(data) and len(found) < MOST_RANGES:
        first = int.from_bytes(data[at : at + 4], "big")
        at += 4
        if not first & 0x8000_0000:
            found.append((first, first))
        elif at + 4 <= len(data):
            found.append((first & 0x7FFF_FFFF, int.from_bytes(data[at : at + 4], "big") & 0x7FFF_FFFF))
            at += 4
    return found


def read_stream_id(text: str | None) -> dict[str, str]:
    """Return what a stream identifier says by the two grammars in use, as it claims."""
    if not text:
        return {}
    if text.startswith("#!::"):
        names = {"r": "resource", "u": "username", "h": "host_claimed", "m": "access_mode", "t": "resource_type"}
        pairs = (part.partition("=") for part in text[4:].split(","))
        return {names[key]: value for key, _, value in pairs if key in names and value}
    mode, *rest = text.split(":")
    if mode in ("publish", "read") and rest and rest[0]:
        names_of = ("resource", "username", "password")
        found = {name: value for name, value in zip(names_of, rest, strict=False) if value}
        return {"access_mode": "request" if mode == "read" else mode, **found}
    return {}
