"""Blocks of a pcapng section that are not frames -> interfaces, texts, names, secrets, counters.

Format: draft-ietf-opsawg-pcapng, section 3.5 (options), 4.1 (section header), 4.2 (interface description),
4.5 (name resolution), 4.6 (interface statistics), 4.7 (decryption secrets), 4.8 (custom).

**Known limitations**: the time zone of an interface is not kept (times are UTC).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import numpy as np

from . import walk_pcapng
from .block import FINDINGS_LIMIT, Findings, Int64s, Interface, Secret

SECTION, INTERFACE, NAMES, STATISTICS, SECRETS = 0x0A0D0D0A, 1, 4, 5, 10
CUSTOM = (0xBAD, 0x40000BAD)
CUSTOM_TEXTS = (2988, 19372)
SECTION_TEXTS = {2: "hardware", 3: "os", 4: "application"}
_INTERFACE_TEXTS = {2: "name", 3: "description", 11: "filter", 12: "os", 15: "hardware"}
_STATISTICS_COUNTS = {4: "frames_received", 5: "frames_dropped", 6: "frames_accepted", 7: "frames_dropped_by_os"}
MINIMUM_BYTES = {SECTION: 28, INTERFACE: 20, NAMES: 12, STATISTICS: 24, SECRETS: 20, 0xBAD: 16, 0x40000BAD: 16}
"""Shortest whole block of each kind."""


class Section:
    """Byte order and interfaces of the section that is being read, as Python and as the loops see them."""

    def __init__(self, *, is_big: bool = False, base: int = 0) -> None:
        self.order = ">" if is_big else "<"
        self.base = base
        """Index of the section's first interface among all interfaces of the file."""
        self.interfaces: list[Interface] = []
        self.numbers: Int64s = np.array([int(is_big), 0, base], np.int64)
        """Indexed by `walk_pcapng.S_BIG` and so on."""
        self.table: Int64s = np.zeros(walk_pcapng.I_WIDTH, np.int64)
        """`walk_pcapng.I_WIDTH` numbers per interface."""

    def add(self, interface: Interface) -> None:
        """Describe one more interface."""
        start = len(self.interfaces) * walk_pcapng.I_WIDTH
        if start == self.table.shape[0]:
            self.table = np.concatenate([self.table, np.zeros_like(self.table)])
        self.table[start : start + walk_pcapng.I_WIDTH] = _table_row(interface)
        self.interfaces.append(interface)
        self.numbers[walk_pcapng.S_INTERFACES] = len(self.interfaces)


def text(raw: bytes) -> str:
    """Return a string of the file; bytes that are not UTF-8 stay visible as escapes."""
    return raw.rstrip(b"\0").decode("utf-8", "backslashreplace")


def options(data: memoryview, order: str, at: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """Return code and value of each option between two places."""
    while at + 4 <= stop:
        code, length = struct.unpack_from(order + "HH", data, at)
        if code == 0 or at + 4 + length > stop:
            return
        yield code, data[at + 4 : at + 4 + length].tobytes()
        at += 4 + (length + 3 & ~3)


def text_option(where: str, code: int, raw: bytes, names: dict[int, str], offset: int, findings: Findings) -> None:
    """Keep the text that an option holds, if it holds one."""
    if code == 1:
        findings.note(where, "comment", text(raw), offset)
    elif code in CUSTOM_TEXTS and len(raw) > 4:
        findings.note(where, "custom_text", text(raw[4:]), offset)
    elif code in names:
        findings.note(where, names[code], text(raw), offset)


def read_interface(section: Section, data: memoryview, at: int, stop: int, offset: int, findings: Findings) -> None:
    """Add the interface that a block describes."""
    link_type, _, snaplen = struct.unpack_from(section.order + "HHI", data, at)
    index = len(findings.interfaces)
    where = f"interface {index}"
    numbers = {9: 6, 14: 0}
    for code, raw in options(data, section.order, at + 8, stop):
        if code == 11:
            raw = raw[1:] if raw[:1] == b"\0" else b"(bytecode) " + raw[1:].hex().encode()
        if code == 9 and raw:
            numbers[9] = raw[0]
        elif code == 13 and raw:
            findings.note(where, "fcs_bytes", str(raw[0]), offset)
        elif code == 14 and len(raw) == 8:
            numbers[14] = struct.unpack(section.order + "q", raw)[0]
        elif (code, len(raw)) in ((4, 8), (5, 17)):
            findings.note(where, "address", str(ip_address(raw[: 4 if code == 4 else 16])), offset)
        elif code in (6, 7) and len(raw) in (6, 8):
            findings.note(where, "address", raw.hex(":"), offset)
        text_option(where, code, raw, _INTERFACE_TEXTS, offset, findings)
    interface = Interface(link_type, snaplen, numbers[9], numbers[14])
    if findings.add_interface(interface, offset):
        section.add(interface)


def read_names(section: Section, data: memoryview, at: int, stop: int, offset: int, findings: Findings) -> None:
    """Keep the names of a name resolution block."""
    while at + 4 <= stop:
        kind, length = struct.unpack_from(section.order + "HH", data, at)
        if kind == 0 or at + 4 + length > stop:
            break
        raw = data[at + 4 : at + 4 + length].tobytes()
        size = {1: 4, 2: 16}.get(kind, 0)
        if size and length > size:
            address = str(ip_address(raw[:size]))
            for name in raw[size:].rstrip(b"\0").split(b"\0"):
                findings.note("names", address, text(name), offset)
        at += 4 + (length + 3 & ~3)
    for code, raw in options(data, section.order, at + 4, stop):
        if (code, len(raw)) in ((3, 4), (4, 16)):
            findings.note("names", "resolver", str(ip_address(raw)), offset)
        text_option("names", code, raw, {2: "resolver"}, offset, findings)


def read_statistics(section: Section, data: memoryview, at: int, stop: int, offset: int, findings: Findings) -> None:
    """Keep what an interface counted."""
    index = section.base + struct.unpack_from(section.order + "I", data, at)[0]
    where = f"interface {index}"
    for code, raw in options(data, section.order, at + 12, stop):
        if code in _STATISTICS_COUNTS and len(raw) == 8:
            value = struct.unpack(section.order + "Q", raw)[0]
            findings.note(where, _STATISTICS_COUNTS[code], str(value), offset)
            if code in (5, 7) and len(findings.drops) < FINDINGS_LIMIT:
                findings.drops[index] = max(findings.drops.get(index, 0), min(value, 1 << 62))
        else:
            text_option(where, code, raw, {}, offset, findings)


def read_secrets(section: Section, data: memoryview, at: int, stop: int, offset: int, findings: Findings) -> None:
    """Keep decryption secrets."""
    kind, length = struct.unpack_from(section.order + "II", data, at)
    if at + 8 + length > stop:
        what = "the stated length of decryption secrets runs past their block; kept as far as they go"
        findings.damage("CAPTURE_damaged_record", offset, None, what)
    findings.keep_secret(Secret(kind, data[at + 8 : min(at + 8 + length, stop)].tobytes()), offset)


def read_custom(section: Section, data: memoryview, at: int, stop: int, offset: int, findings: Findings) -> None:
    """Keep whose custom block this is."""
    owner = struct.unpack_from(section.order + "I", data, at)[0]
    findings.note("file", "custom_block", f"enterprise number {owner}, {stop - at - 4} bytes", offset)


READERS: dict[int, Callable[[Section, memoryview, int, int, int, Findings], None]] = {
    INTERFACE: read_interface,
    NAMES: read_names,
    STATISTICS: read_statistics,
    SECRETS: read_secrets,
    CUSTOM[0]: read_custom,
    CUSTOM[1]: read_custom,
}


def _table_row(interface: Interface) -> list[int]:
    exponent = interface.tsresol & 0x7F
    fast = abs(interface.tsoffset) < 1 << 40
    if interface.tsresol & 0x80:
        unit, multiply, divide, shift = 1, 1, 1, exponent
        fast = fast and exponent <= 62
    else:
        fast = fast and exponent <= 18
        unit = 10**exponent if fast else 0
        multiply, divide, shift = 10 ** max(0, 9 - exponent), 10 ** min(9, max(0, exponent - 9)), -1
    offset = interface.tsoffset if fast else 0
    return [interface.link_type, interface.snaplen, unit if fast else 0, multiply, divide, shift, offset]


def exact_ns(ticks: int, interface: Interface) -> int:
    """Return the time of a frame in nanoseconds since 1970, rounded down, of any size."""
    exponent = interface.tsresol & 0x7F
    per_second: int = 2**exponent if interface.tsresol & 0x80 else 10**exponent
    return int(ticks * 10**9 // per_second) + interface.tsoffset * 10**9
