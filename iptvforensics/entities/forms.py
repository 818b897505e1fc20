"""Forms that clients posted to panels and portals, to sightings: the same names that others put into the target.

A log-in and its credentials may come in the query or in a posted form (Xtream family, Stalker portals). Rule
`line-in-form` (conclusive for "these credentials were sent to this host").

**Known limitations**: a form whose body was not captured names nothing.
"""

from __future__ import annotations

from ..sessions.addresses import host_of
from .model import FIRST_PLACE, Place, TableReader
from .requests import Requests, Sighting
from .urls import PANEL, PORTAL, PanelUrl, mac_address, port_of


def add_forms(reader: TableReader, requests: Requests) -> None:
    """Add what clients named in posted forms, once per client, host and credentials."""
    if not reader.has("account_replies"):
        return
    rows = reader.select(
        "SELECT capture_id, client_ip, server_ip, server_port, family, host, url, action, username, password, token, "  # noqa: S608 (a constant)
        f"mac, max(ts_ns), count(*), {FIRST_PLACE} FROM account_replies "
        "WHERE role = 'request' GROUP BY ALL ORDER BY ALL NULLS FIRST"
    )
    for capture, client, server, port, family, host, url, action, *rest in rows:
        username, password, token, mac, last, count, *seen = rest
        says = _says(family, action, username, password, token, mac)
        if not (says.names_line or says.says == PORTAL):
            continue
        place = Place(capture, *seen)
        asked, name = port_of(host) or port, host_of(host) or server
        text = f"{url or name or ''} with a form for {action}"
        requests.sightings.append(Sighting("form", text, says, name, asked, place, last, count, client, server, port))


def _says(
    family: str | None,
    action: str | None,
    username: str | None,
    password: str | None,
    token: str | None,
    mac: str | None,
) -> PanelUrl:
    """Return what a form says of host and line, as a target with the same names would."""
    claimed = mac_address(mac)
    if family == "stalker":
        return PanelUrl("portal", PORTAL, username, password, None, claimed, action=action, family="stalker")
    return PanelUrl("api", PANEL, username, password, token, claimed, action=action)
