"""URLs that servers gave to clients, by redirects and by links of portals, to what the same client asked for then.

Whoever asks for a URL need not be the one to whom it was given: URLs without tokens are the same for everybody, stand
in lists and are passed on. So what a server gave explains the sessions of the client that got it; for other clients it
is a lead in words. The client is the same

- if it is the same device: by link-layer address, by its connection, or as the one behind an address of another capture
  (`device_joins`);
- if nothing tells which device it was, and it has the same address in the same capture, or the same public one in
  another capture within a day (there perhaps beside another address of the same device).

The last one that the client got before the session counts. Where a client that is not told apart was given one URL in
several ways, only that counts in which these agree.

**Known limitations**: a program in a home that hands URLs on to others there is the same client, seen from outside.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

from ..sessions.addresses import one_spelling
from .devices import Devices
from .model import Key, Place, Resolution
from .neighbours import is_private
from .replies import GivenLink
from .requests import Redirect
from .servers import Viewing

_FAR = 5
"""Redirects that are followed back from a session."""
_MOST_WAYS = 8
"""Ways to one session that are compared where it is not told which the client went."""
_MOST_COMPARED = 64
"""What a client was given one URL by that is compared on either side of a session, the nearest in time: of thousands
behind one address it is not told anyway which it was. As many more count that say something else."""
_LATE_NS = 5 * 10**9
"""How much clocks of captures may differ."""
_DAY_NS = 24 * 3600 * 10**9
"""How long a public address is taken to be one client's from one capture to another."""

_G = TypeVar("_G", Redirect, GivenLink)
_Who = tuple[str, ...]


class Gift(NamedTuple):
    """How a client came to ask for a session's URL."""

    way: tuple[Redirect, ...] = ()
    """Redirects that led to it, the nearest first."""
    link: GivenLink | None = None
    """The link by which a portal sent the client to it, or to where the way begins."""
    is_told: bool = True
    """False if only an address shows that it was the same client, and several devices may have it."""

    @property
    def urls(self) -> tuple[str, ...]:
        """URLs from which the client was sent on, the nearest first."""
        return tuple(redirect.url for redirect in self.way)


class Given:
    """What servers gave to which clients."""

    def __init__(
        self, redirects: Iterable[Redirect], links: Iterable[GivenLink], devices: Devices, joined: Resolution
    ) -> None:
        self._devices = devices
        self._joined = joined
        self._there: dict[str, list[_Who]] = defaultdict(list)
        """The devices that have a public address in any capture."""
        for (_, ip), keys in devices.at.items():
            if len(keys) == 1 and not is_private(ip) and (entity := joined.of(keys[0])) is not None:
                self._there[ip].append(("device", entity.id))
        self._devices_of: dict[int, Key | None] = {}
        """The device of each redirect and link that is held here."""
        self._said: dict[int, list[Any]] = {}
        """What is said by long lists of what one client was given one URL by, the latest each."""
        self._redirects = self._by_client(
            (r.location, r) for r in redirects if r.url and one_spelling(r.url) != one_spelling(r.location)
        )
        self._links = self._by_client((link.url, link) for link in links)
        self._first: dict[str, list[Redirect | GivenLink]] = defaultdict(list)
        for found in (self._redirects, self._links):
            for (url, _), given in found.items():
                self._first[url].append(given[0])

    def gifts(self, viewing: Viewing) -> list[Gift]:
        """Return how the session's client came to its URL: one way, or all that are possible."""
        url = viewing.stream or ""
        found: list[Gift] = []
        nearest = self._mine(self._redirects, url, viewing)
        ways: list[tuple[Redirect, ...]] = [self._back(first, viewing) for first in nearest[:_MOST_WAYS]]
        for way in ways or [()]:
            urls = (url, *(redirect.url for redirect in way))
            links = next((links for one in urls if (links := self._mine(self._links, one, viewing))), [])
            told = all(self._is_told(one, viewing) for one in way)
            found += [Gift(way, link, told and self._is_told(link, viewing)) for link in links[:_MOST_WAYS]]
            if not links:
                found.append(Gift(way, None, told))
        return found

    def others(self, viewing: Viewing) -> str | None:
        """Return which other client was given the session's URL, in words; None if nobody was."""
        for one in self._first.get(one_spelling(viewing.stream or ""), ()):
            if not self._is_same(one, viewing):
                giver = one.source if isinstance(one, Redirect) else one.host
                where = "" if one.place.capture_id == viewing.capture_id else f" of capture {one.place.capture_id}"
                return f"{giver} gave this URL to another client, {one.client_ip} (frame {one.place.frame_no}{where})"
        return None

    def _by_client(self, given: Iterable[tuple[str, _G]]) -> dict[tuple[str, _Who], list[_G]]:
        """Return what was given, by URL and by each of the names under which the client may be found again."""
        found: dict[tuple[str, _Who], list[_G]] = defaultdict(list)
        for url, one in given:
            for who in self._names(one.place.capture_id, one.client_ip, self._device_of(one)):
                found[one_spelling(url), who].append(one)
        for several in found.values():
            several.sort(key=_end)
        return found

    def _names(self, capture_id: str, ip: str | None, device: Key | None) -> list[_Who]:
        names: list[_Who] = [("at", ip or "", capture_id if is_private(ip) else "")]
        entity = self._joined.of(device) if device is not None else None
        return [*names, ("device", entity.id)] if entity is not None else names

    def _device_of(self, one: Redirect | GivenLink) -> Key | None:
        if id(one) not in self._devices_of:
            self._devices_of[id(one)] = self._devices.pick(one.place.capture_id, one.client_ip, (), [one.place.flow_id])
        return self._devices_of[id(one)]

    def _viewer(self, viewing: Viewing) -> Key | None:
        agents = [f"agent {viewing.user_agent}"] if viewing.user_agent else []
        return self._devices.pick(viewing.capture_id, viewing.client_ip, agents, viewing.flow_ids or ())

    def _mine(self, given: dict[tuple[str, _Who], list[_G]], url: str, viewing: Viewing) -> list[_G]:
        """Return what the session's client was given that URL by: the last one first, then what may have been it."""
        names = self._names(viewing.capture_id, viewing.client_ip, self._viewer(viewing))
        names += self._there.get(viewing.client_ip or "", [])
        same = one_spelling(url)
        found = {id(one): one for who in names for one in self._nearest(given.get((same, who), []), viewing)}
        mine = [one for one in found.values() if self._is_same(one, viewing) and not _is_late(one.place, viewing)]
        before = [one for one in mine if _is_before(one.place, viewing)]
        if not (pool := before or mine):
            return []
        best = max(pool, key=lambda one: (_last_before(one, viewing), one.place))
        seen = {_says(best)}
        rivals = [best]
        for one in pool:
            is_told = self._is_told(one, viewing) and self._is_told(best, viewing)
            if _says(one) not in seen and not (is_told and _is_over(one, viewing)):
                seen.add(_says(one))
                rivals.append(one)
        return rivals

    def _nearest(self, given: list[_G], viewing: Viewing) -> list[_G]:
        """Return what was given last before a session and first after its beginning, and what else was ever said."""
        if len(given) <= 2 * _MOST_COMPARED:
            return given
        at = bisect_right(given, viewing.start_ns or 0, key=_end)
        if id(given) not in self._said:
            self._said[id(given)] = list({_says(one): one for one in given}.values())[-_MOST_COMPARED:]
        said: list[_G] = self._said[id(given)]
        return given[max(at - _MOST_COMPARED, 0) : at + _MOST_COMPARED] + said

    def _back(self, first: Redirect, viewing: Viewing) -> tuple[Redirect, ...]:
        """Return a redirect and those that led to it."""
        way = [first]
        while len(way) < _FAR:
            before = self._mine(self._redirects, way[-1].url, viewing)
            if not before or before[0] in way:
                break
            way.append(before[0])
        return tuple(way)

    def _is_same(self, one: Redirect | GivenLink, viewing: Viewing) -> bool:
        """Return True if what was given may have been given to the session's client."""
        theirs, mine = self._device_of(one), self._viewer(viewing)
        if theirs is not None and mine is not None and self._is_one(theirs, mine):
            return True
        if viewing.client_ip is None:
            return False
        if one.place.capture_id == viewing.capture_id:
            return viewing.client_ip == one.client_ip and (theirs is None or mine is None)
        if is_private(viewing.client_ip) or abs((one.place.ts_ns or 0) - (viewing.start_ns or 0)) > _DAY_NS:
            return False
        if theirs is not None and self._devices.keys(one.place.capture_id, viewing.client_ip) == [theirs]:
            return True
        if one.client_ip != viewing.client_ip:
            return False
        # Devices of two captures that nothing joins: only what they are known by tells them apart.
        known = [key[1:] for key in (theirs, mine) if key is not None and _is_by_itself(key)]
        return len(known) < 2 or known[0] == known[1]

    def _is_one(self, one: Key, other: Key) -> bool:
        entity = self._joined.of(one)
        return one == other or (entity is not None and entity is self._joined.of(other))

    def _is_told(self, one: Redirect | GivenLink | None, viewing: Viewing) -> bool:
        """Return True if more than an address that several may share shows that the client is the same."""
        if one is None:
            return True
        theirs, mine = self._device_of(one), self._viewer(viewing)
        if theirs is None or mine is None or not self._is_one(theirs, mine):
            return False
        return _is_by_itself(theirs) or is_private(one.client_ip)


def _is_by_itself(device: Key) -> bool:
    """Return True if a device is known by more than an address."""
    return device[1] == "mac" or len(device) > 3


def _says(one: Redirect | GivenLink) -> tuple[str | None, ...]:
    if isinstance(one, Redirect):
        return (one.url,)
    return one.host, one.mac, one.entry_id, one.media


def _is_before(place: Place, viewing: Viewing) -> bool:
    """Return True if something was given before the session began."""
    if place.capture_id == viewing.capture_id and place.frame_no is not None and viewing.first_frame is not None:
        return place.frame_no <= viewing.first_frame
    late = 0 if place.capture_id == viewing.capture_id else _LATE_NS
    return (place.ts_ns or 0) <= (viewing.start_ns or 0) + late


def _is_late(place: Place, viewing: Viewing) -> bool:
    """Return True if something was given after the session had ended."""
    if _is_before(place, viewing) or viewing.end_ns is None:
        return False
    late = 0 if place.capture_id == viewing.capture_id else _LATE_NS
    return (place.ts_ns or 0) > viewing.end_ns + late


def _end(one: Redirect | GivenLink) -> int:
    last = one.last_ns if isinstance(one, Redirect) else None
    return last if last is not None else one.place.ts_ns or 0


def _last_before(one: Redirect | GivenLink, viewing: Viewing) -> int:
    """Return the last time before the session at which something is known to have been given."""
    return _end(one) if _end(one) <= (viewing.start_ns or 0) else one.place.ts_ns or 0


def _is_over(one: Redirect | GivenLink, viewing: Viewing) -> bool:
    """Return True if something was not given again after the session had begun."""
    return _end(one) <= (viewing.start_ns or 0)
