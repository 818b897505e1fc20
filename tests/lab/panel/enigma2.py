"""enigma2.php (menus as XML) and xplugin.php (the panel's plugin with remote commands) for Enigma2 receivers."""

from __future__ import annotations

import hashlib
import random
from xml.sax.saxutils import escape

from .config import Channel, Line
from .guide import programmes
from .player_api import base64_text, icon
from .service import Panel, reply_json
from .web import Reply, Request

WATCHDOG_S = (60, 70)


class Menu:
    """An `<items>` document."""

    def __init__(self, panel: Panel, request: Request, line: Line, name: str) -> None:
        self.base = panel.base_url(request)
        self.call = f"{self.base}/enigma2.php?username={line.username}&password={line.password}"
        self.secret = f"{line.username}/{line.password}"
        self.rows = [f"<playlist_name>{escape(name)}</playlist_name><category><category_id>1</category_id>"
                     f"<category_title>{escape(name)}</category_title></category>"]  # fmt: skip

    def folder(self, title: str, about: str, number: int, call: str) -> None:
        """Add a menu."""
        self.rows.append(
            f"<channel><title>{base64_text(title)}</title><description>{base64_text(about)}</description>"
            f"<category_id>{number}</category_id><playlist_url><![CDATA[{self.call}&type={call}]]></playlist_url></channel>"
        )

    def stream(self, title: str, about: str, image: str, number: int, path: str) -> None:
        """Add something to watch."""
        kind, _, name = path.partition("/")
        self.rows.append(
            f"<channel><title>{base64_text(title)}</title><description>{base64_text(about)}</description>"
            f"<desc_image><![CDATA[{image}]]></desc_image><category_id>{number}</category_id>"
            f"<stream_url><![CDATA[{self.base}/{kind}/{self.secret}/{name}]]></stream_url></channel>"
        )

    def reply(self) -> Reply:
        """Return the document."""
        text = '<?xml version="1.0"?>\n<items>' + "".join(self.rows) + "</items>\n"
        return Reply(text.encode(), "application/xml; charset=utf-8", compress=True, program=True)


def answer(panel: Panel, request: Request, line: Line | None) -> Reply:
    """Return the reply to a call of enigma2.php."""
    query = request.query
    kind = query.get("type", "")
    request.said["did"] = f"enigma2:{kind or 'menu'}"
    if line is None or panel.status(line) != "Active":
        request.said["auth"] = False
        return Reply(status=401, program=True)
    request.said["auth"] = True
    number = query.get("cat_id") or query.get("scat_id") or "0"
    category = int(number) if number.isdigit() else 0
    build = {"get_live_streams": _live, "get_vod_streams": _films, "get_series": _series}.get(kind)
    if build:
        return build(panel, request, line, category)
    if kind in ("get_seasons", "get_series_streams"):
        return _episodes(panel, request, line)
    return _menus(panel, request, line, kind)


def _menus(panel: Panel, request: Request, line: Line, kind: str) -> Reply:
    catalogue, brand = panel.catalogue, panel.config.brand
    folders = {
        "get_live_categories": ("Live", "Live Streams Category", "get_live_streams", catalogue.live_categories),
        "get_vod_categories": ("Movie", "Movie Streams Category", "get_vod_streams", catalogue.vod_categories),
        "get_series_categories": ("SubCategory", "TV Series Category", "get_series", catalogue.series_categories),
    }
    if kind not in folders:
        menu = Menu(panel, request, line, brand)
        menu.folder("Live Streams", "Live Streams Category", 0, "get_live_categories")
        if catalogue.vod_categories:
            menu.folder("Vod", "Video On Demand Category", 1, "get_vod_categories")
        menu.folder("TV Series", "TV Series Category", 2, "get_series_categories")
        return menu.reply()
    name, about, call, categories = folders[kind]
    menu = Menu(panel, request, line, f"{name} [ {brand} ]")
    menu.folder("All", f"{about} [ ALL ]", 0, f"{call}&cat_id=0")
    for title, number in categories.items():
        menu.folder(title, about, number, f"{call}&cat_id={number}")
    return menu.reply()


def _now_and_next(panel: Panel, channel: Channel) -> tuple[str, str]:
    """Return what is on, as it stands behind a channel's name, and the next two programmes."""
    now = panel.clock()
    rows = programmes(channel, now, now + 6 * 3600)[:2]
    about = "".join(f"[{panel.local(p.start, '%H:%M')}] {p.title}( {p.text})" for p in rows)
    if not rows:
        return "", about
    first = rows[0]
    left = round((first.stop - now) / 60, 1)
    return (
        f"[{panel.local(first.start, '%H:%M')} - {panel.local(first.stop, '%H:%M')}] + {left} min   {first.title}",
        about,
    )


def _live(panel: Panel, request: Request, line: Line, category: int) -> Reply:
    menu = Menu(panel, request, line, f"Live [ {panel.config.brand} ]")
    for channel in panel.catalogue.channels.values():
        if category in (0, *panel.catalogue.categories_of(channel)):
            title, about = _now_and_next(panel, channel)
            menu.stream(f"{channel.name} {title}", about, icon(panel, channel), category, f"live/{channel.id}.ts")
    return menu.reply()


def _films(panel: Panel, request: Request, line: Line, category: int) -> Reply:
    menu = Menu(panel, request, line, f"Movie [ {panel.config.brand} ]")
    images = f"http://{panel.config.host}:{panel.config.port}/images"
    for title in panel.catalogue.titles.values():
        if category in (0, title.category):
            menu.stream(title.name, f"PLOT: {title.plot}", f"{images}/{title.id}_small.jpg", category,
                        f"movie/{title.id}.{title.container}")  # fmt: skip
    return menu.reply()


def _series(panel: Panel, request: Request, line: Line, category: int) -> Reply:
    names = {number: name for name, number in panel.catalogue.series_categories.items()}
    menu = Menu(panel, request, line, f"TV Series [ {names.get(category, 'ALL')} ]")
    for series in panel.catalogue.series.values():
        if category in (0, series.category):
            menu.folder(series.name, "", series.id, f"get_seasons&series_id={series.id}")
    return menu.reply()


def _episodes(panel: Panel, request: Request, line: Line) -> Reply:
    query = request.query
    number, wanted = query.get("series_id", ""), query.get("season", "")
    series = panel.catalogue.series.get(int(number)) if number.isdigit() else None
    if series is None:
        return Reply(program=True)
    if query.get("type") == "get_seasons":
        menu = Menu(panel, request, line, f"TV Series [ {series.name} ]")
        for season in series.seasons:
            menu.folder(f"Season {season}", "", season, f"get_series_streams&series_id={series.id}&season={season}")
        return menu.reply()
    menu = Menu(panel, request, line, f"TV Series [ {series.name} Season {wanted} ]")
    for episode in series.seasons.get(int(wanted) if wanted.isdigit() else -1, []):
        menu.stream(f"Episode {episode.number:02d}", "", "", 0, f"series/{episode.id}.{episode.container}")
    return menu.reply()


class Plugin:
    """xplugin.php: receivers log in by MAC, then ask again and again and get remote commands."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.sessions: dict[str, Line] = {}
        self._waiting = {line.key: list(line.commands) for line in panel.config.lines}

    def answer(self, request: Request) -> Reply:
        """Return the reply to a call of xplugin.php."""
        query = request.query
        action, page = query.get("action", ""), query.get("page", "")
        request.said["did"] = f"xplugin:{action or page or 'poll'}"
        if action == "gen_mac":
            mac = hashlib.md5(request.target.encode(), usedforsecurity=False).hexdigest()[:12].upper()
            return reply_json(":".join(mac[n : n + 2] for n in range(0, 12, 2)))
        if action == "auth":
            return self._auth(request, query)
        line = self.sessions.get(query.get("token", ""))
        if line is None:
            return reply_json({"valid": False})
        request.said["line"] = line.key
        if page == "file":
            request.said["uploaded_bytes"] = len(request.body)
            return Reply(program=True)
        waiting = self._waiting[line.key]
        command = waiting.pop(0) if waiting and page else {}
        request.said["command"] = next(iter(command), None)
        return reply_json({"valid": True, "data": command}) if page else Reply(program=True)

    def _auth(self, request: Request, query: dict[str, str]) -> Reply:
        line = self.panel.line_of_mac(request, query.get("mac", ""))
        request.said["auth"] = line is not None
        if line is None:
            return reply_json({})
        rng = random.Random(f"{self.panel.config.seed} {line.key} {len(self.sessions)}")
        token = f"{rng.getrandbits(128):032X}"
        self.sessions[token] = line
        return reply_json({"details": {
            "token": token, "username": line.username, "password": line.password,
            "watchdog_seconds": rng.randint(*WATCHDOG_S),
        }})  # fmt: skip
