"""Things that Enigma2 lists to values of the tables: service references, services, events, devices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ..listings.asked import Asked
from ..listings.values import as_object, base64_text, decimal_number, integer, mac_address, text

_REFERENCE = re.compile(r"([0-9]{1,10}):([0-9]{1,10}):([0-9A-Fa-f]+)((?::[0-9A-Fa-f]*){7}):?(.*)\Z", re.DOTALL)
_MARKER, _DIRECTORY = 0x40, 0x07
"""Flags; type and flags are written in decimal, the other fields in hexadecimal."""
_RADIO = frozenset({"2", "A"})
_FILE = re.compile(r"\.([A-Za-z0-9]{2,4})\Z")
_SECOND = 1_000_000_000


def read_reference(reference: str) -> dict[str, Any]:
    """Return what a service reference says: its ten fields, the URL behind them, the name behind the URL.

    Example:
        >>> read_reference("4097:0:1:64:0:0:0:0:0:0:http%3a//tv.example%3a8080/live/u/p/7.ts:News")["entry_url"]
        'http://tv.example:8080/live/u/p/7.ts'
    """
    match = _REFERENCE.match(reference.strip())
    if match is None:
        return {"entry_raw": reference.strip() or None}
    kind, flags, service_type, rest, behind = match.groups()
    where, _, name = behind.partition(":")
    url = unquote(where)
    values: dict[str, Any] = {
        "service_ref": f"{kind}:{flags}:{service_type}{rest}:",
        "entry_url": url if "://" in url else None,
        "entry_raw": reference.strip() if behind else None,
        "name": name.strip() or None,
    }
    marks = int(flags)
    if marks == _MARKER:
        values["kind"] = "category"
    elif marks & _DIRECTORY == _DIRECTORY:
        values["kind"] = "list"
        values["name"] = values["name"] or _bouquet_name(behind)
    elif service_type.upper() in _RADIO:
        values["kind"] = "radio"
    else:
        values["kind"] = kind_of_url(values["entry_url"]) or "live"
    return values


def _bouquet_name(behind: str) -> str | None:
    found = re.search(r'FROM BOUQUET "([^"]+)"', behind)
    return found[1] if found else None


def kind_of_url(url: str | None) -> str | None:
    """Return what a URL names by its path; null if that says nothing."""
    for part, kind in (("/movie/", "vod"), ("/series/", "episode"), ("/live/", "live")):
        if url is not None and part in url:
            return kind
    return None


def page_entry(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of an entry of the page `enigma2.php`: titles are in base64."""
    url, deeper = fields.get("stream_url"), fields.get("playlist_url")
    match = _FILE.search((url or "").partition("?")[0])
    return {
        "kind": (kind_of_url(url) or "live") if url else "category",
        "name": base64_text(fields.get("title")),
        "entry_url": url or deeper,
        "category_id": fields.get("category_id"),
        "logo_url": fields.get("desc_image"),
        "container": match[1].lower() if match and url else None,
    }


def service_entry(fields: Mapping[str, Any], category: str | None) -> dict[str, Any]:
    """Return the values of a service of the web interface."""
    values = read_reference(text(fields.get("servicereference") or fields.get("e2servicereference")) or "")
    name = text(fields.get("servicename") or fields.get("e2servicename"))
    return {**values, "name": name or values.get("name"), "category_name": category}


def event_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an event of the web interface; its times are seconds since 1970."""
    get = {key.removeprefix("e2event"): value for key, value in fields.items()}.get
    start = decimal_number(get("begin_timestamp") or get("start"))
    length = decimal_number(get("duration_sec") or get("duration"))
    start_ns = int(start) * _SECOND if start is not None and 0 < start < 9e9 else None
    has_end = start_ns is not None and length is not None and 0 <= length < 1e9
    return {
        "channel_ref": text(get("sref") or get("servicereference")),
        "start_ns": start_ns,
        "end_ns": start_ns + int(length) * _SECOND if has_end and start_ns is not None and length is not None else None,
        "start_text": text(get("begin") or get("date")),
        "title": text(get("title")),
        "description": text(get("longdesc") or get("descriptionextended") or get("shortdesc") or get("description")),
        "category": text(get("genre")),
    }


def status_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a receiver says is on now: the service that it is tuned to, and the programme there."""

    def time_ns(name: str) -> int | None:
        seconds = decimal_number(fields.get(name))
        return int(seconds) * _SECOND if seconds is not None and 0 < seconds < 9e9 else None

    return {
        "channel_ref": text(fields.get("currservice_serviceref")),
        "start_ns": time_ns("currservice_begin_timestamp"),
        "end_ns": time_ns("currservice_end_timestamp"),
        "start_text": text(fields.get("currservice_begin")),
        "end_text": text(fields.get("currservice_end")),
        "title": text(fields.get("currservice_name")),
        "description": text(fields.get("currservice_fulldescription") or fields.get("currservice_description")),
    }


def device_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a receiver says of itself."""
    get = {key.removeprefix("e2"): value for key, value in fields.items()}.get
    interfaces = [as_object(item) for item in as_object(get("ifaces")).values()]
    macs = [get("lanmac"), get("mac"), *(item.get("mac") for item in interfaces)]
    mac, mac_raw = next((found for found in map(mac_address, macs) if found[0]), (None, None))
    brand, model = text(get("brand")), text(get("model") or get("devicename") or get("boxtype"))
    image = " ".join(filter(None, (text(get("imagedistro")), text(get("imagever") or get("imageversion")))))
    return {
        "mac": mac,
        "mac_raw": mac_raw,
        "model": f"{brand} {model}" if brand and model and not model.startswith(brand) else model,
        "firmware": image or text(get("enigmaver") or get("enigmaversion")),
        "software": "OpenWebif" if get("webifver") or get("webifversion") else None,
        "software_version": text(get("webifver") or get("webifversion")),
        "serial": text(get("serial")),
    }


def plugin_values(details: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """Return what the page for a panel software's own plug-in says of the account, or sends to the receiver."""
    mac, mac_raw = mac_address(details.get("mac"))
    if mac is None:
        mac, mac_raw = asked.mac
    message = details.get("message")
    return {
        "username": text(details.get("username")),
        "password": text(details.get("password")),
        "token": text(details.get("token")) or asked.get("token"),
        "mac": mac,
        "mac_raw": mac_raw,
        "message": text(as_object(message).get("message") if isinstance(message, dict) else message),
        "account_ref": text(details.get("user_id") or details.get("id")),
        "max_connections": integer(details.get("max_connections")),
    }
