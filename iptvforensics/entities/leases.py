"""DHCP messages to leases: which address was given to which client, by the link-layer address that it gives itself.

What a server gave (ACK) counts; of clients without any, the address that they have already, or ask for without being
refused. The link-layer address is the client's own word, and holds where frames show none.

**Known limitations**: leases that began before the capture are known only if they are renewed in it; when a lease ended
is not judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from .model import Place, TableReader
from .urls import mac_address

Client = tuple[str, str]
"""Capture and claimed link-layer address."""

_BOUND = """
SELECT capture_id, client_mac, coalesce(offered_ip, client_address) AS ip, 0 AS step, ts_ns, frame_no, flow_id,
from_orig FROM dhcp WHERE is_response AND message_type = 'ACK'
UNION ALL SELECT capture_id, client_mac, client_address, 1, ts_ns, frame_no, flow_id, from_orig
FROM dhcp WHERE NOT is_response AND client_address IS NOT NULL
UNION ALL SELECT capture_id, client_mac, requested_ip, 2, ts_ns, frame_no, flow_id, from_orig FROM dhcp d
WHERE NOT is_response AND message_type = 'REQUEST' AND NOT EXISTS (SELECT 1 FROM dhcp n
WHERE n.message_type = 'NAK' AND n.capture_id = d.capture_id AND n.client_mac = d.client_mac AND n.xid = d.xid)
"""
_STEPS = ("was given", "has", "asks for")


class Lease(NamedTuple):
    """An address, the link-layer address that its client gives itself, and how the address is known."""

    ip: str
    mac: str
    how: str
    place: Place


def read_leases(reader: TableReader) -> dict[Client, list[Lease]]:
    """Return the leases of each capture and claimed link-layer address: given ones, or else those held or asked for."""
    if not reader.has("dhcp"):
        return {}
    rows = reader.select(
        "SELECT capture_id, client_mac, step, ip, min(ts_ns), min(frame_no), arg_min(flow_id, frame_no), "  # noqa: S608
        f"arg_min(from_orig, frame_no) FROM ({_BOUND}) WHERE client_mac IS NOT NULL AND ip IS NOT NULL "
        "GROUP BY ALL ORDER BY ALL"
    )
    found: dict[Client, list[Lease]] = defaultdict(list)
    best: dict[Client, int] = {}
    for capture, mac, step, ip, *seen in rows:
        client = capture, mac_address(mac) or mac
        if step == best.setdefault(client, step):
            found[client].append(Lease(ip, client[1], _STEPS[step], Place(capture, *seen)))
    return found


def holders(leases: Mapping[Client, list[Lease]]) -> dict[tuple[str, str], set[str]]:
    """Return the link-layer addresses, as claimed, to which each address of a capture was given."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (capture, mac), given in leases.items():
        for lease in given:
            found[capture, lease.ip].add(mac)
    return found
