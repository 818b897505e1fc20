"""A scenario: who exists, who watches what when, what fails; one TOML file, read and checked.

Tables are lists of inline tables or `[[table]]` sections; the keys of each are the fields of the class of the same name
below. Times are seconds after second 0, at which all servers and encoders stand and the recordings run. What a scenario
leaves open is filled in by rule (addresses, stream ids, names), so that large scenarios stay readable.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, TypeVar

from .isolation import LabError

Item = TypeVar("Item")
ROUTERS = ("ipv4", "ipv6")
"""Addresses of its router by which a box may ask for names."""
PUSHES = ("rtmp", "srt", "udp-ts", "rtp-ts", "hls")
DELIVERIES = ("hls", "http-ts", "http-flv", "rtmp", "progressive")


@dataclass
class Home:
    """A household behind one router: NAT, DHCP, DNS."""

    id: str
    public_ip: str = ""
    lan: str = "192.168.1.0/24"
    lan6: str = ""  # prefix that the router announces (IPv6 without translation); "": no IPv6
    upnp: bool = False  # the router announces itself (miniupnpd)


@dataclass
class Box:
    """A device in a home. `app` is a habit of `viewers.APPS`; `line` its subscriber account, "" if it has none."""

    id: str
    home: str
    line: str = ""
    app: str = "api"
    mac: str = ""
    ip: str = ""
    hostname: str = ""
    vendor_class: str = "android-dhcp-9"
    model: str = ""
    serial: str = ""
    user_agent: str = ""
    timezone: str = "Asia/Jakarta"
    clock_offset_s: float = 0
    panel_name: str = ""  # host name that is typed into it; "": the first of its panel
    ipv4: bool = True
    ipv6: bool = True  # in a home that has it
    resolver: str = "ipv4"  # by which address it asks its router for names; or the `resolver` that it asks over HTTPS
    tls: bool = False  # its app was told the address of the panel that speaks TLS
    list_at: str = ""  # its app (list) was told the address of a `shortener` or `listing`
    announces: list[dict[str, Any]] = field(default_factory=list)  # services by mDNS: name, type, port, txt
    receiver: dict[str, Any] = field(default_factory=dict)  # it answers as a receiver with OpenWebif: what that says
    emulates: bool = False  # its app (mag) is a program that computes serial number and identifiers from the address
    seems: list[str] = field(default_factory=list)  # kinds of device that it may rightly be called; []: not judged


@dataclass
class Panel:
    """A panel server under one or more names. `clone_of`: its database was copied from that panel.

    With `on` it runs on a device in a home, at its address, and gives the media itself, from files, on the next port.
    """

    id: str
    names: list[str]
    ip: str = ""
    port: int = 8080
    software: str = "xui"
    family: list[str] = field(default_factory=lambda: ["xtream", "stalker", "m3u", "xmltv", "enigma2"])
    timezone: str = "Asia/Jakarta"
    clock_offset_s: float = 0
    brand: str = ""
    secret: str = ""  # what its tokens are made from; clones share it
    ip6: str = ""
    names6: list[str] = field(default_factory=list)  # names that resolve to it; []: all
    clone_of: str = ""
    tls: bool = False
    titles: int = 400
    series: int = 20
    containers: list[str] = field(default_factory=lambda: ["mp4", "mkv"])
    until: float | None = None  # it goes off
    on: str = ""
    settings: dict[str, Any] = field(default_factory=dict)  # further keys of the panel's configuration


@dataclass
class Cdn:
    """A reverse proxy (nginx) before a panel; the panel's names resolve to it, or only `names` of them.

    It may stand before other panels as well (`also`).
    """

    id: str
    fronts: str
    ip: str = ""
    port: int = 80
    names: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)


@dataclass
class Line:
    """A subscriber account at a panel (or at a `listing`); the panel knows nothing of one whose status is Unknown."""

    id: str
    panel: str
    username: str = ""
    password: str = ""
    portal_mac: str = ""
    max_connections: int = 1
    expires: int = 1_830_297_600
    status: str = "Active"


@dataclass
class Edge:
    """A server that gives media to viewers; one that transcodes encodes anew what it pulls."""

    id: str
    names: list[str]
    ip: str = ""
    port: int = 8080
    transcodes: bool = False
    tls: bool = False
    ip6: str = ""
    settings: dict[str, Any] = field(default_factory=dict)  # further keys of the edge's configuration


@dataclass
class Headend:
    """Where all channels come in and from where edges pull them (nginx-rtmp)."""

    id: str
    names: list[str]
    ip: str = ""


@dataclass
class Operator:
    """A lawful provider on the Internet: login, bearer token, HLS."""

    id: str
    names: list[str] = field(default_factory=list)
    ip: str = ""


@dataclass
class Account:
    """A subscription whose output is re-broadcast: its encoder pushes; at an OTT operator the head-end pulls."""

    id: str
    operator: str = ""
    push: str = "rtmp"
    ip: str = ""
    subject: str = ""
    encoder: dict[str, Any] = field(default_factory=dict)


@dataclass
class Channel:
    """A live channel of the catalogue; `accounts` are those that can feed it, the first one does."""

    id: str
    name: str
    accounts: list[str]
    stream_id: int = 0
    epg_id: str = ""
    category: str = "General"
    programme: str = ""
    archive_days: int = 0
    edges: list[str] = field(default_factory=list)
    panels: list[str] | None = None  # that have it; None: all
    direct: bool = False  # the list of a portal says where at the edge it is (`address` of the edge is plain)


@dataclass
class Title:
    """A film of the catalogue that can be watched, or an episode of a series that the panel has anyway."""

    id: str
    name: str
    stream_id: int = 0
    container: str = "mp4"
    seconds: int = 30
    panels: list[str] | None = None  # that have it; None: all
    series: int = 0  # > 0: an episode of this series


@dataclass
class Watch:
    """One viewing: on a box, a channel or title, from when to when, as which delivery, by which player."""

    box: str
    start: float
    end: float
    channel: str = ""
    title: str = ""
    delivery: str = "http-ts"
    player: str = ""  # "": the player of the box's app
    by: str = "user"  # proxy: a stranger, through a box that has sold its line
    line: str = ""  # proxy: the stranger's subscriber account; else that of the entry in a `listing`
    list_at: str = ""  # the address comes from this `listing`, which is fetched before
    panel_name: str = ""  # from now on the box uses this host name, and logs in there
    minutes_ago: int = 0  # > 0: from the channel's archive, what was on so many minutes before second 0


@dataclass
class Outage:
    """Something fails: `stop` of an account, edge or panel, or `fail-over` of an account's channels."""

    node: str
    start: float
    end: float
    kind: str = "stop"


@dataclass
class Rename:
    """A host name that appears (`to` a node) or goes (`to` is "") in the middle."""

    name: str
    at: float
    to: str = ""


@dataclass
class Record:
    """A recording: at a node, on a side of the home router.

    `home` is the LAN side, where boxes are told apart; `provider` the other one.
    """

    at: str
    side: str = "server"
    file: str = ""
    expression: str = ""


@dataclass
class Hub:
    """A server to which a box has sold its line: strangers reach the Internet through the box (ssh -R)."""

    id: str
    box: str
    names: list[str]
    ip: str = ""


@dataclass
class Site:
    """The service's web player (app `page` of a box)."""

    id: str
    names: list[str]
    ip: str = ""


@dataclass
class Resolver:
    """A name server that is asked over HTTPS (unbound)."""

    id: str
    names: list[str]
    ip: str = ""
    ip6: str = ""


@dataclass
class Clock:
    """A server of the time (chronyd)."""

    id: str
    names: list[str]
    ip: str = ""


@dataclass
class Shortener:
    """A server whose short address sends an app on to the list of a line (nginx, 302)."""

    id: str
    names: list[str]
    line: str
    ip: str = ""
    path: str = "/l/k4x9"


@dataclass
class Listing:
    """A web server with one M3U list (nginx).

    With `line` it answers as list editors do: `get.php` with that name and password, of no panel. An entry has
    `channel`, and `line` (the address at that line's panel) or `edge` (at an edge whose `address` is plain).
    """

    id: str
    names: list[str]
    entries: list[dict[str, str]]
    line: str = ""
    ip: str = ""
    path: str = "/lists/tv.m3u"


@dataclass
class Act:
    """Something that a device does once, besides watching: one of `acts.ACTS`; `of` is the device or server asked."""

    box: str
    at: float
    what: str
    of: str = ""


@dataclass
class Picture:
    """How all programmes are drawn, where an encoder's settings do not say otherwise."""

    size: str = "64x36"
    rate: int = 5
    crf: int = 38
    gop: int = 10
    audio: str = ""
    audio_kbps: int = 8


TABLES: dict[str, type] = {
    "home": Home, "box": Box, "panel": Panel, "cdn": Cdn, "line": Line, "edge": Edge, "headend": Headend,
    "operator": Operator, "account": Account, "channel": Channel, "title": Title, "watch": Watch, "outage": Outage,
    "rename": Rename, "record": Record, "hub": Hub, "site": Site, "resolver": Resolver, "clock": Clock,
    "shortener": Shortener, "listing": Listing, "act": Act,
}  # fmt: skip
SERVERS = ("panel", "cdn", "headend", "operator", "edge", "account", "hub", "site", "resolver", "clock", "shortener",
           "listing")  # fmt: skip
"""Tables of what has an address on the Internet."""
ADDRESSED = {"panel": "192.0.2.{}", "cdn": "192.0.2.{}", "headend": "192.0.2.{}", "operator": "192.0.2.{}",
             "site": "192.0.2.{}", "edge": "203.0.113.{}", "hub": "203.0.113.{}",
             "account": "198.51.100.{}", "resolver": "192.0.2.{}", "clock": "192.0.2.{}",
             "shortener": "192.0.2.{}", "listing": "192.0.2.{}"}  # fmt: skip
FIRST = {"panel": 10, "cdn": 20, "headend": 30, "operator": 40, "edge": 10, "account": 100, "hub": 80, "site": 60,
         "resolver": 150, "clock": 123, "shortener": 160, "listing": 170}  # fmt: skip


@dataclass
class Scenario:
    """A scenario that was read; each list holds the rows of one table."""

    name: str
    about: str
    file: Path
    sha256: str
    seed: int
    seconds: float
    picture: Picture
    home: list[Home]
    box: list[Box]
    panel: list[Panel]
    cdn: list[Cdn]
    line: list[Line]
    edge: list[Edge]
    headend: list[Headend]
    operator: list[Operator]
    account: list[Account]
    channel: list[Channel]
    title: list[Title]
    watch: list[Watch]
    outage: list[Outage]
    rename: list[Rename]
    record: list[Record]
    hub: list[Hub]
    site: list[Site]
    resolver: list[Resolver]
    clock: list[Clock]
    shortener: list[Shortener]
    listing: list[Listing]
    act: list[Act]

    def one(self, table: str, id_: str) -> Any:
        """Return the row of a table with this id."""
        for row in self.rows(table):
            if row.id == id_:
                return row
        raise LabError(f"{self.file.name}: there is no {table} {id_!r}")

    def rows(self, table: str) -> list[Any]:
        """Return the rows of a table."""
        rows: list[Any] = getattr(self, table)
        return rows

    def has(self, table: str, id_: str) -> bool:
        """Return whether a table has a row with this id."""
        return any(row.id == id_ for row in self.rows(table))

    def panel_host(self, box: Box) -> str:
        """Return the host name by which a box reaches its panel."""
        where = self.one("line", box.line).panel
        return box.panel_name or str(self.one("listing" if self.has("listing", where) else "panel", where).names[0])

    def panel_named(self, name: str) -> Panel:
        """Return the panel that goes by a host name."""
        for panel in self.panel:
            if name in panel.names:
                return panel
        raise LabError(f"{self.file.name}: no panel has the name {name!r}")

    @property
    def public_panels(self) -> list[Panel]:
        """Return the panels that are on the Internet."""
        return [panel for panel in self.panel if not panel.on]

    @property
    def secure(self) -> bool:
        """Return whether anything of the service speaks TLS."""
        return any(row.tls for row in (*self.panel, *self.edge, *self.box)) or bool(self.resolver)

    def names(self) -> Iterable[tuple[str, str]]:
        """Yield host name and address of all servers; a panel behind a reverse proxy has the proxy's."""
        for table in SERVERS:
            for row in self.rows(table) if table not in ("panel", "cdn") else ():
                yield from ((name, ip) for name in getattr(row, "names", ()) for ip in addresses(row))
        for panel in self.public_panels:
            yield from ((name, self.front(panel, name).ip) for name in panel.names)
            yield from ((name, panel.ip6) for name in panel.names6 or panel.names if panel.ip6)

    def front(self, panel: Panel, name: str) -> Cdn | Panel:
        """Return what answers under a name of a panel: the panel itself or the reverse proxy before it."""
        before = (c for c in self.cdn if panel.id in (c.fronts, *c.also))
        return next((c for c in before if not c.names or name in c.names), panel)

    def offered(self, panel: Panel, table: str) -> list[Any]:
        """Return the channels or titles that a panel has."""
        return [row for row in self.rows(table) if row.panels is None or panel.id in row.panels]

    def watches(self, box: Box) -> bool:
        """Return whether anybody watches anything on a box."""
        return bool(box.line) or any(watch.box == box.id for watch in self.watch)

    def plain_address(self, channel: Channel, edge: Edge) -> str:
        """Return where anybody gets a channel at an edge that asks for nothing."""
        return f"http://{edge.names[0]}:{edge.port}/s/{channel.stream_id}.ts"

    def entry(self, line: Line, channel: Channel) -> str:
        """Return where a line gets a channel, as lists say it."""
        panel = self.one("panel", line.panel)
        port = self.front(panel, panel.names[0]).port
        base = f"http://{panel.names[0]}" + ("" if port == 80 else f":{port}")
        return f"{base}/live/{line.username}/{line.password}/{channel.stream_id}.ts"


def addresses(row: Any) -> list[str]:
    """Return the addresses of a server: IPv4, then IPv6 if it has one."""
    return [ip for ip in (row.ip, getattr(row, "ip6", "")) if ip]


def read(file: Path) -> Scenario:
    """Return the scenario in a file."""
    raw = file.read_bytes()
    try:
        told = tomllib.loads(raw.decode())
    except ValueError as error:
        raise LabError(f"{file.name}: {error}") from error
    parts: dict[str, Any] = {table: [_row(kind, row, f"{file.name}: {table}[{n}]") for n, row in
                                     enumerate(told.pop(table, []))] for table, kind in TABLES.items()}  # fmt: skip
    picture = _row(Picture, told.pop("picture", {}), f"{file.name}: picture")
    head = {key: told.pop(key, default) for key, default in (("about", ""), ("seed", 1), ("seconds", 30))}
    if told:
        raise LabError(f"{file.name}: unknown {', '.join(sorted(told))}")
    scenario = Scenario(file.stem, " ".join(str(head["about"]).split()), file, hashlib.sha256(raw).hexdigest(),
                        int(head["seed"]), float(head["seconds"]), picture, **parts)  # fmt: skip
    _fill(scenario)
    _check(scenario)
    return scenario


def _row(kind: type[Item], told: Any, where: str) -> Item:
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(told, dict):
        raise LabError(f"{where}: a table was expected")
    unknown = sorted(set(told) - set(known))
    missing = [name for name, item in known.items()
               if item.default is MISSING and item.default_factory is MISSING and name not in told]  # fmt: skip
    if unknown or missing:
        raise LabError(f"{where}: unknown {unknown}, missing {missing}")
    return kind(**told)


def _fill(scenario: Scenario) -> None:
    """Fill in what a scenario leaves open."""
    for table, pattern in ADDRESSED.items():
        taken = {row.ip for row in scenario.rows(table)}
        free = (ip for n in range(FIRST[table], 250) if (ip := pattern.format(n)) not in taken)
        for row in scenario.rows(table):
            row.ip = row.ip or ("" if getattr(row, "on", "") else next(free))
    for number, home in enumerate(scenario.home):
        home.public_ip = home.public_ip or f"198.51.100.{20 + number}"
    places: dict[str, int] = {}
    for number, box in enumerate(scenario.box, 1):
        lan = IPv4Network(scenario.one("home", box.home).lan)
        places[box.home] = places.get(box.home, 20) + 1
        box.ip = (box.ip or str(lan[places[box.home]])) if box.ipv4 else ""
        box.mac = (box.mac or f"02:1a:79:00:{number // 256:02x}:{number % 256:02x}").lower()
        box.hostname = box.hostname or f"android-{_hex(scenario.seed, box.id)[:8]}"
    for panel in scenario.panel:
        if panel.on:
            panel.ip = scenario.one("box", panel.on).ip
    for number, line in enumerate(scenario.line):
        line.username = line.username or ("" if line.portal_mac else f"u{_hex(scenario.seed, line.id)[:9]}")
        line.password = line.password or (f"p{_hex(number, line.id)[:9]}" if line.username else "")
        line.portal_mac = line.portal_mac.upper()
    for number, channel in enumerate(scenario.channel):
        channel.stream_id = channel.stream_id or 101 + number
        channel.programme = channel.programme or f"programme of {channel.id}"
        channel.epg_id = channel.epg_id or f"{channel.name.lower().replace(' ', '')}.example"
    for number, title in enumerate(scenario.title):
        title.stream_id = title.stream_id or 20_000 + number
    for panel in scenario.panel:
        panel.secret = panel.secret or (_hex(scenario.seed, panel.clone_of or panel.id))
        panel.brand = panel.brand or panel.names[0].split(".")[-2]
    for account in scenario.account:
        account.subject = account.subject or f"sub-{_hex(scenario.seed, account.id)[:10]}"
    for record in scenario.record:
        record.file = record.file or f"{scenario.name}-{record.at}.pcap"


def _hex(seed: int, text: str) -> str:
    return hashlib.sha256(f"{seed}/{text}".encode()).hexdigest()


def _check(scenario: Scenario) -> None:
    """Refuse a scenario that names what it does not have, or asks for what the lab cannot do."""
    ids = [
        row.id
        for table in TABLES
        if table not in ("watch", "outage", "rename", "record", "act")
        for row in scenario.rows(table)
    ]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    wrong = [f"{name} is defined twice" for name in twice]
    if len(scenario.headend) != 1:
        wrong.append("one headend is needed")
    wrong += _unknown("box.home", (b.home for b in scenario.box), scenario.home)
    wrong += _unknown("box.line", (b.line for b in scenario.box if b.line), scenario.line)
    wrong += _unknown("line.panel", (n.panel for n in scenario.line), (*scenario.panel, *scenario.listing))
    wrong += _unknown("channel.accounts", (a for c in scenario.channel for a in c.accounts), scenario.account)
    wrong += _unknown("channel.edges", (e for c in scenario.channel for e in c.edges), scenario.edge)
    wrong += _unknown("watch.box", (w.box for w in scenario.watch), scenario.box)
    wrong += _unknown("watch.channel", (w.channel for w in scenario.watch if w.channel), scenario.channel)
    hosts = {name for panel in scenario.panel for name in panel.names}
    wrong += [f"{row.panel_name} is no panel's name" for row in (*scenario.box, *scenario.watch)
              if row.panel_name and row.panel_name not in hosts]  # fmt: skip
    wrong += _unknown("watch.title", (w.title for w in scenario.watch if w.title), scenario.title)
    wrong += [f"{a.id}.push: one of {', '.join(PUSHES)}" for a in scenario.account if a.push not in PUSHES]
    wrong += [f"watch.delivery {w.delivery}: one of {', '.join(DELIVERIES)}" for w in scenario.watch
              if w.delivery not in DELIVERIES]  # fmt: skip
    wrong += [f"{w.box} watches something from {w.start} to {w.end}, the scenario ends at {scenario.seconds}"
              for w in scenario.watch if not 0 <= w.start < w.end <= scenario.seconds]  # fmt: skip
    over_https = {b.id for b in scenario.box if b.resolver not in ROUTERS}
    wrong += [f"{w.box} asks for names over HTTPS, which only the player curl can"
              for w in scenario.watch if w.box in over_https and w.player != "curl"]  # fmt: skip
    wrong += _unknown("act.box", (a.box for a in scenario.act), scenario.box)
    lists = (row.list_at for row in (*scenario.box, *scenario.watch) if row.list_at)
    wrong += _unknown("list_at", lists, (*scenario.shortener, *scenario.listing))
    offers = [name for row in (*scenario.channel, *scenario.title) for name in row.panels or ()]
    wrong += _unknown("panels", offers, scenario.panel)
    wrong += _unknown("panel.on", (p.on for p in scenario.panel if p.on), scenario.box)
    entries = [row for listing in scenario.listing for row in listing.entries]
    for table in ("channel", "line", "edge"):
        wrong += _unknown(f"listing.entries.{table}", (e[table] for e in entries if table in e), scenario.rows(table))
    asked = (b.resolver for b in scenario.box if b.resolver not in ROUTERS)
    wrong += _unknown("box.resolver", asked, scenario.resolver)
    wrong += [f"{a.id}: push hls needs an operator" for a in scenario.account if a.push == "hls" and not a.operator]
    if wrong:
        raise LabError(f"{scenario.file.name}: " + "; ".join(wrong))


def _unknown(what: str, names: Iterable[str], rows: Iterable[Any]) -> list[str]:
    known: Mapping[str, Any] = {row.id: row for row in rows}
    return [f"{what}: {name!r} is unknown" for name in dict.fromkeys(names) if name not in known]
