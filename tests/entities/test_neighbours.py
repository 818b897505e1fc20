"""Neighbours: which link-layer addresses are a device's own, and which are routers'."""

from __future__ import annotations

import pytest

from iptvforensics.entities.neighbours import Neighbours, Sighting, is_group, is_private, is_station, read_neighbours

from .conftest import BOX, BOX_MAC, ONE, PANEL, ROUTER_MAC


def neighbours(*pairs):
    return Neighbours(Sighting(ONE, BOX_MAC, ip, ttl, ttl) for ip, ttl in pairs)


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
        ([PANEL, "2001:db8:1::1"], False),  # a box without a router
        ([f"2001:db8:1::{n}" for n in range(1, 6)], False),
        ([f"2001:db8:1::{n}" for n in range(1, 7)], True),
        ([f"192.168.1.{n}" for n in range(1, 4)], False),
        ([f"192.168.1.{n}" for n in range(1, 5)], True),
    ],
    ids=[
        "one",
        "both versions",
        "public too",
        "two networks",
        "public, both versions",
        "five of IPv6",
        "six of IPv6",
        "three of IPv4",
        "four of IPv4",
    ],
)
def test_a_router_sends_for_others(ips, routes):
    assert bool(neighbours(*((ip, None) for ip in ips)).routers) is routes


@pytest.mark.parametrize(("apart_s", "routes"), [(4000, False), (1000, False), (200, True), (0, True)])
@pytest.mark.parametrize("network", ["192.168.1.", "2001:db8:1::"])
def test_addresses_one_after_the_other_are_one_devices(network, apart_s, routes):
    spans = [(n * (apart_s + 60) * 10**9, (n * (apart_s + 60) + 60) * 10**9) for n in range(9)]
    found = Neighbours(
        Sighting(ONE, BOX_MAC, f"{network}{n}", 64, 64, first_ns=first, last_ns=last)
        for n, (first, last) in enumerate(spans)
    )
    assert bool(found.routers) is (routes and (apart_s < 100 or "." in network))


def test_addresses_of_days_are_a_devices_by_the_times_of_its_flows(lab):
    for day in range(9):
        lab.flow(f"192.168.1.{day + 20}", first_ns=day * 86_400 * 10**9, last_ns=(day * 86_400 + 60) * 10**9, flow=day)
    found = read_neighbours(lab.bench())
    assert (ONE, BOX_MAC) not in found.routers


@pytest.mark.parametrize(("ttl", "routes"), [(64, False), (128, False), (255, False), (1, False), (32, False),
                                             (63, True), (113, True), (254, True), (52, True)])  # fmt: skip
def test_what_was_passed_on_before_came_by_a_router(ttl, routes):
    found = neighbours(("2001:db8:1::20", ttl))
    assert found.mac(ONE, "2001:db8:1::20") == (None if routes else BOX_MAC)


@pytest.mark.parametrize(("proxied", "own"), [(False, ROUTER_MAC), (True, None)])
def test_what_a_router_says_near_by_is_its_own(proxied, own):
    passed = [Sighting(ONE, ROUTER_MAC, ip, 57, 57) for ip in (PANEL, "2001:db8:9::9")]
    near = [Sighting(ONE, ROUTER_MAC, "192.168.1.1", is_arp=True), Sighting(ONE, ROUTER_MAC, "fe80::1", 1, 255)]
    near += [Sighting(ONE, ROUTER_MAC, "192.168.1.77", is_arp=True)] * proxied
    found = Neighbours([*passed, *near])
    assert found.routers == {(ONE, ROUTER_MAC)}
    assert (found.mac(ONE, "fe80::1"), found.mac(ONE, "192.168.1.1")) == (ROUTER_MAC, own)
    assert found.mac(ONE, PANEL) is None


def test_a_routers_private_address_shows_by_its_time_to_live():
    found = Neighbours(
        Sighting(ONE, BOX_MAC, ip, low, high)
        for ip, low, high in (("203.0.113.9", 57, 57), ("192.168.1.1", 2, 64), ("192.168.7.20", 63, 64))
    )
    assert (found.mac(ONE, "192.168.1.1"), found.mac(ONE, "192.168.7.20")) == (BOX_MAC, None)


@pytest.mark.parametrize(
    ("low", "high", "routes"), [(63, 64, True), (127, 128, True), (1, 255, False), (60, 64, False)]
)
def test_a_translating_router_that_asks_itself_as_well(low, high, routes):
    found = Neighbours([Sighting(ONE, BOX_MAC, "192.168.1.50", low, high)])
    assert bool(found.routers) is routes


def test_of_two_senders_none_is_the_own_one():
    found = Neighbours([Sighting(ONE, mac, BOX, 64, 64) for mac in (BOX_MAC, "02:00:5e:00:01:21")])
    assert found.mac(ONE, BOX) is None


@pytest.mark.parametrize(
    ("address", "private"),
    [("10.1.2.3", True), ("192.0.2.1", False), ("fd00::1", True), ("fec0::1", True), ("x", False)],
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
