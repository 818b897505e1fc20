"""RTMP commands and data messages turned into rows of the table `rtmp`.

Specification: Adobe RTMP 1.0 section 7; the redirect forms of FMS and SRS (`ex.redirect`), Enhanced RTMP
(`NetConnection.Connect.ReconnectRequest`).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from . import _rtmp_layout as L
from ._amf import decode_amf0, to_json
from ._rtmp_listener import Message
from ._rtmp_tables import COLUMNS

NAMED_STREAM = frozenset(
    ("publish", "play", "play2", "releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe", "FCUnsubscribe",
     "getStreamLength")
)  # fmt: skip
CLIENT_COMMANDS = NAMED_STREAM | {"connect", "createStream", "deleteStream", "closeStream", "pause", "seek"}
SERVER_COMMANDS = frozenset(("_result", "_error", "onStatus", "onBWDone", "onFCPublish", "onFCSubscribe", "close"))
REPLIES = frozenset(("_result", "_error", "onStatus"))
USER_EVENTS = {0: "StreamBegin", 1: "StreamEOF"}
FROM_SERVER_EVENTS = frozenset((0, 1, 2, 4, 6, 26, 31, 32))
FROM_CLIENT_EVENTS = frozenset((3, 7, 27))
DATA_TYPES = (L.DATA_AMF0, L.DATA_AMF3)
COMMAND_TYPES = (L.COMMAND_AMF0, L.COMMAND_AMF3)
SHARED_TYPES = (L.SHARED_AMF0, L.SHARED_AMF3)


class Told(NamedTuple):
    """A decoded message: its row, if it deserves one, and what the parser acts on."""

    row: dict[str, Any] | None
    command: str | None
    values: list[Any]
    is_client: bool | None
    """True if only clients send this, False if only servers do."""
    error: str | None


def read_message(message: Message) -> Told:
    """Return what a message says."""
    if message.type in COMMAND_TYPES:
        return _read_command(message)
    if message.type in DATA_TYPES:
        return _read_data(message)
    if message.type in SHARED_TYPES:
        return _read_shared_object(message)
    if message.type == L.SET_CHUNK_SIZE:
        row = _row(message, kind="control", command="SetChunkSize", arguments=f"[{message.value}]")
        bad = None if 0 < message.value <= 0x7FFFFFFF else f"chunk size {message.value}"
        return Told(row, None, [], None, bad)
    return _read_user_control(message)


def _row(message: Message, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row["message_stream_id"] = message.message_stream_id
    row["chunk_stream_id"] = message.chunk_stream_id
    row["timestamp_ms"] = message.timestamp_ms
    row.update(values)
    return row


def _amf_values(message: Message) -> tuple[list[Any], str | None]:
    """Return the values of a message; the AMF3 forms are AMF0 after a first byte 0, which some senders leave out."""
    payload = message.payload
    skip = message.type in (L.COMMAND_AMF3, L.DATA_AMF3) and payload[:1] == b"\0"
    return decode_amf0(payload, 1 if skip else 0)


def text(value: Any) -> str | None:
    """Return the value if it is text that says something."""
    return value if isinstance(value, str) and value else None


def number(value: Any) -> float | None:
    """Return the value if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def whole(value: Any) -> int | None:
    """Return the value if it is a number that fits a column of integers."""
    found = number(value)
    return int(found) if found is not None and abs(found) < 1 << 53 else None


def argument(values: list[Any], place: int) -> Any:
    """Return a value by its place, None if there are fewer."""
    return values[place] if place < len(values) else None


def part(value: Any, name: str) -> Any:
    """Return a part of an object by name, None if it has none."""
    return value.get(name) if isinstance(value, dict) else None


def _read_command(message: Message) -> Told:
    values, error = _amf_values(message)
    name = text(argument(values, 0))
    row = _row(message, kind="command", command=name, transaction_id=number(argument(values, 1)))
    row["arguments"] = to_json(values[2:])
    if name == "connect":
        _add_connect(row, argument(values, 2))
    elif name in NAMED_STREAM:
        row["stream_name"] = text(argument(values, 3))
        if name == "publish":
            row["publish_type"] = text(argument(values, 4))
        elif name == "play":
            row["play_start"] = number(argument(values, 4))
        elif name == "play2":
            row["stream_name"] = text(part(argument(values, 3), "streamName"))
    elif name in REPLIES:
        _add_reply(row, values)
    is_client = True if name in CLIENT_COMMANDS else False if name in SERVER_COMMANDS else None
    return Told(row, name, values, is_client, error)


def _add_connect(row: dict[str, Any], options: Any) -> None:
    row["app"] = text(part(options, "app"))
    row["tc_url"] = text(part(options, "tcUrl"))
    row["flash_ver"] = text(part(options, "flashVer"))
    row["swf_url"] = text(part(options, "swfUrl"))
    row["page_url"] = text(part(options, "pageUrl"))
    row["object_encoding"] = number(part(options, "objectEncoding"))


def _add_reply(row: dict[str, Any], values: list[Any]) -> None:
    information = argument(values, 3)
    row["fms_ver"] = text(part(argument(values, 2), "fmsVer"))
    row["status_code"] = text(part(information, "code"))
    row["status_description"] = text(part(information, "description"))
    row["object_encoding"] = number(part(information, "objectEncoding"))
    more = part(information, "ex")
    row["redirect_url"] = text(part(more, "redirect")) or text(part(more, "redirect2"))
    if row["status_code"] == "NetConnection.Connect.ReconnectRequest":
        row["redirect_url"] = text(part(information, "tcUrl")) or row["redirect_url"]


def status_code(values: list[Any]) -> str | None:
    """Return the code of a reply's information object."""
    return text(part(argument(values, 3), "code"))


def _read_data(message: Message) -> Told:
    values, error = _amf_values(message)
    name = text(argument(values, 0))
    row = _row(message, kind="data", command=name, arguments=to_json(values[1:]))
    row["encoder"] = encoder_in(metadata_in(values))
    return Told(row, name, values, None, error)


def metadata_in(values: list[Any]) -> dict[str, Any]:
    """Return the properties that a data message states of the stream; empty if it is none of that kind."""
    place = 1 if argument(values, 0) == "@setDataFrame" else 0
    found = argument(values, place + 1)
    return found if argument(values, place) == "onMetaData" and isinstance(found, dict) else {}


def encoder_in(metadata: dict[str, Any]) -> str | None:
    """Return the program that metadata name: the encoder, else the server that passed the stream on."""
    return next((found for key in ("encoder", "Server", "server") if (found := text(metadata.get(key)))), None)


def _read_shared_object(message: Message) -> Told:
    payload = message.payload[1:] if message.type == L.SHARED_AMF3 else message.payload
    length = int.from_bytes(payload[:2], "big")
    name = payload[2 : 2 + length].decode("utf-8", "backslashreplace")
    error = f"shared object name of {length} bytes is cut" if len(payload) < 2 + length or len(payload) < 2 else None
    return Told(_row(message, kind="data", command=name or None), None, [], None, error)


def _read_user_control(message: Message) -> Told:
    payload = message.payload
    if len(payload) < 6:
        return Told(None, None, [], None, f"user control message of {len(payload)} bytes")
    event = int.from_bytes(payload[:2], "big")
    is_client = True if event in FROM_CLIENT_EVENTS else False if event in FROM_SERVER_EVENTS else None
    name = USER_EVENTS.get(event)
    if name is None:
        return Told(None, None, [], is_client, None)
    arguments = f"[{int.from_bytes(payload[2:6], 'big')}]"
    return Told(_row(message, kind="control", command=name, arguments=arguments), None, [], is_client, None)
