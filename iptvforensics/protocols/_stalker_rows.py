"""Objects of a Stalker portal to values of the tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..listings.asked import Asked
from ..listings.dates import date_ns, is_end
from ..listings.values import (
    Columns,
    as_object,
    base64_text,
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

SECTION = {
    "itv": "live",
    "vod": "vod",
    "series": "series",
    "radio": "radio",
    "tv_archive": "live",
    "karaoke": "karaoke",
    "remote_pvr": "recording",
    "downloads": "download",
}
"""What a `type` of requests is about."""
LISTS = frozenset(
    {"get_all_channels", "get_ordered_list", "get_all_fav_channels", "get_genres", "get_categories",
     "get_genres_by_category_alias", "get_all_fav_radio", "get_all_radio"}
)  # fmt: skip
CATEGORIES = frozenset({"get_genres", "get_categories", "get_genres_by_category_alias"})
GUIDES = frozenset({"get_epg_info", "get_short_epg", "get_simple_data_table", "get_data_table"})

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+\Z")
_SOLUTION = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,15}[ \t]+(?=\S)")


def link_of(command: str | None) -> str | None:
    """Return a command without the player that it names before the URL.

    Example:
        >>> link_of("ffmpeg http://edge.example/ch/1"), link_of("auto /media/7.mpg"), link_of("http://a.example/x")
        ('http://edge.example/ch/1', '/media/7.mpg', 'http://a.example/x')
    """
    if command is None:
        return None
    match = _SOLUTION.match(command)
    return command[match.end() :].strip() if match else command.strip()


def entry_kind(item: Object, asked: Asked) -> str | None:
    """Return what an object of a list is."""
    section = SECTION.get(asked.get("type") or "")
    if (asked.get("action") or "") in CATEGORIES:
        return "category"
    if truth(item.get("is_season")) or "season_number" in item:
        return "season"
    if truth(item.get("is_episode")) or "series_number" in item:
        return "episode"
    if section == "series":
        return "season" if asked.get("movie_id") not in (None, "0") else "series"
    if truth(item.get("is_series")):
        return "series"
    if section is None:
        return "live" if "cmd" in item and ("number" in item or "tv_genre_id" in item) else None
    return section


def entry_columns(items: Columns, kind: str | None, asked: Asked) -> dict[str, Sequence[Any]]:
    """Return the columns of catalogue entries of one kind."""
    count = items.count
    if kind == "category":
        return {
            "kind": [kind] * count,
            "entry_id": texts(items.pick("id")),
            "name": texts(items.pick("title", "name", "alias")),
            "section": [SECTION.get(asked.get("type") or "")] * count,
            "number": integers(items.pick("number")),
        }
    commands = _commands(items)
    urls = [_url_of(command) for command in commands]
    parent = asked.get("movie_id") if kind in ("season", "episode") else None
    columns: dict[str, Sequence[Any]] = {
        "kind": [kind] * count,
        "entry_id": texts(items.pick("id", "ch_id")),
        "name": texts(items.pick("name", "o_name", "title")),
        "number": integers(items.pick("number", "season_number", "series_number")),
        "category_id": texts(items.pick("tv_genre_id", "category_id")),
        "category_name": texts(items.pick("genres_str", "category")),
        "parent_id": [parent if parent not in (None, "0") else None] * count,
        "epg_id": texts(items.pick("xmltv_id")),
        "entry_url": urls,
        "entry_raw": [raw if raw != url else None for raw, url in zip(commands, urls, strict=True)],
        "logo_url": texts(items.pick("logo", "screenshot_uri", "pic")),
        "service_ref": texts(items.pick("service_id")),
        "is_archive": truths(items.pick("enable_tv_archive", "archive")),
        "added_ns": epochs_ns(items.pick("added")),
    }
    return columns


def _url_of(command: str | None) -> str | None:
    """Return the URL of a command; a command in base64 is a URL only if one comes out (mostly an object does)."""
    link = link_of(command)
    plain = base64_text(link)
    return link if plain == link else plain if plain is not None and _URL.match(plain) else None


def _commands(items: Columns) -> list[str | None]:
    found = texts(items.pick("cmd"))
    if None not in found:
        return list(found)
    several = [as_object(cmds) for cmds in items.pick("cmds")]
    return [
        one or next((text(as_object(cmd).get("url")) for cmd in many.values()), None)
        for one, many in zip(found, several, strict=True)
    ]


def programme_columns(items: Columns, channel: str | None) -> dict[str, Sequence[Any]]:
    """Return the columns of programmes."""
    return {
        "channel_ref": [value or channel for value in texts(items.pick("ch_id"))],
        "start_ns": epochs_ns(items.pick("start_timestamp")),
        "end_ns": epochs_ns(items.pick("stop_timestamp")),
        "start_text": texts(items.pick("time", "start")),
        "end_text": texts(items.pick("time_to", "stop")),
        "title": texts(items.pick("name", "title")),
        "description": texts(items.pick("descr", "description")),
        "category": texts(items.pick("category")),
    }


def account_values(said: Object, asked: Asked, *, is_genuine: bool = False) -> dict[str, Any]:
    """Return the values of a profile or of any other reply about the account; what it lacks the request may say.

    The imitation in Xtream software, which adds nothing of a genuine server, writes the end of the account where the
    telephone number belongs.
    """
    mac, mac_raw = mac_address(said.get("mac"))
    if mac is None:
        mac, mac_raw = asked.mac
    expires = _first(said, "expire_billing_date", "end_date", "tariff_expired_date", "expire_date")
    phone = text(said.get("phone"))
    if not is_genuine and asked.get("action") == "get_main_info" and is_end(phone):
        expires, phone = expires or phone, None
    zone = _first(said, "default_timezone", "timezone")
    status = said.get("status")
    return {
        "username": _first(said, "login") or asked.get("login"),
        "password": _first(said, "password", "pass") or asked.get("password"),
        "mac": mac,
        "mac_raw": mac_raw,
        "token": text(said.get("token")) or asked.bearer or asked.get("token"),
        "account_status": text(status),
        "message": _first(said, "msg", "message", "block_msg"),
        "created_ns": epoch_ns(said.get("created")) or date_ns(text(said.get("created")), zone),
        "expires_ns": epoch_ns(expires) or date_ns(expires, zone),
        "expires_text": expires if epoch_ns(expires) is None else None,
        "max_connections": integer(said.get("playback_limit")),
        "timezone": zone,
        "serial": _first(said, "serial_number", "sn") or asked.get("sn"),
        "device_id_sent": text(said.get("device_id")) or asked.get("device_id"),
        "device_id2_sent": text(said.get("device_id2")) or asked.get("device_id2"),
        "signature": text(said.get("signature")) or asked.get("signature"),
        "model": text(said.get("stb_type")) or asked.get("stb_type"),
        "firmware": _first(said, "image_version", "version") or asked.get("image_version") or asked.get("ver"),
        "account_ref": _first(said, "ls", "id"),
        "person": _first(said, "fname", "fio", "name"),
        "phone": phone,
        "tariff": _first(said, "tariff_plan", "tariff_plan_id"),
        "reseller": _first(said, "reseller_id"),
    }


def _first(said: Object, *names: str) -> str | None:
    return next((found for name in names if (found := text(said.get(name))) is not None), None)
