"""Captures of both sides of a router: which requests from a shared address are those of which device behind it.

A translating router changes addresses and ports, not what is asked for; IPv6 is passed on as it is. Where two captures
show a request for one URL (or RTMP stream) at nearly the same time, once from a device and once from a shared address,
and nobody else in these captures asked for it, the connection at the shared address may be that device's. It is taken
to be, if one of the URLs that both asked for has a long random part, or if three URLs of different form do, where
numbers make no difference (segments of a channel have one form). Requests with different user agents, or to different
public servers, are not the same. A device has one address outside at a time; where it would have two, neither counts.

**Known limitations**: two devices in one home that ask for one URL are not told apart; capture clocks that differ by
more than the tolerance hide all matches, and so does a router with two lines at one time. Viewers of one channel whose
URL has a random part for all look the same, if neither capture shows the other one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from .clients import Client
from .model import Place, TableReader
from .neighbours import is_private

_TOLERANCE_NS = 5 * 10**9
_SHORTEST = 8
"""Targets below that length say too little."""
_MOST_CLIENTS = 16
"""What more ask for tells nothing."""
_FORMS = 3
_LONG = re.compile(r"[\w-]{40,}", re.ASCII)
_NUMBER = re.compile(r"\d+")

_ASKED = f"""
SELECT capture_id, client_ip, flow_id, lower(host) AS host, target, ts_ns, frame_no, server_ip, user_agent AS agent
FROM http WHERE host IS NOT NULL AND length(target) >= {_SHORTEST} AND client_ip IS NOT NULL AND ts_ns IS NOT NULL
"""  # noqa: S608
_PLAYED = """
UNION ALL SELECT capture_id, client_ip, flow_id, server_ip, stream_name, ts_ns, frame_no, server_ip, flash_ver
FROM rtmp WHERE command IN ('play', 'publish') AND stream_name IS NOT NULL AND client_ip IS NOT NULL
AND ts_ns IS NOT NULL
"""

Address = tuple[str, str]


class Crossing(NamedTuple):
    """A connection at a shared address that is one of a device seen elsewhere."""

    outside: Address
    flow_id: int
    inside: Address
    requests: int
    place: Place


class _Request(NamedTuple):
    host: str
    target: str
    ts_ns: int
    frame_no: int | None
    capture_id: str
    client_ip: str
    flow_id: int
    server_ip: str | None
    agent: str | None

    @property
    def address(self) -> Address:
        return self.capture_id, self.client_ip


class _Pair:
    """What a shared address and a device asked for at the same times."""

    def __init__(self) -> None:
        self.requests: list[_Request] = []
        self.forms: set[tuple[str, str]] = set()
        self.has_random = False
        self.first_ns = self.last_ns = 0

    def add(self, requests: list[_Request]) -> None:
        self.requests += requests
        times = [one.ts_ns for one in requests]
        self.first_ns = min([self.first_ns or times[0], *times]) if times else self.first_ns
        self.last_ns = max([self.last_ns, *times])
        for one in requests[:1]:
            self.forms.add((one.host, _NUMBER.sub("0", one.target)))
            self.has_random |= _is_random(one.target)


def _is_random(target: str) -> bool:
    """Return True if a long part of a target has letters and digits."""
    return any(re.search("[A-Za-z]", part) and re.search("[0-9]", part) for part in _LONG.findall(target))


def find_crossings(reader: TableReader, clients: Mapping[Address, Client]) -> list[Crossing]:
    """Return the connections at shared addresses that are those of one device in another capture."""
    shared = {address for address, client in clients.items() if client.is_shared and client.speaks}
    inside = {address for address, client in clients.items() if not client.is_shared and client.speaks}
    pairs = {one[0] for one in shared}, {one[0] for one in inside}
    if not reader.has("http") or not any(a != b for a in pairs[0] for b in pairs[1]):
        return []
    found: dict[tuple[Address, Address], _Pair] = defaultdict(_Pair)
    for requests in _read(reader):
        for one, other in _alone(requests.keys()):
            if one in shared and other in inside:
                found[one, other].add(_match(requests[one], requests[other]))
    return _told(_single({key: pair for key, pair in found.items() if pair.requests}))


def _read(reader: TableReader) -> Iterator[dict[Address, list[_Request]]]:
    """Yield who asked for what stands in several captures, for one target after the other."""
    asked = _ASKED + (_PLAYED if reader.has("rtmp") else "")
    rows = reader.select(
        f"WITH asked AS ({asked}) SELECT host, target, ts_ns, frame_no, capture_id, client_ip, flow_id, server_ip, "  # noqa: S608
        "agent FROM asked SEMI JOIN (SELECT host, target FROM asked GROUP BY ALL HAVING count(DISTINCT capture_id) > 1 "
        f"AND count(DISTINCT (capture_id, client_ip)) <= {_MOST_CLIENTS}) USING (host, target) ORDER BY ALL"
    )
    for _, same in groupby(map(_Request._make, rows), lambda row: (row.host, row.target)):
        requests: dict[Address, list[_Request]] = defaultdict(list)
        for request in same:
            requests[request.address].append(request)
        yield requests


def _alone(addresses: Iterable[Address]) -> Iterator[tuple[Address, Address]]:
    """Yield pairs of addresses in two captures if these show nobody else who asked; either may show both."""
    by_capture: dict[str, set[str]] = defaultdict(set)
    for capture, ip in addresses:
        by_capture[capture].add(ip)
    for capture, ips in by_capture.items():
        for other, others in by_capture.items():
            if capture != other:
                for ip in ips:
                    for other_ip in others:
                        if ips | others == {ip, other_ip} and (ip != other_ip or ":" in ip):
                            yield (capture, ip), (other, other_ip)


def _match(outside: list[_Request], inside: list[_Request]) -> list[_Request]:
    """Return the requests outside that have one of their own inside: by turns in time, each counts once."""
    found, number = [], 0
    for request in outside:
        while number < len(inside) and inside[number].ts_ns < request.ts_ns - _TOLERANCE_NS:
            number += 1
        if number == len(inside):
            break
        if inside[number].ts_ns <= request.ts_ns + _TOLERANCE_NS and _agree(request, inside[number]):
            found.append(request)
            number += 1
    return found


def _agree(one: _Request, other: _Request) -> bool:
    """Return True if nothing in two requests for one target shows that they are two."""
    if one.agent and other.agent and one.agent != other.agent:
        return False
    servers = {one.server_ip, other.server_ip}
    return len(servers) == 1 or any(ip is None or is_private(ip) for ip in servers)


def _place_of(address: Address) -> Address:
    """Return an address without its capture where it is the same in all captures."""
    return address if is_private(address[1]) else ("", address[1])


def _single(found: Mapping[tuple[Address, Address], _Pair]) -> dict[tuple[Address, Address], _Pair]:
    """Return the pairs that enough shows, where the device has no second address outside at that time."""
    told: dict[tuple[Address, Address], list[_Pair]] = defaultdict(list)
    for (outside, inside), pair in found.items():
        told[_place_of(outside), inside].append(pair)
    enough = {
        key
        for key, pairs in told.items()
        if any(pair.has_random for pair in pairs) or len(set().union(*(pair.forms for pair in pairs))) >= _FORMS
    }
    kept = {key: pair for key, pair in found.items() if (_place_of(key[0]), key[1]) in enough}
    by_inside: dict[Address, list[tuple[Address, _Pair]]] = defaultdict(list)
    for (outside, inside), pair in kept.items():
        by_inside[inside].append((outside, pair))
    return {
        (outside, inside): pair
        for (outside, inside), pair in kept.items()
        if not any(_is_second(outside, pair, *other) for other in by_inside[inside])
    }


def _is_second(outside: Address, pair: _Pair, other: Address, others: _Pair) -> bool:
    """Return True if two addresses at one time cannot both be those outside of one device.

    One router after the other gives it one in each network between them: private ones in different captures.
    """
    if outside[1] == other[1] or (outside[0] != other[0] and (is_private(outside[1]) or is_private(other[1]))):
        return False
    return pair.first_ns <= others.last_ns + _TOLERANCE_NS and others.first_ns <= pair.last_ns + _TOLERANCE_NS


def _told(pairs: Mapping[tuple[Address, Address], _Pair]) -> list[Crossing]:
    """Return the connections that are those of one device."""
    found: dict[tuple[Address, int], dict[Address, list[_Request]]] = defaultdict(lambda: defaultdict(list))
    for (outside, inside), pair in pairs.items():
        for request in pair.requests:
            found[outside, request.flow_id][inside].append(request)
    crossings = []
    for (outside, flow), by_inside in sorted(found.items()):
        if len(by_inside) == 1:
            [(inside, requests)] = by_inside.items()
            first = min(requests, key=lambda row: (row.ts_ns, row.frame_no or 0))
            place = Place(outside[0], first.ts_ns, first.frame_no, flow, True)
            crossings.append(Crossing(outside, flow, inside, len(requests), place))
    return crossings
