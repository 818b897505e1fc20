"""Lines of an M3U-Plus list to the values of an entry: EXTINF with its attributes, what stands around it, the URL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..listings.tables import MAX_RAW_CHARS
from ..listings.values import decimal_number, integer, truth

_HEAD = re.compile(
    r'#EXTINF[ :]\s*(-?[0-9.]*)((?:[\s,]+[A-Za-z][\w-]*\s*=\s*(?:"[^"]*"|[^\s",]*))*)\s*,(.*)', re.DOTALL
)
_QUOTED_HEAD = re.compile(r'#EXTINF:(-?[0-9.]*)((?:\s+[a-z][a-z0-9_-]*="[^"]*")*)\s*,(.*)', re.DOTALL)
"""What nearly all lists write; a quarter of the time of the tolerant patterns."""
_DURATION = re.compile(r"#EXTINF[ :]?\s*(-?[0-9.]*)")
_ATTRIBUTE = re.compile(r'([A-Za-z][\w-]*)\s*=\s*(?:"([^"]*)"|([^\s",]*))')
_OUTSIDE_QUOTES = re.compile(r'[^",]*(?:"[^"]*"[^",]*)*,')
_FILMS = frozenset({"mp4", "mkv", "avi", "mov", "wmv", "m4v", "mpg", "mpeg", "webm"})
_FILES = _FILMS | {"flv", "mp3", "m4a", "ts", "m3u8", "mpd"}
_FILE = re.compile(rf"\.({'|'.join(sorted(_FILES))})\Z", re.IGNORECASE)
_ENDS = {f".{name}": name for name in _FILES if len(name) == 3}
_PATHS = (("/movie/", "vod"), ("/series/", "episode"), ("/live/", "live"), ("/vod/", "vod"))
_TYPES = {"live": "live", "stream": "live", "movie": "vod", "movies": "vod", "vod": "vod", "series": "episode",
          "serie": "episode", "radio": "radio", "radio_streams": "radio"}  # fmt: skip


def read_extinf(line: str) -> tuple[str, dict[str, str], str | None]:
    """Return duration as sent, attributes (names in lower case), and the name behind the first comma outside quotes.

    Example:
        >>> read_extinf('#EXTINF:-1 tvg-id="a.b" group-title="News, all",One, two')
        ('-1', {'tvg-id': 'a.b', 'group-title': 'News, all'}, 'One, two')
    """
    match = _QUOTED_HEAD.match(line)
    if match is not None:
        duration, words, name = match.groups()
        parts = words.split('"')
        names = _names_of(tuple(parts[:-1:2]))
        if names is not None:
            return duration, dict(zip(names, parts[1::2], strict=True)), name.strip() or None
    match = match or _HEAD.match(line)
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


@lru_cache(maxsize=4096)
def _names_of(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the names in what stands between the values; a list repeats the same ones in every line."""
    names = tuple(word.strip()[:-1] for word in words)
    return names if len(set(names)) == len(names) else None


def attributes_of(line: str) -> dict[str, str]:
    """Return the attributes of any line, names in lower case."""
    return {key.lower(): quoted or plain for key, quoted, plain in _ATTRIBUTE.findall(line)}


def split_url(line: str) -> str:
    """Return the URL of a line without the options that players read behind a bar."""
    url, bar, options = line.partition("|")
    return url.strip() if bar and "=" in options else line


def container_of(url: str) -> str | None:
    """Return the file type that a URL names."""
    found = _ENDS.get(url[-4:])
    if found is not None and "?" not in url:
        return found
    dot = url.rfind(".", -5)
    if dot > 0 and "?" not in url and url[dot + 1 :].isalnum():
        found = url[dot + 1 :].lower()
        return found if found in _FILES else None
    match = _FILE.search(url.partition("?")[0].partition("#")[0][-12:])
    return match[1].lower() if match else None


def kind_of(url: str, duration: str, attributes: Mapping[str, str], container: str | None) -> str | None:
    """Return what an entry is: by its attributes, then its path, then its duration."""
    if "radio" in attributes and truth(attributes["radio"]):
        return "radio"
    if "tvg-type" in attributes and attributes["tvg-type"].lower() in _TYPES:
        return _TYPES[attributes["tvg-type"].lower()]
    for path, kind in _PATHS:
        if path in url:
            return kind
    seconds = decimal_number(duration)
    if container in _FILMS or (seconds is not None and seconds > 0):
        return "vod"
    return "live" if seconds is not None else None


class Entry(NamedTuple):
    """The lines of one entry."""

    offset: int
    """Where the first of them begins."""
    lines: tuple[str, ...]
    """Lines before the URL, the EXTINF line among them."""
    url: str
    extinf: str | None
    group: str | None
    """What an EXTGRP line says."""


_NOTHING: tuple[str, dict[str, str], str | None] = ("", {}, None)


def entry_columns(entries: Sequence[Entry], defaults: Mapping[str, str]) -> dict[str, Sequence[Any]]:
    """Return the columns of entries; `defaults` are the attributes of the list as a whole."""
    read = [read_extinf(entry.extinf) if entry.extinf is not None else _NOTHING for entry in entries]
    attributes = [item[1] for item in read]
    known = set().union(*attributes)
    lines = [entry.url for entry in entries]
    urls = [split_url(line) if "|" in line else line for line in lines]
    containers = list(map(container_of, urls))

    def named(*names: str) -> list[str | None]:
        found: list[str | None] = [None] * len(entries)
        for name in names:
            if name in known:
                found = [a or b.get(name) or None for a, b in zip(found, attributes, strict=True)]
        return found

    names = [item[2] for item in read]
    if None in names:
        names = [a or b for a, b in zip(names, named("tvg-name"), strict=True)]
    days = named("catchup-days", "timeshift", "tvg-rec")
    catchup = named("catchup", "catchup-type")
    if defaults:
        days = [value or defaults.get("catchup-days") for value in days]
        catchup = [value or defaults.get("catchup") for value in catchup]
    archive_days = [decimal_number(value) if value else None for value in days]
    return {
        "kind": list(map(kind_of, urls, [item[0] for item in read], attributes, containers)),
        "entry_id": named("xui-id", "cuid", "channel-id"),
        "name": names,
        "number": [integer(value) if value else None for value in named("tvg-chno", "ch-number")],
        "category_name": [a or b.group for a, b in zip(named("group-title"), entries, strict=True)],
        "epg_id": named("tvg-id"),
        "container": containers,
        "entry_url": urls,
        "entry_raw": [line if line != url else None for line, url in zip(lines, urls, strict=True)],
        "logo_url": named("tvg-logo"),
        "is_archive": list(map(_is_archive, catchup, days, archive_days)),
        "archive_days": [value if value is not None and value > 0 else None for value in archive_days],
        "raw": ["\n".join((*entry.lines, entry.url))[:MAX_RAW_CHARS] for entry in entries],
    }


def _is_archive(catchup: str | None, days: str | None, number: float | None) -> bool | None:
    if catchup:
        return catchup.lower() not in ("disabled", "none", "0")
    return bool(number) if days else None


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
