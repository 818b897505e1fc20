"""Captures of both sides of a router: which requests from a shared address are those of which device behind it.

A translating router changes addresses and ports, not what is asked for; IPv6 is passed on as it is. Where two captures
show a request for one URL (or RTMP stream) at nearly the same time, once from a device and once from a shared address,
and no other device comes into question, the connection at the shared address is that device's.

**Known limitations**: two devices in one home that ask for one URL within seconds are not told apart; capture clocks
that differ by more than the tolerance hide all matches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from .clients import Client
from .model import Place, TableReader

_TOLERANCE_NS = 5 * 10**9
_SHORTEST = 8
"""Targets below that length say too little."""

_ASKED = f"""
SELECT capture_id, client_ip, flow_id, lower(host) AS host, target, ts_ns, frame_no FROM http
WHERE host IS NOT NULL AND length(target) >= {_SHORTEST} AND client_ip IS NOT NULL
"""  # noqa: S608
_PLAYED = """
UNION ALL SELECT capture_id, client_ip, flow_id, server_ip, stream_name, ts_ns, frame_no FROM rtmp
WHERE command IN ('play', 'publish') AND stream_name IS NOT NULL AND client_ip IS NOT NULL
"""

Address = tuple[str, str]


class Crossing(NamedTuple):
    """A connection at a shared address that is one of a device seen elsewhere."""

    outside: Address
    flow_id: int
    inside: Address
    requests: int
    place: Place


def find_crossings(reader: TableReader, clients: Mapping[Address, Client]) -> list[Crossing]:
    """Return the connections at shared addresses that are those of one device in another capture."""
    shared = {address for address, client in clients.items() if client.is_shared and client.speaks}
    inside = {address for address, client in clients.items() if not client.is_shared and client.speaks}
    pairs = {one[0] for one in shared}, {one[0] for one in inside}
    if not reader.has("http") or not any(a != b for a in pairs[0] for b in pairs[1]):
        return []
    asked = _ASKED + (_PLAYED if reader.has("rtmp") else "")
    rows = reader.select(
        f"WITH asked AS ({asked}) SELECT o.capture_id, o.client_ip, o.flow_id, i.capture_id, i.client_ip, count(*), "  # noqa: S608
        "min(o.ts_ns), min(o.frame_no) FROM asked o JOIN asked i USING (host, target) "
        "WHERE o.capture_id != i.capture_id AND (o.client_ip != i.client_ip OR contains(o.client_ip, ':')) "
        f"AND abs(o.ts_ns - i.ts_ns) <= {_TOLERANCE_NS} GROUP BY ALL ORDER BY ALL"
    )
    found: dict[tuple[Address, int], list[Crossing]] = defaultdict(list)
    for capture, ip, flow, capture_in, ip_in, count, ts, frame in rows:
        if (capture, ip) in shared and (capture_in, ip_in) in inside:
            place = Place(capture, ts, frame, flow, True)
            found[(capture, ip), flow].append(Crossing((capture, ip), flow, (capture_in, ip_in), count, place))
    return [crossings[0] for _, crossings in sorted(found.items()) if len({c.inside for c in crossings}) == 1]
