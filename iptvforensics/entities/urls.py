"""A URL to what it says about a panel: which form it has, which line it names, which channel or title.

Forms of the Xtream family (player_api.php, get.php, xmltv.php and their rewrites, media paths, tokens of edges,
paths between servers) and of Stalker portals. The form of a path is evidence of software, not of a name: hosts play
no part here, and neither do ports.

**Known limitations**: the bare form `/USER/PASSWORD/NUMBER` also fits ordinary sites; whoever uses it must know that
the host is a panel. Tokens are opaque. Operators may rename any path.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from ..sessions.panel_paths import BARE, EDGE_ID, MEDIA, NO_NAMES, TIMESHIFT, TIMESHIFTS, TOKEN_MEDIA

# What a form says about the host that serves it.
PANEL, EDGE, INTERNAL, PORTAL = "panel", "edge", "internal", "portal"

_API = re.compile(
    r"/(player_api|panel_api|get|xmltv|enigma2|xplugin|epg|playlist|api|clients_live|clients_movie|timeshift)\.php$"
)
_API_PLAIN = re.compile(r"/(player_api|panel_api|xmltv|enigma2)/?$")
_REWRITE = re.compile(r"(?:^|/)(player_api|panel_api)/([^/]+)/([^/]+)(?:/[^/]+){0,2}/?$")
_PLAYLIST = re.compile(
    r"^/playlist/([^/]+)/([^/]+)/(?:m3u(?:_plus)?|simple|ariva|starlivev\d|fps|revosun|zorro|gst|mediastar|octagon(?:_script)?|spark"
    r"|webtvlist|dreambox|gigablue|enigma\w+)(?:/[^/]+)?/?$"
)
"""The kind of list is part of the form: other sites have `/playlist/` and two words, too."""
_EPG = re.compile(r"^/epg/([^/]+)/([^/]+)(/gz)?/?$")
_OLD_SEGMENT = re.compile(r"^/hlsr/[^/]+/([^/]+)/([^/]+)/(\d+)/")
_SMALL = re.compile(r"^/(thumb|subtitle)/([^/]+)/([^/]+)/(?:\d+/)?(\d+)$")
_PLAY = re.compile(r"^/play/([A-Za-z0-9_=-]{16,})(?:/(\w{2,5}))?$")
EDGE_KINDS = "s?auth|vauth|tsauth|thauth|subauth|hls|key"
"""Folders of edges under which tokens stand, for regular expressions."""
_MAX_FIELDS = 64
"""Fields of a query that are read: panels take a dozen."""
_EDGE = re.compile(rf"^(?:/[0-9a-f]{{32}}|/live)?/({EDGE_KINDS})/([A-Za-z0-9_-]{{16,}})$")
_BARE_FILES = frozenset(
    {"ts", "m3u8", "mp4", "mkv", "avi", "mpg", "mpeg", "m2ts", "mov", "m4v", "flv", "wmv",
     "webm", "vob", "divx", "3gp", "asf", "rmvb", "ogm", "mp3", "aac"}
)  # fmt: skip
"""Media: at a panel, pictures have such paths, too."""
_INTERNAL = re.compile(r"^/(admin/live|api|probe/[A-Za-z0-9+/=_-]{12,})$")
_PORTAL = re.compile(r"/(?:portal|server/load|load)\.php$")
_MAC = re.compile(r"^(?:(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})$")
_KINDS = {"live": "live", "movie": "movie", "series": "series", "timeshift": "catchup"}
_LINE_NAMES = ("username", "password")

# A cheap test for the forms above, for SQL (RE2): whatever passes is read by `read_url`.
SQL_TARGETS = (
    r"^(?:https?://[^/]+)?/(?:live|movie|series|timeshifts?|thumb|subtitle|hlsr|play|player_api|playlist|epg|probe)/"
    r"|\.php(?:\?|$)|/p(?:layer|anel)_api/|^/admin/live\?|^/api\?|[?&](?:username|user|mac|sn|hmac)="
)
SQL_BARE = r"^(?:https?://[^/]+)?/[^/?]+/[^/?]+/\d+(?:\.\w+)?(?:\?|$)"
SQL_EDGES = rf"^(?:/[0-9a-f]{{32}}|/live)?/(?:{EDGE_KINDS})/[A-Za-z0-9_-]{{16,}}(?:\?|$)"
SQL_HOST = r"^(\[[^\]]*\]|[^:]+)"
"""The name or address in the value of Host."""


class PanelUrl(NamedTuple):
    """What a URL says; names are percent-decoded."""

    form: str
    says: str
    """What the form makes of the host: panel, edge, portal, internal."""
    username: str | None = None
    password: str | None = None
    token: str | None = None
    mac: str | None = None
    stream_id: str | None = None
    kind: str | None = None
    """live, movie, series, catchup."""
    extension: str | None = None
    action: str | None = None
    family: str = "xtream"
    customer: str | None = None
    """Identifier in a signed link: the end customer of somebody who sells on."""

    @property
    def names_line(self) -> bool:
        """True if it holds what a panel knows a line by."""
        return (
            bool(self.username and self.password)
            or bool(self.mac or self.customer)
            or (self.form == "api" and bool(self.token))
        )


def mac_address(text: str | None) -> str | None:
    """Return an address as twelve lower-case digits with colons; None if it is none."""
    text = unquote(unquote(text or "")).strip()
    if not _MAC.match(text):
        return None
    digits = re.sub(r"[:.-]", "", text).lower()
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def query_fields(query: str) -> list[tuple[str, str]]:
    """Return names and values of a query's first fields; what stands behind them is left out.

    Example:
        >>> query_fields("username=a%20b&password=")
        [('username', 'a b'), ('password', '')]
    """
    first = query if query.count("&") < _MAX_FIELDS else "&".join(query.split("&", _MAX_FIELDS)[:_MAX_FIELDS])
    return parse_qsl(first, keep_blank_values=True, separator="&")


@lru_cache(1 << 14)
def read_url(url: str, *, bare: bool = False) -> PanelUrl | None:
    """Return what a URL or a request target says; None if it has no form of a panel.

    Args:
        url: absolute URL or target.
        bare: whether `/USER/PASSWORD/NUMBER` counts, which only makes sense at a panel.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    path = parts.path
    query = dict(query_fields(parts.query)) if parts.query else {}
    return (
        _signed(path, query)
        or _api(path, query)
        or _media(path, query)
        or _edge(path, query)
        or (_bare(path) if bare else None)
    )


def _signed(path: str, query: dict[str, str]) -> PanelUrl | None:
    """Return what a link says that a panel's API signed for an end customer."""
    if not (query.get("hmac") and query.get("identifier") and query.keys() & {"ip", "max", "expiry"}):
        return None
    number = re.search(r"/(\d+)(?:\.(\w{2,5}))?$", path)
    stream = query.get("stream") or query.get("stream_id") or (number[1] if number else None)
    named = re.match(r"/(live|movie|series|timeshift)s?/", path)
    kind = _KINDS.get(query.get("type") or (named[1] if named else "live"), "live")
    extension = query.get("extension") or (number[2] if number else None)
    return PanelUrl("signed", PANEL, stream_id=stream, kind=kind, extension=extension, customer=query["identifier"])


def _api(path: str, query: dict[str, str]) -> PanelUrl | None:
    if _PORTAL.search(path) and (("type" in query and "action" in query) or "JsHttpRequest" in query):
        return PanelUrl(
            "portal", PORTAL, mac=mac_address(query.get("mac")), action=_action(query), kind=None, family="stalker"
        )
    found = _API.search(path) or _API_PLAIN.search(path)
    if found:
        return _script(found[1], query)
    found = _REWRITE.search(path)
    if found:
        return PanelUrl("api", PANEL, unquote(found[2]), unquote(found[3]), action=found[1])
    found = _PLAYLIST.match(path)
    if found:
        return PanelUrl("api", PANEL, unquote(found[1]), unquote(found[2]), action="playlist")
    found = _EPG.match(path)
    if found and found[3]:
        return PanelUrl("api", PANEL, unquote(found[1]), unquote(found[2]), action="epg")
    if _INTERNAL.match(path):
        if path.startswith("/probe/"):
            return PanelUrl("probe", INTERNAL)
        if query.get("password"):
            stream = query.get("stream") or query.get("stream_id")
            return PanelUrl("internal", INTERNAL, stream_id=stream, action=query.get("action") or "live")
    return None


def _script(name: str, query: dict[str, str]) -> PanelUrl | None:
    username, password, token = (query.get(key) or None for key in ("username", "password", "token"))
    if name in ("clients_live", "clients_movie", "timeshift"):
        stream = query.get("stream") or query.get("stream_id")
        kind = {"clients_live": "live", "clients_movie": "movie", "timeshift": "catchup"}[name]
        return PanelUrl("media", PANEL, username, password, token, None, stream, kind, query.get("extension"))
    if not ((username and password) or token or (name == "xplugin" and "action" in query)):
        return None
    mac = mac_address(query.get("mac")) if name == "xplugin" else None
    family = "enigma2" if name in ("enigma2", "xplugin") else "xtream"
    action = query.get("action") or query.get("type") or name
    return PanelUrl("api", PANEL, username, password, token, mac, query.get("stream_id"), None, None, action, family)


def _action(query: dict[str, str]) -> str | None:
    kind, action = query.get("type"), query.get("action")
    return f"{kind}.{action}" if kind and action else None


def _media(path: str, query: dict[str, str]) -> PanelUrl | None:
    found = MEDIA.match(path)
    if found and found[2] not in NO_NAMES:
        kind = "catchup" if found[1] == "live" and "utc" in query else found[1]
        return PanelUrl("media", PANEL, unquote(found[2]), unquote(found[3]), None, None, found[4], kind, found[5])
    for pattern in (TIMESHIFT, TIMESHIFTS):
        found = pattern.match(path)
        if found:
            names = unquote(found[1]), unquote(found[2])
            return PanelUrl("media", PANEL, *names, None, None, found[3], "catchup", found[4])
    found = _OLD_SEGMENT.match(path)
    if found:
        return PanelUrl("segment", EDGE, unquote(found[1]), unquote(found[2]), None, None, found[3], "live")
    found = _SMALL.match(path)
    if found and found[2] not in NO_NAMES:
        return PanelUrl(found[1], PANEL, unquote(found[2]), unquote(found[3]), None, None, found[4])
    found = _PLAY.match(path)
    if found:
        return PanelUrl("play", PANEL, token=found[1], extension=found[2])
    found = TOKEN_MEDIA.match(path)
    if found and found[2] not in NO_NAMES:
        return PanelUrl("token-media", PANEL, None, None, found[2], None, found[3], found[1], found[4])
    username, password = (query.get(name) for name in _LINE_NAMES)
    if username and password:  # RTMP and other links carry the line in their query
        stream = re.search(r"/(\d+)(?:\.\w+)?$", path)
        return PanelUrl("query", PANEL, username, password, None, None, stream[1] if stream else None, "live")
    return None


def _edge(path: str, query: dict[str, str]) -> PanelUrl | None:
    found = EDGE_ID.match(path)
    if found and query.get("token"):
        return PanelUrl("auth", EDGE, token=query["token"], stream_id=found[1], kind="live")
    found = _EDGE.match(path)
    if found and (found[1] not in ("hls", "key") or is_block_token(found[2])):
        kind = {"vauth": "movie", "tsauth": "catchup", "thauth": None, "subauth": None}.get(found[1], "live")
        return PanelUrl(found[1], EDGE, token=found[2], kind=kind)
    return None


def _bare(path: str) -> PanelUrl | None:
    guide = _EPG.match(path)
    if guide:
        return PanelUrl("api", PANEL, unquote(guide[1]), unquote(guide[2]), action="epg")
    found = BARE.match(path)
    extension = (found[4] or "ts").lower() if found else ""
    if found and extension in _BARE_FILES and not {found[1].lower(), found[2].lower()} & NO_NAMES:
        kind = "live" if extension in ("ts", "m3u8") else "movie"
        return PanelUrl("bare", PANEL, unquote(found[1]), unquote(found[2]), None, None, found[3], kind, found[4])
    return None


def port_of(host_or_url: str | None) -> int | None:
    """Return the port that a host or URL names, else that of its scheme."""
    if not host_or_url:
        return None
    try:
        parts = urlsplit(host_or_url if "://" in host_or_url else f"//{host_or_url}")
        return parts.port or ({"http": 80, "https": 443}.get(parts.scheme) if parts.scheme else None)
    except ValueError:
        return None


def is_edge_target(url: str) -> bool:
    """Return True if a URL can hardly be anything but one that a panel sends a client on to.

    The paths of edges with what looks like their tokens: `/auth/` and a word is usual at other services, too.
    """
    says = read_url(url)
    if says is None or says.says != EDGE or not says.token:
        return False
    token = says.token
    mixed = re.search(r"\d", token) and re.search(r"[a-z]", token) and re.search(r"[A-Z]", token)
    is_hex = re.fullmatch(r"[0-9a-f]{32,}", token)
    return says.form not in ("auth", "sauth") or is_block_token(token) or bool(mixed or is_hex)


def is_block_token(text: str) -> bool:
    """Return True if a token is base64url (RFC 4648 section 5, without padding) of whole blocks of 16 bytes."""
    return len(text) >= 22 and len(text) % 4 != 1 and len(text) * 6 // 8 % 16 == 0 and "." not in text


def sql_is_block_token(column: str) -> str:
    """Return the same as a condition of SQL, for texts of the alphabet of base64url."""
    return f"length({column}) >= 22 AND length({column}) % 4 <> 1 AND (length({column}) * 6 // 8) % 16 = 0"
