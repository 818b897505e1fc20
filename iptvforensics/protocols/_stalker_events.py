"""Calls by which a client tells a portal what it plays, and what the portal tells it in answer -> a row each.

A box reports by itself: `log` when something starts or stops, `set_last_id` and `set_played` for what was chosen, and
`get_events` (watchdog) every one or two minutes with the kind of what is playing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..listings.asked import Asked
from ..listings.values import integer, text, truth
from ..schema import OBJECT_OFFSET, Column, message_table

EVENT_ACTIONS = frozenset(
    {"log", "get_events", "confirm_event", "set_last_id", "set_played", "set_not_ended", "set_ended"}
)
PLAYING = {
    0: "nothing",
    1: "TV",
    2: "video",
    3: "karaoke",
    4: "audio",
    5: "radio",
    9: "advertisement",
    10: "media browser",
    11: "TV archive",
    12: "records",
    14: "time shift",
}
"""What a play type stands for; others are not known."""
_CONTENT = ("content_id", "ch_id", "itv_id", "video_id", "last_id")

PORTAL_EVENTS = message_table(
    "portal_events",
    "call by which a client told a Stalker portal what it plays, or asked it for events; all but the event with its "
    "number and text is what the client claims",
    (
        OBJECT_OFFSET,
        Column("action", "text", "What was asked of the service, in its own word: log, get_events, set_last_id, ..."),
        Column("kind", "text", "Part of the portal that was called, in its own word: stb, watchdog, itv, vod, ..."),
        Column("url", "text", "Absolute URL that was asked for; null if the host is unknown."),
        Column("host", "text", "Host, and port if one was named, that the client asked for, as sent."),
        Column("mac", "text", "MAC address that the client claims, as aa:bb:cc:dd:ee:ff."),
        Column("real_action", "text", "What the client did, in its own word, such as play or stop (log)."),
        Column("param", "text", "What it did it with, as sent: mostly the command or URL of the media (log)."),
        Column("content_id", "text", "Identifier of what was played or chosen, digits as text."),
        Column("play_type", "int", "Kind of what is playing as a number (cur_play_type; of log tmp_type)."),
        Column(
            "playing", "text", "The same in a word: TV, video, radio, nothing, ...; null if the number is not known."
        ),
        Column("is_init", "bool", "True if the client says that it has just started (init)."),
        Column("active_event", "text", "Number of the event that the client has on its screen or confirms."),
        Column("event", "text", "Event that the portal answered with, in its own word, such as send_msg or reboot."),
        Column("event_id", "text", "Number of that event at the portal."),
        Column("message", "text", "Text of the server for the subscriber or about the account."),
    ),
    endpoints=True,
)


def event_values(asked: Asked, said: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the values of a call and of the event in its reply; null for calls of other kinds."""
    action = asked.get("action")
    if action not in EVENT_ACTIONS:
        return None
    play_type = integer(asked.get("cur_play_type") or asked.get("tmp_type"))
    names = (*_CONTENT, "id") if action == "set_last_id" else _CONTENT
    is_watchdog = action == "get_events"
    return {
        "action": action,
        "kind": asked.get("type"),
        "mac": asked.mac[0],
        "real_action": asked.get("real_action"),
        "param": asked.get("param"),
        "content_id": next((found for name in names if (found := asked.get(name))), None),
        "play_type": play_type,
        "playing": None if play_type is None else PLAYING.get(play_type),
        "is_init": truth(asked.get("init")),
        "active_event": asked.get("event_active_id"),
        "event": text(said.get("event")) if is_watchdog else None,
        "event_id": text(said.get("id")) if is_watchdog else None,
        "message": text(said.get("msg")) if is_watchdog else None,
    }
