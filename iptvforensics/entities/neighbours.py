"""Frames to the link-layer addresses that are a device's own: one per IP address, those of routers left out.

A link-layer address is a router's if it sends for public and other IPv4 addresses, for four addresses of one version in
one network, for two networks of global IPv6 addresses, or if packets arrive with a time to live a little below one
with which systems send (64, 128, 255): they were passed on before; by a translating router
that asks itself as well, some arrive one below. A router's own are its link-local address, and the
private one of which it says so by ARP, or from which packets come with such a value.

**Known limitations**: up to three addresses of IPv6 that one link-layer address uses in one network are held to be one
device's. A host that passes on packets of others without lowering their time to live is no router by this.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from .model import TableReader

_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)
_ROUTED = 4
"""Private or IPv6 addresses behind one link-layer address from which on it is held to be a router's."""
_INITIAL_TTLS, _MOST_HOPS = (64, 128, 255), 31
"""What systems send with; packets seldom pass more routers."""

_PAIRS = (
    (
        "flows",
        "SELECT DISTINCT capture_id, unnest([orig_mac, resp_mac]), unnest([orig_ip, resp_ip]), NULL, NULL, false "
        "FROM flows",
    ),
    (
        "link_addresses",
        "SELECT capture_id, mac, ip, min(ttl_min), max(ttl_max), basis = 'ARP' FROM link_addresses GROUP BY ALL",
    ),
)


@lru_cache(1 << 14)
def is_private(address: str | None) -> bool:
    """Return True for addresses that a home gives its devices."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(found.version == network.version and found in network for network in _PRIVATE)


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


class Neighbours:
    """Which link-layer addresses sent as which IP addresses, in each capture."""

    def __init__(self, pairs: Iterable[tuple[str, str, str, int | None, int | None, bool]] = ()) -> None:
        behind: dict[tuple[str, str], set[str]] = defaultdict(set)
        near: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.senders: set[tuple[str, str]] = set()
        """Captures and link-layer addresses that sent IP packets."""
        self.routers: set[tuple[str, str]] = set()
        """Those of them that belong to routers."""
        for capture, mac, ip, low, high, is_arp in pairs:
            # These are not passed on; packets of hosts behind a router arrive with a lower time to live.
            if is_arp or ip.lower().startswith("fe80") or (is_private(ip) and _is_near(low, high)):
                near[capture, mac].add(ip)
            if is_arp:
                continue
            self.senders.add((capture, mac))
            if not is_group(ip):  # DHCP clients send from 0.0.0.0
                behind[capture, mac].add(ip)
                if _is_passed_on(low, high):
                    self.routers.add((capture, mac))
        self.routers |= {key for key, ips in behind.items() if _routes(ips)}
        self._own: dict[tuple[str, str], set[str]] = defaultdict(set)
        for (capture, mac), ips in behind.items():
            for ip in _of_router(near[capture, mac]) if (capture, mac) in self.routers else ips:
                self._own[capture, ip].add(mac)

    def mac(self, capture_id: str, ip: str) -> str | None:
        """Return the link-layer address that is an address's own; None if none is, or several are."""
        found = self._own.get((capture_id, ip), set())
        return next(iter(found)) if len(found) == 1 else None


def read_neighbours(reader: TableReader) -> Neighbours:
    """Return who sent with which link-layer address."""
    pairs = [row for table, sql in _PAIRS if reader.has(table) for row in reader.select(sql)]
    return Neighbours(pair for pair in pairs if is_station(pair[1]) and pair[2])


def _is_near(low: int | None, high: int | None) -> bool:
    """Return True if packets arrive as systems send them, those to groups with less; none passed one router."""
    return high in _INITIAL_TTLS and low is not None and low + 1 not in _INITIAL_TTLS


def _is_passed_on(low: int | None, high: int | None) -> bool:
    """Return True if packets with these times to live came by a router: all of them, or those that passed it alone."""
    if high is not None and any(0 < initial - high <= _MOST_HOPS for initial in _INITIAL_TTLS):
        return True
    return low is not None and low + 1 in _INITIAL_TTLS


def _of_router(near: set[str]) -> set[str]:
    """Return which of the addresses that a router gives as its own are: not those for which it answers ARP."""
    old = {ip for ip in near if ":" not in ip}
    return near - old if len(old) > 1 else near


def _routes(ips: set[str]) -> bool:
    """Return True if a link-layer address that sends for these addresses is a router's."""
    old = {ip for ip in ips if ":" not in ip}
    new: dict[str, int] = defaultdict(int)
    for ip in ips - old:
        if not ip.lower().startswith("fe80"):
            new[_network(ip)] += 1
    public = [ip for ip in old if not is_private(ip)]
    networks = [network for network in new if not is_private(f"{network}::")]
    others = len(old) + sum(new.values())
    return bool(public and others > 1) or max(len(old), *new.values(), 0) >= _ROUTED or len(networks) > 1


def _network(ip: str) -> str:
    """Return the first half of an IPv6 address."""
    try:
        return ":".join(ipaddress.IPv6Address(ip).exploded.split(":")[:4])
    except ValueError:
        return ip
