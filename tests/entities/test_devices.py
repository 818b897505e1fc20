"""Devices: one per link-layer address, several behind a shared address where something tells them apart."""

from __future__ import annotations

import pytest

from iptvforensics.entities.devices import MOST_NAMED, NAMED, claim
from iptvforensics.entities.model import Atom, Place

from .conftest import BASE_NS, BOX, BOX_MAC, ONE

HOME = "192.0.2.9"
ROUTER = "02:00:5e:00:00:09"
MACS = ("00:1a:79:00:00:01", "00:1a:79:00:00:02")


def portal(lab, mac, **values):
    cookie = f"mac={mac.replace(':', '%3A')}; sn={mac[-2:]}00000000000"
    lab.get("/portal.php?type=itv&action=create_link", cookie=cookie, client_ip=HOME, mac=ROUTER, **values)


def test_two_addresses_of_one_interface_are_one_device(lab):
    lab.get("/")
    lab.get("/", client_ip="2001:db8:1::20", server_ip="2001:db8:2::7", flow_id=2)
    [device] = lab.build()["devices"]
    assert device["ips"] == [BOX, "2001:db8:1::20"]


def test_claimed_addresses_tell_boxes_behind_one_address_apart(lab):
    for flow, mac in enumerate(MACS):
        portal(lab, mac, flow_id=flow)
    devices = lab.build()["devices"]
    assert sorted(row["claimed_macs"] for row in devices) == [[MACS[0]], [MACS[1]]]
    assert sorted(row["serial"] for row in devices) == ["0100000000000", "0200000000000"]
    assert all("is shared" in row["told_apart"] for row in devices)
    assert {row["strength"] for row in devices} == {"supporting"}


def test_one_connection_is_one_device(lab):
    for mac in MACS:
        portal(lab, mac, flow_id=5)
    assert len(lab.build()["devices"]) == 1


def test_lines_used_by_turns_are_two_devices(lab):
    for at, user in ((0, "a1"), (10, "b1"), (20, "a1"), (30, "b1")):
        lab.get(f"/live/{user}/p/1.ts", client_ip=HOME, mac=ROUTER, at=at, flow_id=at)
    assert len(lab.build()["devices"]) == 2


def test_lines_used_one_after_the_other_by_one_agent_stay_one_device(lab):
    for at, user in ((0, "a1"), (10, "a1"), (20, "b1"), (30, "b1")):
        lab.get(f"/live/{user}/p/1.ts", client_ip=HOME, mac=ROUTER, at=at, flow_id=at, user_agent="libmpv")
    [device] = lab.build()["devices"]
    assert "nothing tells devices apart" in device["told_apart"]


def test_lines_with_other_agents_are_two_devices(lab):
    for at, user in ((0, "a1"), (10, "b1")):
        lab.get(f"/live/{user}/p/1.ts", client_ip=HOME, mac=ROUTER, at=at, flow_id=at, user_agent=f"app {user}")
    devices = lab.build()["devices"]
    assert sorted(row["user_agents"] for row in devices) == [["app a1"], ["app b1"]]


ANDROID = "Dalvik/2.1.0 (Linux; U; Android {}; {} Build/X)"
MODELS = {"X96": ANDROID.format(9, "X96"), "TX3": ANDROID.format(11, "TX3")}


def test_models_that_android_names_are_several_devices(lab):
    for flow, model in enumerate(("X96", "TX3", "X96")):
        lab.get("/generate_204", client_ip=HOME, mac=ROUTER, flow_id=flow, user_agent=MODELS[model])
    devices = {row["model"]: row for row in lab.build()["devices"]}
    assert set(devices) == {"X96", "TX3"}
    assert devices["X96"]["told_apart"] == f"{HOME} is shared; this one said: model X96"
    assert {row["strength"] for row in devices.values()} == {"supporting"}


def test_a_line_of_several_models_goes_to_the_device_of_the_connection(lab):
    for flow, model in enumerate(MODELS, 1):
        lab.get("/live/a1/p/1.ts", client_ip=HOME, mac=ROUTER, flow_id=flow, user_agent=MODELS[model])
        stream = "http://tv.example/live/a1/p/1.ts"
        lab.session(stream, "tv.example", client_ip=HOME, flow_ids=[flow], panel_host="tv.example")
    lab.session("http://tv.example/live/a1/p/1.ts", "tv.example", client_ip=HOME, flow_ids=[77])
    tables = lab.build()
    names = {row["device_id"]: row["model"] for row in tables["devices"]}
    found = [names.get(row["device_id"]) for row in tables["session_entities"]]
    assert sorted(found, key=str) == [None, "TX3", "X96"]


def test_a_line_goes_along_with_the_model_of_its_connection(lab):
    for flow, model in enumerate(MODELS):
        lab.get("/generate_204", client_ip=HOME, mac=ROUTER, flow_id=flow, user_agent=MODELS[model])
    lab.get("/live/a1/p/1.ts", client_ip=HOME, mac=ROUTER, flow_id=1, user_agent="app")
    devices = {row["model"]: row for row in lab.build()["devices"]}
    assert devices["TX3"]["told_apart"].endswith("this one said: line a1, model TX3")
    assert len(devices) == 2


def test_a_program_that_acts_as_a_box_names_no_second_device(lab):
    for flow, agent in enumerate((MODELS["X96"], "Mozilla/5.0 (QtEmbedded; U; Linux; C) AppleWebKit/533.3 (KHTML, like "
                                  "Gecko) MAG250 stbapp ver: 4 rev: 1812 Mobile Safari/533.3")):  # fmt: skip
        lab.get("/c/", client_ip=HOME, mac=ROUTER, flow_id=flow, user_agent=agent)
    [device] = lab.build()["devices"]
    assert "2 user agents" in device["told_apart"]


def test_lines_by_turns_count_before_models(lab):
    for at, user in ((0, "a1"), (10, "b1"), (20, "a1"), (30, "b1")):
        lab.get(f"/live/{user}/p/1.ts", client_ip=HOME, mac=ROUTER, at=at, flow_id=at, user_agent="app")
        lab.get("/", client_ip=HOME, mac=ROUTER, at=at, flow_id=at + 1, user_agent=MODELS["X96" if at else "TX3"])
    assert len(lab.build()["devices"]) == 2


def test_a_box_with_its_own_link_address_stays_one_whatever_it_claims(lab):
    for user in ("a1", "b1", "a1", "b1"):
        lab.get(f"/live/{user}/p/1.ts", user_agent=f"app {user}")
    assert len(lab.build()["devices"]) == 1


def test_sessions_behind_a_shared_address_go_to_the_device_of_their_line(lab):
    for user in ("a1", "b1", "a1", "b1"):
        lab.watch(7, user, client_ip=HOME, mac=ROUTER, flow_id=lab.frame)
    lab.session("http://cdn.example/x.m3u8", "cdn.example", client_ip=HOME)
    tables = lab.build()
    told = {row["session_id"]: row for row in tables["session_entities"]}
    assert len({row["device_id"] for row in told.values()}) == 3
    [unknown] = [row for row in told.values() if row["device_id"] is None]
    assert "nothing tells which" in unknown["device_why"]


def test_servers_are_no_devices(lab):
    lab.watch()
    lab.get("/admin/live?stream=7&password=x", client_ip="203.0.113.40", mac=None, flow_id=3)
    assert [row["ips"] for row in lab.build()["devices"]] == [[BOX]]


def test_an_address_that_two_devices_had_by_turns_is_told_by_frames(lab):
    macs = {"u1": "02:00:5e:00:00:11", "u2": "02:00:5e:00:00:22"}
    for flow, (user, mac) in enumerate(macs.items(), 1):
        lab.get(f"/player_api.php?username={user}&password=p", flow_id=flow, mac=mac, user_agent=f"app {user}")
    lab.message("ssdp", method="NOTIFY", server="Box/2", server_ip="239.255.255.250", flow_id=2)
    tables = lab.build()
    devices = {row["macs"][0]: row for row in tables["devices"]}
    assert {mac: row["user_agents"] for mac, row in devices.items()} == {
        macs["u1"]: ["app u1"], macs["u2"]: ["app u2"]}  # fmt: skip
    assert {row["rule"].split("; ")[-1] for row in devices.values()} == {"device-link-address"}
    assert devices[macs["u2"]]["local_claims"] == ["SSDP software: Box/2"]
    names = {row["line_id"]: row["username"] for row in tables["lines"]}
    uses = {(names[row["target"]], row["source"]): row["strength"] for row in tables["links"]
            if row["kind"] == "uses-line"}  # fmt: skip
    assert uses == {(user, devices[mac]["device_id"]): "conclusive" for user, mac in macs.items()}


def test_a_line_that_both_used_is_no_third_device(lab):
    for flow, mac in enumerate(("02:00:5e:00:00:11", "02:00:5e:00:00:22"), 1):
        lab.get("/player_api.php?username=u1&password=p", flow_id=flow, mac=mac)
    assert len(lab.build()["devices"]) == 2


def test_a_stray_frame_takes_no_device_its_link_address(lab):
    lab.get("/player_api.php?username=u1&password=p", flow_id=1)
    lab.flow(mac="02:00:5e:00:00:22", flow=2, orig_packets=1, resp_packets=0)
    [device] = lab.build()["devices"]
    assert (device["macs"], device["strength"]) == ([BOX_MAC], "strong")


def test_link_addresses_without_dialogue_are_nobodys(lab):
    for flow, mac in enumerate((BOX_MAC, "02:00:5e:00:00:22")):
        lab.flow(mac=mac, flow=flow, orig_packets=1, resp_packets=0)
    assert lab.build()["devices"] == []


def test_many_claimed_addresses_behind_one_are_one_device(lab):
    macs = [f"00:1a:79:00:01:{number:02x}" for number in range(65)]
    for flow, mac in enumerate(macs, 1):
        portal(lab, mac, flow_id=flow)
    tables = lab.build()
    [device] = tables["devices"]
    assert device["claimed_macs"] == macs
    assert device["told_apart"].endswith(
        "whose traffic is whose is not told: 65 claimed addresses (00:1a:79:00:01:00, 00:1a:79:00:01:01, "
        "00:1a:79:00:01:02 and 62 more): tried out by one, or passed on for many"
    )
    assert "differs-behind-address" in device["rule"]
    assert sorted(line["mac"] for line in tables["lines"]) == macs


def test_many_lines_behind_one_address_are_one_device(lab):
    for flow in range(1, 67):
        lab.get(f"/live/u{flow:02}/p/1.ts", client_ip=HOME, mac=ROUTER, flow_id=flow, user_agent=f"app {flow}")
    assert len(lab.build()["devices"]) == 1


def test_as_many_as_are_told_apart_are_told_apart(lab):
    for flow in range(1, 65):
        portal(lab, f"00:1a:79:00:01:{flow:02x}", flow_id=flow)
    assert len(lab.build()["devices"]) == 64


def test_reasons_name_the_first_of_many(lab):
    for user in ("a1", "b1", "c1", "d1", "e1"):
        lab.get(f"/live/{user}/p/1.ts", client_ip=HOME, mac=ROUTER, flow_id=7, user_agent="app")
    lab.get("/live/z1/p/1.ts", client_ip=HOME, mac=ROUTER, flow_id=8, user_agent="other")
    told = {row["told_apart"] for row in lab.build()["devices"]}
    assert f"{HOME} is shared; this one said: line a1, line b1, line c1 and 2 more" in told


@pytest.mark.parametrize(
    ("model", "kind"),
    [("MAG250", "tv-box"), ("MAG 322w1", "tv-box"), ("mag-424", "tv-box"), ("AuraHD", "tv-box"),
     ("Aura HD Plus", "tv-box"), ("AuraHD9", "tv-box"), ("MagicBook 14", None), ("Magic5 Pro", None),
     ("MAGNUM", None), ("MAG2500000", None),
     ("Aurora", None), ("AURA10", None)],
)  # fmt: skip
def test_models_of_boxes(model, kind):
    atom = Atom(("device",))
    claim(atom, Place(ONE, 1, 1), model=model)
    assert list(atom.facts.get("kinds", ())) == ([kind] if kind else [])


def test_what_another_says_of_a_model_is_no_kind():
    atom = Atom(("device",))
    claim(atom, Place(ONE, 1, 1), model="MAG250", serial="S1", is_own=False)
    assert list(atom.facts["models"]) == ["MAG250"]
    assert not {"kinds", NAMED} & set(atom.facts)


def test_models_with_serial_numbers_are_bounded():
    atom = Atom(("device",))
    for number in range(5000):
        claim(atom, Place(ONE, 1, 1), model=f"M{number}", serial=f"S{number}")
    assert len(atom.facts[NAMED]) == MOST_NAMED + 1


def test_a_session_behind_a_shared_address_is_the_devices_time_and_agent(lab):
    for at, user in ((0, "a1"), (10, "b1"), (20, "a1"), (30, "b1")):
        lab.get(f"/live/{user}/p/1.ts", client_ip=HOME, mac=ROUTER, at=at, flow_id=at, user_agent=f"app {user}")
    lab.session("http://tv.example/live/b1/p/1.ts", client_ip=HOME, at=40, user_agent="VLC/3.0.18", flow_ids=[30])
    devices = {row["told_apart"][-2:]: row for row in lab.build()["devices"]}
    assert devices["b1"]["user_agents"] == ["app b1", "VLC/3.0.18"]
    assert devices["b1"]["last_ns"] == BASE_NS + 100 * 10**9
    assert devices["a1"]["user_agents"] == ["app a1"]
    assert devices["a1"]["last_ns"] < BASE_NS + 40 * 10**9
