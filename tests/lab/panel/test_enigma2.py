"""Menus for Enigma2 receivers are XML with base64 titles; the plugin logs in by MAC and gets commands."""

import base64
import xml.etree.ElementTree as ET

import pytest

from .conftest import LOGIN, Client

MAC = {"mac": "00:1a:79:00:00:01"}


def menu(client, **query):
    reply = client.ask("/enigma2.php", {**LOGIN, **query})
    assert reply.content_type == "application/xml; charset=utf-8"
    root = ET.fromstring(reply.body)
    assert root.tag == "items"
    return root


def titles(root):
    return [base64.b64decode(row.findtext("title"), validate=True).decode() for row in root.findall("channel")]


def test_first_menu_leads_to_the_others(client):
    root = menu(client)
    assert root.findtext("playlist_name") == "Heron TV"
    assert titles(root) == ["Live Streams", "Vod", "TV Series"]
    for row in root.findall("channel"):
        path, _, query = row.findtext("playlist_url").removeprefix("http://tv.heron.example:8080").partition("?")
        assert ET.fromstring(client.ask(f"{path}?{query}").body).findall("channel")


@pytest.mark.parametrize("kind", ["live", "vod", "series"])
def test_categories(client, kind):
    root = menu(client, type=f"get_{kind}_categories")
    held = {"live": "live_categories", "vod": "vod_categories", "series": "series_categories"}[kind]
    assert titles(root) == ["All", *getattr(client.panel.catalogue, held)]
    assert all(row.findtext("playlist_url") for row in root.findall("channel"))


def test_live_streams_name_the_programme(client):
    root = menu(client, type="get_live_streams", cat_id="2")
    (title,) = titles(root)
    assert title.startswith('Heron, "News" [')
    row = root.find("channel")
    assert row.findtext("stream_url") == "http://tv.heron.example:8080/live/viewer1/pw1word/102.ts"
    assert base64.b64decode(row.findtext("description")).decode().startswith("[")
    assert len(titles(menu(client, type="get_live_streams", cat_id="0"))) == 4


def test_films_series_seasons_episodes(client):
    films = menu(client, type="get_vod_streams")
    assert films.find("channel").findtext("stream_url").endswith("/movie/viewer1/pw1word/20000.mp4")
    assert len(films.findall("channel")) == 120
    category = str(client.panel.catalogue.series[1].category)
    assert client.panel.catalogue.series[1].name in titles(menu(client, type="get_series", cat_id=category))
    assert titles(menu(client, type="get_seasons", series_id="1"))[0] == "Season 1"
    episodes = menu(client, type="get_series_streams", series_id="1", season="1")
    assert titles(episodes)[0] == "Episode 01"
    assert "/series/viewer1/pw1word/20120." in episodes.find("channel").findtext("stream_url")
    assert client.ask("/enigma2.php", {**LOGIN, "type": "get_seasons", "series_id": "99"}).body == b""


def test_a_log_in_that_fails(client):
    assert client.ask("/enigma2.php", {"username": "a", "password": "b"}).status == 401


def test_plugin_logs_in_and_gets_its_commands_once():
    client = Client()
    told = client.json("/xplugin.php", {"action": "auth", **MAC})["details"]
    assert (told["username"], told["password"]) == ("viewer1", "pw1word")
    assert len(told["token"]) == 32
    assert 60 <= told["watchdog_seconds"] <= 70
    poll = {"token": told["token"], "page": "1", "rc": "0"}
    command = {"message": {"title": "Heron", "message": "Update at 3"}}
    assert client.json("/xplugin.php", poll) == {"valid": True, "data": command}
    assert client.request.said["command"] == "message"
    assert client.json("/xplugin.php", poll) == {"valid": True, "data": []}
    client.ask("/xplugin.php", {"token": told["token"], "page": "file", "t": "screen"}, form={"f": "x"})
    assert client.request.said["uploaded_bytes"] == 3


def test_plugin_refuses_strangers(client):
    assert client.json("/xplugin.php", {"action": "auth", "mac": "00:00:00:00:00:09"}) == []
    assert client.json("/xplugin.php", {"token": "F" * 32, "page": "1"}) == {"valid": False}
    assert len(client.json("/xplugin.php", {"action": "gen_mac", "pversion": "0.0.2"})) == 17
