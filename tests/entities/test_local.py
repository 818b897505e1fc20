"""What devices say in their own network."""

from __future__ import annotations

import pytest

from .conftest import BOX, BOX_MAC


def device(lab):
    [found] = lab.build()["devices"]
    return found


@pytest.mark.parametrize(
    "values",
    [
        {"method": "M-SEARCH", "server_ip": "239.255.255.250"},
        {"method": "NOTIFY", "client_ip": "239.255.255.250", "server_ip": BOX},
        {"method": "NOTIFY", "server_ip": "239.255.255.250"},
        {"method": None, "client_ip": "192.168.1.9", "server_ip": BOX},  # an answer, the first packet of its flow
        {"method": None, "client_ip": "192.168.1.9", "server_ip": BOX, "from_orig": False},
    ],
)
def test_announcements_are_their_senders(lab, values):
    lab.get("/")
    lab.message("ssdp", friendly_name="Living room", **values)
    assert device(lab)["host_names"] == ["Living room"]


def test_an_answer_says_nothing_of_the_one_who_searched(lab):
    lab.get("/")
    lab.message("ssdp", friendly_name="Living room", server="Other/1.0", server_ip="192.168.1.51")
    found = {row["ips"][0]: row["host_names"] for row in lab.build()["devices"]}
    assert found == {BOX: [], "192.168.1.51": ["Living room"]}


GATEWAY = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [("NOTIFY", GATEWAY, "router"), (None, GATEWAY, "router"), ("M-SEARCH", GATEWAY, None),
     ("NOTIFY", "upnp:rootdevice", None)],
)  # fmt: skip
def test_who_only_announces_itself_is_a_device_of_the_network(lab, method, target, kind):
    lab.flow(BOX, "239.255.255.250", transport="udp", orig_bytes=300)
    client, server = ("192.168.1.9", BOX) if method is None else (BOX, "239.255.255.250")
    lab.message("ssdp", method=method, search_target=target, server="Linux UPnP/1.0 Box/2", client_ip=client,
                server_ip=server)  # fmt: skip
    found = device(lab)
    assert (found["ips"], found["macs"], found["kind"]) == ([BOX], [BOX_MAC], kind)
    assert found["local_claims"] == ["SSDP software: Linux UPnP/1.0 Box/2"]
    assert found["told_apart"].endswith("known by what it says in its own network only")
    assert (found["strength"], found["rule"]) == ("strong", "claimed-ssdp; device-announces; device-link-address")


def test_who_announces_itself_without_link_layer_is_known_by_its_address(lab):
    lab.message("ssdp", method="NOTIFY", server="Box/2", client_ip="239.255.255.250", server_ip="192.168.1.61")
    found = device(lab)
    assert (found["ips"], found["macs"], found["strength"]) == (["192.168.1.61"], [], "supporting")


def test_nothing_outside_the_network_announces_itself(lab):
    lab.message("ssdp", method=None, server="Box/2", server_ip="203.0.113.9")
    assert lab.build()["devices"] == []


def test_a_server_that_announces_itself_is_no_device(lab):
    lab.watch()
    lab.session("http://192.168.1.61/live/u1/p1/7.ts", "192.168.1.61", edge_ip="192.168.1.61")
    lab.message("ssdp", method="NOTIFY", server="Media/2", client_ip="239.255.255.250", server_ip="192.168.1.61")
    assert [row["ips"] for row in lab.build()["devices"]] == [[BOX]]


def test_a_description_names_model_and_serial(lab):
    lab.get("/")
    lab.message("upnp_devices", friendly_name="Box", model_name="X96", serial_number="S1", from_orig=False,
                client_ip="192.168.1.9", server_ip=BOX)  # fmt: skip
    lab.message("upnp_devices", model_name="Part", parent_udn="uuid:1", from_orig=False, server_ip=BOX)
    found = device(lab)
    assert (found["model"], found["serial"], found["host_names"]) == ("X96", "S1", ["Box"])
    assert "claimed-upnp" in found["rule"]


def test_the_debug_bridge_names_model_and_serial(lab):
    lab.get("/")
    lab.message("adb", product_model="T95 MAX", serial_number="0123", from_orig=False, client_ip="192.168.1.9",
                server_ip=BOX)  # fmt: skip
    assert (device(lab)["model"], device(lab)["serial"]) == ("T95 MAX", "0123")


@pytest.mark.parametrize(
    ("values", "model"),
    [({"product_name": "p281"}, "p281"), ({"product_device": "q201", "product_model": "TX3"}, "TX3"), ({}, None)],
)
def test_the_debug_bridge_of_a_box_that_asks_nobody(lab, values, model):
    lab.flow("192.168.1.9", BOX, "02:00:5e:00:01:09", orig_bytes=30, resp_bytes=90)
    lab.rows["flows"][-1]["resp_mac"] = BOX_MAC
    lab.message("adb", system_type="host", serial_number=None, client_ip="192.168.1.9", server_ip=BOX)
    lab.message("adb", system_type="device", serial_number="0123", from_orig=False, client_ip="192.168.1.9",
                server_ip=BOX, **values)  # fmt: skip
    found = {row["ips"][0]: row for row in lab.build()["devices"]}
    assert (found[BOX]["serial"], found[BOX]["model"], found[BOX]["macs"]) == ("0123", model, [BOX_MAC])


def announce(lab, *records, more=(), **values):
    ends = {"client_port": 5353, "server_ip": "224.0.0.251", "server_port": 5353, "is_response": True}
    lab.message("dns", answers=list(records), additionals=list(more) or None, **{**ends, **values})


def test_a_device_says_its_name_and_model_by_multicast(lab):
    lab.get("/")
    announce(lab, 'M-1._googlecast._tcp.local TXT 4500 "md=MIBOX4" "fn=Living room"', more=[f"mibox.local A 120 {BOX}"])
    announce(lab, 'T._airplay._tcp.local TXT 4500 "deviceid=02:00:5E:00:00:AA"')
    found = device(lab)
    assert (found["model"], found["host_names"]) == ("MIBOX4", ["Living room", "T", "mibox"])
    assert found["claimed_macs"] == ["02:00:5e:00:00:aa"]
    assert "claimed-mdns" in found["rule"]
    assert "mDNS: models MIBOX4" in {row["shows"] for row in lab.build()["evidence"]}


@pytest.mark.parametrize(
    "ends",
    [
        {"server_ip": "ff02::fb"},
        {"client_ip": "224.0.0.251", "server_ip": BOX},  # the answer came first: its sender is the server
        {"client_ip": "192.168.1.9", "server_ip": BOX, "from_orig": False},  # to the one who asked alone
    ],
)
def test_the_sender_is_never_the_group(lab, ends):
    lab.get("/")
    announce(lab, f"mibox.local A 120 {BOX}", **ends)
    assert device(lab)["host_names"] == ["mibox"]


@pytest.mark.parametrize("values", [{"is_response": False}, {"client_port": 40000}, {"client_ip": "192.168.1.99"}])
def test_questions_and_answers_of_others_say_nothing_of_a_device(lab, values):
    lab.get("/")
    announce(lab, f"mibox.local A 120 {BOX}", **values)
    assert device(lab)["host_names"] == []
