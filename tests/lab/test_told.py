"""Sessions as several logs tell them together."""

from types import SimpleNamespace

from .run import SCENARIOS
from .scenario import Record, read
from .told import CaptureNote, Told
from .viewers import Viewing

SCENARIO = read(SCENARIOS / "small.toml")
PANEL = {"server": "panel-1", "server_ip": "192.0.2.10", "server_port": 8080, "host": "line.merlin-box.example:8080"}
EDGE = {"server": "edge-1", "server_ip": "203.0.113.10", "server_port": 8080, "host": "e1.osprey-media.example:8080"}


def row(who, target, second, **more):
    return {
        **who,
        "box": "box-1",
        "target": target,
        "status": 200,
        "start": 1000.0 + second,
        "done": 1000.5 + second,
        **more,
    }


def told(http, tmp_path):
    notes = [
        CaptureNote(Record(at), "eth0", tmp_path / f"{at}.pcap", None, 0.0) for at in ("home-1", "edge-1", "edge-2")
    ]
    watch = next(w for w in SCENARIO.watch if w.delivery == "hls")
    url = "http://line.merlin-box.example:8080/live/viewer31/k7Qm2xVd/104.m3u8"
    viewing = Viewing(watch, SCENARIO.one("box", "box-1"), url, "ffmpeg", 1000.0, 1010.0, line="line-1")
    return Told(SCENARIO, SimpleNamespace(http=http, rtmp=[]), notes, [], [viewing]).viewer_sessions()


def test_a_chain_is_followed_from_the_panel_to_the_media(tmp_path):
    media = {"content_type": "video/mp2t", "body_bytes": 700, "completed": "OK"}
    http = [
        row(PANEL, "/live/viewer31/k7Qm2xVd/104.m3u8", 0, status=302, location="http://e1.osprey-media.example:8080/auth/t"),
        row(EDGE, "/auth/t", 1, session="one", content_type="application/x-mpegurl"),
        row(EDGE, "/hls/one", 2, **media),
        row(EDGE, "/hls/two", 3, **media | {"acked_bytes": 300, "completed": ""}),
        row(EDGE, "/hls/late", 60, **media),
        row(EDGE, "/hls/before", 2, session="another", **media),
        row(EDGE, "/hls/other", 3, **media) | {"box": "box-2"},
    ]  # fmt: skip
    (session,) = told(http, tmp_path)
    assert [(hop["node"], hop["roles"]) for hop in session["chain"]] == [
        ("panel-1", ["redirect"]),
        ("edge-1", ["playlist", "media"]),
    ]
    assert session["body_bytes"] == 1000
    assert [m["url"].rsplit("/", 1)[1] for m in session["media"]] == ["one", "two"]
    assert session["final_url"] == "http://e1.osprey-media.example:8080/auth/t"
    assert session["visible_in"] == ["home-1.pcap", "edge-1.pcap"]
    assert (session["channel"], session["edge"], session["line_id"]) == ("drama", "edge-1", "line-1")


def test_the_address_that_asked_for_the_media_is_the_clients(tmp_path):
    media = {"content_type": "video/mp2t", "body_bytes": 700, "completed": "OK", "client_ip": "2001:db8:1:10::7"}
    playlist = row(
        PANEL, "/live/viewer31/k7Qm2xVd/104.m3u8", 0, content_type="application/x-mpegurl", client_ip="192.168.1.21"
    )
    (session,) = told([playlist, row(PANEL, "/hls/one", 1, **media)], tmp_path)
    assert session["client_ip"] == session["client_public_ip"] == "2001:db8:1:10::7"


def test_names_are_told_by_routers_and_over_https(tmp_path):
    mixed = read(SCENARIOS / "mixed.toml")
    boxes = {box.ip: box for box in mixed.box}
    logs = SimpleNamespace(
        names=[{"home": "home-1", "client_ip": "192.168.1.21", "name": "a.example", "ip": "192.0.2.1"}],
        over_https=[("doh-1", "198.51.100.21", "e2.osprey-media.example", kind) for kind in ("A", "A", "AAAA")],
        box_at=lambda ip, home: boxes.get(ip),
        all_of=lambda box: [box.ip],
    )
    found = Told(mixed, logs, [], [], []).names_told()
    assert found[0]["box"] == "box-1"
    assert [(n["box"], n["ip"], n["by"]) for n in found[1:]] == [
        ("box-6", "203.0.113.11", "doh-1"),
        ("box-6", "2001:db8:ffff::e2", "doh-1"),
    ]


def test_a_viewing_without_media_is_no_session(tmp_path):
    refused = row(PANEL, "/live/viewer31/k7Qm2xVd/104.m3u8", 0, status=404, content_type="text/html")
    assert told([refused], tmp_path) == []
