"""Sightings to lines: subscriber accounts, by what a panel knows them by.

Rules, and what they show:

- `line-in-request` (conclusive for "these credentials were sent to this host"): user name and password in a request.
- `line-in-form` (conclusive for the same): the same in a form that was posted.
- Rules of the same names for `identifier` in a signed link (`hmac`): the end customer of somebody who sells on.
- `line-portal-mac` (conclusive for the same; the address is claimed): `mac` in cookie or query at a portal.
- `line-token` (strong): a line token at the interface.
- `line-in-redirect` (strong), `line-in-referer` (strong), `line-in-rtmp` (conclusive): the same credentials there.
- `line-in-url` (lead): credentials in a URL that stood inside of another URL or in an attribute of a list.
- `line-in-list` (lead): credentials that stood in a list, catalogue or link and that no client was seen to use.
- `line-in-text` (lead): the same in a page, script, message or posted report.
- `line-in-probe` (strong): credentials in the URL of a stream that a server was told to examine.
- `line-in-file-name` (supporting): a user name, or a line's token, in the name under which a list was offered.

Lines are one by `same-panel` (conclusive: equal credentials under names of one panel) and `named-in-answer` (strong: a
panel's answer to a client with that address names the user).

A line is used if a client sent the credentials, or if a session is the line's; what servers say of it is no use. A
request that holds them at several places (query and cookie, target and `Referer`) is one request.

**Known limitations**: equal credentials at two panels stay two lines, joined by a link `same-as`: databases are
copied and sold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from .model import Atom, Atoms, Entity, Key, Place, Resolution
from .panels import Routes
from .requests import Requests, Sighting
from .urls import PanelUrl

_RULES = {
    "request": ("line-in-request", "conclusive"),
    "form": ("line-in-form", "conclusive"),
    "redirect": ("line-in-redirect", "strong"),
    "referer": ("line-in-referer", "strong"),
    "rtmp": ("line-in-rtmp", "conclusive"),
    "text": ("line-in-text", "lead"),
    "probe": ("line-in-probe", "strong"),
    "named url": ("line-in-url", "lead"),
}
_TOKEN = re.compile(r"[0-9a-f]{32}")
"""How the token of a line is written (protocol of the Xtream family)."""
_USED = {"request", "form", "referer", "rtmp"}


def line_key(host: str, username: str | None, password: str | None, mac: str | None, token: str | None) -> Key | None:
    """Return the key of a line at a host; None if nothing names one."""
    if username and password:
        return (host, "user", username, password)
    if mac:
        return (host, "mac", mac)
    return (host, "token", token) if token else None


def line_of(host: str | None, says: PanelUrl) -> Key | None:
    """Return the key of the line that a URL names at a host; None if it names none."""
    if not host or says.says == "internal":
        return None
    if says.customer:
        return (host, "customer", says.customer)
    token = says.token if says.form == "api" and not says.username else None
    return line_key(host, says.username, says.password, says.mac, token)


def find_lines(requests: Requests, routes: Routes) -> Atoms:
    """Return the lines by host and credentials."""
    lines = Atoms()
    in_cookies = {(m.place.capture_id, m.client_ip, m.host, m.mac) for m in requests.marks if m.in_cookie}
    for sighting in requests.sightings:
        says, client = sighting.says, (sighting.place.capture_id, sighting.client_ip)
        key = line_of(routes.panel(sighting), says)
        if key is None or (
            sighting.where == "form" and key[1] == "mac" and (*client, sighting.host, says.mac) in in_cookies
        ):
            continue  # rows of posted forms have the address of the cookie, too
        _note(lines[key], sighting)
    for mark in requests.marks:
        if mark.mac and mark.host:
            atom = lines[mark.host, "mac", mark.mac]
            shows = f"{mark.client_ip} gave address {mark.mac} to {mark.host}"
            atom.seen("line-portal-mac", "conclusive", mark.place, shows, last_ns=mark.last_ns)
            atom.fact("places", "cookie" if mark.in_cookie else "query")
            atom.fact("used", True)
            _count(atom, mark.place, mark.times)
            atom.fact("hosts", mark.host)
            atom.fact("tokens", mark.token)
            atom.fact("clients", (mark.place.capture_id, mark.client_ip or ""))
    _note_file_names(lines, requests)
    return lines


def _note(atom: Atom, sighting: Sighting) -> None:
    rule, strength = _RULES.get(sighting.where, ("line-in-list", "lead"))
    who = sighting.client_ip if sighting.where in _USED else f"an answer to {sighting.client_ip}"
    if sighting.where == "text":
        who = f"a text that {sighting.client_ip} sent or got"
    elif sighting.where == "named url":
        who = f"a URL that {sighting.client_ip} sent or got"
    elif sighting.where == "probe":
        who = f"{sighting.client_ip}, which had {sighting.from_host} examine the stream,"
    shows = f"{who} named the line at {sighting.host}, {sighting.where}: {sighting.text}"
    atom.seen(rule, strength, sighting.place, shows, last_ns=sighting.last_ns, count=sighting.times)
    in_query = sighting.where == "request" and atom.key[1] == "mac"
    atom.fact("places", "query" if in_query else sighting.where)
    if sighting.says.customer:
        atom.fact("account", f"customer: {sighting.says.customer}")
    atom.fact("hosts", sighting.host)
    if sighting.where in _USED:
        atom.fact("used", True)
        _count(atom, sighting.place, sighting.times)
        atom.fact("clients", (sighting.place.capture_id, sighting.client_ip or ""))


def _count(atom: Atom, place: Place, times: int) -> None:
    """Count requests by the first place where they were seen: what stands in them twice was sent once."""
    counts = atom.facts.setdefault("requests", Counter())
    counts[place] = max(counts[place], times)


def count_requests(entity: Entity) -> int:
    """Return how many requests carried the credentials of a line."""
    counts: Counter[Place] = Counter()
    for atom in entity.atoms:
        counts |= atom.facts.get("requests", Counter())
    return counts.total()


def note_used(keys: Iterable[Key | None], lines: Atoms) -> None:
    """Note that sessions used the lines with these keys."""
    for key in keys:
        if key is not None and key in lines:
            lines[key].fact("used", True)


def _note_file_names(lines: Atoms, requests: Requests) -> None:
    """Add user names from names of files, unless the request tells the whole line."""
    known = {(atom.key[0], atom.key[2]) for atom in lines if atom.key[1] == "user"}
    for name, sighting in requests.file_names:
        host = sighting.host
        if host is None:
            continue
        for atom in lines if (host, name) in known else ():
            if atom.key[:3] == (host, "user", name):
                atom.seen("line-in-file-name", "supporting", sighting.place, f"file name: {sighting.text}", count=0)
                atom.fact("places", "file name")
        if (host, name) not in known:
            atom = lines[(host, "token", name) if _TOKEN.fullmatch(name) else (host, "user", name, "")]
            atom.seen("line-in-file-name", "supporting", sighting.place, f"file name: {sighting.text}")
            atom.fact("places", "file name")
            atom.fact("hosts", host)


def join_lines(
    lines: Atoms, panels: Resolution, undone: dict[str, str], named: Iterable[tuple[Key, Key, str]]
) -> Resolution:
    """Return how lines under several names are one (not resolved yet).

    Args:
        lines: what was found.
        panels: the panels of the case.
        undone: merges that the examiner has undone.
        named: pairs that answers of panels name together, with the reason.
    """
    joins = Resolution("line", "l-", undone)
    for one, other, why in named:
        joins.join(one, other, "named-in-answer", "strong", why)
    first: dict[tuple[str, Key], Key] = {}
    for atom in lines:
        panel = panels.of((atom.key[0],))
        if panel is None:
            continue
        same = (panel.id, atom.key[1:])
        if same in first:
            joins.join(first[same], atom.key, "same-panel", "strong", "equal credentials under names of one panel")
        else:
            first[same] = atom.key
    return joins
