"""Text fields of DVB service information, as strings.

References: ETSI EN 300 468 Annex A (selection of the character table, control codes); ISO/IEC 6937.

Text without a selector should be ISO 6937, but software that writes such tables often puts UTF-8 or
EUC-KR there. UTF-8 is taken where the bytes are valid UTF-8, EUC-KR where all bytes above 0x7F pair up to
Hangul, at least two, and signs; everything else is ISO 6937.

**Known limitations**: encodings selected by 0x1F (operator compressed text) are not decoded; GB2312 and
Big5 without a selector come out as ISO 6937 symbols or as raw bytes.
"""

from __future__ import annotations

import unicodedata

RAW_PREFIX = "hex:"
"""Stands before the bytes of a text that could not be decoded."""

_LATIN_PARTS = {1: 5, 2: 6, 3: 7, 4: 8, 5: 9, 6: 10, 7: 11, 9: 13, 10: 14, 11: 15}
"""First byte of a text -> part of ISO 8859 (EN 300 468 table A.3; 0x08 is reserved)."""
_LATIN_CODED = frozenset(_LATIN_PARTS.values()) | {1, 2, 3, 4}

_ISO6937 = {
    **dict(zip(range(0xA1, 0xA6), "¡¢£€¥", strict=True)),
    **dict(zip(range(0xA7, 0xB9), "§¤‘“«←↑→↓°±²³×µ¶·÷", strict=True)),
    **dict(zip(range(0xB9, 0xC0), "’”»¼½¾¿", strict=True)),
    **dict(zip(range(0xD0, 0xD8), "―¹®©™♪¬¦", strict=True)),
    **dict(zip(range(0xDC, 0xE5), "⅛⅜⅝⅞ΩÆĐªĦ", strict=True)),
    **dict(zip(range(0xE6, 0xF0), "ĲĿŁØŒºÞŦŊŉ", strict=True)),
    **dict(zip(range(0xF0, 0x100), "ĸæđðħıĳŀłøœßþŧŋ\u00ad", strict=True)),
    0xA0: "\u00a0",
}
_COMBINING = dict(
    zip(
        (0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF),
        "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u0327\u030b\u0328\u030c",
        strict=True,
    )
)
"""Accents stand before their letter in ISO 6937, after it in Unicode."""

_CONTROLS = {
    **dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), *range(0xE080, 0xE0A0)], ""),
    0x0A: "\n",
    0x8A: "\n",
    0xE08A: "\n",
}
"""Emphasis on and off (0x86, 0x87) and unused codes vanish; 0x8A is a line break."""

_ONE_BYTE_CONTROLS = frozenset((0x86, 0x87, 0x8A))


def decode_text(raw: bytes) -> str:
    """Return a DVB text field as a string, or `hex:` and its bytes if it cannot be decoded."""
    if raw.isascii() and (not raw or raw[0] >= 0x20):
        return raw.decode("ascii").translate(_CONTROLS)
    try:
        text = _decode_selected(raw)
    except (UnicodeDecodeError, LookupError):
        return RAW_PREFIX + raw.hex()
    return text.translate(_CONTROLS)


def _decode_selected(raw: bytes) -> str:
    """Return the text by the table that its first byte selects (EN 300 468 tables A.3 and A.4)."""
    selector = raw[0]
    if selector >= 0x20:
        return _decode_unmarked(raw)
    if selector in _LATIN_PARTS:
        return raw[1:].decode(f"iso8859-{_LATIN_PARTS[selector]}")
    if selector == 0x10:
        part = int.from_bytes(raw[1:3], "big")
        if len(raw) < 3 or part not in _LATIN_CODED:
            raise LookupError
        return raw[3:].decode(f"iso8859-{part}")
    if selector == 0x11:
        return raw[1:].decode("utf-16-be")
    if selector == 0x14:
        return _decode_traditional_chinese(raw[1:])
    if selector == 0x12:
        return _split_two_byte(raw[1:]).decode("cp949")
    if selector == 0x13:
        return _split_two_byte(raw[1:]).decode("gbk")
    if selector == 0x15:
        return raw[1:].decode("utf-8")
    raise LookupError


def _split_two_byte(raw: bytes) -> bytes:
    """Return the text without the one-byte and two-byte controls that the code does not know.

    Other bytes of that range begin characters that KS X 1001 and GB 2312 lack and Windows has.
    """
    clean = bytearray()
    at = 0
    while at < len(raw):
        if raw[at] == 0xE0 and at + 1 < len(raw) and 0x80 <= raw[at + 1] < 0xA0:
            clean += b"\n" if raw[at + 1] == 0x8A else b""
            at += 2
        elif raw[at] in _ONE_BYTE_CONTROLS:
            clean += b"\n" if raw[at] == 0x8A else b""
            at += 1
        else:
            width = 2 if raw[at] > 0x80 else 1
            clean += raw[at : at + width]
            at += width
    return bytes(clean)


def _decode_traditional_chinese(raw: bytes) -> str:
    """Return text of selector 0x14: the standard means UTF-16 limited to Big5 characters, some send Big5."""
    if len(raw) % 2 == 0:
        text = raw.decode("utf-16-be", errors="replace")
        if all(0x20 <= ord(c) < 0x7F or 0x3000 <= ord(c) < 0xA000 or 0xFF00 <= ord(c) < 0xFFF0 for c in text):
            return text
    return raw.decode("big5")


def _decode_unmarked(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_hangul(raw) or _decode_iso6937(raw)


def _decode_hangul(raw: bytes) -> str | None:
    """Return EUC-KR text if it has at least two Hangul syllables, and no other letters above ASCII."""
    try:
        text = raw.decode("euc_kr")
    except UnicodeDecodeError:
        return None
    syllables = sum("가" <= c <= "힣" for c in text)
    letters = sum(c.isalpha() and not c.isascii() for c in text)
    return text if syllables == letters >= 2 else None


def _decode_iso6937(raw: bytes) -> str:
    text: list[str] = []
    accent = ""
    for position, code in enumerate(raw):
        if code in _COMBINING:
            if accent:
                break
            accent = _COMBINING[code]
            continue
        character = chr(code) if code < 0xA0 else _ISO6937.get(code)
        if character is None:
            raise UnicodeDecodeError("iso6937", raw, position, position + 1, "unused code")
        text.append(unicodedata.normalize("NFC", character + accent))
        accent = ""
    if accent:
        raise UnicodeDecodeError("iso6937", raw, len(raw) - 1, len(raw), "accent without a letter")
    return "".join(text)
