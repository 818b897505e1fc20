"""Requests from shared addresses to marks: who claims what in which connection, with which user agent.

Claimed addresses and lines, in targets, cookies and posted forms; and models that user agents of Android systems name,
where there are several: a device has one. Read only for addresses that may hide several devices, request by request.

**Known limitations**: programs that act as a box name its model, not that of what they run on, so models of boxes do
not count here; two devices of one model are not told apart by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from .agents import read_agent
from .clients import Client
from .devices import Address, Mark
from .model import Place, TableReader
from .requests import cookies_of
from .urls import SQL_TARGETS, mac_address, read_url

Found = dict[Address, dict[str, Mark]]


def read_marks(reader: TableReader, clients: Mapping[Address, Client]) -> dict[Address, list[Mark]]:
    """Return what clients at shared addresses said of themselves, by address."""
    shared = {address: client for address, client in clients.items() if client.is_shared and client.speaks}
    found: Found = {address: {} for address in shared}
    if shared and reader.has("http"):
        _add_requests(reader, found)
        _add_models(reader, shared, found)
    if shared and reader.has("account_replies"):
        _add_forms(reader, found)
    return {address: [marks[name] for name in sorted(marks)] for address, marks in found.items() if marks}


def _add_requests(reader: TableReader, found: Found) -> None:
    rows = reader.select(
        "SELECT capture_id, client_ip, flow_id, user_agent, target, cookie, min(ts_ns), max(ts_ns), min(frame_no) "  # noqa: S608
        f"FROM http WHERE method IS NOT NULL AND (regexp_matches(target, '{SQL_TARGETS}') OR "
        "regexp_matches(cookie, '(^|; ?)mac=')) GROUP BY ALL ORDER BY ALL"
    )
    for capture, ip, flow, agent, target, cookie, first, last, frame in rows:
        if (capture, ip) in found:
            names, serial = _names(target or "", cookie or "")
            for name in names:
                _add(found, (capture, ip), name, Place(capture, first, frame, flow, True), last, agent, serial)


def _add_forms(reader: TableReader, found: Found) -> None:
    """Add what posted forms name; the user agent is that of the connection, if it has one only."""
    rows = reader.select(
        "SELECT capture_id, client_ip, flow_id, username, password, mac, serial, min(ts_ns), max(ts_ns), min(frame_no) "
        "FROM account_replies WHERE role = 'request' GROUP BY ALL ORDER BY ALL"
    )
    agents: dict[tuple[str, int], str] = {}
    if rows and reader.has("http"):
        only = reader.select(
            "SELECT capture_id, flow_id, min(user_agent) FROM http SEMI JOIN (SELECT capture_id, flow_id FROM "
            "account_replies WHERE role = 'request') USING (capture_id, flow_id) GROUP BY ALL "
            "HAVING count(DISTINCT user_agent) = 1"
        )
        agents = {(capture, flow): agent for capture, flow, agent in only}
    for capture, ip, flow, username, password, mac, serial, first, last, frame in rows:
        if (capture, ip) in found:
            claimed, said = mac_address(mac), agents.get((capture, flow))
            names = [f"mac {claimed}"] if claimed else []
            names += [f"line {username}"] if username and password else []
            for name in names:
                _add(found, (capture, ip), name, Place(capture, first, frame, flow, True), last, said, serial)


def _add_models(reader: TableReader, shared: Mapping[Address, Client], found: Found) -> None:
    """Add the models that user agents name, at addresses where they name several."""
    named = {address: _models(client) for address, client in shared.items()}
    several = {address for address, models in named.items() if len(set(models.values())) > 1}
    if not several:
        return
    rows = reader.select(
        "SELECT capture_id, client_ip, flow_id, user_agent, min(ts_ns), max(ts_ns), min(frame_no) FROM http "
        "WHERE method IS NOT NULL AND contains(user_agent, 'Android') GROUP BY ALL ORDER BY ALL"
    )
    for capture, ip, flow, agent, first, last, frame in rows:
        model = named[capture, ip].get(agent) if (capture, ip) in several else None
        if model is not None:
            place = Place(capture, first, frame, flow, True)
            _add(found, (capture, ip), f"model {model}", place, last, agent, None)


def _models(client: Client) -> dict[str, str]:
    """Return the model that each user agent of an Android system names."""
    claims = {text: read_agent(text) for text, _, _ in client.agents}
    return {text: said.model for text, said in claims.items() if said.model and (said.os or "").startswith("Android")}


def _add(
    found: Found, address: Address, name: str, place: Place, last: int | None, agent: str | None, serial: str | None
) -> None:
    found[address].setdefault(name, Mark(name)).add(place, last, agent, serial)


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
