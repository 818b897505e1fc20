"""The tables of the captures to the tables of the case: who is who.

What is observed comes first, what it is joined to comes second, so that no join depends on another one's order:
requests and replies → panels, lines, devices, servers → sessions → channels and titles → links.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

from ..entity_tables import CONTACTS, DEVICES, LINES, LINKS, MERGES, PANELS, SERVERS, SESSION_ENTITIES
from ..schema import EVIDENCE
from .apart import note_differences
from .archive import stated_zones
from .bare import BARE_ASKED, add_bare
from .both_sides import find_crossings
from .box_queries import BOX_QUERIES, add_box_queries, add_box_reports
from .catalogue import write_catalogue
from .certificates import add_default_certificates
from .clients import Client, read_clients
from .computers import note_computers
from .contacts import find_contacts
from .device_joins import join_devices
from .devices import Address, Devices, Mark, add_claims, add_viewings, find_devices
from .feeds import find_feeds
from .forms import add_forms
from .guide import find_programmes
from .lines import find_lines, join_lines, note_used
from .links import Links, Resolved, Things, add_equal_catalogues, find_links
from .listed import name_by_lists
from .local import MDNS_ANSWERS, add_local
from .marks import read_marks
from .model import Atoms, Key, Kind, Resolution, TableReader, kinds_there
from .named import WITHIN, read_named
from .neighbours import Neighbours, read_neighbours
from .panels import Routes, find_panels, join_by_catalogue
from .pointed import Pointer, add_pointed, link_pointed, read_pointers
from .proxies import add_hints, passed_on
from .receivers import add_receivers, receiver_addresses
from .replies import Replies, add_device_claims, add_replies, read_replies
from .requests import KINDS, Requests, read_requests
from .rows import device_row, line_row, panel_row, server_row, session_row
from .server_joins import join_servers
from .servers import Servers, add_addresses, find_servers, read_viewings, server_addresses, steps
from .sites import Sites, is_apart, plain, zone
from .substitutes import mark_substitutes
from .texts import read_probes, read_texts
from .token_links import add_token_edges, link_tokens
from .tokens import read_tokens
from .viewing import Context, devices_of, note_sessions, watched

if TYPE_CHECKING:
    from ..derived import Undone, Workbench

_KINDS = (*KINDS, BARE_ASKED, WITHIN, BOX_QUERIES, MDNS_ANSWERS)
"""Rows for which rules look that find nothing in most cases."""


def build(bench: Workbench, undone: Sequence[Undone]) -> None:
    """Write the tables of the case.

    Args:
        bench: reads the tables of the captures, takes those of the case.
        undone: merges that the examiner has undone.
    """
    decided = {row.merge_id: row.reason for row in undone}
    read = bench.beside(_read_clients)
    contacts = bench.beside(lambda reader: find_contacts(reader, lambda: read()[1]))
    sites = Sites(bench.captures, decided)
    there = kinds_there(bench, _KINDS)
    requests, replies = sites.of_requests(_read_said(bench, there)), sites.of_replies(read_replies(bench))
    viewings, inferred = map(sites.of_viewings, read_viewings(bench))
    tokens = read_tokens(bench, requests, sites)
    routes = Routes(requests, tokens)
    panels, panel_joins = find_panels(requests, routes, decided, replies.refused())
    lines = find_lines(requests, routes)
    add_default_certificates(bench, panels, sites)
    same = add_replies(replies, panels, lines, panel_joins)
    equal = join_by_catalogue(bench, requests, panels, panel_joins, sites)
    panel_joins.resolve(panels)
    line_joins = join_lines(lines, panel_joins, decided, same)
    neighbours, clients = read()
    addresses = server_addresses(viewings, requests, panels, clients.values(), receiver_addresses(replies), sites)
    devices = find_devices(
        clients, addresses, _read_told(bench, clients), find_crossings(bench, clients), neighbours, sites
    )
    _add_said(bench, devices, requests, replies, there)
    relays = add_hints(bench, clients, devices)
    servers = find_servers(viewings, requests, panel_joins, addresses)
    pointers = _add_pointed(bench, servers, panels, replies, sites)
    add_token_edges(servers, routes.by_token, tokens)
    device_joins = _resolved(join_devices(devices, decided), devices.atoms)
    context = Context(requests, routes, replies, devices, device_joins, lines, panel_joins, servers, addresses, sites)
    found = watched(viewings, context)
    note_sessions(found, lines)
    note_used((w.line for w in found), lines)
    shown = found + devices_of(inferred, context)
    add_viewings(devices, shown)
    line_joins.resolve(lines)
    server_joins = _resolved(join_servers(servers, decided), servers.atoms)
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
    guide = find_programmes(
        bench, found, names, panel_joins, stated_zones(replies.accounts, panel_joins), listed, sites
    )
    bench.write(SESSION_ENTITIES, [session_row(w, resolved, things, guide) for w in shown])
    bench.write(CONTACTS, contacts())
    _write_entities(bench, resolved, offers, _count(w.device for w in shown), steps(servers, server_joins))
    _write_joins(bench, links, sites, resolved)


def _resolved(joins: Resolution, atoms: Atoms) -> Resolution:
    joins.resolve(atoms)
    return joins


def _read_clients(reader: TableReader) -> tuple[Neighbours, dict[Address, Client]]:
    """Return who sent with which link-layer address, and who asked others."""
    neighbours = read_neighbours(reader)
    return neighbours, read_clients(reader, neighbours)


def _read_told(bench: Workbench, clients: dict[Address, Client]) -> dict[Address, list[Mark]]:
    """Return what clients at shared addresses said of themselves; note what differs there."""
    note_differences(bench, clients)
    return read_marks(bench, clients)


def _read_said(bench: Workbench, there: Container[Kind]) -> Requests:
    """Return what requests, also posted and bare ones, texts and URLs in URLs say about panels and clients."""
    requests = read_requests(bench, there)
    add_forms(bench, requests)
    if BARE_ASKED in there:
        add_bare(bench, requests)
    requests.sightings += [*read_texts(bench), *read_named(bench, there), *read_probes(requests)]
    return requests


def _add_pointed(bench: Workbench, servers: Servers, panels: Atoms, replies: Replies, sites: Sites) -> list[Pointer]:
    """Return which hosts panels name for media, and add them, and at which addresses servers were asked."""
    pointers = sites.of_pointers(read_pointers(bench, replies.links))
    add_pointed(servers, panels, pointers)
    add_addresses(servers, bench, sites)
    return pointers


def _add_said(bench: Workbench, devices: Devices, requests: Requests, replies: Replies, there: Container[Kind]) -> None:
    """Add what devices say of themselves: to portals and servers, and in their own network."""
    add_claims(devices, requests.marks)
    add_device_claims(replies, devices)
    add_receivers(replies, devices)
    add_local(bench, devices, there)
    if BOX_QUERIES in there:
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
    bench.write(PANELS, _sorted(panel_row(e, offers) for e in found.panels.entities))
    bench.write(LINES, _sorted(line_row(e, found.panels) for e in found.lines.entities))
    bench.write(DEVICES, _sorted(device_row(e, watching) for e in found.devices.entities))
    servers = (e for e in found.servers.entities if e.all("roles"))
    bench.write(SERVERS, _sorted(server_row(e, parts.get(e.id, "edge")) for e in servers))


def _write_joins(bench: Workbench, links: Links, sites: Sites, found: Resolved) -> None:
    """Write links and what was joined, and the evidence for all of them and for all entities."""
    resolutions = found.panels, found.lines, found.devices, found.servers
    sites.log(found.panels, found.servers, found.lines)
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
    return " ".join(f"{plain(part)} in capture {zone(part)}" if is_apart(part) else part for part in key)


def _count(keys: Any) -> dict[Key, int]:
    total: dict[Key, int] = {}
    for key in keys:
        if key is not None:
            total[key] = total.get(key, 0) + 1
    return total
