"""Options of a DHCPv4 message: from bytes to values by code, and values to text.

RFC 2132, RFC 3396 (an option cut in pieces is joined), RFC 2132 section 9.3 (options in the fields of the server's
name and the boot file).
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import NamedTuple

PAD, END, OVERLOAD = 0, 255, 52
ETHERNET = 1
_YEAR_2000_S = 946_684_800


class Options(NamedTuple):
    """What the option fields of a message hold."""

    codes: list[int]
    """In the order in which they stand, each piece of its own: part of the sender's fingerprint."""
    values: dict[int, bytes]
    """Pieces of one code are joined."""
    problem: str | None
    """Where reading had to stop; null if it came to the end."""


def read_options(message: bytes, start: int) -> Options:
    """Return the options that begin at a position, those in the overloaded fields included."""
    codes: list[int] = []
    values: dict[int, bytes] = {}
    problem = _read_field(message[start:], "options", codes, values)
    overload = values.get(OVERLOAD, b"")[:1]
    if overload in (b"\x01", b"\x03"):
        problem = _read_field(message[108:236], "file field", codes, values) or problem
    if overload in (b"\x02", b"\x03"):
        problem = _read_field(message[44:108], "server name field", codes, values) or problem
    return Options(codes, values, problem)


def _read_field(field: bytes, what: str, codes: list[int], values: dict[int, bytes]) -> str | None:
    at = 0
    while at < len(field):
        code = field[at]
        if code == END:
            return None
        if code == PAD:
            at += 1
            continue
        if at + 1 >= len(field):
            return f"{what}: option {code} has no length"
        value = field[at + 2 : at + 2 + field[at + 1]]
        codes.append(code)
        values[code] = values.get(code, b"") + value
        if len(value) < field[at + 1]:
            return f"{what}: option {code} says {field[at + 1]} bytes, {len(value)} are there"
        at += 2 + field[at + 1]
    return f"{what}: no end option"


def text(value: bytes | None) -> str | None:
    """Return a text as sent, without the zeros that fill it up; bytes that are no UTF-8 as escapes; null if empty."""
    value = (value or b"").rstrip(b"\0")
    return value.decode("utf-8", "backslashreplace").replace("\0", "\\x00") or None


def printable(value: bytes | None) -> str | None:
    """Return the printable ASCII of a value whose form nobody declares, other bytes as dots; null if there is none."""
    if not value or not any(0x20 <= byte < 0x7F for byte in value):
        return None
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in value)


def hexadecimal(value: bytes | None) -> str | None:
    """Return the bytes of a value in hexadecimal digits; null if there are none."""
    return value.hex() if value else None


def mac(value: bytes) -> str:
    """Return a link-layer address with colons."""
    return value.hex(":")


def number(value: bytes | None, size: int) -> int | None:
    """Return a number of so many bytes, null if it has another length."""
    return int.from_bytes(value, "big") if value is not None and len(value) == size else None


def address(value: bytes | None) -> str | None:
    """Return an IPv4 address; null for none and for 0.0.0.0."""
    return str(IPv4Address(value)) if value is not None and len(value) == 4 and any(value) else None


def addresses(value: bytes | None) -> list[str] | None:
    """Return the whole IPv4 addresses of a list; null if there is none."""
    whole = value or b""
    return [str(IPv4Address(whole[i : i + 4])) for i in range(0, len(whole) - 3, 4)] or None


def client_mac_of(client_id: bytes | None) -> str | None:
    """Return the link-layer address that a client identifier holds (option 61: RFC 2132, RFC 4361)."""
    if client_id is None:
        return None
    if len(client_id) == 7 and client_id[0] == ETHERNET:
        return mac(client_id[1:])
    return duid_mac(client_id[5:]) if client_id[:1] == b"\xff" else None


def duid_mac(duid: bytes | None) -> str | None:
    """Return the Ethernet address that a DUID holds (RFC 8415 sections 11.2 and 11.4); null for other kinds."""
    if duid is None:
        return None
    if len(duid) == 14 and duid[:4] == b"\0\x01\0\x01":
        return mac(duid[8:])
    if len(duid) == 10 and duid[:4] == b"\0\x03\0\x01":
        return mac(duid[4:])
    return None


def user_class(value: bytes | None) -> str | None:
    """Return the user classes: texts behind their lengths (RFC 3004), or the bare text that many clients send."""
    if not value:
        return None
    found, at = [], 0
    while at < len(value) and value[at] and at + 1 + value[at] <= len(value):
        found.append(value[at + 1 : at + 1 + value[at]])
        at += 1 + value[at]
    if at == len(value):
        return ", ".join(filter(None, map(text, found))) or None
    return text(value)


def numbered_classes(value: bytes | None) -> list[str] | None:
    """Return the vendor classes of option 124 (RFC 3925) as `ENTERPRISE=class`; null if there is none."""
    return [
        f"{enterprise}={shown(text)}" for enterprise, data in _enterprises(value) for text in _counted(data)
    ] or None


def numbered_data(value: bytes | None) -> list[str] | None:
    """Return what option 125 (RFC 3925) holds as `ENTERPRISE.CODE=value`; null if it holds nothing."""
    found = []
    for enterprise, data in _enterprises(value):
        at = 0
        while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
            found.append(f"{enterprise}.{data[at]}={shown(data[at + 2 : at + 2 + data[at + 1]])}")
            at += 2 + data[at + 1]
    return found or None


def _enterprises(value: bytes | None) -> list[tuple[int, bytes]]:
    """Return the data behind each enterprise number (four bytes, then a length of one byte)."""
    found, at, value = [], 0, value or b""
    while at + 5 <= len(value):
        found.append((int.from_bytes(value[at : at + 4], "big"), value[at + 5 : at + 5 + value[at + 4]]))
        at += 5 + value[at + 4]
    return found


def _counted(value: bytes) -> list[bytes]:
    """Return values that have their lengths of one byte before them."""
    found, at = [], 0
    while at < len(value) and at + 1 + value[at] <= len(value):
        found.append(value[at + 1 : at + 1 + value[at]])
        at += 1 + value[at]
    return found


def shown(value: bytes) -> str:
    """Return a value whose form nobody declares: as text if it is printable ASCII, else in hexadecimal digits."""
    plain = value.rstrip(b"\0")
    is_text = bool(plain) and all(0x20 <= byte < 0x7F for byte in plain)
    return plain.decode("ascii") if is_text else f"0x{value.hex()}"


def duid_time_ns(duid: bytes | None) -> int | None:
    """Return when a DUID was made by its own account (RFC 8415 section 11.2: seconds since 2000); null for others."""
    if duid is None or len(duid) < 8 or duid[:2] != b"\0\x01":
        return None
    return (_YEAR_2000_S + int.from_bytes(duid[4:8], "big")) * 10**9


def fqdn(value: bytes | None) -> str | None:
    """Return the full name of the client (RFC 4702): flag E says whether labels have lengths before them."""
    if value is None or len(value) < 4:
        return None
    name = value[3:]
    return labels(name) if value[0] & 4 else text(name)


def labels(name: bytes) -> str | None:
    """Return a name of labels without compression, without final dot; null if there is none."""
    found, at = [], 0
    while at < len(name) and 0 < name[at] < 64 and at + 1 + name[at] <= len(name):
        found.append(name[at + 1 : at + 1 + name[at]])
        at += 1 + name[at]
    return text(b".".join(found))
