"""Nodes of the truth."""

from .nodes import described
from .run import SCENARIOS
from .scenario import read


def test_every_row_of_a_scenario_is_a_node():
    scenario = read(SCENARIOS / "small.toml")
    catalogue = {"live": 4, "vod": 400, "series": 20, "sha256": "0" * 64}
    nodes = {node["id"]: node for node in described(scenario, {"panel-1": catalogue}, [])}
    tables = ("home", "box", "panel", "cdn", "line", "edge", "headend", "operator", "account", "channel", "title")
    routers = {f"{home.id}-router" for home in scenario.home}
    assert {row.id for table in tables for row in scenario.rows(table)} | {"dns"} | routers == set(nodes)
    assert nodes["panel-1"]["catalogue"] == catalogue
    assert nodes["box-2"]["mac"] == "00:1a:79:4c:20:11"
    assert "username" not in nodes["line-2"]
    assert nodes["account-4"]["subject"].startswith("sub-")
    assert "subject" not in nodes["account-1"]


def test_devices_that_watch_nothing_and_addresses_of_both_kinds():
    scenario = read(SCENARIOS / "mixed.toml")
    nodes = {node["id"]: node for node in described(scenario, {}, [], {"box-1": ["2001:db8:1:10::7"]})}
    assert nodes["box-1"]["ips"] == ["192.168.1.21", "2001:db8:1:10::7"]
    assert (nodes["tv-1"]["kind"], nodes["tv-1"]["claims"]) == ("bystander", ["d8:af:3b:20:41:07"])
    assert "habits" not in nodes["tv-1"]
    assert nodes["edge-1"]["ips"] == ["203.0.113.10", "2001:db8:ffff::e1"]


def test_names_that_came_and_went_are_dated():
    scenario = read(SCENARIOS / "small.toml")
    renamed = [("line.merlin-box.example", "", 12.0), ("tv.falcon-stream.example", "cdn-1", 13.0)]
    nodes = {node["id"]: node for node in described(scenario, {}, renamed)}
    assert nodes["panel-1"]["names"] == [
        {"name": "line.merlin-box.example", "to": 12.0},
        {"name": "tv.falcon-stream.example", "from": 13.0},
    ]


def test_panels_in_homes_say_where_they_are():
    homes = read(SCENARIOS / "homes.toml")
    nodes = {node["id"]: node for node in described(homes, {}, [])}
    assert (nodes["panel-2"]["home"], nodes["panel-2"]["ips"]) == ("home-2", ["192.168.1.50"])
    assert (nodes["nas-2"]["kind"], nodes["nas-2"]["ips"]) == ("bystander", ["192.168.1.50"])


def test_what_only_some_panels_have_says_which():
    shared = read(SCENARIOS / "shared.toml")
    nodes = {node["id"]: node for node in described(shared, {}, [])}
    assert (nodes["drama"]["panels"], nodes["free"]["panels"]) == (["panel-2"], [])
    assert (nodes["cdn-1"]["fronts"], nodes["cdn-1"]["also"]) == ("panel-1", ["panel-2"])
    assert (nodes["box-2"]["kind"], nodes["editor-1"]["kind"]) == ("box", "listing")
