"""A small HTTP client for endless bodies: what an edge needs to pull TS from another server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urljoin, urlsplit

HOPS = 5
WAIT_S = 10
READ = 65536


async def stream(url: str, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Yield the body that an address gives, after redirects; raises OSError for everything else."""
    for _ in range(HOPS):
        reader, writer, status, told = await _ask(url, headers)
        try:
            if status in (301, 302, 303, 307, 308) and "location" in told:
                url = urljoin(url, told["location"])
                continue
            if status != 200:
                raise OSError(f"{url} answers {status}")
            async for piece in _chunks(reader) if told.get("transfer-encoding") == "chunked" else _rest(reader):
                yield piece
            return
        finally:
            writer.close()
    raise OSError(f"more than {HOPS} redirects")


async def _ask(
    url: str, headers: Mapping[str, str]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, int, dict[str, str]]:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    try:
        opening = asyncio.open_connection(parts.hostname, parts.port or (443 if tls else 80), ssl=tls or None)
        reader, writer = await asyncio.wait_for(opening, WAIT_S)
    except TimeoutError as error:
        raise OSError(f"{url}: no connection") from error
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", *(f"{k}: {v}" for k, v in headers.items()),
             "Accept: */*", "Connection: close"]  # fmt: skip
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_S)
        first, *rest = head.decode("latin-1").strip().split("\r\n")
        told = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        return reader, writer, int(first.split(" ")[1]), told
    except (TimeoutError, asyncio.IncompleteReadError, ValueError, IndexError) as error:
        writer.close()
        raise OSError(f"{url}: no answer") from error


async def _rest(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await reader.read(READ):
        yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    try:
        while size := int((await reader.readline()).split(b";")[0] or b"0", 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
    except (asyncio.IncompleteReadError, ValueError) as error:
        raise OSError("the body broke off") from error
