"""What devices say of themselves in their own network, to claims of devices: DHCP, mDNS, SSDP, UPnP, ADB, NTP.

Rules, all leads, since whoever made the firmware set these values and anybody can change them:

- `claimed-host-name`, `claimed-vendor-class`, `claimed-dhcp`, `claimed-lease`: DHCP (`dhcp`).
- `claimed-mdns`: host name, model and names of services in a device's own answers by multicast DNS.
- `claimed-ssdp`: what the sender of SSDP announcements and searches says it is.
- `claimed-upnp`: model, serial number and maker in the device's own description.
- `claimed-adb`: model and serial number that a device's debug bridge gives to whoever connects.
- `clock-offset`, `clock-skew`: NTP (`clocks`).

**Known limitations**: cheap devices share serial numbers and descriptions; several services of one device may call
themselves differently.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from .clocks import add_clocks
from .devices import Devices
from .dhcp import add_four, add_six
from .heard import heard, note
from .mdns import read_answer
from .model import FIRST_FRAME, Kind, Place, TableReader
from .neighbours import is_group
from .urls import mac_address

_MDNS_PORT = 5353
MDNS_ANSWERS = Kind("dns", f"is_response AND {_MDNS_PORT:d} IN (client_port, server_port)")
"""Rows of `dns` that are read here."""
_KINDS = (("InternetGatewayDevice", "router"), ("WLANAccessPointDevice", "router"), ("Printer", "printer"))
"""Kinds of devices (UPnP) that are none that watch."""


def add_local(reader: TableReader, devices: Devices, there: Container[Kind]) -> None:
    """Add what devices say of themselves in their own network.

    Args:
        reader: the tables of the captures.
        devices: of the case.
        there: which kinds of rows the tables have.
    """
    for is_there, add in (
        (reader.has("dhcp"), add_four),
        (reader.has("dhcp6"), add_six),
        (MDNS_ANSWERS in there, _add_mdns),
        (reader.has("ssdp"), _add_ssdp),
        (reader.has("upnp_devices"), _add_upnp),
        (reader.has("adb"), _add_adb),
        (reader.has("ntp"), add_clocks),
    ):
        if is_there:
            add(reader, devices)


def _add_mdns(reader: TableReader, devices: Devices) -> None:
    rows = reader.select(
        "SELECT capture_id, client_ip, client_port, server_ip, server_port, "  # noqa: S608
        "list_concat(coalesce(answers, []), coalesce(additionals, [])) AS records, "
        f"{FIRST_FRAME} FROM dns WHERE {MDNS_ANSWERS.condition} GROUP BY ALL ORDER BY ALL"
    )
    for capture, client, client_port, server, server_port, records, *seen in rows:
        # Whoever sends to a group is not the group; which end is called the client hangs on what came first.
        sender, port = (client, client_port) if is_group(server) else (server, server_port)
        if port != _MDNS_PORT:
            continue
        answer, place = read_answer(sender, records), Place(capture, *seen)
        named = {name: value for name, value in answer if name in ("models", "serials")}
        if len(named) > 1:
            _hear(devices, "claimed-mdns", sender, place, "mDNS", **named)
        for name, value in answer:
            said = mac_address(value) if name == "claimed_macs" else value
            _hear(devices, "claimed-mdns", sender, place, "mDNS", **{name: said})


def _add_ssdp(reader: TableReader, devices: Devices) -> None:
    kinds = " ".join(f"WHEN contains(concat(search_target, usn), ':device:{t}:') THEN '{k}'" for t, k in _KINDS)
    rows = reader.select(
        f"SELECT capture_id, client_ip, server_ip, method, friendly_name, user_agent, server, max(CASE {kinds} END), "  # noqa: S608
        f"{FIRST_FRAME} FROM ssdp GROUP BY ALL ORDER BY ALL"
    )
    for capture, client, responder, method, name, agent, server, kind, *seen in rows:
        sender = client if method == "M-SEARCH" or is_group(responder) else responder
        software = f"SSDP software: {agent or server}" if agent or server else None
        is_of = None if method == "M-SEARCH" else kind  # a search names what is looked for
        said = {"host_names": name, "local_claims": software, "kinds": is_of}
        _hear(devices, "claimed-ssdp", sender, Place(capture, *seen), "SSDP", **said)


def _add_upnp(reader: TableReader, devices: Devices) -> None:
    rows = reader.select(
        "SELECT capture_id, server_ip, friendly_name, coalesce(model_name, model_number), serial_number, manufacturer, "  # noqa: S608
        f"device_type, {FIRST_FRAME} FROM upnp_devices WHERE parent_udn IS NULL GROUP BY ALL ORDER BY ALL"
    )
    for capture, sender, name, model, serial, maker, device, *seen in rows:
        kind = next((kind for text, kind in _KINDS if f":device:{text}:" in (device or "")), None)
        made = f"UPnP maker: {maker}" if maker else None
        said = {"host_names": name, "models": model, "serials": serial, "local_claims": made, "kinds": kind}
        _hear(devices, "claimed-upnp", sender, Place(capture, *seen), "UPnP", **said)


def _add_adb(reader: TableReader, devices: Devices) -> None:
    rows = reader.select(
        "SELECT capture_id, CASE WHEN system_type = 'host' THEN client_ip ELSE server_ip END AS sender, "  # noqa: S608
        "coalesce(product_model, product_name, product_device), serial_number, "
        f"{FIRST_FRAME} FROM adb "
        "WHERE coalesce(product_model, product_name, product_device, serial_number) IS NOT NULL "
        "GROUP BY ALL ORDER BY ALL"
    )
    for capture, sender, model, serial, *seen in rows:
        _hear(devices, "claimed-adb", sender, Place(capture, *seen), "ADB", models=model, serials=serial)


def _hear(devices: Devices, rule: str, sender: str | None, place: Place, protocol: str, **claims: Any) -> None:
    """Note what came from an address, of the device there."""
    if any(claims.values()):
        shows = f"{sender} describes itself by {protocol}"
        atom = heard(devices, (place.capture_id, sender or ""), place, shows)
        if atom is not None:
            note(atom, rule, place, protocol, **claims)
