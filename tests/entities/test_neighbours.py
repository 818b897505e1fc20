"""Neighbours: which link-layer addresses are a device's own, and which are routers'."""

from __future__ import annotations

import pytest

from iptvforensics.entities.neighbours import Neighbours, is_group, is_private, is_station, read_neighbours

from .conftest import BOX, BOX_MAC, ONE, PANEL, ROUTER_MAC


def neighbours(*pairs):
    return Neighbours((ONE, BOX_MAC, ip, ttl, ttl, False) for ip, ttl in pairs)


def test_flows_and_packets_show_who_sent(lab):
    lab.flow()
    lab.add("link_addresses", mac=BOX_MAC, ip="fe80::1:20", basis="IP", ttl_max=255)
    lab.add("link_addresses", mac=ROUTER_MAC, ip="192.168.1.1", basis="ARP")
    found = read_neighbours(lab.bench())
    assert found.mac(ONE, BOX) == found.mac(ONE, "fe80::1:20") == BOX_MAC
    assert (found.mac(ONE, PANEL), found.mac(ONE, "192.168.1.1")) == (ROUTER_MAC, None)
    assert (ONE, BOX_MAC) in found.senders


@pytest.mark.parametrize(
    ("ips", "routes"),
    [
        ([BOX], False),
        ([BOX, "fe80::1", "2001:db8:1::1", "2001:db8:1::2", "fd00:1::1", "fd00:1::2"], False),  # stable and temporary
        ([BOX, PANEL], True),
        (["fe80::1", "2001:db8:1::1", "2001:db8:2::1"], True),
        ([f"2001:db8:1::{n}" for n in range(1, 5)], True),
        ([f"192.168.1.{n}" for n in range(1, 5)], True),
    ],
    ids=["one", "both versions", "public too", "two networks", "four of IPv6", "four of IPv4"],
)
def test_a_router_sends_for_others(ips, routes):
    assert bool(neighbours(*((ip, None) for ip in ips)).routers) is routes


@pytest.mark.parametrize(("ttl", "routes"), [(64, False), (128, False), (255, False), (1, False), (32, False),
                                             (63, True), (113, True), (254, True), (52, True)])  # fmt: skip
def test_what_was_passed_on_before_came_by_a_router(ttl, routes):
    found = neighbours(("2001:db8:1::20", ttl))
    assert found.mac(ONE, "2001:db8:1::20") == (None if routes else BOX_MAC)


@pytest.mark.parametrize(("proxied", "own"), [(False, ROUTER_MAC), (True, None)])
def test_what_a_router_says_near_by_is_its_own(proxied, own):
    passed = [(ONE, ROUTER_MAC, ip, 57, 57, False) for ip in (PANEL, "2001:db8:9::9")]
    near = [(ONE, ROUTER_MAC, "192.168.1.1", None, None, True), (ONE, ROUTER_MAC, "fe80::1", 1, 255, False)]
    near += [(ONE, ROUTER_MAC, "192.168.1.77", None, None, True)] * proxied
    found = Neighbours([*passed, *near])
    assert found.routers == {(ONE, ROUTER_MAC)}
    assert (found.mac(ONE, "fe80::1"), found.mac(ONE, "192.168.1.1")) == (ROUTER_MAC, own)
    assert found.mac(ONE, PANEL) is None


def test_a_routers_private_address_shows_by_its_time_to_live():
    found = Neighbours(
        (ONE, BOX_MAC, ip, low, high, False)
        for ip, low, high in (("203.0.113.9", 57, 57), ("192.168.1.1", 2, 64), ("192.168.7.20", 63, 64))
    )
    assert (found.mac(ONE, "192.168.1.1"), found.mac(ONE, "192.168.7.20")) == (BOX_MAC, None)


@pytest.mark.parametrize(
    ("low", "high", "routes"), [(63, 64, True), (127, 128, True), (1, 255, False), (60, 64, False)]
)
def test_a_translating_router_that_asks_itself_as_well(low, high, routes):
    found = Neighbours([(ONE, BOX_MAC, "192.168.1.50", low, high, False)])
    assert bool(found.routers) is routes


def test_of_two_senders_none_is_the_own_one():
    found = Neighbours([(ONE, mac, BOX, 64, 64, False) for mac in (BOX_MAC, "02:00:5e:00:01:21")])
    assert found.mac(ONE, BOX) is None


@pytest.mark.parametrize(
    ("address", "private"), [("10.1.2.3", True), ("192.0.2.1", False), ("fd00::1", True), ("x", False)]
)
def test_private(address, private):
    assert is_private(address) is private


@pytest.mark.parametrize(("address", "group"), [("239.1.2.3", True), ("ff02::1", True), (PANEL, False), (None, False)])
def test_groups(address, group):
    assert is_group(address) is group


@pytest.mark.parametrize(
    ("mac", "station"),
    [(BOX_MAC, True), ("00:00:00:00:00:00", False), ("01:00:5e:00:00:01", False), (None, False), ("", False)],
)
def test_stations(mac, station):
    assert is_station(mac) is station
