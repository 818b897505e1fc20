"""Shared addresses to what differs there: signs that several devices stand behind one, and why they may not.

Rule `differs-behind-address` (lead), on the device that stands for the address:

- clocks: requests for the time (NTP) come with steady clocks by turns. Each is a device's; that is at least so many.
- time to live: packets arrive a little below two of the values that systems send with. Two systems are usual.
- user agents, and fingerprints of TLS and QUIC clients (JA4): one device may run several programs.

None of them tells which traffic is whose, as claimed addresses, lines and models do (`marks`).

**Known limitations**: clocks of TCP (timestamps) are not read, since they stand in no table; of the times to live only
the lowest and the highest of an address are known, and programs that trace routes choose theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from ..sessions.hops import INITIAL_TTLS, MOST_HOPS
from .clients import Client
from .clocks import clocks_at, read_requests
from .model import Place, TableReader, first_few

Address = tuple[str, str]

_HELLOS = ("tls", "quic")
_SYSTEM_TTLS = INITIAL_TTLS[:2]
"""Of two kinds of systems; with the third, routers and servers answer."""


def note_differences(reader: TableReader, clients: Mapping[Address, Client]) -> None:
    """Note what differs at shared addresses."""
    shared = {address: client for address, client in clients.items() if client.is_shared and client.speaks}
    if not shared:
        return
    for address, requests in read_requests(reader).items():
        clocks = clocks_at(requests) if address in shared else []
        if clocks:
            told = ", ".join(f"{clock:+.3f} s" for clock in clocks)
            shows = f"{len(clocks)} clocks by turns ({told} from the capture's): at least {len(clocks)} devices"
            shared[address].differs.append((shows, requests[0].place))
    _add_times_to_live(reader, shared)
    hellos = _hellos(reader, shared)
    for address, client in sorted(shared.items()):
        _add_programs(client, "user agents", {text: place for text, _, place in client.agents})
        _add_programs(client, "fingerprints of TLS clients (JA4)", hellos.get(address, {}))


def _add_programs(client: Client, what: str, seen: Mapping[str, Place]) -> None:
    if len(seen) > 1:
        shows = f"{len(seen)} {what} ({first_few(seen)}), but one device may run several programs"
        client.differs.append((shows, min(seen.values(), key=lambda place: place.frame_no or 0)))


def _hellos(reader: TableReader, shared: Mapping[Address, Client]) -> dict[Address, dict[str, Place]]:
    """Return the fingerprints of clients at shared addresses."""
    found: dict[Address, dict[str, Place]] = defaultdict(dict)
    for table in _HELLOS:
        if reader.has(table):
            rows = reader.select(
                "SELECT capture_id, client_ip, ja4, min(ts_ns), min(frame_no), arg_min(flow_id, frame_no) "  # noqa: S608
                f"FROM {table} WHERE ja4 IS NOT NULL AND client_ip IS NOT NULL GROUP BY ALL ORDER BY ALL"
            )
            for capture, ip, ja4, ts, frame, flow in rows:
                if (capture, ip) in shared:
                    found[capture, ip].setdefault(ja4, Place(capture, ts, frame, flow, True))
    return found


def _add_times_to_live(reader: TableReader, shared: Mapping[Address, Client]) -> None:
    if not reader.has("link_addresses"):
        return
    rows = reader.select(
        "SELECT capture_id, ip, min(ttl_min), max(ttl_max), min(first_ns), min(first_frame) FROM link_addresses "
        "WHERE basis = 'IP' GROUP BY ALL ORDER BY ALL"
    )
    for capture, ip, low, high, ts, frame in rows:
        sent = [_initial(low), _initial(high)]
        if (capture, ip) in shared and None not in sent and sent[0] != sent[1]:
            shows = f"times to live of {low} and {high}, as of systems that send {sent[0]} and {sent[1]}"
            shared[capture, ip].differs.append((shows, Place(capture, ts, frame)))


def _initial(ttl: int | None) -> int | None:
    return next((sent for sent in _SYSTEM_TTLS if ttl is not None and 0 <= sent - ttl <= MOST_HOPS), None)
