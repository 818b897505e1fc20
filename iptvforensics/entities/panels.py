"""Sightings to panels: hosts that know lines, the names and addresses they go by, and which names are one panel.

Rules, and what they show:

- `panel-api` (strong): a client asked for a path that only panels serve, with credentials. Conclusive with a reply.
- `panel-portal` (strong): the same for a Stalker portal.
- `panel-media-url` (supporting; strong if the answer sends the client to another host): a media path holds a line.
- `panel-token-url` (supporting): a media path holds a token that panels hand out.
- `panel-named` (lead): a list or link names the host with a line, but nothing asked it.

Names become one panel by `same-address-same-line` (strong: two names at one address and port, asked with the same
line, which neither refused and no stranger would have), `same-catalogue-same-servers` (strong: equal channels and a
common server to which both send clients; a copied database alone would not share servers),
`list-names` (strong: a panel's list names one other host, for the very line
that asked for the list, and that host sends clients on; of other lines' hosts the list only passes on offers) and
`api-redirect` (strong: one name sends requests for the interface to the other). What names nobody joins nothing
(`scopes`). A host that another one sends clients to, and that is asked for media only, is no panel; nor is one that is
asked for media only, with lines that clients use at the interface of another one (an edge that a list named).

**Known limitations**: a reverse proxy of many services shows one address for all; that is why an address alone
joins nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set
from itertools import combinations

from .credentials import is_common
from .model import Atoms, Resolution, TableReader
from .requests import Redirect, Requests, Sighting
from .scopes import scope_of
from .sites import Sites, were_parted
from .tokens import Tokens
from .urls import PANEL, PORTAL, SQL_HOST, PanelUrl, read_url

_API_FORMS = {"api", "portal"}
_Client = tuple[str, str | None]
_EQUAL_OFFERS, _EQUAL_SHARE = 3, 0.8
"""Channels, and share of the smaller catalogue, that must agree in number and name."""


_REFUSED = 400
"""Status of HTTP from which on a request was not answered with what was asked for."""


class Routes:
    """Which hosts are asked for media only, and which panel sends clients to them."""

    def __init__(self, requests: Requests, tokens: Tokens) -> None:
        asked = {s.host for s in requests.sightings if s.is_asked and s.says.form in _API_FORMS and s.host}
        self._asked = asked
        self.targets = {r.target for r in requests.redirects if r.target != r.source} - asked
        self.origins = _origins(requests)
        self._senders = _senders(requests)
        self._known = known = _lines_of(requests, asked)
        sends = {r.source for r in requests.redirects if r.target != r.source}
        for host, lines in _media_only(requests, asked).items():
            owners = [known[line] for line in sorted(lines) if line in known]
            if len(owners) == len(lines) and host not in self.origins and host not in sends:
                self.targets.add(host)
                self.origins[host] = min(owners[0])
        panels = {s.host for s in requests.sightings if s.is_asked and s.host and s.says.says in (PANEL, PORTAL)}
        self._tokens, self._panels = tokens, panels - self.targets
        self.by_token = {
            host: panel
            for host, panel in tokens.owners(self._panels).items()
            if host not in panels and host not in self.origins
        }
        """Edges that no panel was seen to send clients to, and the panel whose tokens begin as theirs do."""
        self.targets |= self.by_token.keys()
        self.origins |= self.by_token

    def panel(self, sighting: Sighting) -> str | None:
        """Return the host whose line a sighting names: for a host that clients were sent to, the one that sent them.

        A host that is no panel itself may send clients to one (a short address of a list): the line is that one's.
        """
        to_panel = sighting.says.form in _API_FORMS or sighting.host in self._asked
        if sighting.where == "redirect" and (sighting.from_host in self._asked or not to_panel):
            return self.start(sighting.from_host)
        return self.line_host(sighting.host, sighting.says, sighting.place.capture_id, sighting.client_ip)

    def line_host(self, host: str | None, says: PanelUrl, capture_id: str, client_ip: str | None) -> str | None:
        """Return the host whose line a URL names: at an edge that several panels share, the one that knows the line.

        Else it is the one that sent this client there; where neither tells, the edge stands for itself.
        """
        if host is None or host not in self.targets:
            return self.start(host)
        client = (capture_id, client_ip)
        senders = self._senders.get(host, {})
        to_client = {source for source, clients in senders.items() if client in clients}
        knowing = self._known.get((says.username or "", says.password or ""), {})
        asked = {name for name, clients in knowing.items() if client in clients}
        for hosts in (asked & to_client, asked, knowing.keys() & to_client):  # several are names of one, or equal
            if hosts:
                return min(hosts)
        if len(knowing) == 1:
            return next(iter(knowing))
        if len(senders) < 2:
            return self.start(host)
        return self.start(min(to_client)) if len(to_client) == 1 else host

    def by_own_token(self, url: str) -> str | None:
        """Return the panel that made the token in a URL, as far as its first block tells."""
        return self._tokens.owner(url, self._panels)

    def start(self, host: str | None) -> str | None:
        """Return the host that was asked first on the way to a host."""
        seen: set[str] = set()
        while host in self.targets and host in self.origins and host not in seen:
            seen.add(host)
            host = self.origins[host]
        return host


def _lines_of(requests: Requests, hosts: set[str]) -> dict[tuple[str, str], dict[str, set[_Client]]]:
    """Return at which of the hosts the interface was asked with a line, and by which clients."""
    known: dict[tuple[str, str], dict[str, set[_Client]]] = defaultdict(lambda: defaultdict(set))
    for s in requests.sightings:
        if s.is_asked and s.says.form == "api" and s.host in hosts and s.says.username and s.says.password:
            known[s.says.username, s.says.password][s.host].add((s.place.capture_id, s.client_ip))
    return known


def _media_only(requests: Requests, asked: set[str]) -> dict[str, set[tuple[str, str]]]:
    """Return the lines of each host that was asked for media and never for the interface."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for s in requests.sightings:
        if (
            s.where in ("request", "rtmp", "list")
            and s.host
            and s.host not in asked
            and s.says.username
            and s.says.password
        ):
            found[s.host].add((s.says.username, s.says.password))
    return found


def _origins(requests: Requests) -> dict[str, str]:
    """Return for each host that clients were sent to the one that sent them most often, the first name of equals."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for redirect in requests.redirects:
        if redirect.target != redirect.source:
            counts[redirect.target][redirect.source] += redirect.times
    return {target: min(found, key=lambda host: (-found[host], host)) for target, found in counts.items()}


def _senders(requests: Requests) -> dict[str, dict[str, set[_Client]]]:
    """Return for each host that clients were sent to which ones sent them, and which clients."""
    found: dict[str, dict[str, set[_Client]]] = defaultdict(lambda: defaultdict(set))
    for redirect in requests.redirects:
        if redirect.target != redirect.source:
            found[redirect.target][redirect.source].add((redirect.place.capture_id, redirect.client_ip))
    return found


def find_panels(
    requests: Requests, routes: Routes, undone: dict[str, str], refused: Set[tuple[str, str, str]] = frozenset()
) -> tuple[Atoms, Resolution]:
    """Return the panels by host name, and how names are joined (not resolved yet: other rules may add).

    Args:
        requests: what was asked for.
        routes: which hosts stand for which panels.
        undone: merges that the examiner has undone.
        refused: hosts with user names and passwords that they refused.
    """
    panels, joins = Atoms(), Resolution("panel", "p-", undone, were_parted)
    sends = {(r.source, r.client_ip) for r in requests.redirects if r.target != r.source}
    lines: dict[tuple[str, int], dict[str, set[tuple[str, str]]]] = defaultdict(lambda: defaultdict(set))
    for sighting in requests.sightings:
        host = routes.panel(sighting)
        says = sighting.says
        if (
            host is None
            or says.says in ("edge", "internal")
            or (sighting.host in routes.targets and sighting.where in ("request", "rtmp", "list"))
        ):
            continue
        _note(panels, host, sighting, (sighting.host, sighting.client_ip) in sends)
        if sighting.server_ip and sighting.server_port and _is_used(sighting, host, refused):
            lines[sighting.server_ip, sighting.server_port][host].add((says.username or "", says.password or ""))
    for (ip, port), hosts in sorted(lines.items()):
        _join_shared(joins, f"{ip} port {port}", hosts)
    _join_redirected(joins, requests.redirects, panels)
    _join_listed(joins, requests, panels, {r.source for r in requests.redirects})
    return panels, joins


def _is_used(sighting: Sighting, host: str, refused: Set[tuple[str, str, str]]) -> bool:
    """Return True if a line was asked with that no stranger would have, and that the host did not refuse."""
    user, password = sighting.says.username, sighting.says.password or ""
    if not sighting.is_asked or not user or is_common(user, password) or (host, user, password) in refused:
        return False
    return sighting.status is None or sighting.status < _REFUSED


def _note(panels: Atoms, host: str, sighting: Sighting, sends_on: bool) -> None:
    says, place = sighting.says, sighting.place
    if not sighting.is_asked and sighting.where != "rtmp":
        if not says.names_line:
            return
        if sighting.where != "redirect":
            panels[host,].seen("panel-named", "lead", place, f"{sighting.where}: {sighting.text}", count=0)
        return
    if says.form in _API_FORMS:
        rule = "panel-portal" if says.says == "portal" else "panel-api"
        strength = "strong"
    elif says.names_line:
        rule, strength = "panel-media-url", "strong" if sends_on else "supporting"
    else:
        rule, strength = "panel-token-url", "supporting"
    atom = panels[host,]
    atom.seen(
        rule,
        strength,
        place,
        f"{sighting.client_ip} asked {host} for {sighting.text}",
        last_ns=sighting.last_ns,
        count=sighting.times,
    )
    atom.fact("hosts", host, sighting.times)
    atom.fact("ips", sighting.server_ip)
    atom.fact("ports", sighting.port)
    atom.fact("family", says.family)
    atom.fact("contacted", True)


def _join_shared(joins: Resolution, where: str, hosts: dict[str, set[tuple[str, str]]]) -> None:
    names = sorted(hosts)
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            shared = hosts[one] & hosts[other]
            if shared:
                who = ", ".join(user for user, _ in sorted(shared)[:3])
                why = f"both names answer at {where}, and clients asked both with line {who}"
                joins.join((one,), (other,), "same-address-same-line", "strong", why)


def _join_redirected(joins: Resolution, redirects: Iterable[Redirect], panels: Atoms) -> None:
    for redirect in redirects:
        asked, told = read_url(redirect.url), read_url(redirect.location)
        if asked is None or told is None or asked.form not in _API_FORMS or told.form != asked.form:
            continue
        if not _names_somebody(redirect.source, redirect.target):
            continue
        if (redirect.source,) in panels and (redirect.target,) in panels:
            why = f"{redirect.source} sends requests for its interface to {redirect.target}"
            joins.join((redirect.source,), (redirect.target,), "api-redirect", "strong", why)


def _join_listed(joins: Resolution, requests: Requests, panels: Atoms, sends: set[str]) -> None:
    """Join a panel and the one name that its list gives for the line that asked, if that name sends clients on.

    Lists that name several hosts for it, or hosts for other lines, were put together from offers of several panels.
    """
    asked = {(s.place.capture_id, s.host, s.says.username, s.says.password) for s in requests.sightings if s.is_asked}
    named: dict[tuple[str, str, str, str], dict[str, None]] = defaultdict(dict)
    for s in requests.sightings:
        user, password = s.says.username, s.says.password
        if s.where != "list" or not s.host or not s.from_host or s.host == s.from_host or not user or not password:
            continue
        if (s.place.capture_id, s.from_host, user, password) in asked:
            named[s.place.capture_id, s.from_host, user, password][s.host] = None
    for (_, lister, user, _), hosts in named.items():
        host = next(iter(hosts))
        if len(hosts) > 1 or host not in sends or not _names_somebody(host, lister):
            continue
        if (host,) in panels and (lister,) in panels:
            why = f"the list of {lister} for line {user} names {host} for it, and {host} sends clients on"
            joins.join((lister,), (host,), "list-names", "strong", why)


def _names_somebody(*hosts: str) -> bool:
    return all(scope_of(host) != "nobody" for host in hosts)


def join_by_catalogue(
    reader: TableReader, requests: Requests, panels: Atoms, joins: Resolution, sites: Sites
) -> list[tuple[str, str, str]]:
    """Join names whose catalogues are the same and that send clients to the same servers.

    Returns:
        All pairs of names with one catalogue, with the reason.
    """
    sent: dict[str, set[str]] = defaultdict(set)
    for redirect in requests.redirects:
        if (redirect.source,) in panels and redirect.target != redirect.source:
            sent[redirect.source].add(redirect.target)
    hosts = [atom.key[0] for atom in panels]
    if len(hosts) < 2 or not reader.has("catalogue_entries"):
        return []
    rows = reader.select(
        f"SELECT DISTINCT {sites.sql_capture}, lower(regexp_extract(host, '{SQL_HOST}', 1)), entry_id, name "  # noqa: S608
        "FROM catalogue_entries "
        "WHERE kind = 'live' AND family IS DISTINCT FROM 'xmltv' AND entry_id IS NOT NULL AND name IS NOT NULL "
        "AND host IS NOT NULL"
    )
    offers: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for capture, host, number, name in rows:
        offers[sites.name(capture, host) or ""].add((number, name))
    found = []
    offering = [host for host in hosts if len(offers[host]) >= _EQUAL_OFFERS]
    for one, other in combinations(offering, 2):
        equal = offers[one] & offers[other]
        if len(equal) >= _EQUAL_OFFERS and len(equal) >= _EQUAL_SHARE * min(len(offers[one]), len(offers[other])):
            why = f"{len(equal)} channels with equal numbers and names"
            found.append((one, other, f"{why}: one database, or a copy of it"))
            servers = ", ".join(sorted(sent[one] & sent[other])[:3])
            if servers:
                why = f"{why}, and both send clients to {servers}"
                joins.join((one,), (other,), "same-catalogue-same-servers", "strong", why)
    return found
