"""xmltv.php and epg: the guide as XMLTV, also as a gzip file."""

from __future__ import annotations

import gzip
from xml.sax.saxutils import escape, quoteattr

from .config import Line
from .guide import programmes
from .player_api import icon
from .service import Panel
from .web import Reply, Request


def document(panel: Panel) -> str:
    """Return the guide; channels that share an id share the entry."""
    now, told = panel.clock(), panel.config.guide
    start, stop = now - 3600 * told.get("past_hours", 24), now + 3600 * told.get("hours", 24)
    out = ['<?xml version="1.0" encoding="utf-8" ?><!DOCTYPE tv SYSTEM "xmltv.dtd">\n',
           f"<tv generator-info-name={quoteattr(panel.config.brand)} generator-info-url="
           f"{quoteattr(f'http://{panel.config.host}:{panel.config.port}/')}>\n"]  # fmt: skip
    named = {channel.epg_id: channel for channel in panel.config.channels if channel.epg_id}
    for epg_id, channel in named.items():
        out.append(f"\t<channel id={quoteattr(epg_id)}>\n\t\t<display-name>{escape(channel.name)}</display-name>\n"
                   f"\t\t<icon src={quoteattr(icon(panel, channel))} />\n\t</channel>\n")  # fmt: skip
    for epg_id, channel in named.items():
        for p in programmes(channel, start, stop):
            begin, end = (panel.local(t, "%Y%m%d%H%M%S %z") for t in (p.start, p.stop))
            out.append(
                f'\t<programme start="{begin}" stop="{end}" start_timestamp="{p.start}" stop_timestamp="{p.stop}" '
                f"channel={quoteattr(epg_id)}>\n\t\t<title>{escape(p.title)}</title>\n"
                f"\t\t<desc>{escape(p.text)}</desc>\n\t</programme>\n"
            )
    return "".join(out) + "</tv>"


def answer(panel: Panel, request: Request, line: Line | None, *, packed: bool = False) -> Reply:
    """Return the reply to a call of xmltv.php or epg."""
    packed = packed or request.query.get("gz") == "1" or "gzip" in request.query
    request.said["did"] = "guide"
    if line is None or panel.status(line) != "Active":
        return panel.refused(request)
    request.said["auth"] = True
    body = document(panel).encode()
    if packed:
        headers = (("Content-Disposition", 'attachment; filename="epg.xml.gz"'),)
        return Reply(gzip.compress(body, mtime=0), "application/gzip", headers=headers, program=True)
    return Reply(body, "application/xml; charset=utf-8", compress=True, program=True)
