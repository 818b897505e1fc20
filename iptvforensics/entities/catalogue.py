"""Catalogues and watched numbers to channels and titles: done by the database, since catalogues are large.

A channel is a number at a panel, or a stream that no panel numbers (`feeds`). Its name is what the panel's catalogue
says (list of the interface before playlist); without a catalogue the name that the stream carries. `name_source` says
which.

Channels of a programme guide are no offer: their identifiers are those of the guide.

Categories count within their part of the catalogue (live, radio, films, series).

**Known limitations**: of several names for one number the one of the first source is shown; a catalogue that
changes during a case is not told apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..entity_tables import CHANNELS, TITLES
from .model import Resolution, digest
from .sites import is_apart, plain, zone
from .viewing import Watched

if TYPE_CHECKING:
    from ..derived import Workbench

_HOST = r"'^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#]+)'"
_NUMBER = r"'/(\d+)(?:\.\w{2,5})?(?:[?#|]|$)'"
_KINDS = (
    "CASE WHEN c.kind IN ('live', 'radio') THEN 'live' WHEN c.kind = 'vod' THEN 'movie' "
    "WHEN c.kind IN ('series', 'episode') THEN c.kind WHEN c.kind IS NOT NULL OR entry_url IS NULL THEN NULL "
    "WHEN entry_url LIKE '%/movie/%' THEN 'movie' WHEN entry_url LIKE '%/series/%' THEN 'episode' ELSE 'live' END"
)
_SECTION = (
    "CASE WHEN c.kind = 'radio' THEN 'radio' WHEN media = 'live' THEN 'live' WHEN media = 'movie' THEN 'vod' "
    r"WHEN family = 'stalker' AND regexp_matches(url, '[?&]type=vod(&|$)') THEN 'vod' ELSE 'series' END"
)
"""The part of the catalogue whose categories an entry names; portals also list series among their films."""

_LISTER = f"lower(regexp_extract(c.host, {_HOST}, 1))"
_OFFERER = (
    "lower(regexp_extract(CASE WHEN family IN ('m3u', 'enigma2', 'txtlist') THEN coalesce(entry_url, c.host) "
    f"ELSE c.host END, {_HOST}, 1))"
)
"""The host of an entry: of a list in text form that of the entry's URL, else the one that gave it."""

_THINGS = f"""
WITH told AS (
  SELECT capture_id, {_KINDS} AS media,
    coalesce(entry_id, nullif(regexp_extract(entry_url, {_NUMBER}, 1), '')) AS stream_id,
    OFFERER AS host,
    CASE WHEN family IN ('m3u', 'txtlist') THEN '2' ELSE '1' END || name AS named,
    number, category_id, category_name, epg_id, container, archive_days, {_SECTION} AS section
  FROM catalogue_entries c WHERE family IS DISTINCT FROM 'xmltv'),
offers AS (
  SELECT p.panel_id, media, stream_id, min(named) AS named, min(number) AS number, min(epg_id) AS epg_id,
    min(coalesce(c.category_name, t.category_name)) AS category, max(archive_days) AS archive_days,
    min(container) AS container, CAPTURES AS capture_ids
  FROM told t JOIN panel_names p USING (host) LEFT JOIN categories c USING (panel_id, category_id, section)
  WHERE media IS NOT NULL AND stream_id IS NOT NULL GROUP BY ALL),
viewings AS (SELECT panel_id, media, stream_id, count(*) AS sessions, min(name) AS carried,
    list_sort(list(DISTINCT capture_id)) AS capture_ids FROM viewed GROUP BY ALL),
hosts AS (SELECT panel_id, min(panel_host) AS panel_host FROM panel_names GROUP BY ALL)
SELECT (CASE WHEN media = 'live' THEN 'c-' ELSE 't-' END)
    || substr(sha256(concat_ws(chr(0), panel_id, media, stream_id)), 1, 12) AS id,
  panel_id, panel_host, media, stream_id, coalesce(substr(o.named, 2), v.carried) AS name,
  CASE WHEN o.named IS NOT NULL THEN CASE left(o.named, 1) WHEN '1' THEN 'catalogue' ELSE 'playlist' END
    WHEN v.carried IS NOT NULL THEN 'in-stream' END AS name_source,
  o.number, o.epg_id, o.category, o.archive_days, o.container, o.capture_ids IS NOT NULL AS is_offered,
  v.sessions IS NOT NULL AS watched, coalesce(v.sessions, 0) AS sessions,
  CASE WHEN v.capture_ids IS NULL THEN o.capture_ids WHEN o.capture_ids IS NULL THEN v.capture_ids
    ELSE list_sort(list_distinct(list_concat(o.capture_ids, v.capture_ids))) END AS capture_ids
FROM offers o FULL JOIN viewings v USING (panel_id, media, stream_id) LEFT JOIN hosts USING (panel_id)
"""  # noqa: S608
"""What is offered, joined with what was watched. A name stands behind a digit for its source, the best one first."""

_CATEGORIES = """
WITH said AS (
  SELECT p.panel_id, entry_id AS category_id, coalesce(section, '') AS listed, min(name) AS name
  FROM catalogue_entries c JOIN panel_names p ON LISTER = p.host
  WHERE kind = 'category' AND entry_id IS NOT NULL GROUP BY ALL)
SELECT panel_id, category_id, section, arg_min(name, place) AS category_name
FROM said JOIN (VALUES ('live', 'live', 1), ('live', '', 2), ('radio', 'radio', 1), ('radio', 'live', 2),
  ('radio', '', 3), ('vod', 'vod', 1), ('vod', '', 2),
  ('series', 'series', 1), ('series', '', 2)) AS fits(section, listed, place)
USING (listed) GROUP BY ALL
"""
"""Categories by the part of the catalogue that they are of: their numbers are counted apart in each. Those of which no
part is known count where no other one has the number."""


class Names(NamedTuple):
    """What a watched number is called."""

    entity_id: str
    name: str | None
    source: str | None
    epg_id: str | None


Number = tuple[str, str, str]
"""Panel, media (live, movie, episode) and number."""


class Unnumbered(NamedTuple):
    """Rows of what has no number at a panel."""

    channels: list[tuple[Any, ...]]
    titles: list[tuple[Any, ...]]


class Catalogue(NamedTuple):
    """What rules need of the channels and titles."""

    names: dict[Number, Names]
    """What the watched numbers are called."""
    offers: dict[str, tuple[int, int]]
    """Channels and titles that each panel offers."""


def write_catalogue(bench: Workbench, panels: Resolution, watched: Iterable[Watched], feeds: Unnumbered) -> Catalogue:
    """Write channels and titles; return the names of the watched ones, and how many are on offer.

    Args:
        bench: reads the tables of the captures, takes those of the case.
        panels: the panels of the case.
        watched: the sessions of the case.
        feeds: channels and titles that have no number at a panel.
    """
    viewed = [w for w in watched if w.is_numbered]
    if not bench.has("catalogue_entries"):
        return Catalogue(_write_watched(bench, panels, viewed, feeds), {})
    _put_panels(bench, panels)
    has_apart = _put_apart(bench, panels)
    offerer, lister = (_site(host, has_apart) for host in (_OFFERER, _LISTER))
    bench.keep("categories", _CATEGORIES.replace("LISTER", lister))
    _put_watched(bench, viewed)
    # A list for each of 100,000 entries costs as much as all the rest; mostly there is nothing to list.
    one = bench.select("SELECT count(DISTINCT capture_id) = 1 FROM catalogue_entries")[0][0]
    captures = "[min(capture_id)]" if one else "list_sort(list(DISTINCT capture_id))"
    bench.keep("things", _THINGS.replace("CAPTURES", captures).replace("OFFERER", offerer))
    common = "panel_id, panel_host, stream_id, name, name_source, category, watched, sessions, capture_ids"
    bench.put_table("feeds", CHANNELS, feeds.channels)
    bench.put_table("listed_titles", TITLES, feeds.titles)
    bench.write_query(
        CHANNELS,
        f"SELECT id AS channel_id, {common}, number, epg_id, archive_days FROM things WHERE media = 'live' "  # noqa: S608
        "UNION ALL BY NAME SELECT * FROM feeds",
    )
    bench.write_query(
        TITLES,
        f"SELECT id AS title_id, {common}, media AS kind, container FROM things WHERE media != 'live' "  # noqa: S608
        "UNION ALL BY NAME SELECT * FROM listed_titles",
    )
    rows = bench.select(
        "SELECT panel_id, media, stream_id, id, name, name_source, epg_id FROM things WHERE watched ORDER BY ALL"
    )
    names = {(panel, media, stream): Names(*rest) for panel, media, stream, *rest in rows}
    return Catalogue(names, _count_offers(bench))


def _write_watched(
    bench: Workbench, panels: Resolution, viewed: list[Watched], feeds: Unnumbered
) -> dict[Number, Names]:
    """Write channels and titles where no catalogue was captured: only what was watched is known."""
    hosts = {entity.id: plain(entity.one("hosts") or entity.atoms[0].key[0]) for entity in panels.entities}
    by_number: dict[Number, list[Watched]] = {}
    for w in viewed:
        by_number.setdefault((w.panel_id or "", w.media or "", w.stream_id or ""), []).append(w)
    names: dict[Number, Names] = {}
    channels, titles = [], []
    for (panel, media, stream), found in sorted(by_number.items()):
        name = min((n for w in found if (n := w.viewing.channel or w.viewing.title)), default=None)
        source = "in-stream" if name is not None else None
        entity = digest("c-" if media == "live" else "t-", panel, media, stream)
        names[panel, media, stream] = Names(entity, name, source, None)
        captures = sorted({w.viewing.capture_id for w in found})
        head = (entity, panel, hosts.get(panel), stream, name, source)
        tail = (None, True, len(found), captures)
        if media == "live":
            category, *rest = tail
            channels.append((*head, None, None, category, None, *rest))
        else:
            titles.append((*head, media, None, *tail))
    bench.write(CHANNELS, channels + feeds.channels)
    bench.write(TITLES, titles + feeds.titles)
    return names


def _put_panels(bench: Workbench, panels: Resolution) -> None:
    rows = [
        (atom.key[0], entity.id, plain(entity.one("hosts") or entity.atoms[0].key[0]))
        for entity in panels.entities
        for atom in entity.atoms
    ]
    bench.put("panel_names", ("host", "panel_id", "panel_host"), rows)


def _site(host: str, has_apart: bool) -> str:
    """Return SQL for what a host goes by in the capture of an entry."""
    if not has_apart:
        return host
    return f"coalesce((SELECT name FROM apart a WHERE a.capture_id = c.capture_id AND a.host = {host}), {host})"  # noqa: S608


def _put_apart(bench: Workbench, panels: Resolution) -> bool:
    """Give queries the hosts that are those of one capture only; return False if there are none."""
    names = [atom.key[0] for entity in panels.entities for atom in entity.atoms if is_apart(atom.key[0])]
    if names:
        bench.put("apart", ("capture_id", "host", "name"), [(zone(name), plain(name), name) for name in names])
    return bool(names)


def _put_watched(bench: Workbench, viewed: list[Watched]) -> None:
    rows = [
        (w.panel_id, w.media, w.stream_id, w.viewing.channel or w.viewing.title, w.viewing.capture_id) for w in viewed
    ]
    bench.put("viewed", ("panel_id", "media", "stream_id", "name", "capture_id"), rows)


def _count_offers(bench: Workbench) -> dict[str, tuple[int, int]]:
    """Return per panel how many channels and titles its catalogue has."""
    rows = bench.select(
        "SELECT panel_id, count(DISTINCT stream_id) FILTER (media = 'live'), "
        "count(DISTINCT stream_id) FILTER (media != 'live') FROM things WHERE is_offered GROUP BY ALL"
    )
    return {panel: (live, other) for panel, live, other in rows}
