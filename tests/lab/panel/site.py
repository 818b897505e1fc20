"""Which part of a panel answers an address."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Callable

from . import enigma2, lists, media, openwebif, player_api, stalker, xmltv
from .config import Line
from .service import Panel
from .web import Reply, Request, not_found

LARGE = 5000
PATH_LOGIN = re.compile(r"^/(player_api|playlist|epg|xmltv|enigma2)/([^/]+)/([^/]+)(?:/([^/]+))?(?:/([^/]+))?/?$")
PORTAL_PAGES = re.compile(r"^/(stalker_portal/)?c/(index\.html|version\.js|xpcom\.common\.js)?$")


def _picture() -> bytes:
    """Return a PNG of one grey pixel."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"\0\x80")) + part(b"IEND", b"")


PICTURE = _picture()


class Site:
    """A panel as the web server sees it."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.portal = stalker.Portal(panel)
        self.plugin = enigma2.Plugin(panel)
        families = panel.config.family
        self._has = dict.fromkeys(families, True)
        programs: dict[str, tuple[str, Callable[[Request], Reply]]] = {
            "/player_api": ("xtream", self._player_api), "/panel_api": ("xtream", self._panel_api),
            "/get": ("m3u", self._list), "/playlist": ("m3u", self._list), "/xmltv": ("xmltv", self._guide),
            "/epg": ("xmltv", self._guide), "/enigma2": ("enigma2", self._enigma2),
            "/xplugin": ("enigma2", self.plugin.answer), "/stream/rtmp": ("xtream", self._rtmp),
        }  # fmt: skip
        self._programs = {path: call for path, (family, call) in programs.items() if family in families}

    def warm(self) -> None:
        """Make the large list of films before anybody asks for it, as a panel's cache does."""
        config = self.panel.config
        if len(self.panel.catalogue.titles) > LARGE and not config.api_redirect and "xtream" in self._has:
            player_api.listing(self.panel, config.lines[0] if config.lines else Line("-"), "get_vod_streams", {})

    def __call__(self, request: Request) -> Reply:
        """Return the reply to a request."""
        reply = self._found(request)
        if not self.panel.config.gzip:
            reply.compress = False
        return reply

    def _found(self, request: Request) -> Reply:
        path = request.path
        call = self._programs.get(path.removesuffix(".php"))
        if call:
            return call(request)
        if match := PATH_LOGIN.match(path):
            name, user, word, first, second = match.groups()
            if f"/{name}" in self._programs:
                return self._by_path(request, name, user, word, first or "", second or "")
        if "stalker" in self._has:
            if path in stalker.PATHS:
                return self.portal.answer(request)
            if PORTAL_PAGES.match(path):
                return self.portal.static(request)
        if "txt" in self._has and path == self.panel.config.txt_path:
            return self._txt(request)
        if "openwebif" in self._has and path.startswith(("/api/", "/web/")):
            return openwebif.answer(self.panel, request)
        if path.startswith("/images/"):
            request.said["did"] = "picture"
            return Reply(PICTURE, "image/png", headers=(("Cache-Control", "max-age=86400"),))
        wish = media.wish(self.panel, request)
        if wish is not None:
            return media.answer(self.panel, request, wish)
        request.said["did"] = "nothing"
        return not_found()

    def _by_path(self, request: Request, name: str, user: str, word: str, first: str, second: str) -> Reply:
        line = self.panel.login(request, user, word)
        if name == "player_api":
            return player_api.answer(self.panel, request, line, first)
        if name == "playlist":
            return lists.answer(self.panel, request, line, first, second)
        if name == "enigma2":
            return enigma2.answer(self.panel, request, line)
        return xmltv.answer(self.panel, request, line, packed=first == "gz")

    def _player_api(self, request: Request) -> Reply:
        return player_api.answer(self.panel, request, self.panel.login(request))

    def _panel_api(self, request: Request) -> Reply:
        return player_api.panel_api(self.panel, request, self.panel.login(request))

    def _list(self, request: Request) -> Reply:
        return lists.answer(self.panel, request, self.panel.login(request))

    def _guide(self, request: Request) -> Reply:
        return xmltv.answer(self.panel, request, self.panel.login(request))

    def _enigma2(self, request: Request) -> Reply:
        return enigma2.answer(self.panel, request, self.panel.login(request))

    def _txt(self, request: Request) -> Reply:
        line = self.panel.login(request)
        request.said["did"] = "list:txt"
        if line is None or self.panel.status(line) != "Active":
            return self.panel.refused(request)
        request.said["auth"] = True
        body = lists.genre_list(self.panel, request, line).encode()
        if self.panel.config.txt_base64:
            body = base64.b64encode(body)
        return Reply(body, "text/plain; charset=utf-8", compress=True)

    def _rtmp(self, request: Request) -> Reply:
        """Answer nginx-rtmp's question whether somebody may play (on_play) or has ended (on_play_done)."""
        query = request.query
        request.said["did"] = f"rtmp:{query.get('call', '')}"
        name = query.get("name", "")
        request.said |= self.panel.catalogue.said(int(name)) if name.isdigit() else {}
        request.said["viewer_ip"] = query.get("addr", "")
        line = self.panel.login(request)
        if query.get("call") == "publish":
            good = query.get("password") == self.panel.config.secret
        else:
            good = line is not None and self.panel.status(line) == "Active"
        request.said["auth"] = good
        return Reply(b"", status=200 if good else 404, program=True)
