"""An edge that runs beside its panel gives what the panel's redirects name, and writes down what it gave."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from urllib.parse import quote, urljoin, urlsplit

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ..panel import links
from ..panel.conftest import EXAMPLE, MEDIA_LOGIN, running
from ..panel.journal import now
from ..panel.tokens import Vault

VAULT = Vault(EXAMPLE["secret"])


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Return six seconds of a test picture as TS and as MP4."""
    folder = tmp_path_factory.mktemp("film")
    ts, mp4 = folder / "film.ts", folder / "film.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10", "-f", "lavfi", "-i", "sine",
         "-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-c:a", "aac", "-b:a", "32k",
         "-metadata", "service_name=Heron lab", str(ts)],
        check=True, timeout=60,
    )  # fmt: skip
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(ts), "-c", "copy", str(mp4)], check=True, timeout=60)
    return ts, mp4


@pytest.fixture(scope="module")
def started(tmp_path_factory, film):
    told = json.loads(json.dumps(EXAMPLE))
    ts, mp4 = map(str, film)
    plain = {"files": [mp4], "archive": ts, "hls_time": 1, "hls_list": 3}
    told["edges"] = [
        {"name": "lb1", "alt_svc": True, "cookie": {"name": "hx", "domain": ".heron.example"}, **plain},
        {"name": "lb2", "proxy": True, "encrypt": True, **plain},
        {"name": "lb3", "cdn": True, "chunked": False, **plain},
        {"name": "lb4", "prebuffer": True, **plain},
    ]
    for channel, edge in zip(told["channels"], ("lb1", "lb2", "lb3", "lb2"), strict=True):
        channel |= {"upstream": ts, "edges": [edge], "pull": {"always": True}}
    told["channels"][3] |= {"upstream": "PANEL/live/viewer1/pw1word/101.ts", "pull": {"how": "direct"}}
    told["channels"][2] |= {"edges": ["lb3", "lb1"], "pull": {"always": True, "parents": {"lb1": "lb3"}}}
    told["lines"] += [{"username": "second", "password": "pw2", "edge": "lb1"},
                      {"username": "early", "password": "pw3", "edge": "lb4"}]  # fmt: skip
    told["lines"][0]["max_connections"] = 20
    told["poll_s"] = 0.2
    told["substitutes"] = {"Expired": ts}
    with running(tmp_path_factory.mktemp("edges"), told, "lb1", "lb2", "lb3", "lb4") as programs:
        yield programs


def ask(url, *, headers=None, size=None):
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request, timeout=15) as reply:
        return reply, reply.read(size)


def status(url, **headers):
    try:
        return ask(url, headers=headers)[0].status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def media(started, path):
    return f"{started['panel'].base}/{path}"


def test_endless_ts(started):
    reply, body = ask(media(started, f"live/{MEDIA_LOGIN}/101.ts"), size=188 * 200)
    assert reply.headers["Content-Type"] == "video/mp2t"
    assert set(body[::188]) == {0x47}
    for name, value in (("Access-Control-Allow-Origin", "*"), ("X-Accel-Buffering", "no"), ("X-XSS-Protection", "0")):
        assert reply.headers[name] == value
    assert reply.headers["Alt-Svc"].startswith('h3-29=":')
    assert re.fullmatch(r"hx=\w{11}; Domain=\.heron\.example; Path=/", reply.headers["Set-Cookie"])
    sent = started["panel"].row(did="redirect:live", stream_id=101)
    row = started["lb1"].row(did="live", session=sent["session"])
    assert (row["line"], row["channel"]) == ("viewer1", "Heron One HD")
    assert len(body) <= row["acked_bytes"] + 65536
    assert row["body_bytes"] >= len(body)
    assert "completed" not in row


def test_ts_from_a_media_segment_on(started):
    """It begins with the tables of the service and has no break between the files that it is read from."""
    started_at = time.monotonic()
    with urllib.request.urlopen(media(started, "live/early/pw3/101.ts"), timeout=15) as reply:
        body = reply.read(188 * 60)
        while time.monotonic() - started_at < 2.5:
            body += reply.read(188)
    packets = [body[n : n + 188] for n in range(0, len(body), 188)]
    pids = [(p[1] & 0x1F) << 8 | p[2] for p in packets]
    assert pids[:3] == [17, 0, 4096]
    last = {}
    for packet, pid in zip(packets, pids, strict=True):
        if packet[3] & 0x10:
            assert last.setdefault(pid, (packet[3] - 1) & 15) == (packet[3] - 1) & 15, "continuity counter"
            last[pid] = packet[3] & 15
    assert pids.count(0) >= 2


def playlist(started, path):
    reply, body = ask(media(started, path))
    assert reply.headers["Content-Type"] == "application/x-mpegurl"
    lines = body.decode().splitlines()
    return reply.url, lines, [line for line in lines if not line.startswith("#")]


def test_hls_with_a_key_in_line_two_behind_a_proxy(started):
    url, lines, files = playlist(started, f"live/{MEDIA_LOGIN}/102.m3u8")
    prefix = url.split("/")[3]
    key = re.fullmatch(rf'#EXT-X-KEY:METHOD=AES-128,URI="(/{prefix}/key/[\w-]+)",IV=0x([0-9a-f]{{32}})', lines[1])
    assert lines[0] == "#EXTM3U"
    assert sum(line.startswith("#EXT-X-KEY") for line in lines) == 1
    secret = ask(urljoin(url, key[1]))[1]
    sealed = ask(urljoin(url, files[-1]))[1]
    clear = Cipher(algorithms.AES(secret), modes.CBC(bytes.fromhex(key[2]))).decryptor().update(sealed)
    assert set(clear[:-16:188]) == {0x47}
    row = started["lb2"].row(did="segment")
    assert (row["body_bytes"], row["channel"], row["behind_proxy"]) == (len(sealed), 'Heron, "News"', True)
    assert row["file"].startswith("102_")
    assert row["session"] == started["lb2"].row(did="playlist")["session"]
    assert VAULT.open(key[1].rsplit("/", 1)[1]) == "127.0.0.1/102"


def test_hls_as_behind_a_cdn(started):
    url, _, files = playlist(started, f"live/{MEDIA_LOGIN}/103.m3u8")
    if "/auth/103.m3u8?token=" not in url:  # the line's other edge
        assert "/auth/" in url
        return
    assert re.fullmatch(r"/hls/103_\d+\.ts\?token=[\w-]+", files[0])
    assert set(ask(urljoin(url, files[-1]))[1][::188]) == {0x47}


def test_a_media_segment_asked_for_at_the_wrong_edge(started):
    url, _, files = playlist(started, f"live/{MEDIA_LOGIN}/101.m3u8")
    other = started["lb3"].row_of("start")["port"]
    reply, body = ask(f"http://127.0.0.1:{other}{files[-1]}")
    assert reply.url == urljoin(url, files[-1])
    assert body
    assert started["lb3"].row(did="segment", status=302)["location"] == reply.url


def test_http_flv(started):
    reply, body = ask(media(started, f"live/{MEDIA_LOGIN}/101.flv"), size=2000)
    assert (reply.headers["Content-Type"], body[:4]) == ("video/x-flv", b"FLV\x01")


def test_a_channel_from_another_edge_and_one_from_another_panel(started):
    assert set(ask(media(started, "live/second/pw2/103.ts"), size=188 * 50)[1][::188]) == {0x47}
    upstream = started["lb1"].rows("pull-start")
    parent = next(row["upstream"] for row in upstream if row["stream_id"] == 103)
    assert "/admin/live?stream=103&password=heron%2077&extension=ts" in parent
    assert set(ask(media(started, f"live/{MEDIA_LOGIN}/104.ts"), size=188 * 50)[1][::188]) == {0x47}
    row = started["panel"].row(did="redirect:live", stream_id=101, marks={"X-XUI-Detect": "1"})
    assert row["user_agent"] == "Mozilla/5.0"


def test_a_receiver_gives_channels_by_service_reference(started):
    base = f"http://127.0.0.1:{started['lb1'].row_of('start')['port']}"
    reply, body = ask(f"{base}/1:0:1:44C:3FB:1:C00000:0:0:0:", size=1880)
    assert (reply.version, reply.headers["Server"]) == (10, "stream_enigma2")
    assert reply.headers["Content-Type"] == "video/mpeg"
    assert set(body[::188]) == {0x47}
    assert started["lb1"].row(did="receiver")["channel"] == "Heron One HD"
    assert status(f"{base}/1:0:1:44D:3FB:1:C00000:0:0:0:") == 404


def test_films_with_ranges(started, film):
    url, whole = media(started, f"movie/{MEDIA_LOGIN}/20000.mp4"), film[1].read_bytes()
    reply, body = ask(url)
    assert (reply.headers["Content-Type"], reply.headers["Accept-Ranges"]) == ("video/mp4", "bytes")
    assert body == whole
    for asked, part, told in (
        ("bytes=100-199", whole[100:200], f"bytes 100-199/{len(whole)}"),
        (f"bytes={len(whole) - 5}-", whole[-5:], f"bytes {len(whole) - 5}-{len(whole) - 1}/{len(whole)}"),
        ("bytes=-7", whole[-7:], f"bytes {len(whole) - 7}-{len(whole) - 1}/{len(whole)}"),
    ):
        reply, body = ask(url, headers={"Range": asked})
        assert (reply.status, body, reply.headers["Content-Range"]) == (206, part, told)
    assert status(url, Range=f"bytes={len(whole)}-") == 416
    row = started[started["panel"].row(did="redirect:movie")["edge"]].row(did="film", status=206)
    assert (row["title"], row["file"], row["file_bytes"]) == ("Lantern Road", "film.mp4", len(whole))
    assert row["range"].startswith("bytes=")


def test_archive_pictures_and_subtitles(started, film):
    body = ask(media(started, f"timeshift/{MEDIA_LOGIN}/60/2023-11-15:06-00/101.ts"))[1]
    assert body == film[0].read_bytes()
    assert started["lb1"].row(did="archive")["archive_minutes"] == 60
    assert ask(media(started, f"thumb/{MEDIA_LOGIN}/101"))[1].startswith(b"\x89PNG")
    assert b"-->" in ask(media(started, f"subtitle/{MEDIA_LOGIN}/0/20000"))[1]


def test_a_film_instead_of_a_channel(started, film):
    assert ask(media(started, "live/trial9/pw9/101.ts"))[1] == film[0].read_bytes()
    row = started["lb1"].row(did="substitute")
    assert (row["line"], row["auth"], row["file"]) == ("trial9", False, "film.ts")


def test_links_of_a_portal(started):
    port = started["lb1"].row_of("start")["port"]
    base = f"http://127.0.0.1:{port}"
    for kind in links.KINDS:
        path = links.make(kind, EXAMPLE["secret"], 101, "mpegts", "127.0.0.1", now())
        assert set(ask(base + path, size=1880)[1][::188]) == {0x47}
    path = links.make("secure_link", EXAMPLE["secret"], 101, "index.m3u8", "127.0.0.1", now())
    assert ask(base + path)[1].startswith(b"#EXTM3U")
    path = links.make("secure_link", EXAMPLE["secret"], 20_000, "film.mp4", "127.0.0.1", now())
    assert ask(base + path)[0].headers["Content-Type"] == "video/mp4"
    token = VAULT.seal("ministra::live/viewer1/pw1word/101/ts")
    assert set(ask(f"{base}/play/{token}?ext=.ts", size=1880)[1][::188]) == {0x47}


def test_who_watches_is_told_to_the_panel(started):
    port = started["lb1"].row_of("start")["port"]
    stats = f"http://127.0.0.1:{port}/api?password={quote(EXAMPLE['secret'])}&action=stats"
    login = f"{started['panel'].base}/player_api.php?username=viewer1&password=pw1word"
    with urllib.request.urlopen(media(started, f"live/{MEDIA_LOGIN}/101.ts"), timeout=15) as reply:
        reply.read(188)
        assert "viewer1" in json.loads(ask(stats)[1])["connections"]
        for _ in range(100):
            reply.read(1880)
            if json.loads(ask(login)[1])["user_info"]["active_cons"] >= 1:
                break
        else:
            raise AssertionError("the panel was not told")
    assert started["lb1"].row(did="api:stats")["auth"] is True


def test_what_is_refused(started):
    base = f"http://127.0.0.1:{started['lb1'].row_of('start')['port']}"
    old = VAULT.seal_json({"stream_id": 101, "expires": 1_000_000_000})
    other = VAULT.seal("viewer1/pw1word/192.0.2.1/101/101_1.ts/u/1/h264/0")
    for path in ("/", "/auth/abc", "/vauth/abc", "/tsauth/abc", "/hls/abc", "/key/abc", "/play/abc", "/ch/101/mpegts",
                 f"/thauth/{old}", f"/{'0' * 32}/auth/abc", "/admin/live?stream=101&password=no", "/api?password=no",
                 f"/hls/{other}", f"/auth/{VAULT.seal_json({'stream_id': 999, 'extension': 'ts'})}",
                 f"/auth/{VAULT.seal_json({'x': 1})}", "/auth/7.m3u8?token=x"):  # fmt: skip
        assert status(base + path) == 404, path


def test_the_log_names_files_and_pulls(started, film):
    (start,) = started["lb1"].rows("start")
    assert start["files"][0]["bytes"] == film[1].stat().st_size
    pull = started["lb1"].rows("pull-start")[0]
    assert (pull["channel"], pull["upstream"], pull["how"]) == ("Heron One HD", str(film[0]), "ffmpeg")


@pytest.fixture(scope="module")
def tokenless(tmp_path_factory, film):
    told = json.loads(json.dumps(EXAMPLE))
    ts, _ = map(str, film)
    told["edges"] = [{"name": "lb1", "files": [ts], "address": "plain"},
                     {"name": "lb2", "files": [ts], "address": "path", "live_bytes": 1880}]  # fmt: skip
    for channel, edge in zip(told["channels"], ("lb1", "lb2", "lb1", "lb2"), strict=True):
        channel |= {"upstream": ts, "edges": [edge], "pull": {"always": True}}
    told["vod"] = {"titles": 1, "containers": ["ts"]}
    told["lines"][0] |= {"max_connections": 20, "edge": ""}
    with running(tmp_path_factory.mktemp("tokenless"), told, "lb1", "lb2") as programs:
        yield programs | {"film": film[0]}


def test_an_address_without_token_is_for_everybody(tokenless):
    reply, body = ask(media(tokenless, f"live/{MEDIA_LOGIN}/101.ts"), size=188 * 20)
    assert urlsplit(reply.url).path == "/s/101.ts"
    assert set(body[::188]) == {0x47}
    film = ask(urljoin(reply.url, "/s/20000.ts"))[0]
    assert (film.status, film.headers["Content-Length"]) == (200, str(tokenless["film"].stat().st_size))
    assert status(urljoin(reply.url, f"/live/{MEDIA_LOGIN}/101.ts")) == status(urljoin(reply.url, "/auth/x")) == 404
    row = tokenless["lb1"].row(did="live", stream_id=101)
    assert "line" not in row


def test_an_address_as_at_the_panel_needs_a_line_and_gives_as_much_as_it_says(tokenless):
    reply, body = ask(media(tokenless, f"live/{MEDIA_LOGIN}/102.ts"))
    assert urlsplit(reply.url).path == f"/live/{MEDIA_LOGIN}/102.ts"
    assert (len(body), reply.headers["Content-Length"]) == (1880, "1880")
    assert status(urljoin(reply.url, "/live/viewer1/wrong/102.ts")) == 404
    assert status(urljoin(reply.url, "/s/102.ts")) == 404
    assert tokenless["lb2"].row(did="live", stream_id=102)["line"] == "viewer1"
