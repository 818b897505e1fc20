"""Panels: which hosts are one, and which names are one panel."""

from __future__ import annotations

import pytest

from .conftest import EDGE


def test_a_host_asked_for_the_interface_is_a_panel(lab):
    lab.get("/player_api.php?username=u1&password=p1", host="tv.example:8080")
    [panel] = lab.build()["panels"]
    assert (panel["host"], panel["ports"], panel["strength"], panel["rule"]) == (
        "tv.example", [8080], "strong", "panel-api",
    )  # fmt: skip


@pytest.mark.parametrize(("redirects", "strength"), [(True, "strong"), (False, "supporting")])
def test_a_media_path_alone_is_weaker(lab, redirects, strength):
    location = "http://edge.example/auth/abcdefghijklmnopqrst" if redirects else None
    lab.get("/live/u1/p1/77.ts", status=302 if redirects else 200, location=location)
    [panel] = lab.build()["panels"]
    assert panel["strength"] == strength


def test_where_clients_are_sent_is_no_panel(lab):
    lab.get("/live/u1/p1/77.ts", status=302, location="http://edge.example/live/u1/p1/77.ts")
    lab.get("/live/u1/p1/77.ts", host="edge.example", server_ip=EDGE)
    tables = lab.build()
    assert [row["host"] for row in tables["panels"]] == ["tv.example"]
    assert {row["host"]: row["role"] for row in tables["servers"]} == {"tv.example": "panel", "edge.example": "edge"}


def test_a_chain_of_redirects_leads_back_to_the_first(lab):
    lab.get("/live/u1/p1/77.ts", status=302, location="http://lb.example/live/u1/p1/77.ts")
    lab.get("/live/u1/p1/77.ts", host="lb.example", status=302, location="http://edge.example/live/u1/p1/77.ts")
    lab.get("/live/u1/p1/77.ts", host="edge.example", server_ip=EDGE)
    tables = lab.build()
    assert [row["host"] for row in tables["panels"]] == ["tv.example"]
    assert [row["panel_host"] for row in tables["lines"]] == ["tv.example"]


def test_redirects_in_a_circle_end(lab):
    lab.get("/live/u1/p1/77.ts", host="a.example", status=302, location="http://b.example/live/u1/p1/77.ts")
    lab.get("/live/u1/p1/77.ts", host="b.example", status=302, location="http://a.example/live/u1/p1/77.ts")
    assert len(lab.build()["lines"]) >= 1


def test_names_at_one_address_need_a_common_line_to_be_one(lab):
    lab.get("/player_api.php?username=u1&password=p1", host="a.example")
    lab.get("/player_api.php?username=u2&password=p2", host="b.example")
    assert len(lab.build()["panels"]) == 2
    lab.get("/player_api.php?username=u2&password=p2", host="a.example")
    [panel] = lab.build()["panels"]
    assert panel["hosts"] == ["a.example", "b.example"]


def test_a_name_that_sends_its_interface_elsewhere_is_the_same_panel(lab):
    query = "/player_api.php?username=u1&password=p1"
    lab.get(query, host="old.example", status=301, location=f"http://new.example{query}")
    lab.get(query, host="new.example", server_ip=EDGE)
    tables = lab.build()
    assert len(tables["panels"]) == 1
    assert "api-redirect" in [row["rule"] for row in tables["merges"]]


def test_a_merge_can_be_undone(lab):
    for host in ("a.example", "b.example"):
        lab.get("/player_api.php?username=u1&password=p1", host=host)
    merges = lab.build()["merges"]
    [merge] = [row for row in merges if row["kind"] == "panel"]
    tables = lab.build(**{merge["merge_id"]: "another owner"})
    assert len(tables["panels"]) == len(tables["lines"]) == 2
    [undone] = [row for row in tables["merges"] if row["kind"] == "panel"]
    assert (undone["undone"], undone["reason"]) == (True, "another owner")


def test_equal_catalogues_and_common_servers_make_one_panel(lab):
    for host, server in (("a.example", "198.51.100.1"), ("b.example", "198.51.100.2")):
        lab.get("/portal.php?type=stb&action=handshake", host=host, server_ip=server, cookie="mac=00:1A:79:00:00:01")
        for number in range(4):
            entry = {"family": "stalker", "kind": "live", "host": host, "entry_id": str(number), "name": f"N{number}"}
            lab.message("catalogue_entries", **entry)
    tables = lab.build()
    assert len(tables["panels"]) == 2, "a copied database has the same catalogue"
    [link] = [row for row in tables["links"] if row["kind"] == "same-catalogue"]
    assert (link["strength"], link["why"]) == (
        "strong", "4 channels with equal numbers and names: one database, or a copy of it",
    )  # fmt: skip
    for host in ("a.example", "b.example"):
        location = "http://edge.example/auth/abcdefghijklmnopqr"
        lab.get("/play/abcdefghijklmnopqrst", host=host, status=302, location=location)
    [panel] = lab.build()["panels"]
    assert panel["hosts"] == ["a.example", "b.example"]


def test_a_host_that_only_gives_media_of_a_line_known_elsewhere_is_an_edge(lab):
    lab.get("/get.php?username=u1&password=p1&type=m3u")
    lab.get("/live/u1/p1/77.ts", host="e1.example", server_ip=EDGE)
    lab.session("http://e1.example/live/u1/p1/77.ts", "e1.example")
    tables = lab.build()
    assert [row["host"] for row in tables["panels"]] == ["tv.example"]
    assert [row["panel_host"] for row in tables["lines"]] == ["tv.example"]
    assert {row["host"]: row["role"] for row in tables["servers"]} == {"tv.example": "panel", "e1.example": "edge"}
    assert [row["stream_id"] for row in tables["channels"]] == ["77"]


def listed(lab, *urls, host="tv.example", user="u1"):
    lab.get(f"/get.php?username={user}&password=p1&type=m3u", host=host)
    for number, url in enumerate(urls):
        entry = {"family": "m3u", "host": host, "username": user, "entry_url": url, "name": f"N{number} of {url[7:12]}"}
        lab.message("catalogue_entries", **entry)


def sends_on(lab, host, line="u1/p1"):
    edge = f"http://edge.{host}/auth/abcdefghijklmnopqrst"
    lab.get(f"/live/{line}/7.ts", host=host, server_ip=f"198.51.100.{ord(host[0])}", status=302, location=edge)
    lab.session(f"http://{host}/live/{line}/7.ts", f"edge.{host}", panel_host=host)


def test_the_one_name_that_a_list_gives_for_the_line_that_asked_is_the_panel(lab):
    listed(lab, "http://line.example/live/u1/p1/7.ts", "http://src.example/live/u9/p9/8.ts")
    sends_on(lab, "line.example")
    sends_on(lab, "src.example", "u9/p9")
    panels = sorted(row["hosts"] for row in lab.build()["panels"])
    assert panels == [["line.example", "tv.example"], ["src.example"]]


def test_a_list_put_together_from_offers_of_several_panels_joins_none(lab):
    listed(lab, "http://one.example/live/o1/w1/7.ts", "http://two.example/live/t2/w2/7.ts", host="editor.example")
    sends_on(lab, "one.example", "o1/w1")
    sends_on(lab, "two.example", "t2/w2")
    tables = lab.build()
    assert sorted(row["host"] for row in tables["panels"]) == ["editor.example", "one.example", "two.example"]
    assert [row for row in tables["merges"] if row["kind"] == "panel"] == []
    assert sorted((row["panel_host"], row["stream_id"], row["name"], row["watched"]) for row in tables["channels"]) == [
        ("one.example", "7", "N0 of one.e", True), ("two.example", "7", "N1 of two.e", True),
    ]  # fmt: skip


def test_a_list_that_names_several_hosts_for_the_line_that_asked_joins_none(lab):
    listed(lab, "http://one.example/live/u1/p1/7.ts", "http://two.example/live/u1/p1/7.ts", host="editor.example")
    sends_on(lab, "one.example")
    sends_on(lab, "two.example")
    assert len(lab.build()["panels"]) == 3


def test_a_list_that_names_a_host_for_another_line_joins_none(lab):
    listed(lab, "http://one.example/live/u2/p2/7.ts", host="editor.example")
    sends_on(lab, "one.example", "u2/p2")
    assert len(lab.build()["panels"]) == 2


SHARED = "http://edge.example/auth/abcdefghijklmnopqrst"


def shared_edge(lab):
    """Let two panels send their clients to one edge, most of them from the first one."""
    for number in range(3):
        lab.get(f"/live/a{number}/p/1.ts", "a.example", 302, location=SHARED)
    lab.get("/live/b1/p/1.ts", "b.example", 302, location=SHARED, server_ip="198.51.100.9", client_ip="192.168.1.30")


@pytest.mark.parametrize(
    ("client", "asks", "panel"),
    [("192.168.1.31", True, "b.example"), ("192.168.1.30", False, "b.example"), ("192.168.1.31", False, None)],
    ids=["the panel knows the line", "the panel sent the client", "nothing tells"],
)
def test_a_line_at_an_edge_of_two_panels_is_not_that_of_the_greater_one(lab, client, asks, panel):
    shared_edge(lab)
    if asks:
        lab.get("/player_api.php?username=b2&password=p", "b.example", server_ip="198.51.100.9", client_ip=client)
    lab.get("/live/b2/p/1.ts", "edge.example", server_ip="203.0.113.40", client_ip=client)
    lab.session("http://edge.example/live/b2/p/1.ts", client_ip=client)
    tables = lab.build()
    hosts = {row["panel_id"]: row["host"] for row in tables["panels"]}
    assert set(hosts.values()) == {"a.example", "b.example"}
    lines = [row for row in tables["lines"] if row["username"] == "b2"]
    assert [hosts.get(line["panel_id"]) for line in lines] == [panel]
    [session] = tables["session_entities"]
    assert (session["line_id"], hosts.get(session["panel_id"])) == (lines[0]["line_id"], panel)


def ask_both(lab, line="username=u1&password=p1", status=200):
    lab.get(f"/player_api.php?{line}", host="a.example")
    lab.get(f"/player_api.php?{line}", host="b.example", status=status)
    return lab


@pytest.mark.parametrize(("auth", "panels"), [(False, 2), (True, 1), (None, 1)])
def test_a_line_that_one_name_refused_is_not_shared(lab, auth, panels):
    ask_both(lab)
    values = {"family": "xtream", "role": "response", "host": "b.example", "username": "u1", "password": "p1"}
    lab.message("account_replies", **values, auth=auth)
    assert len(lab.build()["panels"]) == panels


@pytest.mark.parametrize("line", ["username=test&password=test", "username=admin&password=1234"])
def test_a_line_that_strangers_would_have_as_well_joins_no_names(lab, line):
    tables = ask_both(lab, line).build()
    assert len(tables["panels"]) == 2
    assert [row for row in tables["links"] if row["kind"] == "same-as"] == []


def test_a_request_that_was_not_answered_joins_no_names(lab):
    assert len(ask_both(lab, status=403).build()["panels"]) == 2
