"""Objects of the Xtream API to values of the tables: which name holds what, in the spellings of all its servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..listings.asked import Asked
from ..listings.dates import date_ns
from ..listings.items import Batch
from ..listings.tables import MAX_RAW_CHARS
from ..listings.values import (
    Columns,
    as_object,
    base64_text,
    decimal_number,
    epoch_ns,
    epochs_ns,
    integer,
    integers,
    mac_address,
    text,
    texts,
    truth,
    truths,
)

Object = Mapping[str, Any]

KIND_OF_STREAM = {
    "live": "live",
    "created_live": "live",
    "radio_streams": "radio",
    "radio": "radio",
    "movie": "vod",
    "movies": "vod",
    "vod": "vod",
    "series": "series",
}
SECTION = {"live": "live", "movie": "vod", "vod": "vod", "series": "series", "radio": "radio", "radio_streams": "radio"}
_KIND_OF_ACTION = {"get_live_streams": "live", "get_vod_streams": "vod", "get_series": "series"}
_ACTION_OF_NUMBER = {
    "200": "get_vod_categories",
    "201": "get_live_categories",
    "202": "get_live_streams",
    "203": "get_vod_streams",
    "204": "get_series_info",
    "205": "get_short_epg",
    "206": "get_series_categories",
    "207": "get_simple_data_table",
    "208": "get_series",
    "209": "get_vod_info",
}
_SECTION_OF_ACTION = {"get_live_categories": "live", "get_vod_categories": "vod", "get_series_categories": "series"}


def action_of(asked: Asked) -> str:
    """Return what was asked of the service, by name: servers take numbers for some actions, too."""
    action = asked.get("action") or "login"
    return _ACTION_OF_NUMBER.get(action, action)


def section_of(action: str | None) -> str | None:
    """Return the part of the catalogue that an action asks for the categories of."""
    return _SECTION_OF_ACTION.get(action or "")


def kind_of(item: Object, action: str | None) -> str | None:
    """Return what an object of a list is, by its own words, else by what was asked."""
    stream_type = item.get("stream_type")
    known = KIND_OF_STREAM.get(stream_type) if isinstance(stream_type, str) else None
    if known is not None:
        return known
    if "title" in item and "name" not in item and ("start" in item or "start_timestamp" in item):
        return "programme"
    if "series_id" in item and "stream_id" not in item:
        return "series"
    if "category_name" in item and "stream_id" not in item and "name" not in item:
        return "category"
    if "stream_id" not in item:
        return None
    return _KIND_OF_ACTION.get(action or "") or ("vod" if item.get("container_extension") else None)


def kinds_of(items: Sequence[Object], action: str | None) -> list[str | None]:
    """Return what the objects of a list are; mostly they all say the same."""
    said = Columns(items).pick("stream_type")
    first = said[0]
    if isinstance(first, str) and first in KIND_OF_STREAM and said.count(first) == len(said):
        return [KIND_OF_STREAM[first]] * len(said)
    return [kind_of(item, action) for item in items]


def entry_columns(items: Columns, kind: str | None) -> dict[str, Sequence[Any]]:
    """Return the columns of catalogue entries of one kind."""
    count = items.count
    if kind == "category":
        return {
            "kind": [kind] * count,
            "entry_id": texts(items.pick("category_id", "id")),
            "name": texts(items.pick("category_name", "name")),
            "parent_id": [None if value == "0" else value for value in texts(items.pick("parent_id"))],
        }
    ids = ("series_id", "id") if kind == "series" else ("stream_id", "id", "series_id")
    return {
        "kind": [kind] * count,
        "entry_id": texts(items.pick(*ids)),
        "name": texts(items.pick("name", "title", "stream_display_name")),
        "number": integers(items.pick("num")),
        "category_id": _categories(items),
        "category_name": texts(items.pick("category_name")),
        "epg_id": texts(items.pick("epg_channel_id")),
        "container": texts(items.pick("container_extension")),
        "entry_url": texts(items.pick("direct_source")),
        "logo_url": texts(items.pick("stream_icon", "cover", "movie_image", "thumbnail")),
        "service_ref": texts(items.pick("custom_sid")),
        "is_archive": truths(items.pick("tv_archive")),
        "archive_days": _numbers(items.pick("tv_archive_duration")),
        "added_ns": epochs_ns(items.pick("added", "last_modified")),
    }


def _categories(items: Columns) -> Sequence[str | None]:
    found = texts(items.pick("category_id"))
    if None not in found:
        return found
    return [
        value or next((text(one) for one in as_object(several).values()), None)
        for value, several in zip(found, items.pick("category_ids"), strict=True)
    ]


def _numbers(values: Sequence[Any]) -> Sequence[float | None]:
    """Return a column of numbers above zero."""
    if not any(values):
        return [None] * len(values)
    found = map(decimal_number, values)
    return [number if number is not None and number > 0 else None for number in found]


def episode_columns(batch: Batch, season: str | None, series: str | None) -> dict[str, Sequence[Any]]:
    """Return the columns of episodes."""
    items = Columns(batch.values)
    count = items.count
    infos = Columns([as_object(info) for info in items.pick("info")])
    return {
        "kind": ["episode"] * count,
        "entry_id": texts(items.pick("id", "stream_id")),
        "name": texts(items.pick("title", "name")),
        "number": integers(items.pick("episode_num")),
        "season": [integer(value if value is not None else season) for value in items.pick("season")],
        "parent_id": [series] * count,
        "container": texts(items.pick("container_extension")),
        "entry_url": texts(items.pick("direct_source")),
        "logo_url": texts(infos.pick("movie_image", "cover_big")),
        "service_ref": texts(items.pick("custom_sid")),
        "added_ns": epochs_ns(items.pick("added")),
    }


def season_columns(items: Columns, series: str | None) -> dict[str, Sequence[Any]]:
    """Return the columns of seasons."""
    return {
        "kind": ["season"] * items.count,
        "entry_id": texts(items.pick("id")),
        "name": texts(items.pick("name")),
        "number": integers(items.pick("season_number", "season")),
        "parent_id": [series] * items.count,
        "logo_url": texts(items.pick("cover", "cover_big")),
    }


def programme_columns(items: Columns, channel: str | None) -> dict[str, Sequence[Any]]:
    """Return the columns of programmes; titles are in base64 from most servers, in clear from some."""
    # `end` is a date from one action and seconds from another; `stop` then holds the date, or is absent.
    starts, ends = items.pick("start"), items.pick("end", "stop")
    stops = items.pick("stop")
    return {
        "channel_ref": [value or channel for value in texts(items.pick("channel_id", "stream_id"))],
        "start_ns": epochs_ns(items.pick("start_timestamp", "start")),
        "end_ns": epochs_ns(items.pick("stop_timestamp", "end_timestamp", "end")),
        "start_text": texts(starts),
        "end_text": texts(
            [
                stop if epoch_ns(end) is not None and isinstance(stop, str) and stop else end
                for end, stop in zip(ends, stops, strict=True)
            ]
        ),
        "title": [base64_text(value) for value in items.pick("title")],
        "description": [base64_text(value) for value in items.pick("description")],
        "language": texts(items.pick("lang")),
    }


def account_values(user: Object, server: Object, asked: Asked) -> dict[str, Any]:
    """Return the values of a reply to a login."""
    mac, mac_raw = mac_address(user.get("mac") or asked.get("mac"))
    zone = text(server.get("timezone"))
    expires = epoch_ns(user.get("exp_date"))
    end = text(user.get("exp_date")) if expires is None else None
    connections = user.get("active_cons")
    marks = [f"server_info.{name}" for name in ("xui", "process", "revision") if name in server]
    if connections is not None:
        marks.append(f"active_cons is {'text' if isinstance(connections, str) else 'a number'}")
    return {
        "username": text(user.get("username")) or asked.get("username"),
        "password": text(user.get("password")) or asked.get("password"),
        "mac": mac,
        "mac_raw": mac_raw,
        "token": text(user.get("token")) or asked.get("token"),
        "auth": truth(user.get("auth")),
        "account_status": text(user.get("status")),
        "message": text(user.get("message")),
        "created_ns": epoch_ns(user.get("created_at")) or date_ns(text(user.get("created_at")), zone),
        "expires_ns": expires or date_ns(end, zone),
        "expires_text": end,
        "is_trial": truth(user.get("is_trial")),
        "active_connections": integer(connections),
        "max_connections": integer(user.get("max_connections")),
        "stated_host": text(server.get("url")),
        "stated_port": integer(server.get("port")),
        "stated_https_port": integer(server.get("https_port")),
        "stated_rtmp_port": integer(server.get("rtmp_port")),
        "stated_protocol": text(server.get("server_protocol")),
        "timezone": zone,
        "server_time": text(server.get("time_now")),
        "server_time_ns": epoch_ns(server.get("timestamp_now")),
        "software": "XUI.one" if truth(server.get("xui")) else None,
        "software_version": _version(server),
        "marks": marks or None,
    }


def _version(server: Object) -> str | None:
    version, revision = text(server.get("version")), text(server.get("revision"))
    return f"{version} r{revision}" if version and revision else version


def title_values(info: Object, movie: Object, asked: Asked, *, is_series: bool) -> dict[str, Any]:
    """Return the values of a film or series about which the client asked."""
    both = (movie, info)
    kind = "series" if is_series else "vod"
    names = ("series_id",) if is_series else ("stream_id", "vod_id")
    return {
        "kind": kind,
        "entry_id": _first(both, *names) or asked.get(names[-1]) or asked.get(names[0]),
        "name": _first(both, "name", "title", "o_name"),
        "category_id": _first(both, "category_id"),
        "container": _first(both, "container_extension"),
        "entry_url": _first(both, "direct_source"),
        "logo_url": _first(both, "movie_image", "cover", "cover_big", "stream_icon"),
        "service_ref": _first(both, "custom_sid"),
        "added_ns": epoch_ns(_first(both, "added", "last_modified")),
    }


def _first(objects: Sequence[Object], *names: str) -> str | None:
    found = (text(item.get(name)) for name in names for item in objects)
    return next((value for value in found if value is not None), None)


def cut(raw: str) -> str:
    """Return an item as sent, as far as it is kept."""
    return raw[:MAX_RAW_CHARS]
