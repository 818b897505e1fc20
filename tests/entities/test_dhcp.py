"""DHCP to devices: what clients say of themselves, with and without frames that show their link-layer address."""

from __future__ import annotations

import pytest

from .conftest import BOX, BOX_MAC, ONE, PANEL, ROUTER_MAC, TWO

OTHER = "02:00:5e:00:01:21"
FE80 = "fe80::1:20"


def say(lab, mac=BOX_MAC, **values):
    lab.message("dhcp", message_type="REQUEST", is_response=False, client_mac=mac, client_ip="0.0.0.0", **values)


def give(lab, ip=BOX, mac=BOX_MAC):
    lab.message("dhcp", message_type="ACK", is_response=True, client_mac=mac, offered_ip=ip, from_orig=False)


def one(lab):
    [found] = lab.build()["devices"]
    return found


def test_messages_are_of_the_device_with_the_address_inside(lab):
    lab.get("/")
    say(lab, host_name="tvbox-9f31", vendor_class="android-dhcp-11", parameter_list=[1, 3, 6, 15], user_class="tvs",
        client_id="0102005e000120", client_id_mac=BOX_MAC, vendor_data="0102", vendor_classes=["9=a"])  # fmt: skip
    found = one(lab)
    assert (found["host_names"], found["os"], found["macs"], found["claimed_macs"]) == (
        ["tvbox-9f31"], "Android 11", [BOX_MAC], [])  # fmt: skip
    assert found["local_claims"] == [
        "DHCP asks for options: 1,3,6,15", "DHCP client identifier: 0102005e000120", "DHCP user class: tvs",
        "DHCP vendor class: 9=a", "DHCP vendor class: android-dhcp-11", "DHCP vendor data: 0102",
    ]  # fmt: skip
    assert {"claimed-host-name", "claimed-vendor-class", "claimed-dhcp"} <= set(found["rule"].split("; "))


def test_other_vendor_classes_name_no_system(lab):
    lab.get("/")
    say(lab, vendor_class="udhcp 1.30.1")
    assert one(lab)["os"] is None


def test_a_client_that_only_asks_for_an_address_is_a_device(lab):
    lab.add("link_addresses", mac=BOX_MAC, ip="0.0.0.0", basis="IP", ttl_max=64)
    say(lab, host_name="box")
    give(lab)
    found = one(lab)
    assert (found["macs"], found["ips"], found["kind"]) == ([BOX_MAC], [BOX], None)
    assert (found["strength"], found["rule"]) == ("strong", "claimed-host-name; claimed-lease; device-link-address")


def test_without_link_layer_the_lease_leads_to_the_device(lab):
    lab.get("/", mac=None)
    say(lab, host_name="box")
    give(lab)
    found = one(lab)
    assert (found["ips"], found["macs"], found["claimed_macs"]) == ([BOX], [], [BOX_MAC])
    assert (found["host_names"], found["strength"]) == (["box"], "supporting")
    assert f"DHCP: {BOX_MAC} was given {BOX}" in {row["shows"] for row in lab.build()["evidence"]}


def test_behind_a_router_the_lease_leads_to_the_device(lab):
    for number in range(4):
        lab.get("/", client_ip=f"192.168.1.{number + 20}", mac=ROUTER_MAC, flow_id=number)
    say(lab, host_name="box", requested_ip=BOX)
    found = {row["ips"][0]: row for row in lab.build()["devices"]}
    assert (found[BOX]["host_names"], found[BOX]["claimed_macs"]) == (["box"], [BOX_MAC])
    assert len(found) == 4


def test_without_link_layer_and_lease_the_messages_are_a_device_of_their_own(lab):
    lab.get("/", mac=None)
    say(lab, host_name="box")
    found = {tuple(row["ips"]): row for row in lab.build()["devices"]}
    assert found[()]["claimed_macs"] == [BOX_MAC]
    assert "device-announces" in found[()]["rule"]
    assert found[BOX,]["host_names"] == []


def test_an_address_that_was_given_to_two_clients_tells_nothing_of_either(lab):
    lab.get("/", mac=None)
    for mac, name in ((BOX_MAC, "one"), (OTHER, "two")):
        say(lab, mac, host_name=name)
        give(lab, mac=mac)
    found = {tuple(row["host_names"]): row for row in lab.build()["devices"]}
    assert set(found) == {(), ("one",), ("two",)}
    assert f"DHCP gave it to {BOX_MAC}, {OTHER}" in found[()]["told_apart"]
    assert found["one",]["ips"] == []


def test_frames_of_another_link_address_are_not_of_the_client(lab):
    lab.get("/", mac=OTHER)
    say(lab, host_name="box")
    give(lab)
    found = {tuple(row["macs"]): row["host_names"] for row in lab.build()["devices"]}
    assert found == {(OTHER,): [], (): ["box"]}


@pytest.mark.parametrize(
    ("vendor", "data", "told"),
    [
        ("OpenCable2.1", "0403534e3109025333" + "06033132330501ff", ("SN1", "S3", "123")),
        ("udhcp", "0403534e31", (None, None, None)),
        ("docsis3.0", "04ff53", (None, None, None)),
    ],
)
def test_vendor_data_of_cable_boxes(lab, vendor, data, told):
    lab.get("/")
    say(lab, vendor_class=vendor, vendor_data=data)
    found = one(lab)
    assert (found["serial"], found["model"], found["firmware"]) == told


def test_vendor_data_of_managed_boxes(lab):
    lab.get("/")
    say(lab, vendor_options=["3561.1=001A79", "3561.2=SN0042", "3561.3=S3-B"], client_id_mac=OTHER)
    found = one(lab)
    assert (found["serial"], found["model"], found["claimed_macs"]) == ("SN0042", "S3-B", [OTHER])
    assert found["local_claims"] == ["DHCP vendor data: 3561.1=001A79"]


def test_clients_of_ipv6_are_known_by_the_address_that_they_send_from(lab):
    lab.add("link_addresses", mac=BOX_MAC, ip=FE80, basis="IP", ttl_max=255)
    made = 1_500_000_000 * 10**9
    lab.message("dhcp6", is_response=False, client_ip=FE80, client_duid="00010001", client_duid_ns=made,
                client_duid_mac=OTHER, fqdn="kestrel.den.example", vendor_enterprise=4491, vendor_class="S3",
                parameter_list=[23, 24], vendor_options=["4491.36=SN9"], user_class="tvs")  # fmt: skip
    found = one(lab)
    assert (found["macs"], found["claimed_macs"], found["host_names"]) == ([BOX_MAC], [OTHER], ["kestrel.den.example"])
    assert found["local_claims"] == [
        "DHCPv6 DUID made: 2017-07-14T02:40:00.000000000Z", "DHCPv6 DUID: 00010001", "DHCPv6 asks for options: 23,24",
        "DHCPv6 user class: tvs", "DHCPv6 vendor class: 4491=S3", "DHCPv6 vendor data: 4491.36=SN9",
    ]  # fmt: skip


def test_what_a_relay_passes_on_is_of_the_client_behind_it(lab):
    lab.message("dhcp6", is_response=False, client_ip=PANEL, relayed_from=FE80, fqdn="kestrel")
    assert one(lab)["ips"] == [FE80]


def test_the_link_layer_address_that_a_relay_saw_is_told(lab):
    lab.message("dhcp6", is_response=False, relayed_from="fe80::7", relayed_mac="02:00:5e:00:00:07",
                client_duid="0004" + "5a" * 16, client_ip="2001:db8::1")  # fmt: skip
    [found] = lab.build()["devices"]
    assert (found["claimed_macs"], found["macs"]) == (["02:00:5e:00:00:07"], [])
    shows = {row["shows"] for row in lab.build()["evidence"]}
    assert "DHCPv6 relay: claimed macs 02:00:5e:00:00:07" in shows


def test_a_client_with_many_leases_is_read_once(lab):
    for number in range(300):
        say(lab, host_name=f"box{number}")
        give(lab, ip=f"10.0.{number >> 8}.{number & 255}")
    found = one(lab)
    assert (len(found["host_names"]), len(found["ips"])) == (300, 300)


def test_model_and_serial_number_of_one_message_join_captures(lab):
    for capture, mac in ((ONE, BOX_MAC), (TWO, OTHER)):
        lab.get("/", mac=mac, capture_id=capture)
        say(lab, mac, vendor_class="docsis3.0", vendor_data="0403534e3109025333", capture_id=capture)
    assert [row["rule"] for row in lab.build()["merges"]] == ["same-serial"]


def test_model_and_serial_number_of_managed_boxes_join_captures(lab):
    for capture, mac in ((ONE, BOX_MAC), (TWO, OTHER)):
        lab.get("/", mac=mac, capture_id=capture)
        say(lab, mac, vendor_options=["3561.2=SN0042", "3561.3=S3-B"], capture_id=capture)
    assert [row["rule"] for row in lab.build()["merges"]] == ["same-serial"]
