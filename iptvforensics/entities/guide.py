"""Programme guides to what was on while a session lasted.

A guide names a channel by its identifier in the guide, or by its number at the panel; only guides of the panel's own
hosts are asked by number. What the guide has is what somebody wrote into it, not what was shown.

**Known limitations**: sessions of catch-up are compared with the time of viewing and get no programme; guides whose
times have no zone are not used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ..sessions.addresses import host_of
from .catalogue import Names, Number
from .model import Resolution, TableReader
from .viewing import Watched

_MOST = 20
"""Programmes kept per session."""


def find_programmes(
    reader: TableReader, watched: Iterable[Watched], names: dict[Number, Names], panels: Resolution
) -> dict[tuple[str, str], list[str]]:
    """Return the titles of the programmes of each session, by capture and session."""
    live = [w for w in watched if w.media == "live" and w.viewing.kind != "vod" and w.panel_id and w.stream_id]
    if not live or not reader.has("programmes"):
        return {}
    rows = reader.select(
        "SELECT DISTINCT channel_ref, start_ns, end_ns, title, host FROM programmes WHERE channel_ref IS NOT NULL "
        "AND start_ns IS NOT NULL AND end_ns IS NOT NULL AND title IS NOT NULL ORDER BY ALL"
    )
    by_guide: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    by_number: dict[tuple[str, str], list[tuple[int, int, str]]] = defaultdict(list)
    for ref, start, end, title, host in rows:
        by_guide[ref].append((start, end, title))
        panel = panels.of((host_of(host) or "",))
        if panel is not None:
            by_number[panel.id, ref].append((start, end, title))
    found: dict[tuple[str, str], list[str]] = {}
    for w in live:
        named = names.get((w.panel_id or "", w.media or "", w.stream_id or ""))
        known = by_number.get((w.panel_id or "", w.stream_id or ""), [])
        if named is not None and named.epg_id:
            known = by_guide.get(named.epg_id, []) or known
        first, last = w.viewing.start_ns or 0, w.viewing.end_ns or 0
        titles = [title for start, end, title in known if start < last and end > first]
        if titles:
            found[w.viewing.capture_id, w.viewing.session_id] = list(dict.fromkeys(titles))[:_MOST]
    return found
