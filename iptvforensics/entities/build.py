"""The tables of the captures to the tables of the case: who is who.

What is observed comes first, what it is joined to comes second, so that no join depends on another one's order:
requests and replies → panels, lines, devices, servers → sessions → channels and titles → links.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..entity_tables import CONTACTS, DERIVED, DEVICES, LINES, LINKS, MERGES, PANELS, SERVERS, SESSION_ENTITIES
from ..schema import EVIDENCE
from .apart import note_differences
from .archive import stated_zones
from .bare import add_bare
from .both_sides import find_crossings
from .box_queries import add_box_queries, add_box_reports
from .catalogue import write_catalogue
from .certificates import add_default_certificates
from .clients import Client, read_clients
from .computers import ACTS_AS_BOX, note_computers
from .contacts import find_contacts
from .device_joins import join_devices
from .devices import Address, Devices, add_claims, add_viewings, find_devices
from .feeds import find_feeds
from .forms import add_forms
from .guide import NO_GUIDE, Shown, find_programmes
from .lines import count_requests, find_lines, join_lines, note_used
from .links import Links, Resolved, Things, add_equal_catalogues, find_links
from .listed import name_by_lists
from .local import add_local
from .makers import maker_of
from .marks import read_marks
from .model import Atoms, Entity, Key, Resolution, TableReader
from .named import read_named
from .names import domain_of
from .neighbours import Neighbours, read_neighbours
from .panels import Routes, find_panels, join_by_catalogue
from .pointed import Pointer, add_pointed, link_pointed, read_pointers
from .proxies import add_hints, passed_on
from .receivers import add_receivers, receiver_addresses
from .replies import Replies, add_device_claims, add_replies, read_replies
from .requests import Requests, read_requests
from .servers import Servers, add_addresses, find_servers, join_servers, read_viewings, server_addresses, steps
from .substitutes import mark_substitutes
from .texts import read_probes, read_texts
from .token_links import add_token_edges, link_tokens
from .tokens import read_tokens
from .viewing import Context, Watched, devices_of, note_sessions, watched

if TYPE_CHECKING:
    from ..derived import Undone, Workbench

_TABLES = {table.name: table for table in DERIVED}


def build(bench: Workbench, undone: Sequence[Undone]) -> None:
    """Write the tables of the case.

    Args:
        bench: reads the tables of the captures, takes those of the case.
        undone: merges that the examiner has undone.
    """
    decided = {row.merge_id: row.reason for row in undone}
    read = bench.beside(_read_clients)
    contacts = bench.beside(lambda reader: find_contacts(reader, read()[1]))  # begins when `read` is done
    requests, replies, (viewings, inferred) = _read_said(bench), read_replies(bench), read_viewings(bench)
    tokens = read_tokens(bench, requests)
    routes = Routes(requests, tokens)
    panels, panel_joins = find_panels(requests, routes, decided)
    lines = find_lines(requests, routes)
    add_default_certificates(bench, panels)
    same = add_replies(replies, panels, lines, panel_joins)
    equal = join_by_catalogue(bench, requests, panels, panel_joins)
    panel_joins.resolve(panels)
    line_joins = join_lines(lines, panel_joins, decided)
    for one, other, why in same:
        line_joins.join(one, other, "named-in-answer", "strong", why)
    neighbours, clients = read()
    addresses = server_addresses(viewings, requests, panels, clients.values(), receiver_addresses(replies))
    note_differences(bench, clients)
    devices = find_devices(clients, addresses, read_marks(bench, clients), find_crossings(bench, clients), neighbours)
    _add_said(bench, devices, requests, replies)
    relays = add_hints(bench, clients, devices)
    servers = find_servers(viewings, requests, panel_joins, addresses)
    pointers = _add_pointed(bench, servers, panels, replies)
    add_token_edges(servers, routes.by_token, tokens)
    device_joins = join_devices(devices, decided)
    device_joins.resolve(devices.atoms)
    context = Context(requests, routes, replies, devices, device_joins, lines, panel_joins, servers, addresses)
    found = watched(viewings, context)
    note_sessions(found, lines)
    note_used((w.line for w in found), lines)
    shown = found + devices_of(inferred, context)
    add_viewings(devices, shown)
    line_joins.resolve(lines)
    server_joins = join_servers(servers, decided)
    server_joins.resolve(servers.atoms)
    resolved = Resolved(device_joins, line_joins, panel_joins, server_joins)
    listed = name_by_lists(bench, found, context)
    mark_substitutes(found, replies.accounts, line_joins)
    feeds = find_feeds(found, resolved, addresses, listed)
    names, offers = write_catalogue(bench, panel_joins, found, feeds.rows())
    things = Things(names, feeds.of, listed)
    links = find_links(requests, found, context, resolved, things, passed_on(found, relays, device_joins, line_joins))
    add_equal_catalogues(links, equal, panel_joins)
    link_pointed(links, pointers, found, servers, resolved)
    link_tokens(links, tokens, routes.by_token, resolved, servers)
    guide = find_programmes(bench, found, names, panel_joins, stated_zones(replies.accounts, panel_joins), listed)
    bench.write(SESSION_ENTITIES, [_session(w, resolved, things, guide) for w in shown])
    bench.write(CONTACTS, contacts())
    _write_entities(bench, resolved, offers, _count(w.device for w in shown), steps(servers, server_joins))
    _write_joins(bench, links, panel_joins, line_joins, device_joins, server_joins)


def _read_clients(reader: TableReader) -> tuple[Neighbours, dict[Address, Client]]:
    """Return who sent with which link-layer address, and who asked others."""
    neighbours = read_neighbours(reader)
    return neighbours, read_clients(reader, neighbours)


def _read_said(bench: Workbench) -> Requests:
    """Return what requests, also posted and bare ones, texts and URLs in URLs say about panels and clients."""
    requests = read_requests(bench)
    add_forms(bench, requests)
    add_bare(bench, requests)
    requests.sightings += [*read_texts(bench), *read_named(bench), *read_probes(requests)]
    return requests


def _add_pointed(bench: Workbench, servers: Servers, panels: Atoms, replies: Replies) -> list[Pointer]:
    """Return which hosts panels name for media, and add them, and at which addresses servers were asked."""
    pointers = read_pointers(bench, replies.links)
    add_pointed(servers, panels, pointers)
    add_addresses(servers, bench)
    return pointers


def _add_said(bench: Workbench, devices: Devices, requests: Requests, replies: Replies) -> None:
    """Add what devices say of themselves: to portals and servers, and in their own network."""
    add_claims(devices, requests.marks)
    add_device_claims(replies, devices)
    add_receivers(replies, devices)
    add_local(bench, devices)
    add_box_queries(bench, devices)
    add_box_reports(bench, devices)
    note_computers(devices)


def _write_entities(
    bench: Workbench,
    found: Resolved,
    offers: dict[str, tuple[int, int]],
    watching: dict[Key, int],
    parts: dict[str, str],
) -> None:
    """Write panels (with how much they offer), lines, devices (with their sessions), servers (with their parts)."""
    bench.write(PANELS, _sorted(_panel(e, offers) for e in found.panels.entities))
    bench.write(LINES, _sorted(_line(e, found.panels) for e in found.lines.entities))
    bench.write(DEVICES, _sorted(_device(e, watching) for e in found.devices.entities))
    servers = (e for e in found.servers.entities if e.all("roles"))
    bench.write(SERVERS, _sorted(_server(e, parts.get(e.id, "edge")) for e in servers))


def _write_joins(bench: Workbench, links: Links, *resolutions: Resolution) -> None:
    """Write links and what was joined, and the evidence for all of them and for all entities."""
    rows, evidence = links.rows()
    bench.write(LINKS, rows)
    bench.write(MERGES, [row for joins in resolutions for row in joins.rows(_label)])
    whole = {row for joins in resolutions for entity in joins.entities for row in entity.evidence()}
    bench.write(EVIDENCE, sorted(whole.union(evidence), key=_order))


def _order(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((value is not None, value) for value in row)


def _sorted(rows: Any) -> list[tuple[Any, ...]]:
    return sorted(rows, key=lambda row: row[0])


def _label(key: Key) -> str:
    """Return an atom's key as text."""
    return " ".join(key)


def _count(keys: Any) -> dict[Key, int]:
    total: dict[Key, int] = {}
    for key in keys:
        if key is not None:
            total[key] = total.get(key, 0) + 1
    return total


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


def _panel(entity: Entity, offers: dict[str, tuple[int, int]]) -> tuple[Any, ...]:
    hosts = sorted({atom.key[0] for atom in entity.atoms})
    host = entity.one("hosts") or hosts[0]
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
        entity.all("ips"),
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


def _line(entity: Entity, panels: Resolution) -> tuple[Any, ...]:
    def of(kind: str, place: int, *said: str) -> str | None:
        values = {atom.key[place] for atom in entity.atoms if atom.key[1] == kind and atom.key[place]}
        return "; ".join(sorted(values.union(said))) or None

    panel = next((found for atom in entity.atoms if (found := panels.of((atom.key[0],)))), None)
    host = (panel.one("hosts") if panel is not None else None) or entity.atoms[0].key[0]
    tokens = sorted({atom.key[2] for atom in entity.atoms if atom.key[1] == "token"} | set(entity.all("tokens")))
    return (
        entity.id,
        panel.id if panel is not None else None,
        host,
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
        entity.all("hosts"),
        count_requests(entity),
        entity.strength,
        entity.rule,
        *_span(entity),
    )


def _device(entity: Entity, watching: dict[Key, int]) -> tuple[Any, ...]:
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


def _server(entity: Entity, step: str) -> tuple[Any, ...]:
    roles = entity.all("roles")
    role = next((part for part in ("panel", "media", "playlist", "origin") if part in roles), "redirector")
    role = step if role == "media" else role
    host = next(iter(_named(entity.ranked("hosts"))), None)
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
        entity.all("ips"),
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


def _session(w: Watched, resolved: Resolved, things: Things, guide: dict[tuple[str, str], Shown]) -> tuple[Any, ...]:
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
