"""Devices of several captures to those that are one.

Rules: `same-requests` (strong: the same requests at the same time on both sides of a router), `same-link-address`
(strong, unless it was seen at two places at one time: under two addresses, or among wholly different neighbours),
`same-ipv6-address` (strong: one global address at one time),
`same-serial` (supporting: one message claims model and serial number, and so does one in another capture).

A serial number joins nothing that is a default, or that a program computed; that two devices of one capture claim, or
two that were active at one time with different link-layer addresses; or that is one of more than 16 of a device.

**Known limitations**: serial numbers are claimed, and boxes that were copied from one image have one number: where they
were never active at one time, nothing shows it.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from itertools import combinations

from .devices import MOST_NAMED, NAMED, Devices
from .model import Atom, Resolution
from .neighbours import Neighbours

COMPUTED = "computed_serials"
"""The fact that holds serial numbers that a program computed from the address that it claims."""
_DEFAULT_SERIALS = frozenset({"0000000000000", "0", "unknown", "null", "none", "1234567890", "0123456789abcdef"})
_GLOBAL = ipaddress.IPv6Network("2000::/3")
"""What is given out for the whole net: no loopback, private, site or link address."""
_WHOLE = 3
"""Parts of the key of a device that is no part of what is behind an address: capture, `mac` or `ip`, address."""


def join_devices(devices: Devices, undone: dict[str, str]) -> Resolution:
    """Return how devices of several captures are one (not resolved yet)."""
    joins = Resolution("device", "d-", undone)
    for one, other, why in devices.same:
        joins.join(one, other, "same-requests", "strong", why)
    by_mac: dict[str, list[Atom]] = defaultdict(list)
    for atom in devices.atoms:
        if atom.key[1] == "mac":
            by_mac[atom.key[2]].append(atom)
    for mac, atoms in sorted(by_mac.items()):
        for number, atom in enumerate(atoms):
            earlier = next((one for one in atoms[:number] if not _apart(one, atom, devices.neighbours)), None)
            if earlier is not None:
                joins.join(earlier.key, atom.key, "same-link-address", "strong", f"both send with {mac}")
    _join_by_address(devices, joins)
    _join_by_serial(devices, joins)
    return joins


def _join_by_address(devices: Devices, joins: Resolution) -> None:
    """Join devices of several captures that had one global address of IPv6 at one time: nobody translates it there.

    Not where frames show different link-layer addresses: these are two devices, or two places of one network.
    """
    by_address: dict[str, list[Atom]] = defaultdict(list)
    for atom in devices.atoms:
        if len(atom.key) == _WHOLE:
            for ip in atom.facts.get("ips", ()):
                if _is_global(ip):
                    by_address[ip].append(atom)
    for ip, atoms in sorted(by_address.items()):
        if len({atom.key[2] for atom in atoms if atom.key[1] == "mac"}) > 1:
            continue
        for atom in atoms[1:]:
            if atoms[0].key[0] != atom.key[0] and _overlap(atoms[0], atom):
                joins.join(atoms[0].key, atom.key, "same-ipv6-address", "strong", f"both have {ip} at one time")


def _join_by_serial(devices: Devices, joins: Resolution) -> None:
    """Join devices of several captures that claim one model with one serial number, if it can be one device's."""
    claimants: dict[str, list[Atom]] = defaultdict(list)
    by_model: dict[tuple[str, str], list[Atom]] = defaultdict(list)
    computed: set[str] = set()
    for atom in devices.atoms:
        computed.update(atom.facts.get(COMPUTED, ()))
        for serial in atom.facts.get("serials", ()):
            claimants[serial].append(atom)
        named = list(atom.facts.get(NAMED, ()))
        for model, serial in named if len(named) <= MOST_NAMED else ():
            by_model[model, serial].append(atom)
    for (model, serial), atoms in sorted(by_model.items()):
        is_nobodys = serial.lower() in _DEFAULT_SERIALS or serial in computed
        if len(atoms) > 1 and not is_nobodys and not _are_several(claimants[serial]):
            for atom in atoms[1:]:
                why = f"both claim model {model} with serial number {serial}"
                joins.join(atoms[0].key, atom.key, "same-serial", "supporting", why)


def _are_several(atoms: list[Atom]) -> bool:
    """Return True if two stand in one capture, or were active at one time with different link-layer addresses."""
    if len({atom.key[0] for atom in atoms}) < len(atoms):
        return True
    macs = [(atom, set(atom.facts.get("macs", ()))) for atom in atoms]
    return any(
        mine and theirs and not mine & theirs and _overlap(one, other)
        for (one, mine), (other, theirs) in combinations(macs, 2)
    )


def _overlap(one: Atom, other: Atom) -> bool:
    return (one.first_ns or 0) <= (other.last_ns or 0) and (other.first_ns or 0) <= (one.last_ns or 0)


def _apart(one: Atom, other: Atom, neighbours: Neighbours) -> bool:
    """Return True if two captures show one link-layer address at one time at two places.

    That is under different addresses, or where none of the other link-layer addresses is the same: a router or server
    that both would have to show.
    """
    if not _overlap(one, other):
        return False
    old = [{ip for ip in atom.facts.get("ips", ()) if ":" not in ip} for atom in (one, other)]
    if old[0] and old[1] and not old[0] & old[1]:
        return True
    near = [neighbours.of_capture(atom.key[0]) - {atom.key[2]} for atom in (one, other)]
    return bool(near[0] and near[1]) and not near[0] & near[1]


def _is_global(ip: str) -> bool:
    try:
        return ipaddress.IPv6Address(ip) in _GLOBAL
    except ValueError:
        return False
