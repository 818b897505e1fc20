"""The lists of a Stalker/Ministra portal and the links that it makes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from . import links
from .catalogue import Episode, Series, Title
from .config import Channel, Line
from .guide import Programme, programmes
from .media import Wish, address, base_of
from .player_api import icon
from .service import Panel
from .web import Request

PAGE = 14
DAY = 86_400
Call = Callable[[Panel, Request, Line], Any]
ITEM = re.compile(r"/ch/(\d+)|/media/(\d+)")


def _genuine(panel: Panel) -> bool:
    return bool(panel.config.portal.get("genuine", True))


def page(rows: list[Any], request: Request, make: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Return one page of a list, as `js` carries it."""
    asked = request.query.get("p", "1")
    number = max(1, int(asked) if asked.isdigit() else 1)
    shown = rows[(number - 1) * PAGE : number * PAGE]
    return {"total_items": len(rows), "max_page_items": PAGE, "selected_item": 0, "cur_page": number if "p" in
            request.query else 0, "data": [make(row) for row in shown]}  # fmt: skip


def _flag(value: object) -> int:
    return int(bool(value))


# ---- television -------------------------------------------------------------------------------------


def _live(panel: Panel, kinds: tuple[str, ...] = ("live", "created_live")) -> list[Channel]:
    return [channel for channel in panel.config.channels if channel.kind in kinds]


def channel_cmd(panel: Panel, channel: Channel) -> str:
    """Return what a list says of where a channel is: the address itself, or a placeholder that create_link resolves."""
    solution = str(panel.config.portal.get("solution", "ffmpeg"))
    if channel.stalker_cmd:
        return channel.stalker_cmd
    return f"{solution} http://localhost/ch/{channel.id}" + ("" if _genuine(panel) else "_")


def _channel(panel: Panel, channel: Channel) -> dict[str, Any]:
    tmp_link = not channel.stalker_cmd
    cmd = channel_cmd(panel, channel)
    row: dict[str, Any] = {
        "id": str(channel.id), "name": channel.name, "number": str(channel.number), "censored": 0, "cmd": cmd,
        "cost": "0", "count": "0", "status": 1, "hd": str(_flag("HD" in channel.name)),
        "tv_genre_id": str(panel.catalogue.categories_of(channel)[0]), "base_ch": "1",
        "xmltv_id": channel.epg_id or "", "service_id": channel.custom_sid, "bonus_ch": "0", "volume_correction": "0",
        "mc_cmd": "", "enable_tv_archive": _flag(channel.archive_days), "wowza_tmp_link": "0", "wowza_dvr": "0",
        "use_http_tmp_link": str(_flag(tmp_link)), "monitoring_status": "1", "enable_monitoring": "0",
        "enable_wowza_load_balancing": "0", "cmd_1": "", "cmd_2": "", "cmd_3": "", "logo": icon(panel, channel),
        "correct_time": "0", "nimble_dvr": "0", "allow_pvr": "", "allow_local_pvr": "",
        "allow_local_timeshift": "1", "allow_remote_pvr": "", "modified": None, "archive": _flag(channel.archive_days),
        "tv_archive_duration": channel.archive_days * 24, "flussonic_dvr": "0", "locked": "0", "lock": 0, "fav": 0,
        "open": 1, "genres_str": "", "cur_playing": _on_now(panel, channel), "epg": [], "pvr": 0,
        "cmds": [{
            "id": str(channel.id), "ch_id": str(channel.id), "priority": "0", "url": cmd, "status": "1",
            "use_http_tmp_link": str(_flag(tmp_link)), "wowza_tmp_link": "0", "user_agent_filter": "",
            "use_load_balancing": "0", "changed": "", "enable_monitoring": "0", "enable_balancer_monitoring": "0",
            "nginx_secure_link": str(_flag(panel.config.portal.get("link") == "secure_link")),
            "flussonic_tmp_link": str(_flag(panel.config.portal.get("link") == "flussonic")),
        }],
    }  # fmt: skip
    return row | channel.stalker


def _on_now(panel: Panel, channel: Channel) -> str:
    rows = programmes(channel, panel.clock(), panel.clock() + 1)
    return rows[0].title if rows else "[No channel info]"


def itv_genres(panel: Panel, request: Request, line: Line) -> list[dict[str, Any]]:
    """Return the categories of television, with one for everything."""
    everything = {"id": "*", "title": "All", "alias": "All", "active_sub": True, "censored": 0}
    return [everything] + [
        {"id": str(number), "number": str(n), "title": name, "alias": name.lower(), "active_sub": True, "censored": 0}
        for n, (name, number) in enumerate(panel.catalogue.live_categories.items(), 1)
    ]


def itv_all(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return every channel at once."""
    rows = [_channel(panel, channel) for channel in _live(panel)]
    return {"total_items": len(rows), "max_page_items": PAGE, "selected_item": 0, "cur_page": 0, "data": rows}


def itv_page(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return a page of a category."""
    genre = request.query.get("genre", "*")
    rows = [c for c in _live(panel) if genre in ("*", "", *map(str, panel.catalogue.categories_of(c)))]
    if request.query.get("sortby") == "name":
        rows.sort(key=lambda channel: channel.name)
    return page(rows, request, lambda channel: _channel(panel, channel))


def radio_page(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return a page of radio."""
    return page(_live(panel, ("radio_streams",)), request, lambda channel: {
        "id": str(channel.id), "name": channel.name, "number": str(channel.number), "cmd": channel_cmd(panel, channel),
        "status": 1, "volume_correction": "0", "fav": 0, "radio": True, "open": 1,
    })  # fmt: skip


# ---- links ------------------------------------------------------------------------------------------


def _link(panel: Panel, request: Request, line: Line, kind: str, item: int, extension: str) -> str:
    """Return the address that a box is given for an item."""
    request.said |= panel.catalogue.said(item)
    edge = panel.edge_for(item, line)
    if edge is None:
        return ""
    request.said["edge"] = edge.name
    made = str(panel.config.portal.get("link", "secure_link" if _genuine(panel) else "play"))
    if made == "play":  # the panel's own redirect, as an Xtream-family panel makes it
        text = f"{'ministra::live' if kind == 'live' else kind}/{line.username}/{line.password}/{item}/{extension}"
        base = panel.base_url(request) if not panel.config.portal.get("play_at_edge") else base_of(panel, edge)
        return f"{base}/play/{panel.vault.seal(text)}?ext=.{extension}"
    if made == "auth":
        return address(panel, request, line, edge, Wish(kind, item, extension))
    file = {"ts": "mpegts", "m3u8": "index.m3u8"}.get(extension, f"film.{extension}")
    return base_of(panel, edge) + links.make(made, panel.config.secret, item, file, request.client[0], panel.clock())


def _made(panel: Panel, request: Request, number: object, url: str, solution: str) -> dict[str, Any]:
    request.said["link"] = url
    error = "" if url else "nothing_to_play"
    if _genuine(panel):
        return {"id": str(number), "cmd": f"{solution} {url}".strip(), "streamer_id": 1, "link_id": 0, "load": "0.1",
                "error": error}  # fmt: skip
    return {
        "id": str(number),
        "cmd": f"{solution} {url}".strip(),
        "streamer_id": 0,
        "link_id": 0,
        "load": 0,
        "error": error,
    }


def itv_link(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return the link of a channel."""
    cmd = request.query.get("cmd", "")
    match = ITEM.search(cmd)
    number = next((int(part) for part in match.groups() if part), 0) if match else 0
    channel = panel.catalogue.channels.get(number)
    solution = cmd.split(" ", 1)[0] if " " in cmd else "ffmpeg"
    if channel is None:  # an address that the list gave in clear comes back as it is
        url = cmd.partition(" ")[2]
        known = next((c for c in panel.config.channels if c.stalker_cmd and c.stalker_cmd == cmd), None)
        request.said |= panel.catalogue.said(known.id) if known else {}
        return _made(panel, request, known.id if known else 0, url if known else "", solution)
    extension = str(panel.config.portal.get("extension", "ts"))
    return _made(panel, request, channel.id, _link(panel, request, line, "live", channel.id, extension), solution)


def vod_link(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return the link of a film, or of the episode with number `series`."""
    cmd, episode = request.query.get("cmd", ""), request.query.get("series", "")
    told = _told(cmd)
    if told.get("type") == "series" and "series_id" in told:
        rows = _episodes(panel, told)
        chosen = rows[int(episode) - 1] if episode.isdigit() and 0 < int(episode) <= len(rows) else None
        url = _link(panel, request, line, "series", chosen.id, chosen.container) if chosen else ""
        return _made(panel, request, chosen.id if chosen else 0, url, "ffmpeg")
    match = ITEM.search(cmd)
    number = int(told.get("stream_id", 0)) or (int(match[2]) if match and match[2] else 0)
    container = panel.catalogue.container(number)
    url = _link(panel, request, line, "movie" if number in panel.catalogue.titles else "series", number, container) \
        if container else ""  # fmt: skip
    return _made(panel, request, number, url, "ffmpeg")


def _told(cmd: str) -> dict[str, Any]:
    """Return what an emulating panel wrote into `cmd`: JSON in base64."""
    try:
        told = json.loads(base64.b64decode(cmd, validate=True))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def archive_link(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return the link of a programme in the archive: `cmd` names it as `auto /media/CHANNEL_START_STOP.mpg`."""
    match = re.search(r"/media/(\d+)_(\d+)_(\d+)", request.query.get("cmd", ""))
    channel = panel.catalogue.channels.get(int(match[1])) if match else None
    edge = panel.edge_for(channel.id, line) if channel else None
    if match is None or channel is None or edge is None:
        return _made(panel, request, 0, "", "ffmpeg")
    request.said |= {**panel.catalogue.said(channel.id), "edge": edge.name}
    start, stop = int(match[2]), int(match[3])
    told = Wish("timeshift", channel.id, "ts", start=start, minutes=max(1, (stop - start) // 60))
    return _made(panel, request, channel.id, address(panel, request, line, edge, told), "ffmpeg")


# ---- guide ------------------------------------------------------------------------------------------


def _programme(panel: Panel, channel: Channel, p: Programme) -> dict[str, Any]:
    now = panel.clock()
    archived = channel.archive_days and p.stop < now and p.start >= now - channel.archive_days * DAY
    return {
        "id": str(p.id), "ch_id": str(channel.id), "correct": panel.local(p.start), "time": panel.local(p.start),
        "time_to": panel.local(p.stop), "duration": p.stop - p.start, "name": p.title, "descr": p.text,
        "real_id": f"{channel.id}_{p.start}", "category": "", "director": "", "actor": "", "start_timestamp": p.start,
        "stop_timestamp": p.stop, "t_time": panel.local(p.start, "%H:%M"), "t_time_to": panel.local(p.stop, "%H:%M"),
        "mark_memo": 0, "mark_rec": 0, "mark_archive": _flag(archived),
    }  # fmt: skip


def _asked(panel: Panel, request: Request) -> Channel | None:
    number = request.query.get("ch_id", "")
    return panel.catalogue.channels.get(int(number)) if number.isdigit() else None


def epg_info(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return the guide of all channels for some hours."""
    hours, now = request.query.get("period", ""), panel.clock()
    end = now + 3600 * (int(hours) if hours.isdigit() else 3)
    rows = {str(c.id): [_programme(panel, c, p) for p in programmes(c, now, end)] for c in _live(panel) if c.epg_id}
    return {"data": rows}


def short_epg(panel: Panel, request: Request, line: Line) -> list[dict[str, Any]]:
    """Return the next programmes of a channel."""
    channel, size, now = _asked(panel, request), request.query.get("size", ""), panel.clock()
    if channel is None:
        return []
    found = programmes(channel, now, now + DAY)[: int(size) if size.isdigit() else 4]
    return [_programme(panel, channel, p) for p in found]


def epg_table(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return a page of a channel's guide."""
    channel, now = _asked(panel, request), panel.clock()
    rows = programmes(channel, now - DAY, now + DAY) if channel else []
    return page(rows, request, lambda p: _programme(panel, channel, p) if channel else {})


def week(panel: Panel, request: Request, line: Line) -> list[dict[str, Any]]:
    """Return the days that the guide has."""
    now = panel.clock()
    return [{"f_human": panel.local(now + n * DAY, "%a %d %b"), "f_mysql": panel.local(now + n * DAY, "%Y-%m-%d"),
             "today": _flag(n == 0)} for n in range(-3, 4)]  # fmt: skip


# ---- films and series ----------------------------------------------------------------------------------


def _categories(held: dict[str, int]) -> list[dict[str, Any]]:
    return [{"id": "*", "title": "All", "alias": "*", "censored": 0}] + [
        {"id": str(number), "title": name, "alias": name.lower(), "censored": 0} for name, number in held.items()
    ]


def vod_categories(panel: Panel, request: Request, line: Line) -> list[dict[str, Any]]:
    """Return the categories of films."""
    return _categories(panel.catalogue.vod_categories)


def series_categories(panel: Panel, request: Request, line: Line) -> list[dict[str, Any]]:
    """Return the categories of series."""
    return _categories(panel.catalogue.series_categories)


def vod_genres(panel: Panel, request: Request, line: Line) -> list[dict[str, Any]]:
    """Return the genres of a category."""
    return [{"id": "*", "title": "*"}, {"id": "1", "title": "drama"}, {"id": "2", "title": "comedy"}]


def _film(panel: Panel, title: Title) -> dict[str, Any]:
    sealed = {"type": "movie", "stream_id": str(title.id), "stream_source": None, "target_container": title.container}
    cmd = f"/media/{title.id}.mpg" if _genuine(panel) else base64.b64encode(json.dumps(sealed).encode()).decode()
    return {
        "id": str(title.id), "owner": "", "name": title.name, "old_name": "", "o_name": title.name, "fname": "",
        "description": title.plot, "pic": "", "cost": 0, "time": str(title.seconds // 60 or "N/A"), "file": "",
        "path": title.name.replace(" ", "_"), "protocol": "", "rtsp_url": "", "censored": 0, "series": [],
        "volume_correction": 0, "category_id": str(title.category), "genre_id": 0, "genre_id_1": 0, "hd": 1,
        "year": str(title.year), "status": 1, "added": panel.local(title.added), "cmd": cmd, "director": "",
        "actors": "", "rating_imdb": str(title.rating), "rating_mpaa": "", "age": "", "high_quality": 0, "fav": 0,
        "for_rent": 0, "lock": 0, "has_files": 0, "genres_str": "",
        "screenshot_uri": f"http://{panel.config.host}:{panel.config.port}/images/{title.id}_small.jpg",
    }  # fmt: skip


def vod_page(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return a page of films."""
    query = request.query
    category, words = query.get("category", "*"), query.get("search", "").lower()
    number = int(category) if category.isdigit() else 0
    rows = [t for t in panel.catalogue.titles.values() if number in (0, t.category) and words in t.name.lower()]
    return page(rows, request, lambda title: _film(panel, title))


def _season(series: Series, season: int, rows: list[Episode]) -> dict[str, Any]:
    sealed = {"series_id": str(series.id), "season_num": season, "type": "series"}
    return {
        "id": f"{series.id}:{season}", "name": f"Season {season}", "o_name": f"Season {season}", "is_season": True,
        "series": [episode.number for episode in rows], "cmd": base64.b64encode(json.dumps(sealed).encode()).decode(),
        "category_id": str(series.category), "year": str(series.year), "status": 1, "has_files": 0, "fav": 0,
    }  # fmt: skip


def _episodes(panel: Panel, told: dict[str, Any]) -> list[Episode]:
    number, season = str(told.get("series_id", "")), str(told.get("season_num", ""))
    series = panel.catalogue.series.get(int(number)) if number.isdigit() else None
    return series.seasons.get(int(season) if season.isdigit() else -1, []) if series else []


def series_page(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return a page of series, or with `movie_id` of the seasons of one, or with `season_id` of its episodes."""
    query = request.query
    movie, season = query.get("movie_id", "0").split(":")[0], query.get("season_id", "0").split(":")[-1]
    if movie.isdigit() and (series := panel.catalogue.series.get(int(movie))):
        if season.isdigit() and int(season) in series.seasons and query.get("season_id", "0") != "0":
            return page(series.seasons[int(season)], request, lambda e: {
                "id": str(e.id), "name": e.name, "series_number": e.number, "cmd": f"/media/{e.id}.mpg",
                "is_episode": True, "status": 1,
            })  # fmt: skip
        return page(list(series.seasons.items()), request, lambda pair: _season(series, *pair))
    category = query.get("category", "*")
    number = int(category) if category.isdigit() else 0
    rows = [s for s in panel.catalogue.series.values() if number in (0, s.category)]
    return page(rows, request, lambda s: {
        "id": str(s.id), "name": s.name, "o_name": s.name, "is_series": True, "cmd": "", "series": [], "has_files": 1,
        "category_id": str(s.category), "year": str(s.year), "added": panel.local(s.modified), "status": 1, "fav": 0,
        "rating_imdb": str(s.rating), "description": f"Plot of {s.name}.", "lock": 0,
    })  # fmt: skip


def _nothing(panel: Panel, request: Request, line: Line) -> list[Any]:
    return []


def _empty_page(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    return page([], request, dict)


LISTS: dict[tuple[str, str], Call] = {
    ("itv", "get_genres"): itv_genres, ("itv", "get_all_channels"): itv_all, ("itv", "get_ordered_list"): itv_page,
    ("itv", "get_fav_ids"): _nothing, ("itv", "get_all_fav_channels"): _empty_page, ("itv", "create_link"): itv_link,
    ("itv", "get_short_epg"): short_epg, ("itv", "get_epg_info"): epg_info,
    ("epg", "get_epg_info"): epg_info, ("epg", "get_simple_data_table"): epg_table, ("epg", "get_week"): week,
    ("vod", "get_categories"): vod_categories, ("vod", "get_genres_by_category_alias"): vod_genres,
    ("vod", "get_ordered_list"): vod_page, ("vod", "create_link"): vod_link,
    ("series", "get_categories"): series_categories, ("series", "get_genres_by_category_alias"): vod_genres,
    ("series", "get_ordered_list"): series_page, ("series", "create_link"): vod_link,
    ("radio", "get_ordered_list"): radio_page, ("radio", "create_link"): itv_link,
    ("tv_archive", "create_link"): archive_link, ("tv_archive", "get_link_for_channel"): archive_link,
    **{(kind, "get_ordered_list"): _empty_page for kind in ("karaoke", "remote_pvr", "downloads", "tv_archive")},
}  # fmt: skip
