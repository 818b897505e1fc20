r"""Record data of DNS messages: from RDATA to the text that a master file would have.

RFC 1035 section 3.3 (A, NS, CNAME, SOA, PTR, HINFO, MX, TXT), RFC 3596 (AAAA), RFC 2782 (SRV),
RFC 6672 (DNAME), RFC 8659 (CAA), RFC 3403 (NAPTR), RFC 4034 section 4 (NSEC, which mDNS uses),
RFC 9460 (SVCB, HTTPS) and RFC 7871 (client subnet).

Known limitations: other types, and data that break their own type's format, are written in the generic
form of RFC 3597 section 5 (`\# LENGTH HEX`).
"""

from __future__ import annotations

from collections.abc import Callable

from ._dns_names import read_name, write_string

TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 17: "RP",
    18: "AFSDB", 24: "SIG", 25: "KEY", 28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 36: "KX", 37: "CERT",
    39: "DNAME", 41: "OPT", 42: "APL", 43: "DS", 44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC",
    48: "DNSKEY", 49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 55: "HIP", 59: "CDS",
    60: "CDNSKEY", 61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 99: "SPF", 108: "EUI48",
    109: "EUI64", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR", 253: "MAILB", 254: "MAILA", 255: "ANY",
    256: "URI", 257: "CAA", 258: "AVC", 32768: "TA", 32769: "DLV",
}  # fmt: skip
"""IANA registry "Resource Record (RR) TYPEs"."""

# RFC 9460 section 14.3.2 and the registry that it opened.
_SVC_KEYS = {
    0: "mandatory", 1: "alpn", 2: "no-default-alpn", 3: "port", 4: "ipv4hint", 5: "ech", 6: "ipv6hint",
    7: "dohpath", 8: "ohttp",
}  # fmt: skip


class _MalformedError(ValueError):
    """The data break the format of their type; the caller writes them in the generic form."""


def type_name(code: int) -> str:
    """Return the mnemonic of a record type, or `TYPE` and its number (RFC 3597)."""
    return TYPES.get(code) or f"TYPE{code}"


def write_ipv4(address: bytes) -> str:
    """Return four bytes in dotted form."""
    return ".".join(map(str, address))


def write_ipv6(address: bytes) -> str:
    """Return 16 bytes in the form of RFC 5952.

    Written here because the standard library's form for mapped addresses differs between versions.
    """
    if address[:12] == b"\0" * 10 + b"\xff\xff":
        return f"::ffff:{write_ipv4(address[12:])}"
    groups = [f"{address[i] << 8 | address[i + 1]:x}" for i in range(0, 16, 2)]
    best, best_length, i = -1, 1, 0
    while i < 8:
        length = 0
        while i + length < 8 and groups[i + length] == "0":
            length += 1
        if length > best_length:
            best, best_length = i, length
        i += length or 1
    if best < 0:
        return ":".join(groups)
    return f"{':'.join(groups[:best])}::{':'.join(groups[best + best_length :])}"


def write_data(message: bytes, start: int, end: int, code: int) -> tuple[str, bool]:
    """Return the text of the data between two positions, and False if they break their type's format."""
    reader = _READERS.get(code)
    if reader is not None:
        try:
            return reader(message, start, end), True
        except (_MalformedError, IndexError):
            return _generic(message[start:end]), False
    return _generic(message[start:end]), True


def _generic(data: bytes) -> str:
    return f"\\# {len(data)} {data.hex()}".rstrip()


def _need(condition: bool) -> None:
    if not condition:
        raise _MalformedError


def _number(message: bytes, at: int, size: int, end: int) -> int:
    _need(at + size <= end)
    return int.from_bytes(message[at : at + size], "big")


def _name(message: bytes, at: int, end: int) -> tuple[str, int]:
    name = read_name(message, at)
    if name.text is None or name.end > end:
        raise _MalformedError
    return name.text, name.end


def _last_name(message: bytes, at: int, end: int) -> str:
    text, after = _name(message, at, end)
    _need(after == end)
    return text


def _string(message: bytes, at: int, end: int) -> tuple[str, int]:
    after = at + 1 + _number(message, at, 1, end)
    _need(after <= end)
    return write_string(message[at + 1 : after]), after


def _a(message: bytes, start: int, end: int) -> str:
    _need(end - start == 4)
    return write_ipv4(message[start:end])


def _aaaa(message: bytes, start: int, end: int) -> str:
    _need(end - start == 16)
    return write_ipv6(message[start:end])


def _mx(message: bytes, start: int, end: int) -> str:
    return f"{_number(message, start, 2, end)} {_last_name(message, start + 2, end)}"


def _soa(message: bytes, start: int, end: int) -> str:
    primary, at = _name(message, start, end)
    mailbox, at = _name(message, at, end)
    _need(end - at == 20)
    numbers = [str(_number(message, at + 4 * i, 4, end)) for i in range(5)]
    return " ".join([primary, mailbox, *numbers])


def _strings(message: bytes, start: int, end: int) -> str:
    _need(start < end)
    texts = []
    while start < end:
        text, start = _string(message, start, end)
        texts.append(text)
    return " ".join(texts)


def _hinfo(message: bytes, start: int, end: int) -> str:
    cpu, at = _string(message, start, end)
    system, at = _string(message, at, end)
    _need(at == end)
    return f"{cpu} {system}"


def _srv(message: bytes, start: int, end: int) -> str:
    numbers = [str(_number(message, start + 2 * i, 2, end)) for i in range(3)]
    return " ".join([*numbers, _last_name(message, start + 6, end)])


def _naptr(message: bytes, start: int, end: int) -> str:
    parts = [str(_number(message, start, 2, end)), str(_number(message, start + 2, 2, end))]
    at = start + 4
    for _ in range(3):
        text, at = _string(message, at, end)
        parts.append(text)
    return " ".join([*parts, _last_name(message, at, end)])


def _caa(message: bytes, start: int, end: int) -> str:
    flags = _number(message, start, 1, end)
    tag_end = start + 2 + _number(message, start + 1, 1, end)
    tag = message[start + 2 : tag_end]
    _need(tag_end <= end and tag.isalnum())
    return f"{flags} {tag.decode('ascii')} {write_string(message[tag_end:end])}"


def _nsec(message: bytes, start: int, end: int) -> str:
    text, at = _name(message, start, end)
    parts, last = [text], -1
    while at < end:
        window, length = _number(message, at, 1, end), _number(message, at + 1, 1, end)
        _need(window > last and 1 <= length <= 32 and at + 2 + length <= end)
        for i, byte in enumerate(message[at + 2 : at + 2 + length]):
            parts += [type_name(window << 8 | i << 3 | bit) for bit in range(8) if byte & (0x80 >> bit)]
        at, last = at + 2 + length, window
    return " ".join(parts)


def _svcb(message: bytes, start: int, end: int) -> str:
    priority = _number(message, start, 2, end)
    target, at = _name(message, start + 2, end)
    parts, last = [str(priority), target], -1
    while at < end:
        key, length = _number(message, at, 2, end), _number(message, at + 2, 2, end)
        _need(key > last and at + 4 + length <= end)
        parts.append(_svc_parameter(key, message[at + 4 : at + 4 + length]))
        at, last = at + 4 + length, key
    return " ".join(parts)


def _svc_parameter(key: int, value: bytes) -> str:
    """Return one service parameter (RFC 9460 section 7) as `key="value"`."""
    name = _SVC_KEYS.get(key) or f"key{key}"
    if key == 0:
        _need(len(value) >= 2 and len(value) % 2 == 0)
        codes = [value[i] << 8 | value[i + 1] for i in range(0, len(value), 2)]
        return f'{name}="{",".join(_SVC_KEYS.get(code) or f"key{code}" for code in codes)}"'
    if key == 1:
        return f"{name}={_protocol_ids(value)}"
    if key in (2, 8):
        _need(not value)
        return name
    if key == 3:
        _need(len(value) == 2)
        return f'{name}="{value[0] << 8 | value[1]}"'
    if key in (4, 6):
        size, write = (4, write_ipv4) if key == 4 else (16, write_ipv6)
        _need(len(value) >= size and len(value) % size == 0)
        return f'{name}="{",".join(write(value[i : i + size]) for i in range(0, len(value), size))}"'
    return f"{name}={write_string(value)}" if value else name


def _protocol_ids(value: bytes) -> str:
    """Return the protocol ids of `alpn`; commas and backslashes in an id are escaped (appendix A.1)."""
    ids, at = [], 0
    _need(bool(value))
    while at < len(value):
        after = at + 1 + value[at]
        _need(value[at] > 0 and after <= len(value))
        ids.append(value[at + 1 : after].replace(b"\\", b"\\\\").replace(b",", b"\\,"))
        at = after
    return write_string(b",".join(ids))


_READERS: dict[int, Callable[[bytes, int, int], str]] = {
    1: _a, 2: _last_name, 5: _last_name, 6: _soa, 12: _last_name, 13: _hinfo, 15: _mx, 16: _strings, 28: _aaaa,
    33: _srv, 35: _naptr, 39: _last_name, 47: _nsec, 64: _svcb, 65: _svcb, 99: _strings, 257: _caa,
}  # fmt: skip


def read_client_subnet(options: bytes) -> str | None:
    """Return the client subnet of an OPT record's options as `address/prefix`, or null (RFC 7871 section 6)."""
    at = 0
    while at + 4 <= len(options):
        code = options[at] << 8 | options[at + 1]
        length = options[at + 2] << 8 | options[at + 3]
        value = options[at + 4 : at + 4 + length]
        if code == 8 and len(value) == length >= 4:
            family, prefix, address = value[0] << 8 | value[1], value[2], value[4:]
            if family == 1 and prefix <= 32 and len(address) <= 4:
                return f"{write_ipv4(address.ljust(4, bytes(1)))}/{prefix}"
            if family == 2 and prefix <= 128 and len(address) <= 16:
                return f"{write_ipv6(address.ljust(16, bytes(1)))}/{prefix}"
            return None
        at += 4 + length
    return None
