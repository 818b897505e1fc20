"""Truth documents, of `sample_pcaps/` and of the lab, as what a capture should show; and what an impairment left of it.

`load` reads a truth file and gives one `TrueCapture` per recording. `Remains` compares a clean recording with its
impaired copy, frame by frame, and says which share
of a session is left, and at what time the recorder's clock shows it.

Known limitations: the share left counts payload bytes between the session's client and its media servers in the
session's time, so two sessions of one client at one server port at one time share it, and retransmissions count.
"""

from __future__ import annotations

import ipaddress
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from . import frames as lf
from .frames import Recording
from .impair import address_after

SECOND = 1_000_000_000
MEDIA_ROLES = {"media", "ingest"}
PANEL_ROLES = {"redirect", "panel"}
PROXY = "proxy"
INSIDE = ("box", "home")
GROUP_DELIVERIES = ("udp-ts", "rtp-ts")


@dataclass(frozen=True)
class Hop:
    """One server of the chain that led to the media."""

    host: str
    ip: str
    port: int
    roles: frozenset[str]


@dataclass(frozen=True)
class TrueSession:
    """One viewing or publishing that took place."""

    name: str
    delivery: str  # with "+tls" where the media were encrypted in transport
    kind: str
    clients: frozenset[str]
    streams: frozenset[str]  # names under which it may be reported
    start_ns: int
    end_ns: int
    body_bytes: int | None
    hops: tuple[Hop, ...]
    begun_before: bool = False
    """True if its beginning, where the names stand, was not recorded."""
    programmes: frozenset[str] = frozenset()  # catch-up: what was on

    @property
    def media_hops(self) -> tuple[Hop, ...]:
        """Return the servers that gave (or took) media."""
        return tuple(hop for hop in self.hops if hop.roles & MEDIA_ROLES)

    @property
    def proxies(self) -> tuple[Hop, ...]:
        """Return what stood between the client and the servers: their addresses were not seen."""
        return tuple(hop for hop in self.hops if PROXY in hop.roles)

    @property
    def ends(self) -> tuple[Hop, ...]:
        """Return with whom the client was seen to exchange media."""
        return self.proxies or self.media_hops


@dataclass(frozen=True)
class TrueAnswer:
    """One answer in the log of a web server."""

    client: str
    client_port: int
    server: str
    server_port: int
    url: str
    body_bytes: int
    start_ns: int
    end_ns: int


@dataclass
class TrueCapture:
    """What one recording should show."""

    file: Path
    name: str
    sessions: list[TrueSession]
    answers: list[TrueAnswer]
    document: dict[str, Any] = field(repr=False)
    home: str = ""  # recorded inside this home
    contacts: list[TrueAnswer] = field(default_factory=list)  # as answers, and those under TLS


def stream_name(text: str | None) -> str | None:
    """Return a stream's name without what may differ: `rtmp://host/app/name?query` and `app/name` are one.

    That of SRT is its stream identifier.
    """
    if not text:
        return None
    if text.startswith(("rtmp://", "rtmps://", "rtmpt://")):
        text = urlsplit(text).path.lstrip("/")
    if text.startswith("srt://"):
        return text.partition("?streamid=")[2] or text  # it may hold `#` and `:`
    if "://" not in text:
        text = text.split("?", 1)[0]
    return text.rstrip("/")


def load(file: Path) -> list[TrueCapture]:
    """Return what each recording of a truth file should show; a derived capture has the truth of its origin."""
    told = json.loads(file.read_text())
    if "derived_from" in told:
        return []
    tls = {(hop["ip"], hop["port"]) for s in told["sessions"] if "tls" in s.get("encrypted", ()) for hop in s["chain"]}
    every = [row for row in told.get("http", []) if row.get("client_port")]
    logged = [
        row
        for row in every
        if row["server_port"] != 443 and not row.get("tls") and (row["server_ip"], row["server_port"]) not in tls
    ]
    if "captures" in told:
        parts = [
            (
                row["file"],
                _seen_at(row, logged, told),
                [s for s in told["sessions"] if row["file"] in s["visible_in"]],
                _seen_at(row, every, told),
            )
            for row in told["captures"]
        ]
    else:
        parts = [(told["capture"]["file"], [answer_of(row) for row in logged], told["sessions"], [])]
    return [
        TrueCapture(file.parent / name, f"{file.parent.name}/{name.split('.')[0]}",
                    [_session(row, told, n) for n, row in enumerate(rows)], answers, told, _home_of(told, name),
                    contacts)
        for name, answers, rows, contacts in parts
    ]  # fmt: skip


def _home_of(told: dict[str, Any], file: str) -> str:
    """Return the home in which a recording was made, "" for one made elsewhere."""
    points = [row["point"] for row in told.get("captures", ()) if row["file"] == file and row.get("side") in INSIDE]
    homes = {
        node["id"]: node.get("home", node["id"]) for node in told.get("nodes", ()) if node["kind"] in ("box", "home")
    }
    return homes.get(points[0], "") if points else ""


def _ns(seconds: float) -> int:
    return round(seconds * 1000) * 1_000_000


def _seen_at(capture: dict[str, Any], logged: list[dict[str, Any]], told: dict[str, Any]) -> list[TrueAnswer]:
    """Return the logged answers as a recording shows them: inside a home its boxes alone, by their own addresses."""
    inside = capture.get("side") in INSIDE
    home_of = {node["id"]: node.get("home") for node in told.get("nodes", []) if node["kind"] == "box"}
    here = capture.get("point")
    return [answer_of(row, inside=inside) for row in logged
            if not inside or "box" not in row or here in (row["box"], home_of.get(row["box"]))]  # fmt: skip


def answer_of(row: dict[str, Any], *, inside: bool = True) -> TrueAnswer:
    """Return a row of a web server's log as the answer that a recording shows, inside the client's home or outside."""
    outer = {"client_ip": row.get("client_public_ip"), "client_port": row.get("client_public_port")}
    row = row if inside or not outer["client_ip"] else row | outer
    return TrueAnswer(row["client_ip"], row["client_port"], row["server_ip"], row["server_port"],
                      f"http://{row.get('host', row['server_ip'])}{row['target']}", row.get("body_bytes", 0),
                      _ns(row["done"] - float(row.get("took", 0))), _ns(row["done"]))  # fmt: skip


def _session(row: dict[str, Any], told: dict[str, Any], number: int) -> TrueSession:
    usual = 1935 if row["stream"].startswith("rtmp://") else 80
    hops = tuple(Hop(h["host"], h["ip"], h.get("port", usual), frozenset(h["roles"])) for h in row.get("chain", []))
    delivery = row["delivery"]
    if not hops and "source_ip" in row:
        group = urlsplit(row["stream"])
        hops = (Hop("", group.hostname or "", group.port or 0, frozenset({"media"})),)
    if delivery in ("rtmp-publish", "srt") and not any(hop.roles & MEDIA_ROLES for hop in hops):
        hops = tuple(Hop(h.host, h.ip, h.port, h.roles | {"ingest"}) for h in hops)
    names = [row["stream"], row.get("final_url"), *(m.get("url") for m in row.get("media", []) if m.get("range"))]
    names += _sent_on(row, told)
    if "tls" in row.get("encrypted", ()):
        delivery += "+tls"
    return TrueSession(
        row.get("id", str(number)), delivery, row["kind"],
        frozenset({row["client_ip"], row.get("client_public_ip", row["client_ip"])}),
        frozenset(name for name in map(stream_name, names) if name),
        _ns(row.get("first_byte", row["start"])), _ns(row.get("last_byte", row["end"])),
        _body_bytes(row, told), hops, "recorded_from" in row, frozenset(row.get("programmes", ())),
    )  # fmt: skip


def _sent_on(row: dict[str, Any], told: dict[str, Any]) -> list[str]:
    """Return where the player was sent for the stream: a server may name another address each time it is asked."""
    return [h["location"] for h in told.get("http", []) if "location" in h
            and h["client_ip"] in (row["client_ip"], row.get("client_public_ip"))
            and row["stream"] == f"http://{h['host']}{h['target']}"
            and row["start"] - 1 <= h["done"] <= row["end"] + 1]  # fmt: skip


def _body_bytes(row: dict[str, Any], told: dict[str, Any]) -> int | None:
    """Return the media bytes that the servers handed over, as their logs say; None if no log says so."""
    if "body_bytes" in row:
        return int(row["body_bytes"])
    media = [m for m in row.get("media", []) if "body_bytes" in m]
    listed = [m["body_bytes"] for m in media]
    if not all(m.get("completed", True) for m in media):  # the log counts what the client never took
        return None
    if listed:
        return int(sum(listed))
    names = {row["stream"], row.get("final_url")}
    logged = [h["body_bytes"] for h in told.get("http", []) if h["status"] in (200, 206)
              and f"http://{h['host']}{h['target']}" in names and abs(h["done"] - row["end"]) < 1.5]  # fmt: skip
    if not logged and row["delivery"].startswith("rtmp"):
        direction = "bytes_received" if row["delivery"] == "rtmp-publish" else "bytes_sent"
        whole = "recorded_from" not in row
        who = tuple(row.get(key) for key in ("client_ip", "app", "name"))
        logged = [r[direction] for r in told.get("rtmp", []) if whole and (r["client_ip"], r["app"], r["name"]) == who]
    return int(sum(logged)) if logged else None


Conversation = tuple[str, str, int]  # client, server, server port


class Seen(NamedTuple):
    """One clean frame of a conversation."""

    time_ns: int
    origin: int
    payload: int
    from_server: bool


class Remains:
    """What is left of a clean recording after impairment."""

    def __init__(self, clean: Recording, left: Recording) -> None:
        self.facts = left.facts
        self._frames: dict[Conversation, list[Seen]] = defaultdict(list)
        self._of_server: dict[str, list[int]] = defaultdict(list)
        self._kept = _kept(clean, left)
        for frame in clean.frames:
            found = lf.packet(frame.data, clean.link)
            pair = lf.ports(frame.data, found) if found else None
            if found is None or pair is None:
                continue
            source, target = (str(ipaddress.ip_address(a)) for a in (found.source, found.destination))
            size = max(0, min(found.end, len(frame.data)) - lf.payload_start(frame.data, found))
            self._frames[source, target, pair[1]].append(Seen(frame.time_ns, frame.origin, size, False))
            self._frames[target, source, pair[0]].append(Seen(frame.time_ns, frame.origin, size, True))
            if size:
                self._of_server[source].append(frame.origin)
                self._of_server[target].append(frame.origin)
        shown: dict[int, int] = {}
        for frame in left.frames:
            if frame.origin:
                shown.setdefault(frame.origin, frame.time_ns)
        pairs = [(f.time_ns, shown[f.origin] - f.time_ns) for f in clean.frames if f.origin in shown]
        self._times = np.array([p[0] for p in pairs], np.int64)
        self._offsets = np.array([p[1] for p in pairs], np.float64)

    def address(self, ip: str) -> str:
        """Return the address under which a node now appears."""
        return address_after(self.facts, ip)

    def shown(self, time_ns: int) -> int:
        """Return what the recorder's clock shows at a true time."""
        if not len(self._times):
            return time_ns
        return time_ns + round(float(np.interp(time_ns, self._times, self._offsets)))

    def stream(self, name: str) -> str:
        """Return a stream's name with the address that a server or group now has, where the name holds one."""
        host = urlsplit(name).hostname or ""
        new = self.address(host) if host else ""
        return name if new == host else name.replace(host, f"[{new}]" if ":" in new else new, 1)

    def all_kept(self, client: str, server: str, port: int) -> bool:
        """Return whether a server sent a client anything from a port, and all of it is left."""
        sent = [seen for seen in self._frames.get((client, server, port), ()) if seen.from_server and seen.payload]
        return bool(sent) and all(self._kept.get(seen.origin) == 1.0 for seen in sent)

    def server_seen(self, ip: str) -> bool:
        """Return whether any payload from or to a server is left."""
        return any(number in self._kept for number in self._of_server.get(ip, ()))

    def session(self, true: TrueSession) -> tuple[float, int, int] | None:
        """Return the share of a session that is left, and when it should seem to begin and end; None if none is."""
        ends = {(client, hop.ip, hop.port) for client in true.clients for hop in true.ends}
        if not true.ends or true.ends[0].ip.startswith(("239.", "ff")):
            ends = {key for key in self._frames for hop in true.ends if key[1:] == (hop.ip, hop.port)}
        frames = self._between(ends, true.start_ns - SECOND // 2, true.end_ns + SECOND // 2)
        whole_up = sum(seen.payload for seen in frames if not seen.from_server)
        to_server = whole_up > sum(seen.payload for seen in frames if seen.from_server)  # a push, or a group
        share = self._share([seen for seen in frames if seen.from_server != to_server])
        left = [seen.time_ns for seen in frames if seen.origin in self._kept and seen.payload]
        if not left:
            return None
        whole = [seen.time_ns for seen in frames if seen.payload]
        begin = left[0] if left[0] - whole[0] > SECOND // 2 else true.start_ns
        end = left[-1] if whole[-1] - left[-1] > SECOND // 2 else true.end_ns
        return share, self.shown(begin), self.shown(end)

    def answer(self, true: TrueAnswer) -> float:
        """Return the share of an answer's connection, in the answer's time, that is left."""
        key = (true.client, true.server, true.server_port)
        frames = self._between({key}, true.start_ns - SECOND // 5, true.end_ns + SECOND // 5)
        return self._share([seen for seen in frames if seen.from_server])

    def exchange(self, true: TrueAnswer) -> bool:
        """Return whether all payload between client and server is left in the time of a request and its answer."""
        key = (true.client, true.server, true.server_port)
        frames = self._between({key}, true.start_ns - SECOND // 5, true.end_ns + SECOND // 5)
        sent = [seen for seen in frames if seen.payload]
        both = {seen.from_server for seen in sent} == {True, False}
        return both and all(self._kept.get(seen.origin) == 1.0 for seen in sent)

    def _between(self, ends: set[Conversation], first: int, last: int) -> list[Seen]:
        return sorted({seen for key in ends for seen in self._frames.get(key, ()) if first <= seen.time_ns <= last})

    def _share(self, frames: list[Seen]) -> float:
        whole = sum(seen.payload for seen in frames)
        return sum(seen.payload * self._kept.get(seen.origin, 0.0) for seen in frames) / whole if whole else 0.0


def _kept(clean: Recording, left: Recording) -> dict[int, float]:
    """Return for each frame that is left which share of its payload was captured."""
    kept: dict[int, float] = {}
    whole = {frame.origin: frame for frame in clean.frames}
    for frame in left.frames:
        original = whole.get(frame.origin)
        if original is None:
            continue
        share = 1.0
        if len(frame.data) < frame.wire and len(original.data) == original.wire:
            found = lf.packet(original.data, clean.link)
            start = lf.payload_start(original.data, found) if found else 0
            size = (found.end if found else original.wire) - start
            share = min(1.0, max(0.0, (len(frame.data) - start) / size)) if size > 0 else 1.0
        kept[frame.origin] = max(share, kept.get(frame.origin, 0.0))
    return kept
