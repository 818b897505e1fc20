"""Sessions: which device, line, panel, channel or title."""

from __future__ import annotations

import pytest

from .conftest import BOX, EDGE, PANEL
from .test_tokens import OTHER as FOREIGN
from .test_tokens import VAULT, auth, sent


def test_a_session_that_begins_at_the_edge_is_led_back_by_the_redirect(lab):
    lab.get("/movie/u1/p1/4711.mkv", status=302, location="http://edge.example/vauth/abcdefghijklmnopqrst")
    lab.session("http://edge.example/vauth/abcdefghijklmnopqrst")
    tables = lab.build()
    [session], [title] = tables["session_entities"], tables["titles"]
    assert session["line_id"] == tables["lines"][0]["line_id"]
    assert session["title_id"] == title["title_id"]
    assert (title["stream_id"], title["kind"], title["watched"]) == ("4711", "movie", True)


def test_a_session_at_an_edge_alone_has_no_line_and_says_so(lab):
    lab.session("http://edge.example/auth/abcdefghijklmnopqrst")
    [session] = lab.build()["session_entities"]
    assert (session["line_id"], session["channel_id"]) == (None, None)
    assert session["line_why"] == "nothing in the requests of the session names a line"


def test_a_session_that_was_inferred_gets_a_device_and_founds_no_server_and_no_link(lab):
    lab.get("/player_api.php?username=user1&password=pass1")
    lab.session(None, "edge.example", delivery="segmented", basis="shape")
    tables = lab.build()
    [session] = tables["session_entities"]
    assert session["device_id"] == tables["devices"][0]["device_id"]
    assert (session["line_id"], session["line_why"]) == (None, "the session is encrypted")
    assert {row["host"] for row in tables["servers"]} == {"tv.example"}
    assert "streams-from" not in {row["kind"] for row in tables["links"]}


@pytest.mark.parametrize("known", [True, False])
def test_the_bare_form_counts_at_a_known_panel_only(lab, known):
    if known:
        lab.get("/player_api.php?username=user1&password=pass1")
    lab.get("/user1/pass1/77.ts")
    lab.session("http://tv.example/user1/pass1/77.ts", "tv.example", edge_ip=PANEL)
    [session] = lab.build()["session_entities"]
    assert (session["line_id"] is not None) is known
    assert (session["channel_id"] is not None) is known


def test_a_link_that_a_portal_gave_names_line_and_channel(lab):
    cookie = "mac=00:1A:79:00:00:01"
    lab.get("/portal.php?type=itv&action=create_link&cmd=x", cookie=cookie)
    link = "http://edge.example/play/abcdefghijklmnopqrst"
    lab.message("stream_links", family="stalker", action="create_link", host="tv.example", mac="001a79000001",
                kind="itv", requested="ffmpeg http://localhost/ch/77_", link_url=link)  # fmt: skip
    lab.session(link)
    tables = lab.build()
    [session] = tables["session_entities"]
    line = next(row for row in tables["lines"] if row["line_id"] == session["line_id"])
    assert line["mac"] == "00:1a:79:00:00:01"
    assert [row["stream_id"] for row in tables["channels"]] == ["77"]


def test_a_link_is_followed_over_redirects_of_the_same_client(lab):
    link = "http://tv.example:8080/play/abcdefghijklmnopqrst"
    lab.get("/portal.php?type=itv&action=create_link&cmd=x", cookie="mac=00:1A:79:00:00:01")
    lab.message("stream_links", family="stalker", host="tv.example", mac="001a79000001", kind="itv",
                requested="ffmpeg http://localhost/ch/77_", link_url=link)  # fmt: skip
    location = "http://edge.example/auth/abcdefghijklmnopqrst"
    lab.get("/play/abcdefghijklmnopqrst", "tv.example:8080", 302, location=location, server_port=8080)
    lab.session(location)
    [session] = lab.build()["session_entities"]
    assert session["channel_id"] is not None
    assert session["line_why"] == "the portal gave this link to that address"
    assert session["panel_why"] == "it is the panel of the line"


def test_names_in_the_stream_are_named_so(lab):
    lab.session("http://edge.example/s.ts", channel="Falcon News")
    [session] = lab.build()["session_entities"]
    assert (session["channel"], session["name_source"]) == (None, "in-stream")


def test_clients_that_are_servers_are_no_devices(lab):
    lab.session("http://head.example/7.ts", "head.example", client_ip=EDGE, edge_ip=PANEL)
    lab.session("http://edge.example/7.ts")
    by_client = {row["session_id"]: row for row in lab.build()["session_entities"]}
    assert "the client is a server" in {row["device_why"] for row in by_client.values()}


@pytest.mark.parametrize("lines", [1, 2])
def test_the_only_line_of_a_device_at_a_panel_is_the_sessions(lab, lines):
    for number in range(lines):
        lab.get("/portal.php?type=stb&action=handshake", cookie=f"mac=00:1A:79:00:00:0{number}")
    lab.get("/play/abcdefghijklmnopqrst?ext=.ts", status=302, location="http://edge.example/auth/abcdefghijklmnopqrst")
    lab.session("http://tv.example/play/abcdefghijklmnopqrst?ext=.ts")
    [session] = lab.build()["session_entities"]
    assert (session["line_id"] is not None) is (lines == 1)


def test_redirects_in_a_circle_end(lab):
    for one, other in (("a", "b"), ("b", "a")):
        lab.get("/x/y/z", host=f"{one}.example", status=302, location=f"http://{other}.example/x/y/z")
    lab.session("http://a.example/x/y/z")
    assert len(lab.build()["session_entities"]) == 1


OTHER = {"client_ip": "192.168.1.21", "mac": "02:00:5e:00:01:21", "flow_id": 2}
MONO = "http://edge.example/ch5/mono.ts"


def by_client(lab):
    """Return the tables and the rows of the sessions, by the client's address."""
    tables = lab.build()
    clients = {row["session_id"]: row["client_ip"] for row in lab.rows["sessions"]}
    return tables, {clients[row["session_id"]]: row for row in tables["session_entities"]}


def test_a_redirect_is_a_lead_for_another_client_and_no_line(lab):
    lab.get("/live/u1/p1/5.ts", status=302, location=MONO)
    lab.session(MONO)
    lab.get("/player_api.php?username=u2&password=p2", **OTHER)
    lab.session(MONO, client_ip=OTHER["client_ip"], flow_ids=[2])
    tables, rows = by_client(lab)
    own, other = rows[BOX], rows[OTHER["client_ip"]]
    assert own["line_id"] in {line["line_id"] for line in tables["lines"] if line["username"] == "u1"}
    assert (other["line_id"], other["panel_id"], other["channel_id"]) == (None, None, None)
    for why in (other["line_why"], other["panel_why"]):
        assert f"tv.example gave this URL to another client, {BOX}" in why
        assert why.endswith("a lead")
    cited = {link["source"] for link in tables["links"] if "session-line" in link["rule"]}
    assert cited == {own["device_id"]}


def test_what_other_clients_do_at_an_edge_is_a_lead_for_the_panel(lab):
    lab.watch(5)
    lab.session("http://edge.example/free/news.ts")
    tables = lab.build()
    [row] = [row for row in tables["session_entities"] if row["channel_id"] is None]
    assert (row["panel_id"], row["line_id"]) == (None, None)
    assert row["panel_why"].endswith("other requests lead from tv.example to edge.example: a lead")
    assert all(row["session_id"] not in link["why"] for link in tables["links"] if link["kind"] == "uses-line")


def test_the_only_line_at_a_panel_is_no_more_than_supporting(lab):
    lab.get("/portal.php?type=stb&action=handshake", cookie="mac=00:1A:79:00:00:01")
    lab.session("http://tv.example/play/abcdefghijklmnopqrst?ext=.ts", "tv.example", edge_ip=PANEL)
    tables = lab.build()
    [link] = [link for link in tables["links"] if link["kind"] == "uses-line"]
    assert (link["strength"], link["rule"]) == ("conclusive", "line-portal-mac; session-line")
    [session] = tables["session_entities"]
    assert session["panel_why"] == "it was asked for the media"
    assert session["line_why"] == "the only line that the device was seen to use at this panel"


def test_the_own_token_tells_the_panel_at_an_edge_that_others_share(lab):
    sent(lab, "tv.example", "edge.example", auth(VAULT))
    for number in range(3):
        sent(lab, "new.example", "edge.example", auth(FOREIGN, f"v{number}"), f"v{number}")
    lab.session(f"http://edge.example/auth/{auth(VAULT, 'u5')}")
    lab.get(f"/auth/{auth(VAULT, 'u5')}", "edge.example", server_ip=EDGE)
    tables = lab.build()
    [session], panels = tables["session_entities"], {row["panel_id"]: row["host"] for row in tables["panels"]}
    assert panels[session["panel_id"]] == "tv.example"
    assert session["panel_why"] == "the token in the URL begins as its tokens do"


def test_the_nearest_url_that_names_a_line_counts(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    lab.get("/s/9", "short.example", 302, location="http://tv.example/live/u1/p1/9.ts", server_ip="198.51.100.3")
    lab.get("/live/u1/p1/9.ts", status=302, location=MONO)
    lab.session(MONO)
    tables = lab.build()
    [session] = tables["session_entities"]
    assert session["line_id"] == tables["lines"][0]["line_id"]
    assert session["channel_id"] == tables["channels"][0]["channel_id"]
    assert session["line_why"] == "user name and password in the URL that sent the client on"
