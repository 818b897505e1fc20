"""Flows and exchanges to clients: which addresses asked others, with which link-layer address and user agents.

A link-layer address is that of the client only where no router stands between (`neighbours`). An address is held to be
shared (by a home behind a translating router) where it is public IPv4, its frames come from a router, several
link-layer addresses sent from it (and not one alone had dialogues), or DHCP gave it to several clients.

A client speaks if it asked for something by HTTP, RTMP or SRT, or had a dialogue over TCP, or over UDP (QUIC) with
payload both ways (not that of DHCP: relays have it as well). Dialogues count at private addresses, and with payload
both ways at others with a link-layer address of their own; over UDP, and at others than private addresses, only if
nobody sent anything there over TCP: servers ask as well.

**Known limitations**: where a capture has no link layer, addresses that are not private count by HTTP, RTMP and SRT
only.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from .leases import holders, read_leases
from .model import Place, TableReader, first_few
from .neighbours import Neighbours, is_group, is_private, is_station, read_neighbours

Address = tuple[str, str]
"""Capture and address."""

_ASKING = (
    ("http", "method IS NOT NULL", "user_agent"),
    ("rtmp", "from_orig", "flash_ver"),
    ("srt", "is_agreed", "CAST(NULL AS VARCHAR)"),
)
"""Tables with requests, which of their rows are some, and what clients say of themselves there."""
_DIALOGUE = 2
_SENT = {side: f"coalesce({side}_payload_bytes, {side}_bytes, 0)" for side in ("orig", "resp")}
_BOTH_WAYS = f"{_SENT['orig']} > 0 AND {_SENT['resp']} > 0"
"""Flows in which both sides sent something."""


@dataclass(slots=True)
class Sender:
    """One of several link-layer addresses that sent from an address, one after the other or by turns."""

    mac: str
    first: Place
    last_ns: int | None = None
    flows: set[int] = field(default_factory=set)
    agents: list[tuple[str, int, Place]] = field(default_factory=list)


@dataclass(slots=True)
class Client:
    """One address that asked others, in one capture."""

    capture_id: str
    ip: str
    mac: str | None = None
    """Link-layer address that is its own, as far as can be told."""
    is_shared: bool = False
    why_shared: str = ""
    agents: list[tuple[str, int, Place]] = field(default_factory=list)
    differs: list[tuple[str, Place]] = field(default_factory=list)
    """What differs among what comes from a shared address, and where it was seen."""
    senders: list[Sender] = field(default_factory=list)
    """Who sent from it, if several did and had dialogues."""
    first: Place | None = None
    last_ns: int | None = None
    speaks: bool = False
    """True if it asked for something by HTTP, RTMP or SRT, or had a dialogue over TCP or UDP."""
    is_single: bool = False
    """True if none of its TCP connections has a second packet: noise, or a forged address, as likely as a device."""


def read_clients(reader: TableReader, neighbours: Neighbours | None = None) -> dict[Address, Client]:
    """Return the clients of a case by capture and address.

    Args:
        reader: the tables of the captures.
        neighbours: who sent with which link-layer address; read if not given.
    """
    clients: dict[Address, Client] = {}
    if reader.has("flows"):
        _add_flows(reader, clients, neighbours if neighbours is not None else read_neighbours(reader))
    _add_leases(reader, clients)
    for table, own, agent in _ASKING:
        if reader.has(table):
            _add_agents(reader, clients, table, own, agent)
    return clients


def _client(clients: dict[Address, Client], capture_id: str, ip: str, place: Place, last: Any) -> Client:
    client = clients.setdefault((capture_id, ip), Client(capture_id, ip))
    if client.first is None or (place.ts_ns or 0) < (client.first.ts_ns or 0):
        client.first = place
    client.last_ns = max(client.last_ns or 0, last or 0) or None
    return client


def _add_flows(reader: TableReader, clients: dict[Address, Client], neighbours: Neighbours) -> None:
    rows = reader.select(
        "SELECT capture_id, orig_ip, orig_mac, min(first_ns), max(last_ns), min(first_frame), "  # noqa: S608
        "arg_min(flow_id, first_frame), max(coalesce(orig_packets + resp_packets, 2)) FILTER (transport = 'tcp'), "
        f"coalesce(bool_or({_BOTH_WAYS}) FILTER (transport = 'tcp'), false), coalesce(bool_or({_BOTH_WAYS}) "
        "FILTER (transport = 'udp' AND coalesce(protocol, '') NOT LIKE '%dhcp%'), false) "
        "FROM flows WHERE orig_ip IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    taking = reader.select(
        "SELECT DISTINCT capture_id, resp_ip FROM flows WHERE transport = 'tcp' AND resp_ip IS NOT NULL "  # noqa: S608
        f"AND ({_SENT['orig']} > 0 OR {_SENT['resp']} > 0)"
    )
    # What is no private address is the same in all captures.
    answering = {(capture if is_private(ip) else "", ip) for capture, ip in taking}
    most: dict[Address, int] = {}
    routed: dict[Address, bool] = defaultdict(lambda: True)
    own: dict[Address, dict[str, bool]] = defaultdict(dict)
    for capture, ip, mac, first, last, frame, flow, packets, tcp, udp in rows:
        if is_group(ip):  # DHCP clients send from 0.0.0.0
            continue
        place = Place(capture, first, frame, flow, True)
        client = _client(clients, capture, ip, place, last)
        is_routed = (capture, mac) in neighbours.routers and not ip.lower().startswith("fe80")
        routed[capture, ip] &= is_routed
        if packets is not None:
            most[capture, ip] = max(packets, most.get((capture, ip), 0))
        client.is_single = most.get((capture, ip), _DIALOGUE) < _DIALOGUE
        answers = (capture if is_private(ip) else "", ip) in answering
        is_dialogue = packets is not None and packets >= _DIALOGUE if is_private(ip) else tcp
        speaks = is_dialogue or (udp and not answers)
        if is_station(mac) and not is_routed:
            own[capture, ip][mac] = speaks
        if is_private(ip) or (is_station(mac) and not is_routed and not answers):
            client.speaks |= speaks
    for address in routed:
        _tell_whose(clients[address], own[address], routed[address])
    _add_senders(reader, clients, {address: {mac for mac in own[address] if own[address][mac]} for address in own})


def _tell_whose(client: Client, own: dict[str, bool], is_routed: bool) -> None:
    """Note the link-layer address of a client, or why its address is held to be shared."""
    asking = [mac for mac, speaks in own.items() if speaks]
    if len(own) == 1 or len(asking) == 1:
        client.mac = asking[0] if asking else next(iter(own))
    if len(own) > 1 and len(asking) != 1:  # given to one device after the other
        client.is_shared = True
        client.why_shared = f"the link-layer addresses {first_few(own)} sent from it"
    elif is_routed:
        client.is_shared, client.why_shared = True, "a router sends its frames"
    elif ":" not in client.ip and not is_private(client.ip):
        client.is_shared, client.why_shared = True, "not a private one"


def _add_senders(reader: TableReader, clients: dict[Address, Client], macs: dict[Address, set[str]]) -> None:
    """Note who sent in which flows from addresses from which several link-layer addresses had dialogues."""
    several = {address: found for address, found in macs.items() if len(found) > 1}
    if not several:
        return
    of_flow: dict[tuple[str, int], Sender] = {}
    senders: dict[tuple[Address, str], Sender] = {}
    rows = reader.select(
        "SELECT capture_id, orig_ip, orig_mac, flow_id, first_ns, last_ns, first_frame FROM flows SEMI JOIN "
        "(SELECT capture_id, orig_ip FROM flows GROUP BY ALL HAVING count(DISTINCT orig_mac) > 1) "
        "USING (capture_id, orig_ip) ORDER BY first_frame"
    )
    for capture, ip, mac, flow, first, last, frame in rows:
        if mac in several.get((capture, ip), ()):
            sender = senders.setdefault(((capture, ip), mac), Sender(mac, Place(capture, first, frame, flow, True)))
            sender.last_ns = max(sender.last_ns or 0, last or 0) or None
            sender.flows.add(flow)
            of_flow[capture, flow] = sender
    for (address, _), sender in sorted(senders.items()):
        clients[address].senders.append(sender)
    for table, own, agent in _ASKING:
        if reader.has(table):
            rows = reader.select(
                f"SELECT capture_id, flow_id, {agent}, count(*), min(ts_ns), min(frame_no) FROM {table} "  # noqa: S608
                f"WHERE {own} GROUP BY ALL ORDER BY ALL"
            )
            for capture, flow, text, count, ts, frame in rows:
                if text and (capture, flow) in of_flow:
                    of_flow[capture, flow].agents.append((text, count, Place(capture, ts, frame, flow, True)))


def _add_leases(reader: TableReader, clients: dict[Address, Client]) -> None:
    """Note addresses that DHCP gave to several, where no link-layer address tells who had them."""
    unknown = {address: client for address, client in clients.items() if client.mac is None and is_private(client.ip)}
    for address, macs in holders(read_leases(reader)).items() if unknown else ():
        client = unknown.get(address)
        if client is not None and len(macs) > 1:
            client.is_shared, client.why_shared = True, f"DHCP gave it to {first_few(macs)}"


def _add_agents(reader: TableReader, clients: dict[Address, Client], table: str, own: str, agent: str) -> None:
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
