"""Flows to contacts: which addresses a client reached, under which names at that time, or why no name is known.

The DNS answer in force is the client's last one, before its first flow to the address, that holds the address; names
that lead to it by aliases (CNAME) are kept. Further names come from what the client asked for: HTTP Host, server name
of TLS and QUIC, RTMP connect.

**Known limitations**: answers that another resolver gave to another client are not used; a name in DNS may stand for
another service at the same address; how long an answer was kept is not judged, only its age is told.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from ..sessions.addresses import host_of
from .clients import is_group
from .model import TableReader
from .names import domain_of

_RESOLVERS = frozenset(
    {
        "dns.google", "dns64.dns.google", "cloudflare-dns.com", "mozilla.cloudflare-dns.com", "one.one.one.one",
        "1dot1dot1dot1.cloudflare-dns.com", "dns.quad9.net", "dns9.quad9.net", "doh.opendns.com", "dns.adguard.com",
        "dns.adguard-dns.com", "dns.nextdns.io", "doh.cleanbrowsing.org", "dns.alidns.com", "doh.pub", "doh.360.cn",
    }
)  # fmt: skip
"""Names of public resolvers that answer over HTTPS or TLS."""

_RESOLVER_ADDRESSES = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112", "223.5.5.5"})
_DOT = 853
_EARLY_NS = 60 * 10**9
"""Contacts so soon after a capture's beginning may rest on answers from before it."""

Address = tuple[str, str]


class _Answer(NamedTuple):
    name: str
    chain: list[str]
    frame_no: int
    ts_ns: int


def find_contacts(reader: TableReader) -> list[tuple[Any, ...]]:
    """Return the rows of `contacts`."""
    if not reader.has("flows"):
        return []
    flows = reader.select(
        "SELECT capture_id, orig_ip, resp_ip, list_sort(list(DISTINCT resp_port)), count(*), "
        "sum(coalesce(orig_bytes, 0) + coalesce(resp_bytes, 0)), min(first_ns), max(last_ns), min(first_frame) "
        "FROM flows WHERE orig_ip IS NOT NULL AND resp_ip IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    answers, asking = _answers(reader), _asking(reader)
    named = _named(reader)
    encrypted = _encrypted(flows, named)
    begins: dict[str, int] = {}
    for capture, _, _, _, _, _, first, _, _ in flows:
        begins[capture] = min(begins.get(capture, first or 0), first or 0)
    rows = []
    for capture, client, server, ports, count, size, first, last, frame in flows:
        if is_group(server) or is_group(client):
            continue
        answer = _in_force(answers.get((capture, client, server), ()), first)
        names: dict[str, set[str]] = defaultdict(set)
        if answer is not None:
            names[answer.name].add("dns")
        for source, name in named.get((capture, client, server), ()):
            if name != server:
                names[name].add(source)
        gap = None
        if answer is None:
            gap = _gap((capture, client), asking, encrypted, (first or 0) - begins[capture], bool(names))
        ordered = sorted(names)
        domains = sorted({domain for name in ordered if (domain := domain_of(name))})
        sources = sorted({source for found in names.values() for source in found})
        numbers = [port for port in ports or () if port is not None]
        chain = answer.chain if answer is not None else []
        age = round(((first or 0) - answer.ts_ns) / 1e9, 6) if answer is not None else None
        rows.append(
            (capture, client, server, numbers, ordered, domains, sources, chain,
             answer.frame_no if answer is not None else None, age, gap, count, int(size or 0), first, last, frame)
        )  # fmt: skip
    return rows


def _in_force(answers: Any, first: int | None) -> _Answer | None:
    """Return the last answer before a time."""
    found = None
    for answer in answers:
        if first is not None and answer.ts_ns <= first:
            found = answer
    return found


def _answers(reader: TableReader) -> dict[tuple[str, str, str], list[_Answer]]:
    """Return the DNS answers by capture, client and address, in the order of time."""
    found: dict[tuple[str, str, str], list[_Answer]] = defaultdict(list)
    if reader.has("dns"):
        rows = reader.select(
            "SELECT capture_id, client_ip, unnest(addresses) AS address, lower(rtrim(query_name, '.')), cname_chain, "
            "frame_no, ts_ns FROM dns WHERE is_response AND query_name IS NOT NULL AND client_ip IS NOT NULL "
            "AND ts_ns IS NOT NULL AND (server_port IS NULL OR server_port NOT IN (5353, 5355)) "
            "ORDER BY ts_ns, frame_no"
        )
        for capture, client, address, name, chain, frame, ts in rows:
            found[capture, client, address].append(_Answer(name, list(chain or ()), frame, ts))
    return found


def _asking(reader: TableReader) -> set[Address]:
    """Return the clients that sent DNS queries in clear."""
    if not reader.has("dns"):
        return set()
    rows = reader.select(
        "SELECT DISTINCT capture_id, client_ip FROM dns WHERE client_ip IS NOT NULL "
        "AND (server_port IS NULL OR server_port NOT IN (5353, 5355))"
    )
    return set(rows)


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
                if host:
                    found[capture, client, server].add((table, host.rstrip(".")))
    return found


def _encrypted(
    flows: list[tuple[Any, ...]], named: dict[tuple[str, str, str], set[tuple[str, str]]]
) -> dict[Address, str]:
    """Return the clients that seem to ask a resolver under encryption, and which."""
    found: dict[Address, str] = {}
    for capture, client, server, ports, *_ in flows:
        names = {name for _, name in named.get((capture, client, server), ())}
        known = sorted(names & _RESOLVERS)
        if _DOT in (ports or ()):
            found.setdefault((capture, client), f"DNS over TLS to {server}")
        elif known or (server in _RESOLVER_ADDRESSES and 443 in (ports or ())):
            found.setdefault((capture, client), f"DNS over HTTPS, it seems, to {known[0] if known else server}")
    return found


def _gap(client: Address, asking: set[Address], encrypted: dict[Address, str], since_ns: int, is_named: bool) -> str:
    """Return why no DNS answer names an address."""
    if client in encrypted:
        return f"names may have been asked for under encryption: {encrypted[client]}"
    if client not in asking:
        return "no DNS query of this client was captured"
    if since_ns <= _EARLY_NS and is_named:
        return "may have been looked up before the capture began"
    if is_named:
        return "the name was used without a DNS answer in the capture: kept from before, or another resolver"
    return "no answer holds this address: it was given in another way, or is fixed in a program"
