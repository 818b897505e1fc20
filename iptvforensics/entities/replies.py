"""What servers said of accounts, of themselves and of links, to facts of lines, panels and devices.

Rules, and what they show:

- `panel-reply` (conclusive): a host answered a log-in or an action of a portal as panels do.
- `panel-list` (supporting with credentials and the mark of a panel's software, lead with one of them): it gave a list
  or a guide. Anybody can offer lists; without credentials and marks they make no panel.
- `line-reply` (conclusive that the panel said so): state, limits and dates of an account.
- `line-in-list` (lead): the credentials stood in a list or script, or a list came for them.
- `server-info-names` (strong): a panel gives another panel's host name as its own, or two give one name: both are one
  panel. What names nobody (`localhost`, placeholders) or a host of some network does not count (`scopes`).
- `named-in-answer` (strong): the answer to a client with an address or token names a user.
- `program-acts-as-box` (strong): serial number or identifier of a client are digests of the address that it claims, as
  programs make them; boxes have others. It says nothing of who computed them, nor of other clients behind its address.

What receivers say of themselves makes devices (`receivers`), neither panels nor lines. What clients posted is read like
the target of a request (`forms`).

**Known limitations**: what a panel says of itself can be set to anything. An end of an account without zone stays text.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..sessions.addresses import host_of
from .device_joins import COMPUTED
from .devices import Devices, claim
from .lines import line_key
from .model import Atom, Atoms, Key, Place, Resolution, TableReader
from .scopes import scope_of
from .urls import mac_address, port_of, read_url

MADE_FROM_MAC = "is made from the MAC"
"""How a mark of the Stalker protocol ends that names an identifier which can be computed."""
_ARCHIVES = ("tv_archive", "archive")
_ACCOUNT = ("account_ref", "tariff", "reseller", "person", "phone")
_LISTS = frozenset({"m3u", "txtlist", "xmltv"})
_PANEL_SOFTWARE = frozenset({"XUI.one", "XC_VM"})
"""What lists name that panels made: the software's own mark."""


class GivenLink(NamedTuple):
    """A link to media that a server gave to a client."""

    capture_id: str
    url: str
    host: str | None
    mac: str | None
    entry_id: str | None
    media: str | None
    client_ip: str | None
    place: Place
    is_archive: bool = False


class Reply(NamedTuple):
    """One row of `account_replies`, as far as rules need it."""

    capture_id: str
    ts_ns: int | None
    flow_id: int | None
    from_orig: bool | None
    frame_no: int | None
    stream_offset: int | None
    family: str | None
    role: str | None
    action: str | None
    url: str | None
    host: str | None
    username: str | None
    password: str | None
    mac: str | None
    token: str | None
    auth: bool | None
    account_status: str | None
    message: str | None
    created_ns: int | None
    expires_ns: int | None
    expires_text: str | None
    is_trial: bool | None
    active_connections: int | None
    max_connections: int | None
    stated_host: str | None
    stated_port: int | None
    timezone: str | None
    server_time_ns: int | None
    software: str | None
    software_version: str | None
    serial: str | None
    model: str | None
    firmware: str | None
    account_ref: str | None
    person: str | None
    phone: str | None
    tariff: str | None
    reseller: str | None
    marks: list[str] | None
    client_ip: str | None
    server_ip: str | None
    server_port: int | None

    @property
    def place(self) -> Place:
        """Where it was said."""
        return Place(self.capture_id, self.ts_ns, self.frame_no, self.flow_id, self.from_orig, self.stream_offset)

    @property
    def is_receiver(self) -> bool:
        """True for what the web interface of a receiver says of the receiver: no page of a panel's own plug-in."""
        names = self.username or self.token or self.account_ref or self.message
        return self.family == "enigma2" and not names and "/xplugin" not in (self.url or "")

    @property
    def is_list(self) -> bool:
        """True for lists and guides, which any host may offer."""
        return self.family in _LISTS

    @property
    def is_panel(self) -> bool:
        """True for what only panels answer: to a log-in, about an account, to the actions of a portal."""
        if self.family == "xtream":
            return self.auth is not False and any((self.auth, self.account_status, self.stated_host, self.timezone))
        return self.family == "stalker" or (self.family == "enigma2" and not self.is_receiver)


class Replies:
    """What servers said."""

    def __init__(self) -> None:
        self.accounts: list[Reply] = []
        self.links: list[GivenLink] = []

    def refused(self) -> set[tuple[str, str, str]]:
        """Return hosts with the user names and passwords that they refused, and never accepted."""
        said: dict[bool, set[tuple[str, str, str]]] = {True: set(), False: set()}
        for reply in self.accounts:
            host = host_of(reply.host)
            if reply.auth is not None and reply.role != "request" and host and reply.username:
                said[reply.auth].add((host, reply.username, reply.password or ""))
        return said[False] - said[True]


def read_replies(reader: TableReader) -> Replies:
    """Return what the servers of a case said of accounts and links."""
    found = Replies()
    if reader.has("account_replies"):
        names = ", ".join(Reply._fields)
        rows = reader.select(f"SELECT {names} FROM account_replies ORDER BY ALL NULLS FIRST")  # noqa: S608
        found.accounts = [_named(Reply(*row)) for row in rows]
    if reader.has("stream_links"):
        found.links = _links(reader)
    return found


def _named(reply: Reply) -> Reply:
    return reply._replace(mac=mac_address(reply.mac), host=reply.host or reply.server_ip)


def _links(reader: TableReader) -> list[GivenLink]:
    rows = reader.select(
        "SELECT capture_id, link_url, host, server_ip, mac, entry_id, requested, kind, client_ip, ts_ns, frame_no, "
        "flow_id, from_orig, stream_offset FROM stream_links WHERE link_url IS NOT NULL ORDER BY ALL NULLS FIRST"
    )
    return [
        GivenLink(
            capture,
            url,
            host_of(host) or server,
            mac_address(mac),
            entry or _number(requested, kind in _ARCHIVES),
            _media(kind),
            client,
            Place(capture, ts, frame, flow, orig, offset),
            kind in _ARCHIVES,
        )
        for capture, url, host, server, mac, entry, requested, kind, client, ts, frame, flow, orig, offset in rows
    ]


def _number(requested: str | None, is_archive: bool) -> str | None:
    """Return the number in a command such as `ffmpeg http://localhost/ch/77_`.

    In an archive a number that stands alone is that of the recording, not that of its channel.
    """
    import re

    found = re.search(r"/(?:ch|media)/(\d+)_" if is_archive else r"/(?:ch|media)/(\d+)_?", requested or "")
    return found[1] if found else None


def _media(kind: str | None) -> str | None:
    return {
        "itv": "live",
        "live": "live",
        "tv_archive": "live",
        "archive": "live",
        "vod": "movie",
        "series": "episode",
    }.get(kind or "")


def add_replies(replies: Replies, panels: Atoms, lines: Atoms, panel_joins: Resolution) -> list[tuple[Key, Key, str]]:
    """Add what servers said to panels and lines; return pairs of lines that are one, with the reason."""
    same: list[tuple[Key, Key, str]] = []
    givers: dict[tuple[str, str], str] = {}
    for reply in replies.accounts:
        host = host_of(reply.host)
        if host is None or reply.role == "request" or reply.is_receiver:
            continue
        if reply.is_panel:
            _panel(panels[host,], host, reply)
            _stated(panel_joins, host, reply, givers)
        elif reply.is_list:
            _list(panels, host, reply)
        by_user = line_key(host, reply.username, reply.password, None, None)
        keys = [key for key in (by_user, line_key(host, None, None, reply.mac, None)) if key is not None]
        note = _listed if reply.is_list else _line
        for key in keys:
            note(lines[key], host, reply)
        if len(keys) == 2:
            same.append((keys[0], keys[1], f"{host} names user {reply.username} in an answer to {reply.mac}"))
        by_token = line_key(host, None, None, None, reply.token)
        if keys and by_token is not None and by_token in lines:
            same.append((keys[0], by_token, f"{host} names the line in an answer to the token"))
    for link in replies.links:
        says = read_url(link.url, bare=True)
        if says is None or not link.host:
            continue
        given = line_key(link.host, says.username, says.password, None, None)
        if given is not None:
            _given(lines[given], link)
            if link.mac and (link.host, "mac", link.mac) in lines:
                why = f"{link.host} gave a link with user {says.username} to {link.mac}"
                same.append((given, (link.host, "mac", link.mac), why))
    return same


def _panel(atom: Atom, host: str, reply: Reply) -> None:
    atom.seen("panel-reply", "conclusive", reply.place, f"{host} answers as a panel: {reply.action}")
    _described(atom, host, reply)
    atom.fact("timezone", reply.timezone)
    if reply.server_time_ns is not None and reply.ts_ns is not None:
        atom.fact("clock", round((reply.server_time_ns - reply.ts_ns) / 1e9))


def _list(panels: Atoms, host: str, reply: Reply) -> None:
    """Add a host that gave a list, if credentials or a mark of a panel's software stand beside."""
    signs = [
        sign
        for sign, stands in (
            ("credentials", (reply.username and reply.password) or reply.token),
            (f"the mark of {reply.software}", reply.software in _PANEL_SOFTWARE),
        )
        if stands
    ]
    if not signs:
        return
    atom = panels[host,]
    strength = "supporting" if len(signs) > 1 else "lead"
    atom.seen("panel-list", strength, reply.place, f"{host} gives a list ({reply.action}) with {' and '.join(signs)}")
    _described(atom, host, reply)


def _described(atom: Atom, host: str, reply: Reply) -> None:
    atom.fact("hosts", host)
    atom.fact("ips", reply.server_ip)
    atom.fact("ports", port_of(reply.host) or reply.server_port)
    atom.fact("family", reply.family)
    atom.fact("contacted", True)
    if reply.family != "xmltv" or reply.software in _PANEL_SOFTWARE:  # a guide names the program that wrote the guide
        atom.fact("software", " ".join(filter(None, (reply.software, reply.software_version))))


def _stated(joins: Resolution, host: str, reply: Reply, givers: dict[tuple[str, str], str]) -> None:
    """Join a panel with the name that it gives as its own, and with others that give it; not by what names nobody.

    An address of one network counts only for a host that the same capture shows at that address.
    """
    stated = host_of(reply.stated_host)
    scope = scope_of(stated)
    if stated is None or scope == "nobody" or (scope == "local" and stated != reply.server_ip):
        return
    if stated != host:
        why = f"{host} gives {stated} as its own name"
        joins.join((host,), (stated,), "server-info-names", "strong", why)
    other = givers.setdefault((stated, reply.capture_id if scope == "local" else ""), host)
    if other != host:
        why = f"{host} and {other} both give {stated} as their own name"
        joins.join((host,), (other,), "server-info-names", "strong", why)


def _line(atom: Atom, host: str, reply: Reply) -> None:
    said = ", ".join(
        f"{name} {value}"
        for name, value in (("status", reply.account_status), ("most connections", reply.max_connections))
        if value is not None
    )
    atom.seen("line-reply", "conclusive", reply.place, f"{host} says of the line: {said or reply.action}")
    atom.fact("places", "reply")
    atom.fact("hosts", host)
    if atom.key[1] == "mac":
        atom.fact("usernames", reply.username)
    for name in ("max_connections", "is_trial", "created_ns", "expires_ns", "active_connections", "message"):
        atom.fact(name, getattr(reply, name))
    atom.fact("status", reply.account_status or {True: "accepted", False: "refused", None: None}[reply.auth])
    if reply.family == "xtream" and reply.token and len(reply.token) == 32:
        atom.fact("tokens", reply.token)
    for name in _ACCOUNT:
        if getattr(reply, name):
            atom.fact("account", f"{name.removeprefix('account_')}: {getattr(reply, name)}")

    if reply.expires_text and reply.expires_ns is None:
        atom.fact("account", f"expires: {reply.expires_text}")


def _listed(atom: Atom, host: str, reply: Reply) -> None:
    atom.seen("line-in-list", "lead", reply.place, f"{host} gave a list ({reply.action}) that names the line")
    atom.fact("places", "list")
    atom.fact("hosts", host)


def _given(atom: Atom, link: GivenLink) -> None:
    atom.seen("line-in-link", "strong", link.place, f"link given to {link.client_ip}: {link.url}")
    atom.fact("places", "link")
    atom.fact("hosts", link.host)


def add_device_claims(replies: Replies, devices: Devices) -> None:
    """Add serial numbers, models and firmware that clients sent or that records of panels hold."""
    for reply in replies.accounts:
        if reply.is_receiver or not (reply.serial or reply.model or reply.firmware or reply.mac):
            continue
        key = devices.pick(reply.capture_id, reply.client_ip, [f"mac {reply.mac}"] if reply.mac else [])
        if key is None:
            continue
        atom = devices.atoms[key]
        values: dict[str, Any] = {"mac": reply.mac, "serial": reply.serial, "model": reply.model}
        claim(atom, reply.place, firmware=reply.firmware, host=reply.host or "", **values)
        made = [mark.split()[0] for mark in reply.marks or () if mark.endswith(MADE_FROM_MAC)]
        if made and reply.mac:
            shows = (
                f"{' and '.join(made)} can be computed from the claimed address {reply.mac}: a program acts as a box"
            )
            atom.seen("program-acts-as-box", "strong", reply.place, shows, count=0)
            atom.fact("acted_macs", reply.mac)
            atom.fact(COMPUTED, reply.serial)
