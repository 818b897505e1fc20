"""A text to the places in it that hold secrets by their kind, whatever stands there.

Kinds: user information, secret parameters and path credentials of URLs, tokens in the folders of panels and their
edges, members of JSON, header fields, names of playlists. The forms of a panel's paths are those that
`entities.urls` knows.

**Known limitations**: operators may rename any folder; a token under a name of no known kind is not seen. In the bare
form `/USER/PASSWORD/NUMBER` only parts of three characters or more count, for other sites have such paths, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .entities.urls import EDGE_KINDS

_NAMES = (
    r"user(?:name)?|login|pass(?:word|wd)?|pw|pwd|[a-z]{0,8}_?token|auth|authorization|apikey|api_key|auth_key|stream_?key|"
    r"secret|sign|signature|api_signature|sig|hash|hash_value|prehash|hmac|identifier|session|sessionid|phpsessid|sid|"
    r"nimblesessionid|wowzasessionid|mac|[mc]mac|stb_mac|sn|serial|device_id2?|st|wmsauthsign|hdne[at]|hdnts|md5|"
    r"wssecret|txsecret|upsig|ticket"
)
_HEADER = re.compile(
    r"^((?:proxy-)?authorization|(?:set-)?cookie2?|x-(?:auth|access|api|play)[a-z-]*|token)(\s*:\s*)(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_BEFORE_NAME = r"(?:^|(?<=[?&;\s\"'{,]))"
_QUERY = re.compile(rf"{_BEFORE_NAME}(?:{_NAMES})=(?![\"'])([^&;#\s\"'<>,|]+)", re.IGNORECASE)
_LOOSE = rf"[?&](?:{_NAMES})=((?:(?!://)[^&|\r\n]){{1,256}})"
_LOOSE_QUERY = re.compile(rf"{_LOOSE}(?=&[\w.-]+=)", re.IGNORECASE)
"""Values as people type them into lists: with spaces, commas and number signs; up to the next parameter."""
_LOOSE_END = re.compile(rf"{_LOOSE}(?=&[\w.-]+=|$|\|)", re.IGNORECASE)
_IS_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{0,15}:/)?/")
_QUOTED = re.compile(rf"{_BEFORE_NAME}(?:{_NAMES})=\"((?:[^\"\\]|\\.)+)\"", re.IGNORECASE)
_JSON = re.compile(rf"\"(?:{_NAMES})\"\s*:\s*\"((?:[^\"\\]|\\.)+)", re.IGNORECASE)
_USER_INFO = re.compile(r"[a-z][a-z0-9+.-]{0,15}://([^/@\s:?#]+)(?::([^/\s?#]*))?@", re.IGNORECASE)
_PART = r"([^/\r\n]{1,128})"
_FILE_END = r"(?:\.\w{1,5})?(?=[?#\s\"'<|]|$)"
_PATHS = (
    re.compile(
        rf"/(?:live|movie|series)/([^/\r\n]{{0,128}})/([^/\r\n]{{0,128}}(?:/[^/\r\n]{{0,128}}){{0,3}}?)(?=/\d+{_FILE_END})"
    ),
    re.compile(
        rf"/timeshifts?/{_PART}/([^/\r\n]{{0,128}}(?:/[^/\r\n]{{0,128}}){{0,3}}?)(?=/\d+/[\d:_-]+/[\d:_-]+{_FILE_END})"
    ),
    re.compile(rf"/(?:thumb|subtitle)/{_PART}/{_PART}(?=/(?:\d+/)?\d+{_FILE_END})"),
    re.compile(rf"/hlsr/([^/\s]{{1,512}})/{_PART}/{_PART}(?=/\d+/)"),
    re.compile(r"/(?:player_api|panel_api)/([^/\s?#\"'<]+)/([^/\s?#\"'<]+)(?=[/?#\s\"'<]|$)"),
)
_COMMON_PATH = re.compile(r"/(?:playlist|epg)/([^/\s?#\"'<]+)/([^/\s?#\"'<]+)(?=[/?#\s\"'<]|$)")
"""Other sites have such paths, too: what stands there is hidden, but not looked for elsewhere."""
_BARE_PATH = re.compile(
    r"(?:https?|rtmp|rtsp)://[^/?#\s\"']+/([^/?#\s\"'.]{3,})/([^/?#\s\"'.]{3,})(?=/\d+(?:\.(?!jpe?g|png|gif|webp|svg|ico|css|js|html?)\w+)?(?:[?#\s\"']|$))",
    re.IGNORECASE,
)
_TOKENS = (
    re.compile(r"/(?:token|hlsr?)/([A-Za-z0-9_=+%-]{12,})(?=[/?#\s\"'<,]|$)", re.IGNORECASE),
    re.compile(rf"/(?:play|probe|{EDGE_KINDS})/([A-Za-z0-9_=+%-]{{16,}})(?=[./?#\s\"'<,]|$)", re.IGNORECASE),
    re.compile(r"/(?:live|movie)/([A-Za-z0-9_-]{16,})(?=/\d+\.\w{2,5}(?:[?#\s\"'<,]|$))"),
)
_FILE_NAME = re.compile(
    r"(?:playlist|ariva|simple|tv_channels)_([^\"';/\r\n]{1,128}?)(?=(?:_plus)?\.(?:m3u8?|txt)\b)"
    r"|(?<=filename=)\"?([^\"';/\r\n]{1,128}?)(?=_list\.txt)",
    re.IGNORECASE,
)
_PUBLISHER = re.compile(r"#!::(?:[^\s]{0,512},)?u=([^,\s\"']+)")
_COOKIE_ATTRIBUTES = frozenset(
    {"path", "expires", "max-age", "domain", "samesite", "secure", "httponly", "partitioned"}
)
_SECRET_NAME = re.compile(rf"^(?:{_NAMES})$", re.IGNORECASE)
_FOLDERS = frozenset(
    {"live", "movie", "series", "timeshift", "streaming", "hls", "vod", "play", "http", "https", "index", "deleted",
     "video", "images", "img", "static", "assets", "api"}
)  # fmt: skip


class Place(NamedTuple):
    """Where a secret stands in a text."""

    start: int
    end: int
    is_name: bool = False
    """True for user names and passwords: they are also looked for where they are short."""
    is_known: bool = True
    """False if the value is a secret here, but is too ordinary to be looked for elsewhere."""


def is_folder(text: str) -> bool:
    """Return True for words that are usual in paths, and therefore no credentials."""
    return text.lower() in _FOLDERS


def places(text: str) -> Iterator[Place]:
    """Return where secrets stand in a text; places may overlap."""
    header = _HEADER.match(text)
    if header:
        for place in field_places(header[3]):
            yield place._replace(start=place.start + header.start(3), end=place.end + header.start(3))
    if "=" in text:
        loose = _LOOSE_END if _IS_URL.match(text) else _LOOSE_QUERY
        for pattern in (_QUERY, loose, _QUOTED, _PUBLISHER):
            yield from (Place(*m.span(1)) for m in pattern.finditer(text))
    if '"' in text:
        yield from (Place(*m.span(1)) for m in _JSON.finditer(text))
    if "/" in text:
        yield from _path_places(text)
    if "_" in text:
        for found in _FILE_NAME.finditer(text):
            yield Place(*found.span(1 if found[1] else 2))


def _path_places(text: str) -> Iterator[Place]:
    for pattern in (_USER_INFO, _BARE_PATH, *_PATHS):
        for found in pattern.finditer(text):
            if not is_folder(found[1]):
                spans = [found.span(group) for group in range(1, pattern.groups + 1)]
                yield from (Place(*span, is_name=True) for span in spans if 0 <= span[0] < span[1])
            elif pattern is _BARE_PATH and not is_folder(found[2]):
                yield Place(*found.span(2), is_name=True)
    for found in _COMMON_PATH.finditer(text):
        yield from (Place(*found.span(group), is_known=False) for group in (1, 2))
    for pattern in _TOKENS:
        yield from (Place(*m.span(1)) for m in pattern.finditer(text))


def field_places(text: str) -> Iterator[Place]:
    """Return the places of a field that is secret as a whole: the values of cookies, what follows a scheme."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    scheme, space, _ = text[start:end].partition(" ")
    if space and ";" not in scheme and "=" not in scheme:
        yield Place(start + len(scheme) + 1, end)
        return
    if "=" not in text.rstrip("="):
        yield Place(start, end)
        return
    at = 0
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals and name.strip().lower() not in _COOKIE_ATTRIBUTES and value:
            first = at + len(name) + 1
            quotes = len(value) > 2 and value[0] == value[-1] == '"'
            is_known = _SECRET_NAME.match(name.strip()) is not None
            yield Place(first + quotes, first + len(value) - quotes, is_known=is_known)
        at += len(part) + 1
