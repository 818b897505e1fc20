"""What devices say in their own network."""

from __future__ import annotations

from .conftest import BOX_MAC


def test_dhcp_names_the_device_of_the_address_inside(lab):
    lab.get("/")
    lab.message("dhcp", is_response=False, client_mac=BOX_MAC, host_name="tvbox-9f31", vendor_class="android-dhcp-11",
                client_ip="0.0.0.0")  # fmt: skip
    lab.message("dhcp", is_response=False, client_mac="02:00:00:00:00:99", host_name="another", client_ip="0.0.0.0")
    [device] = lab.build()["devices"]
    assert (device["host_names"], device["os"]) == (["tvbox-9f31"], "Android 11")
    assert "claimed-host-name" in device["rule"]


def test_other_vendor_classes_name_no_system(lab):
    lab.get("/")
    lab.message("dhcp", is_response=False, client_mac=BOX_MAC, vendor_class="udhcp 1.30.1", client_ip="0.0.0.0")
    assert lab.build()["devices"][0]["os"] is None
