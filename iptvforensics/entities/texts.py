"""URLs in texts that no list holds, to sightings of lines: pages, settings, messages, posted reports.

**Known limitations**: the bare form `/USER/PASSWORD/NUMBER` does not count here.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..sessions.addresses import host_of
from .model import Place, TableReader
from .requests import Sighting, _port
from .urls import read_url

MOST_READ = 10_000
"""URLs that are read: texts of a case cannot fill the memory."""


def read_texts(reader: TableReader) -> Iterator[Sighting]:
    """Yield the lines that stand in texts, once per client and URL, with the host of the text in `from_host`."""
    if not reader.has("named_urls"):
        return
    rows = reader.select(
        "SELECT capture_id, client_ip, url, min(body_url), count(*), min(ts_ns), max(ts_ns), min(frame_no), "  # noqa: S608 (a number of this file)
        "arg_min(flow_id, frame_no), arg_min(from_orig, frame_no), arg_min(stream_offset, frame_no) "
        f"FROM named_urls GROUP BY ALL ORDER BY ALL LIMIT {MOST_READ}"
    )
    for capture, client, url, text, count, first, last, frame, flow, from_orig, offset in rows:
        says = read_url(url)
        host = host_of(url)
        if says is None or not says.names_line or host is None:
            continue
        place = Place(capture, first, frame, flow, from_orig, offset)
        yield Sighting(
            "text", url, says, host, _port(url), place, last, count, client, None, None, from_host=host_of(text)
        )
