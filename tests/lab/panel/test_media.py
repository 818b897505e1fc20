"""Media addresses in all their forms lead to an edge, with a token that says who wants what."""

from datetime import UTC, datetime

import pytest

from .conftest import NOW, Client

TOKEN = "0123456789abcdef0123456789abcdef"


def location(reply):
    assert reply.status == 302
    return dict(reply.headers)["Location"]


def told(client, url):
    return client.panel.vault.open_json(url.rsplit("/", 1)[-1].split("token=")[-1])


@pytest.mark.parametrize(
    ("path", "extension"),
    [("/live/viewer1/pw1word/101.ts", "ts"), ("/live/viewer1/pw1word/101", "ts"), ("/viewer1/pw1word/101", "ts"),
     ("/viewer1/pw1word/101.m3u8", "m3u8"), (f"/live/{TOKEN}/101.ts", "ts"), ("/live/viewer1/pw1word/101.flv", "flv")],
)  # fmt: skip
def test_live(client, path, extension):
    url = location(client.ask(path))
    assert url.startswith("http://lb1.heron.example:8080/auth/")
    inside = told(client, url)
    assert list(inside)[:4] == ["stream_id", "username", "password", "extension"]
    assert (inside["stream_id"], inside["username"], inside["extension"]) == (101, "viewer1", extension)
    said = client.request.said
    assert (said["did"], said["line"], said["channel"], said["edge"], said["session"]) == (
        "redirect:live", "viewer1", "Heron One HD", "lb1", inside["uuid"],
    )  # fmt: skip


def test_an_edge_behind_a_proxy_has_a_prefix(client):
    url = location(client.ask("/live/viewer1/pw1word/102.ts"))
    assert url.startswith("http://lb2.heron.example:8080/")
    assert len(url.split("/")[3]) == 32


def test_addresses_behind_a_cdn():
    client = Client(edges=[{"name": "lb1", "host": "lb1.heron.example", "port": 80, "cdn": True}, {"name": "lb2"}])
    url = location(client.ask("/live/viewer1/pw1word/101.m3u8"))
    assert url.startswith("http://lb1.heron.example/auth/101.m3u8?token=")
    assert told(client, url)["stream_id"] == 101
    assert "/auth/101" not in location(client.ask("/live/viewer1/pw1word/101.ts"))


@pytest.mark.parametrize("path", ["/movie/viewer1/pw1word/20000.mp4", "/viewer1/pw1word/20000.mp4"])
def test_films(client, path):
    url = location(client.ask(path))
    assert url.split("/")[-2] == "vauth"
    assert told(client, url)["extension"] == "mp4"
    assert client.request.said["title"] == "Lantern Road"


def test_episodes(client):
    episode = next(iter(client.panel.catalogue.episodes.values()))
    url = location(client.ask(f"/series/viewer1/pw1word/{episode.id}.{episode.container}"))
    assert (url.split("/")[-2], told(client, url)["stream_id"]) == ("vauth", episode.id)
    assert client.request.said["did"] == "redirect:series"


@pytest.mark.parametrize(
    ("path", "query"),
    [("/timeshift/viewer1/pw1word/60/2023-11-15:06-00/101.ts", None),
     ("/timeshifts/viewer1/pw1word/60/101/2023-11-15:06-00.ts", None),
     ("/streaming/timeshift.php", {"username": "viewer1", "password": "pw1word", "stream": "101", "duration": "60",
                                   "start": "2023-11-15:06-00"}),
     ("/live/viewer1/pw1word/101.ts", {"utc": "1699995600", "lutc": "1700000000"})],
)  # fmt: skip
def test_the_archive_is_asked_for_in_the_panels_time_zone(client, path, query):
    url = location(client.ask(path, query))
    assert url.split("/")[-2] == "tsauth"
    inside = told(client, url)
    assert datetime.fromtimestamp(inside["start"], UTC) == datetime(2023, 11, 14, 21, 0, tzinfo=UTC)
    assert list(inside)[:2] == ["stream", "username"]
    assert (inside["stream"], inside["duration"]) == (101, 60)


def test_pictures_and_subtitles_are_short_lived(client):
    for path, kind in (("/thumb/viewer1/pw1word/101", "thauth"), ("/subtitle/viewer1/pw1word/0/20000", "subauth")):
        url = location(client.ask(path))
        assert url.split("/")[-2] == kind
        assert told(client, url)["expires"] == NOW + 5


@pytest.mark.parametrize(
    ("text", "kind"),
    [("live/viewer1/pw1word/101", "auth"), ("ministra::live/viewer1/pw1word/101/ts", "auth"),
     ("movie/viewer1/pw1word/20000/mp4", "vauth")],
)  # fmt: skip
def test_play_tokens(client, text, kind):
    token = client.panel.vault.seal(text)
    assert location(client.ask(f"/play/{token}")).split("/")[-2] == kind
    assert location(client.ask(f"/play/{token}/ts")).split("/")[-2] == kind


@pytest.mark.parametrize("status", [301, 302, 307])
def test_status_of_redirects(status):
    assert Client(redirect=status).ask("/live/viewer1/pw1word/101.ts").status == status


@pytest.mark.parametrize(
    "path",
    ["/live/viewer1/no/101.ts", "/live/trial9/pw9/101.ts", "/live/viewer1/pw1word/999.ts", "/play/abc", "/a", "/a/b/c",
     "/timeshift/viewer1/pw1word/60/yesterday/101.ts", "/movie/viewer1/pw1word/5.mp4"],
)  # fmt: skip
def test_what_is_refused_looks_like_a_page_that_is_not_there(client, path):
    reply = client.ask(path)
    assert reply.status == 404
    assert b"<center>nginx</center>" in reply.body
    assert client.request.said.get("auth", False) is False


def test_a_line_that_is_over_may_be_shown_a_film_instead():
    client = Client(substitutes={"Expired": "expired.ts"})
    inside = told(client, location(client.ask("/live/trial9/pw9/101.ts")))
    assert (inside["show"], inside["stream_id"]) == ("Expired", 101)
    assert client.request.said["substitute"] == "Expired"
    assert client.request.said["auth"] is False
    assert client.ask("/live/banned3/pw3/101.ts").status == 404
    assert client.ask("/movie/trial9/pw9/20000.mp4").status == 404


def test_a_line_that_has_all_its_connections_gets_no_more(client):
    client.panel.active = {"viewer1": 2}
    assert client.ask("/live/viewer1/pw1word/101.ts").status == 404
    assert client.action()["user_info"]["active_cons"] == 2
