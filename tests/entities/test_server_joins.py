"""Servers: which names and addresses are one."""

from __future__ import annotations

from .conftest import EDGE, PANEL


def test_names_of_one_edge_are_one_server(lab):
    lab.watch(edge="e1.example")
    lab.watch(edge="e2.example")
    tables = lab.build()
    assert len(tables["servers"]) == 2
    assert {row["rule"] for row in tables["merges"]} == {"same-address"}


def test_a_server_known_by_address_and_name_is_one(lab):
    lab.session(f"http://{EDGE}/a.ts", EDGE)
    lab.session("http://edge.example/a.ts", "edge.example")
    [server] = lab.build()["servers"]
    assert (server["host"], server["ips"]) == ("edge.example", [EDGE])
    assert PANEL not in server["ips"]


def test_names_of_a_panel_at_two_addresses_are_two_servers(lab):
    query = "/player_api.php?username=u1&password=p1"
    lab.get(query, host="old.example", status=301, location=f"http://front.example{query}")
    lab.get(query, host="front.example", server_ip=EDGE)
    lab.get(query, host="also.example", status=301, location=f"http://front.example{query}")
    tables = lab.build()
    assert len(tables["panels"]) == 1
    assert sorted(row["ips"] for row in tables["servers"]) == [[PANEL], [EDGE]]
    assert {row["role"] for row in tables["servers"]} == {"panel"}
