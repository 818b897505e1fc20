"""Hints that part of a device's traffic may be another's: boxes are sold with programs that lend their line.

Rules, all leads:

- `relays-out`: in one connection the device sends much, and about as much as it receives elsewhere. A viewer's box
  receives; what it receives for others it must send on.
  Where the bytes are those of one line's sessions and the device uses another line as well, `links` says
  `passes-on` instead of `uses-line` for the former.
- `foreign-agent`: a desktop browser's user agent from a device whose other user agents are of boxes and players.

**Known limitations**: backups, video calls and publishing look like relaying; a user may browse from a box. The text
says which flow and which agent, so that an examiner can judge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from .agents import BROWSER, SERVER, read_agent
from .clients import Client
from .devices import Address, Devices
from .model import Key, Place, Resolution, TableReader
from .viewing import Watched

_LEAST_BYTES = 65_536
_LEAST_SHARE = 0.25
_OVERHEAD = 1.25
"""Most bytes that a tunnel sends per byte of what it carries: records, padding, small packets."""
_DESKTOP = ("Windows", "macOS", "Linux")


class Relay(NamedTuple):
    """A connection in which a device sends about as much as it receives elsewhere."""

    device: Key
    capture_id: str
    sent: int
    first_ns: int
    last_ns: int
    server: str


def add_hints(reader: TableReader, clients: dict[Address, Client], devices: Devices) -> list[Relay]:
    """Add what hints at traffic of third parties to devices; return the connections by which it may go on."""
    relays = _relays(reader, devices) if reader.has("flows") else []
    for (capture, ip), client in sorted(clients.items()):
        key = devices.pick(capture, ip)
        claims = [(text, place, read_agent(text)) for text, _, place in client.agents]
        others = [text for text, _, claimed in claims if claimed.kind not in (BROWSER, SERVER, None)]
        if key is None or not others:
            continue
        for text, place, claimed in claims:
            if claimed.kind == BROWSER and (claimed.os or "").startswith(_DESKTOP):
                shows = f"a desktop browser's user agent beside {others[0]}: {text}"
                devices.atoms[key].seen("foreign-agent", "lead", place, shows, count=0)
                devices.atoms[key].fact("third_party", "user agent of a desktop browser beside those of a box")
    return relays


def passed_on(
    found: Iterable[Watched], relays: Iterable[Relay], devices: Resolution, lines: Resolution
) -> dict[tuple[str | None, str | None], str]:
    """Return devices and lines (their identifiers) whose media seem to have gone on to somebody else, and why.

    Where the device has a line of its own beside it, and each session of the other line that the capture of the
    connection holds brought as many bytes as that connection sent on while it lasted.
    """
    by_device: dict[str, dict[str, list[Watched]]] = defaultdict(lambda: defaultdict(list))
    for watched in found:
        device, line = devices.of(watched.device or ()), lines.of(watched.line or ())
        if device is not None and line is not None:
            by_device[device.id][line.id].append(watched)
    result: dict[tuple[str | None, str | None], str] = {}
    for relay in relays:
        device = devices.of(relay.device)
        used = by_device.get(device.id, {}) if device is not None else {}
        gone = {line for line, sessions in used.items() if _fits(sessions, relay)}
        if device is not None and gone and len(gone) < len(used):
            why = f"its media may have gone on: {relay.sent} bytes to {relay.server}, while another line is in use, too"
            result |= {(device.id, line): why for line in gone}
    return result


def _fits(sessions: list[Watched], relay: Relay) -> bool:
    here = [w.viewing for w in sessions if w.viewing.capture_id == relay.capture_id]
    brought = sum(viewing.bytes or 0 for viewing in here)
    during = all(
        relay.first_ns <= (viewing.start_ns or 0) and (viewing.end_ns or 0) <= relay.last_ns for viewing in here
    )
    return bool(here) and during and brought <= relay.sent <= brought * _OVERHEAD


def _relays(reader: TableReader, devices: Devices) -> list[Relay]:
    rows = reader.select(
        "SELECT capture_id, orig_ip, flow_id, resp_ip, resp_port, orig_bytes, coalesce(resp_bytes, 0), first_ns, "
        "last_ns, first_frame FROM flows WHERE transport = 'tcp' AND orig_bytes IS NOT NULL "
        "AND (protocol IS NULL OR protocol NOT LIKE '%rtmp%') ORDER BY ALL"
    )
    received: dict[Address, int] = defaultdict(int)
    for capture, ip, _, _, _, _, down, *_ in rows:
        received[capture, ip] += down
    relays = []
    for capture, ip, flow, server, port, up, down, first, last, frame in rows:
        elsewhere = received[capture, ip] - down
        if up < _LEAST_BYTES or up < down or not _LEAST_SHARE <= up / max(elsewhere, 1) <= 1 / _LEAST_SHARE:
            continue
        key = devices.pick(capture, ip, flows=[flow])
        if key is not None:
            shows = f"sends {up} bytes to {server} port {port}, while it receives {elsewhere} bytes from others"
            devices.atoms[key].seen("relays-out", "lead", Place(capture, first, frame, flow, True), shows, count=0)
            devices.atoms[key].fact("third_party", f"may pass on what it receives: {up} bytes to {server} port {port}")
            relays.append(Relay(key, capture, up, first, last, f"{server} port {port}"))
    return relays
