"""DNS answers, HTTP Host fields and RTMP connects to `asks-for` and `resolves-to` edges.

`resolves-to` is strong where an address answered under the name (rules `http-host`, `rtmp-connect`,
`session-edge`) and where the client contacted the address within an hour of the DNS answer (`dns-answer-used`), over
any of its addresses that `contacts` knows to be one box's;
conclusive where two protocols agree; supporting where nothing shows that the answer was used (`dns-answer`),
which is noted only for hosts that another rule has found.

RFC 1035 section 4.1.4 (answers); RFC 9110 section 7.2 (Host); names are compared in lower case without the
final dot.

**Known limitations**: a client that asks a resolver under encryption that was not opened shows no names.
Reverse look-ups, service discovery (multicast DNS, LLMNR) and record types other than A, AAAA and HTTPS are
left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sessions.addresses import host_of
from .model import EVIDENCE_LIMIT, Assembly, Seen

if TYPE_CHECKING:
    from .build import TableReader

_USED_WITHIN_NS = 3_600 * 10**9
"""Time after an answer within which a contact is held to be its use: players and resolvers outlive short TTLs."""

SPAN = f"count(*), min(ts_ns), max(ts_ns), min(frame_no, {EVIDENCE_LIMIT}), count(DISTINCT frame_no)"
"""SQL for what `seen_in` takes: count, first and last time, first frames, number of frames."""

_NAME = (
    "regexp_replace(lower(rtrim(query_name, '.')), CASE query_type WHEN 'HTTPS' THEN '^(_[^.]+\\.)+' ELSE '^$' END, '')"
)
"""SQL for the name that is looked up; for HTTPS at another port, port and protocol stand before it."""

_UNICAST = "(server_port IS NULL OR server_port NOT IN (5353, 5355))"  # multicast DNS, LLMNR


def seen_in(capture_id: str, span: tuple[Any, ...], media_bytes: int = 0) -> Seen:
    """Return the observation that a row of `SPAN` describes."""
    count, first_ns, last_ns, frames, frame_count = span
    return Seen(capture_id, first_ns, last_ns, count, tuple(frames or ()), frame_count, media_bytes)


def add_http_hosts(reader: TableReader, assembly: Assembly) -> None:
    """Add which hosts each client asked by HTTP, and the addresses that answered under their names."""
    rows = reader.select(
        "SELECT capture_id, client_ip, host, server_ip, "  # noqa: S608
        "response_frame_no IS NOT NULL AND method <> 'CONNECT' AS answered, "
        f"coalesce(sum(response_body_bytes), 0), {SPAN} FROM http "
        "WHERE host IS NOT NULL AND method IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    for capture_id, client_ip, host, server_ip, answered, body_bytes, *span in rows:
        _add_named(
            assembly,
            "http",
            client_ip,
            host,
            server_ip if answered else None,
            seen_in(capture_id, tuple(span), int(body_bytes)),
        )


def add_rtmp_hosts(reader: TableReader, assembly: Assembly) -> None:
    """Add which hosts each client named in RTMP connects, and the addresses that took them."""
    rows = reader.select(
        f"SELECT capture_id, client_ip, tc_url, server_ip, {SPAN} FROM rtmp "  # noqa: S608
        "WHERE command = 'connect' AND tc_url IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    for capture_id, client_ip, tc_url, server_ip, *span in rows:
        _add_named(assembly, "rtmp", client_ip, tc_url, server_ip, seen_in(capture_id, tuple(span)))


def _add_named(
    assembly: Assembly, protocol: str, client_ip: str | None, name: str, server_ip: str | None, seen: Seen
) -> None:
    host = host_of(name)
    if host is None:
        return
    place = assembly.place(host.rstrip(".") or host)
    if client_ip:
        rule = {"http": "http-request", "rtmp": "rtmp-connect"}[protocol]
        assembly.relate(assembly.node("client", client_ip), place, "asks-for", rule, "conclusive", seen)
    if server_ip and place.startswith("host:"):
        rule = {"http": "http-host", "rtmp": "rtmp-connect"}[protocol]
        assembly.relate(place, assembly.node("address", server_ip), "resolves-to", rule, "strong", seen)


def add_dns(reader: TableReader, assembly: Assembly) -> None:
    """Add the names that clients looked up, and the answers that they used or that concern hosts known otherwise."""
    known = {host for _, host, _ in assembly.nodes_of("host")}
    asked = reader.select(
        f"SELECT capture_id, client_ip, {_NAME} AS name, {SPAN} FROM dns "  # noqa: S608
        f"WHERE NOT is_response AND client_ip IS NOT NULL AND query_type IN ('A', 'AAAA', 'HTTPS') AND {_UNICAST} "
        "GROUP BY ALL HAVING name != '' ORDER BY ALL"
    )
    for capture_id, client_ip, host, *span in asked:
        client, place = assembly.node("client", client_ip), assembly.place(host)
        assembly.relate(client, place, "asks-for", "dns-query", "conclusive", seen_in(capture_id, tuple(span)))
    for capture_id, host, address, used, *span in _answers(reader):
        if used or host in known:
            rule, strength = ("dns-answer-used", "strong") if used else ("dns-answer", "supporting")
            place = assembly.place(host)
            seen = seen_in(capture_id, tuple(span))
            assembly.relate(place, assembly.node("address", address), "resolves-to", rule, strength, seen)


def _answers(reader: TableReader) -> list[tuple[Any, ...]]:
    """Return name, address and whether the client contacted the address soon after, per capture."""
    flows = (
        "SELECT DISTINCT capture_id, orig_ip, resp_ip, first_ns FROM flows WHERE first_ns IS NOT NULL"
        if reader.has("flows")
        else "SELECT NULL AS capture_id, NULL AS orig_ip, NULL AS resp_ip, CAST(NULL AS BIGINT) AS first_ns WHERE false"
    )
    if reader.has("flows") and reader.has("contacts"):  # a box asks with one address, and may use another
        flows += (
            " UNION SELECT DISTINCT f.capture_id, m.asked, f.resp_ip, f.first_ns FROM flows f JOIN (SELECT DISTINCT "
            "capture_id, client_ip, unnest(dns_clients) AS asked FROM contacts) m ON m.capture_id = f.capture_id "
            "AND m.client_ip = f.orig_ip AND m.asked <> f.orig_ip WHERE f.first_ns IS NOT NULL"
        )
    return reader.select(
        f"WITH answers AS (SELECT capture_id, client_ip, {_NAME} AS name, unnest(addresses) AS address, ts_ns, "  # noqa: S608
        f"frame_no FROM dns WHERE is_response AND query_name IS NOT NULL AND query_type IS DISTINCT FROM 'SVCB' "
        f"AND {_UNICAST}), "
        f"contacts AS ({flows}), "
        "matched AS (SELECT a.*, c.first_ns FROM answers a ASOF LEFT JOIN contacts c ON a.capture_id = c.capture_id "
        "AND a.client_ip = c.orig_ip AND a.address = c.resp_ip AND a.ts_ns <= c.first_ns) "
        f"SELECT capture_id, name, address, coalesce(first_ns - ts_ns <= {_USED_WITHIN_NS}, false) AS used, {SPAN} "
        "FROM matched WHERE name != '' AND address IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
