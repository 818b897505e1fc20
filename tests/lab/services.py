"""The panels of a scenario and their edges as programs of the lab (`tests.lab.panel`, `tests.lab.edge`).

One document per panel tells it and its edges what to do; panels that share edges (clones) share the secret from which
tokens are made.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .films import movie
from .isolation import LabError
from .network import Network, Running, json_lines, wait_for
from .scenario import Channel, Edge, Panel, Scenario
from .servers import EDGE_RTMP_PORT, INGEST_APP, Supply

ROOT = Path(__file__).parents[2]
TRANSCODE = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
    "-crf",
    "40",
    "-g",
    "10",
    "-threads",
    "1",
    "-c:a",
    "copy",
]
QUICK = ["-probesize", "100k", "-analyzeduration", "1500000"]  # tiny media: ffmpeg would look at them for long
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


class Services:
    """Panels and edges of one run."""

    def __init__(self, net: Network, scenario: Scenario) -> None:
        self.net = net
        self.scenario = scenario
        self.films = net.folder / "films"
        self.films.mkdir()
        self.programs: dict[str, Running] = {}
        self.certificate: dict[str, str] = {}

    def start(self, supply: Supply) -> None:
        """Start all panels and edges."""
        s = self.scenario
        if s.secure:
            self.certificate = self._certified()
        for panel in s.panel:
            for channel in s.offered(panel, "channel") if panel.on else ():
                movie(channel.programme, Path(self._upstream(panel, channel)), seconds=20, settings=vars(s.picture))
            self._file(panel).write_text(json.dumps(self.document(panel), indent=1))
            self.start_again(panel.id)
        for edge in s.edge:
            self._file(edge).write_text(json.dumps(self.document(s.public_panels[0], for_edges=True), indent=1))
            self.start_again(edge.id)
            supply.edge_rtmp(edge.id, [c for c in s.channel if not c.edges or edge.id in c.edges])

    def _file(self, row: Panel | Edge) -> Path:
        return self._folder(row) / "panel.json"

    def _folder(self, row: Panel | Edge) -> Path:
        return self.net.folder / (getattr(row, "on", "") or row.id)

    def _upstream(self, panel: Panel, channel: Channel) -> str:
        """Return from where edges take a channel: the head-end, or a file where the panel gives the media itself."""
        if panel.on:
            return str(self.films / f"{channel.id}.ts")
        return f"rtmp://{self.scenario.headend[0].names[0]}/{INGEST_APP}/{channel.id}"

    def start_again(self, node: str) -> None:
        """Start the program of a panel or edge."""
        s, env = self.scenario, {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        if s.has("panel", node):
            panel = s.one("panel", node)
            argv = ["tests.lab.panel", "--config", str(self._file(panel))]
            if panel.clock_offset_s:
                env |= {
                    "LD_PRELOAD": FAKETIME,
                    "FAKETIME": f"{panel.clock_offset_s:+g}s",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                }
            if panel.on:
                media = ["tests.lab.edge", *argv[1:], "--edge", panel.id, "--work", str(self._folder(panel) / "media")]
                self.programs[f"{node} media"] = self.net.start(panel.on, sys.executable, "-m", *media, env=env)
                self.programs[node] = self.net.start(panel.on, sys.executable, "-m", *argv, env=env)
                return
        else:
            work = str(
                self.net.folder / node / "media"
            )  # within the run's folder: an edge that is killed cleans nothing up
            argv = ["tests.lab.edge", "--config", str(self._file(s.one("edge", node))), "--edge", node, "--work", work]
        self.programs[node] = self.net.start(node, sys.executable, "-m", *argv, env=env)

    def stop(self, node: str) -> None:
        """End the program of a panel or edge."""
        self.programs[node].stop(wait=3.0)

    def wait_until_standing(self) -> None:
        """Wait until all of them listen."""
        for node, program in self.programs.items():
            wait_for(
                lambda p=program: "listening on" in p.text or p.process.poll() is not None,
                40,
                f"{node}: {program.text}",
            )
            if program.process.poll() is not None:
                raise LabError(f"{node} ended: {program.text[-800:]}")

    @property
    def catalogues(self) -> dict[str, dict[str, Any]]:
        """Return what each panel said of its catalogue."""
        return {
            panel.id: row["catalogue"]
            for panel in self.scenario.panel
            for row in json_lines(self._folder(panel) / "panel.http.jsonl")
            if row["event"] == "start"
        }

    def document(self, panel: Panel, *, for_edges: bool = False) -> dict[str, Any]:
        """Return what a panel is told; with `for_edges`, what edges are: the channels and lines of all panels."""
        s = self.scenario
        lines = [
            {
                "username": n.username,
                "password": n.password,
                "mac": n.portal_mac,
                "expires": n.expires,
                "max_connections": n.max_connections,
                "enabled": n.status != "Disabled",
                "banned": n.status == "Banned",
            }
            for n in s.line
            if n.status != "Unknown" and (for_edges or n.panel == panel.id or self._secret(n.panel) == panel.secret)
        ]
        channels: list[dict[str, Any]] = [
            {
                "id": c.stream_id,
                "name": c.name,
                "epg_id": c.epg_id,
                "category": c.category,
                "edges": [panel.id] if panel.on else c.edges or [e.id for e in s.edge],
                "archive_days": c.archive_days,
                "upstream": self._upstream(panel, c),
                "pull": {"input": QUICK, **({"options": TRANSCODE} if self._transcoded(c) else {})},
                **({"stalker_cmd": f"ffmpeg {s.plain_address(c, s.one('edge', c.edges[0]))}"} if c.direct else {}),
            }
            for c in (s.channel if for_edges else s.offered(panel, "channel"))
            if c.accounts or not for_edges
        ]
        return {
            "name": panel.id, "host": panel.names[0], "port": panel.port, "rtmp_port": EDGE_RTMP_PORT,
            "family": panel.family, "software": panel.software, "brand": panel.brand, "timezone": panel.timezone,
            "secret": panel.secret, "listen": _listen(panel),
            "log": str(self._folder(panel) / "panel.http.jsonl"),
            "portal": {"genuine": False, "link": "play"},
            **({"tls": self.certificate, "https_port": panel.port, "port": 8880} if panel.tls
               else {"tls": self.certificate} if s.secure else {}),
            "lines": lines, "channels": channels,
            "edges": [self._own_edge(panel)] if panel.on else [self._edge(edge) for edge in s.edge],
            "vod": {"titles": panel.titles, "series": panel.series, "seed": s.seed, "first_id": 20_000,
                    "containers": panel.containers,
                    "named": [{"name": t.name, "container": t.container, "seconds": t.seconds}
                              for t in s.offered(panel, "title") if not t.series]},
            **panel.settings,
        }  # fmt: skip

    def _secret(self, panel: str) -> str:
        """Return the secret of a panel; "" of a list, which has none."""
        return str(self.scenario.one("panel", panel).secret) if self.scenario.has("panel", panel) else ""

    def _transcoded(self, channel: Channel) -> bool:
        """Return whether viewers get a channel encoded anew; its edges must agree in that."""
        found = {self.scenario.one("edge", name).transcodes for name in channel.edges}
        if len(found) > 1:
            raise LabError(f"{channel.id}: some of its edges transcode, some do not")
        return found == {True}

    def _edge(self, edge: Edge) -> dict[str, Any]:
        films = [str(self.films / f"{t.stream_id}.{t.container}") for t in self.scenario.title]
        return {
            "name": edge.id, "listen": _listen(edge), "host": edge.names[0], "port": edge.port,
            "rtmp_port": EDGE_RTMP_PORT, "hls_time": 2, "hls_list": 5, "idle_s": 12, "files": films,
            "archive": self.archive, "log": str(self.net.folder / edge.id / "edge.http.jsonl"),
            **({"tls": self.certificate, "protocol": "https"} if edge.tls else {}), **edge.settings,
        }  # fmt: skip

    def _own_edge(self, panel: Panel) -> dict[str, Any]:
        """Return the edge that a panel in a home is itself."""
        return {
            "name": panel.id, "host": panel.names[0], "listen": panel.ip, "port": panel.port + 1, "address": "plain",
            "hls_time": 2, "hls_list": 5, "idle_s": 12, "log": str(self._folder(panel) / "media.http.jsonl"),
        }  # fmt: skip

    @property
    def archive(self) -> str:
        """Return the file that edges give for what was on before; "" if no channel has an archive."""
        kept = any(channel.archive_days for channel in self.scenario.channel)
        return str(self.films / "archive.ts") if kept else ""

    def _certified(self) -> dict[str, str]:
        """Return a self-signed certificate for all names, as panels have them."""
        key, certificate = self.net.folder / "tls.key", self.net.folder / "tls.pem"
        s = self.scenario
        names = [name for row in (*s.panel, *s.edge, *s.resolver) for name in row.names]
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "30",
                "-keyout",
                str(key),
                "-out",
                str(certificate),
                "-subj",
                f"/CN={names[0]}",
                "-addext",
                "subjectAltName=" + ",".join(f"DNS:{name}" for name in names),
            ],
            check=True,
            capture_output=True,
            timeout=30,
            env=os.environ,
        )
        return {"certificate": str(certificate), "key": str(key)}


def _listen(row: Panel | Edge) -> str:
    return "0.0.0.0,::" if row.ip6 else "0.0.0.0"
