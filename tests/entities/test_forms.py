"""Posted forms: credentials in them count like those in a target."""

from __future__ import annotations

from .conftest import BOX, PANEL


def post(lab, **values):
    """Add a form that the box posted, as the parser reads it."""
    lab.get("/player_api.php")
    form = {"family": "xtream", "role": "request", "action": "get_live_streams", "host": "tv.example:8080",
            "url": "http://tv.example:8080/player_api.php", "username": "poster", "password": "secret"}  # fmt: skip
    lab.message("account_replies", **{**form, **values})


def test_a_posted_line_is_a_line_at_a_panel(lab):
    post(lab)
    lab.message("catalogue_entries", family="xtream", kind="live", host="tv.example:8080", entry_id="77", name="One",
                username="poster")  # fmt: skip
    tables = lab.build()
    [line], [panel], [channel] = tables["lines"], tables["panels"], tables["channels"]
    assert (line["username"], line["password"], line["used"], line["places"]) == ("poster", "secret", True, ["form"])
    assert (line["rule"], line["strength"]) == ("line-in-form", "conclusive")
    assert (panel["host"], panel["ports"], panel["ips"]) == ("tv.example", [8080], [PANEL])
    assert (panel["rule"], panel["strength"]) == ("panel-api", "strong")
    assert (channel["name"], channel["panel_id"]) == ("One", panel["panel_id"])
    assert [row["role"] for row in tables["servers"]] == ["panel"]
    kinds = {row["kind"]: row["rule"] for row in tables["links"]}
    assert kinds == {"uses-line": "line-in-form", "logs-in": "panel-request"}
    assert [row["ips"] for row in tables["devices"]] == [[BOX]]


def test_the_same_line_in_form_and_target_is_one(lab):
    post(lab)
    lab.get("/live/poster/secret/77.ts")
    [line] = lab.build()["lines"]
    assert line["places"] == ["form", "request"]


def test_a_form_for_a_portal_names_portal_and_user(lab):
    post(lab, family="stalker", action="do_auth", mac="00:1a:79:00:00:01", url="http://tv.example/portal.php")
    tables = lab.build()
    assert [row["rule"] for row in tables["panels"]] == ["panel-portal"]
    assert [row["username"] for row in tables["lines"]] == ["poster"]


def test_a_form_without_credentials_makes_no_panel(lab):
    post(lab, username=None, password=None, action="login")
    tables = lab.build()
    assert tables["panels"] == tables["lines"] == []
