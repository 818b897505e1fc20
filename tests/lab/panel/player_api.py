"""player_api.php and panel_api.php: what apps ask an Xtream-family panel for, in three flavours.

Flavour (`software`): `xc` (Xtream Codes 1 and 2), `xui` (XUI.one), `xc_vm`. They differ in types and keys: numbers as
text, `stream_type` null, `end` as seconds in the short guide, sizes of pages, numbered actions.
"""

from __future__ import annotations

import base64
from typing import Any

from .catalogue import Episode, Series, Title
from .config import Channel, Line
from .guide import Programme, programmes
from .service import Panel, php_json, reply_json
from .web import Reply, Request

NUMBERED = {"200": "get_vod_categories", "201": "get_live_categories", "202": "get_live_streams",
            "203": "get_vod_streams", "204": "get_series_info", "205": "get_short_epg", "206": "get_series_categories",
            "207": "get_simple_data_table", "208": "get_series", "209": "get_vod_info"}  # fmt: skip
DAY = 86_400
CORS = (("Access-Control-Allow-Credentials", "true"),)


def answer(panel: Panel, request: Request, line: Line | None, action: str = "") -> Reply:
    """Return the reply to a call of player_api.php."""
    query = request.query
    action = action or query.get("action", "")
    if panel.config.software == "xc_vm":
        action = NUMBERED.get(action, action)
    request.said["did"] = f"player_api:{action}" if action in ACTIONS else "player_api:login"
    if line is None:
        return panel.refused(request)
    if panel.status(line) != "Active" and (action or panel.config.software != "xc"):
        return panel.refused(request)
    request.said["auth"] = True
    if action in ("get_live_streams", "get_vod_streams", "get_series"):
        return Reply(listing(panel, line, action, query), "application/json", headers=CORS, compress=True, program=True)
    if action in ACTIONS:
        return reply_json(ACTIONS[action](panel, line, query), headers=CORS)
    return reply_json(login_reply(panel, request, line), headers=CORS)


def login_reply(panel: Panel, request: Request, line: Line) -> dict[str, Any]:
    """Return `user_info` and `server_info`."""
    config, now = panel.config, int(panel.clock())
    active = panel.active.get(line.key, 0)
    user: dict[str, Any] = {
        "username": line.username, "password": line.password, "message": line.message, "auth": 1,
        "status": panel.status(line), "exp_date": None if line.expires is None else str(line.expires),
        "is_trial": str(int(line.trial)), "active_cons": active if config.software == "xui" else str(active),
        "created_at": str(line.created), "max_connections": str(line.max_connections),
        "allowed_output_formats": line.outputs,
    }  # fmt: skip
    server: dict[str, Any] = {
        "url": config.server_url or config.host, "port": str(config.port), "https_port": str(config.https_port),
        "server_protocol": "http", "rtmp_port": str(config.rtmp_port), "timezone": config.timezone,
        "timestamp_now": now, "time_now": panel.local(now),
    }  # fmt: skip
    if config.software == "xc":
        server |= {"process": True}
    elif config.software == "xui":
        server = {"xui": True, "version": config.version, "revision": None, **server}
    else:
        server = {"version": config.version, **server, "process": True}
    return {"user_info": user, "server_info": server}


def _categories(names: dict[str, int]) -> list[dict[str, Any]]:
    return [{"category_id": str(number), "category_name": name, "parent_id": 0} for name, number in names.items()]


def listing(panel: Panel, line: Line, action: str, query: dict[str, str]) -> bytes:
    """Return the JSON of a list; the whole list is made once (a large one takes seconds), unless it names the line."""
    wanted = int(query.get("category_id") or 0) if (query.get("category_id") or "0").isdigit() else 0
    size, offset = (int(query.get(key) or 0) if (query.get(key) or "0").isdigit() else 0
                    for key in ("items_per_page", "offset"))  # fmt: skip
    if panel.config.software == "xc":
        size = offset = 0
    key = f"{action} {wanted} {offset} {size} {line.key if panel.config.api_redirect else ''}"
    if key not in panel.cache:
        maker = {"get_live_streams": _live, "get_vod_streams": _vod, "get_series": _series}[action]
        rows = maker(panel, line, wanted, slice(offset, offset + size if size else None))
        panel.cache[key] = php_json(rows, plain=True)
    return panel.cache[key]


def _direct(panel: Panel, line: Line, kind: str, item: int, extension: str = "", own: str = "") -> str:
    if not panel.config.api_redirect:
        return own
    text = f"{kind}/{line.username}/{line.password}/{item}" + (f"/{extension}" if extension else "")
    return f"http://{panel.config.host}:{panel.config.port}/play/{panel.vault.seal(text)}" + (
        "/ts" if kind == "live" else ""
    )


def icon(panel: Panel, channel: Channel) -> str:
    """Return the address of a channel's picture: on the panel itself, unless the channel names one."""
    return channel.icon or f"http://{panel.config.host}:{panel.config.port}/images/{channel.id}.png"


def _live(panel: Panel, line: Line, wanted: int, page: slice) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    software = panel.config.software
    for channel in list(panel.catalogue.channels.values())[page]:
        ids = panel.catalogue.categories_of(channel)
        for category in ids:
            if wanted not in (0, category):
                continue
            row = {
                "num": len(rows) + 1, "name": channel.name, "stream_type": channel.kind, "stream_id": channel.id,
                "stream_icon": icon(panel, channel), "epg_channel_id": channel.epg_id, "added": str(channel.added),
                "category_id": str(category), "custom_sid": channel.custom_sid or (None if software == "xui" else ""),
                "tv_archive": int(bool(channel.archive_days)),
                "direct_source": _direct(panel, line, "live", channel.id, own=channel.direct_source),
                "tv_archive_duration": str(channel.archive_days) if software == "xc" and channel.archive_days
                else channel.archive_days,
            }  # fmt: skip
            if software != "xc":
                row |= {"is_adult": "0", "category_ids": ids, "thumbnail": ""}
            rows.append(row)
    return rows


def _rating(panel: Panel, rating: float, number: int) -> Any:
    if panel.config.software != "xc":
        return rating
    return "" if panel.config.traps and number % 50 == 0 else str(rating)


def _vod(panel: Panel, line: Line, wanted: int, page: slice) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    more = panel.config.software != "xc"
    images = f"http://{panel.config.host}:{panel.config.port}/images"
    for title in list(panel.catalogue.titles.values())[page]:
        if wanted not in (0, title.category):
            continue
        row: dict[str, Any] = {
            "num": len(rows) + 1, "name": f"{title.name} ({title.year})" if more else title.name,
            "stream_type": "movie", "stream_id": title.id, "stream_icon": f"{images}/{title.id}_small.jpg",
            "rating": _rating(panel, title.rating, title.id), "rating_5based": round(title.rating / 2, 1),
            "added": str(title.added), "category_id": str(title.category), "container_extension": title.container,
            "custom_sid": None if panel.config.software == "xui" else "",
            "direct_source": _direct(panel, line, "movie", title.id, title.container),
        }  # fmt: skip
        if more:
            row |= {"title": title.name, "year": str(title.year), "plot": title.plot, "cast": "", "director": "",
                    "genre": "", "release_date": f"{title.year}-01-01", "youtube_trailer": None,
                    "episode_run_time": None, "category_ids": [title.category]}  # fmt: skip
        rows.append(row)
    return rows


def _series_row(panel: Panel, series: Series) -> dict[str, Any]:
    xc = panel.config.software == "xc"
    date = f"{series.year}-03-01"
    row: dict[str, Any] = {"name": series.name}
    if not xc:
        row |= {"title": series.name, "year": str(series.year)}
    cover = f"http://{panel.config.host}:{panel.config.port}/images/s{series.id}.jpg"
    backdrop: Any = [cover]
    if panel.config.traps:
        backdrop = ([cover], "" if xc else None, [])[series.id % 3]
    return row | {
        "cover": cover, "plot": f"Plot of {series.name}.", "cast": "", "director": "", "genre": "Drama",
        "releaseDate": date, **({} if xc else {"release_date": date}), "last_modified": str(series.modified),
        "rating": str(round(series.rating)), "rating_5based": round(series.rating / 2, 1), "backdrop_path": backdrop,
        "youtube_trailer": "", "episode_run_time": "45", "category_id": str(series.category),
        **({} if xc else {"category_ids": [series.category]}),
    }  # fmt: skip


def _series(panel: Panel, line: Line, wanted: int, page: slice) -> list[dict[str, Any]]:
    del line
    rows: list[dict[str, Any]] = []
    for series in list(panel.catalogue.series.values())[page]:
        if wanted not in (0, series.category):
            continue
        row = _series_row(panel, series)
        kind = None if panel.config.software == "xc" else "series"
        rows.append({"num": len(rows) + 1, "name": row.pop("name"), "series_id": series.id, "stream_type": kind, **row})
    return rows


def _streams_found(container: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what ffprobe would have said of a film's first video and audio."""
    tags = (
        {"language": "und", "handler_name": "VideoHandler"}
        if container == "mp4"
        else {"ENCODER": "Lavc59.37.100 libx264"}
    )
    video = {"index": 0, "codec_name": "h264", "codec_type": "video", "width": 640, "height": 360,
             "r_frame_rate": "25/1",             "disposition": {"default": 1}, "tags": tags}  # fmt: skip
    audio = {"index": 1, "codec_name": "aac", "codec_type": "audio", "sample_rate": "48000", "channels": 2,
             "disposition": {"default": 1}, "tags": {"language": "kor"}}  # fmt: skip
    return video, audio


def _vod_info(panel: Panel, line: Line, query: dict[str, str]) -> dict[str, Any]:
    number = query.get("vod_id", "")
    title: Title | None = panel.catalogue.titles.get(int(number)) if number.isdigit() else None
    if title is None:
        return {"info": []}
    image = f"http://{panel.config.host}:{panel.config.port}/images/{title.id}_small.jpg"
    video, audio = _streams_found(title.container)
    hours, rest = divmod(title.seconds, 3600)
    name = title.name if panel.config.software == "xc" else f"{title.name} ({title.year})"
    info: dict[str, Any] = {
        "tmdb_id": str(title.id) if panel.config.software == "xc" else title.id, "name": name, "o_name": title.name,
        "cover_big": image, "movie_image": image, "releasedate": f"{title.year}-01-01", "episode_run_time": None,
        "youtube_trailer": None, "director": "", "actors": "", "cast": "", "description": title.plot,
        "plot": title.plot, "age": "", "country": "", "genre": "", "backdrop_path": [image],
        "duration_secs": title.seconds,
        "duration": f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}", "video": video, "audio": audio, "bitrate": 700,
        "rating": str(title.rating) if panel.config.software == "xc" else title.rating,
    }  # fmt: skip
    data = {
        "stream_id": title.id, "name": name, "added": str(title.added), "category_id": str(title.category),
        "container_extension": title.container, "custom_sid": "",
        "direct_source": _direct(panel, line, "movie", title.id, title.container),
    }  # fmt: skip
    if panel.config.software != "xc":
        data |= {"title": title.name, "year": str(title.year), "category_ids": [title.category]}
    return {"info": info, "movie_data": data}


def _episode(panel: Panel, line: Line, episode: Episode) -> dict[str, Any]:
    return {
        "id": str(episode.id), "episode_num": episode.number, "title": episode.name,
        "container_extension": episode.container,
        "info": {} if episode.number == 2 else {"plot": "", "duration_secs": 1500, "duration": "00:25:00"},
        "custom_sid": "", "added": str(episode.added), "season": episode.season,
        "direct_source": _direct(panel, line, "series", episode.id, episode.container),
    }  # fmt: skip


def _series_info(panel: Panel, line: Line, query: dict[str, str]) -> dict[str, Any]:
    number = query.get("series_id", "")
    series = panel.catalogue.series.get(int(number)) if number.isdigit() else None
    if series is None:
        return {"seasons": [], "info": {"name": None, "cover": None}, "episodes": []}
    seasons = [
        {"air_date": f"{series.year}-03-01", "episode_count": len(rows), "id": 5000 + season,
         "name": f"Season {season}", "overview": "", "season_number": season, "cover": "", "cover_big": ""}
        for season, rows in series.seasons.items()
    ]  # fmt: skip
    rows = {season: [_episode(panel, line, e) for e in episodes] for season, episodes in series.seasons.items()}
    episodes: Any = {str(season): row for season, row in rows.items()}
    if list(rows) == list(range(len(rows))):
        episodes = list(rows.values())
    return {"seasons": seasons, "info": _series_row(panel, series), "episodes": episodes}


def base64_text(text: str) -> str:
    """Return a text in base64, as the guide and Enigma2 lists carry it."""
    return base64.b64encode(text.encode()).decode()


def _chosen(panel: Panel, query: dict[str, str]) -> tuple[list[Channel], bool]:
    """Return the channels that a guide action names, and whether the answer is keyed by channel."""
    ids = [part for part in query.get("stream_id", "").split(",") if part.isdigit()]
    found = [panel.catalogue.channels[int(part)] for part in ids if int(part) in panel.catalogue.channels]
    many = panel.config.software != "xc" and ("multi" in query or len(ids) > 1)
    return (found if many else found[:1]), many


def _entry(panel: Panel, channel: Channel, p: Programme) -> dict[str, Any]:
    return {
        "id": str(p.id), "epg_id": str(1 + channel.id % 7), "title": base64_text(p.title), "lang": "ko",
        "start": panel.local(p.start), "end": panel.local(p.stop), "description": base64_text(p.text),
        "channel_id": channel.epg_id, "start_timestamp": str(p.start), "stop_timestamp": str(p.stop),
    }  # fmt: skip


def _short_epg(panel: Panel, line: Line, query: dict[str, str]) -> dict[str, Any]:
    del line
    now = panel.clock()
    limit = int(query["limit"]) if query.get("limit", "").isdigit() else 4
    channels, many = _chosen(panel, query)
    listings: dict[str, list[dict[str, Any]]] = {}
    for channel in channels:
        rows = [_entry(panel, channel, p) for p in programmes(channel, now, now + 2 * DAY)[: limit or 4]]
        if panel.config.software == "xui":
            rows = [{**row, "end": row["stop_timestamp"], "stop": row["end"]} for row in rows]
        listings[str(channel.id)] = rows
    return {"epg_listings": listings if many else next(iter(listings.values()), [])}


def _table(panel: Panel, line: Line, query: dict[str, str]) -> dict[str, Any]:
    del line
    now = panel.clock()
    channels, many = _chosen(panel, query)
    listings: dict[str, list[dict[str, Any]]] = {}
    for channel in channels:
        rows = []
        for p in programmes(channel, now - max(1, channel.archive_days) * DAY, now + DAY):
            archived = channel.archive_days and p.stop < now and p.stop >= now - channel.archive_days * DAY
            rows.append({**_entry(panel, channel, p), "now_playing": int(p.start <= now < p.stop),
                         "has_archive": int(bool(archived))})  # fmt: skip
        listings[str(channel.id)] = rows
    return {"epg_listings": listings if many else next(iter(listings.values()), [])}


def _epg(panel: Panel, line: Line, query: dict[str, str]) -> Any:
    del line
    now = panel.clock()
    channels, many = _chosen(panel, query)
    begin = now if query.get("from_now", "0") not in ("", "0") else now - DAY
    rows = {
        str(c.id): [{**_entry(panel, c, p), "start": p.start, "end": p.stop} for p in programmes(c, begin, now + DAY)]
        for c in channels
    }
    return rows if many else next(iter(rows.values()), [])


def panel_api(panel: Panel, request: Request, line: Line | None) -> Reply:
    """Return the reply to a call of the older panel_api.php: with everything live and every film in one object."""
    request.said["did"] = "panel_api"
    if line is None or panel.status(line) != "Active":
        return panel.refused(request)
    request.said["auth"] = True
    reply = login_reply(panel, request, line)
    if request.query.get("action") == "user":
        return reply_json(reply)
    if "panel_api" not in panel.cache:
        panel.cache["panel_api"] = php_json(_everything(panel, line), plain=True)[1:]
    start = php_json(reply)[:-1] + b","
    return Reply(start + panel.cache["panel_api"], "application/json", compress=True, program=True)


def _everything(panel: Panel, line: Line) -> dict[str, Any]:
    catalogue = panel.catalogue
    names = {str(n): name for held in (catalogue.live_categories, catalogue.vod_categories) for name, n in held.items()}
    channels: dict[str, Any] = {}
    for live, rows in ((1, _live(panel, line, 0, slice(None))), (0, _vod(panel, line, 0, slice(None)))):
        for row in rows:
            channels[str(row["stream_id"])] = {
                "num": row["num"], "name": row["name"], "stream_type": row["stream_type"],
                "type_name": "Live Streams" if live else "Movies", "stream_id": str(row["stream_id"]),
                "stream_icon": row["stream_icon"], "epg_channel_id": row.get("epg_channel_id"), "added": row["added"],
                "category_name": names[row["category_id"]], "category_id": row["category_id"], "series_no": None,
                "live": str(live), "container_extension": row.get("container_extension"),
                "custom_sid": row["custom_sid"], "tv_archive": row.get("tv_archive", 0),
                "direct_source": row["direct_source"],
                "tv_archive_duration": row.get("tv_archive_duration", 0),
            }  # fmt: skip
    return {
        "categories": {"live": _categories(catalogue.live_categories), "movie": _categories(catalogue.vod_categories)},
        "available_channels": channels,
    }


ACTIONS: dict[str, Any] = {
    "get_live_categories": lambda panel, line, query: _categories(panel.catalogue.live_categories),
    "get_vod_categories": lambda panel, line, query: _categories(panel.catalogue.vod_categories),
    "get_series_categories": lambda panel, line, query: _categories(panel.catalogue.series_categories),
    "get_live_streams": None,
    "get_vod_streams": None,
    "get_series": None,
    "get_series_info": _series_info,
    "get_vod_info": _vod_info,
    "get_short_epg": _short_epg,
    "get_simple_data_table": _table,
    "get_epg": _epg,
}
