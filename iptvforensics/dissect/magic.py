"""First bytes to the kind of a content that no parser claimed, and to the reason why a flow is closed to all.

References: WHATWG MIME Sniffing section 6; ISO/IEC 14496-12 section 4.3 (ftyp, moof); RFC 9559 (EBML);
Android APK = ZIP with `AndroidManifest.xml` or `META-INF/` first; RFC 8446 section 5.1 (TLS records).
"""

from __future__ import annotations

from ..protocol import Opening

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


_TLS_RECORD_MAX = (1 << 14) + 2048
_TLS_HANDSHAKE, _TLS_LAST_TYPE = 22, 23
_TLS_DETAIL = "TLS: names and certificates are not read, what follows is encrypted"


def closed_by(opening: Opening) -> tuple[str, bool, str] | None:
    """Return the name of an anomaly, the direction that shows it, and what it says; None if the flow is not closed.

    Example:
        >>> closed_by(Opening("tcp", bytes.fromhex("160301000401000000"), b""))[0]
        'TLS_not_decoded'
    """
    for first, from_orig in ((opening.orig, True), (opening.resp, False)):
        if _is_tls(first):
            return "TLS_not_decoded", from_orig, _TLS_DETAIL
    return None


def _is_tls(first: bytes) -> bool:
    """Return True for a hello, or for a record that another one follows (joined in mid-stream)."""
    if not _is_record(first):
        return False
    if first[0] == _TLS_HANDSHAKE and first[5:6] in (b"\x01", b"\x02"):
        return True
    return _is_record(first[5 + int.from_bytes(first[3:5]) :])


def _is_record(data: bytes) -> bool:
    return (
        len(data) >= 5
        and _TLS_HANDSHAKE - 2 <= data[0] <= _TLS_LAST_TYPE
        and data[1] == 3
        and data[2] <= 4
        and 0 < int.from_bytes(data[3:5]) <= _TLS_RECORD_MAX
    )
