"""Requests from shared addresses to marks: who claims what in which connection, with which user agent.

Read only for addresses that may hide several devices, request by request.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from .clients import Client
from .devices import Address, Mark
from .model import Place, TableReader
from .requests import cookies_of
from .urls import SQL_TARGETS, mac_address, read_url


def read_marks(reader: TableReader, clients: Mapping[Address, Client]) -> dict[Address, list[Mark]]:
    """Return what clients at shared addresses said of themselves, by address."""
    shared = {address for address, client in clients.items() if client.is_shared and client.speaks}
    if not shared or not reader.has("http"):
        return {}
    rows = reader.select(
        "SELECT capture_id, client_ip, flow_id, user_agent, target, cookie, min(ts_ns), max(ts_ns), min(frame_no) "  # noqa: S608
        f"FROM http WHERE method IS NOT NULL AND (regexp_matches(target, '{SQL_TARGETS}') OR "
        "regexp_matches(cookie, '(^|; ?)mac=')) GROUP BY ALL ORDER BY ALL"
    )
    found: dict[Address, dict[str, Mark]] = {}
    for capture, ip, flow, agent, target, cookie, first, last, frame in rows:
        if (capture, ip) not in shared:
            continue
        names, serial = _names(target or "", cookie or "")
        for name in names:
            mark = found.setdefault((capture, ip), {}).setdefault(name, Mark(name))
            mark.add(Place(capture, first, frame, flow, True), last, agent, serial)
    return {address: [marks[name] for name in sorted(marks)] for address, marks in found.items()}


def _names(target: str, cookie: str) -> tuple[list[str], str | None]:
    """Return the marks in a request, and the serial number that stands beside them."""
    cookies = cookies_of(cookie)
    says = read_url(target)
    mac = mac_address(cookies.get("mac")) or (says.mac if says is not None else None)
    names = [f"mac {mac}"] if mac else []
    if says is not None and says.username and says.password:
        names.append(f"line {says.username}")
    serial = cookies.get("sn") or next(iter(parse_qs(urlsplit(target).query).get("sn", ())), None)
    return names, serial
