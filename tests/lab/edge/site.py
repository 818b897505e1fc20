"""What an edge answers: token addresses of an Xtream-family panel, links of a portal, and its own servers' calls.

/auth/TOKEN  /auth/ID.m3u8?token=TOKEN      live: endless TS, HLS playlist or HTTP-FLV, as the token's extension says
/vauth/TOKEN                                film or episode, with ranges
/tsauth/TOKEN  /thauth/TOKEN  /subauth/TOKEN   archive, picture, subtitles
/hls/TOKEN  /hls/FILE?token=TOKEN  /key/TOKEN   media segment; key of AES-128
/ch/...  /play/TOKEN                        links of a portal (see tests/lab/panel/links.py)
/admin/live?stream&password  /api?password&action=stats       other servers of the same panel
/1:0:19:283D:3FB:1:C00000:0:0:0:            a channel by its service reference, as an Enigma2 receiver gives it
/s/ID.EXT                                   anything for everybody (`address` is plain)
/live|movie|series/USER/PASSWORD/ID.EXT     as at the panel (`address` is path)
/<32 hex digits>/...                        the same behind the proxy that stands before this edge
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..panel import links
from ..panel.catalogue import Catalogue
from ..panel.config import Config, ConfigError, Edge
from ..panel.journal import Journal, now
from ..panel.service import reply_json
from ..panel.site import PICTURE
from ..panel.tokens import Vault, proxy_prefix
from ..panel.web import Reply, Request, not_found, redirect
from .pulls import Pull, as_flv

TYPES = {
    "ts": "video/mp2t",
    "mp4": "video/mp4",
    "mkv": "video/x-matroska",
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
}
PLAYLIST_TYPE = "application/x-mpegurl"
PREFIX = re.compile(r"^/([0-9a-f]{32})(/.*)$")
REFERENCE = re.compile(r"^/1:0:[0-9A-Fa-f]+(:[0-9A-Fa-f]+){7}:?$")
PLAIN = re.compile(r"^/s/(\d+)\.(\w+)$")
NAMED = re.compile(r"^/(live|movie|series)/([^/]+)/([^/]+)/(\d+)\.(\w+)$")
CDN = re.compile(r"^/auth/(\d+)\.m3u8$")
READ = 65536
SUBTITLES = b"1\n00:00:01,000 --> 00:00:04,000\nFirst line\n\n2\n00:00:05,000 --> 00:00:09,000\nSecond line\n"


class Site:
    """One edge as the web server sees it."""

    def __init__(self, config: Config, edge: Edge, folder: Path, journal: Journal) -> None:
        self.config, self.edge, self.folder, self.journal = config, edge, folder, journal
        self.catalogue = Catalogue(config)
        self.vault = Vault(config.secret)
        self.number = 1 + [e.name for e in config.edges].index(edge.name)
        self.prefix = proxy_prefix(config.secret, edge.name)
        self.files = [Path(file).resolve() for file in edge.files]
        self.pulls: dict[int, Pull] = {}
        self.watching: dict[int, str] = {}  # connection -> line

    def begin(self) -> None:
        """Begin the pulls that never rest."""
        for channel in self.config.channels:
            if channel.pull.get("always") and (not channel.edges or self.edge.name in channel.edges):
                self.pull(channel.id).want()

    async def end(self) -> None:
        """End all pulls."""
        await asyncio.gather(*(pull.stop() for pull in self.pulls.values()))

    def pull(self, item: int) -> Pull:
        """Return the pull of a channel; raises ConfigError if it has no upstream."""
        if item not in self.pulls:
            channel = self.catalogue.channels[item]
            self.pulls[item] = Pull(self.config, self.edge, channel, self.folder, self.journal)
        return self.pulls[item]

    # ---- addresses -----------------------------------------------------------------------------------

    async def __call__(self, request: Request) -> Reply:
        """Return the reply to a request."""
        path, prefix = request.path, ""
        if match := PREFIX.match(path):
            if match[1] != self.prefix:
                return self._refused(request)
            path, prefix = match[2], f"/{match[1]}"
            request.said["behind_proxy"] = True
        try:
            return await self._found(request, path, prefix)
        except (ConfigError, KeyError, ValueError, TypeError):  # a token that names what is not here
            return self._refused(request)

    async def _found(self, request: Request, path: str, prefix: str) -> Reply:
        kind, _, token = path.strip("/").partition("/")
        if match := CDN.match(path):
            return await self._live(request, self.vault.open_json(request.query.get("token", "")), prefix, match[1])
        if REFERENCE.match(path):
            return self._receiver(request, path)
        if self.edge.address != "token" and (kind == "s" or NAMED.match(path)):
            return await self._named(request, path, prefix)
        if kind in ("auth", "sauth"):
            return await self._live(request, self.vault.open_json(token), prefix)
        if kind == "ch":
            return await self._portal_link(request, path, prefix)
        if kind == "play":
            return await self._play(request, token, prefix)
        plain = {
            "vauth": self._film, "tsauth": self._archive, "thauth": self._short_lived, "subauth": self._short_lived,
            "hls": self._segment, "key": self._key, "admin": self._internal, "api": self._api,
        }  # fmt: skip
        return plain[kind](request, token) if kind in plain else self._refused(request)

    def _refused(self, request: Request) -> Reply:
        request.said.setdefault("did", "nothing")
        request.said["auth"] = False
        return not_found()

    def _headers(self, session: str = "") -> tuple[tuple[str, str], ...]:
        told = [("Access-Control-Allow-Origin", "*"), ("X-Accel-Buffering", "no"), ("X-XSS-Protection", "0"),
                ("X-Content-Type-Options", "nosniff")]  # fmt: skip
        if self.edge.alt_svc:
            told.append(("Alt-Svc", f'h3-29=":{self.edge.port}"; ma=2592000,h3-T051=":{self.edge.port}"; ma=2592000'))
        if self.edge.cookie:
            value = hashlib.md5(session.encode(), usedforsecurity=False).hexdigest()[:11]
            domain = self.edge.cookie.get("domain", self.edge.host)
            told.append(("Set-Cookie", f"{self.edge.cookie['name']}={value}; Domain={domain}; Path=/"))
        return tuple(told)

    def _say(self, request: Request, did: str, told: dict[str, Any], item: int) -> None:
        line = next((x.key for x in self.config.lines if x.username == told.get("username")), told.get("username"))
        request.said |= {"did": did, "line": line, "session": told.get("uuid") or told.get("session_id"), "auth": True,
                         **self.catalogue.said(item)}  # fmt: skip

    # ---- live ------------------------------------------------------------------------------------------

    async def _live(self, request: Request, told: dict[str, Any] | None, prefix: str, item: str = "") -> Reply:
        if told is None or (item and int(item) != told["stream_id"]):
            return self._refused(request)
        self._say(request, "live", told, told["stream_id"])
        if "show" in told:
            request.said |= {"did": "substitute", "auth": False}
            return self._send(request, Path(self.config.substitutes[told["show"]]).resolve(), "ts", "")
        return await self._channel(request, told, told["stream_id"], told["extension"], prefix)

    async def _channel(self, request: Request, told: dict[str, Any], item: int, extension: str, prefix: str) -> Reply:
        pull = self.pull(item)
        headers = self._headers(str(told.get("uuid")))
        if extension == "m3u8":
            request.said["did"] = "playlist"
            text = await pull.ready_playlist()
            if text is None:
                return not_found()
            body = self._playlist(text, pull, told, request.client[0], prefix).encode()
            return Reply(body, PLAYLIST_TYPE, headers=headers, program=True)
        packets = self._counted(self._packets(pull, request), request)
        if self.edge.live_bytes and extension == "ts":
            size = self.edge.live_bytes
            return Reply(_first(packets, size), TYPES["ts"], headers=headers, length=size)
        if extension == "flv":
            request.said["did"] = "flv"
            return Reply(as_flv(packets), TYPES["flv"], headers=headers, framed=self.edge.chunked)
        return Reply(packets, TYPES["ts"], headers=headers, framed=self.edge.chunked)

    async def _named(self, request: Request, path: str, prefix: str) -> Reply:
        """Return what an address without a token names: by its number alone, or with the line's name and password."""
        told: dict[str, Any] = {}
        if self.edge.address == "path" and (match := NAMED.match(path)):
            told = {"username": match[2], "password": match[3]}
            if not any((line.username, line.password) == (match[2], match[3]) for line in self.config.lines):
                return self._refused(request)
            item, extension = int(match[4]), match[5]
        elif self.edge.address == "plain" and (match := PLAIN.match(path)):
            item, extension = int(match[1]), match[2]
        else:
            return self._refused(request)
        self._say(request, "live" if item in self.catalogue.channels else "film", told, item)
        if item in self.catalogue.channels:
            return await self._channel(request, told, item, extension, prefix)
        return self._file(request, item, extension, "film")

    def _packets(self, pull: Pull, request: Request) -> AsyncIterator[bytes]:
        """Return a channel's TS: from a media segment on where the edge does so or the other server asks for it."""
        asked = request.query.get("prebuffer") == "1" or "x-xui-prebuffer" in request.headers
        early = (self.edge.prebuffer or asked) and not self.edge.encrypt and pull.how != "direct"
        return pull.from_segment() if early else pull.packets()

    def _receiver(self, request: Request, path: str) -> Reply:
        """Answer as the TS port of an Enigma2 receiver: a service reference gives the channel, without tokens."""
        asked = path.strip("/").rstrip(":").split(":")[1:10]
        for channel in self.config.channels:
            if channel.custom_sid and channel.custom_sid.strip(":").split(":")[-9:] == asked:
                request.said |= {"did": "receiver", **self.catalogue.said(channel.id)}
                return Reply(self.pull(channel.id).packets(), "video/mpeg", version="HTTP/1.0", server="stream_enigma2")
        return self._refused(request)

    async def _counted(self, packets: AsyncIterator[bytes], request: Request) -> AsyncIterator[bytes]:
        """Yield what is given to a viewer, who counts as watching meanwhile."""
        self.watching[id(request)] = str(request.said.get("line") or "")
        try:
            async for piece in packets:
                yield piece
        finally:
            self.watching.pop(id(request), None)
            close: Any = getattr(packets, "aclose", None)
            if close:
                await close()

    def _playlist(self, text: str, pull: Pull, told: dict[str, Any], client: str, prefix: str) -> str:
        """Return ffmpeg's playlist with tokens for files; the key stands in line 2."""
        out = []
        for line in text.splitlines():
            if line.startswith("#EXT-X-KEY"):
                continue
            if line.endswith(".ts"):
                file = line.rsplit("/", 1)[-1]
                parts = (told.get("username", "-"), told.get("password", "-"), client, pull.channel.id, file,
                         told.get("uuid", "-"), self.number, "h264", 0)  # fmt: skip
                token = self.vault.seal("/".join(map(str, parts)))
                line = f"{prefix}/hls/{file}?token={token}" if self.edge.cdn else f"{prefix}/hls/{token}"
            out.append(line)
        if self.edge.encrypt:
            token = self.vault.seal(f"{client}/{pull.channel.id}")
            out.insert(1, f'#EXT-X-KEY:METHOD=AES-128,URI="{prefix}/key/{token}",IV=0x{pull.iv}')
        return "\n".join(out) + "\n"

    def _segment(self, request: Request, token: str) -> Reply:
        token = request.query.get("token", token)
        parts = (self.vault.open(token) or "").split("/")
        if len(parts) != 9:
            return self._refused(request)
        user, word, client, item, file, session, server, _, _ = parts
        self._say(request, "segment", {"username": user, "password": word, "uuid": session}, int(item))
        request.said["file"] = file
        if int(server) != self.number:
            return redirect(f"{base_of_edge(self.config, int(server))}/hls/{token}")
        if client != request.client[0] and not request.said.get("behind_proxy"):
            return self._refused(request)
        pull = self.pulls.get(int(item))
        path = self.folder / Path(file).name
        if pull is None or not path.is_file():
            return not_found()
        pull.want()
        body = path.read_bytes()
        return Reply(body, TYPES["ts"], headers=self._headers(session), length=len(body))

    def _key(self, request: Request, token: str) -> Reply:
        client, _, item = (self.vault.open(token) or "").partition("/")
        if not item.isdigit() or client != request.client[0]:
            return self._refused(request)
        request.said |= {"did": "key", "auth": True, **self.catalogue.said(int(item))}
        return Reply(self.pull(int(item)).key, "application/octet-stream", headers=self._headers())

    async def _portal_link(self, request: Request, path: str, prefix: str) -> Reply:
        query = urlsplit(request.target).query
        found = links.check(self.config.secret, path, query, request.client[0], now())
        if found is None:
            return self._refused(request)
        item, file = found
        request.said |= {"did": "live", "auth": True, **self.catalogue.said(item)}
        if file.startswith("film."):
            return self._file(request, item, file.partition(".")[2], "film")
        return await self._channel(request, {}, item, "m3u8" if file.endswith(".m3u8") else "ts", prefix)

    async def _play(self, request: Request, token: str, prefix: str) -> Reply:
        parts = (self.vault.open(token.split("/")[0]) or "").removeprefix("ministra::").split("/")
        kind, user, word, item, extension = (*parts, "ts")[:5]
        told = {"username": user, "password": word}
        self._say(request, "live", told, int(item))
        if kind == "live":
            return await self._channel(request, told, int(item), extension, prefix)
        return self._file(request, int(item), extension, "film")

    # ---- files ------------------------------------------------------------------------------------------

    def _film(self, request: Request, token: str) -> Reply:
        told = self.vault.open_json(token)
        if told is None:
            return self._refused(request)
        self._say(request, "film", told, told["stream_id"])
        return self._file(request, told["stream_id"], told["extension"], "film", told.get("uuid", ""))

    def _archive(self, request: Request, token: str) -> Reply:
        told = self.vault.open_json(token)
        if told is None:
            return self._refused(request)
        self._say(request, "archive", told, told["stream"])
        request.said |= {"archive_start": told["start"], "archive_minutes": told["duration"]}
        if not self.edge.archive:
            return not_found()
        return self._send(request, Path(self.edge.archive).resolve(), "ts", told.get("uuid", ""))

    def _file(self, request: Request, item: int, extension: str, did: str, session: str = "") -> Reply:
        request.said["did"] = did
        fitting = [file for file in self.files if file.suffix == f".{extension}"] or self.files
        if not fitting:
            return not_found()
        return self._send(request, fitting[item % len(fitting)], extension, session)

    def _send(self, request: Request, path: Path, extension: str, session: str) -> Reply:
        size = path.stat().st_size
        request.said |= {"file": path.name, "file_bytes": size}
        kind = TYPES.get(extension, "application/octet-stream")
        first, last, status = _range(request.headers.get("range", ""), size)
        headers = (*self._headers(session), ("Accept-Ranges", "bytes"))
        if status == 416:
            return Reply(b"", kind, 416, headers=(*headers, ("Content-Range", f"bytes */{size}")))
        if status == 206:
            headers = (*headers, ("Content-Range", f"bytes {first}-{last}/{size}"))
        return Reply(_read(path, first, last - first + 1), kind, status, headers=headers, length=last - first + 1)

    def _short_lived(self, request: Request, token: str) -> Reply:
        told = self.vault.open_json(token)
        if told is None or told["expires"] < now():
            return self._refused(request)
        picture = "thauth" in request.path
        self._say(request, "thumb" if picture else "subtitle", told, told["stream_id"])
        return Reply(PICTURE, "image/png") if picture else Reply(SUBTITLES, "application/x-subrip")

    # ---- servers of the same panel -----------------------------------------------------------------------

    def _internal(self, request: Request, what: str) -> Reply:
        query = request.query
        if what != "live" or query.get("password") != self.config.secret or not query.get("stream", "").isdigit():
            return self._refused(request)
        item = int(query["stream"])
        request.said |= {"did": "internal", "auth": True, **self.catalogue.said(item)}
        packets = self._packets(self.pull(item), request)
        return Reply(packets, TYPES["ts"], headers=self._headers(), framed=self.edge.chunked)

    def _api(self, request: Request, what: str) -> Reply:
        query = request.query
        if what or query.get("password") != self.config.secret:
            return self._refused(request)
        request.said |= {"did": f"api:{query.get('action', '')}", "auth": True}
        if query.get("action") != "stats":
            return reply_json({"result": False})
        return reply_json({"connections": list(self.watching.values()), "cpu": 3, "mem": 21, "uptime": "1d 2h",
                           "total_running_streams": len(self.pulls)})  # fmt: skip


def base_of_edge(config: Config, number: int) -> str:
    """Return the address of the edge with a number."""
    edge = config.edges[number - 1]
    prefix = f"/{proxy_prefix(config.secret, edge.name)}" if edge.proxy else ""
    return f"{edge.protocol}://{edge.host}:{edge.port}{prefix}"


def _range(told: str, size: int) -> tuple[int, int, int]:
    """Return first and last byte and the status for a Range header."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", told.replace(" ", ""))
    if not match or not (match[1] or match[2]):
        return 0, size - 1, 200
    if not match[1]:
        return max(0, size - int(match[2])), size - 1, 206 if int(match[2]) else 416
    first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
    return (first, last, 206) if first <= last else (0, 0, 416)


async def _first(pieces: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    """Yield the first bytes of a stream."""
    async for piece in pieces:
        yield piece[:length]
        length -= len(piece)
        if length <= 0:
            break
    close: Any = getattr(pieces, "aclose", None)
    if close:
        await close()


async def _read(path: Path, start: int, length: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while length > 0 and (piece := file.read(min(READ, length))):
            length -= len(piece)
            yield piece
