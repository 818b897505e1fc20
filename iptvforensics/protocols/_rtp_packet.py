"""One RTP packet or RTCP datagram: from bytes to fields.

RFC 3550 sections 5.1 (header), 5.3.1 (extension), 6.4 and 6.5 (reports), RFC 3551 section 6 (payload types),
RFC 5761 section 4 (telling RTCP from RTP).
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

HEADER_BYTES = 12
MP2T = 33

ENCODINGS = {
    0: "PCMU", 3: "GSM", 4: "G723", 8: "PCMA", 9: "G722", 10: "L16", 11: "L16", 12: "QCELP", 13: "CN", 14: "MPA",
    15: "G728", 18: "G729", 25: "CelB", 26: "JPEG", 28: "nv", 31: "H261", 32: "MPV", 33: "MP2T", 34: "H263",
}  # fmt: skip
CLOCKS = {
    0: 8000, 3: 8000, 4: 8000, 8: 8000, 9: 8000, 10: 44100, 11: 44100, 14: 90000, 18: 8000, 26: 90000, 31: 90000,
    32: 90000, 33: 90000, 34: 90000,
}  # fmt: skip
REPORT_TYPES = {200: "SR", 201: "RR", 202: "SDES", 203: "BYE", 204: "APP", 205: "RTPFB", 206: "PSFB", 207: "XR"}
NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900 to 1970."""
MAX_REPORTS = 64
"""RTCP packets read of one datagram."""

_HEADER = struct.Struct("!BBHII")


class Packet(NamedTuple):
    """The fields of an RTP packet, and where its payload lies."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    begin: int
    end: int


def read_packet(data: memoryview | bytes) -> Packet | None:
    """Return the fields of an RTP packet; null if the bytes are none."""
    size = len(data)
    if size < HEADER_BYTES:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        return None
    begin, end = HEADER_BYTES + (first & 15) * 4, size
    if first & 0x10:
        if begin + 4 > size:
            return None
        begin += 4 + (data[begin + 2] << 8 | data[begin + 3]) * 4
    if first & 0x20:
        end -= data[-1]
        if not data[-1]:
            return None
    if begin > end:
        return None
    return Packet(second & 0x7F, sequence, timestamp, ssrc, begin, end)


def is_report(data: memoryview | bytes) -> bool:
    """Return True if a datagram is RTCP by its type (RFC 5761 section 4)."""
    return len(data) >= 8 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def is_whole_report(data: bytes) -> bool:
    """Return True if a datagram is a chain of RTCP packets that begins as it must (RFC 3550 appendix A.2)."""
    if not is_report(data) or data[0] & 0x20 or data[1] not in (200, 201):
        return False
    words = int.from_bytes(data[2:4], "big")
    least = (6 if data[1] == 200 else 1) + 6 * (data[0] & 31)
    at = 0
    while at + 4 <= len(data) and data[at] >> 6 == 2 and data[at + 1] in REPORT_TYPES:
        at += 4 + int.from_bytes(data[at + 2 : at + 4], "big") * 4
    return words >= least and at == len(data)


def clock_ns(value: bytes) -> int | None:
    """Return an NTP timestamp as nanoseconds since 1970; null for zero, which means that there is none."""
    seconds, fraction = struct.unpack("!II", value)
    return (
        ((seconds - NTP_EPOCH_S) * 1_000_000_000 + (fraction * 1_000_000_000 + (1 << 31) >> 32))
        if seconds or fraction
        else None
    )


def read_reports(data: bytes) -> dict[str, Any]:
    """Return the columns of an RTCP datagram for which `is_report` holds."""
    values: dict[str, Any] = {"ssrc": int.from_bytes(data[4:8], "big")}
    types: list[str] = []
    reports: list[str] = []
    at = 0
    while at + 4 <= len(data) and len(types) < MAX_REPORTS:
        kind, count = data[at + 1], data[at] & 31
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big") * 4
        body = data[at + 4 : end]
        types.append(REPORT_TYPES.get(kind) or f"TYPE{kind}")
        if kind == 200 and len(body) >= 24:
            values["sender_ns"] = clock_ns(body[4:12])
            stamp, packets, octets = struct.unpack("!III", body[12:24])
            values |= {"rtp_timestamp": stamp, "sender_packets": packets, "sender_bytes": octets}
            reports += _heard(body[24:], count)
        elif kind == 201:
            reports += _heard(body[4:], count)
        elif kind == 202:
            values |= _description(body)
        at = end
    return {**values, "report_types": types, "reports": reports or None}


def _heard(blocks: bytes, count: int) -> list[str]:
    found = []
    for at in range(0, min(count * 24, len(blocks) - 23), 24):
        ssrc, lost, highest, jitter = struct.unpack_from("!IIII", blocks, at)
        cumulative = (lost & 0xFFFFFF) - ((lost & 0x800000) << 1)
        found.append(f"{ssrc} {lost >> 24} {cumulative} {highest} {jitter}")
    return found


_ITEMS = {1: "cname", 2: "source_name", 6: "tool"}


def _description(body: bytes) -> dict[str, Any]:
    """Return the items of the first source that an SDES packet describes."""
    found: dict[str, Any] = {}
    at = 4
    while at + 2 <= len(body) and body[at]:
        value = body[at + 2 : at + 2 + body[at + 1]]
        if body[at] in _ITEMS:
            found.setdefault(_ITEMS[body[at]], value.decode("utf-8", "backslashreplace").rstrip("\0") or None)
        at += 2 + body[at + 1]
    return found
