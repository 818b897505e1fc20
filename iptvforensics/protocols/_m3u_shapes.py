"""How a channel list is read: told by what was asked for, by the file name offered, or by its own first lines."""

from __future__ import annotations

import re

from ..protocol import ContentInfo, Opening

SHAPE_BYTES = 1024
"""Within so many bytes the grammar of a list must show, if nothing else names it."""
_LIST_PAGE = re.compile(r"/(?:get(?:\.php)?|playlist)(?:[/?]|\Z)")
_FILE_NAME = re.compile(r"filename\*?\s*=\s*(?:UTF-8'')?\"?([^\";]+)", re.IGNORECASE)
_OF_DEVICE = {
    "simple": "simple", "ariva": "name,url", "starlivev3": "name,url", "fps": "braces", "revosun": "braces",
    "zorro": "braces", "gst": "gst", "mediastar": "name url", "octagon": "octagon", "spark": "webtv",
    "webtvlist": "webtvlist",
}  # fmt: skip
_OF_FILE = (
    (r"simple_.*\.txt", "simple"),
    (r"ariva_.*\.txt|iptvlist\.txt", "name,url"),
    (r"Royal\.cfg|network_iptv\.cfg|iptv\.cfg", "braces"),
    (r".*_list\.txt", "gst"),
    (r"tvlist\.txt", "name url"),
    (r"internettv\.feed", "octagon"),
    (r"webtv_usr\.xml", "webtv"),
    (r"webtv[ _]list\.txt", "webtvlist"),
)
_BY_SHAPE = (
    (rb"(?m)^[A-Za-z][A-Za-z0-9+.-]*://\S+[ \t]+#Name:", "simple"),
    (rb"(?m)^(?:<NETDBS_TXT_VER_1>|IPTV:[ \t]*\{)", "braces"),
    (rb"(?m)^I: ?[A-Za-z][A-Za-z0-9+.-]*://", "gst"),
    (rb"(?m)^Channel name:", "webtvlist"),
    (rb"<webtvs?[ \t>]", "webtv"),
    (rb"(?m)^\[TITLE\]", "octagon"),
)
"""Expressions, as those above: `re` compiles them when they are first used, and keeps them."""


def file_name_of(info: ContentInfo) -> str | None:
    """Return the name under which a body is offered as a file."""
    disposition = info.extra.get("content_disposition")
    match = _FILE_NAME.search(disposition) if isinstance(disposition, str) else None
    return match[1].strip() if match else None


def grammar_of(device: str | None, file_name: str | None, head: bytes) -> str | None:
    """Return the grammar of a list: by the device asked for, the file name offered, or a shape that is its own."""
    named = _OF_DEVICE.get(device or "")
    if named is not None:
        return named
    for pattern, name in _OF_FILE if file_name else ():
        if re.fullmatch(pattern, file_name or ""):
            return name
    return next((name for shape, name in _BY_SHAPE if re.search(shape, head)), None)


def shape_of(opening: Opening) -> str | None:
    """Return how the body is read: m3u, json, script, or the name of a grammar; None if it is no list."""
    head, info = opening.orig or opening.resp, opening.info
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if start[:4].upper() in (b"#EXT", b"#KOD", b"#PLA"):
        return "m3u"
    url = info.name or ""
    page = _LIST_PAGE.search(url)
    if start[:1] == b"{":
        return "json" if b'"iptvstreams_list"' in start[:256] else None
    file = file_name_of(info)
    device = None
    if page:
        from ..listings.asked import asked_of  # few captures have such a page

        device = asked_of(info).get("type")
        if (device or "").endswith("_script") or b"USERNAME=" in start[:512]:
            return "script"
    return grammar_of(device, file, start[:SHAPE_BYTES])
