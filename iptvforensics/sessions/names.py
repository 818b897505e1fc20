"""Names that the media themselves carry, to the session's channel and title.

EN 300 468 section 6.2.35 (service names), RFC 8216 sections 4.3.2.1 (titles) and 4.3.4.4 (session data).
A name is taken only if it is constant: two names for one session are no name.

**Known limitations**: names that a channel list gives to a URL are not known here; a service name is what the
sender wrote, and whoever relays the stream may have written it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from .records import Service

_DEFAULT_SERVICES = frozenset(("service01", "service1", "service 1", "service", "service name", "unknown", "n/a"))
"""Names that muxers write when nobody gave one."""
_NO_TITLES = frozenset(("no desc", "no-desc", "nodesc", "title", "unknown", "n/a", "-", "live"))


def service_name(services: Iterable[Service]) -> str | None:
    """Return the one service name that the transport streams carry; None for none, several or a default."""
    names = {name.strip() for service in services if (name := service.service_name)}
    names = {name for name in names if name and not name.startswith("hex:")}
    names = {name for name in names if name.casefold() not in _DEFAULT_SERVICES}
    return names.pop() if len(names) == 1 else None


def constant_title(titles: Iterable[str | None]) -> str | None:
    """Return the title that all media segments share; None if one has none or another, or it is a file name."""
    found = {(title or "").strip() for title in titles}
    if len(found) != 1:
        return None
    title = found.pop()
    looks_like_file = "/" in title or title.casefold().endswith((".ts", ".mp4", ".m4s", ".aac"))
    if not title or looks_like_file or title.casefold() in _NO_TITLES:
        return None
    return title


def session_data_title(session_data: Iterable[str]) -> str | None:
    """Return the title among session data, that is the value whose DATA-ID ends in `title`; None if not one."""
    found = set()
    for text in session_data:
        try:
            attributes = json.loads(text)
        except ValueError:
            continue
        if not isinstance(attributes, dict):
            continue
        name, value = attributes.get("DATA-ID"), attributes.get("VALUE")
        if isinstance(name, str) and isinstance(value, str) and name.lower().split(".")[-1] == "title":
            found.add(value.strip())
    found.discard("")
    return found.pop() if len(found) == 1 else None
