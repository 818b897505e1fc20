"""Lines of an M3U-Plus list to the values of an entry: EXTINF with its attributes, what stands around it, the URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..listings.tables import MAX_RAW_CHARS
from ..listings.values import decimal_number, integer, truth

_HEAD = re.compile(
    r'#EXTINF[ :]\s*(-?[0-9.]*)((?:[\s,]+[A-Za-z][\w-]*\s*=\s*(?:"[^"]*"|[^\s",]*))*)\s*,(.*)', re.DOTALL
)
_DURATION = re.compile(r"#EXTINF[ :]?\s*(-?[0-9.]*)")
_ATTRIBUTE = re.compile(r'([A-Za-z][\w-]*)\s*=\s*(?:"([^"]*)"|([^\s",]*))')
_OUTSIDE_QUOTES = re.compile(r'[^",]*(?:"[^"]*"[^",]*)*,')
_FILE = re.compile(r"\.(mp4|mkv|avi|mov|wmv|flv|m4v|mpg|mpeg|webm|mp3|m4a|ts|m3u8|mpd)\Z", re.IGNORECASE)
_FILMS = frozenset({"mp4", "mkv", "avi", "mov", "wmv", "m4v", "mpg", "mpeg", "webm"})
_PATHS = (("/movie/", "vod"), ("/series/", "episode"), ("/live/", "live"), ("/vod/", "vod"))
_TYPES = {"live": "live", "stream": "live", "movie": "vod", "movies": "vod", "vod": "vod", "series": "episode",
          "serie": "episode", "radio": "radio", "radio_streams": "radio"}  # fmt: skip


def read_extinf(line: str) -> tuple[str, dict[str, str], str | None]:
    """Return duration as sent, attributes (names in lower case), and the name behind the first comma outside quotes.

    Example:
        >>> read_extinf('#EXTINF:-1 tvg-id="a.b" group-title="News, all",One, two')
        ('-1', {'tvg-id': 'a.b', 'group-title': 'News, all'}, 'One, two')
    """
    match = _HEAD.match(line)
    if match is not None:
        duration, words, name = match.groups()
    else:
        found = _DURATION.match(line)
        duration = found[1] if found else ""
        rest = line[found.end() if found else 0 :]
        comma = _OUTSIDE_QUOTES.match(rest)
        words, name = (rest[: comma.end() - 1], rest[comma.end() :]) if comma else (rest, "")
    attributes = {key.lower(): quoted or plain for key, quoted, plain in _ATTRIBUTE.findall(words)} if words else {}
    return duration, attributes, name.strip() or None


def attributes_of(line: str) -> dict[str, str]:
    """Return the attributes of any line, names in lower case."""
    return {key.lower(): quoted or plain for key, quoted, plain in _ATTRIBUTE.findall(line)}


def split_url(line: str) -> str:
    """Return the URL of a line without the options that players read behind a bar."""
    url, bar, options = line.partition("|")
    return url.strip() if bar and "=" in options else line


def container_of(url: str) -> str | None:
    """Return the file type that a URL names."""
    match = _FILE.search(url.partition("?")[0].partition("#")[0][-12:])
    return match[1].lower() if match else None


def kind_of(url: str, duration: str, attributes: Mapping[str, str], container: str | None) -> str | None:
    """Return what an entry is: by its attributes, then its path, then its duration."""
    if truth(attributes.get("radio")):
        return "radio"
    named = _TYPES.get(attributes.get("tvg-type", "").lower())
    if named is not None:
        return named
    for path, kind in _PATHS:
        if path in url:
            return kind
    seconds = decimal_number(duration)
    if container in _FILMS or (seconds is not None and seconds > 0):
        return "vod"
    return "live" if seconds is not None else None


def entry_values(
    lines: list[str], url_line: str, extinf: str | None, group: str | None, defaults: Mapping[str, str]
) -> dict[str, Any]:
    """Return the values of an entry: its EXTINF line (if any), the lines around it, its URL line."""
    duration, attributes, name = read_extinf(extinf) if extinf is not None else ("", {}, None)
    get = attributes.get
    url = split_url(url_line) if "|" in url_line else url_line
    container = container_of(url)
    days = get("catchup-days") or get("timeshift") or get("tvg-rec") or defaults.get("catchup-days")
    archive_days = decimal_number(days) if days else None
    catchup = get("catchup") or get("catchup-type") or defaults.get("catchup")
    is_archive = catchup.lower() not in ("disabled", "none", "0") if catchup else bool(archive_days) if days else None
    return {
        "kind": kind_of(url, duration, attributes, container),
        "entry_id": get("xui-id") or get("cuid") or get("channel-id") or None,
        "name": name or get("tvg-name") or None,
        "number": integer(get("tvg-chno") or get("ch-number")),
        "category_name": get("group-title") or group,
        "epg_id": get("tvg-id") or None,
        "container": container,
        "entry_url": url or None,
        "entry_raw": url_line if url != url_line else None,
        "logo_url": get("tvg-logo") or None,
        "is_archive": is_archive,
        "archive_days": archive_days if archive_days is not None and archive_days > 0 else None,
        "raw": "\n".join((*lines, url_line))[:MAX_RAW_CHARS],
    }


def account_in(url: str) -> tuple[str, str] | None:
    """Return user name and password that an entry's URL names in its query, if it does.

    Example:
        >>> account_in("http://tv.example/play?username=viewer1&password=pw1&id=7"), account_in("http://a.example/1.ts")
        (('viewer1', 'pw1'), None)
    """
    if "username=" not in url:
        return None
    try:
        query = urlsplit(url).query
    except ValueError:
        return None
    found = {key: quoted or plain for key, quoted, plain in _ATTRIBUTE.findall(query.replace("&", " "))}
    return (found["username"], found.get("password", "")) if found.get("username") else None
