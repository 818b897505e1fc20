"""What was asked for, as the carrier of a body says: URL, parameters, cookies, credentials.

Parameters come from the query, from a form that was posted, or from a path that replaces a query
(`/player_api/USER/PASSWORD/ACTION`), in this order of trust: form, query, path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from ..protocol import ContentInfo
from .values import mac_address

MAX_QUERY_CHARS = 16 << 10
MAX_FIELDS = 200

_REWRITE = re.compile(r"/(player_api|panel_api|playlist|epg|get|xmltv)/([^/]+)/([^/]+)(?:/([^/]+))?(?:/([^/]+))?/?\Z")
_COOKIE = re.compile(r"(?:^|[;\s])([A-Za-z0-9_]+)=([^;\s]*)")


@dataclass(frozen=True, slots=True)
class Asked:
    """The request to which a body belongs."""

    url: str | None = None
    host: str | None = None
    path: str = ""
    """Path of the URL, percent-encoding undone."""
    role: str = "message"
    parameters: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    bearer: str | None = None
    """Token of an `Authorization: Bearer` line."""

    def get(self, name: str) -> str | None:
        """Return a parameter; null if it is missing or empty."""
        return self.parameters.get(name) or None

    @property
    def page(self) -> str:
        """Return the last part of the path, or the name that a rewritten path begins with."""
        rewrite = _REWRITE.search(self.path)
        return rewrite[1] if rewrite else self.path.rpartition("/")[2]

    @property
    def mac(self) -> tuple[str, str] | tuple[None, None]:
        """Return the MAC address that the client claims, normalised and as sent."""
        return mac_address(self.cookies.get("mac") or self.get("mac"))


def asked_of(info: ContentInfo) -> Asked:
    """Return what a carrier says of the request to which a body belongs."""
    url = info.name
    path, _, query = (url or "")[: 4 * MAX_QUERY_CHARS].partition("#")[0].partition("?")
    separator, rest = path.partition("://")[1:]
    if separator:
        path = "/" + rest.partition("/")[2]
    path = unquote(path)
    parameters = _rewritten(path)
    parameters.update(form_fields(query))
    form = info.extra.get("form")
    if isinstance(form, bytes):
        parameters.update(form_fields(form))
    cookie, authorization = info.extra.get("cookie"), info.extra.get("authorization")
    is_bearer = isinstance(authorization, str) and authorization[:7].lower() == "bearer "
    return Asked(
        url=url,
        host=host_of(info),
        path=path,
        role=info.role,
        parameters=parameters,
        cookies={m[1]: unquote(m[2]) for m in _COOKIE.finditer(cookie[:MAX_QUERY_CHARS])}
        if isinstance(cookie, str)
        else {},
        bearer=(authorization[7:].strip() or None) if is_bearer and isinstance(authorization, str) else None,
    )


def host_of(info: ContentInfo) -> str | None:
    """Return the host that was asked, as the carrier says."""
    host = info.extra.get("host")
    return host if isinstance(host, str) else None


def form_fields(form: str | bytes) -> dict[str, str]:
    """Return the fields of a query or form; of a name that comes twice the last one."""
    plain = form if isinstance(form, str) else form.decode("utf-8", "backslashreplace")
    try:
        pairs = parse_qsl(plain[:MAX_QUERY_CHARS], errors="backslashreplace", max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return dict(pairs)


def _rewritten(path: str) -> dict[str, str]:
    match = _REWRITE.search(path)
    if match is None:
        return {}
    page, username, password, fourth, fifth = match.groups()
    found = {"username": username, "password": password}
    if fourth:
        found["action" if page in ("player_api", "panel_api") else "type"] = fourth
    if fifth:
        found["output"] = fifth
    return found
