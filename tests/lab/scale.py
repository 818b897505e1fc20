"""Captures of any number of boxes, lines and channels, with their truth, made from recorded sessions.

    python -m tests.lab.scale --boxes 100 -o FILE.pcap

Each box has its own address, line, panel and edge, watches `--viewings` channels one after the other, and pauses 1 to 4
seconds between them. User names, passwords, tokens, channel ids, host names and addresses are rewritten in requests,
answers, playlists and DNS (`scale.toml` says where), lengths stay and checksums are right. Frames of all boxes are
written in order of time. Beside the capture stands its truth in the shape of the lab (`truth.schema.json`). The same
arguments give the same bytes; half a second of all sessions is in memory at one time.

Known limitations: sessions last as long as the recorded ones (8 to 20 s); TCP sequence numbers are those of the
recording; every box is on the same side of one recorder; two-digit channel ids allow 90 channels (see `template` too).
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import ipaddress
import random
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from . import frames as lf
from .template import FIELDS, MARK, Copy, Field, Template, template

DEFAULT = ("hls/redirected", "http-ts/live", "rtmp/play-chunk-128")
EPOCH_US = 1_767_261_600_000_000  # 2026-01-01 10:00 UTC
WINDOW_US = 500_000
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Size:
    """How much is made."""

    boxes: int
    viewings: int = 2
    channels: int = 72
    panels: int = 2
    edges: int = 3  # of each panel
    seed: int = 1


@dataclass
class Truth:
    """Nodes, edges and sessions, as they come up."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    edges: dict[tuple[str, str, str], list[list[float]]] = field(default_factory=dict)
    sessions: list[dict[str, Any]] = field(default_factory=list)

    def node(self, identifier: str, kind: str, **facts: Any) -> str:
        """Return the id of a node, told of once."""
        self.nodes.setdefault(identifier, {"id": identifier, "kind": kind, **facts})
        return identifier

    def edge(self, source: str, target: str, kind: str, start: float, end: float) -> None:
        """Add an interval to a relation."""
        self.edges.setdefault((source, target, kind), []).append([start, end])


def numbered(old: bytes, number: int) -> bytes:
    """Return a text of the same length and alphabet that stands for a number.

    Raises:
        ValueError: there are not that many texts of this length.
    """
    width = len(old)
    if old.isdigit():
        value, room = str(10 ** (width - 1) + number), 9 * 10 ** (width - 1)
    else:
        tail, rest = "", number
        kept = max(0, width - 4) if width > 4 else (1 if width > 2 else 0)
        for _ in range(width - kept):
            rest, digit = divmod(rest, 36)
            tail = DIGITS[digit] + tail
        value, room = old[:kept].decode() + tail, 36 ** (width - kept)
    if number >= room:
        raise ValueError(f"only {room} texts of the length of {old.decode()!r}: number {number} has none")
    return value.encode()


def secret(old: bytes, *what: object) -> bytes:
    """Return a text of the same length that is different for everything that it is made of."""
    text = hashlib.sha256("/".join(map(str, what)).encode()).hexdigest()
    return (text * (len(old) // len(text) + 1))[: len(old)].encode()


def _value(item: Field, size: Size, box: int, panel: int, edge: int, channel: int) -> bytes:
    if item.what in ("username", "channel", "domain", "edge"):
        number = {"username": box, "channel": channel, "domain": panel, "edge": edge}[item.what]
        return numbered(item.old, number)
    return secret(item.old, size.seed, item.what, box, channel if item.what == "token" else "")


def _address(*parts: int) -> bytes:
    return bytes(parts)


@dataclass
class Maker:
    """Makes the viewings of all boxes, and writes down what is true."""

    templates: Sequence[Template]
    size: Size
    file: str
    truth: Truth = field(default_factory=Truth)

    def viewing(self, box: int, turn: int, start_us: int) -> Copy:
        """Return the copy in which a box watches its next channel."""
        size, kind = self.size, box % len(self.templates)
        t = self.templates[kind]
        rng = random.Random(f"{size.seed}/{box}")
        first, step = rng.randrange(size.channels), rng.randrange(1, max(size.channels, 2))
        channel = (first + turn * step) % size.channels  # never the one before: nobody could tell the two apart
        panel = box // len(self.templates) % size.panels
        edge = random.Random(f"{size.seed}/{box}/{turn}").randrange(size.edges)
        values = {f.name: _value(f, size, box, panel, edge, channel) for f in t.fields}
        values[MARK] = numbered(b"qqqq", channel * len(self.templates) + kind)
        servers = tuple(self._server(t, kind, n, panel, edge) for n in range(len(t.servers)))
        values |= {f"server-{n}": address for n, address in enumerate(servers)}
        client = _address(10, 32 + (box >> 16), box >> 8 & 255, box & 255)
        mac = bytes((2, 0x5E, 0x78, box >> 16 & 255, box >> 8 & 255, box & 255))
        made = Copy(t, start_us, client, mac, turn * 1_013 % 45_000, servers, values)
        self._write_down(made, box, panel, channel, turn)
        return made

    def _server(self, t: Template, kind: int, place: int, panel: int, edge: int) -> bytes:
        """Return a server's address: one per panel for what redirects, one per edge for the rest."""
        redirects = "redirect" in t.session.hops[place].roles
        number = panel if redirects else panel * self.size.edges + edge
        return _address(172, 16 + kind % 4 * 4 + place % 4, number >> 8 & 255, number & 255)

    def _write_down(self, made: Copy, box: int, panel: int, channel: int, turn: int) -> None:
        t, truth = made.template, self.truth
        kind = t.name.replace("/", "-")
        shift = made.start_us + EPOCH_US - t.first_ns // 1000
        start, end = (round(ns / 1e9 + shift / 1e6, 3) for ns in (t.session.start_ns, t.session.end_ns))
        ip = str(ipaddress.ip_address(made.client))
        box_id = truth.node(f"box-{box}", "box", ips=[ip], mac=made.mac.hex(":"))
        text = {f.what: made.values[f.name].decode() for f in t.fields}
        channel_id = truth.node(f"channel-{kind}-{panel}-{channel}", "channel", name=text["channel"])
        chain: list[dict[str, Any]] = []
        for place, hop in enumerate(t.session.hops):
            address, host = str(ipaddress.ip_address(made.servers[place])), t.renamed(hop.host, made.values)
            redirects = "redirect" in hop.roles
            name, role = (f"panel-{kind}-{panel}", "panel") if redirects else (f"edge-{address}", "edge")
            node = truth.node(name, role, names=[{"name": host}], ips=[address], ports=[hop.port])  # fmt: skip
            chain.append({"host": host, "ip": address, "port": hop.port, "roles": sorted(hop.roles), "node": node})
        session = {"id": f"s-{box}-{turn}", "delivery": t.session.delivery, "kind": t.session.kind, "client_ip": ip,
                   "box": box_id, "channel": channel_id, "edge": chain[-1]["node"], "by": "user",
                   "stream": t.renamed(t.stream, made.values), "start": start, "end": end, "chain": chain,
                   "visible_in": [self.file]}  # fmt: skip
        if t.final_url:
            session["final_url"] = t.renamed(t.final_url, made.values)
        if "username" in text:
            line = truth.node(f"line-{box}", "line", username=text["username"], password=text["password"],
                              panel=f"panel-{kind}-{panel}")  # fmt: skip
            session |= {"line_id": line, "panel": f"panel-{kind}-{panel}",
                        "line": {"username": text["username"], "password": text["password"]}}  # fmt: skip
            truth.edge(box_id, line, "uses-line", start, end)
            truth.edge(f"panel-{kind}-{panel}", chain[1]["node"], "redirects-to", start, end)
        truth.edge(box_id, chain[-1]["node"], "streams-from", start, end)
        truth.edge(chain[-1]["node"], channel_id, "carries", start, end)
        truth.sessions.append(session)


def write_window(out: BinaryIO, copies: list[Copy], until_us: int) -> int:
    """Write all copies' frames up to a moment, in order of time; return the number of frames."""
    parts = [copy.until(until_us, EPOCH_US) for copy in copies]
    if not parts:
        return 0
    data = memoryview(np.concatenate([part[0] for part in parts]).data)
    shifts = np.cumsum([0, *(len(part[0]) for part in parts)])
    at = np.concatenate([part[2] + shift for part, shift in zip(parts, shifts[:-1], strict=True)])
    ends = np.append(at[1:], shifts[-1])
    order = np.argsort(np.concatenate([part[1] for part in parts]), kind="stable")
    out.write(b"".join([data[a:b] for a, b in zip(at[order].tolist(), ends[order].tolist(), strict=True)]))
    return len(order)


def make(file: Path, size: Size, names: Sequence[str] = DEFAULT) -> dict[str, int]:
    """Write a capture and its truth (`FILE.truth.json`); return what they hold."""
    maker = Maker([template(name) for name in names], size, file.name)
    rng = random.Random(f"scale/{size.seed}")
    waiting = [(rng.randrange(12_000_000), box, 0) for box in range(size.boxes)]
    heapq.heapify(waiting)
    active: list[tuple[Copy, int, int]] = []
    now, frames = 0, 0
    with file.open("wb") as out:
        out.write(PCAP_HEADER)
        while waiting or active:
            now += WINDOW_US
            while waiting and waiting[0][0] < now:
                start, box, turn = heapq.heappop(waiting)
                active.append((maker.viewing(box, turn, start), box, turn))
            frames += write_window(out, [copy for copy, _, _ in active], now)
            for copy, box, turn in active:
                if copy.finished and turn + 1 < size.viewings:
                    heapq.heappush(waiting, (now + rng.randrange(1_000_000, 4_000_000), box, turn + 1))
            active = [entry for entry in active if not entry[0].finished]
    _write_truth(file, maker, names, now)
    return {
        "frames": frames,
        "bytes": file.stat().st_size,
        "sessions": len(maker.truth.sessions),
        "seconds": now // 1_000_000,
    }


def _write_truth(file: Path, maker: Maker, names: Sequence[str], now: int) -> None:
    size, truth = maker.size, maker.truth
    start, end = EPOCH_US / 1e6, (EPOCH_US + now) / 1e6
    lf.write_json(
        file.with_suffix(".truth.json"),
        {
            "schema": "iptvforensics-lab-truth/1",
            "scenario": {"name": "scale", "title": f"{size.boxes} boxes, copies of {', '.join(names)}",
                         "file": FIELDS.name, "sha256": lf.digest(FIELDS)["sha256"], "seed": size.seed},
            "recorded": {"start": start, "end": end, "tools": {}},
            "captures": [{"file": file.name, **digest(file), "point": "recorder", "interface": "eth0", "side": "home",
                          "start": start, "end": end}],
            "nodes": list(truth.nodes.values()),
            "edges": [{"source": s, "target": t, "kind": k, "intervals": i} for (s, t, k), i in truth.edges.items()],
            "sessions": truth.sessions,
            "outages": [], "encrypted": [], "clocks": [], "http": [], "rtmp": [], "dns": {},
        },
    )  # fmt: skip


def digest(file: Path) -> dict[str, Any]:
    """Return size and SHA-256 of a file of any size."""
    with file.open("rb") as stream:
        return {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make a capture of many boxes from recorded sessions.")
    parser.add_argument("--boxes", type=int, default=100)
    parser.add_argument("--viewings", type=int, default=2, help="channels that each box watches (default 2)")
    parser.add_argument("--channels", type=int, default=72, help="of each panel (default 72)")
    parser.add_argument("--panels", type=int, default=2)
    parser.add_argument("--edges", type=int, default=3, help="of each panel (default 3)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--templates", default=",".join(DEFAULT), help="recordings, with commas")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    size = Size(options.boxes, options.viewings, options.channels, options.panels, options.edges, options.seed)
    begin = time.perf_counter()
    made = make(options.output, size, options.templates.split(","))
    took = time.perf_counter() - begin
    sys.stdout.write(
        f"{options.output}: {made['bytes']:,} bytes, {made['frames']:,} frames, {made['sessions']} sessions, "
        f"{made['seconds']} s of traffic, made in {took:.1f} s\n"
    )


if __name__ == "__main__":
    main()
