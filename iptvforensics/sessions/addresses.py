r"""URLs to keys by which a request is found again: whole, without its host, without its query.

RFC 3986 sections 5 (references), 6.2.2.1 to 6.2.2.2 and 6.2.3 (case, percent-encoding, default ports); RFC 3987
section 3.1 (other characters). What no URL may hold as it is (spaces, `"<>[\]^`{|}`, a lone `%`, what is not ASCII) is
compared as the percent-encoded UTF-8 that players make of it, unreserved characters as they are; a space in a query is
also `+` (curl makes that of it), and `'` there also `%27` (browsers). Other reserved characters are not their
percent-encoded forms: servers tell `/` from `%2F`. Bytes of a playlist that are no UTF-8 (`\xc7` in its text) are
compared as bytes.

**Known limitations**: user information in URLs is ignored; dot segments are resolved only in references. Browsers take
`\` in a path for `/`: what they ask for is not found.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_REMEMBERED = 1 << 14
"""URLs kept taken apart: a live playlist names the same ones at every poll."""
_DIGITS = re.compile(r"(?<!%)(?<!%[0-9A-F])\d+")
"""Numbers in a path, without the digits of its percent-encoded bytes."""
_ODD = re.compile(r"%([0-9A-Fa-f]{2})|\\x([89a-f][0-9a-f])|([^!$&'()*+,./0-9:;=?@A-Z_a-z~-])")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
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
    query = _ODD.sub(_encoded, parts.query).replace("%20", "+").replace("'", "%27")
    return Address(f"{scheme}://{_ascii_host(host)}:{port}", _ODD.sub(_encoded, parts.path) or "/", query)


def _encoded(found: re.Match[str]) -> str:
    if found[1]:
        character = chr(int(found[1], 16))
        return character if character in _UNRESERVED else f"%{found[1].upper()}"
    raw = bytes.fromhex(found[2]) if found[2] else found[3].encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in raw)


def _ascii_host(host: str) -> str:
    """Return a host name as it is asked for: international names in ASCII (RFC 3987 section 3.1)."""
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def address_of_header(url: str | None) -> tuple[Address, ...]:
    """Return what a URL from a header field may mean: fields that are no UTF-8 were read as Latin-1."""
    found = [address(url)]
    if url and not url.isascii():
        try:
            found.append(address(url.encode("latin-1").decode("utf-8", "backslashreplace")))
        except UnicodeEncodeError:
            pass
    return tuple(key for key in found if key is not None)


def one_spelling(url: str) -> str:
    """Return a URL in the spelling in which it is compared; text that is no absolute URL as it is."""
    key = address(url)
    return url if key is None else f"{key.site}{key.path}?{key.query}"


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


def at_address(ip: str | None, port: int | None, target: str) -> str:
    """Return the URL of a request that named no host: under the server's address.

    Example:
        >>> at_address("2001:db8::5", 8080, "/7.ts")
        'http://[2001:db8::5]:8080/7.ts'
    """
    host = f"[{ip}]" if ip and ":" in ip else ip
    return f"http://{host}{'' if port in (None, 80) else f':{port}'}{target}"


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
