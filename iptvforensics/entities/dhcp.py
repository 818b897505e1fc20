"""DHCP to devices: what clients say of themselves.

The link-layer address inside a message is written by the client; where frames come with it, the device is known by it.
Else it is claimed, and the device is the one that has the address which the server gave, or the client has or asks for
(without a refusal). An address that was given to several clients tells nothing of either.

Rules:

- `claimed-lease` (lead): an address was given to a client that calls itself so.
- `claimed-host-name`, `claimed-vendor-class`, `claimed-dhcp` (lead): names, classes, and the other options by which
  clients can be told: vendor data (43, 125, in DHCPv6 17), options asked for (55), client identifier (61), DUID.

Vendor data of cable boxes (CableLabs, vendor class `docsis...`, `pktc...` or `OpenCable...`) and of TR-069 (enterprise
3561) name serial number, model and firmware.

**Known limitations**: other vendor data is told as sent; a client that never gets an address is a device by its
messages alone; addresses that DHCPv6 gives name no device: behind a relay it has the one that the relay names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..times import iso_time
from .devices import Address, Devices, claimed_together
from .heard import heard, note
from .leases import Lease, holders, read_leases
from .model import FIRST_FRAME, Atom, Key, Place, TableReader
from .urls import mac_address

_CABLE = ("docsis", "pktc", "opencable")
_CABLE_FIELDS = {4: "serials", 6: "firmware", 9: "models"}
"""CL-SP-CANN-DHCP-Reg section 5.1: parts of option 43."""
_TR_069_FIELDS = {"3561.2": "serials", "3561.3": "models"}
"""Broadband Forum TR-069 annex F: parts of option 125."""


def add_four(reader: TableReader, devices: Devices) -> None:
    """Add what DHCP clients say of themselves."""
    leases = read_leases(reader)
    known: dict[Address, Atom] = {}
    held = holders(leases)
    rows = reader.select(
        "SELECT capture_id, client_mac, coalesce(host_name, fqdn), vendor_class, user_class, vendor_classes, "
        "vendor_options, vendor_data, vendor_text, parameter_list, client_id, client_id_mac, "
        "min(ts_ns), min(frame_no), arg_min(flow_id, frame_no), true "
        "FROM dhcp WHERE client_mac IS NOT NULL AND NOT is_response GROUP BY ALL ORDER BY ALL"
    )
    for capture, mac, name, vendor, user, classes, options, data, text, asked, client_id, id_mac, *seen in rows:
        client, place = (capture, mac_address(mac) or mac), Place(capture, *seen)
        if client not in known:
            known[client] = _device(devices, client, leases.get(client, []), held, place)
        atom = known[client]
        if id_mac and id_mac != client[1]:
            note(atom, "claimed-dhcp", place, "DHCP", claimed_macs=mac_address(id_mac))
        note(atom, "claimed-host-name", place, "DHCP", host_names=name)
        system = _system(vendor or "")
        note(atom, "claimed-vendor-class", place, "DHCP", local_claims=_told("vendor class", vendor), os=system)
        for said in (_told("vendor class", ", ".join(classes or ())), _told("user class", user)):
            note(atom, "claimed-vendor-class", place, "DHCP", local_claims=said)
        _add_vendor(atom, place, "DHCP", options)
        cable = dict(_cable(vendor or "", data or ""))
        for field, value in cable.items():
            note(atom, "claimed-dhcp", place, "DHCP", **{field: value})
        claimed_together(atom, cable.get("models"), cable.get("serials"))
        numbers = ",".join(map(str, asked or ()))
        said_of = (("vendor data", text or data), ("asks for options", numbers), ("client identifier", client_id))
        for what, value in said_of:
            note(atom, "claimed-dhcp", place, "DHCP", local_claims=_told(what, value))


def add_six(reader: TableReader, devices: Devices) -> None:
    """Add what DHCPv6 clients say of themselves: the address that they send from tells whose it is."""
    rows = reader.select(
        "SELECT capture_id, coalesce(relayed_from, client_ip), fqdn, vendor_enterprise, vendor_class, user_class, "  # noqa: S608
        "vendor_options, parameter_list, client_duid, client_duid_ns, client_duid_mac, relayed_mac, "
        f"{FIRST_FRAME} FROM dhcp6 WHERE NOT is_response "
        "GROUP BY ALL ORDER BY ALL"
    )
    for capture, sender, name, number, vendor, user, options, asked, duid, made, mac, relayed, *seen in rows:
        place = Place(capture, *seen)
        atom = heard(devices, (capture, sender or ""), place, f"{sender} asks for addresses by DHCPv6")
        if atom is None:
            continue
        for who, said_mac in (("DHCPv6", mac), ("DHCPv6 relay", relayed)):
            if said_mac and said_mac not in atom.facts.get("macs", ()):
                note(atom, "claimed-dhcp", place, who, claimed_macs=mac_address(said_mac))
        note(atom, "claimed-host-name", place, "DHCPv6", host_names=name)
        for said in (_told("vendor class", f"{number}={vendor}" if vendor else None, 6), _told("user class", user, 6)):
            note(atom, "claimed-vendor-class", place, "DHCPv6", local_claims=said)
        _add_vendor(atom, place, "DHCPv6", options)
        numbers = ",".join(map(str, asked or ()))
        when = iso_time(made) if made else None
        for what, value in (("DUID", duid), ("DUID made", when), ("asks for options", numbers)):
            note(atom, "claimed-dhcp", place, "DHCPv6", local_claims=_told(what, value, 6))


def _device(
    devices: Devices, client: Address, leases: list[Lease], held: Mapping[Address, set[str]], place: Place
) -> Atom:
    """Return the device of a client, which is made if nothing else showed it."""
    capture, mac = client
    key: Key = (capture, "mac", mac)
    if key in devices.atoms or (client in devices.neighbours.senders and client not in devices.neighbours.routers):
        atom = devices.atoms[key]
        if not atom.rules:
            atom.seen("device-link-address", "strong", place, f"a DHCP client sends with link-layer address {mac}")
            atom.fact("macs", mac)
            atom.fact("told_apart", f"own link-layer address {mac}; known by what it says in its own network only")
    else:
        at = next((found for lease in leases if (found := _at(devices, lease, held)) is not None), None)
        atom = at if at is not None else devices.atoms[capture, "dhcp", mac]
        if not atom.rules:
            shows = f"a DHCP client calls itself {mac}"
            atom.seen("device-announces", "supporting", place, shows)
            atom.fact("told_apart", f"{shows}; known by what it says in its own network only")
        atom.fact("claimed_macs", mac)
    for lease in leases:
        if held[capture, lease.ip] == {mac}:
            atom.seen("claimed-lease", "lead", lease.place, f"DHCP: {mac} {lease.how} {lease.ip}", count=0)
            atom.fact("ips", lease.ip)
            if not devices.at[capture, lease.ip] and lease.ip not in devices.servers:
                devices.at[capture, lease.ip].append(atom.key)
    return atom


def _at(devices: Devices, lease: Lease, held: Mapping[Address, set[str]]) -> Atom | None:
    """Return the device that has the address of a lease, unless another link-layer address was seen to send from it."""
    address = lease.place.capture_id, lease.ip
    key = devices.pick(*address)
    if key is None or key[1] == "mac" or held[address] != {lease.mac}:
        return None
    return devices.atoms[key]


def _add_vendor(atom: Atom, place: Place, protocol: str, options: list[str] | None) -> None:
    """Note vendor data behind an enterprise number."""
    told: dict[str, str] = {}
    for option in options or ():
        code, _, value = option.partition("=")
        name = _TR_069_FIELDS.get(code, "local_claims")
        told[name] = value
        said = value if code in _TR_069_FIELDS else f"{protocol} vendor data: {option}"
        note(atom, "claimed-dhcp", place, protocol, **{name: said})
    claimed_together(atom, told.get("models"), told.get("serials"))


def _cable(vendor_class: str, data: str) -> Iterator[tuple[str, str]]:
    """Yield what vendor data of cable boxes says: property and value."""
    value, at = bytes.fromhex(data), 0
    while vendor_class.lower().startswith(_CABLE) and at + 2 <= len(value) and at + 2 + value[at + 1] <= len(value):
        text = value[at + 2 : at + 2 + value[at + 1]].decode("ascii", "replace")
        if value[at] in _CABLE_FIELDS and text.isprintable():
            yield _CABLE_FIELDS[value[at]], text
        at += 2 + value[at + 1]


def _told(what: str, value: Any, version: int = 4) -> str | None:
    return f"{'DHCPv6' if version == 6 else 'DHCP'} {what}: {value}" if value else None


def _system(vendor_class: str) -> str | None:
    """Return the system that a vendor class names."""
    name, _, version = vendor_class.partition("-dhcp-")
    if name == "android":
        return f"Android {version}".strip()
    return "Windows" if vendor_class.startswith("MSFT ") else None
