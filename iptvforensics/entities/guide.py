"""Programme guides to what was on while a session lasted, or at the past time that it asked for (catch-up).

A guide names a channel by its identifier in the guide, or by its number at the panel; only guides of the panel's own
hosts are asked by number. What the guide has is what somebody wrote into it, not what was shown.

**Known limitations**: guides whose times have no zone are not used. Of catch-up the time asked for counts, whatever
part of it was played; where that time cannot be placed there is no programme (`archive`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..sessions.addresses import host_of
from .archive import place
from .catalogue import Names, Number
from .listed import Listed, Session
from .model import Resolution, TableReader
from .sites import Sites
from .viewing import Watched

_MOST = 20
"""Programmes kept per session."""

_Guide = list[tuple[int, int, str]]


class Shown(NamedTuple):
    """What the guide has for a session."""

    titles: list[str] | None
    why: str | None
    """For what time it was asked, or why not."""
    archive_ns: int | None
    """Beginning of the past broadcast that was asked for."""


NO_GUIDE = Shown(None, None, None)


def find_programmes(
    reader: TableReader,
    watched: Iterable[Watched],
    names: dict[Number, Names],
    panels: Resolution,
    zones: Mapping[str, list[str]],
    listed: Mapping[Session, Listed],
    sites: Sites,
) -> dict[Session, Shown]:
    """Return the programmes of sessions of channels, by capture and session.

    Args:
        reader: reads the tables of the captures.
        watched: the sessions of the case.
        names: what watched numbers are called.
        panels: the panels of the case.
        zones: the time zones that they stated.
        listed: what lists call the URLs of sessions.
        sites: what hosts go by.
    """
    asked = [w for w in watched if w.archive is not None or (w.media == "live" and w.viewing.kind != "vod")]
    by_guide, by_number = _guides(reader, panels, sites) if any(w.media == "live" for w in asked) else ({}, {})
    found: dict[Session, Shown] = {}
    for w in asked:
        session = (w.viewing.capture_id, w.viewing.session_id)
        known: _Guide = []
        if w.media == "live":
            known = by_number.get((w.panel_id or "", w.stream_id or ""), [])
            named = names.get((w.panel_id or "", w.media, w.stream_id or "")) or listed.get(session)
            if named is not None and named.epg_id:
                known = by_guide.get(named.epg_id, []) or known
        shown = _shown(w, known, zones)
        if shown != NO_GUIDE:
            found[session] = shown
    return found


def _shown(w: Watched, known: _Guide, zones: Mapping[str, list[str]]) -> Shown:
    first, last = w.viewing.start_ns or 0, w.viewing.end_ns or 0
    if w.archive is None:
        titles = _during(known, first, last)
        return Shown(titles, "the time of the session", None) if titles else NO_GUIDE
    span = place(w.archive, w.panel_id, zones, last - first)
    if span.start_ns is None or span.end_ns is None:
        return Shown(None, span.why, None)
    titles = _during(known, span.start_ns, span.end_ns)
    return Shown(titles, span.why if titles else f"{span.why}; no guide has it", span.start_ns)


def _during(known: _Guide, first: int, last: int) -> list[str] | None:
    titles = [title for start, end, title in known if start < last and end > first]
    return list(dict.fromkeys(titles))[:_MOST] or None


def _guides(
    reader: TableReader, panels: Resolution, sites: Sites
) -> tuple[dict[str, _Guide], dict[tuple[str, str], _Guide]]:
    """Return what guides have by their own identifiers of channels, and by panel and number."""
    by_guide: dict[str, _Guide] = defaultdict(list)
    by_number: dict[tuple[str, str], _Guide] = defaultdict(list)
    if not reader.has("programmes"):
        return by_guide, by_number
    rows = reader.select(
        f"SELECT DISTINCT channel_ref, start_ns, end_ns, title, host, {sites.sql_capture} FROM programmes "  # noqa: S608
        "WHERE channel_ref IS NOT NULL "
        "AND start_ns IS NOT NULL AND end_ns IS NOT NULL AND title IS NOT NULL ORDER BY ALL"
    )
    for ref, start, end, title, host, capture in rows:
        by_guide[ref].append((start, end, title))
        panel = panels.of((sites.name(capture, host_of(host)) or "",))
        if panel is not None:
            by_number[panel.id, ref].append((start, end, title))
    return by_guide, by_number
