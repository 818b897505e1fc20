"""Each action of player_api.php and panel_api.php has the shape and the types that the field has."""

import base64
import json

import pytest

from .conftest import LOGIN, NOW, Client

S, N = str, int


def types(row, **wanted):
    for key, kind in wanted.items():
        assert key in row, key
        assert isinstance(row[key], kind), (key, row[key])


def test_login_says_who_the_line_is_and_what_the_server_is(each_software):
    told = each_software.action()
    user, server = told["user_info"], told["server_info"]
    types(user, username=S, password=S, message=S, auth=N, status=S, exp_date=S, is_trial=S, created_at=S,
          max_connections=S, allowed_output_formats=list)  # fmt: skip
    types(server, url=S, port=S, https_port=S, server_protocol=S, rtmp_port=S, timezone=S, timestamp_now=N, time_now=S)
    assert (user["username"], user["auth"], user["status"], user["max_connections"]) == ("viewer1", 1, "Active", "2")
    assert (server["url"], server["port"], server["timezone"]) == ("tv.heron.example", "8080", "Asia/Seoul")
    assert server["timestamp_now"] == NOW
    assert server["time_now"] == "2023-11-15 07:13:20"
    assert each_software.request.said == {"line": "viewer1", "did": "player_api:login", "auth": True}


@pytest.mark.parametrize(
    ("software", "active", "mark"),
    [("xc", S, {"process": True}), ("xui", N, {"xui": True, "version": "1.5.12", "revision": None}),
     ("xc_vm", S, {"version": "1.5.12", "process": True})],
)  # fmt: skip
def test_marks_of_the_software(software, active, mark):
    told = Client(software=software).action()
    assert isinstance(told["user_info"]["active_cons"], active)
    assert mark.items() <= told["server_info"].items()
    assert ("xui" in told["server_info"]) == (software == "xui")


@pytest.mark.parametrize(
    ("how", "status", "body"), [("classic", 200, b'{"user_info":{"auth":0}}'), ("empty", 200, b"")]
)
def test_a_login_that_fails(how, status, body):
    client = Client(bad_login=how)
    reply = client.ask("/player_api.php", {"username": "viewer1", "password": "no"})
    assert (reply.status, reply.body) == (status, body)
    assert client.request.said == {"tried": "viewer1/no", "did": "player_api:login", "auth": False}


def test_a_login_that_fails_may_look_like_a_page_that_is_not_there():
    reply = Client(bad_login="404").ask("/player_api.php", {"username": "a", "password": "b"})
    assert reply.status == 404
    assert b"MSIE and Chrome friendly" in reply.body


def test_lines_that_are_over(client):
    for user, word in (("trial9", "pw9"), ("banned3", "pw3")):
        assert client.json("/player_api.php", {"username": user, "password": word}) == {"user_info": {"auth": 0}}
    old = Client(software="xc")
    told = old.json("/player_api.php", {"username": "trial9", "password": "pw9"})["user_info"]
    assert (told["auth"], told["status"], told["is_trial"]) == (1, "Expired", "1")
    assert old.json("/player_api.php", {"username": "banned3", "password": "pw3"})["user_info"]["status"] == "Banned"
    asked = {"username": "trial9", "password": "pw9", "action": "get_live_streams"}
    assert old.json("/player_api.php", asked) == {"user_info": {"auth": 0}}


def test_the_same_call_in_other_forms(client):
    wanted = client.action("get_live_categories")
    assert client.json("/player_api.php", form={**LOGIN, "action": "get_live_categories"}) == wanted
    assert client.json("/player_api/viewer1/pw1word/get_live_categories") == wanted
    token = "0123456789abcdef0123456789abcdef"
    assert client.json("/player_api.php", {"token": token, "action": "get_live_categories"}) == wanted
    assert Client(software="xc_vm").action("201") == wanted
    assert "user_info" in client.action("201"), "only XC_VM has numbers for actions"
    assert client.json("/player_api/viewer1/pw1word")["user_info"]["auth"] == 1


def test_categories(each_software):
    live, films, series = (each_software.action(f"get_{kind}_categories") for kind in ("live", "vod", "series"))
    assert [(row["category_id"], row["category_name"]) for row in live] == [
        ("1", "Korea"),
        ("2", "News"),
        ("3", "Radio"),
    ]
    for row in live + films + series:
        types(row, category_id=S, category_name=S, parent_id=N)
    assert len(films) == 48
    assert len(series) == 8


def test_live_streams(each_software):
    rows = each_software.action("get_live_streams")
    assert [row["stream_id"] for row in rows] == [101, 102, 102, 103, 104], "a channel of two categories comes twice"
    assert [row["num"] for row in rows] == [1, 2, 3, 4, 5]
    for row in rows:
        types(row, num=N, name=S, stream_type=S, stream_id=N, stream_icon=S, epg_channel_id=S | None, added=S,
              category_id=S, custom_sid=S | None, tv_archive=N, direct_source=S, tv_archive_duration=S | N)  # fmt: skip
    assert rows[1]["name"] == 'Heron, "News"'
    assert rows[3]["direct_source"] == "http://origin.example:8081/s/103.ts"
    assert rows[4]["stream_type"] == "radio_streams"
    assert rows[0]["tv_archive_duration"] == ("2" if each_software.panel.config.software == "xc" else 2)
    assert ("category_ids" in rows[0]) == (each_software.panel.config.software != "xc")
    assert [row["stream_id"] for row in each_software.action("get_live_streams", category_id="2")] == [102]


def test_vod_streams(each_software):
    rows = each_software.action("get_vod_streams")
    assert len(rows) == 120
    for row in rows:
        types(row, num=N, name=S, stream_type=S, stream_id=N, stream_icon=S, rating=S | float | N,
        rating_5based=float | N,
              added=S, category_id=S, container_extension=S, direct_source=S)  # fmt: skip
    first = each_software.panel.config.software == "xc"
    assert rows[0]["name"] == ("Lantern Road" if first else "Lantern Road (2021)")
    assert rows[0]["stream_id"] == 20_000
    category = rows[5]["category_id"]
    chosen = each_software.action("get_vod_streams", category_id=category)
    assert {row["category_id"] for row in chosen} == {category}
    page = each_software.action("get_vod_streams", items_per_page="10", offset="20")
    assert len(page) == (120 if first else 10)


def test_series_and_episodes(each_software):
    rows = each_software.action("get_series")
    xc = each_software.panel.config.software == "xc"
    assert [row["series_id"] for row in rows] == list(range(1, 11))
    for row in rows:
        types(row, num=N, name=S, series_id=N, cover=S, releaseDate=S, last_modified=S, rating=S, category_id=S)
        assert row["stream_type"] == (None if xc else "series")
        assert ("release_date" in row) == (not xc)
    assert {json.dumps(type(row["backdrop_path"]).__name__) for row in rows} == (
        {'"list"', '"str"'} if xc else {'"list"', '"NoneType"'}
    )
    for number in range(1, 11):
        told = each_software.action("get_series_info", series_id=str(number))
        episodes = told["episodes"]
        # A series with specials comes as a list, any other as a map.
        assert isinstance(episodes, list if number % 5 == 0 else dict)
        for episode in (
            e for season in (episodes if isinstance(episodes, list) else episodes.values()) for e in season
        ):
            types(episode, id=S, episode_num=N, title=S, container_extension=S, info=dict | list, added=S, season=N)
            assert (episode["info"] == []) == (episode["episode_num"] == 2), "an empty object comes as a list"
    assert each_software.action("get_series_info", series_id="999")["info"] == {"name": None, "cover": None}


def test_vod_info(each_software):
    told = each_software.action("get_vod_info", vod_id="20000")
    types(told["info"], name=S, o_name=S, movie_image=S, duration_secs=N, duration=S, bitrate=N, video=dict, audio=dict,
          tmdb_id=S if each_software.panel.config.software == "xc" else N)  # fmt: skip
    assert told["info"]["video"]["codec_name"] == "h264"
    assert (told["movie_data"]["stream_id"], told["movie_data"]["container_extension"]) == (20_000, "mp4")
    assert each_software.action("get_vod_info", vod_id="1") == {"info": []}


def test_short_guide(each_software):
    rows = each_software.action("get_short_epg", stream_id="101")["epg_listings"]
    assert len(rows) == 4
    for row in rows:
        types(row, id=S, epg_id=S, title=S, lang=S, start=S, end=S, description=S, channel_id=S, start_timestamp=S,
              stop_timestamp=S)  # fmt: skip
        assert base64.b64decode(row["title"], validate=True).decode()
    xui = each_software.panel.config.software == "xui"
    assert rows[0]["end"].isdigit() == xui
    assert ("stop" in rows[0]) == xui
    assert int(rows[0]["start_timestamp"]) <= NOW < int(rows[0]["stop_timestamp"])
    assert len(each_software.action("get_short_epg", stream_id="101", limit="2")["epg_listings"]) == 2
    assert each_software.action("get_short_epg", stream_id="103")["epg_listings"] == [], "no guide"
    many = each_software.action("get_short_epg", stream_id="101,102")["epg_listings"]
    assert isinstance(many, list if each_software.panel.config.software == "xc" else dict)


def test_whole_guide(each_software):
    rows = each_software.action("get_simple_data_table", stream_id="101")["epg_listings"]
    assert {row["has_archive"] for row in rows} == {0, 1}
    assert [row["now_playing"] for row in rows].count(1) == 1
    assert not rows[0]["end"].isdigit()
    assert "stop" not in rows[0]
    numbers = each_software.action("get_epg", stream_id="101")
    types(numbers[0], start=N, end=N, title=S)
    assert len(each_software.action("get_epg", stream_id="101", from_now="1")) < len(numbers)


def test_direct_source_is_a_token_where_the_panel_redirects():
    client = Client(api_redirect=True)
    url = client.action("get_live_streams")[0]["direct_source"]
    assert url.startswith("http://tv.heron.example:8080/play/")
    assert client.panel.vault.open(url.split("/")[4]) == "live/viewer1/pw1word/101"


def test_json_is_written_as_php_writes_it(client):
    text = client.ask("/player_api.php", {**LOGIN, "action": "get_live_streams"}).body.decode("ascii")
    assert "http:\\/\\/origin.example" in text
    assert "\\ubc14\\ub2e4 TV" in text


def test_panel_api_gives_everything_at_once(each_software):
    told = each_software.json("/panel_api.php", LOGIN)
    assert set(told) == {"user_info", "server_info", "categories", "available_channels"}
    assert set(told["categories"]) == {"live", "movie"}
    assert len(told["available_channels"]) == 124
    row = told["available_channels"]["101"]
    types(row, num=N, name=S, stream_type=S, type_name=S, stream_id=S, category_name=S, category_id=S, live=S)
    assert (row["live"], told["available_channels"]["20000"]["live"]) == ("1", "0")
    assert set(each_software.json("/panel_api.php", {**LOGIN, "action": "user"})) == {"user_info", "server_info"}
    assert each_software.json("/panel_api.php", {"username": "x", "password": "y"}) == {"user_info": {"auth": 0}}


def test_a_catalogue_of_the_size_of_the_case():
    client = Client(software="xc", vod={"titles": 110_000, "series": 200, "seed": 7})
    body = client.ask("/player_api.php", {**LOGIN, "action": "get_vod_streams"}).body
    assert 25e6 < len(body) < 45e6
    assert client.ask("/player_api.php", {**LOGIN, "action": "get_vod_streams"}).body is body, "made once"
