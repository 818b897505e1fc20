"""URLs to keys by which a request is found again: whole, without its host, without its query.

RFC 3986 sections 5 (references) and 6.2.2.1, 6.2.3 (case, default ports). Percent-encoding is kept as it
was sent: servers compare it literally.

**Known limitations**: user information in URLs is ignored; dot segments are resolved only in references.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_REMEMBERED = 1 << 14
"""URLs kept taken apart: a live playlist names the same ones at every poll."""
_DIGITS = re.compile(r"\d+")
_LOW_LATENCY = re.compile(r"(?:^|&)_HLS_[A-Za-z]+=[^&]*")


class Address(NamedTuple):
    """A URL taken apart: site is scheme, host and port; the fragment is dropped."""

    site: str
    path: str
    query: str


@lru_cache(_REMEMBERED)
def address(url: str | None) -> Address | None:
    """Return the parts of an absolute URL by which it is compared; None if it is not one."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if not parts.scheme or not host:
        return None
    scheme = parts.scheme.lower()
    port = port if port is not None else _DEFAULT_PORTS.get(scheme, 0)
    return Address(f"{scheme}://{host}:{port}", parts.path or "/", parts.query)


@lru_cache(_REMEMBERED)
def host_of(url: str | None) -> str | None:
    """Return the host of a URL or of a `host:port` as sent, in lower case and without the port."""
    if not url:
        return None
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname or None
    except ValueError:
        return None


def absolute(base: str | None, reference: str | None) -> str | None:
    """Return the absolute URL that a reference means, seen from a base; None if that cannot be told."""
    if not reference:
        return None
    try:
        joined = urljoin(base or "", reference)
    except ValueError:
        return None
    return joined if "://" in joined else None


def without_low_latency(key: Address) -> Address:
    """Return the address without the query parameters by which a client asks for a playlist's next state."""
    if "_HLS_" not in key.query:
        return key
    return key._replace(query=_LOW_LATENCY.sub("", key.query).lstrip("&"))


def family(key: Address) -> tuple[tuple[str, str], int] | None:
    """Return site and path with the last number in its file name left out, and that number; None without one.

    Example:
        >>> family(Address("http://e.example:80", "/hls/news-12.ts", "t=1"))
        (('http://e.example:80', '/hls/news-#.ts'), 12)
    """
    folder, _, name = key.path.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 5:
        stem, dot, extension = name, "", ""
    found = list(_DIGITS.finditer(stem))
    if not found:
        return None
    last = found[-1]
    if last.end() - last.start() > 18:
        return None
    pattern = f"{folder}/{stem[: last.start()]}#{stem[last.end() :]}{dot}{extension}"
    return (key.site, pattern), int(last.group())
