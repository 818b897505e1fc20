"""Lines of an M3U-Plus list to the values of an entry: EXTINF with its attributes, what stands around it, the URL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..listings.tables import MAX_RAW_CHARS
from ..listings.values import decimal_number, integer, truth

_HEAD = re.compile(
    r'#EXTINF[ :]\s*(-?[0-9.]*)((?:[\s,]+[A-Za-z][\w-]*\s*=\s*(?:"[^"]*"|[^\s",]*))*)\s*,(.*)', re.DOTALL
)
QUOTED_HEAD = re.compile(r'#EXTINF:(-?[0-9.]*)((?:\s+[a-z][a-z0-9_-]*="[^"]*")*)\s*,(.*)', re.DOTALL)
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


KNOWN = frozenset({
    "tvg-id", "tvg-name", "tvg-logo", "tvg-type", "tvg-chno", "tvg-rec", "ch-number", "channel-id", "cuid", "xui-id",
    "group-title", "radio", "catchup", "catchup-type", "catchup-days", "timeshift",
})  # fmt: skip
"""Attributes that a column is made of; the others are in `raw` only."""


def read_extinf(line: str) -> tuple[str, dict[str, str], str | None]:
    """Return duration as sent, attributes (names in lower case), and the name behind the first comma outside quotes.

    Example:
        >>> read_extinf('#EXTINF:-1 tvg-id="a.b" group-title="News, all",One, two')
        ('-1', {'tvg-id': 'a.b', 'group-title': 'News, all'}, 'One, two')
    """
    match = QUOTED_HEAD.match(line)
    if match is not None:
        duration, words, name = match.groups()
        parts = words.split('"')
        names = names_of(tuple(parts[:-1:2]))
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
def names_of(words: tuple[str, ...]) -> tuple[str, ...] | None:
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


class Entries(NamedTuple):
    """Many entries, column by column."""

    offsets: list[int]
    durations: list[str]
    attributes: Mapping[str, Sequence[str | None]]
    """Values of the EXTINF lines by name, null where a line has no such attribute."""
    names: Sequence[str | None]
    lines: list[str]
    """Lines with the URLs."""
    groups: Sequence[str | None] | None
    raws: Sequence[str]


_NOTHING: tuple[str, dict[str, str], str | None] = ("", {}, None)


def by_column(entries: Sequence[Entry]) -> Entries:
    """Return entries whose lines were kept, read."""
    read = [read_extinf(entry.extinf) if entry.extinf is not None else _NOTHING for entry in entries]
    attributes = [item[1] for item in read]
    return Entries(
        [entry.offset for entry in entries],
        [item[0] for item in read],
        {name: [one.get(name) for one in attributes] for name in KNOWN & set().union(*attributes)},
        [item[2] for item in read],
        [entry.url for entry in entries],
        [entry.group for entry in entries],
        ["\n".join((*entry.lines, entry.url))[:MAX_RAW_CHARS] for entry in entries],
    )


def entry_columns(entries: Entries, defaults: Mapping[str, str]) -> dict[str, Sequence[Any]]:
    """Return the columns of entries; `defaults` are the attributes of the list as a whole."""
    attributes, lines = entries.attributes, entries.lines
    urls = [split_url(line) if "|" in line else line for line in lines]
    containers = list(map(container_of, urls))

    def named(*names: str) -> list[str | None]:
        found: list[str | None] | None = None
        for values in (attributes[name] for name in names if name in attributes):
            found = (
                [a or b or None for a, b in zip(found, values, strict=True)] if found else [v or None for v in values]
            )
        return found or [None] * len(lines)

    names = entries.names
    if None in names:
        names = [a or b for a, b in zip(names, named("tvg-name"), strict=True)]
    groups = named("group-title")
    if entries.groups is not None:
        groups = [a or b for a, b in zip(groups, entries.groups, strict=True)]
    return {
        "kind": _kinds(entries, urls, containers),
        "entry_id": named("xui-id", "cuid", "channel-id"),
        "name": names,
        "number": _numbers(named("tvg-chno", "ch-number")),
        "category_name": groups,
        "epg_id": named("tvg-id"),
        "container": containers,
        "entry_url": urls,
        "entry_raw": [line if line != url else None for line, url in zip(lines, urls, strict=True)],
        "logo_url": named("tvg-logo"),
        "raw": entries.raws,
        **_archives(named("catchup", "catchup-type"), named("catchup-days", "timeshift", "tvg-rec"), defaults),
    }


def _kinds(entries: Entries, urls: Sequence[str], containers: Sequence[str | None]) -> list[str | None]:
    said = {name: entries.attributes[name] for name in ("radio", "tvg-type") if name in entries.attributes}
    if not said:
        return list(map(kind_of, urls, entries.durations, repeat({}), containers))
    each = [
        {name: v for name, v in zip(said, values, strict=True) if v is not None}
        for values in zip(*said.values(), strict=True)
    ]
    return list(map(kind_of, urls, entries.durations, each, containers))


def _numbers(values: Sequence[str | None]) -> Sequence[int | None]:
    return [integer(value) if value else None for value in values] if any(values) else [None] * len(values)


def _archives(
    catchup: Sequence[str | None], days: Sequence[str | None], defaults: Mapping[str, str]
) -> dict[str, Sequence[Any]]:
    """Return what entries say of their past."""
    if defaults:
        days = [value or defaults.get("catchup-days") for value in days]
        catchup = [value or defaults.get("catchup") for value in catchup]
    if not any(days) and not any(catchup):
        return {}
    numbers = [decimal_number(value) if value else None for value in days]
    return {
        "is_archive": list(map(_is_archive, catchup, days, numbers)),
        "archive_days": [value if value is not None and value > 0 else None for value in numbers],
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
