"""Media addresses at the panel: each is answered with a redirect to an edge, whose address holds a token.

    /live|movie|series/USER/PASSWORD/ID[.EXT]     /USER/PASSWORD/ID[.EXT]      /live|movie/LINE-TOKEN/ID.EXT
    /timeshift/USER/PASSWORD/MINUTES/START/ID.EXT     /timeshifts/USER/PASSWORD/MINUTES/ID/START.EXT
    /streaming/timeshift.php?username&password&stream&start&duration     ?utc=SECONDS on a live address
    /play/TOKEN[/EXT]     /thumb/USER/PASSWORD/ID     /subtitle/USER/PASSWORD/SUBTITLE/ID

The log says `session` (the uuid in the token), by which an edge's rows are joined.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from .config import Edge, Line
from .service import Panel
from .tokens import proxy_prefix
from .web import Reply, Request, not_found, redirect

NAMED = re.compile(r"^/(live|movie|series)/([^/]+)/([^/]+)/(\d+)(?:\.(\w+))?$")
BARE = re.compile(r"^/([^/]+)/([^/]+)/(\d+)(?:\.(\w+))?$")
TOKENED = re.compile(r"^/(live|movie|series)/([0-9A-Fa-f]{32})/(\d+)\.(\w+)$")
SHIFT = re.compile(r"^/timeshift/([^/]+)/([^/]+)/(\d+)/([^/]+)/(\d+)\.(\w+)$")
SHIFTS = re.compile(r"^/timeshifts/([^/]+)/([^/]+)/(\d+)/(\d+)/([^/]+)\.(\w+)$")
PLAY = re.compile(r"^/play/([A-Za-z0-9_-]+)(?:/(\w+))?$")
THUMB = re.compile(r"^/thumb/([^/]+)/([^/]+)/(\d+)$")
SUBTITLE = re.compile(r"^/subtitle/([^/]+)/([^/]+)/(\d+)/(\d+)$")
EXPIRE_S = 5


@dataclass(frozen=True)
class Wish:
    """What a media address asks for."""

    kind: str
    item: int
    extension: str = ""
    username: str | None = None
    password: str | None = None
    start: float = 0
    minutes: int = 0


def wish(panel: Panel, request: Request) -> Wish | None:
    """Return what a media address asks for; None if it is none."""
    path, query = request.path, request.query
    if match := SHIFT.match(path):
        user, word, minutes, start, item, extension = match.groups()
        return _shift(panel, Wish("timeshift", int(item), extension, user, word, minutes=int(minutes)), start)
    if match := SHIFTS.match(path):
        user, word, minutes, item, start, extension = match.groups()
        return _shift(panel, Wish("timeshift", int(item), extension, user, word, minutes=int(minutes)), start)
    if path == "/streaming/timeshift.php" and query.get("stream", "").isdigit() and query.get("duration", "").isdigit():
        told = Wish("timeshift", int(query["stream"]), query.get("extension", "ts"), minutes=int(query["duration"]))
        return _shift(panel, told, query.get("start", ""))
    if match := PLAY.match(path):
        return _play(panel, *match.groups())
    if match := THUMB.match(path):
        return Wish("thumb", int(match[3]), "jpg", match[1], match[2])
    if match := SUBTITLE.match(path):
        return Wish("subtitle", int(match[4]), "srt", match[1], match[2])
    found = None
    if match := TOKENED.match(path):
        request.said["line_token"] = match[2]
        found = Wish(match[1], int(match[3]), match[4], "", match[2])
    elif match := NAMED.match(path):
        found = Wish(match[1], int(match[4]), match[5] or "", match[2], match[3])
    elif match := BARE.match(path):
        kind = "live" if int(match[3]) in panel.catalogue.channels else "movie"
        found = Wish(kind, int(match[3]), match[4] or "", match[1], match[2])
    if found and found.kind == "live" and query.get("utc", "").isdigit():
        return replace(found, kind="timeshift", start=int(query["utc"]), minutes=60)
    return found


def _shift(panel: Panel, told: Wish, start: str) -> Wish | None:
    for form in ("%Y-%m-%d:%H-%M", "%Y-%m-%d_%H-%M", "%Y-%m-%d %H:%M:%S"):
        try:
            when = datetime.strptime(start, form).replace(tzinfo=panel.config.zone)
        except ValueError:
            continue
        return replace(told, start=when.timestamp())
    return replace(told, start=int(start)) if start.isdigit() else None


def _play(panel: Panel, token: str, extension: str | None) -> Wish | None:
    parts = (panel.vault.open(token) or "").removeprefix("ministra::").split("/")
    if len(parts) < 4 or parts[0] not in ("live", "movie", "series", "thumb") or not parts[3].isdigit():
        return None
    return Wish(parts[0], int(parts[3]), extension or (parts[4] if len(parts) > 4 else ""), parts[1], parts[2])


def answer(panel: Panel, request: Request, told: Wish) -> Reply:
    """Return the redirect to an edge; to a login that fails, the padded 404 of nginx."""
    request.said |= {"did": f"redirect:{told.kind}", **panel.catalogue.said(told.item)}
    if told.username == "" and told.password:
        line = panel.told(request, next((x for x in panel.config.lines if x.token == told.password), None))
    else:
        line = panel.login(request, told.username, told.password)
    channel = panel.catalogue.channels.get(told.item)
    known = channel is not None if told.kind in ("live", "timeshift", "thumb") else panel.catalogue.container(told.item)
    edge = panel.edge_for(told.item, line) if line and known else None
    if line and edge and panel.status(line) in panel.config.substitutes and told.kind == "live":
        request.said |= {"auth": False, "edge": edge.name, "substitute": panel.status(line)}
        return redirect(substitute(panel, line, edge, told), panel.config.redirect)
    if line is None or edge is None or panel.status(line) != "Active" or _full(panel, line, told):
        request.said["auth"] = False
        return not_found()
    request.said |= {"auth": True, "edge": edge.name}
    location = address(panel, request, line, edge, told)
    return redirect(location, panel.config.redirect, ("Access-Control-Allow-Origin", "*"))


def _full(panel: Panel, line: Line, told: Wish) -> bool:
    """Return whether the line already has as many connections as it may; known only where edges are asked."""
    return told.kind in ("live", "movie", "series") and panel.active.get(line.key, 0) >= line.max_connections > 0


def base_of(panel: Panel, edge: Edge) -> str:
    """Return the address of an edge, with the prefix of the proxy before it."""
    default = edge.port == (443 if edge.protocol == "https" else 80)
    prefix = f"/{proxy_prefix(panel.config.secret, edge.name)}" if edge.proxy else ""
    return f"{edge.protocol}://{edge.host}{'' if default else f':{edge.port}'}{prefix}"


def substitute(panel: Panel, line: Line, edge: Edge, told: Wish) -> str:
    """Return the address of the film that a line is shown instead of the channel, because it is over or blocked."""
    what = {"stream_id": told.item, "username": line.username, "password": line.password, "extension": "ts",
            "show": panel.status(line)}  # fmt: skip
    return f"{base_of(panel, edge)}/auth/{panel.vault.seal_json(what)}"


def address(panel: Panel, request: Request, line: Line, edge: Edge, told: Wish) -> str:
    """Return the address at an edge."""
    base, session, now = base_of(panel, edge), uuid.uuid4().hex, int(panel.clock())
    request.said["session"] = session
    extension = told.extension or panel.catalogue.container(told.item) or "ts"
    if edge.address != "token" and told.kind in ("live", "movie", "series"):
        where = f"{told.kind}/{line.username}/{line.password}" if edge.address == "path" else "s"
        return f"{base}/{where}/{told.item}.{extension}"
    if told.kind in ("thumb", "subtitle"):
        what = {"stream_id": told.item, "expires": now + EXPIRE_S, "session_id": session}
        return f"{base}/{'thauth' if told.kind == 'thumb' else 'subauth'}/{panel.vault.seal_json(what)}"
    if told.kind == "timeshift":
        what = {"stream": told.item, "username": line.username, "password": line.password, "extension": extension,
                "start": int(told.start), "duration": told.minutes, "uuid": session}  # fmt: skip
        return f"{base}/tsauth/{panel.vault.seal_json(what)}"
    number = 1 + [e.name for e in panel.config.edges].index(edge.name)
    what = {
        "stream_id": told.item, "username": line.username, "password": line.password, "extension": extension,
        "pid": 1000 + told.item % 30000,
        "channel_info": {"redirect_id": number, "originator_id": None, "pid": 1000 + told.item % 30000, "on_demand": 0},
        "user_info": {"id": line.id, "max_connections": line.max_connections, "pair_id": None, "con_isp_name": None,
                      "is_restreamer": int(line.restreamer)},
        "country_code": "", "activity_start": now, "external_device": "", "video_codec": "h264", "uuid": session,
    }  # fmt: skip
    token = panel.vault.seal_json(what)
    if told.kind != "live":
        return f"{base}/vauth/{token}"
    if edge.cdn and extension == "m3u8":
        return f"{base}/auth/{told.item}.m3u8?token={token}"
    return f"{base}/auth/{token}"
