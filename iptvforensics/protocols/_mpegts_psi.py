"""Sections of program specific and service information, as tuples.

`read_section` turns the bytes of one section into a `Section`: its header, whether its CRC is right, and
what the tables of interest say. Lengths inside a section that point past its end are cut to the end.

References: ISO/IEC 13818-1 section 2.4.4 and table 2-34 (stream types); ETSI EN 300 468 sections 5.2, 6.2
(descriptors) and Annexes B (CRC), C (time); SCTE 35 section 8.1 (stream type and registration).

**Known limitations**: EIT, BAT contents, ATSC PSIP, delivery system and linkage descriptors are not decoded
(the section bytes are kept for the tables that `TABLE_NAMES` names).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from ._mpegts_text import decode_text

PAT, CAT, PMT = 0x00, 0x01, 0x02
NIT_ACTUAL, NIT_OTHER, SDT_ACTUAL, SDT_OTHER, BAT, TDT, TOT = 0x40, 0x41, 0x42, 0x46, 0x4A, 0x70, 0x73
TABLE_NAMES = {
    PAT: "PAT",
    CAT: "CAT",
    PMT: "PMT",
    NIT_ACTUAL: "NIT actual",
    NIT_OTHER: "NIT other",
    SDT_ACTUAL: "SDT actual",
    SDT_OTHER: "SDT other",
    BAT: "BAT",
    TDT: "TDT",
    TOT: "TOT",
}
PSI_TABLES = (PAT, CAT, PMT)

_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def crc_is_right(section: bytes) -> bool:
    """Return True if a section, its CRC-32/MPEG-2 included, leaves the remainder zero.

    The code is the one that zlib computes with the bits of each byte in the other order and without the
    final inversion, so that zlib does the work on the reversed bytes.
    """
    return zlib.crc32(section.translate(_REVERSED_BITS)) == 0xFFFFFFFF


class ElementaryStream(NamedTuple):
    """One line of a PMT: an elementary stream as declared."""

    pid: int
    stream_type: int
    kind: str
    codec: str
    languages: tuple[str, ...]
    ca: tuple[tuple[int, int], ...]


class ProgramMap(NamedTuple):
    """What a PMT section says; `ca` holds (CA system id, PID) of the whole program."""

    service_id: int
    pcr_pid: int
    ca: tuple[tuple[int, int], ...]
    streams: tuple[ElementaryStream, ...]
    ca_system_ids: tuple[int, ...]
    """Of the program and of its streams, sorted, each once."""
    ecm_pids: tuple[int, ...]
    """PIDs of the same descriptors."""
    languages: tuple[str, ...]
    """Of all streams, each once."""


class ServiceText(NamedTuple):
    """What one entry of an SDT section says of a service."""

    service_id: int
    free_ca_mode: bool
    service_type: int | None
    provider_name: str | None
    service_name: str | None


class Section(NamedTuple):
    """One section: header fields are None where the short form has none; `crc_valid` None: it carries no CRC."""

    table_id: int
    extension_id: int | None
    version: int | None
    current: bool | None
    crc_valid: bool | None
    programs: tuple[tuple[int, int], ...] = ()
    program_map: ProgramMap | None = None
    original_network_id: int | None = None
    services: tuple[ServiceText, ...] = ()
    network_name: str | None = None
    ca: tuple[tuple[int, int], ...] = ()
    utc_s: int | None = None
    """TDT and TOT: seconds since 1970-01-01 UTC."""


@lru_cache(maxsize=256)
def read_section(data: bytes) -> Section | None:
    """Return what a section says, or None if it is too short for its table.

    Kept for repeats: the media segments of one channel begin with the same sections again and again.
    """
    table_id = data[0]
    if table_id in (TDT, TOT):
        return _read_time(data)
    if not data[1] & 0x80 or len(data) < 12:
        return None
    section = Section(
        table_id=table_id,
        extension_id=data[3] << 8 | data[4],
        version=data[5] >> 1 & 0x1F,
        current=bool(data[5] & 1),
        crc_valid=crc_is_right(data),
    )
    body = data[8:-4]
    if table_id == PAT:
        pairs = ((body[i : i + 2], body[i + 2 : i + 4]) for i in range(0, len(body) - 3, 4))
        return section._replace(programs=tuple((_u16(a), _u16(b) & 0x1FFF) for a, b in pairs))
    if table_id == PMT:
        return _read_program_map(section, body)
    if table_id == CAT:
        return section._replace(ca=_ca_pairs(body))
    if table_id in (NIT_ACTUAL, NIT_OTHER, BAT):
        names = [decode_text(d) for tag, d in descriptors(_counted(body, 0)) if tag == 0x40]
        return section._replace(network_name=names[0] if names else None)
    if table_id in (SDT_ACTUAL, SDT_OTHER) and len(body) >= 3:
        return section._replace(original_network_id=_u16(body), services=tuple(_read_services(body)))
    return section


def descriptors(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, content) of a descriptor loop; the last one is cut where the loop ends."""
    at = 0
    while at + 2 <= len(data):
        length = data[at + 1]
        yield data[at], data[at + 2 : at + 2 + length]
        at += 2 + length


def _u16(data: bytes, at: int = 0) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _counted(data: bytes, at: int) -> bytes:
    """Return the bytes behind a 12-bit length field at `at`."""
    return data[at + 2 : at + 2 + (_u16(data, at) & 0x0FFF)]


def _ca_pairs(loop: bytes) -> tuple[tuple[int, int], ...]:
    """Return (CA system id, PID) of each CA descriptor (ISO/IEC 13818-1 section 2.6.16)."""
    return tuple((_u16(d), _u16(d, 2) & 0x1FFF) for tag, d in descriptors(loop) if tag == 0x09 and len(d) >= 4)


def _read_time(data: bytes) -> Section | None:
    """Return a TDT or TOT: Modified Julian Date and BCD time (EN 300 468 Annex C)."""
    if len(data) < 8:
        return None
    digits = data[5:8].hex()
    seconds = None
    if digits.isdecimal() and digits < "240000" and digits[2:4] < "60" and digits[4:] < "60":
        days = _u16(data, 3) - 40587
        seconds = days * 86400 + int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
    valid = crc_is_right(data) if data[0] == TOT else None
    return Section(data[0], None, None, None, valid, utc_s=seconds)


def _read_services(body: bytes) -> Iterator[ServiceText]:
    at = 3
    while at + 5 <= len(body):
        kind = provider = name = None
        loop = _counted(body, at + 3)
        for tag, content in descriptors(loop):
            if tag == 0x48 and len(content) >= 2:  # service descriptor
                split = 2 + content[1]
                kind = content[0]
                provider = decode_text(content[2:split])
                name = decode_text(content[split + 1 : split + 1 + content[split]]) if split < len(content) else None
        yield ServiceText(_u16(body, at), bool(body[at + 3] & 0x10), kind, provider, name)
        at += 5 + (_u16(body, at + 3) & 0x0FFF)


def _read_program_map(section: Section, body: bytes) -> Section:
    if len(body) < 4:
        return section
    program = _counted(body, 2)
    hdmv = b"HDMV" in _registrations(program)
    streams: list[ElementaryStream] = []
    at = 4 + (_u16(body, 2) & 0x0FFF)
    while at + 5 <= len(body):
        loop = _counted(body, at + 3)
        kind, codec = classify(body[at], loop, cue=b"CUEI" in _registrations(program + loop), hdmv=hdmv)
        languages = tuple(
            language for tag, d in descriptors(loop) for language in _languages(tag, d) if language.isprintable()
        )
        streams.append(ElementaryStream(_u16(body, at + 1) & 0x1FFF, body[at], kind, codec, languages, _ca_pairs(loop)))
        at += 5 + (_u16(body, at + 3) & 0x0FFF)
    ca = _ca_pairs(program)
    all_ca = (*ca, *(pair for stream in streams for pair in stream.ca))
    found = ProgramMap(
        service_id=section.extension_id or 0,
        pcr_pid=_u16(body) & 0x1FFF,
        ca=ca,
        streams=tuple(streams),
        ca_system_ids=tuple(sorted({system for system, _ in all_ca})),
        ecm_pids=tuple(pid for _, pid in all_ca),
        languages=tuple(dict.fromkeys(language for stream in streams for language in stream.languages)),
    )
    return section._replace(program_map=found)


def _registrations(loop: bytes) -> list[bytes]:
    return [d[:4] for tag, d in descriptors(loop) if tag == 0x05]


def _languages(tag: int, content: bytes) -> list[str]:
    """Return the languages that a descriptor names: audio 0x0A, teletext 0x56, subtitling 0x59."""
    width = {0x0A: 4, 0x56: 5, 0x59: 8}.get(tag)
    if width is None:
        return []
    return [content[i : i + 3].decode("latin-1") for i in range(0, len(content) - 2, width)]


STREAM_TYPES = {
    0x01: ("video", "MPEG-1 video"),
    0x02: ("video", "MPEG-2 video"),
    0x03: ("audio", "MPEG-1 audio"),
    0x04: ("audio", "MPEG-2 audio"),
    0x0F: ("audio", "AAC"),
    0x10: ("video", "MPEG-4 visual"),
    0x11: ("audio", "AAC LATM"),
    0x15: ("data", "ID3"),
    0x1B: ("video", "H.264"),
    0x1C: ("audio", "AAC raw"),
    0x20: ("video", "H.264 MVC"),
    0x21: ("video", "JPEG 2000"),
    0x24: ("video", "H.265"),
    0x33: ("video", "H.266"),
    0x42: ("video", "AVS"),
    0x81: ("audio", "AC-3"),
    0x87: ("audio", "E-AC-3"),
    0xCF: ("audio", "AAC, sample-encrypted"),
    0xC1: ("audio", "AC-3, sample-encrypted"),
    0xC2: ("audio", "E-AC-3, sample-encrypted"),
    0xD1: ("video", "Dirac"),
    0xD2: ("video", "AVS2"),
    0xD4: ("video", "AVS3"),
    0xDB: ("video", "H.264, sample-encrypted"),
    0xEA: ("video", "VC-1"),
    0x05: ("data", "private sections"),
    0x0A: ("data", "DSM-CC encapsulation"),
    0x0B: ("data", "DSM-CC"),
    0x0C: ("data", "DSM-CC stream descriptors"),
    0x0D: ("data", "DSM-CC sections"),
}
HDMV_TYPES = {
    0x80: ("audio", "LPCM"),
    0x81: ("audio", "AC-3"),
    0x82: ("audio", "DTS"),
    0x83: ("audio", "TrueHD"),
    0x84: ("audio", "E-AC-3"),
    0x85: ("audio", "DTS-HD"),
    0x86: ("audio", "DTS-HD MA"),
    0x90: ("subtitle", "PGS"),
}
_TAG_TYPES = {
    0x56: ("subtitle", "teletext"),
    0x59: ("subtitle", "DVB subtitles"),
    0x6A: ("audio", "AC-3"),
    0x7A: ("audio", "E-AC-3"),
    0x7B: ("audio", "DTS"),
    0x7C: ("audio", "AAC"),
    0x45: ("data", "VBI"),
    0x6F: ("data", "application signalling"),
}
_FOURCC_TYPES = {
    b"AC-3": ("audio", "AC-3"),
    b"EAC3": ("audio", "E-AC-3"),
    b"AC-4": ("audio", "AC-4"),
    b"DTS1": ("audio", "DTS"),
    b"DTS2": ("audio", "DTS"),
    b"DTS3": ("audio", "DTS"),
    b"Opus": ("audio", "Opus"),
    b"BSSD": ("audio", "SMPTE 302M"),
    b"HEVC": ("video", "H.265"),
    b"VVC ": ("video", "H.266"),
    b"AV01": ("video", "AV1"),
    b"VC-1": ("video", "VC-1"),
    b"drac": ("video", "Dirac"),
    b"KLVA": ("data", "KLV"),
    b"ID3 ": ("data", "ID3"),
}


def classify(stream_type: int, loop: bytes, *, cue: bool = False, hdmv: bool = False) -> tuple[str, str]:
    """Return (kind, codec) of an elementary stream from its type and descriptors.

    0x86 means SCTE 35 splice information, unless the program is registered as `HDMV` (Blu-ray), which
    uses the user private types for its own audio.
    """
    if hdmv and not cue and stream_type in HDMV_TYPES:
        return HDMV_TYPES[stream_type]
    if stream_type == 0x86:
        return "scte35", "SCTE 35"
    if stream_type in STREAM_TYPES and stream_type != 0x05:
        return STREAM_TYPES[stream_type]
    for tag, content in descriptors(loop):
        if tag in _TAG_TYPES:
            return _TAG_TYPES[tag]
        if tag == 0x05 and content[:4] in _FOURCC_TYPES:
            return _FOURCC_TYPES[content[:4]]
    return STREAM_TYPES.get(stream_type, ("data" if stream_type == 0x06 else "unknown", f"type 0x{stream_type:02x}"))
