"""One secret: edges get their panel, panels are linked and stay apart."""

from __future__ import annotations

from .conftest import BOX, EDGE, TWO
from .test_tokens import OTHER, VAULT, auth, sent


def by_host(rows):
    return {row["host"]: row for row in rows}


def test_an_edge_in_another_capture_is_the_panels_by_its_tokens(lab):
    sent(lab, "tv.example", "e1.example", auth(VAULT))
    target = f"/auth/{auth(VAULT, 'u2', 1010)}"
    lab.get(target, "e2.example", capture_id=TWO, server_ip=EDGE)
    lab.session(f"http://e2.example{target}", "e2.example", capture_id=TWO)
    tables = lab.build()
    [panel], servers, [shown] = tables["panels"], by_host(tables["servers"]), tables["session_entities"]
    assert (servers["e2.example"]["panel_id"], servers["e2.example"]["role"]) == (panel["panel_id"], "edge")
    assert "token-block" in servers["e2.example"]["rule"]
    assert (shown["panel_id"], shown["line_id"]) == (panel["panel_id"], None)
    [link] = [row for row in tables["links"] if row["kind"] == "same-tokens"]
    assert (link["source"], link["target"]) == (panel["panel_id"], servers["e2.example"]["server_id"])
    assert (link["strength"], link["rule"]) == ("strong", "token-block")
    cited = {row["capture_id"] for row in tables["evidence"] if row["row_id"] == servers["e2.example"]["server_id"]}
    assert cited == {TWO}


def test_panels_with_one_secret_are_linked_and_stay_two(lab):
    sent(lab, "tv.example", "e1.example", auth(VAULT))
    sent(lab, "new.example", "e2.example", auth(VAULT, "u9"), "u9")
    sent(lab, "far.example", "e3.example", auth(OTHER, "u8"), "u8")
    tables = lab.build()
    panels = {row["panel_id"]: row["host"] for row in tables["panels"]}
    assert sorted(panels.values()) == ["far.example", "new.example", "tv.example"]
    [link] = [row for row in tables["links"] if row["kind"] == "same-tokens"]
    assert sorted((panels[link["source"]], panels[link["target"]])) == ["new.example", "tv.example"]
    assert "a copy with its settings" in link["why"]


def test_an_edge_of_two_panels_with_one_secret_is_nobodys(lab):
    sent(lab, "tv.example", "e1.example", auth(VAULT))
    sent(lab, "new.example", "e2.example", auth(VAULT, "u9"), "u9")
    lab.get(f"/auth/{auth(VAULT, 'u3')}", "e4.example", capture_id=TWO, server_ip=EDGE, client_ip=BOX)
    servers = by_host(lab.build()["servers"])
    assert servers["e4.example"]["panel_id"] is None
