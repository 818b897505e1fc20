"""Clients and their claims to devices.

Rules, and what they show:

- `device-link-address` (strong): one link-layer address in one capture, where no router stands between. Its addresses
  of both IP versions are one device. Where several had one address, frames tell which connection is whose.
- `device-address` (supporting): one address in one capture; it may hide several devices, and nothing tells them apart.
- `device-behind-address` (supporting): a shared address from which several things come that one device does not say:
  different claimed addresses, models that user agents of Android systems name, or lines used by turns or with different
  user agents. Each is a device. Where more than 64 things of one kind are said, nobody is told apart: somebody tries
  them out, or passes on what many say.
- `device-both-sides` (strong): connections at a shared address that another capture shows from the device's side.

**Known limitations**: link-layer addresses can be set; cheap boxes of one batch share them. A router in the home hides
the devices behind it: what is said of it is said of all of them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .agents import read_agent
from .both_sides import Crossing
from .clients import Client
from .model import Atom, Atoms, Key, Place, first_few
from .neighbours import Neighbours
from .requests import Marks
from .sites import Sites

if TYPE_CHECKING:
    from .viewing import Watched

_MOST_TOLD = 64
"""Claimed addresses, lines or models behind one address that are told apart."""
_TOLD = {"mac": "claimed addresses", "line": "lines", "model": "models"}

NAMED, MOST_NAMED = "named", 16
"""The fact that holds models with serial numbers, and how many a device may claim: one more is kept, to tell."""
_BOX_MODEL = re.compile(r"(?i)(?:MAG[ -]?\d{3}\w{0,3}|Aura ?HD(?: ?\d| ?Plus| ?International)?)\b")

Address = tuple[str, str]
"""Capture and client address."""


class Devices:
    """The devices of a case before they are joined across captures, and who is who behind an address."""

    def __init__(self, neighbours: Neighbours | None = None) -> None:
        self.atoms = Atoms()
        self.at: dict[Address, list[Key]] = defaultdict(list)
        self.by_mark: dict[tuple[Address, str], Key] = {}
        """Which device of a shared address said a thing: a claimed address, or a line."""
        self.by_flow: dict[tuple[str, int], Key] = {}
        """Which device of a shared address a connection belongs to."""
        self.partly: set[Address] = set()
        """Shared addresses of which some devices are known, and others may be behind them as well."""
        self.same: list[tuple[Key, Key, str]] = []
        """Devices behind shared addresses that are devices of another capture, with the reason."""
        self.neighbours = neighbours if neighbours is not None else Neighbours()
        self.servers: set[str] = set()
        """Addresses that are servers."""

    def keys(self, capture_id: str, ip: str | None) -> list[Key]:
        """Return the devices behind an address."""
        return self.at.get((capture_id, ip or ""), [])

    def pick(
        self, capture_id: str, ip: str | None, marks: Iterable[str] = (), flows: Iterable[int | None] = ()
    ) -> Key | None:
        """Return the device behind an address, told by connections or marks; None if nothing tells."""
        keys = self.keys(capture_id, ip)
        owners = {self.by_flow[capture_id, flow] for flow in flows if flow and (capture_id, flow) in self.by_flow}
        if len(owners) == 1:
            return owners.pop()
        if len(keys) == 1 and (capture_id, ip) not in self.partly:
            return keys[0]
        found = {self.by_mark[(capture_id, ip or ""), m] for m in marks if ((capture_id, ip or ""), m) in self.by_mark}
        return found.pop() if len(found) == 1 else None


class Mark:
    """One thing that a client at a shared address said of itself, with what went along with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.agents: set[str] = set()
        self.serials: set[str] = set()
        self.flows: set[int] = set()
        self.spans: list[tuple[int, int]] = []
        self.place: Place | None = None

    @property
    def is_model(self) -> bool:
        """True if it is the model that a user agent names."""
        return self.name.startswith("model ")

    def add(self, place: Place, last_ns: int | None, agent: str | None, serial: str | None) -> None:
        """Note one request."""
        if agent:
            self.agents.add(agent)
        if serial:
            self.serials.add(serial)
        if place.flow_id is not None:
            self.flows.add(place.flow_id)
        if place.ts_ns is not None:
            self.spans.append((place.ts_ns, last_ns or place.ts_ns))
        if self.place is None or (place.frame_no or 0) < (self.place.frame_no or 0):
            self.place = place

    def interleaves(self, other: Mark) -> bool:
        """Return True if both were used by turns: one began before the other ended, and the other way round."""
        if not self.spans or not other.spans:
            return False
        mine = min(s for s, _ in self.spans), max(e for _, e in self.spans)
        theirs = min(s for s, _ in other.spans), max(e for _, e in other.spans)
        return mine[0] < theirs[1] and theirs[0] < mine[1]


def find_devices(
    clients: Mapping[Address, Client],
    servers: Iterable[str],
    marks: Mapping[Address, list[Mark]],
    crossings: Iterable[Crossing] = (),
    neighbours: Neighbours | None = None,
    sites: Sites | None = None,
) -> Devices:
    """Return the devices of a case.

    Args:
        clients: who asked others.
        servers: addresses that are servers, as `sites` names them.
        marks: what clients at shared addresses said of themselves.
        crossings: connections at shared addresses that are those of devices in other captures.
        neighbours: who sent with which link-layer address.
        sites: what addresses go by.
    """
    devices, sites = Devices(neighbours), sites or Sites(1, {})
    devices.servers.update(servers)
    known = {
        a: c
        for a, c in sorted(clients.items())
        if sites.name(*a) not in devices.servers and c.speaks and c.first is not None
    }
    for address, client in known.items():
        if not client.is_shared:
            kind = ("mac", client.mac) if client.mac else ("ip", client.ip)
            _add(devices, address, client, (client.capture_id, *kind))
    crossed: dict[Address, list[Crossing]] = defaultdict(list)
    for crossing in crossings:
        crossed[crossing.outside].append(crossing)
    for address, client in known.items():
        if client.is_shared:
            _tell_by_frames(devices, address, client)
            _cross(devices, address, client, crossed[address])
            here = [mark for mark in marks.get(address, []) if not _is_known(devices, address, mark)]
            crowd = _crowd(here)
            client.differs += crowd
            groups = [here] if crowd else _apart_by_marks(here)
            if len(groups) > 1 or (groups and devices.at[address]):
                _split(devices, address, client, groups)
            elif not devices.at[address]:
                _add(devices, address, client, (client.capture_id, "ip", client.ip))
    return devices


def _tell_by_frames(devices: Devices, address: Address, client: Client) -> None:
    """Add the devices whose link-layer addresses sent from one address, each with its flows."""
    for sender in client.senders:
        one = Client(client.capture_id, client.ip, sender.mac, agents=sender.agents, first=sender.first)
        one.last_ns = sender.last_ns
        key = (client.capture_id, "mac", sender.mac)
        _add(devices, address, one, key)
        devices.by_flow.update({(client.capture_id, flow): key for flow in sender.flows})


def _cross(devices: Devices, address: Address, client: Client, crossings: list[Crossing]) -> None:
    """Add the devices behind a shared address that another capture shows from their side."""
    for crossing in crossings:
        inside = devices.pick(*crossing.inside)
        if inside is None:
            continue
        devices.partly.add(address)
        key = (client.capture_id, "ip", client.ip, "as", *inside)
        if key not in devices.atoms:
            devices.at[address].append(key)
            why = f"requests from {client.ip} are those of {crossing.inside[1]} in capture {crossing.inside[0]}"
            devices.same.append((key, inside, why))
        atom = devices.atoms[key]
        shows = f"{crossing.requests} requests that {crossing.inside[1]} made in capture {crossing.inside[0]}"
        atom.seen("device-both-sides", "strong", crossing.place, shows, count=crossing.requests)
        atom.fact("ips", client.ip)
        devices.by_flow[client.capture_id, crossing.flow_id] = key


def _is_known(devices: Devices, address: Address, mark: Mark) -> bool:
    """Return True if the connections of a mark belong to known devices; if it is one, it is known by the mark, too."""
    found = {devices.by_flow.get((address[0], flow)) for flow in mark.flows}
    owners = [owner for owner in found if owner is not None]
    if len(owners) == 1:
        devices.by_mark[address, mark.name] = owners[0]
    return len(owners) == 1 or (bool(owners) and None not in found)


def _add(devices: Devices, address: Address, client: Client, key: Key) -> None:
    atom = devices.atoms[key]
    devices.at[address].append(key)
    place = client.first or Place(client.capture_id, None, None)
    if key[1] == "mac":
        shows = f"{client.ip} sends with link-layer address {client.mac}"
        atom.seen("device-link-address", "strong", place, shows, last_ns=client.last_ns)
        atom.fact("macs", client.mac)
        atom.fact("told_apart", f"own link-layer address {client.mac}")
    else:
        atom.seen("device-address", "supporting", place, f"{client.ip} asks servers", last_ns=client.last_ns)
        for shows, seen in client.differs:
            atom.seen("differs-behind-address", "lead", seen, shows, count=0)
        atom.fact("told_apart", f"{client.ip}: {_why_one(client)}")
        if client.mac:
            atom.fact("macs", client.mac)
    atom.fact("ips", client.ip)
    _add_agents(atom, client)


def _why_one(client: Client) -> str:
    """Return why an address stands for one device."""
    if not client.is_shared:
        return "one address"
    if not client.differs:
        return f"a shared address ({client.why_shared}), nothing tells devices apart"
    differs = "; ".join(shows for shows, _ in client.differs)
    return f"a shared address ({client.why_shared}); whose traffic is whose is not told: {differs}"


def _add_agents(atom: Atom, client: Client, only: set[str] | None = None) -> None:
    for text, count, place in client.agents:
        if only is None or text in only:
            _add_agent(atom, text, count, place)


def _add_agent(atom: Atom, text: str, count: int, place: Place) -> None:
    atom.fact("user_agents", text, count)
    claimed = read_agent(text)
    atom.fact("os", claimed.os, count)
    atom.fact("apps", claimed.app, count)
    atom.fact("models", claimed.model, count)
    atom.fact("kinds", claimed.kind, count)
    if claimed.model:
        atom.seen("claimed-user-agent", "lead", place, f"user agent: {text}", count=0)


def add_viewings(devices: Devices, watched: Iterable[Watched]) -> None:
    """Add sessions to their devices: time, and user agent, which no other request of the device need have had."""
    for one in watched:
        if one.device is not None:
            atom, viewing = devices.atoms[one.device], one.viewing
            atom.span(viewing.start_ns, viewing.end_ns)
            if viewing.user_agent and viewing.user_agent not in atom.facts.get("user_agents", ()):
                _add_agent(atom, viewing.user_agent, 1, viewing.place)


def _groups(marks: list[Mark]) -> list[list[Mark]]:
    """Return marks by device: those that one device may have said stay together."""
    groups: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda m: (m.place.frame_no if m.place else 0, m.name)):
        home = next((g for g in groups if all(_may_be_one(mark, other) for other in g)), None)
        if home is None:
            groups.append([mark])
        else:
            home.append(mark)
    return groups


def _crowd(marks: list[Mark]) -> list[tuple[str, Place]]:
    """Return what is said at an address in more ways than devices are told apart, and where it began."""
    found: list[tuple[str, Place]] = []
    for kind, what in _TOLD.items():
        said = [mark for mark in marks if mark.name.startswith(f"{kind} ")]
        places = [mark.place for mark in said if mark.place is not None]
        if len(said) > _MOST_TOLD and places:
            names = first_few(mark.name.removeprefix(f"{kind} ") for mark in said)
            shows = f"{len(said)} {what} ({names}): tried out by one, or passed on for many"
            found.append((shows, min(places, key=lambda place: place.frame_no or 0)))
    return found


def _apart_by_marks(marks: list[Mark]) -> list[list[Mark]]:
    """Return marks by device: by what was claimed and used, or, where that tells none apart, by models."""
    models = [mark for mark in marks if mark.is_model]
    others = [mark for mark in marks if not mark.is_model]
    groups = _groups(others)
    if len(groups) > 1 or not models:
        return groups
    # What goes along with several models, or with none, may be said by any of these devices.
    told = [mark for mark in others if sum(_goes_along(mark, model) for model in models) == 1]
    return _groups(models + told)


def _goes_along(one: Mark, other: Mark) -> bool:
    return bool(one.flows & other.flows or one.agents & other.agents)


def _may_be_one(one: Mark, other: Mark) -> bool:
    if one.flows & other.flows:
        return True
    if one.is_model or other.is_model:
        return one.is_model is not other.is_model and _goes_along(one, other)
    if one.name.startswith("mac ") and other.name.startswith("mac "):
        return False
    if one.serials and other.serials and not one.serials & other.serials:
        return False
    if one.agents and other.agents and not one.agents & other.agents:
        return False
    return not one.interleaves(other)


def _split(devices: Devices, address: Address, client: Client, groups: list[list[Mark]]) -> None:
    shared = _repeated(groups)
    flows = Counter(flow for group in groups for flow in {flow for mark in group for flow in mark.flows})
    for group in groups:
        names = sorted(mark.name for mark in group)
        key = (client.capture_id, "ip", client.ip, names[0])
        atom = devices.atoms[key]
        devices.at[address].append(key)
        why = f"{client.ip} is shared; this one said: {first_few(names)}"
        for mark in group:
            devices.by_mark[address, mark.name] = key
            last = max((end for _, end in mark.spans), default=None)
            place = mark.place or Place(client.capture_id, None, None)
            atom.seen("device-behind-address", "supporting", place, f"{client.ip} said: {mark.name}", last_ns=last)
            devices.by_flow.update({(client.capture_id, flow): key for flow in mark.flows if flows[flow] == 1})
        atom.fact("told_apart", why)
        atom.fact("ips", client.ip)
        _add_agents(atom, client, {agent for mark in group for agent in mark.agents})
        for agent in {a for m in group for a in m.agents} - shared:
            devices.by_mark[address, f"agent {agent}"] = key


def _repeated(groups: list[list[Mark]]) -> set[str]:
    """Return user agents that several groups share, so that they tell nothing."""
    of_groups = Counter(agent for group in groups for agent in {agent for mark in group for agent in mark.agents})
    return {agent for agent, times in of_groups.items() if times > 1}


def add_claims(devices: Devices, marks: Iterable[Marks]) -> None:
    """Add what clients said of themselves to portals."""
    for mark in marks:
        key = devices.pick(mark.place.capture_id, mark.client_ip, [f"mac {mark.mac}"] if mark.mac else [])
        if key is None:
            continue
        atom = devices.atoms[key]
        said: dict[str, Any] = {"mac": mark.mac, "serial": mark.serial, "model": mark.model, "firmware": mark.firmware}
        claim(atom, mark.place, host=mark.host or "", **said)


def claim(
    atom: Atom,
    place: Place,
    *,
    mac: str | None = None,
    serial: str | None = None,
    model: str | None = None,
    firmware: str | None = None,
    host: str = "",
    is_own: bool = True,
) -> None:
    """Note what a device says of itself; if it is not its own word, neither kind nor joins follow."""
    for name, what, value in (
        ("claimed_macs", "address", mac),
        ("serials", "serial number", serial),
        ("models", "model", model),
        ("firmware", "firmware", firmware),
    ):
        if value:
            atom.fact(name, value)
            to = f" to {host}" if host else ""
            atom.seen(f"claimed-{what.split()[0]}", "lead", place, f"claims {what} {value}{to}", count=0)
    if not is_own:
        return
    claimed_together(atom, model, serial)
    if model and _BOX_MODEL.match(model):
        atom.fact("kinds", "tv-box")


def claimed_together(atom: Atom, model: str | None, serial: str | None) -> None:
    """Note a model and a serial number that one message claims."""
    if model and serial and len(atom.facts.get(NAMED, ())) <= MOST_NAMED:
        atom.fact(NAMED, (model, serial))
