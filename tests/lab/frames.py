"""Captures as lists of frames, for the programs that change or make captures; independent of the library.

A `Recording` is what a pcap file holds: link type and frames. Each frame knows the number that it has in the
recording it comes from (`origin`), so that after any change it can be said what is left of what was recorded.

Known limitations: reads pcap (both byte orders, micro- and nanoseconds, plain, gzip, zstd), not pcapng; a file that
ends inside a record is refused.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

ETHERNET, COOKED = 1, 113
IPV4, IPV6, VLAN, QINQ, PPPOE = 0x0800, 0x86DD, 0x8100, 0x88A8, 0x8864
TCP, UDP = 6, 17
PACKED = (".gz", ".zst")


class Frame(NamedTuple):
    """One captured record."""

    time_ns: int
    wire: int  # length on the wire
    data: bytes  # what was captured of it
    origin: int  # number in the recording, from 1; 0: never recorded


@dataclass
class Recording:
    """The frames of one capture file."""

    frames: list[Frame]
    link: int = ETHERNET
    snaplen: int = 262_144
    tail: bytes = b""  # bytes of a record that was cut off
    facts: dict[str, Any] = field(default_factory=dict)  # what was done to it


class Packet(NamedTuple):
    """Where things stand in a frame that carries IPv4 or IPv6."""

    ip_at: int
    version: int
    source: bytes
    destination: bytes
    transport: int  # protocol number; of IPv6 the first header that is no fragment header
    transport_at: int
    end: int  # of the packet, as its header says
    fragment: int  # offset in the original packet, in bytes; 0: a whole packet or the first fragment

    @property
    def payload_at(self) -> int:
        """Return where a UDP payload begins; of TCP see `payload_start`."""
        return self.transport_at + 8


def read(file: Path) -> Recording:
    """Return the frames of a pcap file."""
    data = unpacked(file)
    orders = {0xA1B2C3D4: ("<", 1000), 0xA1B23C4D: ("<", 1), 0xD4C3B2A1: (">", 1000), 0x4D3CB2A1: (">", 1)}
    magic = struct.unpack_from("<I", data)[0]
    if magic not in orders:
        raise ValueError(f"{file}: expected a pcap file, found magic {magic:08x}")
    order, unit = orders[magic]
    snaplen, link = struct.unpack_from(order + "II", data, 16)
    head = struct.Struct(order + "IIII")
    frames: list[Frame] = []
    at = 24
    while at < len(data):
        seconds, fraction, captured, wire = head.unpack_from(data, at)
        body = data[at + 16 : at + 16 + captured]
        if len(body) < captured:
            raise ValueError(f"{file}: ends inside record {len(frames) + 1}")
        frames.append(Frame(seconds * 1_000_000_000 + fraction * unit, wire, body, len(frames) + 1))
        at += 16 + captured
    return Recording(frames, link & 0xFFFF, snaplen)


def unpacked(file: Path) -> bytes:
    """Return the bytes of a file, after decompression."""
    if file.suffix == ".gz":
        return gzip.decompress(file.read_bytes())
    if file.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", str(file)], capture_output=True, check=True, timeout=120).stdout
    return file.read_bytes()


def write(file: Path, recording: Recording) -> None:
    """Write a pcap file: little-endian, nanoseconds if a time needs them."""
    fine = any(frame.time_ns % 1000 for frame in recording.frames)
    unit = 1 if fine else 1000
    head = struct.Struct("<IIII")
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D if fine else 0xA1B2C3D4, 2, 4, 0, 0, recording.snaplen, recording.link)]
    for time_ns, wire, data, _ in recording.frames:
        parts += [head.pack(time_ns // 1_000_000_000, time_ns % 1_000_000_000 // unit, len(data), wire), data]
    file.write_bytes(b"".join([*parts, recording.tail]))


def network_at(data: bytes, link: int) -> tuple[int, int]:
    """Return EtherType and place of what follows the link header; VLAN tags and PPPoE are passed."""
    at = 14 if link == COOKED else 12
    kind = int.from_bytes(data[at : at + 2], "big")
    at += 2
    while kind in (VLAN, QINQ):
        kind = int.from_bytes(data[at + 2 : at + 4], "big")
        at += 4
    if kind == PPPOE:
        kind = {0x21: IPV4, 0x57: IPV6}.get(int.from_bytes(data[at + 6 : at + 8], "big"), 0)
        at += 8
    return kind, at


def packet(data: bytes, link: int = ETHERNET) -> Packet | None:
    """Return the IP packet in a frame; None if it carries none or its header was not captured whole."""
    kind, at = network_at(data, link)
    if kind == IPV4 and len(data) >= at + 20 and data[at] >> 4 == 4:
        total, _, flags = struct.unpack_from(">HHH", data, at + 2)
        transport_at = at + (data[at] & 15) * 4
        return Packet(at, 4, data[at + 12 : at + 16], data[at + 16 : at + 20], data[at + 9], transport_at, at + total,
                      (flags & 0x1FFF) * 8)  # fmt: skip
    if kind == IPV6 and len(data) >= at + 40 and data[at] >> 4 == 6:
        transport, transport_at, fragment = data[at + 6], at + 40, 0
        if transport == 44 and len(data) >= at + 48:
            transport, fragment = data[at + 40], int.from_bytes(data[at + 42 : at + 44], "big") & 0xFFF8
            transport_at += 8
        length = int.from_bytes(data[at + 4 : at + 6], "big")
        return Packet(at, 6, data[at + 8 : at + 24], data[at + 24 : at + 40], transport, transport_at,
                      at + 40 + length, fragment)  # fmt: skip
    return None


def ports(data: bytes, found: Packet) -> tuple[int, int] | None:
    """Return source and destination port; None for later fragments, other transports and short captures."""
    at = found.transport_at
    if found.fragment or found.transport not in (TCP, UDP) or len(data) < at + 4:
        return None
    return int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")


def payload_start(data: bytes, found: Packet) -> int:
    """Return where the TCP or UDP payload begins; later fragments are payload from the start."""
    at = found.transport_at
    if found.fragment:
        return at
    if found.transport == TCP:
        return at + (data[at + 12] >> 4) * 4 if len(data) > at + 12 else found.end
    return at + 8 if found.transport == UDP else found.end


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of bytes."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def adjusted(old_sum: int, old: bytes, new: bytes) -> int:
    """Return a checksum after `old` among the bytes it covers became `new` (RFC 1624, equation 3)."""
    total: int = ~old_sum & 0xFFFF
    total += sum(0xFFFF - word for word in struct.unpack(f">{len(old) // 2}H", old))
    total += sum(struct.unpack(f">{len(new) // 2}H", new))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def runs(numbers: Iterable[int]) -> list[list[int]]:
    """Return first and last of each run of consecutive numbers."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def digest(file: Path) -> dict[str, Any]:
    """Return size and SHA-256 of a file, as truths state them."""
    data = file.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def write_json(file: Path, body: dict[str, Any]) -> None:
    """Write a truth: one line per element of a list, so that a change is seen in a diff."""
    parts = []
    for key, value in body.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, Sequence) and not isinstance(value, str) and value and isinstance(value[0], dict):
            text = "[\n  " + ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in value) + "\n ]"
        parts.append(f" {json.dumps(key)}: {text}")
    file.write_text("{\n" + ",\n".join(parts) + "\n}\n")
