"""What all deliveries over HTTP have in common."""

from __future__ import annotations


def test_edge_is_who_sent_most_bytes(lab):
    lab.playlist("http://e.example/p.m3u8", 0, ["http://a.example/1.ts", "http://b.example/2.ts"], endlist=True)
    lab.segment("http://a.example/1.ts", 1, size=10, server="203.0.113.1")
    lab.segment("http://b.example/2.ts", 2, size=20, server="203.0.113.2", port=8080, flow=2)
    session = lab.one()
    assert (session["edge_host"], session["edge_ip"], session["edge_port"]) == ("b.example", "203.0.113.2", 8080)
    assert session["hosts"] == ["e.example", "a.example", "b.example"]


def test_panel_is_the_host_that_sends_elsewhere_behind_one_that_redirects_within_itself(lab):
    lab.redirect("http://tv.example/a", "/b", 0)
    lab.redirect("http://tv.example/b", "http://edge.example/c", 0.1)
    lab.get("http://edge.example/c", 0.2, size=10, kind="mpegts", declared=None)
    assert lab.one()["panel_host"] == "tv.example"


def test_user_agent_is_the_one_claimed_most(lab):
    lab.playlist("http://e.example/p.m3u8", 0, ["1.ts", "2.ts"], endlist=True, user_agent="Probe")
    lab.segment("http://e.example/1.ts", 1)
    lab.segment("http://e.example/2.ts", 2)
    assert lab.one()["user_agent"] == "Player/1.0"


def test_length_of_a_chunked_body_on_the_wire_is_not_known(lab):
    lab.get("http://e.example/x", 0, size=10, kind="mpegts", declared=None, transfer_encoding="Chunked")
    _, evidence = lab.build()
    assert [row["length_bytes"] for row in evidence] == [len("GET /x"), None]


def test_redirects_between_the_same_hosts_are_told_once(lab):
    for poll in range(3):
        lab.redirect("http://tv.example/7", f"http://lb.example/{poll}.m3u8", 4 * poll)
        lab.playlist(f"http://lb.example/{poll}.m3u8", 4 * poll + 0.1, ["s.ts"])
        lab.segment("http://lb.example/s.ts", 4 * poll + 1)
    assert sum("was sent to" in shows for shows in lab.shown()) == 1


def test_address_without_a_name_is_the_host(lab):
    lab.get("http://203.0.113.7:8000/x", 0, size=10, kind="mpegts", declared=None)
    assert lab.one()["edge_host"] == "203.0.113.7"
