"""Hosts of several captures to sites: which of them are one server by their name or address, and which are not.

- `same-host-name` (strong), `same-public-address` (supporting): a name or an address that everybody resolves alike is
  one server in all captures. Each further capture is a merge of its own, which the examiner can undo.
- A name or address that means something only in its own network (`scopes`: private addresses, single labels, `.local`)
  is another server in each capture. So is a host whose merge was undone.

A host that is apart from those of other captures goes by its name and, as zones of addresses are written (RFC 4007),
`%` and the capture. In a case of one capture all hosts go by their names alone, and nothing is done here.

**Known limitations**: captures of one private network show its servers as one per capture. A public name or address may
have been given to another owner between two captures.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from ..sessions.addresses import host_of
from .model import Atom, Key, Merge, Resolution, digest
from .scopes import scope_of

if TYPE_CHECKING:
    from .pointed import Pointer
    from .replies import Replies
    from .requests import Requests
    from .servers import Viewing

Host = TypeVar("Host", str, str | None)

_ZONE, _ID_CHARS = "%", 16
_ZONE_CHARS = len(_ZONE) + _ID_CHARS
_ID = re.compile(r"[0-9a-f]{16}")
"""The identifier of a capture."""


class Sites:
    """What the hosts of each capture go by."""

    def __init__(self, captures: int, undone: Mapping[str, str]) -> None:
        """Take the number of captures, and the merges that the examiner has undone."""
        self.is_needed = captures > 1
        self._undone = undone
        self._names: dict[tuple[str, str], str] = {}

    @property
    def sql_capture(self) -> str:
        """The column of the capture, for queries that need it only if names depend on it."""
        return "capture_id" if self.is_needed else "''"

    def name(self, capture_id: str, host: Host) -> Host:
        """Return what a host name or address of a capture goes by."""
        if not self.is_needed or not host:
            return host
        found = self._names.get((capture_id, host))
        if found is None:
            is_own = scope_of(host) != "public" or merge_id(host, capture_id) in self._undone
            found = f"{host}{_ZONE}{capture_id}" if is_own and not is_apart(host) else host
            self._names[capture_id, host] = found
        return found

    def sent(self, capture_id: str, text: str | None) -> str | None:
        """Return a `host:port` as sent, with what its host goes by in place of the host."""
        host = host_of(text) if self.is_needed else None
        if text is None or host is None or (name := self.name(capture_id, host)) == host:
            return text
        at = text.lower().find(host)
        return text[:at] + name + text[at + len(host) :] if at >= 0 else text

    def of_requests(self, found: Requests) -> Requests:
        """Return what exchanges say, with the names that its hosts and servers go by."""
        if not self.is_needed:
            return found
        name = self.name
        for number, s in enumerate(found.sightings):
            at = s.place.capture_id
            host, server, lister = name(at, s.host), name(at, s.server_ip), name(at, s.from_host)
            found.sightings[number] = s._replace(host=host, server_ip=server, from_host=lister)
        for number, r in enumerate(found.redirects):
            at = r.place.capture_id
            source, target, server = name(at, r.source), name(at, r.target), name(at, r.server_ip)
            found.redirects[number] = r._replace(source=source, target=target, server_ip=server)
        found.marks = [m._replace(host=name(m.place.capture_id, m.host)) for m in found.marks]
        found.file_names = [(text, s._replace(host=name(s.place.capture_id, s.host))) for text, s in found.file_names]
        for number, (header, sighting, place, client, server, host) in enumerate(found.detects):
            at = place.capture_id
            found.detects[number] = header, sighting, place, name(at, client), name(at, server), name(at, host)
        return found

    def of_replies(self, found: Replies) -> Replies:
        """Return what servers say, with the names that they go by."""
        if not self.is_needed:
            return found
        for number, reply in enumerate(found.accounts):
            at = reply.capture_id
            found.accounts[number] = reply._replace(
                host=self.sent(at, reply.host),
                stated_host=self.sent(at, reply.stated_host),
                server_ip=self.name(at, reply.server_ip),
            )
        found.links = [link._replace(host=self.name(link.capture_id, link.host)) for link in found.links]
        return found

    def of_viewings(self, found: list[Viewing]) -> list[Viewing]:
        """Return sessions with the names that their servers go by, and their clients as far as they are servers."""
        if not self.is_needed:
            return found
        return [
            v._replace(
                client_site=self.name(v.capture_id, v.client_ip),
                server_site=self.name(v.capture_id, v.edge_ip),
                panel_host=self.sent(v.capture_id, v.panel_host),
                edge_host=self.sent(v.capture_id, v.edge_host),
                hosts=[self.sent(v.capture_id, host) or "" for host in v.hosts or ()],
            )
            for v in found
        ]

    def of_pointers(self, found: list[Pointer]) -> list[Pointer]:
        """Return who names whom in answers, with the names that both go by."""
        if not self.is_needed:
            return found
        name = self.name
        places = [(pointer.place.capture_id, pointer) for pointer in found]
        return [p._replace(source=name(at, p.source), target=name(at, p.target)) for at, p in places]

    def log(self, *resolutions: Resolution) -> None:
        """Log which hosts of several captures are one, each as the first kind of thing that it is."""
        logged: set[str] = set()
        for joins in resolutions if self.is_needed else ():
            atoms = [atom for entity in joins.entities for atom in entity.atoms]
            at = 0 if joins.kind == "line" else -1
            for merge, first, other in _joined(atoms, at):
                if merge.merge_id not in logged:
                    logged.add(merge.merge_id)
                    host = plain(merge.one[at])
                    joins.log(merge, f"{host} in capture {first}", f"{host} in capture {other}", (first, other))


def _joined(atoms: Iterable[Atom], at: int) -> Iterable[tuple[Merge, str, str]]:
    """Yield the merges of the first capture of each host with the others, also of those that were undone.

    Args:
        atoms: what has a host.
        at: where the host stands in keys.
    """
    by_host: dict[str, list[tuple[str, Atom]]] = {}
    for atom in atoms:
        host = atom.key[at]
        if scope_of(host) == "public":
            captures = [zone(host)] if is_apart(host) else sorted(atom.captures)
            by_host.setdefault(plain(host), []).extend((capture, atom) for capture in captures)
    for host, seen in sorted(by_host.items()):
        if len(seen) < 2:
            continue
        rule, strength, what = _rule(host)
        (first, start), *others = sorted(seen, key=lambda item: (is_apart(item[1].key[at]), item[0], item[1].key))
        for capture, atom in others:
            if capture == first:
                continue
            why = f"both captures show {what} {host}"
            undone = is_apart(atom.key[at])
            yield Merge(merge_id(host, capture), start.key, atom.key, rule, strength, why, undone), first, capture


def merge_id(host: str, capture_id: str) -> str:
    """Return the identifier of the merge of a host in a capture with the same host in other captures."""
    return digest("m-", "site", _rule(host)[0], host, capture_id)


def were_parted(one: Key, other: Key) -> bool:
    """Return True if two keys end with one public host that the examiner has parted by captures."""
    return one[-1] != other[-1] and plain(one[-1]) == plain(other[-1]) and scope_of(one[-1]) == "public"


def plain(host: str) -> str:
    """Return a host without the capture in which it is apart.

    Example:
        >>> plain("192.168.1.50%2499b2c3c3ee8777")
        '192.168.1.50'
    """
    return host[:-_ZONE_CHARS] if is_apart(host) else host


def zone(host: str) -> str:
    """Return the capture in which a host is apart; empty if it is not."""
    return host[1 - _ZONE_CHARS :] if is_apart(host) else ""


def is_apart(host: str) -> bool:
    """Return True if a host is that of one capture only."""
    return host[-_ZONE_CHARS:-_ID_CHARS] == _ZONE and _ID.fullmatch(host, len(host) - _ID_CHARS) is not None


def _rule(host: str) -> tuple[str, str, str]:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "same-host-name", "strong", "the host name"
    return "same-public-address", "supporting", "the public address"
