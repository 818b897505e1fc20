"""Hints that part of a device's traffic may be another's: boxes are sold with programs that lend their line.

Rules, all leads:

- `relays-out`: in one connection the device sends much, and about as much as it receives elsewhere. A viewer's box
  receives; what it receives for others it must send on.
- `foreign-agent`: a desktop browser's user agent from a device whose other user agents are of boxes and players.

**Known limitations**: backups, video calls and publishing look like relaying; a user may browse from a box. The text
says which flow and which agent, so that an examiner can judge.
"""

from __future__ import annotations

from collections import defaultdict

from .agents import BROWSER, read_agent
from .clients import Client
from .devices import Address, Devices
from .model import Place, TableReader

_LEAST_BYTES = 65_536
_LEAST_SHARE = 0.25
_DESKTOP = ("Windows", "macOS", "Linux")


def add_hints(reader: TableReader, clients: dict[Address, Client], devices: Devices) -> None:
    """Add what hints at traffic of third parties to devices."""
    if reader.has("flows"):
        _relays(reader, devices)
    for (capture, ip), client in sorted(clients.items()):
        key = devices.pick(capture, ip)
        claims = [(text, place, read_agent(text)) for text, _, place in client.agents]
        others = [text for text, _, claimed in claims if claimed.kind not in (BROWSER, None)]
        if key is None or not others:
            continue
        for text, place, claimed in claims:
            if claimed.kind == BROWSER and (claimed.os or "").startswith(_DESKTOP):
                shows = f"a desktop browser's user agent beside {others[0]}: {text}"
                devices.atoms[key].seen("foreign-agent", "lead", place, shows, count=0)
                devices.atoms[key].fact("third_party", "user agent of a desktop browser beside those of a box")


def _relays(reader: TableReader, devices: Devices) -> None:
    rows = reader.select(
        "SELECT capture_id, orig_ip, flow_id, resp_ip, resp_port, orig_bytes, coalesce(resp_bytes, 0), first_ns, "
        "first_frame FROM flows WHERE transport = 'tcp' AND orig_bytes IS NOT NULL "
        "AND (protocol IS NULL OR protocol NOT LIKE '%rtmp%') ORDER BY ALL"
    )
    received: dict[Address, int] = defaultdict(int)
    for capture, ip, _, _, _, _, down, _, _ in rows:
        received[capture, ip] += down
    for capture, ip, flow, server, port, up, down, first, frame in rows:
        elsewhere = received[capture, ip] - down
        if up < _LEAST_BYTES or up < down or not _LEAST_SHARE <= up / max(elsewhere, 1) <= 1 / _LEAST_SHARE:
            continue
        key = devices.pick(capture, ip, flows=[flow])
        if key is not None:
            shows = f"sends {up} bytes to {server} port {port}, while it receives {elsewhere} bytes from others"
            devices.atoms[key].seen("relays-out", "lead", Place(capture, first, frame, flow, True), shows, count=0)
            devices.atoms[key].fact("third_party", f"may pass on what it receives: {up} bytes to {server} port {port}")
