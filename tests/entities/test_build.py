"""The whole of it: what a case says of who is who, whatever the order of its rows."""

from __future__ import annotations

import random

from .conftest import BOX, BOX_MAC, EDGE, PANEL, TWO, Bench, Lab


def viewing(lab: Lab) -> Lab:
    lab.get("/player_api.php?username=u1&password=p1", user_agent="TiviMate/4.7.0 (Linux; Android 11)")
    lab.watch(user_agent="TiviMate/4.7.0 (Linux; Android 11)")
    return lab


def test_who_watched_what_on_which_line_at_which_panel(lab):
    tables = viewing(lab).build()
    [device], [line], [panel] = tables["devices"], tables["lines"], tables["panels"]
    [channel], [session] = tables["channels"], tables["session_entities"]
    assert (device["macs"], device["ips"], device["os"]) == ([BOX_MAC], [BOX], "Android 11")
    assert (line["username"], line["password"], line["panel_host"], line["used"]) == ("u1", "p1", "tv.example", True)
    assert (panel["host"], panel["ips"], panel["family"]) == ("tv.example", [PANEL], "xtream")
    assert (channel["stream_id"], channel["watched"], channel["panel_id"]) == ("77", True, panel["panel_id"])
    assert session["device_id"] == device["device_id"]
    assert session["line_id"] == line["line_id"]
    assert session["channel_id"] == channel["channel_id"]
    roles = {row["host"]: row["role"] for row in tables["servers"]}
    assert roles == {"tv.example": "panel", "edge.example": "edge"}


def test_links_join_what_was_found(lab):
    tables = viewing(lab).build()
    names = {row[key]: name for name, key in (("devices", "device_id"), ("lines", "line_id"), ("panels", "panel_id"),
             ("servers", "server_id"), ("channels", "channel_id")) for row in tables[name]}  # fmt: skip
    found = {(names[row["source"]], row["kind"], names[row["target"]], row["strength"]) for row in tables["links"]}
    assert found == {
        ("devices", "uses-line", "lines", "conclusive"),
        ("devices", "logs-in", "panels", "conclusive"),
        ("panels", "redirects-to", "servers", "conclusive"),
        ("devices", "streams-from", "servers", "conclusive"),
        ("servers", "carries", "channels", "conclusive"),
    }
    assert {row["likelihood_ratio"] for row in tables["links"]} == {None}


def test_every_entity_and_link_has_evidence(lab):
    tables = viewing(lab).build()
    cited = {row["row_id"] for row in tables["evidence"]}
    for name, key in (("devices", "device_id"), ("lines", "line_id"), ("panels", "panel_id"), ("servers", "server_id"),
                      ("links", "link_id")):  # fmt: skip
        assert {row[key] for row in tables[name]} <= cited, name
    assert all(row["frame_no"] for row in tables["evidence"])


def test_the_order_of_rows_changes_nothing(lab):
    viewing(lab).watch(78, "u2", client_ip="192.168.1.21", mac="02:00:5e:00:01:21")
    lab.watch(77, capture_id=TWO)
    expected = lab.build()
    for seed in range(3):
        for rows in lab.rows.values():
            random.Random(seed).shuffle(rows)
        assert lab.build() == expected


def test_an_empty_case_gives_empty_tables():
    assert all(rows == [] for rows in Lab().build().values())


def test_hostile_values_are_kept_and_break_nothing(lab):
    name = "a\x00b'; DROP--\u202e"
    lab.get(f"/live/{name}/p/7.ts", host="[bad")
    lab.get("/live/u/p/7.ts", host="h'\"ost.example", cookie="mac=zz; sn=" + "9" * 5000, referer="http://[")
    lab.get("/portal.php?type=stb&action=handshake", cookie="mac=00%3A1A%3A79%3A00%3A00%3A0", server_ip=EDGE)
    lab.get("/ad?" + "a=1&" * 500, host="h.example", referer="/p?" + "b=2&" * 500)
    lab.get("/get.php?url=http%3A%2F%2Fh.example%2Fget.php%3F" + "c%3D1%26" * 500 + "&d=1" * 500)
    lab.get(None, host=None, status=302, location="//", client_ip="not an address")
    lab.session(None, None, edge_ip=None, client_ip=None)
    tables = lab.build()
    assert {row["username"] for row in tables["lines"]} == {name, "u"}


def test_a_bench_takes_rows_of_the_declared_width():
    assert Bench({}).written == {}
