"""Paths of URLs to whether they are those of a panel's numbered media: a channel, a film or an episode each.

The media paths of the Xtream family hold the line and a number: `/live/USER/PASSWORD/61.ts`, and the like for films,
episodes and the past of channels. Numbers name what there is to watch, and two of them are two viewings, however alike
their URLs are. The numbers of media segments look the same and mean another thing.

**Known limitations**: the bare form `/USER/PASSWORD/61.ts`, and those with a token or with the line in the query,
fit the media segments of other servers, too. Media segments in folders like `/live/A/B/` count as channels.
"""

from __future__ import annotations

import re
from functools import lru_cache

MEDIA = re.compile(r"^/(live|movie|series)/([^/]+)/([^/]+)/(\d+)(?:\.(\w{2,5}))?$")
TIMESHIFT = re.compile(r"^/timeshift/([^/]+)/([^/]+)/\d+/[\d:_-]+/(\d+)(?:\.(\w{2,5}))?$")
TIMESHIFTS = re.compile(r"^/timeshifts/([^/]+)/([^/]+)/\d+/(\d+)/[\d:_-]+(?:\.(\w{2,5}))?$")
TOKEN_MEDIA = re.compile(r"^/(live|movie)/([A-Za-z0-9_-]{16,})/(\d+)\.(\w{2,5})$")
BARE = re.compile(r"^/([^/]+)/([^/]+)/(\d+)(?:\.(\w{2,5}))?$")
EDGE_ID = re.compile(r"^(?:/[0-9a-f]{32})?/auth/(\d+)\.(?:m3u8|ts)$")
"""A channel's number at an edge; its token stands in the query."""
NO_NAMES = frozenset(
    {
        "live",
        "movie",
        "series",
        "hls",
        "vod",
        "video",
        "play",
        "auth",
        "key",
        "images",
        "img",
        "static",
        "assets",
        "api",
    }
)
"""Folders that are no user names."""
_NUMBER_LAST = re.compile(r"/\d+(?:\.\w{2,5})?$")
_LINE_IN_QUERY = re.compile(r"(?:^|&)(?:username|hmac)=[^&]")
_REMEMBERED = 1 << 14


@lru_cache(_REMEMBERED)
def is_panel_media(path: str) -> bool:
    """Return True for the path of a channel, a film or an episode that hardly any other server uses."""
    found = MEDIA.match(path)
    if found:
        return found[2] not in NO_NAMES
    return any(pattern.match(path) for pattern in (TIMESHIFT, TIMESHIFTS, EDGE_ID))


@lru_cache(_REMEMBERED)
def may_be_panel_media(path: str, query: str) -> bool:
    """Return True if a path may be that of a channel or a film, and of a media segment as well."""
    bare = BARE.match(path)
    if bare and (bare[4] or "ts").lower() == "ts" and not {bare[1].lower(), bare[2].lower()} & NO_NAMES:
        return True
    return bool(TOKEN_MEDIA.match(path) or (_NUMBER_LAST.search(path) and _LINE_IN_QUERY.search(query)))


def names_film(path: str) -> bool | None:
    """Return whether a path asks a panel for a film or an episode; None if it only lies in a folder of that name."""
    found = (MEDIA.match(path) if is_panel_media(path) else None) or TOKEN_MEDIA.match(path)
    if found:
        return found[1] in ("movie", "series")
    return None if path.startswith(("/movie/", "/series/")) else False


def names_channel(path: str, query: str) -> bool | None:
    """Return whether a path asks a panel for a channel, or for what it sends now in place of one; None if it may."""
    if path.startswith(("/movie/", "/series/", "/timeshift")) or "utc=" in query:
        return False
    return is_panel_media(path) or (None if may_be_panel_media(path, query) else False)
