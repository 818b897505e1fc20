"""Absolute URLs from references in a playlist: RFC 3986 section 5.2.

Written here because the standard library's `urljoin` knows only some schemes, drops empty queries and
differs between versions; the same evidence must give the same URL everywhere.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):", re.ASCII)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]+", re.ASCII)
_IN_FOLDER = re.compile(r"(?:(?!\.\.?(?:/|\Z))[^/?#:]+/)*(?!\.\.?\Z)[^/?#:]+\Z")
"""A path below the folder of the base, without dot segments: what nearly all references are."""
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def base_url(name: str | None) -> str | None:
    """Return the name under which a playlist was asked for if it is an absolute URL, else null."""
    return name if name is not None and _URL.match(name) else None


def resolve(base: str | None, reference: str) -> str | None:
    """Return the absolute URL of a reference; null if it is relative and the base is not known."""
    if base is not None and _IN_FOLDER.match(reference):
        return _folder_of(base) + reference
    scheme, authority, path, query = _split(reference)
    if scheme is not None:
        return reference
    if base is None:
        return None
    base_scheme, base_authority, base_path, base_query = _split_base(base)
    fragment = reference[reference.index("#") :] if "#" in reference else ""
    if authority is not None:
        return f"{base_scheme}://{authority}{remove_dot_segments(path)}{query or ''}{fragment}"
    if not path:
        path, query = base_path, query if query is not None else base_query
    elif path.startswith("/"):
        path = remove_dot_segments(path)
    else:
        folder = base_path[: base_path.rfind("/") + 1] or "/"
        path = remove_dot_segments(folder + path)
    return f"{base_scheme}://{base_authority or ''}{path}{query or ''}{fragment}"


@lru_cache(maxsize=4)
def _folder_of(base: str) -> str:
    """Return the URL of the folder in which a resource lies, with its final slash."""
    scheme, authority, path, _ = _split(base)
    return f"{scheme}://{authority or ''}{remove_dot_segments(path[: path.rfind('/') + 1] or '/')}"


def _split(url: str) -> tuple[str | None, str | None, str, str | None]:
    """Return scheme, authority, path and query (with its question mark) of a reference."""
    rest = url.partition("#")[0]
    rest, mark, query = rest.partition("?")
    scheme = _SCHEME.match(rest)
    if scheme is not None:
        rest = rest[scheme.end() :]
    authority = None
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
    return scheme[1] if scheme else None, authority, rest, mark + query if mark else None


_split_base = lru_cache(maxsize=4)(_split)
"""All entries of a playlist share one base."""


def remove_dot_segments(path: str) -> str:
    """Return the path without `.` and `..` steps (RFC 3986 section 5.2.4)."""
    if "." not in path:
        return path
    kept: list[str] = []
    steps = path.split("/")
    for step in steps[1:] if steps[0] == "" else steps:
        if step == "..":
            if kept:
                kept.pop()
        elif step != ".":
            kept.append(step)
    if steps[-1] in (".", ".."):
        kept.append("")
    return ("/" if path.startswith("/") else "") + "/".join(kept)


def query_parameter(url: str | None, name: str) -> str | None:
    """Return the value of the first query parameter of that name, with `%` escapes resolved, or null."""
    query = _split(url)[3] if url else None
    for pair in query[1:].split("&") if query else ():
        key, separator, value = pair.partition("=")
        if separator and _unescape(key) == name:
            return _unescape(value)
    return None


def _unescape(text: str) -> str:
    raw = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text.encode("utf-8"))
    return raw.decode("utf-8", "backslashreplace")
