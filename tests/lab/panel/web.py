"""A small HTTP/1.1 server on asyncio that logs what it did as nginx does in the samples, and more.

Replies of programs (`Reply`) go out as PHP behind nginx sends them: chunked, gzip if the client takes it; files with a
length (`Reply(length=...)`), endless media without one and then `Connection: close` or chunked.

`body_bytes` in the log counts the bytes of the body handed to the system, without chunk framing; of an answer that the
client cut short, `acked_bytes` says how many bytes of it the client's system had acknowledged (Linux, not under TLS).

Known limitations: no pipelining beyond what waiting in turn gives, no HTTP/2, no `Expect`, requests up to 64 kB of head
and 4 MB of body.
"""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import inspect
import os
import socket
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .journal import Journal, now

HEAD_LIMIT, BODY_LIMIT = 65536, 4 << 20
KEEP_ALIVE_S = 75
PIECE = 65536
SHORT = 256  # nginx compresses nothing shorter
MARKS = ("X-XUI-Detect", "X-XUI-Prebuffer", "X-XC_VM-Detect", "X-XC_VM-Prebuffer", "X-User-Agent")
TCP_INFO_ACKED = 120  # offset of tcpi_bytes_acked in struct tcp_info


class Headers(dict[str, str]):
    """Request headers by lower-case name; the last one wins."""

    @property
    def cookies(self) -> dict[str, str]:
        """Return the cookies, decoded."""
        pairs = (part.strip().partition("=") for part in self.get("cookie", "").split(";"))
        return {name: unquote(value) for name, _, value in pairs if name}


@dataclass
class Request:
    """One request."""

    method: str
    target: str
    version: str
    headers: Headers
    body: bytes
    client: tuple[str, int]
    server: tuple[str, int]
    tls: bool = False
    said: dict[str, Any] = field(default_factory=dict)  # what the log says of it besides the exchange itself

    @property
    def path(self) -> str:
        """Return the path, decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """Return what stands in the query and, over it, in a form in the body."""
        values = dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))
        # The boxes' JsHttpRequest posts forms as octets.
        kinds = ("application/x-www-form-urlencoded", "application/octet-stream")
        if self.body and self.headers.get("content-type", kinds[0]).startswith(kinds):
            values |= dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))
        return values

    @property
    def host(self) -> str:
        """Return host and port by which the client reached the server."""
        return self.headers.get("host", f"{self.server[0]}:{self.server[1]}")


@dataclass
class Reply:
    """One answer. `length` None: unknown. `compress`: gzip for a client that takes it."""

    body: bytes | AsyncIterator[bytes] = b""
    content_type: str = "text/html; charset=UTF-8"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None
    compress: bool = False
    program: bool = False  # a program's output: its length is not told
    framed: bool = True  # a body of unknown length comes in chunks; False: it ends with the connection
    version: str = "HTTP/1.1"
    server: str | None = None


def redirect(location: str, status: int = 302, *headers: tuple[str, str]) -> Reply:
    """Return a reply that sends the client elsewhere."""
    return Reply(status=status, headers=(("Location", location), *headers), program=True)


NOT_FOUND = (
    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    + "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"
    * 6
).encode()


def not_found() -> Reply:
    """Return the 404 of nginx, padded."""
    return Reply(NOT_FOUND, "text/html", 404, length=len(NOT_FOUND))


Handler = Callable[[Request], Reply | Awaitable[Reply]]


class Server:
    """Listens on addresses and answers with what a handler returns."""

    def __init__(self, handler: Handler, journal: Journal, *, server_header: str = "nginx") -> None:
        self.handler = handler
        self.journal = journal
        self.server_header = server_header
        self._servers: list[asyncio.Server] = []

    async def listen(self, address: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Return the port on which it listens from now on; `address` may be several, with commas."""
        server = await asyncio.start_server(self._serve, address.split(","), port, ssl=tls, limit=HEAD_LIMIT)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop to listen."""
        for server in self._servers:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=PIECE)
        peer, own = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        probe = _probe(writer)
        try:
            while peer and own:
                try:
                    request = await asyncio.wait_for(_read(reader), KEEP_ALIVE_S)
                except ValueError:
                    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                    break
                if request is None:
                    break
                request.client, request.server = (peer[0].removeprefix("::ffff:"), peer[1]), (own[0], own[1])
                request.tls = writer.get_extra_info("ssl_object") is not None
                if not await Exchange(self, request, writer, probe).run():
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ssl.SSLError):
            pass  # the client left; what had been sent is in the log
        finally:
            writer.close()
            if probe:
                probe.close()


class Exchange:
    """One request and its answer."""

    def __init__(
        self, server: Server, request: Request, writer: asyncio.StreamWriter, probe: socket.socket | None
    ) -> None:
        self.probe = probe
        self.server = server
        self.request = request
        self.writer = writer
        self.start = now()
        self.sent = 0
        self.head_bytes = 0
        self.first: float | None = None
        self.acked_before = _acked(probe)
        self.coding = ""

    async def run(self) -> bool:
        """Answer, write the log row and return whether the connection stays open."""
        try:
            answer = self.server.handler(self.request)
            reply = await answer if inspect.isawaitable(answer) else answer
        except Exception as error:  # a mistake in a handler must not look like a server that fell silent
            self.request.said["error"] = repr(error)
            reply = Reply(b"", status=500)
        completed = stays = False
        try:
            stays = await self._send(reply)
            completed = True
        finally:
            if not isinstance(reply.body, bytes):
                close = getattr(reply.body, "aclose", None)
                if close:
                    await close()
            self._log(reply, completed)
        return stays

    async def _send(self, reply: Reply) -> bool:
        body = reply.body
        if reply.compress and isinstance(body, bytes) and self._takes_gzip(body):
            body, self.coding = await asyncio.to_thread(_compress, body), "gzip"
        length = reply.length
        if length is None and isinstance(body, bytes) and not reply.program:
            length = len(body)
        old = self.request.version == "HTTP/1.0" or reply.version == "HTTP/1.0"
        chunked = length is None and not old and reply.framed and reply.status not in (204, 304)
        ends = self.request.headers.get("connection", "").lower() == "close"
        stays = not old and not ends and (length is not None or chunked)
        name = reply.server or self.server.server_header
        head = [f"{reply.version} {reply.status} {HTTPStatus(reply.status).phrase}", f"Server: {name}",
                f"Date: {email.utils.formatdate(usegmt=True)}", f"Content-Type: {reply.content_type}"]  # fmt: skip
        if length is not None:
            head.append(f"Content-Length: {length}")
        elif chunked:
            head.append("Transfer-Encoding: chunked")
        if reply.version != "HTTP/1.0":
            head.append(f"Connection: {'keep-alive' if stays else 'close'}")
        head += [f"{key}: {value}" for key, value in reply.headers]
        if self.coding:
            head.append("Content-Encoding: gzip")
        text = ("\r\n".join(head) + "\r\n\r\n").encode()
        self.head_bytes = len(text)
        self.writer.write(text)
        if self.request.method != "HEAD":
            async for piece in _pieces(body):
                self.first = self.first or now()
                self.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                self.sent += len(piece)
                await self.writer.drain()
            if chunked:
                self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()
        return stays

    def _takes_gzip(self, body: bytes) -> bool:
        return len(body) >= SHORT and "gzip" in self.request.headers.get("accept-encoding", "")

    def _log(self, reply: Reply, completed: bool) -> None:
        done, request = now(), self.request
        headers = request.headers
        acked = _acked(self.probe)
        cut = not completed and acked is not None and self.acked_before is not None
        self.server.journal.write(
            "http", done=done, took=round(done - self.start, 3), start=self.start, first_byte=self.first,
            server_ip=request.server[0], server_port=request.server[1],
            client_ip=request.client[0], client_port=request.client[1],
            forwarded_for=headers.get("x-forwarded-for"), tls=request.tls or None,
            method=request.method, host=request.host, target=request.target, status=reply.status,
            body_bytes=self.sent, range=headers.get("range"),
            acked_bytes=max(0, min(self.sent, acked - self.acked_before - self.head_bytes)) if cut else None,
            location=dict(reply.headers).get("Location"), content_type=reply.content_type,
            content_encoding=self.coding or dict(reply.headers).get("Content-Encoding"),
            marks={name: headers[name.lower()] for name in MARKS if name.lower() in headers} or None,
            user_agent=headers.get("user-agent"), referer=headers.get("referer"), completed="OK" if completed else "",
            **request.said,
        )  # fmt: skip


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request, None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise
        return None
    lines = head.decode("latin-1").strip().split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise ValueError("no request line")
    headers = Headers()
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0") or "0")
    if not 0 <= length <= BODY_LIMIT:
        raise ValueError("body too long")
    body = await reader.readexactly(length) if length else b""
    return Request(words[0], words[1], words[2], headers, body, ("", 0), ("", 0))


async def _pieces(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        for start in range(0, len(body), PIECE):
            yield body[start : start + PIECE]
        return
    async for piece in body:
        if piece:
            yield piece


def _compress(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=1, mtime=0) if len(body) > 1 << 20 else _squeeze(body)


def _squeeze(body: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


def _probe(writer: asyncio.StreamWriter) -> socket.socket | None:
    """Return the connection's socket again, which can be asked after the client has left; none under TLS."""
    sock = writer.get_extra_info("socket")
    if sock is None or writer.get_extra_info("ssl_object") is not None:
        return None
    return socket.socket(fileno=os.dup(sock.fileno()))


def _acked(probe: socket.socket | None) -> int | None:
    """Return how many bytes the other side has acknowledged on this connection; None where that cannot be known."""
    try:
        info = probe.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256) if probe else b""
    except (OSError, AttributeError):
        return None
    return struct.unpack_from("=Q", info, TCP_INFO_ACKED)[0] if len(info) >= TCP_INFO_ACKED + 8 else None


def tls_context(certificate: str, key: str, key_log: str | None = None) -> ssl.SSLContext:
    """Return the TLS side of a server; session keys go to `key_log` (NSS format)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if key_log:
        context.keylog_filename = key_log
    return context
