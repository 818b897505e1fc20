"""Text fields: every character table, and what is sent instead."""

from __future__ import annotations

import pytest

from iptvforensics.protocols._mpegts_text import decode_text

TEXTS = [
    ("empty", b"", ""),
    ("ASCII", b"News 24", "News 24"),
    ("ISO 6937 accent", b"T\xc2el\xc2e Fran\xcbcais", "Télé Français"),
    ("ISO 6937 signs", b"10 \xa4 \xfb \xaa", "10 € ß “"),
    ("ISO 6937 stray accent", b"Caf\xc2", "hex:436166c2"),
    ("ISO 6937 two accents", b"\xc2\xc3e", "hex:c2c365"),
    ("ISO 6937 unused code", b"\xa6", "hex:a6"),
    ("emphasis and line break", b"\x86Now\x87\x8aNext", "Now\nNext"),
    ("control characters", b"A\x00B", "AB"),
    ("Cyrillic 8859-5", b"\x01" + "Новости".encode("iso8859-5"), "Новости"),
    ("Greek 8859-7", b"\x03" + "Νέα".encode("iso8859-7"), "Νέα"),
    ("8859-15", b"\x0b" + "Œuvre".encode("iso8859-15"), "Œuvre"),
    ("8859-2 by number", b"\x10\x00\x02" + "Łódź".encode("iso8859-2"), "Łódź"),
    ("8859-12 does not exist", b"\x10\x00\x0cA", "hex:10000c41"),
    ("number cut", b"\x10\x00", "hex:1000"),
    ("reserved table", b"\x08A", "hex:0841"),
    ("UCS-2", b"\x11" + "뉴스".encode("utf-16-be"), "뉴스"),
    ("UCS-2 cut", b"\x11\xb2", "hex:11b2"),
    ("UCS-2 line break", b"\x11\x00A\xe0\x8a\x00B", "A\nB"),
    ("KS X 1001", b"\x12" + "뉴스 24".encode("euc_kr"), "뉴스 24"),
    ("KS X 1001 with controls", b"\x12\x86" + "뉴".encode("euc_kr") + b"\xe0\x8a\x87A", "뉴\nA"),
    ("KS X 1001 cut", b"\x12\xb4", "hex:12b4"),
    ("KS X 1001 as Windows extends it", b"\x12" + "똠방각하".encode("cp949"), "똠방각하"),
    ("GB 2312", b"\x13" + "新闻".encode("gb2312"), "新闻"),
    ("GB 2312 one-byte line break", b"\x13A\x8aB", "A\nB"),
    ("Big5 characters as UTF-16", b"\x14" + "新聞台".encode("utf-16-be"), "新聞台"),
    ("Big5 itself", b"\x14" + "新聞台".encode("big5"), "新聞台"),
    ("UTF-8", b"\x15" + "뉴스é".encode(), "뉴스é"),
    ("UTF-8 broken", b"\x15\xff", "hex:15ff"),
    ("operator table", b"\x1f\x01abc", "hex:1f01616263"),
    ("UTF-8 without selector", "Télé".encode(), "Télé"),
    ("EUC-KR without selector", "한국방송".encode("euc_kr"), "한국방송"),
    ("EUC-KR without selector, with a sign", "뉴스★24".encode("euc_kr"), "뉴스★24"),
    ("one pair is no Korean", b"\xb0\xa1", "°¡"),
]


@pytest.mark.parametrize(("raw", "text"), [t[1:] for t in TEXTS], ids=[t[0] for t in TEXTS])
def test_text(raw: bytes, text: str) -> None:
    assert decode_text(raw) == text


def test_any_two_bytes_give_text_or_hexadecimal() -> None:
    for first in range(256):
        for second in range(256):
            text = decode_text(bytes([first, second, second]))
            assert text.startswith("hex:") or all(c.isprintable() or c in "\n\xa0\xad" or ord(c) > 0x9F for c in text)
