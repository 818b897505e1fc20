"""Flows to client addresses that are one client's: an IPv4 address of a home and IPv6 addresses of one network.

A box with both versions asks for a playlist over one and for its media over the other. Its addresses are told by the
link-layer address from which all its flows come, where that stands for one private IPv4 address and one to three IPv6
addresses of one network (a stable one and temporary ones), and where no packet was passed on before (`hops`).

**Known limitations**: a router with a private address of its own, behind which few IPv6 addresses ask, looks the same
if it does not lower the time to live. Without link layer, and outside a home, the versions stay apart.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable

from .hops import is_passed_on
from .records import Flow, LinkAddress

_HOMES = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_MOST = 3
_NETWORK = 64


def same_clients(clients: Iterable[str], flows: Iterable[Flow], near: Iterable[LinkAddress] = ()) -> dict[str, str]:
    """Return for IPv6 addresses of clients the IPv4 address of the same client.

    Args:
        clients: addresses that asked for something.
        flows: all flows of the capture.
        near: what was sent with which link-layer address.
    """
    if not any(":" in ip for ip in clients):
        return {}
    used: dict[str, set[str]] = defaultdict(set)
    for flow in flows:
        for mac, ip in ((flow.orig_mac, flow.orig_ip), (flow.resp_mac, flow.resp_ip)):
            if mac and ip:
                used[mac].add(ip)
    for one in near:
        if one.basis == "IP" and one.mac in used and is_passed_on(one.ttl_min, one.ttl_max):
            del used[one.mac]
    found: dict[str, str] = {}
    twice: set[str] = set()
    for ips in used.values():
        old = _one_client(ips)
        for ip in ips - {old} if old else ():
            twice |= {ip} & found.keys()
            found[ip] = old or ""
    return {ip: old for ip, old in found.items() if ip not in twice}


def _one_client(ips: set[str]) -> str | None:
    """Return the IPv4 address of what may be one client with these addresses; None if it may not."""
    parsed = [ipaddress.ip_address(ip) for ip in ips]
    old = [ip for ip in parsed if ip.version == 4 and not (ip.is_multicast or ip.is_unspecified)]
    new = [ip for ip in parsed if ip.version == 6 and not (ip.is_multicast or ip.is_unspecified or ip.is_link_local)]
    networks = {int(ip) >> _NETWORK for ip in new}
    if len(old) != 1 or not any(old[0] in network for network in _HOMES):
        return None
    return str(old[0]) if len(networks) == 1 and len(new) <= _MOST else None
