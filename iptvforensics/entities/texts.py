"""URLs where nobody would look for a line, to sightings: texts that no list holds, and streams that servers examine.

Texts are pages, settings, messages, posted reports. A server of Xtream software is told to examine a stream before it
is taken over: `/probe/` and the URL of the stream in base64, which names the origin and the account used there.

**Known limitations**: the bare form `/USER/PASSWORD/NUMBER` does not count, which tuners have as well.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from ..sessions.addresses import host_of
from .model import FIRST_PLACE, Place, TableReader, most_per_capture
from .requests import Requests, Sighting
from .urls import INTERNAL, PanelUrl, port_of, read_url

MOST_READ = 10_000
"""URLs that are read of one capture: texts cannot fill the memory."""


def read_texts(reader: TableReader) -> Iterator[Sighting]:
    """Yield the lines that stand in texts, once per client and URL, with the host of the text in `from_host`."""
    if not reader.has("named_urls"):
        return
    rows = reader.select(
        most_per_capture(
            f"SELECT capture_id, client_ip, url, min(body_url), count(*), max(ts_ns), {FIRST_PLACE} "  # noqa: S608 (parts of this program)
            f"FROM named_urls GROUP BY ALL",
            MOST_READ,
        )
    )
    for capture, client, url, text, count, last, *seen in rows:
        says = read_url(url)
        host = host_of(url)
        if says is None or not says.names_line or host is None:
            continue
        place = Place(capture, *seen)
        yield Sighting(
            "text", url, says, host, port_of(url), place, last, count, client, None, None, from_host=host_of(text)
        )


def read_probes(requests: Requests) -> list[Sighting]:
    """Return the streams that servers were told to examine, with the server that was told in `from_host`."""
    found = []
    for told in requests.sightings:
        if told.where != "request" or told.says.form != "probe":
            continue
        url = _examined(told.text.partition("/probe/")[2])
        host = host_of(url)
        if url is not None and host is not None:
            says = read_url(url) or PanelUrl("probe", INTERNAL)
            stream = told._replace(
                where="probe", text=url, says=says, host=host, port=port_of(url), from_host=told.host
            )
            found.append(stream._replace(server_ip=None, server_port=None, user_agent=None, status=None))
    return found


def _examined(coded: str) -> str | None:
    """Return the URL that stands in base64 (either alphabet of RFC 4648, padded or not); None if it is none."""
    coded = coded.partition("?")[0].rstrip("=").replace("+", "-").replace("/", "_")
    try:
        url = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return url if "://" in url and url.isprintable() else None
