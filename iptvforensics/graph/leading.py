"""Redirects and playlists to edges between hosts: `redirects-to` and `refers-to`.

RFC 9110 section 15.4 (status codes 300 to 399 with Location, relative references mean the same host); RTMP
rejections that name another address; RFC 8216 section 4 (URLs in playlists).

A host that sends clients elsewhere gets `role` "redirector" with `why`.

**Known limitations**: redirects by script or by HTML are not seen. A host that redirects to itself, port and
path aside, makes no edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..sessions.addresses import host_of
from .model import Assembly
from .naming import SPAN, seen_in

if TYPE_CHECKING:
    from .build import TableReader

_SITE = r"'^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*'"
"""SQL pattern of the part of a URL that names its host; what has none is relative."""


def add_http_redirects(reader: TableReader, assembly: Assembly) -> None:
    """Add where hosts sent clients by HTTP status and Location."""
    rows = reader.select(
        f"SELECT capture_id, host, regexp_extract(location, {_SITE}) AS target, status, {SPAN} FROM http "  # noqa: S608
        "WHERE status BETWEEN 300 AND 399 AND location IS NOT NULL AND (host IS NOT NULL OR server_ip IS NOT NULL) "
        "GROUP BY ALL HAVING target != '' ORDER BY ALL"
    )
    for capture_id, host, target, status, *span in rows:
        _lead(assembly, host, target, "redirects-to", f"http-{status}", capture_id, tuple(span))


def add_rtmp_redirects(reader: TableReader, assembly: Assembly) -> None:
    """Add where RTMP servers sent clients when they rejected them."""
    rows = reader.select(
        f"WITH redirects AS (SELECT r.capture_id, c.tc_url, r.redirect_url, r.ts_ns, r.frame_no FROM rtmp r "  # noqa: S608
        "JOIN (SELECT DISTINCT capture_id, flow_id, tc_url FROM rtmp WHERE command = 'connect') c "
        "USING (capture_id, flow_id) WHERE r.redirect_url IS NOT NULL AND c.tc_url IS NOT NULL) "
        f"SELECT capture_id, tc_url, redirect_url, {SPAN} FROM redirects GROUP BY ALL ORDER BY ALL"
    )
    for capture_id, tc_url, target, *span in rows:
        _lead(assembly, tc_url, target, "redirects-to", "rtmp-redirect", capture_id, tuple(span))


def add_playlist_references(reader: TableReader, assembly: Assembly) -> None:
    """Add to which other hosts the playlists of a host refer."""
    rows = reader.select(
        f"SELECT capture_id, regexp_extract(playlist_url, {_SITE}) AS source, "  # noqa: S608
        f"regexp_extract(url, {_SITE}) AS target, {SPAN} FROM playlist_entries "
        "WHERE playlist_url IS NOT NULL AND url IS NOT NULL "
        "GROUP BY ALL HAVING source != '' AND target != '' AND source != target ORDER BY ALL"
    )
    for capture_id, source, target, *span in rows:
        _lead(assembly, source, target, "refers-to", "playlist-entry", capture_id, tuple(span))


def _lead(
    assembly: Assembly, source: str, target: str, kind: str, rule: str, capture_id: str, span: tuple[object, ...]
) -> None:
    here, there = host_of(source), host_of(target.removeprefix("//"))
    if here is None or there is None:
        return
    one, other = assembly.place(here.rstrip(".") or here), assembly.place(there.rstrip(".") or there)
    if one != other:
        assembly.relate(one, other, kind, rule, "conclusive", seen_in(capture_id, span))


def mark_redirectors(assembly: Assembly) -> None:
    """Give hosts that redirect their role, with the reason."""
    targets: dict[str, list[tuple[str, int]]] = {}
    for source, target, count in assembly.edges_of("redirects-to"):
        targets.setdefault(source, []).append((target.split(":", 1)[1], count))
    for source, found in targets.items():
        names = ", ".join(name for name, _ in found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        assembly.describe(source, "role", "redirector")
        assembly.describe(source, "why", f"sent clients elsewhere {sum(n for _, n in found)} times: {names}")
