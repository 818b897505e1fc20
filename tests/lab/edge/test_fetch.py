"""The edge's HTTP client: redirects, framing, and what is an error."""

import asyncio

import pytest

from .fetch import stream


def fetched(*answers, path="/a"):
    """Return what the client makes of these answers, given one per connection."""
    asked = []

    async def serve(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(answers[min(len(asked), len(answers)) - 1])
        writer.close()

    async def run():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return b"".join([p async for p in stream(f"http://127.0.0.1:{port}{path}", {"X-XUI-Detect": "1"})])
        finally:
            server.close()

    return asyncio.run(run()), asked


OK = b"HTTP/1.1 200 OK\r\n"


def test_a_body_until_the_end_of_the_connection():
    body, asked = fetched(OK + b"\r\nabc", path="/a?b=1")
    assert body == b"abc"
    assert asked[0].startswith("GET /a?b=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "\r\nX-XUI-Detect: 1\r\n" in asked[0]


def test_chunks():
    assert fetched(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n0\r\n\r\n")[0] == b"abcd"


def test_redirects_are_followed():
    body, asked = fetched(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n", OK + b"\r\nabc")
    assert (body, len(asked)) == (b"abc", 2)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 404 No\r\n\r\n", b"hello", b"HTTP/1.1 302 F\r\nLocation: /a\r\n\r\n",
     OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc"],
)  # fmt: skip
def test_errors(answer):
    with pytest.raises(OSError, match=r"."):
        fetched(answer)


def test_nobody_listens():
    with pytest.raises(OSError, match=r"."):
        asyncio.run(anext(stream("http://127.0.0.1:1/", {})))
