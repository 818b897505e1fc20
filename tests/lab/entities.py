"""Entities and links that a case claims, against the nodes and edges of the lab's truth.

A true node and a found row are the same if they share an alias: `line:USER:PASSWORD`, `mac:...`, `ip:...`, `host:...`,
`channel:ID`, `name:...`. Each found row answers at most one node and each node one row, so an entity reported twice
counts as one right and one wrong. A claimed link is right if an edge of its kind joins the nodes that its two ends
answer (an entity that was reported twice may be an end under both its ids), and (where the link says when) their times
overlap by 1 s at least to either side.

A case holds all recordings of one truth, so entities are scored once for all of them. Tables that a case does not have
are left out of the score.

Known limitations: only nodes of which a session in the scored recordings tells are demanded (boxes, lines, panels,
edges, titles and accounts that were used, channels that were watched); a link is demanded if both its ends are, one of
those that sessions stand for (`demanded`) if such a session passed a recording.
Outside a home its boxes cannot be told apart for certain: there the home's public address stands for a device, and what
is true of a box is true of its home. Of several devices found at that address each stands for the box with whose lines
it agrees best: the line is what told them apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from .claims import behind, insiders, present, score_devices, score_server_addresses, shows_home
from .demanded import OF_SESSIONS, at_panels, shown_links, with_copies, with_streams
from .matching import Score, Tally
from .truths import SECOND, Remains

Row = dict[str, Any]
Node = Mapping[str, Any]
Alike = Mapping[tuple[str, str], int]
KINDS = {
    "lines": ("line",),
    "devices": ("box", "bystander", "home", "router"),  # and, if found, NOT_DEMANDED
    "panels": ("panel", "listing"),
    "channels": ("channel",),
    "titles": ("title",),
    "servers": ("panel", "cdn", "edge", "head-end"),  # and, if found, OTHER_SERVERS
    "origin_accounts": ("origin-account",),
}
"""Tables of entities, and the kinds of nodes that their rows stand for."""
NOT_DEMANDED = ("home", "router", "listing")
"""What is rightly found, but not demanded: boxes behind one address may be told apart, routers say little, and who
gives a list may be held to be a panel, or not."""
OTHER_SERVERS = ("operator", "origin-account", "encoder", "update", "proxy-hub", "web-player", "shortener", "resolver",
                 "clock", "listing")  # fmt: skip
"""Servers that are rightly found, but not demanded: nothing says that they belong to the service."""
IDS = {"devices": "device_id", "lines": "line_id", "panels": "panel_id", "channels": "channel_id", "titles": "title_id",
       "servers": "server_id", "origin_accounts": "account_id"}  # fmt: skip
LINKS = ("uses-line", "logs-in", "redirects-to", "streams-from", "pulls-from", "pushes-to", "carries", "fed-by",
         "same-encode", "same-as")  # fmt: skip
"""Kinds of links that a truth tells of."""
STRENGTHS = ("conclusive", "strong", "supporting", "lead")


def _texts(value: Any) -> list[str]:
    if value is None or isinstance(value, float):
        return []
    if isinstance(value, str):
        return [value] if value else []
    return [str(v) for v in value] if isinstance(value, Iterable) else [str(value)]


def node_aliases(node: Node, remains: Remains | None = None) -> set[str]:
    """Return the names by which a true node may be recognised."""
    found = _own_aliases(node, remains)
    return found | {f"{alias} at {host}" for alias in found for host in node.get("kept_at", ())}


def _own_aliases(node: Node, remains: Remains | None) -> set[str]:
    found: set[str] = set()
    kind = node["kind"]
    if kind == "line":
        if "username" in node:
            found.add(f"line:{node['username']}:{node.get('password', '')}")
        if "portal_mac" in node:
            found.add(f"mac:{node['portal_mac'].lower()}")
        return found
    if kind in ("channel", "title"):
        if "stream_id" in node:
            found.add(f"stream:{node['stream_id']}")
        if "name" in node:
            found |= {f"name:{node['name']}"} | (set() if "stream_id" in node else {f"stream:{node['name']}"})
        streams = node.get("streams", ())
        return found | {f"stream:{remains.stream(name) if remains else name}" for name in streams}
    if kind == "origin-account":
        found |= {f"subject:{node['subject']}"} if "subject" in node else set()
    if kind == "home":
        public = node.get("public_ip", "")
        return {f"ip:{remains.address(public) if remains else public}"}
    if kind == "panel" and "home" in node:
        found |= {f"ip:{ip}@{node['home']}" for ip in node["ips"]}
    elif kind != "panel":  # panels may share an address behind a reverse proxy
        addresses = {remains.address(ip) if remains else ip for ip in node.get("ips", [])}
        found |= {f"ip:{ip}" for ip in addresses} | {f"ip:{ip}@{node['home']}" for ip in addresses if "home" in node}
    if kind == "box" and "public_ip" in node:  # from outside, where a line may tell it apart
        found.add(f"ip:{remains.address(node['public_ip']) if remains else node['public_ip']}")
    within = (
        f"@{node['home']}" if kind == "panel" and "home" in node else ""
    )  # its name, an address, is in other homes, too
    found |= {f"host:{name['name']}{within}" for name in node.get("names", [])}
    found |= {f"mac:{node['mac'].lower()}"} if "mac" in node else set()
    found |= {f"serial:{node['serial']}"} if "serial" in node else set()
    return found


def row_aliases(table: str, row: Row) -> set[str]:
    """Return the names by which a found entity goes."""
    found = _row_aliases(table, row)
    if table not in ("lines", "channels", "titles"):
        return found | {f"{alias}@{home}" for alias in found for home in row.get("homes", ())}
    hosts = _texts(row.get("panel_host"))
    hosts += [f"{host}@{home}" for host in hosts for home in row.get("homes", ())]
    return found | {f"{alias} at {host}" for alias in found for host in hosts}


def _row_aliases(table: str, row: Row) -> set[str]:
    if table == "lines":
        users = {f"line:{user}:{row.get('password') or ''}" for user in _texts(row.get("username"))}
        return users | {f"mac:{mac.lower()}" for mac in _texts(row.get("mac"))}
    if table in ("channels", "titles"):
        return {f"stream:{s}" for s in _texts(row.get("stream_id"))} | {f"name:{n}" for n in _texts(row.get("name"))}
    if table == "origin_accounts":
        return {f"subject:{s}" for s in _texts(row.get("subject"))}
    found = {f"host:{host}" for host in _texts(row.get("host"))}
    if table != "panels":
        found |= {f"ip:{ip}" for ip in _texts(row.get("ips"))}
    found |= {f"mac:{mac.lower()}" for mac in _texts(row.get("macs"))}
    return found | {f"serial:{s}" for s in _texts(row.get("serial"))}


def used_nodes(document: Mapping[str, Any], file: str, remains: Remains | None = None) -> set[str]:
    """Return the ids of the nodes of which the sessions in a recording tell."""
    sides = {capture["file"]: capture.get("side", "box") for capture in document.get("captures", [])}
    inside = sides.get(file, "box") in ("box", "home")
    home_of = {node["id"]: node.get("home", "") for node in document["nodes"] if node["kind"] == "box"}
    bystanders = {node["id"]: node for node in document["nodes"] if node["kind"] == "bystander"}
    used: set[str] = set()
    for session in document["sessions"]:
        if file in session["visible_in"]:
            keys = ("line_id", "title", "panel", "edge", "account")
            keys = keys if session.get("by") == "service" else (*keys, "channel")
            used |= {session[key] for key in keys if key in session}
            used |= {session["box"] if inside else home_of[session["box"]]} if "box" in session else set()
            used |= {hop["node"] for hop in session["chain"] if "node" in hop}
    for name, views in insiders(document, {file: remains}).items():
        if name in bystanders and shows_home(views[0]) and (remains is None or present(bystanders[name], remains)):
            used.add(name)
    if remains is None:
        return used
    servers = {n["id"]: {*n["ips"]} for n in document["nodes"] if n["kind"] in KINDS["servers"] and n.get("ips")}
    for node in document["nodes"]:
        for name in behind(node):
            servers[name] |= servers[node["id"]]  # what stands behind a reverse proxy is asked at its address
    return {n for n in used if n not in servers or any(map(remains.server_seen, servers[n]))}


def _alike(document: Mapping[str, Any], links: Iterable[Row], stands_for: Mapping[str, str]) -> Alike:
    """Return how many lines a found device and a true box have in common: this tells apart boxes at one address."""
    uses = {(edge["source"], edge["target"]) for edge in document["edges"] if edge["kind"] == "uses-line"}
    found: dict[tuple[str, str], int] = defaultdict(int)
    for link in links:
        line = stands_for.get(link["target"]) if link["kind"] == "uses-line" else None
        for box in (box for box, used in uses if used == line):
            found[link["source"], box] += 1
    return found


def _shared(
    nodes: Iterable[Node], table: str, rows: Iterable[Row], seen: Iterable[Remains], alike: Alike
) -> list[tuple[int, int, str, str]]:
    """Return how many aliases and lines rows and nodes share (negative), row's id, node's id; best first."""
    views: tuple[Remains | None, ...] = tuple(seen) or (None,)
    kinds = {*KINDS[table], *(OTHER_SERVERS if table == "servers" else ())}
    names = {node["id"]: set().union(*(node_aliases(node, remains) for remains in views)) for node in nodes
             if node["kind"] in kinds}  # fmt: skip
    pairs = []
    for row in rows:
        aliases = row_aliases(table, row)
        entity = str(row[IDS[table]])
        pairs += [(-len(aliases & own), -alike.get((entity, node), 0), entity, node)
                  for node, own in names.items() if aliases & own]  # fmt: skip
    return sorted(pairs)


def answered(nodes: Iterable[Node], table: str, rows: Iterable[Row], seen: Iterable[Remains] = (),
             alike: Alike | None = None) -> dict[str, str]:  # fmt: skip
    """Return for each found entity (its id) the true node that it stands for; the most shared aliases go first."""
    taken: dict[str, str] = {}
    for *_, entity, node in _shared(nodes, table, rows, seen, alike or {}):
        if entity not in taken and node not in taken.values():
            taken[entity] = node
    return taken


def _ends(nodes: Iterable[Node], table: str, rows: Iterable[Row], seen: Iterable[Remains],
          alike: Alike) -> dict[str, str]:  # fmt: skip
    """Return for each found entity the node that a link to it means, also where others stand for the same node."""
    best: dict[str, str] = {}
    for *_, entity, node in _shared(nodes, table, rows, seen, alike):
        best.setdefault(entity, node)
    return best


def score_entities(document: Mapping[str, Any], captures: Mapping[str, Remains | None],
                   tables: Mapping[str, list[Row]], left: Mapping[str, set[str]] | None = None) -> Score:  # fmt: skip
    """Return a tally per table of entities, and per kind and claimed strength of links, of one case.

    `left` names the sessions of each recording of which something is left; None: of all of them.
    """
    document = with_streams(at_panels(with_copies(document)))
    showing = {file: remains for file, remains in captures.items() if left is None or left.get(file, {file})}
    used = set().union(*(used_nodes(document, file, remains) for file, remains in showing.items()))
    seen = [remains for remains in captures.values() if remains is not None]
    nodes = {node["id"]: node for node in document["nodes"]}
    score: Score = {}
    stands_for: dict[str, str] = {}
    for table, kinds in KINDS.items():
        if table not in tables:
            continue
        rows = tables[table]
        if table in ("channels", "titles"):  # a panel tells its whole catalogue; what was watched is claimed
            rows = [row for row in rows if row.get("watched")]
        alike = _alike(document, tables.get("links", ()), stands_for) if table == "devices" else {}
        taken = answered(document["nodes"], table, rows, seen, alike)
        stands_for |= _ends(document["nodes"], table, tables[table], seen, alike) | taken
        demanded = [n["id"] for n in document["nodes"] if n["kind"] in kinds and n["kind"] not in NOT_DEMANDED]
        wanted = used & set(demanded)
        if table == "servers" and seen:  # behind a reverse proxy it is one server with that
            wanted = {n for n in wanted if any(view.server_seen(ip) for view in seen for ip in nodes[n]["ips"])}
        score[table] = Tally(
            len(wanted | set(taken.values())), len(rows), len(taken), missed=sorted(wanted - set(taken.values())),
            false=[_told(table, row) for row in rows if str(row[IDS[table]]) not in taken],
        )  # fmt: skip
        if table == "devices":
            score |= score_devices(document, showing, rows, taken, wanted)
        if table == "servers" and seen:
            score |= score_server_addresses(document, captures, rows, taken, wanted)
    if "links" in tables:
        shown = shown_links(document, captures, left)
        score |= _score_links(document, tables["links"], stands_for, used, seen, shown)
    return score


def _told(table: str, row: Row) -> str:
    return " ".join([str(row[IDS[table]]), *sorted(row_aliases(table, row))])


def _score_links(document: Mapping[str, Any], rows: list[Row], stands_for: Mapping[str, str], used: set[str],
                 seen: Iterable[Remains], shown: set[tuple[str, str, str]]) -> Score:  # fmt: skip
    home_of = {node["id"]: node["home"] for node in document["nodes"] if node["kind"] == "box" and "home" in node}
    edges: dict[tuple[str, str, str], list[list[float]]] = defaultdict(list)
    score: Score = defaultdict(Tally)
    wanted: set[tuple[str, str, str]] = set()
    for edge in document["edges"]:
        kind, source, target = edge["kind"], edge["source"], edge["target"]
        demanded = source in used and target in used if kind not in OF_SESSIONS else (kind, source, target) in shown
        if (kind, source, target) not in edges and demanded and kind in LINKS:
            score[f"link {kind}"].true += 1
            wanted.add((kind, source, target))
        edges[kind, source, target] += _shown(edge["intervals"], seen)
    for (kind, source, target), intervals in list(edges.items()):
        if source in home_of:  # what its public address does
            edges[kind, home_of[source], target] += intervals
    reached: set[tuple[str, str, str]] = set()
    for row in rows:
        if row["kind"] not in LINKS:
            continue
        name = (row["kind"], stands_for.get(row["source"], ""), stands_for.get(row["target"], ""))
        right = _in_time(row, edges.get(name, [])) or (row["kind"] == "same-as" and "" != name[1] == name[2])
        if not right:
            ends = (f"{row[end]} ({stands_for.get(row[end], '?')})" for end in ("source", "target"))
            score[f"link {row['kind']}"].false.append(f"{' -> '.join(ends)}: {row.get('why')}")
        for label in (f"link {row['kind']}", f"links claimed {row['strength']}"):
            score[label].found += 1
            score[label].right += right and not (label.startswith("link ") and name in reached)
        if right:
            reached.add(name)
    for name in reached - wanted:  # right beyond what is demanded, as with entities
        score[f"link {name[0]}"].true += 1
    for name in sorted(wanted - reached):
        score[f"link {name[0]}"].missed.append(f"{name[1]} -> {name[2]}")
    return dict(score)


def _shown(intervals: list[list[float]], seen: Iterable[Remains]) -> list[list[float]]:
    """Return intervals as the recorders' clocks show them."""
    clocks = [remains.shown for remains in seen]
    if not clocks:
        return intervals
    return [sorted(clock(round(time * SECOND)) / SECOND for time in pair) for pair in intervals for clock in clocks]


def _in_time(row: Row, intervals: list[list[float]]) -> bool:
    first, last = row.get("first_ns"), row.get("last_ns")
    if not isinstance(first, int) or not isinstance(last, int):
        return bool(intervals)
    return any(first <= end * SECOND + SECOND and last >= start * SECOND - SECOND for start, end in intervals)
