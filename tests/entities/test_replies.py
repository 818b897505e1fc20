"""What servers say of accounts, of themselves and of links."""

from __future__ import annotations

import pytest

from iptvforensics.protocols._stalker_marks import client_marks

MAC = "00:1A:79:00:00:01"
AS_COMPUTED = {"sn": "306F5BD82D720"}
MAG = "Mozilla/5.0 (QtEmbedded; U; Linux; C) AppleWebKit/533.3 (KHTML, like Gecko) MAG200 stbapp ver: 2 rev: 250"


def reply(lab, **values):
    defaults = {"family": "xtream", "role": "response", "action": "login", "host": "tv.example", "username": "u1",
                "password": "p1", "auth": True}  # fmt: skip
    return lab.message("account_replies", **{**defaults, **values})


def test_what_the_panel_says_of_a_line_is_kept(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    reply(lab, account_status="Active", max_connections=2, active_connections=1, expires_ns=1_900_000_000 * 10**9,
          is_trial=False, timezone="Asia/Jakarta", software="XUI", software_version="1.5", tariff="gold")  # fmt: skip
    tables = lab.build()
    [line], [panel] = tables["lines"], tables["panels"]
    assert (line["status"], line["max_connections"], line["active_connections"]) == ("Active", 2, 1)
    assert (line["expires_ns"], line["is_trial"], line["account"]) == (1_900_000_000 * 10**9, False, "tariff: gold")
    assert (panel["strength"], panel["timezone"], panel["software"]) == ("conclusive", "Asia/Jakarta", "XUI 1.5")


def test_a_reply_alone_shows_panel_and_line(lab):
    reply(lab)
    tables = lab.build()
    assert [row["host"] for row in tables["panels"]] == ["tv.example"]
    assert [row["username"] for row in tables["lines"]] == ["u1"]


def test_what_only_a_reply_names_was_not_seen_in_use(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    reply(lab, username="owner", password="other")
    lines = {row["username"]: row for row in lab.build()["lines"]}
    assert {name: (row["used"], row["requests"]) for name, row in lines.items()} == {
        "u1": (True, 1),
        "owner": (False, 0),
    }
    assert lines["owner"]["places"] == ["reply"]


def test_what_the_panel_tells_the_account_is_kept_in_its_words(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    reply(lab, message="Renew at Nordlicht TV")
    assert lab.build()["lines"][0]["message"] == "Renew at Nordlicht TV"


def test_a_profile_without_password_names_the_user_of_an_address(lab):
    lab.get("/portal.php?type=stb&action=get_profile", cookie=f"mac={MAC}")
    reply(lab, family="stalker", action="get_profile", username="kunde5512", password=None, mac=MAC)
    reply(lab, family="stalker", action="get_main_info", username=None, password=None, mac=MAC)
    [line] = lab.build()["lines"]
    assert (line["username"], line["password"], line["mac"], line["used"]) == ("kunde5512", None, MAC.lower(), True)


def test_a_profile_with_password_names_the_user_once(lab):
    lab.get("/portal.php?type=stb&action=get_profile", cookie=f"mac={MAC}")
    reply(lab, family="stalker", action="get_profile", username="kunde5512", password="x1", mac=MAC)
    [line] = lab.build()["lines"]
    assert (line["username"], line["password"]) == ("kunde5512", "x1")


def test_the_clock_of_the_panel(lab):
    row = reply(lab)
    row["server_time_ns"] = row["ts_ns"] + 3_600 * 10**9
    assert lab.build()["panels"][0]["clock_offset_s"] == 3600


def test_a_panel_that_gives_another_panels_name_is_the_same(lab):
    for host in ("a.example", "b.example"):
        lab.get("/player_api.php?username=u1&password=p1", host=host, server_ip=f"198.51.100.{ord(host[0])}")
    reply(lab, host="a.example", stated_host="b.example")
    tables = lab.build()
    assert len(tables["panels"]) == len(tables["lines"]) == 1
    assert "server-info-names" in {row["rule"] for row in tables["merges"]}


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "192.168.1.50", "0.0.0.0", "100.64.0.1", "example.com", "_", "panel"]
)
def test_panels_that_give_a_name_of_nobody_stay_apart(lab, name):
    for host in ("a.example", "b.example"):
        reply(lab, host=host, server_ip=f"198.51.100.{ord(host[0])}", stated_host=name)
    tables = lab.build()
    assert (len(tables["panels"]), tables["merges"]) == (2, [])


def test_panels_that_give_one_public_name_are_one(lab):
    for host in ("a.example", "b.example", "c.example"):
        reply(lab, host=host, server_ip=f"198.51.100.{ord(host[0])}", stated_host="tv.example")
    tables = lab.build()
    assert len(tables["panels"]) == 1
    merges = sorted((row["one"], row["other"]) for row in tables["merges"] if row["kind"] == "panel")
    assert merges == [("a.example", "b.example"), ("a.example", "c.example")]


def test_a_private_address_counts_for_names_that_were_reached_there(lab):
    for host in ("a.example", "b.example"):
        reply(lab, host=host, server_ip="192.168.1.50", stated_host="192.168.1.50")
    tables = lab.build()
    assert [row["hosts"] for row in tables["panels"]] == [["a.example", "b.example"]]


def test_a_refused_line_is_no_panel_by_that_reply(lab):
    reply(lab, auth=False)
    tables = lab.build()
    assert tables["panels"] == []
    assert tables["lines"][0]["status"] == "refused"


def test_an_answer_that_names_a_user_for_an_address_joins_both(lab):
    lab.get("/portal.php?type=stb&action=get_profile", cookie="mac=00:1A:79:00:00:01")
    reply(lab, family="stalker", action="get_profile", mac="001a79000001")
    [line] = lab.build()["lines"]
    assert (line["username"], line["mac"]) == ("u1", "00:1a:79:00:00:01")


def test_serial_numbers_and_models_go_to_the_device(lab):
    lab.get("/portal.php?type=stb&action=get_profile", cookie="mac=00:1A:79:00:00:01")
    reply(lab, family="stalker", role="request", mac="001a79000001", serial="77", model="MAG250", firmware="0.2.18")
    [device] = lab.build()["devices"]
    assert (device["serial"], device["model"], device["firmware"], device["kind"]) == (
        "77",
        "MAG250",
        "0.2.18",
        "tv-box",
    )


def test_an_end_in_words_stays_with_the_account(lab):
    lab.get("/player_api.php?username=u1&password=p1")
    reply(lab, expires_text="Unlimited", account_ref="7")
    [line] = lab.build()["lines"]
    assert (line["expires_ns"], line["account"]) == (None, "expires: Unlimited; ref: 7")


def test_an_end_that_is_a_time_is_not_repeated_in_words(lab):
    reply(lab, expires_text="2027-01-01", expires_ns=1_900_000_000 * 10**9)
    assert lab.build()["lines"][0]["account"] is None


GUIDE = {"family": "xmltv", "action": "xmltv", "username": None, "password": None, "auth": None, "software": "Guides"}
LIST = {"family": "m3u", "action": "playlist", "username": None, "password": None, "auth": None}
MARKED = {"software": "XUI.one", "software_version": "1.5.12"}


@pytest.mark.parametrize(
    ("values", "strength"),
    [
        (GUIDE, None),
        (LIST, None),
        (LIST | {"username": "x"}, None),  # the name of the offered file
        (LIST | MARKED, "lead"),
        (LIST | {"username": "u1", "password": "p1"}, "lead"),
        (LIST | MARKED | {"username": "u1", "password": "p1"}, "supporting"),
        (GUIDE | {"token": "0f" * 16}, "lead"),
    ],
    ids=["guide", "list", "file name", "mark", "credentials", "both", "token"],
)
def test_lists_and_guides_show_a_panel_at_most_in_part(lab, values, strength):
    reply(lab, **values)
    panels = lab.build()["panels"]
    assert [(row["strength"], row["rule"]) for row in panels] == ([(strength, "panel-list")] if strength else [])


def test_credentials_of_a_list_are_a_lead(lab):
    reply(lab, **LIST | {"username": "u1", "password": "p1"})
    [line] = lab.build()["lines"]
    assert (line["rule"], line["strength"], line["used"]) == ("line-in-list", "lead", False)


def test_a_message_alone_is_no_answer_of_a_panel(lab):
    reply(lab, auth=None, username=None, password=None, message="not found")
    assert lab.build()["panels"] == []


@pytest.mark.parametrize(
    "values",
    [
        {"family": "stalker", "action": "handshake", "username": None, "password": None, "auth": None},
        {"family": "enigma2", "action": "auth", "url": "http://tv.example/xplugin.php?action=auth", "auth": None},
    ],
    ids=["portal", "plug-in"],
)
def test_answers_of_portals_and_to_plug_ins_show_a_panel(lab, values):
    reply(lab, **values)
    assert [row["strength"] for row in lab.build()["panels"]] == ["conclusive"]


def marked(lab, fields, mac=MAC, **values):
    """Add what a client sent for its profile, with the marks that the parser gives it."""
    marks = client_marks(None, mac, fields)
    return reply(
        lab, family="stalker", role="request", mac=mac, serial=fields["sn"], model="MAG250", marks=marks, **values
    )


@pytest.mark.parametrize(
    ("fields", "kind"), [(AS_COMPUTED, "app"), ({"sn": "072018B034561"}, "tv-box")], ids=["computed", "of its own"]
)
def test_a_serial_number_that_is_a_digest_of_the_address_shows_a_program(lab, fields, kind):
    lab.get("/portal.php?type=stb&action=get_profile", cookie=f"mac={MAC}", user_agent=MAG)
    marked(lab, fields)
    tables = lab.build()
    assert [device["kind"] for device in tables["devices"]] == [kind]
    cited = [row["shows"] for row in tables["evidence"] if "acts as a box" in row["shows"]]
    shows = "sn can be computed from the claimed address 00:1a:79:00:00:01: a program acts as a box"
    assert cited == ([shows] if kind == "app" else [])


def test_a_program_behind_a_shared_address_makes_no_program_of_a_box_beside_it(lab):
    outside = {"client_ip": "192.0.2.9"}
    for number, (mac, fields) in enumerate([(MAC, AS_COMPUTED), ("00:1A:79:00:00:02", {"sn": "072018B034561"})], 1):
        path = "/portal.php?type=stb&action=get_profile"
        lab.get(path, cookie=f"mac={mac}", user_agent=MAG, flow_id=number, mac=None, **outside)
        marked(lab, fields, mac, flow_id=number, **outside)
    kinds = {tuple(row["claimed_macs"]): row["kind"] for row in lab.build()["devices"]}
    assert kinds == {("00:1a:79:00:00:01",): "app", ("00:1a:79:00:00:02",): "tv-box"}


def test_the_program_that_wrote_a_guide_is_not_the_panels_software(lab):
    reply(lab, software="XUI.one", software_version="1.5.12")
    for software in ("Nordlicht EPG", "XC_VM"):
        reply(lab, family="xmltv", action="guide", auth=None, software=software)
    [panel] = lab.build()["panels"]
    assert panel["software"] == "XC_VM; XUI.one 1.5.12"
