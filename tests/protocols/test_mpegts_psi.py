"""Sections: CRC vectors, descriptors, codecs, and lengths that lie."""

from __future__ import annotations

import random

import pytest

from iptvforensics.protocols import _mpegts_psi as psi
from iptvforensics.protocols._mpegts_psi import classify, crc_is_right, descriptors, read_section
from iptvforensics.protocols._mpegts_sections import crc_remainder

PAT = bytes.fromhex("00b00d0001c100000001f0002ab104b2")
SDT = bytes.fromhex("42f0250001c10000ff01ff0001fc80144812010646466d70656709536572766963653031777c43ca")
PMT = bytes.fromhex("02b0170001c10000e100f00002e100f00003e101f000f64a0355")


def sealed(section: bytes) -> bytes:
    """Return a section whose length and CRC are right; its last four bytes are made anew."""
    head = section[:1] + ((section[1] & 0xF0) << 8 | len(section) - 3).to_bytes(2, "big") + section[3:-4]
    return head + crc_remainder(head, 0, len(head)).to_bytes(4, "big")


def test_crc_check_value() -> None:
    # The check value of CRC-32/MPEG-2 over "123456789".
    assert crc_remainder(b"123456789", 0, 9) == 0x0376E6E7
    assert crc_is_right(b"123456789" + bytes.fromhex("0376e6e7"))


@pytest.mark.parametrize("section", [PAT, SDT, PMT], ids=["PAT", "SDT", "PMT"])
def test_crc_of_real_sections_and_of_each_flipped_bit(section: bytes) -> None:
    assert crc_is_right(section)
    assert crc_remainder(section, 0, len(section)) == 0
    for bit in range(len(section) * 8):
        damaged = bytearray(section)
        damaged[bit // 8] ^= 1 << bit % 8
        assert not crc_is_right(bytes(damaged))
        assert crc_remainder(damaged, 0, len(damaged)) != 0


def test_sections_of_ffmpeg() -> None:
    pat, sdt, pmt = read_section(PAT), read_section(SDT), read_section(PMT)
    assert pat is not None
    assert sdt is not None
    assert pmt is not None
    assert (pat.programs, pat.version, pat.current, pat.extension_id) == (((1, 0x1000),), 0, True, 1)
    assert sdt.original_network_id == 0xFF01
    assert sdt.services == (psi.ServiceText(1, False, 1, "FFmpeg", "Service01"),)
    assert pmt.program_map is not None
    assert [(s.pid, s.codec) for s in pmt.program_map.streams] == [(0x100, "MPEG-2 video"), (0x101, "MPEG-1 audio")]


CODECS = [
    (0x1B, b"", ("video", "H.264")),
    (0x24, b"", ("video", "H.265")),
    (0x81, b"", ("audio", "AC-3")),
    (0x06, b"\x6a\x01\x00", ("audio", "AC-3")),
    (0x06, b"\x52\x01\x07\x7a\x01\x00", ("audio", "E-AC-3")),
    (0x06, b"\x7c\x02\x51\x00", ("audio", "AAC")),
    (0x06, b"\x05\x04Opus", ("audio", "Opus")),
    (0x06, b"\x56\x05eng\x08\x88", ("subtitle", "teletext")),
    (0x06, b"\x59\x08eng\x10\x00\x01\x00\x01", ("subtitle", "DVB subtitles")),
    (0x06, b"", ("data", "type 0x06")),
    (0x05, b"\x6f\x00", ("data", "application signalling")),
    (0x05, b"", ("data", "private sections")),
    (0x86, b"", ("scte35", "SCTE 35")),
    (0x99, b"", ("unknown", "type 0x99")),
]


@pytest.mark.parametrize(("kind", "loop", "expected"), CODECS, ids=[f"{c[0]:02x} {c[2][1]}" for c in CODECS])
def test_codec_from_type_and_descriptors(kind: int, loop: bytes, expected: tuple[str, str]) -> None:
    assert classify(kind, loop) == expected


def program_map(info: bytes, streams: bytes) -> psi.ProgramMap:
    body = b"\xe1\x00" + (0xF000 | len(info)).to_bytes(2, "big") + info + streams
    section = read_section(sealed(b"\x02\xb0\x00\x00\x05\xc1\x00\x00" + body + bytes(4)))
    assert section is not None
    assert section.program_map is not None
    assert section.crc_valid
    return section.program_map


def test_type_0x86_is_audio_in_programs_registered_as_blu_ray_unless_cued() -> None:
    line = b"\x86\xe1\x01\xf0\x00"
    assert program_map(b"", line).streams[0].kind == "scte35"
    assert program_map(b"\x05\x04HDMV", line).streams[0].codec == "DTS-HD MA"
    assert program_map(b"\x05\x04HDMV\x05\x04CUEI", line).streams[0].kind == "scte35"
    cued = b"\x86\xe1\x01\xf0\x06\x05\x04CUEI"
    assert program_map(b"\x05\x04HDMV", cued).streams[0].kind == "scte35"


def test_languages_and_conditional_access_of_streams() -> None:
    audio = b"\x0a\x08kor\x00eng\x01" + b"\x09\x04\x18\x01\xe2\x01"
    text = b"\x59\x10fra\x10\x00\x01\x00\x01deu\x10\x00\x01\x00\x01"
    lines = b"\x04\xe1\x01\xf0" + bytes([len(audio)]) + audio + b"\x06\xe1\x02\xf0" + bytes([len(text)]) + text
    found = program_map(b"\x09\x04\x0b\x00\xe3\x00", lines)
    assert found.ca == ((0x0B00, 0x300),)
    assert [s.languages for s in found.streams] == [("kor", "eng"), ("fra", "deu")]
    assert found.streams[0].ca == ((0x1801, 0x201),)


def test_descriptor_loop_is_cut_where_it_ends() -> None:
    assert list(descriptors(b"\x0a\x02ab\x05\x09xy")) == [(0x0A, b"ab"), (0x05, b"xy")]
    assert list(descriptors(b"\x0a")) == []


def test_time_of_the_standards_example() -> None:
    # EN 300 468 section 5.2.5: 93/10/13 12:45:00 is coded as 0xC079124500.
    section = read_section(bytes.fromhex("707005c079124500"))
    assert section is not None
    assert (section.utc_s, section.crc_valid) == (750516300, None)
    for broken in ("707005c079129900", "707005c079250000", "707005c0791a0000"):
        wrong = read_section(bytes.fromhex(broken))
        assert wrong is not None
        assert wrong.utc_s is None
    assert read_section(bytes.fromhex("707004c0791245")) is None


def test_time_offset_table_has_a_crc() -> None:
    section = sealed(bytes.fromhex("737000c079124500f000") + bytes(4))
    good, bad = read_section(section), read_section(section[:-1] + b"\0")
    assert good is not None
    assert bad is not None
    assert (good.utc_s, good.crc_valid, bad.crc_valid) == (750516300, True, False)


def test_short_sections_are_refused() -> None:
    assert read_section(PAT[:11]) is None
    assert read_section(b"\x00\x30" + PAT[2:]) is None  # no section syntax


def test_damaged_sections_never_raise() -> None:
    rng = random.Random(5)
    for source in (PAT, SDT, PMT, b"\x40\xf0" + SDT[2:], b"\x01\xb0" + PMT[2:], b"\x73" + SDT[1:]):
        for _ in range(500):
            data = bytearray(source[: rng.randrange(4, len(source) + 1)])
            for _ in range(rng.randrange(4)):
                data[rng.randrange(1, len(data))] = rng.choice([0, 0xFF, rng.randrange(256)])
            read_section(bytes(data))
