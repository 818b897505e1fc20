"""What of a truth the recordings of a case can show: which relations, and what a cloned panel keeps of its own.

- `shown_links`: a relation that a session stands for (who streams, pulls, pushes, carries, feeds) is demanded only if
  such a session passed a recording.
- `with_copies`: a line or channel is an account or number at a panel; a panel that was cloned keeps both anew. Each
  becomes a node of its own (`ID@PANEL`), with the relations of the first, and a relation `same-as` between lines.
- `at_panels`: which names of panels lines, channels and titles go with.
- `with_streams`: under which names channels go on the way to and between servers.

Known limitations: a copy's relations hold for as long as those of what it was copied from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from .truths import stream_name

Document = Mapping[str, Any]
Link = tuple[str, str, str]  # kind, source, target

OF_SESSIONS = ("streams-from", "pulls-from", "pushes-to", "carries", "fed-by")
"""Kinds of links that sessions stand for."""
_COPIED = ("line", "channel", "title")


def _clones(document: Document) -> list[str]:
    return [node["id"] for node in document["nodes"] if node["kind"] == "panel" and "clone_of" in node]


def with_copies(document: Document) -> Document:
    """Return the truth with the lines, channels and titles that cloned panels keep as nodes of their own."""
    clones = _clones(document)
    if not clones:
        return document
    hosts = {n["id"]: [name["name"] for name in n["names"]] for n in document["nodes"] if n["kind"] == "panel"}
    first = next(panel for panel in hosts if panel not in clones)
    nodes, twins = [], defaultdict(list)
    for node in document["nodes"]:
        if node["kind"] not in _COPIED:
            nodes.append(node)
            continue
        nodes.append({**node, "kept_at": hosts[node.get("panel", first)]})
        for clone in clones:
            twin = f"{node['id']}@{clone}"
            twins[node["id"]].append(twin)
            nodes.append({**node, "id": twin, "kept_at": hosts[clone]})
    edges = list(document["edges"])
    for edge in document["edges"]:
        sources, targets = ([edge[end], *twins[edge[end]]] for end in ("source", "target"))
        edges += [
            {**edge, "source": source, "target": target}
            for source in sources
            for target in targets
            if (source, target) != (edge["source"], edge["target"])
        ]
    lines = {node["id"] for node in document["nodes"] if node["kind"] == "line"}
    for edge in document["edges"]:
        for name, copies in twins.items() if edge["kind"] == "clone-of" else ():
            if name not in lines:
                continue
            edges += [
                {**edge, "kind": "same-as", "source": name, "target": c} for c in copies if c.endswith(edge["source"])
            ]
    sessions = [_at_its_panel(session, clones) for session in document["sessions"]]
    return {**document, "nodes": nodes, "edges": edges, "sessions": sessions}


def at_panels(document: Document) -> Document:
    """Return the truth with the names of the panels at which lines, channels and titles are: others have equal ones."""
    hosts = {n["id"]: [name["name"] + (f"@{n['home']}" if "home" in n else "") for name in n.get("names", ())]
             for n in document["nodes"]}  # fmt: skip
    nodes = []
    for node in document["nodes"]:
        places = node.get("panels") or ([node["panel"]] if node["kind"] == "line" and "panel" in node else [])
        kept = [host for place in places for host in hosts.get(place, ())]
        nodes.append({**node, "kept_at": kept} if kept and "kept_at" not in node else node)
    return {**document, "nodes": nodes}


def _at_its_panel(session: Mapping[str, Any], clones: Iterable[str]) -> Mapping[str, Any]:
    panel = session.get("panel")
    if panel not in clones:
        return session
    return {**session, **{key: f"{session[key]}@{panel}" for key in ("line_id", "channel", "title") if key in session}}


def shown_links(document: Document, files: Iterable[str], left: Mapping[str, set[str]] | None = None) -> set[Link]:
    """Return the relations for which sessions in these recordings stand.

    `left` names the sessions of each recording of which something is left; None: of all of them.
    """
    files = set(files)
    owner = {ip: node["id"] for node in document["nodes"] for ip in node.get("ips", ())}
    found: set[Link] = set()
    for session in document["sessions"]:
        if not any(
            file in files and (left is None or session["id"] in left.get(file, ())) for file in session["visible_in"]
        ):
            continue
        server = session.get("edge") or next((hop.get("node", "") for hop in session["chain"][:1]), "")
        things = [session[key] for key in ("channel", "title") if key in session]
        if str(session.get("id", "")).startswith("push"):
            account = session["account"]
            found.add(("pushes-to", account, server))
            found |= {("carries", account, thing) for thing in things} | {
                ("fed-by", thing, account) for thing in things
            }
            continue
        found |= {("carries", server, thing) for thing in things}
        client = session.get("box") or owner.get(session.get("client_ip", ""), "")
        found.add(("pulls-from" if session.get("by") == "service" else "streams-from", client, server))
    return found


def with_streams(document: Document) -> Document:
    """Return the truth with the names (`streams`) that channels have in what accounts publish and servers fetch.

    So have those that viewers play by RTMP without an account: no panel gives them another.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for session in document["sessions"]:
        name = stream_name(session.get("stream"))
        goes_by_it = session.get("by") == "service" or (session.get("delivery") == "rtmp" and "line" not in session)
        if goes_by_it and "channel" in session and name:
            found[session["channel"]].add(name)
    nodes = [{**n, "streams": sorted(found[n["id"]])} if n["id"] in found else n for n in document["nodes"]]
    return {**document, "nodes": nodes}
