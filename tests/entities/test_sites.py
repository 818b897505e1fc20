"""Hosts of several captures: one by a name that everybody resolves alike, apart by one of a single network."""

from __future__ import annotations

import pytest

from iptvforensics.entities.sites import Sites, merge_id

from .conftest import ONE, TWO

API = "/player_api.php?username=u1&password=p1"


def ask(lab, capture, host="tv.example", server_ip="198.51.100.7", name="Alpha", **values):
    lab.get(API, host=host, server_ip=server_ip, capture_id=capture, **values)
    entry = {"family": "xtream", "kind": "live", "host": host, "entry_id": "1", "name": name, "capture_id": capture}
    lab.message("catalogue_entries", **entry)


def rows(tables, kind):
    return [row for row in tables["merges"] if row["kind"] == kind]


@pytest.mark.parametrize(
    "host", ["192.168.1.50:8080", "100.64.0.7", "169.254.1.2", "nas", "box.local", "tv.lan", "localhost"]
)
def test_what_names_a_server_of_one_network_is_another_one_in_each_capture(lab, host):
    ask(lab, ONE, host, "192.168.1.50", "Alpha")
    ask(lab, TWO, host, "192.168.1.50", "Beta")
    tables = lab.build()
    assert sorted((row["hosts"], row["capture_ids"]) for row in tables["panels"]) == [
        ([host.split(":")[0]], [ONE]), ([host.split(":")[0]], [TWO]),
    ]  # fmt: skip
    assert len({row["panel_id"] for row in tables["lines"]}) == len(tables["lines"]) == 2
    assert sorted((row["name"], row["capture_ids"]) for row in tables["channels"]) == [
        ("Alpha", [ONE]),
        ("Beta", [TWO]),
    ]
    assert len([row for row in tables["servers"] if row["ips"] == ["192.168.1.50"]]) == 2
    assert {row["kind"] for row in tables["merges"]} == {"device"}


def test_one_host_name_in_several_captures_is_one_panel_and_the_log_says_so(lab):
    for capture in (TWO, ONE, "cccccccccccccccc"):
        ask(lab, capture)
    tables = lab.build()
    assert [row["capture_ids"] for row in tables["panels"]] == [[ONE, TWO, "cccccccccccccccc"]]
    columns = ("rule", "strength", "one", "other", "capture_ids")
    found = [tuple(row[name] for name in columns) for row in rows(tables, "panel")]
    assert sorted(found) == [
        ("same-host-name", "strong", f"tv.example in capture {ONE}", f"tv.example in capture {TWO}", [ONE, TWO]),
        ("same-host-name", "strong", f"tv.example in capture {ONE}", "tv.example in capture cccccccccccccccc",
         [ONE, "cccccccccccccccc"]),
    ]  # fmt: skip
    assert {row["entity_id"] for row in rows(tables, "panel")} == {tables["panels"][0]["panel_id"]}


def test_undoing_it_parts_panel_line_channels_and_servers(lab):
    ask(lab, ONE, name="Alpha")
    ask(lab, TWO, name="Beta")
    lab.watch(capture_id=ONE)
    lab.watch(capture_id=TWO)
    [merge] = rows(lab.build(), "panel")
    tables = lab.build(**{merge["merge_id"]: "sold in between"})
    panels = {row["panel_id"]: row["capture_ids"] for row in tables["panels"]}
    assert sorted(panels.values()) == [[ONE], [TWO]]
    assert sorted(panels[row["panel_id"]] == row["capture_ids"] for row in tables["lines"]) == [True, True]
    assert sorted(panels[row["panel_id"]] == row["capture_ids"] for row in tables["channels"]) == [True] * 4
    for row in tables["session_entities"]:
        assert panels[row["panel_id"]] == [row["capture_id"]]
    [undone] = rows(tables, "panel")
    assert (undone["merge_id"], undone["undone"], undone["reason"]) == (merge["merge_id"], True, "sold in between")
    assert (undone["one"], undone["other"]) == (merge["one"], merge["other"])


def test_a_public_address_joins_captures_less_surely_than_a_name(lab):
    for capture in (ONE, TWO):
        lab.session("http://203.0.113.40/x.ts", "203.0.113.40", capture_id=capture, kind="live")
    tables = lab.build()
    [merge] = rows(tables, "server")
    assert (merge["rule"], merge["strength"]) == ("same-public-address", "supporting")
    tables = lab.build(**{merge["merge_id"]: "given to another"})
    assert sorted(row["capture_ids"] for row in tables["servers"]) == [[ONE], [TWO]]


def test_a_server_at_a_private_address_is_no_server_in_another_network(lab):
    lab.session("http://192.168.1.20/x.ts", "192.168.1.20", edge_ip="192.168.1.20", client_ip="192.168.1.30")
    lab.watch(capture_id=TWO)
    tables = lab.build()
    assert [(row["ips"], row["capture_ids"]) for row in tables["devices"]] == [(["192.168.1.20"], [TWO])]
    assert [row["device_why"] for row in tables["session_entities"] if row["capture_id"] == TWO] == [
        "192.168.1.20: the only device known at that address"
    ]


def test_in_one_capture_nothing_is_apart(lab):
    ask(lab, ONE, "192.168.1.50:8080", "192.168.1.50")
    assert Sites(1, {}).name(ONE, "192.168.1.50") == "192.168.1.50"
    assert lab.build()["merges"] == []


def test_the_host_as_sent_keeps_its_port():
    sites = Sites(2, {merge_id("tv.example", TWO): "why"})
    assert sites.sent(ONE, "192.168.1.50:8080") == f"192.168.1.50%{ONE}:8080"
    assert sites.sent(ONE, "[fd00::1]:8080") == f"[fd00::1%{ONE}]:8080"
    assert (sites.sent(TWO, "TV.example:80"), sites.sent(ONE, "TV.example:80")) == (
        f"tv.example%{TWO}:80",
        "TV.example:80",
    )


def test_a_receiver_at_a_private_address_is_the_device_that_it_was(lab):
    said = {"family": "enigma2", "role": "response", "model": "Vu Duo", "server_ip": "192.168.1.26", "server_port": 80}
    lab.message("account_replies", **said)
    ask(lab, TWO)
    assert [row["ips"] for row in lab.build()["devices"]] == [["192.168.1.20"], ["192.168.1.26"]]


def test_a_line_of_two_captures_at_a_host_that_is_known_by_it_alone_is_in_the_log(lab):
    for capture in (ONE, TWO):
        lab.message("account_replies", family="m3u", role="response", host="l.example", username="u1", password="p1",
                    capture_id=capture)  # fmt: skip
    tables = lab.build()
    assert [row["capture_ids"] for row in tables["lines"]] == [[ONE, TWO]]
    [merge] = [row for row in tables["merges"] if row["rule"] == "same-host-name"]
    tables = lab.build(**{merge["merge_id"]: "another list"})
    assert sorted(row["capture_ids"] for row in tables["lines"]) == [[ONE], [TWO]]
