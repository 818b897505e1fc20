"""Devices that ask nobody: from what address something came, and whose it is."""

from __future__ import annotations

import pytest

from iptvforensics.entities.devices import Devices
from iptvforensics.entities.heard import heard
from iptvforensics.entities.model import Place
from iptvforensics.entities.neighbours import Neighbours, Sighting

from .conftest import BOX, BOX_MAC, ONE, PANEL, ROUTER_MAC

SIX = "2001:db8:1::20"
PLACE = Place(ONE, 5, 7, 7, False)


@pytest.fixture
def devices():
    pairs = [(BOX_MAC, BOX), (BOX_MAC, SIX), (ROUTER_MAC, "192.168.1.1"), (ROUTER_MAC, PANEL)]
    return Devices(Neighbours(Sighting(ONE, mac, ip) for mac, ip in pairs))


def test_addresses_of_one_link_address_are_one_device(devices):
    one, other = (heard(devices, (ONE, ip), PLACE, "announces itself") for ip in (BOX, SIX))
    assert one is other
    assert sorted(one.facts["ips"]) == [BOX, SIX]
    assert devices.pick(ONE, SIX) == (ONE, "mac", BOX_MAC)


def test_a_router_that_announces_itself_has_its_address_only(devices):
    atom = heard(devices, (ONE, "192.168.1.1"), PLACE, "announces itself")
    assert (atom.key, "macs" in atom.facts) == ((ONE, "ip", "192.168.1.1"), False)


def test_a_router_is_one_device_with_its_addresses_near_by():
    pairs = [(PANEL, 57, 57, False), ("192.168.1.1", None, None, True), ("fe80::1", 255, 255, False)]
    devices = Devices(Neighbours(Sighting(ONE, ROUTER_MAC, *pair) for pair in pairs))
    one, other = (heard(devices, (ONE, ip), PLACE, "announces itself") for ip in ("192.168.1.1", "fe80::1"))
    assert one is other
    assert one.key == (ONE, "mac", ROUTER_MAC)


@pytest.mark.parametrize("ip", [PANEL, "239.255.255.250", ""])
def test_no_device_is_to_be_expected_there(devices, ip):
    assert heard(devices, (ONE, ip), PLACE, "announces itself") is None


def test_of_several_devices_at_an_address_none_is_meant(devices):
    devices.at[ONE, BOX] += [(ONE, "ip", BOX, "mac 1"), (ONE, "ip", BOX, "mac 2")]
    assert heard(devices, (ONE, BOX), PLACE, "announces itself") is None
