"""A client library of others reads the running panel and finds what the document says."""

import pytest
from pyxtream import XTream

from .conftest import LOGIN


@pytest.fixture(scope="module", params=["xc", "xui", "xc_vm"])
def panel(request, programs, example, tmp_path_factory):
    # pyxtream stops at the rarer forms: lists for maps.
    told = example | {"software": request.param, "traps": False}
    with programs(tmp_path_factory.mktemp("panel"), told) as started:
        yield started["panel"]


@pytest.fixture(scope="module")
def loaded(panel, tmp_path_factory):
    client = XTream("heron", LOGIN["username"], LOGIN["password"], panel.base,
                    cache_path=str(tmp_path_factory.mktemp("cache")))  # fmt: skip
    assert client.load_iptv()
    return client


def test_it_logs_in(loaded):
    assert loaded.state == {"authenticated": True, "loaded": True}
    assert loaded.authorization == LOGIN
    assert loaded.auth_data["user_info"]["max_connections"] == "2"
    assert loaded.auth_data["server_info"]["timezone"] == "Asia/Seoul"


def test_it_finds_the_channels(loaded, panel, example):
    wanted = [(c["id"], c["name"]) for c in example["channels"] for _ in c.get("categories", [0])]
    assert [(c.id, c.name) for c in loaded.channels] == wanted
    assert loaded.channels[0].url == f"{panel.base}/live/viewer1/pw1word/101.ts"
    assert loaded.channels[0].epg_channel_id == "heron1.example"
    assert [c.group_title for c in loaded.channels] == ["Korea", "News", "Korea", "Korea", "Radio"]


def test_it_finds_films_and_series(loaded, panel, example):
    assert len(loaded.movies) == example["vod"]["titles"]
    assert loaded.movies[0].name.startswith("Lantern Road")
    assert loaded.movies[0].url == f"{panel.base}/movie/viewer1/pw1word/20000.mp4"
    assert [s.series_id for s in loaded.series] == list(range(1, 11))
    series = loaded.series[0]
    loaded.get_series_info_by_id(series)
    episodes = [e for season in series.seasons.values() for e in season.episodes.values()]
    assert episodes
    assert [e.id for e in episodes] == [str(20_120 + n) for n in range(len(episodes))]
    assert episodes[0].url == f"{panel.base}/series/viewer1/pw1word/20120.{episodes[0].container_extension}"


def test_it_reads_the_guide(loaded):
    assert len(loaded.liveEpgByStreamAndLimit(101, 2)["epg_listings"]) == 2
    assert len(loaded.liveEpgByStream(101)["epg_listings"]) == 4
    assert loaded.allLiveEpgByStream(101)["epg_listings"][0]["channel_id"] == "heron1.example"


def test_the_log_tells_what_it_did(loaded, panel):
    rows = panel.rows()
    did = [row["did"].removeprefix("player_api:") for row in rows]
    assert did[:7] == ["login", "get_live_categories", "get_live_streams", "get_vod_categories", "get_vod_streams",
                       "get_series_categories", "get_series"]  # fmt: skip
    for row in rows:
        assert (row["line"], row["auth"], row["status"], row["completed"]) == ("viewer1", True, 200, "OK")
        assert row["client_ip"] == row["server_ip"] == "127.0.0.1"
        assert row["start"] <= row["first_byte"] <= row["done"]
        assert row["body_bytes"] > 0
    assert panel.rows("start")[0]["catalogue"] | {"sha256": ""} == {"live": 4, "vod": 120, "series": 10, "sha256": ""}


def test_a_wrong_password_is_refused(panel, tmp_path):
    with pytest.raises(KeyError):  # what it makes of {"user_info": {"auth": 0}}
        XTream("heron", "viewer1", "wrong", panel.base, cache_path=str(tmp_path))
    assert panel.row(tried="viewer1/wrong")["auth"] is False
