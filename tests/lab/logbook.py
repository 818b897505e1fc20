"""What is true in a run: the document of `truth.schema.json`, from the scenario and from logs, never from frames."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sample_pcaps.recording import VERSION_COMMANDS, digest, versions, write_truth

from .logs import Logs, Row
from .network import Network
from .nodes import described
from .scenario import Outage, Scenario
from .servers import Feed
from .told import CaptureNote, Told
from .viewers import Viewing


@dataclass
class Logbook:
    """Collects what happens, and writes it at the end."""

    scenario: Scenario
    net: Network
    apps: dict[str, list[tuple[str, float, float]]] = field(default_factory=dict)
    outages: list[Row] = field(default_factory=list)
    names: list[tuple[str, str, float]] = field(default_factory=list)
    _open: dict[int, Row] = field(default_factory=dict)

    # ---- while it happens ------------------------------------------------------------------------

    def opened(self, box: str, panel: str, start: float, end: float) -> None:
        """Note that an app was opened and had logged in at a panel."""
        self.apps.setdefault(box, []).append((panel, start, end))

    def failed(self, outage: Outage, start: float, channels: list[str]) -> None:
        """Note that something failed, and which channels it took along."""
        row = {"node": outage.node, "kind": outage.kind, "start": start, "end": start, "channels": channels}
        self._open[id(outage)] = row
        self.outages.append(row)

    def moved(self, outage: Outage, account: str) -> None:
        """Note which account took over."""
        self._open[id(outage)]["moved_to"] = account

    def mended(self, outage: Outage, end: float) -> None:
        """Note that it is over."""
        self._open[id(outage)]["end"] = end

    def renamed(self, name: str, to: str, at: float) -> None:
        """Note that a name appeared, moved or went."""
        self.names.append((name, to, at))

    # ---- at the end --------------------------------------------------------------------------------

    def write(self, out: Path, *, second_0: float, notes: list[CaptureNote], feeds: list[Feed], viewings: list[Viewing],
              services: Any) -> None:  # fmt: skip
        """Write the truth document."""
        s = self.scenario
        logs = Logs(s, self.net)
        told = Told(s, logs, notes, feeds, viewings)
        sessions = sorted(
            [*told.viewer_sessions(), *told.service_sessions()], key=lambda row: (row["start"], row["id"])
        )
        end = max(note.end for note in notes) if notes else second_0 + s.seconds
        document = {
            "schema": "iptvforensics-lab-truth/1",
            "scenario": {"name": s.name, "title": s.about, "file": s.file.name, "sha256": s.sha256, "seed": s.seed},
            "recorded": {"start": second_0, "end": end, "tools": self._tools(viewings)},
            "captures": [_capture(note) for note in notes],
            "nodes": described(s, services.catalogues, self.names, self._addresses_6()),
            "edges": [*told.relations(sessions, self.apps, (second_0, end))],
            "sessions": sessions,
            "outages": self.outages,
            "encrypted": told.encrypted(sessions),
            "clocks": self._clocks(),
            "names": told.names_told(),
            "http": logs.http,
            "rtmp": logs.rtmp,
            "dns": self.net.dns_answers(),
            "dhcp": self.net.leases(),
        }  # fmt: skip
        write_truth(out / f"{s.name}.truth.json", rounded(document))

    def _clocks(self) -> list[Row]:
        """Return whose clock is wrong, and who asked for the time."""
        asked = {act.box for act in self.scenario.act if act.what == "clock"}
        return [
            {"node": row.id, "offset_s": row.clock_offset_s, "timezone": row.timezone}
            | ({"asked": True} if row.id in asked else {})
            for row in (*self.scenario.panel, *self.scenario.box)
            if row.clock_offset_s or row.id in asked
        ]

    def _addresses_6(self) -> dict[str, list[str]]:
        found = {box.id: self.net.addresses_6(box.id) for box in self.scenario.box}
        return found | {h.id: self.net.addresses_6(h.id, "lan") for h in self.scenario.home if h.lan6}

    def _tools(self, viewings: list[Viewing]) -> dict[str, str]:
        wanted = {"ffmpeg", "nginx", "nginx-rtmp", "dnsmasq", "tcpdump", "curl", *(v.player for v in viewings)}
        told = versions(wanted & VERSION_COMMANDS.keys())
        for player in sorted(wanted - VERSION_COMMANDS.keys()):
            said = subprocess.run([player, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
            told[player] = (said.strip() or "?").splitlines()[0]
        return told


def rounded(value: Any) -> Any:
    """Return a document whose times have milliseconds."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


def _capture(note: CaptureNote) -> Row:
    row = {"file": note.name, **digest(note.file), "point": note.record.at, "interface": note.interface,
           "side": note.record.side, "start": note.start, "end": note.end}  # fmt: skip
    row |= {"filter": note.record.expression} if note.record.expression else {}
    return row | ({"key_log": note.key_log} if note.key_log else {})
