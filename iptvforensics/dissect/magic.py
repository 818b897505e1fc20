"""First bytes to the kind of a content that no parser claimed.

References: WHATWG MIME Sniffing section 6; ISO/IEC 14496-12 section 4.3 (ftyp, moof); RFC 9559 (EBML);
Android APK = ZIP with `AndroidManifest.xml` or `META-INF/` first.
"""

from __future__ import annotations

_MAGIC = (
    (b"FLV\x01", "flv"),
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"ID3", "id3"),
    (b"OggS", "ogg"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"RIFF", "riff"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"%PDF-", "pdf"),
    (b"#EXTM3U", "m3u"),
    (b"WEBVTT", "webvtt"),
    (b"ADIF", "aac"),
)
_BOXES = (b"ftyp", b"styp", b"moof", b"moov", b"sidx", b"mdat", b"free", b"emsg")


def kind_of(first: bytes) -> str | None:
    r"""Return a word for what the first bytes of a content say it is; None if they say nothing.

    Example:
        >>> kind_of(b'{"user_info": {}}'), kind_of(b"\x00\x00\x00\x18ftypmp42")
        ('json', 'mp4')
    """
    for magic, kind in _MAGIC:
        if first.startswith(magic):
            return kind
    if first[4:8] in _BOXES:
        return "mp4"
    if len(first) >= 2 and first[0] == 0xFF and first[1] & 0xF6 == 0xF0:
        return "aac"
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip()[:256].lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "html"
    if text.startswith((b"<?xml", b"<!doctype", b"<tv", b"<mpd")):
        return "xml"
    if text[:1] in (b"{", b"["):
        return "json"
    if first and all(32 <= byte < 127 or byte in (9, 10, 13) for byte in first[:64]):
        return "text"
    return None
