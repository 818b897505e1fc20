"""Devices of several captures that are one, and those that are not."""

from __future__ import annotations

import pytest

from iptvforensics.entities.replies import MADE_FROM_MAC

from .conftest import BOX, BOX_MAC, ONE, TWO

ROUTER = "02:00:5e:00:00:09"
THREE = "cccccccccccccccc"
SIX = "2001:db8:1::20"


def test_a_global_address_in_two_captures_at_one_time_is_one_device(lab):
    lab.get("/a", client_ip=SIX, at=100)
    lab.get("/b", client_ip=SIX, capture_id=TWO, mac=ROUTER, at=100)
    lab.add("link_addresses", capture_id=TWO, mac=ROUTER, ip=SIX, basis="IP", ttl_max=57)
    tables = lab.build()
    [device] = tables["devices"]
    assert (device["macs"], device["ips"]) == ([BOX_MAC], [SIX])
    assert [row["rule"] for row in tables["merges"] if row["kind"] == "device"] == ["same-ipv6-address"]


def test_a_global_address_at_another_time_may_be_anothers(lab):
    lab.get("/a", client_ip=SIX)
    lab.frame += 5000
    lab.get("/b", client_ip=SIX, capture_id=TWO, mac=ROUTER)
    assert len(lab.build()["devices"]) == 2


def test_a_global_address_with_two_link_addresses_is_not_joined(lab):
    lab.get("/a", client_ip=SIX, at=100)
    lab.get("/b", client_ip=SIX, capture_id=TWO, mac="02:00:5e:00:00:33", at=100)
    assert len(lab.build()["devices"]) == 2


@pytest.mark.parametrize("address", ["fd00::20", "fec0::20", "fe80::20", "::1"])
@pytest.mark.parametrize("mac", [None, ROUTER])
def test_an_address_of_one_network_in_two_captures_says_nothing(lab, address, mac):
    for capture, own in ((ONE, mac and BOX_MAC), (TWO, mac)):
        lab.get("/a", client_ip=address, capture_id=capture, mac=own, at=100)
    assert len(lab.build()["devices"]) == 2


def test_a_link_address_in_two_captures_is_one_device(lab):
    lab.get("/")
    lab.get("/", capture_id=TWO)
    tables = lab.build()
    assert [row["capture_ids"] for row in tables["devices"]] == [["a" * 16, "b" * 16]]
    assert [row["rule"] for row in tables["merges"]] == ["same-link-address"]


def test_a_link_address_at_two_places_at_one_time_is_not(lab):
    lab.get("/")
    lab.rows["flows"][-1]["last_ns"] += 10**12
    lab.get("/", capture_id=TWO, client_ip="192.168.1.99")
    assert len(lab.build()["devices"]) == 2


@pytest.mark.parametrize(("router", "left"), [("02:00:5e:00:00:77", 2), (None, 1)])
def test_a_link_address_among_other_neighbours_at_one_time_is_anothers(lab, router, left):
    lab.get("/")
    lab.rows["flows"][-1]["last_ns"] += 10**12
    lab.get("/", capture_id=TWO)
    lab.rows["flows"][-1]["resp_mac"] = router
    assert len(lab.build()["devices"]) == left


def test_a_link_address_among_other_neighbours_at_another_time_was_moved(lab):
    lab.get("/")
    lab.frame += 5000
    lab.get("/", capture_id=TWO)
    lab.rows["flows"][-1]["resp_mac"] = "02:00:5e:00:00:77"
    assert len(lab.build()["devices"]) == 1


def profile(lab, capture, serial="1234567890123", model="MAG250", *, mac=BOX_MAC, ip="192.168.1.5", **values):
    """Add a request in which a box names its model and serial number."""
    target = f"/portal.php?type=stb&action=get_profile&stb_type={model}&sn={serial}"
    lab.get(target, cookie="mac=00:1A:79:00:00:01", capture_id=capture, mac=mac, client_ip=ip, **values)


MACS = {ONE: "02:00:5e:00:02:01", TWO: "02:00:5e:00:02:02", THREE: "02:00:5e:00:02:03"}


def devices(lab):
    return len(lab.build()["devices"])


@pytest.mark.parametrize(("serial", "left"), [("1234567890123", 1), ("0000000000000", 2), ("NONE", 2)])
def test_serial_numbers_join_unless_they_are_defaults(lab, serial, left):
    for number, capture in enumerate((ONE, TWO)):
        profile(lab, capture, serial, mac=MACS[capture], ip=f"192.168.1.{number + 5}")
    tables = lab.build()
    assert len(tables["devices"]) == left
    joins = [(row["rule"], row["strength"]) for row in tables["merges"] if row["kind"] == "device"]
    assert joins == [("same-serial", "supporting")] * (2 - left)


def test_a_serial_number_of_another_model_is_another(lab):
    profile(lab, ONE, model="MAG250", mac=MACS[ONE])
    profile(lab, TWO, model="MAG322", mac=MACS[TWO])
    assert devices(lab) == 2


def test_models_and_serial_numbers_count_as_they_were_claimed_together(lab):
    for model, serial in (("T95", "S1"), ("X96", "S2")):
        lab.get(f"/ota?model={model}&sn={serial}", mac=MACS[ONE])
    lab.get("/ota?model=T95&sn=S2", mac=MACS[TWO], capture_id=TWO)
    assert devices(lab) == 2


def test_a_serial_number_of_two_devices_of_one_capture_joins_nothing(lab):
    profile(lab, ONE, mac=MACS[ONE])
    profile(lab, ONE, mac=MACS[THREE], ip="192.168.1.6", flow_id=2)
    profile(lab, TWO, mac=MACS[TWO])
    assert devices(lab) == 3


def test_a_serial_number_at_two_places_at_one_time_joins_nothing(lab):
    for capture in (ONE, TWO):
        profile(lab, capture, mac=MACS[capture], at=500)
    for row in lab.rows["flows"]:
        row["last_ns"] += 10**12
    assert devices(lab) == 2


def test_a_serial_number_of_a_third_device_at_one_time_joins_neither(lab):
    for capture in (ONE, TWO, THREE):
        profile(lab, capture, mac=MACS[capture])
    lab.rows["flows"][1]["last_ns"] += 10**12
    assert devices(lab) == 3


def test_a_serial_number_that_a_program_computed_joins_nothing(lab):
    for capture in (ONE, TWO):
        profile(lab, capture, mac=MACS[capture])
    lab.message("account_replies", family="stalker", role="request", mac="00:1A:79:00:00:01", serial="1234567890123",
                client_ip="192.168.1.5", marks=[f"serial {MADE_FROM_MAC}"])  # fmt: skip
    assert devices(lab) == 2


def test_a_device_with_many_serial_numbers_is_joined_by_none(lab):
    for number in range(17):
        lab.get(f"/ota?model=M{number}&sn=S{number}", mac=MACS[ONE])
    lab.get("/ota?model=M0&sn=S0", mac=MACS[TWO], capture_id=TWO)
    assert devices(lab) == 2


def test_what_a_browser_asks_about_joins_nothing(lab):
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
    profile(lab, ONE, mac=MACS[ONE])
    lab.get("/help?model=MAG250&sn=1234567890123", mac=MACS[TWO], capture_id=TWO, user_agent=agent)
    assert devices(lab) == 2


def test_what_devices_say_in_their_own_networks_counts_as_well(lab):
    for capture in (ONE, TWO):
        lab.get("/", mac=MACS[capture], capture_id=capture)
        lab.message("upnp_devices", server_ip=BOX, model_name="Box 2", serial_number="S77", capture_id=capture)
    assert devices(lab) == 1


def test_model_and_serial_number_of_one_multicast_answer_count(lab):
    for capture in (ONE, TWO):
        lab.get("/", mac=MACS[capture], capture_id=capture)
        lab.message("dns", is_response=True, client_port=5353, server_ip="224.0.0.251", server_port=5353,
                    answers=['TV._airplay._tcp.local TXT 4500 "model=Tele6,2" "serialNumber=S1"'],
                    capture_id=capture)  # fmt: skip
    assert devices(lab) == 1
