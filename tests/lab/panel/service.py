"""What all interfaces of a panel share: its data, who may log in, and how PHP writes JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from .catalogue import Catalogue
from .config import Config, Edge, Line
from .tokens import Vault
from .web import Reply, Request, not_found

JSON = "application/json"


class Panel:
    """A panel's data."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.time) -> None:
        self.config = config
        self.catalogue = Catalogue(config)
        self.vault = Vault(config.secret)
        self.clock = clock
        self.active: dict[str, int] = {}  # line -> connections that the edges reported
        self.cache: dict[str, bytes] = {}
        self._by_login = {(line.username, line.password): line for line in config.lines if line.username}
        self._by_token = {line.token: line for line in config.lines if line.token}
        self._by_mac = {line.mac: line for line in config.lines if line.mac}

    def login(self, request: Request, username: str | None = None, password: str | None = None) -> Line | None:
        """Return the line that a request names, whatever its state; what was tried goes into the log."""
        query = request.query
        token = query.get("token")
        if username is None and token and "username" not in query:
            request.said["tried"] = token
            line = self._by_token.get(token)
        else:
            name, word = username or query.get("username", ""), password or query.get("password", "")
            request.said["tried"] = f"{name}/{word}"
            line = self._by_login.get((name, word))
        return self.told(request, line)

    def line_of_mac(self, request: Request, mac: str) -> Line | None:
        """Return the line of a MAC address."""
        request.said["tried"] = mac
        return self.told(request, self._by_mac.get(mac.upper()))

    @staticmethod
    def told(request: Request, line: Line | None) -> Line | None:
        """Return the line, after the log was told of it."""
        if line is not None:
            request.said["line"] = line.key
            request.said.pop("tried", None)
        return line

    def status(self, line: Line) -> str:
        """Return the state of a line in the panel's words."""
        if line.banned:
            return "Banned"
        if not line.enabled:
            return "Disabled"
        return "Expired" if line.expires is not None and line.expires <= self.clock() else "Active"

    def edge_for(self, item: int, line: Line) -> Edge | None:
        """Return the edge that gives an item to a line."""
        channel = self.catalogue.channels.get(item)
        return self.config.edge_for(item, channel.edges if channel else [], line)

    def local(self, seconds: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Return a time as the panel prints it: in its own time zone, without saying so."""
        return datetime.fromtimestamp(seconds, self.config.zone).strftime(form)

    def base_url(self, request: Request) -> str:
        """Return the address under which the client knows the panel."""
        return f"{'https' if request.tls else 'http'}://{request.host}"

    def refused(self, request: Request) -> Reply:
        """Return what this panel answers to a login that fails."""
        request.said["auth"] = False
        if self.config.bad_login == "classic":
            return reply_json({"user_info": {"auth": 0}})
        return not_found() if self.config.bad_login == "404" else Reply(program=True)


def php_json(what: Any, *, plain: bool = False) -> bytes:
    r"""Return JSON as PHP's json_encode writes it: ASCII, slashes escaped, an empty object as a list.

    `plain`: there is no empty object in it (looking for them in a large catalogue takes a second).
    """
    return (
        json.dumps(what if plain else _without_empty_objects(what), separators=(",", ":")).replace("/", "\\/").encode()
    )


def _without_empty_objects(what: Any) -> Any:
    if isinstance(what, dict):
        return {key: _without_empty_objects(value) for key, value in what.items()} or []
    return [_without_empty_objects(value) for value in what] if isinstance(what, list) else what


def reply_json(what: Any, *, content_type: str = JSON, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Return a reply of the panel's program with this JSON."""
    return Reply(php_json(what), content_type, headers=headers, compress=True, program=True)
