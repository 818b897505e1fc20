"""Entities to the rows of their tables.

**Known limitations**: of several values for one column the most frequent is shown, or all are, joined.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from .computers import ACTS_AS_BOX
from .guide import NO_GUIDE, Shown
from .lines import count_requests
from .links import Resolved, Things
from .makers import maker_of
from .model import Entity, Key, Resolution
from .names import domain_of
from .sites import plain
from .viewing import Watched


def _span(entity: Entity) -> tuple[Any, ...]:
    return entity.captures, entity.first_ns, entity.last_ns


def _named(hosts: Sequence[str]) -> list[str]:
    """Return those hosts that are names."""
    found = []
    for host in hosts:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            found.append(host)
    return found


def _plain(entity: Entity, name: str) -> list[str]:
    """Return hosts or addresses of an entity, in order."""
    return sorted({plain(value) for value in entity.all(name)})


def panel_row(entity: Entity, offers: dict[str, tuple[int, int]]) -> tuple[Any, ...]:
    """Return the row of a panel, with how many channels and titles each panel offers."""
    hosts = sorted({plain(atom.key[0]) for atom in entity.atoms})
    host = plain(entity.one("hosts") or hosts[0])
    clocks = sorted(entity.all("clock"))
    offset = float(clocks[len(clocks) // 2]) if clocks else None
    why = {
        "panel-reply": "answered as a panel",
        "panel-api": "was asked for its interface",
        "panel-portal": "was asked as a portal",
        "panel-media-url": "was asked for media with a line",
        "panel-token-url": "was asked for media with its tokens",
        "panel-default-certificate": "shows the certificate of a panel's installer",
        "panel-list": "gave a list with credentials or with a mark of a panel",
        "panel-named": "was named with a line",
    }
    reasons = [text for rule, text in why.items() if any(rule in atom.rules for atom in entity.atoms)]
    live, other = offers.get(entity.id, (0, 0))
    return (
        entity.id,
        host,
        hosts,
        _plain(entity, "ips"),
        entity.all("ports"),
        entity.joined("family"),
        entity.joined("software"),
        entity.one("timezone"),
        offset,
        bool(entity.all("contacted")),
        live,
        other,
        entity.strength,
        entity.rule,
        "; ".join(reasons),
        *_span(entity),
    )


def line_row(entity: Entity, panels: Resolution) -> tuple[Any, ...]:
    """Return the row of a line."""

    def of(kind: str, place: int, *said: str) -> str | None:
        values = {atom.key[place] for atom in entity.atoms if atom.key[1] == kind and atom.key[place]}
        return "; ".join(sorted(values.union(said))) or None

    panel = next((found for atom in entity.atoms if (found := panels.of((atom.key[0],)))), None)
    host = (panel.one("hosts") if panel is not None else None) or entity.atoms[0].key[0]
    tokens = sorted({atom.key[2] for atom in entity.atoms if atom.key[1] == "token"} | set(entity.all("tokens")))
    return (
        entity.id,
        panel.id if panel is not None else None,
        plain(host),
        of("user", 2, *entity.all("usernames")),
        of("user", 3),
        of("mac", 2),
        "; ".join(tokens) or None,
        entity.joined("status"),
        entity.one("max_connections"),
        max(entity.all("active_connections"), default=None),
        entity.one("is_trial"),
        entity.one("created_ns"),
        entity.one("expires_ns"),
        entity.joined("account"),
        entity.joined("message"),
        bool(entity.all("used")),
        entity.all("places"),
        _plain(entity, "hosts"),
        count_requests(entity),
        entity.strength,
        entity.rule,
        *_span(entity),
    )


def device_row(entity: Entity, watching: dict[Key, int]) -> tuple[Any, ...]:
    """Return the row of a device, with how many sessions each part of one had."""
    sessions = sum(watching.get(atom.key, 0) for atom in entity.atoms)
    kinds = entity.all("kinds")
    claimed = entity.all("claimed_macs")
    acted = set(entity.all("acted_macs"))
    # What claims to be a box is a program; behind an address of several clients another one may be a box.
    of_program = acted >= set(claimed) or any(atom.key[1] == "mac" for atom in entity.atoms)
    if (acted and of_program) or entity.all(ACTS_AS_BOX):
        kinds = ["app" if kind == "tv-box" else kind for kind in kinds]
    kind = next((k for k in ("tv-box", "app", "browser", "player", "server", "router", "printer") if k in kinds), None)
    return (
        entity.id,
        kind,
        entity.all("ips"),
        entity.all("macs"),
        claimed,
        "; ".join(sorted({maker for mac in entity.all("macs") if (maker := maker_of(mac))})) or None,
        entity.joined("models"),
        entity.joined("serials"),
        entity.joined("firmware"),
        entity.all("host_names"),
        entity.all("local_claims"),
        entity.ranked("user_agents"),
        entity.joined("os"),
        entity.ranked("apps"),
        entity.joined("told_apart"),
        entity.strength,
        entity.rule,
        sessions,
        entity.joined("third_party"),
        entity.one("clock"),
        *(entity.one("skew") or (None, None)),
        *_span(entity),
    )


def server_row(entity: Entity, step: str) -> tuple[Any, ...]:
    """Return the row of a server, with its part if it gives media."""
    roles = entity.all("roles")
    role = next((part for part in ("panel", "media", "playlist", "origin") if part in roles), "redirector")
    role = step if role == "media" else role
    host = next(iter(_named([plain(host) for host in entity.ranked("hosts")])), None)
    sessions = entity.total("sessions")
    size = entity.total("bytes")
    whys = entity.all("why")
    panels = entity.all("panel")
    if sessions:
        whys.append(f"sent the media of {sessions} session" + "s" * (sessions != 1))
    return (
        entity.id,
        host,
        domain_of(host),
        _plain(entity, "ips"),
        entity.all("ports"),
        role,
        "; ".join(whys) or None,
        entity.strength,
        entity.rule,
        panels[0] if len(panels) == 1 else None,
        entity.joined("software"),
        size,
        sessions,
        *_span(entity),
    )


def session_row(w: Watched, resolved: Resolved, things: Things, guide: dict[tuple[str, str], Shown]) -> tuple[Any, ...]:
    """Return the row of a session with what it was resolved to."""
    viewing = w.viewing
    named = things.names.get((w.panel_id or "", w.media or "", w.stream_id or ""))
    thing = named.entity_id if named is not None else things.feeds.get((viewing.capture_id, viewing.session_id))
    shown = guide.get((viewing.capture_id, viewing.session_id), NO_GUIDE)
    is_title = w.media in ("movie", "episode")
    name = named.name if named is not None else None
    source = named.source if named is not None else None
    if name is None and (listed := things.listed.get((viewing.capture_id, viewing.session_id))) is not None:
        name, source = listed.name, listed.source
    elif name is None and (viewing.channel or viewing.title):
        source = "in-stream"
    return (
        viewing.capture_id,
        viewing.session_id,
        resolved.id(resolved.devices, w.device),
        w.device_why,
        resolved.id(resolved.lines, w.line),
        w.line_why,
        w.panel_id,
        w.panel_why or None,
        resolved.id(resolved.servers, w.server),
        None if is_title else thing,
        thing if is_title else None,
        None if is_title else name,
        name if is_title else None,
        source,
        shown.titles,
        shown.why,
        "catchup" if w.archive is not None else None,
        w.archive.basis if w.archive is not None else None,
        shown.archive_ns,
        w.substitute_why,
    )
