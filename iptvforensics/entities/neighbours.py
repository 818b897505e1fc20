"""Frames to the link-layer addresses that are a device's own: one per IP address, those of routers left out.

A link-layer address is a router's if it sends for a public and another IPv4 address, for two networks of global IPv6
addresses, at one time for four addresses of IPv4 or for six addresses of one IPv6 network, or if packets arrive with a
time to live that shows that they were passed on before (`sessions.hops`). A router's own are its link-local address,
and the private one of which it says so by ARP, or from which packets come as systems send them.

Addresses are in use at one time if less than a quarter of an hour lies between the end of one and the start of the
other: leases and temporary addresses that follow each other over days are one device's.

**Known limitations**: up to five addresses of IPv6 that one link-layer address uses in one network at one time are held
to be one device's. A host that passes on packets of others without lowering their time to live is no router by this.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from ..sessions.hops import INITIAL_TTLS, is_passed_on
from .model import TableReader
from .scopes import PRIVATE_NETWORKS

_ROUTED, _ROUTED_NEW = 4, 6
"""Addresses of IPv4 and IPv6 in use behind one link-layer address from which on it is held to be a router's: a device
has a stable address of IPv6, a temporary one for each day, and those of days before while connections are open."""
_AT_ONCE_NS = 900 * 10**9
_ALWAYS = (-(1 << 63), 1 << 63)

Span = tuple[int, int]
"""First and last time."""

_PAIRS = (
    (
        "flows",
        "SELECT capture_id, mac, ip, NULL, NULL, false, min(first_ns), max(last_ns) FROM (SELECT capture_id, first_ns, "
        "last_ns, unnest([orig_mac, resp_mac]) AS mac, unnest([orig_ip, resp_ip]) AS ip FROM flows) GROUP BY ALL",
    ),
    (
        "link_addresses",
        "SELECT capture_id, mac, ip, min(ttl_min), max(ttl_max), basis = 'ARP', min(first_ns), max(last_ns) "
        "FROM link_addresses GROUP BY capture_id, mac, ip, basis = 'ARP'",
    ),
)


@lru_cache(1 << 14)
def is_private(address: str | None) -> bool:
    """Return True for addresses that a home gives its devices."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(found.version == network.version and found in network for network in PRIVATE_NETWORKS)


@lru_cache(1 << 14)
def is_group(address: str | None) -> bool:
    """Return True for multicast and broadcast addresses."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return found.is_multicast or address == "255.255.255.255" or found.is_unspecified


@lru_cache(1 << 14)
def is_station(mac: str | None) -> bool:
    """Return True for link-layer addresses that one interface may have: not for zeros (loopback) and groups."""
    return bool(mac) and mac != "00:00:00:00:00:00" and not int((mac or "")[:2] or "0", 16) & 1


class Sighting(NamedTuple):
    """An IP address with which a link-layer address sent, or which it said it has."""

    capture_id: str
    mac: str
    ip: str
    ttl_min: int | None = None
    ttl_max: int | None = None
    is_arp: bool = False
    first_ns: int | None = None
    last_ns: int | None = None


class Neighbours:
    """Which link-layer addresses sent as which IP addresses, in each capture."""

    def __init__(self, sightings: Iterable[Sighting] = ()) -> None:
        behind: dict[tuple[str, str], dict[str, Span]] = defaultdict(dict)
        near: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.senders: set[tuple[str, str]] = set()
        """Captures and link-layer addresses that sent IP packets."""
        self.routers: set[tuple[str, str]] = set()
        """Those of them that belong to routers."""
        for capture, mac, ip, low, high, is_arp, first, last in sightings:
            # These are not passed on; packets of hosts behind a router arrive with a lower time to live.
            if is_arp or ip.lower().startswith("fe80") or (is_private(ip) and _is_near(low, high)):
                near[capture, mac].add(ip)
            if is_arp:
                continue
            self.senders.add((capture, mac))
            if not is_group(ip):  # DHCP clients send from 0.0.0.0
                span = _ALWAYS if first is None or last is None else (first, last)
                known = behind[capture, mac].get(ip, span)
                behind[capture, mac][ip] = min(known[0], span[0]), max(known[1], span[1])
                if is_passed_on(low, high):
                    self.routers.add((capture, mac))
        self.routers |= {key for key, ips in behind.items() if _routes(ips)}
        self._of_capture: dict[str, set[str]] = defaultdict(set)
        for capture, mac in self.senders:
            self._of_capture[capture].add(mac)
        self._own: dict[tuple[str, str], set[str]] = defaultdict(set)
        for (capture, mac), ips in behind.items():
            for ip in _of_router(near[capture, mac]) if (capture, mac) in self.routers else ips:
                self._own[capture, ip].add(mac)

    def of_capture(self, capture_id: str) -> Set[str]:
        """Return the link-layer addresses that sent IP packets in a capture."""
        return self._of_capture.get(capture_id, frozenset())

    def mac(self, capture_id: str, ip: str) -> str | None:
        """Return the link-layer address that is an address's own; None if none is, or several are."""
        found = self._own.get((capture_id, ip), set())
        return next(iter(found)) if len(found) == 1 else None


def read_neighbours(reader: TableReader) -> Neighbours:
    """Return who sent with which link-layer address."""
    rows = (Sighting(*row) for table, sql in _PAIRS if reader.has(table) for row in reader.select(sql))
    return Neighbours(row for row in rows if is_station(row.mac) and row.ip)


def _is_near(low: int | None, high: int | None) -> bool:
    """Return True if packets arrive as systems send them, those to groups with less; none passed one router."""
    return high in INITIAL_TTLS and low is not None and low + 1 not in INITIAL_TTLS


def _of_router(near: set[str]) -> set[str]:
    """Return which of the addresses that a router gives as its own are: not those for which it answers ARP."""
    old = {ip for ip in near if ":" not in ip}
    return near - old if len(old) > 1 else near


def _routes(ips: Mapping[str, Span]) -> bool:
    """Return True if a link-layer address that sends for these addresses at these times is a router's."""
    old = [ip for ip in ips if ":" not in ip]
    new: dict[str, list[Span]] = defaultdict(list)
    for ip in ips.keys() - old:
        if not ip.lower().startswith("fe80"):
            new[_network(ip)].append(ips[ip])
    if len(old) > 1 and not all(map(is_private, old)):
        return True
    if len([network for network in new if not is_private(f"{network}::")]) > 1:
        return True
    return _most_at_once(ips[ip] for ip in old) >= _ROUTED or any(_most_at_once(n) >= _ROUTED_NEW for n in new.values())


def _most_at_once(spans: Iterable[Span]) -> int:
    """Return how many addresses were in use at one time, at most."""
    changes = sorted(change for first, last in spans for change in ((first, 1), (last + _AT_ONCE_NS, -1)))
    return max(accumulate(change for _, change in changes), default=0)


def _network(ip: str) -> str:
    """Return the first half of an IPv6 address."""
    try:
        return ":".join(ipaddress.IPv6Address(ip).exploded.split(":")[:4])
    except ValueError:
        return ip
