"""The web server: framing, coding, ranges of connections, and what it writes down."""

import asyncio
import contextlib
import gzip
import json
import socket

import pytest

from .journal import Journal
from .web import Reply, Request, Server, not_found, redirect

LONG = b"0123456789" * 500


async def endless():
    while True:
        yield b"x" * 1000
        await asyncio.sleep(0.005)


async def some():
    for piece in (b"one", b"", b"two"):
        yield piece


def answer(request: Request) -> Reply:
    return {
        "/plain": lambda: Reply(b"hello", "text/plain"),
        "/program": lambda: Reply(LONG, program=True, compress=True),
        "/pieces": lambda: Reply(some()),
        "/bare": lambda: Reply(some(), framed=False),
        "/endless": lambda: Reply(endless()),
        "/away": lambda: redirect("http://b.example/x", 307),
        "/form": lambda: Reply(json.dumps(request.query).encode()),
        "/wrong": lambda: Reply(str(1 // 0).encode()),
        "/old": lambda: Reply(b"ts", version="HTTP/1.0", server="stream_enigma2"),
    }.get(request.path, not_found)()


@contextlib.asynccontextmanager
async def listening(log):
    journal = Journal("node", log)
    server = Server(answer, journal)
    port = await server.listen("127.0.0.1", 0)
    try:
        yield port
    finally:
        server.close()
        await asyncio.sleep(0.05)
        journal.close()


def talk(tmp_path, *texts, wait=0.2):
    """Send requests on one connection; return what came back and the rows of the log."""

    async def run():
        async with listening(tmp_path / "log") as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            got = b""
            for text in texts:
                writer.write(text.encode())
                with contextlib.suppress(TimeoutError):
                    while piece := await asyncio.wait_for(reader.read(65536), wait):
                        got += piece
            writer.close()
            await asyncio.sleep(0.1)
            return got

    got = asyncio.run(run())
    return got, [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def get(path, *headers, version="HTTP/1.1"):
    return "\r\n".join([f"GET {path} {version}", "Host: a.example", *headers, "", ""])


def test_a_length_and_a_connection_that_stays(tmp_path):
    got, rows = talk(tmp_path, get("/plain"), get("/plain", "Connection: close"))
    first, second = got.split(b"HTTP/1.1 200 OK")[1:]
    assert b"Content-Length: 5\r\nConnection: keep-alive\r\n" in first
    assert b"Connection: close\r\n" in second
    assert first.endswith(b"\r\n\r\nhello")
    assert rows[0]["client_port"] == rows[1]["client_port"]
    assert rows[0] | {"done": 0, "took": 0, "start": 0, "first_byte": 0, "server_port": 0, "client_port": 0} == {
        "event": "http", "node": "node", "done": 0, "took": 0, "start": 0, "first_byte": 0, "server_ip": "127.0.0.1",
        "server_port": 0, "client_ip": "127.0.0.1", "client_port": 0, "method": "GET", "host": "a.example",
        "target": "/plain", "status": 200, "body_bytes": 5, "content_type": "text/plain", "completed": "OK",
    }  # fmt: skip


def test_programs_answer_in_chunks_and_compressed(tmp_path):
    got, (row,) = talk(tmp_path, get("/program", "Accept-Encoding: gzip"))
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Encoding: gzip" in head
    size, _, rest = body.partition(b"\r\n")
    packed = rest[: int(size, 16)]
    assert gzip.decompress(packed) == LONG
    assert rest[len(packed) :] == b"\r\n0\r\n\r\n"
    assert (row["body_bytes"], row["content_encoding"]) == (len(packed), "gzip")


@pytest.mark.parametrize(
    ("text", "end"),
    [(get("/pieces"), b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"), (get("/bare"), b"\r\n\r\nonetwo"),
     (get("/pieces", version="HTTP/1.0"), b"\r\n\r\nonetwo"), (get("/program", version="HTTP/1.0"), LONG)],
)  # fmt: skip
def test_bodies_of_unknown_length(tmp_path, text, end):
    got, (row,) = talk(tmp_path, text)
    assert got.endswith(end)
    assert row["body_bytes"] == (6 if b"one" in end else len(LONG))
    assert (b"chunked" in got) == (b"\r\n0\r\n" in end)


def test_an_endless_body_that_the_client_leaves(tmp_path):
    async def run():
        async with listening(tmp_path / "log") as port:
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(get("/endless").encode())
                for _ in range(20):
                    await asyncio.sleep(0.01)
                    sock.recv(2000)
            await asyncio.sleep(0.2)

    asyncio.run(run())
    row = json.loads((tmp_path / "log").read_text())
    assert "completed" not in row
    assert 0 < row["acked_bytes"] <= row["body_bytes"]


def test_redirects_head_and_forms(tmp_path):
    got, rows = talk(tmp_path, get("/away"), "HEAD /plain HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert b"307 Temporary Redirect" in got
    assert b"Location: http://b.example/x\r\n" in got
    assert got.endswith(b"\r\n\r\n")
    assert (rows[0]["location"], rows[1]["body_bytes"]) == ("http://b.example/x", 0)
    form = "POST /form?a=1&b=2 HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nb=3&c=4"
    got, _ = talk(tmp_path, form)
    assert got.endswith(b'{"a": "1", "b": "3", "c": "4"}')


def test_old_servers_and_what_is_not_there(tmp_path):
    got, _ = talk(tmp_path, get("/old"))
    assert got.startswith(b"HTTP/1.0 200 OK\r\nServer: stream_enigma2\r\n")
    got, (row, *_) = talk(tmp_path, get("/none"))
    assert row["status"] in (200, 404)
    assert b"padding to disable MSIE" in got


def test_a_mistake_of_the_program_is_an_answer_and_a_row(tmp_path):
    got, (row,) = talk(tmp_path, get("/wrong"))
    assert got.startswith(b"HTTP/1.1 500 Internal Server Error")
    assert row["error"].startswith("ZeroDivisionError")


@pytest.mark.parametrize(
    "text", ["hello\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "GET / FTP/1\r\n\r\n"]
)
def test_what_is_no_request(tmp_path, text):
    got, rows = talk(tmp_path, text)
    assert got.startswith(b"HTTP/1.1 400 Bad Request")
    assert rows == []


def test_cookies_and_names():
    request = Request("GET", "/a%20b?x=%3A", "HTTP/1.1", {}, b"", ("192.0.2.1", 1), ("192.0.2.2", 80))
    assert (request.path, request.query, request.host) == ("/a b", {"x": ":"}, "192.0.2.2:80")
