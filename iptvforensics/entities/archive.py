"""URLs that ask for the past of a channel (catch-up) to the time that they ask for.

Forms: `/timeshift/` and `/timeshifts/` paths and `timeshift.php` of the Xtream family, whose time is that of the panel;
`utc=` on the URL of a live channel, in seconds since 1970; links to an archive that a Stalker portal gave, with
seconds since 1970 in their path. The panel's zone is the one that it states in its replies.

**Known limitations**: a zone is what the panel says of itself; a time that its clock shows twice, or never, is not
placed. Replies of Stalker portals give no zone here: it may be the one that the client claimed. Paths of media
servers that no panel stands before are not read. Where the URL has no duration, that of the session stands for it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from ..sessions.addresses import host_of
from ..times import zone_named
from .model import Resolution
from .replies import GivenLink, Reply
from .urls import PanelUrl, query_fields

_PATH = re.compile(r"/timeshift/[^/]+/[^/]+/(?P<minutes>\d{1,5})/(?P<start>[\d:_-]+)/")
_TURNED = re.compile(r"/timeshifts/[^/]+/[^/]+/(?P<minutes>\d{1,5})/\d+/(?P<start>[\d:_-]+)")
_LOCAL = re.compile(r"(\d{4})-(\d\d)-(\d\d)[:_](\d\d)-(\d\d)(?:-(\d\d))?$")
_SECONDS = re.compile(r"\d{9,10}$")
_IN_LINK = re.compile(r"[/-](\d{9,10})[/-](\d{1,6})(?:/|\.\w{2,5}$)")


class Archive(NamedTuple):
    """What was asked for from the archive of a channel."""

    basis: str
    """How that is known."""
    start_ns: int | None = None
    local: datetime | None = None
    """Beginning by the panel's clock, without zone."""
    seconds: int | None = None


class Span(NamedTuple):
    """When the broadcast that was asked for began and ended; null with the reason in words."""

    start_ns: int | None
    end_ns: int | None
    why: str


def asked_archive(url: str, says: PanelUrl | None, link: GivenLink | None) -> Archive | None:
    """Return what a URL asks for from an archive; None if it asks for no past.

    Args:
        url: what was asked for first.
        says: what it says about a panel.
        link: the link by which a portal sent the client there.
    """
    if says is not None:
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        query = dict(field for field in query_fields(parts.query) if field[1])
        found = _PATH.search(parts.path) or _TURNED.search(parts.path)
        if found:
            return _at(found["start"], found["minutes"], "its path asks for the past of the channel")
        if says.kind == "catchup" and query.get("start"):
            minutes = query.get("duration", "")
            return _at(query["start"], minutes, "its URL asks for the past of the channel (start)")
        if "utc" in query:
            start = int(query["utc"]) * 10**9 if _SECONDS.match(query["utc"]) else None
            return Archive("its URL asks for the past of the channel (utc)", start)
        if says.kind == "catchup":
            return Archive(f"its path is one for the past of channels ({says.form})")
    if link is not None and link.is_archive:
        found = _IN_LINK.search(urlsplit(link.url).path)
        start, seconds = (int(found[1]) * 10**9, int(found[2])) if found else (None, None)
        return Archive("the portal gave the link for its archive", start, None, seconds)
    return None


def _at(start: str, minutes: str, basis: str) -> Archive:
    found = _LOCAL.match(start)
    try:
        local = datetime.fromisoformat("{}-{}-{}T{}:{}:{}".format(*found.groups("00"))) if found else None
    except ValueError:
        local = None
    return Archive(basis, None, local, int(minutes) * 60 if minutes.isdecimal() and len(minutes) < 6 else None)


def stated_zones(replies: Iterable[Reply], panels: Resolution) -> dict[str, list[str]]:
    """Return the time zones that each panel stated for itself."""
    found: dict[str, set[str]] = defaultdict(set)
    for reply in replies:
        panel = panels.of((host_of(reply.host) or "",))
        if reply.family == "xtream" and reply.role != "request" and reply.timezone and panel is not None:
            found[panel.id].add(reply.timezone)
    return {panel: sorted(zones) for panel, zones in found.items()}


def place(archive: Archive, panel_id: str | None, zones: Mapping[str, list[str]], lasted_ns: int) -> Span:
    """Return the time that was asked for.

    Args:
        archive: what the URL says.
        panel_id: the panel whose clock the URL means.
        zones: the zones that panels stated.
        lasted_ns: how long the session lasted, for URLs without a duration.
    """
    start, why = archive.start_ns, "the URL's own time"
    if start is None and archive.local is None:
        return Span(None, None, "a past broadcast was asked for, of a time that cannot be told")
    if start is None and archive.local is not None:
        known = zones.get(panel_id or "", [])
        starts = {_instant(archive.local, zone) for zone in known}
        asked = f"{archive.local:%Y-%m-%d %H:%M} by the panel's clock"
        start = starts.pop() if len(starts) == 1 else None
        if start is None:
            lacks = f"cannot be placed in the stated zone ({', '.join(known)})" if known else "has no stated zone"
            return Span(None, None, f"a past broadcast was asked for: {asked}, which {lacks}")
        why = f"{asked}, in the zone that it states: {', '.join(known)}"
    length = archive.seconds * 10**9 if archive.seconds else max(lasted_ns, 10**9)
    return Span(start, (start or 0) + length, f"a past broadcast was asked for: {why}")


def _instant(local: datetime, zone: str) -> int | None:
    """Return a local time as nanoseconds since 1970; None if the zone is not known or shows it twice or never."""
    known = zone_named(zone)
    if known is None:
        return None
    first, second = (local.replace(tzinfo=known, fold=fold).astimezone(UTC) for fold in (0, 1))
    return int(first.timestamp()) * 10**9 if first == second else None
