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

from .model import FIRST_FRAME, Place, TableReader
from .urls import mac_address

Client = tuple[str, str]
"""Capture and claimed link-layer address."""

_BOUND = """
SELECT capture_id, client_mac, xid, ts_ns, frame_no, flow_id, from_orig,
CASE WHEN is_response THEN 0 WHEN client_address IS NOT NULL THEN 1 ELSE 2 END AS step,
CASE WHEN is_response THEN coalesce(offered_ip, client_address) ELSE coalesce(client_address, requested_ip) END AS ip
FROM dhcp WHERE client_mac IS NOT NULL AND CASE WHEN is_response THEN message_type = 'ACK'
ELSE client_address IS NOT NULL OR message_type = 'REQUEST' END
"""
_REFUSED = "SELECT capture_id, client_mac, list(DISTINCT xid) FROM dhcp WHERE message_type = 'NAK' GROUP BY ALL"
_STEPS = ("was given", "has", "asks for")
_ASKS = 2


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
        f"SELECT capture_id, client_mac, step, ip, list(DISTINCT xid), {FIRST_FRAME} "  # noqa: S608
        f"FROM ({_BOUND}) WHERE ip IS NOT NULL "
        "GROUP BY ALL ORDER BY ALL"
    )
    told = {row[:2] for row in rows if row[2] != _ASKS}
    wished = any(row[:2] not in told for row in rows)
    refused = {row[:2]: set(row[2]) for row in reader.select(_REFUSED)} if wished else {}
    found: dict[Client, list[Lease]] = defaultdict(list)
    best: dict[Client, int] = {}
    for capture, mac, step, ip, exchanges, *seen in rows:
        if step == _ASKS and set(exchanges) <= refused.get((capture, mac), set()):
            continue
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
