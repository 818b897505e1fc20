"""The flow table of a capture as rows of the `flows` table, and what its links say as rows of theirs.

References: Community ID v1, github.com/corelight/community-id-spec (public domain pseudo-code).
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..packets import Tunnel, address_text
from . import layout as L

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..packets import Membership, Neighbour

PORTION_FLOWS = 1024
"""Flows whose numbers become Python integers at a time; these take many times the memory."""
_PORTED = {6: "tcp", 17: "udp", 132: "sctp"}


def address_bytes(hi: int, lo: int) -> bytes:
    """Return an address as 4 bytes (IPv4, kept as ::ffff:a.b.c.d) or 16 bytes."""
    if hi == 0 and lo >> 32 == 0xFFFF:
        return struct.pack(">I", lo & 0xFFFFFFFF)
    return struct.pack(">qq", hi, lo)


def community_id(orig: tuple[bytes, int], resp: tuple[bytes, int], transport: int, seed: int = 0) -> str:
    """Return the Community ID version 1 of a flow; endpoints are (address bytes, port).

    Example:
        >>> community_id((bytes([128, 232, 110, 120]), 34855), (bytes([66, 35, 250, 204]), 80), 6)
        '1:LQU9qZlK+B5F3KDmev6m5PMibrg='
    """
    first, second = sorted((orig, resp))
    packed = struct.pack(">H", seed) + first[0] + second[0] + struct.pack(">BB", transport, 0)
    if transport in _PORTED:
        packed += struct.pack(">HH", first[1], second[1])
    return "1:" + base64.b64encode(hashlib.sha1(packed, usedforsecurity=False).digest()).decode()


def history_text(packed: int) -> str:
    """Return the letters of a flow's history in the order in which they first occurred."""
    letters = []
    while packed:
        code = (packed & 15) - 1
        letter = L.HISTORY_LETTERS[code >> 1]
        letters.append(letter.swapcase() if code & 1 else letter)
        packed >>= 4
    return "".join(letters)


def mac_text(mac: int) -> str | None:
    """Return a link-layer address as text, null for -1."""
    return None if mac < 0 else mac.to_bytes(6).hex(":")


def tunnel_text(tunnels: int) -> str | None:
    """Return the names of the tunnels in a bit set, outermost order not known; null if there are none."""
    return "+".join(t.name or "" for t in Tunnel if tunnels & t.value) or None if tunnels else None


class FlowNumbers(NamedTuple):
    """What the flow table of a capture holds at its end, see `layout`."""

    flows: int
    flow: NDArray[np.int64]
    dirs: NDArray[np.int64]


def flow_rows(table: FlowNumbers, protocols: Mapping[int, str]) -> Iterator[tuple[Any, ...]]:
    """Yield one row per flow (`schema.FLOWS` without capture_id), in the order of their first packets."""
    flows, directions = table.flow.reshape(-1, L.FLOW_WIDTH), table.dirs.reshape(-1, L.DIRECTION_WIDTH)
    for first in range(0, table.flows, PORTION_FLOWS):
        end = min(first + PORTION_FLOWS, table.flows)
        ends = directions[2 * first : 2 * end].tolist()
        for f, flow in enumerate(flows[first:end].tolist()):
            yield _row(flow, ends[2 * f], ends[2 * f + 1], protocols.get(first + f))


def _row(flow: list[int], orig: list[int], resp: list[int], protocol: str | None) -> tuple[Any, ...]:
    transport = flow[L.TRANSPORT]
    ported = transport in _PORTED
    orig_end = (address_bytes(flow[L.ORIG_HI], flow[L.ORIG_LO]), flow[L.ORIG_PORT])
    resp_end = (address_bytes(flow[L.RESP_HI], flow[L.RESP_LO]), flow[L.RESP_PORT])
    same_family = len(orig_end[0]) == len(resp_end[0])
    is_tcp = transport == 6
    return (
        flow[L.FLOW_ID],
        _PORTED.get(transport, str(transport)),
        address_text(flow[L.ORIG_HI], flow[L.ORIG_LO]),
        flow[L.ORIG_PORT] if ported else None,
        address_text(flow[L.RESP_HI], flow[L.RESP_LO]),
        flow[L.RESP_PORT] if ported else None,
        L.BASIS_NAMES[flow[L.ORIG_BASIS]],
        protocol,
        orig[L.PACKETS],
        resp[L.PACKETS],
        orig[L.STREAM_BYTES] if transport in (6, 17) else orig[L.PAYLOAD_BYTES],
        resp[L.STREAM_BYTES] if transport in (6, 17) else resp[L.PAYLOAD_BYTES],
        orig[L.PAYLOAD_BYTES],
        resp[L.PAYLOAD_BYTES],
        orig[L.MISSING_BYTES] + resp[L.MISSING_BYTES],
        orig[L.RETRANSMITTED_BYTES] + resp[L.RETRANSMITTED_BYTES],
        orig[L.DUPLICATES] + resp[L.DUPLICATES],
        orig[L.OUT_OF_ORDER] + resp[L.OUT_OF_ORDER],
        bool(orig[L.MIDSTREAM] or resp[L.MIDSTREAM]) if is_tcp else None,
        history_text(flow[L.HISTORY]),
        flow[L.FLOW_FIRST_NS],
        flow[L.FLOW_LAST_NS],
        flow[L.FLOW_FIRST_FRAME],
        flow[L.FLOW_LAST_FRAME],
        community_id(orig_end, resp_end, transport) if ported and same_family else None,
        mac_text(flow[L.ORIG_MAC]),
        mac_text(flow[L.RESP_MAC]),
        flow[L.FLOW_VLAN] if flow[L.FLOW_VLAN] >= 0 else None,
        tunnel_text(flow[L.FLOW_TUNNEL]),
    )


def flow_anomalies(table: FlowNumbers) -> list[tuple[str, int, bool, int, str]]:
    """Return (name, flow_id, from_orig, count, detail) of what the reassembly could not do."""
    found: list[tuple[str, int, bool, int, str]] = []
    kinds = (
        (
            L.DROPPED_BYTES,
            "TCP_bytes_out_of_window",
            "bytes whose sequence numbers fit no place in the stream; not delivered",
        ),
        (
            L.FAR_NUMBERS,
            "TCP_numbers_out_of_window",
            "acknowledgments or ends that prove no bytes: too far ahead, or taken back by those that followed",
        ),
        (L.BEFORE_START_BYTES, "TCP_bytes_before_start", "bytes before the first one of the stream; not delivered"),
        (L.RESET_BYTES, "TCP_bytes_in_reset", "payload of resets (RST), no part of the stream; not delivered"),
        (L.AFTER_CLOSE_BYTES, "TCP_bytes_after_end", "bytes after the end of the stream (FIN); not delivered"),
        (L.CUT_BYTES, "CAPTURE_bytes_cut_by_snaplen", "payload bytes that the capture did not keep"),
        (L.DUPLICATES, "CAPTURE_duplicate_packets", "copies of packets (mirror port); counted once"),
    )
    count = table.flows
    directions = table.dirs.reshape(-1, L.DIRECTION_WIDTH)[: 2 * count]
    for column, name, detail in kinds:
        for d in directions[:, column].nonzero()[0].tolist():
            flow_id = int(table.flow[(d >> 1) * L.FLOW_WIDTH + L.FLOW_ID])
            found.append((name, flow_id, d & 1 == 0, int(directions[d, column]), detail))
    lost = directions[:, L.MISSING_BYTES] - directions[:, L.CUT_BYTES]
    for d in lost.nonzero()[0].tolist():
        flow_id = int(table.flow[(d >> 1) * L.FLOW_WIDTH + L.FLOW_ID])
        found.append(("TCP_bytes_missing", flow_id, d & 1 == 0, int(lost[d]), "bytes that were sent but not captured"))
    return found


def link_rows(neighbours: Iterable[Neighbour]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the `link_addresses` table, without `capture_id`."""
    for pair in neighbours:
        yield (
            mac_text(pair.mac),
            address_text(pair.hi, pair.lo),
            "ARP" if pair.is_arp else "IP",
            None if pair.vlan < 0 else pair.vlan,
            tunnel_text(pair.tunnel),
            pair.interface,
            pair.packets,
            None if pair.is_arp else pair.ttl_min,
            None if pair.is_arp else pair.ttl_max,
            *(pair.first_ns, pair.last_ns, pair.first_frame, pair.last_frame),
        )


def membership_rows(memberships: Iterable[Membership]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the `multicast_memberships` table, without `capture_id`."""
    for one in memberships:
        yield (
            *(one.ns, one.frame_no, one.host, one.protocol, one.kind, one.group, one.record),
            *(list(one.sources) or None, mac_text(one.mac), None if one.vlan < 0 else one.vlan),
        )
