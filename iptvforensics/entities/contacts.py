"""Flows to contacts: which addresses a client reached, under which names at that time, or why no name is known.

DNS answers in force for a flow: the client's last one before it that holds the address, however old, and those before
it that were still to be kept (time to live). Each name is told with its answer, the address that this was given to, and
the first flow for which it was in force; of the first of them the names that lead to it by aliases (CNAME) are kept,
too. A client is what sends with one link-layer address of its own (`clients`) and at most one address of IPv4: a box
with IPv4 and IPv6 asks over one of them for addresses of both. Further names come from what the client asked for: HTTP
Host, server name of TLS and QUIC, RTMP connect.

**Known limitations**: answers that another resolver gave to another client are not used, nor, behind a router, those
given to another address of the same box; a name in DNS may stand for another service at the same address; which of
several names in force a flow went by is not told; that an answer with other addresses replaced an earlier one for the
same name is not judged.
"""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..sessions.addresses import host_of
from .clients import Client
from .model import TableReader
from .names import domain_of
from .neighbours import is_group

_RESOLVERS = frozenset(
    {
        "dns.google", "dns64.dns.google", "cloudflare-dns.com", "mozilla.cloudflare-dns.com", "one.one.one.one",
        "1dot1dot1dot1.cloudflare-dns.com", "dns.quad9.net", "dns9.quad9.net", "doh.opendns.com", "dns.adguard.com",
        "dns.adguard-dns.com", "dns.nextdns.io", "doh.cleanbrowsing.org", "dns.alidns.com", "doh.pub", "doh.360.cn",
    }
)  # fmt: skip
"""Names of public resolvers that answer over HTTPS or TLS."""

_RESOLVER_ADDRESSES = frozenset(
    {
        "8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112", "223.5.5.5",
        "2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111", "2606:4700:4700::1001", "2620:fe::fe",
        "2620:fe::9", "2400:3200::1",
    }
)  # fmt: skip
_DOT, _HTTPS = 853, 443
_EARLY_NS = 60 * 10**9
"""Contacts so soon after a capture's beginning may rest on answers from before it."""

_SERVICE_LABELS = re.compile(r"^(?:_[^.]+\.)+")

Address = tuple[str, str]


class _Answer(NamedTuple):
    name: str
    chain: list[str]
    frame_no: int
    ts_ns: int
    kept_ns: int
    client: str


class _Flow(NamedTuple):
    first_ns: int
    first_frame: int | None


class _Force(NamedTuple):
    """An answer, and the first flow for which it was in force."""

    answer: _Answer
    flow: _Flow


def find_contacts(reader: TableReader, clients: Callable[[], Mapping[Address, Client]]) -> list[tuple[Any, ...]]:
    """Return the rows of `contacts`; the clients are asked for after what needs none has been read."""
    if not reader.has("flows"):
        return []
    flows = reader.select(
        "SELECT capture_id, orig_ip, resp_ip, list_sort(list(DISTINCT resp_port)), count(*), "
        "sum(coalesce(orig_bytes, 0) + coalesce(resp_bytes, 0)), min(first_ns), max(last_ns), min(first_frame) "
        "FROM flows WHERE orig_ip IS NOT NULL AND resp_ip IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    looked_up, named = _looked_up(reader), _named(reader)
    boxes = _boxes(clients())
    answers, asking = _answers(reader, boxes), _asking(reader, boxes)
    encrypted = _encrypted(reader, boxes, named) if _some_resolve(flows, named) else {}
    begins: dict[str, int] = {}
    for capture, _, _, _, _, _, first, _, _ in flows:
        begins[capture] = min(begins.get(capture, first or 0), first or 0)
    rows = []
    for capture, client, server, ports, count, size, first, last, frame in flows:
        if is_group(server) or is_group(client):
            continue
        box = boxes.get((capture, client), client)
        flows_there = looked_up.get((capture, client, server), [])
        forces, unnamed = _in_force(answers.get((capture, box, server), []), flows_there)
        names: dict[str, set[str]] = defaultdict(set)
        for force in forces:
            names[force.answer.name].add("dns")
        for source, name in named.get((capture, client, server), ()):
            names[name].add(source)
        gap = None
        if not forces or unnamed:
            gap = _gap((capture, box), asking, encrypted, (first or 0) - begins[capture], bool(names))
            gap = f"before the first answer ({unnamed} of {count} flows): {gap}" if forces else gap
        ordered = sorted(names)
        domains = sorted({domain for name in ordered if (domain := domain_of(name))})
        sources = sorted({source for found in names.values() for source in found})
        numbers = [port for port in ports or () if port is not None]
        rows.append(
            (capture, client, server, numbers, ordered, domains, sources, *_told(forces), gap, count, int(size or 0),
             first, last, frame)
        )  # fmt: skip
    return rows


def _told(forces: list[_Force]) -> tuple[Any, ...]:
    """Return the columns about DNS answers: of the first one in force, then of all of them."""
    if not forces:
        return [], None, None, [], [], [], []
    answer, flow = forces[0]
    return (
        answer.chain,
        answer.frame_no,
        round((flow.first_ns - answer.ts_ns) / 1e9, 6),
        [force.answer.name for force in forces],
        [force.answer.frame_no for force in forces],
        [force.answer.client for force in forces],
        [force.flow.first_frame for force in forces],
    )


def _in_force(answers: list[_Answer], flows: list[_Flow]) -> tuple[list[_Force], int]:
    """Return each name with its first answer in force and the flow, and how many flows came before any answer.

    An answer is judged once, at the first flow after it: whether it counts then decides whether it ever does, unless
    the same name is answered again.
    """
    found: dict[str, _Force] = {}
    at, unnamed = 0, 0
    for flow in flows:
        since = at
        while at < len(answers) and answers[at].ts_ns <= flow.first_ns:
            at += 1
        unnamed += at == 0
        for place in range(at - 1, since - 1, -1):  # the last answer counts however old it is
            answer = answers[place]
            if place == at - 1 or flow.first_ns - answer.ts_ns <= answer.kept_ns:
                found.setdefault(answer.name, _Force(answer, flow))
    return list(found.values()), unnamed


def _looked_up(reader: TableReader) -> dict[tuple[str, str, str], list[_Flow]]:
    """Return the flows to addresses that DNS answers hold, by capture, client and address, in the order of time."""
    found: dict[tuple[str, str, str], list[_Flow]] = defaultdict(list)
    if not reader.has("dns"):
        return found
    rows = reader.select(
        "WITH told AS (SELECT DISTINCT capture_id, unnest(addresses) AS resp_ip FROM dns WHERE is_response) "
        "SELECT capture_id, orig_ip, resp_ip, first_ns, first_frame FROM flows SEMI JOIN told "
        "USING (capture_id, resp_ip) WHERE orig_ip IS NOT NULL AND first_ns IS NOT NULL ORDER BY first_ns, first_frame"
    )
    for capture, client, server, first, frame in rows:
        found[capture, client, server].append(_Flow(first, frame))
    return found


def _boxes(clients: Mapping[Address, Client]) -> dict[Address, str]:
    """Return by which of its addresses a box goes that sent with several of one link-layer address of its own.

    Several of IPv4 may be those of devices behind a router that was not told as one: they are not joined.
    """
    found: dict[Address, list[str]] = defaultdict(list)
    for (capture, ip), client in clients.items():
        if client.mac:
            found[capture, client.mac].append(ip)
    joined = {key: ips for key, ips in found.items() if sum(":" not in ip for ip in ips) <= 1}
    return {(capture, ip): min(ips) for (capture, _), ips in joined.items() for ip in ips}


def _answers(reader: TableReader, boxes: dict[Address, str]) -> dict[tuple[str, str, str], list[_Answer]]:
    """Return the DNS answers by capture, client and address, in the order of time."""
    found: dict[tuple[str, str, str], list[_Answer]] = defaultdict(list)
    if reader.has("dns"):
        rows = reader.select(
            "SELECT capture_id, client_ip, unnest(addresses) AS address, lower(rtrim(query_name, '.')), query_type, "
            "cname_chain, frame_no, ts_ns, coalesce(list_min(answer_ttls_s), 0) FROM dns "
            "WHERE is_response AND query_name IS NOT NULL AND client_ip IS NOT NULL AND ts_ns IS NOT NULL "
            "AND query_type IS DISTINCT FROM 'SVCB' AND (server_port IS NULL OR server_port NOT IN (5353, 5355)) "
            "ORDER BY ts_ns, frame_no"
        )
        for capture, client, address, asked, kind, chain, frame, ts, kept_s in rows:
            # Service records of another port have its number and a mark of the protocol before the name.
            name = _SERVICE_LABELS.sub("", asked) if kind == "HTTPS" else asked
            answer = _Answer(name, list(chain or ()), frame, ts, kept_s * 10**9, client)
            found[capture, boxes.get((capture, client), client), address].append(answer)
    return found


def _asking(reader: TableReader, boxes: dict[Address, str]) -> set[Address]:
    """Return the clients whose DNS queries could be read."""
    if not reader.has("dns"):
        return set()
    rows = reader.select(
        "SELECT DISTINCT capture_id, client_ip FROM dns WHERE client_ip IS NOT NULL "
        "AND (server_port IS NULL OR server_port NOT IN (5353, 5355))"
    )
    return {(capture, boxes.get((capture, client), client)) for capture, client in rows}


def _named(reader: TableReader) -> dict[tuple[str, str, str], set[tuple[str, str]]]:
    """Return the names under which clients asked for addresses, with their source."""
    found: dict[tuple[str, str, str], set[tuple[str, str]]] = defaultdict(set)
    for table, column in (("http", "host"), ("tls", "server_name"), ("quic", "server_name"), ("rtmp", "tc_url")):
        if reader.has(table):
            # A proxy that was asked for a tunnel (CONNECT) does not go by the name of the server behind it.
            only = " AND method IS DISTINCT FROM 'CONNECT'" if table == "http" else ""
            rows = reader.select(
                f"SELECT DISTINCT capture_id, client_ip, server_ip, {column} FROM {table} "  # noqa: S608
                f"WHERE {column} IS NOT NULL AND client_ip IS NOT NULL AND server_ip IS NOT NULL{only}"
            )
            for capture, client, server, name in rows:
                host = host_of(name)
                if host and not _is_address(host):  # a Host may be an address: of this server, or as another sees it
                    found[capture, client, server].add((table, host.rstrip(".")))
    return found


@lru_cache(1 << 14)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _some_resolve(flows: list[tuple[Any, ...]], named: dict[tuple[str, str, str], set[tuple[str, str]]]) -> bool:
    """Return True if any client reached what may be a resolver that is asked under encryption."""
    for _, _, server, ports, *_ in flows:
        if _DOT in (ports or ()) or (server in _RESOLVER_ADDRESSES and _HTTPS in (ports or ())):
            return True
    return any(name in _RESOLVERS for names in named.values() for _, name in names)


def _encrypted(
    reader: TableReader, boxes: dict[Address, str], named: dict[tuple[str, str, str], set[tuple[str, str]]]
) -> dict[Address, str]:
    """Return the clients that seem to ask a resolver under encryption, and which.

    Both sides must have sent something: phones try port 853 of every resolver, and most refuse. What was opened has
    been read.
    """
    found: dict[Address, str] = {}
    opened = "".join(
        f" AND NOT EXISTS (FROM {table} t WHERE t.capture_id = f.capture_id AND t.flow_id = f.flow_id{only})"
        for table, only in (("dns", ""), ("decrypted", " AND t.label IN ('CLIENT_RANDOM', 'CLIENT_TRAFFIC_SECRET_0')"))
        if reader.has(table)
    )
    rows = reader.select(
        "SELECT DISTINCT capture_id, orig_ip, resp_ip, resp_port, transport FROM flows f "  # noqa: S608
        "WHERE orig_ip IS NOT NULL AND resp_ip IS NOT NULL AND orig_bytes > 0 AND resp_bytes > 0"
        f"{opened} ORDER BY ALL"
    )
    for capture, client, server, port, transport in rows:
        known = sorted(_RESOLVERS.intersection(name for _, name in named.get((capture, client, server), ())))
        box = (capture, boxes.get((capture, client), client))
        if port == _DOT:
            found.setdefault(box, f"DNS over {'QUIC' if transport == 'udp' else 'TLS'} to {server}")
        elif known or (server in _RESOLVER_ADDRESSES and port == _HTTPS):
            found.setdefault(box, f"DNS over HTTPS, it seems, to {known[0] if known else server}")
    return found


def _gap(client: Address, asking: set[Address], encrypted: dict[Address, str], since_ns: int, is_named: bool) -> str:
    """Return why no DNS answer names an address."""
    if client in encrypted:
        return f"names may have been asked for under encryption: {encrypted[client]}"
    if client not in asking:
        return "no DNS query of this client was captured, as far as its addresses are known"
    if since_ns <= _EARLY_NS and is_named:
        return "may have been looked up before the capture began"
    if is_named:
        return "the name was used without a DNS answer in the capture: kept from before, or another resolver"
    return "no answer holds this address: it was given in another way, or is fixed in a program"
