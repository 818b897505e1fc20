"""URLs inside of other URLs, and in attributes of listed items, to sightings of lines: the weakest place to stand.

`?url=http%3A%2F%2Ftv.example%2Fget.php%3Fusername%3D...` of players and converters on the web, and templates such as
`catchup-source` of lists, which stand in column `raw` only. Rule `line-in-url` (lead): nobody was seen to use them.

**Known limitations**: a URL that is encoded more than twice is not read; neither is one in base64.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from urllib.parse import unquote, urlsplit

from ..sessions.addresses import host_of
from .model import FIRST_PLACE, Kind, Place, TableReader, most_per_capture
from .requests import Sighting
from .urls import PanelUrl, port_of, query_fields, read_url

_LINE = r"(?:username|password)(?:=|%3d)|(?:/|%2f)(?:live|movie|series|timeshifts?|player_api|playlist|epg)(?:/|%2f)"
_INNER = r"(?i)=(?:https?|rtmps?)(?::|%3a|%253a)"
_OUTER = ("target", "referer", "location")
"""Columns with URLs in which others may stand."""


def _holds_line(column: str) -> str:
    """Return the SQL condition under which a URL may hold another one that names a line."""
    return f"(regexp_matches({column}, '{_INNER}') AND regexp_matches({column}, '(?i){_LINE}'))"


WITHIN = Kind("http", " OR ".join(map(_holds_line, _OUTER)))
"""Rows with URLs within URLs that name lines."""
_BEGINS = re.compile(r"(?i)(?:https?|rtmps?)(?::|%3a)")
_ATTRIBUTE = r"=[\x22\x27]?((?:https?|rtmps?)://[^\x22\x27\s,|]+)"
_PLACEHOLDER = re.compile(r"\$?\{[^{}]*\}")
_MOST_READ = 10_000
"""URLs of each kind that are read of one capture: no list and no site can fill the memory."""


def read_named(reader: TableReader, there: Container[Kind]) -> Iterator[Sighting]:
    """Yield the lines that are named in URLs within URLs, and in attributes of listed items.

    Args:
        reader: the tables of the captures.
        there: which kinds of rows they have.
    """
    if WITHIN in there:
        yield from _within(reader)
    if reader.has("catalogue_entries"):
        yield from _attributes(reader)


def _within(reader: TableReader) -> Iterator[Sighting]:
    rows = reader.select(
        most_per_capture(
            f"WITH outer_urls AS (SELECT *, unnest([{', '.join(_OUTER)}]) AS outer_url FROM http) "  # noqa: S608
            f"SELECT capture_id, client_ip, host, outer_url, max(ts_ns), count(*), {FIRST_PLACE} "
            f"FROM outer_urls WHERE {_holds_line('outer_url')} GROUP BY ALL",
            _MOST_READ,
        )
    )
    for capture, client, host, outer, last, count, *seen in rows:
        place = Place(capture, *seen)
        for url, says in inner_urls(outer):
            yield _sighting(url, says, place, last, count, client, host)


def inner_urls(outer: str) -> list[tuple[str, PanelUrl]]:
    """Return the URLs in the query of a URL that name lines, and what they say.

    Example:
        >>> [(url, says)] = inner_urls("/p?url=http%3A%2F%2Ftv.example%2Flive%2Fu1%2Fp1%2F7.ts")
        >>> url, says.username
        ('http://tv.example/live/u1/p1/7.ts', 'u1')
    """
    try:
        query = urlsplit(outer).query
        values = [value for _, value in query_fields(query) if value]
    except ValueError:
        return []
    found: dict[str, PanelUrl] = {}
    for value in values:
        url = unquote(value) if _BEGINS.match(value) and "://" not in value[:8] else value
        # What was put in without being encoded goes on behind the next "&".
        for text in (url, query[query.find(value) :]) if _BEGINS.match(url) else ():
            says = read_url(text)
            if says is not None and says.names_line and host_of(text):
                found[text] = says
                break
    return list(found.items())


def _attributes(reader: TableReader) -> Iterator[Sighting]:
    rows = reader.select(
        most_per_capture(
            "WITH named AS (SELECT capture_id, client_ip, host, ts_ns, frame_no, flow_id, from_orig, stream_offset, "  # noqa: S608
            f"entry_url, unnest(regexp_extract_all(raw, '{_ATTRIBUTE}', 1)) AS url FROM catalogue_entries "
            f"WHERE regexp_matches(raw, '{_ATTRIBUTE}')) "
            "SELECT capture_id, client_ip, host, CASE WHEN url LIKE '%username=%' THEN "
            "concat(regexp_extract(url, '^[a-z]+://[^/]+'), regexp_extract(url, 'username=[^&]+'), "
            "regexp_extract(url, 'password=[^&]+')) ELSE regexp_extract(url, '^[a-z]+://[^/]+/[^/]+/[^/]+/[^/]+') END "
            f"AS base, min(url), max(ts_ns), count(*), {FIRST_PLACE} FROM named "
            f"WHERE url IS DISTINCT FROM entry_url AND regexp_matches(url, '(?i){_LINE}') "
            f"GROUP BY ALL",
            _MOST_READ,
        )
    )
    for capture, client, host, _, url, last, count, *seen in rows:
        says = read_url(_PLACEHOLDER.sub("0", url))
        if says is not None and says.names_line and host_of(url):
            yield _sighting(url, says, Place(capture, *seen), last, count, client, host)


def _sighting(
    url: str, says: PanelUrl, place: Place, last: int | None, count: int, client: str | None, host: str | None
) -> Sighting:
    name, port = host_of(url), port_of(url)
    return Sighting("named url", url, says, name, port, place, last, count, client, None, None, from_host=host_of(host))
