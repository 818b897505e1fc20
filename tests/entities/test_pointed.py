"""Where links that panels hand out and lists lead: servers and links."""

from __future__ import annotations

import pytest

from .conftest import BOX, PANEL, TWO

MAC = "mac=00:1A:79:00:00:01"
URL = "http://edge.example:8880/k7.ts?token=abc"


def portal(lab, url=URL, **values):
    lab.get("/portal.php?type=itv&action=create_link", cookie=MAC)
    return lab.message("stream_links", host="tv.example", mac="001a79000001", kind="itv", link_url=url, entry_id="7",
                       from_orig=False, **values)  # fmt: skip


def listed(lab, url, family="xtream", host="tv.example", **values):
    lab.message("catalogue_entries", entry_url=url, family=family, host=host, kind="live", name="One", **values)


def pointing(tables):
    """Return the links that lead from panels to servers: host, kind, host, strength, rule."""
    names = {row["panel_id"]: row["host"] for row in tables["panels"]}
    names |= {row["server_id"]: row["host"] for row in tables["servers"]}
    return [
        (names[row["source"]], row["kind"], names[row["target"]], row["strength"], row["rule"])
        for row in tables["links"]
        if row["kind"] in ("redirects-to", "names")
    ]


def server(tables, host):
    [row] = [row for row in tables["servers"] if row["host"] == host]
    return row


@pytest.mark.parametrize(("follows", "strength"), [(True, "conclusive"), (False, "strong")])
def test_a_portal_that_hands_out_a_link_sends_clients_there(lab, follows, strength):
    frame = portal(lab)["frame_no"]
    if follows:
        lab.session(URL, edge_port=8880)
    tables = lab.build()
    assert pointing(tables) == [("tv.example", "redirects-to", "edge.example", strength, "portal-link")]
    edge = server(tables, "edge.example")
    assert (edge["role"], edge["ports"], edge["panel_id"]) == ("edge", [8880], tables["panels"][0]["panel_id"])
    assert "tv.example gave clients links there" in edge["why"]
    [link] = [row for row in tables["links"] if row["kind"] == "redirects-to"]
    cited = {row["row_id"]: row["frame_no"] for row in tables["evidence"] if row["frame_no"] == frame}
    assert {link["link_id"], edge["server_id"]} <= cited.keys()


def test_another_clients_session_there_does_not_make_it_followed(lab):
    portal(lab)
    lab.session(URL, edge_port=8880, client_ip="192.168.1.99", capture_id=TWO)
    assert [strength for *_, strength, _ in pointing(lab.build())] == ["strong"]


def test_links_are_counted(lab):
    for _ in range(3):
        portal(lab)
    [link] = [row for row in lab.build()["links"] if row["kind"] == "redirects-to"]
    assert link["count"] == 3
    assert link["first_ns"] < link["last_ns"]


def test_a_direct_source_names_an_origin(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    listed(lab, "http://origin.example:25461/news.ts")
    listed(lab, "http://origin.example:25461/sport.ts")
    tables = lab.build()
    assert pointing(tables) == [("tv.example", "names", "origin.example", "supporting", "list-entry")]
    origin = server(tables, "origin.example")
    assert (origin["role"], origin["ports"], origin["strength"]) == ("origin", [25461], "lead")
    assert origin["why"] == "the list of tv.example names media at origin.example"


def test_a_panel_that_only_a_list_names_has_the_port(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    listed(lab, "http://origin.example:25461/live/up/pw/9.ts")
    tables = lab.build()
    ports = {row["host"]: row["ports"] for row in tables["panels"]}
    assert ports["origin.example"] == [25461]
    assert server(tables, "origin.example")["ports"] == [25461]
    assert ("tv.example", "names", "origin.example", "supporting", "list-entry") in pointing(tables)


def test_a_port_that_is_only_named_does_not_stand_beside_those_that_were_asked(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    lab.session("http://edge.example:8880/ch8.ts", edge_port=8880)
    listed(lab, "http://edge.example/ch9.ts", family="stalker")
    assert server(lab.build(), "edge.example")["ports"] == [8880]


@pytest.mark.parametrize("played", [True, False])
def test_what_playlists_name_is_a_server_only_if_somebody_was_there(lab, played):
    lab.get("/player_api.php?username=u1&password=p1")
    listed(lab, "http://free.example/news.ts", family="m3u")
    if played:
        lab.session("http://free.example/news.ts", "free.example")
    tables = lab.build()
    assert [row["host"] for row in tables["servers"]] == ["tv.example"] + ["free.example"] * played
    assert bool(pointing(tables)) is played


@pytest.mark.parametrize(
    "url",
    ["http://localhost/ch/7_", "http://127.0.0.1/ch/7", "http://192.168.1.9/7.ts", "http://tv.example:81/7.ts", "ch7"],
)
def test_what_names_nobody_else_is_left_out(lab, url):
    portal(lab, url)
    listed(lab, url, "stalker")
    tables = lab.build()
    assert [row["host"] for row in tables["servers"]] == ["tv.example"]
    assert pointing(tables) == []


def test_lists_of_hosts_that_are_no_panels_link_nothing(lab):
    lab.get("/free.m3u", "lists.example")
    listed(lab, "http://edge.example/7.ts", "m3u", "lists.example")
    lab.session("http://edge.example/7.ts")
    assert pointing(lab.build()) == []


def test_a_list_that_names_many_hosts_adds_few_servers(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    for number in range(50):
        listed(lab, f"http://origin{number}.example/7.ts")
    assert len(lab.build()["servers"]) == 1 + 32


def test_an_edge_of_two_panels_is_not_one_panels(lab):
    for host, ip in (("tv.example", PANEL), ("new.example", "198.51.100.9")):
        target = f"/live/{host[:2]}/p1/7.ts"
        lab.get(target, host, 302, server_ip=ip, location=f"http://edge.example/auth/{host[:2]}cdefghijklmnopqrst")
    lab.session("http://edge.example/x.ts", client_ip=BOX)
    tables = lab.build()
    assert server(tables, "edge.example")["panel_id"] is None
    assert {source for source, *_ in pointing(tables)} == {"tv.example", "new.example"}
