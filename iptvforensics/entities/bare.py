"""Requests of the bare form `/USER/PASSWORD/NUMBER` to sightings, where something shows that a panel was asked.

The form alone fits ordinary sites. It counts (a) where the answer sends the client on to a path that only edges
serve, with a token; (b) where the host was asked for the interface of a panel or as a portal; (c) where the request
carries the header by which panels know each other.

**Known limitations**: of a host that only gives media in the bare form by itself, without any redirect, nothing is
said.
"""

from __future__ import annotations

from ..sessions.addresses import absolute, host_of
from .model import FIRST_PLACE, Kind, Place, TableReader
from .requests import Requests, Sighting
from .urls import EDGE_KINDS, SQL_BARE, is_edge_target, port_of, read_url

_PANEL_HEADERS = "array_to_string(request_headers, chr(10)), '(?im)^x-(?:xui|xc_vm)-'"
_SENT_ON = rf"/(?:{EDGE_KINDS})/"
BARE_ASKED = Kind("http", f"method IS NOT NULL AND regexp_matches(target, '{SQL_BARE}')")
"""Rows that `add_bare` reads."""


def add_bare(reader: TableReader, requests: Requests) -> None:
    """Add requests of the bare form, of which the case has some, once per client, host and target."""
    panels = {s.host for s in requests.sightings if s.is_asked and s.says.form in ("api", "portal")}
    rows = reader.select(
        "SELECT capture_id, client_ip, server_ip, server_port, host, target, user_agent, "  # noqa: S608
        f"min(location) FILTER (status BETWEEN 300 AND 399 AND regexp_matches(location, '{_SENT_ON}')), "
        f"coalesce(bool_or(regexp_matches({_PANEL_HEADERS})), false), max(coalesce(response_ns, ts_ns)), "
        f"count(*), arg_min(status, frame_no), {FIRST_PLACE} FROM http "
        f"WHERE {BARE_ASKED.condition} "
        "GROUP BY capture_id, client_ip, server_ip, server_port, host, target, user_agent ORDER BY ALL NULLS FIRST"
    )
    for capture, client, server, port, host, target, agent, location, is_between, last, count, status, *seen in rows:
        name = host_of(host) or server
        says = read_url(target, bare=True) if name else None
        if says is None or says.form != "bare":
            continue
        sent_on = absolute(f"http://{name}/", location) if location else None
        if not (name in panels or is_between or (sent_on is not None and is_edge_target(sent_on))):
            continue
        place = Place(capture, *seen)
        asked = port_of(host) or port
        found = Sighting("request", target, says, name, asked, place, last, count, client, server, port, agent, status)
        requests.sightings.append(found)
