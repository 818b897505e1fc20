"""Addresses that announce themselves or answer to devices: they need not ask anybody for anything.

Rules:

- `device-link-address` (strong): frames come with a link-layer address that is this address's own.
- `device-announces` (supporting): what comes from an address says of itself what it is.
- `device-answers` (supporting): the web interface of a receiver answers at the address.

Addresses count that a home gives its devices, and others of IPv6 with a link-layer address of their own. What kind of
device it is stays open, unless something says so: routers, printers and televisions announce themselves like boxes.

**Known limitations**: of several devices behind one address that announce themselves, one is made.
"""

from __future__ import annotations

from typing import Any

from .devices import Address, Devices, claimed_together
from .model import Atom, Key, Place
from .neighbours import is_group, is_private


def heard(devices: Devices, address: Address, place: Place, shows: str, rule: str = "device-announces") -> Atom | None:
    """Return the device from whose address something came that describes it; it is made if nothing else showed it.

    None where several devices share the address, where servers are, and where no device is to be expected.
    """
    capture, ip = address
    if devices.keys(capture, ip):
        known = devices.pick(capture, ip, flows=[place.flow_id])
        return devices.atoms[known] if known is not None else None
    is_public = ":" not in ip and not is_private(ip)  # many may be behind it
    mac = None if is_public else devices.neighbours.mac(capture, ip)
    if not ip or is_group(ip) or ip in devices.servers or not (mac or is_private(ip)):
        return None
    key: Key = (capture, "mac", mac) if mac else (capture, "ip", ip)
    is_new = key not in devices.atoms
    atom = devices.atoms[key]
    devices.at[address].append(key)
    atom.fact("ips", ip)
    atom.seen(rule, "supporting", place, shows, count=0)
    if mac:
        atom.seen("device-link-address", "strong", place, f"{ip} sends with link-layer address {mac}")
        atom.fact("macs", mac)
    if is_new:
        told = f"own link-layer address {mac}" if mac else ip
        atom.fact("told_apart", f"{told}; known by what it says in its own network only")
    return atom


def note(atom: Atom, rule: str, place: Place, protocol: str, **claims: Any) -> None:
    """Note what a device says of itself; None and empty texts are nothing."""
    said = {name: value for name, value in claims.items() if value}
    for name, value in said.items():
        atom.fact(name, value)
    claimed_together(atom, said.get("models"), said.get("serials"))
    if said:
        told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in sorted(said.items()))
        atom.seen(rule, "lead", place, f"{protocol}: {told}", count=0)
