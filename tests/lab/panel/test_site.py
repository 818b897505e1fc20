"""Each address goes to the part that answers it, and only if the panel is of that family."""

import pytest

from .conftest import LOGIN, Client


@pytest.mark.parametrize(
    ("path", "family"),
    [("/player_api.php", "xtream"), ("/panel_api.php", "xtream"), ("/get.php", "m3u"), ("/xmltv.php", "xmltv"),
     ("/enigma2.php", "enigma2"), ("/api/about", "openwebif"), ("/tv.txt", "txt"), ("/c/version.js", "stalker")],
)  # fmt: skip
def test_families(path, family):
    client = Client(family=[family])
    assert client.ask(path, LOGIN).status == 200
    other = Client(family=["xmltv" if family != "xmltv" else "m3u"])
    assert other.ask(path, LOGIN).status == 404
    assert other.request.said == {"did": "nothing"}


def test_pictures(client):
    reply = client.ask("/images/101.png")
    assert (reply.content_type, reply.body[:4]) == ("image/png", b"\x89PNG")


def test_questions_of_nginx_rtmp(client):
    play = {"call": "play", "app": "live", "name": "101", "addr": "192.0.2.77", **LOGIN}
    assert client.ask("/stream/rtmp", play).status == 200
    said = client.request.said
    assert (said["did"], said["line"], said["channel"], said["viewer_ip"]) == (
        "rtmp:play", "viewer1", "Heron One HD", "192.0.2.77",
    )  # fmt: skip
    assert client.ask("/stream/rtmp", {**play, "password": "no"}).status == 404
    assert client.ask("/stream/rtmp", {"call": "publish", "name": "101", "password": "heron 77"}).status == 200
    assert client.ask("/stream/rtmp", {"call": "publish", "name": "101", "password": "x"}).status == 404


def test_no_compression_where_the_panel_does_none():
    assert Client(gzip=False).ask("/player_api.php", LOGIN).compress is False
    assert Client().ask("/player_api.php", LOGIN).compress is True
