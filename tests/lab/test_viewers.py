"""Addresses that apps give to players, and the players' commands."""

from pathlib import Path

import pytest

from .network import Network
from .run import SCENARIOS
from .scenario import Watch, read
from .viewers import PLAYERS, Viewer, names_over_https, programs, shown

SCENARIO = read(SCENARIOS / "small.toml")


def viewer(tmp_path, box):
    return Viewer(Network(tmp_path), SCENARIO, SCENARIO.one("box", box))


@pytest.mark.parametrize(
    ("watch", "address"),
    [
        (Watch("box-1", 0, 1, channel="news"), "http://line.merlin-box.example:8080/live/viewer31/k7Qm2xVd/101.ts"),
        (Watch("box-1", 0, 1, channel="news", delivery="hls"),
         "http://line.merlin-box.example:8080/live/viewer31/k7Qm2xVd/101.m3u8"),
        (Watch("box-1", 0, 1, title="film-1"), "http://line.merlin-box.example:8080/movie/viewer31/k7Qm2xVd/20000.mp4"),
        (Watch("box-1", 0, 1, channel="sport", delivery="rtmp"),
         "rtmp://e1.osprey-media.example:8880/live/102?username=viewer31&password=k7Qm2xVd"),
    ],
)  # fmt: skip
def test_addresses(tmp_path, watch, address):
    assert viewer(tmp_path, "box-1").address(watch, ask=False) == address


def test_a_panel_behind_a_reverse_proxy_has_the_proxys_port(tmp_path):
    assert viewer(tmp_path, "box-2").base == "http://tv.falcon-stream.example"


@pytest.mark.parametrize("player", PLAYERS)
def test_players_get_address_and_name(player):
    argv = PLAYERS[player]("http://e1.example/a.m3u8", "okhttp/4.9.2", Path())
    assert any("http://e1.example/a.m3u8" in word for word in argv)


def test_programs_that_act_as_a_box_compute_what_it_is(tmp_path):
    mixed = read(SCENARIOS / "mixed.toml")
    box = mixed.one("box", "pc-2")
    mixed.one("line", box.line).portal_mac = "00:1A:79:00:00:01"
    serial, device = Viewer(Network(tmp_path), mixed, box)._identity()
    assert (serial, device[:8]) == ("306F5BD82D720", "D20A3055")


def test_what_was_on_is_that_of_the_panels_guide():
    channel = SCENARIO.one("channel", "news")
    past = shown(channel, 1_795_600_000)
    assert past.start <= 1_795_600_000 < past.stop
    assert past == shown(channel, past.start)


def test_a_box_that_asks_for_names_over_https():
    mixed = read(SCENARIOS / "mixed.toml")
    assert "https://dns.heron-resolver.example/dns-query" in names_over_https(mixed, mixed.one("box", "box-6"))
    assert names_over_https(mixed, mixed.one("box", "box-5")) == []


def test_programs_of_a_scenario():
    assert programs(SCENARIO) == {"curl", "udhcpc", "ffmpeg"}


def test_addresses_that_no_panel_gave(tmp_path):
    shared = read(SCENARIOS / "shared.toml")
    by_hand = Viewer(Network(tmp_path), shared, shared.one("box", "box-2"))
    assert by_hand.address(shared.watch[3]) == "http://e1.heron-media.example:8080/s/101.ts"
    assert (by_hand.line.id, by_hand.panel.id) == ("", "")
    editor = Viewer(Network(tmp_path), shared, shared.one("box", "box-8"))
    editor.list = "#EXTM3U\r\n#EXTINF:-1,A\r\nhttp://a.example/live/u/p/101.ts\r\n"
    assert editor.address(next(w for w in shared.watch if w.box == "box-8")) == "http://a.example/live/u/p/101.ts"
    assert (editor.base, editor.panel.id) == ("http://my.grebe-lists.example", "editor-1")


def test_a_portal_that_says_where_a_channel_is_is_not_asked_for_a_link(tmp_path):
    shared = read(SCENARIOS / "shared.toml")
    box = Viewer(Network(tmp_path), shared, shared.one("box", "box-7"))
    box.channels = {"data": [{"id": "301", "cmd": "ffmpeg http://e1.example/s/301.ts"}]}
    assert box.address(next(w for w in shared.watch if w.box == "box-7")) == "http://e1.example/s/301.ts"


def test_an_episode_is_one_of_a_series(tmp_path):
    shared = read(SCENARIOS / "shared.toml")
    box = Viewer(Network(tmp_path), shared, shared.one("box", "box-6"))
    watch = next(w for w in shared.watch if w.title == "episode-2")
    assert box.address(watch) == "http://portal.dunlin-play.example/series/orchard9/b4Lk7vXe/20004.ts"


def test_of_panels_with_one_name_that_of_the_line_is_asked(tmp_path):
    homes = read(SCENARIOS / "homes.toml")
    seen = [Viewer(Network(tmp_path), homes, homes.one("box", name)) for name in ("box-1", "box-2")]
    assert [(viewer.panel.id, viewer.base) for viewer in seen] == [
        ("panel-1", "http://192.168.1.50:8080"), ("panel-2", "http://192.168.1.50:8080")
    ]  # fmt: skip
