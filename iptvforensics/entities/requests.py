"""HTTP exchanges and RTMP messages to sightings: URLs that say something about panels, with place, time and client.

The many requests that say nothing are left to the database; equal requests of one client are read once.

**Known limitations**: a response whose request was not captured shows only its Location and file name.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ..sessions.addresses import absolute, at_address, host_of
from .model import FIRST_PLACE, Kind, Place, TableReader, kinds_there, most_per_capture
from .urls import EDGE_KINDS, SQL_EDGES, SQL_TARGETS, PanelUrl, mac_address, port_of, read_url


class Sighting(NamedTuple):
    """A URL that says something about a panel, as it was seen once or many times."""

    where: str
    """request, form, redirect, referer, list, named url, file name, rtmp, text."""
    text: str
    """The URL, or what stood in its place."""
    says: PanelUrl
    host: str | None
    port: int | None
    place: Place
    last_ns: int | None
    times: int
    client_ip: str | None
    server_ip: str | None
    server_port: int | None
    user_agent: str | None = None
    status: int | None = None
    from_host: str | None = None
    """Host whose answer or document held the URL."""

    @property
    def is_asked(self) -> bool:
        """True if the client asked the host for it over HTTP."""
        return self.where in ("request", "form")


class Redirect(NamedTuple):
    """An answer that sent a client elsewhere."""

    source: str
    source_port: int | None
    target: str
    target_port: int | None
    url: str
    """URL whose answer it was, empty if the request was not seen."""
    location: str
    """URL to which it sent the client."""
    place: Place
    last_ns: int | None
    times: int
    client_ip: str | None
    server_ip: str | None


class Marks(NamedTuple):
    """What a client said of itself to a portal."""

    place: Place
    last_ns: int | None
    times: int
    client_ip: str | None
    user_agent: str | None
    host: str | None
    mac: str | None
    serial: str | None
    model: str | None
    token: str | None
    action: str | None
    firmware: str | None = None
    in_cookie: bool = False
    """Whether the MAC stood in a cookie, and not only in the query."""


_MARKED = "array_to_string(request_headers, chr(10))"
_HEADERS = "(?im)^x-(?:user-agent|xui|xc_vm)[^\\n]*"
_TELLING = Kind(
    "http",
    f"regexp_matches(target, '{SQL_TARGETS}') OR (location IS NOT NULL AND status BETWEEN 300 AND 399) "
    f"OR regexp_matches(referer, '{SQL_TARGETS}') OR regexp_matches(cookie, '(^|; ?)mac=') "
    f"OR content_disposition IS NOT NULL OR regexp_matches({_MARKED}, '{_HEADERS}')",
)
_OF_EDGES = Kind("http", f"regexp_matches(target, '{SQL_EDGES}')")
_OF_LINES = Kind("rtmp", "regexp_matches(concat(tc_url, stream_name), '[?&](username|user)=')")
KINDS = (_TELLING, _OF_EDGES, _OF_LINES)
"""Rows that are read here."""
_COLUMNS = (
    'capture_id, client_ip, server_ip, server_port, host, url, target, location, referer, cookie, "authorization", '
    f"content_disposition, user_agent, regexp_extract_all({_MARKED}, '{_HEADERS}')"
)
_SEEN = (
    "max(coalesce(response_ns, ts_ns)), count(*), arg_min(response_frame_no, frame_no), arg_min(status, frame_no), "
    f"{FIRST_PLACE}"
)
_FILE_NAME = re.compile(
    r"filename\*?=(?:UTF-8'')?\"?(?:(?:playlist|ariva|simple)_([^\";]+?)(?:_plus)?\.(?:m3u8?|txt)|([^\";]+)_list\.txt)",
    re.IGNORECASE,
)
_MAX_FILE_NAME = 1000
"""Characters of a header field in which a file name is looked for."""
_OFFERS_LIST = re.compile(r"\.php(?:\?|$)|/playlist/")
"""Requests for lists: elsewhere a name such as `price_list.txt` says nothing."""
_PATH_LINE = r"^[a-z]+://[^/]+/(?:(?:live|movie|series)/[^/?]+/[^/?]+|[^/?]{2,}/[^/?]{2,})/\d+(?:\.\w+)?(?:[?#|]|$)"
_QUERY_LINE = r"^[a-z]+://[^?]*\?(?:.*&)?username=[^&]+"
_MOST_LISTED = 10_000
"""Lines of lists that are read of one capture: enough for any honest list, and no list can fill the memory."""

_COOKIE = re.compile(r"(?:^|;)\s*(mac|sn|stb_lang|token|device_id)=([^;]*)")
_MODEL = re.compile(r"\bmodel\s*[:=]\s*([^;]+)", re.IGNORECASE)
_VERSION = re.compile(r"\bversion\s*=\s*([^;]+)", re.IGNORECASE)


class Requests:
    """What the exchanges of a case say."""

    def __init__(self) -> None:
        self.sightings: list[Sighting] = []
        self.redirects: list[Redirect] = []
        self.marks: list[Marks] = []
        self.file_names: list[tuple[str, Sighting]] = []
        self.detects: list[tuple[str, Sighting | None, Place, str | None, str | None, str | None]] = []
        """Header, and place, client, server address, host of requests that panels send to each other."""


def read_requests(reader: TableReader, there: Container[Kind] | None = None) -> Requests:
    """Return what the exchanges of a case say about panels and clients; `there` are the kinds of rows that it has."""
    found = Requests()
    there = kinds_there(reader, KINDS) if there is None else there
    if _TELLING in there:
        rows = reader.select(
            f"SELECT {_COLUMNS}, {_SEEN} FROM http WHERE {_TELLING.condition} GROUP BY ALL ORDER BY ALL"  # noqa: S608
        )
        for row in rows:
            _read_exchange(found, row)
    if _OF_EDGES in there:
        _read_edges(reader, found)
    if _OF_LINES in there:
        found.sightings += _rtmp(reader)
    for table, column, holder in (
        ("catalogue_entries", "entry_url", "host"),
        ("playlist_entries", "url", "playlist_url"),
    ):
        if reader.has(table):
            found.sightings += _listed(reader, table, column, holder)
    return found


def _read_exchange(found: Requests, row: tuple[Any, ...]) -> None:
    (
        capture,
        client,
        server,
        port,
        host,
        url,
        target,
        location,
        referer,
        cookie,
        authorization,
        disposition,
        agent,
        marks,
        last,
        count,
        answer_frame,
        status,
        *seen,
    ) = row
    place = Place(capture, *seen)
    name = host_of(host) or server
    asked_port = port_of(host) or port
    base = Sighting(
        "request",
        target or "",
        PanelUrl("", ""),
        name,
        asked_port,
        place,
        last,
        count,
        client,
        server,
        port,
        agent,
        status,
    )
    says = read_url(target) if target else None
    sighting = base._replace(says=says) if says is not None else None
    if sighting is not None:
        found.sightings.append(sighting)
    if disposition and (file := _FILE_NAME.search(disposition, 0, _MAX_FILE_NAME)):
        answer = _answer_to(place, answer_frame)
        user = file[1] or (file[2] if target is None or _OFFERS_LIST.search(target) else "")
        if user:
            found.file_names.append((unquote(user), base._replace(where="file name", text=disposition, place=answer)))
    if location and status is not None and 300 <= status <= 399:
        _read_redirect(found, base, url, location, answer_frame)
    if referer and (told := read_url(referer)) is not None:
        found.sightings.append(
            base._replace(where="referer", text=referer, says=told, host=host_of(referer), port=None, from_host=name)
        )
    _read_marks(found, base, sighting, cookie, authorization, marks or [])


def _answer_to(place: Place, frame_no: int | None) -> Place:
    """Return where the answer to a request was seen."""
    return place._replace(frame_no=frame_no or place.frame_no, from_orig=not place.from_orig, stream_offset=None)


def _read_redirect(found: Requests, base: Sighting, asked: str | None, location: str, answer_frame: int | None) -> None:
    asked = asked or at_address(base.host, base.port, base.text or "/")
    url = absolute(asked, location)
    elsewhere, port = host_of(url), port_of(url)
    place = _answer_to(base.place, answer_frame)
    if url is None or elsewhere is None or base.host is None:
        return
    found.redirects.append(
        Redirect(
            base.host,
            base.port,
            elsewhere,
            port,
            asked if base.text else "",
            url,
            place,
            base.last_ns,
            base.times,
            base.client_ip,
            base.server_ip,
        )
    )
    if (told := read_url(url)) is not None:
        found.sightings.append(
            base._replace(
                where="redirect",
                text=url,
                says=told,
                host=elsewhere,
                port=port,
                place=place,
                server_ip=None,
                server_port=None,
                from_host=base.host,
            )
        )


def _read_marks(
    found: Requests,
    base: Sighting,
    sighting: Sighting | None,
    cookie: str | None,
    authorization: str | None,
    headers: list[str],
) -> None:
    for header in headers:
        if not header.lower().startswith("x-user-agent"):
            found.detects.append((header, sighting, base.place, base.client_ip, base.server_ip, base.host))
    cookies = cookies_of(cookie)
    query = dict(part.split("=", 1) for part in urlsplit(base.text).query.split("&") if "=" in part)
    is_portal = sighting is not None and sighting.says.says == "portal"
    sent = mac_address(cookies.get("mac"))
    mac = sent or (sighting.says.mac if sighting is not None else None)
    if mac is None and not is_portal:
        return
    said, firmware = (
        next((m[1].strip() for h in headers if (m := pattern.search(h))), None) for pattern in (_MODEL, _VERSION)
    )
    token = authorization.split(None, 1)[1] if authorization and authorization.lower().startswith("bearer ") else None
    serial = cookies.get("sn") or unquote(query.get("sn", "")) or None
    action = sighting.says.action if sighting is not None else None
    model = said or unquote(query.get("stb_type", "")) or None
    found.marks.append(
        Marks(
            base.place,
            base.last_ns,
            base.times,
            base.client_ip,
            base.user_agent,
            base.host,
            mac,
            serial,
            model,
            token,
            action,
            firmware,
            bool(sent),
        )
    )


def cookies_of(cookie: str | None) -> dict[str, str]:
    """Return the cookies by which portals know boxes."""
    return {name: unquote(value.strip().strip('"')) for name, value in _COOKIE.findall(cookie or "")}


def _read_edges(reader: TableReader, found: Requests) -> None:
    """Add hosts of which only edges' paths were asked; tokens differ by request and are left out."""
    rows = reader.select(
        "SELECT capture_id, client_ip, server_ip, server_port, host, "  # noqa: S608
        f"regexp_extract(target, '/({EDGE_KINDS})/', 1) AS surface, "
        "arg_min(target, frame_no), arg_min(user_agent, frame_no), "
        f"{_SEEN} FROM http WHERE {_OF_EDGES.condition} GROUP BY ALL ORDER BY ALL"
    )
    for (
        capture,
        client,
        server,
        port,
        host,
        _,
        target,
        agent,
        last,
        count,
        _,
        status,
        *seen,
    ) in rows:
        says = read_url(target)
        if says is not None and says.says == "edge":
            found.sightings.append(
                Sighting(
                    "request",
                    target,
                    says,
                    host_of(host) or server,
                    port_of(host) or port,
                    Place(capture, *seen),
                    last,
                    count,
                    client,
                    server,
                    port,
                    agent,
                    status,
                )
            )


def _rtmp(reader: TableReader) -> Iterator[Sighting]:
    """Yield lines that stand in RTMP connects and stream names; the connect of the flow gives the host."""
    rows = reader.select(
        "WITH connects AS (SELECT capture_id, flow_id, min(tc_url) AS url, min(app) AS name FROM rtmp "  # noqa: S608
        "WHERE tc_url IS NOT NULL GROUP BY ALL) "
        "SELECT capture_id, client_ip, server_ip, server_port, coalesce(tc_url, c.url) AS url, "
        f"coalesce(app, c.name) AS app, stream_name, max(ts_ns), count(*), {FIRST_PLACE} "
        "FROM rtmp LEFT JOIN connects c USING (capture_id, flow_id) "
        f"WHERE {_OF_LINES.condition} GROUP BY ALL ORDER BY ALL"
    )
    for capture, client, server, port, tc_url, app, name, last, count, *seen in rows:
        text = f"{tc_url or f'rtmp://{server}/{app or str()}'}/{name}" if name else str(tc_url)
        says = read_url(text)
        if says is not None and says.names_line:
            host = host_of(tc_url) or server
            yield Sighting("rtmp", text, says, host, port, Place(capture, *seen), last, count, client, server, port)


def _listed(reader: TableReader, table: str, column: str, holder: str) -> Iterator[Sighting]:
    """Yield lines that stand in the URLs of lists and playlists, once per list, host and credentials.

    The bare form counts only where the list was asked for with that user.
    """
    client, user = ("client_ip", "min(username)") if table == "catalogue_entries" else ("NULL", "NULL")
    rows = reader.select(
        most_per_capture(
            f"SELECT capture_id, {holder}, {client}, CASE WHEN {column} LIKE '%username=%' THEN "  # noqa: S608
            f"concat(regexp_extract({column}, '^[a-z]+://[^/]+'), regexp_extract({column}, 'username=[^&]+'), "
            f"regexp_extract({column}, 'password=[^&]+')) ELSE regexp_replace({column}, '/[^/]*$', '') END AS base, "
            f"min({column}), {user}, count(*), max(ts_ns), {FIRST_PLACE} FROM {table} "
            f"WHERE regexp_matches({column}, '{_PATH_LINE}') OR regexp_matches({column}, '{_QUERY_LINE}') "
            f"GROUP BY ALL",
            _MOST_LISTED,
        )
    )
    for capture, asked, ip, _, url, known, count, last, *seen in rows:
        says = read_url(url, bare=known is not None)
        if says is None or not says.names_line or (says.form == "bare" and says.username != known):
            continue
        place = Place(capture, *seen)
        yield Sighting(
            "list", url, says, host_of(url), port_of(url), place, last, count, ip, None, None, from_host=host_of(asked)
        )
