"""Flows and exchanges to clients: which addresses asked others, with which link-layer address and user agents.

A link-layer address is that of the client only where no router stands between: one that sends for many addresses
is a router's. An address is held to be shared (by a home behind a translating router) where it is public IPv4 or its
frames come from a router.

**Known limitations**: up to three addresses of IPv6 that one link-layer address uses in one network are held to be one
device's.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .model import Place, TableReader

_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)
_ASKING = (
    ("http", "method IS NOT NULL", "user_agent"),
    ("rtmp", "from_orig", "flash_ver"),
    ("srt", "is_agreed", "CAST(NULL AS VARCHAR)"),
)
"""Tables with requests, which of their rows are some, and what clients say of themselves there."""
_DIALOGUE = 2
_ROUTED = 4
"""Private or IPv6 addresses behind one link-layer address from which on it is held to be a router's."""


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


@dataclass(slots=True)
class Client:
    """One address that asked others, in one capture."""

    capture_id: str
    ip: str
    mac: str | None = None
    """Link-layer address that is its own, as far as can be told."""
    is_shared: bool = False
    agents: list[tuple[str, int, Place]] = field(default_factory=list)
    first: Place | None = None
    last_ns: int | None = None
    speaks: bool = False
    """True if it asked for something by HTTP, RTMP or SRT, or had a dialogue over TCP."""
    is_single: bool = False
    """True if none of its TCP connections has a second packet: noise, or a forged address, as likely as a device."""


def read_clients(reader: TableReader) -> dict[tuple[str, str], Client]:
    """Return the clients of a case by capture and address."""
    clients: dict[tuple[str, str], Client] = {}
    if reader.has("flows"):
        _add_flows(reader, clients)
    for table, own, agent in _ASKING:
        if reader.has(table):
            _add_agents(reader, clients, table, own, agent)
    return clients


def _client(clients: dict[tuple[str, str], Client], capture_id: str, ip: str, place: Place, last: Any) -> Client:
    client = clients.setdefault((capture_id, ip), Client(capture_id, ip))
    if client.first is None or (place.ts_ns or 0) < (client.first.ts_ns or 0):
        client.first = place
    client.last_ns = max(client.last_ns or 0, last or 0) or None
    return client


def _add_flows(reader: TableReader, clients: dict[tuple[str, str], Client]) -> None:
    rows = reader.select(
        "SELECT capture_id, orig_ip, orig_mac, min(first_ns), max(last_ns), min(first_frame), "
        "arg_min(flow_id, first_frame), max(coalesce(orig_packets + resp_packets, 2)) FILTER (transport = 'tcp') "
        "FROM flows WHERE orig_ip IS NOT NULL "
        "GROUP BY ALL ORDER BY ALL"
    )
    answers = reader.select(
        "SELECT DISTINCT capture_id, resp_ip, resp_mac FROM flows WHERE resp_mac IS NOT NULL AND resp_ip IS NOT NULL"
    )
    behind: dict[tuple[str, str], set[str]] = defaultdict(set)
    for capture, ip, mac, *_ in rows:
        if not is_group(ip):  # DHCP clients send from 0.0.0.0
            behind[capture, mac].add(ip)
    for capture, ip, mac in answers:
        if not is_group(ip):
            behind[capture, mac].add(ip)
    routers = {key for key, ips in behind.items() if _routes(ips)}
    single: dict[tuple[str, str], bool] = defaultdict(lambda: True)
    own: dict[tuple[str, str], set[str]] = defaultdict(set)
    for capture, ip, mac, first, last, frame, flow, packets in rows:
        if is_group(ip):
            continue
        place = Place(capture, first, frame, flow, True)
        client = _client(clients, capture, ip, place, last)
        if mac and (capture, mac) not in routers:
            client.mac = min(client.mac or mac, mac)
            own[capture, ip].add(mac)
        client.is_shared = (capture, mac) in routers or (":" not in ip and not is_private(ip))
        single[capture, ip] &= packets is not None and packets < _DIALOGUE
        client.is_single = single[capture, ip]
        client.speaks |= packets is not None and packets >= _DIALOGUE and is_private(ip)
    for address, macs in own.items():
        if len(macs) > 1:  # given to one device after the other
            clients[address].is_shared, clients[address].mac = True, None


def _routes(ips: set[str]) -> bool:
    """Return True if a link-layer address that sends for these addresses is a router's."""
    old = {ip for ip in ips if ":" not in ip}
    new = {ip for ip in ips if ":" in ip and not ip.lower().startswith("fe80")}
    networks = {ip.split("::")[0] if "::" in ip else ":".join(ip.split(":")[:4]) for ip in new}
    public = [ip for ip in old if not is_private(ip)]
    return bool(public and len(old | new) > 1) or max(len(old), len(new)) >= _ROUTED or len(networks) > 1


def _add_agents(reader: TableReader, clients: dict[tuple[str, str], Client], table: str, own: str, agent: str) -> None:
    rows = reader.select(
        f"SELECT capture_id, client_ip, {agent}, count(*), min(ts_ns), max(ts_ns), min(frame_no), "  # noqa: S608
        f"arg_min(flow_id, frame_no), arg_min(stream_offset, frame_no) FROM {table} "
        f"WHERE client_ip IS NOT NULL AND {own} GROUP BY ALL ORDER BY ALL"
    )
    for capture, ip, text, count, first, last, frame, flow, offset in rows:
        place = Place(capture, first, frame, flow, True, offset)
        client = _client(clients, capture, ip, place, last)
        client.speaks |= not client.is_single
        if text:
            client.agents.append((text, count, place))
