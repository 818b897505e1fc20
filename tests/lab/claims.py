"""What a case claims of devices, contacts and sessions beyond who they are, against the lab's truth.

    device addresses      the addresses of one device, of both IP versions, stand in one row
    device marks          its own link-layer address, and those that its lines go by; no other device's
    device kinds          what a device seems to be, where the truth judges that (`seems`); routers do not watch
    devices outside       boxes behind one address, where no recording shows them from within: told apart or not
    device clocks         by how much its clock is off
    server addresses      the addresses of one server, of both IP versions, stand in one row
    contact names         under which name a client asked a server
    contact names by dns  which of these names it had been told by its router or, over HTTPS, by a name server
    kind of session       live, vod, catchup
    programmes            what was on when catch-up was broadcast

Known limitations: of a device, marks and clock are demanded only where a recording was made within its home. A name
that a client was told counts as left only if all answers of that name server to that client are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from .matching import Expected, Score, Tally, paired, score_sets
from .truths import INSIDE, SECOND, Remains, TrueCapture

Row = dict[str, Any]
Node = Mapping[str, Any]
WATCHING = {"tv-box", "app", "player", "browser"}
CLOCK_S = 1.0
"""How far a clock may be from the true one: requests are on the way, and the lab's programs start slowly."""


# ---- devices -------------------------------------------------------------------------------------------


def insiders(document: Mapping[str, Any], captures: Mapping[str, Remains | None]) -> dict[str, list[Remains | None]]:
    """Return for each device in a home that was recorded inside what is left of these recordings."""
    points = {row["file"]: row.get("point") for row in document.get("captures", ()) if row.get("side") in INSIDE}
    found: dict[str, list[Remains | None]] = {}
    for node in document["nodes"]:
        for file, remains in captures.items() if "home" in node else ():
            if points.get(file) in (node["id"], node["home"]):
                found.setdefault(node["id"], []).append(remains)
    return found


def shows_home(remains: Remains | None) -> bool:
    """Return whether a recording of a home is still one from within: no router stands between."""
    return remains is None or not {"nat", "pppoe"} & remains.facts.keys()


def present(node: Node, remains: Remains) -> bool:
    """Return whether any payload from or to a device is left."""
    return any(map(remains.server_seen, node.get("ips", ())))


def _seen(node: Node, views: Iterable[Remains | None]) -> set[str]:
    """Return the addresses of a node, as they now are, of which payload is left."""
    return {remains.address(ip) if remains else ip for remains in views for ip in node.get("ips", ())
            if shows_home(remains) and (remains is None or remains.server_seen(ip))}  # fmt: skip


def score_devices(document: Mapping[str, Any], captures: Mapping[str, Remains | None], rows: Iterable[Row],
                  taken: Mapping[str, str], wanted: set[str]) -> Score:  # fmt: skip
    """Return tallies of what is said of devices; `taken` says which node each row answers, `wanted` who is demanded."""
    nodes = {n["id"]: n for n in document["nodes"] if n["kind"] in ("box", "bystander", "router")}
    inside = insiders(document, captures)
    answers = [(nodes[taken[row["device_id"]]], row) for row in rows if taken.get(row["device_id"]) in nodes]
    demanded = [nodes[name] for name in sorted(wanted & nodes.keys()) if name in inside]
    seen = [remains for remains in captures.values() if remains is not None]
    return {
        "device addresses": _addresses(answers, demanded, inside, seen),
        "device marks": _marks(document, answers, demanded, inside),
        "device kinds": _kinds(answers, demanded),
        "device clocks": _clocks(document, answers, demanded, inside),
        "devices outside": _outside(document, captures, list(rows), taken),
    }


def _outside(document: Mapping[str, Any], captures: Mapping[str, Remains | None], rows: list[Row],
             taken: Mapping[str, str]) -> Tally:  # fmt: skip
    """Return the tally of boxes that no recording shows from within, against the devices found at their address."""
    boxes = {n["id"]: n for n in document["nodes"] if n["kind"] == "box" and "public_ip" in n}
    within = {name for name, views in insiders(document, captures).items() if any(map(shows_home, views))}
    seen = [s for s in document["sessions"] if s.get("by") == "user" and captures.keys() & set(s["visible_in"])]
    wanted = {s["box"] for s in seen if s["box"] in boxes} - within
    ips = {boxes[name]["public_ip"] for name in wanted}
    public = {view.address(ip) if view else ip for view in captures.values() for ip in ips}
    homes = {
        n["id"] for n in document["nodes"] if n["kind"] == "home"
    }  # rightly found, where nothing tells boxes apart
    found = [row for row in rows if taken.get(row["device_id"]) not in homes and (taken.get(row["device_id"]) in wanted
             or {ip.partition("@")[0] for ip in row["ips"]} & public)]  # fmt: skip
    right = {taken[row["device_id"]] for row in found if taken.get(row["device_id"]) in wanted}
    false = [row["device_id"] for row in found if taken.get(row["device_id"]) not in wanted]
    return Tally(len(wanted), len(found), len(right), missed=sorted(wanted - right), false=false)


def _addresses(answers: list[tuple[Node, Row]], demanded: list[Node], inside: Mapping[str, list[Remains | None]],
               seen: list[Remains]) -> Tally:  # fmt: skip
    found, allowed = set(), set()
    for node, row in answers:
        found |= {(node["id"], ip.partition("@")[0]) for ip in row["ips"]}
        own = [*node.get("ips", ()), *([node["public_ip"]] if "public_ip" in node else [])]
        allowed |= {(node["id"], view.address(ip)) for view in seen for ip in own} | {(node["id"], ip) for ip in own}
    true = {(node["id"], ip) for node in demanded for ip in _seen(node, inside[node["id"]])}
    return score_sets(true | (found & allowed), found)


def _marks(document: Mapping[str, Any], answers: list[tuple[Node, Row]], demanded: list[Node],
           inside: Mapping[str, list[Remains | None]]) -> Tally:  # fmt: skip
    lines = {n["id"]: n["portal_mac"].lower() for n in document["nodes"] if n["kind"] == "line" and "portal_mac" in n}
    uses = {(e["source"], lines[e["target"]]) for e in document["edges"] if e["kind"] == "uses-line" and
            e["target"] in lines}  # fmt: skip
    found, allowed = set(), set(uses)
    for node, row in answers:
        found |= {(node["id"], mac.lower()) for mac in (*(row.get("macs") or ()), *(row.get("claimed_macs") or ()))}
        allowed |= {(node["id"], mac.lower()) for mac in (*node.get("claims", ()), node.get("mac", "")) if mac}
    true = {(node["id"], node["mac"].lower()) for node in demanded
            if "mac" in node and _own(node, inside[node["id"]])}  # fmt: skip
    return score_sets(true | (found & allowed), found)


def _own(node: Node, views: Iterable[Remains | None]) -> bool:
    """Return whether frames of a device still show its own link-layer address."""
    return any(shows_home(remains) and (remains is None or present(node, remains)) for remains in views)


def _kinds(answers: list[tuple[Node, Row]], demanded: list[Node]) -> Tally:
    tally = Tally(true=sum("seems" in node for node in demanded))
    for node, row in answers:
        kind = row.get("kind")
        if kind is None or not ("seems" in node or node["kind"] == "router"):
            continue
        fits = kind in node["seems"] if "seems" in node else kind not in WATCHING
        if node["kind"] == "router" and fits:
            continue
        tally.found += 1
        tally.right += fits
        tally.false += [] if fits else [f"{node['id']} {kind}"]
    tally.true += max(0, tally.right - tally.true)
    kinded = {node["id"] for node, row in answers if row.get("kind")}
    tally.missed = [node["id"] for node in demanded if "seems" in node and node["id"] not in kinded]
    return tally


def _clocks(document: Mapping[str, Any], answers: list[tuple[Node, Row]], demanded: list[Node],
            inside: Mapping[str, list[Remains | None]]) -> Tally:  # fmt: skip
    asked = {row["node"]: row["offset_s"] for row in document.get("clocks", ()) if row.get("asked")}
    span = document.get("recorded", {})
    times = [span[end] for end in ("start", "end") if end in span]
    seen = [view for views in inside.values() for view in views if view is not None]
    shifts = [view.shown(round(t * SECOND)) / SECOND - t for view in seen for t in times] or [0.0]
    demanded = [node for node in demanded if node["id"] in asked and _own(node, inside[node["id"]])]
    tally = Tally(true=len(demanded))
    told = set()
    for node, row in answers:
        if row.get("clock_offset_s") is None:
            continue
        told.add(node["id"])
        off = row["clock_offset_s"] - asked.get(node["id"], 0.0)
        fits = min(-s for s in shifts) - CLOCK_S <= off <= max(-s for s in shifts) + CLOCK_S
        tally.found += 1
        tally.right += fits
        tally.false += [] if fits else [f"{node['id']} {row['clock_offset_s']}"]
    tally.true = max(tally.true, tally.right)
    tally.missed = [node["id"] for node in demanded if node["id"] not in told]
    return tally


# ---- servers -------------------------------------------------------------------------------------------


def behind(node: Node) -> list[str]:
    """Return what a reverse proxy stands before; nothing for other nodes."""
    return [node["fronts"], *node.get("also", ())] if "fronts" in node else []


def score_server_addresses(document: Mapping[str, Any], captures: Mapping[str, Remains | None], rows: Iterable[Row],
                           taken: Mapping[str, str], wanted: set[str]) -> Score:  # fmt: skip
    """Return the tally of the addresses of servers; those are demanded at which any client is left."""
    nodes = {node["id"]: node for node in document["nodes"] if node.get("ips")}
    views = [remains for remains in captures.values() if remains is not None]
    before = [(name, ip) for node in nodes.values() for name in behind(node) for ip in node["ips"]]
    at = [*before, *((name, ip) for name, node in nodes.items() for ip in node["ips"])]
    own = {(name, view.address(ip)) for name, ip in at for view in views}
    shown = {(name, view.address(ip)) for name in wanted & nodes.keys() for ip in nodes[name]["ips"] for view in views
             if view.server_seen(ip)}  # fmt: skip
    found = {(taken[row["server_id"]], ip) for row in rows if taken.get(row["server_id"]) in nodes for ip in row["ips"]}
    return {"server addresses": score_sets(shown | (found & own), found)}


# ---- contacts ------------------------------------------------------------------------------------------


def score_contacts(capture: TrueCapture, remains: Remains, rows: Iterable[Row]) -> Score:
    """Return tallies of the names by which clients reached servers; only servers of the truth are judged."""
    document = capture.document
    named = _names_at(document, remains)
    asked = {(c.client, c.server, host) for c in capture.contacts
             if (host := urlsplit(c.url).hostname or "") and _is_name(host) and remains.answer(c) > 0}  # fmt: skip
    true = {(remains.address(client), remains.address(server), host) for client, server, host in asked}
    judged = [row for row in rows if row["server_ip"] in named]
    found = {(row["client_ip"], row["server_ip"], name) for row in judged for name in row.get("names") or ()}
    right = {claim for claim in found if claim[2] in named[claim[1]]}
    score = {"contact names": score_sets(true | right, found)}
    if capture.home and "names" in document:
        by_dns = _told_by_dns(document, remains, asked)
        found = {(row["client_ip"], row["server_ip"], name) for row in judged for name in row.get("dns_names") or ()}
        score["contact names by dns"] = score_sets(by_dns | {c for c in found if c[2] in named[c[1]]}, found)
    return score


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _names_at(document: Mapping[str, Any], remains: Remains) -> dict[str, set[str]]:
    """Return the names under which each server's address may be reached."""
    names = {n["id"]: {name["name"] for name in n["names"]} for n in document["nodes"] if "names" in n}
    found: dict[str, set[str]] = {}
    for node in document["nodes"]:
        own = set().union(*(names.get(name, set()) for name in behind(node) or [node["id"]]))
        for ip in node.get("ips", ()) if own else ():
            found.setdefault(remains.address(ip), set()).update(own)
    return found


def _told_by_dns(document: Mapping[str, Any], remains: Remains, asked: set[tuple[str, str, str]]) -> set[Any]:
    ips = {ip: node["id"] for node in document["nodes"] if node["kind"] == "box" for ip in node["ips"]}
    own = {node.get("home", node["id"]): node["ips"] for node in document["nodes"]
           if node["kind"] in ("router", "resolver")}  # fmt: skip
    told = {(row["box"], row["ip"], row["name"]): row for row in document["names"]}
    found = set()
    for client, server, host in asked:
        row = told.get((ips.get(client, ""), server, host))
        moved = row and any(remains.address(ip) != ip for ip in (server, client))
        if row is None or moved:  # names resolve to addresses as they were
            continue
        port = 53 if "asked_from" in row else 443
        boxes = [row["asked_from"]] if port == 53 else [ip for ip, box in ips.items() if box == row["box"]]
        if any(remains.all_kept(box, ip, port) for box in boxes for ip in own.get(row["by"], ())):
            found.add((remains.address(client), remains.address(server), host))
    return found


# ---- sessions ------------------------------------------------------------------------------------------


def score_kinds(wanted: list[Expected], rows: list[Row]) -> Score:
    """Return tallies of what sessions are said to be, among those that were found, and of programmes of the past."""
    kinds, programmes = Tally(), Tally()
    for place, number in paired(wanted, rows):
        true, row = wanted[place].session, rows[number]
        kinds.true += 1
        if row.get("kind"):
            kinds.found += 1
            kinds.right += row["kind"] == true.kind
            kinds.false += [] if row["kind"] == true.kind else [f"{true.name} {true.kind}: {row['kind']}"]
        else:
            kinds.missed.append(f"{true.name} {true.kind}")
        if true.programmes:
            told = set(row.get("programmes") or ())
            programmes.true += len(true.programmes)
            programmes.found += len(told)
            programmes.right += len(told & true.programmes)
            programmes.missed += sorted(true.programmes - told)
            programmes.false += sorted(told - true.programmes)
    return {name: t for name, t in (("kind of session", kinds), ("programmes", programmes)) if t.true or t.found}
