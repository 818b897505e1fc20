"""What the lab's panel and its edges are told: one JSON document for both.

`python -m tests.lab.panel --help` and `python -m tests.lab.edge --help` explain the keys.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

SOFTWARE = ("xc", "xui", "xc_vm")
ADDRESSES = ("token", "plain", "path")
FAMILIES = ("xtream", "stalker", "enigma2", "m3u", "xmltv", "txt", "openwebif")
T = TypeVar("T")


class ConfigError(Exception):
    """The configuration says something that cannot be meant."""


@dataclass
class Line:
    """A subscriber's account."""

    username: str = ""
    password: str = ""
    mac: str = ""
    token: str = ""
    id: int = 0
    max_connections: int = 1
    created: int = 1_672_531_200
    expires: int | None = None
    trial: bool = False
    enabled: bool = True
    banned: bool = False
    restreamer: bool = False
    message: str = ""
    outputs: list[str] = field(default_factory=lambda: ["m3u8", "ts", "rtmp"])
    edge: str = ""
    box: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)
    made_up: bool = False  # user name and password were: the line has only a MAC address

    @property
    def key(self) -> str:
        """Return the name by which the log calls the line."""
        return self.mac if self.made_up else self.username


@dataclass
class Channel:
    """A live channel (or radio)."""

    id: int
    name: str
    epg_id: str | None = None
    number: int = 0
    category: str = ""
    categories: list[str] = field(default_factory=list)
    kind: str = "live"
    icon: str = ""
    archive_days: int = 0
    custom_sid: str = ""
    direct_source: str = ""
    added: int = 1_672_617_600
    edges: list[str] = field(default_factory=list)
    upstream: str = ""
    pull: dict[str, Any] = field(default_factory=dict)
    stalker_cmd: str = ""
    stalker: dict[str, Any] = field(default_factory=dict)
    programmes: list[dict[str, Any]] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    url_suffix: str = ""


@dataclass
class Edge:
    """A server that gives media."""

    name: str
    host: str = "127.0.0.1"
    port: int = 8080
    listen: str = "0.0.0.0"
    tls: dict[str, str] = field(default_factory=dict)
    protocol: str = "http"
    rtmp_port: int = 8880
    cdn: bool = False
    proxy: bool = False
    server_header: str = "nginx"
    cookie: dict[str, str] = field(default_factory=dict)
    alt_svc: bool = False
    encrypt: bool = False
    hls_time: float = 4
    hls_list: int = 6
    idle_s: float = 20
    chunked: bool = True
    address: str = "token"
    live_bytes: int = 0
    prebuffer: bool = False
    user_agent: str = "Mozilla/5.0"
    files: list[str] = field(default_factory=list)
    archive: str = ""
    log: str = ""


@dataclass
class Vod:
    """The films and series, made from a seed."""

    titles: int = 0
    series: int = 0
    seed: int = 1
    first_id: int = 20_000
    containers: list[str] = field(default_factory=lambda: ["mp4", "mkv"])
    categories: list[str] = field(default_factory=list)
    named: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Config:
    """Everything."""

    name: str
    host: str = "127.0.0.1"
    family: list[str] = field(default_factory=lambda: ["xtream", "m3u", "xmltv", "enigma2"])
    software: str = "xui"
    version: str = "1.5.12"
    listen: str = "0.0.0.0"
    port: int = 80
    https_port: int = 443
    rtmp_port: int = 8880
    tls: dict[str, str] = field(default_factory=dict)
    server_url: str = ""
    timezone: str = "Etc/UTC"
    secret: str = "no secret"
    seed: int = 1
    log: str = ""
    brand: str = ""
    bad_login: str = "classic"
    redirect: int = 302
    api_redirect: bool = False
    gzip: bool = True
    traps: bool = True
    poll_s: float = 0
    substitutes: dict[str, str] = field(default_factory=dict)
    txt_path: str = "/tv.txt"
    txt_base64: bool = False
    txt_json: bool = False
    m3u_header: dict[str, str] = field(default_factory=dict)
    guide: dict[str, Any] = field(default_factory=dict)
    portal: dict[str, Any] = field(default_factory=dict)
    receiver: dict[str, Any] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    vod: Vod = field(default_factory=Vod)

    @property
    def zone(self) -> ZoneInfo:
        """Return the panel's time zone."""
        return ZoneInfo(self.timezone)

    def edge(self, name: str) -> Edge:
        """Return the edge of this name."""
        for edge in self.edges:
            if edge.name == name:
                return edge
        raise ConfigError(f"no edge is called {name!r}")

    def edge_for(self, item_id: int, names: list[str], line: Line) -> Edge | None:
        """Return the edge that gives an item to a line: always the same one for the same two."""
        choice = [line.edge] if line.edge else names or [edge.name for edge in self.edges]
        if not choice:
            return None
        return self.edge(choice[zlib.crc32(f"{line.key}/{item_id}".encode()) % len(choice)])


def _filled(kind: type[T], told: Any, where: str) -> T:
    if not isinstance(told, dict):
        raise ConfigError(f"{where}: an object is wanted")
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(told) - known):
        raise ConfigError(f"{where}: unknown key {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    try:
        return kind(**told)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def from_dict(told: dict[str, Any]) -> Config:
    """Return the configuration that a JSON document says, checked."""
    parts = dict(told)
    kinds: dict[str, type] = {"lines": Line, "channels": Channel, "edges": Edge}
    for key, kind in kinds.items():
        parts[key] = [_filled(kind, row, f"{key}[{n}]") for n, row in enumerate(parts.get(key, []))]
    parts["vod"] = _filled(Vod, parts.get("vod", {}), "vod")
    config = _filled(Config, parts, "panel")
    _check(config)
    return config


def _check(config: Config) -> None:
    if config.software not in SOFTWARE:
        raise ConfigError(f"software: one of {', '.join(SOFTWARE)}")
    if unknown := sorted(set(config.family) - set(FAMILIES)):
        raise ConfigError(f"family: {', '.join(unknown)} is none of {', '.join(FAMILIES)}")
    if unknown := sorted({edge.address for edge in config.edges} - set(ADDRESSES)):
        raise ConfigError(f"address: {', '.join(unknown)} is none of {', '.join(ADDRESSES)}")
    for what, ids in (("channel", [c.id for c in config.channels]), ("edge", [e.name for e in config.edges])):
        if len(set(ids)) != len(ids):
            raise ConfigError(f"two of {what} have the same id or name")
    for n, line in enumerate(config.lines, 1):
        line.id = line.id or n
        line.mac = line.mac.upper()
        if not line.username:
            if not line.mac:
                raise ConfigError(f"lines[{n - 1}]: neither username nor mac")
            name = hashlib.md5(line.mac.encode(), usedforsecurity=False).hexdigest()
            line.username, line.password, line.made_up = name[:10], name[10:20], True
    for n, channel in enumerate(config.channels, 1):
        channel.number = channel.number or n
        channel.categories = channel.categories or [channel.category or "General"]
        for name in channel.edges:
            config.edge(name)
    config.brand = config.brand or config.host.split(".")[0]
    try:
        config.zone  # noqa: B018
    except (KeyError, ValueError) as error:
        raise ConfigError(f"timezone: {config.timezone!r} is unknown") from error


def read(file: str | Path) -> Config:
    """Return the configuration in a file."""
    try:
        told = json.loads(Path(file).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from error
    if not isinstance(told, dict):
        raise ConfigError(f"{file}: an object is wanted")
    return from_dict(told)
